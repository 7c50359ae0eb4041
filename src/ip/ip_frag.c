// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fragmentation (RFC 791 3.2, RFC 8200 4.5): of what we send and, for IPv4, of
 * what we forward.
 *
 * The parts share the datagram's bytes and have a header each. All are made
 * before the first is queued, and all are queued or none: a datagram with a
 * part missing is of no use to anybody.
 *
 * Fragments are told apart by an identifier that must not repeat while the
 * network may hold them, and that a third party should not be able to guess:
 * who can forge a fragment that fits replaces part of a datagram (RFC 7739).
 * IPv6's 32 bits are drawn at random. IPv4's 16 would repeat too soon, so they
 * count, by a counter for each of 256 groups of destinations, from an offset
 * that is a secret of source, destination and protocol.
 */
#include "ip/ip_priv.h"

#include "ip/ip_gso.h"

/* Offsets of fields in the headers. */
enum {
	IP4_LEN = 2,
	IP4_ID = 4,
	IP4_FRAG = 6,
	IP4_CSUM = 10,
	IP6_LEN = 4,
	IP6_NEXT = 6,
};

#define MORE_FRAGS 0x2000u /* IPv4 */
#define OPTION_COPIED 0x80u
#define OPTION_END 0u
#define OPTION_NOP 1u

uint16_t ip_next_id(struct tern_stack *st, const struct wire_ip *h)
{
	uint64_t words[2] = {
		(uint64_t)get_be32(h->src.b + 12) << 32 |
			get_be32(h->dst.b + 12),
		h->protocol,
	};
	uint64_t hash = siphash_words(&st->key_hash, words, 2);

	return (uint16_t)((hash >> 32) + st->ip.ids[hash % IP_N_IDS]++);
}

/* What is common to the parts. */
struct cutter {
	struct tern_stack *st;
	struct tern_pkt *in;
	uint32_t hdr_len;
	uint32_t per; /* payload of each part but the last */
	bool v6;
	uint32_t id; /* IPv6 */
};

/* Adds len bytes of `from`, from off on, to `to`, without a copy. */
static bool share(struct tern_pkt *to, const struct tern_pkt *from,
		  uint32_t off, uint32_t len)
{
	uint32_t i, part;

	if (off < from->head_len) {
		part = min_u32(len, from->head_len - off);
		if (!tern_pkt_add_frag(
			    to, from->head,
			    (uint32_t)(from->data - from->head->data) + off,
			    part))
			return false;
		len -= part;
		off = 0;
	} else {
		off -= from->head_len;
	}
	for (i = 0; len && i < from->n_frags; i++) {
		const struct tern_frag *f = &from->frags[i];

		if (off >= f->len) {
			off -= f->len;
			continue;
		}
		part = min_u32(len, f->len - off);
		if (!tern_pkt_add_frag(to, f->buf, f->off + off, part))
			return false;
		len -= part;
		off = 0;
	}
	return true;
}

/* Options without the copy bit belong to the first fragment alone (RFC 791
 * 3.1); in the others NOPs stand in their place. */
static void blank_options(uint8_t *hdr, uint32_t hdr_len)
{
	uint32_t i = WIRE_IP4_LEN, n;

	while (i < hdr_len && hdr[i] != OPTION_END) {
		if (hdr[i] == OPTION_NOP) {
			i++;
			continue;
		}
		if (i + 1 >= hdr_len || hdr[i + 1] < 2)
			return;
		n = min_u32(hdr[i + 1], hdr_len - i);
		if (!(hdr[i] & OPTION_COPIED))
			memset(hdr + i, OPTION_NOP, n);
		i += n;
	}
}

static void finish4(const struct cutter *c, uint8_t *hdr, uint32_t off,
		    uint32_t len, bool more)
{
	uint16_t was = get_be16(hdr + IP4_FRAG);

	if (off)
		blank_options(hdr, c->hdr_len);
	put_be16(hdr + IP4_LEN, (uint16_t)(c->hdr_len + len));
	/* A fragment that is cut again keeps its offset, and its last part its
	 * own "more". */
	put_be16(hdr + IP4_FRAG,
		 (uint16_t)((was + off / 8) | (more ? MORE_FRAGS : 0)));
	put_be16(hdr + IP4_CSUM, 0);
	put_be16(hdr + IP4_CSUM, csum_fold(csum_add(0, hdr, c->hdr_len)));
}

static void finish6(const struct cutter *c, uint8_t *hdr, uint32_t off,
		    uint32_t len, bool more)
{
	uint8_t *frag = hdr + WIRE_IP6_LEN;

	frag[0] = hdr[IP6_NEXT];
	frag[1] = 0;
	put_be16(frag + 2, (uint16_t)(off | (more ? 1 : 0)));
	put_be32(frag + 4, c->id);
	hdr[IP6_NEXT] = WIRE_PROTO_FRAGMENT;
	put_be16(hdr + IP6_LEN, (uint16_t)(WIRE_IP6_FRAG_LEN + len));
}

static struct tern_pkt *part_new(const struct cutter *c, uint32_t off,
				 uint32_t len, bool more)
{
	const struct tern_pkt *in = c->in;
	uint32_t extra = c->v6 ? WIRE_IP6_FRAG_LEN : 0;
	struct tern_pkt *out =
		tern_pkt_new(c->st->pool, PKT_HEADROOM, c->hdr_len + extra);
	uint8_t *hdr;

	if (!out)
		return NULL;
	hdr = tern_pkt_append(out, c->hdr_len + extra);
	memcpy(hdr, in->data, c->hdr_len);
	if (c->v6)
		finish6(c, hdr, off, len, more);
	else
		finish4(c, hdr, off, len, more);
	if (!share(out, in, c->hdr_len + off, len)) {
		tern_pkt_put(out);
		return NULL;
	}
	out->at = in->at;
	return out;
}

static bool cut_all(const struct cutter *c, struct pktq *parts)
{
	uint32_t off, len, payload = c->in->len - c->hdr_len;
	struct tern_pkt *part;

	for (off = 0; off < payload; off += len) {
		len = min_u32(c->per, payload - off);
		part = part_new(c, off, len, off + len < payload);
		if (!part) {
			pktq_drop_all(parts);
			return false;
		}
		pktq_push(parts, part);
	}
	if (!parts->tail)
		return true;
	/* Its owner hears when the last part leaves. */
	parts->tail->flags = c->in->flags;
	parts->tail->owner = c->in->owner;
	memcpy(parts->tail->cb, c->in->cb, sizeof(c->in->cb));
	return true;
}

/* The packet as a whole cannot go. */
static int refuse(struct tern_stack *st, struct tern_pkt *pkt, int reason,
		  int error)
{
	COUNT(st, IP_FRAG_FAILS);
	COUNT(st, IP_OUT_DISCARDS);
	ip_drop(st, pkt, reason);
	return error;
}

int ip_fragment(struct tern_stack *st, int link, struct tern_pkt *pkt,
		uint32_t mtu)
{
	struct ip_link *l = &st->ip.link[link];
	struct cutter c = { .st = st, .in = pkt };
	struct pktq parts = { 0 };
	struct tern_pkt *part;
	uint32_t extra;

	c.v6 = pkt->data[0] >> 4 == 6;
	c.hdr_len = c.v6 ? WIRE_IP6_LEN : (pkt->data[0] & 15u) * 4;
	extra = c.v6 ? WIRE_IP6_FRAG_LEN : 0;
	if (mtu < c.hdr_len + extra + 8)
		return refuse(st, pkt, DROP_PKT_TOO_BIG, -TERN_EMSGSIZE);
	c.per = (mtu - c.hdr_len - extra) & ~UINT32_C(7);
	if (c.v6)
		c.id = (uint32_t)rng_u64(&st->rng);
	if (!ip_csum_complete(pkt) || !cut_all(&c, &parts))
		return refuse(st, pkt, DROP_NOMEM, -TERN_ENOMEM);
	if (l->out.n + parts.n > l->queue_len && link != IP_LOOPBACK) {
		pktq_drop_all(&parts);
		return refuse(st, pkt, DROP_QUEUE_FULL, -TERN_ENOBUFS);
	}
	tern_pkt_put(pkt);
	COUNT(st, IP_FRAG_OKS);
	COUNT_N(st, IP_FRAG_CREATES, parts.n);
	while ((part = pktq_pop(&parts))) {
		int err = ip_enqueue(st, link, part);

		if (err) {
			pktq_drop_all(&parts);
			return err;
		}
	}
	return 0;
}
