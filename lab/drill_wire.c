// SPDX-License-Identifier: BSD-2-Clause
/*
 * Building by hand what the core builds by its own means: the lab is to notice
 * when the core is wrong, so nothing but the checksum's arithmetic is shared.
 */
#include "drill_wire.h"

#include "drill_encap.h"

#include "base/bytes.h"
#include "wire/wire_csum.h"

#include <tern/link.h>

#include <netinet/in.h>
#include <string.h>

#define TTL_IN 255 /* of packets in: they come from nearby */

size_t drill_wire_put_ip(const struct drill_ip *ip, const struct tern_addr *src,
			 const struct tern_addr *dst, uint8_t protocol,
			 size_t payload, unsigned char *out)
{
	uint8_t ttl = ip->has_ttl ? ip->ttl : TTL_IN;

	if (tern_addr_is_v4(src)) {
		memset(out, 0, 20);
		out[0] = 0x45;
		out[1] = ip->tos;
		put_be16(out + 2, (uint16_t)(20 + payload));
		out[8] = ttl;
		out[9] = protocol;
		memcpy(out + 12, src->b + 12, 4);
		memcpy(out + 16, dst->b + 12, 4);
		put_be16(out + 10, csum_fold(csum_add(0, out, 20)));
		return 20;
	}
	put_be32(out, 0x60000000 | (uint32_t)ip->tos << 20 | ip->flow);
	put_be16(out + 4, (uint16_t)payload);
	out[6] = protocol;
	out[7] = ttl;
	memcpy(out + 8, src->b, 16);
	memcpy(out + 24, dst->b, 16);
	return 40;
}

static uint16_t transport_csum(const struct drill_ends *e, uint8_t protocol,
			       const unsigned char *p, size_t n)
{
	uint64_t sum = csum_pseudo(&e->src, &e->dst, protocol, (uint32_t)n);

	return csum_fold(csum_add(sum, p, n));
}

static void put_tcp(const struct drill_pkt *pkt, const struct drill_ends *e,
		    unsigned char *p)
{
	unsigned words = (20u + pkt->n_opts) / 4;

	memset(p, 0, 20);
	put_be16(p, e->sport);
	put_be16(p + 2, e->dport);
	put_be32(p + 4, pkt->seq);
	put_be32(p + 8, pkt->ack);
	put_be16(p + 12, (uint16_t)(words << 12 | pkt->flags));
	put_be16(p + 14, pkt->win);
	put_be16(p + 18, pkt->urg);
	memcpy(p + 20, pkt->opts, pkt->n_opts);
}

static void put_udp(const struct drill_ends *e, size_t n, unsigned char *p)
{
	put_be16(p, e->sport);
	put_be16(p + 2, e->dport);
	put_be16(p + 4, (uint16_t)(8 + n));
	put_be16(p + 6, 0);
}

size_t drill_wire_build(const struct drill_pkt *pkt, const struct drill_ends *e,
			unsigned char out[DRILL_PKT_MAX])
{
	bool udp = pkt->proto == DRILL_UDP;
	size_t head = udp ? 8 : 20u + pkt->n_opts;
	size_t n = head + pkt->len, max, at;
	uint8_t protocol = udp ? IPPROTO_UDP : IPPROTO_TCP;
	uint16_t sum;

	/* The IP length has 16 bits. */
	max = tern_addr_is_v4(&e->src) ? 65515 : 65535;
	n = n > max ? max : n;
	at = drill_wire_put_ip(&pkt->ip, &e->src, &e->dst, protocol, n, out);
	memset(out + at, 0, n);
	if (udp)
		put_udp(e, pkt->len, out + at);
	else
		put_tcp(pkt, e, out + at);
	sum = transport_csum(e, protocol, out + at, n);
	if (udp)
		put_be16(out + at + 6, sum ? sum : 0xffff);
	else
		put_be16(out + at + 16, sum);
	return drill_encap_build(pkt, out, at + n);
}

/* The quoted IP header, and the first 8 bytes behind it. */
static size_t put_quote(const struct drill_quoted *q, unsigned char *p)
{
	struct drill_ip head = { .has_ttl = true, .ttl = 64 };
	bool tcp = q->protocol == IPPROTO_TCP;
	size_t transport = tcp ? 20 : 8, at;

	at = drill_wire_put_ip(&head, &q->ends.src, &q->ends.dst, q->protocol,
			       transport + q->len, p);
	memset(p + at, 0, 8);
	if (tcp || q->protocol == IPPROTO_UDP) {
		put_be16(p + at, q->ends.sport);
		put_be16(p + at + 2, q->ends.dport);
	}
	if (tcp)
		put_be32(p + at + 4, q->seq);
	else if (q->protocol == IPPROTO_UDP)
		put_be16(p + at + 4, (uint16_t)(8 + q->len));
	return at + 8;
}

size_t drill_wire_build_icmp(const struct drill_pkt *pkt,
			     const struct drill_ends *e,
			     const struct drill_quoted *q,
			     unsigned char out[DRILL_PKT_MAX])
{
	bool v6 = !tern_addr_is_v4(&e->src);
	size_t at = v6 ? 40 : 20, n;
	unsigned char *p = out + at;
	uint64_t sum = 0;

	memset(p, 0, 8);
	p[0] = pkt->type;
	p[1] = pkt->code;
	put_be32(p + 4, pkt->has_id ? pkt->id << 16 : pkt->mtu);
	n = 8 + put_quote(q, p + 8);
	drill_wire_put_ip(&pkt->ip, &e->src, &e->dst,
			  v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, n, out);
	if (v6)
		sum = csum_pseudo(&e->src, &e->dst, IPPROTO_ICMPV6,
				  (uint32_t)n);
	put_be16(p + 2, csum_fold(csum_add(sum, p, n)));
	return drill_encap_build(pkt, out, at + n);
}

static bool all_zero(const unsigned char *p, size_t n)
{
	return !n || (!p[0] && !memcmp(p, p + 1, n - 1));
}

static const char *read_tcp(const unsigned char *p, size_t n,
			    struct drill_live *out)
{
	struct drill_pkt *pkt = &out->pkt;
	size_t head;

	pkt->proto = DRILL_TCP;
	if (n < 20)
		return "a TCP header that is cut";
	head = (size_t)(p[12] >> 4) * 4;
	if (head < 20 || head > n)
		return "a TCP header with a wrong length";
	out->ends.sport = get_be16(p);
	out->ends.dport = get_be16(p + 2);
	pkt->seq = get_be32(p + 4);
	pkt->ack = get_be32(p + 8);
	pkt->flags = get_be16(p + 12) & 0x1ff;
	pkt->reserved = p[12] >> 1 & 7;
	pkt->win = get_be16(p + 14);
	pkt->has_win = true;
	pkt->urg = get_be16(p + 18);
	pkt->n_opts = (uint8_t)(head - 20);
	memcpy(pkt->opts, p + 20, pkt->n_opts);
	pkt->len = (uint32_t)(n - head);
	out->bad_csum = transport_csum(&out->ends, IPPROTO_TCP, p, n) != 0;
	out->bad_payload = !all_zero(p + head, pkt->len);
	return NULL;
}

static const char *read_udp(const unsigned char *p, size_t n,
			    struct drill_live *out)
{
	out->pkt.proto = DRILL_UDP;
	if (n < 8)
		return "a UDP header that is cut";
	out->ends.sport = get_be16(p);
	out->ends.dport = get_be16(p + 2);
	out->pkt.len = get_be16(p + 4) - 8u;
	if (out->is_fragment)
		return NULL;
	if (get_be16(p + 4) != n)
		return "a UDP length that is not IP's";
	out->bad_csum = (get_be16(p + 6) || out->v6) &&
			transport_csum(&out->ends, IPPROTO_UDP, p, n) != 0;
	out->bad_payload = !all_zero(p + 8, n - 8);
	return NULL;
}

/* Of an error, the ends are those of the packet that it quotes. */
static const char *read_icmp(const unsigned char *p, size_t n,
			     struct drill_live *out)
{
	uint64_t sum = 0;
	size_t at;

	out->pkt.proto = DRILL_ICMP;
	if (n < 8)
		return "an ICMP header that is cut";
	out->pkt.type = p[0];
	out->pkt.code = p[1];
	out->pkt.id = get_be16(p + 4);
	out->pkt.mtu = get_be32(p + 4);
	if (out->v6)
		sum = csum_pseudo(&out->ends.src, &out->ends.dst,
				  IPPROTO_ICMPV6, (uint32_t)n);
	out->bad_csum = csum_fold(csum_add(sum, p, n)) != 0;
	at = 8u + (out->v6 ? 40 : 20);
	if (n >= at + 4) {
		out->ends.sport = get_be16(p + at + 2);
		out->ends.dport = get_be16(p + at);
	}
	return NULL;
}

static const char *read_packet(const unsigned char *p, size_t n,
			       struct drill_live *out);

#define TOO_MANY "more headers around it than are looked at"
#define CANNOT_READ "a header around it that cannot be read"

/* GRE, labels, or labels in GRE, down to the next IP header. */
static const char *read_wrapped(const unsigned char *p, size_t n,
				uint8_t protocol, struct drill_live *out)
{
	bool labels = protocol == IPPROTO_MPLS;
	size_t gre = 0, mpls = 0;

	if (!drill_encap_push_ip(out))
		return TOO_MANY;
	if (!labels && !(gre = drill_encap_read_gre(p, n, out, &labels)))
		return CANNOT_READ;
	if (labels && !(mpls = drill_encap_read_mpls(p + gre, n - gre, out)))
		return CANNOT_READ;
	return read_packet(p + gre + mpls, n - gre - mpls, out);
}

static const char *read_transport(const unsigned char *p, size_t n,
				  uint8_t protocol, struct drill_live *out)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return read_tcp(p, n, out);
	case IPPROTO_UDP:
		return read_udp(p, n, out);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return read_icmp(p, n, out);
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		if (!drill_encap_push_ip(out))
			return TOO_MANY;
		return read_packet(p, n, out);
	case IPPROTO_GRE:
	case IPPROTO_MPLS:
		return read_wrapped(p, n, protocol, out);
	default:
		return "neither TCP, UDP nor ICMP";
	}
}

static const char *read_ip4(const unsigned char *p, size_t n,
			    struct drill_live *out)
{
	size_t head = (size_t)(p[0] & 15) * 4, len;

	out->v6 = false;
	if (n < 20 || head < 20 || head > n)
		return "an IPv4 header that is cut";
	len = get_be16(p + 2);
	if (len < head || len > n)
		return "an IPv4 length over the packet's";
	out->bad_ip_csum = csum_fold(csum_add(0, p, head)) != 0;
	out->pkt.ip.tos = p[1];
	out->pkt.ip.ttl = p[8];
	out->is_fragment = get_be16(p + 6) & 0x3fff;
	out->ends.src = tern_addr_v4(p[12], p[13], p[14], p[15]);
	out->ends.dst = tern_addr_v4(p[16], p[17], p[18], p[19]);
	return read_transport(p + head, len - head, p[9], out);
}

static const char *read_ip6(const unsigned char *p, size_t n,
			    struct drill_live *out)
{
	size_t len;

	out->v6 = true;
	if (n < 40)
		return "an IPv6 header that is cut";
	len = get_be16(p + 4);
	if (len > n - 40)
		return "an IPv6 length over the packet's";
	out->pkt.ip.tos = (uint8_t)(get_be32(p) >> 20);
	out->pkt.ip.flow = get_be32(p) & 0xfffff;
	out->pkt.ip.ttl = p[7];
	memcpy(out->ends.src.b, p + 8, 16);
	memcpy(out->ends.dst.b, p + 24, 16);
	return read_transport(p + 40, len, p[6], out);
}

static const char *read_packet(const unsigned char *p, size_t n,
			       struct drill_live *out)
{
	if (!n)
		return "an empty packet";
	return p[0] >> 4 == 4 ? read_ip4(p, n, out) : read_ip6(p, n, out);
}

void drill_wire_read(const unsigned char *bytes, size_t n,
		     struct drill_live *out)
{
	out->broken = read_packet(bytes, n, out);
	out->payload_len = out->pkt.len;
}
