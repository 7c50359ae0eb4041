// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern host: a host that stays, for any number of programs.
 *
 *	options -> host with its TUN device, or with a loopback alone
 *	        -> programs come by tern run --host (runner_remote.c)
 *	        -> a signal: the programs are told, end, their connections
 *		   finish, all goes away
 *
 * A second signal ends it at once, as a machine that loses power; so does
 * SIGKILL, for which the kernel takes the device away.
 */
#define _GNU_SOURCE
#include "tools/run_drain.h"
#include "tools/run_names.h"
#include "tools/run_options.h"
#include "tools/run_signals.h"

#include "control/control.h"
#include "control/control_owner.h"
#include "runner/runner.h"
#include "runner/runner_remote.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* How long programs may take to end once their host goes. Their keepers kill
 * them, so this is for the kernel to close what they had. */
#define PROGRAMS_NS (5 * INT64_C(1000000000))

enum {
	OPT_BACKGROUND = RUN_OPT_N,
};

static const struct option_row rows[] = {
	RUN_OPTION_ROWS,
	[OPT_BACKGROUND] = { "background", NULL, "go on alone once it is up" },
	{ 0 },
};

struct server {
	struct run_host_config config;
	struct run_host host;
	struct control_server *control;
	struct remote_server *programs;
	bool background;
	int up; /* written to once it is up; or -1 */
	int signals;
	int n_signals;
	bool hurry; /* a second signal */
};

static bool read_options(struct options *o, struct server *s)
{
	int row;

	while ((row = options_next(o)) >= 0) {
		if (row == OPT_BACKGROUND)
			s->background = true;
		else if (!run_option_take(&cmd_host, &s->config, row, o->value))
			return false;
	}
	if (row == OPTIONS_WRONG)
		return false;
	if (o->argc)
		tool_error(&cmd_host,
			   "\"%s\": no program here; tern run --host HOST -- "
			   "PROGRAM brings one",
			   o->argv[0]);
	else if (!s->config.name && !s->config.tun)
		tool_error(&cmd_host, "--name HOST is missing: by which tern "
				      "run --host finds it");
	else if (s->config.tun && !s->config.n_addrs)
		tool_error(&cmd_host, "--addr CIDR is missing: the host's "
				      "address, such as 10.0.0.2/24");
	else if (!s->config.tun && s->config.n_addrs)
		tool_error(&cmd_host, "--addr takes a device: --tun NAME");
	else
		return true;
	return false;
}

static void read_signals(void *ctx, uint32_t events)
{
	struct server *s = ctx;
	char byte;

	while (read(s->signals, &byte, 1) == 1)
		s->hurry = ++s->n_signals > 1;
}

static const char *name_of(const struct server *s)
{
	return s->config.name ? s->config.name : s->config.tun;
}

static bool find_owner(void *programs, int s, struct control_owner *out)
{
	return remote_find_owner(programs, s, out);
}

static bool open_sockets(struct server *s, const struct run_names *names)
{
	struct host *h = s->host.host;
	int error = control_server_open(h, name_of(s), &s->control);

	if (!error)
		error = remote_server_open(h, name_of(s), names->resolv_conf,
					   names->hosts, &s->programs);
	if (error)
		tool_error(&cmd_host, "--name %s: %s", name_of(s),
			   control_error_text(error));
	else
		control_server_set_owners(
			s->control,
			&(struct control_owners){ find_owner, s->programs });
	return !error;
}

static size_t unsaid(void *programs)
{
	return remote_server_unsaid(programs);
}

static void finish(struct server *s)
{
	struct host *h = s->host.host;
	int64_t until = host_now(h) + PROGRAMS_NS;

	remote_server_stop(s->programs);
	while (remote_server_count(s->programs) && !s->hurry &&
	       host_now(h) < until && host_round(h, 10 * 1000000) >= 0)
		;
	run_drain(&(struct run_drain){ &s->host, unsaid, s->programs,
				       &s->hurry });
}

/* It is up: the parent may go, and with it whoever reads what we print. */
static void go_alone(struct server *s)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	close(null);
	if (write(s->up, "", 1) == 1)
		close(s->up);
}

static int serve(struct server *s, const struct run_names *names)
{
	int error;

	s->signals = run_signals_open();
	error = s->signals < 0 ? s->signals :
				 host_watch(s->host.host, s->signals, EPOLLIN,
					    read_signals, s);
	if (error)
		tool_error(&cmd_host, "cannot watch for signals: %s",
			   strerror(-error));
	if (error || !open_sockets(s, names))
		return TOOL_FAILED;
	if (s->up >= 0)
		go_alone(s);
	else
		fprintf(stderr, "tern host: %s is up\n", name_of(s));
	while (!s->n_signals && error >= 0)
		error = host_round(s->host.host, TERN_NEVER);
	if (error < 0)
		tool_error(&cmd_host, "the loop failed: %s",
			   tern_error_text(error));
	else
		finish(s);
	return error < 0 ? TOOL_FAILED : TOOL_OK;
}

static int serve_whole(struct server *s)
{
	struct run_names names = { 0 };
	int status = run_host_open(&s->host, &cmd_host, &s->config);

	if (status)
		return status;
	status = TOOL_FAILED;
	if (run_names_make(&names, &cmd_host, &s->config))
		status = serve(s, &names);
	run_names_free(&names);
	if (s->programs)
		remote_server_close(s->programs);
	if (s->control)
		control_server_close(s->control);
	if (!run_host_close(&s->host) && status == TOOL_OK)
		status = TOOL_FAILED;
	return status;
}

/* The parent stays until the host is up, or has said why it is not. */
static int serve_in_background(struct server *s)
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
	s->up = up[1];
	return serve_whole(s);
}

static int host_main(struct options *o)
{
	struct server s = { .up = -1 };

	if (!read_options(o, &s))
		return TOOL_USAGE;
	if (runner_is_nested()) {
		tool_error(&cmd_host, "inside a tern run there is no other "
				      "host: start it outside");
		return TOOL_FAILED;
	}
	return s.background ? serve_in_background(&s) : serve_whole(&s);
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
