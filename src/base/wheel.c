// SPDX-License-Identifier: BSD-2-Clause
/*
 * The wheel. Read instants as numbers of eight digits, six bits each, behind
 * a tail of 14 bits:
 *
 *	bit 63  62|61..56|55..50|  ...  |25..20|19..14|13..0
 *	    -----  level7 level6  ...    level1 level0  tail
 *
 * A timer stands on the level of the highest digit in which its instant
 * differs from the wheel's time, in that digit's slot (level 0 if none
 * differs). Timers due already stand in level 0's current slot. So:
 *
 *  1. where a timer stands follows from its instant and the wheel's time
 *     alone, and cancelling needs no more than that;
 *  2. whatever is on level k (below 7) is due before all that is on level
 *     k + 1, and in a level the lower slots before the higher;
 *  3. the wheel's time never passes a timer that has not fired.
 *
 * By 3 time may jump: when it enters another slot of level k all levels below
 * are empty, and only that one slot is to be moved down. Time goes from bound
 * to bound, so timers fire in the order of their instants.
 *
 * Level 7 takes what differs in bits 62 and 63, too (146 years ahead): its
 * slots may hold timers of a later round, which by 2 would be out of order; so
 * there, and only there, the earliest is looked for in all slots.
 *
 * A list is held newest first, so that arming is a push. Level 0's current slot
 * is put in order when something in it is due, once (`sorted`); what is armed
 * into it after that is put in its place by walking, past timers due within
 * the same 16 us. That walk is the only cost here that is not O(1).
 *
 * A cancelled timer leaves its slot's bound as it was: too early, never late.
 */
#include "base/wheel.h"

#include "base/bytes.h"

#define TAIL_BITS 14
#define TOP (WHEEL_LEVELS - 1)

struct place {
	unsigned level, slot;
};

static inline struct timer *timer_of(const struct wheel *w, uint32_t id)
{
	return (struct timer *)(void *)((char *)slab_at(w->slab, id) +
					w->offset);
}

static inline unsigned digit(int64_t at, unsigned level)
{
	return (unsigned)((uint64_t)at >> (TAIL_BITS + 6 * level)) &
	       (WHEEL_SLOTS - 1);
}

/* The level of the highest digit in which two instants differ. */
static inline unsigned level_between(int64_t a, int64_t b)
{
	uint64_t diff = ((uint64_t)a ^ (uint64_t)b) >> TAIL_BITS;
	unsigned level = diff ? ilog2_u64(diff) / 6 : 0;

	return level < TOP ? level : TOP;
}

static inline struct place place_of(const struct wheel *w, int64_t at)
{
	unsigned level;

	if (at <= w->now)
		return (struct place){ 0, digit(w->now, 0) };
	level = level_between(at, w->now);
	return (struct place){ level, digit(at, level) };
}

void wheel_init(struct wheel *w, struct slab *slab, size_t offset, int64_t now)
{
	memset(w, 0, sizeof(*w));
	w->slab = slab;
	w->offset = (uint32_t)offset;
	w->now = now;
}

/* Puts timer `id` between two that follow each other, prev 0 being the slot's
 * head. */
static inline void link_between(struct wheel *w, uint32_t *head, uint32_t id,
				uint32_t prev, uint32_t next)
{
	struct timer *t = timer_of(w, id);

	t->prev = prev;
	t->next = next;
	if (prev)
		timer_of(w, prev)->next = id;
	else
		*head = id;
	if (next)
		timer_of(w, next)->prev = id;
}

/* Into a list in order: behind all that are due as early. */
static void link_sorted(struct wheel *w, uint32_t *head, uint32_t id)
{
	int64_t at = timer_of(w, id)->at;
	uint32_t prev = 0, next = *head;

	while (next && timer_of(w, next)->at <= at) {
		prev = next;
		next = timer_of(w, next)->next;
	}
	link_between(w, head, id, prev, next);
}

static void link_timer(struct wheel *w, uint32_t id)
{
	int64_t at = timer_of(w, id)->at;
	struct place p = place_of(w, at);
	uint32_t *head = &w->slot[p.level][p.slot];
	int64_t *bound = &w->bound[p.level][p.slot];

	if (!*head) {
		w->busy[p.level] |= UINT64_C(1) << p.slot;
		*bound = at;
	} else if (at < *bound) {
		*bound = at;
	}
	if (w->sorted && p.level == 0 && p.slot == digit(w->now, 0))
		link_sorted(w, head, id);
	else
		link_between(w, head, id, 0, *head);
}

static void unlink_timer(struct wheel *w, const struct timer *t)
{
	struct place p;

	if (t->next)
		timer_of(w, t->next)->prev = t->prev;
	if (t->prev) {
		timer_of(w, t->prev)->next = t->next;
		return;
	}
	p = place_of(w, t->at);
	w->slot[p.level][p.slot] = t->next;
	if (!t->next)
		w->busy[p.level] &= ~(UINT64_C(1) << p.slot);
}

void wheel_cancel(struct wheel *w, uint32_t id)
{
	struct timer *t = timer_of(w, id);

	if (!timer_armed(t))
		return;
	unlink_timer(w, t);
	t->at = NEVER;
	w->n--;
}

void wheel_arm(struct wheel *w, uint32_t id, int64_t at)
{
	struct timer *t = timer_of(w, id);

	wheel_cancel(w, id);
	if (at == NEVER)
		return;
	t->at = at;
	w->n++;
	link_timer(w, id);
}

int64_t wheel_deadline(const struct wheel *w)
{
	int64_t at = NEVER;
	uint64_t busy;
	unsigned level;

	for (level = 0; level < TOP; level++) {
		busy = w->busy[level];
		if (busy)
			return w->bound[level][__builtin_ctzll(busy)];
	}
	for (busy = w->busy[TOP]; busy; busy &= busy - 1)
		at = min_i64(at, w->bound[TOP][__builtin_ctzll(busy)]);
	return at;
}

/* Turns a list around by its `next` links; `prev` is left to who links. */
static uint32_t reverse(struct wheel *w, uint32_t id)
{
	uint32_t done = 0, next;

	for (; id; id = next) {
		next = timer_of(w, id)->next;
		timer_of(w, id)->next = done;
		done = id;
	}
	return done;
}

/* Moves the wheel's time forward to `to`, which no timer precedes. */
static void move_to(struct wheel *w, int64_t to)
{
	unsigned level = level_between(w->now, to);
	unsigned slot = digit(to, level);
	uint32_t id, next;

	if (digit(w->now, 0) != digit(to, 0) || level > 0)
		w->sorted = false;
	w->now = to;
	if (level == 0)
		return;
	id = w->slot[level][slot];
	w->slot[level][slot] = 0;
	w->busy[level] &= ~(UINT64_C(1) << slot);
	/* Oldest first, as they were armed. */
	for (id = reverse(w, id); id; id = next) {
		next = timer_of(w, id)->next;
		link_timer(w, id);
	}
}

/* Merges two lists in order by their `next` links; of equals a's come first. */
static uint32_t merge(struct wheel *w, uint32_t a, uint32_t b)
{
	uint32_t head = 0, *link = &head;

	while (a && b) {
		if (timer_of(w, b)->at < timer_of(w, a)->at) {
			*link = b;
			link = &timer_of(w, b)->next;
			b = *link;
		} else {
			*link = a;
			link = &timer_of(w, a)->next;
			a = *link;
		}
	}
	*link = a ? a : b;
	return head;
}

/* A list newest first becomes one by instant, ties as armed: merge sort from
 * below, run[i] being empty or a list of 2^i. */
static uint32_t sort(struct wheel *w, uint32_t id)
{
	uint32_t run[32] = { 0 };
	uint32_t list, next, prev;
	unsigned i;

	for (id = reverse(w, id); id; id = next) {
		next = timer_of(w, id)->next;
		timer_of(w, id)->next = 0;
		list = id;
		for (i = 0; run[i]; i++) {
			list = merge(w, run[i], list);
			run[i] = 0;
		}
		run[i] = list;
	}
	list = 0;
	for (i = 0; i < ARRAY_LEN(run); i++)
		list = merge(w, run[i], list);
	for (prev = 0, id = list; id; prev = id, id = timer_of(w, id)->next)
		timer_of(w, id)->prev = prev;
	return list;
}

/* Puts level 0's current slot in order, and makes its bound exact. Returns
 * its earliest timer, or 0. */
static uint32_t order_current(struct wheel *w)
{
	unsigned slot = digit(w->now, 0);
	uint32_t *head = &w->slot[0][slot];

	if (!*head)
		return 0;
	if (!w->sorted && timer_of(w, *head)->next)
		*head = sort(w, *head);
	w->sorted = true;
	w->bound[0][slot] = timer_of(w, *head)->at;
	return *head;
}

uint32_t wheel_expire(struct wheel *w, int64_t now)
{
	int64_t at;
	uint32_t id;

	now = max_i64(now, w->now);
	/* Each round fires a timer, or raises a bound that was too early. */
	while ((at = wheel_deadline(w)) <= now && w->n) {
		move_to(w, max_i64(at, w->now));
		id = order_current(w);
		if (id && timer_of(w, id)->at <= w->now) {
			wheel_cancel(w, id);
			return id;
		}
	}
	move_to(w, now);
	return 0;
}
