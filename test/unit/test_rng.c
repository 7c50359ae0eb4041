// SPDX-License-Identifier: BSD-2-Clause
#include "base/rng.h"

#include "check.h"

static void equal_keys_give_equal_runs(void **state)
{
	struct sipkey key = { 1, 2 };
	struct rng a, b;
	int i;

	rng_init(&a, &key);
	rng_init(&b, &key);
	for (i = 0; i < 1000; i++)
		assert_int_equal(rng_u64(&a), rng_u64(&b));
}

static void other_keys_give_other_runs(void **state)
{
	struct sipkey key = { 1, 2 }, near = { 1, 3 };
	struct rng a, b;
	int i;

	rng_init(&a, &key);
	rng_init(&b, &near);
	for (i = 0; i < 1000; i++)
		assert_true(rng_u64(&a) != rng_u64(&b));
}

static void below_is_always_below(void **state)
{
	static const uint32_t bounds[] = { 1,	       2,	   3,
					   0x7fffffff, 0x80000001, UINT32_MAX };
	struct sipkey key = { 3, 4 };
	struct rng rng;
	size_t i;
	int j;

	rng_init(&rng, &key);
	for (i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		for (j = 0; j < 1000; j++)
			assert_true(rng_below(&rng, bounds[i]) < bounds[i]);
	}
}

static void below_favours_no_value(void **state)
{
	struct sipkey key = { 5, 6 };
	struct rng rng;
	uint32_t two_thirds = UINT32_MAX / 3 * 2 + 1; /* of 2^32 */
	int n[10] = { 0 }, even = 0, i;

	rng_init(&rng, &key);
	for (i = 0; i < 100000; i++)
		n[rng_below(&rng, 10)]++;
	/* 10,000 each; the standard deviation is 95. */
	for (i = 0; i < 10; i++)
		assert_in_range(n[i], 9500, 10500);
	/* Without rejection two of three draws below 2/3 * 2^32 would be even:
	 * 0, 0, 1, 2, 2, 3, ... */
	for (i = 0; i < 100000; i++)
		even += rng_below(&rng, two_thirds) % 2 == 0;
	assert_in_range(even, 49200, 50800);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_keys_give_equal_runs),
		cmocka_unit_test(other_keys_give_other_runs),
		cmocka_unit_test(below_is_always_below),
		cmocka_unit_test(below_favours_no_value),
	};

	return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
