// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reassembly (RFC 791 3.2, RFC 8200 4.5).
 *
 * Fragments are kept as they come, in no order; a set of ranges says which
 * bytes are there. When nothing is missing they are copied, each to its place,
 * into one packet that is then parsed as if it had come whole.
 *
 * Against fragments made to do harm:
 *  - An overlap drops the datagram with all its fragments (RFC 5722; Linux does
 *    the same for IPv4): no two readers may see different bytes. What is wholly
 *    there already is taken for a duplicate and ignored.
 *  - Memory is bounded by ipfrag_high_thresh for each family, with the pieces'
 *    true size counted. Beyond it fragments are refused, as on Linux: evicting
 *    would let a flood push out everybody else's.
 *  - Datagrams are found by a keyed hash, and the oldest stand first in a list
 *    for the time-out: no fragment costs more for there being many.
 *  - More than RANGES_MAX separate pieces are refused.
 *
 * When time is up the sender is told if the first fragment is there (RFC 792,
 * RFC 8200): without it nobody could tell what the error is about.
 */
#include "ip/ip_priv.h"

#include "base/idhash.h"
#include "base/ranges.h"

#define END_UNKNOWN UINT32_MAX

struct datagram {
	struct tern_addr src, dst;
	uint32_t id;
	uint8_t protocol; /* IPv6: 0, it is no part of the key */
	uint8_t v6;
	uint8_t link;
	uint8_t ecn; /* a bit for each codepoint seen */
	uint32_t hash_next;
	uint32_t older, newer; /* slab ids */
	uint32_t end;	       /* bytes of payload, once known */
	uint32_t mem;	       /* what it counts in mem[] */
	int64_t expires_at;
	struct tern_pkt *frags; /* newest first */
	struct tern_pkt *first; /* of these, the one at offset 0 */
	struct wire_ip first_h;
	struct ranges have;
};

/* What a fragment says of itself while it waits (pkt->cb). */
enum { CB_OFF, CB_HDR_LEN };

struct ip_reass {
	struct slab slab;
	struct idhash by_key;
	uint32_t oldest[2], newest[2]; /* IPv4, IPv6 */
	size_t mem[2];
};

static uint32_t key_hash(const struct tern_stack *st, const struct datagram *d)
{
	uint8_t b[38];

	memcpy(b, d->src.b, 16);
	memcpy(b + 16, d->dst.b, 16);
	put_be32(b + 32, d->id);
	b[36] = d->protocol;
	b[37] = d->link;
	return (uint32_t)siphash(&st->key_hash, b, sizeof(b));
}

static uint32_t hash_object(const void *ctx, const void *object)
{
	return key_hash(ctx, object);
}

static bool same_key(const struct datagram *a, const struct datagram *b)
{
	return a->id == b->id && a->protocol == b->protocol &&
	       a->link == b->link && tern_addr_equal(&a->src, &b->src) &&
	       tern_addr_equal(&a->dst, &b->dst);
}

static struct datagram *datagram_at(struct tern_stack *st, uint32_t id)
{
	return slab_at(&st->ip.reass->slab, id);
}

static bool set_up(struct tern_stack *st)
{
	struct ip_reass *r;

	if (st->ip.reass)
		return true;
	r = mem_zalloc(&st->mem, sizeof(*r));
	if (!r)
		return false;
	slab_init(&r->slab, &st->mem, sizeof(struct datagram),
		  st->cfg.plain_alloc);
	if (!idhash_init(&r->by_key, &r->slab,
			 offsetof(struct datagram, hash_next), hash_object,
			 st)) {
		slab_fini(&r->slab);
		mem_free(&st->mem, r, sizeof(*r));
		return false;
	}
	st->ip.reass = r;
	return true;
}

/* What a packet takes, not what it says. */
static uint32_t true_size(const struct tern_pkt *pkt)
{
	uint32_t n = (uint32_t)sizeof(*pkt) + pkt->head->cap, i;

	for (i = 0; i < pkt->n_frags; i++)
		n += pkt->frags[i].len;
	return n;
}

static uint32_t find(struct tern_stack *st, const struct datagram *key)
{
	struct ip_reass *r = st->ip.reass;
	uint32_t id;

	for (id = idhash_first(&r->by_key, key_hash(st, key)); id;
	     id = idhash_next(&r->by_key, id)) {
		if (same_key(datagram_at(st, id), key))
			return id;
	}
	return 0;
}

static uint32_t create(struct tern_stack *st, const struct datagram *key)
{
	struct ip_reass *r = st->ip.reass;
	uint32_t id = slab_alloc(&r->slab);
	unsigned v = key->v6;
	struct datagram *d;

	if (!id)
		return 0;
	d = datagram_at(st, id);
	*d = *key;
	d->end = END_UNKNOWN;
	d->mem = sizeof(*d);
	st->ip.reass->mem[v] += d->mem;
	d->expires_at = st->now + NS_PER_S * (v ? st->tun.ip6frag_time :
						  st->tun.ipfrag_time);
	d->older = r->newest[v];
	if (d->older)
		datagram_at(st, d->older)->newer = id;
	else
		r->oldest[v] = id;
	r->newest[v] = id;
	idhash_insert(&r->by_key, id, key_hash(st, d));
	return id;
}

/* Forgets a datagram. Its fragments are dropped for a reason, or put where
 * they have served (DROP_NOT). */
static void forget(struct tern_stack *st, uint32_t id, int reason)
{
	struct ip_reass *r = st->ip.reass;
	struct datagram *d = datagram_at(st, id);
	struct tern_pkt *pkt;

	idhash_remove(&r->by_key, id, key_hash(st, d));
	if (d->older)
		datagram_at(st, d->older)->newer = d->newer;
	else
		r->oldest[d->v6] = d->newer;
	if (d->newer)
		datagram_at(st, d->newer)->older = d->older;
	else
		r->newest[d->v6] = d->older;
	st->ip.reass->mem[d->v6] -= d->mem;
	while ((pkt = d->frags)) {
		d->frags = pkt->next;
		if (reason == DROP_NOT)
			tern_pkt_put(pkt);
		else
			ip_drop(st, pkt, reason);
	}
	if (reason != DROP_NOT)
		COUNT(st, IP_REASM_FAILS);
	slab_free(&r->slab, id);
}

/* RFC 3168 5.3: congestion that any fragment met is kept; a mark on a datagram
 * that was not capable of it is a lie. False: drop it. */
static bool merge_ecn(uint8_t seen, uint8_t *tos)
{
	enum { SEEN_NOT_ECT = 1 << 0, SEEN_CE = 1 << 3 };

	if (!(seen & SEEN_CE))
		return true;
	*tos |= 3;
	return !(seen & SEEN_NOT_ECT);
}

static void finish4(uint8_t *p, const struct datagram *d, uint8_t tos)
{
	uint32_t hdr_len = d->first_h.hdr_len;

	p[1] = tos;
	put_be16(p + 2, (uint16_t)(hdr_len + d->end));
	put_be16(p + 6, 0);
	put_be16(p + 10, 0);
	put_be16(p + 10, csum_fold(csum_add(0, p, hdr_len)));
}

/* The fragment header went; what named it names what it named. */
static void finish6(uint8_t *p, const struct datagram *d, uint8_t tos)
{
	uint32_t at = d->first_h.proto_off, off = WIRE_IP6_LEN, name = 6;

	while (off < at) {
		name = off;
		off += 8 + 8u * p[off + 1];
	}
	p[name] = d->first_h.protocol;
	p[0] = (uint8_t)(0x60 | tos >> 4);
	p[1] = (uint8_t)(tos << 4 | (p[1] & 15));
	put_be16(p + 4, (uint16_t)(at - WIRE_IP6_LEN + d->end));
}

/* Bytes in front of what was cut: IPv6's end where the fragment header was. */
static uint32_t kept_header(const struct datagram *d)
{
	return d->v6 ? d->first_h.proto_off : d->first_h.hdr_len;
}

static struct tern_pkt *join(struct tern_stack *st, const struct datagram *d)
{
	uint32_t kept = kept_header(d), total = kept + d->end;
	uint8_t tos = d->first_h.tos, *p;
	const struct tern_pkt *f;
	struct tern_pkt *out;

	if (!merge_ecn(d->ecn, &tos) ||
	    total - (d->v6 ? WIRE_IP6_LEN : 0) > UINT16_MAX)
		return NULL;
	out = tern_pkt_new(st->pool, PKT_HEADROOM, total);
	if (!out)
		return NULL;
	p = tern_pkt_append(out, total);
	tern_pkt_copy_out(d->first, 0, p, kept);
	for (f = d->frags; f; f = f->next)
		tern_pkt_copy_out(f, f->cb[CB_HDR_LEN],
				  p + kept + f->cb[CB_OFF],
				  f->len - f->cb[CB_HDR_LEN]);
	if (d->v6)
		finish6(p, d, tos);
	else
		finish4(p, d, tos);
	out->link = d->link;
	out->at = st->now;
	return out;
}

static struct tern_pkt *complete(struct tern_stack *st, uint32_t id,
				 struct wire_ip *h)
{
	struct tern_pkt *out = join(st, datagram_at(st, id));

	if (!out) {
		forget(st, id, DROP_FRAG_NOMEM);
		return NULL;
	}
	/* Headers that only now are whole, and no fragment within: once. */
	if (wire_ip_parse(out, h) != WIRE_IP_OK || h->is_frag) {
		tern_pkt_put(out);
		forget(st, id, DROP_IP_INHDR);
		return NULL;
	}
	forget(st, id, DROP_NOT);
	COUNT(st, IP_REASM_OKS);
	return out;
}

/* What is wrong with a fragment by itself, before any lookup. */
static int check(struct tern_stack *st, struct tern_pkt *pkt,
		 const struct wire_ip *h)
{
	uint32_t len = pkt->len - h->hdr_len;

	if (h->more_frags && len % 8) {
		if (h->v6) {
			icmp_send_error(st, pkt, h, ICMP_SAYS_PARAM, 4);
			return DROP_IP_INHDR;
		}
		/* As Linux: what is no whole unit is cut off. */
		tern_pkt_trim_end(pkt, len % 8);
		len -= len % 8;
	}
	if (h->frag_off + len + (h->v6 ? 0 : h->hdr_len) > UINT16_MAX) {
		if (h->v6)
			icmp_send_error(st, pkt, h, ICMP_SAYS_PARAM,
					h->proto_off + 2u);
		return DROP_FRAG_TOO_FAR;
	}
	return len ? DROP_NOT : DROP_IP_INHDR;
}

/* Adds a fragment to its datagram; a reason to drop it, and the datagram with
 * it if *broken. */
static int add(struct tern_stack *st, struct datagram *d,
	       const struct tern_pkt *pkt, const struct wire_ip *h,
	       bool *broken)
{
	uint32_t from = h->frag_off, to = from + pkt->len - h->hdr_len;
	uint32_t reached = d->have.n ? d->have.r[d->have.n - 1].to : 0;

	*broken = true;
	/* The end is where the last fragment says, and nothing beyond. */
	if (d->end != END_UNKNOWN &&
	    (to > d->end || (!h->more_frags && to != d->end)))
		return DROP_FRAG_TOO_FAR;
	if (!h->more_frags && reached > to)
		return DROP_FRAG_TOO_FAR;
	switch (ranges_add(&d->have, from, to)) {
	case RANGES_ADDED:
		break;
	case RANGES_KNOWN:
		*broken = false;
		return DROP_DUP_FRAG;
	case RANGES_OVERLAP:
		return DROP_FRAG_TOO_FAR;
	case RANGES_FULL:
		*broken = false;
		return DROP_FRAG_NOMEM;
	}
	if (!h->more_frags)
		d->end = to;
	d->ecn |= (uint8_t)(1u << (h->tos & 3));
	return DROP_NOT;
}

static void keep(struct tern_stack *st, struct datagram *d,
		 struct tern_pkt *pkt, const struct wire_ip *h)
{
	uint32_t size = true_size(pkt);

	pkt->cb[CB_OFF] = h->frag_off;
	pkt->cb[CB_HDR_LEN] = h->hdr_len;
	pkt->next = d->frags;
	d->frags = pkt;
	d->mem += size;
	st->ip.reass->mem[d->v6] += size;
	if (!h->frag_off) {
		d->first = pkt;
		d->first_h = *h;
	}
}

static bool is_full(const struct tern_stack *st, unsigned v)
{
	int64_t most = v ? st->tun.ip6frag_high_thresh :
			   st->tun.ipfrag_high_thresh;

	return (int64_t)st->ip.reass->mem[v] >= most;
}

struct tern_pkt *ip_reass(struct tern_stack *st, struct tern_pkt *pkt,
			  struct wire_ip *h)
{
	struct datagram key = {
		.src = h->src,
		.dst = h->dst,
		.id = h->id,
		.protocol = h->v6 ? 0 : h->protocol,
		.v6 = h->v6,
		.link = pkt->link,
	};
	int reason = check(st, pkt, h);
	struct datagram *d;
	bool broken = false;
	uint32_t id = 0;

	COUNT(st, IP_REASM_REQDS);
	if (reason == DROP_NOT && (!set_up(st) || is_full(st, h->v6)))
		reason = DROP_FRAG_NOMEM;
	if (reason == DROP_NOT) {
		id = find(st, &key);
		if (!id)
			id = create(st, &key);
		reason = id ? add(st, datagram_at(st, id), pkt, h, &broken) :
			      DROP_FRAG_NOMEM;
	}
	if (reason != DROP_NOT) {
		if (broken)
			forget(st, id, reason);
		else if (reason != DROP_DUP_FRAG)
			COUNT(st, IP_REASM_FAILS);
		ip_drop(st, pkt, reason);
		return NULL;
	}
	d = datagram_at(st, id);
	keep(st, d, pkt, h);
	if (d->first && d->end != END_UNKNOWN &&
	    ranges_cover(&d->have, 0, d->end))
		return complete(st, id, h);
	return NULL;
}

int64_t ip_reass_deadline(const struct tern_stack *st)
{
	const struct ip_reass *r = st->ip.reass;
	int64_t at = NEVER;
	unsigned v;

	for (v = 0; r && v < 2; v++) {
		const struct datagram *d;

		if (!r->oldest[v])
			continue;
		d = slab_at(&r->slab, r->oldest[v]);
		at = min_i64(at, d->expires_at);
	}
	return at;
}

void ip_reass_advance(struct tern_stack *st)
{
	struct ip_reass *r = st->ip.reass;
	struct datagram *d;
	unsigned v;

	for (v = 0; r && v < 2; v++) {
		while (r->oldest[v]) {
			d = datagram_at(st, r->oldest[v]);
			if (d->expires_at > st->now)
				break;
			COUNT(st, IP_REASM_TIMEOUT);
			if (d->first)
				icmp_send_error(st, d->first, &d->first_h,
						ICMP_SAYS_REASS, 0);
			forget(st, r->oldest[v], DROP_FRAG_REASM_TIMEOUT);
		}
	}
}

void ip_reass_fini(struct tern_stack *st)
{
	struct ip_reass *r = st->ip.reass;
	unsigned v;

	if (!r)
		return;
	for (v = 0; v < 2; v++) {
		while (r->oldest[v])
			forget(st, r->oldest[v], DROP_NOT);
	}
	idhash_fini(&r->by_key);
	slab_fini(&r->slab);
	mem_free(&st->mem, r, sizeof(*r));
	st->ip.reass = NULL;
}
