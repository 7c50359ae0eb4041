// SPDX-License-Identifier: BSD-2-Clause
/* Which segments are meant. */
#include "lab_seg.h"

#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	enum lab_seg_kind kind;
	uint16_t set, clear;
	bool no_data, some_data;
} words[] = {
	/* name       kind              set               clear */
	{ "packet", LAB_SEG_ANY, 0, 0 },
	{ "segment", LAB_SEG_TCP, 0, 0 },
	{ "UDP", LAB_SEG_UDP, 0, 0 },
	{ "ICMP", LAB_SEG_ICMP, 0, 0 },
	{ "fragment", LAB_SEG_FRAGMENT, 0, 0 },
	{ "SYN", LAB_SEG_TCP, TCP_SYN, TCP_ACK },
	{ "SYN+ACK", LAB_SEG_TCP, TCP_SYN | TCP_ACK, 0 },
	{ "ACK", LAB_SEG_TCP, TCP_ACK, TCP_SYN | TCP_FIN | TCP_RST, true },
	{ "FIN", LAB_SEG_TCP, TCP_FIN, 0 },
	{ "FIN+ACK", LAB_SEG_TCP, TCP_FIN | TCP_ACK, 0 },
	{ "RST", LAB_SEG_TCP, TCP_RST, 0 },
	{ "RST+ACK", LAB_SEG_TCP, TCP_RST | TCP_ACK, 0 },
	{ "bare-RST", LAB_SEG_TCP, TCP_RST, TCP_ACK },
	{ "URG", LAB_SEG_TCP, TCP_URG, 0 },
	{ "ECE", LAB_SEG_TCP, TCP_ECE, 0 },
	{ "CWR", LAB_SEG_TCP, TCP_CWR, 0 },
	{ "data", LAB_SEG_TCP, 0, 0, false, true },
};

bool lab_pattern_flags(struct lab_pattern *p, const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasecmp(word, words[i].name) != 0)
			continue;
		p->kind = words[i].kind;
		p->flags_set = words[i].set;
		p->flags_clear = words[i].clear;
		p->no_data = words[i].no_data;
		p->some_data = words[i].some_data;
		return true;
	}
	return false;
}

/* Fields of segments that conditions may name. */
enum {
	SEQ,
	ACK,
	LEN,
	WIN,
	MSS,
	WSCALE,
	TTL,
	TOS,
	SIZE,
	SPORT,
	DPORT,
	SACKS,
	MTU,
	CODE,
	TS,
	SACK_OK,
	OFFSET,
	RAW_SEQ,
	RAW_ACK,
	N_FIELDS,
};

static const char *const fields[N_FIELDS] = {
	[SEQ] = "seq",	      [ACK] = "ack",	   [LEN] = "len",
	[WIN] = "win",	      [MSS] = "mss",	   [WSCALE] = "wscale",
	[TTL] = "ttl",	      [TOS] = "tos",	   [SIZE] = "size",
	[SPORT] = "sport",    [DPORT] = "dport",   [SACKS] = "sacks",
	[MTU] = "mtu",	      [CODE] = "code",	   [TS] = "ts",
	[SACK_OK] = "sackok", [OFFSET] = "offset", [RAW_SEQ] = "rawseq",
	[RAW_ACK] = "rawack",
};

int lab_seg_field(const char *name)
{
	for (int i = 0; i < N_FIELDS; i++) {
		if (!strcasecmp(name, fields[i]))
			return i;
	}
	return -1;
}

static bool has_opt(const struct lab_seg *s, unsigned opt)
{
	return s->opts.present & opt;
}

static bool get_tcp(const struct lab_seg *s, int field, int64_t *out)
{
	switch (field) {
	case SEQ:
		*out = s->seq;
		return true;
	case ACK:
		*out = s->ack;
		return s->flags & TCP_ACK;
	case WIN:
		*out = s->win;
		return true;
	case MSS:
		*out = s->opts.mss;
		return has_opt(s, WIRE_OPT_MSS);
	case WSCALE:
		*out = s->opts.wscale;
		return has_opt(s, WIRE_OPT_WSCALE);
	case SACKS:
		*out = s->opts.n_sack;
		return true;
	case TS:
		*out = has_opt(s, WIRE_OPT_TS);
		return true;
	case OFFSET:
		*out = s->tcp_hdr / 4;
		return true;
	case RAW_SEQ:
		*out = s->raw_seq;
		return true;
	case RAW_ACK:
		*out = s->raw_ack;
		return s->flags & TCP_ACK;
	case SACK_OK:
		*out = has_opt(s, WIRE_OPT_SACK_OK);
		return true;
	}
	return false;
}

bool lab_seg_get(const struct lab_seg *s, int field, int64_t *out)
{
	switch (field) {
	case LEN:
		*out = s->len;
		return true;
	case TTL:
		*out = s->ttl;
		return true;
	case TOS:
		*out = s->tos;
		return true;
	case SIZE:
		*out = s->ip_len;
		return true;
	case SPORT:
		*out = s->sport;
		return true;
	case DPORT:
		*out = s->dport;
		return true;
	case MTU:
		*out = s->icmp_mtu;
		return s->icmp_mtu;
	case CODE:
		*out = s->icmp_code;
		return true;
	}
	return s->tcp_hdr && get_tcp(s, field, out);
}

bool lab_op_holds(enum lab_op op, int64_t have, int64_t want)
{
	switch (op) {
	case LAB_EQ:
		return have == want;
	case LAB_GE:
		return have >= want;
	case LAB_LE:
		return have <= want;
	case LAB_GT:
		return have > want;
	case LAB_LT:
		return have < want;
	case LAB_NE:
		return have != want;
	}
	return false;
}

const char *lab_op_text(enum lab_op op)
{
	static const char *const texts[] = {
		[LAB_EQ] = "=", [LAB_GE] = ">=", [LAB_LE] = "<=",
		[LAB_GT] = ">", [LAB_LT] = "<",	 [LAB_NE] = "!=",
	};

	return texts[op];
}

static bool is_kind(const struct lab_pattern *p, const struct lab_seg *s)
{
	switch (p->kind) {
	case LAB_SEG_ANY:
		return true;
	case LAB_SEG_TCP:
		return s->protocol == WIRE_PROTO_TCP && s->tcp_hdr;
	case LAB_SEG_UDP:
		return s->protocol == WIRE_PROTO_UDP;
	case LAB_SEG_ICMP:
		return s->protocol == WIRE_PROTO_ICMP ||
		       s->protocol == WIRE_PROTO_ICMPV6;
	case LAB_SEG_FRAGMENT:
		return s->is_frag;
	}
	return false;
}

bool lab_pattern_fits(const struct lab_pattern *p, const struct lab_seg *s)
{
	if (!is_kind(p, s))
		return false;
	if ((s->flags & p->flags_set) != p->flags_set ||
	    s->flags & p->flags_clear)
		return false;
	if ((p->no_data && s->len) || (p->some_data && !s->len))
		return false;
	for (int i = 0; i < p->n_conds; i++) {
		int64_t have;

		if (!lab_seg_get(s, p->conds[i].field, &have) ||
		    !lab_op_holds(p->conds[i].op, have, p->conds[i].value))
			return false;
	}
	return true;
}
