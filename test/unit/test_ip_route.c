// SPDX-License-Identifier: BSD-2-Clause
/* Addresses, routes, source choice (N1), and forwarding (N2). */
#include "net_kit.h"

#include <string.h>

static struct net n;
static uint8_t bytes[NET_ROOM];
static uint8_t data[4000];
static int second; /* 192.168.0.1/16 and 2001:db8::1/32, MTU 1,000 */

static int set_up(void **state)
{
	const struct tern_link_config cfg = { .name = "two", .mtu = 1000 };
	const struct tern_addr v4 = net_addr("192.168.0.1");
	const struct tern_addr v6 = net_addr("2001:db8::1");

	net_open(&n);
	second = tern_link_add(n.st, &cfg, n.now);
	assert_int_equal(second, 2);
	assert_int_equal(tern_addr_add(n.st, second, &v4, 16, n.now), 0);
	assert_int_equal(tern_addr_add(n.st, second, &v6, 32, n.now), 0);
	return 0;
}

static int tear_down(void **state)
{
	net_close(&n);
	return 0;
}

static int add_route(const char *dst, unsigned prefix, int link,
		     const char *via, uint32_t metric)
{
	struct tern_route r = {
		.dst = net_addr(dst),
		.prefix = (uint8_t)prefix,
		.link = link,
		.metric = metric,
	};

	r.v6 = !tern_addr_is_v4(&r.dst);
	if (via)
		r.via = net_addr(via);
	return tern_route_add(n.st, &r, n.now);
}

/* The path to dst goes by this link, from this address. */
static void goes(const char *dst, int link, const char *src)
{
	struct tern_addr to = net_addr(dst), from = net_addr(src);
	struct ip_path path;

	assert_int_equal(ip_route(n.st, &to, NULL, false, &path), 0);
	assert_int_equal(path.link, link);
	assert_memory_equal(&path.src, &from, 16);
}

static void goes_nowhere(const char *dst)
{
	struct tern_addr to = net_addr(dst);
	struct ip_path path;

	assert_int_equal(ip_route(n.st, &to, NULL, false, &path),
			 -TERN_ENETUNREACH);
}

/* covers: N1 */
static void the_longest_prefix_wins(void **state)
{
	goes_nowhere("8.8.8.8");
	assert_int_equal(add_route("0.0.0.0", 0, 1, "10.0.0.254", 0), 0);
	assert_int_equal(add_route("8.0.0.0", 8, 2, "192.168.0.254", 0), 0);
	assert_int_equal(add_route("8.8.8.0", 24, 1, NULL, 0), 0);
	goes("8.8.8.8", 1, "10.0.0.1");
	goes("8.8.9.8", 2, "192.168.0.1");
	goes("9.9.9.9", 1, "10.0.0.1");
	goes("10.0.0.9", 1, "10.0.0.1");
	goes("192.168.77.1", 2, "192.168.0.1");
	goes_nowhere("2620::1");
	assert_int_equal(add_route("::", 0, 2, "2001:db8::fe", 0), 0);
	goes("2620::1", 2, "2001:db8::1");
	goes("fd00::77", 1, "fd00::1");
}

static void then_the_lowest_metric(void **state)
{
	assert_int_equal(add_route("8.0.0.0", 8, 1, NULL, 20), 0);
	assert_int_equal(add_route("8.0.0.0", 8, 2, NULL, 10), 0);
	goes("8.8.8.8", 2, "192.168.0.1");
	assert_int_equal(add_route("8.0.0.0", 8, 1, NULL, 5), 0);
	goes("8.8.8.8", 1, "10.0.0.1");
	assert_int_equal(add_route("8.0.0.0", 8, 1, NULL, 5), -TERN_EEXIST);
}

static void a_link_that_is_down_has_no_routes(void **state)
{
	assert_int_equal(add_route("8.0.0.0", 8, 1, NULL, 0), 0);
	assert_int_equal(add_route("0.0.0.0", 0, 2, NULL, 0), 0);
	assert_int_equal(tern_link_set_up(n.st, 1, false, n.now), 0);
	goes("8.8.8.8", 2, "192.168.0.1");
	goes("10.0.0.9", 2, "192.168.0.1");
	assert_int_equal(tern_link_set_up(n.st, 1, true, n.now), 0);
	goes("8.8.8.8", 1, "10.0.0.1");
}

static void bad_routes_are_refused(void **state)
{
	assert_int_equal(add_route("8.8.8.8", 24, 1, NULL, 0), -TERN_EINVAL);
	assert_int_equal(add_route("8.8.8.8", 33, 1, NULL, 0), -TERN_EINVAL);
	assert_int_equal(add_route("8.8.8.8", 32, 3, NULL, 0), -TERN_ENODEV);
	assert_int_equal(add_route("8.8.8.8", 32, 1, "fd00::2", 0),
			 -TERN_EINVAL);
	assert_int_equal(add_route("2620::", 129, 1, NULL, 0), -TERN_EINVAL);
}

static void our_addresses_are_reached_inside(void **state)
{
	goes("10.0.0.1", 0, "10.0.0.1");
	goes("192.168.0.1", 0, "192.168.0.1");
	goes("127.0.0.1", 0, "127.0.0.1");
	goes("127.1.2.3", 0, "127.0.0.1");
	goes("::1", 0, "::1");
	goes("fd00::1", 0, "fd00::1");
}

static void an_address_that_goes_takes_its_prefix_along(void **state)
{
	struct tern_addr a = net_addr("192.168.0.1");
	struct tern_addr b = net_addr("192.168.5.5");
	uint32_t generation = n.st->ip.generation;

	assert_int_equal(tern_addr_add(n.st, 2, &b, 16, n.now), 0);
	assert_int_not_equal(n.st->ip.generation, generation);
	assert_int_equal(tern_addr_add(n.st, 2, &b, 16, n.now), -TERN_EEXIST);
	assert_int_equal(tern_addr_del(n.st, 2, &a, n.now), 0);
	assert_false(ip_is_local(n.st, &a));
	goes("192.168.77.1", 2, "192.168.5.5");
	assert_int_equal(tern_addr_del(n.st, 2, &b, n.now), 0);
	assert_int_equal(tern_addr_del(n.st, 2, &b, n.now),
			 -TERN_EADDRNOTAVAIL);
	goes_nowhere("192.168.77.1");
}

static void a_thousand_addresses_are_all_ours(void **state)
{
	struct tern_addr a = net_addr("10.1.0.0");
	int i;

	for (i = 0; i < 1000; i++) {
		put_be16(a.b + 14, (uint16_t)(i + 1));
		assert_int_equal(tern_addr_add(n.st, 1, &a, 32, n.now), 0);
	}
	for (i = 0; i < 2000; i++) {
		put_be16(a.b + 14, (uint16_t)(i + 1));
		assert_int_equal(ip_is_local(n.st, &a), i < 1000);
	}
}

/* RFC 6724 section 5, the rules that apply. */
static void an_ipv6_source_is_chosen_by_rfc_6724(void **state)
{
	static const char *const more[] = { "fe80::1", "fd00:1::1",
					    "2002:a00::1", "fd00:0:0:1::1" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(more); i++) {
		struct tern_addr a = net_addr(more[i]);

		assert_int_equal(tern_addr_add(n.st, 1, &a, 64, n.now), 0);
	}
	assert_int_equal(add_route("::", 0, 1, NULL, 0), 0);
	/* 2: the scope; link-local only for link-local. */
	goes("fe80::2", 1, "fe80::1");
	/* 6: the label: 6to4 for 6to4, unique local for unique local, and for
	 * what is neither 5 counts: an address on this link. */
	goes("2002:b00::9", 1, "2002:a00::1");
	goes("fd12::9", 1, "fd00::1");
	/* 8: the longest prefix in common. */
	goes("fd00:1::9", 1, "fd00:1::1");
	goes("fd00:0:0:1::9", 1, "fd00:0:0:1::1");
}

static void a_source_must_be_ours(void **state)
{
	struct tern_addr to = net_addr("10.0.0.9"), from;
	struct ip_path path;

	from = net_addr("10.0.0.7");
	assert_int_equal(ip_route(n.st, &to, &from, false, &path),
			 -TERN_EINVAL);
	assert_int_equal(ip_route(n.st, &to, &from, true, &path), 0);
	/* The weak host model: any of ours by any link. */
	from = net_addr("192.168.0.1");
	assert_int_equal(ip_route(n.st, &to, &from, false, &path), 0);
	assert_int_equal(path.link, 1);
}

static void sockets_talk_over_the_loopback(void **state)
{
	int a = net_bound(&n, TERN_AF_INET, "127.0.0.1", 1000);
	int b = net_bound(&n, TERN_AF_INET6, "::", 2000);

	assert_int_equal(net_send(&n, a, "127.0.0.1", 2000, "over", 4), 4);
	net_recv_is(&n, b, "over", "127.0.0.1", 1000);
	assert_int_equal(net_send(&n, a, "0.0.0.0", 2000, "any", 3), 3);
	net_recv_is(&n, b, "any", "127.0.0.1", 1000);
	a = net_bound(&n, TERN_AF_INET, "10.0.0.1", 1000);
	assert_int_equal(net_send(&n, a, "192.168.0.1", 2000, "own", 3), 3);
	net_recv_is(&n, b, "own", "10.0.0.1", 1000);
	assert_int_equal(net_send(&n, b, "::1", 3000, "nobody", 6), 6);
	net_silence(&n);
	assert_false(net_out_by(&n, second));
}

/* covers: O13 */
static void the_loopbacks_queue_is_bounded(void **state)
{
	int a = net_bound(&n, TERN_AF_INET, "127.0.0.1", 1000), b;

	assert_int_equal(
		tern_sysctl_set(n.st, "netdev_max_backlog", "10", n.now), 0);
	net_set(&n, a, TERN_SOL_SOCKET, TERN_SO_RCVBUF, 1000000);
	/* From inside one call, so that nothing is taken out meanwhile. */
	n.st->ip.looping = true;
	for (int i = 0; i < 15; i++)
		assert_int_equal(net_send(&n, a, "127.0.0.1", 1000, "x", 1), 1);
	assert_int_equal(net_counter(&n, "UdpSndbufErrors"), 5);
	assert_int_equal(n.st->drops[DROP_BACKLOG_FULL], 5);
	/* Our own copy of a broadcast is lost there, too; it was not counted. */
	b = net_bound(&n, TERN_AF_INET, "10.0.0.1", 1001);
	net_set(&n, b, TERN_SOL_SOCKET, TERN_SO_BROADCAST, 1);
	assert_int_equal(net_send(&n, b, "10.0.0.255", 1000, "x", 1), 1);
	assert_true(net_out(&n));
	assert_int_equal(n.st->drops[DROP_BACKLOG_FULL], 6);
	n.st->ip.looping = false;
	assert_int_equal(tern_stack_deadline(n.st), n.now);
	net_wait(&n, 0);
	for (int i = 0; i < 10; i++)
		net_recv_is(&n, a, "x", "127.0.0.1", 1000);
	net_recv_nothing(&n, a);
}

static void forward(bool on)
{
	assert_int_equal(
		tern_sysctl_set(n.st, "ip_forward", on ? "1" : "0", n.now), 0);
}

/* covers: N2 */
static void packets_are_forwarded_a_hop_less(void **state)
{
	size_t len = net_udp(bytes, "10.0.0.2", 7, "192.168.0.2", 9, "data", 4);

	net_in(&n, bytes, len);
	assert_false(net_out_by(&n, second));
	forward(true);
	net_in(&n, bytes, len);
	assert_true(net_out_by(&n, second));
	assert_int_equal(n.ip.ttl, 63);
	assert_memory_equal(n.p, bytes + 20, 12);
	net_check_sums(&n);
	assert_false(net_out_by(&n, second));
	len = net_udp(bytes, "fd00::2", 7, "2001:db8::2", 9, "data", 4);
	net_in(&n, bytes, len);
	assert_true(net_out_by(&n, second));
	assert_int_equal(n.ip.ttl, 63);
	net_check_sums(&n);
	net_silence(&n);
	assert_int_equal(net_counter(&n, "IpForwDatagrams"), 2);
}

/* covers: S10 */
static void the_last_hop_is_told_of(void **state)
{
	size_t len = net_udp(bytes, "10.0.0.2", 7, "192.168.0.2", 9, "data", 4);
	struct tern_addr we = net_addr("10.0.0.1");

	forward(true);
	bytes[8] = 1;
	net_fix_ip4(bytes);
	net_in(&n, bytes, len);
	assert_false(net_out_by(&n, second));
	net_out_icmp(&n, ICMP4_TIME_EXCEEDED, 0);
	assert_memory_equal(&n.ip.src, &we, 16);
	assert_memory_equal(n.p + 8, bytes, 32);
	len = net_udp(bytes, "fd00::2", 7, "2001:db8::2", 9, "data", 4);
	bytes[7] = 1;
	net_in(&n, bytes, len);
	net_out_icmp(&n, ICMP6_TIME_EXCEEDED, 0);
	net_silence(&n);
}

static void no_route_is_told_of(void **state)
{
	forward(true);
	net_in(&n, bytes,
	       net_udp(bytes, "10.0.0.2", 7, "8.8.8.8", 9, "data", 4));
	net_out_icmp(&n, ICMP4_UNREACH, ICMP4_NET_UNREACH);
	net_in(&n, bytes, net_udp(bytes, "fd00::2", 7, "2620::1", 9, "", 0));
	net_out_icmp(&n, ICMP6_UNREACH, ICMP6_NO_ROUTE);
	assert_int_equal(net_counter(&n, "IpExtInNoRoutes"), 2);
}

static void what_stays_on_a_link_is_not_forwarded(void **state)
{
	static const char *const pairs[][2] = {
		{ "fe80::2", "2001:db8::2" },	   { "fd00::2", "fe80::9" },
		{ "fd00::2", "ff05::9" },	   { "10.0.0.2", "239.1.2.3" },
		{ "10.0.0.2", "192.168.255.255" },
	};
	size_t i;

	forward(true);
	for (i = 0; i < ARRAY_LEN(pairs); i++) {
		net_in(&n, bytes,
		       net_udp(bytes, pairs[i][0], 7, pairs[i][1], 9, "", 0));
		net_silence(&n);
		assert_false(net_out_by(&n, second));
	}
}

static void what_is_too_large_is_cut_or_told_of(void **state)
{
	size_t len =
		net_udp(bytes, "10.0.0.2", 7, "192.168.0.2", 9, data, 1400);
	uint32_t total = 0;

	forward(true);
	net_in(&n, bytes, len);
	while (net_out_by(&n, second)) {
		assert_true(n.ip.is_frag);
		assert_in_range(n.ip.len, 21, 1000);
		assert_int_equal(n.ip.frag_off, total);
		assert_int_equal(n.ip.more_frags, total + n.n < 1408);
		assert_memory_equal(n.p, bytes + 20 + total, n.n);
		total += n.n;
	}
	assert_int_equal(total, 1408);
	net_silence(&n);
	bytes[6] = 0x40; /* DF */
	net_fix_ip4(bytes);
	net_in(&n, bytes, len);
	net_out_icmp(&n, ICMP4_UNREACH, ICMP4_FRAG_NEEDED);
	assert_int_equal(get_be32(n.p + 4), 1000);
	/* An IPv6 packet is never cut on the way. */
	assert_int_equal(tern_link_set_mtu(n.st, second, 1300, n.now), 0);
	net_in(&n, bytes,
	       net_udp(bytes, "fd00::2", 7, "2001:db8::2", 9, data, 1400));
	net_out_icmp(&n, ICMP6_TOO_BIG, 0);
	assert_int_equal(get_be32(n.p + 4), 1300);
	net_silence(&n);
	assert_false(net_out_by(&n, second));
}

/* A fragment cut again keeps its place, and options go where they must. */
static void fragments_are_cut_again(void **state)
{
	/* Record route is not copied, router alert is. */
	static const uint8_t opts[12] = {
		7, 7, 4, 0, 0, 0, 0, 148, 4, 0, 0, 0
	};
	size_t len =
		net_udp(bytes, "10.0.0.2", 7, "192.168.0.2", 9, data, 1392);
	uint32_t total = 0;

	forward(true);
	memmove(bytes + 32, bytes + 20, len - 20);
	memcpy(bytes + 20, opts, sizeof(opts));
	bytes[0] = 0x48;
	put_be16(bytes + 2, (uint16_t)(len + 12));
	put_be16(bytes + 6, 0x2000 | 100); /* more, at 800 */
	net_fix_ip4(bytes);
	net_in(&n, bytes, len + 12);
	while (net_out_by(&n, second)) {
		assert_int_equal(n.ip.hdr_len, 32);
		assert_int_equal(n.ip.frag_off, 800 + total);
		assert_true(n.ip.more_frags);
		assert_int_equal(n.pkt->data[20], total ? 1 : 7);
		assert_int_equal(n.pkt->data[27], 148);
		assert_memory_equal(n.p, bytes + 32 + total, n.n);
		total += n.n;
	}
	assert_int_equal(total, 1400);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(the_longest_prefix_wins),
		CASE(then_the_lowest_metric),
		CASE(a_link_that_is_down_has_no_routes),
		CASE(bad_routes_are_refused),
		CASE(our_addresses_are_reached_inside),
		CASE(an_address_that_goes_takes_its_prefix_along),
		CASE(a_thousand_addresses_are_all_ours),
		CASE(an_ipv6_source_is_chosen_by_rfc_6724),
		CASE(a_source_must_be_ours),
		CASE(sockets_talk_over_the_loopback),
		CASE(the_loopbacks_queue_is_bounded),
		CASE(packets_are_forwarded_a_hop_less),
		CASE(the_last_hop_is_told_of),
		CASE(no_route_is_told_of),
		CASE(what_stays_on_a_link_is_not_forwarded),
		CASE(what_is_too_large_is_cut_or_told_of),
		CASE(fragments_are_cut_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
