// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where packets and their buffers come from: a freelist of packets, and one
 * for each of four sizes of buffers. What is larger is allocated as it is.
 *
 * A freelist keeps a few objects, and as many more as a quarter of those in
 * use: enough for the ups and downs of traffic at any rate. After a burst each
 * object that comes home takes another one with it, so the footprint goes down
 * again, to half a mebibyte at most.
 *
 * Under AddressSanitizer nothing is kept, so that it sees each object die.
 */
#include "base/pool.h"

#include <tern/link.h>

#if defined(__SANITIZE_ADDRESS__)
#define KEEP(n) 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEP(n) 0
#endif
#endif
#ifndef KEEP
#define KEEP(n) (n)
#endif

#define PKT_KEEP KEEP(64)

/* Two batches of a link's packets; of the large ones what a connection at full
 * speed has under way below its socket buffer. */
static const struct {
	uint32_t cap;
	uint32_t keep;
} classes[] = {
	{ 256, KEEP(64) },  /* an ACK, a SYN, a segment's headers */
	{ 2048, KEEP(64) }, /* an Ethernet MTU with headroom */
	{ 16384, KEEP(4) }, /* what an application sends; jumbo packets */
	{ 66560, KEEP(4) }, /* what GSO receives: 64 KiB with headroom */
};
_Static_assert(ARRAY_LEN(classes) == POOL_CLASSES, "pool.h says how many");

#define BUF_HEAD sizeof(struct tern_buf) /* the bytes follow it */

struct tern_pool *tern_pool_new(const struct tern_allocator *alloc)
{
	struct tern_pool *pool = alloc->alloc(alloc->ctx, sizeof(*pool));
	uint32_t i;

	if (!pool)
		return NULL;
	*pool = (struct tern_pool){
		.mem = { .alloc = *alloc, .used = sizeof(*pool) },
		.pkts = { .keep = PKT_KEEP, .size = sizeof(struct tern_pkt) },
	};
	for (i = 0; i < POOL_CLASSES; i++)
		pool->bufs[i] = (struct pool_list){
			.keep = classes[i].keep,
			.size = (uint32_t)BUF_HEAD + classes[i].cap,
		};
	return pool;
}

size_t tern_pool_footprint(const struct tern_pool *pool)
{
	return pool->mem.used;
}

void *pool_take_slow(struct tern_pool *pool, struct pool_list *list)
{
	void *object = mem_alloc(&pool->mem, list->size);

	if (object)
		list->n_used++;
	return object;
}

static void free_one(struct tern_pool *pool, struct pool_list *list)
{
	void **object = list->free;

	list->free = *object;
	list->n_free--;
	mem_free(&pool->mem, object, list->size);
}

void pool_give_slow(struct tern_pool *pool, struct pool_list *list,
		    void *object)
{
	mem_free(&pool->mem, object, list->size);
	if (list->n_free > pool_allowance(list))
		free_one(pool, list);
}

void pool_check_closing(struct tern_pool *pool)
{
	struct tern_allocator alloc = pool->mem.alloc;
	uint32_t i, n_used = pool->pkts.n_used + pool->n_large;

	for (i = 0; i < POOL_CLASSES; i++)
		n_used += pool->bufs[i].n_used;
	if (n_used)
		return;
	while (pool->pkts.free)
		free_one(pool, &pool->pkts);
	for (i = 0; i < POOL_CLASSES; i++) {
		while (pool->bufs[i].free)
			free_one(pool, &pool->bufs[i]);
	}
	PROMISE(pool->mem.used == sizeof(*pool));
	alloc.free(alloc.ctx, pool, sizeof(*pool));
}

void tern_pool_free(struct tern_pool *pool)
{
	pool->closing = true;
	pool_check_closing(pool);
}

static struct tern_buf *new_large(struct tern_pool *pool, size_t cap)
{
	struct tern_buf *buf;

	if (cap > UINT32_MAX - BUF_HEAD)
		return NULL;
	buf = mem_alloc(&pool->mem, BUF_HEAD + cap);
	if (!buf)
		return NULL;
	pool->n_large++;
	*buf = (struct tern_buf){
		.pool = pool,
		.refs = 1,
		.cap = (uint32_t)cap,
		.class_ = POOL_LARGE,
		.data = (uint8_t *)(buf + 1),
	};
	return buf;
}

struct tern_buf *tern_buf_new(struct tern_pool *pool, size_t cap)
{
	struct tern_buf *buf;
	uint32_t i = 0;

	while (cap > classes[i].cap) {
		if (++i == POOL_CLASSES)
			return new_large(pool, cap);
	}
	buf = pool_take(pool, &pool->bufs[i]);
	if (unlikely(!buf))
		return NULL;
	*buf = (struct tern_buf){
		.pool = pool,
		.refs = 1,
		.cap = classes[i].cap,
		.class_ = i,
		.data = (uint8_t *)(buf + 1),
	};
	return buf;
}

struct tern_buf *tern_buf_get(struct tern_buf *buf)
{
	PROMISE(buf->refs > 0 && buf->refs < UINT32_MAX);
	buf->refs++;
	return buf;
}

void tern_buf_put(struct tern_buf *buf)
{
	struct tern_pool *pool = buf->pool;

	PROMISE(buf->refs > 0);
	if (--buf->refs)
		return;
	if (likely(buf->class_ < POOL_CLASSES)) {
		pool_give(pool, &pool->bufs[buf->class_], buf);
		return;
	}
	if (buf->class_ == POOL_LENT) {
		pool_lent_of(buf)->back(pool_lent_of(buf));
		return;
	}
	pool->n_large--;
	mem_free(&pool->mem, buf, BUF_HEAD + buf->cap);
	if (unlikely(pool->closing))
		pool_check_closing(pool);
}
