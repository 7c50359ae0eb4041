// SPDX-License-Identifier: BSD-2-Clause
/* Who may bind where, and which of several sockets gets a datagram (S8). */
#include "net_kit.h"

#include <string.h>

#define V4 TERN_AF_INET
#define V6 TERN_AF_INET6
#define SOL TERN_SOL_SOCKET

static struct net n;
static uint8_t bytes[NET_ROOM], in[NET_ROOM];

static int set_up(void **state)
{
	net_open(&n);
	return 0;
}

static int tear_down(void **state)
{
	net_close(&n);
	return 0;
}

static void udp_in(const char *src, uint16_t sport, const char *dst,
		   uint16_t dport, const char *text)
{
	net_in(&n, bytes,
	       net_udp(bytes, src, sport, dst, dport, text, strlen(text)));
}

static int connect_to(int s, const char *addr, uint16_t port)
{
	struct tern_sockaddr sa = net_name(addr, port);

	return tern_connect(n.st, s, &sa, n.now);
}

static int bind_to(int s, int family, const char *addr, uint16_t port)
{
	struct tern_sockaddr sa = net_name(addr, port);

	sa.family = (uint16_t)family;
	return tern_bind(n.st, s, &sa, n.now);
}

static void bind_conflicts_are_those_of_linux(void **state)
{
	static const struct {
		int family;
		const char *addr;
		int v6only;
	} specs[9] = {
		{ V4, "0.0.0.0" },
		{ V4, "10.0.0.1" },
		{ V4, "127.0.0.1" },
		{ V6, "::" },
		{ V6, "::", 1 },
		{ V6, "fd00::1" },
		{ V6, "::1" },
		{ V6, "::ffff:10.0.0.1" },
		{ V6, "::ffff:0.0.0.0" },
	};
	static const char *const conflict[9] = {
		"xxxx...xx", "xx.x...xx", "x.xx....x", "xxxxxxxxx", "...xxxx..",
		"...xxx...", "...xx.x..", "xx.x...xx", "xxxx...xx",
	};
	/* Options of the first and the second socket; may they share? */
	static const struct {
		int first, second;
		bool share;
	} reuse[] = {
		{ 0, 0, false },
		{ TERN_SO_REUSEADDR, 0, false },
		{ TERN_SO_REUSEADDR, TERN_SO_REUSEADDR, true },
		{ TERN_SO_REUSEPORT, 0, false },
		{ TERN_SO_REUSEPORT, TERN_SO_REUSEPORT, true },
		{ TERN_SO_REUSEADDR, TERN_SO_REUSEPORT, false },
	};
	size_t i, j, k, side;
	int s[2];

	for (k = 0; k < ARRAY_LEN(reuse); k++) {
		for (i = 0; i < 81; i++) {
			for (side = 0; side < 2; side++) {
				int opt = side ? reuse[k].second :
						 reuse[k].first;

				j = side ? i % 9 : i / 9;
				s[side] = net_socket(&n, specs[j].family);
				if (specs[j].v6only)
					net_set(&n, s[side], TERN_IPPROTO_IPV6,
						TERN_IPV6_V6ONLY, 1);
				if (opt)
					net_set(&n, s[side], SOL, opt, 1);
				assert_int_equal(
					bind_to(s[side], specs[j].family,
						specs[j].addr, 5000),
					side && conflict[i / 9][i % 9] == 'x' &&
							!reuse[k].share ?
						-TERN_EADDRINUSE :
						0);
			}
			tern_close(n.st, s[0], n.now);
			tern_close(n.st, s[1], n.now);
		}
	}
}

static void only_our_addresses_are_bound_to(void **state)
{
	int s = net_socket(&n, V4);

	assert_int_equal(bind_to(s, V4, "10.0.0.2", 5000), -TERN_EADDRNOTAVAIL);
	assert_int_equal(bind_to(s, V4, "10.0.0.255", 5000), 0);
	assert_int_equal(bind_to(s, V4, "10.0.0.1", 5001), -TERN_EINVAL);
	s = net_socket(&n, V4);
	net_set(&n, s, TERN_IPPROTO_IP, TERN_IP_FREEBIND, 1);
	assert_int_equal(bind_to(s, V4, "10.0.0.2", 5000), 0);
}

static void the_most_exact_socket_gets_it(void **state)
{
	static const struct {
		int family[2];
		const char *addr[2], *dst;
		int who;
	} cases[] = {
		{ { V4, V4 }, { "0.0.0.0", "0.0.0.0" }, "10.0.0.1", 1 },
		{ { V4, V6 }, { "0.0.0.0", "::" }, "10.0.0.1", 0 },
		{ { V6, V4 }, { "::", "0.0.0.0" }, "10.0.0.1", 1 },
		{ { V4, V4 }, { "10.0.0.1", "0.0.0.0" }, "10.0.0.1", 0 },
		{ { V6, V4 }, { "::ffff:10.0.0.1", "0.0.0.0" }, "10.0.0.1", 0 },
		{ { V6, V4 },
		  { "::ffff:10.0.0.1", "10.0.0.1" },
		  "10.0.0.1",
		  1 },
		{ { V4, V6 },
		  { "10.0.0.1", "::ffff:10.0.0.1" },
		  "10.0.0.1",
		  0 },
		{ { V6, V6 }, { "fd00::1", "::" }, "fd00::1", 0 },
	};
	size_t i, k;
	int s[2];

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		for (k = 0; k < 2; k++) {
			s[k] = net_socket(&n, cases[i].family[k]);
			net_set(&n, s[k], SOL, TERN_SO_REUSEADDR, 1);
			assert_int_equal(bind_to(s[k], cases[i].family[k],
						 cases[i].addr[k], 5000),
					 0);
		}
		udp_in(cases[i].dst[0] == 'f' ? "fd00::2" : "10.0.0.2", 7,
		       cases[i].dst, 5000, "x");
		net_recv_nothing(&n, s[!cases[i].who]);
		assert_int_equal(
			tern_recv(n.st, s[cases[i].who], in, 1, 0, n.now), 1);
		tern_close(n.st, s[0], n.now);
		tern_close(n.st, s[1], n.now);
	}
}

static void a_group_shares_the_flows(void **state)
{
	int s[4], i, k, had[4] = { 0 }, who;

	for (i = 0; i < 4; i++) {
		s[i] = net_socket(&n, V4);
		net_set(&n, s[i], SOL, TERN_SO_REUSEPORT, 1);
		assert_int_equal(bind_to(s[i], V4, "0.0.0.0", 5000), 0);
	}
	for (i = 0; i < 400; i++) {
		/* Both datagrams of a flow go to one socket. */
		for (k = 0, who = -1; k < 2; k++) {
			udp_in("10.0.0.2", (uint16_t)(1000 + i), "10.0.0.1",
			       5000, "x");
			for (int j = 0; j < 4; j++) {
				if (tern_recv(n.st, s[j], in, 1, 0, n.now) < 0)
					continue;
				assert_true(who < 0 || who == j);
				who = j;
			}
			assert_true(who >= 0);
		}
		had[who]++;
	}
	for (i = 0; i < 4; i++)
		assert_in_range(had[i], 60, 140);
}

static void an_ipv6_socket_speaks_ipv4_too(void **state)
{
	int s = net_bound(&n, V6, "::", 5000);
	struct tern_sockaddr name;

	udp_in("10.0.0.2", 7, "10.0.0.1", 5000, "four");
	net_recv_is(&n, s, "four", "10.0.0.2", 7);
	assert_int_equal(net_send(&n, s, "10.0.0.2", 7, "x", 1), 1);
	assert_true(net_out(&n));
	assert_false(n.ip.v6);
	assert_int_equal(connect_to(s, "10.0.0.2", 7), 0);
	assert_int_equal(tern_getsockname(n.st, s, &name), 0);
	assert_int_equal(name.family, V6);
	assert_true(tern_addr_is_v4(&name.addr));
	s = net_socket(&n, V6);
	net_set(&n, s, TERN_IPPROTO_IPV6, TERN_IPV6_V6ONLY, 1);
	assert_int_equal(bind_to(s, V6, "::", 6000), 0);
	udp_in("10.0.0.2", 7, "10.0.0.1", 6000, "four");
	net_recv_nothing(&n, s);
	assert_int_equal(net_send(&n, s, "10.0.0.2", 7, "x", 1),
			 -TERN_ENETUNREACH);
}

static void ephemeral_ports_are_taken_until_there_are_none(void **state)
{
	struct tern_sockaddr name;
	bool seen[10] = { 0 };
	int s, i;

	assert_int_equal(tern_sysctl_set(n.st, "ip_local_port_range",
					 "40000 40009", n.now),
			 0);
	for (i = 0; i < 10; i++) {
		s = net_bound(&n, V4, "0.0.0.0", 0);
		assert_int_equal(tern_getsockname(n.st, s, &name), 0);
		assert_in_range(name.port, 40000, 40009);
		assert_false(seen[name.port - 40000]);
		seen[name.port - 40000] = true;
	}
	s = net_socket(&n, V4);
	assert_int_equal(bind_to(s, V4, "0.0.0.0", 0), -TERN_EADDRINUSE);
	assert_int_equal(net_send(&n, s, "10.0.0.2", 7, "x", 1), -TERN_EAGAIN);
	assert_int_equal(bind_to(s, V4, "0.0.0.0", 41000), 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(bind_conflicts_are_those_of_linux),
		CASE(only_our_addresses_are_bound_to),
		CASE(the_most_exact_socket_gets_it),
		CASE(a_group_shares_the_flows),
		CASE(an_ipv6_socket_speaks_ipv4_too),
		CASE(ephemeral_ports_are_taken_until_there_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
