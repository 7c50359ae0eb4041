// SPDX-License-Identifier: BSD-2-Clause
/* Headers around a packet, as built, read again, printed and compared: no stack
 * here sends any, so this is where those of packets out are tried. */
#include "../unit/check.h"

#include "lab/drill_encap.h"
#include "lab/drill_match.h"
#include "lab/drill_print.h"
#include "lab/drill_run.h"

#include <stdlib.h>
#include <string.h>

static const struct drill_ends ends4 = { .sport = 1, .dport = 2 };

static struct drill_wrap ip(const char *src, const char *dst)
{
	struct drill_wrap w = { .kind = DRILL_WRAP_IP };

	assert_true(tern_addr_parse(src, NULL, &w.src));
	assert_true(tern_addr_parse(dst, NULL, &w.dst));
	return w;
}

static void says(const struct drill_pkt *line, const struct drill_live *live,
		 const char *want)
{
	static struct drill_config config;
	struct drill_run r = { .config = &config };
	struct drill_text differs = { 0 }, doubts = { 0 };

	drill_match(&r, NULL, line, live, 1, &differs, &doubts);
	assert_string_equal(differs.s ? differs.s : "", want);
	free(differs.s);
	free(doubts.s);
}

static struct drill_live there_and_back(const struct drill_pkt *pkt,
					const struct drill_ends *ends,
					size_t len)
{
	static unsigned char bytes[DRILL_PKT_MAX];
	struct drill_live live = { 0 };

	assert_int_equal(drill_wire_build(pkt, ends, bytes), len);
	drill_wire_read(bytes, len, &live);
	assert_null(live.broken);
	assert_false(live.bad_csum);
	assert_false(live.bad_ip_csum);
	/* Cut anywhere it is an error, and no more. */
	for (size_t n = 0; n < len; n++) {
		struct drill_live cut = { 0 };
		unsigned char *copy = malloc(n + !n);

		memcpy(copy, bytes, n);
		drill_wire_read(copy, n, &cut);
		free(copy);
		assert_non_null(cut.broken);
	}
	return live;
}

static void prints(const struct drill_pkt *pkt, const char *want)
{
	struct drill_text t = { 0 };

	drill_print_pkt(&t, pkt, false);
	assert_string_equal(t.s, want);
	free(t.s);
}

static struct drill_ends inner(void)
{
	struct drill_ends e = ends4;

	e.src = tern_addr_v4(10, 0, 0, 1);
	e.dst = tern_addr_v4(10, 0, 0, 2);
	return e;
}

static void ip_in_ip_in_ip6(void **state)
{
	struct drill_ends e = inner();
	struct drill_pkt line = { .proto = DRILL_UDP, .len = 5, .n_wraps = 2 };
	struct drill_live live;

	line.wraps[0] = ip("2001:db8::1", "2001:db8::2");
	line.wraps[1] = ip("192.0.2.1", "192.0.2.2");
	line.wraps[1].ip = (struct drill_ip){ .has_ttl = true, .ttl = 9 };
	live = there_and_back(&line, &e, 40 + 20 + 20 + 8 + 5);
	says(&line, &live, "");
	assert_true(tern_addr_equal(&live.ends.src, &e.src));
	prints(&line, "> ipv6 2001:db8::1 > 2001:db8::2: "
		      "ipv4 (ttl 9) 192.0.2.1 > 192.0.2.2: udp (5)");
	line.wraps[1].ip.ttl = 8;
	says(&line, &live,
	     "it is wrapped in \"ipv6 2001:db8::1 > 2001:db8::2: ipv4 (ttl 9) "
	     "192.0.2.1 > 192.0.2.2: \", not in \"ipv6 2001:db8::1 > "
	     "2001:db8::2: ipv4 (ttl 8) 192.0.2.1 > 192.0.2.2: \"");
	line.n_wraps = 0;
	says(&line, &live,
	     "it is wrapped in \"ipv6 2001:db8::1 > 2001:db8::2: ipv4 "
	     "192.0.2.1 > 192.0.2.2: \", not in \"\"");
}

static void gre_and_labels(void **state)
{
	struct drill_ends e = inner();
	struct drill_pkt line = { .proto = DRILL_UDP, .len = 5, .n_wraps = 3 };
	struct drill_live live;

	line.wraps[0] = ip("192.0.2.1", "192.0.2.2");
	line.wraps[1] = (struct drill_wrap){ .kind = DRILL_WRAP_GRE,
					     .gre_flags = 0xb000,
					     .gre_sum = 1,
					     .gre_off = 2,
					     .gre_key = 3,
					     .gre_seq = 4 };
	line.wraps[2] = (struct drill_wrap){ .kind = DRILL_WRAP_MPLS,
					     .n_labels = 2,
					     .labels = { 7 << 12 | 3,
							 9 << 12 | 0x540 } };
	live = there_and_back(&line, &e, 20 + 16 + 8 + 20 + 8 + 5);
	says(&line, &live, "");
	prints(&line, "> ipv4 192.0.2.1 > 192.0.2.2: "
		      "gre flags [C,K,S], sum 0x1, off 0x2, key 0x3, seq 4: "
		      "mpls (label 7, tc 0, ttl 3) "
		      "(label 9, tc 2, [S], ttl 64): udp (5)");
	line.wraps[1].gre_flags = 0x3000;
	live = there_and_back(&line, &e, 20 + 12 + 8 + 20 + 8 + 5);
	assert_int_equal(live.pkt.wraps[1].gre_key, 3);
	assert_int_equal(live.pkt.wraps[1].gre_seq, 4);
}

/* RFC 4023: labels in IP. */
static void labels_in_ip(void **state)
{
	struct drill_ends e = inner();
	struct drill_pkt line = { .proto = DRILL_UDP, .len = 5, .n_wraps = 2 };
	struct drill_live live;

	line.wraps[0] = ip("2001:db8::1", "2001:db8::2");
	line.wraps[1] = (struct drill_wrap){ .kind = DRILL_WRAP_MPLS,
					     .n_labels = 1,
					     .labels = { 9 << 12 | 0x140 } };
	live = there_and_back(&line, &e, 40 + 4 + 20 + 8 + 5);
	says(&line, &live, "");
}

static void what_is_too_long_is_cut(void **state)
{
	static unsigned char bytes[DRILL_PKT_MAX];
	struct drill_ends e = inner();
	struct drill_pkt line = { .proto = DRILL_UDP,
				  .len = 65507,
				  .n_wraps = DRILL_WRAPS_MAX };
	for (int i = 0; i < DRILL_WRAPS_MAX; i++)
		line.wraps[i] = ip("2001:db8::1", "2001:db8::2");
	assert_int_equal(drill_wire_build(&line, &e, bytes), DRILL_PKT_MAX);
}

/* Five headers around: more than are looked at. */
static void what_is_too_deep_is_broken(void **state)
{
	static unsigned char bytes[DRILL_PKT_MAX];
	struct drill_ends e = inner();
	struct drill_pkt line = { .proto = DRILL_UDP,
				  .n_wraps = DRILL_WRAPS_MAX };
	struct drill_live live = { 0 };
	size_t n;

	for (int i = 0; i < DRILL_WRAPS_MAX; i++)
		line.wraps[i] = ip("192.0.2.1", "192.0.2.2");
	n = drill_wire_build(&line, &e, bytes);
	memmove(bytes + 20, bytes, n);
	memcpy(bytes, bytes + 20, 20);
	bytes[3] = (unsigned char)(n + 20);
	drill_wire_read(bytes, n + 20, &live);
	assert_string_equal(live.broken, "more headers around it than are "
					 "looked at");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ip_in_ip_in_ip6),
		cmocka_unit_test(gre_and_labels),
		cmocka_unit_test(labels_in_ip),
		cmocka_unit_test(what_is_too_long_is_cut),
		cmocka_unit_test(what_is_too_deep_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
