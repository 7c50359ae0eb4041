// SPDX-License-Identifier: BSD-2-Clause
/*
 * ECN: what is agreed on, how packets are marked, classic feedback.
 *
 *	SYN		SYN-ACK		mode
 *	ECE+CWR		ECE		classic (RFC 3168): ECE until CWR
 *	AE+CWR+ECE	one of four	AccECN (RFC 9768): tcp_accecn.c
 *
 * A SYN that is resent asks for less, since a box on the path may have dropped
 * it for its flags (tcp_ecn_fallback): the first resend of a classic one, the
 * second of an AccECN one goes without. So does the second resend of a SYN-ACK
 * that agreed to AccECN; the first one only leaves the option out.
 *
 * Classic packets with new data carry ECT(0), nothing else does (RFC 3168
 * 6.1.4 to 6.1.6); with AccECN all but SYN and SYN-ACK do, as on Linux, and so
 * they do where the controller needs ECN (dctcp). With such a one ECE says what
 * the last segment was marked with, and no CWR ends it (RFC 8257 3.2).
 *
 * Deviates: RFC 9768 3.1.5 wants a RST where a handshake asks for both kinds;
 * as on Linux the first one counts.
 */
#include "tcp_priv.h"

#define ECE_CWR (TCP_ECE | TCP_CWR)

/* tcp_ecn: what we answer and what we ask for. */
static const struct {
	uint8_t answer, ask;
} by_tunable[] = {
	{ ECN_OFF, ECN_OFF },	       { ECN_CLASSIC, ECN_CLASSIC },
	{ ECN_CLASSIC, ECN_OFF },      { ECN_ACCURATE, ECN_ACCURATE },
	{ ECN_ACCURATE, ECN_CLASSIC }, { ECN_ACCURATE, ECN_OFF },
};

static bool needs_ecn(const struct tern_stack *st, const struct tcp_conn *c)
{
	return tcp_cc_ops(st, c)->flags & TERN_CC_NEEDS_ECN;
}

void tcp_ecn_ask(const struct tern_stack *st, struct tcp_conn *c)
{
	c->ecn = by_tunable[st->tun.tcp_ecn].ask & 3;
	c->ecn_seen = c->ecn_echo = c->cwr_due = c->ect_out = 0;
	if (c->ecn == ECN_OFF && needs_ecn(st, c))
		c->ecn = ECN_CLASSIC;
}

/* Has the SYN been resent so often that it goes without flags? */
static bool has_fallen_back(const struct tern_stack *st,
			    const struct tcp_conn *c)
{
	return st->tun.tcp_ecn_fallback &&
	       c->retransmits >= (c->ecn == ECN_ACCURATE ? 2 : 1);
}

static uint16_t syn_flags(const struct tern_stack *st, const struct tcp_conn *c)
{
	if (c->ecn == ECN_OFF || has_fallen_back(st, c))
		return 0;
	return c->ecn == ECN_ACCURATE ? TCP_AE | ECE_CWR : ECE_CWR;
}

/* What a SYN with these flags and this mark asks for, of what we give. The
 * mark alone is no reason, but with a classic SYN a sign of a mangling path,
 * unless a bit that was reserved says that its sender knows more. */
static enum tcp_ecn asked(const struct tern_stack *st, const struct tcp_conn *c,
			  const struct tcp_in *in)
{
	uint16_t flags = in->h.flags & (TCP_AE | ECE_CWR);
	enum tcp_ecn most = by_tunable[st->tun.tcp_ecn].answer;

	if (most == ECN_ACCURATE && flags && flags != ECE_CWR)
		return ECN_ACCURATE; /* 3.1.3: also what is not yet defined */
	if ((flags & ECE_CWR) != ECE_CWR)
		return ECN_OFF;
	if (needs_ecn(st, c))
		return ECN_CLASSIC;
	if (most == ECN_OFF ||
	    (in->ip->tos & 3 && !(flags & TCP_AE) && !in->h.reserved))
		return ECN_OFF;
	return ECN_CLASSIC;
}

void tcp_ecn_syn_in(const struct tern_stack *st,
		    const struct tcp_conn *listener, const struct tcp_in *in,
		    struct tcp_req *q)
{
	enum tcp_ecn mode = asked(st, listener, in);

	q->ecn_ok = mode != ECN_OFF;
	q->accecn = mode == ECN_ACCURATE;
	q->syn_ecn = in->ip->tos & 3;
}

/* RFC 9768 5.1: only who agreed to AccECN acknowledges a SYN-ACK with an ACE of
 * two and more. */
void tcp_ecn_cookie(const struct tern_stack *st, const struct tcp_in *in,
		    struct tcp_req *q, bool kept)
{
	enum tcp_ecn most = by_tunable[st->tun.tcp_ecn].answer;

	q->accecn = most == ECN_ACCURATE && in->h.flags & (TCP_AE | TCP_CWR);
	q->ecn_ok = q->accecn || (kept && most != ECN_OFF);
	q->syn_ecn = 0;
}

void tcp_ecn_syn_again(struct tcp_req *q, const struct tcp_in *in)
{
	if (!q->accecn)
		return;
	q->syn_ecn = in->ip->tos & 3;
	if (!(in->h.flags & (TCP_AE | ECE_CWR)))
		q->no_ecn_in = 1;
}

uint16_t tcp_ecn_synack_flags(const struct tern_stack *st, struct tcp_req *q)
{
	if (!q->ecn_ok)
		return 0;
	if (!q->accecn)
		return TCP_ECE;
	if (q->n_timeouts && st->tun.tcp_ecn_fallback) {
		q->no_ecn_out = 1;
		return 0;
	}
	return tcp_accecn_handshake(q->syn_ecn);
}

void tcp_ecn_child(struct tern_stack *st, struct tcp_conn *c,
		   const struct tcp_req *q)
{
	c->ecn = q->ecn_ok ? ECN_CLASSIC : ECN_OFF;
	if (q->accecn)
		tcp_accecn_start(st, c, q->syn_ecn);
	if (q->accecn && q->no_ecn_in)
		tcp_accecn_fail(st, c, ACCECN_FAIL_ACE_RECV);
	if (q->accecn && q->no_ecn_out)
		tcp_accecn_fail(st, c, ACCECN_FAIL_ACE_SEND);
}

/* The peer's answer to our SYN (RFC 9768 table 2). */
void tcp_ecn_synack_in(struct tern_stack *st, struct tcp_conn *c,
		       const struct tcp_in *in)
{
	uint16_t flags = in->h.flags & (TCP_AE | ECE_CWR);
	bool fell_back = c->ecn == ECN_ACCURATE && has_fallen_back(st, c);

	if (c->ecn == ECN_OFF)
		return;
	if (c->ecn == ECN_CLASSIC) {
		/* A reflection of our flags has CWR, too (RFC 3168 6.1.1). */
		if ((flags & ECE_CWR) != TCP_ECE)
			c->ecn = ECN_OFF;
		return;
	}
	if (!flags || flags == (TCP_AE | ECE_CWR)) {
		c->ecn = ECN_OFF;
	} else if (flags == TCP_ECE) {
		c->ecn = ECN_CLASSIC;
	} else {
		tcp_accecn_start(st, c, in->ip->tos & 3);
		tcp_accecn_synack_in(st, c, in);
		if (fell_back)
			tcp_accecn_fail(st, c, ACCECN_FAIL_ACE_SEND);
	}
}

/* Both open at once: as if the SYN had come to a listener (RFC 9768 3.1.2). */
void tcp_ecn_crossed_syn_in(struct tern_stack *st, struct tcp_conn *c,
			    const struct tcp_in *in)
{
	c->ecn = asked(st, c, in) & 3;
	if (c->ecn == ECN_ACCURATE)
		tcp_accecn_start(st, c, in->ip->tos & 3);
}

static uint16_t crossed_synack_flags(struct tern_stack *st,
				     const struct tcp_conn *c)
{
	const struct tcp_accecn *e = accecn_of(st, c);

	if (e)
		return tcp_accecn_handshake(e->syn_ecn);
	return c->ecn == ECN_CLASSIC ? TCP_ECE : 0;
}

/* Classic: ECE as long as it is due, CWR once, ECT where there is new data. */
static uint16_t classic_flags(const struct tern_stack *st, struct tcp_conn *c,
			      bool is_new)
{
	uint16_t flags = c->ecn_echo ? TCP_ECE : 0;

	c->ect_out = is_new || needs_ecn(st, c);
	if (is_new && c->cwr_due) {
		c->cwr_due = 0;
		flags |= TCP_CWR;
	}
	return flags;
}

uint16_t tcp_ecn_out(struct tern_stack *st, struct tcp_conn *c, uint16_t flags,
		     bool is_new)
{
	c->ect_out = 0;
	if (flags & TCP_SYN)
		return c->state == TERN_TCP_SYN_SENT ?
			       syn_flags(st, c) :
			       crossed_synack_flags(st, c);
	switch ((enum tcp_ecn)c->ecn) {
	case ECN_OFF:
		break;
	case ECN_CLASSIC:
		return classic_flags(st, c, is_new);
	case ECN_ACCURATE:
		return tcp_accecn_out(st, c);
	}
	return 0;
}

static void quick(struct tern_stack *st, struct tcp_conn *c)
{
	/* A sender that was told to slow down may have a window of one. */
	tcp_quickack(st, c, 2);
	c->pingpong = 0;
	c->ato_ms = TCP_ATO_MIN_MS;
}

/* RFC 8257 3.2, figure 1: an ACK must not cover both marked and unmarked data,
 * so where the mark changes the one that is owed leaves first, with the old
 * ECE; and the sender learns of the change at once. */
void tcp_ecn_mark_in(struct tern_stack *st, struct tcp_conn *c,
		     const struct tcp_in *in)
{
	bool is_ce = (in->ip->tos & 3) == 3;

	if (c->ecn != ECN_CLASSIC || is_ce == c->ecn_echo || !needs_ecn(st, c))
		return;
	if (c->ack & ACK_SCHED)
		tcp_send_ack(st, c);
	c->ecn_echo = is_ce;
	c->ack |= ACK_NOW;
}

void tcp_ecn_data_in(struct tern_stack *st, struct tcp_conn *c,
		     const struct tcp_in *in)
{
	uint8_t mark = in->ip->tos & 3;

	bool had_marks = c->ecn_seen;

	if (mark)
		c->ecn_seen = 1; /* also where nothing was agreed on [k] */
	if (c->ecn != ECN_CLASSIC)
		return;
	if (!mark) {
		/* The peer marks its data: this is a resend, so something was
		 * lost, and it waits. */
		if (had_marks)
			quick(st, c);
		return;
	}
	if (mark == 3 && !c->ecn_echo) {
		quick(st, c);
		c->ecn_echo = 1;
	}
}

void tcp_ecn_cwr_in(const struct tern_stack *st, struct tcp_conn *c,
		    const struct tcp_in *in)
{
	if (c->ecn != ECN_CLASSIC || !(in->h.flags & TCP_CWR))
		return;
	if (!needs_ecn(st, c))
		c->ecn_echo = 0;
	if (!seq_eq(in->h.seq, in->end))
		c->ack |= ACK_NOW;
}
