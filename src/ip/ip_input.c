// SPDX-License-Identifier: BSD-2-Clause
/*
 * The way in: is it a packet, is it possible, is it ours?
 *
 *	ip_input -> header, length -> martians -> ours? -> ip_reass -> ip_deliver
 *						   `-> ip_forward
 *
 * What fails has a row in drops.def. Martians are source addresses that no
 * packet from a link can have: multicast, broadcast, loopback, our own. An
 * IPv4-mapped address in an IPv6 header would pass for an IPv4 address above
 * this file (and in applications: RFC 4942 2.2), so it is one as well.
 *
 * Deviates from Linux: a packet to a broadcast or multicast address is given
 * to TCP by Linux only to be dropped there; here it goes no further.
 */
#include "ip/ip_priv.h"

struct drop_row {
	uint16_t counter;
	const char *name;
};

static const struct drop_row drop_rows[N_DROPS] = {
#define DROP(id, counter_id, help) [DROP_##id] = { COUNTER_##counter_id, #id },
#include <tern/drops.def>
};

void ip_drop(struct tern_stack *st, struct tern_pkt *pkt, int reason)
{
	st->drops[reason]++;
	st->counter[drop_rows[reason].counter]++;
	if (stack_traces(st, TERN_TRACE_DROP)) {
		struct tern_trace t = {
			.kind = TERN_TRACE_DROP,
			.now = st->now,
			.s = -1,
			.to = reason,
			.what = drop_rows[reason].name,
			.pkt = pkt,
		};

		st->cfg.trace(st->cfg.trace_ctx, &t);
	}
	tern_pkt_put(pkt);
}

bool ip_csum_bad(const struct tern_pkt *pkt, const struct wire_ip *h,
		 uint32_t len)
{
	uint64_t sum;

	/* PARTIAL: it never left memory, and nobody has added it up. */
	if (pkt->csum != TERN_CSUM_NONE)
		return false;
	PROMISE(h->hdr_len + len == pkt->len);
	sum = csum_pseudo(&h->src, &h->dst, h->protocol, len);
	return csum_fold(csum_pkt(sum, pkt, h->hdr_len)) != 0;
}

/* Source and destination together that cannot have come by a link.
 * Deviates: Linux takes another prefix member's broadcast address as a source
 * (RFC 1122 3.2.1.3 says to drop it). */
static bool is_martian4(struct tern_stack *st, const struct wire_ip *h)
{
	uint32_t src = get_be32(h->src.b + 12), dst = get_be32(h->dst.b + 12);

	if (src >> 28 == 0xe || src >> 24 == 127 || dst >> 24 == 127)
		return true;
	/* 0.0.0.0 is a host that has no address yet: DHCP. */
	if (src == 0)
		return dst != 0xffffffffu && dst >> 28 != 0xe;
	if (dst == 0)
		return true;
	return ip_kind_of(st, &h->src, -1) != IP_OTHER;
}

static bool is_martian6(struct tern_stack *st, const struct wire_ip *h)
{
	static const struct tern_addr loopback = { { [15] = 1 } };

	if (ip_is_multicast(&h->src) || tern_addr_equal(&h->dst, &loopback) ||
	    tern_addr_is_any(&h->dst))
		return true;
	/* ff01::/16 stays inside a host (RFC 4291 2.7). */
	if (ip_is_multicast(&h->dst) && (h->dst.b[1] & 15) <= 1)
		return true;
	return ip_kind_of(st, &h->src, -1) == IP_LOCAL;
}

static bool is_martian(struct tern_stack *st, const struct wire_ip *h,
		       bool looped)
{
	if (h->v6 && (ip_is_v4(&h->src) || ip_is_v4(&h->dst)))
		return true;
	if (looped)
		return false;
	return h->v6 ? is_martian6(st, h) : is_martian4(st, h);
}

/* Nobody here speaks what the packet carries. */
static void unknown_protocol(struct tern_stack *st, struct tern_pkt *pkt,
			     const struct wire_ip *h)
{
	/* "No next header" says that there is nothing to understand. */
	if (!(h->v6 && h->protocol == WIRE_PROTO_NONE))
		icmp_send_error(st, pkt, h, ICMP_SAYS_PROTO, h->proto_off);
	ip_drop(st, pkt, DROP_IP_NOPROTO);
}

void ip_deliver(struct tern_stack *st, struct tern_pkt *pkt,
		const struct wire_ip *h, enum ip_kind kind)
{
	pkt->cb[0] = kind;
	switch (h->protocol) {
	case WIRE_PROTO_TCP:
		COUNT(st, IP_IN_DELIVERS);
		st->counter[COUNTER_IP6_IN_DELIVERS] += h->v6;
		if (likely(kind == IP_LOCAL || kind == IP_OTHER))
			tcp_input(st, pkt, h);
		else
			ip_drop(st, pkt, DROP_NO_SOCKET);
		return;
	case WIRE_PROTO_UDP:
		COUNT(st, IP_IN_DELIVERS);
		st->counter[COUNTER_IP6_IN_DELIVERS] += h->v6;
		udp_input(st, pkt, h);
		return;
	case WIRE_PROTO_ICMP:
	case WIRE_PROTO_ICMPV6:
		if ((h->protocol == WIRE_PROTO_ICMPV6) == h->v6) {
			COUNT(st, IP_IN_DELIVERS);
			st->counter[COUNTER_IP6_IN_DELIVERS] += h->v6;
			icmp_input(st, pkt, h);
			return;
		}
		break;
	}
	unknown_protocol(st, pkt, h);
}

/* Not to us: to a socket for any address, or to another link. */
static bool any_socket_wants(const struct tern_stack *st,
			     const struct wire_ip *h)
{
	if (ip_is_multicast(&h->dst))
		return false;
	if (h->protocol == WIRE_PROTO_TCP)
		return st->ip.n_any_tcp > 0;
	return h->protocol == WIRE_PROTO_UDP && st->ip.n_any_udp > 0;
}

/* RFC 8200 4.2, 4.4: whoever sent it is told, if it was meant for us. */
static void bad_ext(struct tern_stack *st, const struct tern_pkt *pkt,
		    const struct wire_ip *h)
{
	if (h->bad_code != WIRE_IP_SILENT && !is_martian(st, h, false) &&
	    ip_kind_of(st, &h->dst, pkt->link) != IP_OTHER)
		icmp_send_bad_ext(st, pkt, h);
}

static void bad_header(struct tern_stack *st, struct tern_pkt *pkt,
		       const struct wire_ip *h, enum wire_ip_result result)
{
	static const uint16_t reasons[] = {
		[WIRE_IP_SHORT] = DROP_PKT_TOO_SMALL,
		[WIRE_IP_BAD] = DROP_IP_INHDR,
		[WIRE_IP_BAD_CSUM] = DROP_IP_CSUM,
		[WIRE_IP_BAD_EXT] = DROP_IPV6_BAD_EXTHDR,
	};

	if (result == WIRE_IP_BAD_EXT)
		bad_ext(st, pkt, h);
	/* Linux counts it twice. */
	if (result == WIRE_IP_BAD_CSUM)
		COUNT(st, IP_IN_HDR_ERRORS);
	ip_drop(st, pkt, reasons[result]);
}

/* Each segment of a merged packet had the mark. */
static void count_mark(struct tern_stack *st, const struct tern_pkt *pkt,
		       const struct wire_ip *h)
{
	static const int by_mark[2][4] = {
		{ COUNTER_IP_IN_NO_ECT_PKTS, COUNTER_IP_IN_ECT1_PKTS,
		  COUNTER_IP_IN_ECT0_PKTS, COUNTER_IP_IN_CE_PKTS },
		{ COUNTER_IP6_IN_NO_ECT_PKTS, COUNTER_IP6_IN_ECT1_PKTS,
		  COUNTER_IP6_IN_ECT0_PKTS, COUNTER_IP6_IN_CE_PKTS },
	};
	uint32_t n = 1;

	if (pkt->gso_size && h->len > pkt->gso_size)
		n = (h->len - h->hdr_len + pkt->gso_size - 1) / pkt->gso_size;
	st->counter[by_mark[h->v6][h->tos & 3]] += n;
}

void ip_receive(struct tern_stack *st, struct tern_pkt *pkt, bool looped)
{
	enum wire_ip_result result;
	enum ip_kind kind;
	struct wire_ip h;

	COUNT(st, IP_IN_RECEIVES);
	COUNT_N(st, IP_IN_OCTETS, pkt->len);
	if (unlikely(!tern_pkt_pull(pkt, min_u32(pkt->len, PKT_PULL)))) {
		COUNT(st, IP_IN_DISCARDS);
		ip_drop(st, pkt, DROP_NOMEM);
		return;
	}
	result = wire_ip_parse(pkt, &h);
	if (unlikely(result != WIRE_IP_OK)) {
		bad_header(st, pkt, &h, result);
		return;
	}
	st->counter[COUNTER_IP6_IN_RECEIVES] += h.v6;
	count_mark(st, pkt, &h);
	if (pkt->len > h.len)
		tern_pkt_trim_end(pkt, pkt->len - h.len);
	if (unlikely(is_martian(st, &h, looped))) {
		ip_drop(st, pkt, DROP_IP_RFFILTER);
		return;
	}
	kind = ip_kind_of(st, &h.dst, pkt->link);
	if (unlikely(kind == IP_OTHER) && !any_socket_wants(st, &h)) {
		ip_forward(st, pkt, &h);
		return;
	}
	if (unlikely(h.is_frag)) {
		pkt = ip_reass(st, pkt, &h);
		if (!pkt)
			return;
	}
	ip_deliver(st, pkt, &h, kind);
}

void ip_input(struct tern_stack *st, struct tern_pkt *pkt)
{
	/* Marks of ours mean nothing in packets from outside. */
	pkt->flags = 0;
	if (unlikely(!ip_link_at(&st->ip, pkt->link) ||
		     !st->ip.link[pkt->link].up)) {
		ip_drop(st, pkt, DROP_LINK_DOWN);
		return;
	}
	ip_receive(st, pkt, false);
}
