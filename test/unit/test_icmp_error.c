// SPDX-License-Identifier: BSD-2-Clause
/* ICMP errors: which we send and how often, and what those we get mean. */
#include "net_kit.h"

#include <stdio.h>
#include <string.h>

static struct net n;
static uint8_t bytes[NET_ROOM], quote[NET_ROOM];
static uint8_t data[2000];

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

static void udp_in(const char *src, const char *dst, size_t size)
{
	net_in(&n, bytes, net_udp(bytes, src, 7, dst, 9, data, size));
}

/* covers: S8 */
static void a_closed_udp_port_answers_unreachable(void **state)
{
	udp_in("10.0.0.2", "10.0.0.1", 4);
	net_out_icmp(&n, ICMP4_UNREACH, ICMP4_PORT_UNREACH);
	assert_int_equal(n.ip.tos, 0xc0);
	assert_int_equal(n.n, 8 + 32);
	assert_memory_equal(n.p + 8, bytes, 32);
	net_silence(&n);
	udp_in("fd00::2", "fd00::1", 4);
	net_out_icmp(&n, ICMP6_UNREACH, ICMP6_PORT_UNREACH);
	assert_memory_equal(n.p + 8, bytes, 52);
	net_silence(&n);
	assert_int_equal(net_counter(&n, "UdpNoPorts"), 2);
	assert_int_equal(net_counter(&n, "IcmpOutDestUnreachs"), 2);
}

static void a_quote_fits_576_or_1280_bytes(void **state)
{
	udp_in("10.0.0.2", "10.0.0.1", 1400);
	net_out_icmp(&n, ICMP4_UNREACH, ICMP4_PORT_UNREACH);
	assert_int_equal(n.ip.len, 576);
	udp_in("fd00::2", "fd00::1", 1400);
	net_out_icmp(&n, ICMP6_UNREACH, ICMP6_PORT_UNREACH);
	assert_int_equal(n.ip.len, 1280);
}

static void some_packets_are_never_answered(void **state)
{
	const struct wire_icmp unreach = { ICMP4_UNREACH, 9, 0 };
	struct wire_ip h = {
		.src = net_addr("10.0.0.2"),
		.dst = net_addr("10.0.0.1"),
		.protocol = 99,
		.is_frag = true,
		.frag_off = 800,
	};
	size_t len;

	/* To many. */
	udp_in("10.0.0.2", "10.0.0.255", 4);
	udp_in("10.0.0.2", "255.255.255.255", 4);
	udp_in("10.0.0.2", "224.0.0.1", 4);
	udp_in("fd00::2", "ff02::1", 4);
	net_silence(&n);
	/* From nobody in particular. */
	udp_in("0.0.0.0", "255.255.255.255", 4);
	udp_in("::", "fd00::1", 4);
	net_silence(&n);
	/* An error, whatever is wrong with it. */
	len = net_icmp(bytes, "10.0.0.2", "10.0.0.1", &unreach, "x", 1);
	net_in(&n, bytes, len);
	net_silence(&n);
	/* A later fragment: not even when it is forwarded and expires. */
	assert_int_equal(tern_sysctl_set(n.st, "ip_forward", "1", n.now), 0);
	h.dst = net_addr("10.0.0.3");
	h.ttl = 1;
	net_in(&n, bytes, net_ip(bytes, &h, "12345678", 8));
	net_silence(&n);
	h.frag_off = 0;
	h.more_frags = true;
	net_in(&n, bytes, net_ip(bytes, &h, "12345678", 8));
	net_out_icmp(&n, ICMP4_TIME_EXCEEDED, 0);
	/* A checksum that is wrong, or missing where it must not be. */
	len = net_udp(bytes, "10.0.0.2", 7, "10.0.0.1", 9, data, 4);
	bytes[26] ^= 1;
	net_in(&n, bytes, len);
	len = net_udp(bytes, "fd00::2", 7, "fd00::1", 9, data, 4);
	bytes[46] = bytes[47] = 0;
	net_in(&n, bytes, len);
	net_silence(&n);
}

static int answers(const char *src, const char *dst, int tries)
{
	int i, k = 0;

	for (i = 0; i < tries; i++) {
		udp_in(src, dst, 4);
		k += kit_drain(&n.kit, n.now);
	}
	return k;
}

static void one_destination_gets_six_at_once_then_one_a_second(void **state)
{
	assert_int_equal(answers("10.0.0.2", "10.0.0.1", 50), 6);
	assert_int_equal(answers("10.0.0.3", "10.0.0.1", 50), 6);
	assert_int_equal(answers("fd00::2", "fd00::1", 50), 6);
	assert_int_equal(net_counter(&n, "IcmpOutRateLimitHost"), 132);
	net_wait(&n, S - 1);
	assert_int_equal(answers("10.0.0.2", "10.0.0.1", 5), 0);
	net_wait(&n, 1);
	assert_int_equal(answers("10.0.0.2", "10.0.0.1", 5), 1);
	net_wait(&n, 100 * S);
	assert_int_equal(answers("10.0.0.2", "10.0.0.1", 50), 6);
	assert_int_equal(tern_sysctl_set(n.st, "icmp_ratelimit", "0", n.now),
			 0);
	assert_int_equal(answers("10.0.0.2", "10.0.0.1", 50), 50);
}

/* An error that could not be made for want of memory was counted as one that
 * the limit had held back, or not at all (RFC 2011, icmpOutErrors). */
static void an_error_without_memory_is_counted(void **state)
{
	int failed = 0;

	for (int left = 0; left < 8; left++) {
		struct tern_pkt *pkt;
		size_t len;

		net_close(&n);
		net_open(&n);
		len = net_udp(bytes, "10.0.0.2", 7, "10.0.0.1", 9, data, 4);
		pkt = kit_pkt(&n.kit, bytes, len);
		n.kit.alloc.n_left = left;
		tern_stack_input(n.st, n.kit.link, &pkt, 1, n.now);
		if (kit_drain(&n.kit, n.now))
			break;
		failed++;
		assert_int_equal(net_counter(&n, "IcmpOutErrors"), 1);
		assert_int_equal(net_counter(&n, "IcmpOutRateLimitHost"), 0);
		n.kit.alloc.n_left = -1;
	}
	assert_in_range(failed, 2, 7);
}

static int from_everywhere(int count)
{
	int i, k = 0;

	for (i = 0; i < count; i++) {
		size_t len =
			net_udp(bytes, "99.0.0.0", 7, "10.0.0.1", 9, data, 4);

		put_be16(bytes + 14, (uint16_t)i);
		net_fix_ip4(bytes);
		bytes[26] = bytes[27] = 0; /* no UDP checksum */
		net_in(&n, bytes, len);
		k += kit_drain(&n.kit, n.now);
	}
	return k;
}

/* A common limit that counted exactly would tell everybody what others have
 * used: it is reached by lot, between once and twice its size. */
static void all_together_are_limited_by_lot(void **state)
{
	struct tern_route r = { .link = n.kit.link };
	int first, second;

	assert_int_equal(tern_route_add(n.st, &r, n.now), 0);
	assert_int_equal(
		tern_sysctl_set(n.st, "icmp_msgs_per_sec", "100", n.now), 0);
	assert_int_equal(tern_sysctl_set(n.st, "icmp_msgs_burst", "100", n.now),
			 0);
	from_everywhere(20000); /* all that was there at first */
	net_wait(&n, S);
	first = from_everywhere(1000);
	net_wait(&n, S);
	second = from_everywhere(1000);
	assert_in_range(first, 70, 140);
	assert_in_range(second, 70, 140);
	assert_int_not_equal(first, second);
}

/* An error about a datagram that was just sent to addr:7. */
static void error_about(const char *addr, const struct wire_icmp *icmp)
{
	bool v6 = net_addr(addr).b[0] == 0xfd;

	assert_true(net_out(&n));
	memcpy(quote, n.pkt->data, n.pkt->len);
	net_in(&n, bytes,
	       net_icmp(bytes, addr, v6 ? "fd00::1" : "10.0.0.1", icmp, quote,
			n.pkt->len));
}

static int connected(const char *addr)
{
	struct tern_sockaddr sa = net_name(addr, 7);
	int s = net_socket(&n, sa.family);

	assert_int_equal(tern_connect(n.st, s, &sa, n.now), 0);
	return s;
}

struct outcome {
	uint8_t type, code;
	int plain, asked; /* SO_ERROR without and with IP_RECVERR */
};

static void check_outcomes(const char *addr, const struct outcome *o, size_t k)
{
	bool v6 = net_addr(addr).b[0] == 0xfd;
	struct wire_icmp icmp = { 0 };
	size_t i;
	int s;

	for (i = 0; i < k; i++) {
		icmp.type = o[i].type;
		icmp.code = o[i].code;
		icmp.rest = 1400;
		s = connected(addr);
		assert_int_equal(net_send(&n, s, NULL, 0, "hello", 5), 5);
		error_about(addr, &icmp);
		assert_int_equal(net_error(&n, s), o[i].plain);
		assert_int_equal(net_error(&n, s), 0);
		if (v6)
			net_set(&n, s, TERN_IPPROTO_IPV6, TERN_IPV6_RECVERR, 1);
		else
			net_set(&n, s, TERN_IPPROTO_IP, TERN_IP_RECVERR, 1);
		assert_int_equal(net_send(&n, s, NULL, 0, "hello", 5), 5);
		error_about(addr, &icmp);
		assert_int_equal(net_error(&n, s), o[i].asked);
		assert_int_equal(tern_close(n.st, s, n.now), 0);
	}
}

/* As Linux 6.18 answers. */
static void errors_mean_what_they_mean_on_linux(void **state)
{
	static const struct outcome v4[] = {
		{ 3, 0, 0, TERN_ENETUNREACH },
		{ 3, 1, 0, TERN_EHOSTUNREACH },
		{ 3, 2, TERN_ENOPROTOOPT, TERN_ENOPROTOOPT },
		{ 3, 3, TERN_ECONNREFUSED, TERN_ECONNREFUSED },
		{ 3, 4, TERN_EMSGSIZE, TERN_EMSGSIZE },
		{ 3, 5, 0, TERN_EOPNOTSUPP },
		{ 3, 6, TERN_ENETUNREACH, TERN_ENETUNREACH },
		{ 3, 7, TERN_EHOSTDOWN, TERN_EHOSTDOWN },
		{ 3, 8, TERN_ENONET, TERN_ENONET },
		{ 3, 9, TERN_ENETUNREACH, TERN_ENETUNREACH },
		{ 3, 10, TERN_EHOSTUNREACH, TERN_EHOSTUNREACH },
		{ 3, 11, 0, TERN_ENETUNREACH },
		{ 3, 12, 0, TERN_EHOSTUNREACH },
		{ 3, 13, TERN_EHOSTUNREACH, TERN_EHOSTUNREACH },
		{ 3, 14, TERN_EHOSTUNREACH, TERN_EHOSTUNREACH },
		{ 3, 15, TERN_EHOSTUNREACH, TERN_EHOSTUNREACH },
		{ 3, 16, 0, 0 },
		{ 4, 0, 0, 0 },
		{ 5, 0, 0, 0 },
		{ 11, 0, 0, TERN_EHOSTUNREACH },
		{ 11, 1, 0, 0 },
		{ 12, 0, TERN_EPROTO, TERN_EPROTO },
	};
	static const struct outcome v6[] = {
		{ 1, 0, 0, TERN_ENETUNREACH },
		{ 1, 1, TERN_EACCES, TERN_EACCES },
		{ 1, 2, 0, TERN_EHOSTUNREACH },
		{ 1, 3, 0, TERN_EHOSTUNREACH },
		{ 1, 4, TERN_ECONNREFUSED, TERN_ECONNREFUSED },
		{ 1, 5, TERN_EACCES, TERN_EACCES },
		{ 1, 6, TERN_EACCES, TERN_EACCES },
		{ 1, 7, TERN_EPROTO, TERN_EPROTO },
		{ 2, 0, TERN_EMSGSIZE, TERN_EMSGSIZE },
		{ 3, 0, 0, TERN_EHOSTUNREACH },
		{ 3, 1, 0, TERN_EHOSTUNREACH },
		{ 4, 0, TERN_EPROTO, TERN_EPROTO },
		{ 5, 0, 0, TERN_EPROTO },
		{ 100, 0, 0, TERN_EPROTO },
	};

	check_outcomes("10.0.0.2", v4, ARRAY_LEN(v4));
	check_outcomes("fd00::2", v6, ARRAY_LEN(v6));
}

static void an_error_about_another_flow_is_nobodys(void **state)
{
	const struct wire_icmp icmp = { ICMP4_UNREACH, ICMP4_PORT_UNREACH, 0 };
	int s = connected("10.0.0.2");
	size_t len;

	assert_int_equal(net_send(&n, s, NULL, 0, "hello", 5), 5);
	assert_true(net_out(&n));
	memcpy(quote, n.pkt->data, n.pkt->len);
	len = n.pkt->len;
	quote[21] ^= 1; /* our port */
	net_in(&n, bytes,
	       net_icmp(bytes, "10.0.0.2", "10.0.0.1", &icmp, quote, len));
	assert_int_equal(net_error(&n, s), 0);
	quote[21] ^= 1;
	quote[23] ^= 1; /* theirs */
	net_in(&n, bytes,
	       net_icmp(bytes, "10.0.0.2", "10.0.0.1", &icmp, quote, len));
	assert_int_equal(net_error(&n, s), 0);
	quote[23] ^= 1;
	/* Too short to say whom it is about. */
	net_in(&n, bytes,
	       net_icmp(bytes, "10.0.0.2", "10.0.0.1", &icmp, quote, 27));
	assert_int_equal(net_error(&n, s), 0);
	net_in(&n, bytes,
	       net_icmp(bytes, "10.0.0.2", "10.0.0.1", &icmp, quote, 28));
	assert_int_equal(net_error(&n, s), TERN_ECONNREFUSED);
}

/* covers: S11 */
static void a_path_mtu_is_learned_and_forgotten(void **state)
{
	struct wire_icmp icmp = { ICMP4_UNREACH, ICMP4_FRAG_NEEDED, 1000 };
	int s = connected("10.0.0.2");

	assert_int_equal(net_get(&n, s, 0, TERN_IP_MTU), 1500);
	assert_int_equal(net_send(&n, s, NULL, 0, data, 1400), 1400);
	error_about("10.0.0.2", &icmp);
	assert_int_equal(net_error(&n, s), TERN_EMSGSIZE);
	assert_int_equal(net_get(&n, s, 0, TERN_IP_MTU), 1000);
	/* The next one goes in pieces that fit, without DF. */
	assert_int_equal(net_send(&n, s, NULL, 0, data, 1400), 1400);
	assert_true(net_out(&n));
	assert_in_range(n.ip.len, 900, 1000);
	assert_false(n.ip.df);
	assert_true(net_out(&n));
	net_silence(&n);
	/* Larger is no news; much smaller is not believed. */
	assert_int_equal(net_send(&n, s, NULL, 0, data, 100), 100);
	icmp.rest = 1200;
	error_about("10.0.0.2", &icmp);
	assert_int_equal(net_get(&n, s, 0, TERN_IP_MTU), 1000);
	net_error(&n, s);
	assert_int_equal(net_send(&n, s, NULL, 0, data, 100), 100);
	icmp.rest = 68;
	error_about("10.0.0.2", &icmp);
	assert_int_equal(net_get(&n, s, 0, TERN_IP_MTU), 552);
	net_wait(&n, 600 * S);
	assert_int_equal(net_get(&n, s, 0, TERN_IP_MTU), 1500);
}

static void an_ipv6_path_mtu_is_at_least_1280(void **state)
{
	struct wire_icmp icmp = { ICMP6_TOO_BIG, 0, 1000 };
	int s = connected("fd00::2");

	assert_int_equal(net_send(&n, s, NULL, 0, data, 1400), 1400);
	error_about("fd00::2", &icmp);
	assert_int_equal(net_error(&n, s), TERN_EMSGSIZE);
	assert_int_equal(net_get(&n, s, TERN_IPPROTO_IPV6, TERN_IPV6_MTU),
			 1280);
}

/* The table of path MTUs is bounded whatever is sent where. */
static void path_mtus_are_bounded(void **state)
{
	struct wire_icmp icmp = { ICMP4_UNREACH, ICMP4_FRAG_NEEDED, 1000 };
	struct tern_route r = { .link = n.kit.link };
	size_t before;
	int s, i;
	char to[32];

	assert_int_equal(tern_route_add(n.st, &r, n.now), 0);
	s = net_socket(&n, TERN_AF_INET);
	before = n.kit.alloc.used;
	for (i = 0; i < 5000; i++) {
		snprintf(to, sizeof(to), "99.0.%d.%d", i / 250, i % 250);
		assert_int_equal(net_send(&n, s, to, 7, data, 100), 100);
		error_about(to, &icmp);
	}
	assert_in_range(n.kit.alloc.used, before, before + 150000);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_closed_udp_port_answers_unreachable),
		CASE(a_quote_fits_576_or_1280_bytes),
		CASE(some_packets_are_never_answered),
		CASE(one_destination_gets_six_at_once_then_one_a_second),
		CASE(all_together_are_limited_by_lot),
		CASE(errors_mean_what_they_mean_on_linux),
		CASE(an_error_about_another_flow_is_nobodys),
		CASE(a_path_mtu_is_learned_and_forgotten),
		CASE(an_ipv6_path_mtu_is_at_least_1280),
		CASE(path_mtus_are_bounded),
		CASE(an_error_without_memory_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
