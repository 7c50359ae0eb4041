// SPDX-License-Identifier: BSD-2-Clause
/*
 * Starting a program: a keeper, a filter, a listener, an exec.
 *
 *	runner_launch_begin:	the keeper forks the program, which loads its
 *				filter and tells the listener's number; we take
 *				the listener (pidfd_getfd, as a message would
 *				itself be filtered)
 *	runner_launch_go:	the program goes on to exec; from then on
 *				somebody must answer the listener
 *	runner_launch_stop:	all that still runs is killed
 *
 * Who answers may be another process than who starts (runner_remote.c).
 */
#define _GNU_SOURCE
#include "runner_launch.h"

#include "runner_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long the killed tree may take before we go without it. */
#define KILL_MS 3000

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

/* The program waits, its filter loaded: takes the listener. */
static int take_listener(struct runner_launch *l, const struct report *told)
{
	int pidfd = pidfd_open(told->error, 0);
	int result = 0;

	l->program = told->error;
	l->listener = pidfd < 0 ? -1 : pidfd_getfd(pidfd, told->value, 0);
	if (l->listener < 0)
		result = -errno;
	else if (told->files >= 0)
		l->files = pidfd_getfd(pidfd, told->files, 0);
	if (pidfd >= 0)
		close(pidfd);
	if (result < 0)
		fprintf(stderr,
			"tern run: cannot reach into the program (%s): "
			"ptrace is restricted here\n",
			strerror(-result));
	return result;
}

/* A report that is not the one waited for, or none. */
static int fail(const struct runner_config *c, int result,
		const struct report *told)
{
	if (result > 0) {
		explain(c, told->value, told->error);
		return -told->error;
	}
	fprintf(stderr, "tern run: the program ended before it began\n");
	return result < 0 ? result : -ECHILD;
}

enum { IN, OUT, REPORT, GO, N_PIPES };

static int start_keeper(struct runner_launch *l, const struct runner_config *c,
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
	l->keeper = fork();
	if (l->keeper == 0)
		keeper_main(&k);
	close(k.in);
	close(k.out);
	close(k.report);
	close(k.go);
	l->keeper_in = pipes[IN][1];
	l->keeper_out = pipes[OUT][0];
	l->report = pipes[REPORT][0];
	l->go = pipes[GO][1];
	return l->keeper < 0 ? -errno : 0;
}

static int make_pipes(int pipes[][2])
{
	for (int i = 0; i < N_PIPES; i++) {
		int error;

		if (pipe2(pipes[i], O_CLOEXEC) == 0)
			continue;
		error = -errno;
		while (i-- > 0) {
			close(pipes[i][0]);
			close(pipes[i][1]);
		}
		return error;
	}
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int runner_launch_begin(struct runner_launch *l, const struct runner_config *c)
{
	int pipes[N_PIPES][2];
	struct report told;
	int result;

	*l = (struct runner_launch)RUNNER_LAUNCH_NONE;
	if (runner_is_nested()) {
		explain(c, STEP_FILTER, EBUSY);
		return -EBUSY;
	}
	result = make_pipes(pipes);
	if (result == 0)
		result = start_keeper(l, c, pipes);
	if (result < 0)
		return result;
	result = read_report(l->report, &told);
	if (result <= 0 || told.what != REPORT_FILTER)
		return fail(c, result, &told);
	return take_listener(l, &told);
}

void runner_launch_handed(struct runner_launch *l)
{
	close_fd(&l->listener);
	close_fd(&l->files);
}

int runner_launch_go(struct runner_launch *l, const struct runner_config *c)
{
	struct report told;
	int result = write(l->go, "", 1) == 1 ? 0 : -errno;

	if (result == 0)
		result = read_report(l->report, &told);
	close_fd(&l->go);
	close_fd(&l->report);
	return result == 0 ? 0 : fail(c, result, &told);
}

int runner_launch_status(struct runner_launch *l)
{
	int status;

	/* A keeper that was killed takes the program with it. */
	if (read(l->keeper_out, &status, sizeof(status)) != sizeof(status))
		status = 128 + SIGKILL;
	waitpid(l->keeper, NULL, 0);
	l->keeper = -1;
	return status;
}

static void stop_keeper(struct runner_launch *l)
{
	int pidfd = pidfd_open(l->keeper, 0);
	struct pollfd p = { pidfd, POLLIN, 0 };

	close_fd(&l->keeper_in);
	if (pidfd < 0 || poll(&p, 1, KILL_MS) == 0)
		kill(l->keeper, SIGKILL);
	if (pidfd >= 0)
		close(pidfd);
	waitpid(l->keeper, NULL, 0);
	l->keeper = -1;
}

void runner_launch_stop(struct runner_launch *l)
{
	close_fd(&l->go);
	close_fd(&l->report);
	if (l->keeper > 0)
		stop_keeper(l);
	close_fd(&l->keeper_in);
	close_fd(&l->keeper_out);
	runner_launch_handed(l);
}
