// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rows of a ladder diagram, before they are drawn.
 *
 * A packet is split into leaving and arriving if the lane where it arrives
 * acts while it is on its way, if one the other way crosses it, or if one that
 * left later overtakes it: so times never run backwards in a column.
 */
#ifndef LAB_LADDER_ROWS_H
#define LAB_LADDER_ROWS_H

#include "ladder.h"

#define LADDER_LANES_MAX 16

enum ladder_part { LADDER_PLAIN, LADDER_WHOLE, LADDER_LEAVES, LADDER_ARRIVES };

struct ladder_item {
	const struct ladder_event *e;
	enum ladder_part part;
	int64_t at;
	int order;
};

struct ladder_row {
	const struct ladder_item *item;
	int order
		[LADDER_LANES_MAX]; /* of what is at a lane, among the events */
	int64_t at[LADDER_LANES_MAX]; /* of a lane; -1: nothing there */
	const char *state[LADDER_LANES_MAX];
};

struct ladder_rows {
	struct ladder_item *items;
	struct ladder_row *rows;
	int n; /* rows */
};

bool ladder_is_packet(const struct ladder_event *e);
/* A packet that got, or will get, where it was sent. */
bool ladder_arrives(const struct ladder_event *e);

/* Of 1 to LADDER_LANES_MAX lanes. The events stay the caller's and are pointed
 * to until ladder_rows_fini(). */
void ladder_rows_init(struct ladder_rows *, const struct ladder_event *, int n,
		      int n_lanes);
void ladder_rows_fini(struct ladder_rows *);

#endif
