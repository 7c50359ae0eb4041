// SPDX-License-Identifier: BSD-2-Clause
/*
 * An ACK arrives (RFC 9293 3.10.7.4, fifth step).
 *
 *	old or beyond what was sent?	challenge, or ignore (RFC 5961 5)
 *	the window			tcp_ack_in: wl1 rule
 *	what it acknowledges		clean_rtx: off the queue, RTT, rate
 *	what it says of losses		tcp_recovery_ack
 *	timers, congestion window	tcp_rearm_rto, tcp_cc_on_ack
 *	resends				tcp_recovery_send
 */
#include "tcp_priv.h"

/* Takes the window field. True if it was new. */
static bool update_window(struct tern_stack *st, struct tcp_conn *c,
			  const struct tcp_in *in)
{
	uint32_t wnd = in->h.window;
	struct seq ack = in->h.ack;

	if (!(in->h.flags & TCP_SYN))
		wnd <<= c->snd_scale;
	if (!(seq_gt(ack, c->snd.una) || seq_gt(in->h.seq, c->snd.wl1) ||
	      (seq_eq(in->h.seq, c->snd.wl1) && (wnd > c->snd.wnd || !wnd))))
		return false;
	c->snd.wl1 = in->h.seq;
	if (wnd != c->snd.wnd) {
		c->snd.wnd = wnd;
		if (c->act && c->act->unsent)
			tcp_cwnd_restart(st, c);
		if (wnd > c->snd.max_wnd) {
			c->snd.max_wnd = wnd;
			tcp_sync_mss(st, c, c->pmtu);
		}
		tcp_predict(c);
	}
	return true;
}

static void advance_una(struct tern_stack *st, struct tcp_conn *c,
			struct seq ack)
{
	uint32_t n = (uint32_t)seq_diff(ack, c->snd.una);
	struct tcp_hist *h = hist_of(st, c);

	if (h)
		h->bytes_acked += n;
	c->snd.una = ack;
}

/* What of a segment that is acknowledged only in part: whole MSS of it are
 * taken off. Returns the segments acknowledged. */
static uint32_t ack_part(struct tern_stack *st, struct tcp_conn *c,
			 struct tcp_seg *g)
{
	uint32_t before = g->n_segs;
	uint32_t n = (uint32_t)seq_diff(c->snd.una, g->seq);

	if (g->flags & TCP_SYN)
		n--;
	if (!n || n >= g->len)
		return 0;
	tcp_seg_trim_front(st, c, g, n);
	if (before == 1)
		g->part = (uint16_t)(g->part + n);
	return before - g->n_segs;
}

struct cleaned {
	int64_t first_at, last_at; /* sent, of those never resent; 0: none */
	struct seq from;	   /* where this one began */
	bool whole;		   /* the last one, entirely */
	bool had_sacks;		   /* before */
};

static void acked_one(struct tern_stack *st, struct tcp_conn *c,
		      struct tcp_ack_state *s, struct tcp_seg *g, uint32_t n,
		      struct cleaned *k)
{
	struct tcp_active *a = c->act;

	if (g->marks & SEG_EVER_RETRANS) {
		if (!(g->marks & SEG_SACKED))
			s->flags |= ACKED_RETRANS;
	} else if (!(g->marks & SEG_SACKED)) {
		k->last_at = g->sent_at;
		if (!k->first_at)
			k->first_at = g->sent_at;
		if (c->sack_ok && !s->has_reord) {
			s->reord = k->from;
			s->has_reord = true;
		}
		if (seq_leq(seg_end(g), a->high_seq))
			s->flags |= ACKED_ORIG_SACK;
	}
	if (g->marks & SEG_SACKED)
		s->bytes -= min_u32(g->len, s->bytes);
	s->newly_acked += n;
	if (c->sack_ok && !(g->marks & SEG_SACKED)) {
		tcp_count_delivered(st, c, n);
		tcp_rack_delivered(st, c, g);
	}
	tcp_rate_delivered(st, c, g, &s->rs);
	if (g->flags & TCP_SYN) {
		s->flags |= ACKED_SYN;
		a->retrans_at = 0;
		a->syn_retrans = (uint8_t)min_u32(g->n_retrans, 255);
	} else {
		s->flags |= ACKED_DATA;
	}
}

static void unlink_acked(struct tcp_active *a, struct tcp_seg *g)
{
	if (g->marks & SEG_RETRANS)
		a->retrans_out -= g->n_segs;
	if (g->marks & SEG_SACKED)
		a->sacked_out -= min_u32(a->sacked_out, g->n_segs);
	if (g->marks & SEG_LOST)
		a->lost_out -= g->n_segs;
	a->packets_out -= g->n_segs;
	rbtree_remove(&a->rtx, &g->node);
}

/* A lone segment smaller than the MSS, with nothing else going on: the
 * receiver may have delayed this ACK (T5). */
static bool may_be_delayed(const struct tern_stack *st,
			   const struct tcp_conn *c,
			   const struct tcp_ack_state *s,
			   const struct cleaned *k)
{
	const struct tcp_hist *h = hist_of(st, c);

	return s->newly_acked == 1 && k->whole && !k->had_sacks && h &&
	       seq_diff(c->snd.una, s->prior_una) < c->mss &&
	       s->rs.prior_delivered + 1 == h->delivered &&
	       !(s->flags & (ACKED_SACK | ACKED_ECE | ACKED_DSACK | ACKED_SYN));
}

/* RTT from the send of what was acknowledged, or from the echo. */
static bool take_rtt(struct tern_stack *st, struct tcp_conn *c,
		     const struct tcp_in *in, struct tcp_ack_state *s,
		     const struct cleaned *k)
{
	int64_t us = -1, last_us = -1;

	if (k->first_at && !(s->flags & ACKED_RETRANS)) {
		us = (st->now - k->first_at) / NS_PER_US;
		last_us = (st->now - k->last_at) / NS_PER_US;
		s->rs.is_ack_delayed = may_be_delayed(st, c, s, k);
	}
	if (s->sack_first_at) {
		if (us < 0)
			us = (st->now - s->sack_first_at) / NS_PER_US;
		last_us = (st->now - s->sack_at) / NS_PER_US;
	}
	if (us < 0 && s->flags & (ACKED_DATA | ACKED_SYN))
		us = last_us = tcp_rtt_of_echo(st, c, in);
	s->rs.rtt_us = last_us;
	if (us < 0)
		return false;
	if (last_us >= 0)
		c->min_rtt_us =
			min_u32(c->min_rtt_us, (uint32_t)max_i64(last_us, 1));
	tcp_rtt_sample(st, c, us);
	c->backoff = 0;
	return true;
}

static void clean_rtx(struct tern_stack *st, struct tcp_conn *c,
		      const struct tcp_in *in, struct tcp_ack_state *s)
{
	struct tcp_active *a = c->act;
	struct cleaned k = { .whole = true, .had_sacks = a->sacked_out != 0 };
	struct tcp_seg *g;

	s->bytes += (uint32_t)seq_diff(c->snd.una, s->prior_una);
	while ((g = rtx_first(a)) != NULL) {
		/* A lone segment that is acknowledged piece by piece counts as
		 * out of order when it is complete [k]. */
		k.from = seq_sub(g->seq, g->part);
		if (seq_gt(seg_end(g), c->snd.una)) {
			uint32_t n = ack_part(st, c, g);

			k.whole = false;
			if (n)
				acked_one(st, c, s, g, n, &k);
			break;
		}
		acked_one(st, c, s, g, g->n_segs, &k);
		unlink_acked(a, g);
		if (unlikely(g->notes & SEG_TELL_ACKED))
			tcp_stamp_acked(st, c, g, in->ip->ttl);
		tcp_seg_free(st, c, g);
	}
	if (seq_leq(s->prior_una, a->snd_up) && seq_leq(a->snd_up, c->snd.una))
		a->snd_up = c->snd.una;
	if (a->urg_mode && seq_leq(a->snd_up, c->snd.una))
		a->urg_mode = false;
	take_rtt(st, c, in, s, &k);
	if (g && g->marks & SEG_SACKED)
		s->flags |= ACKED_RENEGED;
	if (s->newly_acked) {
		if (!c->sack_ok)
			tcp_dupacks_acked(st, c, s->newly_acked);
		/* Without SACK nothing tells which of them arrived. */
		if (!c->sack_ok && s->flags & ACKED_RETRANS)
			s->flags &= ~(uint32_t)ACKED_ORIG_SACK;
		else if (s->has_reord && seq_lt(s->reord, s->prior_fack))
			tcp_sack_reordering(st, c, s->reord, false);
	}
	tcp_mtu_acked(st, c);
	tcp_cc_on_rtt(st, c, s->rs.rtt_us);
	if (!a->packets_out)
		tcp_chrono_set(st, c, a->unsent ? a->chrono : TCP_CHRONO_NONE);
}

void tcp_rearm_rto(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	int64_t rto = tcp_rto_ns(c), at = st->now + rto;

	/* Until the SYN-ACK is acknowledged the timer is for it. */
	if (c->fo_child)
		return;

	/* The timers that stood in for it have used some of its time. */
	if (a->packets_out &&
	    (a->at[TCP_TIMER_LOSS] != NEVER || a->at[TCP_TIMER_REO] != NEVER))
		at = max_i64(rtx_first(a)->sent_at + rto, st->now + NS_PER_MS);
	tcp_xmit_timer(st, c, TCP_TIMER_RTX, a->packets_out ? at : NEVER);
}

/* An ACK while nothing is in flight: the window may have opened. */
void tcp_ack_probe(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;

	if (!a || !a->unsent)
		return;
	if (seq_leq(seg_end(a->unsent), snd_edge(c))) {
		c->backoff = 0;
		a->probe_from = 0;
		a->at[TCP_TIMER_PROBE] = NEVER;
		return;
	}
	tcp_probe_arm(st, c, tcp_probe_when(st, c));
}

static bool is_dubious(const struct tcp_conn *c, uint32_t flags, bool has_data)
{
	bool not_dup = has_data ||
		       flags & (ACKED_WINDOW | ACKED_DATA | ACKED_SYN);

	return !not_dup || flags & (ACKED_SACK | ACKED_ECE | ACKED_DSACK) ||
	       c->ca_state != TERN_CA_OPEN;
}

static bool may_raise_cwnd(const struct tern_stack *st,
			   const struct tcp_conn *c, uint32_t flags)
{
	/* With much reordering any progress counts, else only what was
	 * acknowledged in order. */
	if (c->reordering > st->tun.tcp_reordering)
		return flags & (ACKED_DATA | ACKED_SACK | ACKED_SYN);
	return flags & ACKED_DATA;
}

/* AccECN: what the ACK says of marks. */
static void accecn_news(struct tern_stack *st, struct tcp_conn *c,
			const struct tcp_in *in, struct tcp_ack_state *s,
			uint32_t packets)
{
	struct accecn_news news = {
		.packets = packets,
		.bytes = s->bytes,
		.is_new = s->flags &
			  (ACKED_DATA | ACKED_SYN | ACKED_SACK | ACKED_TS),
	};

	if (tcp_accecn_ack(st, c, in, &news))
		s->flags |= ACKED_ECE;
}

/* The part of an ACK that concerns what is in flight. */
static void ack_flight(struct tern_stack *st, struct tcp_conn *c,
		       const struct tcp_in *in, struct tcp_ack_state *s)
{
	struct tcp_active *a = c->act;
	const struct tcp_hist *h;
	uint32_t delivered;
	bool has_data = in->len || in->h.flags & (TCP_SYN | TCP_FIN);

	a->rtx_from = seq_max(a->rtx_from, c->snd.una);
	h = hist_of(st, c);
	delivered = h ? h->delivered : 0;
	s->prior_fack = a->sacked_out ? a->high_sack : s->prior_una;
	if (in->o.present & WIRE_OPT_SACK && c->sack_ok)
		tcp_sack_in(st, c, in, s);
	s->has_reord = false;
	clean_rtx(st, c, in, s);
	tcp_rack_adapt(st, c, &s->rs);
	accecn_news(st, c, in, s, h ? h->delivered - delivered : 0);
	tcp_tlp_ack(st, c, in, s);
	s->resend = 0;
	if (is_dubious(c, s->flags, has_data)) {
		s->is_dupack =
			!(s->flags & (ACKED_UNA | ACKED_WINDOW | ACKED_DATA)) &&
			!has_data;
		tcp_recovery_ack(st, c, s);
	}
	if (s->flags & (ACKED_DATA | ACKED_SYN) && !s->timer_set &&
	    !(s->flags & ACKED_RENEGED) && !tcp_tlp_start(st, c, true))
		tcp_rearm_rto(st, c);
	delivered = h ? h->delivered - delivered : 0;
	if (h && s->flags & ACKED_ECE && c->ecn == ECN_CLASSIC)
		hist_of(st, c)->delivered_ce += delivered;
	s->rs.now = st->now;
	s->rs.acked = s->newly_acked;
	s->rs.losses = s->newly_lost;
	tcp_rate_done(st, c, delivered, &s->rs);
	s->rs.in_flight = in_flight(a);
	COUNT_N(st, TCP_EXT_DELIVERED, delivered);
	if (s->flags & ACKED_ECE) {
		s->rs.is_ece = true;
		COUNT_N(st, TCP_EXT_DELIVERED_CE, delivered);
	}
	tcp_cc_on_ack(st, c, s, may_raise_cwnd(st, c, s->flags));
	tcp_recovery_send(st, c, s);
	tcp_write_space(st, c);
}

/* Nothing was in flight. A D-SACK may still tell that what was resent before
 * had not been lost. */
static void ack_nothing(struct tern_stack *st, struct tcp_conn *c,
			const struct tcp_in *in, struct tcp_ack_state *s)
{
	struct tcp_active *a = c->act;

	if (a && c->sack_ok && in->o.present & WIRE_OPT_SACK)
		tcp_sack_in(st, c, in, s);
	accecn_news(st, c, in, s, 0);
	if (s->flags & ACKED_DSACK)
		tcp_recovery_ack(st, c, s);
	tcp_ack_probe(st, c);
	if (a)
		tcp_tlp_ack(st, c, in, s);
}

bool tcp_store_ts_recent(struct tern_stack *st, struct tcp_conn *c,
			 const struct tcp_in *in)
{
	bool is_newer;

	/* RFC 7323 4.3: of a segment that covers the last ACK sent. */
	if (!c->ts_ok || !(in->o.present & WIRE_OPT_TS) ||
	    seq_gt(in->h.seq, c->rcv.wup))
		return false;
	if (tcp_paws_reject(st, c->ts_recent, c->ts_recent_at, in))
		return false;
	is_newer = in->o.ts_val != c->ts_recent;
	c->ts_recent = in->o.ts_val;
	c->ts_recent_at = (uint32_t)(st->now / NS_PER_S);
	return is_newer;
}

int tcp_ack_in(struct tern_stack *st, struct tcp_conn *c, struct tcp_in *in)
{
	struct tcp_ack_state s = { .prior_una = c->snd.una };
	struct tcp_active *a = c->act;

	if (a) {
		s.prior_packets = a->packets_out;
		s.prior_in_flight = s.rs.prior_in_flight = in_flight(a);
		a->ack_ts_ecr = in->o.ts_ecr;
	}
	s.rs.rtt_us = -1;
	if (seq_lt(in->h.ack, c->snd.una)) {
		/* RFC 5961 5.2: too old by a whole window, or older than all
		 * that was ever acknowledged, is an attack. */
		const struct tcp_hist *h = hist_of(st, c);
		uint64_t back = h ? h->bytes_acked : tcp_syn_acked(c);

		if (back > c->snd.max_wnd)
			back = c->snd.max_wnd;
		if (seq_lt(in->h.ack, seq_sub(c->snd.una, (uint32_t)back)))
			return -DROP_TCP_TOO_OLD_ACK;
		/* What it says of losses is news all the same [k]. */
		if (s.prior_packets && in->o.present & WIRE_OPT_SACK &&
		    c->sack_ok)
			ack_flight(st, c, in, &s);
		return 0;
	}
	if (seq_gt(in->h.ack, c->snd.nxt))
		return -DROP_TCP_ACK_UNSENT_DATA;
	if (seq_gt(in->h.ack, c->snd.una)) {
		s.flags |= ACKED_UNA;
		c->retransmits = 0;
	}
	if (tcp_store_ts_recent(st, c, in))
		s.flags |= ACKED_TS;
	if (tcp_ecn_echo_in(c, in))
		s.flags |= ACKED_ECE;
	if (!in->len && !(in->h.flags & (TCP_SYN | TCP_FIN)))
		COUNT(st, TCP_EXT_PURE_ACKS);
	if (update_window(st, c, in))
		s.flags |= ACKED_WINDOW;
	if (s.flags & ACKED_UNA)
		advance_una(st, c, in->h.ack);
	c->soft_error = 0;
	c->probes = 0;
	c->last_ack = now_ms(st);
	if (!s.prior_packets) {
		ack_nothing(st, c, in, &s);
		return 1;
	}
	ack_flight(st, c, in, &s);
	return 1;
}
