// SPDX-License-Identifier: BSD-2-Clause
/*
 * Is the segment acceptable? RFC 9293 3.10.7.4, first to fourth step, with
 * RFC 7323 (PAWS) and RFC 5961 (blind attacks) as Linux applies them.
 *
 *	PAWS		older timestamp: ACK, drop; RST passes
 *	sequence	outside the window: ACK, drop; RST: drop
 *	RST		exactly rcv.nxt: act on it; else challenge ACK
 *	SYN		challenge ACK
 *
 * Answers to what is invalid are limited per connection (tcp_invalid_ratelimit),
 * and not by a count shared between connections, which leaks (CVE-2016-5696),
 * unless one is asked for (tcp_challenge_ack_limit). That one is drawn anew each
 * second, from half of the limit up.
 */
#include "tcp_priv.h"

bool tcp_oow_may(struct tern_stack *st, uint32_t *at, int counter)
{
	uint32_t now = now_ms(st);

	if (*at && now - *at < st->tun.tcp_invalid_ratelimit) {
		st->counter[counter]++;
		return false;
	}
	*at = now ? now : 1;
	return true;
}

bool tcp_oow_may_for(struct tern_stack *st, const struct tcp_in *in,
		     uint32_t *at, int counter)
{
	/* Data is answered each time: its sender waits for it. */
	if (!seq_eq(in->h.seq, in->end) && !(in->h.flags & TCP_SYN))
		return true;
	return tcp_oow_may(st, at, counter);
}

bool tcp_paws_reject(const struct tern_stack *st, uint32_t ts_recent,
		     uint32_t ts_recent_at, const struct tcp_in *in)
{
	if ((int32_t)(ts_recent - in->o.ts_val) <= 0 || !ts_recent)
		return false;
	return (uint32_t)(st->now / NS_PER_S) - ts_recent_at < TCP_PAWS_IDLE_S;
}

/* A pure ACK that was overtaken: harmless, and may be believed if it changes
 * nothing and is not much older. */
static bool is_disordered_ack(const struct tcp_conn *c, const struct tcp_in *in)
{
	uint32_t wnd = (uint32_t)in->h.window << c->snd_scale;

	return in->h.flags & TCP_ACK && seq_eq(in->h.seq, in->end) &&
	       seq_eq(in->h.seq, c->rcv.nxt) && seq_eq(in->h.ack, c->snd.una) &&
	       !(seq_gt(in->h.seq, c->snd.wl1) || wnd > c->snd.wnd) &&
	       (int32_t)(c->ts_recent - in->o.ts_val) <=
		       (int32_t)(c->rto_us / 1000 * 12 / 10);
}

static void dupack(struct tern_stack *st, struct tcp_conn *c,
		   const struct tcp_in *in)
{
	if (!seq_eq(in->h.seq, in->end) && seq_lt(in->h.seq, c->rcv.nxt)) {
		COUNT(st, TCP_EXT_DELAYED_ACK_LOST);
		tcp_accecn_spurious(st, c);
		tcp_quickack(st, c, TCP_MAX_QUICKACKS);
		c->pingpong = 0;
		c->ato_ms = TCP_ATO_MIN_MS;
		if (c->sack_ok && st->tun.tcp_dsack && tcp_activate(st, c))
			tcp_dsack_set(st, c, in->h.seq,
				      seq_min(in->end, c->rcv.nxt));
	}
	tcp_send_ack(st, c);
}

/* May one more leave in this second? 0 draws from all numbers: no limit [k]. */
static bool stack_may(struct tern_stack *st)
{
	uint32_t limit = (uint32_t)st->tun.tcp_challenge_ack_limit;
	int64_t second = st->now / NS_PER_S + 1; /* 0: none was counted yet */
	struct tcp_state *t = &st->tcp;

	if (likely(limit == INT32_MAX || !limit))
		return true;
	if (t->challenge_at != second) {
		t->challenge_at = second;
		t->challenge_count =
			(limit + 1) / 2 + rng_below(&st->rng, limit);
	}
	if (!t->challenge_count)
		return false;
	t->challenge_count--;
	return true;
}

void tcp_challenge(struct tern_stack *st, struct tcp_conn *c)
{
	if (!tcp_oow_may(st, &c->oow_at, COUNTER_TCP_EXT_ACK_SKIPPED_CHALLENGE))
		return;
	if (!stack_may(st))
		return;
	COUNT(st, TCP_EXT_CHALLENGE_ACK);
	tcp_send_ack(st, c);
}

void tcp_reset_in(struct tern_stack *st, struct tcp_conn *c)
{
	int error = TERN_ECONNRESET;

	if (c->state == TERN_TCP_SYN_SENT)
		error = TERN_ECONNREFUSED;
	else if (c->state == TERN_TCP_CLOSE_WAIT)
		error = TERN_EPIPE;
	tcp_abort(st, c, error, "RST");
}

/* A peer that closed may send its RST from before its FIN's number. */
static bool is_rst_at_fin(const struct tcp_conn *c, const struct tcp_in *in)
{
	return seq_eq(in->h.seq, seq_sub(c->rcv.nxt, 1)) &&
	       (c->state == TERN_TCP_CLOSE_WAIT ||
		c->state == TERN_TCP_LAST_ACK || c->state == TERN_TCP_CLOSING);
}

/* 0, or why its place is wrong. Beyond the window's end it is dropped whole,
 * unless nothing is queued: then what fits may be taken. A FIN may lie just
 * beyond it: no byte of the buffer is asked for [k]. */
static int check_sequence(const struct tcp_conn *c, const struct tcp_in *in)
{
	struct seq edge = seq_add(c->rcv.nxt, rcv_window(c));
	bool fin = in->h.flags & TCP_FIN;

	if (seq_lt(in->end, c->rcv.wup))
		return DROP_TCP_OLD_SEQUENCE;
	if (seq_gt(seq_sub(in->end, fin), edge)) {
		if (seq_gt(in->h.seq, edge))
			return DROP_TCP_INVALID_SEQUENCE;
		/* The FIN is queued as well [k]. */
		if ((c->fin_in && !c->fin_read) ||
		    (c->act && c->act->rcvq.head))
			return DROP_TCP_OVERWINDOW;
	}
	return DROP_NOT;
}

/* Is it the highest number that we SACKed? RFC 5961 3.2 would challenge a RST
 * there, but a peer that lost data in between cannot know better. */
static bool is_rst_at_sack(const struct tcp_conn *c, const struct tcp_in *in)
{
	const struct tcp_active *a = c->act;
	struct seq high;
	int i;

	if (!a || !a->n_sacks)
		return false;
	high = a->sacks[0].end;
	for (i = 1; i < a->n_sacks; i++)
		high = seq_max(high, a->sacks[i].end);
	return seq_eq(in->h.seq, high);
}

/* The one SYN that may come on a connection: the peer's SYN-ACK in a
 * simultaneous open. */
static bool is_crossed_synack(const struct tcp_conn *c, const struct tcp_in *in)
{
	return c->state == TERN_TCP_SYN_RECV && in->h.flags & TCP_ACK &&
	       seq_eq(seq_add(in->h.seq, 1), in->end) &&
	       seq_eq(seq_add(in->h.seq, 1), c->rcv.nxt) &&
	       seq_eq(in->h.ack, c->snd.nxt);
}

static bool drop(struct tern_stack *st, const struct tcp_in *in, int reason)
{
	ip_drop(st, in->pkt, reason);
	return false;
}

static bool syn_challenge(struct tern_stack *st, struct tcp_conn *c,
			  struct tcp_in *in)
{
	if (c->state == TERN_TCP_ESTABLISHED)
		COUNT(st, TCP_IN_ERRS);
	COUNT(st, TCP_EXT_SYN_CHALLENGE);
	tcp_accecn_synack_again(st, c, in);
	tcp_challenge(st, c);
	return drop(st, in, DROP_TCP_INVALID_SYN);
}

static bool reset(struct tern_stack *st, struct tcp_conn *c,
		  const struct tcp_in *in)
{
	tcp_reset_in(st, c);
	return drop(st, in, DROP_TCP_RESET);
}

/* True: PAWS has nothing against it. */
static bool pass_paws(struct tern_stack *st, struct tcp_conn *c,
		      struct tcp_in *in)
{
	if (!c->ts_ok || !(in->o.present & WIRE_OPT_TS) ||
	    in->h.flags & TCP_RST ||
	    (int32_t)(c->ts_recent - in->o.ts_val) <= TCP_PAWS_WINDOW ||
	    !tcp_paws_reject(st, c->ts_recent, c->ts_recent_at, in) ||
	    is_disordered_ack(c, in))
		return true;
	if (in->h.flags & TCP_SYN)
		return syn_challenge(st, c, in);
	/* An ACK of old that comes late says nothing, and asks nothing [k]. */
	if (seq_eq(in->h.seq, in->end) && seq_lt(in->h.seq, c->rcv.nxt))
		return drop(st, in, DROP_TCP_RFC7323_PAWS_ACK);
	if (tcp_oow_may_for(st, in, &c->oow_at,
			    COUNTER_TCP_EXT_ACK_SKIPPED_PAWS))
		dupack(st, c, in);
	return drop(st, in, DROP_TCP_RFC7323_PAWS);
}

bool tcp_validate(struct tern_stack *st, struct tcp_conn *c, struct tcp_in *in)
{
	uint16_t flags = in->h.flags;
	int reason;

	if (!pass_paws(st, c, in))
		return false;
	reason = check_sequence(c, in);
	if (unlikely(reason)) {
		if (flags & TCP_RST) {
			if (is_rst_at_fin(c, in))
				return reset(st, c, in);
			return drop(st, in, reason);
		}
		if (flags & TCP_SYN && !is_crossed_synack(c, in))
			return syn_challenge(st, c, in);
		if (!(flags & TCP_SYN)) {
			if (tcp_oow_may_for(st, in, &c->oow_at,
					    COUNTER_TCP_EXT_ACK_SKIPPED_SEQ))
				dupack(st, c, in);
			return drop(st, in, reason);
		}
	}
	if (unlikely(flags & TCP_RST)) {
		if (seq_eq(in->h.seq, c->rcv.nxt) || is_rst_at_fin(c, in) ||
		    is_rst_at_sack(c, in))
			return reset(st, c, in);
		tcp_challenge(st, c);
		return drop(st, in, DROP_TCP_INVALID_SEQUENCE);
	}
	if (unlikely(flags & TCP_SYN) && !is_crossed_synack(c, in))
		return syn_challenge(st, c, in);
	return true;
}
