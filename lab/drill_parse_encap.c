// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a packet is wrapped into, before the packet, the outermost first:
 *
 *	ipv4 [(ip-info)] SRC > DST:	ipv6 [(ip-info)] SRC > DST:
 *	gre:	gre flags [C,K,S], sum N, off N, key N, seq N:
 *	mpls (label N, tc N, [S], ttl N) ...:
 *
 * A script with PSP is skipped: there are no keys.
 */
#include "drill_parse.h"

#include "base/bytes.h"

#include <string.h>

enum { IPV4, IPV6, GRE, MPLS, PSP, ENCAP };
static const char *const words[] = { "ipv4", "ipv6", "gre",
				     "mpls", "psp",  "encap" };

static struct tern_addr parse_addr(struct drill_lex *l, bool v6)
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
	return addr;
}

static void parse_ip(struct drill_parse *p, struct drill_wrap *w, bool v6,
		     bool in)
{
	w->kind = DRILL_WRAP_IP;
	drill_parse_ip_info(p, &w->ip, in);
	w->src = parse_addr(&p->lex, v6);
	drill_lex_expect(&p->lex, '>');
	w->dst = parse_addr(&p->lex, v6);
}

static void parse_gre_flags(struct drill_lex *l, struct drill_wrap *w)
{
	static const struct {
		const char *word;
		uint16_t bit;
	} flags[] = { { "C", DRILL_GRE_SUM },
		      { "K", DRILL_GRE_KEY },
		      { "S", DRILL_GRE_SEQ },
		      { "none", 0 } };
	size_t i;

	drill_lex_expect(l, '[');
	do {
		for (i = 0; i < ARRAY_LEN(flags); i++) {
			if (drill_lex_accept_word(l, flags[i].word))
				break;
		}
		if (i == ARRAY_LEN(flags))
			drill_lex_expected(l, "C, K, S or none");
		w->gre_flags |= flags[i].bit;
	} while (drill_lex_accept(l, ','));
	drill_lex_expect(l, ']');
}

static void parse_gre(struct drill_parse *p, struct drill_wrap *w)
{
	struct drill_lex *l = &p->lex;

	w->kind = DRILL_WRAP_GRE;
	if (!drill_lex_accept_word(l, "flags"))
		return;
	parse_gre_flags(l, w);
	while (drill_lex_accept(l, ',')) {
		if (drill_lex_accept_word(l, "sum"))
			w->gre_sum = (uint16_t)drill_lex_number(l, "a checksum",
								0, UINT16_MAX);
		else if (drill_lex_accept_word(l, "off"))
			w->gre_off = (uint16_t)drill_lex_number(l, "an offset",
								0, UINT16_MAX);
		else if (drill_lex_accept_word(l, "key"))
			w->gre_key = (uint32_t)drill_lex_number(l, "a key", 0,
								UINT32_MAX);
		else if (drill_lex_accept_word(l, "seq"))
			w->gre_seq = (uint32_t)drill_lex_number(
				l, "a sequence number", 0, UINT32_MAX);
		else
			drill_lex_expected(l, "sum, off, key or seq");
	}
}

static uint32_t parse_label(struct drill_lex *l)
{
	uint32_t label;

	drill_lex_expect_word(l, "label");
	label = (uint32_t)drill_lex_number(l, "a label", 0, 0xfffff) << 12;
	drill_lex_expect(l, ',');
	drill_lex_expect_word(l, "tc");
	label |= (uint32_t)drill_lex_number(l, "a traffic class", 0, 7) << 9;
	drill_lex_expect(l, ',');
	if (drill_lex_accept(l, '[')) {
		drill_lex_expect_word(l, "S");
		drill_lex_expect(l, ']');
		drill_lex_expect(l, ',');
		label |= DRILL_MPLS_BOTTOM;
	}
	drill_lex_expect_word(l, "ttl");
	label |= (uint32_t)drill_lex_number(l, "a TTL", 0, 255);
	drill_lex_expect(l, ')');
	return label;
}

static void parse_mpls(struct drill_parse *p, struct drill_wrap *w)
{
	struct drill_lex *l = &p->lex;

	w->kind = DRILL_WRAP_MPLS;
	while (drill_lex_accept(l, '(')) {
		if (w->n_labels == ARRAY_LEN(w->labels))
			drill_lex_fail(l, l->last_line,
				       "no more than %zu labels can be built",
				       ARRAY_LEN(w->labels));
		w->labels[w->n_labels++] = parse_label(l);
	}
	if (!w->n_labels)
		drill_lex_expected(l, "(label N, tc N, [S], ttl N)");
}

static size_t accept_kind(struct drill_lex *l)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(words); i++) {
		if (drill_lex_accept_word(l, words[i]))
			break;
	}
	return i;
}

void drill_parse_encap(struct drill_parse *p, struct drill_pkt *pkt)
{
	struct drill_lex *l = &p->lex;
	int line = drill_lex_peek(l)->line;
	struct drill_wrap *w;
	size_t kind;

	while ((kind = accept_kind(l)) != ARRAY_LEN(words)) {
		if (kind == PSP || kind == ENCAP)
			drill_lex_refuse(l, line, "PSP is not implemented");
		if (pkt->n_wraps == DRILL_WRAPS_MAX)
			drill_lex_fail(l, line,
				       "no more than %d headers can be built "
				       "around a packet",
				       DRILL_WRAPS_MAX);
		if (!pkt->n_wraps && kind != IPV4 && kind != IPV6)
			drill_lex_fail(l, line,
				       "%s needs an ipv4 or ipv6 header "
				       "before it",
				       words[kind]);
		w = &pkt->wraps[pkt->n_wraps++];
		if (kind == GRE)
			parse_gre(p, w);
		else if (kind == MPLS)
			parse_mpls(p, w);
		else
			parse_ip(p, w, kind == IPV6, pkt->in);
		drill_lex_expect(l, ':');
	}
}
