// SPDX-License-Identifier: BSD-2-Clause
/*
 * Hash tables of slab objects, chained by 32-bit ids. The hash is the
 * caller's (keyed: siphash).
 *
 * The table grows bucket by bucket (linear hashing, Litwin 1980): an insert
 * into a table of ten million costs what it costs in one of ten, and no packet
 * waits for a rehash. It grows when there are more objects than buckets and
 * shrinks when there are less than half as many; if memory for that is short
 * it goes on as it is.
 *
 * To find, walk:	for (id = idhash_first(h, hash); id;
 *			     id = idhash_next(h, id))
 * and compare keys: a bucket holds other hashes too.
 */
#ifndef BASE_IDHASH_H
#define BASE_IDHASH_H

#include "base/slab.h"

#define IDHASH_SEGMENT 512u

struct idhash {
	struct slab *slab;
	uint32_t **segments; /* of IDHASH_SEGMENT buckets each */
	uint32_t n_buckets;
	uint32_t mask; /* the least 2^k - 1 that is >= n_buckets - 1 */
	uint32_t n;
	uint32_t cap_segments; /* length of segments[] */
	uint32_t offset;       /* of the uint32_t link in the object */
	uint32_t (*hash)(const void *ctx, const void *object);
	const void *ctx;
};

/* `hash` gives an object's hash again, for growing. False without memory. */
bool idhash_init(struct idhash *, struct slab *, size_t offset,
		 uint32_t (*hash)(const void *ctx, const void *object),
		 const void *ctx);
void idhash_fini(struct idhash *);

void idhash_insert(struct idhash *, uint32_t id, uint32_t hash);
/* The object must be in the table. */
void idhash_remove(struct idhash *, uint32_t id, uint32_t hash);

size_t idhash_footprint(const struct idhash *);

/* The bucket of a hash: buckets past n_buckets are not split off yet, their
 * objects are still where the hash without its highest bit leads. */
static inline uint32_t *idhash_bucket(const struct idhash *h, uint32_t hash)
{
	uint32_t i = hash & h->mask;

	if (i >= h->n_buckets)
		i &= h->mask >> 1;
	return &h->segments[i / IDHASH_SEGMENT][i % IDHASH_SEGMENT];
}

static inline uint32_t idhash_first(const struct idhash *h, uint32_t hash)
{
	return *idhash_bucket(h, hash);
}

static inline uint32_t idhash_next(const struct idhash *h, uint32_t id)
{
	return *(uint32_t *)(void *)((char *)slab_at(h->slab, id) + h->offset);
}

#endif
