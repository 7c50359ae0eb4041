// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern host: a host that stays, for any number of programs, with a TUN device
 * or with a loopback alone (host_serve.c).
 */
#define _GNU_SOURCE
#include "tools/host_serve.h"
#include "tools/run_options.h"

#include "runner/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
	OPT_BACKGROUND = RUN_OPT_N,
};

static const struct option_row rows[] = {
	RUN_OPTION_ROWS,
	[OPT_BACKGROUND] = { "background", NULL, "go on alone once it is up" },
	{ 0 },
};

static bool read_options(struct options *o, struct run_host_config *c,
			 bool *background)
{
	int row;

	while ((row = options_next(o)) >= 0) {
		if (row == OPT_BACKGROUND)
			*background = true;
		else if (!run_option_take(&cmd_host, c, row, o->value))
			return false;
	}
	if (row == OPTIONS_WRONG)
		return false;
	if (o->argc)
		tool_error(&cmd_host,
			   "\"%s\": no program here; tern run --host HOST -- "
			   "PROGRAM brings one",
			   o->argv[0]);
	else if (!c->name && !c->tun)
		tool_error(&cmd_host, "--name HOST is missing: by which tern "
				      "run --host finds it");
	else if (c->tun && !c->n_addrs)
		tool_error(&cmd_host, "--addr CIDR is missing: the host's "
				      "address, such as 10.0.0.2/24");
	else if (!c->tun && c->n_addrs)
		tool_error(&cmd_host, "--addr takes a device: --tun NAME");
	else
		return true;
	return false;
}

/* The parent stays until the host is up, or has said why it is not. */
static int serve_in_background(const struct run_host_config *c)
{
	int up[2];
	char byte;

	if (pipe2(up, O_CLOEXEC) < 0)
		return TOOL_FAILED;
	switch (fork()) {
	case -1:
		tool_error(&cmd_host, "--background: %s", strerror(errno));
		return TOOL_FAILED;
	case 0:
		break;
	default:
		close(up[1]);
		return read(up[0], &byte, 1) == 1 ? TOOL_OK : TOOL_FAILED;
	}
	close(up[0]);
	setsid();
	return host_serve(&cmd_host, c, up[1]);
}

static int host_main(struct options *o)
{
	struct run_host_config config = { 0 };
	bool background = false;

	if (!read_options(o, &config, &background))
		return TOOL_USAGE;
	if (runner_is_nested()) {
		tool_error(&cmd_host, "inside a tern run there is no other "
				      "host: start it outside");
		return TOOL_FAILED;
	}
	return background ? serve_in_background(&config) :
			    host_serve(&cmd_host, &config, -1);
}

const struct command cmd_host = {
	.name = "host",
	.summary = "a host that stays, for several programs",
	.usage = "--name HOST [--tun NAME --addr CIDR] [OPTIONS]",
	.options = rows,
	.more = "Programs come by tern run --host HOST; they share one stack, "
		"and its loopback\n"
		"joins them without a device, for which no rights are needed. "
		"Ctrl-C or SIGTERM\n"
		"ends the programs and lets their connections finish; a second "
		"one does not wait.\n"
		"  tern host --name lab --background\n"
		"  tern run --host lab -- python3 -m http.server &\n"
		"  tern run --host lab -- curl http://127.0.0.1:8000/\n",
	.usage_status = TOOL_USAGE,
	.run = host_main,
};
