// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading. Bytes are copied out of the packets that brought them; or the
 * packets' fragments are lent (tcp_recv_frags). Where urgent data lies in the
 * stream, a read stops in front of it and the next one goes on behind
 * (RFC 9293 3.8.5); MSG_OOB fetches the byte itself.
 */
#include "tcp_priv.h"

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

/* Copies n bytes of a packet, from `off` on, to byte `done` of the iovec on. */
static void copy_to(const struct tern_msg *msg, uint64_t done,
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

/* Copies what is there; bytes copied, and where reading stands in *at. */
static int64_t take(struct tcp_conn *c, struct tern_msg *msg, uint64_t want,
		    int flags, struct seq *at)
{
	struct tcp_active *a = c->act;
	struct tern_pkt *pkt = a->rcvq.head;
	uint64_t done = 0;

	for (; pkt && done < want; pkt = pkt->next) {
		struct tcp_cb *b = pkt_cb(pkt);
		struct seq end = seq_add(b->seq, cb_len(b));

		while (seq_lt(*at, end) && done < want) {
			uint32_t n = (uint32_t)seq_diff(end, *at);

			if (a->urg_state != URG_NONE &&
			    seq_eq(a->urg_seq, *at) && done)
				return (int64_t)done;
			if (n > want - done)
				n = (uint32_t)(want - done);
			n = heed_mark(c, at, n);
			if (n && !(flags & TERN_MSG_TRUNC))
				copy_to(msg, done, pkt,
					(uint32_t)seq_diff(*at, b->seq), n);
			*at = seq_add(*at, n);
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

/* After a read that moved rcv.copied. */
static void after_read(struct tern_stack *st, struct tcp_conn *c, uint32_t n)
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
	tcp_rcvbuf_tune(st, c);
	tcp_window_after_read(st, c, n);
}

int64_t tcp_recvmsg(struct tern_stack *st, uint32_t id, struct tern_msg *msg,
		    int flags)
{
	struct tcp_conn *c = conn_at(st, id);
	struct seq at = c->rcv.copied;
	uint64_t want = 0;
	int64_t n = 0;
	int i;

	msg->flags = 0;
	msg->control_len = 0;
	if (c->state == TERN_TCP_LISTEN)
		return -TERN_ENOTCONN;
	if (flags & TERN_MSG_OOB)
		return recv_urg(c, msg, flags);
	for (i = 0; i < msg->n_iov; i++)
		want += msg->iov[i].len;
	if (want > INT32_MAX)
		want = INT32_MAX;
	if (c->act)
		n = take(c, msg, want, flags, &at);
	/* A look, and a read that finds nothing, are occasions for an ACK that
	 * is due anyway [k]. */
	if (c->act && !seq_eq(at, c->rcv.copied) && !(flags & TERN_MSG_PEEK)) {
		c->rcv.copied = at;
		after_read(st, c, (uint32_t)n);
	} else if (c->act && c->state != TERN_TCP_CLOSE) {
		tcp_window_after_read(st, c, (uint32_t)n);
	}
	if ((uint64_t)n < want && !(flags & TERN_MSG_PEEK))
		c->fin_read = c->fin_in;
	return n || !want ? n : nothing(c);
}

int tcp_recv_frags(struct tern_stack *st, uint32_t id, struct tern_frag *out,
		   int max)
{
	struct tcp_conn *c = conn_at(st, id);
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
		bytes += pkt->len;
		c->rcv.copied = seq_add(c->rcv.copied, pkt->len);
	}
	if (!n)
		return pkt ? -TERN_EINVAL : (int)nothing(c);
	after_read(st, c, bytes);
	return n;
}
