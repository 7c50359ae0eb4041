// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fast Open, the client's side (RFC 7413).
 *
 *	sendto(MSG_FASTOPEN)	connects and sends at once
 *	TCP_FASTOPEN_CONNECT	connect() waits for the first write, which
 *				then leaves with the SYN
 *
 * With a cookie for the destination (tcp_metrics.c) the SYN carries data; else
 * it asks for one. On the queue they are two segments, the SYN and its data, so
 * that a resent SYN goes alone and without the option: what a middlebox dropped
 * once it would drop again. Data that the SYN-ACK leaves out is resent at once.
 *
 * Where Fast Open seems to break connections after the handshake it is paused
 * for tcp_fastopen_blackhole_timeout_sec, doubled each time in a row.
 */
#include "tcp_priv.h"

enum { CLIENT = 1, CLIENT_NO_COOKIE = 4 };

#define PAUSE_DOUBLES 6u
/* Options that a middlebox may add: the data leaves room for all there can be.
 */
#define OPTS_ROOM 40u

/* Linux: once paused, the first connection after it is watched. */
static bool is_paused(struct tern_stack *st, struct tcp_conn *c)
{
	int64_t pause = st->tun.tcp_fastopen_blackhole_timeout_sec;
	uint32_t n = st->tcp.fo_off_n;

	if (!pause || !n)
		return false;
	if (st->now - st->tcp.fo_off_at <
	    (pause * NS_PER_S) << min_u32(n - 1, PAUSE_DOUBLES))
		return true;
	c->fo_watch = 1;
	return false;
}

static void pause_all(struct tern_stack *st)
{
	if (!st->tun.tcp_fastopen_blackhole_timeout_sec)
		return;
	st->tcp.fo_off_at = st->now;
	st->tcp.fo_off_n++;
	COUNT(st, TCP_EXT_FASTOPEN_BLACKHOLE);
}

void tcp_fastopen_timed_out(struct tern_stack *st, const struct tcp_conn *c,
			    bool expired)
{
	if ((c->fo_asked || c->act->syn_data || c->syn_data_acked) &&
	    (c->retransmits == 2 || (c->retransmits < 2 && expired)))
		pause_all(st);
}

void tcp_fastopen_ended(struct tern_stack *st, const struct tcp_conn *c)
{
	const struct tcp_hist *h = hist_of(st, c);
	const struct rbnode *first;

	if (!c->fo_asked)
		return;
	if (h && h->data_segs_in) {
		if (c->fo_watch)
			st->tcp.fo_off_n = 0;
		return;
	}
	/* A FIN beyond data that never came: something eats the data. */
	first = c->state != TERN_TCP_LISTEN && c->act ? c->act->ofo.first :
							NULL;
	if (first && first == c->act->ofo.last &&
	    pkt_cb(pkt_of(c->act->ofo.first))->fin)
		pause_all(st);
}

/* May the SYN carry data? act->fo: the option it is to have. */
static bool may_carry(struct tern_stack *st, struct tcp_conn *c, uint32_t *mss)
{
	const struct tcp_metric *m = tcp_metric_find(st, &c->laddr, &c->raddr);
	struct tcp_cookie *fo = &c->act->fo;

	*fo = (struct tcp_cookie){ 0 };
	if (m && m->mss)
		*mss = m->mss;
	if (is_paused(st, c))
		return false;
	if (st->tun.tcp_fastopen & CLIENT_NO_COOKIE ||
	    c->opts->fastopen_no_cookie)
		return true;
	if (m)
		*fo = m->cookie;
	fo->present = true;
	if (fo->len)
		return true;
	fo->exp = m && m->try_exp == 1;
	c->fo_fail = FO_NO_COOKIE;
	return false;
}

bool tcp_fastopen_may_defer(struct tern_stack *st, struct tcp_conn *c)
{
	uint32_t mss;

	c->fo_defer = c->opts->fastopen_connect && may_carry(st, c, &mss);
	return c->fo_defer;
}

int64_t tcp_fastopen_syn_out(struct tern_stack *st, struct tcp_conn *c,
			     const struct tern_msg *msg)
{
	uint32_t mss = c->advmss, room;
	bool carries = may_carry(st, c, &mss);
	int64_t copied = 0;
	int err;

	c->fo_defer = 0;
	/* What the peer said last time, or what we say: it stays if its SYN-ACK
	 * says nothing [k]. */
	mss = min_u32(mss, c->opts->user_mss ? c->opts->user_mss : UINT32_MAX);
	c->mss_peer = (uint16_t)mss;
	if (carries) {
		room = c->pmtu - (tern_addr_is_v4(&c->raddr) ? 40u : 60u);
		room = min_u32(room, mss);
		room = room > OPTS_ROOM ? room - OPTS_ROOM : 0;
		err = tcp_send_syn_data(st, c, msg, room, &copied);
	} else {
		err = tcp_send_syn(st, c);
	}
	return err ? err : copied;
}

/* What the SYN-ACK brought is remembered. */
static void remember(struct tern_stack *st, struct tcp_conn *c,
		     const struct tcp_in *in, int try_exp)
{
	const uint16_t kinds = WIRE_OPT_FASTOPEN | WIRE_OPT_FASTOPEN_EXP;
	struct tcp_metric *m = tcp_metric_get(st, &c->laddr, &c->raddr);

	if (!m)
		return;
	if (in->o.present & WIRE_OPT_MSS)
		m->mss = in->o.mss;
	else
		m->mss = c->mss_peer;
	if (c->fo_asked && in->o.present & kinds && in->o.cookie_len) {
		m->cookie.present = true;
		m->cookie.exp = (in->o.present & WIRE_OPT_FASTOPEN_EXP) != 0;
		m->cookie.len = in->o.cookie_len;
		memcpy(m->cookie.bytes, in->o.cookie, in->o.cookie_len);
	} else if (try_exp > m->try_exp && !m->cookie.len) {
		m->try_exp = (uint8_t)try_exp;
	}
}

bool tcp_fastopen_synack(struct tern_stack *st, struct tcp_conn *c,
			 struct tcp_in *in)
{
	const uint16_t kinds = WIRE_OPT_FASTOPEN | WIRE_OPT_FASTOPEN_EXP;
	bool has_left = c->act->syn_data && c->act->rtx.first, answered;
	struct tcp_hist *h = hist_of(st, c);
	struct rbnode *n;
	int try_exp = 0;

	if (!c->fo_asked && !c->act->syn_data)
		return false;
	answered = c->fo_asked && in->o.present & kinds;
	/* Not known to the peer: the other option next time, then this one. */
	if (c->fo_asked && !c->act->syn_retrans && !answered &&
	    !c->act->syn_data)
		try_exp = c->act->fo_exp ? 2 : 1;
	remember(st, c, in, try_exp);
	if (has_left) {
		c->fo_fail = c->act->syn_retrans ? FO_SYN_RETRANSMITTED :
						   FO_DATA_NOT_ACKED;
		COUNT(st, TCP_EXT_FASTOPEN_ACTIVE_FAIL);
		for (n = c->act->rtx.first; n; n = rbtree_next(n))
			tcp_mark_lost(st, c, seg_of(n));
		tcp_resend_lost(st, c);
		return true;
	}
	c->syn_data_acked = c->act->syn_data;
	if (c->syn_data_acked) {
		COUNT(st, TCP_EXT_FASTOPEN_ACTIVE);
		/* SYN and data were one packet. */
		if (h && h->delivered > 1)
			h->delivered--;
	}
	return false;
}
