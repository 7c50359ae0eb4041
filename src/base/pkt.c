// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets: a linear part in a buffer of its own, then fragments.
 *
 *	head: |headroom| data ... head_len |room|   frags[0] frags[1] ...
 *
 * Invariants (check_pkt() in debug builds):
 *  1. head->data <= data, data + head_len <= head->data + head->cap;
 *  2. len is head_len and the lengths of all fragments;
 *  3. no fragment is empty or past its buffer.
 * They hold for packets that the stack was handed, too: their fields come from
 * a link's code, not from the network.
 */
#include "base/pkt.h"

#include "base/pool.h"

static void check_pkt(const struct tern_pkt *pkt)
{
	size_t sum = pkt->head_len, i;

	PROMISE(pkt->data >= pkt->head->data);
	PROMISE(pkt->head_len <=
		pkt->head->cap - (size_t)(pkt->data - pkt->head->data));
	PROMISE(pkt->n_frags <= TERN_PKT_FRAGS);
	for (i = 0; i < pkt->n_frags; i++) {
		const struct tern_frag *f = &pkt->frags[i];

		PROMISE(f->len > 0 && f->off <= f->buf->cap &&
			f->len <= f->buf->cap - f->off);
		sum += f->len;
	}
	PROMISE(sum == pkt->len);
}

/* Bytes in front of the linear part, and behind it. */
static inline size_t headroom_of(const struct tern_pkt *pkt)
{
	return (size_t)(pkt->data - pkt->head->data);
}

static inline size_t room_of(const struct tern_pkt *pkt)
{
	return pkt->head->cap - headroom_of(pkt) - pkt->head_len;
}

struct tern_pkt *tern_pkt_new(struct tern_pool *pool, size_t headroom,
			      size_t room)
{
	struct tern_pkt *pkt;
	struct tern_buf *head;

	if (unlikely(room > SIZE_MAX - headroom))
		return NULL;
	head = tern_buf_new(pool, headroom + room);
	if (unlikely(!head))
		return NULL;
	pkt = pool_take(pool, &pool->pkts);
	if (unlikely(!pkt)) {
		tern_buf_put(head);
		return NULL;
	}
	/* The fragments, 288 bytes, stay as they are. In two halves, which gcc
	 * writes in line where for the whole it calls a slow instruction. */
	memset(pkt, 0, offsetof(struct tern_pkt, cb));
	memset(pkt->cb, 0, sizeof(pkt->cb));
	pkt->pool = pool;
	pkt->head = head;
	pkt->data = head->data + headroom;
	return pkt;
}

void tern_pkt_put(struct tern_pkt *pkt)
{
	struct tern_pool *pool = pkt->pool;
	uint32_t i;

	check_pkt(pkt);
	for (i = 0; i < pkt->n_frags; i++)
		tern_buf_put(pkt->frags[i].buf);
	tern_buf_put(pkt->head);
	pool_give(pool, &pool->pkts, pkt);
}

/* A head that others hold too is not written to: it has no room. */
uint8_t *tern_pkt_append(struct tern_pkt *pkt, size_t n)
{
	uint8_t *p = pkt->data + pkt->head_len;

	PROMISE(pkt->n_frags == 0);
	if (n > room_of(pkt) || pkt->head->refs > 1)
		return NULL;
	pkt->head_len += (uint32_t)n;
	pkt->len += (uint32_t)n;
	return p;
}

uint8_t *tern_pkt_prepend(struct tern_pkt *pkt, size_t n)
{
	if (n > headroom_of(pkt) || pkt->head->refs > 1)
		return NULL;
	pkt->data -= n;
	pkt->head_len += (uint32_t)n;
	pkt->len += (uint32_t)n;
	return pkt->data;
}

bool tern_pkt_add_frag(struct tern_pkt *pkt, struct tern_buf *buf, uint32_t off,
		       uint32_t len)
{
	struct tern_frag *f = &pkt->frags[pkt->n_frags];

	PROMISE(off <= buf->cap && len <= buf->cap - off);
	PROMISE(len <= UINT32_MAX - pkt->len);
	if (!len)
		return true;
	/* Goes on where the last one ends: one fragment, one reference. */
	if (pkt->n_frags && f[-1].buf == buf && f[-1].off + f[-1].len == off) {
		f[-1].len += len;
		pkt->len += len;
		return true;
	}
	if (pkt->n_frags == TERN_PKT_FRAGS)
		return false;
	*f = (struct tern_frag){ tern_buf_get(buf), off, len };
	pkt->n_frags++;
	pkt->len += len;
	return true;
}

/* Copies n bytes of the fragments, from `off` behind the linear part on. */
static inline void copy_frags(const struct tern_pkt *pkt, size_t off,
			      uint8_t *out, size_t n)
{
	const struct tern_frag *f = pkt->frags;
	size_t part;

	for (; n; f++) {
		if (off >= f->len) {
			off -= f->len;
			continue;
		}
		part = min_size(f->len - off, n);
		memcpy(out, f->buf->data + f->off + off, part);
		out += part;
		n -= part;
		off = 0;
	}
}

void tern_pkt_copy_out(const struct tern_pkt *pkt, size_t off, void *out,
		       size_t n)
{
	size_t part = 0;

	PROMISE(off <= pkt->len && n <= pkt->len - off);
	if (off < pkt->head_len) {
		part = min_size(pkt->head_len - off, n);
		memcpy(out, pkt->data + off, part);
		off = pkt->head_len;
	}
	copy_frags(pkt, off - pkt->head_len, (uint8_t *)out + part, n - part);
}

struct tern_pkt *tern_pkt_clone(struct tern_pool *pool,
				const struct tern_pkt *pkt)
{
	struct tern_pkt *copy = tern_pkt_new(pool, headroom_of(pkt), pkt->len);

	if (!copy)
		return NULL;
	tern_pkt_copy_out(pkt, 0, copy->data, pkt->len);
	copy->head_len = copy->len = pkt->len;
	copy->gso_size = pkt->gso_size;
	copy->csum_start = pkt->csum_start;
	copy->csum_off = pkt->csum_off;
	copy->csum = pkt->csum;
	copy->link = pkt->link;
	/* The owner counts the packet itself, and is to be told of it once. */
	copy->flags = pkt->flags & (uint8_t)~TERN_PKT_TOLD;
	copy->owner = pkt->owner;
	copy->at = pkt->at;
	memcpy(copy->cb, pkt->cb, sizeof(copy->cb));
	return copy;
}

/* For who appends again and again: room grows by doubling. */
bool pkt_make_room(struct tern_pkt *pkt, size_t n)
{
	size_t size = 512;
	struct tern_buf *head;
	uint32_t i;

	if (!pkt->n_frags && n <= room_of(pkt) && pkt->head->refs == 1)
		return true;
	while (size < pkt->len + n)
		size *= 2;
	head = tern_buf_new(pkt->pool, size);
	if (!head)
		return false;
	tern_pkt_copy_out(pkt, 0, head->data, pkt->len);
	for (i = 0; i < pkt->n_frags; i++)
		tern_buf_put(pkt->frags[i].buf);
	tern_buf_put(pkt->head);
	pkt->n_frags = 0;
	pkt->head = head;
	pkt->data = head->data;
	pkt->head_len = pkt->len;
	return true;
}

bool tern_pkt_own(struct tern_pkt *pkt)
{
	bool lent = false;
	uint32_t i;

	for (i = 0; i < pkt->n_frags; i++) {
		struct tern_buf *buf = pkt->frags[i].buf;

		if (buf->class_ != POOL_LENT)
			continue;
		pool_lent_of(buf)->copied = true;
		lent = true;
	}
	return !lent || pkt_make_room(pkt, 0);
}

/* Takes n bytes off the front of the fragments. */
static void drop_frags_front(struct tern_pkt *pkt, size_t n)
{
	uint32_t gone = 0;

	while (n) {
		struct tern_frag *f = &pkt->frags[gone];

		if (n < f->len) {
			f->off += (uint32_t)n;
			f->len -= (uint32_t)n;
			break;
		}
		n -= f->len;
		tern_buf_put(f->buf);
		gone++;
	}
	if (!gone)
		return;
	pkt->n_frags -= (uint16_t)gone;
	memmove(pkt->frags, pkt->frags + gone,
		pkt->n_frags * sizeof(pkt->frags[0]));
}

bool tern_pkt_pull(struct tern_pkt *pkt, size_t n)
{
	struct tern_buf *head;
	size_t headroom, more;

	PROMISE(n <= pkt->len);
	if (likely(n <= pkt->head_len))
		return true;
	check_pkt(pkt);
	more = n - pkt->head_len;
	if (more > room_of(pkt) || pkt->head->refs > 1) {
		headroom = headroom_of(pkt);
		head = tern_buf_new(pkt->pool, headroom + n);
		if (!head)
			return false;
		memcpy(head->data + headroom, pkt->data, pkt->head_len);
		tern_buf_put(pkt->head);
		pkt->head = head;
		pkt->data = head->data + headroom;
	}
	copy_frags(pkt, 0, pkt->data + pkt->head_len, more);
	drop_frags_front(pkt, more);
	pkt->head_len = (uint32_t)n;
	return true;
}

void tern_pkt_trim_front(struct tern_pkt *pkt, size_t n)
{
	size_t part = min_size(n, pkt->head_len);

	PROMISE(n <= pkt->len);
	pkt->data += part;
	pkt->head_len -= (uint32_t)part;
	pkt->len -= (uint32_t)n;
	drop_frags_front(pkt, n - part);
}

void tern_pkt_trim_end(struct tern_pkt *pkt, size_t n)
{
	PROMISE(n <= pkt->len);
	pkt->len -= (uint32_t)n;
	while (n && pkt->n_frags) {
		struct tern_frag *f = &pkt->frags[pkt->n_frags - 1];

		if (n < f->len) {
			f->len -= (uint32_t)n;
			return;
		}
		n -= f->len;
		tern_buf_put(f->buf);
		pkt->n_frags--;
	}
	pkt->head_len -= (uint32_t)n;
}

void pktq_drop_all(struct pktq *q)
{
	struct tern_pkt *pkt;

	while ((pkt = pktq_pop(q)))
		tern_pkt_put(pkt);
}
