// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "tools/run_crash.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child that hangs, for a lock that it inherited, is given. */
#define CRASH_S 10

static const int crashes[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
#define N_CRASHES (sizeof(crashes) / sizeof(crashes[0]))

/* A handler has no argument. */
static struct run_crash *writers;
static struct sigaction before[N_CRASHES]; /* a sanitizer's, mostly none */

static void restore(void)
{
	for (size_t i = 0; i < N_CRASHES; i++)
		sigaction(crashes[i], &before[i], NULL);
}

static void write_all(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	alarm(CRASH_S);
	for (struct run_crash *w = writers; w; w = w->next)
		w->write(w->ctx);
	_exit(0);
}

static void on_crash(int number, siginfo_t *info, void *context)
{
	int error = errno;
	pid_t child;

	(void)context;
	/* Once: what comes next is as if we had not been here. */
	restore();
	child = fork();
	if (!child)
		write_all();
	if (child > 0)
		waitpid(child, NULL, 0);
	errno = error;
	/* What the processor found it will find again. */
	if (info->si_code <= 0)
		raise(number);
}

void run_crash_add(struct run_crash *w)
{
	struct sigaction sa = { .sa_sigaction = on_crash,
				.sa_flags = SA_SIGINFO };
	struct run_crash **at = &writers;

	if (!writers)
		for (size_t i = 0; i < N_CRASHES; i++)
			sigaction(crashes[i], &sa, &before[i]);
	while (*at)
		at = &(*at)->next;
	w->next = NULL;
	*at = w;
}

void run_crash_remove(struct run_crash *w)
{
	struct run_crash **at = &writers;

	while (*at && *at != w)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = w->next;
	if (!writers)
		restore();
}
