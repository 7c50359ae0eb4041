// SPDX-License-Identifier: BSD-2-Clause
/*
 * ICMP that arrives: echo requests are answered, errors go to the transport
 * that they are about.
 *
 * An error is only a hint that anybody could have forged. It is passed on if
 * what it quotes left one of our addresses and is no later fragment; whether
 * that packet was ever sent, only TCP and UDP can tell (RFC 5927), and only
 * they let a path MTU be learned (ip_pmtu_learn()).
 *
 * Not implemented: timestamps and address masks (nobody should ask), redirects
 * and neighbour discovery (the links have no neighbours), ping sockets.
 */
#include "ip/ip_priv.h"

struct meaning {
	uint8_t error;
	bool fatal;
};

/* What a program is told; [k] measured on Linux. */
static const struct meaning unreach4[] = {
	/* code	     error		fatal */
	[0] = { TERN_ENETUNREACH, false },   /* network */
	[1] = { TERN_EHOSTUNREACH, false },  /* host */
	[2] = { TERN_ENOPROTOOPT, true },    /* protocol */
	[3] = { TERN_ECONNREFUSED, true },   /* port */
	[4] = { TERN_EMSGSIZE, false },	     /* fragmentation needed */
	[5] = { TERN_EOPNOTSUPP, false },    /* source route failed */
	[6] = { TERN_ENETUNREACH, true },    /* network unknown */
	[7] = { TERN_EHOSTDOWN, true },	     /* host unknown */
	[8] = { TERN_ENONET, true },	     /* host isolated */
	[9] = { TERN_ENETUNREACH, true },    /* network prohibited */
	[10] = { TERN_EHOSTUNREACH, true },  /* host prohibited */
	[11] = { TERN_ENETUNREACH, false },  /* network, for this TOS */
	[12] = { TERN_EHOSTUNREACH, false }, /* host, for this TOS */
	[13] = { TERN_EHOSTUNREACH, true },  /* filtered */
	[14] = { TERN_EHOSTUNREACH, true },  /* precedence violation */
	[15] = { TERN_EHOSTUNREACH, true },  /* precedence cutoff */
};

static const struct meaning unreach6[] = {
	[0] = { TERN_ENETUNREACH, false },  /* no route */
	[1] = { TERN_EACCES, true },	    /* prohibited */
	[2] = { TERN_EHOSTUNREACH, false }, /* beyond the source's scope */
	[3] = { TERN_EHOSTUNREACH, false }, /* address */
	[4] = { TERN_ECONNREFUSED, true },  /* port */
	[5] = { TERN_EACCES, true },	    /* source address policy */
	[6] = { TERN_EACCES, true },	    /* reject route */
};

static void set_meaning(struct icmp_err *e, const struct meaning *m)
{
	e->error = m->error;
	e->fatal = m->fatal;
}

/* False for errors that mean nothing to a transport. */
static bool interpret4(const struct wire_icmp *icmp, struct icmp_err *e)
{
	static const struct meaning problem = { TERN_EPROTO, true };
	static const struct meaning exceeded = { TERN_EHOSTUNREACH, false };

	switch (icmp->type) {
	case ICMP4_UNREACH:
		if (icmp->code >= ARRAY_LEN(unreach4))
			return false;
		set_meaning(e, &unreach4[icmp->code]);
		if (icmp->code == ICMP4_FRAG_NEEDED) {
			e->too_big = true;
			e->mtu = icmp->rest & 0xffff;
		}
		return true;
	case ICMP4_TIME_EXCEEDED:
		/* Lost fragments are no news to a transport [k]. */
		set_meaning(e, &exceeded);
		return icmp->code != 1;
	case ICMP4_PARAM_PROBLEM:
		set_meaning(e, &problem);
		return true;
	default:
		return false;
	}
}

static bool interpret6(const struct wire_icmp *icmp, struct icmp_err *e)
{
	static const struct meaning problem = { TERN_EPROTO, true };
	static const struct meaning exceeded = { TERN_EHOSTUNREACH, false };
	static const struct meaning too_big = { TERN_EMSGSIZE, false };
	static const struct meaning unknown = { TERN_EPROTO, false };

	switch (icmp->type) {
	case ICMP6_UNREACH:
		set_meaning(e, icmp->code < ARRAY_LEN(unreach6) ?
				       &unreach6[icmp->code] :
				       &problem);
		return true;
	case ICMP6_TOO_BIG:
		set_meaning(e, &too_big);
		e->too_big = true;
		e->mtu = icmp->rest;
		return true;
	case ICMP6_TIME_EXCEEDED:
		set_meaning(e, &exceeded);
		return true;
	case ICMP6_PARAM_PROBLEM:
		set_meaning(e, &problem);
		return true;
	default:
		/* Types that are yet to come (RFC 4443 2.4 a) [k]. */
		set_meaning(e, &unknown);
		return true;
	}
}

static void count_error(struct tern_stack *st, bool v6, uint8_t type)
{
	if (type == (v6 ? ICMP6_UNREACH : ICMP4_UNREACH))
		COUNT(st, ICMP_IN_DEST_UNREACHS);
	else if (type == (v6 ? ICMP6_TIME_EXCEEDED : ICMP4_TIME_EXCEEDED))
		COUNT(st, ICMP_IN_TIME_EXCDS);
}

/* n bytes of the message are at p. */
static int error_in(struct tern_stack *st, const struct wire_ip *h,
		    const struct wire_icmp *icmp, const uint8_t *p, uint32_t n)
{
	struct icmp_err e = {
		.from = h->src,
		.type = icmp->type,
		.code = icmp->code,
	};
	bool any;

	count_error(st, h->v6, icmp->type);
	if (h->v6 ? !interpret6(icmp, &e) : !interpret4(icmp, &e))
		return DROP_ICMP_UNKNOWN;
	p += WIRE_ICMP_LEN;
	n -= WIRE_ICMP_LEN;
	if (!wire_ip_parse_quoted(p, n, &e.quoted) || e.quoted.v6 != h->v6 ||
	    n < e.quoted.hdr_len + 8u)
		return DROP_ICMP_MALFORMED;
	/* An IPv6 header with IPv4 addresses never left here. */
	if (e.quoted.v6 && (ip_is_v4(&e.quoted.src) || ip_is_v4(&e.quoted.dst)))
		return DROP_ICMP_MALFORMED;
	any = e.quoted.protocol == WIRE_PROTO_TCP ? st->ip.n_any_tcp :
						    st->ip.n_any_udp;
	if (e.quoted.frag_off || (!any && !ip_is_local(st, &e.quoted.src)))
		return DROP_ICMP_UNKNOWN;
	e.transport = p + e.quoted.hdr_len;
	e.n_transport = n - e.quoted.hdr_len;
	if (e.quoted.protocol == WIRE_PROTO_TCP)
		tcp_icmp_error(st, &e);
	else if (e.quoted.protocol == WIRE_PROTO_UDP)
		udp_icmp_error(st, &e);
	else
		return DROP_ICMP_UNKNOWN;
	return DROP_NOT;
}

/* Turns the request around in its own memory: header off, type changed. */
static void echo(struct tern_stack *st, struct tern_pkt *pkt,
		 const struct wire_ip *h, enum ip_kind kind)
{
	uint8_t reply = h->v6 ? ICMP6_ECHO_REPLY : ICMP4_ECHO_REPLY;
	struct wire_ip out = {
		.dst = h->src,
		.protocol = h->protocol,
		.tos = h->tos,
	};
	struct ip_path path;
	uint64_t sum = 0;
	uint8_t *p;

	if (ip_route(st, &h->src, kind == IP_LOCAL ? &h->dst : NULL, true,
		     &path)) {
		ip_drop(st, pkt, DROP_IP_OUTNOROUTES);
		return;
	}
	tern_pkt_trim_front(pkt, h->hdr_len);
	out.src = path.src;
	p = pkt->data;
	p[0] = reply;
	put_be16(p + 2, 0);
	if (h->v6)
		sum = csum_pseudo(&out.src, &out.dst, h->protocol, pkt->len);
	put_be16(p + 2, csum_fold(csum_pkt(sum, pkt, 0)));
	pkt->csum = TERN_CSUM_NONE;
	pkt->gso_size = 0;
	COUNT(st, ICMP_OUT_MSGS);
	COUNT(st, ICMP_OUT_ECHO_REPS);
	(void)ip_output(st, pkt, &out, &path);
}

/* May this echo request be answered? Linux answers IPv6 groups, and IPv4
 * broadcasts and groups not (icmp_echo_ignore_broadcasts: amplifiers). */
static bool wants_echo(const struct tern_stack *st, const struct wire_ip *h,
		       enum ip_kind kind)
{
	if (st->tun.icmp_echo_ignore_all || tern_addr_is_any(&h->src))
		return false;
	return kind == IP_LOCAL || (h->v6 && kind == IP_MULTICAST);
}

/* A packet that is ours alone to write to; takes pkt over. */
static struct tern_pkt *unshare(struct tern_stack *st, struct tern_pkt *pkt)
{
	struct tern_pkt *own;

	if (pkt->head->refs == 1)
		return pkt;
	own = tern_pkt_clone(st->pool, pkt);
	tern_pkt_put(pkt);
	return own;
}

static int message_in(struct tern_stack *st, struct tern_pkt **pkt,
		      const struct wire_ip *h, enum ip_kind kind)
{
	uint32_t len = h->len - h->hdr_len, n;
	struct wire_icmp icmp;
	uint8_t *p;

	/* An error quotes at most so much, and error queues show all of it. */
	n = min_u32(len, IP6_MIN_MTU);
	if (!tern_pkt_pull(*pkt, h->hdr_len + n))
		return DROP_NOMEM;
	p = (*pkt)->data + h->hdr_len;
	if (!wire_icmp_parse(p, n, &icmp))
		return DROP_ICMP_MALFORMED;
	if (icmp.type == (h->v6 ? ICMP6_ECHO_REQUEST : ICMP4_ECHO_REQUEST)) {
		COUNT(st, ICMP_IN_ECHOS);
		if (!wants_echo(st, h, kind))
			return DROP_ICMP_UNKNOWN;
		*pkt = unshare(st, *pkt);
		if (*pkt)
			echo(st, *pkt, h, kind);
		else
			COUNT(st, ICMP_OUT_ERRORS);
		*pkt = NULL;
		return DROP_NOT;
	}
	if (icmp.type == (h->v6 ? ICMP6_ECHO_REPLY : ICMP4_ECHO_REPLY)) {
		COUNT(st, ICMP_IN_ECHO_REPS);
		return DROP_ICMP_UNKNOWN;
	}
	if (!wire_icmp_is_error(h->v6, icmp.type))
		return DROP_ICMP_UNKNOWN;
	return error_in(st, h, &icmp, p, n);
}

/* IPv4's has no pseudo-header. */
static bool csum_is_bad(const struct tern_pkt *pkt, const struct wire_ip *h)
{
	if (h->v6)
		return ip_csum_bad(pkt, h, h->len - h->hdr_len);
	return pkt->csum == TERN_CSUM_NONE &&
	       csum_fold(csum_pkt(0, pkt, h->hdr_len)) != 0;
}

void icmp_input(struct tern_stack *st, struct tern_pkt *pkt,
		const struct wire_ip *h)
{
	enum ip_kind kind = (enum ip_kind)pkt->cb[0];
	int reason;

	COUNT(st, ICMP_IN_MSGS);
	if (csum_is_bad(pkt, h)) {
		COUNT(st, ICMP_IN_ERRORS);
		ip_drop(st, pkt, DROP_ICMP_CSUM);
		return;
	}
	reason = message_in(st, &pkt, h, kind);
	if (reason != DROP_NOT)
		ip_drop(st, pkt, reason);
	else if (pkt)
		tern_pkt_put(pkt);
}
