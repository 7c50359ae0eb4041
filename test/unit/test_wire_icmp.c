// SPDX-License-Identifier: BSD-2-Clause
#include "wire/wire_icmp.h"

#include "check.h"

static void what_is_written_is_read_again(void **state)
{
	struct wire_icmp h = { ICMP4_UNREACH, ICMP4_FRAG_NEEDED, 1400 }, got;
	uint8_t bytes[8];

	wire_icmp_emit(bytes, &h);
	assert_memory_equal(bytes, "\x03\x04\0\0\0\0\x05\x78", 8);
	assert_true(wire_icmp_parse(bytes, 8, &got));
	assert_int_equal(got.type, ICMP4_UNREACH);
	assert_int_equal(got.code, ICMP4_FRAG_NEEDED);
	assert_int_equal(got.rest, 1400);
}

static void a_message_has_eight_bytes(void **state)
{
	uint8_t bytes[8] = { 0 };
	struct wire_icmp got;
	size_t n;

	for (n = 0; n < 8; n++)
		assert_false(wire_icmp_parse(bytes, n, &got));
}

static void errors_are_told_from_questions(void **state)
{
	static const uint8_t errors4[] = { 3, 4, 5, 11, 12 };
	size_t i, type;

	for (type = 0; type < 256; type++) {
		bool is_error = false;

		for (i = 0; i < sizeof(errors4); i++)
			is_error |= errors4[i] == type;
		assert_int_equal(wire_icmp_is_error(false, (uint8_t)type),
				 is_error);
		assert_int_equal(wire_icmp_is_error(true, (uint8_t)type),
				 type < 128 || type == 137);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(a_message_has_eight_bytes),
		cmocka_unit_test(errors_are_told_from_questions),
	};

	return cmocka_run_group_tests_name("wire_icmp", tests, NULL, NULL);
}
