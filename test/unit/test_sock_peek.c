// SPDX-License-Identifier: BSD-2-Clause
/*
 * What whoever carries a stream on needs (the runner does): to look at bytes,
 * pass copies of them on, hear of those that come behind, and throw away what
 * its reader has read.
 */
#include "stack_kit.h"

#include <string.h>

static struct kit k;
static int from, to; /* a TCP connection over the loopback */

static int open_stream(void **state)
{
	struct tern_sockaddr here = kit_v4(127, 0, 0, 1, 7);
	struct tern_event e;
	int listener;

	kit_init(&k);
	kit_open(&k, 0);
	listener = tern_socket(k.st, TERN_AF_INET, TERN_SOCK_STREAM, 0, 0);
	assert_int_equal(tern_bind(k.st, listener, &here, 0), 0);
	assert_int_equal(tern_listen(k.st, listener, 1, 0), 0);
	from = tern_socket(k.st, TERN_AF_INET, TERN_SOCK_STREAM, 0, 0);
	assert_int_equal(tern_connect(k.st, from, &here, 0), -TERN_EINPROGRESS);
	to = tern_accept(k.st, listener, NULL, 0);
	assert_true(to >= 0);
	while (tern_events(k.st, &e, 1))
		;
	return 0;
}

static int close_stream(void **state)
{
	kit_close(&k);
	return 0;
}

static void say(const char *words)
{
	size_t len = strlen(words);

	assert_int_equal(tern_send(k.st, from, words, len, 0, 0), len);
}

static void look(const char *want)
{
	char got[16];
	size_t len = strlen(want);

	assert_int_equal(
		tern_recv(k.st, to, got, sizeof(got), TERN_MSG_PEEK, 0), len);
	assert_memory_equal(got, want, len);
}

static void expect_news_of_data(void)
{
	struct tern_event e[4];
	int n = tern_events(k.st, e, 4), found = 0;

	for (int i = 0; i < n; i++)
		found += e[i].s == to && e[i].ready & TERN_POLLIN;
	assert_int_equal(found, 1);
}

static void data_behind_peeked_data_is_news(void **state)
{
	say("one");
	expect_news_of_data();
	look("one");
	say("two");
	expect_news_of_data();
	look("onetwo");
}

static void the_end_behind_peeked_data_is_news(void **state)
{
	say("one");
	expect_news_of_data();
	look("one");
	assert_int_equal(tern_shutdown(k.st, from, TERN_SHUT_WR, 0), 0);
	expect_news_of_data();
	assert_true(tern_poll(k.st, to) & TERN_POLLRDHUP);
	look("one");
}

static void MSG_TRUNC_discards_and_writes_nothing(void **state)
{
	char untouched[4] = "....";

	say("onetwo");
	assert_int_equal(tern_recv(k.st, to, untouched, 3, TERN_MSG_TRUNC, 0),
			 3);
	assert_memory_equal(untouched, "....", 4);
	look("two");
}

static void MSG_TRUNC_discards_what_was_peeked(void **state)
{
	char drop[8];

	say("onetwo");
	look("onetwo");
	assert_int_equal(tern_recv(k.st, to, drop, 6, TERN_MSG_TRUNC, 0), 6);
	assert_int_equal(tern_recv(k.st, to, drop, 1, 0, 0), -TERN_EAGAIN);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_stream, close_stream)
	const struct CMUnitTest tests[] = {
		CASE(data_behind_peeked_data_is_news),
		CASE(the_end_behind_peeked_data_is_news),
		CASE(MSG_TRUNC_discards_and_writes_nothing),
		CASE(MSG_TRUNC_discards_what_was_peeked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
