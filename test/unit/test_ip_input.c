// SPDX-License-Identifier: BSD-2-Clause
/* The way in, and echo: what is answered, what is dropped, and why. */
#include "net_kit.h"

#include <string.h>

static struct net n;
static uint8_t bytes[NET_ROOM];

static const struct wire_icmp ping4 = { ICMP4_ECHO_REQUEST, 0, 0x12340001 };
static const struct wire_icmp ping6 = { ICMP6_ECHO_REQUEST, 0, 0x12340001 };

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

/* covers: S10 */
static void an_echo_request_is_answered(void **state)
{
	size_t len = net_icmp(bytes, "10.0.0.2", "10.0.0.1", &ping4, "data", 4);

	bytes[1] = 0x28; /* TOS */
	net_fix_ip4(bytes);
	net_in(&n, bytes, len);
	net_out_icmp(&n, ICMP4_ECHO_REPLY, 0);
	assert_int_equal(get_be32(n.p + 4), 0x12340001);
	assert_memory_equal(n.p + 8, "data", 4);
	assert_int_equal(n.ip.ttl, 64);
	assert_int_equal(n.ip.tos, 0x28);
	assert_memory_equal(&n.ip.src, bytes + 16, 0);
	net_silence(&n);
	assert_int_equal(net_counter(&n, "IcmpInEchos"), 1);
	assert_int_equal(net_counter(&n, "IcmpOutEchoReps"), 1);
}

static void an_ipv6_echo_request_is_answered(void **state)
{
	struct tern_addr we = net_addr("fd00::1");
	size_t len = net_icmp(bytes, "fd00::2", "fd00::1", &ping6, "data", 4);

	net_in(&n, bytes, len);
	net_out_icmp(&n, ICMP6_ECHO_REPLY, 0);
	assert_memory_equal(n.p + 8, "data", 4);
	assert_memory_equal(&n.ip.src, &we, 16);
	net_silence(&n);
}

static void the_default_ttl_is_a_tunable(void **state)
{
	size_t len = net_icmp(bytes, "10.0.0.2", "10.0.0.1", &ping4, "", 0);

	assert_int_equal(tern_sysctl_set(n.st, "ip_default_ttl", "17", n.now),
			 0);
	net_in(&n, bytes, len);
	net_out_icmp(&n, ICMP4_ECHO_REPLY, 0);
	assert_int_equal(n.ip.ttl, 17);
}

static void groups_are_answered_in_ipv6_alone(void **state)
{
	static const char *const silent[] = { "10.0.0.255", "255.255.255.255",
					      "224.0.0.1", "224.0.0.9",
					      "10.0.0.0" };
	struct tern_addr we = net_addr("fd00::1");
	size_t i, len;

	for (i = 0; i < ARRAY_LEN(silent); i++) {
		len = net_icmp(bytes, "10.0.0.2", silent[i], &ping4, "", 0);
		net_in(&n, bytes, len);
		net_silence(&n);
	}
	len = net_icmp(bytes, "fd00::2", "ff05::1", &ping6, "", 0);
	net_in(&n, bytes, len);
	net_silence(&n);
	len = net_icmp(bytes, "fd00::2", "ff02::1", &ping6, "", 0);
	net_in(&n, bytes, len);
	net_out_icmp(&n, ICMP6_ECHO_REPLY, 0);
	assert_memory_equal(&n.ip.src, &we, 16);
	net_silence(&n);
}

static void echo_can_be_switched_off(void **state)
{
	size_t len = net_icmp(bytes, "10.0.0.2", "10.0.0.1", &ping4, "", 0);

	assert_int_equal(
		tern_sysctl_set(n.st, "icmp_echo_ignore_all", "1", n.now), 0);
	net_in(&n, bytes, len);
	net_silence(&n);
}

/* covers: S13 */
static void padding_behind_the_length_is_ignored(void **state)
{
	size_t len = net_icmp(bytes, "10.0.0.2", "10.0.0.1", &ping4, "data", 4);

	memset(bytes + len, 0xaa, 14);
	net_in(&n, bytes, len + 14);
	net_out_icmp(&n, ICMP4_ECHO_REPLY, 0);
	assert_int_equal(n.n, 12);
}

/* Each change makes the packet one that must be dropped, and counted so. */
static void headers_that_lie_are_dropped(void **state)
{
	static const struct {
		const char *counter;
		uint8_t at, value;
		bool fix; /* the header's checksum */
		uint8_t cut;
	} lies[] = {
		{ "IpInHdrErrors", 0, 0x55, true },	      /* version */
		{ "IpInHdrErrors", 0, 0x44, true },	      /* IHL 4 */
		{ "IpExtInTruncatedPkts", 0, 0x4f, true },    /* IHL 15 */
		{ "IpInHdrErrors", 3, 19, true },	      /* length 19 */
		{ "IpExtInTruncatedPkts", 3, 33, true },      /* one too long */
		{ "IpExtInCsumErrors", 8, 63, false },	      /* checksum */
		{ "IpExtInTruncatedPkts", 0, 0x45, true, 1 }, /* a byte lost */
		{ "IpExtInTruncatedPkts", 0, 0x45, true, 13 },
		{ "IpExtInTruncatedPkts", 0, 0x45, true, 32 },
		{ "IcmpInCsumErrors", 31, 'x', true },
	};
	size_t i, len;

	for (i = 0; i < ARRAY_LEN(lies); i++) {
		uint64_t before = net_counter(&n, lies[i].counter);

		len = net_icmp(bytes, "10.0.0.2", "10.0.0.1", &ping4, "data",
			       4);
		bytes[lies[i].at] = lies[i].value;
		if (lies[i].fix && (bytes[0] & 15) == 5)
			net_fix_ip4(bytes);
		net_in(&n, bytes, len - lies[i].cut);
		net_silence(&n);
		assert_int_equal(net_counter(&n, lies[i].counter), before + 1);
	}
}

static void martians_are_dropped(void **state)
{
	static const struct {
		const char *src, *dst;
		bool ok;
	} pairs[] = {
		/* As Linux 6.18 answers, but for the broadcast source. */
		{ "10.0.0.2", "10.0.0.1", true },
		{ "10.0.0.1", "10.0.0.1", false },
		{ "127.0.0.1", "10.0.0.1", false },
		{ "10.0.0.2", "127.0.0.1", false },
		{ "224.0.0.5", "10.0.0.1", false },
		{ "255.255.255.255", "10.0.0.1", false },
		{ "10.0.0.255", "10.0.0.1", false },
		{ "0.0.0.0", "10.0.0.1", false },
		{ "0.0.0.0", "255.255.255.255", true },
		{ "240.0.0.1", "10.0.0.1", true },
		{ "99.1.2.3", "10.0.0.1", true },
		{ "10.0.0.2", "255.255.255.255", true },
		{ "10.0.0.2", "10.0.0.255", true },
		{ "10.0.0.2", "224.0.0.1", true },
		{ "10.0.0.2", "224.0.0.9", false },
		{ "0.1.2.3", "10.0.0.1", true },
		{ "10.0.0.2", "10.0.0.0", false },
		{ "fd00::2", "fd00::1", true },
		{ "fd00::1", "fd00::1", false },
		{ "::1", "fd00::1", false },
		{ "fd00::2", "::1", false },
		{ "ff02::5", "fd00::1", false },
		{ "fd00::2", "ff01::1", false },
		{ "fd00::2", "ff02::1", true },
	};
	/* One of each family: an IPv6 socket gets no IPv4 group unjoined [k]. */
	int v4 = net_bound(&n, TERN_AF_INET, "0.0.0.0", 5000);
	int v6 = net_bound(&n, TERN_AF_INET6, "::", 5001);
	size_t i, len;

	for (i = 0; i < ARRAY_LEN(pairs); i++) {
		int s = strchr(pairs[i].dst, ':') ? v6 : v4;

		len = net_udp(bytes, pairs[i].src, 7, pairs[i].dst,
			      s == v4 ? 5000 : 5001, "x", 1);
		net_in(&n, bytes, len);
		if (pairs[i].ok)
			net_recv_is(&n, s, "x", pairs[i].src, 7);
		else
			net_recv_nothing(&n, s);
		net_silence(&n);
	}
}

/* An IPv4-mapped address in an IPv6 header would pass for IPv4 above. */
static void mapped_addresses_never_arrive(void **state)
{
	int s = net_bound(&n, TERN_AF_INET6, "::", 5000);
	size_t len = net_udp(bytes, "fd00::2", 7, "fd00::1", 5000, "x", 1);
	static const uint8_t mapped[16] = {
		[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2
	};

	memcpy(bytes + 8, mapped, 16);
	net_in(&n, bytes, len);
	net_recv_nothing(&n, s);
	len = net_udp(bytes, "fd00::2", 7, "fd00::1", 5000, "x", 1);
	memcpy(bytes + 24, mapped, 16);
	bytes[39] = 1;
	net_in(&n, bytes, len);
	net_recv_nothing(&n, s);
	net_silence(&n);
}

static void unknown_protocols_are_told_of(void **state)
{
	struct wire_ip h = {
		.src = net_addr("10.0.0.2"),
		.dst = net_addr("10.0.0.1"),
		.protocol = 99,
	};
	size_t len = net_ip(bytes, &h, "12345678", 8);

	net_in(&n, bytes, len);
	net_out_icmp(&n, ICMP4_UNREACH, ICMP4_PROTO_UNREACH);
	h.src = net_addr("fd00::2");
	h.dst = net_addr("fd00::1");
	len = net_ip(bytes, &h, "12345678", 8);
	net_in(&n, bytes, len);
	net_out_icmp(&n, ICMP6_PARAM_PROBLEM, 1);
	assert_int_equal(get_be32(n.p + 4), 6); /* the next header field */
	/* "No next header" is nothing that could be unknown. */
	h.protocol = WIRE_PROTO_NONE;
	len = net_ip(bytes, &h, "", 0);
	net_in(&n, bytes, len);
	net_silence(&n);
	assert_int_equal(net_counter(&n, "IpInUnknownProtos"), 3);
}

static void a_link_that_is_down_takes_and_gives_nothing(void **state)
{
	size_t len = net_icmp(bytes, "10.0.0.2", "10.0.0.1", &ping4, "", 0);

	net_in(&n, bytes, len);
	assert_true(tern_stack_has_output(n.st, n.kit.link));
	assert_int_equal(tern_link_set_up(n.st, n.kit.link, false, n.now), 0);
	net_silence(&n);
	net_in(&n, bytes, len);
	net_silence(&n);
	assert_int_equal(tern_link_set_up(n.st, n.kit.link, true, n.now), 0);
	net_in(&n, bytes, len);
	net_out_icmp(&n, ICMP4_ECHO_REPLY, 0);
}

static void the_queue_of_a_link_is_bounded(void **state)
{
	size_t len = net_icmp(bytes, "10.0.0.2", "10.0.0.1", &ping4, "", 0);
	int i;

	for (i = 0; i < 1100; i++)
		net_in(&n, bytes, len);
	assert_int_equal(kit_drain(&n.kit, n.now), 1000);
	assert_int_equal(net_counter(&n, "IpOutDiscards"), 100);
}

/* covers: X5. Any bytes at all; the sanitizers watch. */
static void noise_does_no_harm(void **state)
{
	size_t len, i;
	int round;

	check_seed();
	net_bound(&n, TERN_AF_INET6, "::", 5000);
	for (round = 0; round < 20000; round++) {
		switch (check_below(4)) {
		case 0:
			len = check_below(200);
			check_fill(bytes, len);
			break;
		case 1:
			len = net_udp(bytes, "10.0.0.2", 7, "10.0.0.1", 5000,
				      "some data to be sent", 20);
			break;
		case 2:
			len = net_icmp(bytes, "fd00::2", "fd00::1", &ping6,
				       "some data to be sent", 20);
			break;
		default:
			len = net_icmp(bytes, "10.0.0.2", "10.0.0.1", &ping4,
				       "some data to be sent", 20);
			break;
		}
		for (i = check_below(4); i && len; i--)
			bytes[check_below((uint32_t)len)] =
				(uint8_t)check_random();
		/* Mostly the checksum lets the change through. */
		if (len >= 20 && bytes[0] == 0x45 && check_below(4))
			net_fix_ip4(bytes);
		net_in(&n, bytes, len);
		kit_drain(&n.kit, n.now);
	}
	net_wait(&n, 100 * S);
}

static void an_echo_reply_is_counted_and_goes_to_nobody(void **state)
{
	const struct wire_icmp pong = { ICMP4_ECHO_REPLY, 0, 0x12340001 };
	size_t len = net_icmp(bytes, "10.0.0.2", "10.0.0.1", &pong, "x", 1);

	net_in(&n, bytes, len);
	net_silence(&n);
	assert_int_equal(kit_counter(&n.kit, "IcmpInEchoReps"), 1);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(an_echo_request_is_answered),
		CASE(an_echo_reply_is_counted_and_goes_to_nobody),
		CASE(an_ipv6_echo_request_is_answered),
		CASE(the_default_ttl_is_a_tunable),
		CASE(groups_are_answered_in_ipv6_alone),
		CASE(echo_can_be_switched_off),
		CASE(padding_behind_the_length_is_ignored),
		CASE(headers_that_lie_are_dropped),
		CASE(martians_are_dropped),
		CASE(mapped_addresses_never_arrive),
		CASE(unknown_protocols_are_told_of),
		CASE(a_link_that_is_down_takes_and_gives_nothing),
		CASE(the_queue_of_a_link_is_bounded),
		CASE(noise_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
