// SPDX-License-Identifier: BSD-2-Clause
/* The set against a bitmap of the bytes that are in it. */
#include "base/ranges.h"

#include <string.h>

#include "check.h"

#define SPAN 4096

static struct ranges set;
static bool byte_in[SPAN];

static void reset(void)
{
	memset(&set, 0, sizeof(set));
	memset(byte_in, 0, sizeof(byte_in));
}

static void a_hole_filled_joins_its_neighbours(void **state)
{
	reset();
	assert_int_equal(ranges_add(&set, 0, 10), RANGES_ADDED);
	assert_int_equal(ranges_add(&set, 20, 30), RANGES_ADDED);
	assert_int_equal(set.n, 2);
	assert_int_equal(ranges_add(&set, 10, 20), RANGES_ADDED);
	assert_int_equal(set.n, 1);
	assert_true(ranges_cover(&set, 0, 30));
	assert_false(ranges_cover(&set, 0, 31));
}

static void what_is_there_is_known_and_what_touches_it_overlaps(void **state)
{
	static const struct range overlapping[] = {
		{ 5, 11 }, { 19, 25 }, { 5, 25 }, { 10, 21 }, { 9, 20 },
	};
	static const struct range known[] = {
		{ 10, 20 },
		{ 10, 11 },
		{ 19, 20 },
		{ 12, 15 },
	};
	size_t i;

	reset();
	ranges_add(&set, 10, 20);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_int_equal(ranges_add(&set, known[i].from, known[i].to),
				 RANGES_KNOWN);
	for (i = 0; i < sizeof(overlapping) / sizeof(overlapping[0]); i++)
		assert_int_equal(ranges_add(&set, overlapping[i].from,
					    overlapping[i].to),
				 RANGES_OVERLAP);
	/* And the set is as it was. */
	assert_int_equal(set.n, 1);
	assert_int_equal(set.r[0].from, 10);
	assert_int_equal(set.r[0].to, 20);
}

static void a_full_set_takes_only_what_joins(void **state)
{
	uint32_t i;

	reset();
	for (i = 0; i < RANGES_MAX; i++)
		assert_int_equal(ranges_add(&set, 10 * i, 10 * i + 5),
				 RANGES_ADDED);
	assert_int_equal(ranges_add(&set, 7, 8), RANGES_FULL);
	assert_int_equal(ranges_add(&set, 5, 7), RANGES_ADDED);
	assert_int_equal(ranges_add(&set, 8, 9), RANGES_FULL);
	assert_int_equal(ranges_add(&set, 7, 10), RANGES_ADDED);
	assert_int_equal(set.n, RANGES_MAX - 1);
	assert_int_equal(ranges_add(&set, 5000, 5001), RANGES_ADDED);
}

static void the_ends_of_32_bits_are_ordinary(void **state)
{
	reset();
	assert_int_equal(ranges_add(&set, UINT32_MAX - 1, UINT32_MAX),
			 RANGES_ADDED);
	assert_int_equal(ranges_add(&set, 0, 1), RANGES_ADDED);
	assert_int_equal(ranges_add(&set, 1, UINT32_MAX - 1), RANGES_ADDED);
	assert_true(ranges_cover(&set, 0, UINT32_MAX));
	assert_int_equal(set.n, 1);
}

static bool all_in(uint32_t from, uint32_t to)
{
	while (from < to && byte_in[from])
		from++;
	return from == to;
}

static bool none_in(uint32_t from, uint32_t to)
{
	while (from < to && !byte_in[from])
		from++;
	return from == to;
}

/* Runs of bytes in the bitmap are the ranges, in order. */
static void check_set(void)
{
	uint32_t i, n = 0;

	for (i = 0; i < SPAN; i++) {
		if (!byte_in[i] || (i > 0 && byte_in[i - 1]))
			continue;
		assert_true(n < set.n);
		assert_int_equal(set.r[n].from, i);
		assert_true(all_in(i, set.r[n].to));
		assert_true(set.r[n].to == SPAN || !byte_in[set.r[n].to]);
		n++;
	}
	assert_int_equal(n, set.n);
}

static void add_both(uint32_t from, uint32_t to)
{
	enum ranges_result result = ranges_add(&set, from, to);

	if (all_in(from, to)) {
		assert_int_equal(result, RANGES_KNOWN);
	} else if (!none_in(from, to)) {
		assert_int_equal(result, RANGES_OVERLAP);
	} else if (result == RANGES_FULL) {
		assert_int_equal(set.n, RANGES_MAX);
		assert_false((from > 0 && byte_in[from - 1]) || byte_in[to]);
	} else {
		assert_int_equal(result, RANGES_ADDED);
		memset(byte_in + from, 1, to - from);
	}
}

static void random_ranges_match_the_bitmap(void **state)
{
	uint32_t round, i, from, to, len;

	check_seed();
	for (round = 0; round < 50; round++) {
		reset();
		len = 1 + (uint32_t)check_magnitude(8);
		for (i = 0; i < 500; i++) {
			from = check_below(SPAN - len - 1);
			to = from + 1 + check_below(len);
			add_both(from, to);
			from = check_below(SPAN - len - 1);
			to = from + 1 + check_below(len);
			assert_int_equal(ranges_cover(&set, from, to),
					 all_in(from, to));
		}
		check_set();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hole_filled_joins_its_neighbours),
		cmocka_unit_test(
			what_is_there_is_known_and_what_touches_it_overlaps),
		cmocka_unit_test(a_full_set_takes_only_what_joins),
		cmocka_unit_test(the_ends_of_32_bits_are_ordinary),
		cmocka_unit_test(random_ranges_match_the_bitmap),
	};

	return cmocka_run_group_tests_name("ranges", tests, NULL, NULL);
}
