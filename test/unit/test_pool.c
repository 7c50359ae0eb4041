// SPDX-License-Identifier: BSD-2-Clause
/* Buffers, and what a pool keeps and gives back. */
#include "base/pool.h"

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

/* Nothing may be out any more: the pool goes, and all its memory. */
static int tear_down(void **state)
{
	tern_pool_free(pool);
	return alloc.n_out || alloc.used;
}

static void a_buffer_holds_what_was_asked_for(void **state)
{
	size_t cap;

	for (cap = 0; cap < 200000; cap += 1 + cap / 16) {
		struct tern_buf *buf = tern_buf_new(pool, cap);

		assert_true(buf->cap >= cap);
		assert_int_equal(buf->len, 0);
		assert_int_equal(buf->refs, 1);
		memset(buf->data, 0xee, buf->cap);
		tern_buf_put(buf);
	}
}

static void sizes_beyond_32_bits_are_refused(void **state)
{
	assert_null(tern_buf_new(pool, SIZE_MAX));
	assert_null(tern_buf_new(pool, UINT32_MAX));
	assert_null(tern_pkt_new(pool, SIZE_MAX, 96));
	assert_null(tern_pkt_new(pool, 96, SIZE_MAX));
}

static void the_last_put_frees(void **state)
{
	size_t before = tern_pool_footprint(pool);
	struct tern_buf *buf = tern_buf_new(pool, 1000000);

	assert_ptr_equal(tern_buf_get(buf), buf);
	tern_buf_put(buf);
	assert_true(tern_pool_footprint(pool) >= 1000000);
	tern_buf_put(buf);
	assert_int_equal(tern_pool_footprint(pool), before);
}

static void the_footprint_is_what_the_allocator_gave(void **state)
{
	struct tern_pkt *pkts[100];
	int i;

	for (i = 0; i < 100; i++) {
		pkts[i] = tern_pkt_new(pool, 96, 40u * (unsigned)i);
		assert_int_equal(tern_pool_footprint(pool), alloc.used);
	}
	for (i = 0; i < 100; i++) {
		tern_pkt_put(pkts[i]);
		assert_int_equal(tern_pool_footprint(pool), alloc.used);
	}
}

static void after_a_burst_memory_is_given_back(void **state)
{
	static const size_t rooms[] = { 60, 1500, 9000, 65000 };
	static struct tern_pkt *pkts[4][2000];
	int i, j;

	for (j = 0; j < 2; j++) {
		for (i = 0; i < 4 * 2000; i++)
			pkts[i % 4][i / 4] =
				tern_pkt_new(pool, 96, rooms[i % 4]);
		assert_true(tern_pool_footprint(pool) > 2000 * 75000);
		for (i = 0; i < 4 * 2000; i++)
			tern_pkt_put(pkts[i % 4][i / 4]);
		assert_true(tern_pool_footprint(pool) < 600 * 1024);
	}
}

static void in_steady_traffic_nothing_is_allocated(void **state)
{
	struct tern_pkt *pkts[64];
	int i, round;

	/* Under AddressSanitizer it is: there nothing is kept. */
	if (!pool->pkts.keep)
		return;
	for (round = 0; round < 100; round++) {
		for (i = 0; i < 64; i++)
			pkts[i] = tern_pkt_new(pool, 96, 1500);
		alloc.n_left = 0;
		for (i = 0; i < 64; i++)
			tern_pkt_put(pkts[i]);
	}
	assert_int_equal(alloc.n_out, 1 + 2 * 64);
}

static void a_pool_freed_early_goes_with_its_last_packet(void **state)
{
	struct tern_allocator a = check_allocator(&alloc);
	struct tern_pool *other = tern_pool_new(&a);
	struct tern_pkt *pkt = tern_pkt_new(other, 0, 100);
	struct tern_buf *large = tern_buf_new(other, 100000);
	struct tern_buf *small = tern_buf_new(other, 10);
	size_t n_own;

	tern_pool_free(other);
	n_own = alloc.n_out;
	memset(tern_pkt_append(pkt, 100), 1, 100);
	tern_buf_put(large);
	tern_pkt_put(pkt);
	assert_true(alloc.n_out < n_own);
	tern_buf_put(small);
	assert_int_equal(tern_pool_footprint(pool), alloc.used);
}

static void buffers_of_a_closing_pool(struct check_alloc *failing)
{
	struct tern_allocator a = check_allocator(failing);
	struct tern_pool *p = tern_pool_new(&a);
	struct tern_buf *buf;
	struct tern_pkt *pkt;

	if (!p)
		return;
	buf = tern_buf_new(p, 3000);
	pkt = tern_pkt_new(p, 10, 10);
	tern_pool_free(p);
	if (pkt)
		tern_pkt_put(pkt);
	if (buf)
		tern_buf_put(buf);
}

static void no_failing_allocation_leaks(void **state)
{
	check_each_failure(buffers_of_a_closing_pool);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_buffer_holds_what_was_asked_for),
		CASE(sizes_beyond_32_bits_are_refused),
		CASE(the_last_put_frees),
		CASE(the_footprint_is_what_the_allocator_gave),
		CASE(after_a_burst_memory_is_given_back),
		CASE(in_steady_traffic_nothing_is_allocated),
		CASE(a_pool_freed_early_goes_with_its_last_packet),
		cmocka_unit_test(no_failing_allocation_leaks),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
