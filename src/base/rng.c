// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random numbers: the n-th is SipHash-2-4 of n. Costs some 15 ns each, has no
 * state to leak backwards but the key, and may be split by taking other keys.
 */
#include "base/rng.h"

#include "base/bytes.h"

void rng_init(struct rng *rng, const struct sipkey *key)
{
	*rng = (struct rng){ .key = *key };
}

uint64_t rng_u64(struct rng *rng)
{
	uint64_t n = rng->n++;

	return siphash_words(&rng->key, &n, 1);
}

uint32_t rng_below(struct rng *rng, uint32_t n)
{
	uint64_t product;

	PROMISE(n > 0);
	/* The upper half of a 32-bit random number times n is in [0, n). 2^32
	 * is no multiple of n: some values would come up once too often, so
	 * the products whose lower half is under 2^32 mod n are thrown away
	 * (Lemire 2019). At most half of all draws are. */
	do {
		product = (rng_u64(rng) >> 32) * n;
	} while (unlikely((uint32_t)product < n &&
			  (uint32_t)product < (0u - n) % n));
	return (uint32_t)(product >> 32);
}
