// SPDX-License-Identifier: BSD-2-Clause
/*
 * The error queue of a connection (N5): what MSG_ERRQUEUE reads. On TCP it
 * holds no errors (an ICMP error is told by SO_ERROR [k]) but notices: that
 * lent memory is free again (tcp_lend.c), and when data was queued, sent and
 * acknowledged (tcp_stamp.c). It lies in a block that few connections have,
 * struct tcp_notes, from the first notice on until they end.
 *
 * A notice is a packet: its bytes are what is quoted, pkt->cb is a struct
 * errq_cb. Statistics (OPT_STATS) are the bytes and a control message alike.
 */
#include "tcp_priv.h"

struct tcp_notes *tcp_notes_attach(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_notes *n = tcp_notes_of(st, c);
	uint32_t id;

	if (n)
		return n;
	if (!tcp_opts_own(st, c))
		return NULL;
	id = slab_alloc(&st->tcp.notes);
	if (!id)
		return NULL;
	c->opts->notes = id;
	return slab_at(&st->tcp.notes, id);
}

void tcp_notes_drop(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_notes *n = tcp_notes_of(st, c);

	if (!n)
		return;
	tcp_lend_forget(st, n);
	pktq_drop_all(&n->errors);
	slab_free(&st->tcp.notes, c->opts->notes);
	c->opts->notes = 0;
}

bool tcp_errq_push(struct tern_stack *st, struct tcp_conn *c,
		   struct tern_pkt *pkt)
{
	struct tcp_notes *n = tcp_notes_attach(st, c);
	uint32_t size = tcp_truesize(pkt->len);

	/* Bounded by the receive buffer, as on Linux. */
	if (!n || c->orphan || n->rmem + size >= c->rcvbuf) {
		tern_pkt_put(pkt);
		return false;
	}
	pkt->owner = size;
	n->rmem += size;
	pktq_push(&n->errors, pkt);
	tcp_post(st, c);
	return true;
}

static void put_stats(struct cmsg_out *out, const struct tern_pkt *pkt)
{
	cmsg_put(out, TERN_SOL_SOCKET, TERN_SCM_TIMESTAMPING_OPT_STATS,
		 pkt->data, pkt->len);
}

static void put_control(struct tern_stack *st, const struct tcp_conn *c,
			struct tern_msg *msg, struct tern_pkt *pkt)
{
	struct cmsg_out out = { msg->control, msg->control_len, 0, false };
	struct cmsg_times t = tcp_times_of(c);

	if (!msg->control)
		out.room = 0;
	if (errq_cb(pkt)->origin == ERRQ_STAMP) {
		ip_cmsg_times(st, &out, &t, pkt->at);
		if (pkt->flags & TCP_PKT_STATS &&
		    t.stamping & STAMPING_SOFTWARE)
			put_stats(&out, pkt);
	}
	ip_cmsg_error(&out, c->v6, errq_cb(pkt));
	msg->control_len = out.len;
	if (out.truncated)
		msg->flags |= TERN_MSG_CTRUNC;
}

int64_t tcp_errq_recv(struct tern_stack *st, struct tcp_conn *c,
		      struct tern_msg *msg)
{
	struct tcp_notes *n = tcp_notes_of(st, c);
	struct tern_pkt *pkt = n ? pktq_pop(&n->errors) : NULL;
	uint64_t room = 0;
	uint32_t copied;
	int i;

	if (!pkt) {
		msg->control_len = 0;
		return -TERN_EAGAIN;
	}
	n->rmem -= pkt->owner;
	if (errq_cb(pkt)->origin == ERRQ_ZEROCOPY)
		n->optmem -= TCP_LEND_COST;
	for (i = 0; i < msg->n_iov; i++)
		room += msg->iov[i].len;
	copied = room < pkt->len ? (uint32_t)room : pkt->len;
	tcp_copy_to(msg, 0, pkt, 0, copied);
	msg->flags = TERN_MSG_ERRQUEUE;
	if (copied < pkt->len)
		msg->flags |= TERN_MSG_TRUNC;
	put_control(st, c, msg, pkt);
	tern_pkt_put(pkt);
	return copied;
}
