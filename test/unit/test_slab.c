// SPDX-License-Identifier: BSD-2-Clause
/* Slabs against a table of which ids are out. */
#include "base/slab.h"

#include "base/bytes.h"

#include "check.h"

static struct check_alloc alloc;
static struct mem mem;
static struct slab slab;

static void start(size_t obj_size, bool plain)
{
	check_alloc_init(&alloc);
	mem = (struct mem){ .alloc = check_allocator(&alloc) };
	slab_init(&slab, &mem, obj_size, plain);
}

static void finish(void)
{
	slab_fini(&slab);
	assert_int_equal(slab.footprint, 0);
	assert_int_equal(alloc.n_out, 0);
}

static void an_object_is_zeroed_each_time(void **state)
{
	uint32_t id;
	int i, j;

	start(72, false);
	for (i = 0; i < 3; i++) {
		uint8_t *p;

		id = slab_alloc(&slab);
		p = slab_at(&slab, id);
		for (j = 0; j < 72; j++)
			assert_int_equal(p[j], 0);
		memset(p, 0xff, 72);
		slab_free(&slab, id);
	}
	finish();
}

static void ids_are_small_dense_and_reused(void **state)
{
	uint32_t id;

	start(64, false);
	for (id = 1; id <= 1000; id++)
		assert_int_equal(slab_alloc(&slab), id);
	slab_free(&slab, 500);
	slab_free(&slab, 7);
	assert_int_equal(slab_alloc(&slab) + slab_alloc(&slab), 507);
	assert_int_equal(slab_alloc(&slab), 1001);
	for (id = 1; id <= 1001; id++)
		slab_free(&slab, id);
	finish();
}

static void addresses_are_stable_and_aligned(void **state)
{
	void *at[600];
	uint32_t id;

	start(40, false);
	for (id = 1; id <= 600; id++) {
		assert_int_equal(slab_alloc(&slab), id);
		at[id - 1] = slab_at(&slab, id);
		assert_int_equal((uintptr_t)at[id - 1] % 8, 0);
	}
	for (id = 1; id <= 600; id++)
		assert_ptr_equal(slab_at(&slab, id), at[id - 1]);
	for (id = 1; id <= 600; id++)
		slab_free(&slab, id);
	finish();
}

static void an_empty_chunk_is_given_back_and_its_number_reused(void **state)
{
	uint32_t per_chunk, id;
	size_t full, less;

	start(64, false);
	per_chunk = 1u << slab.shift;
	for (id = 1; id <= 3 * per_chunk; id++)
		slab_alloc(&slab);
	full = slab.footprint;
	for (id = per_chunk + 1; id <= 2 * per_chunk; id++)
		slab_free(&slab, id);
	less = slab.footprint;
	assert_true(less < full);
	assert_false(slab_has(&slab, per_chunk + 1));
	/* Walking skips the gap. */
	assert_int_equal(slab_next(&slab, per_chunk), 2 * per_chunk + 1);
	assert_int_equal(slab_alloc(&slab), per_chunk + 1);
	assert_int_equal(slab.footprint, full);
	slab_free(&slab, per_chunk + 1);
	for (id = slab_next(&slab, 0); id; id = slab_next(&slab, id))
		slab_free(&slab, id);
	assert_int_equal(slab.footprint, 0);
	finish();
}

static void plain_mode_gives_each_object_a_block_of_its_own(void **state)
{
	uint32_t a, b;
	size_t n;

	start(64, true);
	a = slab_alloc(&slab);
	n = alloc.n_out;
	b = slab_alloc(&slab);
	assert_int_equal(alloc.n_out, n + 1);
	slab_free(&slab, a);
	assert_int_equal(alloc.n_out, n);
	slab_free(&slab, b);
	finish();
}

static void memory_that_fails_is_no_object_and_no_leak(void **state)
{
	int64_t n;

	for (n = 0; n < 20; n++) {
		uint32_t id;

		start(64, true);
		alloc.n_left = n;
		while (slab_alloc(&slab))
			;
		alloc.n_left = -1;
		assert_int_not_equal(slab_alloc(&slab), 0);
		for (id = slab_next(&slab, 0); id; id = slab_next(&slab, id))
			slab_free(&slab, id);
		finish();
	}
}

static void only_ids_in_use_are_had(void **state)
{
	uint32_t id;

	start(64, false);
	assert_false(slab_has(&slab, 0));
	assert_false(slab_has(&slab, 1));
	assert_int_equal(slab_next(&slab, 0), 0);
	id = slab_alloc(&slab);
	assert_true(slab_has(&slab, id));
	assert_false(slab_has(&slab, 0));
	assert_false(slab_has(&slab, id + 1));
	assert_false(slab_has(&slab, UINT32_MAX));
	assert_int_equal(slab_next(&slab, UINT32_MAX), 0);
	slab_free(&slab, id);
	finish();
}

#define IDS 8192

static uint32_t tag[IDS + 1]; /* what was written into an id's object; 0: out */

/* Walking gives exactly the ids in use, ascending, with what was written. */
static void check_slab(void)
{
	uint32_t id, walked = slab_next(&slab, 0);

	for (id = 1; id <= IDS; id++) {
		assert_int_equal(slab_has(&slab, id), tag[id] != 0);
		if (!tag[id])
			continue;
		assert_int_equal(walked, id);
		assert_int_equal(*(uint32_t *)slab_at(&slab, id), tag[id]);
		walked = slab_next(&slab, walked);
	}
	assert_int_equal(walked, 0);
}

static void random_traffic(size_t obj_size, bool plain)
{
	uint32_t id, step;

	start(obj_size, plain);
	memset(tag, 0, sizeof(tag));
	for (step = 1; step < 60000; step++) {
		/* Tides: mostly allocations, then mostly frees. */
		bool flood = step / 8000 % 2 == 0;

		if (check_below(100) < (flood ? 75 : 30) &&
		    slab.n_used < IDS / 2) {
			id = slab_alloc(&slab);
			assert_in_range(id, 1, IDS);
			assert_int_equal(tag[id], 0);
			assert_int_equal(*(uint32_t *)slab_at(&slab, id), 0);
			*(uint32_t *)slab_at(&slab, id) = tag[id] = step;
		} else {
			id = slab_next(&slab, check_below(IDS));
			if (!id)
				continue;
			slab_free(&slab, id);
			tag[id] = 0;
		}
		if (step % 4000 == 0)
			check_slab();
	}
	for (id = 1; id <= IDS; id++) {
		if (tag[id])
			slab_free(&slab, id);
	}
	finish();
}

static void random_traffic_matches_the_table(void **state)
{
	check_seed();
	random_traffic(8, false);
	random_traffic(100, false);
	random_traffic(3000, false);
	random_traffic(100, true);
}

static void the_cost_beside_the_objects_is_small(void **state)
{
	uint32_t id;

	/* 64 bytes is a TIME_WAIT record: design.md counts every byte. */
	start(64, false);
	for (id = 1; id <= 65536; id++)
		slab_alloc(&slab);
	assert_true(slab.footprint < 65536 * 64 * 101 / 100);
	for (id = 1; id <= 65536; id++)
		slab_free(&slab, id);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_is_zeroed_each_time),
		cmocka_unit_test(ids_are_small_dense_and_reused),
		cmocka_unit_test(addresses_are_stable_and_aligned),
		cmocka_unit_test(
			an_empty_chunk_is_given_back_and_its_number_reused),
		cmocka_unit_test(
			plain_mode_gives_each_object_a_block_of_its_own),
		cmocka_unit_test(memory_that_fails_is_no_object_and_no_leak),
		cmocka_unit_test(only_ids_in_use_are_had),
		cmocka_unit_test(random_traffic_matches_the_table),
		cmocka_unit_test(the_cost_beside_the_objects_is_small),
	};

	return cmocka_run_group_tests_name("slab", tests, NULL, NULL);
}
