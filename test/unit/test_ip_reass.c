// SPDX-License-Identifier: BSD-2-Clause
/* Fragments in (S9): in any order, twice, overlapping, too many, too late. */
#include "net_kit.h"

#include <stdlib.h>
#include <string.h>

static struct net n;
static uint8_t whole[NET_ROOM], bytes[NET_ROOM], data[NET_ROOM];
static size_t len;
static int s;

static int set_up(void **state)
{
	size_t i;

	net_open(&n);
	s = net_bound(&n, TERN_AF_INET6, "::", 5000);
	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	return 0;
}

static int tear_down(void **state)
{
	net_close(&n);
	return 0;
}

/* A datagram of size bytes from one of the families. */
static void prepare(bool v6, uint32_t size)
{
	if (v6)
		len = net_udp(whole, "fd00::2", 7, "fd00::1", 5000, data, size);
	else
		len = net_udp(whole, "10.0.0.2", 7, "10.0.0.1", 5000, data,
			      size);
}

static void frag(uint32_t id, uint32_t off, uint32_t size)
{
	size_t k = net_frag(bytes, whole, len, id, off, size);

	net_in(&n, bytes, k);
}

static uint32_t payload(void)
{
	return (uint32_t)len - (whole[0] >> 4 == 4 ? 20 : 40);
}

static void got(uint32_t size)
{
	static uint8_t in[NET_ROOM];

	assert_int_equal(tern_recv(n.st, s, in, sizeof(in), 0, n.now), size);
	assert_memory_equal(in, data, size);
}

/* covers: S9 */
static void fragments_come_in_any_order(void **state)
{
	uint32_t order[60], i, j, k, round, step;

	check_seed();
	for (round = 0; round < 200; round++) {
		prepare(round & 1, 1 + check_below(3000));
		step = 8 * (1 + check_below(100));
		for (k = 0; k * step < payload() && k < 60; k++)
			order[k] = k * step;
		if (k == 60)
			continue;
		for (i = k; i > 1; i--) {
			uint32_t t = order[i - 1];

			j = check_below(i);
			order[i - 1] = order[j];
			order[j] = t;
		}
		for (i = 0; i < k; i++) {
			net_recv_nothing(&n, s);
			frag(round, order[i],
			     min_u32(step, payload() - order[i]));
		}
		got((uint32_t)(payload() - 8));
	}
	net_silence(&n);
}

static void the_largest_datagram_is_put_together(void **state)
{
	uint32_t off, v6;

	for (v6 = 0; v6 < 2; v6++) {
		prepare(v6, v6 ? 65527 : 65507);
		for (off = 0; off < payload(); off += 1448)
			frag(9, off, min_u32(1448, payload() - off));
		got(payload() - 8);
	}
	assert_int_equal(net_counter(&n, "IpReasmOKs"), 2);
}

static void one_lost_fragment_loses_the_datagram(void **state)
{
	prepare(false, 3000);
	frag(1, 0, 1000);
	frag(1, 2000, payload() - 2000);
	net_recv_nothing(&n, s);
	net_silence(&n);
	/* The sender is told once time is up, about the first fragment. */
	assert_int_equal(tern_stack_deadline(n.st), n.now + 30 * S);
	net_wait(&n, 30 * S - 1);
	net_silence(&n);
	net_wait(&n, 1);
	net_out_icmp(&n, ICMP4_TIME_EXCEEDED, 1);
	assert_memory_equal(n.p + 8 + 12, whole + 12, 8);
	assert_int_equal(get_be16(n.p + 8 + 20), 7);
	net_silence(&n);
	assert_int_equal(net_counter(&n, "IpReasmTimeout"), 1);
	/* What comes later begins anew. */
	frag(1, 1000, 1000);
	net_recv_nothing(&n, s);
}

static void ipv6_waits_for_sixty_seconds(void **state)
{
	prepare(true, 3000);
	frag(1, 0, 1000);
	net_wait(&n, 60 * S - 1);
	net_silence(&n);
	net_wait(&n, 1);
	net_out_icmp(&n, ICMP6_TIME_EXCEEDED, 1);
	net_silence(&n);
}

static void without_the_first_fragment_nobody_is_told(void **state)
{
	prepare(false, 3000);
	frag(1, 1000, 1000);
	net_wait(&n, 30 * S);
	net_silence(&n);
	assert_int_equal(net_counter(&n, "IpReasmTimeout"), 1);
}

static void a_duplicate_is_ignored(void **state)
{
	uint32_t v6;

	for (v6 = 0; v6 < 2; v6++) {
		prepare(v6, 2992);
		frag(1, 0, 1000);
		frag(1, 1000, 1000);
		frag(1, 1000, 1000);
		frag(1, 8, 800); /* wholly inside */
		frag(1, 2000, 1000);
		got(2992);
	}
}

static void an_overlap_drops_the_datagram(void **state)
{
	uint32_t v6;

	for (v6 = 0; v6 < 2; v6++) {
		prepare(v6, 2992);
		frag(1, 0, 1000);
		frag(1, 992, 1008);
		frag(1, 1000, 1000);
		frag(1, 2000, 1000);
		net_recv_nothing(&n, s);
	}
	/* Those after the overlap wait for one that was dropped. */
	assert_int_equal(net_counter(&n, "IpReasmOKs"), 0);
}

static void two_ends_drop_the_datagram(void **state)
{
	prepare(false, 2992);
	frag(1, 2000, 1000);
	len = 20 + 2000; /* a shorter story */
	frag(1, 1000, 1000);
	prepare(false, 2992);
	frag(1, 0, 1000);
	frag(1, 1000, 1000);
	net_recv_nothing(&n, s);
}

static void datagrams_are_told_apart_by_their_id(void **state)
{
	prepare(false, 1992);
	frag(1, 0, 1000);
	frag(2, 1000, 1000);
	net_recv_nothing(&n, s);
	frag(2, 0, 1000);
	got(1992);
	frag(1, 1000, 1000);
	got(1992);
}

static void no_fragment_reaches_past_65535_bytes(void **state)
{
	prepare(false, 2000);
	frag(1, 0, 1000);
	/* Fragment offsets lie freely: 65,528 + 800. */
	len = net_frag(bytes, whole, len, 1, 0, 800);
	put_be16(bytes + 6, 0x1fff);
	net_fix_ip4(bytes);
	net_in(&n, bytes, len);
	net_silence(&n);
	assert_int_equal(net_counter(&n, "IpReasmFails"), 1);
	prepare(true, 2000);
	len = net_frag(bytes, whole, len, 1, 0, 800);
	put_be16(bytes + 42, 0xfff8);
	net_in(&n, bytes, len);
	net_out_icmp(&n, ICMP6_PARAM_PROBLEM, 0);
	assert_int_equal(get_be32(n.p + 4), 42);
}

static void memory_is_bounded(void **state)
{
	size_t before = n.kit.alloc.used;
	uint32_t i;

	assert_int_equal(tern_sysctl_set(n.st, "ipfrag_high_thresh", "100000",
					 n.now),
			 0);
	prepare(false, 2992);
	for (i = 0; i < 5000; i++)
		frag(i, 8, 1000);
	assert_in_range(n.kit.alloc.used - before, 90000, 300000);
	assert_in_range(net_counter(&n, "IpReasmFails"), 4900, 4999);
	/* IPv6 has an account of its own. */
	prepare(true, 1992);
	frag(1, 0, 1000);
	frag(1, 1000, 1000);
	got(1992);
	/* And time frees all of it. */
	net_wait(&n, 30 * S);
	net_silence(&n);
	prepare(false, 1992);
	frag(1, 0, 1000);
	frag(1, 1000, 1000);
	got(1992);
}

static void congestion_marks_survive(void **state)
{
	struct tern_iov iov = { data, sizeof(data) };
	uint8_t control[64];
	struct tern_msg msg = { .iov = &iov,
				.n_iov = 1,
				.control = control,
				.control_len = sizeof(control) };

	net_set(&n, s, TERN_IPPROTO_IP, TERN_IP_RECVTOS, 1);
	prepare(false, 1992);
	whole[1] = 2; /* ECT(0) */
	frag(1, 0, 1000);
	whole[1] = 3;
	frag(1, 1000, 1000);
	assert_int_equal(tern_recvmsg(n.st, s, &msg, 0, n.now), 1992);
	assert_int_equal(control[sizeof(size_t) + 8], 3);
	/* A mark on what cannot carry one. */
	whole[1] = 0;
	frag(2, 0, 1000);
	whole[1] = 3;
	frag(2, 1000, 1000);
	net_recv_nothing(&n, s);
}

/* An IPv6 fragment that is none passes by itself (RFC 6946). */
static void an_atomic_fragment_waits_for_nobody(void **state)
{
	size_t k;

	prepare(true, 100);
	k = net_frag(bytes, whole, len, 1, 0, payload());
	net_in(&n, bytes, k);
	got(100);
	assert_int_equal(net_counter(&n, "IpReasmReqds"), 0);
}

static void a_fragment_cut_in_no_unit_is_refused(void **state)
{
	prepare(true, 2000);
	frag(1, 0, 1001);
	net_out_icmp(&n, ICMP6_PARAM_PROBLEM, 0);
	assert_int_equal(get_be32(n.p + 4), 4); /* the payload length */
	net_silence(&n);
}

/* covers: X5, X6. Random fragments, and each allocation failing in its turn. */
static void noise(void)
{
	uint32_t i, off, size;

	for (i = 0; i < 3000; i++) {
		prepare(check_below(2), 1 + check_below(2000));
		off = check_below(payload() / 8 + 1) * 8;
		size = check_below(payload() - off + 1);
		frag(check_below(4), off, size);
		kit_drain(&n.kit, n.now);
		if (!check_below(50))
			net_wait(&n, (int64_t)check_below(40) * S);
	}
}

static void noise_does_no_harm(void **state)
{
	check_seed();
	noise();
}

static void memory_that_fails_does_no_harm(void **state)
{
	int i;

	check_seed();
	for (i = 0; i < 300; i++) {
		prepare(i & 1, 1992);
		/* The packets that come in are not what fails. */
		n.kit.alloc.n_left = -1;
		frag((uint32_t)i, 0, 1000);
		size_t k = net_frag(bytes, whole, len, (uint32_t)i, 1000, 1000);
		struct tern_pkt *pkt = kit_pkt(&n.kit, bytes, k);

		n.kit.alloc.n_left = i % 6;
		tern_stack_input(n.st, n.kit.link, &pkt, 1, n.now);
		n.kit.alloc.n_left = -1;
		while (tern_recv(n.st, s, bytes, 1, 0, n.now) >= 0)
			;
	}
	net_wait(&n, 60 * S);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(fragments_come_in_any_order),
		CASE(the_largest_datagram_is_put_together),
		CASE(one_lost_fragment_loses_the_datagram),
		CASE(ipv6_waits_for_sixty_seconds),
		CASE(without_the_first_fragment_nobody_is_told),
		CASE(a_duplicate_is_ignored),
		CASE(an_overlap_drops_the_datagram),
		CASE(two_ends_drop_the_datagram),
		CASE(datagrams_are_told_apart_by_their_id),
		CASE(no_fragment_reaches_past_65535_bytes),
		CASE(memory_is_bounded),
		CASE(congestion_marks_survive),
		CASE(an_atomic_fragment_waits_for_nobody),
		CASE(a_fragment_cut_in_no_unit_is_refused),
		CASE(noise_does_no_harm),
		CASE(memory_that_fails_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
