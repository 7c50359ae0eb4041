// SPDX-License-Identifier: BSD-2-Clause
/*
 * NewReno's window (RFC 5681): slow start doubles it each round trip, then it
 * grows by one segment a round trip; a loss halves it.
 *
 * Only a window that was used may grow (RFC 7661's worry): what is not limited
 * by cwnd says nothing about the path. Recovery itself, and how the window
 * comes down during it (PRR), is src/tcp's business.
 */
#include "cc/cc_reno.h"

static uint32_t reno_ssthresh(struct tern_cc_view *v)
{
	uint32_t half = v->cc->cwnd >> 1;

	return half > 2 ? half : 2;
}

/* Returns the segments that slow start did not use. */
uint32_t cc_slow_start(struct tern_cc *cc, uint32_t acked)
{
	uint32_t cwnd = cc->cwnd + acked;

	if (cwnd > cc->ssthresh)
		cwnd = cc->ssthresh;
	acked -= cwnd - cc->cwnd;
	cc->cwnd = cwnd;
	return acked;
}

/* One segment more for each w segments acknowledged. */
void cc_additive_increase(struct tern_cc *cc, uint32_t w, uint32_t acked)
{
	if (cc->cwnd_cnt >= w) {
		cc->cwnd_cnt = 0;
		cc->cwnd++;
	}
	cc->cwnd_cnt += acked;
	if (cc->cwnd_cnt >= w) {
		uint32_t delta = cc->cwnd_cnt / w;

		cc->cwnd_cnt -= delta * w;
		cc->cwnd += delta;
	}
}

static void reno_on_acked(struct tern_cc_view *v, uint32_t acked)
{
	struct tern_cc *cc = v->cc;

	if (!v->is_cwnd_limited)
		return;
	if (cc->cwnd < cc->ssthresh) {
		acked = cc_slow_start(cc, acked);
		if (!acked)
			return;
	}
	cc_additive_increase(cc, cc->cwnd, acked);
}

const struct tern_cc_ops cc_reno = {
	.name = "reno",
	.ssthresh = reno_ssthresh,
	.on_acked = reno_on_acked,
};
