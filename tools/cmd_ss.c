// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern ss: the socket table of a running host, as ss(8) shows the kernel's:
 * its letters, its columns, its filters; and in other forms.
 */
#define _GNU_SOURCE
#include "control/control_proc.h"
#include "tools/ask.h"
#include "tools/ss_filter.h"
#include "tools/ss_print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	OPT_ALL = ASK_OPTIONS,
	OPT_LISTENING,
	OPT_TCP,
	OPT_UDP,
	OPT_IPV4,
	OPT_IPV6,
	OPT_NUMERIC,
	OPT_OPTIONS,
	OPT_EXTENDED,
	OPT_INFO,
	OPT_MEMORY,
	OPT_PROCESSES,
	OPT_SUMMARY,
	OPT_KILL,
	OPT_NO_HEADER,
	OPT_ONELINE,
	OPT_PROC,
	OPT_NETSTAT,
	OPT_WATCH,
	OPT_STATE,
	N_OPTIONS,
};

static const struct option_row rows[] = {
	ASK_OPTION_ROWS,
	[OPT_ALL] = { "all", NULL, "also listeners and TIME_WAIT", 'a' },
	[OPT_LISTENING] = { "listening", NULL, "listeners alone", 'l' },
	[OPT_TCP] = { "tcp", NULL, "TCP alone", 't' },
	[OPT_UDP] = { "udp", NULL, "UDP alone", 'u' },
	[OPT_IPV4] = { "ipv4", NULL, NULL, '4' },
	[OPT_IPV6] = { "ipv6", NULL, NULL, '6' },
	[OPT_NUMERIC] = { "numeric", NULL, "ports as numbers", 'n' },
	[OPT_OPTIONS] = { "options", NULL, "timers", 'o' },
	[OPT_EXTENDED] = { "extended", NULL, "timers, cookie, directions shut",
			   'e' },
	[OPT_INFO] = { "info", NULL, "TCP_INFO", 'i' },
	[OPT_MEMORY] = { "memory", NULL, NULL, 'm' },
	[OPT_PROCESSES] = { "processes", NULL, "who has it open", 'p' },
	[OPT_SUMMARY] = { "summary", NULL, "counts alone", 's' },
	[OPT_KILL] = { "kill", NULL, "reset what the filter names", 'K' },
	[OPT_NO_HEADER] = { "no-header", NULL, NULL, 'H' },
	[OPT_ONELINE] = { "oneline", NULL, NULL, 'O' },
	[OPT_PROC] = { "proc", NULL, "as /proc/net/tcp and its kin" },
	[OPT_NETSTAT] = { "netstat", NULL, "as netstat -an" },
	[OPT_WATCH] = { "watch", "S", "again every S seconds" },
	[OPT_STATE] = { "state", "STATE", NULL },
	{ 0 },
};

struct ss {
	struct ask ask;
	bool on[N_OPTIONS];
	uint64_t watch_s;
	struct ss_filter filter;
	struct ss_table *table;
	struct ss_owners owners;
	/* /proc's four files come one after the other, and so netstat has them:
	 * TCP of IPv4 and IPv6, then UDP. */
	bool in_files, file_tcp, file_v6;
	int n_rows;
	uint64_t *kill; /* cookies */
	size_t n_kill, kill_room;
};

static bool is_wanted(const struct ss *ss, const struct tern_sock_info *i)
{
	bool tcp = i->protocol == TERN_IPPROTO_TCP;
	bool v6 = i->family == TERN_AF_INET6;

	if (ss->on[OPT_TCP] != ss->on[OPT_UDP] && tcp != ss->on[OPT_TCP])
		return false;
	if (ss->on[OPT_IPV4] != ss->on[OPT_IPV6] && v6 != ss->on[OPT_IPV6])
		return false;
	/* As on Linux, a TCP socket that is nowhere yet, or no more, is not in
	 * the table; who asks for closed ones alone sees it. */
	if (tcp && i->state == TERN_TCP_CLOSE &&
	    ss->filter.states != SS_STATE(TERN_TCP_CLOSE))
		return false;
	return ss_filter_passes(&ss->filter, i);
}

static void note_kill(struct ss *ss, uint64_t cookie)
{
	if (ss->n_kill == ss->kill_room) {
		size_t room = ss->kill_room ? 2 * ss->kill_room : 64;
		uint64_t *grown = realloc(ss->kill, room * sizeof(*grown));

		if (!grown)
			return;
		ss->kill = grown;
		ss->kill_room = room;
	}
	ss->kill[ss->n_kill++] = cookie;
}

static bool is_in_file(const struct ss *ss, const struct tern_sock_info *i)
{
	return (i->protocol == TERN_IPPROTO_TCP) == ss->file_tcp &&
	       (i->family == TERN_AF_INET6) == ss->file_v6;
}

static void on_socket(void *ctx, const struct control_socket *s)
{
	struct ss *ss = ctx;

	if (!is_wanted(ss, &s->info) ||
	    (ss->in_files && !is_in_file(ss, &s->info)))
		return;
	if (ss->on[OPT_KILL])
		note_kill(ss, s->info.cookie);
	if (ss->on[OPT_PROC])
		control_proc_row(stdout, s, ss->n_rows++);
	else if (ss->on[OPT_NETSTAT])
		ss_netstat_row(stdout, s);
	else if (ss->ask.json)
		ss_json_row(stdout, s, &ss->owners);
	else
		ss_table_add(ss->table, s);
}

static json_t *detail(const struct ss *ss)
{
	bool full = ss->on[OPT_INFO] || ss->on[OPT_MEMORY] ||
		    ss->on[OPT_PROCESSES] || ss->on[OPT_PROC] || ss->ask.json;

	return json_pack("{s:b, s:b}", "full", full, "owners",
			 ss->on[OPT_PROCESSES] || ss->ask.json);
}

static int ask_sockets(struct ss *ss)
{
	return ask_host_sockets(&ss->ask, detail(ss), on_socket, ss);
}

static int list_table(struct ss *ss)
{
	const struct ss_columns columns = {
		.netid = ss->on[OPT_TCP] == ss->on[OPT_UDP],
		/* With one state asked for, all are in it. */
		.state = (ss->filter.states & (ss->filter.states - 1)) != 0 ||
			 !ss->filter.has_states,
		.numeric = ss->on[OPT_NUMERIC],
		.timer = ss->on[OPT_OPTIONS] || ss->on[OPT_EXTENDED],
		.extended = ss->on[OPT_EXTENDED],
		.memory = ss->on[OPT_MEMORY],
		.info = ss->on[OPT_INFO],
		.owners = ss->on[OPT_PROCESSES] ? &ss->owners : NULL,
		.one_line = ss->on[OPT_ONELINE],
		.header = !ss->on[OPT_NO_HEADER],
	};
	int status;

	ss->table = ss_table_new(&columns, stdout);
	if (!ss->table)
		return TOOL_FAILED;
	status = ask_sockets(ss);
	if (status != TOOL_OK)
		fflush(stderr);
	ss_table_end(ss->table);
	return status;
}

static int list_files(struct ss *ss)
{
	int status = TOOL_OK;

	ss->in_files = true;
	if (ss->on[OPT_NETSTAT])
		ss_netstat_header(stdout);
	for (int i = 0; i < 4 && status == TOOL_OK; i++) {
		ss->file_tcp = i < 2;
		ss->file_v6 = i % 2;
		if (ss->on[OPT_TCP] != ss->on[OPT_UDP] &&
		    ss->file_tcp != ss->on[OPT_TCP])
			continue;
		if (ss->on[OPT_IPV4] != ss->on[OPT_IPV6] &&
		    ss->file_v6 != ss->on[OPT_IPV6])
			continue;
		ss->n_rows = 0;
		if (ss->on[OPT_PROC])
			control_proc_header(stdout, ss->file_tcp, ss->file_v6);
		status = ask_sockets(ss);
	}
	return status;
}

static void print_transport(const char *name, int64_t v4, int64_t v6)
{
	printf("%s\t  %-9" PRId64 " %-9" PRId64 " %-9" PRId64 "\n", name,
	       v4 + v6, v4, v6);
}

static void print_summary(void *ctx, const json_t *row)
{
	const json_t *states = json_object_get(row, "states");
	int64_t tcp = row_number(row, "tcp"), tcp6 = row_number(row, "tcp6");
	int64_t udp = row_number(row, "udp"), udp6 = row_number(row, "udp6");
	int64_t tw = row_number(states, "TIME-WAIT");
	int64_t closed = row_number(states, "UNCONN");

	/* As on Linux: what is half-open or in TIME_WAIT is no socket; of the
	 * latter the line of TCP tells all the same, as closed. A CLOSE_WAIT
	 * one counts as established (RFC 4022, tcpCurrEstab). */
	printf("Total: %" PRId64 "\n", tcp + tcp6 + udp + udp6 + closed);
	printf("TCP:   %" PRId64 " (estab %" PRId64 ", closed %" PRId64
	       ", orphaned %" PRId64 ", timewait %" PRId64 ")\n\n",
	       tcp + tcp6 + closed + tw,
	       row_number(states, "ESTAB") + row_number(states, "CLOSE-WAIT"),
	       tw + closed, row_number(row, "orphaned"), tw);
	printf("%-9s %-9s %-9s %s\n", "Transport", "Total", "IP", "IPv6");
	print_transport("RAW", 0, 0);
	print_transport("UDP", udp, udp6);
	print_transport("TCP", tcp, tcp6);
	print_transport("INET", tcp + udp, tcp6 + udp6);
	putchar('\n');
}

static int kill_noted(struct ss *ss)
{
	int status = TOOL_OK;

	for (size_t i = 0; i < ss->n_kill && status == TOOL_OK; i++)
		status = ask_host(&ss->ask, "kill",
				  json_pack("{s:I}", "cookie",
					    (json_int_t)ss->kill[i]),
				  NULL, NULL);
	return status;
}

static int show_once(struct ss *ss)
{
	int status;

	ss_owners_free(&ss->owners);
	if (ss->on[OPT_PROCESSES] || ss->ask.json)
		ss_owners_read(&ss->owners);
	if (ss->on[OPT_SUMMARY])
		return ask_host(&ss->ask, "summary", NULL, print_summary, ss);
	if (ss->on[OPT_PROC])
		return list_files(ss);
	if (ss->on[OPT_NETSTAT])
		status = list_files(ss);
	else
		status = ss->ask.json ? ask_sockets(ss) : list_table(ss);
	return status == TOOL_OK && ss->on[OPT_KILL] ? kill_noted(ss) : status;
}

static int watch(struct ss *ss)
{
	int status;

	do {
		if (isatty(STDOUT_FILENO))
			fputs("\033[H\033[2J", stdout);
		status = show_once(ss);
		fflush(stdout);
		if (ferror(stdout))
			return TOOL_FAILED;
		sleep((unsigned)ss->watch_s);
	} while (status == TOOL_OK);
	return status;
}

static bool take_option(struct ss *ss, int row, const char *value)
{
	ask_option(&ss->ask, row, value);
	ss->on[row] = true;
	if (row == OPT_STATE) {
		const char *words[] = { "state", value };

		return ss_filter_read(ss->ask.command, &ss->filter, 2,
				      (char **)(uintptr_t)words);
	}
	return row != OPT_WATCH || parse_number(ss->ask.command, "watch", value,
						86400, &ss->watch_s);
}

static bool read_words(struct ss *ss, struct options *o)
{
	int row;

	while ((row = options_next(o)) >= 0)
		if (!take_option(ss, row, o->value))
			return false;
	if (row == OPTIONS_WRONG)
		return false;
	if (!ss->filter.has_states && ss->on[OPT_ALL])
		ss->filter.states = SS_STATES_ALL;
	else if (!ss->filter.has_states && ss->on[OPT_LISTENING])
		ss->filter.states = SS_STATE(TERN_TCP_LISTEN) |
				    SS_STATE(TERN_TCP_CLOSE);
	else if (!ss->filter.has_states)
		ss->filter.states = ss->on[OPT_PROC] || ss->on[OPT_NETSTAT] ||
						    ss->ask.json ?
					    SS_STATES_ALL :
					    SS_STATES_CONNECTED;
	if (!ss_filter_read(ss->ask.command, &ss->filter, o->argc, o->argv))
		return false;
	if (ss->on[OPT_KILL] && !ss->filter.root && !ss->filter.has_states) {
		tool_error(ss->ask.command,
			   "--kill without a filter would end everything: say "
			   "which, such as dport = :80, or state all");
		return false;
	}
	return true;
}

static int ss_main(struct options *o)
{
	struct ss ss = { .ask.command = o->command };
	int status = TOOL_USAGE;

	if (read_words(&ss, o))
		status = ss.on[OPT_WATCH] ? watch(&ss) : show_once(&ss);
	ss_filter_free(&ss.filter);
	free(ss.kill);
	ss_owners_free(&ss.owners);
	return status;
}

const struct command cmd_ss = {
	.name = "ss",
	.summary = "the socket table of a running host",
	.usage = "[OPTIONS] [FILTER]",
	.options = rows,
	.more = "  FILTER: [state S] [src|dst ADDR[/BITS][:PORT]] "
		"[sport|dport = :PORT]\n"
		"          joined by and, or, not, ( )\n"
		"  tern ss -tano state time-wait dport = :80\n",
	.usage_status = TOOL_USAGE,
	.run = ss_main,
};
