// SPDX-License-Identifier: BSD-2-Clause
/* Processes beside a benchmark, for `tern bench observe`. */
#ifndef TOOLS_BENCH_BESIDE_H
#define TOOLS_BENCH_BESIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* One that formats lines as ss does, while it is told to. */
struct bench_neighbour {
	int orders; /* a byte is work, or rest; -1: not begun */
	pid_t pid;
};

/* It is a fork: begin it before there is memory to share with it. False: no
 * process; bench_neighbour_end() all the same. */
bool bench_neighbour_start(struct bench_neighbour *b);
bool bench_neighbour_work(const struct bench_neighbour *b, bool work);
void bench_neighbour_end(const struct bench_neighbour *b);

/* `tern ss HOW` on a host, writing to fd. Spawned and not forked: a copy of all
 * our pages would be measured, too. The caller waits for it; 0: it does not
 * start, which was told. */
pid_t bench_start_ss(const char *host, const char *how, int fd);

/* Of a file. */
uint64_t bench_count_lines(int fd);

#endif
