// SPDX-License-Identifier: BSD-2-Clause
/*
 * ICMP messages as text:
 *
 *	icmp TYPE [CODE] [mtu N] [id N] [ [SEQ:END(LEN)] | [udp (LEN)] |
 *	[raw (LEN)] ]
 */
#include "drill_parse.h"

#include "wire/wire_icmp.h"

#include <stdlib.h>
#include <string.h>

struct code_name {
	uint8_t type, code;
	const char *name;
};

struct type_name {
	uint8_t type;
	const char *name;
};

static const struct type_name types4[] = {
	{ 0, "echo_reply" },	      { 3, "unreachable" },
	{ 4, "source_quench" },	      { 5, "redirect" },
	{ 8, "echo_request" },	      { 11, "time_exceeded" },
	{ 12, "parameter_problem" },  { 13, "timestamp_request" },
	{ 14, "timestamp_reply" },    { 15, "information_request" },
	{ 16, "information_reply" },  { 17, "address_mask_request" },
	{ 18, "address_mask_reply" }, { 0, NULL },
};

static const struct type_name types6[] = {
	{ 1, "unreachable" },
	{ 2, "packet_too_big" },
	{ 3, "time_exceeded" },
	{ 4, "parameter_problem" },
	{ 128, "echo_request" },
	{ 129, "echo_reply" },
	{ 0, NULL },
};

static const struct code_name codes4[] = {
	{ 3, 0, "net_unreachable" },
	{ 3, 1, "host_unreachable" },
	{ 3, 2, "protocol_unreachable" },
	{ 3, 3, "port_unreachable" },
	{ 3, 4, "frag_needed" },
	{ 3, 5, "source_route_failed" },
	{ 3, 6, "net_unknown" },
	{ 3, 7, "host_unknown" },
	{ 3, 8, "source_host_isolated" },
	{ 3, 9, "net_prohibited" },
	{ 3, 10, "host_prohibited" },
	{ 3, 11, "net_unreachable_for_tos" },
	{ 3, 12, "host_unreachable_for_tos" },
	{ 3, 13, "packet_filtered" },
	{ 3, 14, "precedence_violation" },
	{ 3, 15, "precedence_cutoff" },
	{ 0, 0, NULL },
};

static const struct code_name codes6[] = {
	{ 1, 0, "no_route" },
	{ 1, 1, "admin_prohibited" },
	{ 1, 2, "not_neighbour" },
	{ 1, 3, "address_unreachable" },
	{ 1, 4, "port_unreachable" },
	{ 3, 0, "exceeded_hop_limit" },
	{ 3, 1, "exceeded_frag_time" },
	{ 4, 0, "header_field" },
	{ 4, 1, "unknown_next_header" },
	{ 4, 2, "unknown_option" },
	{ 0, 0, NULL },
};

const char *drill_icmp_type_name(bool v6, unsigned type)
{
	const struct type_name *t = v6 ? types6 : types4;

	for (; t->name; t++) {
		if (t->type == type)
			return t->name;
	}
	return NULL;
}

const char *drill_icmp_code_name(bool v6, unsigned type, unsigned code)
{
	const struct code_name *c = v6 ? codes6 : codes4;

	for (; c->name; c++) {
		if (c->type == type && c->code == code)
			return c->name;
	}
	return NULL;
}

/* "type_7", "code_7" */
static bool raw_number(const char *word, const char *prefix, uint8_t *out)
{
	size_t n = strlen(prefix);
	char *end;
	long v;

	if (strncmp(word, prefix, n) != 0)
		return false;
	v = strtol(word + n, &end, 10);
	if (end == word + n || *end || v < 0 || v > 255)
		return false;
	*out = (uint8_t)v;
	return true;
}

static void parse_type(struct drill_parse *p, struct drill_pkt *pkt, bool v6)
{
	const struct type_name *t = v6 ? types6 : types4;
	const char *word = drill_lex_bareword(&p->lex, "an ICMP type");

	if (raw_number(word, "type_", &pkt->type))
		return;
	for (; t->name; t++) {
		if (!strcmp(t->name, word)) {
			pkt->type = t->type;
			return;
		}
	}
	drill_lex_fail(&p->lex, p->lex.last_line,
		       "\"%s\" is no type of ICMP over %s", word,
		       v6 ? "IPv6" : "IPv4");
}

static void parse_code(struct drill_parse *p, struct drill_pkt *pkt, bool v6)
{
	const struct code_name *c = v6 ? codes6 : codes4;
	struct drill_lex *l = &p->lex;
	const char *word;

	if (drill_lex_peek(l)->kind != DRILL_TOK_WORD ||
	    drill_lex_is_word(l, "mtu") || drill_lex_is_word(l, "id"))
		return;
	word = drill_lex_bareword(l, "an ICMP code");
	if (raw_number(word, "code_", &pkt->code))
		return;
	for (; c->name; c++) {
		if (c->type == pkt->type && !strcmp(c->name, word)) {
			pkt->code = c->code;
			return;
		}
	}
	drill_lex_fail(l, l->last_line, "\"%s\" is no code of this ICMP type",
		       word);
}

static void parse_quote(struct drill_parse *p, struct drill_pkt *pkt)
{
	struct drill_lex *l = &p->lex;
	uint32_t end = 0;
	int line;

	if (drill_lex_accept_word(l, "udp"))
		pkt->quote = DRILL_QUOTE_UDP;
	else if (drill_lex_accept_word(l, "raw"))
		pkt->quote = DRILL_QUOTE_RAW;
	else
		pkt->quote = DRILL_QUOTE_TCP;
	if (pkt->quote == DRILL_QUOTE_TCP) {
		pkt->seq = (uint32_t)drill_lex_number(l, "a sequence number", 0,
						      UINT32_MAX);
		drill_lex_expect(l, ':');
		end = (uint32_t)drill_lex_number(l, "the end of the sequence",
						 0, UINT32_MAX);
	}
	line = l->last_line;
	drill_lex_expect(l, '(');
	pkt->len = (uint32_t)drill_lex_number(l, "a length", 0, 65535);
	drill_lex_expect(l, ')');
	drill_lex_expect(l, ']');
	if (pkt->quote == DRILL_QUOTE_TCP && pkt->seq + pkt->len != end)
		drill_lex_fail(l, line, "%u + %u is not %u", pkt->seq, pkt->len,
			       end);
}

void drill_parse_icmp(struct drill_parse *p, struct drill_pkt *pkt)
{
	struct drill_lex *l = &p->lex;
	bool v6 = p->config->ip_version == DRILL_IPV6;
	int line;

	parse_type(p, pkt, v6);
	parse_code(p, pkt, v6);
	line = l->last_line;
	if (drill_lex_accept_word(l, "mtu")) {
		pkt->has_mtu = true;
		pkt->mtu =
			(uint32_t)drill_lex_number(l, "an MTU", 0, UINT32_MAX);
		if (v6 ? pkt->type != ICMP6_TOO_BIG :
			 pkt->type != ICMP4_UNREACH ||
				    pkt->code != ICMP4_FRAG_NEEDED)
			drill_lex_fail(l, line,
				       "mtu is for frag_needed and "
				       "packet_too_big only");
	}
	if (drill_lex_accept_word(l, "id")) {
		pkt->has_id = true;
		pkt->id = (uint32_t)drill_lex_number(l, "an id", 0, 65535);
	}
	if (drill_lex_accept(l, '['))
		parse_quote(p, pkt);
}
