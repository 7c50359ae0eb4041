// SPDX-License-Identifier: BSD-2-Clause
/*
 * Delivery rate (draft-cheng-iccrg-delivery-rate-estimation), and what
 * sending waits for.
 *
 * Each segment remembers, as it leaves, how much had been delivered by then.
 * When it is acknowledged, the difference over the longer of the time that
 * sending and the time that acknowledging took is a sample of the rate: the
 * longer one, since either may be compressed and neither can be stretched by
 * the path being faster. Samples taken while the program had nothing to send
 * are marked: they are lower bounds only.
 */
#include "tcp_priv.h"

void tcp_rate_sent(struct tern_stack *st, struct tcp_conn *c, struct tcp_seg *g)
{
	struct tcp_active *a = c->act;
	const struct tcp_hist *h = hist_of(st, c);

	/* A flight begins: its clock starts with this segment. */
	if (!a->packets_out) {
		a->first_sent_at = st->now;
		a->delivered_at = st->now;
	}
	g->first_sent_at = a->first_sent_at;
	g->delivered_at = a->delivered_at;
	g->delivered = h ? h->delivered : 0;
	g->delivered_ce = h ? h->delivered_ce : 0;
	g->is_app_limited = a->app_limited != 0;
}

void tcp_rate_delivered(struct tern_stack *st, struct tcp_conn *c,
			const struct tcp_seg *g, struct tern_cc_sample *rs)
{
	struct tcp_active *a = c->act;

	/* delivered_at 0: counted already, by SACK or before. */
	if (!g->delivered_at)
		return;
	/* The newest segment of those that this ACK tells of counts. */
	if (rs->prior_delivered_at && g->sent_at <= a->first_sent_at &&
	    (int32_t)(g->delivered - rs->prior_delivered) <= 0)
		return;
	rs->prior_delivered = g->delivered;
	rs->delivered_ce = g->delivered_ce; /* until tcp_rate_done() */
	rs->prior_delivered_at = g->delivered_at;
	rs->is_app_limited = g->is_app_limited;
	rs->is_retrans = g->marks & (SEG_RETRANS | SEG_EVER_RETRANS);
	rs->interval_us = (g->sent_at - g->first_sent_at) / NS_PER_US;
	a->first_sent_at = g->sent_at;
}

void tcp_rate_done(struct tern_stack *st, struct tcp_conn *c,
		   uint32_t delivered, struct tern_cc_sample *rs)
{
	struct tcp_active *a = c->act;
	struct tcp_hist *h = hist_of(st, c);
	int64_t ack_us;

	if (a->app_limited && h && (int32_t)(h->delivered - a->app_limited) > 0)
		a->app_limited = 0;
	if (delivered)
		a->delivered_at = st->now;
	rs->acked_sacked = delivered;
	if (!rs->prior_delivered_at || !h) {
		rs->delivered = -1;
		rs->interval_us = -1;
		return;
	}
	rs->delivered = (int32_t)(h->delivered - rs->prior_delivered);
	rs->delivered_ce = h->delivered_ce - rs->delivered_ce;
	ack_us = (st->now - rs->prior_delivered_at) / NS_PER_US;
	rs->interval_us = max_i64(rs->interval_us, ack_us);
	/* Shorter than any round trip: the clock is not to be believed. */
	if (c->min_rtt_us != UINT32_MAX && rs->interval_us < c->min_rtt_us) {
		rs->interval_us = -1;
		return;
	}
	/* The last sample is kept; one that the program limited only if it
	 * is at least as good. */
	if (!rs->is_app_limited ||
	    (uint64_t)(uint32_t)rs->delivered * h->rate_interval_us >=
		    (uint64_t)h->rate_delivered * (uint64_t)rs->interval_us) {
		h->rate_delivered = (uint32_t)rs->delivered;
		h->rate_interval_us =
			(uint32_t)min_i64(rs->interval_us, UINT32_MAX);
		c->app_limited = rs->is_app_limited;
	}
}

void tcp_rate_app_limited(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	const struct tcp_hist *h = hist_of(st, c);

	if (tcp_notsent(c) < c->mss && !a->below && in_flight(a) < c->cc.cwnd &&
	    a->lost_out <= a->retrans_out)
		a->app_limited =
			max_u32((h ? h->delivered : 0) + in_flight(a), 1);
}

void tcp_chrono_set(struct tern_stack *st, struct tcp_conn *c,
		    enum tcp_chrono what)
{
	struct tcp_active *a = c->act;
	struct tcp_hist *h = hist_of(st, c);
	uint32_t ms;

	if (a->chrono == what)
		return;
	ms = (uint32_t)((st->now - a->chrono_at) / NS_PER_MS);
	if (h && a->chrono != TCP_CHRONO_NONE) {
		h->busy_ms += ms;
		if (a->chrono == TCP_CHRONO_RWND)
			h->rwnd_ms += ms;
		if (a->chrono == TCP_CHRONO_SNDBUF)
			h->sndbuf_ms += ms;
	}
	a->chrono = (uint8_t)what;
	a->chrono_at = st->now;
}
