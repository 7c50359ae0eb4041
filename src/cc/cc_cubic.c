// SPDX-License-Identifier: BSD-2-Clause
/*
 * CUBIC (RFC 9438), with Linux's constants and whole numbers.
 *
 *	W(t) = C (t - K)^3 + W_max	K = cbrt((W_max - cwnd) / C)
 *
 * After a loss the window is 0.7 of what it was (717/1024). It rises fast
 * towards W_max, rests there, and goes on to look for more: by the time since
 * the loss, not by the round trip. Where an AIMD flow of the same share would
 * do better (short round trips), the window is that flow's (4.3). Fast
 * convergence (4.7) gives way to new flows. Time is in 1/1024 s, windows in
 * segments, C is 410/1024.
 *
 * Each ACK adds acked / cnt segments, cnt being computed anew when the window
 * has changed, or after 1/32 s. The curve stands still while nothing is sent.
 * Slow start ends early by HyStart (cc_hystart.c). Time advances in
 * jiffies of 4 ms (HZ 250, as the reference has it), since that shows: by the
 * rounding of the least RTT, and in that cnt stands for a jiffy.
 */
#include "cc/cc_cubic.h"

#include "cc/cc_hystart.h"
#include "cc/cc_reno.h"

#include "base/bytes.h"
#include "base/time.h"

#define BETA 717u /* of 1024 */
#define C 410u	  /* of 1024 */
#define TICKS 10  /* log2 of those in a second */
/* 8 (1 + beta) / 3 (1 - beta): segments that an AIMD flow of this share needs
 * acknowledged to grow by one, of 8 and of each in its window. */
#define FRIENDLY 15u
#define HZ 250
#define STALE (HZ / 32)
#define MIN_CNT 2u /* half the pace of slow start at most (4.4's 1.5 RTT) */
#define FIRST_CNT 20u
#define AFTER_RECOVERY HZ

struct cubic {
	uint32_t cnt;	   /* segments acknowledged that add one */
	uint32_t last_max; /* W_max as of the last loss; 0: none yet */
	uint32_t origin;   /* where this epoch's curve rests */
	uint32_t k;	   /* when it does, ticks */
	uint32_t epoch;	   /* jiffy that it began in; valid if has_epoch */
	uint32_t delay_min_us;
	uint32_t last_cwnd, last_at; /* for which cnt was computed */
	uint32_t n_acked;	     /* in this epoch, for the AIMD flow */
	uint32_t aimd_cwnd;
	bool has_epoch;
	struct cc_hystart hystart;
};

_Static_assert(sizeof(struct cubic) <= TERN_CC_PRIV_WORDS * 8, "fits priv");

static struct cubic *of(const struct tern_cc_view *v)
{
	return (struct cubic *)(void *)v->priv;
}

static uint32_t jiffies(int64_t at)
{
	return (uint32_t)(at / (NS_PER_S / HZ));
}

uint32_t cc_cube_root(uint64_t a)
{
	uint64_t x = 0;
	int s;

	/* A bit of the root at a time; (x + 1)^3 - x^3 = 3 x (x + 1) + 1. */
	for (s = 63; s >= 0; s -= 3) {
		uint64_t step;

		x <<= 1;
		step = 3 * x * (x + 1) + 1;
		if (a >> s >= step) {
			a -= step << s;
			x++;
		}
	}
	return (uint32_t)x;
}

/* K as Linux has it: a step of Newton's in whole numbers with 341/1024 for a
 * third, so a thousandth short. It shows: the first steps come sooner [k]. */
static uint32_t time_to_rest(uint32_t below)
{
	/* C is in segments per cubic second: K^3 in ticks^3 is
	 * (W_max - cwnd) 2^(3 * 10) / (410 / 2^10). */
	uint64_t a = (UINT64_C(1) << (TICKS + 3 * TICKS)) / C * below;
	uint64_t x = cc_cube_root(a);

	return (uint32_t)((2 * x + a / (x * (x - 1))) * 341 >> 10);
}

static void forget(struct cubic *u)
{
	*u = (struct cubic){ .hystart = u->hystart };
	u->hystart.found = false;
}

static void cubic_init(struct tern_cc_view *v)
{
	cc_hystart_begin(&of(v)->hystart, v);
}

static void cubic_resume(struct tern_cc_view *v)
{
	cubic_init(v);
	if (v->min_rtt_us != UINT32_MAX)
		of(v)->delay_min_us = v->min_rtt_us;
}

/* In slow start with nothing lost yet all of it is known anyway. */
static bool cubic_keep(struct tern_cc_view *v)
{
	const struct cubic *u = of(v);

	return u->has_epoch || u->last_max || u->hystart.found;
}

static uint32_t cubic_ssthresh(struct tern_cc_view *v)
{
	struct cubic *u = of(v);
	uint32_t cwnd = v->cc->cwnd;

	u->has_epoch = false;
	if (cwnd < u->last_max)
		u->last_max = (uint32_t)((uint64_t)cwnd * (1024 + BETA) / 2048);
	else
		u->last_max = cwnd;
	return max_u32((uint32_t)((uint64_t)cwnd * BETA / 1024), 2);
}

static void begin_epoch(struct cubic *u, uint32_t cwnd, uint32_t acked,
			uint32_t now)
{
	u->has_epoch = true;
	u->epoch = now;
	u->n_acked = acked;
	u->aimd_cwnd = cwnd;
	if (u->last_max <= cwnd) {
		u->k = 0;
		u->origin = cwnd;
		return;
	}
	u->k = time_to_rest(u->last_max - cwnd);
	u->origin = u->last_max;
}

/* W(t) a round trip from now. */
static uint32_t curve(const struct cubic *u, uint32_t now)
{
	uint64_t t = (uint64_t)(now - u->epoch) +
		     (u->delay_min_us + 999999 / HZ) / (1000000 / HZ);
	uint64_t off, delta;

	t = (t << TICKS) / HZ;
	off = t < u->k ? u->k - t : t - u->k;
	/* After 2^18 ticks, four minutes, any window will do, and the cube
	 * still fits 64 bits. */
	if (off > 1u << 18)
		off = 1u << 18;
	delta = (C * off * off * off) >> (TICKS + 3 * TICKS);
	if (t < u->k)
		return u->origin - (uint32_t)delta;
	return u->origin + (uint32_t)delta;
}

/* RFC 9438 4.3: what would an AIMD flow have by now? */
static void be_friendly(struct cubic *u, uint32_t cwnd)
{
	uint32_t per_segment = (cwnd * FRIENDLY) >> 3, n;

	if (per_segment && u->n_acked > per_segment) {
		n = (u->n_acked - 1) / per_segment;
		u->n_acked -= n * per_segment;
		u->aimd_cwnd += n;
	}
	if (u->aimd_cwnd > cwnd)
		u->cnt = min_u32(u->cnt, cwnd / (u->aimd_cwnd - cwnd));
}

static void update(struct tern_cc_view *v, uint32_t acked)
{
	struct cubic *u = of(v);
	uint32_t cwnd = v->cc->cwnd, now = jiffies(v->now), target;

	u->n_acked += acked;
	if (u->last_cwnd == cwnd && now - u->last_at <= STALE)
		return;
	if (!u->has_epoch || now != u->last_at) {
		u->last_cwnd = cwnd;
		u->last_at = now;
		if (!u->has_epoch)
			begin_epoch(u, cwnd, acked, now);
		target = curve(u, now);
		if ((int32_t)(target - cwnd) > 0)
			u->cnt = cwnd / (target - cwnd);
		else
			u->cnt = 100 * cwnd; /* hardly at all */
		/* Nothing is known of the path yet: look sooner. */
		if (!u->last_max)
			u->cnt = min_u32(u->cnt, FIRST_CNT);
	}
	be_friendly(u, cwnd);
	u->cnt = max_u32(u->cnt, MIN_CNT);
}

static void cubic_on_acked(struct tern_cc_view *v, uint32_t acked)
{
	struct tern_cc *cc = v->cc;
	uint32_t may;

	if (!v->is_cwnd_limited)
		return;
	if (cc->cwnd < cc->ssthresh) {
		may = cc_hystart_growth(&of(v)->hystart, acked);
		acked = cc_slow_start(cc, may);
		if (!acked)
			return;
	}
	update(v, acked);
	cc_additive_increase(cc, of(v)->cnt, acked);
}

static void cubic_on_rtt(struct tern_cc_view *v, int64_t rtt_us)
{
	struct cubic *u = of(v);
	uint32_t us;

	if (rtt_us < 0)
		return;
	/* Soon after a loss the queue is what is measured. */
	if (u->has_epoch &&
	    (int32_t)(jiffies(v->now) - u->epoch) < AFTER_RECOVERY)
		return;
	us = (uint32_t)max_i64(rtt_us, 1);
	if (!u->delay_min_us || u->delay_min_us > us)
		u->delay_min_us = us;
	if (v->hystart)
		cc_hystart_rtt(&u->hystart, v, us, u->delay_min_us,
			       v->max_pacing_rate != UINT64_MAX);
}

static void cubic_on_event(struct tern_cc_view *v, enum tern_cc_event event)
{
	struct cubic *u = of(v);
	int32_t idle = (int32_t)(jiffies(v->now) - jiffies(v->last_sent_at));

	/* The curve goes on where it was when sending stopped. */
	if (event == TERN_CC_TX_START && u->has_epoch && idle > 0) {
		u->epoch += (uint32_t)idle;
		if ((int32_t)(u->epoch - jiffies(v->now)) > 0)
			u->epoch = jiffies(v->now);
	}
}

static void cubic_on_state(struct tern_cc_view *v, enum tern_ca_state state)
{
	if (state != TERN_CA_LOSS)
		return;
	forget(of(v));
	cc_hystart_begin(&of(v)->hystart, v);
}

const struct tern_cc_ops cc_cubic = {
	.name = "cubic",
	.init = cubic_init,
	.ssthresh = cubic_ssthresh,
	.on_acked = cubic_on_acked,
	.on_rtt = cubic_on_rtt,
	.on_event = cubic_on_event,
	.on_state = cubic_on_state,
	.keep = cubic_keep,
	.resume = cubic_resume,
};
