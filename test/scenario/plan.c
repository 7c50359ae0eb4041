// SPDX-License-Identifier: BSD-2-Clause
/* What programs do by the die, and what they say. */
#include "stream.h"

#include "base/bytes.h"

/* SplitMix64 of the place (Steele, Lea, Flood 2014). */
void content(uint64_t key, uint64_t off, uint8_t *out, size_t n)
{
	uint64_t z = 0;

	for (size_t i = 0; i < n; i++, off++) {
		if (i == 0 || off % 8 == 0) {
			z = key + (off / 8 + 1) * UINT64_C(0x9e3779b97f4a7c15);
			z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
			z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
			z ^= z >> 31;
		}
		out[i] = (uint8_t)(z >> off % 8 * 8);
	}
}

static uint32_t any_size(struct rng *rng, unsigned bits)
{
	return 1 + (uint32_t)(rng_u64(rng) >> (64 - 1 - rng_below(rng, bits)));
}

struct plan plan_random(struct rng *rng, uint64_t most_bytes)
{
	struct plan p = {
		.to_send = rng_below(rng, (uint32_t)most_bytes),
		.write_max = any_size(rng, 16),
		.read_max = any_size(rng, 16),
		.nodelay = rng_below(rng, 2),
		.more = rng_below(rng, 4) == 0,
		.peek = rng_below(rng, 4) == 0,
		.lend = rng_below(rng, 4) == 0,
		.scatter = rng_below(rng, 4) == 0,
	};

	if (rng_below(rng, 3) == 0)
		p.sndbuf = (int)any_size(rng, 17);
	if (rng_below(rng, 3) == 0)
		p.rcvbuf = (int)any_size(rng, 17);
	/* Slow ones, but not so slow that nothing else happens. */
	if (rng_below(rng, 4) == 0) {
		p.read_gap_ns = 1 + rng_below(rng, 50 * NS_PER_MS);
		p.read_max = max_u32(p.read_max, 512);
	}
	if (rng_below(rng, 4) == 0) {
		p.write_gap_ns = 1 + rng_below(rng, 50 * NS_PER_MS);
		p.write_max = max_u32(p.write_max, 512);
	}
	return p;
}
