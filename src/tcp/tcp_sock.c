// SPDX-License-Identifier: BSD-2-Clause
/*
 * The socket calls on a connection: connect, send, shutdown, close and what can
 * be asked. Receiving is tcp_recv.c; options tcp_opts.c; listening tcp_listen.c.
 *
 * What close() does with each state (C1-C11):
 *
 *	unread data		RST, at once
 *	SO_LINGER with 0	RST, at once
 *	ESTABLISHED, SYN_RCVD	FIN, FIN_WAIT_1
 *	CLOSE_WAIT		FIN, LAST_ACK
 *	SYN_SENT		nothing was said, nothing is
 *	closing already		goes on without its socket: an orphan
 */
#include "tcp_priv.h"

int tcp_new(struct tern_stack *st, int family)
{
	struct tcp_conn *c = tcp_conn_new(st, family == TERN_AF_INET6);

	if (!c)
		return -TERN_ENOMEM;
	st->tcp.n_sockets++;
	return (int)c->id;
}

void tcp_attach(struct tern_stack *st, uint32_t id, int s)
{
	conn_at(st, id)->s = s;
}

int tcp_bind(struct tern_stack *st, uint32_t id, const struct tern_sockaddr *a)
{
	struct tcp_conn *c = conn_at(st, id);

	if (c->state != TERN_TCP_CLOSE || c->has_port)
		return -TERN_EINVAL;
	return tcp_port_bind(st, c, &a->addr, a->port);
}

/* Gives back what only a connection with traffic has. */
void tcp_release_active(struct tern_stack *st, struct tcp_conn *c)
{
	if (!c->act)
		return;
	tcp_sendq_purge(st, c);
	tcp_rcvq_purge(st, c);
	tcp_ofo_purge(st, c);
	tcp_resume_forget(st, c);
	slab_free(&st->tcp.actives, c->act->id);
	c->act = NULL;
	tcp_timer_arm(st, c);
}

/* A socket that was used before is as new (connect after disconnect). */
static void renew(struct tern_stack *st, struct tcp_conn *c)
{
	tcp_release_active(st, c);
	tcp_kept_drop(st, c);
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
	uint32_t mss;
	uint8_t scale;

	c->ts_ok = st->tun.tcp_timestamps != 0;
	c->sack_ok = st->tun.tcp_sack != 0;
	c->wscale_ok = st->tun.tcp_window_scaling != 0;
	tcp_ecn_ask(st, c);
	c->advmss = tcp_syn_mss(st, c);
	c->mss_peer = c->advmss;
	if (c->opts->user_mss)
		c->mss_peer = min_u32(c->mss_peer, c->opts->user_mss);
	tcp_sync_mss(st, c, c->act->path.mtu);
	/* Whether timestamps take 12 of them is not known yet. */
	mss = c->advmss;
	tcp_initial_window(st, tcp_full_space(c), mss, tcp_initial_clamp(c),
			   c->wscale_ok, &c->rcv.wnd, &scale);
	c->rcv_scale = scale & 15;
	c->rcv.ssthresh = c->rcv.wnd;
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

bool tcp_needs_reset(const struct tcp_conn *c)
{
	switch ((enum tern_tcp_state)c->state) {
	case TERN_TCP_ESTABLISHED:
	case TERN_TCP_CLOSE_WAIT:
	case TERN_TCP_FIN_WAIT1:
	case TERN_TCP_FIN_WAIT2:
	case TERN_TCP_SYN_RECV:
		return true;
	case TERN_TCP_CLOSING:
	case TERN_TCP_LAST_ACK:
		return !seq_eq(c->snd.nxt, c->snd.end);
	case TERN_TCP_SYN_SENT:
	case TERN_TCP_TIME_WAIT:
	case TERN_TCP_CLOSE:
	case TERN_TCP_LISTEN:
		break;
	}
	return false;
}

/* connect() to AF_UNSPEC, SO_LINGER with 0: whatever it was, it is over. */
static void disconnect(struct tern_stack *st, struct tcp_conn *c)
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
	c->keep_at = NEVER;
	tcp_timer_arm(st, c);
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
		disconnect(st, c);
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
		disconnect(st, c);
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

/* The first write of a connection that is to carry data in its SYN. 0: it is
 * open already. */
static int64_t send_first(struct tern_stack *st, struct tcp_conn *c,
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

int64_t tcp_sendmsg(struct tern_stack *st, uint32_t id,
		    const struct tern_msg *msg, int flags)
{
	struct tcp_conn *c = conn_at(st, id);
	int64_t n;

	if (flags & TERN_MSG_FASTOPEN || c->fo_defer) {
		n = send_first(st, c, msg);
		if (n)
			return n;
	}
	if (c->state != TERN_TCP_ESTABLISHED &&
	    c->state != TERN_TCP_CLOSE_WAIT && !c->fo_child) {
		if (!c->error && (c->state == TERN_TCP_SYN_SENT ||
				  c->state == TERN_TCP_SYN_RECV)) {
			c->no_space = 1;
			c->act->write_waits |= !!(flags & TERN_MSG_BLOCKING);
			return -TERN_EAGAIN;
		}
	} else if (!c->error && !(c->shut & SHUT_SND)) {
		return tcp_sendq_write(st, c, msg, flags);
	}
	n = c->error ? c->error : TERN_EPIPE;
	c->error = 0;
	return -n;
}

/* The state that closing our side leads to; true: with a FIN. */
static bool close_state(struct tern_stack *st, struct tcp_conn *c)
{
	switch ((enum tern_tcp_state)c->state) {
	case TERN_TCP_ESTABLISHED:
	case TERN_TCP_SYN_RECV:
		tcp_set_state(st, c, TERN_TCP_FIN_WAIT1, "close");
		return true;
	case TERN_TCP_CLOSE_WAIT:
		tcp_set_state(st, c, TERN_TCP_LAST_ACK, "close");
		return true;
	case TERN_TCP_SYN_SENT:
		tcp_set_state(st, c, TERN_TCP_CLOSE, "close");
		return false;
	case TERN_TCP_FIN_WAIT1:
	case TERN_TCP_FIN_WAIT2:
	case TERN_TCP_TIME_WAIT:
	case TERN_TCP_CLOSE:
	case TERN_TCP_LAST_ACK:
	case TERN_TCP_LISTEN:
	case TERN_TCP_CLOSING:
		break;
	}
	return false;
}

int tcp_shutdown(struct tern_stack *st, uint32_t id, int how)
{
	struct tcp_conn *c = conn_at(st, id);
	uint8_t bits;

	if (how < TERN_SHUT_RD || how > TERN_SHUT_RDWR)
		return -TERN_EINVAL;
	bits = (uint8_t)(how + 1);
	if (c->state == TERN_TCP_CLOSE) {
		/* An error, and yet poll tells of it from now on [k]. */
		c->shut |= bits;
		/* Both at once: it neither connects nor listens again. */
		c->connected |= c->connecting;
		tcp_post(st, c);
		return -TERN_ENOTCONN;
	}
	if (c->state == TERN_TCP_LISTEN || c->state == TERN_TCP_SYN_SENT) {
		/* A listener stops when it is told not to receive. */
		if (c->state == TERN_TCP_SYN_SENT || bits & SHUT_RCV)
			disconnect(st, c);
		return 0;
	}
	c->shut |= bits;
	if (c->connecting && c->state != TERN_TCP_SYN_RECV) {
		c->connecting = 0;
		c->connected = 1;
	}
	if (bits & SHUT_SND &&
	    (c->state == TERN_TCP_ESTABLISHED ||
	     c->state == TERN_TCP_CLOSE_WAIT) &&
	    close_state(st, c))
		tcp_send_fin(st, c);
	tcp_post(st, c);
	return 0;
}

/* The program is gone: what the connection still has to do it does alone. */
static void orphan(struct tern_stack *st, struct tcp_conn *c)
{
	int64_t lasts;

	c->orphan = 1;
	c->s = -1;
	st->tcp.n_orphans++;
	if (c->state == TERN_TCP_FIN_WAIT2) {
		lasts = tcp_fin_time_ns(st, c);
		if (lasts < 0) {
			COUNT(st, TCP_EXT_ABORT_ON_LINGER);
			tcp_send_rst(st, c);
			tcp_done(st, c, "close, and no lingering");
			return;
		}
		if (lasts <= tcp_timewait_ns(st)) {
			tcp_time_wait(st, c, TERN_TCP_FIN_WAIT2, lasts);
			return;
		}
		tcp_timer_set(st, c, TCP_TIMER_KEEP,
			      st->now + lasts - tcp_timewait_ns(st));
	}
	if (c->state == TERN_TCP_CLOSE)
		tcp_conn_free(st, c);
	else
		tcp_orphan_refused(st, c, true);
}

void tcp_close(struct tern_stack *st, uint32_t id)
{
	struct tcp_conn *c = conn_at(st, id);
	uint32_t unread;

	st->tcp.n_sockets--;
	if (unlikely(c->opts->notes) && !tcp_lend_take(st, c)) {
		/* The program is owed its memory, and there is none to copy
		 * it to. */
		COUNT(st, TCP_EXT_ABORT_ON_MEMORY);
		tcp_send_rst(st, c);
		tcp_done(st, c, "close, no memory");
		ip_drop_output(st);
	}
	if (c->state == TERN_TCP_LISTEN)
		tcp_listener_stop(st, c);
	unread = tcp_unread(c);
	c->shut = SHUT_RCV | SHUT_SND;
	if (c->act) {
		tcp_rcvq_purge(st, c);
		c->rcv.copied = seq_sub(c->rcv.nxt, c->fin_in);
	}
	c->fin_read = c->fin_in;
	if (c->state == TERN_TCP_CLOSE) {
		c->s = -1;
		tcp_conn_free(st, c);
		return;
	}
	if (unread) {
		/* RFC 1122 4.2.2.13: the peer must learn that it was lost. */
		COUNT(st, TCP_EXT_ABORT_ON_CLOSE);
		tcp_send_rst(st, c);
		tcp_set_state(st, c, TERN_TCP_CLOSE, "close, data unread");
	} else if (c->linger && !c->opts->linger_s) {
		COUNT(st, TCP_EXT_ABORT_ON_DATA);
		disconnect(st, c);
	} else if (close_state(st, c)) {
		tcp_send_fin(st, c);
	}
	orphan(st, c);
}

int tcp_getname(struct tern_stack *st, uint32_t id, bool peer,
		struct tern_sockaddr *out)
{
	const struct tcp_conn *c = conn_at(st, id);

	if (peer &&
	    (!c->rport || c->state == TERN_TCP_LISTEN ||
	     c->state == TERN_TCP_SYN_SENT || c->state == TERN_TCP_CLOSE))
		return -TERN_ENOTCONN;
	*out = (struct tern_sockaddr){
		.addr = peer ? c->raddr : c->laddr,
		.port = peer ? c->rport : c->lport,
		.family = c->v6 ? TERN_AF_INET6 : TERN_AF_INET,
	};
	return 0;
}

static uint32_t unacked(const struct tcp_conn *c)
{
	return (uint32_t)seq_diff(c->snd.end, c->snd.una);
}

int tcp_ioctl(struct tern_stack *st, uint32_t id, unsigned long request,
	      int *value)
{
	struct tcp_conn *c = conn_at(st, id);
	bool early = c->state == TERN_TCP_SYN_SENT ||
		     c->state == TERN_TCP_SYN_RECV;

	switch (request) {
	case TERN_SIOCINQ:
		if (c->state == TERN_TCP_LISTEN)
			return -TERN_EINVAL;
		*value = (int)tcp_inq(c);
		return 0;
	case TERN_SIOCATMARK:
		*value = c->state != TERN_TCP_LISTEN && c->act &&
			 c->act->urg_state != URG_NONE &&
			 seq_eq(c->act->urg_seq, c->rcv.copied);
		return 0;
	case TERN_SIOCOUTQ:
		if (c->state == TERN_TCP_LISTEN)
			return -TERN_EINVAL;
		*value = early ? 0 : (int)unacked(c);
		return 0;
	case TERN_SIOCOUTQNSD:
		if (c->state == TERN_TCP_LISTEN)
			return -TERN_EINVAL;
		*value = early ? 0 : (int)tcp_notsent(c);
		return 0;
	default:
		return -TERN_ENOTTY;
	}
}

static uint32_t poll_read(struct tern_stack *st, const struct tcp_conn *c)
{
	const struct tcp_active *a = c->act;
	uint32_t target = max_u32(c->opts->rcvlowat, 1);
	uint32_t avail = tcp_unread(c), ready = 0;

	(void)st;
	if (a && a->urg_state != URG_NONE && !c->oobinline &&
	    seq_eq(a->urg_seq, c->rcv.copied))
		target++;
	if (avail && (avail >= target || rcv_window(c) <= c->rcv_mss))
		ready |= TERN_POLLIN | TERN_POLLRDNORM;
	if (a && a->urg_state == URG_VALID)
		ready |= TERN_POLLPRI;
	return ready;
}

uint32_t tcp_poll(struct tern_stack *st, uint32_t id)
{
	struct tcp_conn *c = conn_at(st, id);
	uint32_t ready = 0;

	if (c->state == TERN_TCP_LISTEN)
		return c->listener->accept_head || c->listener->untold[0] ||
				       c->listener->untold[1] ?
			       TERN_POLLIN | TERN_POLLRDNORM :
			       0;
	if (c->shut == (SHUT_RCV | SHUT_SND) || c->state == TERN_TCP_CLOSE)
		ready |= TERN_POLLHUP;
	if (c->shut & SHUT_RCV)
		ready |= TERN_POLLIN | TERN_POLLRDNORM | TERN_POLLRDHUP;
	if (c->fo_defer)
		ready |= TERN_POLLOUT | TERN_POLLWRNORM;
	if (c->state != TERN_TCP_SYN_SENT &&
	    (c->state != TERN_TCP_SYN_RECV || c->fo_child)) {
		ready |= poll_read(st, c);
		if (c->shut & SHUT_SND || tcp_sendq_has_room(st, c))
			ready |= TERN_POLLOUT | TERN_POLLWRNORM;
		else
			c->no_space = 1;
	}
	if (c->error || tcp_errq_has(st, c))
		ready |= TERN_POLLERR;
	return ready;
}
