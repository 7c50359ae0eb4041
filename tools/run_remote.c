// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern run --host: the program is started here, so that the terminal, the
 * working directory and the limits are the user's, and is answered by the
 * host.
 *
 *	connect to the host -> start the program up to its filter -> hand over
 *	the listener -> let it go -> wait for its end, or for the host's
 *
 * A host that goes takes its programs with it: without one their socket calls
 * would fail, and a program that goes on without a network is worse than none.
 */
#define _GNU_SOURCE
#include "tools/run_remote.h"

#include "control/control.h"
#include "runner/runner_launch.h"
#include "runner/runner_remote.h"
#include "tools/run_names.h"
#include "tools/run_signals.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* The exit status that a shell gives a program it could not start. */
int run_start_status(int error)
{
	switch (-error) {
	case TERN_ENOENT:
		return 127;
	case TERN_EACCES:
		return 126;
	default:
		return TOOL_RUN_FAILED;
	}
}

static void tell_connect_error(const struct command *command, const char *name,
			       int error)
{
	if (error == -TERN_ENOENT)
		tool_error(command,
			   "there is no host %s that takes programs: start one "
			   "by tern host --name %s",
			   name, name);
	else
		tool_error(command, "--host %s: %s", name,
			   control_error_text(error));
}

static void pass_signals(int signals, pid_t program)
{
	char byte;

	while (read(signals, &byte, 1) == 1)
		kill(-program, byte);
}

/* The program runs: until it has ended, or its host has. */
static int wait_for_end(const struct command *command, const char *name, int fd,
			int signals, struct runner_launch *l)
{
	struct pollfd p[] = { { l->keeper_out, POLLIN, 0 },
			      { signals, POLLIN, 0 },
			      { fd, POLLIN, 0 } };

	for (;;) {
		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return TOOL_RUN_FAILED;
		if (p[0].revents)
			return runner_launch_status(l);
		if (p[1].revents)
			pass_signals(signals, l->program);
		if (p[2].revents && remote_has_gone(fd))
			break;
		if (p[2].revents)
			p[2].fd = -1;
	}
	tool_error(command, "the host %s has gone, and the program with it",
		   name);
	return TOOL_RUN_FAILED;
}

static int run_on(const struct command *command, const char *name, int fd,
		  const struct runner_config *config)
{
	struct runner_launch l;
	int signals = run_signals_open();
	int error = runner_launch_begin(&l, config);
	int status;

	if (!error) {
		error = remote_hand_over(fd, &l);
		if (error)
			tool_error(command, "the host %s does not take it: %s",
				   name, control_error_text(error));
		else
			error = runner_launch_go(&l, config);
	}
	status = error ? run_start_status(error) :
			 wait_for_end(command, name, fd, signals, &l);
	runner_launch_stop(&l);
	return status;
}

int run_remote(const struct command *command, const char *name,
	       const struct run_host_config *c, char **argv)
{
	struct remote_hello hello;
	struct runner_config config = { .argv = argv };
	char *resolv = NULL;
	int fd, status = TOOL_RUN_FAILED;
	int error;

	if (c->resolv) {
		resolv = run_names_resolv(command, c->resolv);
		if (!resolv)
			return status;
	}
	error = remote_connect(name, &fd, &hello);
	if (error) {
		tell_connect_error(command, name, error);
	} else {
		config.resolv_conf = resolv ? resolv : hello.resolv_conf;
		config.hosts = hello.hosts;
		status = run_on(command, name, fd, &config);
		remote_hello_free(&hello);
		close(fd);
	}
	free(resolv);
	return status;
}
