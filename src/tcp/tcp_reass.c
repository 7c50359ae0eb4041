// SPDX-License-Identifier: BSD-2-Clause
/*
 * Data arrives.
 *
 * In order it goes to act->rcvq, the packet itself with its headers trimmed:
 * nothing is copied before the program reads. Behind a gap it waits in
 * act->ofo, a tree by sequence number, so that an attacker's many pieces cost a
 * logarithm each. Small packets are copied into the room that the one before
 * has left, or a queue of single bytes would hold two kilobytes for each.
 *
 * The receive buffer's bound is Linux's count (tcp_truesize); tcp_prune.c says
 * what goes beyond it.
 */
#include "tcp_priv.h"

static void drop_queued(struct tern_stack *st, struct tcp_conn *c,
			struct tern_pkt *pkt)
{
	tcp_rmem_uncharge(st, c, pkt->owner);
	tern_pkt_put(pkt);
}

/* tcp_cb.room of a packet that nothing was put behind yet. */
#define ROOM_UNKNOWN UINT16_MAX

void tcp_ofo_purge(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	struct tern_pkt *pkt;

	while ((pkt = pkt_of(a->ofo.first)) != NULL) {
		rbtree_remove(&a->ofo, &pkt_cb(pkt)->node);
		drop_queued(st, c, pkt);
	}
	a->n_ofo = 0;
	a->n_sacks = 0;
	a->has_dsack = false;
}

static void uncharge_fin(struct tern_stack *st, struct tcp_conn *c)
{
	tcp_rmem_uncharge(st, c, c->act->fin_cost);
	c->act->fin_cost = 0;
}

void tcp_rcvq_purge(struct tern_stack *st, struct tcp_conn *c)
{
	struct tern_pkt *pkt;

	while ((pkt = pktq_pop(&c->act->rcvq)) != NULL)
		drop_queued(st, c, pkt);
	uncharge_fin(st, c);
}

/* A FIN lies behind the data until it is read: in the last packet if there is
 * one, else alone, for what its own packet costs [k]. */
static void keep_fin(struct tern_stack *st, struct tcp_conn *c,
		     const struct tern_pkt *pkt)
{
	struct tcp_active *a = c->act;

	if (a->rcvq.tail && !pkt->len) {
		pkt_cb(a->rcvq.tail)->fin = true;
		pkt_cb(a->rcvq.tail)->end =
			seq_add(pkt_cb(a->rcvq.tail)->end, 1);
		return;
	}
	a->fin_cost = pkt->owner;
	tcp_rmem_charge(st, c, a->fin_cost);
}

void tcp_fin_read(struct tern_stack *st, struct tcp_conn *c)
{
	c->fin_read = c->fin_in;
	if (c->act)
		uncharge_fin(st, c);
}

void tcp_rcvq_trim(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	struct tern_pkt *pkt;

	while ((pkt = a->rcvq.head) != NULL &&
	       seq_leq(seq_add(pkt_cb(pkt)->seq, cb_len(pkt_cb(pkt))),
		       c->rcv.copied)) {
		pktq_pop(&a->rcvq);
		if (pkt_cb(pkt)->fin)
			tcp_fin_read(st, c);
		drop_queued(st, c, pkt);
	}
}

static uint32_t room_of(struct tern_pkt *pkt)
{
	struct tcp_cb *b = pkt_cb(pkt);

	if (b->room == ROOM_UNKNOWN)
		b->room = (uint16_t)tcp_tailroom(pkt->owner, pkt->len);
	return b->room;
}

/* Small packets are gathered in one of this size. */
#define COALESCE_MAX 4096u

/*
 * Copies a small packet behind the one before it. Which ones are copied shows
 * in the window, so it must not depend on how packets lie in memory: room is
 * made where there is none.
 */
static bool coalesce(struct tern_stack *st, struct tcp_conn *c,
		     struct tern_pkt *to, struct tern_pkt *from)
{
	struct tcp_cb *b = pkt_cb(to), *f = pkt_cb(from);
	uint32_t more = 0, room = room_of(to);
	uint8_t *p;

	if ((from->len > 512 && from->len > room) ||
	    to->len + from->len > COALESCE_MAX || b->fin ||
	    !seq_eq(b->end, f->seq) || !pkt_make_room(to, from->len))
		return false;
	p = tern_pkt_append(to, from->len);
	tern_pkt_copy_out(from, 0, p, from->len);
	b->end = f->end;
	b->fin = f->fin;
	to->at = from->at; /* SO_TIMESTAMP tells of the newest */
	/* Linux copies too where its buffer has room, and else keeps the
	 * packet, for what it costs. */
	if (from->len <= room) {
		b->room = (uint16_t)(room - from->len);
	} else {
		more = from->owner;
		b->room = (uint16_t)room_of(from);
	}
	to->owner += more;
	tcp_rmem_charge(st, c, more);
	COUNT(st, TCP_EXT_RCV_COALESCE);
	tern_pkt_put(from);
	return true;
}

/* Appends a packet that begins at or before rcv.nxt; its FIN is the caller's. */
static void queue_in_order(struct tern_stack *st, struct tcp_conn *c,
			   struct tern_pkt *pkt)
{
	struct tcp_active *a = c->act;
	struct tcp_cb *b = pkt_cb(pkt);
	struct tcp_hist *h = hist_of(st, c);
	uint32_t old = (uint32_t)seq_diff(c->rcv.nxt, b->seq);

	if (h)
		h->bytes_received += cb_len(b) - old;
	c->rcv.nxt = seq_sub(b->end, b->fin);
	/* What comes partly again stays whole, and is charged so, as on Linux;
	 * readers begin behind what they have. */
	if (pkt->len == old) {
		if (b->fin)
			keep_fin(st, c, pkt);
		tern_pkt_put(pkt);
	} else if (!a->rcvq.tail || !coalesce(st, c, a->rcvq.tail, pkt)) {
		tcp_rmem_charge(st, c, pkt->owner);
		pktq_push(&a->rcvq, pkt);
	}
}

/* rcv.nxt has reached what waited behind the gap. */
static void drain_ofo(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	const struct seq high = c->rcv.nxt;

	for (;;) {
		struct tern_pkt *pkt = pkt_of(a->ofo.first);
		struct tcp_cb *b;
		bool fin;

		if (!pkt || seq_gt(pkt_cb(pkt)->seq, c->rcv.nxt))
			return;
		b = pkt_cb(pkt);
		if (seq_lt(b->seq, high)) {
			/* Of what came twice, no more [k]. */
			tcp_dsack_extend(st, c, b->seq, seq_min(b->end, high));
		}
		rbtree_remove(&a->ofo, &b->node);
		a->n_ofo--;
		if (seq_leq(b->end, c->rcv.nxt)) {
			drop_queued(st, c, pkt);
			continue;
		}
		tcp_rmem_uncharge(st, c, pkt->owner);
		fin = b->fin;
		queue_in_order(st, c, pkt);
		if (fin) {
			tcp_fin_in(st, c);
			return;
		}
	}
}

/* Removes what the new packet [seq, end) covers after `at`; D-SACKs it. */
static void drop_covered(struct tern_stack *st, struct tcp_conn *c,
			 struct rbnode *at, const struct tcp_cb *b)
{
	struct tcp_active *a = c->act;

	while (at) {
		struct rbnode *next = rbtree_next(at);
		struct tern_pkt *pkt = pkt_of(at);
		struct tcp_cb *o = pkt_cb(pkt);

		if (seq_leq(b->end, o->seq))
			return;
		if (seq_lt(b->end, o->end)) {
			tcp_dsack_extend(st, c, o->seq, b->end);
			return;
		}
		tcp_dsack_extend(st, c, o->seq, o->end);
		rbtree_remove(&a->ofo, at);
		a->n_ofo--;
		COUNT(st, TCP_EXT_OFO_MERGE);
		tcp_rmem_uncharge(st, c, pkt->owner);
		ip_drop(st, pkt, DROP_TCP_OFOMERGE);
		at = next;
	}
}

/* Does `from` begin where `to` ends, and fit behind it at no cost? */
static bool fits_behind(struct tern_pkt *to, struct tern_pkt *from)
{
	return seq_eq(pkt_cb(to)->end, pkt_cb(from)->seq) && !pkt_cb(to)->fin &&
	       from->len <= room_of(to);
}

/* The last queued packet that begins at or before pkt, NULL if none; or the
 * first on the way there behind which it fits: Linux puts it there without a
 * look at what lies beyond [k]. */
static struct tern_pkt *ofo_before(struct tcp_active *a, struct tern_pkt *pkt)
{
	struct rbnode *n = a->ofo.root;
	struct tern_pkt *best = NULL, *at = pkt_of(a->ofo.last);

	/* Mostly what comes belongs at the end. */
	if (n && seq_geq(pkt_cb(pkt)->seq, pkt_cb(at)->end))
		return at;
	while (n) {
		at = pkt_of(n);
		if (fits_behind(at, pkt))
			return at;
		if (seq_leq(pkt_cb(at)->seq, pkt_cb(pkt)->seq)) {
			best = at;
			n = n->right;
		} else {
			n = n->left;
		}
	}
	return best;
}

static void queue_ofo(struct tern_stack *st, struct tcp_conn *c,
		      const struct tcp_in *in)
{
	struct tern_pkt *pkt = in->pkt;
	struct tcp_active *a = c->act;
	struct tcp_cb *b = pkt_cb(pkt), *p;
	struct seq seq = b->seq, end = b->end;
	struct tern_pkt *prev;
	struct tcp_hist *h = hist_of(st, c);
	bool merges;

	if (!tcp_rcv_has_room(st, c, b->seq)) {
		/* Not even answered [k]. */
		COUNT(st, TCP_EXT_OFO_DROP);
		ip_drop(st, pkt, DROP_TCP_OFO_QUEUE_PRUNE);
		return;
	}
	c->ack |= ACK_SCHED;
	tcp_measure_mss(st, c, in);
	COUNT(st, TCP_EXT_OFO_QUEUE);
	if (h)
		h->rcv_ooopack++;
	prev = ofo_before(a, pkt);
	p = prev ? pkt_cb(prev) : NULL;
	merges = prev && fits_behind(prev, pkt);
	if (!merges && p && seq_leq(end, p->end)) {
		COUNT(st, TCP_EXT_OFO_MERGE);
		ip_drop(st, pkt, DROP_TCP_OFOMERGE);
		tcp_dsack_set(st, c, seq, end);
		if (c->sack_ok)
			tcp_sack_add(c, seq, end);
		return;
	}
	if (p && seq_lt(seq, p->end)) {
		if (seq_eq(seq, p->seq)) {
			/* It covers what was there. */
			struct rbnode *before = rbtree_prev(&p->node);

			drop_covered(st, c, &p->node, b);
			prev = pkt_of(before);
		} else {
			tcp_dsack_set(st, c, seq, p->end);
			drop_covered(st, c, rbtree_next(&p->node), b);
		}
	} else if (!merges) {
		drop_covered(st, c, p ? rbtree_next(&p->node) : a->ofo.first,
			     b);
	}
	if (c->sack_ok) {
		tcp_sack_add(c, seq, end);
		/* Without it a window that grows would hide a duplicate ACK. */
		tcp_grow_window(st, c, pkt->len, merges);
	}
	if (!prev || !coalesce(st, c, prev, pkt)) {
		tcp_rmem_charge(st, c, pkt->owner);
		rbtree_insert_after(&a->ofo, &b->node,
				    prev ? &pkt_cb(prev)->node : NULL);
		a->n_ofo++;
	}
	tcp_rcvbuf_for_ofo(st, c);
}

/* Nothing in it that we may take: say where we are, at once. */
static void refuse(struct tern_stack *st, struct tcp_conn *c, struct tcp_in *in,
		   int reason)
{
	tcp_quickack(st, c, TCP_MAX_QUICKACKS);
	c->ato_ms = TCP_ATO_MIN_MS;
	c->pingpong = 0;
	c->ack |= ACK_SCHED;
	ip_drop(st, in->pkt, reason);
}

/* Linux takes memory for sockets in pages, and on its fast path looks only at
 * what of these is left. */
static bool fits_pages(const struct tcp_active *a, uint32_t len)
{
	uint32_t pages = (a->rmem + TCP_MEM_PAGE - 1) / TCP_MEM_PAGE;

	return !a->ofo.root &&
	       a->rmem + tcp_truesize(len) <= pages * TCP_MEM_PAGE;
}

/* At rcv.nxt, maybe from before it: take it. */
static void take(struct tern_stack *st, struct tcp_conn *c, struct tcp_in *in)
{
	struct tcp_active *a = c->act;
	uint32_t id = c->id, gen = c->gen;
	bool fin;

	if (unlikely(!tcp_rcv_is_fine(st, c)) && !fits_pages(a, in->len) &&
	    !tcp_rcv_has_room(st, c, c->rcv.nxt) && a->rcvq.head) {
		/* The window that was announced cannot be kept [k]. */
		c->ack |= ACK_SCHED | ACK_NOW | ACK_NOMEM;
		COUNT(st, TCP_EXT_RCVQ_DROP);
		tcp_post(st, c);
		ip_drop(st, in->pkt, DROP_TCP_RCVQ_FULL);
		return;
	}
	fin = pkt_cb(in->pkt)->fin;
	if (in->len && !in->of_syn)
		tcp_measure_mss(st, c, in);
	if (in->len)
		tcp_ecn_mark_in(st, c, in);
	queue_in_order(st, c, in->pkt);
	/* What it leaves of the buffer tells what may be announced: after it
	 * was queued, and its packet may be gone. */
	if (in->len && !in->of_syn)
		tcp_data_received(st, c, in);
	if (in->len)
		tcp_ecn_data_in(st, c, in);
	if (fin)
		tcp_fin_in(st, c);
	if (!tcp_is(st, c, id, gen) || c->state == TERN_TCP_CLOSE)
		return;
	if (a->ofo.root) {
		drain_ofo(st, c);
		if (!tcp_is(st, c, id, gen) || c->state == TERN_TCP_CLOSE)
			return;
		/* RFC 5681 4.2: a filled gap is told at once. */
		if (!a->ofo.root)
			c->ack |= ACK_NOW;
	}
	if (a->n_sacks)
		tcp_sack_forget(c);
	tcp_predict(c);
	if (in->len && !c->orphan)
		tcp_post(st, c);
}

void tcp_data_in(struct tern_stack *st, struct tcp_conn *c, struct tcp_in *in)
{
	struct seq edge, seq = in->h.seq;
	struct tcp_cb *b;
	bool first = in->len && !c->hist;

	tcp_ecn_cwr_in(st, c, in);
	if (seq_eq(seq, in->end)) {
		tern_pkt_put(in->pkt);
		return;
	}
	if (!tcp_activate(st, c) || (in->len && !tcp_hist_attach(st, c))) {
		ip_drop(st, in->pkt, DROP_NOMEM);
		return;
	}
	if (first)
		hist_of(st, c)->data_segs_in = in_segs(in);
	/* One that no ACK has told yet goes with a later one [k]. */
	if (!in->predicted)
		c->act->has_dsack = false;
	edge = seq_add(c->rcv.nxt, rcv_window(c));
	/* After the FIN all is old, also what claims a place behind it. */
	if (seq_leq(in->end, c->rcv.nxt) || c->fin_in) {
		COUNT(st, TCP_EXT_DELAYED_ACK_LOST);
		tcp_accecn_spurious(st, c);
		tcp_dsack_set(st, c, seq, seq_min(in->end, c->rcv.nxt));
		refuse(st, c, in, DROP_TCP_OLD_DATA);
		return;
	}
	if (!rcv_window(c) && in->len) {
		COUNT(st, TCP_EXT_ZERO_WINDOW_DROP);
		refuse(st, c, in, DROP_TCP_ZEROWINDOW);
		return;
	}
	if (seq_geq(seq, edge) && !(seq_eq(seq, c->rcv.nxt) && !in->len)) {
		refuse(st, c, in, DROP_TCP_OVERWINDOW);
		return;
	}
	tern_pkt_trim_end(in->pkt, in->pkt->len - in->ip->len);
	tern_pkt_trim_front(in->pkt, in->ip->hdr_len + in->h.hdr_len);
	b = pkt_cb(in->pkt);
	b->seq = seq;
	b->end = in->end;
	b->fin = in->h.flags & TCP_FIN;
	/* Every packet in a queue remembers its charge. */
	in->pkt->owner = tcp_truesize(in->len);
	b->room = ROOM_UNKNOWN;
	if (seq_gt(seq, c->rcv.nxt)) {
		tcp_ecn_mark_in(st, c, in);
		tcp_ecn_data_in(st, c, in);
		queue_ofo(st, c, in);
		return;
	}
	if (seq_lt(seq, c->rcv.nxt))
		tcp_dsack_set(st, c, seq, c->rcv.nxt);
	take(st, c, in);
}
