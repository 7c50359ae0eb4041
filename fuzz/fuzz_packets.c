// SPDX-License-Identifier: BSD-2-Clause
/*
 * Operations that put packets in: from bytes that mean nothing to segments that
 * are right to the last bit.
 */
#include "fuzz_kit.h"

#include "wire/wire_icmp.h"
#include "wire/wire_ip.h"
#include "wire/wire_tcp.h"
#include "wire/wire_udp.h"

static uint8_t space[FUZZ_PACKET];
#define ROOM (FUZZ_PACKET - 60u)

/* Any bytes at all. */
static void op_raw(struct fuzz *f)
{
	uint32_t n = 1 + fuzz_len(f, 600);

	fuzz_fill(f, space, n);
	fuzz_inject(f, space, n);
}

/* A right IP header, and anything behind it. */
static void op_ip(struct fuzz *f)
{
	bool v6 = fuzz_u8(f) & 1;
	struct fuzz_ip ip = {
		.src = fuzz_addr(f, v6),
		.dst = fuzz_addr(f, v6),
		.protocol = fuzz_u8(f),
		.tos = fuzz_u8(f),
		.ttl = fuzz_u8(f),
		.frag = fuzz_u16(f),
		.id = fuzz_u8(f),
		.is_frag = fuzz_u8(f) & 1,
	};
	uint32_t n = fuzz_len(f, ROOM);
	uint8_t *p;

	fuzz_fill(f, space + 60, n);
	p = fuzz_ip_build(&ip, space, &n);
	/* Then a few bytes of it changed. */
	for (uint8_t k = fuzz_u8(f) & 3; k; k--)
		p[fuzz_u16(f) % n] ^= fuzz_u8(f);
	fuzz_inject(f, p, n);
}

static void op_udp(struct fuzz *f)
{
	bool v6 = fuzz_u8(f) & 1;
	struct fuzz_ip ip = {
		.src = fuzz_addr(f, v6),
		.dst = fuzz_addr(f, v6),
		.protocol = WIRE_PROTO_UDP,
		.ttl = 64,
		.id = f->next_id++,
	};
	struct wire_udp h = {
		.sport = fuzz_u8(f),
		.dport = fuzz_u8(f),
	};
	uint32_t n = 8 + fuzz_len(f, 1400);
	uint8_t *p;

	h.len = (uint16_t)(n + fuzz_near(f));
	wire_udp_emit(space + 60, &h);
	memset(space + 68, 'u', n - 8);
	p = fuzz_ip_build(&ip, space, &n);
	fuzz_inject(f, p, n);
}

/* A datagram in pieces: which, and in what order, the input says. */
static void op_frags(struct fuzz *f)
{
	bool v6 = fuzz_u8(f) & 1;
	struct fuzz_ip ip = {
		.src = fuzz_peer(v6),
		.dst = fuzz_us(v6),
		.protocol = fuzz_u8(f) & 1 ? WIRE_PROTO_UDP : WIRE_PROTO_TCP,
		.ttl = 64,
		.id = fuzz_u8(f) & 7,
		.is_frag = true,
	};
	uint8_t k = 1 + fuzz_u8(f) % 6;

	while (k--) {
		uint32_t off = fuzz_u8(f), n = fuzz_len(f, 1400);
		bool more = fuzz_u8(f) & 1;
		uint8_t *p;

		ip.frag = (uint16_t)(v6 ? off << 3 | more :
					  off | (more ? 0x2000 : 0));
		for (uint32_t i = 0; i < n; i++)
			space[60 + i] = (uint8_t)(off * 8 + i);
		p = fuzz_ip_build(&ip, space, &n);
		fuzz_inject(f, p, n);
	}
}

/* An ICMP error about a packet of a flow, quoted truly or nearly. */
static void op_icmp_error(struct fuzz *f)
{
	struct flow *w = fuzz_flow(f);
	struct wire_icmp h = {
		.type = fuzz_u8(f),
		.code = fuzz_u8(f),
		.rest = fuzz_u16(f),
	};
	struct fuzz_ip ip = { .ttl = 64 };
	uint32_t n;
	bool v6;
	uint8_t *p;

	if (!w || !w->last_len)
		return;
	v6 = !tern_addr_is_v4(&w->us);
	ip.src = fuzz_u8(f) & 1 ? fuzz_addr(f, v6) : w->peer;
	ip.dst = w->us;
	ip.protocol = v6 ? WIRE_PROTO_ICMPV6 : WIRE_PROTO_ICMP;
	/* The common ones by small numbers. */
	if (h.type < 0x80)
		h.type = (uint8_t)(v6	      ? 1 + h.type % 4 :
				   h.type & 1 ? ICMP4_UNREACH :
						ICMP4_TIME_EXCEEDED);
	if (v6 && h.type == ICMP6_TOO_BIG)
		h.code = 0;
	wire_icmp_emit(space + 60, &h);
	n = min_u32(w->last_len, 8 + fuzz_len(f, sizeof(w->last)));
	memcpy(space + 68, w->last, n);
	for (uint8_t k = fuzz_u8(f) & 1; k && n; k--)
		space[68 + fuzz_u8(f) % n] ^= fuzz_u8(f);
	n += 8;
	p = fuzz_ip_build(&ip, space, &n);
	fuzz_inject(f, p, n);
}

static void op_icmp(struct fuzz *f)
{
	bool v6 = fuzz_u8(f) & 1;
	struct fuzz_ip ip = {
		.src = fuzz_addr(f, v6),
		.dst = fuzz_addr(f, v6),
		.protocol = v6 ? WIRE_PROTO_ICMPV6 : WIRE_PROTO_ICMP,
		.ttl = 255,
	};
	uint32_t n = fuzz_len(f, 1400);
	uint8_t *p;

	memset(space + 60, 0, n);
	fuzz_fill(f, space + 60, min_u32(n, 12));
	p = fuzz_ip_build(&ip, space, &n);
	fuzz_inject(f, p, n);
}

static void put(struct fuzz_seg *s, const void *bytes, uint32_t n)
{
	if (s->opts_len + n > sizeof(s->opts))
		return;
	memcpy(s->opts + s->opts_len, bytes, n);
	s->opts_len += n;
}

static void put_block(struct fuzz *f, struct flow *w, struct fuzz_seg *s)
{
	uint32_t from = w->una + fuzz_len(f, 100000);
	uint8_t b[8];

	put_be32(b, from);
	put_be32(b + 4, from + fuzz_len(f, 20000) + fuzz_near(f));
	put(s, b, 8);
}

static void put_opts(struct fuzz *f, struct flow *w, struct fuzz_seg *s)
{
	static const uint8_t sack[] = { 1, 1, 5, 2 };
	uint8_t how = fuzz_u8(f), n, at;
	uint8_t syn[] = { 2,  4, 5, 180, 4, 2, 3, 3, 7, 1,  8,
			  10, 0, 0, 0,	 1, 0, 0, 0, 1, 34, 2 };

	switch (how % 8) {
	case 0:
	case 1:
		fuzz_put_ts(w, s, 0);
		break;
	case 2:
		fuzz_put_ts(w, s, fuzz_near(f));
		break;
	case 3:
		fuzz_put_ts(w, s, 0);
		/* fall through */
	case 4:
		at = (uint8_t)s->opts_len;
		put(s, sack, 4);
		for (n = fuzz_u8(f) % 4 + 1; n; n--)
			put_block(f, w, s);
		s->opts[at + 3] = (uint8_t)(s->opts_len - at - 2);
		break;
	case 5:
		put_be16(syn + 2, fuzz_u16(f));
		syn[8] = fuzz_u8(f);
		put(s, syn, how & 8 ? sizeof(syn) : 9);
		break;
	case 6:
		s->opts_len = fuzz_u8(f) % 41;
		fuzz_fill(f, s->opts, s->opts_len);
		break;
	case 7:
		break;
	}
}

/* A segment that is right but for what the input adds. */
static void op_segment(struct fuzz *f)
{
	struct flow *w = fuzz_flow(f);
	struct fuzz_seg s = { 0 };
	uint8_t flags = fuzz_u8(f);

	if (!w)
		return;
	s.flags = flags < 0x80 ? TCP_ACK | (flags & (TCP_FIN | TCP_PSH)) :
				 (uint16_t)(fuzz_u8(f) | (flags & 1) << 8);
	s.seq = w->ack + fuzz_near(f);
	s.ack = (flags & 0x20 ? w->una : w->nxt) + fuzz_near(f);
	s.window = fuzz_u16(f);
	if (s.flags & TCP_URG)
		s.urgent = fuzz_u16(f);
	s.n = fuzz_len(f, 1460);
	put_opts(f, w, &s);
	fuzz_segment(f, w, &s);
}

/* As a faithful peer would: acknowledges all, and sends n bytes more. */
static void op_good(struct fuzz *f)
{
	struct flow *w = fuzz_flow(f);
	struct fuzz_seg s = { .flags = TCP_ACK | TCP_PSH, .window = 0xffff };

	if (!w)
		return;
	s.seq = w->ack;
	s.ack = w->nxt;
	s.n = fuzz_len(f, 1460);
	w->ts_ours++;
	w->una = w->nxt;
	fuzz_put_ts(w, &s, 0);
	fuzz_segment(f, w, &s);
}

static void op_fin(struct fuzz *f)
{
	struct flow *w = fuzz_flow(f);
	struct fuzz_seg s = { .flags = TCP_ACK | TCP_FIN, .window = 0xffff };

	if (!w)
		return;
	s.seq = w->ack;
	s.ack = w->nxt;
	fuzz_put_ts(w, &s, 0);
	fuzz_segment(f, w, &s);
}

static void op_rst(struct fuzz *f)
{
	struct flow *w = fuzz_flow(f);
	struct fuzz_seg s = { .flags = TCP_RST };

	if (!w)
		return;
	s.seq = w->ack + fuzz_near(f);
	fuzz_segment(f, w, &s);
}

/* A SYN to a port of ours, from a new flow or again from an old one. */
static void op_syn(struct fuzz *f)
{
	uint8_t how = fuzz_u8(f);
	bool v6 = how & 1;
	struct flow syn = {
		.us = fuzz_us(v6),
		.peer = fuzz_peer(v6),
		.our_port = 1 + (how >> 4) % 4,
		.peer_port = (uint16_t)(1000 + fuzz_u8(f) % 16),
		.has_ts = how & 2,
		.ts_val = 0,
		.ack = fuzz_u32(f),
	};
	struct fuzz_seg s = { .flags = TCP_SYN, .window = 0xffff };

	s.seq = syn.ack;
	if (how & 4)
		put_opts(f, &syn, &s);
	else
		fuzz_put_ts(&syn, &s, 0);
	fuzz_segment(f, &syn, &s);
}

/* The whole of a peer's opening, to a listener that answers. */
static void op_open(struct fuzz *f)
{
	static const uint8_t opts[] = { 2, 4, 5, 180, 4, 2, 3, 3, 7, 1 };
	uint8_t how = fuzz_u8(f);
	bool v6 = how & 1;
	struct flow syn = {
		.us = fuzz_us(v6),
		.peer = fuzz_peer(v6),
		.our_port = 1 + (how >> 4) % 4,
		.peer_port = (uint16_t)(2000 + fuzz_u8(f)),
		.has_ts = how & 2,
		.ack = how & 4 ? 0xfffffff0 : 7,
	};
	struct fuzz_seg s = { .flags = TCP_SYN, .window = 0xffff };
	uint32_t before = f->n_flows;
	struct flow *w;

	s.seq = syn.ack;
	if (!(how & 8))
		put(&s, opts, sizeof(opts));
	while (s.opts_len % 4)
		s.opts[s.opts_len++] = 1;
	fuzz_put_ts(&syn, &s, 0);
	fuzz_segment(f, &syn, &s);
	fuzz_drain(f);
	if (f->n_flows == before)
		return;
	w = &f->flows[(f->n_flows - 1) % FUZZ_FLOWS];
	s = (struct fuzz_seg){ .flags = TCP_ACK, .window = 0xffff };
	s.seq = w->ack;
	s.ack = w->nxt;
	fuzz_put_ts(w, &s, 0);
	fuzz_segment(f, w, &s);
}

/* What answers a SYN of ours. */
static void op_synack(struct fuzz *f)
{
	static const uint8_t opts[] = { 2, 4, 5, 180, 4, 2, 3, 3, 7, 1, 1, 1 };
	struct flow *w = fuzz_flow(f);
	struct fuzz_seg s = { .flags = TCP_SYN | TCP_ACK, .window = 0xffff };
	uint8_t how = fuzz_u8(f);

	if (!w)
		return;
	s.seq = how & 1 ? 0xfffffff0 : 9;
	s.ack = w->nxt + fuzz_near(f);
	if (how & 2)
		s.flags = TCP_SYN; /* both open at once */
	if (!(how & 4))
		put(&s, opts, sizeof(opts));
	fuzz_put_ts(w, &s, 0);
	w->ack = s.seq + 1;
	fuzz_segment(f, w, &s);
}

const struct fuzz_op fuzz_packet_ops[] = {
	{ "raw", op_raw },	   { "ip", op_ip },
	{ "udp", op_udp },	   { "frags", op_frags },
	{ "icmp", op_icmp },	   { "icmp_error", op_icmp_error },
	{ "segment", op_segment }, { "segment2", op_segment },
	{ "good", op_good },	   { "fin", op_fin },
	{ "rst", op_rst },	   { "syn", op_syn },
	{ "open", op_open },	   { "synack", op_synack },
};
const int fuzz_n_packet_ops = ARRAY_LEN(fuzz_packet_ops);
