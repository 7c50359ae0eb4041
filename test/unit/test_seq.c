// SPDX-License-Identifier: BSD-2-Clause
#include "base/seq.h"

#include "check.h"

/* Around every one of these, the order must hold. */
static const uint32_t places[] = { 0,	       1,	   0x7fffffff,
				   0x80000000, 0x80000001, UINT32_MAX };

static void order_holds_across_the_wrap(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct seq a = seq_of(places[i]);
		struct seq far = seq_add(a, 0x7fffffff);

		assert_true(seq_lt(a, seq_add(a, 1)));
		assert_true(seq_gt(a, seq_sub(a, 1)));
		assert_true(seq_leq(a, a) && seq_geq(a, a) && seq_eq(a, a));
		assert_false(seq_lt(a, a) || seq_gt(a, a));
		assert_true(seq_lt(a, far) && seq_gt(far, a));
		assert_int_equal(seq_diff(seq_add(a, 5), a), 5);
		assert_int_equal(seq_diff(a, seq_add(a, 5)), -5);
		assert_true(seq_eq(seq_max(a, far), far));
		assert_true(seq_eq(seq_min(a, far), a));
	}
}

static void a_range_takes_its_start_and_not_its_end(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct seq lo = seq_of(places[i]), hi = seq_add(lo, 10);

		assert_true(seq_in(lo, lo, hi));
		assert_true(seq_in(seq_add(lo, 9), lo, hi));
		assert_false(seq_in(hi, lo, hi));
		assert_false(seq_in(seq_sub(lo, 1), lo, hi));
		assert_false(seq_in(lo, lo, lo));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_holds_across_the_wrap),
		cmocka_unit_test(a_range_takes_its_start_and_not_its_end),
	};

	return cmocka_run_group_tests_name("seq", tests, NULL, NULL);
}
