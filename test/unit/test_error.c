// SPDX-License-Identifier: BSD-2-Clause
#include <tern/error.h>

#include <errno.h>
#include <string.h>

#include "check.h"

static void names_are_told_for_either_sign(void **state)
{
	assert_string_equal(tern_error_name(TERN_ECONNRESET), "ECONNRESET");
	assert_string_equal(tern_error_name(-TERN_ECONNRESET), "ECONNRESET");
	assert_string_equal(tern_error_name(-TERN_EPERM), "EPERM");
	assert_string_equal(tern_error_name(-TERN_EINPROGRESS), "EINPROGRESS");
}

static void texts_are_one_line(void **state)
{
	int i;

	for (i = 0; i < 134; i++) {
		const char *text = tern_error_text(-i);

		assert_true(strlen(text) > 2);
		assert_null(strchr(text, '\n'));
		/* A name goes with a text, and no name with none. */
		assert_int_equal(!strcmp(tern_error_name(i), "?"),
				 !strcmp(text, "unknown error"));
	}
}

static void unknown_numbers_have_no_name(void **state)
{
	static const int numbers[] = { 0,      5,	  -5,	    1000,
				       -10000, INT32_MAX, INT32_MIN };
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_string_equal(tern_error_name(numbers[i]), "?");
		assert_string_equal(tern_error_text(numbers[i]),
				    "unknown error");
	}
}

static void numbers_are_this_machine_s_errno(void **state)
{
	/* Linux has other numbers on MIPS, SPARC and PA-RISC alone. */
	assert_int_equal(TERN_EAGAIN, EAGAIN);
	assert_int_equal(TERN_EPROTO, EPROTO);
	assert_int_equal(TERN_ENOTSOCK, ENOTSOCK);
	assert_int_equal(TERN_ENETDOWN, ENETDOWN);
	assert_int_equal(TERN_ENOBUFS, ENOBUFS);
	assert_int_equal(TERN_ETIMEDOUT, ETIMEDOUT);
	assert_int_equal(TERN_EHOSTUNREACH, EHOSTUNREACH);
	assert_int_equal(TERN_EINPROGRESS, EINPROGRESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_told_for_either_sign),
		cmocka_unit_test(texts_are_one_line),
		cmocka_unit_test(unknown_numbers_have_no_name),
		cmocka_unit_test(numbers_are_this_machine_s_errno),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
