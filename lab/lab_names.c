// SPDX-License-Identifier: BSD-2-Clause
/* Names: of states, of what poll tells, of timers, of kinds of memory. */
#include "lab_expect.h"

#include <string.h>
#include <strings.h>

static const struct {
	const char *name; /* ss's */
	int state;
	const char *other; /* RFC 9293's, netstat's */
} states[] = {
	{ "ESTAB", TERN_TCP_ESTABLISHED, "ESTABLISHED" },
	{ "SYN-SENT", TERN_TCP_SYN_SENT, "SYN-SENT" },
	{ "SYN-RECV", TERN_TCP_SYN_RECV, "SYN-RCVD" },
	{ "SYN-RECV", TERN_TCP_SYN_RECV, "SYN-RECEIVED" },
	{ "FIN-WAIT-1", TERN_TCP_FIN_WAIT1, "FIN-WAIT1" },
	{ "FIN-WAIT-2", TERN_TCP_FIN_WAIT2, "FIN-WAIT2" },
	{ "TIME-WAIT", TERN_TCP_TIME_WAIT, "TIMEWAIT" },
	{ "UNCONN", TERN_TCP_CLOSE, "CLOSED" },
	{ "UNCONN", TERN_TCP_CLOSE, "CLOSE" },
	{ "CLOSE-WAIT", TERN_TCP_CLOSE_WAIT, "CLOSEWAIT" },
	{ "LAST-ACK", TERN_TCP_LAST_ACK, "LASTACK" },
	{ "LISTEN", TERN_TCP_LISTEN, "LISTENING" },
	{ "CLOSING", TERN_TCP_CLOSING, "CLOSING" },
};

/* Equal but for case, and with _ as -. */
static bool is_same(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		char x = *a, y = *b;

		if (x == '_')
			x = '-';
		if (y == '_')
			y = '-';
		if (strncasecmp(&x, &y, 1) != 0)
			return false;
	}
	return !*a && !*b;
}

int lab_state_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (is_same(name, states[i].name) ||
		    is_same(name, states[i].other))
			return states[i].state;
	}
	return 0;
}

static const struct {
	const char *name;
	int bit;
} polls[] = {
	{ "IN", TERN_POLLIN },	 { "PRI", TERN_POLLPRI },
	{ "OUT", TERN_POLLOUT }, { "ERR", TERN_POLLERR },
	{ "HUP", TERN_POLLHUP }, { "RDHUP", TERN_POLLRDHUP },
	{ "NOTHING", 0 },
};

int64_t lab_poll_bits(const char *text)
{
	int64_t bits = 0;

	while (*text) {
		size_t n = strcspn(text, "+"), i;

		for (i = 0; i < ARRAY_LEN(polls); i++) {
			if (strlen(polls[i].name) == n &&
			    !strncmp(text, polls[i].name, n))
				break;
		}
		if (i == ARRAY_LEN(polls))
			return -1;
		bits |= polls[i].bit;
		text += n + (text[n] == '+');
	}
	return bits;
}

void lab_poll_print(struct drill_text *t, int64_t bits)
{
	const char *plus = "";

	for (size_t i = 0; i < ARRAY_LEN(polls); i++) {
		if (!(bits & polls[i].bit))
			continue;
		drill_text_add(t, "%s%s", plus, polls[i].name);
		plus = "+";
	}
	if (!*plus)
		drill_text_add(t, "NOTHING");
}

/* By the number that the socket table gives. */
static const char *const timers[] = { "none", "retransmit", "keepalive",
				      "timewait", "probe" };

int lab_timer_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
		if (!strcasecmp(name, timers[i]))
			return (int)i;
	}
	return -1;
}

const char *lab_timer_name(int timer)
{
	return timer >= 0 && (size_t)timer < ARRAY_LEN(timers) ? timers[timer] :
								 "?";
}

int lab_drop_find(const char *name)
{
	for (int i = 0; tern_drop_name(i); i++) {
		if (!strcasecmp(name, tern_drop_name(i)))
			return i;
	}
	return -1;
}

bool lab_memory_get(const struct tern_memory *m, const char *name, size_t *out)
{
	const struct {
		const char *name;
		size_t bytes;
	} kinds[] = {
		{ "total", m->total },
		{ "tables", m->tables },
		{ "connections", m->connections },
		{ "active", m->active },
		{ "time_wait", m->time_wait },
		{ "packets", m->packets },
		{ "half_open", m->half_open },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!strcasecmp(name, kinds[i].name)) {
			*out = kinds[i].bytes;
			return true;
		}
	}
	return false;
}
