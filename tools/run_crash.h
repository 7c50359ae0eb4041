// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is written down when the program crashes: by a child, which has a copy of
 * all there was and may do what a handler may not. It may hang or crash in its
 * turn; the parent waits for a while, and dies as it would have.
 */
#ifndef TOOLS_RUN_CRASH_H
#define TOOLS_RUN_CRASH_H

struct run_crash {
	void (*write)(void *ctx);
	void *ctx;
	struct run_crash *next;
};

/* The memory is the caller's, until it is removed. The last one added writes
 * last. */
void run_crash_add(struct run_crash *);
void run_crash_remove(struct run_crash *);

#endif
