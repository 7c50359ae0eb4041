// SPDX-License-Identifier: BSD-2-Clause
/*
 * Timers: a hierarchical wheel (Varghese, Lauck 1987, scheme 7) with exact
 * instants.
 *
 * Eight levels of 64 slots; a slot of level k spans 2^(14 + 6k) ns, so the
 * lowest ticks each 16.4 us and the highest goes round in 146 years.
 * A timer sits in the slot of the level on which its instant first differs
 * from the wheel's time. Each slot keeps a lower bound of its instants, so the
 * next deadline is exact where no timer was cancelled, never late, and costs
 * one look at each level. When the wheel's time enters a slot of a higher
 * level, its timers move down: each moves at most seven times.
 *
 * Timers are embedded in objects of a slab and linked by their ids. Arming
 * and cancelling are O(1). Timers due in one advance fire by slot, and within
 * the lowest level's slot in the order of their instants (ties: as armed).
 */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include "base/slab.h"
#include "base/time.h"

struct timer {
	int64_t at;    /* NEVER: not armed */
	uint32_t next; /* slab ids, 0: end */
	uint32_t prev; /* 0: first of its slot */
};

#define WHEEL_LEVELS 8
#define WHEEL_SLOTS 64

struct wheel {
	struct slab *slab;
	uint32_t offset; /* of the struct timer in the object */
	uint32_t n;	 /* armed */
	bool sorted;	 /* level 0's current slot is in order */
	int64_t now;
	uint64_t busy[WHEEL_LEVELS]; /* a bit for each slot in use */
	uint32_t slot[WHEEL_LEVELS][WHEEL_SLOTS];
	int64_t bound[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *, struct slab *, size_t offset, int64_t now);

/* A timer in a zeroed object must be made unarmed first. */
static inline void timer_init(struct timer *t)
{
	t->at = NEVER;
}

static inline bool timer_armed(const struct timer *t)
{
	return t->at != NEVER;
}

/* Arms the timer of object `id`, moving it if it is armed. at NEVER cancels;
 * an instant in the past fires at the next advance. */
void wheel_arm(struct wheel *, uint32_t id, int64_t at);
void wheel_cancel(struct wheel *, uint32_t id);

/* No timer is due before this; NEVER without timers. */
int64_t wheel_deadline(const struct wheel *);

/* Takes the next timer due at or before now: it is disarmed, and its object's
 * id returned; 0 when none is left (the wheel's time is then now). Timers may
 * be armed and cancelled between calls; one armed for now or before fires in
 * the same round. */
uint32_t wheel_expire(struct wheel *, int64_t now);

#endif
