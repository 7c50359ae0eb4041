// SPDX-License-Identifier: BSD-2-Clause
/*
 * ss's filters: each against the same few sockets, which are named by letters;
 * and random expressions against what they mean. That ss itself takes the same
 * ones is asked in interop/ss_alike.
 */
#include "../unit/check.h"

#include "tools/ss_filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char said[256];

static const struct command ss = { .name = "ss" };

static struct tern_sockaddr end(const char *addr, uint16_t port)
{
	struct tern_sockaddr sa = { .port = port };

	assert_int_equal(tern_addr_parse(addr, NULL, &sa.addr), strlen(addr));
	return sa;
}

#define N 6

static struct tern_sock_info socks[N];

static int make_socks(void **state)
{
	static const struct {
		int state;
		const char *local;
		uint16_t lport;
		const char *remote;
		uint16_t rport;
	} rows[N] = {
		{ TERN_TCP_ESTABLISHED, "10.0.0.1", 80, "10.0.0.2", 40000 },
		{ TERN_TCP_LISTEN, "0.0.0.0", 80, "0.0.0.0", 0 },
		{ TERN_TCP_CLOSE_WAIT, "fd00::1", 443, "fd00::2", 50000 },
		{ TERN_TCP_TIME_WAIT, "10.1.0.1", 22, "10.1.0.9", 1 },
		{ TERN_TCP_SYN_RECV, "10.0.0.1", 80, "10.0.0.130", 40001 },
		{ TERN_TCP_FIN_WAIT1, "127.0.0.1", 65535, "127.0.0.1", 8080 },
	};

	for (int i = 0; i < N; i++) {
		socks[i].protocol = TERN_IPPROTO_TCP;
		socks[i].state = rows[i].state;
		socks[i].local = end(rows[i].local, rows[i].lport);
		socks[i].remote = end(rows[i].remote, rows[i].rport);
	}
	return 0;
}

/* What is wrong is told on standard error, which is here a string. */
static bool read_words(struct ss_filter *f, int n, char **words)
{
	FILE *real = stderr;
	bool good;

	memset(said, 0, sizeof(said));
	stderr = fmemopen(said, sizeof(said), "w");
	assert_non_null(stderr);
	good = ss_filter_read(&ss, f, n, words);
	fclose(stderr);
	stderr = real;
	return good;
}

/* Words as a shell would give them: one for the whole text, or split. */
static bool read_filter(struct ss_filter *f, const char *text, bool split)
{
	char copy[4096], *words[256], *save = NULL;
	int n = 0;

	*f = (struct ss_filter){ .states = SS_STATES_ALL };
	snprintf(copy, sizeof(copy), "%s", text);
	if (!split)
		words[n++] = copy;
	else
		for (char *w = strtok_r(copy, " ", &save); w;
		     w = strtok_r(NULL, " ", &save))
			words[n++] = w;
	return read_words(f, n, words);
}

static void takes(const char *text, const char *want)
{
	for (int split = 0; split < 2; split++) {
		struct ss_filter f;
		char got[N + 1] = "";

		if (!read_filter(&f, text, split))
			fail_msg("\"%s\": %s", text, said);
		for (int i = 0; i < N; i++)
			if (ss_filter_passes(&f, &socks[i]))
				got[strlen(got)] = (char)('A' + i);
		ss_filter_free(&f);
		if (strcmp(got, want) != 0)
			fail_msg("\"%s\" takes %s, not %s", text, got, want);
	}
}

static void refuses(const char *text, const char *why)
{
	struct ss_filter f;

	assert_false(read_filter(&f, text, true));
	ss_filter_free(&f);
	if (!strstr(said, why))
		fail_msg("\"%s\": \"%s\", not \"%s\"", text, said, why);
}

static void states_are_named_and_excluded(void **state)
{
	takes("", "ABCDEF");
	takes("state established", "A");
	takes("state estab", "A");
	takes("state listening", "B");
	takes("state close-wait state time-wait", "CD");
	takes("state all exclude listening", "ACDEF");
	takes("exclude time-wait exclude syn-recv", "ABCF");
	takes("state connected", "ACDEF");
	takes("state synchronized", "ACDEF"); /* all but SYN-SENT */
	takes("state bucket", "DE");
	takes("state big", "ABCF");
	takes("state fin-wait-1", "F");
	takes("state FIN-WAIT-1", "F");
	takes("state established sport = :22", "");
	takes("state time-wait sport = :22", "D");
}

static void ports_are_compared(void **state)
{
	takes("sport = :80", "ABE");
	takes("sport = 80", "ABE");
	takes("sport == :80", "ABE");
	takes("sport eq :80", "ABE");
	takes("sport :80", "ABE");
	takes("sport = http", "ABE");
	takes("sport = :http", "ABE");
	takes("sport != :80", "CDF");
	takes("sport neq :80", "CDF");
	takes("sport < :80", "D");
	takes("sport <= :80", "ABDE");
	takes("sport > :443", "F");
	takes("sport ge :443", "CF");
	takes("sport gt :443", "F");
	takes("sport lt :80", "D");
	takes("dport = :0", "B");
	takes("sport = :65535", "F");
	takes("sport>=:443", "CF");
	takes("dport=:40000", "A");
}

static void addresses_are_matched_by_their_prefix(void **state)
{
	takes("dst 10.0.0.2", "A");
	takes("dst = 10.0.0.2", "A");
	takes("dst != 10.0.0.2", "BCDEF");
	takes("dst 10.0.0.0/24", "AE");
	takes("dst 10.0.0.0/25", "A");
	takes("dst 10.0.0.128/25", "E");
	takes("dst 10.0.0.0/8", "ADE");
	takes("dst 0.0.0.0/0", "ABDEF");
	takes("src fd00::/16", "C");
	takes("src [fd00::1]:443", "C");
	takes("src [fd00::1]:80", "");
	takes("src [fd00::]/64", "C");
	takes("dst ::/0", "C");
	takes("dst 10.0.0.2:40000", "A");
	takes("dst 10.0.0.2:40001", "");
	takes("dst *:40001", "E");
	takes("dst :40001", "E");
	takes("src 10.0.0.1:http", "AE");
	takes("src 127.0.0.1/32", "F");
}

static void and_binds_closer_than_or_and_not_closest(void **state)
{
	takes("sport = :80 and dport = :40000", "A");
	takes("sport = :80 dport = :40000", "A");
	takes("sport = :80 & dport = :40000", "A");
	takes("sport = :80 && dport = :40000", "A");
	takes("sport = :22 or sport = :443", "CD");
	takes("sport = :22 | sport = :443", "CD");
	takes("sport = :22 || sport = :443", "CD");
	takes("not sport = :80", "CDF");
	takes("! sport = :80", "CDF");
	takes("not not sport = :80", "ABE");
	takes("sport = :22 or sport = :80 and dport = :40000", "AD");
	takes("( sport = :22 or sport = :80 ) and dport = :40000", "A");
	takes("(sport = :22 or sport = :80) and dport = :40000", "A");
	takes("not sport = :80 and dport > :1", "CF");
	takes("not ( sport = :80 and dport > :1 )", "BCDF");
	takes("( ( ( sport = :22 ) ) )", "D");
}

static void what_is_wrong_is_told(void **state)
{
	refuses("state", "is no state");
	refuses("state nowhere", "\"nowhere\" is no state");
	refuses("sport", "what is to be compared is missing");
	refuses("sport =", "what is to be compared is missing");
	refuses("sport = :", "no port");
	refuses("sport = :70000", "no port: 70000");
	refuses("sport = :-1", "no port: -1");
	refuses("dst 10.0.0", "no address, such as");
	refuses("dst 10.0.0.0/33", "no prefix length: 33");
	refuses("dst fd00::/129", "no prefix length: 129");
	refuses("dst [fd00::1", "a ] is missing");
	refuses("dst > 10.0.0.1", "addresses are equal or not");
	refuses("( sport = :80", "a ) is missing");
	refuses("sport = :80 )", "a filter cannot go on with: )");
	refuses("sport = :80 or", "a filter cannot go on with");
	refuses("and sport = :80", "a filter cannot go on with: and");
	refuses("sideways = 3", "a filter cannot go on with: sideways");
	refuses("not", "a filter cannot go on with");
}

static void deep_and_long_filters_are_refused(void **state)
{
	struct ss_filter f;
	char text[4000] = "";

	while (strlen(text) < 400)
		strcat(text, "not ");
	strcat(text, "sport = :1");
	assert_false(read_filter(&f, text, false));
	assert_non_null(strstr(said, "this filter is too deep"));
	text[0] = '\0';
	while (strlen(text) + 12 < sizeof(text))
		strcat(text, "sport = 80 ");
	assert_false(read_filter(&f, text, false));
	assert_non_null(strstr(said, "this filter is too long"));
}

/* A random expression, and the sockets it is true of as bits. */
static uint32_t make(char *out, size_t size, int depth)
{
	char a[1500], b[1500];
	uint32_t x, y, bits = 0, kind = depth ? check_below(5) : 0;
	uint16_t port;

	if (kind <= 1) {
		port = socks[check_below(N)].local.port;
		snprintf(out, size, "sport %s :%u", kind ? ">" : "=", port);
		for (int i = 0; i < N; i++)
			if (kind ? socks[i].local.port > port :
				   socks[i].local.port == port)
				bits |= 1u << i;
		return bits;
	}
	x = make(a, sizeof(a), depth - 1);
	if (kind == 2) {
		snprintf(out, size, "not ( %s )", a);
		return ~x & ((1u << N) - 1);
	}
	y = make(b, sizeof(b), depth - 1);
	snprintf(out, size, "( %s %s %s )", a, kind == 3 ? "and" : "or", b);
	return kind == 3 ? x & y : x | y;
}

static void random_expressions_mean_what_they_say(void **state)
{
	check_seed();
	for (int run = 0; run < 2000; run++) {
		struct ss_filter f;
		char text[3200];
		uint32_t want = make(text, sizeof(text), 4), got = 0;

		if (!read_filter(&f, text, false))
			fail_msg("\"%s\": %s", text, said);
		for (int i = 0; i < N; i++)
			if (ss_filter_passes(&f, &socks[i]))
				got |= 1u << i;
		ss_filter_free(&f);
		if (got != want)
			fail_msg("\"%s\": %x, not %x", text, got, want);
	}
}

static void random_bytes_are_read_or_refused(void **state)
{
	static const char *const words[] = {
		"sport", "dport", "src", "dst",	  "=",	   ">",	  "(",
		")",	 "not",	  "or",	 "state", "and",   ":80", "10.0.0.1",
		"/",	 "[",	  "]",	 "::",	  "estab", "*",	  "!=",
	};
	check_seed();
	for (int run = 0; run < 20000; run++) {
		struct ss_filter f;
		char text[512] = "";

		for (uint32_t n = check_below(12); n; n--) {
			strcat(text, words[check_below(sizeof(words) /
						       sizeof(*words))]);
			if (check_below(4))
				strcat(text, " ");
		}
		if (read_filter(&f, text, check_below(2)))
			ss_filter_passes(&f, &socks[0]);
		else
			assert_true(said[0]);
		ss_filter_free(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_are_named_and_excluded),
		cmocka_unit_test(ports_are_compared),
		cmocka_unit_test(addresses_are_matched_by_their_prefix),
		cmocka_unit_test(and_binds_closer_than_or_and_not_closest),
		cmocka_unit_test(what_is_wrong_is_told),
		cmocka_unit_test(deep_and_long_filters_are_refused),
		cmocka_unit_test(random_expressions_mean_what_they_say),
		cmocka_unit_test(random_bytes_are_read_or_refused),
	};

	return cmocka_run_group_tests(tests, make_socks, NULL);
}
