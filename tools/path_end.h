// SPDX-License-Identifier: BSD-2-Clause
/*
 * One end of a measured path: this kernel, in a network namespace of its own
 * behind a TUN device, or a stack of tern's, with the application on top: one
 * connection that sends or receives all it can. Everything runs on one thread
 * and waits for nothing.
 */
#ifndef TOOLS_PATH_END_H
#define TOOLS_PATH_END_H

#include <tern/stack.h>

struct path_end_config {
	bool is_tern;
	bool sends;	/* else it listens, and takes what comes */
	uint8_t nth;	/* of those that share a path: its own chances */
	const char *cc; /* "cubic" or "bbr", as sysctl has it */
	struct tern_pool *pool;
};

struct path_end {
	struct path_end_config config;
	struct tern_link *tun; /* the kernel's */
	struct tern_stack *stack;
	int link;	    /* the stack's */
	int listener, sock; /* a descriptor, or the stack's number; or -1 */
	uint64_t bytes;	    /* received */
};

/* Sets it up and begins to connect or listen; open who receives first. False
 * after telling what is missing. */
bool path_end_open(struct path_end *, const struct path_end_config *,
		   int64_t now);
/* Also after a failed open. */
void path_end_close(struct path_end *, int64_t now);

/* Runs timers that are due; before what arrives. */
void path_end_timers(struct path_end *, int64_t now);
/* The application's calls. False: the connection broke (told). */
bool path_end_work(struct path_end *, int64_t now);
/* Packets that leave now, each of at most 1,500 bytes; the caller's then. */
int path_end_output(struct path_end *, struct tern_pkt **, int max,
		    int64_t now);
/* A packet arrives, and is the end's. */
void path_end_input(struct path_end *, struct tern_pkt *, int64_t now);

int64_t path_end_deadline(const struct path_end *);
/* Real nanoseconds, as `now` is everywhere here. */
int64_t path_clock(void);
/* Waits until that instant, or until one of the ends has something to do. */
#define PATH_ENDS_MAX 8
void path_end_wait(struct path_end *const *ends, int n, int64_t until);
/* Segments resent so far. */
uint32_t path_end_resent(struct path_end *, int64_t now);

#endif
