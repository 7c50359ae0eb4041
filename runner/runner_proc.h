// SPDX-License-Identifier: BSD-2-Clause
/*
 * What programs read of the network below /proc: the texts (runner_proc.c) and
 * the file system that has them (runner_fuse.c). Included by: runner*.c
 */
#ifndef RUNNER_RUNNER_PROC_H
#define RUNNER_RUNNER_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct runner;

/* A file of /proc/net. */
struct proc_file {
	const char *name;
	/* The whole text. */
	void (*print)(const struct runner *, FILE *);
	/* Or, instead, a table of sockets, some at a time. */
	int protocol; /* TERN_IPPROTO_*, 0: none */
	int family;
};

/* How far a table of sockets has been told. */
struct proc_walk {
	uint64_t cursor;
	int n; /* lines */
	bool has_begun;
};

/* The i-th, or NULL past the last. */
const struct proc_file *proc_file_at(size_t i);
const struct proc_file *proc_file_find(const char *name);
/* Those that are about what is the kernel's under tern as well. */
const char *proc_kernels_at(size_t i);
/* The next lines; false: these were the last. */
bool proc_print(const struct runner *, const struct proc_file *,
		struct proc_walk *, FILE *);

#endif
