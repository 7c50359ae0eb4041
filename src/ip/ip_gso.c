// SPDX-License-Identifier: BSD-2-Clause
/*
 * Segmentation and checksums in software.
 *
 *	in	| IP TCP |  payload, many fragments, gso_size 1460      |
 *	out	| IP TCP |--1460--|  | IP TCP |--1460--|  | IP TCP |-rest|
 *
 * What differs from one segment to the next: IP's length, the IPv4 identifier
 * (counting up, as if each had been sent by itself) and header checksum, the
 * sequence number, the pseudo-header's sum. FIN and PSH belong to the last
 * byte and are kept in the last segment; CWR answers once and is kept in the
 * first (RFC 3168 6.1.2), unless it is part of AccECN's counter (TERN_PKT_ACE),
 * which no link can be told of. All else is the same for all.
 *
 * Not here: UDP, tunnels.
 */
#include "ip/ip_gso.h"

#include "wire/wire_csum.h"
#include "wire/wire_ip.h"
#include "wire/wire_tcp.h"

#include <tern/error.h>

/* Offsets of fields that differ from segment to segment. */
enum {
	IP4_TOTAL_LEN = 2,
	IP4_ID = 4,
	IP4_PROTOCOL = 9,
	IP4_CSUM = 10,
	IP4_ADDRS = 12,
	IP6_PAYLOAD_LEN = 4,
	IP6_NEXT_HEADER = 6,
	IP6_ADDRS = 8,
	TCP_SEQ = 4,
	TCP_DATA_OFF = 12,
	TCP_FLAGS = 13,
	TCP_CSUM = 16,
	UDP_CSUM = 6,
};

/* What is the same for all segments of a packet. */
struct cut {
	const struct tern_pkt *in;
	uint32_t ip_len;  /* up to the TCP header */
	uint32_t hdr_len; /* both headers */
	uint32_t payload;
	bool v6;
	uint64_t pseudo; /* sum of addresses and protocol */

	/* Where the next payload byte is: -1 is the linear part. */
	int frag;
	uint32_t frag_off;
};

static bool cut_init(struct cut *c, const struct tern_pkt *in)
{
	const uint8_t *p = in->data;
	uint32_t tcp_hdr, addrs;

	*c = (struct cut){ .in = in, .frag = -1 };
	if (!in->gso_size || in->head_len < WIRE_IP4_LEN)
		return false;
	c->v6 = p[0] >> 4 == 6;
	c->ip_len = c->v6 ? WIRE_IP6_LEN : (p[0] & 15u) * 4;
	if (c->ip_len < WIRE_IP4_LEN ||
	    in->head_len < c->ip_len + WIRE_TCP_LEN ||
	    p[c->v6 ? IP6_NEXT_HEADER : IP4_PROTOCOL] != WIRE_PROTO_TCP)
		return false;
	tcp_hdr = (p[c->ip_len + TCP_DATA_OFF] >> 4) * 4u;
	c->hdr_len = c->ip_len + tcp_hdr;
	if (tcp_hdr < WIRE_TCP_LEN || in->head_len < c->hdr_len)
		return false;
	c->payload = in->len - c->hdr_len;
	c->frag_off = c->hdr_len;
	addrs = c->v6 ? IP6_ADDRS : IP4_ADDRS;
	c->pseudo = csum_add(0, p + addrs, c->v6 ? 32 : 8);
	c->pseudo = csum_add(c->pseudo, (uint8_t[]){ 0, WIRE_PROTO_TCP }, 2);
	return true;
}

/* Shares the next n bytes of payload with seg; false if they lie in more
 * pieces than a packet can point to. That takes a linear payload before all
 * TERN_PKT_FRAGS fragments within one segment: TCP never builds it. */
static bool share_payload(struct cut *c, struct tern_pkt *seg, uint32_t n)
{
	const struct tern_pkt *in = c->in;

	while (n) {
		struct tern_buf *buf = in->head;
		uint32_t len = in->head_len;
		uint32_t base = (uint32_t)(in->data - in->head->data);

		if (c->frag >= 0) {
			buf = in->frags[c->frag].buf;
			len = in->frags[c->frag].len;
			base = in->frags[c->frag].off;
		}
		if (c->frag_off == len) {
			c->frag++;
			c->frag_off = 0;
			continue;
		}
		len = min_u32(len - c->frag_off, n);
		if (!tern_pkt_add_frag(seg, buf, base + c->frag_off, len))
			return false;
		c->frag_off += len;
		n -= len;
	}
	return true;
}

static void fix_ip(const struct cut *c, uint8_t *p, uint32_t len, uint32_t i)
{
	if (c->v6) {
		put_be16(p + IP6_PAYLOAD_LEN, (uint16_t)(len - WIRE_IP6_LEN));
		return;
	}
	put_be16(p + IP4_TOTAL_LEN, (uint16_t)len);
	put_be16(p + IP4_ID, (uint16_t)(get_be16(p + IP4_ID) + i));
	put_be16(p + IP4_CSUM, 0);
	put_be16(p + IP4_CSUM, csum_fold(csum_add(0, p, c->ip_len)));
}

static void fix_tcp(const struct cut *c, uint8_t *p, uint32_t off, uint32_t n)
{
	uint32_t tcp_len = c->hdr_len - c->ip_len + n;
	uint8_t len[4];

	put_be32(p + TCP_SEQ, get_be32(p + TCP_SEQ) + off);
	if (off && !(c->in->flags & TERN_PKT_ACE))
		p[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
	if (off + n < c->payload)
		p[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	put_be32(len, tcp_len);
	/* A partial field holds the sum itself, not its complement. */
	put_be16(p + TCP_CSUM,
		 (uint16_t)~csum_fold(csum_add(c->pseudo, len, sizeof(len))));
}

/* The segment with n bytes of payload from `off` on, the i-th. */
static struct tern_pkt *cut_one(struct tern_pool *pool, struct cut *c,
				uint32_t off, uint32_t n, uint32_t i)
{
	struct tern_pkt *seg = tern_pkt_new(pool, PKT_HEADROOM, c->hdr_len);
	uint8_t *p;

	if (!seg)
		return NULL;
	p = tern_pkt_append(seg, c->hdr_len);
	memcpy(p, c->in->data, c->hdr_len);
	if (!share_payload(c, seg, n)) {
		tern_pkt_put(seg);
		return NULL;
	}
	fix_ip(c, p, c->hdr_len + n, i);
	fix_tcp(c, p + c->ip_len, off, n);
	seg->csum = TERN_CSUM_PARTIAL;
	seg->csum_start = (uint16_t)c->ip_len;
	seg->csum_off = TCP_CSUM;
	seg->link = c->in->link;
	seg->at = c->in->at;
	return seg;
}

int ip_gso_segment(struct tern_pool *pool, const struct tern_pkt *in,
		   struct pktq *out)
{
	struct pktq segs = { 0 };
	struct tern_pkt *seg;
	struct cut c;
	uint32_t off = 0;
	int n_segs = 0;

	if (!cut_init(&c, in))
		return -TERN_EINVAL;
	do {
		uint32_t n = min_u32(c.payload - off, in->gso_size);

		seg = cut_one(pool, &c, off, n, segs.n);
		if (!seg) {
			pktq_drop_all(&segs);
			return -TERN_ENOMEM;
		}
		pktq_push(&segs, seg);
		n_segs++;
		off += n;
	} while (off < c.payload);

	while ((seg = pktq_pop(&segs)))
		pktq_push(out, seg);
	return n_segs;
}

bool ip_csum_complete(struct tern_pkt *pkt)
{
	uint32_t field = (uint32_t)pkt->csum_start + pkt->csum_off;
	uint16_t sum;

	if (pkt->csum != TERN_CSUM_PARTIAL)
		return true;
	if (field + 2 > pkt->head_len || pkt->csum_start > pkt->len)
		return false;
	sum = csum_fold(csum_pkt(0, pkt, pkt->csum_start));
	/* UDP's zero means that there is no checksum (RFC 768). TCP has no such
	 * rule, and the other zero there looks wrong to who checks (RFC 1624
	 * 3). The field's place tells the two apart. */
	if (!sum && pkt->csum_off == UDP_CSUM)
		sum = 0xffff;
	put_be16(pkt->data + field, sum);
	pkt->csum = TERN_CSUM_NONE;
	return true;
}
