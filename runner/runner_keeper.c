// SPDX-License-Identifier: BSD-2-Clause
/*
 * The keeper: a process between the runner and the program.
 *
 *	runner ---- keeper ---- program ---- its children
 *	                 \___ orphans of theirs (the keeper is subreaper)
 *
 * It waits for whatever ends, tells the runner when the last of them has
 * ended, and kills them all when the runner lets go of its pipe or dies: then
 * socket calls would give ENOSYS, and a program that goes on without a network
 * is worse than none. As subreaper every descendant becomes its child at
 * last, so killing children until none is left kills the tree, whatever
 * daemon, session or process group they made of themselves; in a process of
 * its own it survives the runner's sudden death.
 *
 * The program gets a process group of its own, in the foreground if we were:
 * Ctrl-C reaches it as it would without us. There is no job control: Ctrl-Z
 * would stop the program but not the shell's wait for us, so it goes on.
 */
#include "runner_priv.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct keeper {
	const struct keeper_config *config;
	pid_t program;
	int status;	  /* of the program, as a shell says it */
	pid_t foreground; /* group that had the terminal, or -1 */
};

static void send_report(const struct keeper_config *c, struct report r)
{
	if (write(c->report, &r, sizeof(r)) < 0)
		_exit(125);
}

static void fail(const struct keeper_config *c, int step, int error)
{
	send_report(c, (struct report){ REPORT_FAILED, step, error, -1 });
}

static bool is_stdio(const struct runner_config *run, int fd)
{
	return run->stdio && (fd == run->stdio[0] || fd == run->stdio[1] ||
			      fd == run->stdio[2]);
}

/* Closes what the host has open: it would live on here, a TUN for one. What
 * the user's shell gave us has no close-on-exec flag and goes through. */
static void close_host_fds(const struct keeper_config *c)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		int fd = atoi(e->d_name);

		if (!isdigit((unsigned char)e->d_name[0]) || fd < 3 ||
		    fd == dirfd(dir) || fd == c->in || fd == c->out ||
		    fd == c->report || fd == c->go || is_stdio(c->run, fd))
			continue;
		if (fcntl(fd, F_GETFD) & FD_CLOEXEC)
			close(fd);
	}
	if (dir)
		closedir(dir);
}

/* What the host has changed for itself, and programs would inherit. */
static void restore_defaults(const struct keeper_config *c)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++) {
		struct sigaction sa;

		/* What the user ignores (nohup) stays ignored; SIGPIPE is the
		 * host's doing. */
		if (sigaction(sig, NULL, &sa) == 0 &&
		    (sa.sa_handler != SIG_IGN || sig == SIGPIPE))
			signal(sig, SIG_DFL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setrlimit(RLIMIT_NOFILE, &c->files);
}

_Noreturn static void become_program(const struct keeper *k)
{
	const struct keeper_config *c = k->config;
	pid_t keeper = getppid();
	int listener, files;
	char go;

	setpgid(0, 0);
	if (k->foreground >= 0)
		tcsetpgrp(STDIN_FILENO, getpid());
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != keeper)
		_exit(125);
	files = files_replace(c->run);
	listener = filter_load();
	if (listener < 0) {
		fail(c, STEP_FILTER, -listener);
		_exit(125);
	}
	send_report(c, (struct report){ REPORT_FILTER, listener, getpid(),
					files });
	/* Nothing comes if the runner could not take it. */
	if (read(c->go, &go, 1) != 1)
		_exit(125);
	close(listener);
	if (files >= 0)
		close(files);
	for (int i = 0; c->run->stdio && i < 3; i++)
		dup2(c->run->stdio[i], i);
	restore_defaults(c);
	execvp(c->run->argv[0], c->run->argv);
	fail(c, STEP_EXEC, errno);
	_exit(errno == ENOENT ? 127 : 126);
}

static int shell_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

/* Waits for all that has ended by now. False when no child is left. */
static bool reap(struct keeper *k)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (WIFSTOPPED(status)) {
			if (pid == k->program && WSTOPSIG(status) == SIGTSTP)
				kill(-pid, SIGCONT);
			continue;
		}
		if (pid != k->program)
			continue;
		k->status = shell_status(status);
		if (k->foreground >= 0)
			tcsetpgrp(STDIN_FILENO, k->foreground);
	}
	return pid == 0;
}

/* The parent of a process: the fourth field of its stat, after a name that
 * may contain blanks and parentheses. */
static pid_t parent_of(pid_t pid)
{
	char path[64], text[512], *at;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	at = strrchr(text, ')');
	return at && strlen(at) > 4 ? atoi(at + 4) : -1;
}

static void kill_children(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		pid_t pid = atoi(e->d_name);

		if (pid > 0 && parent_of(pid) == getpid())
			kill(pid, SIGKILL);
	}
	if (dir)
		closedir(dir);
}

/* Kills until nobody is left: the children of who dies become ours. */
_Noreturn static void kill_all(const struct keeper *k)
{
	do {
		kill(-k->program, SIGKILL);
		kill_children();
	} while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
	_exit(0);
}

_Noreturn void keeper_main(const struct keeper_config *c)
{
	struct keeper k = { .config = c, .foreground = -1 };
	sigset_t all, child;
	int children;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	close_host_fds(c);
	prctl(PR_SET_NAME, "tern-keeper");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (!c->run->stdio && tcgetpgrp(STDIN_FILENO) == getpgrp())
		k.foreground = getpgrp();
	/* Signals to our old group are the runner's to pass on. */
	setpgid(0, 0);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	k.program = fork();
	if (k.program == 0)
		become_program(&k);
	if (k.program < 0 || children < 0) {
		fail(c, STEP_FORK, errno);
		_exit(125);
	}
	/* Closed when the program has: that tells the runner of its exec. */
	close(c->report);
	close(c->go);
	while (reap(&k)) {
		struct pollfd p[] = { { children, POLLIN, 0 },
				      { c->in, POLLIN, 0 } };
		struct signalfd_siginfo drop;

		poll(p, 2, -1);
		if (p[1].revents)
			kill_all(&k);
		while (read(children, &drop, sizeof(drop)) > 0)
			;
	}
	if (write(c->out, &k.status, sizeof(k.status)) < 0)
		_exit(125);
	_exit(0);
}
