// SPDX-License-Identifier: BSD-2-Clause
/*
 * IPv4 and IPv6 headers.
 *
 * Parsing reads bytes [0, there) only, `there` being what is linear or quoted.
 * IPv6 extension headers are judged here as their receiver must (RFC 8200 4):
 * an unknown option or a routing header that is not used up is no packet for
 * us. Their sum is bounded, since reading them is work before any lookup: 60
 * bytes, several times what is seen in the wild.
 *
 * Not implemented: jumbograms (RFC 2675); whether a first fragment has all
 * headers (RFC 7112) is known only once it is put together, and asked then by
 * parsing again.
 */
#include "wire/wire_ip.h"

#include "wire/wire_csum.h"

/* Where all headers must have ended: 60 is the longest TCP header. */
#define IP6_HEADERS_MAX (PKT_PULL - 60u)

enum {
	IP4_DF = 0x4000,
	IP4_MF = 0x2000,
	IP4_OFF = 0x1fff,
	IP4_OPT_EOL = 0,
	IP4_OPT_NOP = 1,
	IP4_OPT_RECORD_ROUTE = 7,
	IP4_OPT_TIMESTAMP = 68,
	IP4_OPT_LOOSE_ROUTE = 131,
	IP4_OPT_STRICT_ROUTE = 137,
	IP4_OPT_ROUTER_ALERT = 148, /* RFC 2113 */

	IP6_OPT_PAD1 = 0,
	IP6_OPT_PADN = 1,
	IP6_OPT_ROUTER_ALERT = 5, /* RFC 2711 */

	/* Codes of a parameter problem, RFC 4443 3.4. */
	BAD_FIELD = 0,
	BAD_NEXT_HEADER = 1,
	BAD_OPTION = 2,
};

/* Options of [p, end): do they hang together, and must a router look? */
static bool parse_ip4_opts(const uint8_t *p, const uint8_t *end,
			   struct wire_ip *out)
{
	while (p < end && *p != IP4_OPT_EOL) {
		if (*p == IP4_OPT_NOP) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return false;
		switch (p[0]) {
		case IP4_OPT_RECORD_ROUTE:
		case IP4_OPT_TIMESTAMP:
		case IP4_OPT_LOOSE_ROUTE:
		case IP4_OPT_STRICT_ROUTE:
		case IP4_OPT_ROUTER_ALERT:
			out->router_alert = true;
			break;
		default:
			break;
		}
		p += p[1];
	}
	return true;
}

/* The fields of an IPv4 header whose first `there` bytes are at p. */
static enum wire_ip_result parse_ip4(const uint8_t *p, size_t there,
				     struct wire_ip *out)
{
	uint16_t bits;

	if (there < WIRE_IP4_LEN)
		return WIRE_IP_SHORT;
	bits = get_be16(p + 6);
	*out = (struct wire_ip){
		.src = tern_addr_v4(p[12], p[13], p[14], p[15]),
		.dst = tern_addr_v4(p[16], p[17], p[18], p[19]),
		.protocol = p[9],
		.tos = p[1],
		.ttl = p[8],
		.df = bits & IP4_DF,
		.more_frags = bits & IP4_MF,
		.is_frag = bits & (IP4_MF | IP4_OFF),
		.hdr_len = (uint16_t)((p[0] & 15) * 4),
		.frag_off = (uint16_t)((bits & IP4_OFF) * 8),
		.proto_off = 9,
		.id = get_be16(p + 4),
		.len = get_be16(p + 2),
	};
	if (out->hdr_len < WIRE_IP4_LEN)
		return WIRE_IP_BAD;
	if (out->hdr_len > there)
		return WIRE_IP_SHORT;
	return WIRE_IP_OK;
}

static enum wire_ip_result bad_ext(struct wire_ip *out, uint8_t code,
				   size_t off)
{
	out->bad_code = code;
	out->proto_off = (uint16_t)off;
	return WIRE_IP_BAD_EXT;
}

/* The two highest bits of an option nobody knows say what to do (RFC 8200
 * 4.2): 0 skip, 1 drop, 2 drop and tell, 3 the same unless sent to many. */
static enum wire_ip_result unknown_opt(uint8_t kind, size_t off,
				       struct wire_ip *out)
{
	bool to_many = out->dst.b[0] == 0xff;

	switch (kind >> 6) {
	case 0:
		return WIRE_IP_OK;
	case 1:
		return bad_ext(out, WIRE_IP_SILENT, off);
	case 2:
		return bad_ext(out, BAD_OPTION, off);
	default:
		return bad_ext(out, to_many ? WIRE_IP_SILENT : BAD_OPTION, off);
	}
}

/* The options in [off, end) of a hop-by-hop or destination header. */
static enum wire_ip_result parse_ip6_opts(const uint8_t *p, size_t off,
					  size_t end, struct wire_ip *out)
{
	enum wire_ip_result result;

	while (off < end) {
		if (p[off] == IP6_OPT_PAD1) {
			off++;
			continue;
		}
		if (end - off < 2 || p[off + 1] > end - off - 2)
			return bad_ext(out, BAD_FIELD, off);
		if (p[off] == IP6_OPT_ROUTER_ALERT) {
			out->router_alert = true;
		} else if (p[off] != IP6_OPT_PADN) {
			result = unknown_opt(p[off], off, out);
			if (result != WIRE_IP_OK)
				return result;
		}
		off += 2u + p[off + 1];
	}
	return WIRE_IP_OK;
}

/* A fragment header at `off`. One that cuts nothing off (RFC 6946) makes no
 * fragment. */
static void parse_ip6_frag(const uint8_t *p, size_t off, struct wire_ip *out)
{
	uint16_t bits = get_be16(p + off + 2);

	out->frag_off = bits & 0xfff8;
	out->more_frags = bits & 1;
	out->is_frag = out->frag_off || out->more_frags;
	out->id = get_be32(p + off + 4);
}

/* Bytes of the extension header at `off`; 0 if `there` ends before its first
 * eight. */
static size_t ext_len(const uint8_t *p, size_t off, size_t there, bool is_frag)
{
	if (there - off < 8)
		return 0;
	return is_frag ? WIRE_IP6_FRAG_LEN : 8 + 8u * p[off + 1];
}

/* Walks from the fixed header to what is no extension header, within the
 * `there` bytes that may be read. */
static enum wire_ip_result walk_ext(const uint8_t *p, size_t there,
				    struct wire_ip *out)
{
	enum wire_ip_result result = WIRE_IP_OK;
	size_t off = WIRE_IP6_LEN, len;

	for (;;) {
		uint8_t kind = out->protocol;

		switch (kind) {
		case WIRE_PROTO_HOPOPTS:
			/* Only right behind the fixed header. */
			if (off != WIRE_IP6_LEN)
				return bad_ext(out, BAD_NEXT_HEADER,
					       out->proto_off);
			break;
		case WIRE_PROTO_DSTOPTS:
		case WIRE_PROTO_ROUTING:
		case WIRE_PROTO_FRAGMENT:
			break;
		default:
			return WIRE_IP_OK;
		}
		len = ext_len(p, off, there, kind == WIRE_PROTO_FRAGMENT);
		if (len && off + len > IP6_HEADERS_MAX)
			return bad_ext(out, WIRE_IP_SILENT, off);
		if (!len || off + len > there)
			return WIRE_IP_SHORT;
		if (kind == WIRE_PROTO_FRAGMENT)
			parse_ip6_frag(p, off, out);
		else if (kind != WIRE_PROTO_ROUTING)
			result = parse_ip6_opts(p, off + 2, off + len, out);
		else if (p[off + 3] > 0) /* segments left, RFC 5095 */
			result = bad_ext(out, BAD_FIELD, off + 2);
		if (result != WIRE_IP_OK)
			return result;
		out->protocol = p[off];
		out->proto_off = (uint16_t)off;
		off += len;
		out->hdr_len = (uint16_t)off;
		if (out->is_frag)
			return WIRE_IP_OK;
	}
}

/* The fixed header alone. */
static enum wire_ip_result parse_ip6(const uint8_t *p, size_t there,
				     struct wire_ip *out)
{
	uint32_t bits;

	if (there < WIRE_IP6_LEN)
		return WIRE_IP_SHORT;
	bits = get_be32(p);
	*out = (struct wire_ip){
		.v6 = true,
		.protocol = p[6],
		.tos = (uint8_t)(bits >> 20),
		.ttl = p[7],
		.df = true,
		.hdr_len = WIRE_IP6_LEN,
		.proto_off = 6,
		.flow = bits & 0xfffff,
		.len = WIRE_IP6_LEN + get_be16(p + 4),
	};
	memcpy(out->src.b, p + 8, 16);
	memcpy(out->dst.b, p + 24, 16);
	return WIRE_IP_OK;
}

enum wire_ip_result wire_ip_parse(const struct tern_pkt *pkt,
				  struct wire_ip *out)
{
	const uint8_t *p = pkt->data;
	size_t there = pkt->head_len;
	enum wire_ip_result result;

	if (!there)
		return WIRE_IP_SHORT;
	if (p[0] >> 4 == 4)
		result = parse_ip4(p, there, out);
	else if (p[0] >> 4 == 6)
		result = parse_ip6(p, there, out);
	else
		return WIRE_IP_BAD;
	if (result != WIRE_IP_OK)
		return result;
	/* A packet that is to be cut may be longer than its field can say. */
	if (pkt->gso_size)
		out->len = pkt->len;
	if (out->len < out->hdr_len)
		return WIRE_IP_BAD;
	if (out->len > pkt->len)
		return WIRE_IP_SHORT;
	if (out->v6)
		return walk_ext(p, min_size(there, out->len), out);
	if (csum_fold(csum_add(0, p, out->hdr_len)))
		return WIRE_IP_BAD_CSUM;
	if (out->hdr_len > WIRE_IP4_LEN &&
	    !parse_ip4_opts(p + WIRE_IP4_LEN, p + out->hdr_len, out))
		return WIRE_IP_BAD;
	return WIRE_IP_OK;
}

bool wire_ip_parse_quoted(const uint8_t *p, size_t n, struct wire_ip *out)
{
	if (!n)
		return false;
	/* Its checksum and length may have been changed on the way. */
	if (p[0] >> 4 == 4)
		return parse_ip4(p, n, out) == WIRE_IP_OK;
	return p[0] >> 4 == 6 && parse_ip6(p, n, out) == WIRE_IP_OK &&
	       walk_ext(p, n, out) == WIRE_IP_OK;
}

uint32_t wire_ip_len(const struct wire_ip *h)
{
	if (!h->v6)
		return WIRE_IP4_LEN;
	return WIRE_IP6_LEN + (h->is_frag ? WIRE_IP6_FRAG_LEN : 0);
}

/* The field of a length; 0 where it cannot say it (a packet to be cut). */
static uint16_t len_field(uint32_t len)
{
	return len <= UINT16_MAX ? (uint16_t)len : 0;
}

static void emit_ip4(uint8_t *p, uint32_t len, const struct wire_ip *h)
{
	p[0] = 0x45;
	p[1] = h->tos;
	put_be16(p + 2, len_field(len));
	put_be16(p + 4, (uint16_t)h->id);
	put_be16(p + 6,
		 (uint16_t)((h->df ? IP4_DF : 0) |
			    (h->more_frags ? IP4_MF : 0) | h->frag_off / 8));
	p[8] = h->ttl;
	p[9] = h->protocol;
	put_be16(p + 10, 0);
	memcpy(p + 12, h->src.b + 12, 4);
	memcpy(p + 16, h->dst.b + 12, 4);
	put_be16(p + 10, csum_fold(csum_add(0, p, WIRE_IP4_LEN)));
}

static void emit_ip6(uint8_t *p, uint32_t len, const struct wire_ip *h)
{
	put_be32(p, 6u << 28 | (uint32_t)h->tos << 20 | (h->flow & 0xfffff));
	put_be16(p + 4, len_field(len - WIRE_IP6_LEN));
	p[6] = h->is_frag ? WIRE_PROTO_FRAGMENT : h->protocol;
	p[7] = h->ttl;
	memcpy(p + 8, h->src.b, 16);
	memcpy(p + 24, h->dst.b, 16);
	if (!h->is_frag)
		return;
	p += WIRE_IP6_LEN;
	p[0] = h->protocol;
	p[1] = 0;
	put_be16(p + 2, (uint16_t)((h->frag_off & 0xfff8) | h->more_frags));
	put_be32(p + 4, h->id);
}

uint8_t *wire_ip_emit(struct tern_pkt *pkt, const struct wire_ip *h)
{
	uint8_t *p = tern_pkt_prepend(pkt, wire_ip_len(h));

	if (!p)
		return NULL;
	if (h->v6)
		emit_ip6(p, pkt->len, h);
	else
		emit_ip4(p, pkt->len, h);
	return p;
}
