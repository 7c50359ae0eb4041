// SPDX-License-Identifier: BSD-2-Clause
/*
 * A network's course: hosts up, programs started as their conditions come
 * true, their output passed on line by line behind the host's name, until all
 * that were `run` have ended; then those that `serve` are ended, and the hosts.
 *
 * A program is a shell's command, started as tern run --host starts one: here
 * up to its filter, then answered by its host.
 */
#define _GNU_SOURCE
#include "tools/net_run.h"

#include "control/control.h"
#include "control/control_socket.h"
#include "runner/runner_launch.h"
#include "runner/runner_remote.h"
#include "tools/net_hosts.h"
#include "tools/run_signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_LEN 4096
#define LOOK_MS 20 /* how often conditions are looked at */
#define GRACE_NS (5 * INT64_C(1000000000))
#define NS_PER_MS INT64_C(1000000)

enum run_state { WAITING, RUNNING, ENDED };

struct program {
	const struct net_program *what;
	enum run_state state;
	struct runner_launch launch;
	int host_fd; /* the connection to its host */
	int out;     /* what it prints; -1: at its end */
	char line[LINE_LEN];
	size_t len;
	int status;
};

struct course {
	const struct command *command;
	struct net *net;
	struct net_hosts hosts;
	struct program programs[NET_PROGRAMS];
	int64_t began_at;
	int64_t stop_at; /* when what is left is killed; TERN_NEVER */
	int signals;
	int n_signals;
	bool verbose, stopping;
	int failed; /* the status of a server that ended by itself */
};

static int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static const char *host_name(const struct course *c, const struct program *p)
{
	return c->net->hosts[p->what->host].name;
}

/* Whole lines behind the host's name; in colour on a terminal. */
static void print_line(const struct course *c, const struct program *p,
		       const char *line, size_t len)
{
	static const int colours[] = { 36, 33, 32, 35, 34, 31 };
	int colour = colours[p->what->host % 6];

	if (isatty(STDOUT_FILENO))
		printf("\033[%dm%s |\033[0m ", colour, host_name(c, p));
	else
		printf("%s | ", host_name(c, p));
	fwrite(line, 1, len, stdout);
	putchar('\n');
}

static void read_output(struct course *c, struct program *p)
{
	ssize_t n = read(p->out, p->line + p->len, LINE_LEN - p->len);
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		p->len += (size_t)n;
	while ((end = memchr(p->line, '\n', p->len))) {
		size_t len = (size_t)(end - p->line);

		print_line(c, p, p->line, len);
		p->len -= len + 1;
		memmove(p->line, end + 1, p->len);
	}
	if (p->len && (n <= 0 || p->len == LINE_LEN)) {
		print_line(c, p, p->line, p->len);
		p->len = 0;
	}
	if (n <= 0) {
		close(p->out);
		p->out = -1;
	}
	fflush(stdout);
}

static int launch(struct course *c, struct program *p,
		  const struct runner_config *config)
{
	int error = runner_launch_begin(&p->launch, config);

	if (error)
		return error;
	error = remote_hand_over(p->host_fd, &p->launch);
	return error ? error : runner_launch_go(&p->launch, config);
}

/* Starts it with its output in a pipe and nothing to read. */
static int start(struct course *c, struct program *p)
{
	char shell[] = "/bin/sh", option[] = "-c";
	char *argv[] = { shell, option, (char *)(uintptr_t)p->what->command,
			 NULL };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), out[2];
	int stdio[3], error;
	struct remote_hello hello = { 0 };
	struct runner_config config = { .argv = argv, .stdio = stdio };

	if (null < 0 || pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	stdio[0] = null;
	stdio[1] = stdio[2] = out[1];
	error = remote_connect(host_name(c, p), &p->host_fd, &hello);
	if (!error) {
		config.resolv_conf = hello.resolv_conf;
		config.hosts = hello.hosts;
		error = launch(c, p, &config);
	}
	remote_hello_free(&hello);
	close(null);
	close(out[1]);
	p->out = out[0];
	fcntl(p->out, F_SETFL, O_NONBLOCK);
	return error;
}

static void try_start(struct course *c, struct program *p)
{
	int error = start(c, p);

	p->state = RUNNING;
	if (c->verbose)
		fprintf(stderr, "tern net: %s: %s\n", host_name(c, p),
			p->what->command);
	if (!error)
		return;
	tool_error(c->command, "line %d: the program does not start: %s",
		   p->what->line, control_error_text(error));
	runner_launch_stop(&p->launch);
	p->state = ENDED;
	p->status = TOOL_RUN_FAILED;
	c->stopping = true;
}

struct look {
	uint16_t port;
	bool found;
};

static void on_socket(void *ctx, const struct control_socket *s)
{
	struct look *look = ctx;

	look->found |= s->info.local.port == look->port &&
		       (s->info.state == TERN_TCP_LISTEN ||
			(s->info.protocol == TERN_IPPROTO_UDP &&
			 s->info.remote.port == 0));
}

static bool listens(const struct course *c, const struct net_program *p)
{
	struct look look = { .port = p->after_port };
	char why[256];
	int fd;

	if (control_connect(c->net->hosts[p->after_host].name, &fd))
		return false;
	control_ask_sockets(fd, NULL, on_socket, &look, why);
	close(fd);
	return look.found;
}

/* Have all ended that p waits for? */
static bool have_ended(const struct course *c, const struct net_program *p)
{
	for (int i = 0; i < c->net->n_programs; i++)
		if (net_waits_for(p, c->programs[i].what) &&
		    c->programs[i].state != ENDED)
			return false;
	return true;
}

static bool is_due(const struct course *c, const struct program *p)
{
	const struct net_program *what = p->what;

	switch (what->after) {
	case NET_AT_ONCE:
		return true;
	case NET_TIME:
		return clock_ns() - c->began_at >= what->after_ns;
	case NET_LISTEN:
		return listens(c, what);
	case NET_ENDED:
		return have_ended(c, what);
	}
	return true;
}

static void on_end(struct course *c, struct program *p)
{
	p->status = runner_launch_status(&p->launch);
	runner_launch_stop(&p->launch);
	close(p->host_fd);
	p->state = ENDED;
	if (c->verbose || (p->status && !c->stopping))
		fprintf(stderr, "tern net: %s: status %d: %s\n",
			host_name(c, p), p->status, p->what->command);
	/* Who waits for a server that has failed would wait for ever. */
	if (p->status && p->what->is_server && !c->stopping) {
		c->failed = p->status;
		c->stopping = true;
	}
}

/* Is anything left that the network waits for? */
static bool is_busy(const struct course *c, bool servers_too)
{
	for (int i = 0; i < c->net->n_programs; i++) {
		const struct program *p = &c->programs[i];

		if (p->state == RUNNING && (servers_too || !p->what->is_server))
			return true;
		if (p->state == WAITING && !c->stopping && !p->what->is_server)
			return true;
	}
	return false;
}

static void signal_all(struct course *c, int sig)
{
	for (int i = 0; i < c->net->n_programs; i++)
		if (c->programs[i].state == RUNNING)
			kill(-c->programs[i].launch.program, sig);
}

static void begin_end(struct course *c, int sig)
{
	c->stopping = true;
	signal_all(c, sig);
	if (c->stop_at == TERN_NEVER || c->stop_at > clock_ns() + GRACE_NS)
		c->stop_at = clock_ns() + GRACE_NS;
}

static void on_signals(struct course *c)
{
	char byte;

	while (read(c->signals, &byte, 1) == 1) {
		begin_end(c, byte);
		if (++c->n_signals > 1)
			c->stop_at = 0;
	}
}

/* Waits for something to happen, a moment at most, and acts on it. */
static void one_round(struct course *c)
{
	struct pollfd p[2 * NET_PROGRAMS + 1] = { { c->signals, POLLIN, 0 } };
	struct program *who[2 * NET_PROGRAMS + 1];
	int n = 1;

	for (int i = 0; i < c->net->n_programs; i++) {
		struct program *program = &c->programs[i];

		if (program->out >= 0) {
			who[n] = program;
			p[n++] = (struct pollfd){ program->out, POLLIN, 0 };
		}
		if (program->state == RUNNING) {
			who[n] = program;
			p[n++] = (struct pollfd){ program->launch.keeper_out,
						  POLLIN, 0 };
		}
	}
	if (poll(p, (nfds_t)n, LOOK_MS) <= 0)
		return;
	if (p[0].revents)
		on_signals(c);
	for (int i = 1; i < n; i++) {
		if (!p[i].revents)
			continue;
		if (p[i].fd == who[i]->out)
			read_output(c, who[i]);
		else
			on_end(c, who[i]);
	}
}

static void start_due(struct course *c)
{
	for (int i = 0; i < c->net->n_programs && !c->stopping; i++)
		if (c->programs[i].state == WAITING &&
		    is_due(c, &c->programs[i]))
			try_start(c, &c->programs[i]);
}

static bool hosts_are_well(struct course *c)
{
	int lost = net_hosts_lost(&c->hosts);

	if (lost >= 0)
		tool_error(c->command, "the host %s has gone",
			   c->net->hosts[lost].name);
	return lost < 0;
}

/* Until the programs that are waited for have ended. A network without any is
 * there until it is told to stop. */
static void run_programs(struct course *c)
{
	bool any = false;

	for (int i = 0; i < c->net->n_programs; i++)
		any |= !c->net->programs[i].is_server;
	while ((!any && !c->stopping) || is_busy(c, false)) {
		start_due(c);
		one_round(c);
		if (!hosts_are_well(c) ||
		    (c->stop_at != TERN_NEVER && clock_ns() >= c->stop_at)) {
			c->stopping = true;
			break;
		}
	}
}

static void end_programs(struct course *c)
{
	begin_end(c, SIGTERM);
	while (is_busy(c, true) && clock_ns() < c->stop_at)
		one_round(c);
	for (int i = 0; i < c->net->n_programs; i++) {
		struct program *p = &c->programs[i];

		if (p->state == RUNNING)
			runner_launch_stop(&p->launch);
		while (p->out >= 0)
			read_output(c, p);
	}
}

static int first_failure(const struct course *c)
{
	for (int i = 0; i < c->net->n_programs; i++) {
		const struct program *p = &c->programs[i];

		if (c->failed)
			return c->failed;
		if (!p->what->is_server && p->status)
			return p->status;
		if (!p->what->is_server && p->state != ENDED)
			return c->n_signals ? 128 + SIGINT : TOOL_RUN_FAILED;
	}
	return 0;
}

int net_run(const struct command *command, struct net *net, bool verbose)
{
	struct course *c = calloc(1, sizeof(*c));
	int status = TOOL_RUN_FAILED;

	if (!c)
		return status;
	*c = (struct course){ .command = command,
			      .net = net,
			      .stop_at = TERN_NEVER,
			      .verbose = verbose };
	for (int i = 0; i < net->n_programs; i++) {
		c->programs[i].what = &net->programs[i];
		c->programs[i].launch =
			(struct runner_launch)RUNNER_LAUNCH_NONE;
		c->programs[i].out = -1;
	}
	if (net_hosts_start(&c->hosts, command, net)) {
		c->signals = run_signals_open();
		c->began_at = clock_ns();
		if (net->stop_ns)
			c->stop_at = c->began_at + net->stop_ns;
		if (verbose)
			fprintf(stderr, "tern net: %d hosts are up\n",
				net->n_hosts);
		run_programs(c);
		end_programs(c);
		status = first_failure(c);
	}
	net_hosts_stop(&c->hosts);
	free(c);
	return status;
}
