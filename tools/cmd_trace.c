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
#include "tools/trace_ladder.h"
#include "tools/trace_text.h"
#include "tools/view_options.h"

#include <inttypes.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	OPT_PACKETS = ASK_OPTIONS,
	OPT_COUNT,
	OPT_LADDER,
	OPT_ASCII,
	OPT_WIDTH,
	OPT_COLOUR,
};

static const struct option_row rows[] = {
	[ASK_HOST] = { "host", "HOST",
		       "which host (needed if several are running)" },
	[ASK_JSON] = { "json", NULL, "an object a line" },
	[OPT_PACKETS] = { "packets", NULL, "also every segment" },
	[OPT_COUNT] = { "count", "N", "end after so many events" },
	[OPT_LADDER] = { "ladder", NULL,
			 "at the end a diagram of each connection" },
	[OPT_ASCII] = VIEW_ROW_ASCII,
	[OPT_WIDTH] = VIEW_ROW_WIDTH,
	[OPT_COLOUR] = VIEW_ROW_COLOUR,
	{ 0 },
};

struct trace {
	struct ask ask;
	struct ss_filter filter;
	bool packets, ladder;
	struct ladder_conns conns;
	struct ladder_style style;
	uint64_t n_lost;
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

static bool on_event(void *ctx, const json_t *row)
{
	struct trace *t = ctx;

	if (!strcmp(row_text(row, "event"), "begin")) {
		t->begun_at = row_number(row, "at_ns");
		t->conns.begun_at = t->begun_at;
		fputs("tern trace: watching\n", stderr);
		return true;
	}
	t->n_lost += (uint64_t)row_number(row, "lost_before");
	if (!is_wanted(t, row))
		return true;
	if (t->ladder) {
		trace_ladder_row(&t->conns, row);
	} else if (t->ask.json) {
		json_dumpf(row, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		trace_text(stdout, row, t->begun_at);
	}
	fflush(stdout);
	return !ferror(stdout) && (++t->n != t->most);
}

/* What a signal hangs up, so that the diagrams are drawn; -1: nothing. */
static volatile sig_atomic_t asked_fd = -1;

static void on_signal(int number)
{
	(void)number;
	if (asked_fd >= 0)
		shutdown(asked_fd, SHUT_RDWR);
	asked_fd = -1;
}

static void draw(const struct trace *t)
{
	struct drill_text text = { 0 };

	if (t->n_lost)
		printf("(%" PRIu64 " events came too fast and are lost)\n",
		       t->n_lost);
	for (int i = 0; i < t->conns.n; i++) {
		if (i)
			drill_text_add(&text, "\n");
		ladder_conns_draw(&t->conns, i, &t->style, &text);
	}
	fputs(text.s ? text.s : "", stdout);
	free(text.s);
}

/* Until a signal, the count or the host's end: each is an end, no error. */
static int watch_ladder(struct trace *t)
{
	struct sigaction act = { .sa_handler = on_signal,
				 .sa_flags = (int)SA_RESETHAND };
	int fd, error, status = ask_connect(&t->ask, &fd);
	char why[256] = "";

	if (status)
		return status;
	t->conns.all = t->conns.derive = true;
	t->style.gaps = true;
	t->style.time_digits = 6;
	asked_fd = fd;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	error = control_ask_until(fd, "trace", json_pack("{s:b}", "ladder", 1),
				  on_event, t, why);
	asked_fd = -1;
	close(fd);
	draw(t);
	ladder_conns_fini(&t->conns);
	if (error == -TERN_EPROTO && !why[0])
		return TOOL_OK;
	return ask_tell(&t->ask, error, why);
}

static int watch(struct trace *t)
{
	if (t->ladder)
		return watch_ladder(t);
	return ask_host_until(&t->ask, "trace",
			      json_pack("{s:b}", "packets", t->packets),
			      on_event, t);
}

static bool take(struct trace *t, int row, const char *value)
{
	const struct command *command = t->ask.command;

	ask_option(&t->ask, row, value);
	t->packets |= row == OPT_PACKETS;
	t->ladder |= row == OPT_LADDER;
	if (row == OPT_COUNT)
		return parse_number(command, "count", value, INT64_MAX,
				    &t->most);
	if (row == OPT_ASCII || row == OPT_WIDTH || row == OPT_COLOUR)
		return view_take(command, &t->style, row, value);
	return true;
}

static int trace_main(struct options *o)
{
	static struct trace t = { .filter.states = SS_STATES_ALL };
	int row, status = TOOL_USAGE;

	t.ask.command = o->command;
	view_init(&t.style);
	while ((row = options_next(o)) >= 0)
		if (!take(&t, row, o->value))
			return TOOL_USAGE;
	if (row == OPTIONS_WRONG)
		return TOOL_USAGE;
	if (t.ladder && (t.ask.json || t.packets)) {
		tool_error(o->command, "--ladder goes with neither --json nor "
				       "--packets");
		return TOOL_USAGE;
	}
	if (ss_filter_read(o->command, &t.filter, o->argc, o->argv))
		status = watch(&t);
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
		"  tern trace --json --packets src 10.0.0.2\n"
		"  tern trace --ladder sport = :80\n",
	.usage_status = TOOL_USAGE,
	.run = trace_main,
};
