// SPDX-License-Identifier: BSD-2-Clause
/* What must have been so. */
#include "lab_lex.h"
#include "lab_expect.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Timers are exact to a millisecond, and delayed ones to some. */
#define TOLERANCE_NS (2 * NS_PER_MS)

static bool parse_state(struct lab_reader *r, int *out)
{
	const char *word = lab_word(r, "a state");

	if (!word)
		return false;
	*out = lab_state_find(word);
	return *out || lab_wrong(r,
				 "\"%s\" is no state: LISTEN, SYN-SENT, "
				 "SYN-RECV, ESTAB, FIN-WAIT-1, FIN-WAIT-2, "
				 "CLOSE-WAIT, CLOSING, LAST-ACK, TIME-WAIT, "
				 "CLOSED",
				 word);
}

/* "at 1s, 3s, 7s within 5ms between 0 and 10s", in any order. */
static bool parse_when(struct lab_reader *r, struct lab_expect *e)
{
	e->tolerance_ns = TOLERANCE_NS;
	while (!lab_at_end(r)) {
		if (lab_accept(r, "at")) {
			do {
				if (e->n_times == LAB_TIMES_MAX)
					return lab_wrong(r,
							 "more than %d times",
							 LAB_TIMES_MAX);
				if (!lab_time(r, &e->times[e->n_times++]))
					return false;
			} while (lab_accept(r, ",") || lab_accept(r, "and"));
		} else if (lab_accept(r, "within")) {
			if (!lab_time(r, &e->tolerance_ns))
				return false;
		} else if (lab_accept(r, "between")) {
			if (!lab_time(r, &e->pattern.since) ||
			    !lab_need(r, "and") ||
			    !lab_time(r, &e->pattern.until))
				return false;
		} else {
			return true;
		}
	}
	return true;
}

/* HOST sends|gets [no|nothing|exactly N|N] PATTERN WHEN */
static bool parse_segment(struct lab_reader *r, struct lab_expect *e)
{
	int64_t n;

	e->kind = LAB_EXPECT_SEGMENT;
	e->pattern.until = NEVER;
	if (lab_accept(r, "nothing")) {
		e->none = true;
		lab_pattern_flags(&e->pattern, "packet");
		return parse_when(r, e);
	}
	if (lab_accept(r, "no")) {
		e->none = true;
	} else if (lab_accept(r, "exactly")) {
		e->exactly = true;
		if (!lab_number(r, "how many", &n))
			return false;
		if (n < 0 || n > 1000000000)
			return lab_wrong(r, "exactly 0 to 1000000000");
		e->count = (uint32_t)n;
	}
	return lab_parse_pattern(r, &e->pattern) && parse_when(r, e);
}

static bool parse_op_value(struct lab_reader *r, struct lab_expect *e)
{
	const char *word;
	char *end;

	e->op = LAB_EQ;
	lab_op(r, &e->op);
	word = lab_word(r, "a number");
	if (!word)
		return false;
	e->value = strtoll(word, &end, 0);
	if (end != word && !*end)
		return true;
	/* A time stands for microseconds, the unit of TCP_INFO's times. */
	if (!impair_parse_time(word, &e->value))
		return lab_wrong(r, "\"%s\" is no number and no time", word);
	e->value /= NS_PER_US;
	return true;
}

static bool parse_counter(struct lab_reader *r, struct lab_expect *e)
{
	e->kind = LAB_EXPECT_COUNTER;
	e->name = lab_word(r, "a counter");
	if (!e->name)
		return false;
	if (tern_counter_find(e->name) < 0)
		return lab_wrong(r,
				 "there is no counter \"%s\": doc/counters.md "
				 "lists all",
				 e->name);
	return parse_op_value(r, e);
}

static bool parse_drops(struct lab_reader *r, struct lab_expect *e)
{
	e->kind = LAB_EXPECT_DROPS;
	e->name = lab_word(r, "a reason");
	if (!e->name)
		return false;
	if (lab_drop_find(e->name) < 0)
		return lab_wrong(r,
				 "there is no reason \"%s\" for drops: "
				 "doc/drops.md lists all",
				 e->name);
	return parse_op_value(r, e);
}

static bool parse_memory(struct lab_reader *r, struct lab_expect *e)
{
	size_t unused;

	e->kind = LAB_EXPECT_MEMORY;
	e->name = lab_word(r, "a kind of memory");
	if (!e->name)
		return false;
	if (!lab_memory_get(&(struct tern_memory){ 0 }, e->name, &unused))
		return lab_wrong(r,
				 "\"%s\" is no kind of memory: total, "
				 "connections, tables, active, time_wait, "
				 "half_open, packets",
				 e->name);
	return parse_op_value(r, e);
}

static bool parse_fires(struct lab_reader *r, struct lab_expect *e)
{
	int64_t n;

	e->kind = LAB_EXPECT_FIRES;
	e->pattern.until = NEVER;
	if (lab_accept(r, "no"))
		e->none = true;
	else if (lab_accept(r, "exactly")) {
		e->exactly = true;
		if (!lab_number(r, "how many", &n))
			return false;
		e->count = (uint32_t)n;
	}
	e->name = lab_word(r, "a timer, as \"retransmit\",");
	return e->name && parse_when(r, e);
}

/* HOST has N [sockets in] STATE */
static bool parse_has(struct lab_reader *r, struct lab_expect *e)
{
	e->kind = LAB_EXPECT_COUNT;
	if (lab_accept(r, "no")) {
		e->op = LAB_EQ;
		return parse_state(r, &e->state);
	}
	return parse_op_value(r, e) && parse_state(r, &e->state);
}

static bool parse_path(struct lab_reader *r, struct lab_expect *e)
{
	e->kind = LAB_EXPECT_PATH;
	if (!lab_need(r, "through"))
		return false;
	do {
		if (e->n_states == ARRAY_LEN(e->states))
			return lab_wrong(r, "more than %zu states",
					 ARRAY_LEN(e->states));
		if (!parse_state(r, &e->states[e->n_states++]))
			return false;
	} while (lab_accept(r, ","));
	return true;
}

static bool parse_timer(struct lab_reader *r, struct lab_expect *e)
{
	e->kind = LAB_EXPECT_TIMER;
	e->name = lab_word(r, "a timer");
	if (!e->name)
		return false;
	if (lab_timer_find(e->name) < 0)
		return lab_wrong(r,
				 "\"%s\" is no timer: none, retransmit, "
				 "keepalive, timewait, probe",
				 e->name);
	e->value = -1;
	if (lab_accept(r, "in"))
		return lab_time(r, &e->value);
	return true;
}

/* HOST VAR STATE | FIELD OP VALUE | timer ... | goes through ... | polls ... */
static bool parse_socket(struct lab_reader *r, struct lab_expect *e)
{
	const char *word;

	e->var = lab_word(r, "a socket, or sends, gets, has, counter, drops, "
			     "fires, memory,");
	if (!e->var)
		return false;
	if (lab_accept(r, "goes"))
		return parse_path(r, e);
	if (lab_accept(r, "timer"))
		return parse_timer(r, e);
	if (lab_accept(r, "polls")) {
		e->kind = LAB_EXPECT_POLL;
		e->name = lab_word(r, "IN, OUT, ...");
		if (!e->name)
			return false;
		e->value = lab_poll_bits(e->name);
		return e->value >= 0 || lab_wrong(r,
						  "\"%s\" is nothing that "
						  "poll tells",
						  e->name);
	}
	lab_accept(r, "is");
	word = lab_peek(r);
	if (lab_state_find(word)) {
		e->kind = LAB_EXPECT_STATE;
		return parse_state(r, &e->state);
	}
	if (!lab_expect_can_name(word))
		return lab_wrong(r,
				 "\"%s\" is no state and nothing that "
				 "TCP_INFO tells: doc/lab.md lists all",
				 word);
	e->kind = LAB_EXPECT_INFO;
	e->name = lab_word(r, "a field");
	return parse_op_value(r, e);
}

static const struct {
	const char *word;
	bool (*parse)(struct lab_reader *, struct lab_expect *);
} words[] = {
	{ "sends", parse_segment },   { "has", parse_has },
	{ "counter", parse_counter }, { "drops", parse_drops },
	{ "memory", parse_memory },   { "fires", parse_fires },
};

static bool parse_what(struct lab_reader *r, struct lab_expect *e)
{
	if (lab_accept(r, "gets")) {
		e->arrives = true;
		return parse_segment(r, e);
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (lab_accept(r, words[i].word))
			return words[i].parse(r, e);
	}
	return parse_socket(r, e);
}

bool lab_parse_expect(struct lab_reader *r, int64_t at)
{
	struct lab_expect *e = DRILL_NEW(r->mem, struct lab_expect);
	struct lab_expect **last = &r->script->expects;

	e->line = r->line;
	e->at = at;
	e->text = lab_at_end(r) ? "" : r->tokens[r->i].from;
	e->negated = lab_accept(r, "not");
	e->host = lab_word(r, "a host");
	if (!e->host)
		return false;
	if (!lab_script_node(r->script, e->host))
		return lab_wrong(r, "there is no host \"%s\" above", e->host);
	if (!parse_what(r, e))
		return false;
	if (at >= 0 &&
	    (e->kind == LAB_EXPECT_SEGMENT || e->kind == LAB_EXPECT_FIRES ||
	     e->kind == LAB_EXPECT_PATH))
		return lab_wrong(r, "this is told by its own \"at\" or "
				    "\"between\", behind what is expected");
	while (*last)
		last = &(*last)->next;
	*last = e;
	r->script->n_expects++;
	return true;
}
