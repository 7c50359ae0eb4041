// SPDX-License-Identifier: BSD-2-Clause
/*
 * TCP options as text, to the bytes that stand for them in the script's own
 * numbers. They are never padded: a sum that is no multiple of 4 is an error.
 */
#include "drill_parse.h"

#include "base/bytes.h"
#include "wire/wire_tcp.h"

#include <ctype.h>
#include <string.h>

static uint8_t *add(struct drill_parse *p, struct drill_pkt *pkt, uint8_t kind,
		    unsigned len)
{
	uint8_t *at = pkt->opts + pkt->n_opts;

	if (pkt->n_opts + len > sizeof(pkt->opts))
		drill_lex_fail(&p->lex, p->lex.last_line,
			       "more than 40 bytes of options");
	pkt->n_opts = (uint8_t)(pkt->n_opts + len);
	at[0] = kind;
	if (len > 1)
		at[1] = (uint8_t)len;
	return at + 2;
}

static void parse_mss(struct drill_parse *p, struct drill_pkt *pkt)
{
	int64_t mss = drill_lex_number(&p->lex, "an MSS", 0, 65535);

	put_be16(add(p, pkt, 2, 4), (uint16_t)mss);
}

static void parse_wscale(struct drill_parse *p, struct drill_pkt *pkt)
{
	int64_t n = drill_lex_number(&p->lex, "a window scale", 0, 255);

	*add(p, pkt, 3, 3) = (uint8_t)n;
}

static void parse_nop(struct drill_parse *p, struct drill_pkt *pkt)
{
	add(p, pkt, 1, 1);
}

static void parse_eol(struct drill_parse *p, struct drill_pkt *pkt)
{
	add(p, pkt, 0, 1);
}

static void parse_sack_ok(struct drill_parse *p, struct drill_pkt *pkt)
{
	add(p, pkt, 4, 2);
}

static void parse_sack(struct drill_parse *p, struct drill_pkt *pkt)
{
	struct drill_lex *l = &p->lex;
	uint8_t *head = add(p, pkt, 5, 2) - 2;
	unsigned n = 0;

	while (drill_lex_peek(l)->kind == DRILL_TOK_INT) {
		uint32_t left = (uint32_t)drill_lex_number(
			l, "a SACK block's left edge", 0, UINT32_MAX);
		uint8_t *at;

		drill_lex_expect(l, ':');
		/* A block has neither kind nor length of its own. */
		at = add(p, pkt, 0, 8) - 2;
		put_be32(at, left);
		put_be32(at + 4, (uint32_t)drill_lex_number(
					 l, "a SACK block's right edge", 0,
					 UINT32_MAX));
		n++;
	}
	head[1] = (uint8_t)(2 + 8 * n);
}

static void parse_ts(struct drill_parse *p, struct drill_pkt *pkt)
{
	struct drill_lex *l = &p->lex;
	uint8_t *at = add(p, pkt, 8, 10);

	drill_lex_expect_word(l, "val");
	put_be32(at,
		 (uint32_t)drill_lex_number(l, "a timestamp", 0, UINT32_MAX));
	drill_lex_expect_word(l, "ecr");
	put_be32(at + 4,
		 (uint32_t)drill_lex_number(l, "a timestamp", 0, UINT32_MAX));
}

/* Hexadecimal digits, or nothing before "," and ">". */
static size_t parse_hex(struct drill_parse *p, uint8_t out[40])
{
	struct drill_lex *l = &p->lex;
	const char *hex;
	size_t n, i;

	if (drill_lex_is(l, ',') || drill_lex_is(l, '>'))
		return 0;
	hex = drill_lex_bareword(l, "hexadecimal digits");
	n = strlen(hex);
	if (n % 2 || n > 80)
		drill_lex_fail(l, l->last_line,
			       "\"%s\" is no even number of hexadecimal digits",
			       hex);
	for (i = 0; i < n; i++) {
		const char *at, digits[] = "0123456789abcdef";

		at = strchr(digits, tolower((unsigned char)hex[i]));
		if (!at)
			drill_lex_fail(l, l->last_line,
				       "\"%s\" is not hexadecimal", hex);
		out[i / 2] = (uint8_t)(out[i / 2] << 4 | (at - digits));
	}
	return n / 2;
}

static void parse_fast_open(struct drill_parse *p, struct drill_pkt *pkt)
{
	uint8_t bytes[40];
	size_t n = parse_hex(p, bytes);

	memcpy(add(p, pkt, 34, (unsigned)(2 + n)), bytes, n);
}

static void parse_fast_open_exp(struct drill_parse *p, struct drill_pkt *pkt)
{
	uint8_t bytes[40], *at;
	size_t n = parse_hex(p, bytes);

	at = add(p, pkt, 254, (unsigned)(4 + n));
	put_be16(at, 0xf989);
	memcpy(at + 2, bytes, n);
}

static void parse_md5(struct drill_parse *p, struct drill_pkt *pkt)
{
	uint8_t bytes[40];
	size_t n = parse_hex(p, bytes);

	memcpy(add(p, pkt, 19, (unsigned)(2 + n)), bytes, n);
}

static void parse_ecn(struct drill_parse *p, struct drill_pkt *pkt)
{
	static const char *const orders[2][3] = { { "e0b", "ceb", "e1b" },
						  { "e1b", "ceb", "e0b" } };
	struct drill_lex *l = &p->lex;
	/* By itself it is the empty option that Linux sends where room is short. */
	int order = !drill_lex_is_word(l, "e0b"), i;
	uint8_t *head = add(p, pkt, order ? 174 : 172, 2) - 2;

	if (drill_lex_is(l, ',') || drill_lex_is(l, '>'))
		return;
	for (i = 0; i < 3; i++) {
		uint32_t v;
		uint8_t *at;

		if (i && !drill_lex_is_word(l, orders[order][i]))
			break;
		drill_lex_expect_word(l, orders[order][i]);
		v = (uint32_t)drill_lex_number(l, "an ECN counter", 0,
					       0xffffff);
		at = add(p, pkt, 0, 3) - 2;
		at[0] = (uint8_t)(v >> 16);
		put_be16(at + 1, (uint16_t)v);
		head[1] = (uint8_t)(head[1] + 3);
	}
}

void drill_parse_opts(struct drill_parse *p, struct drill_pkt *pkt)
{
	static const struct {
		const char *word;
		void (*parse)(struct drill_parse *, struct drill_pkt *);
	} rows[] = {
		{ "nop", parse_nop },
		{ "eol", parse_eol },
		{ "mss", parse_mss },
		{ "wscale", parse_wscale },
		{ "sackOK", parse_sack_ok },
		{ "sack", parse_sack },
		{ "TS", parse_ts },
		{ "FO", parse_fast_open },
		{ "FOEXP", parse_fast_open_exp },
		{ "md5", parse_md5 },
		{ "ECN", parse_ecn },
	};
	struct drill_lex *l = &p->lex;
	size_t i;

	if (drill_lex_peek(l)->kind == DRILL_TOK_ANY) {
		if (pkt->in)
			drill_lex_fail(l, drill_lex_peek(l)->line,
				       "<...> is for packets > only");
		drill_lex_take(l);
		pkt->any_opts = true;
		drill_lex_expect(l, '>');
		return;
	}
	do {
		for (i = 0; i < ARRAY_LEN(rows); i++) {
			if (drill_lex_accept_word(l, rows[i].word))
				break;
		}
		if (i == ARRAY_LEN(rows))
			drill_lex_expected(l, "a TCP option");
		rows[i].parse(p, pkt);
	} while (drill_lex_accept(l, ','));
	drill_lex_expect(l, '>');
	if (pkt->n_opts % 4)
		drill_lex_fail(l, l->last_line,
			       "%u bytes of options are no multiple of 4: "
			       "pad them with nop",
			       pkt->n_opts);
}
