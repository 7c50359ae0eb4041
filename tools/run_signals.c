// SPDX-License-Identifier: BSD-2-Clause
/*
 * Handlers that do nothing but write a byte into a pipe. Handlers, unlike a
 * blocked mask, do not outlive exec in the program.
 */
#define _GNU_SOURCE
#include "tools/run_signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static int signal_pipe[2];

static void on_signal(int signal)
{
	int saved = errno;
	char byte = (char)signal;

	/* A full pipe has more than enough of them. */
	if (signal != SIGPIPE && write(signal_pipe[1], &byte, 1) < 0)
		errno = saved;
	errno = saved;
}

int run_signals_open(void)
{
	/* SIGPIPE: not to die of a reader of our output that has gone. */
	static const int signals[] = { SIGINT,	SIGTERM, SIGHUP, SIGQUIT,
				       SIGUSR1, SIGUSR2, SIGPIPE };
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_RESTART };

	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction old;

		/* What we were told to ignore (nohup) the program shall
		 * ignore too. */
		sigaction(signals[i], NULL, &old);
		if (old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
	return signal_pipe[0];
}
