// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern ladder: the connections of a capture file, drawn as the lab draws its
 * own.
 *
 * Without an option the first is drawn and the others are listed: numbers are
 * by the first packet, and the same whatever is drawn. Of what is not drawn no
 * more than counts are kept, so a long file costs little.
 */
#include "tools/capture_read.h"
#include "tools/view_options.h"

#include "lab/ladder_conns.h"
#include "lab/ladder_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPT_CONNECTION,
	OPT_ALL,
	OPT_LIST,
	OPT_JSON,
	OPT_TIMESTAMPS,
	OPT_ASCII,
	OPT_WIDTH,
	OPT_COLOUR,
};

/* Others that are listed unasked. */
#define OTHERS_MAX 10

static const struct option_row rows[] = {
	[OPT_CONNECTION] = { "connection", "N",
			     "the Nth alone (default: the first, and a list)" },
	[OPT_ALL] = { "all", NULL, "all connections, one after the other" },
	[OPT_LIST] = { "list", NULL, "what connections there are, no ladder" },
	[OPT_JSON] = { "json", NULL, "the events as JSON, nothing else" },
	[OPT_TIMESTAMPS] = { "timestamps", NULL, "TCP timestamps, too" },
	[OPT_ASCII] = VIEW_ROW_ASCII,
	[OPT_WIDTH] = VIEW_ROW_WIDTH,
	[OPT_COLOUR] = VIEW_ROW_COLOUR,
	{ 0 },
};

struct ladder_command {
	const struct command *command;
	struct capture_read file;
	struct ladder_conns conns;
	struct ladder_style style;
	uint64_t connection; /* 0: none was named */
	bool all, list, json;
	uint64_t n_unread; /* packets that are no IP after all */
};

static bool read_all(struct ladder_command *c)
{
	struct capture_packet p;
	bool begun = false;
	int got;

	while ((got = capture_read_next(&c->file, &p)) == 1) {
		if (!begun)
			c->conns.begun_at = p.at;
		begun = true;
		if (ladder_conns_packet(&c->conns, p.bytes, p.len, p.at) < 0)
			c->n_unread++;
	}
	return !got;
}

static void tell_unread(const struct ladder_command *c)
{
	const struct {
		uint64_t n;
		const char *what;
	} kinds[] = {
		{ c->file.n_other, "carry no IP" },
		{ c->file.n_cut, "were kept without their headers" },
		{ c->n_unread, "are damaged" },
	};

	for (int i = 0; i < 3; i++)
		if (kinds[i].n)
			fprintf(stderr,
				"tern ladder: %" PRIu64 " of %" PRIu64
				" packets %s and are left out\n",
				kinds[i].n, c->file.n_packets, kinds[i].what);
}

static void print_ends(const struct ladder_conn_info *info)
{
	const struct tern_sockaddr *ends[2] = { &info->left, &info->right };
	char addr[TERN_ADDR_STRLEN];

	for (int i = 0; i < 2; i++) {
		tern_addr_print(&ends[i]->addr, addr);
		printf(strchr(addr, ':') ? "%s[%s]:%u" : "%s%s:%u",
		       i ? " > " : "", addr, ends[i]->port);
	}
}

static void list_one(const struct ladder_command *c, int conn)
{
	struct ladder_conn_info info;

	ladder_conns_info(&c->conns, conn, &info);
	printf("%4d  ", conn + 1);
	if (info.protocol != WIRE_PROTO_TCP)
		printf("%s ", ladder_protocol_name(info.protocol));
	print_ends(&info);
	printf("  %" PRIu64 " packets, %" PRIu64 " bytes, %.3f to %.3f s",
	       info.n_packets, info.n_bytes, (double)info.first_at / 1e9,
	       (double)info.last_at / 1e9);
	if (info.states[0][0] || info.states[1][0])
		printf(", %s/%s", info.states[0], info.states[1]);
	putchar('\n');
}

static void list_others(const struct ladder_command *c)
{
	int n = c->conns.n - 1;

	if (n < 1)
		return;
	printf("\n%d more (--connection N draws one, --all all):\n", n);
	for (int i = 1; i <= n && i <= OTHERS_MAX; i++)
		list_one(c, i);
	if (n > OTHERS_MAX)
		printf("      and %d more: --list has them\n", n - OTHERS_MAX);
}

static json_t *json_conn(const struct ladder_command *c, int conn)
{
	json_t *events = json_array(), *lanes = json_array();
	struct ladder_conn_info info;
	struct ladder_drawn drawn;

	ladder_conns_info(&c->conns, conn, &info);
	ladder_conns_events(&c->conns, conn, &drawn);
	for (int i = 0; i < 2; i++)
		json_array_append_new(lanes, json_string(drawn.lanes[i]));
	for (int i = 0; i < drawn.n; i++)
		json_array_append_new(events, ladder_json(&drawn.events[i]));
	free(drawn.events);
	return json_pack("{s:i, s:s, s:o, s:I, s:I, s:[s,s], s:o}",
			 "connection", conn + 1, "protocol",
			 ladder_protocol_name(info.protocol), "lanes", lanes,
			 "packets", (json_int_t)info.n_packets, "bytes",
			 (json_int_t)info.n_bytes, "states", info.states[0],
			 info.states[1], "events", events);
}

static void print_json(const struct ladder_command *c)
{
	json_t *list = json_array(), *top;

	for (int i = 0; i < c->conns.n; i++)
		if (!c->connection || c->connection == (uint64_t)i + 1)
			json_array_append_new(list, json_conn(c, i));
	top = json_pack("{s:s%, s:o}", "file", c->file.path,
			strlen(c->file.path), "connections", list);
	/* A file's name need not be UTF-8. */
	if (!top)
		top = json_pack("{s:o}", "connections", list);
	json_dumpf(top, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(top);
}

static void draw(const struct ladder_command *c)
{
	struct drill_text t = { 0 };
	int first = c->connection ? (int)c->connection - 1 : 0;
	int last = c->all ? c->conns.n - 1 : first;

	for (int i = first; i <= last; i++) {
		if (i > first)
			drill_text_add(&t, "\n");
		ladder_conns_draw(&c->conns, i, &c->style, &t);
		fputs(t.s, stdout);
		t.len = 0;
	}
	free(t.s);
	if (!c->all && !c->connection)
		list_others(c);
}

static int tell(const struct ladder_command *c)
{
	tell_unread(c);
	if (c->connection > (uint64_t)c->conns.n) {
		tool_error(c->command, "--connection %" PRIu64 ": there are %d",
			   c->connection, c->conns.n);
		return TOOL_USAGE;
	}
	if (c->json) {
		print_json(c);
	} else if (!c->conns.n) {
		tool_error(c->command, "%s: no packet to draw", c->file.path);
		return TOOL_FAILED;
	} else if (c->list) {
		for (int i = 0; i < c->conns.n; i++)
			list_one(c, i);
	} else {
		draw(c);
	}
	return TOOL_OK;
}

static bool take(struct options *o, struct ladder_command *c, int row)
{
	switch (row) {
	case OPT_CONNECTION:
		return parse_number(o->command, "connection", o->value,
				    INT32_MAX, &c->connection);
	case OPT_ALL:
		c->all = true;
		return true;
	case OPT_LIST:
		c->list = true;
		return true;
	case OPT_JSON:
		c->json = true;
		return true;
	case OPT_TIMESTAMPS:
		c->conns.show_ts = true;
		return true;
	case OPT_ASCII:
	case OPT_WIDTH:
	case OPT_COLOUR:
		return view_take(o->command, &c->style, row, o->value);
	}
	return false;
}

/* The one whose events are kept; 0: all. */
static int kept(const struct ladder_command *c)
{
	if (c->connection)
		return (int)c->connection;
	return c->all || c->json ? 0 : 1;
}

static int ladder_main(struct options *o)
{
	static struct ladder_command c;
	char filter[CAPTURE_FILTER_MAX];
	int row, status;

	c.command = o->command;
	c.style.time_digits = 6;
	c.style.gaps = true;
	view_init(&c.style);
	while ((row = options_next(o)) >= 0)
		if (!take(o, &c, row))
			return TOOL_USAGE;
	if (row == OPTIONS_WRONG)
		return TOOL_USAGE;
	if (o->argc < 1) {
		tool_error(o->command, "name a capture file, pcap or pcapng "
				       "(- is standard input)");
		return TOOL_USAGE;
	}
	if (!capture_join_words(o->command, o->argc - 1, o->argv + 1, filter))
		return TOOL_USAGE;
	status = capture_read_open(&c.file, o->command, o->argv[0], filter);
	if (status != TOOL_OK)
		return status;
	c.conns.all = c.conns.derive = true;
	c.conns.only = kept(&c);
	status = read_all(&c) ? TOOL_OK : TOOL_FAILED;
	row = tell(&c);
	ladder_conns_fini(&c.conns);
	capture_read_close(&c.file);
	return row > status ? row : status;
}

const struct command cmd_ladder = {
	.name = "ladder",
	.summary = "a capture file's connections, drawn as ladders",
	.usage = "[OPTIONS] FILE [FILTER]",
	.options = rows,
	.more = "  tern ladder run.pcapng\n"
		"  tern ladder --connection 3 run.pcapng\n"
		"  tern ladder --all run.pcap host 10.0.0.2 and tcp port 80\n"
		"  tcpdump -w - -c 20 tcp | tern ladder -\n"
		"\n"
		"FILTER is libpcap's. Sequence numbers are relative, times "
		"count from the file's\nfirst packet; on the right is how long "
		"after the one before. States of both\nends are what the "
		"segments tell: what was lost behind the place of the\ncapture "
		"they do not know.\n"
		"\n"
		"Exit status: 0 if all was read, 1 if the file is damaged (what "
		"comes before that\nis drawn) or has nothing to draw, 2 for a "
		"wrong command line or file.\n",
	.usage_status = TOOL_USAGE,
	.run = ladder_main,
};
