// SPDX-License-Identifier: BSD-2-Clause
/*
 * Segment sizes (RFC 9293 3.7.1, RFC 6691).
 *
 * Announced is the link's MTU less the fixed headers: options are the sender's
 * to take off, and tcp_mss_now() does, for each segment, since SACK blocks
 * come and go. c->mss_peer is what the peer announced (or the default it stands
 * for), c->pmtu the path that c->mss was computed from; c->mss has the
 * timestamp option taken off. tcp_mtu_probe.c searches for the path's size.
 */
#include "tcp_priv.h"

static uint32_t ip_len(bool v4)
{
	return v4 ? WIRE_IP4_LEN : WIRE_IP6_LEN;
}

uint32_t tcp_advmss(const struct tern_stack *st, const struct ip_path *path,
		    bool v6)
{
	/* Of the path, as far as it is known: what goes one way at that size
	 * hardly comes the other way larger [k]. */
	uint32_t mss = path->mtu - ip_len(!v6) - WIRE_TCP_LEN;

	(void)st;
	if (path->advmss)
		mss = min_u32(mss, path->advmss);
	/* 65,535 stands for "no limit" on IPv6 jumbo links; and the field has
	 * 16 bits. */
	return clamp_u32(mss, TCP_MIN_MSS, 65535 - ip_len(!v6) - WIRE_TCP_LEN);
}

uint16_t tcp_syn_mss(const struct tern_stack *st, const struct tcp_conn *c)
{
	uint32_t mss =
		tcp_advmss(st, &c->act->path, !tern_addr_is_v4(&c->raddr));

	if (c->opts->user_mss)
		mss = min_u32(mss, c->opts->user_mss);
	return (uint16_t)mss;
}

uint32_t tcp_mss_of(const struct tern_stack *st, const struct tcp_conn *c,
		    uint32_t mtu)
{
	uint32_t mss = mtu - ip_len(tern_addr_is_v4(&c->raddr)) - WIRE_TCP_LEN;

	mss = min_u32(mss, c->mss_peer);
	return max_u32(mss, (uint32_t)st->tun.tcp_min_snd_mss) -
	       (c->ts_ok ? 12 : 0);
}

void tcp_sync_mss(struct tern_stack *st, struct tcp_conn *c, uint32_t pmtu)
{
	uint32_t mss, half, stamp = c->ts_ok ? 12 : 0;
	struct tcp_mtu_search *s = c->act ? &c->act->mtu : NULL;

	pmtu = min_u32(pmtu, 65535);
	c->pmtu = (uint16_t)pmtu;
	if (s && s->high > pmtu)
		s->high = (uint16_t)pmtu;
	mss = tcp_mss_of(st, c, pmtu);
	/* Never more than half the largest window seen, or two segments could
	 * not be under way (and an ACK would wait for its timer). */
	if (c->snd.max_wnd) {
		half = c->snd.max_wnd > TCP_MSS_DEFAULT ? c->snd.max_wnd >> 1 :
							  c->snd.max_wnd;
		if (mss > half)
			mss = max_u32(half, 68 - WIRE_TCP_LEN - stamp);
	}
	if (s && s->is_on)
		mss = min_u32(mss, tcp_mss_of(st, c, s->low));
	c->mss = (uint16_t)mss;
}

uint32_t tcp_mss_now(struct tern_stack *st, struct tcp_conn *c)
{
	struct wire_tcp_opts o = { 0 };
	uint32_t mss;

	if (c->act && c->act->mtu.is_on && st->now >= c->act->mtu.ends_at) {
		tcp_mtu_init(st, c);
		tcp_sync_mss(st, c, c->pmtu);
	}
	if (c->act && tcp_path(st, c) && c->act->path.mtu != c->pmtu)
		tcp_sync_mss(st, c, c->act->path.mtu);
	mss = c->mss;
	if (!c->act)
		return mss;
	if (c->sack_ok && (c->act->n_sacks || c->act->has_dsack))
		tcp_sack_options(c, &o);
	tcp_accecn_option(st, c, &o);
	if (!o.present)
		return mss;
	/* Timestamps are off mss already, but take room from the others. */
	if (c->ts_ok)
		o.present |= WIRE_OPT_TS;
	mss -= wire_tcp_opts_len(&o, false) - (c->ts_ok ? 12 : 0);
	return mss;
}

/* How much one packet that is cut below TCP may carry. */
uint32_t tcp_size_goal(struct tern_stack *st, const struct tcp_conn *c,
		       uint32_t mss)
{
	uint32_t goal = TCP_GSO_MAX - 320, half;

	(void)st;
	if (c->snd.max_wnd) {
		half = c->snd.max_wnd > TCP_MSS_DEFAULT ? c->snd.max_wnd >> 1 :
							  c->snd.max_wnd;
		goal = min_u32(
			goal,
			max_u32(half, 68 - WIRE_TCP_LEN - (c->ts_ok ? 12 : 0)));
	}
	return max_u32(goal / mss, 1) * mss;
}

/* What is in flight and larger than the MSS of now is lost for sure: it is
 * resent at once, smaller. That says nothing about congestion (RFC 1191 6.5),
 * so ssthresh stays. */
void tcp_resend_smaller(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	struct rbnode *n;

	for (n = a->rtx.first; n; n = rbtree_next(n)) {
		struct tcp_seg *g = seg_of(n);

		if ((g->n_segs > 1 ? g->mss : g->len) > c->mss)
			tcp_mark_lost(st, c, g);
	}
	if (a->lost_out)
		tcp_resend_lost(st, c);
}

void tcp_resend_lost(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;

	if (c->ca_state != TERN_CA_LOSS) {
		a->high_seq = c->snd.nxt;
		c->cc.ssthresh = tcp_current_ssthresh(c);
		a->prior_ssthresh = 0;
		a->has_undo = false;
		tcp_set_ca(st, c, TERN_CA_LOSS);
	}
	tcp_rtx_queue(st, c);
}

/* A router says that what we sent is too big; it quoted a segment in flight. */
void tcp_path_too_big(struct tern_stack *st, struct tcp_conn *c, uint32_t mtu)
{
	struct tcp_active *a = c->act;
	uint32_t before = c->pmtu;

	if (!a || c->opts->pmtudisc == 1 || mtu >= before)
		return;
	ip_pmtu_learn(st, &c->raddr, mtu);
	if (!tcp_path(st, c) || a->path.mtu >= before)
		return;
	tcp_sync_mss(st, c, a->path.mtu);
	if (c->state == TERN_TCP_SYN_SENT)
		c->advmss = min_u32(c->advmss, tcp_syn_mss(st, c)) & 0xffff;
	if (c->state != TERN_TCP_SYN_SENT)
		tcp_resend_smaller(st, c);
	else if (a->syn_data && rtx_first(a)->flags & TCP_SYN)
		tcp_resend(st, c, rtx_first(a), 1); /* alone: it is smaller */
}
