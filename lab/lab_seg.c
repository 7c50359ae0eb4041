// SPDX-License-Identifier: BSD-2-Clause
#include "lab_seg.h"

#include "wire/wire_icmp.h"
#include "wire/wire_udp.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct lab_flow {
	struct tern_addr src, dst;
	uint16_t sport, dport;
	uint32_t isn;
	uint8_t wscale;
	bool has_isn, scales;
};

static void parse_tcp(struct lab_seg *s, const uint8_t *p, uint32_t n)
{
	struct wire_tcp h;

	if (!wire_tcp_parse(p, n, &h))
		return;
	s->sport = h.sport;
	s->dport = h.dport;
	s->flags = h.flags;
	s->raw_seq = s->seq = h.seq.v;
	s->raw_ack = s->ack = h.ack.v;
	s->raw_win = h.window;
	s->win = h.window;
	s->tcp_hdr = h.hdr_len;
	s->len = n - h.hdr_len;
	wire_tcp_parse_opts(p, &h, &s->opts);
}

static void parse_icmp(struct lab_seg *s, const uint8_t *p, uint32_t n)
{
	struct wire_icmp h;

	if (!wire_icmp_parse(p, n, &h))
		return;
	s->icmp_type = h.type;
	s->icmp_code = h.code;
	if ((!s->v6 && h.type == ICMP4_UNREACH &&
	     h.code == ICMP4_FRAG_NEEDED) ||
	    (s->v6 && h.type == ICMP6_TOO_BIG))
		s->icmp_mtu = s->v6 ? h.rest : h.rest & 0xffff;
}

bool lab_seg_parse(struct lab_seg *s, const uint8_t *bytes, uint32_t n)
{
	/* Only what the parser looks at. */
	struct tern_pkt pkt = {
		.data = (uint8_t *)bytes,
		.head_len = n,
		.len = n,
	};
	struct wire_udp udp;
	struct wire_ip ip;
	const uint8_t *p;
	enum wire_ip_result result;

	*s = (struct lab_seg){ 0 };
	if (n < WIRE_IP4_LEN)
		return false;
	result = wire_ip_parse(&pkt, &ip);
	if (result != WIRE_IP_OK && result != WIRE_IP_BAD_CSUM)
		return false;
	s->src = ip.src;
	s->dst = ip.dst;
	s->v6 = ip.v6;
	s->protocol = ip.protocol;
	s->tos = ip.tos;
	s->ttl = ip.ttl;
	s->is_frag = ip.is_frag;
	s->frag_off = ip.frag_off;
	s->ip_len = ip.len;
	s->len = ip.len - ip.hdr_len;
	s->tcp_off = (uint8_t)ip.hdr_len;
	p = bytes + ip.hdr_len;
	n = ip.len - ip.hdr_len;
	if (s->frag_off)
		return true;
	if (ip.protocol == WIRE_PROTO_TCP)
		parse_tcp(s, p, n);
	else if (ip.protocol == WIRE_PROTO_ICMP ||
		 ip.protocol == WIRE_PROTO_ICMPV6)
		parse_icmp(s, p, n);
	if (ip.protocol == WIRE_PROTO_UDP && n >= WIRE_UDP_LEN) {
		/* A first fragment is shorter than the length it names. */
		wire_udp_parse(p, s->is_frag ? get_be16(p + 4) : n, &udp);
		s->sport = get_be16(p);
		s->dport = get_be16(p + 2);
		s->len = n - WIRE_UDP_LEN;
	}
	return true;
}

bool lab_seg_quote(const struct lab_seg *s, const uint8_t *bytes, uint32_t n,
		   struct lab_seg *quote)
{
	uint32_t at = s->tcp_off + 8u, len = n > at ? n - at : 0, head;
	uint8_t b[128] = { 0 };

	if ((s->protocol != WIRE_PROTO_ICMP &&
	     s->protocol != WIRE_PROTO_ICMPV6) ||
	    s->frag_off || len < (s->v6 ? 44u : 24u))
		return false;
	memcpy(b, bytes + at, min_u32(len, sizeof(b)));
	/* It is a part of a packet that says how long it was. */
	head = s->v6 ? 40 : (b[0] & 15u) * 4;
	put_be16(b + (s->v6 ? 4 : 2),
		 (uint16_t)(sizeof(b) - (s->v6 ? head : 0)));
	if (b[s->v6 ? 6 : 9] == WIRE_PROTO_UDP)
		put_be16(b + head + 4, (uint16_t)(sizeof(b) - head));
	else
		b[head + 12] = 5 << 4; /* TCP's header; its end is not here */
	return lab_seg_parse(quote, b, sizeof(b)) && quote->sport;
}

void lab_flows_fini(struct lab_flows *f)
{
	free(f->flows);
	free(f->index);
	*f = (struct lab_flows){ 0 };
}

static size_t hash_of(const struct tern_addr *src, const struct tern_addr *dst,
		      uint16_t sport, uint16_t dport)
{
	uint32_t h = 2166136261u;

	for (int i = 0; i < 16; i++)
		h = ((h ^ src->b[i]) * 16777619u ^ dst->b[i]) * 16777619u;
	return ((h ^ sport) * 16777619u ^ dport) * 16777619u;
}

static void put_index(struct lab_flows *f, size_t i)
{
	struct lab_flow *x = &f->flows[i];
	size_t at = hash_of(&x->src, &x->dst, x->sport, x->dport);

	while (f->index[at % f->n_index])
		at++;
	f->index[at % f->n_index] = (uint32_t)i + 1;
}

static void grow(struct lab_flows *f)
{
	f->cap = f->cap ? 2 * f->cap : 64;
	f->flows = drill_mem_grow(f->flows, f->cap * sizeof(*f->flows));
	f->n_index = 2 * f->cap;
	free(f->index);
	f->index = calloc(f->n_index, sizeof(*f->index));
	if (!f->index)
		abort();
	for (size_t i = 0; i < f->n; i++)
		put_index(f, i);
}

/* The flow of a direction, or -1. */
static ptrdiff_t find_flow(const struct lab_flows *f,
			   const struct lab_flow *want)
{
	size_t at = hash_of(&want->src, &want->dst, want->sport, want->dport);

	for (; f->n_index && f->index[at % f->n_index]; at++) {
		size_t i = f->index[at % f->n_index] - 1;
		const struct lab_flow *x = &f->flows[i];

		if (x->sport == want->sport && x->dport == want->dport &&
		    tern_addr_equal(&x->src, &want->src) &&
		    tern_addr_equal(&x->dst, &want->dst))
			return (ptrdiff_t)i;
	}
	return -1;
}

uint32_t lab_flows_isn(const struct lab_flows *f, const struct lab_seg *s)
{
	struct lab_flow want = { s->src, s->dst, s->sport, s->dport };
	ptrdiff_t i = find_flow(f, &want);

	return i < 0 ? 0 : f->flows[i].isn;
}

/* The same; it is made if it is new. */
static size_t flow_of(struct lab_flows *f, const struct lab_flow *want)
{
	ptrdiff_t i = find_flow(f, want);

	if (i >= 0)
		return (size_t)i;
	if (f->n == f->cap)
		grow(f);
	f->flows[f->n] = *want;
	put_index(f, f->n);
	return f->n++;
}

void lab_seg_relate(struct lab_seg *s, struct lab_flows *f)
{
	struct lab_flow there = { s->src, s->dst, s->sport, s->dport };
	struct lab_flow back = { s->dst, s->src, s->dport, s->sport };
	struct lab_flow *out, *in;
	size_t i, j;

	if (s->protocol != WIRE_PROTO_TCP || s->frag_off || !s->tcp_hdr)
		return;
	i = flow_of(f, &there);
	j = flow_of(f, &back);
	out = &f->flows[i];
	in = &f->flows[j];
	if (s->flags & TCP_SYN && (!out->has_isn || out->isn != s->raw_seq)) {
		out->isn = s->raw_seq;
		out->has_isn = true;
		out->scales = s->opts.present & WIRE_OPT_WSCALE;
		out->wscale = s->opts.wscale > 14 ? 14 : s->opts.wscale;
		s->isn_shown = true;
	}
	if (out->has_isn)
		s->seq = s->raw_seq - out->isn;
	s->ack = s->flags & TCP_ACK ? s->raw_ack : 0;
	if (s->flags & TCP_ACK && in->has_isn)
		s->ack = s->raw_ack - in->isn;
	if (!(s->flags & TCP_SYN) && out->scales && in->scales)
		s->win = (uint32_t)s->raw_win << out->wscale;
	for (int k = 0; k < s->opts.n_sack && k < WIRE_TCP_MAX_SACK; k++) {
		s->sack[2 * k] = s->opts.sack[k].start.v - in->isn;
		s->sack[2 * k + 1] = s->opts.sack[k].end.v - in->isn;
	}
}

static const struct {
	uint16_t bit;
	const char *name;
} flag_names[] = {
	{ TCP_SYN, "SYN" }, { TCP_FIN, "FIN" }, { TCP_RST, "RST" },
	{ TCP_PSH, "PSH" }, { TCP_ACK, "ACK" }, { TCP_URG, "URG" },
	{ TCP_ECE, "ECE" }, { TCP_CWR, "CWR" }, { TCP_AE, "AE" },
};

static void print_flags(struct drill_text *t, const struct lab_seg *s)
{
	const char *plus = "";

	for (size_t i = 0; i < ARRAY_LEN(flag_names); i++) {
		/* PSH is told by the data. */
		if (!(s->flags & flag_names[i].bit) ||
		    flag_names[i].bit == TCP_PSH)
			continue;
		drill_text_add(t, "%s%s", plus, flag_names[i].name);
		plus = "+";
	}
	if (!*plus)
		drill_text_add(t, "no flags");
}

static void print_opts(struct drill_text *t, const struct lab_seg *s, bool ts)
{
	const struct wire_tcp_opts *o = &s->opts;
	const char *open = " <";

	if (o->present & WIRE_OPT_MSS) {
		drill_text_add(t, "%smss %u", open, o->mss);
		open = ",";
	}
	if (o->present & WIRE_OPT_SACK_OK) {
		drill_text_add(t, "%ssackOK", open);
		open = ",";
	}
	if (o->present & WIRE_OPT_TS && (ts || s->flags & TCP_SYN)) {
		drill_text_add(t, ts ? "%sTS %u/%u" : "%sTS", open, o->ts_val,
			       o->ts_ecr);
		open = ",";
	}
	if (o->present & WIRE_OPT_WSCALE) {
		drill_text_add(t, "%swscale %u", open, o->wscale);
		open = ",";
	}
	if (o->present & (WIRE_OPT_FASTOPEN | WIRE_OPT_FASTOPEN_EXP)) {
		drill_text_add(t, "%sFO %s", open,
			       o->cookie_len ? "cookie" : "request");
		open = ",";
	}
	for (int k = 0; k < o->n_sack; k++) {
		drill_text_add(t, "%ssack %u-%u", open, s->sack[2 * k],
			       s->sack[2 * k + 1]);
		open = ",";
	}
	if (*open == ',')
		drill_text_add(t, ">");
}

static void print_icmp(struct drill_text *t, const struct lab_seg *s)
{
	static const struct {
		bool v6;
		uint8_t type;
		int code; /* -1: any */
		const char *text;
	} names[] = {
		{ false, ICMP4_UNREACH, ICMP4_FRAG_NEEDED,
		  "fragmentation needed" },
		{ false, ICMP4_UNREACH, ICMP4_PORT_UNREACH,
		  "port unreachable" },
		{ false, ICMP4_UNREACH, ICMP4_HOST_UNREACH,
		  "host unreachable" },
		{ false, ICMP4_UNREACH, ICMP4_NET_UNREACH,
		  "network unreachable" },
		{ false, ICMP4_UNREACH, -1, "unreachable" },
		{ false, ICMP4_TIME_EXCEEDED, -1, "time exceeded" },
		{ false, ICMP4_ECHO_REQUEST, -1, "echo request" },
		{ false, ICMP4_ECHO_REPLY, -1, "echo reply" },
		{ true, ICMP6_TOO_BIG, -1, "packet too big" },
		{ true, ICMP6_UNREACH, ICMP6_PORT_UNREACH, "port unreachable" },
		{ true, ICMP6_UNREACH, ICMP6_ADDR_UNREACH,
		  "address unreachable" },
		{ true, ICMP6_UNREACH, -1, "unreachable" },
		{ true, ICMP6_TIME_EXCEEDED, -1, "time exceeded" },
		{ true, ICMP6_ECHO_REQUEST, -1, "echo request" },
		{ true, ICMP6_ECHO_REPLY, -1, "echo reply" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].v6 != s->v6 || names[i].type != s->icmp_type ||
		    (names[i].code >= 0 && names[i].code != s->icmp_code))
			continue;
		drill_text_add(t, "ICMP %s", names[i].text);
		if (s->icmp_mtu)
			drill_text_add(t, " mtu %u", s->icmp_mtu);
		return;
	}
	drill_text_add(t, "ICMP type %u code %u", s->icmp_type, s->icmp_code);
}

void lab_seg_print(struct drill_text *t, const struct lab_seg *s, bool ts)
{
	if (s->frag_off) {
		drill_text_add(t, "fragment at %u len %u", s->frag_off, s->len);
		return;
	}
	if (s->protocol == WIRE_PROTO_ICMP ||
	    s->protocol == WIRE_PROTO_ICMPV6) {
		print_icmp(t, s);
		return;
	}
	if (s->protocol == WIRE_PROTO_UDP) {
		drill_text_add(t, "UDP %u > %u len %u%s", s->sport, s->dport,
			       s->len, s->is_frag ? " (fragment)" : "");
		return;
	}
	if (s->protocol != WIRE_PROTO_TCP || !s->tcp_hdr) {
		drill_text_add(t, "IP protocol %u len %u", s->protocol, s->len);
		return;
	}
	print_flags(t, s);
	drill_text_add(t, " seq %u", s->seq);
	if (s->flags & TCP_ACK)
		drill_text_add(t, " ack %u", s->ack);
	if (s->len)
		drill_text_add(t, " len %u", s->len);
	if (!(s->flags & TCP_RST))
		drill_text_add(t, " win %u", s->win);
	if ((s->tos & 3) == 3)
		drill_text_add(t, " CE");
	print_opts(t, s, ts);
}
