// SPDX-License-Identifier: BSD-2-Clause
/*
 * BBR, version 1 (draft-cardwell-iccrg-bbr-congestion-control-00), as mainline
 * Linux behaves.
 *
 * The model is a path of two numbers: the largest delivery rate of ten round
 * trips, and the least RTT of ten seconds. Pacing by the rate keeps the queue
 * short; the window, twice their product, only bounds what ACKs that come late
 * or together would do.
 *
 *	STARTUP ---- rate grew < 25 % in 3 rounds ----> DRAIN
 *	(gain 2.89)                                    (1 / 2.89)
 *	                                                   | flight <= BDP
 *	PROBE_RTT <-- least RTT is 10 s old --          PROBE_BW
 *	(4 segments, 200 ms and a round) -----------> (1.25 0.75 1 1 1 1 1 1)
 *
 * Loss is no signal, with two exceptions: a round of packet conservation when
 * recovery begins, and a policer: two intervals of the same rate with a loss of
 * a fifth are believed for 48 rounds (lt_*). What arrives in bunches beyond the
 * rate (Wi-Fi) is added to the window (extra_acked).
 *
 * Rates are segments per microsecond, times 2^24; gains are of 256.
 */
#include "cc/cc_bbr.h"

#include "base/bytes.h"
#include "base/time.h"

#define RATE_SHIFT 24
#define RATE_UNIT (UINT64_C(1) << RATE_SHIFT)
#define UNIT 256u
#define HIGH_GAIN (UNIT * 2885 / 1000 + 1) /* 2 / ln 2 */
#define DRAIN_GAIN (UNIT * 1000 / 2885)
#define WINDOW_GAIN (2 * UNIT)
#define N_PHASES 8u
#define RATE_ROUNDS (N_PHASES + 2)
#define MIN_RTT_MS 10000u
#define PROBE_RTT_MS 200u
#define MIN_CWND 4u
#define FULL_GROWTH (UNIT * 5 / 4)
#define FULL_ROUNDS 3
#define MARGIN_PERCENT 1 /* paced below the rate, so that queues drain */
#define SLOW_RATE (1200000u / 8) /* bytes/s under which packets are small */
#define INIT_CWND 10u
#define LT_MIN_ROUNDS 4u
#define LT_MAX_ROUNDS 48u
#define LT_LOSS 50u /* of 256 */
#define LT_RATIO (UNIT / 8)
#define LT_BYTES (4000u / 8)
#define EXTRA_ROUNDS 5
#define EXTRA_MAX_US 100000u
#define EXTRA_MAX_ACKED (1u << 20)
#define GSO_MOST (65536u - 1 - 320) /* bytes of a packet to be cut */

enum mode { STARTUP, DRAIN, PROBE_BW, PROBE_RTT };

/* The largest of the last rounds, and two later ones that may follow it. */
struct best {
	uint32_t round, rate;
};

struct bbr {
	int64_t cycle_us; /* when this phase began, by delivered_at */
	int64_t epoch_us; /* when counting for extra_acked began */
	struct best best[3];
	uint32_t n_rounds;
	uint32_t round_end; /* delivered when the next begins */
	uint32_t min_rtt_us, min_rtt_ms;
	uint32_t probe_done_ms; /* valid if has_probe_done */
	uint32_t prior_cwnd;
	uint32_t full_rate;
	uint32_t epoch_acked;
	uint32_t lt_rate, lt_delivered, lt_lost, lt_ms;
	uint16_t extra_acked[2];
	uint16_t pacing_gain, cwnd_gain;
	uint8_t mode, prior_state;
	uint8_t phase, full_rounds, lt_rounds, extra_rounds;
	bool conserves : 1, round_began : 1, after_idle : 1, full : 1;
	bool has_probe_done : 1, probe_round_done : 1, has_rtt : 1, extra : 1;
	bool lt_samples : 1, lt_used : 1;
};

_Static_assert(sizeof(struct bbr) <= TERN_CC_PRIV_WORDS * 8, "fits priv");

static struct bbr *of(const struct tern_cc_view *v)
{
	return (struct bbr *)(void *)v->priv;
}

static uint32_t now_ms(const struct tern_cc_view *v)
{
	return (uint32_t)(v->now / NS_PER_MS);
}

static bool is_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static int64_t delivered_us(const struct tern_cc_view *v)
{
	return v->delivered_at / NS_PER_US;
}

static uint32_t max_rate(const struct bbr *b)
{
	return b->best[0].rate;
}

static uint32_t rate_of(const struct bbr *b)
{
	return b->lt_used ? b->lt_rate : max_rate(b);
}

static void best_reset(struct bbr *b, uint32_t rate)
{
	b->best[0] = b->best[1] = b->best[2] =
		(struct best){ b->n_rounds, rate };
}

/* Windowed maximum in three samples (K. Nichols): the best, the best after it,
 * and the best after that. */
static void best_add(struct bbr *b, uint32_t rate)
{
	struct best *k = b->best, s = { b->n_rounds, rate };
	uint32_t age;

	if (rate >= k[0].rate || s.round - k[2].round > RATE_ROUNDS) {
		best_reset(b, rate);
		return;
	}
	if (rate >= k[1].rate)
		k[1] = k[2] = s;
	else if (rate >= k[2].rate)
		k[2] = s;
	age = s.round - k[0].round;
	if (age > RATE_ROUNDS) {
		k[0] = k[1];
		k[1] = k[2];
		k[2] = s;
		if (s.round - k[0].round > RATE_ROUNDS) {
			k[0] = k[1];
			k[1] = k[2];
		}
	} else if (k[1].round == k[0].round && age > RATE_ROUNDS / 4) {
		k[1] = k[2] = s;
	} else if (k[2].round == k[1].round && age > RATE_ROUNDS / 2) {
		k[2] = s;
	}
}

static uint64_t bytes_per_s(const struct tern_cc_view *v, uint64_t rate,
			    uint32_t gain)
{
	rate = rate * v->mss * gain / UNIT;
	rate *= 1000000 / 100 * (100 - MARGIN_PERCENT);
	return rate >> RATE_SHIFT;
}

static uint64_t pacing_of(const struct tern_cc_view *v, uint64_t rate,
			  uint32_t gain)
{
	uint64_t r = bytes_per_s(v, rate, gain);

	return r < v->max_pacing_rate ? r : v->max_pacing_rate;
}

/* Before there is a sample: the window in a round trip, or in 1 ms. */
static void guess_pacing(struct tern_cc_view *v)
{
	struct bbr *b = of(v);
	uint32_t us = 1000;

	if (v->srtt_us) {
		us = v->srtt_us;
		b->has_rtt = true;
	}
	v->pacing_rate = pacing_of(v, v->cc->cwnd * RATE_UNIT / us, HIGH_GAIN);
}

static void set_pacing(struct tern_cc_view *v, uint32_t rate, uint32_t gain)
{
	struct bbr *b = of(v);
	uint64_t r = pacing_of(v, rate, gain);

	if (!b->has_rtt && v->srtt_us)
		guess_pacing(v);
	if (b->full || r > v->pacing_rate)
		v->pacing_rate = r;
}

static uint32_t bbr_min_tso_segs(struct tern_cc_view *v)
{
	return v->pacing_rate < SLOW_RATE ? 1 : 2;
}

/* Segments in one packet: a millisecond's worth. */
static uint32_t tso_segs(struct tern_cc_view *v)
{
	uint64_t bytes = v->pacing_rate >> 10;
	uint32_t n;

	if (bytes > GSO_MOST)
		bytes = GSO_MOST;
	n = max_u32((uint32_t)bytes / v->mss, bbr_min_tso_segs(v));
	return min_u32(n, 127);
}

static uint32_t bdp(const struct bbr *b, uint32_t rate, uint32_t gain)
{
	uint64_t w = (uint64_t)rate * b->min_rtt_us;

	if (b->min_rtt_us == UINT32_MAX)
		return INIT_CWND;
	return (uint32_t)((((w * gain) >> 8) + RATE_UNIT - 1) / RATE_UNIT);
}

/* Room for packets that are cut below, and for delayed ACKs. */
static uint32_t with_bursts(struct tern_cc_view *v, uint32_t cwnd)
{
	const struct bbr *b = of(v);

	cwnd += 3 * tso_segs(v);
	cwnd = (cwnd + 1) & ~1u;
	if (b->mode == PROBE_BW && b->phase == 0)
		cwnd += 2;
	return cwnd;
}

static uint32_t flight_for(struct tern_cc_view *v, uint32_t rate, uint32_t gain)
{
	return with_bursts(v, bdp(of(v), rate, gain));
}

/* What will be in the network when the next packet may leave. */
static uint32_t flight_at_departure(struct tern_cc_view *v, uint32_t flight)
{
	const struct bbr *b = of(v);
	int64_t us = max_i64(v->pace_at - v->now, 0) / NS_PER_US;
	uint64_t gone = ((uint64_t)rate_of(b) * (uint64_t)us) >> RATE_SHIFT;

	if (b->pacing_gain > UNIT)
		flight += tso_segs(v);
	return gone >= flight ? 0 : flight - (uint32_t)gone;
}

static void save_cwnd(struct tern_cc_view *v)
{
	struct bbr *b = of(v);

	if (b->prior_state < TERN_CA_RECOVERY && b->mode != PROBE_RTT)
		b->prior_cwnd = v->cc->cwnd;
	else
		b->prior_cwnd = max_u32(b->prior_cwnd, v->cc->cwnd);
}

static void next_phase(struct tern_cc_view *v)
{
	struct bbr *b = of(v);

	b->phase = (b->phase + 1) % N_PHASES;
	b->cycle_us = delivered_us(v);
}

/* Anywhere in the cycle but in its draining phase. */
static void enter_probe_bw(struct tern_cc_view *v)
{
	struct bbr *b = of(v);

	b->mode = PROBE_BW;
	b->phase = (uint8_t)(N_PHASES - 1 -
			     (uint32_t)(v->random(v->random_ctx) >> 32) % 7);
	next_phase(v);
}

static void lt_begin(struct tern_cc_view *v)
{
	struct bbr *b = of(v);

	b->lt_ms = (uint32_t)(delivered_us(v) / 1000);
	b->lt_delivered = v->delivered;
	b->lt_lost = v->lost;
	b->lt_rounds = 0;
}

static void lt_reset(struct tern_cc_view *v)
{
	struct bbr *b = of(v);

	b->lt_rate = 0;
	b->lt_used = b->lt_samples = false;
	lt_begin(v);
}

/* An interval gave a rate: as the one before? Then that is the policer's. */
static void lt_interval(struct tern_cc_view *v, uint32_t rate)
{
	struct bbr *b = of(v);
	uint32_t diff;

	if (b->lt_rate) {
		diff = rate > b->lt_rate ? rate - b->lt_rate :
					   b->lt_rate - rate;
		if ((uint64_t)diff * UNIT <= (uint64_t)LT_RATIO * b->lt_rate ||
		    bytes_per_s(v, diff, UNIT) <= LT_BYTES) {
			b->lt_rate =
				(uint32_t)(((uint64_t)rate + b->lt_rate) / 2);
			b->lt_used = true;
			b->pacing_gain = UNIT;
			b->lt_rounds = 0;
			return;
		}
	}
	b->lt_rate = rate;
	lt_begin(v);
}

static void lt_sample(struct tern_cc_view *v, uint32_t losses, bool app_limited)
{
	struct bbr *b = of(v);
	uint32_t lost, delivered, ms;
	uint64_t rate;

	if (b->lt_used) {
		if (b->mode == PROBE_BW && b->round_began &&
		    ++b->lt_rounds >= LT_MAX_ROUNDS) {
			lt_reset(v);
			enter_probe_bw(v);
		}
		return;
	}
	/* From a loss on: that is where the policer's bucket was empty. */
	if (!b->lt_samples) {
		if (!losses)
			return;
		lt_begin(v);
		b->lt_samples = true;
	}
	if (app_limited) {
		lt_reset(v);
		return;
	}
	if (b->round_began)
		b->lt_rounds++;
	if (b->lt_rounds < LT_MIN_ROUNDS)
		return;
	if (b->lt_rounds > 4 * LT_MIN_ROUNDS) {
		lt_reset(v);
		return;
	}
	/* And up to one. */
	if (!losses)
		return;
	lost = v->lost - b->lt_lost;
	delivered = v->delivered - b->lt_delivered;
	if (!delivered || (uint64_t)lost * 256 < (uint64_t)LT_LOSS * delivered)
		return;
	ms = (uint32_t)(delivered_us(v) / 1000) - b->lt_ms;
	if ((int32_t)ms < 1)
		return;
	if (ms >= UINT32_MAX / 1000) {
		lt_reset(v);
		return;
	}
	rate = delivered * RATE_UNIT / (ms * 1000u);
	lt_interval(v, (uint32_t)rate);
}

static void update_rate(struct tern_cc_view *v, const struct tern_cc_sample *s)
{
	struct bbr *b = of(v);
	uint64_t rate;

	b->round_began = false;
	if (s->delivered < 0 || s->interval_us <= 0)
		return;
	if (!is_after(b->round_end, s->prior_delivered)) {
		b->round_end = v->delivered;
		b->n_rounds++;
		b->round_began = true;
		b->conserves = false;
	}
	lt_sample(v, s->losses, s->is_app_limited);
	rate = (uint32_t)s->delivered * RATE_UNIT / (uint64_t)s->interval_us;
	/* What the program limited says no more than "at least". */
	if (!s->is_app_limited || rate >= max_rate(b))
		best_add(b, (uint32_t)rate);
}

static void update_aggregation(struct tern_cc_view *v,
			       const struct tern_cc_sample *s)
{
	struct bbr *b = of(v);
	uint32_t expected, extra;
	int64_t us;

	if (!s->acked_sacked || s->delivered < 0 || s->interval_us <= 0)
		return;
	if (b->round_began) {
		b->extra_rounds = (uint8_t)min_u32(31, b->extra_rounds + 1u);
		if (b->extra_rounds >= (b->full ? EXTRA_ROUNDS : 1)) {
			b->extra_rounds = 0;
			b->extra = !b->extra;
			b->extra_acked[b->extra] = 0;
		}
	}
	us = delivered_us(v) - b->epoch_us;
	expected = (uint32_t)((uint64_t)rate_of(b) * (uint64_t)us / RATE_UNIT);
	if (b->epoch_acked <= expected ||
	    b->epoch_acked + s->acked_sacked >= EXTRA_MAX_ACKED) {
		b->epoch_acked = 0;
		b->epoch_us = delivered_us(v);
		expected = 0;
	}
	b->epoch_acked =
		min_u32(EXTRA_MAX_ACKED - 1, b->epoch_acked + s->acked_sacked);
	extra = min_u32(b->epoch_acked - expected, v->cc->cwnd);
	if (extra > b->extra_acked[b->extra])
		b->extra_acked[b->extra] = (uint16_t)min_u32(extra, 0xffff);
}

static bool phase_is_over(struct tern_cc_view *v,
			  const struct tern_cc_sample *s)
{
	const struct bbr *b = of(v);
	bool whole = delivered_us(v) - b->cycle_us > b->min_rtt_us;
	uint32_t flight;

	if (b->pacing_gain == UNIT)
		return whole;
	flight = flight_at_departure(v, s->prior_in_flight);
	if (b->pacing_gain > UNIT)
		return whole &&
		       (s->losses ||
			flight >= flight_for(v, max_rate(b), b->pacing_gain));
	return whole || flight <= flight_for(v, max_rate(b), UNIT);
}

static void check_full(struct bbr *b, const struct tern_cc_sample *s)
{
	uint64_t want = (uint64_t)b->full_rate * FULL_GROWTH / UNIT;

	if (b->full || !b->round_began || s->is_app_limited)
		return;
	if (max_rate(b) >= want) {
		b->full_rate = max_rate(b);
		b->full_rounds = 0;
		return;
	}
	b->full = ++b->full_rounds >= FULL_ROUNDS;
}

static void check_drain(struct tern_cc_view *v)
{
	struct bbr *b = of(v);

	if (b->mode == STARTUP && b->full) {
		b->mode = DRAIN;
		v->cc->ssthresh = flight_for(v, max_rate(b), UNIT);
	}
	if (b->mode == DRAIN && flight_at_departure(v, v->in_flight) <=
					flight_for(v, max_rate(b), UNIT))
		enter_probe_bw(v);
}

static void check_probe_rtt_done(struct tern_cc_view *v)
{
	struct bbr *b = of(v);

	if (!b->has_probe_done || !is_after(now_ms(v), b->probe_done_ms))
		return;
	b->min_rtt_ms = now_ms(v);
	v->cc->cwnd = max_u32(v->cc->cwnd, b->prior_cwnd);
	if (b->full)
		enter_probe_bw(v);
	else
		b->mode = STARTUP;
}

static void in_probe_rtt(struct tern_cc_view *v)
{
	struct bbr *b = of(v);

	/* It is we who limit the flight now. */
	v->app_limited = max_u32(v->delivered + v->in_flight, 1);
	if (!b->has_probe_done && v->in_flight <= MIN_CWND) {
		b->has_probe_done = true;
		b->probe_done_ms = now_ms(v) + PROBE_RTT_MS;
		b->probe_round_done = false;
		b->round_end = v->delivered;
	} else if (b->has_probe_done) {
		if (b->round_began)
			b->probe_round_done = true;
		if (b->probe_round_done)
			check_probe_rtt_done(v);
	}
}

static void update_min_rtt(struct tern_cc_view *v,
			   const struct tern_cc_sample *s)
{
	struct bbr *b = of(v);
	bool old = is_after(now_ms(v), b->min_rtt_ms + MIN_RTT_MS);

	if (s->rtt_us >= 0 &&
	    (s->rtt_us < b->min_rtt_us || (old && !s->is_ack_delayed))) {
		b->min_rtt_us = (uint32_t)s->rtt_us;
		b->min_rtt_ms = now_ms(v);
	}
	if (old && !b->after_idle && b->mode != PROBE_RTT) {
		save_cwnd(v);
		b->mode = PROBE_RTT;
		b->has_probe_done = false;
	}
	if (b->mode == PROBE_RTT)
		in_probe_rtt(v);
	if (s->delivered > 0)
		b->after_idle = false;
}

static void set_gains(struct bbr *b)
{
	static const uint16_t phases[N_PHASES] = {
		UNIT * 5 / 4, UNIT * 3 / 4, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT,
	};

	switch ((enum mode)b->mode) {
	case STARTUP:
		b->pacing_gain = b->cwnd_gain = HIGH_GAIN;
		break;
	case DRAIN:
		b->pacing_gain = DRAIN_GAIN;
		b->cwnd_gain = HIGH_GAIN;
		break;
	case PROBE_BW:
		b->pacing_gain = b->lt_used ? UNIT : phases[b->phase];
		b->cwnd_gain = WINDOW_GAIN;
		break;
	case PROBE_RTT:
		b->pacing_gain = b->cwnd_gain = UNIT;
		break;
	}
}

/* Losses take away what was lost; recovery's first round conserves packets,
 * and its end restores the window. True: *cwnd is it. */
static bool recover(struct tern_cc_view *v, const struct tern_cc_sample *s,
		    uint32_t *cwnd)
{
	struct bbr *b = of(v);
	uint8_t was = b->prior_state, is = (uint8_t)v->ca_state;

	*cwnd = v->cc->cwnd;
	if (s->losses)
		*cwnd = *cwnd > s->losses ? *cwnd - s->losses : 1;
	if (is == TERN_CA_RECOVERY && was != TERN_CA_RECOVERY) {
		b->conserves = true;
		b->round_end = v->delivered;
		*cwnd = v->in_flight + s->acked_sacked;
	} else if (was >= TERN_CA_RECOVERY && is < TERN_CA_RECOVERY) {
		*cwnd = max_u32(*cwnd, b->prior_cwnd);
		b->conserves = false;
	}
	b->prior_state = is;
	if (b->conserves)
		*cwnd = max_u32(*cwnd, v->in_flight + s->acked_sacked);
	return b->conserves;
}

static uint32_t aggregation(const struct bbr *b)
{
	uint64_t most = (uint64_t)rate_of(b) * EXTRA_MAX_US / RATE_UNIT;
	uint32_t extra = max_u32(b->extra_acked[0], b->extra_acked[1]);

	if (!b->full)
		return 0;
	return extra < most ? extra : (uint32_t)most;
}

static void set_cwnd(struct tern_cc_view *v, const struct tern_cc_sample *s)
{
	struct bbr *b = of(v);
	uint32_t acked = s->acked_sacked, target, cwnd = v->cc->cwnd;

	if (acked && !recover(v, s, &cwnd)) {
		target = bdp(b, rate_of(b), b->cwnd_gain) + aggregation(b);
		target = with_bursts(v, target);
		if (b->full)
			cwnd = min_u32(cwnd + acked, target);
		else if (cwnd < target || v->delivered < INIT_CWND)
			cwnd += acked;
		cwnd = max_u32(cwnd, MIN_CWND);
	}
	if (b->mode == PROBE_RTT)
		cwnd = min_u32(cwnd, MIN_CWND);
	v->cc->cwnd = cwnd;
}

static void bbr_control(struct tern_cc_view *v, const struct tern_cc_sample *s)
{
	struct bbr *b = of(v);

	update_rate(v, s);
	update_aggregation(v, s);
	if (b->mode == PROBE_BW && phase_is_over(v, s))
		next_phase(v);
	check_full(b, s);
	check_drain(v);
	update_min_rtt(v, s);
	set_gains(b);
	set_pacing(v, rate_of(b), b->pacing_gain);
	set_cwnd(v, s);
}

static void bbr_init(struct tern_cc_view *v)
{
	struct bbr *b = of(v);

	v->cc->ssthresh = TERN_CC_INFINITE_SSTHRESH;
	b->prior_state = TERN_CA_OPEN;
	b->min_rtt_us = v->min_rtt_us;
	b->min_rtt_ms = now_ms(v);
	b->epoch_us = v->now / NS_PER_US;
	guess_pacing(v);
	lt_reset(v);
	b->mode = STARTUP;
}

static uint32_t bbr_ssthresh(struct tern_cc_view *v)
{
	save_cwnd(v);
	return v->cc->ssthresh;
}

/* A loss that was none: neither was the plateau it made. */
static uint32_t bbr_undo_cwnd(struct tern_cc_view *v)
{
	struct bbr *b = of(v);

	b->full_rate = 0;
	b->full_rounds = 0;
	lt_reset(v);
	return v->cc->cwnd;
}

static void bbr_on_event(struct tern_cc_view *v, enum tern_cc_event event)
{
	struct bbr *b = of(v);

	if (event != TERN_CC_TX_START || !v->app_limited)
		return;
	b->after_idle = true;
	b->epoch_us = v->now / NS_PER_US;
	b->epoch_acked = 0;
	/* The queue is empty: no more than the rate, without a burst. */
	if (b->mode == PROBE_BW)
		set_pacing(v, rate_of(b), UNIT);
	else if (b->mode == PROBE_RTT)
		check_probe_rtt_done(v);
}

static void bbr_on_state(struct tern_cc_view *v, enum tern_ca_state state)
{
	struct bbr *b = of(v);

	if (state != TERN_CA_LOSS)
		return;
	b->prior_state = TERN_CA_LOSS;
	b->full_rate = 0;
	b->round_began = true; /* a time-out is a round's end */
	lt_sample(v, 1, false);
}

static size_t bbr_info(struct tern_cc_view *v, void *out)
{
	const struct bbr *b = of(v);
	uint64_t rate = (uint64_t)rate_of(b) * v->mss * 1000000 >> RATE_SHIFT;
	struct tern_bbr_info info = {
		.bw_lo = (uint32_t)rate,
		.bw_hi = (uint32_t)(rate >> 32),
		.min_rtt_us = b->min_rtt_us,
		.pacing_gain = b->pacing_gain,
		.cwnd_gain = b->cwnd_gain,
	};

	memcpy(out, &info, sizeof(info));
	return sizeof(info);
}

const struct tern_cc_ops cc_bbr = {
	.name = "bbr",
	.flags = TERN_CC_PACES,
	.init = bbr_init,
	.ssthresh = bbr_ssthresh,
	.undo_cwnd = bbr_undo_cwnd,
	.control = bbr_control,
	.on_event = bbr_on_event,
	.on_state = bbr_on_state,
	.min_tso_segs = bbr_min_tso_segs,
	.info = bbr_info,
};
