// SPDX-License-Identifier: BSD-2-Clause
/*
 * The questions that a control socket answers: a table, a function each.
 *
 * An answer is made row by row as the reader takes it, so a table of a million
 * sockets needs no memory here, and is not of one instant: a socket made or
 * gone meanwhile may be missing or shown (tern_sock_next()).
 */
#include "control/control_messages.h"

#include "control/control_links.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *next_hello(struct control_question *q)
{
	if (q->cursor++)
		return NULL;
	return json_pack("{s:s, s:s, s:i}", "name", q->name, "version",
			 tern_version(), "pid", (int)getpid());
}

static json_t *next_counter(struct control_question *q)
{
	int i = (int)q->cursor++;
	const struct tern_counter *c = tern_counter_at(i);

	if (!c)
		return NULL;
	return json_pack("{s:s, s:I, s:s}", "name", c->name, "value",
			 (json_int_t)tern_counter_get(host_stack(q->host), i),
			 "help", c->help);
}

static json_t *next_drop(struct control_question *q)
{
	int i = (int)q->cursor++;
	const char *name = tern_drop_name(i);
	uint64_t n;

	if (!name)
		return NULL;
	n = tern_drop_count(host_stack(q->host), i);
	/* The queues in front of the stack are the devices'. */
	if (!strcmp(name, "BACKLOG_FULL"))
		n += host_n_dropped(q->host);
	return json_pack("{s:s, s:I, s:s}", "name", name, "value",
			 (json_int_t)n, "help", tern_drop_help(i));
}

/* What it may be and what it is at first, in *out; "" if there is nothing to
 * say of the one. */
struct tunable_words {
	char range[128], def[256];
};

static void describe_tunable(const struct tern_tunable *t,
			     struct tunable_words *out)
{
	out->range[0] = out->def[0] = '\0';
	if (!t)
		return;
	tern_tunable_default(t, out->def, sizeof(out->def));
	if (t->min < t->max)
		snprintf(out->range, sizeof(out->range),
			 "%s%" PRId64 " to %" PRId64,
			 t->n_values == 3 ? "three, each " :
			 t->n_values == 2 ? "two, each " :
					    "",
			 t->min, t->max);
}

/* A name, 100 bytes of a value, a range and a default fit. */
#define REFUSAL_LEN 1024

/* Why a value was refused: what would do. */
static void refuse_value(struct control_question *q, const char *value,
			 const struct tern_tunable *t)
{
	struct tunable_words w;
	char *why = malloc(REFUSAL_LEN);

	if (!why || q->error != -TERN_EINVAL) {
		free(why);
		return;
	}
	describe_tunable(t, &w);
	snprintf(why, REFUSAL_LEN, "%s: not \"%.100s\": %s%s%s (default %s)",
		 t->name, value, w.range, t->unit[0] && w.range[0] ? " " : "",
		 w.range[0] ? t->unit : "a name that is known", w.def);
	for (char *c = why; *c; c++)
		*c = *c == '\t' ? ' ' : *c;
	q->state = why;
	q->why = why;
}

static json_t *tunable_row(struct control_question *q, const char *name,
			   const struct tern_tunable *t)
{
	struct tunable_words w;
	char value[256];
	int n = tern_sysctl_get(host_stack(q->host), name, value,
				sizeof(value));

	if (n < 0) {
		q->error = n;
		return NULL;
	}
	describe_tunable(t, &w);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name",
			 t ? t->name : name, "value", value, "unit",
			 t ? t->unit : "", "help", t ? t->help : "", "range",
			 w.range, "default", w.def);
}

/* One tunable by name, after setting it if there is a value; or all. */
static json_t *next_tunable(struct control_question *q)
{
	const char *name = json_string_value(json_object_get(q->args, "name"));
	const char *value =
		json_string_value(json_object_get(q->args, "value"));
	const struct tern_tunable *t;
	int i = (int)q->cursor++;

	if (!name) {
		t = tern_tunable_at(i);
		return t ? tunable_row(q, t->name, t) : NULL;
	}
	if (i)
		return NULL;
	if (value)
		q->error = tern_sysctl_set(host_stack(q->host), name, value,
					   host_now(q->host));
	t = tern_tunable_nearest(name);
	if (value) {
		host_bound_input(q->host);
		refuse_value(q, value, t);
	}
	return q->error ? NULL : tunable_row(q, name, t);
}

static json_t *next_memory(struct control_question *q)
{
	struct tern_memory m;

	if (q->cursor++)
		return NULL;
	tern_stack_memory(host_stack(q->host), &m);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "total",
			 (json_int_t)m.total, "connections",
			 (json_int_t)m.connections, "tables",
			 (json_int_t)m.tables, "active", (json_int_t)m.active,
			 "time_wait", (json_int_t)m.time_wait, "half_open",
			 (json_int_t)m.half_open, "packets",
			 (json_int_t)m.packets, "pool",
			 (json_int_t)tern_pool_footprint(host_pool(q->host)));
}

/* No rows: it is done, or the error says why not. */
static json_t *next_impair(struct control_question *q)
{
	const char *wire = json_string_value(json_object_get(q->args, "wire"));
	const char *words =
		json_string_value(json_object_get(q->args, "words"));

	if (q->cursor++)
		return NULL;
	if (!q->links || !wire || !words)
		q->error = -TERN_EOPNOTSUPP;
	else
		q->error =
			q->links->impair(q->links->ctx, wire, words, &q->why);
	return NULL;
}

static const struct control_message messages[] = {
	{ "hello", "who is there", next_hello },
	{ "sockets", "the socket table, as records; args: full, owners (bool)",
	  .fill = control_fill_sockets },
	{ "summary", "how many sockets of which kind", control_next_summary,
	  .prepare = control_prepare_summary },
	{ "kill", "ends a connection; args: cookie", control_next_kill },
	{ "counters", "counters, as nstat", next_counter },
	{ "drops", "why packets were dropped", next_drop },
	{ "tunables", "tunables; args: name, value to set", next_tunable },
	{ "impair", "changes a simulated wire; args: wire, words",
	  next_impair },
	{ "trace", "what happens, as it does; args: packets (bool)",
	  control_next_trace, .streams = true, .close = control_close_trace },
	{ "capture", "every packet, as records; args: buffer (KiB)",
	  control_next_capture, control_fill_capture, .streams = true,
	  .close = control_close_capture },
	{ "links", "the links, by their numbers", control_next_link },
	{ "names", "addresses, and names for them", control_next_name },
	{ "memory", "bytes by what they are for", next_memory },
};

const struct control_message *control_message_find(const char *name)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		if (!strcmp(messages[i].name, name))
			return &messages[i];
	}
	return NULL;
}
