// SPDX-License-Identifier: BSD-2-Clause
#include "stack_kit.h"

#include "../../lab/moved.h"

#include <stdlib.h>
#include <string.h>

void kit_init(struct kit *k)
{
	*k = (struct kit){ .link = -1 };
	check_alloc_init(&k->alloc);
	k->cfg.alloc = check_allocator(&k->alloc);
	memcpy(k->cfg.seed, "sixteen bytes...", 16);
}

void kit_open(struct kit *k, int64_t now)
{
	const struct tern_link_config link = { .name = "net", .mtu = 1500 };
	const struct tern_addr v4 = tern_addr_v4(10, 0, 0, 1);
	const struct tern_addr v6 = { { 0xfd, [15] = 1 } };

	k->pool = tern_pool_new(&k->cfg.alloc);
	assert_non_null(k->pool);
	k->st = tern_stack_new(&k->cfg, now);
	assert_non_null(k->st);
	k->link = tern_link_add(k->st, &link, now);
	assert_int_equal(k->link, 1);
	assert_int_equal(tern_addr_add(k->st, k->link, &v4, 24, now), 0);
	assert_int_equal(tern_addr_add(k->st, k->link, &v6, 64, now), 0);
}

void kit_close(struct kit *k)
{
	moved_note(k->st);
	tern_stack_free(k->st);
	if (k->pool)
		tern_pool_free(k->pool);
	assert_int_equal(k->alloc.used, 0);
	assert_int_equal(k->alloc.n_out, 0);
	free(k->bytes);
	k->bytes = NULL;
}

static void keep(void *ctx, const void *bytes, size_t len)
{
	struct kit *k = ctx;

	if (k->len + len > k->cap) {
		k->cap = 2 * (k->len + len);
		k->bytes = realloc(k->bytes, k->cap);
		assert_non_null(k->bytes);
	}
	memcpy(k->bytes + k->len, bytes, len);
	k->len += len;
}

void kit_record(struct kit *k)
{
	k->cfg.record = keep;
	k->cfg.record_ctx = k;
}

struct tern_pkt *kit_pkt(struct kit *k, const void *bytes, size_t len)
{
	struct tern_pkt *pkt = tern_pkt_new(k->pool, 0, len);

	assert_non_null(pkt);
	memcpy(tern_pkt_append(pkt, len), bytes, len);
	return pkt;
}

void kit_input(struct kit *k, const void *bytes, size_t len, int64_t now)
{
	struct tern_pkt *pkt = kit_pkt(k, bytes, len);

	tern_stack_input(k->st, k->link, &pkt, 1, now);
}

int kit_drain(struct kit *k, int64_t now)
{
	struct tern_pkt *pkts[8];
	int n, i, total = 0;

	do {
		n = tern_stack_output(k->st, k->link, pkts, 8, now);
		for (i = 0; i < n; i++)
			tern_pkt_put(pkts[i]);
		total += n;
	} while (n == 8);
	return total;
}

static void put_sum(uint8_t *from, size_t n, uint8_t *field)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += i % 2 ? from[i] : (uint32_t)from[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	field[0] = (uint8_t)(~sum >> 8);
	field[1] = (uint8_t)~sum;
}

size_t kit_ping(uint8_t *out, uint16_t seq, size_t n)
{
	static const uint8_t head[] = { 0x45, 0, 0,  0, 0, 0, 0,  0, 64, 1,
					0,    0, 10, 0, 0, 2, 10, 0, 0,	 1 };
	size_t len = sizeof(head) + 8 + n, i;

	memcpy(out, head, sizeof(head));
	out[2] = (uint8_t)(len >> 8);
	out[3] = (uint8_t)len;
	put_sum(out, sizeof(head), out + 10);
	memset(out + 20, 0, 8);
	out[20] = 8;
	out[26] = (uint8_t)(seq >> 8);
	out[27] = (uint8_t)seq;
	for (i = 0; i < n; i++)
		out[28 + i] = (uint8_t)i;
	put_sum(out + 20, 8 + n, out + 22);
	return len;
}

uint64_t kit_counter(const struct kit *k, const char *name)
{
	int i = tern_counter_find(name);

	assert_true(i >= 0);
	return tern_counter_get(k->st, i);
}

struct tern_sockaddr kit_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d,
			    uint16_t port)
{
	return (struct tern_sockaddr){
		.addr = tern_addr_v4(a, b, c, d),
		.family = TERN_AF_INET,
		.port = port,
	};
}
