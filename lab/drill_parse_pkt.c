// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets as text:
 *
 *	(ip-info) sport > dport FLAGS SEQ:END(LEN) ack N win N urg N <options>
 *	(ip-info) udp sport > dport (LEN)
 *	(ip-info) icmp ...	see drill_parse_icmp.c
 *
 * What it is wrapped into: drill_parse_encap.c.
 */
#include "drill_parse.h"

#include "base/bytes.h"
#include "wire/wire_tcp.h"

#include <ctype.h>
#include <string.h>

static uint32_t parse_u32(struct drill_lex *l, const char *what)
{
	return (uint32_t)drill_lex_number(l, what, 0, UINT32_MAX);
}

static bool parse_tos_word(struct drill_parse *p, struct drill_ip *ip, bool in)
{
	static const struct {
		const char *word;
		enum drill_tos check;
		uint8_t tos;
	} words[] = {
		{ "noecn", DRILL_TOS_ECN, 0 },	 { "ect0", DRILL_TOS_ECN, 2 },
		{ "ect1", DRILL_TOS_ECN, 1 },	 { "ce", DRILL_TOS_ECN, 3 },
		{ "ect01", DRILL_TOS_ECT01, 2 },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(words); i++) {
		if (!drill_lex_accept_word(&p->lex, words[i].word))
			continue;
		ip->tos_check = words[i].check;
		ip->tos = words[i].tos;
		if (in && words[i].check == DRILL_TOS_ECT01)
			drill_lex_fail(&p->lex, p->lex.last_line,
				       "ect01 is for packets > only");
		return true;
	}
	if (!drill_lex_accept_word(&p->lex, "tos"))
		return false;
	ip->tos_check = DRILL_TOS_ALL;
	ip->tos = (uint8_t)drill_lex_number(&p->lex, "a TOS byte", 0, 255);
	return true;
}

void drill_parse_ip_info(struct drill_parse *p, struct drill_ip *ip, bool in)
{
	struct drill_lex *l = &p->lex;
	char close;

	if (drill_lex_accept(l, '('))
		close = ')';
	else if (drill_lex_accept(l, '['))
		close = ']';
	else
		return;
	do {
		if (parse_tos_word(p, ip, in))
			continue;
		if (drill_lex_accept_word(l, "ttl")) {
			ip->has_ttl = true;
			ip->ttl = (uint8_t)drill_lex_number(l, "a TTL", 0, 255);
		} else if (drill_lex_accept_word(l, "flowlabel")) {
			ip->has_flow = true;
			ip->flow = (uint32_t)drill_lex_number(l, "a flow label",
							      0, 0xfffff);
		} else {
			drill_lex_expected(l, "noecn, ect0, ect1, ect01, ce, "
					      "tos, ttl or flowlabel");
		}
	} while (drill_lex_accept(l, ','));
	drill_lex_expect(l, close);
}

/* "sport > dport", if it is there. */
static void parse_ports(struct drill_parse *p, struct drill_pkt *pkt)
{
	struct drill_lex *l = &p->lex;
	struct drill_token t = *drill_lex_peek(l);

	if (t.kind != DRILL_TOK_INT)
		return;
	drill_lex_take(l);
	if (!drill_lex_accept(l, '>')) {
		drill_lex_rewind(l, &t);
		return;
	}
	drill_lex_rewind(l, &t);
	pkt->has_ports = true;
	pkt->sport = (uint16_t)drill_lex_number(l, "a port", 0, 65535);
	drill_lex_expect(l, '>');
	pkt->dport = (uint16_t)drill_lex_number(l, "a port", 0, 65535);
}

static void parse_flags(struct drill_parse *p, struct drill_pkt *pkt)
{
	static const char letters[] = "FSRP.UEWA";
	struct drill_lex *l = &p->lex;
	bool has_digit = false, has_ecn = false;
	const char *s;

	if (*drill_lex_here(l) == '-') {
		drill_lex_run(l, "-", "flags");
		return;
	}
	s = drill_lex_run(l, "FSRP.UEWA01234567", "flags");
	for (; *s; s++) {
		if (isdigit((unsigned char)*s)) {
			unsigned ace = (unsigned)(*s - '0');

			if (has_digit)
				drill_lex_fail(l, l->line,
					       "two ACE digits in the flags");
			has_digit = true;
			pkt->flags |= (uint16_t)((ace & 4 ? TCP_AE : 0) |
						 (ace & 2 ? TCP_CWR : 0) |
						 (ace & 1 ? TCP_ECE : 0));
			continue;
		}
		/* The letters stand in the order of the bits. */
		pkt->flags |= (uint16_t)(1 << (strchr(letters, *s) - letters));
		has_ecn |= strchr("EWA", *s) != NULL;
	}
	if (has_digit && has_ecn)
		drill_lex_fail(l, l->line,
			       "an ACE digit and E, W or A in the "
			       "same flags");
}

/* SEQ:END(LEN) */
static void parse_range(struct drill_parse *p, struct drill_pkt *pkt)
{
	struct drill_lex *l = &p->lex;
	uint32_t end;
	int line;

	pkt->seq = parse_u32(l, "a sequence number");
	line = l->last_line;
	drill_lex_expect(l, ':');
	end = parse_u32(l, "the end of the sequence");
	drill_lex_expect(l, '(');
	pkt->len = (uint32_t)drill_lex_number(l, "a length", 0, 65535);
	drill_lex_expect(l, ')');
	if (pkt->seq + pkt->len != end)
		drill_lex_fail(l, line,
			       "%u + %u is not %u (SYN and FIN do not count)",
			       pkt->seq, pkt->len, end);
}

static void parse_tcp(struct drill_parse *p, struct drill_pkt *pkt)
{
	struct drill_lex *l = &p->lex;

	parse_ports(p, pkt);
	parse_flags(p, pkt);
	parse_range(p, pkt);
	if (drill_lex_accept_word(l, "ack"))
		pkt->ack = parse_u32(l, "an acknowledgement");
	if (drill_lex_accept_word(l, "win")) {
		pkt->has_win = true;
		pkt->win = (uint16_t)drill_lex_number(l, "a window", 0, 65535);
	} else if (pkt->in) {
		drill_lex_expected(l, "win (packets < need it)");
	}
	if (drill_lex_accept_word(l, "urg"))
		pkt->urg = (uint16_t)drill_lex_number(l, "an urgent pointer", 0,
						      65535);
	/* The next packet's "<" would stand behind its time. */
	if (drill_lex_accept(l, '<'))
		drill_parse_opts(p, pkt);
}

struct drill_pkt *drill_parse_pkt(struct drill_parse *p, bool in)
{
	struct drill_lex *l = &p->lex;
	struct drill_pkt *pkt = DRILL_NEW(l->mem, struct drill_pkt);

	pkt->in = in;
	drill_parse_encap(p, pkt);
	drill_parse_ip_info(p, &pkt->ip, in);
	if (drill_lex_accept_word(l, "udp")) {
		pkt->proto = DRILL_UDP;
		parse_ports(p, pkt);
		drill_lex_expect(l, '(');
		pkt->len = (uint32_t)drill_lex_number(l, "a length", 0, 65507);
		drill_lex_expect(l, ')');
	} else if (drill_lex_accept_word(l, "icmp")) {
		pkt->proto = DRILL_ICMP;
		drill_parse_icmp(p, pkt);
	} else {
		parse_tcp(p, pkt);
	}
	return pkt;
}
