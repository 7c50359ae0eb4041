// SPDX-License-Identifier: BSD-2-Clause
#include "stack_kit.h"

static struct kit k;
static int listener;

static int open_listener(void **state)
{
	struct tern_sockaddr here = kit_v4(127, 0, 0, 1, 7);

	kit_init(&k);
	k.cfg.max_sockets = 4;
	kit_open(&k, 0);
	listener = tern_socket(k.st, TERN_AF_INET, TERN_SOCK_STREAM, 0, 0);
	assert_int_equal(tern_bind(k.st, listener, &here, 0), 0);
	assert_int_equal(tern_listen(k.st, listener, 8, 0), 0);
	return 0;
}

static int close_all(void **state)
{
	kit_close(&k);
	return 0;
}

static int dial(void)
{
	struct tern_sockaddr here = kit_v4(127, 0, 0, 1, 7);
	int s = tern_socket(k.st, TERN_AF_INET, TERN_SOCK_STREAM, 0, 0);

	assert_true(s >= 0);
	assert_int_equal(tern_connect(k.st, s, &here, 0), -TERN_EINPROGRESS);
	assert_true(tern_poll(k.st, s) & TERN_POLLOUT);
	return s;
}

static void who_is_accepted_is_told(void **state)
{
	struct tern_sockaddr peer, name;
	int c = dial(), s;

	s = tern_accept(k.st, listener, &peer, 0);
	assert_int_equal(s, c + 1);
	assert_int_equal(tern_getsockname(k.st, c, &name), 0);
	assert_int_equal(peer.family, TERN_AF_INET);
	assert_int_equal(peer.port, name.port);
	assert_true(tern_addr_equal(&peer.addr, &name.addr));
	assert_int_equal(tern_accept(k.st, listener, &peer, 0), -TERN_EAGAIN);
}

/* accept() did not tell the peer of a connection that was reset while it
 * waited. */
static void who_was_reset_meanwhile_is_told(void **state)
{
	const struct tern_linger at_once = { 1, 0 };
	struct tern_sockaddr peer, name;
	int c = dial(), s;

	assert_int_equal(tern_getsockname(k.st, c, &name), 0);
	tern_setsockopt(k.st, c, TERN_SOL_SOCKET, TERN_SO_LINGER, &at_once,
			sizeof(at_once), 0);
	assert_int_equal(tern_close(k.st, c, 0), 0);
	s = tern_accept(k.st, listener, &peer, 0);
	assert_true(s >= 0);
	assert_int_equal(peer.port, name.port);
	assert_true(tern_addr_equal(&peer.addr, &name.addr));
	assert_int_equal(tern_getpeername(k.st, s, &name), -TERN_ENOTCONN);
}

/* A number that could not be given must not cost the connection.
 * covers: O17 */
static void without_a_number_the_connection_waits(void **state)
{
	int c[3], i, s;
	char byte;

	for (i = 0; i < 3; i++)
		c[i] = dial();
	assert_int_equal(tern_socket(k.st, TERN_AF_INET, TERN_SOCK_STREAM, 0,
				     0),
			 -TERN_EMFILE);
	for (i = 0; i < 3; i++)
		assert_int_equal(tern_accept(k.st, listener, NULL, 0),
				 -TERN_EMFILE);
	assert_int_equal(tern_send(k.st, c[0], "x", 1, 0, 0), 1);
	assert_int_equal(tern_close(k.st, c[2], 0), 0);
	s = tern_accept(k.st, listener, NULL, 0);
	assert_int_equal(s, c[2]);
	assert_int_equal(tern_recv(k.st, s, &byte, 1, 0, 0), 1);
	assert_int_equal(byte, 'x');
	assert_int_equal(tern_accept(k.st, listener, NULL, 0), -TERN_EMFILE);
}

static void a_failed_accept_takes_no_number(void **state)
{
	assert_int_equal(tern_accept(k.st, listener, NULL, 0), -TERN_EAGAIN);
	assert_int_equal(tern_socket(k.st, TERN_AF_INET, TERN_SOCK_STREAM, 0,
				     0),
			 listener + 1);
}

/* Data that came before accept() would else be waited for in vain. */
static void an_accepted_socket_is_news(void **state)
{
	struct tern_event e[8];
	int c = dial(), s, i, n, hits = 0;

	assert_int_equal(tern_send(k.st, c, "x", 1, 0, 0), 1);
	while (tern_events(k.st, e, 8))
		;
	s = tern_accept(k.st, listener, NULL, 0);
	n = tern_events(k.st, e, 8);
	for (i = 0; i < n; i++)
		hits += e[i].s == s && e[i].ready & TERN_POLLIN;
	assert_int_equal(hits, 1);
}

static void an_accepted_socket_is_of_its_listeners_family(void **state)
{
	struct tern_sockaddr any = { .family = TERN_AF_INET6, .port = 8 };
	struct tern_sockaddr to = kit_v4(127, 0, 0, 1, 8), peer;
	int l = tern_socket(k.st, TERN_AF_INET6, TERN_SOCK_STREAM, 0, 0);
	int c = tern_socket(k.st, TERN_AF_INET, TERN_SOCK_STREAM, 0, 0);
	size_t len = sizeof(int);
	int s, family;

	assert_int_equal(tern_bind(k.st, l, &any, 0), 0);
	assert_int_equal(tern_listen(k.st, l, 8, 0), 0);
	assert_int_equal(tern_connect(k.st, c, &to, 0), -TERN_EINPROGRESS);
	s = tern_accept(k.st, l, &peer, 0);
	assert_true(s >= 0);
	assert_int_equal(peer.family, TERN_AF_INET6);
	assert_true(tern_addr_is_v4(&peer.addr));
	assert_int_equal(tern_getsockopt(k.st, s, TERN_SOL_SOCKET,
					 TERN_SO_DOMAIN, &family, &len, 0),
			 0);
	assert_int_equal(family, TERN_AF_INET6);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_listener, close_all)
	const struct CMUnitTest tests[] = {
		CASE(who_is_accepted_is_told),
		CASE(who_was_reset_meanwhile_is_told),
		CASE(without_a_number_the_connection_waits),
		CASE(a_failed_accept_takes_no_number),
		CASE(an_accepted_socket_is_news),
		CASE(an_accepted_socket_is_of_its_listeners_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
