// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ladders of connections seen at one place: which segment is whose, and what is
 * kept of one that had too much.
 */
#include "../unit/check.h"

#include "base/bytes.h"
#include "lab/ladder_conns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tern_sockaddr client = {
	.addr = { { [10] = 0xff, 0xff, 10, 0, 0, 1 } },
	.port = 4000,
};
static const struct tern_sockaddr server = {
	.addr = { { [10] = 0xff, 0xff, 10, 0, 0, 2 } },
	.port = 80,
};

/* A segment without options; returns its connection. */
static int segment(struct ladder_conns *lc, bool from_client, uint8_t flags,
		   uint32_t seq, int64_t at)
{
	const struct tern_sockaddr *src = from_client ? &client : &server;
	const struct tern_sockaddr *dst = from_client ? &server : &client;
	uint8_t b[40] = { 0x45, [3] = 40, [8] = 64, [9] = 6, [32] = 0x50 };

	memcpy(b + 12, src->addr.b + 12, 4);
	memcpy(b + 16, dst->addr.b + 12, 4);
	put_be16(b + 20, src->port);
	put_be16(b + 22, dst->port);
	put_be32(b + 24, seq);
	b[33] = flags;
	return ladder_conns_packet(lc, b, sizeof(b), at);
}

static const struct ladder_style style = { .width = 80, .ascii = true };

static char *draw(const struct ladder_conns *lc, int conn)
{
	struct drill_text t = { 0 };

	ladder_conns_draw(lc, conn, &style, &t);
	return t.s;
}

static void a_connection_is_both_directions(void **state)
{
	struct ladder_conns lc = { 0 };

	assert_int_equal(segment(&lc, true, TCP_SYN, 100, 1), 0);
	assert_int_equal(segment(&lc, false, TCP_SYN | TCP_ACK, 200, 2), 0);
	assert_int_equal(segment(&lc, true, TCP_SYN, 100, 3), 0);
	assert_int_equal(lc.n, 1);
	assert_int_equal(ladder_conns_find(&lc, &server, &client), 0);
	ladder_conns_fini(&lc);
}

static void a_syn_after_its_end_begins_another(void **state)
{
	struct ladder_conns lc = { 0 };

	assert_int_equal(segment(&lc, true, TCP_SYN, 100, 1), 0);
	assert_int_equal(segment(&lc, false, TCP_RST | TCP_ACK, 0, 2), 0);
	assert_int_equal(segment(&lc, true, TCP_SYN, 500, 3), 1);
	assert_int_equal(segment(&lc, true, TCP_FIN | TCP_ACK, 501, 4), 1);
	assert_int_equal(segment(&lc, false, TCP_FIN | TCP_ACK, 9, 5), 1);
	assert_int_equal(segment(&lc, true, TCP_ACK, 502, 6), 1);
	assert_int_equal(segment(&lc, false, TCP_SYN, 700, 7), 2);
	assert_int_equal(ladder_conns_find(&lc, &client, &server), 2);
	ladder_conns_fini(&lc);
}

static void a_syn_ack_first_still_has_its_client_left(void **state)
{
	struct ladder_conns lc = { 0 };
	char *s;

	segment(&lc, false, TCP_SYN | TCP_ACK, 1, 1);
	s = draw(&lc, 0);
	assert_ptr_equal(strstr(s, "connection 1: 10.0.0.1:4000 > 10.0.0.2:80"),
			 s);
	free(s);
	ladder_conns_fini(&lc);
}

static void a_call_stands_before_what_it_caused(void **state)
{
	struct ladder_conns lc = { 0 };
	int i = ladder_conns_open(&lc, &client, &server);
	char *s;

	ladder_conns_mark(&lc);
	ladder_conns_add(&lc, i, &client, LADDER_NOTE, "caused", 5);
	ladder_conns_call(&lc, i, &client, "connect()", 5);
	s = draw(&lc, i);
	assert_non_null(strstr(s, "caused"));
	assert_true(strstr(s, "connect()") < strstr(s, "caused"));
	free(s);
	ladder_conns_fini(&lc);
}

static void of_too_many_events_both_ends_are_kept(void **state)
{
	struct ladder_conns lc = { 0 };
	char text[32], *s;
	int i = ladder_conns_open(&lc, &client, &server);

	for (int k = 0; k < 100000; k++) {
		snprintf(text, sizeof(text), "event %d.", k);
		ladder_conns_add(&lc, i, &client, LADDER_NOTE, text, k);
	}
	s = draw(&lc, i);
	assert_non_null(strstr(s, "event 0."));
	assert_non_null(strstr(s, "event 399."));
	assert_non_null(strstr(s, "* 99000 events are not drawn"));
	assert_null(strstr(s, "event 50000."));
	assert_non_null(strstr(s, "event 99400."));
	assert_non_null(strstr(s, "event 99999."));
	free(s);
	ladder_conns_fini(&lc);
}

static void what_is_no_segment_is_nobodys(void **state)
{
	struct ladder_conns lc = { 0 };
	uint8_t b[64] = { 0x45, [3] = 64, [8] = 64, [9] = 17 };

	assert_int_equal(ladder_conns_packet(&lc, b, sizeof(b), 1), -1);
	assert_int_equal(ladder_conns_packet(&lc, b, 10, 1), -1);
	assert_int_equal(ladder_conns_packet(&lc, b, 0, 1), -1);
	assert_int_equal(ladder_conns_find(&lc, &client, &server), -1);
	ladder_conns_fini(&lc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_is_both_directions),
		cmocka_unit_test(a_syn_after_its_end_begins_another),
		cmocka_unit_test(a_syn_ack_first_still_has_its_client_left),
		cmocka_unit_test(a_call_stands_before_what_it_caused),
		cmocka_unit_test(of_too_many_events_both_ends_are_kept),
		cmocka_unit_test(what_is_no_segment_is_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
