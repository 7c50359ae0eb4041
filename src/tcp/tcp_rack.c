// SPDX-License-Identifier: BSD-2-Clause
/*
 * RACK-TLP (RFC 8985): losses told by time, and probes for lost tails.
 *
 * RACK: a segment is lost when another that was sent later has been delivered,
 * and it is overdue by more than the reordering window. Segments in flight are
 * kept in the order of their last send (act->by_time), so that a look ends at
 * the first one that is too young. The window is nothing at first, a quarter
 * of the smallest RTT once reordering was seen, and grows by as much for each
 * round trip in which a D-SACK showed a needless resend, up to srtt; after 16
 * recoveries without one it starts again.
 *
 * TLP: with nothing else to tell of a lost tail, after two round trips the last
 * segment is resent (or a new one sent), so that its ACK shows the hole. One
 * probe is out at a time; if it repaired the loss all by itself, cwnd is
 * reduced all the same (7.4).
 *
 * The timers REO and LOSS stand in for RTX while they run, as on Linux.
 */
#include "tcp_priv.h"

#define RACK_PERSIST 16
/* Flags of tcp_recovery. 1 was to turn RACK off; since 6.17 nothing does. */
#define RACK_STATIC_WINDOW 2
#define RACK_NO_DUPTHRESH 4
#define TIMER_SLACK (2 * NS_PER_MS) /* of the host's clock */

void tcp_rack_forget(struct tcp_conn *c, struct tcp_seg *g)
{
	struct tcp_active *a = c->act;

	if (!g->is_timed)
		return;
	g->is_timed = false;
	if (g->earlier)
		g->earlier->later = g->later;
	else
		a->by_time = g->later;
	if (g->later)
		g->later->earlier = g->earlier;
	else
		a->by_time_last = g->earlier;
}

static void insert_after(struct tcp_active *a, struct tcp_seg *g,
			 struct tcp_seg *at)
{
	g->is_timed = true;
	g->earlier = at;
	g->later = at ? at->later : a->by_time;
	if (g->later)
		g->later->earlier = g;
	else
		a->by_time_last = g;
	if (at)
		at->later = g;
	else
		a->by_time = g;
}

void tcp_rack_sent(struct tcp_conn *c, struct tcp_seg *g)
{
	g->nth = ++c->act->n_sent;
	tcp_rack_forget(c, g);
	insert_after(c->act, g, c->act->by_time_last);
}

void tcp_rack_split(struct tcp_conn *c, struct tcp_seg *g, struct tcp_seg *rest)
{
	rest->is_timed = false;
	if (g->is_timed)
		insert_after(c->act, rest, g);
}

/* Was what was delivered newest sent after g? By the order of sending, not by
 * time (RFC 8985 6.2 step 2): many packets leave in one instant here, and a
 * resend behind new data is the later one, though its sequence is lower. The
 * parts of one packet left in the order of sequence. */
static bool sent_before_newest(const struct tcp_active *a,
			       const struct tcp_seg *g)
{
	int32_t order = (int32_t)(a->rack.nth - g->nth);

	return order > 0 || (!order && seq_gt(a->rack.end, seg_end(g)));
}

void tcp_rack_delivered(struct tern_stack *st, struct tcp_conn *c,
			const struct tcp_seg *g)
{
	struct tcp_active *a = c->act;
	uint32_t rtt = (uint32_t)min_i64((st->now - g->sent_at) / NS_PER_US,
					 UINT32_MAX);

	/* A path without delay (two stacks in one instant) must not make what
	 * was resent just now overdue. */
	rtt = max_u32(rtt, 1);
	/* Sooner than any round trip: this is the ACK of the original. */
	if (rtt < c->min_rtt_us && g->marks & SEG_EVER_RETRANS)
		return;
	a->rack.has_news = true;
	a->rack.rtt_us = rtt;
	if (!sent_before_newest(a, g)) {
		a->rack.nth = g->nth;
		a->rack.end = seg_end(g);
	}
}

static int64_t reordering_window(const struct tern_stack *st,
				 const struct tcp_conn *c)
{
	const struct tcp_active *a = c->act;
	int64_t us;

	if (!c->reord_seen) {
		/* Without a sign of reordering: at once in recovery, and when
		 * three are SACKed. */
		if (c->ca_state >= TERN_CA_RECOVERY ||
		    (a->sacked_out >= c->reordering &&
		     !(st->tun.tcp_recovery & RACK_NO_DUPTHRESH)))
			return 0;
	}
	if (c->min_rtt_us == UINT32_MAX)
		return 0;
	us = (int64_t)(c->min_rtt_us >> 2) * max_u32(a->rack.steps, 1);
	return min_i64(us, c->srtt_us >> 3) * NS_PER_US;
}

int64_t tcp_rack_left(const struct tern_stack *st, const struct tcp_conn *c,
		      const struct tcp_seg *g)
{
	return (int64_t)c->act->rack.rtt_us * NS_PER_US -
	       (st->now - g->sent_at);
}

/* Marks what is overdue; the time until the next one would be, or 0. */
static int64_t detect(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	int64_t window = reordering_window(st, c), wait = 0;
	struct tcp_seg *g = a->by_time, *later;

	for (; g; g = later) {
		int64_t left;

		later = g->later;
		if (g->marks & SEG_LOST && !(g->marks & SEG_RETRANS))
			continue;
		if (!sent_before_newest(a, g))
			break;
		left = tcp_rack_left(st, c, g) + window;
		if (left <= 0) {
			tcp_mark_lost(st, c, g);
			tcp_rack_forget(c, g);
		} else {
			wait = max_i64(wait, left);
		}
	}
	return wait;
}

bool tcp_rack_mark_lost(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	int64_t wait;

	if (!a->rack.has_news)
		return false;
	a->rack.has_news = false;
	wait = detect(st, c);
	if (wait)
		tcp_xmit_timer(st, c, TCP_TIMER_REO,
			       st->now + wait + TIMER_SLACK);
	return wait != 0;
}

void tcp_reo_fire(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	uint32_t before = in_flight(a);
	struct tcp_ack_state s = { 0 };
	int64_t wait = detect(st, c);

	tcp_trace_what(st, c, TERN_TRACE_TIMER, "reordering window", NULL);
	if (in_flight(a) != before) {
		if (c->ca_state != TERN_CA_RECOVERY) {
			tcp_enter_recovery(st, c, false);
			s.newly_lost = 1;
			s.rs.acked_sacked = 1;
			if (!tcp_cc_ops(st, c)->control)
				tcp_cwnd_reduce(c, &s);
		}
		tcp_rtx_queue(st, c);
	}
	if (wait) {
		tcp_xmit_timer(st, c, TCP_TIMER_REO,
			       st->now + wait + TIMER_SLACK);
	} else if (a->at[TCP_TIMER_RTX] == NEVER) {
		/* It stood in for the time-out, whose time has run on [k]: a
		 * network that reorders all the time must not put that off for
		 * ever. */
		a->at[TCP_TIMER_REO] = st->now;
		tcp_rearm_rto(st, c);
	}
}

/* 3.3.2 of RFC 8985: widen the window when it proved too small. */
void tcp_rack_adapt(struct tern_stack *st, struct tcp_conn *c,
		    const struct tern_cc_sample *rs)
{
	struct tcp_active *a = c->act;
	const struct tcp_hist *h = hist_of(st, c);

	if (st->tun.tcp_recovery & RACK_STATIC_WINDOW ||
	    !rs->prior_delivered_at || !h)
		return;
	/* Once a round trip. */
	if ((int32_t)(rs->prior_delivered - a->rack.last_delivered) < 0)
		a->rack.dsack_seen = false;
	if (a->rack.dsack_seen) {
		if (a->rack.steps < 255)
			a->rack.steps =
				(uint8_t)(max_u32(a->rack.steps, 1) + 1);
		a->rack.dsack_seen = false;
		a->rack.last_delivered = h->delivered;
		a->rack.persist = RACK_PERSIST;
	} else if (!a->rack.persist) {
		a->rack.steps = 1;
	}
}

/* How long the time-out still has to run, from when the first segment left. */
static int64_t rto_left(const struct tern_stack *st, const struct tcp_conn *c)
{
	return rtx_first(c->act)->sent_at + tcp_rto_ns(c) - st->now;
}

/* Starts the probe's timer where a probe may help; false: the time-out's is to
 * run. advancing: an ACK has just moved things on. */
bool tcp_tlp_start(struct tern_stack *st, struct tcp_conn *c, bool advancing)
{
	struct tcp_active *a = c->act;
	int64_t wait, left;

	if (st->tun.tcp_early_retrans < 3 || !a->packets_out || !c->sack_ok ||
	    c->fo_child ||
	    (c->ca_state != TERN_CA_OPEN && c->ca_state != TERN_CA_CWR))
		return false;
	if (c->srtt_us) {
		wait = (int64_t)(c->srtt_us >> 2) * NS_PER_US;
		/* A lone segment's ACK may be delayed. */
		if (a->packets_out == 1)
			wait += tcp_rto_min_us(st, c) * NS_PER_US;
		else
			wait += TIMER_SLACK;
	} else {
		wait = TCP_RTO_INIT;
	}
	left = advancing ? tcp_rto_ns(c) : rto_left(st, c);
	if (left > 0)
		wait = min_i64(wait, left);
	tcp_xmit_timer(st, c, TCP_TIMER_LOSS, st->now + wait);
	return true;
}

/* Resends the last segment's last piece. */
static bool resend_tail(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	struct tcp_seg *g = seg_of(a->rtx.last);
	uint32_t keep;

	if (!g)
		return false;
	if (g->n_segs > 1) {
		/* Of a size that leaves now: SACK blocks take room. */
		keep = (g->n_segs - 1u) * tcp_mss_now(st, c);
		if (keep < g->len) {
			if (!tcp_seg_split(st, c, g, keep))
				return false;
			g = seg_of(a->rtx.last);
		}
	}
	return !tcp_repeat(st, c, g, 1);
}

void tcp_tlp_fire(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	bool sent = false;

	if (!a->packets_out)
		return;
	tcp_trace_what(st, c, TERN_TRACE_TIMER, "tail loss probe", NULL);
	if (!a->has_tlp) {
		a->tlp_resent = false;
		sent = a->unsent && tcp_push_probe(st, c);
		if (!sent && resend_tail(st, c))
			sent = a->tlp_resent = true;
	}
	if (sent) {
		a->has_tlp = true;
		a->tlp_high = c->snd.nxt;
		COUNT(st, TCP_EXT_LOSS_PROBES);
	} else {
		/* One is out already: the time-out's time has run on. */
		a->at[TCP_TIMER_LOSS] = st->now;
	}
	tcp_rearm_rto(st, c);
}

/* 7.4.2: was the probe the repair of a loss that nothing else told of? */
void tcp_tlp_ack(struct tern_stack *st, struct tcp_conn *c,
		 const struct tcp_in *in, const struct tcp_ack_state *s)
{
	struct tcp_active *a = c->act;
	bool has_data = in->len || in->h.flags & (TCP_SYN | TCP_FIN);

	if (!a->has_tlp || seq_lt(in->h.ack, a->tlp_high))
		return;
	if (!a->tlp_resent || s->flags & ACKED_DSACK_TLP) {
		a->has_tlp = false;
	} else if (seq_gt(in->h.ack, a->tlp_high)) {
		a->has_tlp = false;
		tcp_cwnd_reduce_start(st, c);
		tcp_set_ca(st, c, TERN_CA_CWR);
		tcp_cwnd_reduce_end(st, c);
		tcp_keep_open(st, c);
		COUNT(st, TCP_EXT_LOSS_PROBE_RECOVERY);
	} else if (!(s->flags &
		     (ACKED_UNA | ACKED_WINDOW | ACKED_DATA | ACKED_SACK)) &&
		   !has_data) {
		/* Both the original and the probe have arrived. */
		a->has_tlp = false;
	}
}
