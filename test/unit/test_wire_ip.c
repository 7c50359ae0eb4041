// SPDX-License-Identifier: BSD-2-Clause
/* IP headers: round trips, fields that lie, extension headers, and random
 * bytes in blocks of exactly their size. */
#include "wire/wire_ip.h"

#include <stdlib.h>

#include "wire/wire_csum.h"

#include "check.h"

static struct check_alloc alloc;
static struct tern_pool *pool;
static struct tern_pkt *pkt;
static struct wire_ip ip; /* what the last parse() told */

static int set_up(void **state)
{
	struct tern_allocator a = check_allocator(&alloc);

	check_alloc_init(&alloc);
	pool = tern_pool_new(&a);
	return pool ? 0 : -1;
}

static int tear_down(void **state)
{
	tern_pool_free(pool);
	return alloc.n_out || alloc.used;
}

/* Makes pkt a packet of n bytes behind a header's room. */
static uint8_t *new_packet(const void *bytes, size_t n)
{
	pkt = tern_pkt_new(pool, 96, n);
	return memcpy(tern_pkt_append(pkt, n), bytes, n);
}

static enum wire_ip_result parse(void)
{
	enum wire_ip_result result = wire_ip_parse(pkt, &ip);

	tern_pkt_put(pkt);
	return result;
}

/* 20 bytes of header and 8 more, with a right checksum after `edit`. */
static uint8_t *v4_packet(void)
{
	static const uint8_t bytes[28] = {
		0x45, 0x03, 0,	28, 0x12, 0x34, 0x40, 0, 64, 17,
		0,    0,    10, 0,  0,	  1,	10,   0, 0,  2,
	};

	return new_packet(bytes, sizeof(bytes));
}

static void sum_v4(uint8_t *p)
{
	size_t n = (p[0] & 15) * 4u;

	put_be16(p + 10, 0);
	put_be16(p + 10, csum_fold(csum_add(0, p, n < 28 ? n : 28)));
}

static void an_ipv4_header_is_read(void **state)
{
	uint8_t *p = v4_packet();
	struct tern_addr src = tern_addr_v4(10, 0, 0, 1);
	struct tern_addr dst = tern_addr_v4(10, 0, 0, 2);

	sum_v4(p);
	assert_int_equal(parse(), WIRE_IP_OK);
	assert_true(tern_addr_equal(&ip.src, &src));
	assert_true(tern_addr_equal(&ip.dst, &dst));
	assert_false(ip.v6 || ip.more_frags || ip.is_frag || ip.router_alert);
	assert_true(ip.df);
	assert_int_equal(ip.protocol, WIRE_PROTO_UDP);
	assert_int_equal(ip.tos, 3);
	assert_int_equal(ip.ttl, 64);
	assert_int_equal(ip.hdr_len, 20);
	assert_int_equal(ip.id, 0x1234);
	assert_int_equal(ip.len, 28);
}

static void ipv4_fields_that_lie_are_refused(void **state)
{
	static const struct {
		uint8_t off, value;
		enum wire_ip_result want;
	} rows[] = {
		{ 0, 0x44, WIRE_IP_BAD }, /* header under 20 bytes */
		{ 0, 0x40, WIRE_IP_BAD },
		{ 0, 0x48, WIRE_IP_SHORT }, /* header beyond the packet */
		{ 0, 0x55, WIRE_IP_BAD },   /* version */
		{ 0, 0x05, WIRE_IP_BAD },
		{ 3, 29, WIRE_IP_SHORT }, /* length beyond the packet */
		{ 2, 0xff, WIRE_IP_SHORT },
		{ 3, 19, WIRE_IP_BAD }, /* length within the header */
		{ 3, 0, WIRE_IP_BAD },
		{ 3, 27, WIRE_IP_OK }, /* padding behind */
		{ 3, 20, WIRE_IP_OK },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t *p = v4_packet();

		p[rows[i].off] = rows[i].value;
		sum_v4(p);
		assert_int_equal(parse(), rows[i].want);
	}
}

static void a_flipped_bit_breaks_the_ipv4_checksum(void **state)
{
	int bit;

	/* Of the first byte and the length other checks speak first. */
	for (bit = 32; bit < 160; bit++) {
		uint8_t *p = v4_packet();

		sum_v4(p);
		p[bit / 8] ^= 1 << bit % 8;
		assert_int_equal(parse(), WIRE_IP_BAD_CSUM);
	}
}

static void ipv4_options_must_hang_together(void **state)
{
	static const struct {
		uint8_t opts[8];
		enum wire_ip_result want;
		bool alert;
	} rows[] = {
		{ { 148, 4, 0, 0, 0 }, WIRE_IP_OK, true },
		{ { 1, 1, 1, 148, 4, 0, 0, 0 }, WIRE_IP_OK, true },
		{ { 7, 7, 4, 1, 2, 3, 4, 0 }, WIRE_IP_OK, true },
		{ { 1, 1, 1, 1, 1, 1, 1, 1 }, WIRE_IP_OK, false },
		{ { 0, 148, 4, 0, 0 }, WIRE_IP_OK, false },
		{ { 99, 8, 4, 1, 2, 3, 4, 0 }, WIRE_IP_OK, false },
		{ { 99, 9, 4, 1, 2, 3, 4, 0 }, WIRE_IP_BAD, false },
		{ { 99, 1 }, WIRE_IP_BAD, false },
		{ { 99, 0 }, WIRE_IP_BAD, false },
		{ { 1, 1, 1, 1, 1, 1, 1, 148 }, WIRE_IP_BAD, false },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t *p = v4_packet();

		p[0] = 0x47;
		memcpy(p + 20, rows[i].opts, 8);
		sum_v4(p);
		assert_int_equal(parse(), rows[i].want);
		assert_int_equal(ip.router_alert, rows[i].alert);
		assert_int_equal(ip.hdr_len, 28);
	}
}

static void a_packet_to_be_cut_may_be_longer_than_its_field(void **state)
{
	uint8_t *p = v4_packet();

	put_be16(p + 2, 0);
	sum_v4(p);
	pkt->gso_size = 1448;
	assert_int_equal(parse(), WIRE_IP_OK);
	assert_int_equal(ip.len, 28);
}

/* An IPv6 header whose payload is these bytes. */
static uint8_t *v6_packet(uint8_t next, const void *payload, size_t n)
{
	uint8_t bytes[40 + 256] = { 0x60, 0, 0, 0, 0, 0, 0, 64 };
	uint8_t *p;

	put_be16(bytes + 4, (uint16_t)n);
	bytes[6] = next;
	bytes[8] = bytes[24] = 0xfd;
	bytes[23] = 1;
	bytes[39] = 2;
	memcpy(bytes + 40, payload, n);
	p = new_packet(bytes, 40 + n);
	return p;
}

static void an_ipv6_header_is_read(void **state)
{
	uint8_t *p = v6_packet(WIRE_PROTO_TCP, "12345678", 8);

	put_be32(p, 6u << 28 | 0xb9 << 20 | 0xabcde);
	assert_int_equal(parse(), WIRE_IP_OK);
	assert_true(ip.v6 && ip.df);
	assert_false(ip.is_frag || ip.more_frags || ip.router_alert);
	assert_int_equal(ip.src.b[15], 1);
	assert_int_equal(ip.dst.b[15], 2);
	assert_int_equal(ip.protocol, WIRE_PROTO_TCP);
	assert_int_equal(ip.proto_off, 6);
	assert_int_equal(ip.tos, 0xb9);
	assert_int_equal(ip.flow, 0xabcde);
	assert_int_equal(ip.ttl, 64);
	assert_int_equal(ip.hdr_len, 40);
	assert_int_equal(ip.len, 48);
}

static void an_ipv6_length_beyond_the_packet_is_short(void **state)
{
	uint8_t *p = v6_packet(WIRE_PROTO_TCP, "12345678", 8);

	put_be16(p + 4, 9);
	assert_int_equal(parse(), WIRE_IP_SHORT);
	p = v6_packet(WIRE_PROTO_TCP, "12345678", 8);
	put_be16(p + 4, 3);
	assert_int_equal(parse(), WIRE_IP_OK);
	assert_int_equal(ip.len, 43);
	v6_packet(WIRE_PROTO_TCP, "", 0);
	tern_pkt_trim_end(pkt, 1);
	assert_int_equal(parse(), WIRE_IP_SHORT);
}

#define PADN "\1\4\0\0\0\0"
#define V6(next, payload) v6_packet(next, payload, sizeof(payload) - 1)

static void extension_headers_are_walked(void **state)
{
	V6(WIRE_PROTO_HOPOPTS, "\x3c\0" PADN "\x2b\0" PADN "\x06\0\3\0\0\0\0\0"
			       "TCP");
	assert_int_equal(parse(), WIRE_IP_OK);
	assert_int_equal(ip.protocol, WIRE_PROTO_TCP);
	assert_int_equal(ip.hdr_len, 40 + 24);
	assert_int_equal(ip.proto_off, 40 + 16);
	V6(WIRE_PROTO_HOPOPTS, "\x3b\0\5\2\0\0\1\0");
	assert_int_equal(parse(), WIRE_IP_OK);
	assert_true(ip.router_alert);
	assert_int_equal(ip.protocol, WIRE_PROTO_NONE);
	/* A protocol that nobody knows is for who looks it up. */
	V6(WIRE_PROTO_DSTOPTS, "\x63\0" PADN);
	assert_int_equal(parse(), WIRE_IP_OK);
	assert_int_equal(ip.protocol, 0x63);
	assert_int_equal(ip.proto_off, 40);
}

static void a_fragment_header_ends_the_walk(void **state)
{
	V6(WIRE_PROTO_FRAGMENT, "\x3c\0\x05\xa9\x11\x22\x33\x44"
				"\x06\0" PADN);
	assert_int_equal(parse(), WIRE_IP_OK);
	assert_true(ip.is_frag && ip.more_frags);
	assert_int_equal(ip.frag_off, 0x5a8);
	assert_int_equal(ip.id, 0x11223344);
	assert_int_equal(ip.protocol, WIRE_PROTO_DSTOPTS);
	assert_int_equal(ip.hdr_len, 48);
	/* RFC 6946: one that is alone is no fragment. */
	V6(WIRE_PROTO_FRAGMENT, "\x3c\0\0\0\x11\x22\x33\x44"
				"\x06\0" PADN);
	assert_int_equal(parse(), WIRE_IP_OK);
	assert_false(ip.is_frag);
	assert_int_equal(ip.protocol, WIRE_PROTO_TCP);
	assert_int_equal(ip.hdr_len, 56);
}

static void bad_extension_headers_say_where_and_how_to_answer(void **state)
{
	/* RFC 8200 4.2: the option's two highest bits. */
	V6(WIRE_PROTO_DSTOPTS, "\x06\0\x1e\4\0\0\0\0");
	assert_int_equal(parse(), WIRE_IP_OK);
	V6(WIRE_PROTO_DSTOPTS, "\x06\0\x5e\4\0\0\0\0");
	assert_int_equal(parse(), WIRE_IP_BAD_EXT);
	assert_int_equal(ip.bad_code, WIRE_IP_SILENT);
	V6(WIRE_PROTO_DSTOPTS, "\x06\0\0\x9e\3\0\0\0");
	assert_int_equal(parse(), WIRE_IP_BAD_EXT);
	assert_int_equal(ip.bad_code, 2);
	assert_int_equal(ip.proto_off, 43);
	V6(WIRE_PROTO_DSTOPTS, "\x06\0\xde\4\0\0\0\0");
	assert_int_equal(parse(), WIRE_IP_BAD_EXT);
	assert_int_equal(ip.bad_code, 2);
	V6(WIRE_PROTO_DSTOPTS, "\x06\0\xde\4\0\0\0\0")[24] = 0xff;
	assert_int_equal(parse(), WIRE_IP_BAD_EXT);
	assert_int_equal(ip.bad_code, WIRE_IP_SILENT);
	/* Options that end behind their header. */
	V6(WIRE_PROTO_DSTOPTS, "\x06\0\1\5\0\0\0\0");
	assert_int_equal(parse(), WIRE_IP_BAD_EXT);
	assert_int_equal(ip.bad_code, 0);
	V6(WIRE_PROTO_DSTOPTS, "\x06\0\1\3\0\0\0\1");
	assert_int_equal(parse(), WIRE_IP_BAD_EXT);
	/* Hop-by-hop options anywhere but first. */
	V6(WIRE_PROTO_DSTOPTS, "\0\0" PADN "\x06\0" PADN);
	assert_int_equal(parse(), WIRE_IP_BAD_EXT);
	assert_int_equal(ip.bad_code, 1);
	assert_int_equal(ip.proto_off, 40);
	/* A routing header with a way still to go. */
	V6(WIRE_PROTO_ROUTING, "\x06\0\0\1\0\0\0\0");
	assert_int_equal(parse(), WIRE_IP_BAD_EXT);
	assert_int_equal(ip.bad_code, 0);
	assert_int_equal(ip.proto_off, 42);
}

static void too_many_extension_headers_are_dropped(void **state)
{
	uint8_t bytes[256] = { 0 };
	unsigned n, i;

	for (n = 1; n < 31; n++) {
		for (i = 0; i < n; i++) {
			bytes[8 * i] = i + 1 < n ? WIRE_PROTO_DSTOPTS :
						   WIRE_PROTO_TCP;
			memcpy(bytes + 8 * i + 1, "\0" PADN, 7);
		}
		v6_packet(WIRE_PROTO_DSTOPTS, bytes, 8 * n);
		/* Where they pass, 60 bytes of TCP are still linear. */
		if (n <= 7) {
			assert_int_equal(parse(), WIRE_IP_OK);
			assert_true(ip.hdr_len + 60u <= PKT_PULL);
		} else {
			assert_int_equal(parse(), WIRE_IP_BAD_EXT);
			assert_int_equal(ip.bad_code, WIRE_IP_SILENT);
		}
	}
}

static void a_cut_extension_header_is_short(void **state)
{
	uint32_t cut;

	for (cut = 1; cut <= 24; cut++) {
		V6(WIRE_PROTO_DSTOPTS, "\x2c\0" PADN "\x3c\0\0\0\0\0\0\0"
				       "\x06\0" PADN);
		put_be16(pkt->data + 4, (uint16_t)(24 - cut));
		assert_int_equal(parse(), WIRE_IP_SHORT);
	}
	V6(WIRE_PROTO_DSTOPTS, "\x06\1" PADN);
	assert_int_equal(parse(), WIRE_IP_SHORT);
}

static void a_header_is_read_as_it_was_written(void **state)
{
	int i;

	check_seed();
	for (i = 0; i < 20000; i++) {
		struct wire_ip h = {
			.src = tern_addr_v4(192, 0, 2, (uint8_t)i),
			.dst = tern_addr_v4(10, (uint8_t)(i >> 8), 3, 4),
			.v6 = i % 2,
			.protocol = WIRE_PROTO_TCP,
			.tos = (uint8_t)check_random(),
			.ttl = (uint8_t)check_random(),
			.df = i % 2 || check_below(2),
			.is_frag = check_below(2),
			.id = (uint32_t)check_random(),
			.flow = check_random() & 0xfffff,
		};
		uint32_t n = check_below(1400);

		if (h.is_frag) {
			h.frag_off = (uint16_t)(check_below(8191) * 8);
			h.more_frags = !h.frag_off || check_below(2);
		}
		if (h.v6) {
			check_fill(h.src.b, 16);
			check_fill(h.dst.b, 16);
		}
		pkt = tern_pkt_new(pool, 96, n);
		tern_pkt_append(pkt, n);
		assert_non_null(wire_ip_emit(pkt, &h));
		assert_int_equal(pkt->len, n + wire_ip_len(&h));
		assert_int_equal(parse(), WIRE_IP_OK);
		assert_memory_equal(&ip.src, &h.src, 16);
		assert_memory_equal(&ip.dst, &h.dst, 16);
		assert_int_equal(ip.v6, h.v6);
		assert_int_equal(ip.protocol, h.protocol);
		assert_int_equal(ip.tos, h.tos);
		assert_int_equal(ip.ttl, h.ttl);
		assert_int_equal(ip.df, h.df);
		assert_int_equal(ip.is_frag, h.is_frag);
		assert_int_equal(ip.more_frags, h.more_frags);
		assert_int_equal(ip.frag_off, h.frag_off);
		assert_int_equal(ip.len, n + wire_ip_len(&h));
		assert_int_equal(ip.hdr_len, wire_ip_len(&h));
		if (h.v6)
			assert_int_equal(ip.flow, h.flow);
		if (!h.v6 || h.is_frag)
			assert_int_equal(ip.id, h.v6 ? h.id : h.id & 0xffff);
	}
}

static void without_headroom_nothing_is_written(void **state)
{
	struct wire_ip h = { .v6 = true };

	pkt = tern_pkt_new(pool, 39, 100);
	tern_pkt_append(pkt, 100);
	assert_null(wire_ip_emit(pkt, &h));
	assert_int_equal(pkt->len, 100);
	tern_pkt_put(pkt);
}

static void a_quoted_header_may_promise_more_than_is_there(void **state)
{
	uint8_t bytes[60];
	size_t n;

	memcpy(bytes, v4_packet(), 28);
	put_be16(bytes + 2, 1500);
	for (n = 0; n <= 28; n++)
		assert_int_equal(wire_ip_parse_quoted(bytes, n, &ip), n >= 20);
	assert_int_equal(ip.len, 1500);
	tern_pkt_put(pkt);

	memcpy(bytes, V6(WIRE_PROTO_DSTOPTS, "\x11\0" PADN "12345678"), 56);
	put_be16(bytes + 4, 1460);
	for (n = 0; n <= 56; n++)
		assert_int_equal(wire_ip_parse_quoted(bytes, n, &ip), n >= 48);
	assert_int_equal(ip.len, 1500);
	assert_int_equal(ip.protocol, WIRE_PROTO_UDP);
	assert_int_equal(ip.hdr_len, 48);
	tern_pkt_put(pkt);
}

static void random_bytes_are_survived(void **state)
{
	static const uint8_t nexts[] = { 0, 43, 44, 60, 6, 17, 58, 59 };
	int i;

	check_seed();
	for (i = 0; i < 100000; i++) {
		uint32_t n = check_below(200), j;
		uint8_t *p = malloc(n ? n : 1);
		struct tern_pkt view = { .data = p, .head_len = n, .len = n };

		check_fill(p, n);
		if (n)
			p[0] = i % 2 ? 0x60 : (uint8_t)(0x40 | p[0] % 16);
		if (n > 40 && i % 2) {
			put_be16(p + 4, (uint16_t)check_below(n - 39));
			p[6] = nexts[check_below(8)];
			for (j = 40; j + 1 < n; j += 8) {
				p[j] = nexts[check_below(8)];
				p[j + 1] = (uint8_t)check_magnitude(2);
			}
		}
		if (wire_ip_parse(&view, &ip) == WIRE_IP_OK) {
			assert_true(ip.hdr_len <= ip.len);
			assert_true(ip.len <= n);
			assert_true(ip.hdr_len <= 120);
		}
		if (wire_ip_parse_quoted(p, n, &ip))
			assert_true(ip.hdr_len <= n);
		free(p);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_ipv4_header_is_read),
		CASE(ipv4_fields_that_lie_are_refused),
		CASE(a_flipped_bit_breaks_the_ipv4_checksum),
		CASE(ipv4_options_must_hang_together),
		CASE(a_packet_to_be_cut_may_be_longer_than_its_field),
		CASE(an_ipv6_header_is_read),
		CASE(an_ipv6_length_beyond_the_packet_is_short),
		CASE(extension_headers_are_walked),
		CASE(a_fragment_header_ends_the_walk),
		CASE(bad_extension_headers_say_where_and_how_to_answer),
		CASE(too_many_extension_headers_are_dropped),
		CASE(a_cut_extension_header_is_short),
		CASE(a_header_is_read_as_it_was_written),
		CASE(without_headroom_nothing_is_written),
		CASE(a_quoted_header_may_promise_more_than_is_there),
		CASE(random_bytes_are_survived),
	};

	return cmocka_run_group_tests_name("wire_ip", tests, NULL, NULL);
}
