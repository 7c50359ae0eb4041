// SPDX-License-Identifier: BSD-2-Clause
/*
 * Linear hashing: the table has any number of buckets, from IDHASH_SEGMENT on.
 *
 *	0 ... split ... half ... n_buckets ... mask
 *	      `-- split: n_buckets - half, the next bucket to be divided
 *
 * Growing by one divides the chain of bucket `split` between itself and a new
 * bucket at the end; shrinking undoes that. Buckets stand in segments that are
 * taken and given back one by one, so nothing but the short table of segments
 * is ever copied (64 KiB of pointers for ten million objects).
 *
 * One insert divides up to two buckets: memory that was short for a while is
 * made up for.
 */
#include "base/idhash.h"

#include "base/bytes.h"

#define SEGMENT_SIZE (IDHASH_SEGMENT * sizeof(uint32_t))

static inline uint32_t *link_of(const struct idhash *h, uint32_t id)
{
	return (uint32_t *)(void *)((char *)slab_at(h->slab, id) + h->offset);
}

bool idhash_init(struct idhash *h, struct slab *slab, size_t offset,
		 uint32_t (*hash)(const void *ctx, const void *object),
		 const void *ctx)
{
	*h = (struct idhash){
		.slab = slab,
		.n_buckets = IDHASH_SEGMENT,
		.mask = IDHASH_SEGMENT - 1,
		.cap_segments = 1,
		.offset = (uint32_t)offset,
		.hash = hash,
		.ctx = ctx,
	};
	h->segments = mem_alloc(slab->mem, sizeof(h->segments[0]));
	if (!h->segments)
		return false;
	h->segments[0] = mem_zalloc(slab->mem, SEGMENT_SIZE);
	if (!h->segments[0]) {
		mem_free(slab->mem, h->segments, sizeof(h->segments[0]));
		h->segments = NULL;
		return false;
	}
	return true;
}

void idhash_fini(struct idhash *h)
{
	uint32_t i;

	if (!h->segments)
		return;
	for (i = 0; i * IDHASH_SEGMENT < h->n_buckets; i++)
		mem_free(h->slab->mem, h->segments[i], SEGMENT_SIZE);
	mem_free(h->slab->mem, h->segments,
		 h->cap_segments * sizeof(h->segments[0]));
	h->segments = NULL;
}

size_t idhash_footprint(const struct idhash *h)
{
	size_t n = (h->n_buckets + IDHASH_SEGMENT - 1) / IDHASH_SEGMENT;

	return n * SEGMENT_SIZE + h->cap_segments * sizeof(h->segments[0]);
}

static bool resize_segments(struct idhash *h, uint32_t cap)
{
	struct mem *mem = h->slab->mem;
	uint32_t **segments = mem_alloc(mem, cap * sizeof(segments[0]));

	if (!segments)
		return false;
	memcpy(segments, h->segments,
	       min_size(cap, h->cap_segments) * sizeof(segments[0]));
	mem_free(mem, h->segments, h->cap_segments * sizeof(segments[0]));
	h->segments = segments;
	h->cap_segments = cap;
	return true;
}

/* Makes sure that bucket n_buckets has memory. */
static bool reserve(struct idhash *h)
{
	uint32_t i = h->n_buckets / IDHASH_SEGMENT;

	if (h->n_buckets % IDHASH_SEGMENT)
		return true;
	if (i == h->cap_segments && !resize_segments(h, 2 * i))
		return false;
	h->segments[i] = mem_alloc(h->slab->mem, SEGMENT_SIZE);
	return h->segments[i];
}

/* Adds a bucket, and divides the chain that it is split off from. The order of
 * a chain is kept. */
static void split(struct idhash *h)
{
	uint32_t added = h->n_buckets;
	uint32_t *low, *high, id, next;

	if (added > UINT32_MAX / 2 || !reserve(h))
		return;
	h->n_buckets++;
	if (added > h->mask)
		h->mask = 2 * h->mask + 1;
	low = idhash_bucket(h, added & h->mask >> 1);
	high = idhash_bucket(h, added);
	id = *low;
	for (; id; id = next) {
		next = *link_of(h, id);
		if ((h->hash(h->ctx, slab_at(h->slab, id)) & h->mask) ==
		    added) {
			*high = id;
			high = link_of(h, id);
		} else {
			*low = id;
			low = link_of(h, id);
		}
	}
	*low = 0;
	*high = 0;
}

/* Takes the last bucket away; its chain goes back to the end of the one that
 * it was split off from. */
static void merge(struct idhash *h)
{
	uint32_t last = h->n_buckets - 1;
	uint32_t high = *idhash_bucket(h, last);
	uint32_t *link = idhash_bucket(h, last & h->mask >> 1);

	while (*link)
		link = link_of(h, *link);
	*link = high;
	h->n_buckets = last;
	if (last - 1 <= h->mask >> 1)
		h->mask >>= 1;
	if (last % IDHASH_SEGMENT == 0) {
		last /= IDHASH_SEGMENT;
		mem_free(h->slab->mem, h->segments[last], SEGMENT_SIZE);
		if (last <= h->cap_segments / 4)
			resize_segments(h, h->cap_segments / 2);
	}
}

void idhash_insert(struct idhash *h, uint32_t id, uint32_t hash)
{
	uint32_t *bucket = idhash_bucket(h, hash);
	int i;

	*link_of(h, id) = *bucket;
	*bucket = id;
	h->n++;
	for (i = 0; i < 2 && h->n > h->n_buckets; i++)
		split(h);
}

void idhash_remove(struct idhash *h, uint32_t id, uint32_t hash)
{
	uint32_t *link = idhash_bucket(h, hash);
	int i;

	while (*link != id) {
		PROMISE(*link);
		link = link_of(h, *link);
	}
	*link = *link_of(h, id);
	h->n--;
	/* Two for one, or the table would not keep up with removals. */
	for (i = 0;
	     i < 2 && h->n_buckets > IDHASH_SEGMENT && h->n_buckets / 2 > h->n;
	     i++)
		merge(h);
}
