// SPDX-License-Identifier: BSD-2-Clause
/*
 * Objects of one size, known by a 32-bit id.
 *
 * An id takes half the room of a pointer in links between objects, which is
 * what lets a TIME_WAIT record fit into 64 bytes. Objects live in chunks that
 * are taken from the allocator one by one; a chunk that becomes empty is given
 * back. Ids are small, dense and reused; 0 is no object. An object's address
 * is stable. In plain mode a chunk holds one object, so that sanitizers
 * and allocation faults see each object.
 *
 * alloc and free are O(1). A chunk is a power of two of objects, and the id is
 * chunk number * that power + slot + 1.
 */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include "base/mem.h"

struct slab_chunk;

union slab_place {
	struct slab_chunk *chunk;
	uintptr_t gap; /* odd: where a chunk was given back, see slab.c */
};

struct slab {
	struct mem *mem;
	union slab_place *chunks; /* by number */
	uint32_t n_chunks;	  /* numbers given out so far */
	uint32_t cap_chunks;	  /* length of chunks[] */
	uint32_t first_free;	  /* chunk with a free slot, or ~0 */
	uint32_t first_gap;	  /* number without a chunk */
	uint32_t shift;		  /* objects per chunk, log2 */
	uint32_t obj_size;	  /* rounded up to 8 */
	uint32_t n_used;
	size_t footprint; /* bytes taken from mem */
};

#define SLAB_CHUNK_MAX 256 /* objects */

struct slab_chunk {
	uint32_t next_free; /* list of chunks with free slots */
	uint32_t prev_free;
	uint32_t n_used;
	uint64_t used[SLAB_CHUNK_MAX / 64]; /* a bit for each slot */
	_Alignas(max_align_t) unsigned char objects[];
};

void slab_init(struct slab *, struct mem *, size_t obj_size, bool plain);

/* Every object must have been freed. */
void slab_fini(struct slab *);

/* The id of a zeroed object, or 0 without memory. */
uint32_t slab_alloc(struct slab *);
void slab_free(struct slab *, uint32_t id);

/* The object of an id that is in use (not checked). */
static inline void *slab_at(const struct slab *s, uint32_t id)
{
	uint32_t i = id - 1;

	return s->chunks[i >> s->shift].chunk->objects +
	       (size_t)(i & ((1u << s->shift) - 1)) * s->obj_size;
}

/* The lowest id in use above `id`, or 0: to walk all objects. O(1) per used
 * or free slot passed. Whether a slot is in use is kept in a bitmap. */
uint32_t slab_next(const struct slab *, uint32_t id);

/* Is this an id in use? For ids that come from outside. */
bool slab_has(const struct slab *, uint32_t id);

#endif
