// SPDX-License-Identifier: BSD-2-Clause
/*
 * Timers of the host's users: a binary heap by instant. Each knows its place,
 * so cancelling costs as little as arming.
 *
 * The stack's own timers are in its wheel (base/wheel.c); these are few.
 */
#include "host/host_timer.h"

#include <stdlib.h>

void host_timers_init(struct host_timers *t)
{
	*t = (struct host_timers){ .free_id = -1 };
}

void host_timers_fini(struct host_timers *t)
{
	free(t->heap);
	free(t->place);
}

static bool before(const struct host_timer *a, const struct host_timer *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void put(struct host_timers *t, int i, const struct host_timer *timer)
{
	t->heap[i] = *timer;
	t->place[timer->id] = i;
}

/* Moves a timer from place i to where the heap wants it. */
static void settle(struct host_timers *t, int i, struct host_timer timer)
{
	while (i > 0 && before(&timer, &t->heap[(i - 1) / 2])) {
		put(t, i, &t->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	for (;;) {
		int child = 2 * i + 1;

		if (child + 1 < t->n &&
		    before(&t->heap[child + 1], &t->heap[child]))
			child++;
		if (child >= t->n || !before(&t->heap[child], &timer))
			break;
		put(t, i, &t->heap[child]);
		i = child;
	}
	put(t, i, &timer);
}

static void *grown(void *old, int n, size_t size)
{
	return realloc(old, (size_t)n * size);
}

static bool make_room(struct host_timers *t)
{
	int cap = t->cap ? 2 * t->cap : 16;
	void *heap, *place;

	if (t->n < t->cap)
		return true;
	heap = grown(t->heap, cap, sizeof(*t->heap));
	if (!heap)
		return false;
	t->heap = heap;
	place = grown(t->place, cap, sizeof(*t->place));
	if (!place)
		return false;
	t->place = place;
	t->cap = cap;
	return true;
}

int host_timers_arm(struct host_timers *t, int64_t at, host_timer_fn *fn,
		    void *ctx)
{
	struct host_timer timer = { .at = at, .fn = fn, .ctx = ctx };

	if (!make_room(t))
		return -TERN_ENOMEM;
	timer.order = t->order++;
	timer.id = t->free_id;
	if (timer.id >= 0)
		t->free_id = -2 - t->place[timer.id];
	else
		timer.id = t->n_ids++;
	t->n++;
	settle(t, t->n - 1, timer);
	return timer.id;
}

static void take_out(struct host_timers *t, int i)
{
	int id = t->heap[i].id;

	t->n--;
	if (i < t->n)
		settle(t, i, t->heap[t->n]);
	t->place[id] = -2 - t->free_id;
	t->free_id = id;
}

void host_timers_cancel(struct host_timers *t, int id)
{
	if (id >= 0 && id < t->n_ids && t->place[id] >= 0)
		take_out(t, t->place[id]);
}

int64_t host_timers_next(const struct host_timers *t)
{
	return t->n ? t->heap[0].at : TERN_NEVER;
}

void host_timers_run(struct host_timers *t, int64_t now)
{
	uint64_t until = t->order;

	while (t->n && t->heap[0].at <= now && t->heap[0].order < until) {
		struct host_timer timer = t->heap[0];

		take_out(t, 0);
		timer.fn(timer.ctx);
	}
}
