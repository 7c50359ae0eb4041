// SPDX-License-Identifier: BSD-2-Clause
/*
 * HyStart: slow start ends when the path shows that it is full.
 *
 * As Linux has it (Ha and Rhee, "Taming the elephants", 2011), by two signs,
 * from a window of 16 on:
 *
 *	ACK train	ACKs that follow each other within 2 ms have come for
 *			longer than half the least RTT since the round began
 *	delay		the least of the round's first RTTs exceeds the least
 *			of all by an eighth, within 4 and 16 ms
 *
 * HyStart++ (RFC 9406; a deliberate addition, tcp_hystart = 2) has the second
 * sign only, against the round before; instead of ending slow start at once it
 * grows at a quarter of the pace for five rounds, and takes all back if the
 * RTT falls again.
 */
#include "cc/cc_hystart.h"

#include "base/bytes.h"
#include "base/time.h"

#define LOW_WINDOW 16u
#define TRAIN_GAP_US 2000
#define N_SAMPLES 8
#define MIN_THRESHOLD_US 4000u
#define MAX_THRESHOLD_US 16000u
#define CAREFUL_DIVISOR 4
#define CAREFUL_ROUNDS 5
#define CUT_US 1000u /* a packet to be cut takes at most so long */
#define CUT_BYTES 65536u

static uint32_t now_us(const struct tern_cc_view *v)
{
	return (uint32_t)(v->now / NS_PER_US);
}

static void begin_round(struct cc_hystart *h, const struct tern_cc_view *v)
{
	h->round_us = h->last_ack_us = now_us(v);
	h->round_end = v->snd_nxt;
	h->last_rtt_us = h->round_rtt_us;
	h->round_rtt_us = UINT32_MAX;
	h->n_samples = 0;
}

void cc_hystart_begin(struct cc_hystart *h, const struct tern_cc_view *v)
{
	begin_round(h, v);
	h->last_rtt_us = UINT32_MAX;
	h->n_careful = 0;
	h->found = false;
}

static void end_slow_start(struct cc_hystart *h, struct tern_cc_view *v)
{
	h->found = true;
	v->cc->ssthresh = v->cc->cwnd;
}

static uint32_t threshold(uint32_t rtt_us)
{
	return min_u32(max_u32(rtt_us >> 3, MIN_THRESHOLD_US),
		       MAX_THRESHOLD_US);
}

/* What packets that leave in one piece add to the spread of their ACKs: four
 * of the largest, at the rate of now. */
static uint32_t burst_us(const struct tern_cc_view *v)
{
	uint64_t us;

	if (!v->pacing_rate)
		return 0;
	us = (uint64_t)CUT_BYTES * 4 * 1000000 / v->pacing_rate;
	return us < CUT_US ? (uint32_t)us : CUT_US;
}

static void look_for_train(struct cc_hystart *h, struct tern_cc_view *v,
			   uint32_t min_us, bool paced)
{
	uint32_t now = now_us(v), limit;

	if ((int32_t)(now - h->last_ack_us) > TRAIN_GAP_US)
		return;
	h->last_ack_us = now;
	limit = min_us + burst_us(v);
	/* Pacing spreads a round over half the round trip by itself. */
	if (!paced)
		limit >>= 1;
	if ((int32_t)(now - h->round_us) > (int32_t)limit)
		end_slow_start(h, v);
}

static void look_for_delay(struct cc_hystart *h, struct tern_cc_view *v,
			   uint32_t rtt_us, uint32_t min_us)
{
	h->round_rtt_us = min_u32(h->round_rtt_us, rtt_us);
	if (h->n_samples < N_SAMPLES)
		h->n_samples++;
	else if (h->round_rtt_us > min_us + threshold(min_us))
		end_slow_start(h, v);
}

/* RFC 9406 4.2. */
static void plus_rtt(struct cc_hystart *h, struct tern_cc_view *v,
		     uint32_t rtt_us)
{
	h->round_rtt_us = min_u32(h->round_rtt_us, rtt_us);
	if (h->n_samples < N_SAMPLES)
		h->n_samples++;
	if (h->n_samples < N_SAMPLES)
		return;
	if (h->n_careful) {
		if (h->round_rtt_us < h->base_rtt_us)
			h->n_careful = 0;
		return;
	}
	if (h->last_rtt_us == UINT32_MAX ||
	    h->round_rtt_us < h->last_rtt_us + threshold(h->last_rtt_us))
		return;
	h->base_rtt_us = h->round_rtt_us;
	h->n_careful = 1;
	h->rest = 0;
}

void cc_hystart_rtt(struct cc_hystart *h, struct tern_cc_view *v,
		    uint32_t rtt_us, uint32_t min_us, bool paced)
{
	if (h->found || v->cc->cwnd >= v->cc->ssthresh)
		return;
	if ((int32_t)(v->snd_una - h->round_end) > 0) {
		begin_round(h, v);
		if (h->n_careful && ++h->n_careful > CAREFUL_ROUNDS) {
			end_slow_start(h, v);
			return;
		}
	}
	if (v->hystart == CC_HYSTART_PLUS) {
		plus_rtt(h, v, rtt_us);
		return;
	}
	if (v->cc->cwnd < LOW_WINDOW)
		return;
	look_for_train(h, v, min_us, paced);
	look_for_delay(h, v, rtt_us, min_us);
}

uint32_t cc_hystart_growth(struct cc_hystart *h, uint32_t acked)
{
	uint32_t quarters;

	if (!h->n_careful)
		return acked;
	quarters = acked + h->rest;
	h->rest = (uint8_t)(quarters % CAREFUL_DIVISOR);
	return quarters / CAREFUL_DIVISOR;
}
