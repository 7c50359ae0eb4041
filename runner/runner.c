// SPDX-License-Identifier: BSD-2-Clause
/*
 * The life of a runner: starts the program, answers it, ends with it.
 *
 *	runner_start:	tables; keeper; the program loads its filter and tells
 *			the listener's number; the runner takes the listener
 *			(pidfd_getfd, as a message would itself be filtered);
 *			the program goes on to exec
 *	then:		all in callbacks of the host's loop
 *	its end:	the keeper tells that the last process has ended; every
 *			socket that is left has been closed by that; `ended`
 *
 * Data that the program wrote before its end may still be on its way then:
 * the stack has it, and goes on while the host makes rounds.
 */
#define _GNU_SOURCE
#include "runner.h"

#include "runner_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long the killed tree may take before we go without it. */
#define KILL_MS 3000

/* Each connection costs the runner a descriptor, which the user's limit for
 * programs was not made for. The program keeps what it had. */
static void raise_file_limit(struct rlimit *before)
{
	struct rlimit most = { 1 << 20, 1 << 20 };

	getrlimit(RLIMIT_NOFILE, before);
	if (before->rlim_cur >= most.rlim_cur)
		return;
	if (before->rlim_max > most.rlim_max)
		most.rlim_max = before->rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &most) == 0)
		return;
	most.rlim_cur = most.rlim_max = before->rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
}

static void on_all_closed(struct runner *r)
{
	struct rsock *sock, *next;

	for (sock = r->socks; sock; sock = next) {
		next = sock->next;
		if (sock->state != RSOCK_CLOSING)
			sock_on_closed(sock);
	}
}

static void on_keeper(void *ctx, uint32_t events)
{
	struct runner *r = ctx;
	int status;

	host_unwatch(r->host, r->keeper_out);
	/* A keeper that was killed takes the program with it. */
	if (read(r->keeper_out, &status, sizeof(status)) != sizeof(status))
		status = 128 + SIGKILL;
	waitpid(r->keeper, NULL, 0);
	r->keeper = -1;
	r->has_ended = true;
	on_all_closed(r);
	if (r->ended)
		r->ended(r->ctx, status);
}

/* What a TCP socket says of a receive, ENOTCONN, an AF_UNIX one does not. */
bool runner_is_nested(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char byte;
	bool is;

	if (fd < 0)
		return false;
	is = recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EINVAL;
	close(fd);
	return is;
}

/* One line that says what to do. */
static void explain(const struct runner_config *c, int step, int error)
{
	if (step == STEP_EXEC)
		fprintf(stderr, "tern run: %s: %s\n", c->argv[0],
			strerror(error));
	else if (step == STEP_FILTER && error == EBUSY)
		fprintf(stderr,
			"tern run: already inside a tern run: leave out the "
			"inner one, or start it outside\n");
	else if (step == STEP_FILTER)
		fprintf(stderr,
			"tern run: no seccomp user notification (%s): it "
			"needs Linux 5.14 or newer, and a container that "
			"allows seccomp()\n",
			strerror(error));
	else
		fprintf(stderr, "tern run: cannot start a process: %s\n",
			strerror(error));
}

/* Reads one report. 0 at the end (the exec has happened), or -errno. */
static int read_report(int fd, struct report *out)
{
	ssize_t n;

	do
		n = read(fd, out, sizeof(*out));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == sizeof(*out);
}

/* The program waits, its filter loaded: takes the listener and lets it go. */
static int take_listener(struct runner *r, const struct report *told, int go)
{
	int pidfd = pidfd_open(told->error, 0);
	int listener = pidfd < 0 ? -1 : pidfd_getfd(pidfd, told->value, 0);
	int result = listener < 0 ? -errno : 0;

	r->program = told->error;
	if (pidfd >= 0)
		close(pidfd);
	if (result == 0)
		result = notify_init(r, listener);
	if (result < 0)
		fprintf(stderr,
			"tern run: cannot reach into the program (%s): "
			"ptrace is restricted here\n",
			strerror(-result));
	else if (write(go, "", 1) < 0)
		result = -errno;
	return result;
}

/* Follows the program from its filter to its exec. */
static int attend(struct runner *r, const struct runner_config *c, int report,
		  int go)
{
	struct report told;
	int result = read_report(report, &told);

	if (result > 0 && told.what == REPORT_FILTER) {
		result = take_listener(r, &told, go);
		if (result == 0)
			result = read_report(report, &told);
		if (result <= 0)
			return result;
	}
	if (result > 0) {
		explain(c, told.value, told.error);
		return -told.error;
	}
	fprintf(stderr, "tern run: the program ended before it began\n");
	return result < 0 ? result : -ECHILD;
}

enum { IN, OUT, REPORT, GO, N_PIPES };

static int start_keeper(struct runner *r, const struct runner_config *c,
			int pipes[][2])
{
	struct keeper_config k = {
		.run = c,
		.in = pipes[IN][0],
		.out = pipes[OUT][1],
		.report = pipes[REPORT][1],
		.go = pipes[GO][0],
	};

	raise_file_limit(&k.files);
	fflush(NULL);
	r->keeper = fork();
	if (r->keeper == 0)
		keeper_main(&k);
	close(k.in);
	close(k.out);
	close(k.report);
	close(k.go);
	r->keeper_in = pipes[IN][1];
	r->keeper_out = pipes[OUT][0];
	return r->keeper < 0 ? -errno : 0;
}

static int start_program(struct runner *r, const struct runner_config *c)
{
	int pipes[N_PIPES][2];
	int result;

	for (int i = 0; i < N_PIPES; i++) {
		if (pipe2(pipes[i], O_CLOEXEC) == 0)
			continue;
		result = -errno;
		while (i-- > 0) {
			close(pipes[i][0]);
			close(pipes[i][1]);
		}
		return result;
	}
	result = start_keeper(r, c, pipes);
	if (result == 0)
		result = attend(r, c, pipes[REPORT][0], pipes[GO][1]);
	close(pipes[GO][1]);
	close(pipes[REPORT][0]);
	return result;
}

int runner_start(struct host *host, const struct runner_config *config,
		 struct runner **out)
{
	struct runner *r;
	int result;

	if (runner_is_nested()) {
		explain(config, STEP_FILTER, EBUSY);
		return -EBUSY;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->host = host;
	r->stack = host_stack(host);
	r->verbose = config->verbose;
	r->ended = config->ended;
	r->ctx = config->ctx;
	r->keeper = r->program = -1;
	r->keeper_in = r->keeper_out = r->notify = -1;
	r->inotify = r->meet = r->diag = -1;
	/* The pump writes where a program may have closed. */
	signal(SIGPIPE, SIG_IGN);
	result = sock_table_init(r);
	if (result < 0)
		fprintf(stderr, "tern run: cannot make sockets: %s\n",
			strerror(-result));
	else
		result = start_program(r, config);
	if (result == 0)
		result = host_watch(host, r->keeper_out, EPOLLIN, on_keeper, r);
	if (result < 0) {
		runner_free(r);
		return result;
	}
	*out = r;
	return 0;
}

void runner_signal(struct runner *r, int sig)
{
	if (r->program > 0 && !r->has_ended)
		kill(-r->program, sig);
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

static void stop_keeper(struct runner *r)
{
	int pidfd = pidfd_open(r->keeper, 0);
	struct pollfd p = { pidfd, POLLIN, 0 };

	close(r->keeper_in);
	r->keeper_in = -1;
	if (pidfd < 0 || poll(&p, 1, KILL_MS) == 0)
		kill(r->keeper, SIGKILL);
	if (pidfd >= 0)
		close(pidfd);
	waitpid(r->keeper, NULL, 0);
}

void runner_free(struct runner *r)
{
	if (r->keeper > 0)
		stop_keeper(r);
	if (r->keeper_out >= 0) {
		host_unwatch(r->host, r->keeper_out);
		close(r->keeper_out);
	}
	if (r->keeper_in >= 0)
		close(r->keeper_in);
	on_all_closed(r);
	while (r->socks)
		sock_free(r->socks);
	notify_fini(r);
	sock_table_fini(r);
	free(r);
}
