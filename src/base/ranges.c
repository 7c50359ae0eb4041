// SPDX-License-Identifier: BSD-2-Clause
/*
 * A sorted array of disjoint ranges, no two of which abut.
 *
 * The array is small and bounded (RANGES_MAX), so it is searched by halves and
 * shifted by memmove: an attacker who sends fragments in the worst order costs
 * at most 512 moved bytes each. An overlap leaves the set as it was: it is for
 * the caller to give the datagram up (RFC 5722 4).
 */
#include "base/ranges.h"

#include "base/bytes.h"

/* The first range that ends at or behind `from`: the first that [from, ..)
 * could touch or abut. */
static uint32_t find(const struct ranges *rs, uint32_t from)
{
	uint32_t lo = 0, hi = rs->n;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (rs->r[mid].to < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void remove_at(struct ranges *rs, uint32_t i)
{
	rs->n--;
	memmove(&rs->r[i], &rs->r[i + 1], (rs->n - i) * sizeof(rs->r[0]));
}

/* Puts in [from, to), which overlaps nothing, before or next to r[i]. */
static enum ranges_result put(struct ranges *rs, uint32_t i, uint32_t from,
			      uint32_t to)
{
	if (i < rs->n && rs->r[i].to == from) {
		rs->r[i].to = to;
		if (i + 1 < rs->n && rs->r[i + 1].from == to) {
			rs->r[i].to = rs->r[i + 1].to;
			remove_at(rs, i + 1);
		}
		return RANGES_ADDED;
	}
	if (i < rs->n && rs->r[i].from == to) {
		rs->r[i].from = from;
		return RANGES_ADDED;
	}
	if (rs->n == RANGES_MAX)
		return RANGES_FULL;
	memmove(&rs->r[i + 1], &rs->r[i], (rs->n - i) * sizeof(rs->r[0]));
	rs->r[i] = (struct range){ from, to };
	rs->n++;
	return RANGES_ADDED;
}

enum ranges_result ranges_add(struct ranges *rs, uint32_t from, uint32_t to)
{
	uint32_t i = find(rs, from);
	uint32_t touched = i;

	PROMISE(from < to);
	/* A range that ends at `from` abuts; the next one may yet overlap. */
	if (touched < rs->n && rs->r[touched].to == from)
		touched++;
	if (touched < rs->n && rs->r[touched].from < to) {
		if (rs->r[touched].from <= from && to <= rs->r[touched].to)
			return RANGES_KNOWN;
		return RANGES_OVERLAP;
	}
	return put(rs, i, from, to);
}

bool ranges_cover(const struct ranges *rs, uint32_t from, uint32_t to)
{
	uint32_t i = find(rs, to);

	return from >= to ||
	       (i < rs->n && rs->r[i].from <= from && to <= rs->r[i].to);
}
