// SPDX-License-Identifier: BSD-2-Clause
/*
 * Room in the receive buffer, when there is none. This is the order in which
 * things go, as on Linux: the buffer grows, if nobody has set it and memory is
 * plenty; small packets are packed together; what is farthest out of order goes,
 * which is what the peer will resend last; then the packet that came.
 */
#include "tcp_priv.h"

/* Room by giving up what is farthest out of order, an eighth of the buffer at a
 * time [k]; but not for what is farther still. */
static void prune_ofo(struct tern_stack *st, struct tcp_conn *c, struct seq seq)
{
	struct tcp_active *a = c->act;
	uint32_t goal = c->rcvbuf >> 3, freed = 0;
	struct tern_pkt *pkt;
	bool any = false;

	while ((freed < goal || !tcp_rcv_is_fine(st, c)) &&
	       (pkt = pkt_of(a->ofo.last)) != NULL &&
	       seq_leq(seq, pkt_cb(pkt)->seq)) {
		rbtree_remove(&a->ofo, &pkt_cb(pkt)->node);
		a->n_ofo--;
		freed += pkt->owner;
		tcp_rmem_uncharge(st, c, pkt->owner);
		ip_drop(st, pkt, DROP_TCP_OFO_QUEUE_PRUNE);
		any = true;
	}
	if (any) {
		COUNT(st, TCP_EXT_OFO_PRUNED);
		/* What was SACKed may be gone: tell nothing of it. */
		a->n_sacks = 0;
	}
}

/* Payload of what collapsing makes: a page less Linux's shared info. */
#define COLLAPSED_MAX 3776u

/* How many of from's bytes are new behind `end`. */
static uint32_t new_bytes(struct tern_pkt *from, struct seq end)
{
	/* What came partly again begins before that. */
	return from->len - (uint32_t)seq_diff(end, pkt_cb(from)->seq);
}

/* Packs `to` and those behind it that fit into one, if that costs less; not
 * what is as dense as most of what comes. */
static void collapse_at(struct tern_stack *st, struct tcp_conn *c,
			struct tern_pkt *to)
{
	struct pktq *q = &c->act->rcvq;
	uint32_t before = to->owner, len = to->len, after, fresh, n = 0;
	struct seq begin = pkt_cb(to)->seq;
	struct tern_pkt *from;

	for (from = to->next; from; from = from->next, n++) {
		fresh = new_bytes(from, seq_add(begin, len));
		if (len + fresh > COLLAPSED_MAX)
			break;
		len += fresh;
		before += from->owner;
	}
	after = tcp_truesize(len);
	if (tcp_win_from_space(c, to->owner) <= to->len)
		return;
	if (!n || after >= before || !pkt_make_room(to, len - to->len))
		return;
	while (n--) {
		from = to->next;
		fresh = new_bytes(from, seq_add(begin, to->len));
		tern_pkt_copy_out(from, from->len - fresh,
				  tern_pkt_append(to, fresh), fresh);
		pkt_cb(to)->end = pkt_cb(from)->end;
		pkt_cb(to)->fin = pkt_cb(from)->fin;
		to->at = from->at;
		to->next = from->next;
		if (q->tail == from)
			q->tail = to;
		q->n--;
		tern_pkt_put(from);
		COUNT(st, TCP_EXT_RCV_COLLAPSED);
	}
	to->owner = after;
	pkt_cb(to)->room = (uint16_t)tcp_tailroom(after, to->len);
	tcp_rmem_uncharge(st, c, before - after);
}

/* Small packets that wait to be read become fewer full ones. */
static void collapse(struct tern_stack *st, struct tcp_conn *c)
{
	struct tern_pkt *pkt;

	for (pkt = c->act->rcvq.head; pkt; pkt = pkt->next)
		collapse_at(st, c, pkt);
}

bool tcp_rcv_has_room(struct tern_stack *st, struct tcp_conn *c, struct seq seq)
{
	if (likely(tcp_rcv_is_fine(st, c)))
		return true;
	COUNT(st, TCP_EXT_PRUNE_CALLED);
	tcp_clamp_window(st, c);
	if (tcp_rcv_is_fine(st, c))
		return true;
	collapse(st, c);
	if (tcp_rcv_is_fine(st, c))
		return true;
	prune_ofo(st, c, seq);
	if (tcp_rcv_is_fine(st, c))
		return true;
	COUNT(st, TCP_EXT_RCV_PRUNED);
	return false;
}
