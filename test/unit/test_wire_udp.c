// SPDX-License-Identifier: BSD-2-Clause
#include "wire/wire_udp.h"

#include "check.h"

static void what_is_written_is_read_again(void **state)
{
	struct wire_udp h = { .sport = 53, .dport = 65535, .len = 12 }, got;
	uint8_t bytes[12] = { 0 };

	wire_udp_emit(bytes, &h);
	assert_memory_equal(bytes, "\0\x35\xff\xff\0\x0c\0\0", 8);
	bytes[6] = 0xab;
	bytes[7] = 0xcd;
	assert_true(wire_udp_parse(bytes, 12, &got));
	assert_int_equal(got.sport, 53);
	assert_int_equal(got.dport, 65535);
	assert_int_equal(got.len, 12);
	assert_int_equal(got.csum, 0xabcd);
}

/* behaviours.md S13 */
static void a_length_under_8_or_over_the_payload_is_no_header(void **state)
{
	struct wire_udp h = { .len = 0 }, got;
	uint8_t bytes[8];
	uint16_t len;

	for (len = 0; len < 30; len++) {
		h.len = len;
		wire_udp_emit(bytes, &h);
		assert_int_equal(wire_udp_parse(bytes, 20, &got),
				 len >= 8 && len <= 20);
	}
	h.len = 8;
	wire_udp_emit(bytes, &h);
	assert_true(wire_udp_parse(bytes, 8, &got));
	assert_false(wire_udp_parse(bytes, 7, &got));
	assert_false(wire_udp_parse(bytes, 0, &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(
			a_length_under_8_or_over_the_payload_is_no_header),
	};

	return cmocka_run_group_tests_name("wire_udp", tests, NULL, NULL);
}
