// SPDX-License-Identifier: BSD-2-Clause
#include "base/bytes.h"

#include "check.h"

static void big_endian_is_the_same_on_every_machine(void **state)
{
	uint8_t b[7] = { 0x11, 0xff, 0x80, 0x7f, 0x01, 0x22, 0x33 };

	assert_int_equal(get_be16(b + 1), 0xff80);
	assert_int_equal(get_be32(b + 1), 0xff807f01);
	put_be16(b + 1, 0xa1b2);
	put_be32(b + 3, 0xc3d4e5f6);
	assert_memory_equal(b, "\x11\xa1\xb2\xc3\xd4\xe5\xf6", 7);
}

static void ilog2_is_the_highest_bit(void **state)
{
	unsigned i;

	for (i = 0; i < 64; i++) {
		assert_int_equal(ilog2_u64(UINT64_C(1) << i), i);
		assert_int_equal(ilog2_u64(UINT64_MAX >> (63 - i)), i);
	}
}

static void bounds_bound(void **state)
{
	assert_int_equal(clamp_u32(5, 1, 9), 5);
	assert_int_equal(clamp_u32(0, 1, 9), 1);
	assert_int_equal(clamp_u32(UINT32_MAX, 1, 9), 9);
	assert_int_equal(min_u32(0, UINT32_MAX), 0);
	assert_int_equal(max_u32(0, UINT32_MAX), UINT32_MAX);
	assert_true(min_i64(INT64_MIN, INT64_MAX) == INT64_MIN);
	assert_true(max_i64(INT64_MIN, INT64_MAX) == INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(big_endian_is_the_same_on_every_machine),
		cmocka_unit_test(ilog2_is_the_highest_bit),
		cmocka_unit_test(bounds_bound),
	};

	return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
