// SPDX-License-Identifier: BSD-2-Clause
/*
 * The socket calls on a connection: send, shutdown, close and what can be
 * asked. connect() is tcp_connect.c; receiving tcp_recv.c; options tcp_opts.c;
 * listening tcp_listen.c.
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

int64_t tcp_sendmsg(struct tern_stack *st, uint32_t id,
		    const struct tern_msg *msg, int flags)
{
	struct tcp_conn *c = conn_at(st, id);
	int64_t n;

	if (flags & TERN_MSG_FASTOPEN || c->fo_defer) {
		n = tcp_send_first(st, c, msg);
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
			tcp_disconnect(st, c);
		return 0;
	}
	c->shut |= bits;
	if (c->connecting) {
		/* In SYN_RECV it will never be told of: connect() is EINVAL
		 * from now on [k]. */
		c->connecting = c->state == TERN_TCP_SYN_RECV;
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
	tcp_fin_read(st, c);
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
		tcp_disconnect(st, c);
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
			 seq_eq(c->act->urg_seq,
				seq_add(c->rcv.copied, c->fin_read));
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
