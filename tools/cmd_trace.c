// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern trace: what a running host does, as it does it: state changes, timers,
 * decisions of congestion control and drops with their reasons.
 *
 * The host never waits for us: what comes faster than it is read is lost, and
 * told. The filter is ss's, and looked at here.
 */
#define _GNU_SOURCE
#include "tools/ask.h"
#include "tools/ss_filter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { OPT_PACKETS = ASK_OPTIONS, OPT_COUNT };

static const struct option_row rows[] = {
	[ASK_HOST] = { "host", "HOST",
		       "which host (needed if several are running)" },
	[ASK_JSON] = { "json", NULL, "an object a line" },
	[OPT_PACKETS] = { "packets", NULL, "also every segment" },
	[OPT_COUNT] = { "count", "N", "end after so many events" },
	{ 0 },
};

struct trace {
	struct ask ask;
	struct ss_filter filter;
	bool packets;
	uint64_t most, n; /* 0: no bound */
	int64_t begun_at;
};

static void read_end(const json_t *row, const char *addr, const char *port,
		     struct tern_sockaddr *out)
{
	tern_addr_parse(row_text(row, addr), NULL, &out->addr);
	out->port = (uint16_t)row_number(row, port);
}

static bool is_wanted(const struct trace *t, const json_t *row)
{
	struct tern_sock_info info = { .protocol = TERN_IPPROTO_TCP };

	if (!t->filter.root && !t->filter.has_states)
		return true;
	for (int s = TERN_TCP_ESTABLISHED; s <= TERN_TCP_CLOSING; s++)
		if (!strcmp(row_text(row, "state"), tern_tcp_state_name(s)))
			info.state = s;
	if (!info.state && t->filter.has_states)
		return false;
	if (!row_text(row, "local")[0] && t->filter.root)
		return false;
	read_end(row, "local", "lport", &info.local);
	read_end(row, "remote", "rport", &info.remote);
	if (!info.state) /* a drop: of no state */
		info.state = TERN_TCP_ESTABLISHED;
	return ss_filter_passes(&t->filter, &info);
}

static void print_ends(const json_t *row)
{
	char ends[2][80];

	for (int i = 0; i < 2; i++) {
		const char *addr = row_text(row, i ? "remote" : "local");

		snprintf(ends[i], sizeof(ends[i]),
			 strchr(addr, ':') ? "[%s]:%" PRId64 : "%s:%" PRId64,
			 addr, row_number(row, i ? "rport" : "lport"));
	}
	printf(" %s %s", ends[0], ends[1]);
}

static void print_text(const struct trace *t, const json_t *row)
{
	int64_t us = (row_number(row, "at_ns") - t->begun_at) / 1000;
	const char *event = row_text(row, "event");
	const char *what = row_text(row, "what");

	if (row_number(row, "lost_before"))
		printf("(%" PRId64 " events came too fast and are lost)\n",
		       row_number(row, "lost_before"));
	printf("%5" PRId64 ".%06" PRId64 " %-5s", us / 1000000, us % 1000000,
	       event);
	if (row_text(row, "local")[0])
		print_ends(row);
	if (!strcmp(event, "state"))
		printf(" %s -> %s: %s", row_text(row, "from"),
		       row_text(row, "state"), what);
	else if (what[0])
		printf(" %s", what);
	if (row_text(row, "packet")[0])
		printf("%s %s", what[0] ? ":" : "", row_text(row, "packet"));
	putchar('\n');
}

static bool on_event(void *ctx, const json_t *row)
{
	struct trace *t = ctx;

	if (!strcmp(row_text(row, "event"), "begin")) {
		t->begun_at = row_number(row, "at_ns");
		fputs("tern trace: watching\n", stderr);
		return true;
	}
	if (!is_wanted(t, row))
		return true;
	if (t->ask.json) {
		json_dumpf(row, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		print_text(t, row);
	}
	fflush(stdout);
	return !ferror(stdout) && (++t->n != t->most);
}

static int trace_main(struct options *o)
{
	struct trace t = { .ask.command = o->command,
			   .filter.states = SS_STATES_ALL };
	int row, status = TOOL_USAGE;
	bool good = true;

	while ((row = options_next(o)) >= 0 && good) {
		ask_option(&t.ask, row, o->value);
		t.packets |= row == OPT_PACKETS;
		if (row == OPT_COUNT)
			good = parse_number(o->command, "count", o->value,
					    INT64_MAX, &t.most);
	}
	if (row != OPTIONS_WRONG && good &&
	    ss_filter_read(o->command, &t.filter, o->argc, o->argv))
		status = ask_host_until(
			&t.ask, "trace",
			json_pack("{s:b}", "packets", t.packets), on_event, &t);
	ss_filter_free(&t.filter);
	return status;
}

const struct command cmd_trace = {
	.name = "trace",
	.summary = "what a running host does, as it does it",
	.usage = "[OPTIONS] [FILTER]",
	.options = rows,
	.more = "FILTER is that of tern ss. Ctrl-C ends it; the host never "
		"waits for it, and what\n"
		"comes faster than it is read is lost and counted.\n"
		"  tern trace dport = :443\n"
		"  tern trace --json --packets src 10.0.0.2\n",
	.usage_status = TOOL_USAGE,
	.run = trace_main,
};
