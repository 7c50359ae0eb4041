// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern net: several hosts, wires with delay, loss and rate between them, and
 * programs on them, as a file says (net_file.c); and changing the wires while
 * it runs.
 */
#include "tools/ask.h"
#include "tools/net_run.h"
#include "tools/run_options.h"

#include "runner/runner.h"

#include <stdio.h>
#include <string.h>

enum { OPT_SET, OPT_CHECK, OPT_SEED, OPT_FLIGHT, OPT_FLIGHT_SIZE, OPT_VERBOSE };

static const struct option_row rows[] = {
	[OPT_SET] = { "set", "\"A B ...\"",
		      "change the wire from A to B of a running network" },
	[OPT_CHECK] = { "check", NULL,
			"read the file, print the plan, no more" },
	[OPT_SEED] = { "seed", "N", "instead of the file's" },
	[OPT_FLIGHT] = { "flight-recorder", "[=PREFIX]",
			 "what ends abnormally: PREFIXHOST.rec, for replay" },
	[OPT_FLIGHT_SIZE] = { "flight-size", "SIZE", NULL },
	[OPT_VERBOSE] = { "verbose", NULL, "tell what is started and ends" },
	{ 0 },
};

/* "A B loss 5%": what A sends to B. */
static int set_wire(const struct command *command, const char *words)
{
	char from[NET_NAME_LEN], to[NET_NAME_LEN];
	struct ask ask = { .command = command, .host = from };
	int used = 0;

	if (sscanf(words, "%15s %15s %n", from, to, &used) != 2 || !used ||
	    !words[used]) {
		tool_error(command,
			   "--set \"%s\": say of which wire and what, such as "
			   "--set \"client server loss 5%%\"",
			   words);
		return TOOL_USAGE;
	}
	return ask_host(&ask, "impair",
			json_pack("{s:s, s:s}", "wire", to, "words",
				  words + used),
			NULL, NULL);
}

static void print_plan(const struct net *net)
{
	char a[TERN_ADDR_STRLEN], b[TERN_ADDR_STRLEN];

	for (int i = 0; i < net->n_links; i++) {
		const struct net_end *e = net->links[i].end;

		for (int f = 0; f < 2; f++)
			if (e[0].addr[f].bits)
				printf("%s %s/%u - %s %s/%u\n",
				       net->hosts[e[0].host].name,
				       tern_addr_print(&e[0].addr[f].addr, a),
				       e[0].addr[f].bits,
				       net->hosts[e[1].host].name,
				       tern_addr_print(&e[1].addr[f].addr, b),
				       e[1].addr[f].bits);
	}
	for (int i = 0; i < net->n_programs; i++)
		printf("%s: %s\n", net->hosts[net->programs[i].host].name,
		       net->programs[i].command);
}

/* The command line's words. */
struct net_words {
	bool on[OPT_VERBOSE + 1];
	const char *set, *flight;
	uint64_t seed, flight_size;
};

static bool take_option(const struct command *command, struct net_words *w,
			int row, const char *value)
{
	w->on[row] = true;
	switch (row) {
	case OPT_SET:
		w->set = value;
		return true;
	case OPT_SEED:
		return parse_number(command, "seed", value, UINT64_MAX,
				    &w->seed);
	case OPT_FLIGHT:
		w->flight = value && value[0] ? value : "flight-";
		return true;
	case OPT_FLIGHT_SIZE:
		return parse_size(command, "flight-size", value,
				  RUN_LEAST_FLIGHT, &w->flight_size);
	default:
		return true;
	}
}

static int run_file(const struct command *command, const char *path,
		    const struct net_words *w)
{
	static struct net net;
	int status = TOOL_USAGE;

	if (net_read(command, path, &net) && net_assign(command, path, &net)) {
		if (w->on[OPT_SEED])
			net.seed = w->seed;
		net.flight = w->flight;
		net.flight_size = w->flight_size;
		if (w->on[OPT_CHECK])
			print_plan(&net);
		status = w->on[OPT_CHECK] ?
				 TOOL_OK :
				 net_run(command, &net, w->on[OPT_VERBOSE]);
	}
	net_free(&net);
	return status;
}

static int net_main(struct options *o)
{
	const struct command *command = o->command;
	struct net_words w = { 0 };
	int row;

	while ((row = options_next(o)) >= 0)
		if (!take_option(command, &w, row, o->value))
			return TOOL_USAGE;
	if (row == OPTIONS_WRONG)
		return TOOL_USAGE;
	if (w.set && o->argc == 0)
		return set_wire(command, w.set);
	if (o->argc != 1 || w.set) {
		tool_error(command, "which network? tern net FILE; "
				    "examples/*.net are some");
		return TOOL_USAGE;
	}
	if (runner_is_nested()) {
		tool_error(command, "inside a tern run there is no network to "
				    "make: start it outside");
		return TOOL_RUN_FAILED;
	}
	return run_file(command, o->argv[0], &w);
}

const struct command cmd_net = {
	.name = "net",
	.summary = "hosts and lossy wires, a program on each",
	.usage = "[OPTIONS] FILE\n       tern net --set \"A B IMPAIRMENTS\"",
	.options = rows,
	.more = "No rights are needed, but for an uplink to the kernel. The "
		"hosts can be looked\n"
		"into by tern ss --host NAME. Ctrl-C ends it. A file, "
		"doc/net.md has all of it:\n"
		"  host client\n"
		"  host server\n"
		"  link client server delay 15ms loss 3% rate 100mbit\n"
		"  serve server: python3 -m http.server 80\n"
		"  run client after server:80: curl -s http://server/\n"
		"Exit status: of the first program that failed, else 0; 125 "
		"tern failed.\n",
	.usage_status = TOOL_USAGE,
	.run = net_main,
};
