// SPDX-License-Identifier: BSD-2-Clause
#include "stack_kit.h"

#include <stdlib.h>
#include <string.h>

#include <tern/cc.h>

static struct kit k;

static int open_kit(void **state)
{
	kit_init(&k);
	kit_open(&k, 0);
	return 0;
}

static int close_kit(void **state)
{
	kit_close(&k);
	return 0;
}

static int set(const char *name, const char *value)
{
	return tern_sysctl_set(k.st, name, value, 0);
}

static void expect(const char *name, const char *value)
{
	char got[64];

	assert_int_equal(tern_sysctl_get(k.st, name, got, sizeof(got)),
			 strlen(value));
	assert_string_equal(got, value);
}

static const char *last(const char *name)
{
	return strrchr(name, '.') + 1;
}

static void each_row_is_sound(void **state)
{
	const struct tern_tunable *t, *other;
	char text[64], *end;
	int64_t v;
	int i, j, n;

	for (i = 0; (t = tern_tunable_at(i)); i++) {
		assert_non_null(strchr(t->name, '.'));
		assert_true(strlen(t->name) < 64);
		assert_true(t->help[0]);
		assert_in_range(t->n_values, 1, 3);
		assert_true(tern_sysctl_get(k.st, t->name, text, 64) > 0);
		for (j = 0; j < i; j++) {
			other = tern_tunable_at(j);
			assert_string_not_equal(last(t->name),
						last(other->name));
		}
		if (t->min == t->max)
			continue;
		for (n = 0, end = text; *end; n++) {
			v = strtoll(end, &end, 10);
			assert_true(v >= t->min && v <= t->max);
		}
		assert_int_equal(n, t->n_values);
	}
	assert_true(i > 70);
	assert_null(tern_tunable_at(-1));
	assert_null(tern_tunable_at(i + 1));
}

static void each_default_can_be_set_again(void **state)
{
	const struct tern_tunable *t;
	char text[64];
	int i;

	for (i = 0; (t = tern_tunable_at(i)); i++) {
		assert_true(tern_sysctl_get(k.st, t->name, text, 64) > 0);
		assert_int_equal(set(t->name, text), 0);
		expect(last(t->name), text);
	}
}

static void a_tunable_has_two_names(void **state)
{
	expect("net.ipv4.tcp_syn_retries", "5");
	assert_int_equal(set("tcp_syn_retries", "3"), 0);
	expect("net.ipv4.tcp_syn_retries", "3");
	assert_int_equal(set("net.ipv4.tcp_syn_retries", "4"), 0);
	expect("tcp_syn_retries", "4");
	assert_int_equal(set("syn_retries", "4"), -TERN_ENOENT);
	assert_int_equal(set("ipv4.tcp_syn_retries", "4"), -TERN_ENOENT);
	assert_int_equal(set("", "4"), -TERN_ENOENT);
	assert_int_equal(set(NULL, "4"), -TERN_EFAULT);
	assert_int_equal(set("tcp_sack", NULL), -TERN_EFAULT);
}

/* Linux 6.18 gives the same for each of these. */
static void numbers_are_read_as_in_proc(void **state)
{
	expect("tcp_rmem", "4096\t131072\t6291456");
	assert_int_equal(set("tcp_rmem", "7"), 0);
	expect("tcp_rmem", "7\t131072\t6291456");
	assert_int_equal(set("tcp_rmem", "8 9"), 0);
	expect("tcp_rmem", "8\t9\t6291456");
	assert_int_equal(set("tcp_rmem", "\t11\t12  13\n"), 0);
	expect("tcp_rmem", "11\t12\t13");
	assert_int_equal(set("tcp_rmem", "0x10 010 12"), 0);
	expect("tcp_rmem", "16\t8\t12");
	assert_int_equal(set("tcp_rmem", "100 50 10"), 0);
	expect("tcp_rmem", "100\t50\t10");
	assert_int_equal(set("tcp_adv_win_scale", "-2"), 0);
	expect("tcp_adv_win_scale", "-2");
	assert_int_equal(set("tcp_notsent_lowat", "4294967295"), 0);
	assert_int_equal(set("tcp_syn_retries", "3 \n\n"), 0);
}

static void what_is_no_value_changes_nothing(void **state)
{
	const char *const bad[] = {
		"",   "  \n",	   "x",	      "5 x 7",
		"5a", "4096 0 10", "1,2,3",   "-5",
		"+5", "0x",	   "1 2 3 4", "99999999999 1 1",
		"08", "1 2 0x1g",  "--1",     "1 99999999999999999999999 1",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(set("tcp_rmem", bad[i]), -TERN_EINVAL);
		expect("tcp_rmem", "4096\t131072\t6291456");
	}
	assert_int_equal(set("tcp_syn_retries", "0"), -TERN_EINVAL);
	assert_int_equal(set("tcp_syn_retries", "128"), -TERN_EINVAL);
	assert_int_equal(set("tcp_adv_win_scale", "-32"), -TERN_EINVAL);
	assert_int_equal(set("tcp_notsent_lowat", "4294967296"), -TERN_EINVAL);
	expect("tcp_syn_retries", "5");
}

static void a_range_goes_up(void **state)
{
	assert_int_equal(set("ip_local_port_range", "3000"), 0);
	expect("ip_local_port_range", "3000\t60999");
	assert_int_equal(set("ip_local_port_range", "3000 2999"), -TERN_EINVAL);
	assert_int_equal(set("ip_local_port_range", "61000"), -TERN_EINVAL);
	assert_int_equal(set("ip_local_port_range", "5 5"), 0);
	expect("ip_local_port_range", "5\t5");
}

static uint32_t half(struct tern_cc_view *v)
{
	return v->cc->cwnd / 2;
}

static void grow(struct tern_cc_view *v, uint32_t acked)
{
	v->cc->cwnd += acked;
}

static void the_controller_must_be_known(void **state)
{
	static const struct tern_cc_ops ops = {
		.name = "mine",
		.ssthresh = half,
		.on_acked = grow,
	};

	expect("tcp_congestion_control", "cubic");
	expect("tcp_available_congestion_control", "reno cubic bbr dctcp");
	expect("net.ipv4.tcp_allowed_congestion_control",
	       "reno cubic bbr dctcp");
	assert_int_equal(set("tcp_available_congestion_control", "reno"),
			 -TERN_ENOENT);
	assert_int_equal(set("tcp_congestion_control", "mine"), -TERN_EINVAL);
	assert_int_equal(set("tcp_congestion_control", ""), -TERN_EINVAL);
	assert_int_equal(set("tcp_congestion_control", " reno"), -TERN_EINVAL);
	assert_int_equal(set("tcp_congestion_control", "a_name_of_16____"),
			 -TERN_EINVAL);
	assert_int_equal(tern_cc_register(k.st, NULL), -TERN_EFAULT);
	assert_int_equal(tern_cc_register(k.st, &ops), 0);
	assert_int_equal(set("tcp_congestion_control", "mine\n"), 0);
	expect("tcp_congestion_control", "mine");
}

static void a_value_does_not_overrun(void **state)
{
	char out[8] = "1234567";

	assert_int_equal(tern_sysctl_get(k.st, "tcp_syn_retries", out, 0),
			 -TERN_ENOSPC);
	assert_string_equal(out, "1234567");
	assert_int_equal(tern_sysctl_get(k.st, "tcp_rmem", out, 4),
			 -TERN_ENOSPC);
	assert_string_equal(out + 4, "567");
	assert_int_equal(tern_sysctl_get(k.st, "tcp_syn_retries", out, 2), 1);
	assert_int_equal(tern_sysctl_get(k.st, "none", out, 8), -TERN_ENOENT);
}

static void a_misspelt_name_finds_its_neighbour(void **state)
{
	static const char *const pairs[][2] = {
		{ "tcp_syn_retires", "net.ipv4.tcp_syn_retries" },
		{ "net.ipv4.tcp_rmen", "net.ipv4.tcp_rmem" },
		{ "net.ipv4.somaxconn", "net.core.somaxconn" },
		{ "congestion_control", "net.ipv4.tcp_congestion_control" },
		{ "tcp_sack", "net.ipv4.tcp_sack" },
		{ "net.ipv4.min_pmtu", "net.ipv4.route.min_pmtu" },
		{ "netipv4tcp_ecn", "net.ipv4.tcp_ecn" },
	};
	char text[300];
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		assert_string_equal(tern_tunable_nearest(pairs[i][0])->name,
				    pairs[i][1]);
	assert_non_null(tern_tunable_nearest(""));
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_non_null(tern_tunable_nearest(text));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_kit, close_kit)
	const struct CMUnitTest tests[] = {
		CASE(each_row_is_sound),
		CASE(each_default_can_be_set_again),
		CASE(a_tunable_has_two_names),
		CASE(numbers_are_read_as_in_proc),
		CASE(what_is_no_value_changes_nothing),
		CASE(a_range_goes_up),
		CASE(the_controller_must_be_known),
		CASE(a_value_does_not_overrun),
		CASE(a_misspelt_name_finds_its_neighbour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
