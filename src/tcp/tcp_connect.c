// SPDX-License-Identifier: BSD-2-Clause
/*
 * connect(): to an address, again while it runs, by the first write (Fast
 * Open), and to AF_UNSPEC, which undoes it.
 */
#include "tcp_priv.h"

/* A socket that was used before is as new (connect after disconnect). */
static void renew(struct tern_stack *st, struct tcp_conn *c)
{
	tcp_release_active(st, c);
	tcp_kept_drop(st, c);
	tcp_saved_drop(st, c);
	tcp_hist_free(st, c);
	c->srtt_us = c->rttvar_us = 0;
	c->rto_us = c->mdev_us = TCP_RTO_INIT / NS_PER_US;
	c->min_rtt_us = UINT32_MAX;
	c->backoff = c->retransmits = c->probes = 0;
	c->cc.cwnd = TCP_INIT_CWND;
	c->cc.ssthresh = TERN_CC_INFINITE_SSTHRESH;
	c->cc.cwnd_cnt = 0;
	c->ca_state = TERN_CA_OPEN;
	c->snd.max_wnd = c->snd.wnd = 0;
	c->ack = c->quick = 0;
	c->ato_ms = 0;
	if (!c->has_isn) /* else what TIME_WAIT left */
		c->ts_recent = c->ts_recent_at = 0;
	c->error = c->soft_error = 0;
	c->fin_in = c->no_space = 0;
	c->fo_defer = c->fo_asked = c->fo_fail = c->fo_born = 0;
	c->syn_data_acked = c->fo_watch = 0;
	c->segs_in = c->segs_out = 0;
}

/* What our SYN offers. */
static void offer(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_first_window w;

	c->ts_ok = st->tun.tcp_timestamps != 0;
	c->sack_ok = st->tun.tcp_sack != 0;
	c->wscale_ok = st->tun.tcp_window_scaling != 0;
	tcp_ecn_ask(st, c);
	c->advmss = tcp_syn_mss(st, c);
	c->mss_peer = c->advmss;
	if (c->opts->user_mss)
		c->mss_peer = min_u32(c->mss_peer, c->opts->user_mss);
	tcp_mtu_init(st, c);
	tcp_sync_mss(st, c, c->act->path.mtu);
	/* Whether timestamps take 12 of them is not known yet. */
	w = tcp_initial_window(st, tcp_full_space(c), c->advmss,
			       tcp_initial_clamp(c), c->wscale_ok);
	c->rcv_scale = w.scale & 15;
	c->rcv.wnd = c->rcv.ssthresh = w.wnd;
}

/* msg: what connects by Fast Open, or NULL. Bytes of it taken, or -errno. */
static int64_t start(struct tern_stack *st, struct tcp_conn *c,
		     const struct tern_msg *msg)
{
	struct seq iss;
	int64_t n = 0;

	renew(st, c);
	c->opened = 1;
	if (!tcp_activate(st, c))
		return -TERN_ENOMEM;
	if (!tcp_path(st, c))
		return -c->soft_error;
	offer(st, c);
	/* A TIME_WAIT that was taken over has said where to begin. */
	iss = c->has_isn ?
		      c->snd.nxt :
		      tcp_isn(st, &c->laddr, c->lport, &c->raddr, c->rport);
	c->has_isn = 0;
	c->snd.una = c->snd.nxt = c->snd.end = iss;
	c->rcv.nxt = c->rcv.wup = c->rcv.copied = seq_of(0);
	tcp_set_state(st, c, TERN_TCP_SYN_SENT, "connect");
	tcp_hash(st, c);
	c->connecting = 1;
	c->act->ts_offset = tcp_ts_offset(st, &c->laddr, &c->raddr);
	c->act->small = c->act->high_seq = iss;
	c->act->pushed = seq_add(iss, 1);
	c->act->snd_up = c->act->cwnd_usage_seq = c->act->rtx_from = iss;
	COUNT(st, TCP_ACTIVE_OPENS);
	if (msg || c->opts->fastopen_connect) {
		if (msg || !tcp_fastopen_may_defer(st, c))
			n = tcp_fastopen_syn_out(st, c, msg);
	} else {
		n = tcp_send_syn(st, c);
	}
	if (n < 0)
		tcp_set_state(st, c, TERN_TCP_CLOSE, "no memory");
	return n;
}

/* What a socket that is dissolved no longer tells of (TCP_INFO), and what it was
 * asked for of its connection alone. The rest stands until connect() [k]. */
static void forget(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_hist *h = hist_of(st, c);
	struct tcp_opts *o = c->opts;

	c->mss = (uint16_t)tcp_mss_told(c);
	c->srtt_us = c->rttvar_us = 0;
	c->rto_us = c->mdev_us = TCP_RTO_INIT / NS_PER_US;
	c->backoff = 0;
	c->cc.cwnd = TCP_INIT_CWND;
	c->ca_state = TERN_CA_OPEN;
	c->ato_ms = 0;
	c->rcv_mss = TCP_MIN_MSS;
	c->ts_ok = c->sack_ok = c->wscale_ok = 0;
	c->segs_in = c->segs_out = 0;
	if (h)
		*h = (struct tcp_hist){
			.rcv_space = h->rcv_space,
			.busy_ms = h->busy_ms,
			.rwnd_ms = h->rwnd_ms,
			.sndbuf_ms = h->sndbuf_ms,
			.rate_delivered = h->rate_delivered,
			.rate_interval_us = h->rate_interval_us,
		};
	if ((o->window_clamp || o->user_mss) &&
	    (o = tcp_opts_own(st, c)) != NULL)
		o->window_clamp = o->user_mss = 0;
}

void tcp_disconnect(struct tern_stack *st, struct tcp_conn *c)
{
	if (c->state == TERN_TCP_LISTEN) {
		tcp_listener_stop(st, c);
	} else if (c->state != TERN_TCP_CLOSE) {
		if (tcp_needs_reset(c)) {
			tcp_send_rst(st, c);
			c->error = TERN_ECONNRESET;
		} else if (c->state == TERN_TCP_SYN_SENT) {
			c->error = TERN_ECONNRESET;
		}
		c->keep_at = NEVER;
		tcp_set_state(st, c, TERN_TCP_CLOSE, "disconnect");
	}
	tcp_release_active(st, c);
	tcp_saved_drop(st, c);
	c->keep_at = NEVER;
	tcp_timer_arm(st, c);
	forget(st, c);
	c->pingpong = 0; /* connect() alone leaves TCP_QUICKACK as it was set */
	c->shut = 0;
	c->connecting = 0;
	c->connected = 0;
	c->fin_in = 0;
	c->fin_read = 0;
	c->rport = 0;
	c->raddr = c->v6 ? (struct tern_addr){ { 0 } } :
			   tern_addr_v4(0, 0, 0, 0);
	if (!c->bound_addr)
		c->laddr = c->raddr;
	if (!c->bound_port)
		tcp_port_release(st, c);
	else
		tcp_port_moved(st, c);
	tcp_post(st, c);
}

/* Where a connection that was begun before stands. */
static int connect_again(struct tern_stack *st, struct tcp_conn *c)
{
	if (!c->connecting || c->fo_defer)
		return -TERN_EISCONN;
	if (c->connected)
		return -TERN_EINVAL;
	if (c->state == TERN_TCP_SYN_SENT || c->state == TERN_TCP_SYN_RECV)
		return -TERN_EALREADY;
	c->connecting = 0;
	if (c->state == TERN_TCP_CLOSE) {
		int err = c->error ? c->error : TERN_ECONNABORTED;

		c->error = 0;
		tcp_disconnect(st, c);
		return -err;
	}
	c->connected = 1;
	return 0;
}

/* Begins a connection: bytes of msg that its SYN took, or -errno. */
static int64_t open_to(struct tern_stack *st, struct tcp_conn *c,
		       const struct tern_sockaddr *to,
		       const struct tern_msg *msg)
{
	struct tern_addr before = c->laddr;
	struct ip_path path;
	int64_t n;

	if (ip_is_multicast(&to->addr) || ip_is_broadcast(st, &to->addr))
		return -TERN_ENETUNREACH;
	tcp_release_active(st, c);
	c->raddr = to->addr;
	/* To "any" means to ourselves. */
	if (tern_addr_is_any(&c->raddr))
		c->raddr = tern_addr_is_v4(&to->addr) ?
				   tern_addr_v4(127, 0, 0, 1) :
				   (struct tern_addr){ { [15] = 1 } };
	c->rport = to->port;
	n = ip_route(st, &c->raddr,
		     tern_addr_is_any(&c->laddr) ? NULL : &c->laddr, c->any,
		     &path);
	if (!n) {
		c->laddr = path.src;
		n = tcp_port_connect(st, c);
	}
	if (!n)
		n = start(st, c, msg);
	if (n < 0) {
		tcp_release_active(st, c);
		c->laddr = before;
		c->rport = 0;
		if (!c->bound_port)
			tcp_port_release(st, c);
		else
			tcp_port_moved(st, c);
	}
	return n;
}

static bool is_begun(const struct tcp_conn *c)
{
	return c->connecting || c->state != TERN_TCP_CLOSE || c->fin_in ||
	       c->connected;
}

int tcp_connect(struct tern_stack *st, uint32_t id,
		const struct tern_sockaddr *to)
{
	struct tcp_conn *c = conn_at(st, id);
	int64_t n;

	if (to->family == TERN_AF_UNSPEC) {
		/* The next call still learns of it, as on Linux [k]. */
		tcp_disconnect(st, c);
		return 0;
	}
	if (is_begun(c))
		return connect_again(st, c);
	n = open_to(st, c, to, NULL);
	if (n < 0)
		return (int)n;
	if (c->fo_defer)
		tcp_post(st, c);
	return c->fo_defer ? 0 : -TERN_EINPROGRESS;
}

int64_t tcp_send_first(struct tern_stack *st, struct tcp_conn *c,
		       const struct tern_msg *msg)
{
	const struct tern_sockaddr *to = msg->name;
	int64_t n;

	if (!(st->tun.tcp_fastopen & 1) || (to && to->family == TERN_AF_UNSPEC))
		return -TERN_EOPNOTSUPP;
	if (c->fo_defer) {
		n = tcp_fastopen_syn_out(st, c, msg);
		if (n < 0)
			tcp_set_state(st, c, TERN_TCP_CLOSE, "no memory");
	} else if (is_begun(c)) {
		return connect_again(st, c);
	} else {
		n = to ? open_to(st, c, to, msg) : -TERN_EINVAL;
	}
	return n ? n : -TERN_EINPROGRESS;
}
