// SPDX-License-Identifier: BSD-2-Clause
/*
 * A seeded generator: SipHash of a counter. Unpredictable without the key,
 * and the same run again with it.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "base/siphash.h"

struct rng {
	struct sipkey key;
	uint64_t n;
};

void rng_init(struct rng *, const struct sipkey *key);
uint64_t rng_u64(struct rng *);

/* Uniform in [0, n), n > 0. */
uint32_t rng_below(struct rng *, uint32_t n);

#endif
