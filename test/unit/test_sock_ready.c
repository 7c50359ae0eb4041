// SPDX-License-Identifier: BSD-2-Clause
#include "stack_kit.h"

static struct kit k;
static int a, b; /* two UDP sockets on the loopback, b connected to a */

static int open_pair(void **state)
{
	struct tern_sockaddr here = kit_v4(127, 0, 0, 1, 700);
	struct tern_event e;

	kit_init(&k);
	kit_open(&k, 0);
	a = tern_socket(k.st, TERN_AF_INET, TERN_SOCK_DGRAM, 0, 0);
	b = tern_socket(k.st, TERN_AF_INET, TERN_SOCK_DGRAM, 0, 0);
	assert_int_equal(tern_bind(k.st, a, &here, 0), 0);
	assert_int_equal(tern_connect(k.st, b, &here, 0), 0);
	while (tern_events(k.st, &e, 1))
		;
	return 0;
}

static int close_pair(void **state)
{
	kit_close(&k);
	return 0;
}

static void say(const char *word)
{
	assert_int_equal(tern_send(k.st, b, word, 1, 0, 0), 1);
}

static void hear(void)
{
	char c;

	assert_int_equal(tern_recv(k.st, a, &c, 1, 0, 0), 1);
}

/* Of socket s; room for more shows that there are no more. */
static void expect_news(int s, uint32_t ready)
{
	struct tern_event e[4];

	assert_int_equal(tern_events(k.st, e, 4), 1);
	assert_int_equal(e[0].s, s);
	assert_int_equal(e[0].ready & ready, ready);
}

static void expect_silence(void)
{
	struct tern_event e[4];

	assert_int_equal(tern_events(k.st, e, 4), 0);
}

static void news_are_told_once(void **state)
{
	expect_silence();
	say("x");
	say("y");
	expect_news(a, TERN_POLLIN | TERN_POLLOUT);
	expect_silence();
	assert_true(tern_poll(k.st, a) & TERN_POLLIN);
	hear();
	expect_silence();
	assert_true(tern_poll(k.st, a) & TERN_POLLIN);
	say("z");
	expect_news(a, TERN_POLLIN);
	expect_silence();
}

static void news_of_a_closed_socket_are_forgotten(void **state)
{
	say("x");
	assert_int_equal(tern_close(k.st, a, 0), 0);
	expect_silence();
}

static void nor_are_they_told_of_who_has_its_number_next(void **state)
{
	say("x");
	assert_int_equal(tern_close(k.st, a, 0), 0);
	assert_int_equal(tern_socket(k.st, TERN_AF_INET, TERN_SOCK_DGRAM, 0, 0),
			 a);
	expect_silence();
}

static void those_who_do_not_fit_come_next(void **state)
{
	struct tern_sockaddr to = kit_v4(127, 0, 0, 1, 0);
	struct tern_event e;
	int s[3], i;

	for (i = 0; i < 3; i++) {
		s[i] = tern_socket(k.st, TERN_AF_INET, TERN_SOCK_DGRAM, 0, 0);
		to.port = (uint16_t)(800 + i);
		assert_int_equal(tern_bind(k.st, s[i], &to, 0), 0);
	}
	for (i = 2; i >= 0; i--) {
		to.port = (uint16_t)(800 + i);
		assert_int_equal(tern_connect(k.st, b, &to, 0), 0);
		say("x");
	}
	for (i = 2; i >= 0; i--) {
		assert_int_equal(tern_events(k.st, &e, 1), 1);
		assert_int_equal(e.s, s[i]);
	}
	expect_silence();
}

static void an_error_is_news(void **state)
{
	int error = 0;
	size_t len = sizeof(error);

	assert_int_equal(tern_close(k.st, a, 0), 0);
	say("x");
	expect_news(b, TERN_POLLERR);
	assert_int_equal(tern_getsockopt(k.st, b, TERN_SOL_SOCKET,
					 TERN_SO_ERROR, &error, &len, 0),
			 0);
	assert_int_equal(error, TERN_ECONNREFUSED);
	assert_false(tern_poll(k.st, b) & TERN_POLLERR);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_pair, close_pair)
	const struct CMUnitTest tests[] = {
		CASE(news_are_told_once),
		CASE(news_of_a_closed_socket_are_forgotten),
		CASE(nor_are_they_told_of_who_has_its_number_next),
		CASE(those_who_do_not_fit_come_next),
		CASE(an_error_is_news),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
