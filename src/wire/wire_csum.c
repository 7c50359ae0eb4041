// SPDX-License-Identifier: BSD-2-Clause
/*
 * The Internet checksum (RFC 1071).
 *
 * A sum of 16-bit words modulo 2^16 - 1 is also the sum of 64-bit words modulo
 * 2^64 - 1, and its byte order only turns its bytes around. So the bytes are
 * summed in words of the machine's order, and the 16 bits that remain are put
 * into the network's order at the end; what the callers see are sums of
 * big-endian words, to which they may add numbers as they are.
 *
 * Carries out of 64 bits would cost as much as the additions. Instead the sum
 * of all words w is taken modulo 2^64, and the sum of all w >> 32 beside it:
 * the second is exact, and with it the first gives the exact sum of the lower
 * halves. This has no carry in the loop and so runs in vectors of 16 bytes,
 * which gcc and clang make of any machine's registers: an MTU at 52 bytes/ns,
 * where an add-with-carry loop has 38.
 */
#include "wire/wire_csum.h"

typedef uint64_t pair __attribute__((vector_size(16)));

/* Words summed modulo 2^64, and their upper halves: exact up to 2^35 bytes. */
struct sums {
	uint64_t all, high;
};

static inline void add_word(struct sums *s, uint64_t w)
{
	s->all += w;
	s->high += w >> 32;
}

/* One vector more; written to dst, too, unless that is NULL. */
static inline __attribute__((always_inline)) void
add_pair(pair *all, pair *high, uint8_t *dst, const uint8_t *p)
{
	pair w;

	memcpy(&w, p, sizeof(w));
	if (dst)
		memcpy(dst, &w, sizeof(w));
	*all += w;
	*high += w >> 32;
}

/* Whole blocks of 64 bytes, in two chains of additions. dst NULL: not copied.
 * Inlined, so that the two uses cost no test. */
static inline __attribute__((always_inline)) void
add_blocks(struct sums *s, uint8_t *dst, const uint8_t *p, size_t n_blocks)
{
	pair all0 = { 0 }, all1 = { 0 }, high0 = { 0 }, high1 = { 0 };
	const uint8_t *end = p + 64 * n_blocks;

	for (; p < end; p += 64) {
		add_pair(&all0, &high0, dst, p);
		add_pair(&all1, &high1, dst ? dst + 16 : NULL, p + 16);
		add_pair(&all0, &high0, dst ? dst + 32 : NULL, p + 32);
		add_pair(&all1, &high1, dst ? dst + 48 : NULL, p + 48);
		if (dst)
			dst += 64;
	}
	all0 += all1;
	high0 += high1;
	s->all += all0[0] + all0[1];
	s->high += high0[0] + high0[1];
}

/* What is left of n bytes after whole blocks. */
static inline void add_rest(struct sums *s, const uint8_t *p, size_t n)
{
	uint64_t w;
	uint32_t half;
	uint16_t quarter;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&w, p, 8);
		add_word(s, w);
	}
	if (n & 4) {
		memcpy(&half, p, 4);
		add_word(s, half);
		p += 4;
	}
	if (n & 2) {
		memcpy(&quarter, p, 2);
		add_word(s, quarter);
		p += 2;
	}
	/* As if a zero byte followed. */
	if (n & 1) {
		quarter = 0;
		memcpy(&quarter, p, 1);
		add_word(s, quarter);
	}
}

static inline uint16_t fold(uint64_t sum)
{
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)sum;
}

/* The sum of big-endian words that the words summed stand for. */
static inline uint16_t to_network(const struct sums *s)
{
	uint64_t low = s->all - (s->high << 32);
	uint16_t native = fold((low & 0xffffffff) + (low >> 32) +
			       (s->high & 0xffffffff) + (s->high >> 32));

	return get_be16(&native);
}

uint64_t csum_add(uint64_t sum, const void *data, size_t n)
{
	struct sums s = { 0, 0 };
	const uint8_t *p = data;
	size_t whole = n & ~(size_t)63;

	if (whole)
		add_blocks(&s, NULL, p, whole / 64);
	add_rest(&s, p + whole, n - whole);
	return sum + to_network(&s);
}

uint64_t csum_copy(uint64_t sum, void *dst, const void *src, size_t n)
{
	struct sums s = { 0, 0 };
	const uint8_t *p = src;
	uint8_t *out = dst;
	size_t whole = n & ~(size_t)63;

	if (whole)
		add_blocks(&s, out, p, whole / 64);
	memcpy(out + whole, p + whole, n - whole);
	add_rest(&s, out + whole, n - whole);
	return sum + to_network(&s);
}

uint16_t csum_fold(uint64_t sum)
{
	return (uint16_t)~fold(sum);
}

uint64_t csum_pseudo(const struct tern_addr *src, const struct tern_addr *dst,
		     uint8_t protocol, uint32_t len)
{
	uint64_t sum = protocol + (uint64_t)(len >> 16) + (len & 0xffff);

	/* An IPv4 address is written ::ffff:a.b.c.d, and 0xffff is zero in this
	 * arithmetic: the sum is IPv4's without asking. */
	sum = csum_add(sum, src->b, sizeof(src->b));
	return csum_add(sum, dst->b, sizeof(dst->b));
}

uint64_t csum_pkt(uint64_t sum, const struct tern_pkt *pkt, size_t off)
{
	const struct tern_frag *f = pkt->frags;
	const uint8_t *p = pkt->data;
	size_t n = pkt->head_len, i = 0;
	bool odd = false;
	uint64_t part;

	PROMISE(off <= pkt->len);
	for (;;) {
		if (off < n) {
			part = csum_add(0, p + off, n - off);
			/* Begun in the middle of a word: bytes turned. */
			sum += odd ? part >> 8 | (part & 0xff) << 8 : part;
			odd ^= (n - off) & 1;
			off = n;
		}
		off -= n;
		if (i == pkt->n_frags)
			return sum;
		p = f[i].buf->data + f[i].off;
		n = f[i].len;
		i++;
	}
}

uint16_t csum_update16(uint16_t field, uint16_t from, uint16_t to)
{
	/* RFC 1624 (3): HC' = ~(~HC + ~m + m'). */
	return csum_fold((uint64_t)(uint16_t)~field + (uint16_t)~from + to);
}

uint16_t csum_update32(uint16_t field, uint32_t from, uint32_t to)
{
	field = csum_update16(field, (uint16_t)(from >> 16),
			      (uint16_t)(to >> 16));
	return csum_update16(field, (uint16_t)from, (uint16_t)to);
}
