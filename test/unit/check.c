// SPDX-License-Identifier: BSD-2-Clause
#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *take(void *ctx, size_t size)
{
	struct check_alloc *a = ctx;
	void *p;

	assert_true(size > 0);
	if (a->n_left == 0)
		return NULL;
	if (a->n_left > 0)
		a->n_left--;
	p = malloc(size);
	assert_non_null(p);
	/* Whoever relies on cleared memory must clear it. */
	memset(p, 0xa5, size);
	a->used += size;
	a->n_out++;
	return p;
}

static void give(void *ctx, void *p, size_t size)
{
	struct check_alloc *a = ctx;

	assert_non_null(p);
	assert_true(a->n_out > 0 && a->used >= size);
	memset(p, 0x5a, size);
	a->used -= size;
	a->n_out--;
	free(p);
}

void check_alloc_init(struct check_alloc *a)
{
	*a = (struct check_alloc){ .n_left = -1 };
}

struct tern_allocator check_allocator(struct check_alloc *a)
{
	return (struct tern_allocator){ a, take, give };
}

void check_each_failure(void (*scenario)(struct check_alloc *))
{
	struct check_alloc a;
	int64_t n;

	for (n = 0;; n++) {
		check_alloc_init(&a);
		a.n_left = n;
		scenario(&a);
		if (a.used || a.n_out)
			fail_msg("%zu bytes leak when allocation %" PRId64
				 " fails",
				 a.used, n + 1);
		if (a.n_left > 0)
			return;
	}
}

/* SplitMix64 (Steele, Lea, Flood 2014): any seed is as good. */
static uint64_t rng_state;

void check_seed(void)
{
	const char *seed = getenv("TERN_SEED");

	rng_state = seed ? strtoull(seed, NULL, 0) : 1;
	printf("# TERN_SEED=%" PRIu64 "\n", rng_state);
}

uint64_t check_random(void)
{
	uint64_t z = rng_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint32_t check_below(uint32_t n)
{
	return (uint32_t)((check_random() >> 32) * n >> 32);
}

uint64_t check_magnitude(unsigned bits)
{
	unsigned n = check_below(bits + 1);

	return n ? check_random() >> (64 - n) : 0;
}

void check_fill(void *out, size_t n)
{
	uint8_t *p = out;

	while (n--)
		*p++ = (uint8_t)check_random();
}
