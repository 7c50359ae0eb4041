// SPDX-License-Identifier: BSD-2-Clause
/*
 * A plan on both sides, step by step; and what of a plan a difference needs.
 */
#include "diff.h"

#include "base/time.h"

#include <string.h>
#include <time.h>

/* Under the shortest timers: a delayed ACK's 40 ms (3 for a FIN's), and the
 * 2 ms after which a SYN that was answered wrongly is sent again. */
#define TOO_LONG (2 * NS_PER_MS)
#define TRIES 50

static int64_t mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static const char *differs(struct diff_run *r, const struct diff_plan *p,
			   int step)
{
	struct diff_found *f = &r->found;

	f->what = diff_compare(&r->theirs[step + 1], &r->ours[step + 1]);
	if (!f->what)
		return NULL;
	f->plan = p;
	f->step = step;
	f->kernel = &r->theirs[step + 1];
	f->tern = &r->ours[step + 1];
	f->kernel_before = step < 0 ? NULL : &r->theirs[step];
	f->tern_before = step < 0 ? NULL : &r->ours[step];
	return f->what;
}

static const char *run_once(struct diff_run *r, const struct diff_plan *p)
{
	static struct diff_side kernel, tern;
	const char *what, *why;
	int64_t began;
	int i;

	kernel.a = r->kernel;
	kernel.is_kernel = true;
	tern.a = diff_adapter_new(false, r->v6, r->mode, &why);
	kernel.v6 = tern.v6 = r->v6;
	r->nth++;
	began = mono();
	diff_begin(&kernel, p, r->nth);
	diff_begin(&tern, p, r->nth);
	for (i = -1, what = NULL; i < p->n && !what; i++) {
		const struct diff_step *s = i < 0 ? NULL : &p->steps[i];

		int64_t now = mono() - began;

		diff_step(&kernel, p, s, now, &r->theirs[i + 1]);
		diff_step(&tern, p, s, now, &r->ours[i + 1]);
		what = differs(r, p, i);
	}
	diff_end(&kernel, p);
	diff_end(&tern, p);
	return what;
}

/* Until it took no longer than it may. */
static const char *run_in_time(struct diff_run *r, const struct diff_plan *p)
{
	const char *what;
	int64_t began;
	int tries;

	for (tries = 0; tries < TRIES; tries++) {
		began = mono();
		what = run_once(r, p);
		if (!what || mono() - began < TOO_LONG)
			return what;
		r->again++;
	}
	r->dropped++;
	return r->found.what = NULL;
}

const char *diff_run(struct diff_run *r, const struct diff_plan *p)
{
	const char *what = run_in_time(r, p);
	uint64_t dropped = r->dropped;
	int tries;

	for (tries = 0; what && tries < 4; tries++) {
		/* What is known is decided by other things than time. */
		if (diff_known(&r->found) >= 0)
			return what;
		what = run_in_time(r, p);
		if (!what && r->dropped == dropped)
			r->once++;
	}
	return what;
}

/* Is it still the same difference? */
static bool still(struct diff_run *r, const struct diff_plan *p,
		  const char *what)
{
	const char *now = diff_run(r, p);

	return now && !strcmp(now, what) && diff_known(&r->found) < 0;
}

static bool drop_steps(struct diff_run *r, struct diff_plan *p,
		       const char *what)
{
	bool any = false;
	int i;

	for (i = p->n - 1; i >= 0; i--) {
		struct diff_plan less = *p;

		memmove(&less.steps[i], &less.steps[i + 1],
			(size_t)(less.n - i - 1) * sizeof(less.steps[0]));
		less.n--;
		if (!still(r, &less, what))
			continue;
		*p = less;
		any = true;
	}
	return any;
}

/* The i-th way to make a step plainer; false: there is none. */
static bool plainer(struct diff_step *s, int i)
{
	switch (i) {
	case 0:
		s->n_sack = 0;
		return true;
	case 1:
		s->flags &= (uint16_t)~0x28; /* URG and PSH */
		return true;
	case 2:
		s->seq_off = 0;
		return true;
	case 3:
		s->ack_off = 0;
		s->ack_ref = DIFF_ACK_SENT;
		return true;
	case 4:
		s->win = 32792;
		return true;
	case 5:
		s->len = 0;
		return true;
	case 6:
		s->len = s->len ? 1 : 0;
		return true;
	case 7:
		s->ts = s->ts ? DIFF_TS_NEXT : 0;
		return true;
	case 8:
		s->seq_ref = DIFF_SEQ_NXT;
		return true;
	default:
		return false;
	}
}

static bool plain_steps(struct diff_run *r, struct diff_plan *p,
			const char *what)
{
	bool any = false;
	int i, way;

	for (i = 0; i < p->n; i++) {
		for (way = 0;; way++) {
			struct diff_plan less = *p;

			if (p->steps[i].kind != DIFF_SEG ||
			    !plainer(&less.steps[i], way))
				break;
			if (!memcmp(&less, p, sizeof(less)) ||
			    !still(r, &less, what))
				continue;
			*p = less;
			any = true;
		}
	}
	return any;
}

/* Without an option of the peer's SYN, everywhere. */
static bool drop_options(struct diff_run *r, struct diff_plan *p,
			 const char *what)
{
	bool any = false;
	int bit, i;

	for (bit = 1; bit <= DIFF_OPT_TS; bit *= 2) {
		struct diff_plan less = *p;

		less.opts &= (uint8_t)~bit;
		for (i = 0; i < less.n; i++) {
			less.steps[i].opts &= (uint8_t)~bit;
			if (bit == DIFF_OPT_TS)
				less.steps[i].ts = 0;
		}
		if (!memcmp(&less, p, sizeof(less)) || !still(r, &less, what))
			continue;
		*p = less;
		any = true;
	}
	return any;
}

void diff_shrink(struct diff_run *r, struct diff_plan *p, const char *what)
{
	bool any = true;

	p->n = r->found.step + 1;
	while (any) {
		any = drop_steps(r, p, what);
		any |= drop_options(r, p, what);
		any |= plain_steps(r, p, what);
	}
	diff_run(r, p);
}
