// SPDX-License-Identifier: BSD-2-Clause
/*
 * The life of a host that stays:
 *
 *	host with its links -> programs come -> a signal: they are told, end,
 *	their connections finish, all goes away
 *
 * Killed, it falls silent as a machine that loses power: the kernel takes its
 * devices away, and its programs' keepers see to them.
 */
#define _GNU_SOURCE
#include "tools/host_serve.h"

#include "control/control.h"
#include "control/control_links.h"
#include "control/control_owner.h"
#include "runner/runner_remote.h"
#include "tools/run_drain.h"
#include "tools/run_names.h"
#include "tools/run_signals.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* How long programs may take to end once their host goes. Their keepers kill
 * them, so this is for the kernel to close what they had. */
#define PROGRAMS_NS (5 * INT64_C(1000000000))

struct server {
	const struct command *command;
	const struct run_host_config *config;
	struct run_host host;
	struct control_server *control;
	struct remote_server *programs;
	int up; /* written to once it is up; or -1 */
	int signals;
	int n_signals;
	bool hurry; /* a second signal */
};

static void read_signals(void *ctx, uint32_t events)
{
	struct server *s = ctx;
	char byte;

	while (read(s->signals, &byte, 1) == 1)
		s->hurry = ++s->n_signals > 1;
}

static const char *name_of(const struct server *s)
{
	return s->config->name ? s->config->name : s->config->tun;
}

static uint64_t inode(void *programs, int s)
{
	return remote_inode(programs, s);
}

static int queued(void *programs, int s)
{
	return remote_queued(programs, s);
}

static int impair(void *host, const char *wire, const char *words,
		  const char **why)
{
	return run_host_impair(host, wire, words, why);
}

static bool open_sockets(struct server *s, const struct run_names *names)
{
	struct host *h = s->host.host;
	int error = control_server_open(h, name_of(s), &s->control);

	if (!error)
		error = remote_server_open(h, name_of(s), names->resolv_conf,
					   names->hosts, &s->programs);
	if (error)
		tool_error(s->command, "--name %s: %s", name_of(s),
			   control_error_text(error));
	else
		control_server_set_links(s->control,
					 &(struct control_links){ impair,
								  &s->host });
	if (!error)
		control_server_set_hosts(s->control, names->hosts);
	if (!error)
		control_server_set_owners(
			s->control,
			&(struct control_owners){ inode, queued, s->programs });
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

/* It is up: the parent may go, and with it whoever reads what we print. A
 * network's does not, and shows our errors. */
static void go_alone(struct server *s)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int last = s->config->net_hosts ? STDOUT_FILENO : STDERR_FILENO;

	for (int fd = 0; null >= 0 && fd <= last; fd++)
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
		tool_error(s->command, "cannot watch for signals: %s",
			   strerror(-error));
	if (error || !open_sockets(s, names))
		return TOOL_FAILED;
	if (s->up >= 0)
		go_alone(s);
	else
		fprintf(stderr, "tern %s: %s is up\n", s->command->name,
			name_of(s));
	while (!s->n_signals && error >= 0)
		error = host_round(s->host.host, TERN_NEVER);
	if (error < 0)
		tool_error(s->command, "the loop failed: %s",
			   tern_error_text(error));
	else
		finish(s);
	return error < 0 ? TOOL_FAILED : TOOL_OK;
}

static int serve_whole(struct server *s)
{
	struct run_names names = { 0 };
	int status = run_host_open(&s->host, s->command, s->config);

	if (status)
		return status;
	status = TOOL_FAILED;
	if (run_names_make(&names, s->command, s->config))
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

int host_serve(const struct command *command,
	       const struct run_host_config *config, int up)
{
	struct server s = { .command = command, .config = config, .up = up };

	return serve_whole(&s);
}
