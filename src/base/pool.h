// SPDX-License-Identifier: BSD-2-Clause
/*
 * The inside of a tern_pool, for pool.c and pkt.c alone: freelists, inlined
 * because every packet passes them four times.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/bytes.h"
#include "base/mem.h"

#define POOL_CLASSES 4
/* tern_buf.class_ of buffers that are in no freelist. */
enum { POOL_LARGE = POOL_CLASSES, POOL_LENT };

/* A buffer over memory of somebody else's. It belongs to who lent it: `back`
 * is called when the last reference goes. */
struct pool_lent {
	struct tern_buf buf;
	void (*back)(struct pool_lent *);
	bool copied; /* somebody had to make a copy on the way */
};

static inline struct pool_lent *pool_lent_of(struct tern_buf *buf)
{
	return container_of(buf, struct pool_lent, buf);
}

/* Objects of one size. A free one's first word is the link to the next. */
struct pool_list {
	void *free;
	uint32_t n_free;
	uint32_t n_used;
	uint32_t keep; /* free ones kept when none is used; 0: keep none ever */
	uint32_t size;
};

struct tern_pool {
	struct mem mem;
	struct pool_list pkts;
	struct pool_list bufs[POOL_CLASSES];
	uint32_t n_large; /* buffers beyond the classes */
	bool closing;	  /* tern_pool_free() waits for what is out */
};

/* An object from the allocator; NULL without memory. */
void *pool_take_slow(struct tern_pool *, struct pool_list *);
/* Gives an object back to the allocator, and others that are too many. */
void pool_give_slow(struct tern_pool *, struct pool_list *, void *object);
/* Frees a pool that is closing once all has come back. */
void pool_check_closing(struct tern_pool *);

static inline uint32_t pool_allowance(const struct pool_list *list)
{
	return list->keep ? list->keep + list->n_used / 4 : 0;
}

static inline void *pool_take(struct tern_pool *pool, struct pool_list *list)
{
	void **object = list->free;

	if (unlikely(!object))
		return pool_take_slow(pool, list);
	list->free = *object;
	list->n_free--;
	list->n_used++;
	return object;
}

static inline void pool_give(struct tern_pool *pool, struct pool_list *list,
			     void *object)
{
	list->n_used--;
	if (unlikely(list->n_free >= pool_allowance(list))) {
		pool_give_slow(pool, list, object);
	} else {
		*(void **)object = list->free;
		list->free = object;
		list->n_free++;
	}
	if (unlikely(pool->closing))
		pool_check_closing(pool);
}

#endif
