// SPDX-License-Identifier: BSD-2-Clause
/*
 * The cells of the golden table, doc/goodput.md: which there are, what theory
 * says of each, and what tern does in it. Each stands alone.
 *
 * Five tables: the grid (rate, RTT, queue, loss, reordering); losses that come
 * evenly, where the window is a function of their rate; reordering on a path
 * that loses nothing, and with a queue that overflows, without timestamps; and
 * lost tails.
 */
#ifndef TOOLS_GOODPUT_CELL_H
#define TOOLS_GOODPUT_CELL_H

#include "tools/flows.h"

#define GOODPUT_MTU 1500
#define GOODPUT_MSS 1448

enum goodput_table {
	GOODPUT_GRID,
	GOODPUT_PERIODIC,
	GOODPUT_REORDERED,
	GOODPUT_NO_STAMPS,
	GOODPUT_TAIL,
	GOODPUT_N_TABLES,
};

enum goodput_cc { GOODPUT_RENO, GOODPUT_CUBIC, GOODPUT_BBR, GOODPUT_N_CCS };

struct goodput_cell {
	enum goodput_table table;
	enum goodput_cc cc;
	int rate, rtt;	/* Mbit/s, ms */
	double queue;	/* BDP */
	size_t loss;	/* of goodput_losses */
	size_t reorder; /* of goodput_reorders */
	int every;	/* periodic: the n-th packet is lost */
	int flight;	/* tail: segments sent at once */
	int lost;	/* and of these the last */
};

struct goodput_loss {
	const char *name;
	uint32_t loss, burst_begin, burst_end; /* in a million */
};

struct goodput_reorder {
	const char *name;
	uint32_t part; /* in a million, late by a quarter of the RTT */
};

#define GOODPUT_N_LOSSES 5
#define GOODPUT_N_REORDERS 3
extern const struct goodput_loss goodput_losses[GOODPUT_N_LOSSES];
extern const struct goodput_reorder goodput_reorders[GOODPUT_N_REORDERS];
extern const char *const goodput_ccs[GOODPUT_N_CCS];

/* What a table's cells give, rounded to what is printed. */
enum {
	GOODPUT_MBITS = 0, /* all but the tails */
	/* of the reordered */
	GOODPUT_NEEDLESS, /* resends that arrived beside the original */
	GOODPUT_COUNTED,  /* of which the sender knows, by D-SACK */
	GOODPUT_ENTERED,  /* recoveries and time-outs */
	GOODPUT_UNDONE,
	/* of the tails */
	GOODPUT_PROBE = 0, /* when the probe left, in RTT; 0: never */
	GOODPUT_REPAIR,	   /* when all had arrived */
	GOODPUT_RTOS,
	GOODPUT_FIGURES = 5,
};

size_t goodput_n_cells(enum goodput_table);
/* The i-th of that table; they come row by row, a controller after the
 * other. */
struct goodput_cell goodput_cell_at(enum goodput_table, size_t i);
/* "grid bbr 10 1 0.1 bursts heavy". */
void goodput_cell_name(const struct goodput_cell *, char *out, size_t size);

/* The path, and one flow on it. */
struct flows_config goodput_path(const struct goodput_cell *);
/* False after telling what failed. */
bool goodput_measure(const struct goodput_cell *, double *figures);
/* What a run costs, in packets. */
double goodput_cost(const struct goodput_cell *);
/* Is what is measured long enough for two periods of the sawtooth? */
bool goodput_converges(const struct goodput_cell *);

/* goodput_theory.c */
double goodput_link(const struct goodput_cell *); /* Mbit/s of payload */
double goodput_bdp(const struct goodput_cell *);  /* packets */
double goodput_limit(const struct goodput_cell *);
/* Seconds from one loss by the queue's overflow to the next. */
double goodput_period(const struct goodput_cell *);

#endif
