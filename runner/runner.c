// SPDX-License-Identifier: BSD-2-Clause
/*
 * The life of a runner: starts the program, answers it, ends with it.
 *
 *	runner_start:	tables; the program, up to its filter
 *			(runner_launch.c); answers it; lets it go on to exec
 *	runner_attach:	the same for a program that another process starts
 *	then:		all in callbacks of the host's loop
 *	its end:	the keeper tells that the last process has ended, or
 *			the listener that nobody is left; every socket that is
 *			left has been closed by that; `ended`
 *
 * Data that the program wrote before its end may still be on its way then:
 * the stack has it, and goes on while the host makes rounds.
 */
#define _GNU_SOURCE
#include "runner.h"

#include "runner_priv.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void on_all_closed(struct runner *r)
{
	struct rsock *sock, *next;

	for (sock = r->socks; sock; sock = next) {
		next = sock->next;
		if (sock->state != RSOCK_CLOSING)
			sock_on_closed(sock);
	}
}

static void end(struct runner *r, int status)
{
	r->has_ended = true;
	on_all_closed(r);
	if (r->ended)
		r->ended(r->ctx, status);
}

static void on_keeper(void *ctx, uint32_t events)
{
	struct runner *r = ctx;

	host_unwatch(r->host, r->launch.keeper_out);
	end(r, runner_launch_status(&r->launch));
}

void runner_on_hangup(struct runner *r)
{
	/* A keeper of ours will say so as well, and with what status. */
	if (r->launch.keeper < 0 && !r->has_ended)
		end(r, 0);
}

/* Without a program yet. */
static int make_runner(struct host *host, const struct runner_config *config,
		       struct runner **out)
{
	struct runner *r = calloc(1, sizeof(*r));
	int result;

	if (!r)
		return -ENOMEM;
	r->host = host;
	r->stack = host_stack(host);
	r->verbose = config->verbose;
	r->ended = config->ended;
	r->ctx = config->ctx;
	r->launch = (struct runner_launch)RUNNER_LAUNCH_NONE;
	r->notify = r->inotify = r->meet = r->diag = -1;
	spare_init(r);
	/* The pump writes where a program may have closed. */
	signal(SIGPIPE, SIG_IGN);
	result = sock_table_init(r);
	if (result < 0) {
		fprintf(stderr, "tern run: cannot make sockets: %s\n",
			strerror(-result));
		runner_free(r);
		return result;
	}
	*out = r;
	return 0;
}

/* Without its files the program sees the kernel's, and runs all the same. */
static int answer(struct runner *r, int listener, int files)
{
	if (files >= 0)
		fuse_files_open(r, files);
	return notify_init(r, listener);
}

int runner_start(struct host *host, const struct runner_config *config,
		 struct runner **out)
{
	struct runner *r;
	int result = make_runner(host, config, &r);

	if (result < 0)
		return result;
	result = runner_launch_begin(&r->launch, config);
	if (result == 0) {
		result = answer(r, r->launch.listener, r->launch.files);
		r->launch.listener = r->launch.files = -1;
	}
	if (result == 0)
		result = runner_launch_go(&r->launch, config);
	if (result == 0)
		result = host_watch(host, r->launch.keeper_out, EPOLLIN,
				    on_keeper, r);
	if (result < 0) {
		runner_free(r);
		return result;
	}
	*out = r;
	return 0;
}

int runner_attach(struct host *host, const struct runner_config *config,
		  int listener, int files, struct runner **out)
{
	struct runner *r;
	int result = make_runner(host, config, &r);

	if (result < 0) {
		close(listener);
		if (files >= 0)
			close(files);
		return result;
	}
	result = answer(r, listener, files);
	if (result < 0) {
		runner_free(r);
		return result;
	}
	*out = r;
	return 0;
}

bool runner_is_done(const struct runner *r)
{
	return r->has_ended && !r->socks;
}

void runner_signal(struct runner *r, int sig)
{
	if (r->launch.program > 0 && !r->has_ended)
		kill(-r->launch.program, sig);
}

size_t runner_unsaid(const struct runner *r)
{
	const struct rsock *sock;
	size_t sum = 0;
	int n;

	for (sock = r->socks; sock; sock = sock->next) {
		if (sock->state != RSOCK_CLOSING)
			continue;
		/* One for the FIN: a socket without bytes counts too. */
		sum += sock->rest_len + 1;
		if (sock->end >= 0 && ioctl(sock->end, FIONREAD, &n) == 0)
			sum += (size_t)n;
	}
	return sum;
}

void runner_free(struct runner *r)
{
	if (r->launch.keeper_out >= 0)
		host_unwatch(r->host, r->launch.keeper_out);
	runner_launch_stop(&r->launch);
	on_all_closed(r);
	while (r->socks)
		sock_free(r->socks);
	notify_fini(r);
	fuse_files_close(r);
	spare_let_go(r);
	sock_table_fini(r);
	free(r);
}
