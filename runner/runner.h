// SPDX-License-Identifier: BSD-2-Clause
/*
 * Runs an unmodified program on a host's stack: starts it under a seccomp
 * filter, answers its socket calls, and pumps bytes between the AF_UNIX
 * sockets that it holds and the stack's sockets.
 */
#ifndef RUNNER_RUNNER_H
#define RUNNER_RUNNER_H

#include "host/host.h"

struct control_owners;
struct runner;

struct runner_config {
	char *const *argv; /* program and arguments, NULL at the end */
	/* Files the program sees instead of the system's, for names: text of
	 * /etc/resolv.conf and /etc/hosts, or NULL to leave them. */
	const char *resolv_conf;
	const char *hosts;
	/* Its standard input, output and error, and it never is in the
	 * terminal's foreground; NULL: ours. */
	const int *stdio;
	bool verbose; /* tell each intercepted call on standard error */
	/* Called once, when the program and all its children have ended, with
	 * the exit status a shell would report (128 + signal). */
	void (*ended)(void *ctx, int status);
	void *ctx;
};

/* Is this process itself run by a runner? Then it cannot be one (the kernel
 * allows one filter with a listener), nor reach the host's devices: to be asked
 * before a device is made. */
bool runner_is_nested(void);

/* Starts it. 0 and *out, or -errno with a line on standard error that says
 * what to do. */
int runner_start(struct host *, const struct runner_config *,
		 struct runner **out);

/* Answers a program that another process has started, and whose descriptors
 * (runner_launch.h; files may be -1) it has sent here; both are taken over.
 * config's argv and texts are of no use here; `ended` is told status 0. */
int runner_attach(struct host *, const struct runner_config *, int listener,
		  int files, struct runner **out);

/* Has the program ended, and has all that it wrote been handed to the stack? */
bool runner_is_done(const struct runner *);

/* Sends a signal to the program's process group (Ctrl-C and the like). */
void runner_signal(struct runner *, int signal);

/* A process of the program's that has the stack's socket s open. */
uint64_t runner_inode(const struct runner *, int s);
/* Connections of listener s that wait in the program's own queue. */
int runner_queued(const struct runner *, int s);
/* Both, for who looks at the stack's sockets. */
struct control_owners runner_owners(const struct runner *);

/* Bytes that programs wrote before they closed, and that the stack has not
 * taken yet. */
size_t runner_unsaid(const struct runner *);

/* Kills what still runs, closes every connection as the death of the programs
 * would, and frees the runner. */
void runner_free(struct runner *);

#endif
