// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading. Bytes are copied out of the packets that brought them; or the
 * packets' fragments are lent (tcp_recv_frags). Where urgent data lies in the
 * stream, a read stops in front of it and the next one goes on behind
 * (RFC 9293 3.8.5); MSG_OOB fetches the byte itself.
 */
#include "tcp_opts_priv.h"

/* In-order bytes that were not read. */
uint32_t tcp_unread(const struct tcp_conn *c)
{
	if (c->state == TERN_TCP_LISTEN || !c->act || !c->act->rcvq.head)
		return 0;
	return (uint32_t)seq_diff(seq_sub(c->rcv.nxt, c->fin_in),
				  c->rcv.copied);
}

/* SIOCINQ: up to the urgent mark, if one lies in between. */
uint32_t tcp_inq(const struct tcp_conn *c)
{
	const struct tcp_active *a = c->act;

	if (c->state == TERN_TCP_SYN_SENT || c->state == TERN_TCP_SYN_RECV ||
	    !a)
		return 0;
	if (!c->oobinline && a->urg_state != URG_NONE &&
	    seq_geq(a->urg_seq, c->rcv.copied) &&
	    seq_lt(a->urg_seq, c->rcv.nxt))
		return (uint32_t)seq_diff(a->urg_seq, c->rcv.copied);
	return tcp_unread(c);
}

static int64_t recv_urg(struct tcp_conn *c, struct tern_msg *msg, int flags)
{
	struct tcp_active *a = c->act;

	if (c->oobinline || !a || a->urg_state == URG_NONE ||
	    a->urg_state == URG_READ)
		return -TERN_EINVAL;
	if (c->state == TERN_TCP_CLOSE && !c->fin_in)
		return -TERN_ENOTCONN;
	if (a->urg_state == URG_VALID) {
		if (!(flags & TERN_MSG_PEEK))
			a->urg_state = URG_READ;
		msg->flags |= TERN_MSG_OOB;
		if (!msg->n_iov || !msg->iov[0].len) {
			msg->flags |= TERN_MSG_TRUNC;
			return 0;
		}
		memcpy(msg->iov[0].base, &a->urg_byte, 1);
		return 1;
	}
	if (c->state == TERN_TCP_CLOSE || c->shut & SHUT_RCV)
		return 0;
	return -TERN_EAGAIN;
}

static inline void copy_to(const struct tern_msg *msg, uint64_t done,
			   const struct tern_pkt *pkt, uint32_t off, uint32_t n)
{
	int i;

	for (i = 0; i < msg->n_iov && n; i++) {
		const struct tern_iov *v = &msg->iov[i];
		uint32_t k;

		if (done >= v->len) {
			done -= v->len;
			continue;
		}
		k = (uint32_t)min_size(n, v->len - done);
		tern_pkt_copy_out(pkt, off, (uint8_t *)v->base + done, k);
		off += k;
		n -= k;
		done = 0;
	}
}

void tcp_copy_to(const struct tern_msg *msg, uint64_t done,
		 const struct tern_pkt *pkt, uint32_t off, uint32_t n)
{
	copy_to(msg, done, pkt, off, n);
}

/* The urgent mark at `at`, with n bytes to read: how many may be taken; skips
 * the urgent byte itself if it comes first. */
static uint32_t heed_mark(struct tcp_conn *c, struct seq *at, uint32_t n)
{
	struct tcp_active *a = c->act;
	uint32_t off;

	if (a->urg_state == URG_NONE)
		return n;
	off = (uint32_t)seq_diff(a->urg_seq, *at);
	if (off >= n)
		return n;
	if (off)
		return off;
	if (!c->oobinline) {
		*at = seq_add(*at, 1);
		n--;
	}
	return n;
}

struct reading {
	struct tern_msg *msg;
	uint64_t want;
	int flags;
	struct seq at;	  /* where it stands */
	struct seq first; /* where it stood after the first packet */
	int64_t stamp_at; /* when the last packet read came; 0: none did */
};

/* Copies what is there; bytes copied. */
static int64_t take(struct tcp_conn *c, struct reading *r)
{
	struct tcp_active *a = c->act;
	struct tern_pkt *pkt = a->rcvq.head;
	uint64_t done = 0;

	for (; pkt && done < r->want; pkt = pkt->next) {
		struct tcp_cb *b = pkt_cb(pkt);
		struct seq end = seq_add(b->seq, cb_len(b));

		while (seq_lt(r->at, end) && done < r->want) {
			uint32_t n = (uint32_t)seq_diff(end, r->at);

			if (a->urg_state != URG_NONE &&
			    seq_eq(a->urg_seq, r->at) && done)
				return (int64_t)done;
			if (n > r->want - done)
				n = (uint32_t)(r->want - done);
			n = heed_mark(c, &r->at, n);
			if (n && !(r->flags & TERN_MSG_TRUNC))
				copy_to(r->msg, done, pkt,
					(uint32_t)seq_diff(r->at, b->seq), n);
			r->at = seq_add(r->at, n);
			if (!done)
				r->first = r->at;
			r->stamp_at = pkt->at;
			done += n;
		}
	}
	return (int64_t)done;
}

/* Nothing to read: is it the end, an error, or later? */
static int64_t nothing(struct tcp_conn *c)
{
	int err = c->error;

	if (c->fin_in)
		return 0;
	if (err) {
		c->error = 0;
		return -err;
	}
	if (c->shut & SHUT_RCV)
		return 0;
	return c->state == TERN_TCP_CLOSE ? -TERN_ENOTCONN : -TERN_EAGAIN;
}

/* After a read that moved rcv.copied; `first`: to where its first packet did,
 * for Linux looks at its rate with each packet, and then begins anew [k]. */
static void after_read(struct tern_stack *st, struct tcp_conn *c, uint32_t n,
		       struct seq first)
{
	struct tcp_active *a = c->act;

	if (a->urg_state != URG_NONE && seq_gt(c->rcv.copied, a->urg_seq))
		a->urg_state = URG_NONE;
	tcp_rcvq_trim(st, c);
	if (c->state == TERN_TCP_CLOSE) {
		if (!a->rcvq.head)
			tcp_release_active(st, c);
		return;
	}
	tcp_rcvbuf_tune(st, c, first);
	tcp_window_after_read(st, c, n);
}

static bool wants_control(const struct tcp_conn *c)
{
	return c->opts->bits & (OPT_INQ | OPT_TIMESTAMP | OPT_TIMESTAMPNS) ||
	       c->opts->stamping & STAMPING_RX_SOFTWARE;
}

/* In Linux's order. TCP_INQ counts a FIN that waits, so that 0 means that there
 * is nothing to read. */
static void put_control(struct tern_stack *st, const struct tcp_conn *c,
			const struct reading *r, size_t room)
{
	struct cmsg_out out = { r->msg->control, room, 0, false };
	struct cmsg_times t = tcp_times_of(c);

	if (!(t.stamping & STAMPING_RX_SOFTWARE))
		t.stamping = 0;
	if (r->stamp_at)
		ip_cmsg_times(st, &out, &t, r->stamp_at);
	if (c->opts->bits & OPT_INQ)
		cmsg_put_int(&out, TERN_IPPROTO_TCP, TERN_TCP_INQ,
			     seq_diff(c->rcv.nxt, c->rcv.copied));
	r->msg->control_len = out.len;
	if (out.truncated)
		r->msg->flags |= TERN_MSG_CTRUNC;
}

/* Data, and what it does to the window; or why there is none. */
static int64_t receive(struct tern_stack *st, struct tcp_conn *c,
		       struct reading *r)
{
	int64_t n = c->act ? take(c, r) : 0;

	if ((uint64_t)n < r->want && !(r->flags & TERN_MSG_PEEK) && c->fin_in &&
	    seq_eq(seq_add(r->at, 1), c->rcv.nxt))
		tcp_fin_read(st, c);
	/* A look, and a read that finds nothing, are occasions for an ACK that
	 * is due anyway [k]. */
	if (!(r->flags & TERN_MSG_PEEK) && !seq_eq(r->at, c->rcv.copied)) {
		c->rcv.copied = r->at;
		after_read(st, c, (uint32_t)n, r->first);
	} else if (c->act && c->state != TERN_TCP_CLOSE) {
		tcp_window_after_read(st, c, (uint32_t)n);
	}
	return n || !r->want ? n : nothing(c);
}

int64_t tcp_recvmsg(struct tern_stack *st, uint32_t id, struct tern_msg *msg,
		    int flags)
{
	struct tcp_conn *c = conn_at(st, id);
	struct reading r = {
		.msg = msg,
		.flags = flags,
		.at = c->rcv.copied,
		.first = c->rcv.copied,
	};
	size_t room = msg->control_len;
	int64_t n;
	int i;

	msg->flags = 0;
	if (unlikely(flags & TERN_MSG_ERRQUEUE))
		return tcp_errq_recv(st, c, msg);
	msg->control_len = 0;
	if (c->state == TERN_TCP_LISTEN)
		return -TERN_ENOTCONN;
	if (flags & TERN_MSG_OOB)
		return recv_urg(c, msg, flags);
	for (i = 0; i < msg->n_iov; i++)
		r.want += msg->iov[i].len;
	if (r.want > INT32_MAX)
		r.want = INT32_MAX;
	n = receive(st, c, &r);
	if (unlikely(n >= 0 && msg->control && wants_control(c)))
		put_control(st, c, &r, room);
	return n;
}

int tcp_recv_frags(struct tern_stack *st, uint32_t id, struct tern_frag *out,
		   int max)
{
	struct tcp_conn *c = conn_at(st, id);
	struct seq first = c->rcv.copied;
	struct tern_pkt *pkt;
	uint32_t bytes = 0;
	int n = 0;

	if (c->state == TERN_TCP_LISTEN)
		return -TERN_ENOTCONN;
	pkt = c->act ? c->act->rcvq.head : NULL;
	for (; pkt; pkt = pkt->next) {
		uint32_t skip =
			(uint32_t)seq_diff(c->rcv.copied, pkt_cb(pkt)->seq);
		int need = pkt->n_frags + (pkt->head_len != 0), i;

		if (n + need > max)
			break;
		if (skip)
			tern_pkt_trim_front(pkt, skip);
		pkt_cb(pkt)->seq = c->rcv.copied;
		if (pkt->head_len)
			out[n++] = (struct tern_frag){
				tern_buf_get(pkt->head),
				(uint32_t)(pkt->data - pkt->head->data),
				pkt->head_len,
			};
		for (i = 0; i < pkt->n_frags; i++) {
			out[n] = pkt->frags[i];
			tern_buf_get(out[n++].buf);
		}
		if (!bytes)
			first = seq_add(c->rcv.copied, pkt->len);
		bytes += pkt->len;
		c->rcv.copied = seq_add(c->rcv.copied, pkt->len);
	}
	if (!n)
		return pkt ? -TERN_EINVAL : (int)nothing(c);
	after_read(st, c, bytes, first);
	return n;
}
