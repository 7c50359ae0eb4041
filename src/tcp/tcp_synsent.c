// SPDX-License-Identifier: BSD-2-Clause
/*
 * SYN_SENT (RFC 9293 3.10.7.3), and what a finished handshake sets up.
 *
 *	SYN+ACK		ESTABLISHED, and an ACK back (late, if data is about
 *			to carry it)
 *	SYN		both opened at once: SYN_RCVD, SYN+ACK back
 *	RST+ACK		ECONNREFUSED
 *	a wrong ACK	RST: it belongs to an older connection (O7)
 */
#include "tcp_priv.h"

/* What the peer's SYN says counts for the connection's life. */
static void take_options(struct tern_stack *st, struct tcp_conn *c,
			 const struct tcp_in *in)
{
	const struct wire_tcp_opts *o = &in->o;
	uint32_t mss = tern_addr_is_v4(&c->raddr) ? TCP_MSS_DEFAULT :
						    TCP_MSS_DEFAULT_V6;

	if (o->present & WIRE_OPT_MSS && o->mss)
		mss = o->mss;
	else if (c->fo_asked || c->act->syn_data)
		mss = c->mss_peer;
	if (c->opts->user_mss)
		mss = min_u32(mss, c->opts->user_mss);
	c->mss_peer = (uint16_t)mss;
	c->wscale_ok = c->wscale_ok && o->present & WIRE_OPT_WSCALE;
	c->snd_scale = 0;
	if (c->wscale_ok)
		c->snd_scale = min_u32(o->wscale, TCP_MAX_WSCALE) & 15;
	else
		c->rcv_scale = 0;
	c->sack_ok = c->sack_ok && o->present & WIRE_OPT_SACK_OK;
	c->ts_ok = c->ts_ok && o->present & WIRE_OPT_TS;
	if (c->ts_ok) {
		c->ts_recent = o->ts_val;
		c->ts_recent_at = (uint32_t)(st->now / NS_PER_S);
		c->advmss = (uint16_t)(c->advmss - 12);
	}
	c->rcv.nxt = seq_add(in->h.seq, 1);
	c->rcv.wup = c->rcv.copied = c->rcv.nxt;
	c->act->space.seq = c->rcv.copied;
	c->act->urg_seq = c->rcv.copied;
	c->snd.wl1 = in->h.seq;
	c->snd.wnd = in->h.window; /* never scaled in a SYN */
	c->snd.max_wnd = c->snd.wnd;
	tcp_sync_mss(st, c, c->act->path.mtu);
}

void tcp_init_rcv_mss(struct tcp_conn *c)
{
	uint32_t hint = min_u32(c->advmss, c->mss);

	hint = min_u32(hint, c->rcv.wnd / 2);
	hint = min_u32(hint, TCP_MSS_DEFAULT);
	c->rcv_mss = (uint16_t)max_u32(hint, TCP_MIN_MSS);
}

void tcp_init_transfer(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;

	tcp_mtu_init(st, c);
	if (!c->srtt_us) {
		/* The SYN was resent and gave no RTT: RFC 6298 5.7. */
		c->rto_us = TCP_RTO_FALLBACK / NS_PER_US;
		c->rttvar_us = c->mdev_us = c->rto_us;
		a->mdev_max = c->rttvar_us;
	}
	c->cc.cwnd = a->syn_retrans > 1 ? 1 : tcp_init_cwnd(c);
	a->cwnd_used_at = st->now;
	tcp_cc_init(st, c);
	tcp_init_buffers(st, c);
	tcp_update_pacing(st, c);
	c->ca_state = TERN_CA_OPEN;
	a->has_undo = false;
	c->cc.ssthresh = TERN_CC_INFINITE_SSTHRESH;
	c->last_sent = c->last_data = now_ms(st);
	if (c->keepalive)
		tcp_keep_start(st, c);
	if (a->at[TCP_TIMER_REST] == NEVER)
		tcp_timer_set(st, c, TCP_TIMER_REST, st->now + TCP_REST_AFTER);
}

/* The answer may come with the SYN-ACK, if we asked by Fast Open. True: it did,
 * and the packet is gone. */
static bool synack_data(struct tern_stack *st, struct tcp_conn *c,
			struct tcp_in *in)
{
	if (!in->len || !(c->fo_asked || c->act->syn_data))
		return false;
	tcp_urg_in(st, c, in);
	in->h.seq = seq_add(in->h.seq, 1);
	in->h.flags &= (uint16_t)~TCP_SYN;
	tcp_data_in(st, c, in);
	return true;
}

/* True: the packet is gone. */
static bool established(struct tern_stack *st, struct tcp_conn *c,
			struct tcp_in *in)
{
	bool taken;

	tcp_set_state(st, c, TERN_TCP_ESTABLISHED, "SYN+ACK");
	tcp_init_transfer(st, c);
	tcp_init_rcv_mss(c);
	c->unpredicted = c->snd_scale != 0; /* its window was not scaled */
	if (tcp_fastopen_synack(st, c, in)) {
		tcp_post(st, c);
		tcp_push(st, c, false);
		return false;
	}
	taken = synack_data(st, c, in);
	tcp_post(st, c);
	if (c->act->write_waits || c->act->unsent || c->opts->defer_accept_s ||
	    tcp_is_pingpong(st, c)) {
		/* Data is about to carry the ACK; should it not, soon. */
		c->ack |= ACK_SCHED | ACK_TIMER;
		c->pingpong = 0;
		tcp_quickack(st, c, TCP_MAX_QUICKACKS);
		c->ato_ms = TCP_ATO_MIN_MS;
		tcp_timer_set(st, c, TCP_TIMER_DELACK,
			      st->now + TCP_DELACK_MAX);
		if (c->act->unsent)
			tcp_push(st, c, false);
		return taken;
	}
	tcp_send_ack(st, c);
	return taken;
}

static void drop(struct tern_stack *st, struct tcp_in *in, int reason)
{
	ip_drop(st, in->pkt, reason);
}

/* The timestamp of the first SYN. Who echoes it has that one: those sent again
 * were not lost, and cwnd is not 1 for them (RFC 3522, as Linux does). */
static uint32_t first_stamp(const struct tcp_conn *c)
{
	return c->act->ts_offset + (uint32_t)(c->act->syn_at / NS_PER_MS);
}

/* An echo of what we never sent, or cannot have sent yet. */
static bool is_bad_echo(struct tern_stack *st, struct tcp_conn *c,
			const struct tcp_in *in)
{
	uint32_t sent = first_stamp(c);

	if (!c->ts_ok || !(in->o.present & WIRE_OPT_TS) || !in->o.ts_ecr)
		return false;
	return in->o.ts_ecr - sent > tcp_ts_now(st, c) - sent;
}

static void acked(struct tern_stack *st, struct tcp_conn *c, struct tcp_in *in)
{
	struct seq ack = in->h.ack;
	bool first;

	if (!seq_gt(ack, c->snd.una) || seq_gt(ack, c->snd.nxt)) {
		/* Somebody remembers an older connection: once it is reset,
		 * our SYN can come through (O7). A RST says as much, so after
		 * one, too, the SYN is soon sent again [k]. */
		if (!c->retransmits)
			tcp_xmit_timer(st, c, TCP_TIMER_RTX,
				       st->now + 2 * NS_PER_MS);
		if (!(in->h.flags & TCP_RST))
			tcp_reset_for(st, in);
		drop(st, in, DROP_TCP_INVALID_SEQUENCE);
		return;
	}
	if (is_bad_echo(st, c, in)) {
		COUNT(st, TCP_EXT_PAWS_ACTIVE);
		tcp_reset_for(st, in);
		drop(st, in, DROP_TCP_RFC7323_PAWS);
		return;
	}
	if (in->h.flags & TCP_RST) {
		tcp_reset_in(st, c);
		drop(st, in, DROP_TCP_RESET);
		return;
	}
	if (!(in->h.flags & TCP_SYN)) {
		drop(st, in, DROP_TCP_FLAGS);
		return;
	}
	take_options(st, c, in);
	first = c->ts_ok && in->o.ts_ecr == first_stamp(c);
	tcp_ecn_synack_in(st, c, in);
	tcp_ack_in(st, c, in);
	if (first)
		c->act->syn_retrans = c->act->syn_retrans > 0;
	if (established(st, c, in))
		return;
	tcp_urg_in(st, c, in);
	tern_pkt_put(in->pkt);
}

void tcp_syn_sent_in(struct tern_stack *st, struct tcp_conn *c,
		     struct tcp_in *in)
{
	if (in->h.flags & TCP_ACK) {
		acked(st, c, in);
		return;
	}
	if (in->h.flags & TCP_RST || !(in->h.flags & TCP_SYN)) {
		drop(st, in, DROP_TCP_FLAGS);
		return;
	}
	/* Who took over a TIME_WAIT knows what the peer's clock had come to. */
	if (in->o.present & WIRE_OPT_TS &&
	    tcp_paws_reject(st, c->ts_recent, c->ts_recent_at, in)) {
		drop(st, in, DROP_TCP_RFC7323_PAWS_SYN);
		return;
	}
	take_options(st, c, in);
	tcp_ecn_crossed_syn_in(st, c, in);
	/* What a lone SYN says of the window is about an empty connection. */
	tcp_set_state(st, c, TERN_TCP_SYN_RECV, "SYN");
	tcp_init_rcv_mss(c);
	tcp_send_synack_conn(st, c);
	tern_pkt_put(in->pkt);
}
