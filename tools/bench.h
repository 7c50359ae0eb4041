// SPDX-License-Identifier: BSD-2-Clause
/* What the benchmarks of `tern bench` share. */
#ifndef TOOLS_BENCH_H
#define TOOLS_BENCH_H

#include "tools/bench_net.h"

#include <jansson.h>

struct bench_options {
	double seconds;	      /* how long a measurement of speed takes */
	uint64_t connections; /* how many a measurement of memory makes */
	uint64_t records;     /* of TIME_WAIT */
	uint64_t sockets;     /* that a busy host has */
	uint64_t syns;	      /* of a flood */
	unsigned rounds;      /* whose median a comparison takes: 1 to 99 */
	uint64_t rate;	      /* of a path, bits a second */
	const char *only;     /* this controller alone; NULL: all */
	const char *check;    /* a golden table to sample; NULL: make it */
	const char *cells;    /* pattern of those to compute; NULL: all */
	uint64_t seed;	      /* of the sample */
	bool flight;	      /* with the flight recorder */
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
extern const struct bench bench_synflood;
extern const struct bench bench_observe;
extern const struct bench bench_goodput;
extern const struct bench bench_fairness;
extern const struct bench bench_share;

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

#define BENCH_ROUNDS_MAX 99
/* Sorts them. */
double bench_median(double *values, unsigned n);

/* Real seconds since some instant. */
double bench_clock(void);

#endif
