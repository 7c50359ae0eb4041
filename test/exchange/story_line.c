// SPDX-License-Identifier: BSD-2-Clause
/*
 * Text to numbers to bytes and back.
 *
 *	FLAGS [SEQ:END(LEN)] [ack N] [win N] [urg N] [<options>]
 *
 * The option bytes of what is printed are first made relative (timestamps,
 * SACK blocks), then printed by the library.
 */
#include "story_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/wire_print.h"

static bool parse_flags(const char **p, uint16_t *flags)
{
	static const char letters[] = "FSRP.UEWA"; /* bit 0 on */
	const char *at;

	*flags = 0;
	if (**p == '-') {
		(*p)++;
		return true;
	}
	for (; **p && **p != ' '; (*p)++) {
		at = strchr(letters, **p);
		if (!at)
			return false;
		*flags |= (uint16_t)(1u << (at - letters));
	}
	return *flags != 0;
}

static uint32_t number(const char **p)
{
	char *end;
	long long v = strtoll(*p, &end, 10);

	*p = end;
	return (uint32_t)v;
}

static bool parse_span(const char **p, struct line *l)
{
	uint32_t end;

	l->has_seq = true;
	l->seq = number(p);
	if (*(*p)++ != ':')
		return false;
	end = number(p);
	if (*(*p)++ != '(')
		return false;
	l->len = number(p);
	return *(*p)++ == ')' && end - l->seq == l->len;
}

static bool parse_word(const char **p, struct line *l)
{
	const struct {
		const char *name;
		uint32_t *value;
		bool *has;
	} words[] = {
		{ "ack ", &l->ack, &l->has_ack },
		{ "win ", &l->win, &l->has_win },
		{ "urg ", &l->urg, &l->has_urg },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strncmp(*p, words[i].name, 4))
			continue;
		*p += 4;
		*words[i].value = number(p);
		*words[i].has = true;
		return true;
	}
	return false;
}

bool line_parse(const char *text, struct line *l)
{
	*l = (struct line){ 0 };
	if (!parse_flags(&text, &l->flags))
		return false;
	while (*text) {
		if (*text == ' ') {
			text++;
		} else if (*text == '<') {
			l->has_opts = true;
			if (strlen(text) >= sizeof(l->opts))
				return false;
			strcpy(l->opts, text);
			return text[strlen(text) - 1] == '>';
		} else if ((*text >= '0' && *text <= '9') || *text == '-') {
			if (!parse_span(&text, l))
				return false;
		} else if (!parse_word(&text, l)) {
			return false;
		}
	}
	return true;
}

void line_print(const struct line *l, char out[LINE_LEN])
{
	struct text t;
	char flags[12];
	int n;

	text_init(&t, flags, sizeof(flags));
	wire_print_tcp_flags(&t, l->flags);
	n = snprintf(out, LINE_LEN, "%s", flags);
	if (l->has_seq)
		n += snprintf(out + n, (size_t)(LINE_LEN - n),
			      " %" PRIu32 ":%" PRIu32 "(%" PRIu32 ")", l->seq,
			      l->seq + l->len, l->len);
	if (l->has_ack)
		n += snprintf(out + n, (size_t)(LINE_LEN - n), " ack %" PRIu32,
			      l->ack);
	if (l->has_win)
		n += snprintf(out + n, (size_t)(LINE_LEN - n), " win %" PRIu32,
			      l->win);
	if (l->has_urg)
		n += snprintf(out + n, (size_t)(LINE_LEN - n), " urg %" PRIu32,
			      l->urg);
	if (l->has_opts)
		snprintf(out + n, (size_t)(LINE_LEN - n), " %s", l->opts);
}

static void subtract(uint8_t *p, uint32_t base)
{
	put_be32(p, get_be32(p) - base);
}

/* Timestamps of the stack's and SACK blocks become relative. */
static void relate(const struct flow *f, bool in, uint8_t *o, size_t len)
{
	size_t i = 0, k;

	while (i < len && o[i]) {
		size_t n = o[i] == 1 || i + 1 >= len ? 1 : o[i + 1];

		if (n < 1 || i + n > len)
			return;
		if (o[i] == 8 && n == 10 && f->has_ts) {
			if (!in)
				subtract(o + i + 2, f->ts_base);
			else if (get_be32(o + i + 6))
				subtract(o + i + 6, f->ts_base);
		}
		for (k = 2; o[i] == 5 && k + 4 <= n; k += 4)
			subtract(o + i + k, in ? f->iss : f->irs);
		i += n;
	}
}

void line_of(const struct flow *f, bool in, const uint8_t *p, size_t n,
	     struct line *out)
{
	struct wire_tcp h = { 0 };
	struct text t;
	uint8_t opts[40];
	size_t n_opts;

	*out = (struct line){ 0 };
	assert_true(wire_tcp_parse(p, n, &h));
	n_opts = h.hdr_len - WIRE_TCP_LEN;
	out->flags = h.flags;
	out->has_seq = out->has_win = true;
	out->seq = h.seq.v - (in ? f->irs : f->iss);
	/* RFC 9293 3.10.7.1: the number of whoever never had one. */
	if ((h.flags & (TCP_RST | TCP_ACK)) == (TCP_RST | TCP_ACK) && !h.seq.v)
		out->seq = 0;
	out->len = (uint32_t)n - h.hdr_len;
	out->win = h.window;
	out->has_ack = h.flags & TCP_ACK;
	if (out->has_ack)
		out->ack = h.ack.v - (in ? f->iss : f->irs);
	out->has_urg = h.flags & TCP_URG;
	out->urg = h.urgent;
	if (!n_opts)
		return;
	memcpy(opts, p + WIRE_TCP_LEN, n_opts);
	relate(f, in, opts, n_opts);
	out->has_opts = true;
	text_init(&t, out->opts, sizeof(out->opts));
	wire_print_tcp_opts(&t, opts, n_opts);
}

static bool is_word(const char **p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*p, word, n))
		return false;
	*p += n;
	return true;
}

static void put_opt(uint8_t *o, uint8_t kind, uint8_t len)
{
	o[0] = kind;
	o[1] = len;
}

static size_t put_sacks(const struct flow *f, const char **p, uint8_t *o)
{
	size_t n = 2;

	while (**p == ' ' && n <= 26) {
		put_be32(o + n, number(p) + f->iss);
		(*p)++;
		put_be32(o + n + 4, number(p) + f->iss);
		n += 8;
	}
	put_opt(o, 5, (uint8_t)n);
	return n;
}

/* Writes one option; its length, or 0. */
static size_t put_one(const struct flow *f, const char **p, uint8_t *o)
{
	uint32_t v;

	if (is_word(p, "mss ")) {
		put_opt(o, 2, 4);
		put_be16(o + 2, (uint16_t)number(p));
		return 4;
	}
	if (is_word(p, "wscale ")) {
		put_opt(o, 3, 3);
		o[2] = (uint8_t)number(p);
		return 3;
	}
	if (is_word(p, "sackOK")) {
		put_opt(o, 4, 2);
		return 2;
	}
	if (is_word(p, "TS val ")) {
		put_opt(o, 8, 10);
		put_be32(o + 2, number(p));
		if (!is_word(p, " ecr "))
			return 0;
		v = number(p);
		put_be32(o + 6, v && f->has_ts ? v + f->ts_base : v);
		return 10;
	}
	if (is_word(p, "sack"))
		return put_sacks(f, p, o);
	if (!is_word(p, "nop"))
		return 0;
	o[0] = 1;
	return 1;
}

bool line_opts(const struct flow *f, const struct line *l, uint8_t out[40],
	       size_t *len)
{
	const char *p = l->opts + 1;
	uint8_t o[40];
	size_t n;

	*len = 0;
	if (!l->has_opts)
		return true;
	while (*p != '>') {
		n = put_one(f, &p, o);
		if (!n || *len + n > 40)
			return false;
		memcpy(out + *len, o, n);
		*len += n;
		if (*p == ',')
			p++;
		else if (*p != '>')
			return false;
	}
	while (*len % 4)
		out[(*len)++] = 1;
	return true;
}
