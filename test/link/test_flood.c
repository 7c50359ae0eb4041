// SPDX-License-Identifier: BSD-2-Clause
/*
 * A small flood (tools/flood.h; `tern bench synflood` has the large one): forged
 * SYNs cost no memory, and clients connect among them, if cookies are on. A SYN
 * each millisecond, so that the half-open entries also time out, are resent to
 * and make room.
 *
 * covers: O10, O12, X1
 */
#include "tools/flood.h"

#include "test/unit/check.h"

#define BACKLOG 16
#define N_SYNS 20000
#define N_CLIENTS 100

static struct flood_result flood(bool v6, const char *syncookies)
{
	const struct flood_config cfg = {
		.v6 = v6,
		.syncookies = syncookies,
		.n_syns = N_SYNS,
		.n_clients = N_CLIENTS,
		/* Without cookies the clients would use the pause. */
		.n_acks = *syncookies == '0' ? 0 : N_SYNS / 4,
		.backlog = BACKLOG,
		.every_ns = 1000000,
	};
	struct flood_result r;

	assert_true(flood_run(&cfg, &r));
	/* One entry beyond the backlog; 96 bytes each, 120 of IPv6, and a chunk
	 * of the slab's that is not full. */
	assert_int_equal(r.n_entries, BACKLOG + 1);
	assert_true(r.half_open <= (BACKLOG + 1) * 120 + (16 << 10));
	/* Packets under way and the tables' least size. */
	assert_true(r.total <= (BACKLOG + 1) * 120 + (128 << 10));
	assert_true(r.left <= r.total);
	return r;
}

static void with_cookies_clients_connect_with_all_options(void **state)
{
	struct flood_result r;
	int v6;

	(void)state;
	for (v6 = 0; v6 < 2; v6++) {
		r = flood(v6, "1");
		assert_in_range(r.n_connected, N_CLIENTS * 99 / 100, N_CLIENTS);
		assert_int_equal(r.n_whole, r.n_connected);
		/* An entry that times out makes room for whoever comes next,
		 * one SYN in a hundred. */
		assert_in_range(r.among.received, N_CLIENTS * 9 / 10,
				N_CLIENTS);
		assert_int_equal(r.among.failed, 0);
		assert_int_equal(r.among.sent, r.among.do_cookies);
		assert_in_range(r.alone.sent + r.among.sent, N_SYNS * 95 / 100,
				N_SYNS + N_CLIENTS);
		assert_int_equal(r.among.passive_opens, r.n_connected);
		assert_int_equal(r.among.listen_drops, 0);
		assert_int_equal(r.among.full_drop, 0);
		/* Who guesses has a chance of 8 in 2^32. */
		assert_int_equal(r.acks.failed, N_SYNS / 4);
		assert_int_equal(r.acks.received, 0);
		assert_int_equal(r.acks.passive_opens, 0);
	}
}

static void without_cookies_nearly_nobody_gets_in(void **state)
{
	struct flood_result r = flood(false, "0");

	(void)state;
	assert_in_range(r.n_connected, 0, N_CLIENTS / 10);
	assert_int_equal(r.alone.sent + r.among.sent, 0);
	assert_int_equal(r.alone.do_cookies + r.among.do_cookies, 0);
	assert_in_range(r.alone.full_drop, N_SYNS / 2 * 9 / 10, N_SYNS / 2);
	/* The clients' own tries are among them. */
	assert_true(r.among.full_drop > N_SYNS / 2 * 9 / 10);
	assert_int_equal(r.alone.full_drop, r.alone.listen_drops);
	assert_int_equal(r.among.full_drop, r.among.listen_drops);
	assert_int_equal(r.alone.listen_overflows + r.among.listen_overflows,
			 0);
}

static void with_cookies_always_no_entry_is_ever_made(void **state)
{
	const struct flood_config cfg = {
		.syncookies = "2",
		.n_syns = 2000,
		.n_clients = 20,
		.backlog = BACKLOG,
		.every_ns = 1000000,
	};
	struct flood_result r;

	(void)state;
	assert_true(flood_run(&cfg, &r));
	assert_int_equal(r.n_entries, 0);
	assert_int_equal(r.half_open, 0);
	assert_int_equal(r.n_whole, 20);
	assert_int_equal(r.among.received, 20);
	assert_int_equal(r.alone.sent, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_cookies_clients_connect_with_all_options),
		cmocka_unit_test(without_cookies_nearly_nobody_gets_in),
		cmocka_unit_test(with_cookies_always_no_entry_is_ever_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
