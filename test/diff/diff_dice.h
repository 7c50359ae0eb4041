// SPDX-License-Identifier: BSD-2-Clause
/* The dice that plans are made with: SplitMix64. */
#ifndef DIFF_DICE_H
#define DIFF_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
	uint64_t s;
};

static inline uint64_t roll64(struct dice *d)
{
	uint64_t z = d->s += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline uint32_t below(struct dice *d, uint32_t n)
{
	return (uint32_t)(roll64(d) >> 33) % n;
}

static inline bool chance(struct dice *d, uint32_t percent)
{
	return below(d, 100) < percent;
}

#endif
