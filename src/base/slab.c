// SPDX-License-Identifier: BSD-2-Clause
/*
 * Slabs: chunks of objects, found by number.
 *
 *	chunks[]:  [ * ][gap -> 4][ * ][ * ][gap: end]
 *	             |              |    `-- full: on no list
 *	             +-- first_free-+ (a list through the chunks)
 *
 * A chunk says by one bit a slot which objects are in use, which serves to
 * find a free one, to walk all and to check an id. Numbers whose chunk was
 * given back form a list through chunks[] itself: an odd value is no pointer
 * but the next number, so that taking one back costs no search.
 *
 * A chunk that gets a free slot goes to the front of the list and is filled
 * first: chunks far from full are left alone, and have a chance to empty.
 *
 * Invariants (check_chunk() in debug builds):
 *  1. a chunk is on the free list if and only if one of its slots is free;
 *  2. no chunk is empty: the last object takes its chunk with it.
 */
#include "base/slab.h"

#include "base/bytes.h"

#define NONE UINT32_MAX

/* Bytes of objects that a chunk aims at: big enough that its head and the
 * allocator's own cost under 1 %, small enough that it empties again. */
#define CHUNK_TARGET 16384u

#define SHIFT_MAX 8u
_Static_assert(1u << SHIFT_MAX == SLAB_CHUNK_MAX, "the bitmap holds a chunk");

static inline bool is_gap(union slab_place place)
{
	return place.gap & 1;
}

/* 31 bits are enough: chunks_grow() makes room for no higher number. */
static inline union slab_place gap_of(uint32_t next)
{
	return (union slab_place){ .gap = (uintptr_t)next << 1 | 1 };
}

static inline uint32_t gap_next(union slab_place place)
{
	return (uint32_t)(place.gap >> 1);
}

#define GAP_END (UINT32_MAX >> 1)

static size_t chunk_size(const struct slab *s)
{
	return offsetof(struct slab_chunk, objects) +
	       ((size_t)s->obj_size << s->shift);
}

static void check_chunk(const struct slab *s, const struct slab_chunk *c)
{
	PROMISE(c->n_used > 0 && c->n_used <= 1u << s->shift);
}

void slab_init(struct slab *s, struct mem *mem, size_t obj_size, bool plain)
{
	PROMISE(obj_size > 0 && obj_size <= UINT32_MAX - 7);
	*s = (struct slab){
		.mem = mem,
		.first_free = NONE,
		.first_gap = GAP_END,
		.obj_size = (uint32_t)(obj_size + 7) & ~7u,
	};
	while (!plain && s->shift < SHIFT_MAX &&
	       (s->obj_size << (s->shift + 1)) <= CHUNK_TARGET)
		s->shift++;
}

static void chunks_free(struct slab *s)
{
	if (!s->cap_chunks)
		return;
	s->footprint -= s->cap_chunks * sizeof(s->chunks[0]);
	mem_free(s->mem, s->chunks, s->cap_chunks * sizeof(s->chunks[0]));
	s->chunks = NULL;
	s->n_chunks = s->cap_chunks = 0;
	s->first_gap = GAP_END;
}

void slab_fini(struct slab *s)
{
	PROMISE(s->n_used == 0);
	chunks_free(s);
}

static void link_free(struct slab *s, uint32_t number)
{
	struct slab_chunk *c = s->chunks[number].chunk;

	c->prev_free = NONE;
	c->next_free = s->first_free;
	if (c->next_free != NONE)
		s->chunks[c->next_free].chunk->prev_free = number;
	s->first_free = number;
}

static void unlink_free(struct slab *s, uint32_t number)
{
	struct slab_chunk *c = s->chunks[number].chunk;

	if (c->prev_free != NONE)
		s->chunks[c->prev_free].chunk->next_free = c->next_free;
	else
		s->first_free = c->next_free;
	if (c->next_free != NONE)
		s->chunks[c->next_free].chunk->prev_free = c->prev_free;
}

/* Makes chunks[] longer; it doubles, so that its cost is spread out. */
static bool chunks_grow(struct slab *s)
{
	uint32_t cap = s->cap_chunks ? 2 * s->cap_chunks : 4;
	size_t old_size = s->cap_chunks * sizeof(s->chunks[0]);
	size_t size = cap * sizeof(s->chunks[0]);
	union slab_place *chunks;

	/* The ids of all slots must fit into 32 bits, gaps into 31. */
	if ((uint64_t)cap << s->shift > UINT32_MAX / 2)
		return false;
	chunks = mem_alloc(s->mem, size);
	if (!chunks)
		return false;
	if (old_size)
		memcpy(chunks, s->chunks, old_size);
	mem_free(s->mem, s->chunks, old_size);
	s->chunks = chunks;
	s->cap_chunks = cap;
	s->footprint += size - old_size;
	return true;
}

static bool chunk_new(struct slab *s)
{
	uint32_t number = s->first_gap;
	struct slab_chunk *c;

	if (number == GAP_END && s->n_chunks == s->cap_chunks &&
	    !chunks_grow(s))
		return false;
	c = mem_alloc(s->mem, chunk_size(s));
	if (!c)
		return false;
	s->footprint += chunk_size(s);
	c->n_used = 0;
	memset(c->used, 0, sizeof(c->used));
	if (number != GAP_END)
		s->first_gap = gap_next(s->chunks[number]);
	else
		number = s->n_chunks++;
	s->chunks[number].chunk = c;
	link_free(s, number);
	return true;
}

static void chunk_free(struct slab *s, uint32_t number)
{
	unlink_free(s, number);
	mem_free(s->mem, s->chunks[number].chunk, chunk_size(s));
	s->footprint -= chunk_size(s);
	s->chunks[number] = gap_of(s->first_gap);
	s->first_gap = number;
}

/* The lowest free slot of a chunk that has one. */
static uint32_t free_slot(const struct slab_chunk *c)
{
	uint32_t i = 0;

	while (!~c->used[i])
		i++;
	return i * 64 + (uint32_t)__builtin_ctzll(~c->used[i]);
}

uint32_t slab_alloc(struct slab *s)
{
	struct slab_chunk *c;
	uint32_t number, slot;

	if (unlikely(s->first_free == NONE) && !chunk_new(s)) {
		/* chunk_new() may have made chunks[] alone. */
		if (!s->n_used)
			chunks_free(s);
		return 0;
	}
	number = s->first_free;
	c = s->chunks[number].chunk;
	slot = free_slot(c);
	c->used[slot / 64] |= UINT64_C(1) << slot % 64;
	if (++c->n_used == 1u << s->shift)
		unlink_free(s, number);
	s->n_used++;
	check_chunk(s, c);
	memset(c->objects + (size_t)slot * s->obj_size, 0, s->obj_size);
	return (number << s->shift | slot) + 1;
}

void slab_free(struct slab *s, uint32_t id)
{
	uint32_t number = (id - 1) >> s->shift;
	uint32_t slot = (id - 1) & ((1u << s->shift) - 1);
	struct slab_chunk *c;

	PROMISE(slab_has(s, id));
	c = s->chunks[number].chunk;
	check_chunk(s, c);
	if (c->n_used == 1u << s->shift)
		link_free(s, number);
	c->used[slot / 64] &= ~(UINT64_C(1) << slot % 64);
	c->n_used--;
	s->n_used--;
	if (!c->n_used)
		chunk_free(s, number);
	if (!s->n_used)
		chunks_free(s);
}

/* The lowest slot in use from `slot` on, or NONE. */
static uint32_t used_slot(const struct slab_chunk *c, uint32_t slot)
{
	uint32_t i = slot / 64;
	uint64_t word;

	if (i >= ARRAY_LEN(c->used))
		return NONE;
	word = c->used[i] & ~UINT64_C(0) << slot % 64;
	while (!word) {
		if (++i == ARRAY_LEN(c->used))
			return NONE;
		word = c->used[i];
	}
	return i * 64 + (uint32_t)__builtin_ctzll(word);
}

uint32_t slab_next(const struct slab *s, uint32_t id)
{
	uint32_t number = id >> s->shift;
	uint32_t slot = id & ((1u << s->shift) - 1);

	/* `id` is also the index of the slot behind it. */
	for (; number < s->n_chunks; number++, slot = 0) {
		if (is_gap(s->chunks[number]))
			continue;
		slot = used_slot(s->chunks[number].chunk, slot);
		if (slot != NONE)
			return (number << s->shift | slot) + 1;
	}
	return 0;
}

bool slab_has(const struct slab *s, uint32_t id)
{
	uint32_t number = (id - 1) >> s->shift;
	uint32_t slot = (id - 1) & ((1u << s->shift) - 1);

	return id && number < s->n_chunks && !is_gap(s->chunks[number]) &&
	       s->chunks[number].chunk->used[slot / 64] >> slot % 64 & 1;
}
