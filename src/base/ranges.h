// SPDX-License-Identifier: BSD-2-Clause
/*
 * A set of disjoint ranges [from, to) of 32-bit offsets, at most RANGES_MAX:
 * which bytes of a datagram have come, for IP reassembly. Offsets do not
 * wrap.
 */
#ifndef BASE_RANGES_H
#define BASE_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#define RANGES_MAX 64

struct range {
	uint32_t from, to;
};

struct ranges {
	uint32_t n;
	struct range r[RANGES_MAX];
};

enum ranges_result {
	RANGES_ADDED,
	RANGES_KNOWN,	/* exactly or wholly inside what was there */
	RANGES_OVERLAP, /* touches part of what was there */
	RANGES_FULL,	/* would need one range too many */
};

/* Adds [from, to), from < to; merges with neighbours that it abuts. */
enum ranges_result ranges_add(struct ranges *, uint32_t from, uint32_t to);

/* Is [from, to) wholly in the set? */
bool ranges_cover(const struct ranges *, uint32_t from, uint32_t to);

#endif
