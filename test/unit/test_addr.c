// SPDX-License-Identifier: BSD-2-Clause
#include <tern/socket.h>

#include <stdio.h>
#include <string.h>

#include "check.h"

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

static void texts_are_taken_and_printed_in_one_form(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::FFFF:c000:0201", "192.0.2.1" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "1::", "1::" },
		{ "fd00::1", "fd00::1" },
		{ "FD00:0:0:0:0:0:0:0001", "fd00::1" },
		{ "2001:db8::0:1", "2001:db8::1" },
		{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
		{ "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
		{ "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
		{ "64:ff9b::192.0.2.33", "64:ff9b::c000:221" },
		{ "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304" },
		{ "::1.2.3.4", "::102:304" },
		/* RFC 5952 4.2: the longest run; of equals the first; and one
		 * zero is no run. */
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "0:0:1::", "0:0:1::" },
		{ "0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1" },
	};
	char text[TERN_ADDR_STRLEN];
	struct tern_addr a, b;
	size_t i;

	for (i = 0; i < N(rows); i++) {
		assert_int_equal(tern_addr_parse(rows[i].in, NULL, &a),
				 strlen(rows[i].in));
		assert_string_equal(tern_addr_print(&a, text), rows[i].out);
		assert_int_not_equal(tern_addr_parse(text, NULL, &b), 0);
		assert_true(tern_addr_equal(&a, &b));
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"1",
		"1.2.3",
		"1.2.3.",
		"1.2.3.4.",
		"1.2.3.4.5",
		"1.2.3.256",
		"1.2.3.1000000000000",
		"01.2.3.4",
		"1.2.3.04",
		"1.2.3.-4",
		" 1.2.3.4",
		"1.2.3.4 ",
		"0x1.2.3.4",
		":",
		":::",
		":1",
		"1:",
		"1:2",
		"::1:",
		"1::2::3",
		"::1::",
		"12345::",
		"::12345",
		"g::",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7:8::",
		"1::2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7:1.2.3.4",
		"1.2.3.4::",
		"::1.2.3",
		"::1.2.3.4:5",
		"fe80::1%eth0",
		"[::1]",
	};
	struct tern_addr a;
	size_t i;

	for (i = 0; i < N(texts); i++) {
		memset(&a, 7, sizeof(a));
		assert_int_equal(tern_addr_parse(texts[i], NULL, &a), 0);
		/* And nothing is written. */
		assert_int_equal(a.b[0] + a.b[15], 14);
	}
}

static void parsing_ends_at_a_stop(void **state)
{
	struct tern_addr a;

	assert_int_equal(tern_addr_parse("10.0.0.1/24", "/", &a), 8);
	assert_int_equal(tern_addr_parse("10.0.0.1:80", ",:", &a), 8);
	assert_int_equal(tern_addr_parse("fd00::1]:80", "]", &a), 7);
	assert_int_equal(tern_addr_parse("fd00::1", "]", &a), 7);
	assert_int_equal(tern_addr_parse("10.0.0.1/24", ":", &a), 0);
	assert_int_equal(tern_addr_parse("10.0.0.1/24", "", &a), 0);
}

static void every_length_of_text_is_survived(void **state)
{
	static const char alphabet[] = "0123456789abcdefABCDEF:.::..%g/ ";
	char text[48], out[TERN_ADDR_STRLEN];
	struct tern_addr a;
	uint32_t i, j, n;

	check_seed();
	for (i = 0; i < 200000; i++) {
		n = check_below(sizeof(text));
		for (j = 0; j < n; j++)
			text[j] = alphabet[check_below(sizeof(alphabet) - 1)];
		text[n] = '\0';
		if (tern_addr_parse(text, NULL, &a))
			tern_addr_print(&a, out);
	}
}

static void random_addresses_survive_their_text(void **state)
{
	char text[TERN_ADDR_STRLEN], plain[40];
	struct tern_addr a, b;
	int i, j;

	check_seed();
	for (i = 0; i < 20000; i++) {
		check_fill(a.b, 16);
		/* Zeros where they matter. */
		for (j = 0; j < 16; j++) {
			if (check_below(3))
				a.b[j] = 0;
		}
		tern_addr_print(&a, text);
		assert_int_equal(tern_addr_parse(text, NULL, &b), strlen(text));
		assert_true(tern_addr_equal(&a, &b));
		snprintf(plain, sizeof(plain), "%x:%x:%x:%x:%x:%x:%x:%x",
			 a.b[0] << 8 | a.b[1], a.b[2] << 8 | a.b[3],
			 a.b[4] << 8 | a.b[5], a.b[6] << 8 | a.b[7],
			 a.b[8] << 8 | a.b[9], a.b[10] << 8 | a.b[11],
			 a.b[12] << 8 | a.b[13], a.b[14] << 8 | a.b[15]);
		assert_int_equal(tern_addr_parse(plain, NULL, &b),
				 strlen(plain));
		assert_true(tern_addr_equal(&a, &b));
	}
}

static void the_longest_text_fits(void **state)
{
	char text[TERN_ADDR_STRLEN];
	struct tern_addr a;

	memset(&a, 0xff, sizeof(a));
	assert_int_equal(strlen(tern_addr_print(&a, text)), 39);
}

static void any_is_any_in_either_writing(void **state)
{
	struct tern_addr v4 = tern_addr_v4(0, 0, 0, 0), v6, one;

	tern_addr_parse("::", NULL, &v6);
	tern_addr_parse("::1", NULL, &one);
	assert_true(tern_addr_is_any(&v4));
	assert_true(tern_addr_is_any(&v6));
	assert_false(tern_addr_is_any(&one));
	one = tern_addr_v4(0, 0, 0, 1);
	assert_false(tern_addr_is_any(&one));
	assert_false(tern_addr_equal(&v4, &v6));
	assert_true(tern_addr_is_v4(&v4));
	assert_false(tern_addr_is_v4(&v6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_taken_and_printed_in_one_form),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(parsing_ends_at_a_stop),
		cmocka_unit_test(every_length_of_text_is_survived),
		cmocka_unit_test(random_addresses_survive_their_text),
		cmocka_unit_test(the_longest_text_fits),
		cmocka_unit_test(any_is_any_in_either_writing),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
