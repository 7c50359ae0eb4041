// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sequence numbers: 32 bits that wrap (RFC 9293 3.4). A struct, so that `<`
 * and `-` do not compile on them; who compares says how.
 */
#ifndef BASE_SEQ_H
#define BASE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

struct seq {
	uint32_t v;
};

static inline struct seq seq_of(uint32_t v)
{
	return (struct seq){ v };
}

static inline struct seq seq_add(struct seq a, uint32_t n)
{
	return (struct seq){ a.v + n };
}

static inline struct seq seq_sub(struct seq a, uint32_t n)
{
	return (struct seq){ a.v - n };
}

/* a - b, for numbers less than 2^31 apart. */
static inline int32_t seq_diff(struct seq a, struct seq b)
{
	return (int32_t)(a.v - b.v);
}

static inline bool seq_lt(struct seq a, struct seq b)
{
	return seq_diff(a, b) < 0;
}

static inline bool seq_leq(struct seq a, struct seq b)
{
	return seq_diff(a, b) <= 0;
}

static inline bool seq_gt(struct seq a, struct seq b)
{
	return seq_diff(a, b) > 0;
}

static inline bool seq_geq(struct seq a, struct seq b)
{
	return seq_diff(a, b) >= 0;
}

static inline bool seq_eq(struct seq a, struct seq b)
{
	return a.v == b.v;
}

/* lo <= s < hi */
static inline bool seq_in(struct seq s, struct seq lo, struct seq hi)
{
	return s.v - lo.v < hi.v - lo.v;
}

static inline struct seq seq_max(struct seq a, struct seq b)
{
	return seq_lt(a, b) ? b : a;
}

static inline struct seq seq_min(struct seq a, struct seq b)
{
	return seq_lt(a, b) ? a : b;
}

#endif
