// SPDX-License-Identifier: BSD-2-Clause
#include "wire_kit.h"

#include "wire/wire_csum.h"

#include <string.h>

#define HDR 40u
#define LEN 140u

struct tern_pool *kit_pool;
static struct check_alloc alloc;

int kit_set_up(void **state)
{
	struct tern_allocator a;

	check_alloc_init(&alloc);
	a = check_allocator(&alloc);
	kit_pool = tern_pool_new(&a);
	return kit_pool ? 0 : -1;
}

int kit_tear_down(void **state)
{
	/* Packets that were not put keep the pool from going. */
	tern_pool_free(kit_pool);
	return alloc.used == 0 ? 0 : -1;
}

static uint64_t sum_of(const uint8_t *b)
{
	uint64_t sum = csum_add(0, b + 12, 8);

	sum = csum_add(sum, (uint8_t[]){ 0, 6, 0, LEN - 20 }, 4);
	return csum_add(sum, b + 20, LEN - 20);
}

struct tern_pkt *kit_packet(uint32_t number)
{
	struct tern_pkt *pkt = tern_pkt_new(kit_pool, 16, LEN);
	uint8_t *b = tern_pkt_append(pkt, LEN);

	memset(b, 0, LEN);
	memcpy(b, "\x45\0\0\x8c\0\0\x40\0\x40\x06\0\0\x0a\0\0\1\x0a\0\0\2", 20);
	put_be16(b + 10, csum_fold(csum_add(0, b, 20)));
	memcpy(b + 20, "\x9c\x40\0\x50", 4);
	put_be32(b + 24, number);
	memcpy(b + 32, "\x50\x10\x01\0", 4);
	for (uint32_t i = HDR; i < LEN; i++)
		b[i] = (uint8_t)(i + number);
	put_be16(b + 36, csum_fold(sum_of(b)));
	return pkt;
}

uint32_t kit_number(const struct tern_pkt *pkt)
{
	uint8_t b[4];

	tern_pkt_copy_out(pkt, 24, b, 4);
	return get_be32(b);
}

bool kit_is_sound(const struct tern_pkt *pkt)
{
	uint8_t b[LEN];

	if (pkt->len != LEN)
		return false;
	tern_pkt_copy_out(pkt, 0, b, LEN);
	return csum_fold(sum_of(b)) == 0 && csum_fold(csum_add(0, b, 20)) == 0;
}

int kit_send(struct tern_link *link, uint32_t from, uint32_t to, int64_t now)
{
	struct tern_pkt *pkts[64];
	int n = (int)(to - from), sent;

	assert_in_range(n, 0, 64);
	for (int i = 0; i < n; i++)
		pkts[i] = kit_packet(from + (uint32_t)i);
	sent = link->ops->send(link, pkts, n, now);
	for (int i = sent; i < n; i++)
		tern_pkt_put(pkts[i]);
	return sent;
}

int kit_receive(struct tern_link *link, uint32_t *out, int max, int64_t now)
{
	struct tern_pkt *pkts[16];
	int n, total = 0;

	while ((n = link->ops->receive(link, pkts, 16, now)) > 0) {
		for (int i = 0; i < n; i++) {
			if (total + i < max)
				out[total + i] = kit_number(pkts[i]);
			assert_int_equal(pkts[i]->at, now);
			tern_pkt_put(pkts[i]);
		}
		total += n;
	}
	assert_int_equal(n, 0);
	return total;
}
