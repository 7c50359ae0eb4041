// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sending without a copy (T15, MSG_ZEROCOPY): segments point to the program's
 * own memory, which is lent until a notice in the error queue says that it is
 * free. Each send that lends has a number, from 0 on; a notice names a range
 * of them.
 *
 *	struct tcp_lend		a notice to come: numbers lo .. lo + n - 1
 *	struct tcp_lent		a run of memory, as a buffer; names its lend
 *
 * A send that goes on in a segment which an earlier lend began shares that
 * one's notice; notices that follow each other in the queue become one, as on
 * Linux. When the last reference to a run goes, the lend may be complete: that
 * is settled at the end of the call into the stack (tcp_lend_settle()), at a
 * point that a replay has too.
 *
 * Nobody holds references past the next call into the stack but queues inside
 * it (TERN_LINK_LENDS), so an acknowledged run is free. close() ends all
 * lending: what still has to be sent is copied then.
 */
#include "tcp_priv.h"

#include "base/pool.h"

struct tcp_lent {
	struct pool_lent lent;
	struct tern_stack *st;
	uint32_t id;
	uint32_t lend;
	uint32_t next; /* of the same lend */
	uint8_t *own;  /* a copy, once the program wants its memory back */
};

const size_t tcp_lent_size = sizeof(struct tcp_lent);

static struct tcp_lend *lend_at(struct tern_stack *st, uint32_t id)
{
	return slab_at(&st->tcp.lends, id);
}

static void lend_put(struct tern_stack *st, struct tcp_lend *l)
{
	if (--l->refs)
		return;
	l->next_done = 0;
	if (st->tcp.lend_done_last)
		lend_at(st, st->tcp.lend_done_last)->next_done = l->id;
	else
		st->tcp.lend_done = l->id;
	st->tcp.lend_done_last = l->id;
}

static void unlink_lent(struct tern_stack *st, struct tcp_lend *l,
			const struct tcp_lent *b)
{
	uint32_t *at = &l->first;

	while (*at != b->id)
		at = &((struct tcp_lent *)slab_at(&st->tcp.lents, *at))->next;
	*at = b->next;
}

static void on_back(struct pool_lent *lent)
{
	struct tcp_lent *b = container_of(lent, struct tcp_lent, lent);
	struct tern_stack *st = b->st;
	struct tcp_lend *l = lend_at(st, b->lend);

	l->copied |= lent->copied;
	unlink_lent(st, l, b);
	if (b->own)
		mem_free(&st->mem, b->own, lent->buf.cap);
	slab_free(&st->tcp.lents, b->id);
	lend_put(st, l);
}

/* May one more notice be owed? */
static bool has_optmem(const struct tern_stack *st, const struct tcp_notes *n)
{
	/* Linux asks for an empty packet, and charges a little more [k]. */
	return n->optmem + 576 <= (uint64_t)st->tun.optmem_max;
}

static uint32_t lend_new(struct tern_stack *st, struct tcp_conn *c,
			 struct tcp_notes *n)
{
	/* Its notice, now: it must not fail when the time comes. */
	struct tern_pkt *notice = tern_pkt_new(st->pool, 0, 0);
	uint32_t id = notice ? slab_alloc(&st->tcp.lends) : 0;
	struct tcp_lend *l;

	if (!id) {
		if (notice)
			tern_pkt_put(notice);
		return 0;
	}
	l = lend_at(st, id);
	*l = (struct tcp_lend){ .id = id,
				.notice = notice,
				.conn = c->id,
				.gen = c->gen,
				.refs = 1,
				.lo = n->lend_next++,
				.n = 1,
				.prev = n->lend_last };
	if (n->lend_last)
		lend_at(st, n->lend_last)->next = id;
	else
		n->lend_first = id;
	n->lend_last = id;
	n->optmem += TCP_LEND_COST;
	return id;
}

/* The lend whose memory the last unsent segment ends with; 0: none. */
static uint32_t tail_lend(const struct tcp_conn *c)
{
	const struct tcp_seg *g = c->act->unsent_last;
	struct tern_buf *buf;
	uint32_t i;

	if (!g || g->eor)
		return 0;
	for (i = g->n_frags; i-- > 0;) {
		buf = g->frags[i].buf;
		if (buf->class_ == POOL_LENT)
			return container_of(pool_lent_of(buf), struct tcp_lent,
					    lent)
				->lend;
	}
	return 0;
}

int tcp_lend_begin(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_notes *n = tcp_notes_attach(st, c);
	struct tcp_lend *l;
	uint32_t id;

	if (!n)
		return -TERN_ENOBUFS;
	id = tail_lend(c);
	l = id ? lend_at(st, id) : NULL;
	if (l && l->lo + l->n == n->lend_next) {
		l->n++;
		l->refs++;
		n->lend_next++;
		n->lend_now = id;
		return 0;
	}
	if (!has_optmem(st, n))
		return -TERN_ENOBUFS;
	n->lend_now = lend_new(st, c, n);
	return n->lend_now ? 0 : -TERN_ENOBUFS;
}

struct tern_buf *tcp_lend_buf(struct tern_stack *st, struct tcp_conn *c,
			      const void *base, size_t len)
{
	struct tcp_lend *l = lend_at(st, tcp_notes_of(st, c)->lend_now);
	uint32_t id = slab_alloc(&st->tcp.lents);
	struct tcp_lent *b;

	if (!id)
		return NULL;
	b = slab_at(&st->tcp.lents, id);
	*b = (struct tcp_lent){
		.lent = {
			.buf = {
				.pool = st->pool,
				.refs = 1,
				.cap = (uint32_t)len,
				.len = (uint32_t)len,
				.class_ = POOL_LENT,
				/* Nobody writes to it. */
				.data = (uint8_t *)(uintptr_t)base,
			},
			.back = on_back,
		},
		.st = st,
		.id = id,
		.lend = l->id,
		.next = l->first,
	};
	l->first = id;
	l->refs++;
	return &b->lent.buf;
}

static void lend_free(struct tern_stack *st, struct tcp_notes *n,
		      struct tcp_lend *l)
{
	if (n) {
		if (l->prev)
			lend_at(st, l->prev)->next = l->next;
		else
			n->lend_first = l->next;
		if (l->next)
			lend_at(st, l->next)->prev = l->prev;
		else
			n->lend_last = l->prev;
	}
	if (l->notice)
		tern_pkt_put(l->notice);
	slab_free(&st->tcp.lends, l->id);
}

void tcp_lend_end(struct tern_stack *st, struct tcp_conn *c, bool any)
{
	struct tcp_notes *n = tcp_notes_of(st, c);
	struct tcp_lend *l = lend_at(st, n->lend_now);

	n->lend_now = 0;
	if (any) {
		lend_put(st, l);
		return;
	}
	/* Nothing was taken: it never had a number. */
	n->lend_next--;
	l->refs--;
	if (--l->n)
		return;
	n->optmem -= TCP_LEND_COST;
	lend_free(st, n, l);
}

/* Adds to the notice at the end of the queue if it goes on from there. */
static bool merge(struct tcp_notes *n, const struct tcp_lend *l)
{
	struct errq_cb *last = n->errors.tail ? errq_cb(n->errors.tail) : NULL;

	if (!last || last->origin != ERRQ_ZEROCOPY || last->code != l->copied ||
	    last->data + 1 != l->lo)
		return false;
	last->data += l->n;
	n->optmem -= TCP_LEND_COST;
	return true;
}

static void notify(struct tern_stack *st, struct tcp_conn *c,
		   struct tcp_notes *n, struct tcp_lend *l)
{
	if (c->orphan || merge(n, l))
		return;
	*errq_cb(l->notice) = (struct errq_cb){
		.info = l->lo,
		.data = l->lo + l->n - 1,
		.origin = ERRQ_ZEROCOPY,
		.code = l->copied,
	};
	pktq_push(&n->errors, l->notice);
	l->notice = NULL;
	tcp_post(st, c);
}

void tcp_lend_settle(struct tern_stack *st)
{
	uint32_t id;

	while ((id = st->tcp.lend_done) != 0) {
		struct tcp_lend *l = lend_at(st, id);
		struct tcp_conn *c = NULL;
		struct tcp_notes *n = NULL;

		st->tcp.lend_done = l->next_done;
		if (!st->tcp.lend_done)
			st->tcp.lend_done_last = 0;
		if (l->conn && slab_has(&st->tcp.conns, l->conn)) {
			c = conn_at(st, l->conn);
			if (c->gen == l->gen)
				n = tcp_notes_of(st, c);
		}
		if (n)
			notify(st, c, n, l);
		lend_free(st, n, l);
	}
}

/* The connection's block goes; what is still out finds no way back to it. */
void tcp_lend_forget(struct tern_stack *st, struct tcp_notes *n)
{
	uint32_t id, next;

	for (id = n->lend_first; id; id = next) {
		struct tcp_lend *l = lend_at(st, id);

		next = l->next;
		l->conn = 0;
		l->prev = l->next = 0;
	}
	n->lend_first = n->lend_last = 0;
}

bool tcp_lend_take(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_notes *n = tcp_notes_of(st, c);
	uint32_t id, k;

	for (id = n ? n->lend_first : 0; id; id = lend_at(st, id)->next) {
		for (k = lend_at(st, id)->first; k;) {
			struct tcp_lent *b = slab_at(&st->tcp.lents, k);

			k = b->next;
			if (b->own)
				continue;
			b->own = mem_alloc(&st->mem, b->lent.buf.cap);
			if (!b->own)
				return false;
			memcpy(b->own, b->lent.buf.data, b->lent.buf.cap);
			b->lent.buf.data = b->own;
		}
	}
	return true;
}
