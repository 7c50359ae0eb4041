// SPDX-License-Identifier: BSD-2-Clause
/*
 * TCP at the door, byte by byte: what is no segment is not answered. And the
 * numbers that a connection begins with.
 * covers: S4, S13, O2
 */
#include "stack_kit.h"

#include "wire/wire_csum.h"
#include "wire/wire_tcp.h"

#define LEN 40 /* headers without options */

static struct kit k;

static int open_stack(void **state)
{
	kit_init(&k);
	kit_open(&k, 0);
	return 0;
}

static int close_stack(void **state)
{
	kit_close(&k);
	return 0;
}

static void finish(uint8_t *p)
{
	struct tern_addr peer = tern_addr_v4(10, 0, 0, 2);
	struct tern_addr here = tern_addr_v4(10, 0, 0, 1);
	uint64_t sum = csum_pseudo(&peer, &here, 6, LEN - 20);

	put_be16(p + 36, 0);
	put_be16(p + 36, csum_fold(csum_add(sum, p + 20, LEN - 20)));
}

/* A SYN from 10.0.0.2 to a port of ours where nobody listens. */
static void make_syn(uint8_t *p)
{
	static const uint8_t ip[20] = {
		0x45,	   [3] = LEN, [8] = 64,	 [9] = 6,
		[12] = 10, [15] = 2,  [16] = 10, [19] = 1
	};
	struct wire_tcp h = {
		.sport = 1000,
		.dport = 9,
		.seq = seq_of(77),
		.flags = TCP_SYN,
		.window = 1000,
		.hdr_len = WIRE_TCP_LEN,
	};

	memcpy(p, ip, sizeof(ip));
	put_be16(p + 10, csum_fold(csum_add(0, p, 20)));
	wire_tcp_emit(p + 20, &h);
	finish(p);
}

static void a_sound_segment_to_nobody_is_reset(void **state)
{
	uint8_t p[LEN];

	make_syn(p);
	kit_input(&k, p, LEN, 0);
	assert_int_equal(kit_drain(&k, 0), 1);
	assert_int_equal(kit_counter(&k, "TcpOutRsts"), 1);
}

/* Each bit of it. */
static void a_flipped_bit_is_counted_and_not_answered(void **state)
{
	uint8_t p[LEN];
	int bit;

	for (bit = 20 * 8; bit < LEN * 8; bit++) {
		make_syn(p);
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		kit_input(&k, p, LEN, 0);
		assert_int_equal(kit_drain(&k, 0), 0);
	}
	/* But for the data offset's upper half: that is no header. */
	assert_in_range(kit_counter(&k, "TcpInCsumErrors"), 20 * 8 - 4, 20 * 8);
	/* Of these an offset of 7 and 13 is past the packet. */
	assert_int_equal(kit_counter(&k, "TcpInErrs"), 20 * 8 - 2);
}

static void an_offset_that_cannot_be_is_not_answered(void **state)
{
	uint8_t p[LEN], words;

	for (words = 0; words < 16; words++) {
		make_syn(p);
		p[32] = (uint8_t)(words << 4);
		finish(p);
		kit_input(&k, p, LEN, 0);
		assert_int_equal(kit_drain(&k, 0), words == 5);
	}
	/* Linux counts no error where the offset is past the packet. */
	assert_int_equal(kit_counter(&k, "TcpInErrs"), 5);
}

/* The first number of a connection between these two. */
static uint32_t isn_of(struct tern_sockaddr from, struct tern_sockaddr to,
		       int64_t now)
{
	int s = tern_socket(k.st, TERN_AF_INET, TERN_SOCK_STREAM, 0, now);
	struct tern_pkt *pkt;
	uint8_t seq[4];

	assert_int_equal(tern_bind(k.st, s, &from, now), 0);
	assert_int_equal(tern_connect(k.st, s, &to, now), -TERN_EINPROGRESS);
	assert_int_equal(tern_stack_output(k.st, k.link, &pkt, 1, now), 1);
	tern_pkt_copy_out(pkt, 24, seq, 4);
	tern_pkt_put(pkt);
	assert_int_equal(tern_close(k.st, s, now), 0);
	return get_be32(seq);
}

/* From port 5000 to a port of 10.0.0.2. */
static uint32_t isn_to(uint16_t port, int64_t now)
{
	return isn_of(kit_v4(10, 0, 0, 1, 5000), kit_v4(10, 0, 0, 2, port),
		      now);
}

/* RFC 6528: M, a tick of 64 ns. */
static void isns_of_one_tuple_go_by_the_clock(void **state)
{
	uint32_t first = isn_to(80, 0);

	assert_int_equal(isn_to(80, 0), first);
	assert_int_equal(isn_to(80, 64000) - first, 1000);
	assert_int_equal(isn_to(80, INT64_C(64) << 32) - first, 0);
}

/* And F: the ISN to one port tells nothing of that to the next. */
static void isns_of_two_tuples_tell_nothing_of_each_other(void **state)
{
	uint32_t last = isn_to(1, 0), step = 0;
	uint16_t port;

	for (port = 2; port < 100; port++) {
		uint32_t isn = isn_to(port, 0);

		assert_true(isn - last > 1000 && last - isn > 1000);
		assert_true(isn - last != step);
		step = isn - last;
		last = isn;
	}
}

/* Each of the four numbers counts. */
static void isns_differ_by_either_ends_address_and_port(void **state)
{
	struct tern_sockaddr here = kit_v4(10, 0, 0, 1, 5000);
	struct tern_sockaddr there = kit_v4(10, 0, 0, 2, 80);
	struct tern_addr more = tern_addr_v4(10, 0, 0, 9);
	uint32_t isn = isn_of(here, there, 0), other[4];
	size_t i;

	other[0] = isn_of(kit_v4(10, 0, 0, 1, 5001), there, 0);
	other[1] = isn_of(here, kit_v4(10, 0, 0, 2, 81), 0);
	other[2] = isn_of(here, kit_v4(10, 0, 0, 3, 80), 0);
	assert_int_equal(tern_addr_add(k.st, k.link, &more, 24, 0), 0);
	other[3] = isn_of(kit_v4(10, 0, 0, 9, 5000), there, 0);
	for (i = 0; i < 4; i++)
		assert_true(other[i] - isn > 1000 && isn - other[i] > 1000);
}

static void isns_of_another_secret_are_others(void **state)
{
	uint32_t isn = isn_to(80, 0);

	kit_close(&k);
	kit_init(&k);
	k.cfg.seed[3] ^= 1;
	kit_open(&k, 0);
	assert_int_not_equal(isn_to(80, 0), isn);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_stack, close_stack)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_sound_segment_to_nobody_is_reset),
		CASE(a_flipped_bit_is_counted_and_not_answered),
		CASE(an_offset_that_cannot_be_is_not_answered),
		CASE(isns_of_one_tuple_go_by_the_clock),
		CASE(isns_of_two_tuples_tell_nothing_of_each_other),
		CASE(isns_differ_by_either_ends_address_and_port),
		CASE(isns_of_another_secret_are_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
