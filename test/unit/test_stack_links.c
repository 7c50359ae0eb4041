// SPDX-License-Identifier: BSD-2-Clause
#include "stack_kit.h"

#include <stdio.h>

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

static struct tern_link_info link_at(int i)
{
	struct tern_link_info l;
	int cursor = 0;

	do
		assert_true(tern_link_next(k.st, &cursor, &l));
	while (i-- > 0);
	return l;
}

/* Addresses as text, with their links, one after another. */
static const char *all_addrs(void)
{
	static char text[256];
	char addr[TERN_ADDR_STRLEN];
	struct tern_link_addr a;
	int cursor = 0;
	size_t n = 0;

	while (tern_addr_next(k.st, &cursor, &a))
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%d %s/%u; ",
				      a.link, tern_addr_print(&a.addr, addr),
				      a.prefix);
	assert_false(tern_addr_next(k.st, &cursor, &a));
	return text;
}

static void the_loopback_is_the_first_link(void **state)
{
	struct tern_link_info l = link_at(0);

	assert_int_equal(l.link, 0);
	assert_string_equal(l.name, "lo");
	assert_true(l.up);
	assert_true(l.abilities & TERN_LINK_LOOPBACK);
}

static void links_are_told_as_they_are(void **state)
{
	struct tern_link_info l = link_at(1);
	int cursor = 2;

	assert_int_equal(l.link, k.link);
	assert_int_equal(l.mtu, 1500);
	assert_true(l.up);
	assert_false(tern_link_next(k.st, &cursor, &l));
	assert_int_equal(tern_link_set_up(k.st, k.link, false, 0), 0);
	assert_int_equal(tern_link_set_mtu(k.st, k.link, 1400, 0), 0);
	l = link_at(1);
	assert_false(l.up);
	assert_int_equal(l.mtu, 1400);
}

static void addresses_are_told_with_the_loopbacks_first(void **state)
{
	assert_string_equal(all_addrs(),
			    "0 127.0.0.1/8; 0 ::1/128; 1 10.0.0.1/24; "
			    "1 fd00::1/64; ");
}

static void who_comes_and_goes_shows(void **state)
{
	struct tern_addr more = tern_addr_v4(10, 1, 0, 9);
	struct tern_addr first = tern_addr_v4(10, 0, 0, 1);

	assert_int_equal(tern_addr_add(k.st, k.link, &more, 16, 0), 0);
	assert_int_equal(tern_addr_del(k.st, k.link, &first, 0), 0);
	assert_string_equal(all_addrs(),
			    "0 127.0.0.1/8; 0 ::1/128; 1 fd00::1/64; "
			    "1 10.1.0.9/16; ");
}

static void routes_are_told_in_the_order_they_are_asked(void **state)
{
	const struct tern_route wide = {
		.dst = tern_addr_v4(0, 0, 0, 0),
		.link = k.link,
		.via = tern_addr_v4(10, 0, 0, 2),
	};
	struct tern_route r;
	int cursor = 0;

	assert_int_equal(tern_route_add(k.st, &wide, 0), 0);
	assert_true(tern_route_next(k.st, &cursor, &r));
	assert_int_equal(r.prefix, 64);
	assert_true(tern_route_next(k.st, &cursor, &r));
	assert_int_equal(r.prefix, 24);
	assert_true(tern_route_next(k.st, &cursor, &r));
	assert_int_equal(r.prefix, 0);
	assert_true(tern_addr_equal(&r.via, &wide.via));
	assert_false(tern_route_next(k.st, &cursor, &r));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_kit, close_kit)
	const struct CMUnitTest tests[] = {
		CASE(the_loopback_is_the_first_link),
		CASE(links_are_told_as_they_are),
		CASE(addresses_are_told_with_the_loopbacks_first),
		CASE(who_comes_and_goes_shows),
		CASE(routes_are_told_in_the_order_they_are_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
