// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern ss: the socket table of a running host, in the columns of ss -tan.
 *
 * Not here yet: ss's filter expressions.
 */
#include "tools/ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	OPT_LISTENING = ASK_OPTIONS,
	OPT_TCP,
	OPT_UDP,
	OPT_OPTIONS,
	OPT_INFO,
	OPT_STATE,
};

static const struct option_row rows[] = {
	ASK_OPTION_ROWS,
	[OPT_LISTENING] = { "listening", NULL, "listeners alone" },
	[OPT_TCP] = { "tcp", NULL, "TCP alone" },
	[OPT_UDP] = { "udp", NULL, "UDP alone" },
	[OPT_OPTIONS] = { "options", NULL, "show timers, as ss -o" },
	[OPT_INFO] = { "info", NULL, "show TCP_INFO, as ss -i" },
	[OPT_STATE] = { "state", "STATE",
			"one state alone, such as time-wait" },
	{ 0 },
};

struct ss {
	struct ask ask;
	bool listening, tcp, udp, options, info, began;
	const char *state;
};

/* State names match in any case, with _ for -, and by their long names. */
static bool same_state(const char *asked, const char *state)
{
	if (!strncmp(asked, "estab", 5) || !strncmp(asked, "ESTAB", 5))
		asked = "ESTAB";
	for (; *asked && *state; asked++, state++) {
		int a = *asked == '_' ? '-' : *asked;

		if ((a | 0x20) != (*state | 0x20))
			return false;
	}
	return *asked == *state;
}

static bool is_wanted(const struct ss *ss, const json_t *row)
{
	bool tcp = !strcmp(row_text(row, "protocol"), "tcp");

	if (ss->tcp != ss->udp && tcp != ss->tcp)
		return false;
	if (ss->listening && strcmp(row_text(row, "state"), "LISTEN") != 0)
		return false;
	return !ss->state || same_state(ss->state, row_text(row, "state"));
}

/* "10.0.0.2:80", "[fd00::2]:80", "*:*". */
static void put_endpoint(char out[64], const json_t *row, const char *addr_key,
			 const char *port_key)
{
	const char *addr = row_text(row, addr_key);
	bool v6 = strchr(addr, ':');
	char port[8] = "*";

	if (row_number(row, port_key))
		snprintf(port, sizeof(port), "%d",
			 (int)row_number(row, port_key));
	snprintf(out, 64, "%s%s%s:%s", v6 ? "[" : "", addr, v6 ? "]" : "",
		 port);
}

static void print_timer(const json_t *row)
{
	int64_t ms = row_number(row, "timer_ns") / 1000000;

	if (!strcmp(row_text(row, "timer"), "off"))
		return;
	printf(" timer:(%s,%" PRId64 ".%03" PRId64 "sec,%" PRId64 ")",
	       row_text(row, "timer"), ms / 1000, ms % 1000,
	       row_number(row, "retransmits"));
}

static void print_info(const json_t *row)
{
	const json_t *info = json_object_get(row, "info");

	if (!info)
		return;
	printf("\n\t rto:%g rtt:%g/%g mss:%" PRId64 " pmtu:%" PRId64
	       " cwnd:%" PRId64 " bytes_sent:%" PRId64 " bytes_retrans:%" PRId64
	       " bytes_acked:%" PRId64 " bytes_received:%" PRId64
	       " segs_out:%" PRId64 " segs_in:%" PRId64 " rcv_space:%" PRId64,
	       (double)row_number(info, "rto") / 1e3,
	       (double)row_number(info, "rtt") / 1e3,
	       (double)row_number(info, "rttvar") / 1e3,
	       row_number(info, "snd_mss"), row_number(info, "pmtu"),
	       row_number(info, "snd_cwnd"), row_number(info, "bytes_sent"),
	       row_number(info, "bytes_retrans"),
	       row_number(info, "bytes_acked"),
	       row_number(info, "bytes_received"), row_number(info, "segs_out"),
	       row_number(info, "segs_in"), row_number(info, "rcv_space"));
}

static void print_socket(void *ctx, const json_t *row)
{
	struct ss *ss = ctx;
	char local[64], remote[64];

	if (!ss->began)
		printf("%-5s %-10s %-7s %-7s %28s %28s\n", "Netid", "State",
		       "Recv-Q", "Send-Q", "Local Address:Port",
		       "Peer Address:Port");
	ss->began = true;
	if (!row || !is_wanted(ss, row))
		return;
	put_endpoint(local, row, "local", "lport");
	put_endpoint(remote, row, "remote", "rport");
	printf("%-5s %-10s %-7" PRId64 " %-7" PRId64 " %28s %28s",
	       row_text(row, "protocol"), row_text(row, "state"),
	       row_number(row, "recv_q"), row_number(row, "send_q"), local,
	       remote);
	if (ss->options)
		print_timer(row);
	if (ss->info)
		print_info(row);
	putchar('\n');
}

static int ss_main(struct options *o)
{
	struct ss ss = { .ask.command = o->command };
	int row, status;

	while ((row = options_next(o)) >= 0) {
		ask_option(&ss.ask, row, o->value);
		ss.listening |= row == OPT_LISTENING;
		ss.tcp |= row == OPT_TCP;
		ss.udp |= row == OPT_UDP;
		ss.options |= row == OPT_OPTIONS;
		ss.info |= row == OPT_INFO;
		if (row == OPT_STATE)
			ss.state = o->value;
	}
	if (row == OPTIONS_WRONG || o->argc) {
		if (o->argc)
			tool_error(o->command,
				   "what is \"%s\"? Filters are "
				   "options here",
				   o->argv[0]);
		return TOOL_USAGE;
	}
	status = ask_host(&ss.ask, "sockets",
			  json_pack("{s:b}", "info", ss.info || ss.ask.json),
			  print_socket, &ss);
	if (status == TOOL_OK && !ss.ask.json && !ss.began)
		print_socket(&ss, NULL);
	return status;
}

const struct command cmd_ss = {
	.name = "ss",
	.summary = "the socket table of a running host",
	.usage = "[OPTIONS]",
	.options = rows,
	.more = "  tern ss --tcp --options\n"
		"  tern ss --host tern0 --state time-wait\n",
	.usage_status = TOOL_USAGE,
	.run = ss_main,
};
