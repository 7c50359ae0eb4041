// SPDX-License-Identifier: BSD-2-Clause
/*
 * The path MTU searched by segments (RFC 4821, as Linux does it).
 *
 *	low   a packet of this size gets through: the MSS of now
 *	high  the largest that may: the peer's MSS, or the path's MTU
 *
 * A probe is a segment of the next data, as long as a packet half way between
 * the two may be. Acknowledged, its size is the new `low`; lost while the data
 * behind it arrives, the new `high`, and that is no sign of congestion (7.6).
 * What else may be lost then: it waits for enough data behind the probe for
 * the loss to show by duplicate ACKs. The search ends when the two are closer
 * than tcp_probe_threshold, and begins again after tcp_probe_interval.
 *
 * tcp_mtu_probing 2 searches from tcp_base_mss on with each connection; 1 only
 * where nothing gets through any more (tcp_black_hole()), and (deviates) only
 * for a minute: silence is often loss, and where so much is lost that cwnd never
 * comes to 11 nothing would be tried again. A connection that searches does not
 * rest: its bounds are in the active block.
 */
#include "tcp_priv.h"

/* A packet of so many bytes behind its fixed headers. */
static uint16_t packet_of(const struct tcp_conn *c, uint32_t len)
{
	uint32_t ip = tern_addr_is_v4(&c->raddr) ? WIRE_IP4_LEN : WIRE_IP6_LEN;

	return (uint16_t)min_u32(len + ip + WIRE_TCP_LEN, UINT16_MAX);
}

/* And with the timestamps that each data segment has. */
static uint16_t mtu_of(const struct tcp_conn *c, uint32_t mss)
{
	return packet_of(c, mss + (c->ts_ok ? 12 : 0));
}

static void search_from_top(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_mtu_search *s = &c->act->mtu;

	s->high = packet_of(c, c->mss_peer);
	s->size = 0;
	s->began_at = st->now;
}

void tcp_mtu_init(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_mtu_search *s = &c->act->mtu;

	s->is_on = st->tun.tcp_mtu_probing > 1;
	s->ends_at = NEVER;
	s->low = mtu_of(c, (uint32_t)st->tun.tcp_base_mss);
	search_from_top(st, c);
}

void tcp_black_hole(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_mtu_search *s = &c->act->mtu;
	uint32_t mss;

	if (!st->tun.tcp_mtu_probing || c->opts->pmtudisc == 1)
		return;
	if (s->is_on) {
		mss = tcp_mss_of(st, c, s->low) / 2;
		mss = min_u32(mss, (uint32_t)st->tun.tcp_base_mss);
		mss = max_u32(mss, (uint32_t)st->tun.tcp_mtu_probe_floor);
		mss = max_u32(mss, (uint32_t)st->tun.tcp_min_snd_mss);
		s->low = mtu_of(c, mss);
	} else {
		if (!s->high)
			tcp_mtu_init(st, c);
		s->is_on = true;
		s->began_at = st->now;
	}
	if (st->tun.tcp_mtu_probing == 1)
		s->ends_at = st->now + TCP_BLACK_HOLE_LASTS;
	tcp_sync_mss(st, c, c->pmtu);
}

/* The payload of the next probe; 0: none is due. */
static uint32_t probe_len(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_mtu_search *s = &c->act->mtu;
	uint32_t len = tcp_mss_of(st, c, (s->high + (uint32_t)s->low) / 2);

	if (len <= tcp_mss_of(st, c, s->high) &&
	    s->high - s->low >= st->tun.tcp_probe_threshold)
		return len;
	if (st->now - s->began_at >= st->tun.tcp_probe_interval * NS_PER_S) {
		search_from_top(st, c);
		s->low = mtu_of(c, c->mss);
	}
	return 0;
}

/* Makes the first unsent segment one of len bytes, and gives it; NULL: it is
 * not to be, or there is no memory. */
static struct tcp_seg *take_data(struct tern_stack *st, struct tcp_conn *c,
				 uint32_t len)
{
	struct tcp_seg *g = c->act->unsent;
	uint32_t was;

	do {
		was = g->len;
		if (was < len)
			tcp_seg_grow(st, c, g, len - was);
	} while (g->len < len && g->len > was);
	if (g->len < len || (g->len > len && !tcp_seg_split(st, c, g, len)))
		return NULL;
	tcp_seg_count(g, len);
	return g;
}

enum tcp_mtu_next tcp_mtu_next(struct tern_stack *st, struct tcp_conn *c,
			       struct tcp_seg **probe)
{
	struct tcp_active *a = c->act;
	uint32_t len, needed;

	if (likely(!a->mtu.is_on) || a->mtu.size ||
	    c->ca_state != TERN_CA_OPEN || c->cc.cwnd < 11 || a->n_sacks ||
	    a->has_dsack)
		return TCP_MTU_NONE;
	len = probe_len(st, c);
	if (!len)
		return TCP_MTU_NONE;
	/* Enough behind it for its loss to be seen. */
	needed = len + (c->reordering + 1u) * c->mss;
	if (tcp_notsent(c) < needed || c->snd.wnd < needed)
		return TCP_MTU_NONE;
	if (seq_gt(seq_add(c->snd.nxt, needed), snd_edge(c)))
		return TCP_MTU_WAIT;
	if (in_flight(a) + 2 > c->cc.cwnd)
		return in_flight(a) ? TCP_MTU_WAIT : TCP_MTU_NONE;
	*probe = take_data(st, c, len);
	return *probe ? TCP_MTU_PROBE : TCP_MTU_NONE;
}

void tcp_mtu_sent(struct tcp_conn *c, const struct tcp_seg *g)
{
	struct tcp_mtu_search *s = &c->act->mtu;

	s->size = mtu_of(c, g->len);
	s->from = g->seq;
	s->end = seg_end(g);
	/* A probe weighs up to as much as two of the usual ones. */
	c->cc.cwnd--;
}

void tcp_mtu_acked(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_mtu_search *s = &c->act->mtu;
	uint64_t cwnd;

	if (likely(!s->size) || seq_gt(s->end, c->snd.una))
		return;
	/* As many bytes in larger segments. */
	cwnd = (uint64_t)c->cc.cwnd * mtu_of(c, c->mss) / s->size;
	c->cc.cwnd = cwnd ? (uint32_t)cwnd : 1;
	c->cc.cwnd_cnt = 0;
	c->act->cwnd_used_at = st->now;
	c->cc.ssthresh = tcp_current_ssthresh(c);
	s->low = s->size;
	s->size = 0;
	tcp_sync_mss(st, c, c->pmtu);
	COUNT(st, TCP_EXT_MTUP_SUCCESS);
}

bool tcp_mtu_lost(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_mtu_search *s = &c->act->mtu;

	if (likely(!s->size) || c->ca_state >= TERN_CA_CWR ||
	    !seq_eq(s->from, c->snd.una))
		return false;
	s->high = (uint16_t)(s->size - 1);
	s->size = 0;
	c->cc.cwnd++;
	COUNT(st, TCP_EXT_MTUP_FAIL);
	tcp_resend_smaller(st, c);
	return true;
}
