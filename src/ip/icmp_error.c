// SPDX-License-Identifier: BSD-2-Clause
/*
 * ICMP errors that we send (RFC 792, RFC 1122 3.2.2, RFC 4443 2.4).
 *
 * Never about: another error; a packet to many or from nobody in particular;
 * a later fragment; and no more often than icmp_limit.c allows. "Too big" is
 * not limited, as on Linux: whoever sends too much too large would otherwise
 * never learn why nothing arrives.
 *
 * An error quotes what fits 576 bytes (IPv4, RFC 1812 4.3.2.3) or 1,280 (IPv6)
 * with all its headers. It speaks for the address that the packet was sent to
 * where that is ours; where a socket takes packets to any address, for that
 * address as well if it says what only the destination could (port, protocol).
 */
#include "ip/ip_priv.h"

#define QUOTE_MAX4 (576u - WIRE_IP4_LEN - WIRE_ICMP_LEN)
#define QUOTE_MAX6 (IP6_MIN_MTU - WIRE_IP6_LEN - WIRE_ICMP_LEN)

/* Linux: IPTOS_PREC_INTERNETCONTROL, and what of the packet's TOS is not
 * precedence. */
#define TOS_CONTROL 0xc0u
#define TOS_KEPT 0x1eu

struct saying {
	uint8_t type, code;
};

static const struct saying sayings[][2] = {
	/* meaning	     IPv4		     IPv6 */
	[ICMP_SAYS_NET] = { { ICMP4_UNREACH, ICMP4_NET_UNREACH },
			    { ICMP6_UNREACH, ICMP6_NO_ROUTE } },
	[ICMP_SAYS_HOST] = { { ICMP4_UNREACH, ICMP4_HOST_UNREACH },
			     { ICMP6_UNREACH, ICMP6_ADDR_UNREACH } },
	[ICMP_SAYS_PROTO] = { { ICMP4_UNREACH, ICMP4_PROTO_UNREACH },
			      { ICMP6_PARAM_PROBLEM, 1 } },
	[ICMP_SAYS_PORT] = { { ICMP4_UNREACH, ICMP4_PORT_UNREACH },
			     { ICMP6_UNREACH, ICMP6_PORT_UNREACH } },
	[ICMP_SAYS_PROHIBITED] = { { ICMP4_UNREACH, ICMP4_PKT_FILTERED },
				   { ICMP6_UNREACH, ICMP6_ADM_PROHIBITED } },
	[ICMP_SAYS_TOO_BIG] = { { ICMP4_UNREACH, ICMP4_FRAG_NEEDED },
				{ ICMP6_TOO_BIG, 0 } },
	[ICMP_SAYS_TTL] = { { ICMP4_TIME_EXCEEDED, 0 },
			    { ICMP6_TIME_EXCEEDED, 0 } },
	[ICMP_SAYS_REASS] = { { ICMP4_TIME_EXCEEDED, 1 },
			      { ICMP6_TIME_EXCEEDED, 1 } },
	[ICMP_SAYS_PARAM] = { { ICMP4_PARAM_PROBLEM, 0 },
			      { ICMP6_PARAM_PROBLEM, 0 } },
};

/* What goes into bytes 4 to 7. IPv4 has the MTU in the lower half and a
 * pointer in the first byte. */
static uint32_t rest_of(enum icmp_meaning meaning, bool v6, uint32_t info)
{
	if (v6)
		return info;
	if (meaning == ICMP_SAYS_TOO_BIG)
		return min_u32(info, 0xffff);
	if (meaning == ICMP_SAYS_PARAM)
		return info << 24;
	return 0;
}

/* Is the packet an ICMP error itself, or may it be one? */
static bool is_error(const struct tern_pkt *pkt, const struct wire_ip *h)
{
	uint8_t type;

	if (h->protocol != (h->v6 ? WIRE_PROTO_ICMPV6 : WIRE_PROTO_ICMP))
		return false;
	if (h->frag_off || pkt->len <= h->hdr_len)
		return true;
	tern_pkt_copy_out(pkt, h->hdr_len, &type, 1);
	return wire_icmp_is_error(h->v6, type);
}

/* "Too big" and a bad option may be told to the sender of multicast. */
static bool may_answer_group(const struct saying *say)
{
	return say->type == ICMP6_TOO_BIG ||
	       (say->type == ICMP6_PARAM_PROBLEM && say->code == 2);
}

static bool may_answer(struct tern_stack *st, const struct tern_pkt *pkt,
		       const struct wire_ip *h, const struct saying *say)
{
	if (is_error(pkt, h))
		return false;
	if (!h->v6 && h->frag_off)
		return false;
	if (tern_addr_is_any(&h->src) || ip_is_multicast(&h->src) ||
	    ip_is_broadcast(st, &h->src))
		return false;
	if (ip_is_multicast(&h->dst))
		return h->v6 && may_answer_group(say);
	return !ip_is_broadcast(st, &h->dst);
}

static struct tern_pkt *compose(struct tern_stack *st,
				const struct tern_pkt *pkt,
				const struct wire_ip *h,
				const struct wire_icmp *icmp,
				const struct tern_addr *src)
{
	uint32_t n = min_u32(pkt->len, h->v6 ? QUOTE_MAX6 : QUOTE_MAX4);
	struct tern_pkt *out =
		tern_pkt_new(st->pool, PKT_HEADROOM, WIRE_ICMP_LEN + n);
	uint64_t sum = 0;
	uint8_t *p;

	if (!out)
		return NULL;
	p = tern_pkt_append(out, WIRE_ICMP_LEN + n);
	wire_icmp_emit(p, icmp);
	tern_pkt_copy_out(pkt, 0, p + WIRE_ICMP_LEN, n);
	if (h->v6)
		sum = csum_pseudo(src, &h->src, WIRE_PROTO_ICMPV6, out->len);
	put_be16(p + 2, csum_fold(csum_add(sum, p, out->len)));
	return out;
}

/* The route back, and in path->src the address that the error speaks for. */
static int route_back(struct tern_stack *st, const struct wire_ip *h,
		      const struct saying *say, struct ip_path *path)
{
	bool as_destination = ip_is_local(st, &h->dst);
	int err;

	if (!as_destination && !ip_is_multicast(&h->dst))
		as_destination =
			h->v6 ? say->type == ICMP6_UNREACH &&
					say->code == ICMP6_PORT_UNREACH :
				say->type == ICMP4_UNREACH &&
					(say->code == ICMP4_PORT_UNREACH ||
					 say->code == ICMP4_PROTO_UNREACH);
	err = ip_route(st, &h->src, as_destination ? &h->dst : NULL, true,
		       path);
	/* A stack without an address of its own (TERN_SO_ANY) speaks as whom
	 * it was taken for. */
	if (err && !as_destination)
		err = ip_route(st, &h->src, &h->dst, true, path);
	return err;
}

static void count_out(struct tern_stack *st, bool v6, uint8_t type)
{
	COUNT(st, ICMP_OUT_MSGS);
	if (type == (v6 ? ICMP6_UNREACH : ICMP4_UNREACH))
		COUNT(st, ICMP_OUT_DEST_UNREACHS);
	else if (type == (v6 ? ICMP6_TIME_EXCEEDED : ICMP4_TIME_EXCEEDED))
		COUNT(st, ICMP_OUT_TIME_EXCDS);
}

static void send_error(struct tern_stack *st, const struct tern_pkt *pkt,
		       const struct wire_ip *h, const struct saying *say,
		       uint32_t rest, bool limited)
{
	struct wire_icmp icmp = { say->type, say->code, rest };
	struct wire_ip out = {
		.dst = h->src,
		.protocol = h->v6 ? WIRE_PROTO_ICMPV6 : WIRE_PROTO_ICMP,
		.tos = h->v6 ? 0 : (uint8_t)((h->tos & TOS_KEPT) | TOS_CONTROL),
	};
	struct ip_path path;
	struct tern_pkt *answer;

	if (!may_answer(st, pkt, h, say))
		return;
	if (route_back(st, h, say, &path)) {
		COUNT(st, ICMP_OUT_ERRORS);
		return;
	}
	if (limited && path.link != IP_LOOPBACK && !icmp_allowed(st, &h->src))
		return;
	out.src = path.src;
	answer = compose(st, pkt, h, &icmp, &path.src);
	if (!answer) {
		COUNT(st, ICMP_OUT_ERRORS);
		return;
	}
	count_out(st, h->v6, say->type);
	(void)ip_output(st, answer, &out, &path);
}

void icmp_send_error(struct tern_stack *st, const struct tern_pkt *pkt,
		     const struct wire_ip *h, enum icmp_meaning meaning,
		     uint32_t info)
{
	const struct saying *say = &sayings[meaning][ip_index(h)];

	send_error(st, pkt, h, say, rest_of(meaning, h->v6, info),
		   meaning != ICMP_SAYS_TOO_BIG);
}

void icmp_send_bad_ext(struct tern_stack *st, const struct tern_pkt *pkt,
		       const struct wire_ip *h)
{
	struct saying say = { ICMP6_PARAM_PROBLEM, h->bad_code };

	send_error(st, pkt, h, &say, h->proto_off, true);
}
