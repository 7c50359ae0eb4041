// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern run: a host of its own for one program.
 *
 *	options -> host with its TUN device -> program under the runner
 *	        -> the program ends -> its connections finish -> all goes away
 *
 * or, with --host, a program on a host that runs (run_remote.c).
 *
 * Signals that end a program go to the program; what it does with them is its
 * own. A second one, while its connections finish, ends that as well. If tern
 * itself is killed the kernel takes the device away with the descriptor, and
 * the runner sees to the program.
 */
#define _GNU_SOURCE
#include "tools/run_drain.h"
#include "tools/run_names.h"
#include "tools/run_options.h"
#include "tools/run_remote.h"
#include "tools/run_signals.h"

#include "control/control.h"
#include "control/control_owner.h"
#include "runner/runner.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	OPT_HOST = RUN_OPT_N,
};

static const struct option_row rows[] = {
	RUN_OPTION_ROWS,
	[OPT_HOST] = { "host", "HOST", "run it on that tern host instead" },
	{ 0 },
};

struct run {
	struct run_host_config config;
	const char *remote; /* the host that it runs on; NULL: one of its own */
	const char *for_host; /* an option that only a host of its own has */
	int signals;
	struct run_host host;
	struct runner *runner;
	struct control_server *control;
	bool ended;
	bool hurry; /* a second signal */
	int status;
};

static void read_signals(void *ctx, uint32_t events)
{
	struct run *run = ctx;
	char byte;

	while (read(run->signals, &byte, 1) == 1) {
		if (run->ended)
			run->hurry = true;
		else
			runner_signal(run->runner, byte);
	}
}

static bool watch_signals(struct run *run)
{
	int error;

	run->signals = run_signals_open();
	error = run->signals < 0 ? run->signals :
				   host_watch(run->host.host, run->signals,
					      EPOLLIN, read_signals, run);
	if (error)
		tool_error(&cmd_run, "cannot watch for signals: %s",
			   strerror(-error));
	return !error;
}

static void on_ended(void *ctx, int status)
{
	struct run *run = ctx;

	run->ended = true;
	run->status = status;
}

static bool take_option(struct run *run, int row, const char *value)
{
	switch (row) {
	case OPT_HOST:
		run->remote = value;
		return true;
	case RUN_OPT_RESOLV:
	case RUN_OPT_VERBOSE:
		break;
	default:
		run->for_host = rows[row].name;
	}
	return run_option_take(&cmd_run, &run->config, row, value);
}

static bool is_whole(const struct run *run, const struct options *o)
{
	if (run->remote && run->for_host)
		tool_error(&cmd_run,
			   "--%s describes a host; with --host it is there "
			   "already: give it to tern host",
			   run->for_host);
	else if (!run->remote && !run->config.tun)
		tool_error(&cmd_run, "--tun NAME is missing: what shall the "
				     "device be called?");
	else if (!run->remote && !run->config.n_addrs)
		tool_error(&cmd_run, "--addr CIDR is missing: the program's "
				     "address, such as 10.0.0.2/24");
	else if (o->argc == 0)
		tool_error(&cmd_run, "which program? tern run ... -- PROGRAM "
				     "[ARGUMENTS]");
	else
		return true;
	return false;
}

static bool read_options(struct options *o, struct run *run)
{
	int row;

	while ((row = options_next(o)) >= 0) {
		if (!take_option(run, row, o->value))
			return false;
	}
	return row != OPTIONS_WRONG && is_whole(run, o);
}

/* Under the name that was asked for, or none. Without one, devices in several
 * network namespaces may share theirs, and programs run without a control
 * socket as well. */
static bool open_control(struct run *run)
{
	const char *name = run->config.name;
	char other[32];
	int error;

	if (name) {
		error = control_server_open(run->host.host, name,
					    &run->control);
		if (error)
			tool_error(&cmd_run, "--name %s: %s", name,
				   control_error_text(error));
		return !error;
	}
	name = run->config.tun;
	error = control_server_open(run->host.host, name, &run->control);
	if (error == -TERN_EADDRINUSE) {
		snprintf(other, sizeof(other), "%s-%d", name, (int)getpid());
		name = other;
		error = control_server_open(run->host.host, name,
					    &run->control);
	}
	if (error)
		tool_error(&cmd_run, "tern ss will not find %s: %s", name,
			   control_error_text(error));
	else if (run->config.verbose)
		fprintf(stderr, "tern run: this host is named %s\n", name);
	return true;
}

static size_t unsaid(void *runner)
{
	return runner_unsaid(runner);
}

static int run_program(struct run *run, const struct run_names *names,
		       char **argv)
{
	struct runner_config config = {
		.argv = argv,
		.resolv_conf = names->resolv_conf,
		.hosts = names->hosts,
		.verbose = run->config.verbose,
		.ended = on_ended,
		.ctx = run,
	};
	struct control_owners owners;
	int error;

	if (!watch_signals(run) || !open_control(run))
		return TOOL_RUN_FAILED;
	if (run->control)
		control_server_set_hosts(run->control, names->hosts);
	error = runner_start(run->host.host, &config, &run->runner);
	if (error)
		return run_start_status(error);
	owners = runner_owners(run->runner);
	if (run->control)
		control_server_set_owners(run->control, &owners);
	while (!run->ended && error >= 0)
		error = host_round(run->host.host, TERN_NEVER);
	if (error < 0)
		tool_error(&cmd_run, "the loop failed: %s",
			   tern_error_text(error));
	else
		run_drain(&(struct run_drain){ &run->host, unsaid, run->runner,
					       &run->hurry });
	if (run->control)
		control_server_set_owners(run->control,
					  &(struct control_owners){ 0 });
	runner_free(run->runner);
	return error < 0 ? TOOL_RUN_FAILED : run->status;
}

static int run_main(struct options *o)
{
	struct run run = { 0 };
	struct run_names names;
	int status = TOOL_RUN_FAILED;

	if (!read_options(o, &run))
		return status;
	if (runner_is_nested()) {
		tool_error(&cmd_run, "already inside a tern run: leave out the "
				     "inner one, or start it outside");
		return status;
	}
	if (run.remote)
		return run_remote(&cmd_run, run.remote, &run.config, o->argv);
	run.config.is_alone = true;
	status = run_host_open(&run.host, &cmd_run, &run.config);
	if (status)
		return status;
	status = TOOL_RUN_FAILED;
	if (run_names_make(&names, &cmd_run, &run.config))
		status = run_program(&run, &names, o->argv);
	run_names_free(&names);
	if (run.control)
		control_server_close(run.control);
	if (!run_host_close(&run.host) && status == 0)
		status = TOOL_RUN_FAILED;
	return status;
}

const struct command cmd_run = {
	.name = "run",
	.summary = "run an unmodified program on tern's TCP",
	.usage = "--tun NAME --addr CIDR [OPTIONS] -- PROGRAM [ARGUMENTS]\n"
		 "       tern run --host HOST -- PROGRAM [ARGUMENTS]",
	.options = rows,
	.more = "A device takes CAP_NET_ADMIN: be root, or put unshare -Urn in front.\n"
		"Exit status: the program's; 125 tern failed, 126 not "
		"executable, 127 not found.\n"
		"  tern run --tun tern0 --addr 10.0.0.2/24 -- python3 -m "
		"http.server\n",
	.usage_status = TOOL_RUN_FAILED,
	.ends_at_word = true,
	.run = run_main,
};
