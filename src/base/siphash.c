// SPDX-License-Identifier: BSD-2-Clause
/*
 * SipHash-2-4, after "SipHash: a fast short-input PRF" (2012), section 2.
 *
 * The state is a struct on the stack that compilers keep in four registers.
 * Words go in little-endian by definition; they are put together from bytes,
 * which compilers turn into one load where the machine allows it.
 */
#include "base/siphash.h"

#include "base/bytes.h"

struct state {
	uint64_t a, b, c, d; /* v0 to v3 of the paper */
};

static inline uint64_t rotl(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static inline uint64_t get_le64(const uint8_t *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
	       (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 |
	       (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
	       (uint64_t)p[7] << 56;
}

static inline void round_once(struct state *s)
{
	s->a += s->b;
	s->c += s->d;
	s->b = rotl(s->b, 13) ^ s->a;
	s->d = rotl(s->d, 16) ^ s->c;
	s->a = rotl(s->a, 32);
	s->c += s->b;
	s->a += s->d;
	s->b = rotl(s->b, 17) ^ s->c;
	s->d = rotl(s->d, 21) ^ s->a;
	s->c = rotl(s->c, 32);
}

static inline void begin(struct state *s, const struct sipkey *key)
{
	/* "somepseudorandomlygeneratedbytes" */
	s->a = key->k0 ^ UINT64_C(0x736f6d6570736575);
	s->b = key->k1 ^ UINT64_C(0x646f72616e646f6d);
	s->c = key->k0 ^ UINT64_C(0x6c7967656e657261);
	s->d = key->k1 ^ UINT64_C(0x7465646279746573);
}

static inline void absorb(struct state *s, uint64_t word)
{
	s->d ^= word;
	round_once(s);
	round_once(s);
	s->a ^= word;
}

/* `last` holds the bytes left over, and the length in its highest byte. */
static inline uint64_t finish(struct state *s, uint64_t last)
{
	absorb(s, last);
	s->c ^= 0xff;
	round_once(s);
	round_once(s);
	round_once(s);
	round_once(s);
	return s->a ^ s->b ^ s->c ^ s->d;
}

uint64_t siphash(const struct sipkey *key, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t last = (uint64_t)len << 56;
	struct state s;
	size_t i;

	begin(&s, key);
	for (i = len / 8; i > 0; i--, p += 8)
		absorb(&s, get_le64(p));
	for (i = 0; i < len % 8; i++)
		last |= (uint64_t)p[i] << (8 * i);
	return finish(&s, last);
}

uint64_t siphash_words(const struct sipkey *key, const uint64_t *words,
		       size_t n)
{
	struct state s;
	size_t i;

	begin(&s, key);
	for (i = 0; i < n; i++)
		absorb(&s, words[i]);
	return finish(&s, (uint64_t)n << 59);
}

struct sipkey sipkey_of(const uint8_t bytes[16])
{
	return (struct sipkey){ get_le64(bytes), get_le64(bytes + 8) };
}
