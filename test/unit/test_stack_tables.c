// SPDX-License-Identifier: BSD-2-Clause
#include "stack_kit.h"

#include <string.h>

static void counters_are_found_by_name(void **state)
{
	const struct tern_counter *c;
	int i;

	for (i = 0; (c = tern_counter_at(i)); i++) {
		assert_true(c->help[0]);
		assert_int_equal(tern_counter_find(c->name), i);
	}
	assert_true(i > 100);
	assert_null(tern_counter_at(-1));
	assert_int_equal(tern_counter_find("TcpExt"), -TERN_ENOENT);
	assert_int_equal(tern_counter_find(""), -TERN_ENOENT);
}

static void counters_count(void **state)
{
	uint8_t ping[128];
	struct kit k;

	kit_init(&k);
	kit_open(&k, 0);
	kit_input(&k, ping, kit_ping(ping, 1, 56), 0);
	kit_input(&k, ping, kit_ping(ping, 2, 56), 0);
	assert_int_equal(kit_counter(&k, "IcmpInEchos"), 2);
	assert_int_equal(tern_counter_get(k.st, -1), 0);
	assert_int_equal(tern_counter_get(k.st, 1000000), 0);
	kit_close(&k);
}

static void drops_have_reasons(void **state)
{
	uint8_t ping[128];
	struct kit k;
	size_t n;
	int i;

	assert_string_equal(tern_drop_name(0), "NOT_DROPPED");
	kit_init(&k);
	kit_open(&k, 0);
	n = kit_ping(ping, 1, 56);
	ping[10] ^= 1;
	kit_input(&k, ping, n, 0);
	for (i = 0; tern_drop_name(i); i++) {
		assert_true(tern_drop_help(i)[0]);
		assert_int_equal(tern_drop_count(k.st, i),
				 !strcmp(tern_drop_name(i), "IP_CSUM"));
	}
	assert_true(i > 50);
	assert_null(tern_drop_name(-1));
	assert_null(tern_drop_help(i));
	assert_int_equal(tern_drop_count(k.st, i), 0);
	kit_close(&k);
}

static void states_are_named_as_ss_does(void **state)
{
	assert_string_equal(tern_tcp_state_name(TERN_TCP_ESTABLISHED), "ESTAB");
	assert_string_equal(tern_tcp_state_name(TERN_TCP_FIN_WAIT2),
			    "FIN-WAIT-2");
	assert_string_equal(tern_tcp_state_name(TERN_TCP_CLOSE), "UNCONN");
	assert_string_equal(tern_tcp_state_name(TERN_TCP_CLOSING), "CLOSING");
	assert_string_equal(tern_tcp_state_name(0), "?");
	assert_string_equal(tern_tcp_state_name(-1), "?");
	assert_string_equal(tern_tcp_state_name(12), "?");
}

static void the_version_has_three_numbers(void **state)
{
	const char *v = tern_version();

	assert_int_equal(strspn(v, "0123456789."), strlen(v));
	assert_true(strchr(v, '.') && strchr(v, '.') != strrchr(v, '.'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_are_found_by_name),
		cmocka_unit_test(counters_count),
		cmocka_unit_test(drops_have_reasons),
		cmocka_unit_test(states_are_named_as_ss_does),
		cmocka_unit_test(the_version_has_three_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
