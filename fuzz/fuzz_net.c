// SPDX-License-Identifier: BSD-2-Clause
/* Packets in, built to the last bit or nearly; packets out, learnt from. */
#include "fuzz_kit.h"

#include "base/pkt.h"
#include "wire/wire_csum.h"
#include "wire/wire_ip.h"
#include "wire/wire_print.h"
#include "wire/wire_tcp.h"

#include <stdio.h>

#define BATCH 32
/* More packets than this for one operation is a storm. */
#define MOST_PACKETS 20000

void fuzz_show(struct fuzz *f, const char *way, const struct tern_pkt *pkt)
{
	char line[400];

	if (!f->show)
		return;
	wire_print(pkt, line, sizeof(line));
	printf("\t%s %s [%u]\n", way, line, pkt->len);
	fflush(stdout);
}

static bool is_v4(const struct tern_addr *a)
{
	return tern_addr_is_v4(a);
}

static uint32_t put_ip6(const struct fuzz_ip *ip, uint8_t *h, uint32_t n)
{
	uint32_t len = 40 + (ip->is_frag ? 8 : 0);

	memset(h, 0, len);
	put_be32(h, 0x60000000u | (uint32_t)ip->tos << 20);
	put_be16(h + 4, (uint16_t)(n + len - 40));
	h[6] = ip->is_frag ? WIRE_PROTO_FRAGMENT : ip->protocol;
	h[7] = ip->ttl;
	memcpy(h + 8, ip->src.b, 16);
	memcpy(h + 24, ip->dst.b, 16);
	if (ip->is_frag) {
		h[40] = ip->protocol;
		put_be16(h + 42, ip->frag);
		put_be32(h + 44, ip->id);
	}
	return len;
}

static uint32_t put_ip4(const struct fuzz_ip *ip, uint8_t *h, uint32_t n)
{
	memset(h, 0, 20);
	h[0] = 0x45;
	h[1] = ip->tos;
	put_be16(h + 2, (uint16_t)(n + 20));
	put_be16(h + 4, (uint16_t)ip->id);
	put_be16(h + 6, ip->frag);
	h[8] = ip->ttl;
	h[9] = ip->protocol;
	memcpy(h + 12, ip->src.b + 12, 4);
	memcpy(h + 16, ip->dst.b + 12, 4);
	put_be16(h + 10, csum_fold(csum_add(0, h, 20)));
	return 20;
}

/* The offset of the checksum in a transport's header; 0: none. */
static uint32_t sum_at(uint8_t protocol)
{
	switch (protocol) {
	case WIRE_PROTO_TCP:
		return 16;
	case WIRE_PROTO_UDP:
		return 6;
	case WIRE_PROTO_ICMP:
	case WIRE_PROTO_ICMPV6:
		return 2;
	default:
		return 0;
	}
}

uint8_t *fuzz_ip_build(const struct fuzz_ip *ip, uint8_t *out, uint32_t *len)
{
	uint8_t *payload = out + 60, head[60];
	uint32_t at = sum_at(ip->protocol), n = *len;
	uint64_t sum = 0;

	if (at && n >= at + 2 && !(ip->is_frag || ip->frag & 0x1fff)) {
		put_be16(payload + at, 0);
		if (ip->protocol != WIRE_PROTO_ICMP)
			sum = csum_pseudo(&ip->src, &ip->dst, ip->protocol, n);
		put_be16(payload + at, csum_fold(csum_add(sum, payload, n)));
	}
	*len = is_v4(&ip->dst) ? put_ip4(ip, head, n) : put_ip6(ip, head, n);
	memcpy(payload - *len, head, *len);
	payload -= *len;
	*len += n;
	return payload;
}

/* From `at` on the bytes lie in a fragment. */
static struct tern_pkt *pkt_of_bytes(struct fuzz *f, const uint8_t *bytes,
				     uint32_t len, uint32_t at)
{
	struct tern_pkt *pkt = tern_pkt_new(f->pool, 0, max_u32(at, 1));
	struct tern_buf *buf;
	uint8_t *to;

	if (!pkt)
		return NULL;
	to = tern_pkt_append(pkt, at);
	MUST(to);
	memcpy(to, bytes, at);
	if (at == len)
		return pkt;
	buf = tern_buf_new(f->pool, len - at);
	if (!buf) {
		tern_pkt_put(pkt);
		return NULL;
	}
	memcpy(buf->data, bytes + at, len - at);
	buf->len = len - at;
	MUST(tern_pkt_add_frag(pkt, buf, 0, len - at));
	tern_buf_put(buf);
	return pkt;
}

void fuzz_inject(struct fuzz *f, const uint8_t *bytes, uint32_t len)
{
	uint8_t how = fuzz_u8(f);
	uint32_t at = how & 1 ? min_u32(len, fuzz_u8(f)) : len;
	struct tern_pkt *pkt = pkt_of_bytes(f, bytes, len, at);

	if (!pkt)
		return;
	fuzz_show(f, "in ", pkt);
	if (how & 2)
		pkt->csum = TERN_CSUM_GOOD;
	tern_stack_input(f->st, f->link, &pkt, 1, f->now);
	if (how & 4 && (pkt = pkt_of_bytes(f, bytes, len, at)))
		tern_stack_input(f->st, f->link, &pkt, 1, f->now);
}

static struct flow *flow_of(struct fuzz *f, const struct wire_ip *ip,
			    const struct wire_tcp *h)
{
	struct flow *w;

	for (int i = 0; i < FUZZ_FLOWS; i++) {
		w = &f->flows[i];
		if (w->is_used && w->our_port == h->sport &&
		    w->peer_port == h->dport &&
		    tern_addr_equal(&w->us, &ip->src) &&
		    tern_addr_equal(&w->peer, &ip->dst))
			return w;
	}
	w = &f->flows[f->n_flows++ % FUZZ_FLOWS];
	*w = (struct flow){
		.us = ip->src,
		.peer = ip->dst,
		.our_port = h->sport,
		.peer_port = h->dport,
		.is_used = true,
		.una = h->seq.v,
		.nxt = h->seq.v,
	};
	return w;
}

static void learn(struct fuzz *f, const struct tern_pkt *pkt,
		  const uint8_t *bytes, uint32_t n)
{
	struct wire_ip ip;
	struct wire_tcp h;
	struct wire_tcp_opts o;
	struct flow *w;
	uint32_t end;

	if (wire_ip_parse(pkt, &ip) != WIRE_IP_OK || ip.is_frag ||
	    ip.protocol != WIRE_PROTO_TCP || n < ip.hdr_len + 20u ||
	    !wire_tcp_parse(bytes + ip.hdr_len, ip.len - ip.hdr_len, &h) ||
	    n < (uint32_t)ip.hdr_len + h.hdr_len)
		return;
	w = flow_of(f, &ip, &h);
	end = h.seq.v + (ip.len - ip.hdr_len - h.hdr_len) +
	      !!(h.flags & TCP_SYN) + !!(h.flags & TCP_FIN);
	if ((int32_t)(end - w->nxt) > 0 || h.flags & TCP_SYN)
		w->nxt = end;
	if (h.flags & TCP_SYN)
		w->una = h.seq.v;
	if (h.flags & TCP_ACK)
		w->ack = h.ack.v;
	w->window = h.window;
	wire_tcp_parse_opts(bytes + ip.hdr_len, &h, &o);
	w->has_ts = o.present & WIRE_OPT_TS;
	if (w->has_ts)
		w->ts_val = o.ts_val;
	w->last_len = min_u32(n, sizeof(w->last));
	memcpy(w->last, bytes, w->last_len);
}

void fuzz_drain(struct fuzz *f)
{
	static uint8_t bytes[70000];
	struct tern_pkt *pkts[BATCH];
	int n, total = 0;

	if (f->deaf)
		return;
	do {
		n = tern_stack_output(f->st, f->link, pkts, BATCH, f->now);
		MUST(n >= 0 && n <= BATCH);
		for (int i = 0; i < n; i++) {
			uint32_t len = pkts[i]->len;

			MUST(len <= sizeof(bytes));
			fuzz_show(f, "out", pkts[i]);
			fuzz_check_packet(f, pkts[i]);
			tern_pkt_copy_out(pkts[i], 0, bytes, len);
			if (tern_pkt_pull(pkts[i], min_u32(len, PKT_PULL)))
				learn(f, pkts[i], bytes, len);
			tern_pkt_put(pkts[i]);
		}
		total += n;
		MUST(total < MOST_PACKETS);
	} while (n == BATCH);
	f->n_out += (uint64_t)total;
}

void fuzz_put_ts(struct flow *w, struct fuzz_seg *s, uint32_t off)
{
	if (!w->has_ts || s->opts_len + 12 > sizeof(s->opts))
		return;
	put_be32(s->opts + s->opts_len, 0x0101080a);
	put_be32(s->opts + s->opts_len + 4, w->ts_ours + off);
	put_be32(s->opts + s->opts_len + 8, w->ts_val);
	s->opts_len += 12;
}

void fuzz_segment(struct fuzz *f, struct flow *w, struct fuzz_seg *s)
{
	static uint8_t out[FUZZ_PACKET];
	struct fuzz_ip ip = {
		.src = w->peer,
		.dst = w->us,
		.protocol = WIRE_PROTO_TCP,
		.ttl = 64,
		.id = f->next_id++,
	};
	struct wire_tcp h = {
		.sport = w->peer_port,
		.dport = w->our_port,
		.seq = { s->seq },
		.ack = { s->ack },
		.flags = s->flags,
		.window = s->window,
		.urgent = s->urgent,
	};
	uint32_t n;
	uint8_t *p = out + 60;

	while (s->opts_len % 4 && s->opts_len < sizeof(s->opts))
		s->opts[s->opts_len++] = 0;
	h.hdr_len = (uint8_t)(20 + s->opts_len);
	n = min_u32(s->n, (uint32_t)sizeof(out) - 60u - h.hdr_len);
	wire_tcp_emit(p, &h);
	memcpy(p + 20, s->opts, s->opts_len);
	for (uint32_t i = 0; i < n; i++)
		p[h.hdr_len + i] = (uint8_t)(s->seq + i);
	n += h.hdr_len;
	p = fuzz_ip_build(&ip, out, &n);
	fuzz_inject(f, p, n);
}
