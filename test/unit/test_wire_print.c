// SPDX-License-Identifier: BSD-2-Clause
#include "wire/wire_print.h"

#include <string.h>

#include "wire/wire_icmp.h"
#include "wire/wire_ip.h"
#include "wire/wire_tcp.h"
#include "wire/wire_udp.h"

#include "check.h"

static struct check_alloc alloc;
static struct tern_pool *pool;

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

/* From 10.0.0.1 to 10.0.0.2, or from fd00::1 to fd00::2. */
static struct wire_ip ends(bool v6, uint8_t protocol)
{
	struct wire_ip ip = {
		.src = tern_addr_v4(10, 0, 0, 1),
		.dst = tern_addr_v4(10, 0, 0, 2),
		.v6 = v6,
		.protocol = protocol,
		.ttl = 64,
		.df = true,
	};

	if (v6) {
		tern_addr_parse("fd00::1", NULL, &ip.src);
		tern_addr_parse("fd00::2", NULL, &ip.dst);
	}
	return ip;
}

static struct tern_pkt *payload(const void *bytes, size_t n)
{
	struct tern_pkt *pkt = tern_pkt_new(pool, 160, n);

	memcpy(tern_pkt_append(pkt, n), bytes, n);
	return pkt;
}

/* Adds a TCP header with these option bytes. */
static void add_tcp(struct tern_pkt *pkt, struct wire_tcp h, const char *opts,
		    size_t n)
{
	uint8_t *p = tern_pkt_prepend(pkt, WIRE_TCP_LEN + n);

	h.sport = 40000;
	h.dport = 80;
	h.hdr_len = (uint8_t)(WIRE_TCP_LEN + n);
	wire_tcp_emit(p, &h);
	memcpy(p + WIRE_TCP_LEN, opts, n);
}

static void check_print(struct tern_pkt *pkt, const char *want)
{
	char out[512];

	assert_int_equal(wire_print(pkt, out, sizeof(out)), strlen(want));
	assert_string_equal(out, want);
	tern_pkt_put(pkt);
}

static void a_segment_reads_as_in_a_script(void **state)
{
	struct wire_ip ip = ends(false, WIRE_PROTO_TCP);
	struct tern_pkt *pkt = payload("", 0);
	struct wire_tcp h = { .flags = TCP_SYN,
			      .seq = { 1234 },
			      .window = 64240 };

#define OPTS "\2\4\5\xb4\4\2\x08\x0a\0\0\0\7\0\0\0\0\1\3\3\7"
	add_tcp(pkt, h, OPTS, sizeof(OPTS) - 1);
	wire_ip_emit(pkt, &ip);
	check_print(pkt, "10.0.0.1.40000 > 10.0.0.2.80: S 1234:1234(0) "
			 "win 64240 <mss 1460,sackOK,TS val 7 ecr 0,nop,"
			 "wscale 7>");

	pkt = payload("0123456789", 10);
	h = (struct wire_tcp){ .flags = TCP_PSH | TCP_ACK | TCP_URG,
			       .seq = { UINT32_MAX },
			       .ack = { 5 },
			       .window = 1,
			       .urgent = 9,
			       .reserved = 4 };
	add_tcp(pkt, h, "", 0);
	ip = ends(true, WIRE_PROTO_TCP);
	ip.tos = 2;
	wire_ip_emit(pkt, &ip);
	pkt->gso_size = 5;
	check_print(pkt, "fd00::1.40000 > fd00::2.80: (ect0) P.U "
			 "4294967295:9(10) ack 5 win 1 urg 9 reserved 4 "
			 "gso 5");
}

static void flags_are_packetdrill_s_letters(void **state)
{
	static const struct {
		uint16_t flags;
		const char *want;
	} rows[] = {
		{ 0, "-" },
		{ TCP_SYN | TCP_ACK, "S." },
		{ TCP_FIN | TCP_PSH | TCP_ACK, "FP." },
		{ TCP_RST | TCP_ACK, "R." },
		{ 0x1ff, "FSRP.UEWA" },
		{ 0xfe00, "-" },
	};
	char out[32];
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		struct text t;

		text_init(&t, out, sizeof(out));
		wire_print_tcp_flags(&t, rows[i].flags);
		assert_string_equal(out, rows[i].want);
	}
}

static void options_are_packetdrill_s_words(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *want;
	} rows[] = {
#define ROW(bytes, want) { bytes, sizeof(bytes) - 1, want }
		ROW("", "<>"),
		ROW("\1\1\5\x12\0\0\0\1\0\0\0\2\0\0\0\5\0\0\0\6",
		    "<nop,nop,sack 1:2 5:6>"),
		ROW("\x22\2\1\1", "<FO,nop,nop>"),
		ROW("\x22\x06\xab\xcd\xef\1\1\0", "<FO abcdef01,nop,eol>"),
		ROW("\xfe\4\xf9\x89", "<FOEXP>"),
		ROW("\xfe\6\xf9\x89\1\2", "<FOEXP 0102>"),
		ROW("\xac\x0b\0\0\1\0\0\2\0\0\3\1",
		    "<ECN e0b 1 ceb 2 e1b 3,nop>"),
		ROW("\xae\x08\0\0\1\0\0\2", "<ECN e1b 1 ceb 2>"),
		ROW("\x13\x12"
		    "0123456789abcdef",
		    "<md5 30313233343536373839616263646566>"),
		ROW("\x63\4\1\2", "<kind 99 0102>"),
		ROW("\2\3\1\1", "<kind 2 01,nop>"),
		ROW("\1\2\5\1", "<nop,bad 020501>"),
		ROW("\1\2", "<nop,bad 02>"),
		ROW("\x63\0\1\2", "<bad 63000102>"),
#undef ROW
	};
	char out[128];
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		struct text t;

		text_init(&t, out, sizeof(out));
		wire_print_tcp_opts(&t, (const uint8_t *)rows[i].bytes,
				    rows[i].n);
		assert_string_equal(out, rows[i].want);
	}
}

static void datagrams_and_fragments_are_told(void **state)
{
	struct wire_ip ip = ends(false, WIRE_PROTO_UDP);
	struct wire_udp h = { 53, 1024, 8 + 3000, 0 };
	static uint8_t bytes[1480];
	struct tern_pkt *pkt = payload(bytes, sizeof(bytes));

	wire_udp_emit(pkt->data, &h);
	ip.is_frag = ip.more_frags = true;
	ip.id = 77;
	wire_ip_emit(pkt, &ip);
	check_print(pkt, "10.0.0.1.53 > 10.0.0.2.1024: udp (3000) "
			 "frag 0:1480+ id 77");
	pkt = payload(bytes, 100);
	ip.frag_off = 1480;
	ip.more_frags = false;
	wire_ip_emit(pkt, &ip);
	check_print(pkt, "10.0.0.1 > 10.0.0.2: udp frag 1480:1580 id 77");
	h.len = 7;
	pkt = payload(bytes, 100);
	wire_udp_emit(pkt->data, &h);
	ip = ends(true, WIRE_PROTO_UDP);
	wire_ip_emit(pkt, &ip);
	check_print(pkt, "fd00::1.53 > fd00::2.1024: udp bad length");
	pkt = payload(bytes, 100);
	ip = ends(true, 132);
	wire_ip_emit(pkt, &ip);
	check_print(pkt, "fd00::1 > fd00::2: protocol 132 (100)");
}

/* An ICMP message over what it quotes, or over payload. */
static void icmp_reads(bool v6, struct wire_icmp h, struct tern_pkt *pkt,
		       const char *want)
{
	struct wire_ip ip = ends(v6, v6 ? WIRE_PROTO_ICMPV6 : WIRE_PROTO_ICMP);

	wire_icmp_emit(tern_pkt_prepend(pkt, 8), &h);
	wire_ip_emit(pkt, &ip);
	check_print(pkt, want);
}

static struct tern_pkt *quoted(bool v6)
{
	struct tern_pkt *pkt = payload("", 0);
	struct wire_tcp h = { .flags = TCP_ACK, .seq = { 99 } };
	struct wire_ip ip = ends(v6, WIRE_PROTO_TCP);

	add_tcp(pkt, h, "", 0);
	ip.dst = ip.src;
	wire_ip_emit(pkt, &ip);
	/* Routers quote eight bytes of it. */
	tern_pkt_trim_end(pkt, 12);
	return pkt;
}

static void icmp_names_its_codes_and_what_it_quotes(void **state)
{
	icmp_reads(false, (struct wire_icmp){ ICMP4_UNREACH, 4, 1400 },
		   quoted(false),
		   "10.0.0.1 > 10.0.0.2: icmp unreachable frag_needed mtu 1400 "
		   "[10.0.0.1.40000 > 10.0.0.1.80: tcp seq 99]");
	icmp_reads(true, (struct wire_icmp){ ICMP6_TOO_BIG, 0, 1280 },
		   quoted(true),
		   "fd00::1 > fd00::2: icmp packet_too_big mtu 1280 "
		   "[fd00::1.40000 > fd00::1.80: tcp seq 99]");
	icmp_reads(true, (struct wire_icmp){ ICMP6_PARAM_PROBLEM, 1, 40 },
		   payload("", 0),
		   "fd00::1 > fd00::2: icmp parameter_problem "
		   "unknown_next_header");
	icmp_reads(false, (struct wire_icmp){ ICMP4_UNREACH, 77, 0 },
		   payload("E", 1),
		   "10.0.0.1 > 10.0.0.2: icmp unreachable code_77");
	icmp_reads(false,
		   (struct wire_icmp){ ICMP4_ECHO_REQUEST, 0, 0x00020003 },
		   payload("ping", 4),
		   "10.0.0.1 > 10.0.0.2: icmp echo_request id 2 seq 3 (4)");
	icmp_reads(false, (struct wire_icmp){ 40, 5, 0 }, payload("", 0),
		   "10.0.0.1 > 10.0.0.2: icmp type_40 code_5 id 0 seq 0 (0)");
}

static void broken_packets_say_how(void **state)
{
	struct wire_ip ip = ends(false, WIRE_PROTO_TCP);
	struct tern_pkt *pkt = payload("", 0);

	check_print(pkt, "ip (short) of 0 bytes");
	check_print(payload("\x55nonsense", 9), "ip (bad header) of 9 bytes");
	pkt = payload("0123456789", 10);
	wire_ip_emit(pkt, &ip);
	pkt->data[8]--;
	check_print(pkt, "10.0.0.1.12337 > 10.0.0.2.12851: tcp bad header "
			 "(bad IP checksum)");
	pkt = payload("\x3c\0\x80\0\0\0\0\0", 8);
	ip = ends(true, WIRE_PROTO_DSTOPTS);
	wire_ip_emit(pkt, &ip);
	check_print(pkt, "ip (bad extension header) of 48 bytes");
}

static void a_packet_in_fragments_prints_alike(void **state)
{
	struct wire_ip ip = ends(false, WIRE_PROTO_TCP);
	struct tern_pkt *pkt = payload("data", 4), *split;
	struct wire_tcp h = { .flags = TCP_ACK };
	struct tern_buf *buf;
	char a[256], b[256];

	add_tcp(pkt, h, "\1\1\1\1", 4);
	wire_ip_emit(pkt, &ip);
	split = tern_pkt_new(pool, 0, 0);
	buf = tern_buf_new(pool, 100);
	tern_pkt_copy_out(pkt, 0, buf->data, 22);
	tern_pkt_copy_out(pkt, 22, buf->data + 30, pkt->len - 22);
	tern_pkt_add_frag(split, buf, 0, 22);
	tern_pkt_add_frag(split, buf, 30, pkt->len - 22);
	tern_buf_put(buf);
	wire_print(pkt, a, sizeof(a));
	wire_print(split, b, sizeof(b));
	assert_string_equal(a, b);
	tern_pkt_put(pkt);
	tern_pkt_put(split);
}

static void a_short_buffer_cuts_and_the_length_is_told(void **state)
{
	struct wire_ip ip = ends(false, 200);
	struct tern_pkt *pkt = payload("", 0);
	char whole[64], out[64];
	size_t size, len;

	wire_ip_emit(pkt, &ip);
	len = wire_print(pkt, whole, sizeof(whole));
	for (size = 0; size < sizeof(out); size++) {
		memset(out, 'x', sizeof(out));
		assert_int_equal(wire_print(pkt, out, size), len);
		assert_int_equal(out[size], 'x');
		if (!size)
			continue;
		assert_int_equal(strlen(out), size <= len ? size - 1 : len);
		assert_memory_equal(out, whole, strlen(out));
	}
	tern_pkt_put(pkt);
}

static void numbers_are_printed_whole(void **state)
{
	char out[128];
	struct text t;

	text_init(&t, out, sizeof(out));
	text_u64(&t, 0);
	text_char(&t, ' ');
	text_u64(&t, UINT64_MAX);
	text_char(&t, ' ');
	text_i64(&t, INT64_MIN);
	text_char(&t, ' ');
	text_i64(&t, 7);
	text_char(&t, ' ');
	text_hex(&t, 0xbeef, 2);
	text_hex(&t, 0xbeef, 6);
	assert_string_equal(out, "0 18446744073709551615 -9223372036854775808"
				 " 7 ef00beef");
	assert_int_equal(t.len, strlen(out));
}

/* Bytes that often begin as headers do, in blocks of their exact size. */
static void random_bytes_are_survived(void **state)
{
	static const uint8_t protocols[] = { 1, 6, 17, 44, 58, 60 };
	char out[300];
	int i;

	check_seed();
	for (i = 0; i < 50000; i++) {
		uint32_t n = check_below(220);
		struct tern_buf *buf = tern_buf_new(pool, n);
		struct tern_pkt *pkt = tern_pkt_new(pool, 0, 0);
		uint8_t *p = buf->data;

		check_fill(p, n);
		if (n > 40) {
			p[0] = i % 2 ? 0x60 : 0x45;
			put_be16(p + 2, (uint16_t)check_below(n + 1));
			p[i % 2 ? 6 : 9] = protocols[check_below(6)];
			if (check_below(2))
				put_be16(p + 6, 0x4000);
			put_be16(p + 4, (uint16_t)check_below(n - 38));
		}
		tern_pkt_add_frag(pkt, buf, 0, n);
		tern_buf_put(buf);
		pkt->gso_size = check_below(10) ? 0 : 100;
		wire_print(pkt, out, sizeof(out));
		assert_true(strlen(out) > 0);
		tern_pkt_put(pkt);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_segment_reads_as_in_a_script),
		CASE(flags_are_packetdrill_s_letters),
		CASE(options_are_packetdrill_s_words),
		CASE(datagrams_and_fragments_are_told),
		CASE(icmp_names_its_codes_and_what_it_quotes),
		CASE(broken_packets_say_how),
		CASE(a_packet_in_fragments_prints_alike),
		CASE(a_short_buffer_cuts_and_the_length_is_told),
		CASE(numbers_are_printed_whole),
		CASE(random_bytes_are_survived),
	};

	return cmocka_run_group_tests_name("wire_print", tests, NULL, NULL);
}
