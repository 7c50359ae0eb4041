// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern run: a host of its own for one program.
 *
 *	options -> host with its TUN device -> program under the runner
 *	        -> the program ends -> its connections finish -> all goes away
 *
 * Signals that end a program go to the program; what it does with them is its
 * own. A second one, while its connections finish, ends that as well. If tern
 * itself is killed the kernel takes the device away with the descriptor, and
 * the runner sees to the program.
 */
#define _GNU_SOURCE
#include "tools/run_names.h"

#include "control/control.h"
#include "runner/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* How long connections may take to finish once the program has ended: what
 * Linux grants an orphan in FIN_WAIT_2 (tcp_fin_timeout); and how long nothing
 * may be heard of their peers: three retransmissions after 200, 400 and 800 ms,
 * and what the last of them takes. */
#define DRAIN_NS (60 * INT64_C(1000000000))
#define SILENCE_NS (2 * INT64_C(1000000000))

enum {
	OPT_TUN,
	OPT_ADDR,
	OPT_GW,
	OPT_ADDR6,
	OPT_GW6,
	OPT_NAME,
	OPT_SET,
	OPT_MTU,
	OPT_NO_OFFLOAD,
	OPT_CAPTURE,
	OPT_RECORD,
	OPT_RESOLV,
	OPT_SEED,
	OPT_VERBOSE,
};

static const struct option_row rows[] = {
	[OPT_TUN] = { "tun", "NAME", "the TUN device to make" },
	[OPT_ADDR] = { "addr", "CIDR",
		       "the program's, as 10.0.0.2/24 or fd00::2/64; again for "
		       "more" },
	[OPT_GW] = { "gw", "ADDR",
		     "the kernel's side (default: first other one of the "
		     "prefix)" },
	/* The same, for those who expect IPv6 to need it. */
	[OPT_ADDR6] = { "addr6", "CIDR", NULL },
	[OPT_GW6] = { "gw6", "ADDR", NULL },
	[OPT_NAME] = { "name", "HOST",
		       "for tern ss --host (default: the device's)" },
	[OPT_SET] = { "set", "KNOB=V",
		      "a tunable, as tern sysctl --list names it; again for "
		      "more" },
	[OPT_MTU] = { "mtu", "BYTES", "of the device (default: 1500)" },
	[OPT_NO_OFFLOAD] = { "no-offload", NULL,
			     "packets as a wire would carry them" },
	[OPT_CAPTURE] = { "capture", "FILE", "every packet, as pcapng" },
	[OPT_RECORD] = { "record", "FILE", "all that goes in, for replay" },
	[OPT_RESOLV] = { "resolv", "FILE",
			 "its /etc/resolv.conf (default: servers in reach)" },
	[OPT_SEED] = { "seed", "N",
		       "for tests: sequence numbers and ports are then no "
		       "secret" },
	[OPT_VERBOSE] = { "verbose", NULL, "tell what is done" },
	{ 0 },
};

struct run {
	struct run_host_config config;
	struct run_host host;
	struct runner *runner;
	struct control_server *control;
	bool ended;
	bool hurry; /* a second signal */
	int status;
};

/* Signals come as bytes through a pipe, so that handlers do nothing else; and
 * handlers, unlike a blocked mask, do not outlive exec in the program. */
static int signal_pipe[2];

static void on_signal(int signal)
{
	int saved = errno;
	char byte = (char)signal;

	/* A full pipe has more than enough of them. */
	if (write(signal_pipe[1], &byte, 1) < 0)
		errno = saved;
	errno = saved;
}

static void read_signals(void *ctx, uint32_t events)
{
	struct run *run = ctx;
	char byte;

	while (read(signal_pipe[0], &byte, 1) == 1) {
		if (byte == SIGPIPE)
			continue;
		if (run->ended)
			run->hurry = true;
		else
			runner_signal(run->runner, byte);
	}
}

static bool watch_signals(struct run *run)
{
	/* SIGPIPE: not to die of a reader of our output that has gone. */
	static const int signals[] = { SIGINT,	SIGTERM, SIGHUP, SIGQUIT,
				       SIGUSR1, SIGUSR2, SIGPIPE };
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_RESTART };

	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    host_watch(run->host.host, signal_pipe[0], EPOLLIN, read_signals,
		       run) != 0) {
		tool_error(&cmd_run, "cannot watch for signals: %s",
			   strerror(errno));
		return false;
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction old;

		/* What we were told to ignore (nohup) the program shall
		 * ignore too. */
		sigaction(signals[i], NULL, &old);
		if (old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
	return true;
}

static void on_ended(void *ctx, int status)
{
	struct run *run = ctx;

	run->ended = true;
	run->status = status;
}

static bool add_text(const char **list, int *n, const char *value,
		     const char *option)
{
	if (*n < RUN_HOST_MAX) {
		list[(*n)++] = value;
		return true;
	}
	tool_error(&cmd_run, "at most %d times --%s", RUN_HOST_MAX, option);
	return false;
}

static bool add_addr(struct run_host_config *c, const char *option,
		     const char *value)
{
	if (c->n_addrs == RUN_HOST_MAX) {
		tool_error(&cmd_run, "at most %d addresses", RUN_HOST_MAX);
		return false;
	}
	return parse_cidr(&cmd_run, option, value, &c->addrs[c->n_addrs++]);
}

static bool add_gw(struct run_host_config *c, const char *option,
		   const char *value)
{
	if (c->n_gws == RUN_HOST_MAX) {
		tool_error(&cmd_run, "at most %d addresses", RUN_HOST_MAX);
		return false;
	}
	return parse_addr(&cmd_run, option, value, &c->gws[c->n_gws++]);
}

static bool take_option(struct run_host_config *c, int row, const char *value)
{
	const char *option = rows[row].name;

	switch (row) {
	case OPT_TUN:
		c->tun = value;
		return true;
	case OPT_ADDR:
	case OPT_ADDR6:
		return add_addr(c, option, value);
	case OPT_GW:
	case OPT_GW6:
		return add_gw(c, option, value);
	case OPT_NAME:
		c->name = value;
		return true;
	case OPT_SET:
		return add_text(c->sets, &c->n_sets, value, option);
	case OPT_MTU:
		/* 1,280: with less there is no IPv6 (RFC 8200 5). */
		return parse_number(&cmd_run, option, value, 65535, &c->mtu);
	case OPT_NO_OFFLOAD:
		c->no_offload = true;
		return true;
	case OPT_CAPTURE:
		c->capture = value;
		return true;
	case OPT_RECORD:
		c->record = value;
		return true;
	case OPT_RESOLV:
		c->resolv = value;
		return true;
	case OPT_SEED:
		c->has_seed = true;
		return parse_number(&cmd_run, option, value, UINT64_MAX,
				    &c->seed);
	case OPT_VERBOSE:
		c->verbose = true;
		return true;
	}
	return false;
}

static bool read_options(struct options *o, struct run_host_config *c)
{
	int row;

	while ((row = options_next(o)) >= 0) {
		if (!take_option(c, row, o->value))
			return false;
	}
	if (row == OPTIONS_WRONG)
		return false;
	if (!c->tun)
		tool_error(&cmd_run, "--tun NAME is missing: what shall the "
				     "device be called?");
	else if (!c->n_addrs)
		tool_error(&cmd_run, "--addr CIDR is missing: the program's "
				     "address, such as 10.0.0.2/24");
	else if (o->argc == 0)
		tool_error(&cmd_run, "which program? tern run ... -- PROGRAM "
				     "[ARGUMENTS]");
	else
		return true;
	return false;
}

/* The exit status that a shell gives a program it could not start. */
static int start_status(int error)
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

/* Lets the program's connections say what they still have to say. */
static void drain(struct run *run)
{
	int64_t now = host_now(run->host.host);
	int64_t until = now + DRAIN_NS, silent_until = now + SILENCE_NS;
	uint64_t left, before = 0;

	/* What closing has queued goes out in the first round. */
	host_round(run->host.host, 0);
	while ((left = runner_unsaid(run->runner) +
		       run_host_unsaid(&run->host)) &&
	       !run->hurry) {
		now = host_now(run->host.host);
		if (left != before)
			silent_until = now + SILENCE_NS;
		before = left;
		if (now >= until || now >= silent_until) {
			tool_error(&cmd_run,
				   "the program has ended, but its peers have "
				   "not taken all it sent: %llu bytes and FINs "
				   "are lost",
				   (unsigned long long)left);
			return;
		}
		if (host_round(run->host.host, 10 * 1000000) < 0)
			return;
	}
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
	int error;

	if (!watch_signals(run) || !open_control(run))
		return TOOL_RUN_FAILED;
	error = runner_start(run->host.host, &config, &run->runner);
	if (error)
		return start_status(error);
	while (!run->ended && error >= 0)
		error = host_round(run->host.host, TERN_NEVER);
	if (error < 0)
		tool_error(&cmd_run, "the loop failed: %s",
			   tern_error_text(error));
	else
		drain(run);
	runner_free(run->runner);
	return error < 0 ? TOOL_RUN_FAILED : run->status;
}

static int run_main(struct options *o)
{
	struct run run = { 0 };
	struct run_names names;
	int status = TOOL_RUN_FAILED;

	if (!read_options(o, &run.config))
		return status;
	if (runner_is_nested()) {
		tool_error(&cmd_run, "already inside a tern run: leave out the "
				     "inner one, or start it outside");
		return status;
	}
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
	.usage = "--tun NAME --addr CIDR [OPTIONS] -- PROGRAM [ARGUMENTS]",
	.options = rows,
	.more = "A device takes CAP_NET_ADMIN: be root, or put unshare -Urn in "
		"front, for a\n"
		"network of your own. sudo and setuid do not work there. It is "
		"no sandbox.\n"
		"The machine's name means the --addr there. After the "
		"program's end connections\n"
		"may finish, 60 s or 2 s of silence long; Ctrl-C ends that.\n"
		"Exit status: the program's; 125 tern failed, 126 not "
		"executable, 127 not found.\n"
		"  tern run --tun tern0 --addr 10.0.0.2/24 -- python3 -m "
		"http.server\n"
		"  curl http://10.0.0.2:8000/\n",
	.usage_status = TOOL_RUN_FAILED,
	.ends_at_word = true,
	.run = run_main,
};
