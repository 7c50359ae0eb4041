// SPDX-License-Identifier: BSD-2-Clause
/* TCP headers: round trips, Linux's option layouts byte by byte, and headers
 * that nobody should have sent. */
#include "wire/wire_tcp.h"

#include <stdlib.h>

#include "check.h"

#define MSS "\x02\x04\x05\xb4"
#define WS "\x03\x03\x08"
#define SACK_OK "\x04\x02"
#define TS "\x08\x0a\x11\x12\x13\x14\x21\x22\x23\x24"
#define NOP "\x01"
#define NOP2 "\x01\x01"
#define BLOCK1 "\0\0\0\x01\0\0\0\x0b"
#define BLOCK2 "\0\0\0\x15\0\0\0\x1f"
#define BLOCK3 "\xff\xff\xff\xf0\0\0\0\x05"
#define BLOCK4 "\0\0\0\x33\0\0\0\x3d"
#define COUNTER1 "\xa1\xa2\xa3"
#define COUNTER2 "\0\0\x02"
#define COUNTER3 "\xff\xff\xff"
#define COOKIE8 "cookie.8"

/* The values that the layouts below carry. */
static struct wire_tcp_opts values(uint16_t present)
{
	struct wire_tcp_opts o = {
		.present = present,
		.mss = 1460,
		.wscale = 8,
		.ts_val = 0x11121314,
		.ts_ecr = 0x21222324,
		.n_sack = 4,
		.sack = { { { 1 }, { 11 } },
			  { { 21 }, { 31 } },
			  { { 0xfffffff0 }, { 5 } },
			  { { 51 }, { 61 } } },
		.n_accecn = 3,
		.accecn = { 0xa1a2a3, 2, 0xffffff },
		.cookie_len = 8,
	};

	memcpy(o.cookie, COOKIE8, 8);
	return o;
}

static void check_layout(const struct wire_tcp_opts *o, bool syn,
			 const char *want, size_t n)
{
	struct wire_tcp_opts copy = *o;
	uint8_t out[48];

	memset(out, 0xcc, sizeof(out));
	assert_int_equal(wire_tcp_emit_opts(out, &copy, syn), n);
	assert_memory_equal(out, want, n);
	/* Not a byte more. */
	assert_int_equal(out[n], 0xcc);
	assert_int_equal(wire_tcp_opts_len(o, syn), n);
}

#define LAYOUT(o, syn, want) check_layout(o, syn, want, sizeof(want) - 1)

static void a_syn_has_linux_s_layout(void **state)
{
	static const struct {
		uint16_t present;
		const char *want;
		size_t n;
	} rows[] = {
#define ROW(present, want) { present, want, sizeof(want) - 1 }
		ROW(0, ""),
		ROW(WIRE_OPT_MSS, MSS),
		ROW(WIRE_OPT_MSS | WIRE_OPT_WSCALE, MSS NOP WS),
		ROW(WIRE_OPT_MSS | WIRE_OPT_SACK_OK, MSS NOP2 SACK_OK),
		ROW(WIRE_OPT_MSS | WIRE_OPT_SACK_OK | WIRE_OPT_WSCALE,
		    MSS NOP2 SACK_OK NOP WS),
		ROW(WIRE_OPT_MSS | WIRE_OPT_SACK_OK | WIRE_OPT_TS,
		    MSS SACK_OK TS),
		ROW(WIRE_OPT_MSS | WIRE_OPT_SACK_OK | WIRE_OPT_TS |
			    WIRE_OPT_WSCALE,
		    MSS SACK_OK TS NOP WS),
		ROW(WIRE_OPT_MSS | WIRE_OPT_TS, MSS NOP2 TS),
		ROW(WIRE_OPT_MSS | WIRE_OPT_TS | WIRE_OPT_WSCALE,
		    MSS NOP2 TS NOP WS),
#undef ROW
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		struct wire_tcp_opts o = values(rows[i].present);

		check_layout(&o, true, rows[i].want, rows[i].n);
	}
}

static void fast_open_comes_last_and_padded(void **state)
{
	const uint16_t usual = WIRE_OPT_MSS | WIRE_OPT_SACK_OK |
			       WIRE_OPT_WSCALE;
	struct wire_tcp_opts o = values(usual | WIRE_OPT_FASTOPEN);

	LAYOUT(&o, true, MSS NOP2 SACK_OK NOP WS "\x22\x0a" COOKIE8 NOP2);
	o.cookie_len = 6;
	LAYOUT(&o, true,
	       MSS NOP2 SACK_OK NOP WS "\x22\x08"
				       "cookie");
	o.cookie_len = 0;
	LAYOUT(&o, true, MSS NOP2 SACK_OK NOP WS "\x22\x02" NOP2);

	o = values(usual | WIRE_OPT_TS | WIRE_OPT_FASTOPEN);
	LAYOUT(&o, true, MSS SACK_OK TS NOP WS "\x22\x0a" COOKIE8 NOP2);

	o = values(usual | WIRE_OPT_FASTOPEN_EXP);
	LAYOUT(&o, true, MSS NOP2 SACK_OK NOP WS "\xfe\x0c\xf9\x89" COOKIE8);
	o.cookie_len = 0;
	LAYOUT(&o, true, MSS NOP2 SACK_OK NOP WS "\xfe\x04\xf9\x89");
}

static void accurate_ecn_stands_before_what_sack_and_wscale_pad(void **state)
{
	const uint16_t usual = WIRE_OPT_MSS | WIRE_OPT_SACK_OK |
			       WIRE_OPT_WSCALE | WIRE_OPT_ACCECN1;
	struct wire_tcp_opts o = values(usual);

	LAYOUT(&o, true,
	       MSS
	       "\xae\x0b" COUNTER1 COUNTER2 COUNTER3 NOP NOP2 SACK_OK NOP WS);
	o = values(usual | WIRE_OPT_TS);
	LAYOUT(&o, true,
	       MSS SACK_OK TS "\xae\x0b" COUNTER1 COUNTER2 COUNTER3 NOP NOP WS);
	/* The cookie is of use only here: counters give way to it. */
	o.present |= WIRE_OPT_FASTOPEN;
	LAYOUT(&o, true,
	       MSS SACK_OK TS "\xae\x08" COUNTER1 COUNTER2 NOP WS
			      "\x22\x0a" COOKIE8 NOP2);
	o.cookie_len = 16;
	LAYOUT(&o, true,
	       MSS SACK_OK TS NOP WS "\x22\x12" COOKIE8
				     "\0\0\0\0\0\0\0\0" NOP2);
}

static void other_segments_have_linux_s_layout(void **state)
{
	struct wire_tcp_opts o = values(WIRE_OPT_TS);

	LAYOUT(&o, false, NOP2 TS);
	o = values(WIRE_OPT_SACK);
	o.n_sack = 1;
	LAYOUT(&o, false, NOP2 "\x05\x0a" BLOCK1);
	o.n_sack = 4;
	LAYOUT(&o, false, NOP2 "\x05\x22" BLOCK1 BLOCK2 BLOCK3 BLOCK4);
	/* With timestamps there is room for three. */
	o = values(WIRE_OPT_SACK | WIRE_OPT_TS);
	LAYOUT(&o, false, NOP2 TS NOP2 "\x05\x1a" BLOCK1 BLOCK2 BLOCK3);
	o.n_sack = 0;
	LAYOUT(&o, false, NOP2 TS);
}

static void accurate_ecn_and_sack_share_the_room(void **state)
{
	struct wire_tcp_opts o = values(WIRE_OPT_ACCECN1);

	LAYOUT(&o, false, "\xae\x0b" COUNTER1 COUNTER2 COUNTER3 NOP);
	o.present = WIRE_OPT_ACCECN0;
	o.n_accecn = 2;
	LAYOUT(&o, false, "\xac\x08" COUNTER1 COUNTER2);
	o.n_accecn = 1;
	LAYOUT(&o, false, "\xac\x05" COUNTER1 NOP NOP2);
	o.n_accecn = 0;
	LAYOUT(&o, false, "\xac\x02" NOP2);

	o = values(WIRE_OPT_ACCECN1 | WIRE_OPT_SACK);
	LAYOUT(&o, false,
	       "\xae\x05" COUNTER1 NOP "\x05\x22" BLOCK1 BLOCK2 BLOCK3 BLOCK4);
	o.min_accecn = 3;
	LAYOUT(&o, false,
	       "\xae\x0b" COUNTER1 COUNTER2 COUNTER3 NOP NOP2
	       "\x05\x1a" BLOCK1 BLOCK2 BLOCK3);
	o.min_accecn = 0;
	/* Counters that have not changed go first, without NOPs to spare. */
	o.present |= WIRE_OPT_TS;
	LAYOUT(&o, false, NOP2 TS "\xae\x02\x05\x1a" BLOCK1 BLOCK2 BLOCK3);
	/* Then blocks, but for two. */
	o.min_accecn = 2;
	LAYOUT(&o, false,
	       NOP2 TS "\xae\x08" COUNTER1 COUNTER2 NOP2
		       "\x05\x12" BLOCK1 BLOCK2);
	/* Rather than less than that no counters at all. */
	o.min_accecn = 3;
	LAYOUT(&o, false, NOP2 TS NOP2 "\x05\x1a" BLOCK1 BLOCK2 BLOCK3);
	o.n_sack = 1;
	LAYOUT(&o, false,
	       NOP2 TS "\xae\x0b" COUNTER1 COUNTER2 COUNTER3 NOP NOP2
		       "\x05\x0a" BLOCK1);
}

static void options_of_the_other_kind_of_segment_are_not_sent(void **state)
{
	struct wire_tcp_opts o = values(WIRE_OPT_MSS | WIRE_OPT_WSCALE |
					WIRE_OPT_SACK_OK | WIRE_OPT_FASTOPEN);

	LAYOUT(&o, false, "");
	o = values(WIRE_OPT_SACK);
	LAYOUT(&o, true, "");
}

/* A header with these options, padded with EOL, parsed. */
static struct wire_tcp_opts parse(const char *bytes, size_t n)
{
	struct wire_tcp h = { .hdr_len = (uint8_t)(20 + (n + 3) / 4 * 4) };
	uint8_t *p = calloc(1, h.hdr_len);
	struct wire_tcp_opts o;

	memcpy(p + 20, bytes, n);
	wire_tcp_parse_opts(p, &h, &o);
	free(p);
	return o;
}

#define PARSE(bytes) parse(bytes, sizeof(bytes) - 1)

static void options_are_read_as_they_were_meant(void **state)
{
	struct wire_tcp_opts o = PARSE(MSS SACK_OK TS NOP WS);

	assert_int_equal(o.present, WIRE_OPT_MSS | WIRE_OPT_SACK_OK |
					    WIRE_OPT_TS | WIRE_OPT_WSCALE);
	assert_int_equal(o.mss, 1460);
	assert_int_equal(o.wscale, 8);
	assert_int_equal(o.ts_val, 0x11121314);
	assert_int_equal(o.ts_ecr, 0x21222324);

	o = PARSE(NOP2 "\x05\x22" BLOCK1 BLOCK2 BLOCK3 BLOCK4);
	assert_int_equal(o.present, WIRE_OPT_SACK);
	assert_int_equal(o.n_sack, 4);
	assert_int_equal(o.sack[0].start.v, 1);
	assert_int_equal(o.sack[2].start.v, 0xfffffff0);
	assert_int_equal(o.sack[3].end.v, 61);

	o = PARSE("\xae\x0b" COUNTER1 COUNTER2 COUNTER3 NOP);
	assert_int_equal(o.present, WIRE_OPT_ACCECN1);
	assert_int_equal(o.n_accecn, 3);
	assert_int_equal(o.accecn[0], 0xa1a2a3);
	assert_int_equal(o.accecn[1], 2);
	assert_int_equal(o.accecn[2], 0xffffff);

	o = PARSE("\x22\x0a" COOKIE8);
	assert_int_equal(o.present, WIRE_OPT_FASTOPEN);
	assert_int_equal(o.cookie_len, 8);
	assert_memory_equal(o.cookie, COOKIE8, 8);
	o = PARSE("\xfe\x04\xf9\x89");
	assert_int_equal(o.present, WIRE_OPT_FASTOPEN_EXP);
	assert_int_equal(o.cookie_len, 0);

	o = PARSE("\x13\x12" COOKIE8 COOKIE8);
	assert_int_equal(o.present, WIRE_OPT_MD5);
}

static void a_wrong_length_makes_an_option_absent(void **state)
{
	assert_int_equal(PARSE("\x02\x03\x05" WS).present, WIRE_OPT_WSCALE);
	assert_int_equal(PARSE("\x02\x06\x05\xb4\0\0" WS).present,
			 WIRE_OPT_WSCALE);
	assert_int_equal(PARSE("\x03\x04\x05\0" MSS).present, WIRE_OPT_MSS);
	assert_int_equal(PARSE("\x04\x03\x05" MSS).present, WIRE_OPT_MSS);
	assert_int_equal(PARSE("\x05\x02" MSS).present, WIRE_OPT_MSS);
	assert_int_equal(PARSE("\x05\x0b" BLOCK1 "\0" MSS).present,
			 WIRE_OPT_MSS);
	assert_int_equal(PARSE("\x08\x09\1\2\3\4\5\6\7" MSS).present,
			 WIRE_OPT_MSS);
	/* Cookies are of 4 to 16 bytes, an even number. */
	assert_int_equal(PARSE("\x22\x04\x01\x02" MSS).present, WIRE_OPT_MSS);
	assert_int_equal(PARSE("\x22\x07\1\2\3\4\5" MSS).present, WIRE_OPT_MSS);
	assert_int_equal(PARSE("\x22\x14" COOKIE8 COOKIE8 "\1\2").present, 0);
	/* Counters that are not whole are not there. */
	assert_int_equal(PARSE("\xac\x04\1\2").n_accecn, 0);
	assert_int_equal(PARSE("\xac\x07\1\2\3\4\5").n_accecn, 1);
	assert_int_equal(
		PARSE("\xac\x0e\1\2\3\4\5\6\7\10\11\12\13\14").n_accecn, 3);
	/* An MSS of 0 is none. */
	assert_int_equal(PARSE("\x02\x04\0\0").present, 0);
}

static void an_impossible_length_ends_the_list(void **state)
{
	assert_int_equal(PARSE(MSS "\x63\0" WS).present, WIRE_OPT_MSS);
	assert_int_equal(PARSE(MSS "\x63\x01" WS).present, WIRE_OPT_MSS);
	assert_int_equal(PARSE(MSS "\x63\x20" WS).present, WIRE_OPT_MSS);
	assert_int_equal(PARSE(MSS NOP2 NOP "\x03").present, WIRE_OPT_MSS);
	assert_int_equal(PARSE(MSS "\0" WS).present, WIRE_OPT_MSS);
	/* One byte past the header. */
	assert_int_equal(PARSE(MSS NOP2 "\x03\x03").present, WIRE_OPT_MSS);
}

static void options_of_no_known_kind_are_told(void **state)
{
	assert_int_equal(PARSE("\x63\x04\1\2" MSS).present,
			 WIRE_OPT_MSS | WIRE_OPT_UNKNOWN);
	assert_int_equal(PARSE("\xfe\x04\1\2" MSS).present,
			 WIRE_OPT_MSS | WIRE_OPT_UNKNOWN);
	assert_int_equal(PARSE("\xfe\x02" MSS).present,
			 WIRE_OPT_MSS | WIRE_OPT_UNKNOWN);
}

static void timestamps_alone_are_recognised(void **state)
{
	uint8_t bytes[36] = { 0 };
	struct wire_tcp h = { .hdr_len = 32 };
	uint32_t val, ecr;

	memcpy(bytes + 20, NOP2 TS, 12);
	assert_true(wire_tcp_only_ts(bytes, &h, &val, &ecr));
	assert_int_equal(val, 0x11121314);
	assert_int_equal(ecr, 0x21222324);
	h.hdr_len = 36;
	assert_false(wire_tcp_only_ts(bytes, &h, &val, &ecr));
	h.hdr_len = 32;
	bytes[20] = 0;
	assert_false(wire_tcp_only_ts(bytes, &h, &val, &ecr));
}

static void a_header_is_read_as_it_was_written(void **state)
{
	uint8_t bytes[60];
	int i;

	check_seed();
	for (i = 0; i < 20000; i++) {
		struct wire_tcp h = {
			.sport = (uint16_t)check_random(),
			.dport = (uint16_t)check_random(),
			.seq = seq_of((uint32_t)check_random()),
			.ack = seq_of((uint32_t)check_random()),
			.flags = check_random() & 0x1ff,
			.window = (uint16_t)check_random(),
			.urgent = (uint16_t)check_random(),
			.hdr_len = (uint8_t)(20 + 4 * check_below(11)),
			.reserved = check_random() & 7,
		};
		struct wire_tcp got;

		memset(bytes, 0xff, sizeof(bytes));
		wire_tcp_emit(bytes, &h);
		assert_int_equal(get_be16(bytes + 16), 0);
		assert_true(wire_tcp_parse(bytes, 60, &got));
		assert_int_equal(got.sport, h.sport);
		assert_int_equal(got.dport, h.dport);
		assert_int_equal(got.seq.v, h.seq.v);
		assert_int_equal(got.ack.v, h.ack.v);
		assert_int_equal(got.flags, h.flags);
		assert_int_equal(got.window, h.window);
		assert_int_equal(got.urgent, h.urgent);
		assert_int_equal(got.hdr_len, h.hdr_len);
		assert_int_equal(got.reserved, h.reserved);
	}
}

/* behaviours.md S13 */
static void a_data_offset_under_5_or_past_the_end_is_no_header(void **state)
{
	uint8_t bytes[60] = { 0 };
	struct wire_tcp got;
	uint8_t words;
	size_t n;

	for (words = 0; words < 16; words++) {
		bytes[12] = (uint8_t)(words << 4);
		for (n = 0; n <= 60; n++)
			assert_int_equal(wire_tcp_parse(bytes, n, &got),
					 words >= 5 && words * 4u <= n);
	}
}

static void options_that_fit_are_read_as_they_were_written(void **state)
{
	static const uint16_t syn_bits[] = { WIRE_OPT_MSS, WIRE_OPT_WSCALE,
					     WIRE_OPT_SACK_OK, WIRE_OPT_TS,
					     WIRE_OPT_FASTOPEN };
	static const uint16_t other_bits[] = { WIRE_OPT_TS, WIRE_OPT_SACK,
					       WIRE_OPT_ACCECN0 };
	int i;

	check_seed();
	for (i = 0; i < 5000; i++) {
		bool syn = i % 2;
		uint8_t bytes[60];
		struct wire_tcp h;
		struct wire_tcp_opts o = values(0), got;
		size_t j;

		for (j = 0;
		     j < (syn ? ARRAY_LEN(syn_bits) : ARRAY_LEN(other_bits));
		     j++) {
			if (check_below(2))
				o.present |= syn ? syn_bits[j] : other_bits[j];
		}
		o.mss = (uint16_t)(1 + check_below(65535));
		o.wscale = (uint8_t)check_random();
		o.ts_val = (uint32_t)check_random();
		o.n_sack = 1;
		h.hdr_len =
			(uint8_t)(20 + wire_tcp_emit_opts(bytes + 20, &o, syn));
		wire_tcp_parse_opts(bytes, &h, &got);
		assert_int_equal(got.present, o.present);
		if (o.present & WIRE_OPT_MSS)
			assert_int_equal(got.mss, o.mss);
		if (o.present & WIRE_OPT_WSCALE)
			assert_int_equal(got.wscale, o.wscale);
		if (o.present & WIRE_OPT_TS)
			assert_int_equal(got.ts_val, o.ts_val);
		if (o.present & WIRE_OPT_SACK)
			assert_int_equal(got.sack[0].end.v, 11);
	}
}

/* In a block of exactly the header's size, so that AddressSanitizer sees a
 * byte read too far. */
static void random_bytes_are_survived(void **state)
{
	struct wire_tcp h;
	struct wire_tcp_opts o;
	int i;

	check_seed();
	for (i = 0; i < 100000; i++) {
		size_t n = check_below(61);
		uint8_t *p = malloc(n ? n : 1);

		check_fill(p, n);
		if (n > 12 && check_below(4))
			p[12] = (uint8_t)((5 + check_below(11)) << 4);
		/* Kinds and lengths that mean something. */
		if (n > 24)
			p[20 + check_below((uint32_t)n - 20)] =
				(uint8_t)check_below(9);
		if (wire_tcp_parse(p, n, &h)) {
			wire_tcp_parse_opts(p, &h, &o);
			assert_true(o.n_sack <= WIRE_TCP_MAX_SACK);
			assert_true(o.n_accecn <= 3);
			assert_true(o.cookie_len <= WIRE_TCP_MAX_COOKIE);
		}
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_syn_has_linux_s_layout),
		cmocka_unit_test(fast_open_comes_last_and_padded),
		cmocka_unit_test(
			accurate_ecn_stands_before_what_sack_and_wscale_pad),
		cmocka_unit_test(other_segments_have_linux_s_layout),
		cmocka_unit_test(accurate_ecn_and_sack_share_the_room),
		cmocka_unit_test(
			options_of_the_other_kind_of_segment_are_not_sent),
		cmocka_unit_test(options_are_read_as_they_were_meant),
		cmocka_unit_test(a_wrong_length_makes_an_option_absent),
		cmocka_unit_test(an_impossible_length_ends_the_list),
		cmocka_unit_test(options_of_no_known_kind_are_told),
		cmocka_unit_test(timestamps_alone_are_recognised),
		cmocka_unit_test(a_header_is_read_as_it_was_written),
		cmocka_unit_test(
			a_data_offset_under_5_or_past_the_end_is_no_header),
		cmocka_unit_test(
			options_that_fit_are_read_as_they_were_written),
		cmocka_unit_test(random_bytes_are_survived),
	};

	return cmocka_run_group_tests_name("wire_tcp", tests, NULL, NULL);
}
