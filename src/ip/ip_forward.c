// SPDX-License-Identifier: BSD-2-Clause
/*
 * Forwarding between links (RFC 1812 5.2, RFC 8200).
 *
 * In their order, as on Linux: is forwarding on; may this address be forwarded
 * at all; a hop less; a route; does it fit. Each refusal is an ICMP error but
 * the first two.
 *
 * Not implemented: redirects (the links have no neighbours), source routes
 * (RFC 6274 and 5095 say to drop them, and an option that asks for one is
 * ignored here), router alert.
 */
#include "ip/ip_priv.h"

enum {
	IP4_TTL = 8,
	IP4_CSUM = 10,
	IP6_HOPS = 7,
};

/* What must not leave the link it is on. */
static bool stays_on_link(const struct wire_ip *h)
{
	return ip_is_multicast(&h->dst) || tern_addr_is_any(&h->src) ||
	       (h->v6 &&
		(ip_is_link_local(&h->src) || ip_is_link_local(&h->dst)));
}

/* Bytes of the largest packet that this one will be on the wire. */
static uint32_t wire_len(const struct tern_pkt *pkt, const struct wire_ip *h)
{
	uint32_t tcp_len;

	if (!pkt->gso_size || h->protocol != WIRE_PROTO_TCP ||
	    pkt->head_len < h->hdr_len + 13u)
		return pkt->len;
	tcp_len = (pkt->data[h->hdr_len + 12] >> 4) * 4u;
	return min_u32(h->hdr_len + tcp_len + pkt->gso_size, pkt->len);
}

static void one_hop_less(struct tern_pkt *pkt, const struct wire_ip *h)
{
	uint8_t *p = pkt->data;
	uint16_t word;

	if (h->v6) {
		p[IP6_HOPS]--;
		return;
	}
	word = get_be16(p + IP4_TTL);
	put_be16(p + IP4_CSUM, csum_update16(get_be16(p + IP4_CSUM), word,
					     (uint16_t)(word - 0x100)));
	p[IP4_TTL]--;
}

static void refuse(struct tern_stack *st, struct tern_pkt *pkt,
		   const struct wire_ip *h, enum icmp_meaning meaning,
		   uint32_t info, int reason)
{
	icmp_send_error(st, pkt, h, meaning, info);
	ip_drop(st, pkt, reason);
}

/* Bytes that others hold too are not to be written to. */
static bool own_header(struct tern_stack *st, struct tern_pkt **pkt)
{
	struct tern_pkt *copy;

	if ((*pkt)->head->refs == 1)
		return true;
	copy = tern_pkt_clone(st->pool, *pkt);
	if (!copy)
		return false;
	tern_pkt_put(*pkt);
	*pkt = copy;
	return true;
}

void ip_forward(struct tern_stack *st, struct tern_pkt *pkt, struct wire_ip *h)
{
	struct ip_path path;
	uint32_t len = wire_len(pkt, h);

	if (!st->tun.ip_forward || stays_on_link(h)) {
		ip_drop(st, pkt, DROP_IP_NOTLOCAL);
		return;
	}
	if (h->ttl <= 1) {
		COUNT(st, IP_IN_HDR_ERRORS);
		refuse(st, pkt, h, ICMP_SAYS_TTL, 0, DROP_IP_TTL);
		return;
	}
	if (ip_route(st, &h->dst, &h->src, true, &path)) {
		refuse(st, pkt, h, ICMP_SAYS_NET, 0, DROP_IP_INNOROUTES);
		return;
	}
	if (len > path.mtu && (h->df || h->v6)) {
		COUNT(st, IP_FRAG_FAILS);
		refuse(st, pkt, h, ICMP_SAYS_TOO_BIG, path.mtu,
		       DROP_PKT_TOO_BIG);
		return;
	}
	if (!own_header(st, &pkt)) {
		ip_drop(st, pkt, DROP_NOMEM);
		return;
	}
	one_hop_less(pkt, h);
	/* Who receives it verifies for himself. What never left memory has
	 * only the pseudo-header's sum so far (csum_start says where from). */
	if (pkt->csum == TERN_CSUM_GOOD)
		pkt->csum = pkt->csum_start ? TERN_CSUM_PARTIAL :
					      TERN_CSUM_NONE;
	COUNT(st, IP_FORW_DATAGRAMS);
	if (len > path.mtu && !pkt->gso_size) {
		(void)ip_fragment(st, path.link, pkt, path.mtu);
		return;
	}
	/* What was cut for a larger link is cut smaller at this edge. */
	if (len > path.mtu && len - path.mtu < pkt->gso_size)
		pkt->gso_size -= (uint16_t)(len - path.mtu);
	(void)ip_enqueue(st, path.link, pkt);
}
