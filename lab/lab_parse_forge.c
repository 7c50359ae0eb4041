// SPDX-License-Identifier: BSD-2-Clause
/* forge SYN dport 80 from 198.18.0.0/15 to server 1000 times every 1ms */
#include "lab_lex.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* As much as one packet of a link may carry. */
#define LEN_MAX 1400
#define TIMES_MAX 1000000

static bool parse_kind(struct lab_reader *r, struct lab_forgery *y)
{
	struct lab_pattern p = { 0 };
	const char *word = lab_peek(r);

	if (!lab_pattern_flags(&p, word) ||
	    (p.kind != LAB_SEG_TCP && p.kind != LAB_SEG_UDP))
		return lab_wrong(r,
				 "\"%s\" cannot be forged: SYN, SYN+ACK, ACK, "
				 "data, FIN+ACK, RST, RST+ACK, UDP",
				 word);
	r->i++;
	y->udp = p.kind == LAB_SEG_UDP;
	y->flags = p.flags_set | (p.some_data ? TCP_ACK | TCP_PSH : 0);
	y->len = p.some_data || y->udp;
	return true;
}

static bool parse_field(struct lab_reader *r, struct lab_forgery *y, bool *any)
{
	static const struct {
		const char *name;
		int64_t most;
	} fields[] = {
		{ "seq", UINT32_MAX },	 { "ack", UINT32_MAX },
		{ "len", LEN_MAX },	 { "win", UINT16_MAX },
		{ "sport", UINT16_MAX }, { "dport", UINT16_MAX },
		{ "ttl", UINT8_MAX },
	};
	size_t i = 0;
	int64_t v;

	while (i < ARRAY_LEN(fields) && !lab_accept(r, fields[i].name))
		i++;
	*any = i < ARRAY_LEN(fields);
	if (!*any)
		return true;
	if (!lab_number(r, "a number", &v))
		return false;
	if (v < 0 || v > fields[i].most)
		return lab_wrong(r, "%s is 0 to %lld", fields[i].name,
				 (long long)fields[i].most);
	switch (i) {
	case 0:
		y->seq = (uint32_t)v;
		break;
	case 1:
		y->ack = (uint32_t)v;
		break;
	case 2:
		y->len = (uint32_t)v;
		break;
	case 3:
		y->win = (uint16_t)v;
		break;
	case 4:
		y->sport = (int32_t)v;
		break;
	case 5:
		y->dport = (uint16_t)v;
		break;
	case 6:
		y->ttl = (uint8_t)v;
		break;
	}
	return true;
}

/* client, 192.0.2.7, 198.18.0.0/15 */
static bool parse_from(struct lab_reader *r, struct lab_forgery *y)
{
	const char *word = lab_word(r, "a host or an address");
	int most;
	char *end;
	size_t n;
	long v;

	if (!word)
		return false;
	if (lab_script_node(r->script, word)) {
		y->from = word;
		return true;
	}
	n = tern_addr_parse(word, "/", &y->addr);
	y->prefix = 128;
	if (!n)
		return lab_wrong(r,
				 "\"%s\" is no host above and no address: "
				 "198.18.0.1, 198.18.0.0/15",
				 word);
	if (tern_addr_is_v4(&y->addr) == r->script->v6)
		return lab_wrong(r, "%s is no address of this family", word);
	if (word[n] != '/')
		return true;
	most = r->script->v6 ? 128 : 32;
	v = strtol(word + n + 1, &end, 10);
	if (end == word + n + 1 || *end || v < 0 || v > most)
		return lab_wrong(r, "a prefix is 0 to %d bits", most);
	y->prefix = (int)v + 128 - most;
	return true;
}

static bool parse_to(struct lab_reader *r, struct lab_forgery *y,
		     const struct lab_link_decl *l)
{
	y->to = lab_word(r, "an end of the link");
	if (!y->to)
		return false;
	return !strcmp(y->to, l->a) || !strcmp(y->to, l->b) ||
	       lab_wrong(r, "\"%s\" is no end of the link %s", y->to, l->name);
}

static bool parse_times(struct lab_reader *r, struct lab_happening *h)
{
	int64_t n;

	h->times = 1;
	if (lab_at_end(r))
		return true;
	if (!lab_number(r, "how often", &n) || !lab_need(r, "times"))
		return false;
	if (n < 1 || n > TIMES_MAX)
		return lab_wrong(r, "forge it 1 to %d times", TIMES_MAX);
	h->times = (uint32_t)n;
	return !lab_accept(r, "every") || lab_time(r, &h->every_ns);
}

bool lab_parse_forge(struct lab_reader *r, struct lab_happening *h)
{
	struct lab_link_decl *l = lab_script_link(r->script, h->who);
	struct lab_forgery *y = DRILL_NEW(r->mem, struct lab_forgery);
	bool any;

	if (!l)
		return lab_wrong(r, "there is no link \"%s\" above", h->who);
	*y = (struct lab_forgery){ .sport = -1, .win = 65535, .ttl = 64 };
	h->forgery = y;
	if (!parse_kind(r, y))
		return false;
	do {
		if (!parse_field(r, y, &any))
			return false;
	} while (any);
	return lab_need(r, "from") && parse_from(r, y) && lab_need(r, "to") &&
	       parse_to(r, y, l) && parse_times(r, h);
}
