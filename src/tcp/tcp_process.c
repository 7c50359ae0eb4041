// SPDX-License-Identifier: BSD-2-Clause
/*
 * The state machine of a synchronised connection: RFC 9293 3.10.7.4 from the
 * fifth step on (ACK, URG, text, FIN). SYN_SENT is tcp_synsent.c, LISTEN and the
 * half-open side of SYN_RCVD tcp_listen.c and tcp_req.c, TIME_WAIT
 * tcp_timewait.c.
 *
 *	SYN_RCVD --ACK--> ESTABLISHED --FIN--> CLOSE_WAIT --close--> LAST_ACK
 *	ESTABLISHED --close--> FIN_WAIT_1 --ACK--> FIN_WAIT_2 --FIN--> TIME_WAIT
 *			       FIN_WAIT_1 --FIN--> CLOSING --ACK--> TIME_WAIT
 */
#include "tcp_priv.h"

void tcp_fin_in(struct tern_stack *st, struct tcp_conn *c)
{
	c->rcv.nxt = seq_add(c->rcv.nxt, 1);
	c->fin_in = 1;
	c->ack |= ACK_SCHED;
	c->shut |= SHUT_RCV;
	switch ((enum tern_tcp_state)c->state) {
	case TERN_TCP_SYN_RECV:
	case TERN_TCP_ESTABLISHED:
		tcp_set_state(st, c, TERN_TCP_CLOSE_WAIT, "FIN");
		/* The ACK may ride on our answer, or on our FIN. */
		tcp_enter_pingpong(st, c);
		break;
	case TERN_TCP_FIN_WAIT1:
		/* Both closed at once: our FIN is not acknowledged yet. */
		tcp_send_ack(st, c);
		tcp_set_state(st, c, TERN_TCP_CLOSING, "FIN");
		break;
	case TERN_TCP_FIN_WAIT2:
		tcp_send_ack(st, c);
		tcp_ofo_purge(st, c);
		tcp_time_wait(st, c, TERN_TCP_TIME_WAIT, tcp_timewait_ns(st));
		return;
	case TERN_TCP_CLOSE_WAIT:
	case TERN_TCP_CLOSING:
	case TERN_TCP_LAST_ACK:
		break;
	case TERN_TCP_SYN_SENT:
	case TERN_TCP_TIME_WAIT:
	case TERN_TCP_CLOSE:
	case TERN_TCP_LISTEN:
		PROMISE(!"a FIN in a state without a window");
		break;
	}
	/* Nothing can follow a FIN. */
	tcp_ofo_purge(st, c);
	tcp_post(st, c);
}

/* Data (or a FIN) beyond what we have: somebody still talks to us. */
static bool has_news(const struct tcp_conn *c, const struct tcp_in *in)
{
	struct seq end = seq_sub(in->end, !!(in->h.flags & TCP_FIN));

	return !seq_eq(in->h.seq, in->end) && seq_gt(end, c->rcv.nxt);
}

/* From the SYN-ACK, or if that was sent again from what is echoed (Karn). */
static void synack_rtt(struct tern_stack *st, struct tcp_conn *c,
		       const struct tcp_in *in)
{
	int64_t us = c->act->syn_at == NEVER ?
			     tcp_rtt_of_echo(st, c, in) :
			     (st->now - c->act->syn_at) / NS_PER_US;

	if (us < 0)
		return;
	c->min_rtt_us = min_u32(c->min_rtt_us,
				(uint32_t)max_i64(min_i64(us, INT32_MAX), 1));
	tcp_rtt_sample(st, c, us);
}

static void establish(struct tern_stack *st, struct tcp_conn *c,
		      const struct tcp_in *in)
{
	c->snd.wnd = (uint32_t)in->h.window << c->snd_scale;
	c->snd.wl1 = in->h.seq;
	/* A crossed SYN-ACK's is not scaled [k]. */
	if (!c->connecting && c->snd.wnd > c->snd.max_wnd) {
		c->snd.max_wnd = c->snd.wnd;
		tcp_sync_mss(st, c, c->pmtu);
	}
	/* A child of a listener has no SYN in its queue to take the RTT of. */
	if (!c->srtt_us)
		synack_rtt(st, c, in);
	tcp_set_state(st, c, TERN_TCP_ESTABLISHED, "ACK of SYN");
	if (!c->fo_born)
		tcp_init_transfer(st, c);
	tcp_init_rcv_mss(c);
	tcp_post(st, c);
	if (c->shut & SHUT_SND) {
		/* shutdown() between two crossed SYNs had to wait [k]. */
		tcp_set_state(st, c, TERN_TCP_FIN_WAIT1, "shutdown");
		tcp_send_fin(st, c);
	}
}

/* Our FIN is acknowledged. True: the connection has ended, or moved on to a
 * record, and the packet is gone. */
static bool fin_acked(struct tern_stack *st, struct tcp_conn *c,
		      struct tcp_in *in)
{
	int64_t lasts;

	tcp_set_state(st, c, TERN_TCP_FIN_WAIT2, "ACK of FIN");
	c->shut |= SHUT_SND;
	if (!c->orphan) {
		tcp_post(st, c);
		return false;
	}
	lasts = tcp_fin_time_ns(st, c);
	if (lasts < 0 || has_news(c, in)) {
		/* Nobody will read it: RFC 9293 3.6.1. */
		COUNT(st, TCP_EXT_ABORT_ON_DATA);
		tcp_reset_for(st, in);
		tcp_done(st, c, "closed, and the peer still sends");
		ip_drop(st, in->pkt, DROP_TCP_ABORT_ON_DATA);
		return true;
	}
	if (lasts > tcp_timewait_ns(st)) {
		tcp_timer_set(st, c, TCP_TIMER_KEEP,
			      st->now + lasts - tcp_timewait_ns(st));
	} else if (in->h.flags & TCP_FIN) {
		tcp_timer_set(st, c, TCP_TIMER_KEEP, st->now + lasts);
	} else {
		tcp_time_wait(st, c, TERN_TCP_FIN_WAIT2, lasts);
		tern_pkt_put(in->pkt);
		return true;
	}
	return false;
}

/* What the ACK means for the state. True: nothing is left to do. */
static bool ack_moves_state(struct tern_stack *st, struct tcp_conn *c,
			    struct tcp_in *in)
{
	bool all = seq_eq(c->snd.una, c->snd.end) && !c->fin_owed;

	if (c->fo_child)
		tcp_fastopen_child_acked(st, c);
	switch ((enum tern_tcp_state)c->state) {
	case TERN_TCP_SYN_RECV:
		establish(st, c, in);
		return false;
	case TERN_TCP_FIN_WAIT1:
		return all && fin_acked(st, c, in);
	case TERN_TCP_CLOSING:
		if (!all)
			return false;
		tern_pkt_put(in->pkt);
		tcp_time_wait(st, c, TERN_TCP_TIME_WAIT, tcp_timewait_ns(st));
		return true;
	case TERN_TCP_LAST_ACK:
		if (!all)
			return false;
		tern_pkt_put(in->pkt);
		tcp_done(st, c, "ACK of FIN");
		return true;
	case TERN_TCP_ESTABLISHED:
	case TERN_TCP_FIN_WAIT2:
	case TERN_TCP_CLOSE_WAIT:
	case TERN_TCP_SYN_SENT:
	case TERN_TCP_TIME_WAIT:
	case TERN_TCP_CLOSE:
	case TERN_TCP_LISTEN:
		break;
	}
	return false;
}

/* The text of the segment, as the state allows. */
static void text(struct tern_stack *st, struct tcp_conn *c, struct tcp_in *in)
{
	switch ((enum tern_tcp_state)c->state) {
	case TERN_TCP_CLOSE_WAIT:
	case TERN_TCP_CLOSING:
	case TERN_TCP_LAST_ACK:
		/* After the peer's FIN only old data can come. */
		if (seq_geq(in->h.seq, c->rcv.nxt)) {
			tern_pkt_put(in->pkt);
			return;
		}
		/* fall through */
	case TERN_TCP_FIN_WAIT1:
	case TERN_TCP_FIN_WAIT2:
		if (c->shut & SHUT_RCV && has_news(c, in)) {
			/* RFC 9293 3.6.1: data after the program closed. */
			COUNT(st, TCP_EXT_ABORT_ON_DATA);
			tcp_reset_for(st, in);
			ip_drop(st, in->pkt, DROP_TCP_ABORT_ON_DATA);
			tcp_reset_in(st, c);
			return;
		}
		tcp_data_in(st, c, in);
		return;
	case TERN_TCP_ESTABLISHED:
		tcp_data_in(st, c, in);
		return;
	case TERN_TCP_SYN_RECV:
	case TERN_TCP_SYN_SENT:
	case TERN_TCP_TIME_WAIT:
	case TERN_TCP_CLOSE:
	case TERN_TCP_LISTEN:
		tern_pkt_put(in->pkt);
		return;
	}
}

/* True: go on. */
static bool take_ack(struct tern_stack *st, struct tcp_conn *c,
		     struct tcp_in *in)
{
	int res = tcp_ack_in(st, c, in);

	if (likely(res > 0))
		return true;
	if (c->state == TERN_TCP_SYN_RECV) {
		tcp_reset_for(st, in);
		ip_drop(st, in->pkt, res ? -res : DROP_TCP_OLD_ACK);
		return false;
	}
	if (!res)
		return true; /* old, but its text may still count */
	/* RFC 9293 3.10.7.4: too old or for what was never sent, in every state
	 * it is answered [k]. */
	tcp_challenge(st, c);
	ip_drop(st, in->pkt, -res);
	return false;
}

void tcp_predict(struct tcp_conn *c)
{
	const struct tcp_active *a = c->act;

	if (c->rcv.wnd &&
	    !(a && (a->ofo.root || a->urg_state || a->rmem >= c->rcvbuf)))
		c->unpredicted = 0;
}

/* What Linux's header prediction would take. It shows: data that acknowledges
 * nothing new neither sends what waits (of MSG_MORE, say) nor touches the timer
 * that will [k]. */
static bool is_predicted(const struct tcp_conn *c, const struct tcp_in *in)
{
	return c->state == TERN_TCP_ESTABLISHED && !c->unpredicted &&
	       (in->h.flags & ~TCP_PSH) == TCP_ACK &&
	       seq_eq(in->h.seq, c->rcv.nxt) &&
	       seq_leq(in->h.ack, c->snd.nxt) &&
	       (uint32_t)in->h.window << c->snd_scale == c->snd.wnd &&
	       in->h.hdr_len == WIRE_TCP_LEN + (c->ts_ok ? 12 : 0) &&
	       !(in->o.present & ~WIRE_OPT_TS) &&
	       !(c->act && (c->act->ofo.root || c->act->urg_state));
}

void tcp_conn_input(struct tern_stack *st, struct tcp_conn *c,
		    struct tcp_in *in)
{
	uint32_t id = c->id, gen = c->gen, in_len = in->len;
	bool had_ofo, silent;

	c->segs_in += in_segs(in);
	/* What is dropped counts, too [k]. */
	if (in->len && c->state != TERN_TCP_SYN_SENT &&
	    c->state != TERN_TCP_SYN_RECV && tcp_hist_attach(st, c))
		hist_of(st, c)->data_segs_in += in_segs(in);
	tcp_trace_what(st, c, TERN_TRACE_IN, NULL, in->pkt);
	if (unlikely(in->ip->ttl < c->opts->min_ttl)) {
		ip_drop(st, in->pkt, DROP_TCP_MINTTL);
		return;
	}
	tcp_parse_opts(in);
	if (c->state == TERN_TCP_SYN_SENT) {
		tcp_syn_sent_in(st, c, in);
		return;
	}
	/* Without any of the three it is not even answered, wherever it
	 * lies [k]. */
	if (unlikely(!(in->h.flags & (TCP_ACK | TCP_RST | TCP_SYN)))) {
		ip_drop(st, in->pkt, DROP_TCP_FLAGS);
		return;
	}
	if (unlikely(c->fo_child) && !tcp_fastopen_child_in(st, c, in))
		return;
	if (!tcp_validate(st, c, in))
		return;
	if (unlikely(!(in->h.flags & TCP_ACK))) {
		ip_drop(st, in->pkt, DROP_TCP_FLAGS);
		return;
	}
	if (c->state == TERN_TCP_SYN_RECV)
		tcp_accecn_third_ack(st, c, in);
	in->predicted = is_predicted(c, in);
	if (in->predicted && !in->len && seq_eq(c->rcv.nxt, c->rcv.wup) &&
	    c->ecn != ECN_ACCURATE)
		tcp_store_ts_recent(st, c, in); /* of an old ACK too [k] */
	silent = in->predicted && in->len && seq_eq(in->h.ack, c->snd.una);
	if (silent) {
		tcp_store_ts_recent(st, c, in);
		c->snd.wl1 = in->h.seq; /* back, too, from a stray ACK's [k] */
		c->probes = 0;		/* who sends is alive (K3) */
	} else if (!take_ack(st, c, in)) {
		if (in->predicted && !in->len && c->act && c->act->unsent)
			tcp_push(st, c, false);
		return;
	}
	tcp_accecn_in(st, c, in);
	if (unlikely(c->state != TERN_TCP_ESTABLISHED) &&
	    ack_moves_state(st, c, in))
		return;
	if (unlikely(in->h.flags & TCP_URG ||
		     (c->act && c->act->urg_state == URG_NOTYET)))
		tcp_urg_in(st, c, in);
	had_ofo = c->act && c->act->ofo.root;
	text(st, c, in);
	if (!tcp_is(st, c, id, gen) || c->state == TERN_TCP_CLOSE)
		return;
	if (c->act && c->act->unsent && !silent)
		tcp_push(st, c, false);
	/* Linux's header prediction leaves an ACK that is owed alone [k]. */
	if (!in->predicted || in_len)
		tcp_ack_check(st, c, had_ofo && c->act && c->act->ofo.root);
	check_conn(st, c);
}
