// SPDX-License-Identifier: BSD-2-Clause
/* Checksums against one that adds two bytes at a time. */
#include "wire/wire_csum.h"

#include "check.h"

static struct check_alloc alloc;
static struct tern_pool *pool;

static int set_up(void **state)
{
	struct tern_allocator a = check_allocator(&alloc);

	check_alloc_init(&alloc);
	pool = tern_pool_new(&a);
	return pool ? 0 : -1;
}

static int tear_down(void **state)
{
	tern_pool_free(pool);
	return alloc.n_out || alloc.used;
}

/* RFC 1071 as it stands there. */
static uint16_t plain(uint64_t sum, const uint8_t *p, size_t n)
{
	for (; n >= 2; n -= 2, p += 2)
		sum += (uint64_t)(p[0] << 8 | p[1]);
	if (n)
		sum += (uint64_t)p[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void the_rfc_s_example_holds(void **state)
{
	/* RFC 1071 3: the sum is ddf2. */
	static const uint8_t data[] = { 0x00, 0x01, 0xf2, 0x03,
					0xf4, 0xf5, 0xf6, 0xf7 };

	assert_int_equal(csum_fold(csum_add(0, data, 8)), 0xffff ^ 0xddf2);
}

static void every_alignment_and_length_is_right(void **state)
{
	static uint8_t data[4096], copy[4096];
	size_t off, n;

	check_seed();
	check_fill(data, sizeof(data));
	for (off = 0; off < 17; off++) {
		for (n = 0; n < 700; n++) {
			uint16_t want = plain(0, data + off, n);

			assert_int_equal(csum_fold(csum_add(0, data + off, n)),
					 want);
			memset(copy, 0x77, n + 2 + off);
			assert_int_equal(csum_fold(csum_copy(0, copy + 1 + off,
							     data + off, n)),
					 want);
			assert_memory_equal(copy + 1 + off, data + off, n);
			assert_int_equal(copy[off], 0x77);
			assert_int_equal(copy[1 + off + n], 0x77);
		}
	}
}

static void no_carry_is_lost_in_long_runs_of_ones(void **state)
{
	static uint8_t data[200001];
	size_t n;

	memset(data, 0xff, sizeof(data));
	for (n = 0; n < sizeof(data); n += 1 + n / 3)
		assert_int_equal(csum_fold(csum_add(0, data + 1, n)),
				 plain(0, data + 1, n));
	/* And onto a sum that is nearly full. */
	assert_int_equal(csum_fold(csum_add(UINT64_C(1) << 60, data, 1000)),
			 plain(UINT64_C(1) << 60, data, 1000));
}

static void numbers_may_be_added_as_they_are(void **state)
{
	static const uint8_t data[] = { 0x12, 0x34, 0x56, 0x78 };

	assert_int_equal(csum_fold(csum_add(0, data, 4)),
			 csum_fold(0x1234 + 0x5678));
}

static void the_pseudo_header_is_that_of_the_family(void **state)
{
	/* RFC 768, RFC 8200 8.1. */
	static const uint8_t v4[] = { 10,  0,	1, 2,  192,  168,
				      255, 254, 0, 17, 0x12, 0x34 };
	uint8_t v6[40] = { 0 };
	struct tern_addr a = tern_addr_v4(10, 0, 1, 2);
	struct tern_addr b = tern_addr_v4(192, 168, 255, 254);

	assert_int_equal(csum_fold(csum_pseudo(&a, &b, 17, 0x1234)),
			 plain(0, v4, sizeof(v4)));
	check_seed();
	check_fill(v6, 32);
	memcpy(a.b, v6, 16);
	memcpy(b.b, v6 + 16, 16);
	put_be32(v6 + 32, 0x12345);
	v6[39] = 6;
	assert_int_equal(csum_fold(csum_pseudo(&a, &b, 6, 0x12345)),
			 plain(0, v6, 40));
}

/* A packet of n random bytes in pieces of random lengths. */
static struct tern_pkt *pieces(uint8_t *bytes, uint32_t n, uint32_t piece)
{
	struct tern_pkt *pkt = tern_pkt_new(pool, check_below(8), n);
	uint32_t len = check_below(piece + 1), off;

	check_fill(bytes, n);
	if (len > n)
		len = n;
	memcpy(tern_pkt_append(pkt, len), bytes, len);
	for (off = len; off < n; off += len) {
		struct tern_buf *buf = tern_buf_new(pool, n + 16);
		uint32_t at = check_below(16);

		len = 1 + check_below(piece);
		if (len > n - off || pkt->n_frags == TERN_PKT_FRAGS - 1)
			len = n - off;
		memcpy(buf->data + at, bytes + off, len);
		assert_true(tern_pkt_add_frag(pkt, buf, at, len));
		tern_buf_put(buf);
	}
	return pkt;
}

static void fragments_may_begin_anywhere(void **state)
{
	uint8_t bytes[600];
	uint32_t round, off, n;

	check_seed();
	for (round = 0; round < 3000; round++) {
		struct tern_pkt *pkt;

		n = check_below(sizeof(bytes));
		pkt = pieces(bytes, n, 1 + (uint32_t)check_magnitude(7));
		for (off = 0; off <= n; off += 1 + check_below(9))
			assert_int_equal(csum_fold(csum_pkt(0x1234, pkt, off)),
					 plain(0x1234, bytes + off, n - off));
		tern_pkt_put(pkt);
	}
}

static void a_changed_word_updates_the_field(void **state)
{
	uint8_t data[64];
	int i;

	check_seed();
	for (i = 0; i < 20000; i++) {
		uint16_t field, was16, to16 = (uint16_t)check_random();
		uint32_t was32, to32 = (uint32_t)check_random();

		check_fill(data, sizeof(data));
		/* Values at the edge of ones' complement. */
		if (i % 3 == 0)
			to16 = i % 2 ? 0xffff : 0;
		if (i % 5 == 0)
			memset(data + 10, i % 2 ? 0xff : 0, 2);
		field = plain(0, data, 64);
		was16 = get_be16(data + 10);
		put_be16(data + 10, to16);
		field = csum_update16(field, was16, to16);
		assert_int_equal(field, plain(0, data, 64));
		was32 = get_be32(data + 30);
		put_be32(data + 30, to32);
		field = csum_update32(field, was32, to32);
		assert_int_equal(field, plain(0, data, 64));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rfc_s_example_holds),
		cmocka_unit_test(every_alignment_and_length_is_right),
		cmocka_unit_test(no_carry_is_lost_in_long_runs_of_ones),
		cmocka_unit_test(numbers_may_be_added_as_they_are),
		cmocka_unit_test(the_pseudo_header_is_that_of_the_family),
		cmocka_unit_test_setup_teardown(fragments_may_begin_anywhere,
						set_up, tear_down),
		cmocka_unit_test(a_changed_word_updates_the_field),
	};

	return cmocka_run_group_tests_name("wire_csum", tests, NULL, NULL);
}
