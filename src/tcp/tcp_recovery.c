// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loss: how it is recognised, repaired, and taken back when it was none.
 *
 *	Open --dupack--> Disorder --lost--> Recovery --high_seq acked--> Open
 *	  |                                    ^
 *	  +---------- time-out ----------> Loss (F-RTO decides if it was true)
 *
 * With SACK RACK tells what is lost (tcp_rack.c, tcp_scoreboard.c). Without,
 * duplicate ACKs are counted as segments that left the network (sacked_out), so
 * that new data may go in their place (limited transmit, RFC 3042). The third
 * one marks the first segment lost (RFC 5681, NewReno's partial ACKs RFC 6582);
 * a time-out marks all. What is marked and not yet resent goes before new
 * data, as cwnd allows. Undo (RFC 3522 by timestamps, RFC 5682 after a time-out)
 * restores the window when the ACKs prove that the original had arrived.
 */
#include "tcp_priv.h"

static void mark_retrans_lost(struct tern_stack *st, struct tcp_conn *c,
			      struct tcp_seg *g)
{
	g->marks &= (uint8_t)~SEG_RETRANS;
	c->act->retrans_out -= g->n_segs;
	COUNT_N(st, TCP_EXT_LOST_RETRANSMIT, g->n_segs);
}

void tcp_mark_lost(struct tern_stack *st, struct tcp_conn *c, struct tcp_seg *g)
{
	if (g->marks & SEG_SACKED)
		return;
	if (seq_lt(g->seq, c->act->rtx_from))
		c->act->rtx_from = g->seq;
	if (g->marks & SEG_LOST) {
		if (!(g->marks & SEG_RETRANS))
			return;
		mark_retrans_lost(st, c, g);
	} else {
		g->marks |= SEG_LOST;
		c->act->lost_out += g->n_segs;
	}
	c->act->lost += g->n_segs;
}

/* Counting duplicate ACKs starts again; with SACK they are not counted. */
static void dupacks_reset(struct tcp_conn *c)
{
	if (!c->sack_ok)
		c->act->sacked_out = 0;
}

void tcp_count_delivered(struct tern_stack *st, struct tcp_conn *c, uint32_t n)
{
	struct tcp_hist *h = hist_of(st, c);

	if (h)
		h->delivered += n;
}

/* More segments have left than there were holes for: the network reorders. */
static void limit_dupacks(struct tern_stack *st, struct tcp_conn *c,
			  uint32_t addend)
{
	struct tcp_active *a = c->act;
	uint32_t holes = min_u32(max_u32(a->lost_out, 1), a->packets_out);

	if (a->sacked_out + holes <= a->packets_out)
		return;
	a->sacked_out = a->packets_out - holes;
	c->reordering =
		(uint16_t)min_u32(min_u32(a->packets_out + addend, UINT16_MAX),
				  (uint32_t)st->tun.tcp_max_reordering);
	tcp_reord_seen(c);
	COUNT(st, TCP_EXT_RENO_REORDER);
}

static void dupack_add(struct tern_stack *st, struct tcp_conn *c, uint32_t n)
{
	uint32_t prior = c->act->sacked_out;

	if (!n || c->sack_ok)
		return;
	c->act->sacked_out += n;
	limit_dupacks(st, c, 0);
	if (c->act->sacked_out > prior)
		tcp_count_delivered(st, c, c->act->sacked_out - prior);
}

/* A cumulative ACK of n segments: those that duplicate ACKs stood for are
 * among them, but for the one at the hole. */
void tcp_dupacks_acked(struct tern_stack *st, struct tcp_conn *c, uint32_t n)
{
	struct tcp_active *a = c->act;

	if (n) {
		tcp_count_delivered(
			st, c, n > a->sacked_out + 1 ? n - a->sacked_out : 1);
		a->sacked_out -= min_u32(a->sacked_out, n - 1);
	}
	limit_dupacks(st, c, n);
}

static bool any_retrans(const struct tcp_active *a)
{
	const struct tcp_seg *g = rtx_first(a);

	return a->retrans_out || (g && g->marks & SEG_EVER_RETRANS);
}

/* Did the original arrive after all? The peer echoes a timestamp from before
 * the first resend (Eifel, RFC 3522), or nothing has been resent yet: pacing may
 * hold it back for longer than the network did [k]. */
static bool was_delayed(const struct tcp_conn *c)
{
	const struct tcp_active *a = c->act;
	uint32_t sent;

	if (!a->retrans_at) {
		/* Cleared where resends may be out: holds_state(), a SYN's. */
		return c->state != TERN_TCP_SYN_SENT &&
		       (c->sack_ok || seq_lt(c->snd.una, a->high_seq));
	}
	if (!c->ts_ok || !a->ack_ts_ecr)
		return false;
	sent = (uint32_t)(a->retrans_at / NS_PER_MS) + a->ts_offset;
	return (int32_t)(a->ack_ts_ecr - sent) < 0;
}

static bool may_undo(const struct tcp_conn *c)
{
	const struct tcp_active *a = c->act;

	return a->has_undo && (!a->undo_retrans || was_delayed(c));
}

static void undo(struct tern_stack *st, struct tcp_conn *c, bool unmark)
{
	struct tcp_active *a = c->act;
	struct rbnode *n;

	if (unmark) {
		for (n = a->rtx.first; n; n = rbtree_next(n))
			seg_of(n)->marks &= (uint8_t)~SEG_LOST;
		a->lost_out = 0;
	}
	if (a->prior_ssthresh) {
		c->cc.cwnd = tcp_cc_undo(st, c);
		if (a->prior_ssthresh > c->cc.ssthresh) {
			c->cc.ssthresh = a->prior_ssthresh;
			c->cwr_due = 0;
		}
	}
	a->has_undo = false;
	a->cwnd_used_at = st->now;
	tcp_trace_what(st, c, TERN_TRACE_CC, "undo", NULL);
}

static void undo_start(struct tcp_conn *c)
{
	struct tcp_active *a = c->act;

	a->undo_marker = c->snd.una;
	a->has_undo = true;
	/* What is in flight again already may bring D-SACKs later, a probe
	 * that was a resend, too. */
	a->undo_retrans =
		(int32_t)a->retrans_out + (a->has_tlp && a->tlp_resent);
	if (!a->undo_retrans)
		a->undo_retrans = -1;
}

void tcp_keep_open(struct tern_stack *st, struct tcp_conn *c)
{
	const struct tcp_active *a = c->act;
	enum tern_ca_state state = TERN_CA_OPEN;

	if (a->sacked_out + a->lost_out || any_retrans(a))
		state = TERN_CA_DISORDER;
	if (c->ca_state != state) {
		tcp_set_ca(st, c, state);
		c->act->high_seq = c->snd.nxt;
	}
}

/* ECN's answer to congestion: as to a loss, once a round trip, and nothing is
 * resent (RFC 3168 6.1.2). */
void tcp_enter_cwr(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;

	a->prior_ssthresh = 0;
	if (c->ca_state >= TERN_CA_CWR)
		return;
	a->has_undo = false;
	tcp_cwnd_reduce_start(st, c);
	tcp_set_ca(st, c, TERN_CA_CWR);
}

static void try_open(struct tern_stack *st, struct tcp_conn *c,
		     const struct tcp_ack_state *s)
{
	if (!any_retrans(c->act))
		c->act->retrans_at = 0;
	if (s->flags & ACKED_ECE)
		tcp_enter_cwr(st, c);
	if (c->ca_state != TERN_CA_CWR)
		tcp_keep_open(st, c);
}

/* Without SACK duplicate ACKs of the last flight may still be on their way and
 * must not start another recovery: stay until something beyond is acked. */
static bool holds_state(struct tcp_conn *c)
{
	if (c->sack_ok || !seq_eq(c->snd.una, c->act->high_seq))
		return false;
	if (!any_retrans(c->act))
		c->act->retrans_at = 0;
	return true;
}

static bool end_recovery(struct tern_stack *st, struct tcp_conn *c)
{
	if (may_undo(c)) {
		if (c->ca_state == TERN_CA_LOSS)
			COUNT(st, TCP_EXT_LOSS_UNDO);
		else
			COUNT(st, TCP_EXT_FULL_UNDO);
		undo(st, c, false);
	} else if (c->act->rack.persist) {
		c->act->rack.persist--;
	}
	if (holds_state(c))
		return true;
	tcp_set_ca(st, c, TERN_CA_OPEN);
	return false;
}

/* All that was resent arrived twice. */
static bool undo_dsack(struct tern_stack *st, struct tcp_conn *c)
{
	if (!c->act->has_undo || c->act->undo_retrans)
		return false;
	undo(st, c, false);
	COUNT(st, TCP_EXT_DSACK_UNDO);
	return true;
}

/* The peer lost what it had SACKed: soon resend all (RFC 2018 8). True: wait
 * for that. */
static bool reneged(struct tern_stack *st, struct tcp_conn *c,
		    const struct tcp_ack_state *s)
{
	int64_t wait;

	if (!(s->flags & ACKED_RENEGED) || !(s->flags & ACKED_UNA))
		return false;
	wait = max_i64((int64_t)(c->srtt_us >> 4) * NS_PER_US, 10 * NS_PER_MS);
	tcp_xmit_timer(st, c, TCP_TIMER_RTX, st->now + wait);
	return true;
}

/* A partial ACK in recovery that proves the original came through: late, so
 * the network reorders. */
static bool undo_partial(struct tern_stack *st, struct tcp_conn *c,
			 const struct tcp_ack_state *s)
{
	struct tcp_active *a = c->act;

	if (!a->has_undo || !was_delayed(c))
		return false;
	tcp_sack_reordering(st, c, s->prior_una, true);
	/* Wait until what was resent is accounted for. */
	if (a->retrans_out)
		return true;
	if (!any_retrans(a))
		a->retrans_at = 0;
	undo(st, c, true);
	COUNT(st, TCP_EXT_PARTIAL_UNDO);
	tcp_keep_open(st, c);
	return true;
}

static bool undo_loss(struct tern_stack *st, struct tcp_conn *c, bool frto)
{
	if (!frto && !may_undo(c))
		return false;
	undo(st, c, true);
	COUNT(st, TCP_EXT_LOSS_UNDO);
	if (frto)
		COUNT(st, TCP_EXT_SPURIOUS_RTOS);
	c->retransmits = 0;
	if (holds_state(c))
		return true;
	if (frto || c->sack_ok)
		tcp_set_ca(st, c, TERN_CA_OPEN);
	return true;
}

enum resend { RESEND_NONE, RESEND_LOST, RESEND_NEW };

static bool in_loss(struct tern_stack *st, struct tcp_conn *c,
		    struct tcp_ack_state *s, enum resend *what)
{
	struct tcp_active *a = c->act;
	bool recovered = seq_geq(c->snd.una, a->high_seq);

	if (s->flags & ACKED_UNA && undo_loss(st, c, false))
		return true;
	if (a->frto) {
		/* RFC 5682: the ACK of what was never resent proves it. */
		if (s->flags & ACKED_ORIG_SACK && undo_loss(st, c, true))
			return true;
		if (seq_gt(c->snd.nxt, a->high_seq)) {
			if (s->is_dupack || s->flags & ACKED_SACK)
				a->frto = false; /* step 3a: it was true */
		} else if (s->flags & ACKED_UNA && !recovered) {
			a->high_seq = c->snd.nxt;
			/* Step 2b: send new data and look at its ACK. */
			if (a->unsent && seq_gt(snd_edge(c), c->snd.nxt))
				*what = RESEND_NEW;
			else
				a->frto = false;
		}
	}
	if (recovered) {
		end_recovery(st, c);
		return true;
	}
	if (!c->sack_ok && seq_gt(c->snd.nxt, a->high_seq) && s->is_dupack)
		dupack_add(st, c, 1);
	else if (s->flags & ACKED_UNA)
		dupacks_reset(c);
	if (*what == RESEND_NONE)
		*what = RESEND_LOST;
	return true;
}

/* NewReno: the hole is the first segment, and after a partial ACK the next
 * first one. */
static void find_lost(struct tern_stack *st, struct tcp_conn *c,
		      struct tcp_ack_state *s)
{
	struct tcp_active *a = c->act;
	struct tcp_seg *g = rtx_first(a);

	if (c->sack_ok) {
		if (tcp_rack_mark_lost(st, c))
			s->timer_set = true;
		return;
	}
	if (!g || g->marks & SEG_LOST)
		return;
	if ((c->ca_state < TERN_CA_RECOVERY &&
	     a->sacked_out >= c->reordering) ||
	    (c->ca_state == TERN_CA_RECOVERY && s->flags & ACKED_UNA)) {
		if (g->n_segs > 1)
			tcp_seg_split(st, c, g, c->mss);
		tcp_mark_lost(st, c, g);
	}
}

void tcp_enter_recovery(struct tern_stack *st, struct tcp_conn *c, bool ece)
{
	struct tcp_active *a = c->act;

	if (c->sack_ok)
		COUNT(st, TCP_EXT_SACK_RECOVERY);
	else
		COUNT(st, TCP_EXT_RENO_RECOVERY);
	a->prior_ssthresh = 0;
	undo_start(c);
	if (c->ca_state != TERN_CA_CWR) {
		if (!ece)
			a->prior_ssthresh = tcp_current_ssthresh(c);
		tcp_cwnd_reduce_start(st, c);
	}
	tcp_set_ca(st, c, TERN_CA_RECOVERY);
}

/* What the ACK means for the state of recovery; says what to resend. */
static enum resend judge(struct tern_stack *st, struct tcp_conn *c,
			 struct tcp_ack_state *s)
{
	struct tcp_active *a = c->act;
	enum resend what = RESEND_NONE;

	if (!a->packets_out)
		a->sacked_out = 0;
	/* Marks are congestion that no undo takes back. */
	if (s->flags & ACKED_ECE)
		a->prior_ssthresh = 0;
	if (reneged(st, c, s))
		return RESEND_NONE;
	if (c->ca_state == TERN_CA_OPEN) {
		a->retrans_at = 0;
	} else if (seq_geq(c->snd.una, a->high_seq)) {
		if (c->ca_state == TERN_CA_CWR &&
		    !seq_eq(c->snd.una, a->high_seq)) {
			tcp_cwnd_reduce_end(st, c);
			tcp_set_ca(st, c, TERN_CA_OPEN);
		} else if (c->ca_state == TERN_CA_RECOVERY) {
			dupacks_reset(c);
			if (end_recovery(st, c))
				return RESEND_NONE;
			tcp_cwnd_reduce_end(st, c);
		}
	}
	if (c->ca_state == TERN_CA_RECOVERY) {
		if (!(s->flags & ACKED_UNA))
			dupack_add(st, c, s->is_dupack);
		else if (undo_partial(st, c, s))
			return RESEND_NONE;
		if (undo_dsack(st, c))
			try_open(st, c, s);
		find_lost(st, c, s);
		/* An undo may be followed by a loss that is one. */
		if (c->ca_state != TERN_CA_RECOVERY) {
			if (!a->lost_out)
				return RESEND_NONE;
			tcp_enter_recovery(st, c, s->flags & ACKED_ECE);
		}
		return RESEND_LOST;
	}
	if (c->ca_state == TERN_CA_LOSS) {
		uint32_t resent;

		in_loss(st, c, s, &what);
		resent = a->retrans_out;
		if (c->sack_ok)
			find_lost(st, c, s);
		/* A resend that is lost, too, is another congestion. */
		if (c->ca_state != TERN_CA_OPEN && a->retrans_out >= resent)
			return what;
	}
	if (s->flags & ACKED_UNA)
		dupacks_reset(c);
	dupack_add(st, c, s->is_dupack);
	if (c->ca_state <= TERN_CA_DISORDER)
		undo_dsack(st, c);
	find_lost(st, c, s);
	if (!a->lost_out) {
		try_open(st, c, s);
		return RESEND_NONE;
	}
	if (tcp_mtu_lost(st, c))
		return RESEND_NONE;
	tcp_enter_recovery(st, c, s->flags & ACKED_ECE);
	return RESEND_LOST;
}

void tcp_recovery_ack(struct tern_stack *st, struct tcp_conn *c,
		      struct tcp_ack_state *s)
{
	uint32_t lost = c->act->lost;

	s->resend = (uint8_t)judge(st, c, s);
	s->newly_lost = c->act->lost - lost;
}

/* After cwnd was set for this ACK: resend what it allows. */
void tcp_recovery_send(struct tern_stack *st, struct tcp_conn *c,
		       const struct tcp_ack_state *s)
{
	if (s->resend == RESEND_NONE || c->state == TERN_TCP_SYN_SENT)
		return;
	if (s->resend == RESEND_NEW) {
		tcp_push(st, c, true);
		if (seq_gt(c->snd.nxt, c->act->high_seq))
			return;
		c->act->frto = false;
	}
	tcp_rtx_queue(st, c);
}

void tcp_rtx_queue(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	struct tcp_seg *g;
	bool first_resent = false;
	uint32_t most;

	if (a->retrans_out >= a->lost_out)
		return;
	most = tcp_autosize(st, c, tcp_mss_now(st, c));
	g = tcp_seg_at(a, a->rtx_from);
	for (; g && a->retrans_out < a->lost_out;
	     g = seg_of(rbtree_next(&g->node))) {
		uint32_t flight = in_flight(a);

		a->rtx_from = g->seq;
		if (flight >= c->cc.cwnd || tcp_pace_holds(st, c))
			break;
		if (g->marks & SEG_LOST &&
		    !(g->marks & (SEG_SACKED | SEG_RETRANS))) {
			if (tcp_resend(st, c, g,
				       min_u32(c->cc.cwnd - flight, most)))
				break;
			if (c->ca_state == TERN_CA_LOSS)
				COUNT(st, TCP_EXT_SLOW_START_RETRANS);
			else
				COUNT(st, TCP_EXT_FAST_RETRANS);
			if (c->ca_state == TERN_CA_RECOVERY ||
			    c->ca_state == TERN_CA_CWR)
				a->prr_out += g->n_segs;
			if (g == rtx_first(a))
				first_resent = true;
		}
	}
	if (first_resent && a->at[TCP_TIMER_REO] == NEVER)
		tcp_xmit_timer(st, c, TCP_TIMER_RTX, st->now + tcp_rto_ns(c));
}

/* A time-out: all that is in flight counts as lost, and the window starts from
 * one segment (RFC 5681 3.1). */
void tcp_enter_loss(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	bool fresh = c->ca_state < TERN_CA_RECOVERY, forget_sacks;
	struct tcp_seg *g = rtx_first(a);
	struct rbnode *n;

	forget_sacks = g && g->marks & SEG_SACKED;
	if (forget_sacks) {
		COUNT(st, TCP_EXT_SACK_RENEGING);
		a->sacked_out = 0;
		a->n_seen = 0;
	}
	dupacks_reset(c);
	for (n = a->rtx.first; n; n = rbtree_next(n)) {
		g = seg_of(n);
		if (forget_sacks)
			g->marks &= (uint8_t)~SEG_SACKED;
		/* What was sent just now is not lost because of the first. */
		else if (c->sack_ok && n != a->rtx.first &&
			 tcp_rack_left(st, c, g) > 0)
			continue;
		tcp_mark_lost(st, c, g);
	}
	if (c->ca_state <= TERN_CA_DISORDER ||
	    seq_leq(a->high_seq, c->snd.una) ||
	    (c->ca_state == TERN_CA_LOSS && !c->retransmits)) {
		a->prior_ssthresh = tcp_current_ssthresh(c);
		a->prior_cwnd = c->cc.cwnd;
		c->cc.ssthresh = tcp_cc_ssthresh(st, c);
		tcp_cc_event(st, c, TERN_CC_LOSS);
		undo_start(c);
	}
	c->cc.cwnd = in_flight(a) + 1;
	c->cc.cwnd_cnt = 0;
	a->cwnd_used_at = st->now;
	tcp_set_ca(st, c, TERN_CA_LOSS);
	a->high_seq = c->snd.nxt;
	a->has_tlp = false;
	c->cwr_due = 1;
	a->frto = st->tun.tcp_frto && (fresh || c->retransmits);
}
