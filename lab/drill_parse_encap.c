// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a packet is wrapped into, before the packet:
 *
 *	ipv4 [(ip-info)] SRC > DST:	ipv6 [(ip-info)] SRC > DST:
 *	gre:	gre flags [C,K,S], sum N, off N, key N, seq N:
 *	mpls (label N, tc N, [S], ttl N) ...:
 *
 * There are no tunnels here, so a script with one is skipped; but what is
 * wrong in it is said first.
 */
#include "drill_parse.h"

#include "base/bytes.h"

#include <string.h>

static const char *const words[] = { "ipv4", "ipv6", "gre",
				     "mpls", "psp",  "encap" };

static void parse_addr(struct drill_lex *l, bool v6)
{
	static const char set[] = "0123456789abcdefABCDEF.:";
	struct tern_addr addr;
	const char *text = drill_lex_run(l, set, "an address");
	size_t n = strlen(text);
	char copy[64] = "";

	/* The ":" that ends the header is no part of it. */
	if (n && n < sizeof(copy)) {
		memcpy(copy, text, n);
		if (copy[n - 1] == ':' && (n < 2 || copy[n - 2] != ':')) {
			copy[--n] = 0;
			l->p--;
		}
	}
	if (!n || tern_addr_parse(copy, NULL, &addr) != n ||
	    tern_addr_is_v4(&addr) == v6)
		drill_lex_fail(l, l->last_line, "\"%s\" is no %s address", copy,
			       v6 ? "IPv6" : "IPv4");
}

static void parse_ip(struct drill_parse *p, bool v6)
{
	struct drill_pkt ignored = { 0 };

	drill_parse_ip_info(p, &ignored);
	parse_addr(&p->lex, v6);
	drill_lex_expect(&p->lex, '>');
	parse_addr(&p->lex, v6);
}

static void parse_gre(struct drill_parse *p)
{
	static const char *const fields[] = { "sum", "off", "key", "seq" };
	struct drill_lex *l = &p->lex;
	size_t i;

	if (!drill_lex_accept_word(l, "flags"))
		return;
	drill_lex_expect(l, '[');
	while (!drill_lex_accept(l, ']')) {
		if (drill_lex_peek(l)->kind == DRILL_TOK_END)
			drill_lex_expected(l, "]");
		drill_lex_take(l);
	}
	while (drill_lex_accept(l, ',')) {
		for (i = 0; i < ARRAY_LEN(fields); i++) {
			if (drill_lex_accept_word(l, fields[i]))
				break;
		}
		if (i == ARRAY_LEN(fields))
			drill_lex_expected(l, "sum, off, key or seq");
		drill_lex_number(l, "a field of GRE", 0, UINT32_MAX);
	}
}

static void parse_mpls(struct drill_parse *p)
{
	struct drill_lex *l = &p->lex;

	while (drill_lex_accept(l, '(')) {
		drill_lex_expect_word(l, "label");
		drill_lex_number(l, "a label", 0, 0xfffff);
		drill_lex_expect(l, ',');
		drill_lex_expect_word(l, "tc");
		drill_lex_number(l, "a traffic class", 0, 7);
		drill_lex_expect(l, ',');
		if (drill_lex_accept(l, '[')) {
			drill_lex_expect_word(l, "S");
			drill_lex_expect(l, ']');
			drill_lex_expect(l, ',');
		}
		drill_lex_expect_word(l, "ttl");
		drill_lex_number(l, "a TTL", 0, 255);
		drill_lex_expect(l, ')');
	}
}

void drill_parse_encap(struct drill_parse *p)
{
	struct drill_lex *l = &p->lex;
	const char *first = NULL;
	int line = drill_lex_peek(l)->line;
	size_t i;

	for (;;) {
		for (i = 0; i < ARRAY_LEN(words); i++) {
			if (drill_lex_accept_word(l, words[i]))
				break;
		}
		if (i == ARRAY_LEN(words))
			break;
		first = first ? first : words[i];
		if (i >= 4)
			break; /* PSP: what follows is not known */
		if (i < 2)
			parse_ip(p, i == 1);
		else if (i == 2)
			parse_gre(p);
		else
			parse_mpls(p);
		drill_lex_expect(l, ':');
	}
	if (first)
		drill_lex_refuse(l, line,
				 "encapsulated packets (%s) are not "
				 "implemented: there are no tunnels",
				 first);
}
