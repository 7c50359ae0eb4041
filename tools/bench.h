// SPDX-License-Identifier: BSD-2-Clause
/* What the benchmarks of `tern bench` share. */
#ifndef TOOLS_BENCH_H
#define TOOLS_BENCH_H

#include "base/pkt.h"

#include <tern/stack.h>

#include <jansson.h>

struct bench_options {
	double seconds;	      /* how long a measurement of speed takes */
	uint64_t connections; /* how many a measurement of memory makes */
	uint64_t records;     /* of TIME_WAIT */
	unsigned rounds;      /* whose median a comparison takes: 1 to 99 */
	uint64_t rate;	      /* of a path, bits a second */
	const char *only;     /* this controller alone; NULL: all */
};

struct bench {
	const char *name;
	const char *help;
	/* Adds its results; 0, or 1 after telling what failed. */
	int (*run)(const struct bench_options *, json_t *results);
	/* (optional) Prints results that bench_add() did not make. */
	void (*print)(const json_t *results);
	bool by_name_only; /* not among all: it is long, or needs rights */
};

extern const struct bench bench_pair;
extern const struct bench bench_idle;
extern const struct bench bench_path;
extern const struct bench bench_ports;
extern const struct bench bench_timewait;

/* Adds "what: value unit". */
void bench_add(json_t *results, const char *what, double value,
	       const char *unit);

/* A measurement in a process of its own (bench_apart.c): what it wrote to result,
 * len bytes. False: it failed, and has told. */
bool bench_apart(bool (*measure)(const void *arg, void *result),
		 const void *arg, void *result, size_t len);
/* Resident bytes of this process. */
size_t bench_resident(void);
/* Zeroed, resident at once, never freed; NULL without memory. */
void *bench_array(size_t n, size_t size);

/* Real seconds since some instant. */
double bench_clock(void);

/*
 * Two stacks on one thread, joined by the pair link, in virtual time: end 0 is
 * 10.0.0.1 and fd00::1, end 1 is .2 and ::2. The link has no abilities: all
 * packets are of at most 1,500 bytes, and every checksum is computed and
 * verified.
 */
struct bench_net {
	struct tern_stack *stack[2];
	struct tern_link *link[2];
	int number[2]; /* of the link in its stack */
	struct tern_pool *pool;
	int64_t now;
	uint64_t n_packets;
	/* (optional) Sees each packet under way and may replace it; false: it
	 * is lost. */
	bool (*filter)(void *ctx, int from, struct tern_pkt **pkt);
	void *filter_ctx;
};

/* All zero; sets it up with that many sockets at most. False after telling. */
bool bench_net_open(struct bench_net *, uint32_t max_sockets);
void bench_net_close(struct bench_net *);

/* Carries one batch each way, as far as there is; returns packets moved. */
int bench_net_carry(struct bench_net *);

/* Carries until nothing moves, going on in time by at most max_ns whenever
 * both stacks only wait. */
void bench_net_settle(struct bench_net *, int64_t max_ns);

struct tern_sockaddr bench_net_addr(int end, bool v6, uint16_t port);

/* A connection from end 0 to a new listener at end 1, which is closed again.
 * False after telling. */
bool bench_net_connect(struct bench_net *, bool v6, int s[2]);

#endif
