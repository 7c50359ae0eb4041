// SPDX-License-Identifier: BSD-2-Clause
/*
 * IPPROTO_IP and IPPROTO_IPV6 on TCP sockets. IPPROTO_IP is to be had on an IPv6
 * socket too: it is for the IPv4 connections that it may carry.
 *
 * Deviates: IP_TOS and IPV6_TCLASS are one value; a hop limit of 0, which would
 * send nothing, is EINVAL. The control messages that IP_PKTINFO and its kin
 * ask for are for datagrams: the options are kept and read back. Multicast
 * options make no sense here: ENOPROTOOPT.
 */
#include "tcp_opts_priv.h"

#define ECN_MASK 3
#define ECT0 2	      /* seen here, as on Linux, while data goes out with it */
#define MIN_MTU6 1280 /* RFC 8200 5 */

/* Numbers of Linux's that are no options of tern's UDP. */
enum {
	MINTTL = 21,
	MINHOPCOUNT = 73,
	TRANSPARENT6 = 75,
	FREEBIND6 = 78,
};

static int get_tos(const struct opt_call *k)
{
	return k->c->opts->tos | (k->c->ect_out ? ECT0 : 0);
}

/* The two bits of ECN are TCP's own. */
static int set_tos(const struct opt_call *k, int v)
{
	struct tcp_opts *o = tcp_opts_own(k->st, k->c);

	if (!o)
		return -TERN_ENOMEM;
	o->tos = (uint8_t)(v & 0xff & ~ECN_MASK);
	return 0;
}

/* -1: the default again. */
static int set_tclass(const struct opt_call *k, int v)
{
	return set_tos(k, v < 0 ? 0 : v);
}

static int get_ttl(const struct opt_call *k)
{
	int v = k->c->opts->ttl;

	return v ? v : (int)k->st->tun.ip_default_ttl;
}

static int set_ttl(const struct opt_call *k, int v)
{
	struct tcp_opts *o;

	if (v == 0)
		return -TERN_EINVAL;
	o = tcp_opts_own(k->st, k->c);
	if (!o)
		return -TERN_ENOMEM;
	o->ttl = (uint8_t)(v < 0 ? 0 : v);
	return 0;
}

static int get_hops(const struct opt_call *k)
{
	int v = k->c->opts->ttl_v6;

	return v ? v : (int)k->st->tun.ip_default_ttl;
}

static int set_hops(const struct opt_call *k, int v)
{
	struct tcp_opts *o;

	if (v == 0)
		return -TERN_EINVAL;
	o = tcp_opts_own(k->st, k->c);
	if (!o)
		return -TERN_ENOMEM;
	o->ttl_v6 = (uint8_t)(v < 0 ? 0 : v);
	return 0;
}

/* Kept plus one: 0 is the default, IP_PMTUDISC_WANT (1) or, with
 * ip_no_pmtu_disc, IP_PMTUDISC_DONT (0). */
static int get_mtu_discover(const struct opt_call *k)
{
	int v = k->c->opts->pmtudisc;

	return v ? v - 1 : !k->st->tun.ip_no_pmtu_disc;
}

static int set_mtu_discover(const struct opt_call *k, int v)
{
	struct tcp_opts *o = tcp_opts_own(k->st, k->c);

	if (!o)
		return -TERN_ENOMEM;
	o->pmtudisc = (uint8_t)(v + 1);
	return 0;
}

static int get_mtu(struct opt_call *k)
{
	int v = k->c->pmtu;

	if (opt_is_idle(k->c) || !v)
		return -TERN_ENOTCONN;
	return opt_out(k, &v, sizeof(v));
}

/* Bounds what is fragmented, which TCP never is. */
static int set_mtu6(const struct opt_call *k, int v)
{
	(void)k;
	return v && v < MIN_MTU6 ? -TERN_EINVAL : 0;
}

static int get_freebind(const struct opt_call *k)
{
	return k->c->freebind;
}

static int set_freebind(const struct opt_call *k, int v)
{
	k->c->freebind = v;
	return 0;
}

static int get_port_range(const struct opt_call *k)
{
	return (int)((uint32_t)k->c->opts->port_hi << 16 | k->c->opts->port_lo);
}

static int set_port_range(const struct opt_call *k)
{
	struct tcp_opts *o;
	uint16_t lo, hi;
	uint32_t v;

	if (k->len != sizeof(v))
		return -TERN_EINVAL;
	memcpy(&v, k->in, sizeof(v));
	lo = (uint16_t)v;
	hi = (uint16_t)(v >> 16);
	if (lo && hi && lo > hi)
		return -TERN_EINVAL;
	o = tcp_opts_own(k->st, k->c);
	if (!o)
		return -TERN_ENOMEM;
	o->port_lo = lo;
	o->port_hi = hi;
	return 0;
}

static int get_v6only(const struct opt_call *k)
{
	return k->c->v6only;
}

static int set_v6only(const struct opt_call *k, int v)
{
	if (k->c->has_port || k->c->bound_port)
		return -TERN_EINVAL;
	k->c->v6only = v;
	return 0;
}

static const struct opt ip_rows[] = {
	{ TERN_IP_TOS, OPT_ANY_INT, .get = get_tos, .set = set_tos },
	{ TERN_IP_TTL, -1, 255, .get = get_ttl, .set = set_ttl },
	{ TERN_IP_MTU_DISCOVER, 0, 5, .get = get_mtu_discover,
	  .set = set_mtu_discover },
	{ TERN_IP_MTU, .get_raw = get_mtu },
	{ TERN_IP_FREEBIND, OPT_TRUTH, .get = get_freebind,
	  .set = set_freebind },
	{ TERN_IP_TRANSPARENT, OPT_TRUTH, .bit = OPT_TRANSPARENT },
	{ TERN_IP_BIND_ADDRESS_NO_PORT, OPT_TRUTH, .bit = OPT_BIND_NO_PORT },
	{ TERN_IP_LOCAL_PORT_RANGE, .get = get_port_range,
	  .set_raw = set_port_range },
	{ TERN_IP_RECVERR, OPT_TRUTH, OPT_FIELD(recverr) },
	{ MINTTL, 0, 255, OPT_FIELD(min_ttl) },
	{ TERN_IP_PKTINFO, OPT_TRUTH, .bit = OPT_PKTINFO },
	{ TERN_IP_RECVTTL, OPT_TRUTH, .bit = OPT_RECVTTL },
	{ TERN_IP_RECVTOS, OPT_TRUTH, .bit = OPT_RECVTOS },
};

static const struct opt ipv6_rows[] = {
	{ TERN_IPV6_V6ONLY, OPT_TRUTH, .get = get_v6only, .set = set_v6only },
	{ TERN_IPV6_TCLASS, -1, 255, .get = get_tos, .set = set_tclass },
	{ TERN_IPV6_UNICAST_HOPS, -1, 255, .get = get_hops, .set = set_hops },
	{ TERN_IPV6_MTU_DISCOVER, 0, 5, .get = get_mtu_discover,
	  .set = set_mtu_discover },
	{ TERN_IPV6_MTU, 0, INT32_MAX, .get_raw = get_mtu, .set = set_mtu6 },
	{ TERN_IPV6_RECVERR, OPT_TRUTH, OPT_FIELD(recverr6) },
	{ MINHOPCOUNT, 0, 255, OPT_FIELD(min_ttl) },
	{ TRANSPARENT6, OPT_TRUTH, .bit = OPT_TRANSPARENT },
	{ FREEBIND6, OPT_TRUTH, .get = get_freebind, .set = set_freebind },
	{ TERN_IPV6_RECVPKTINFO, OPT_TRUTH, .bit = OPT_RECVPKTINFO6 },
	{ TERN_IPV6_RECVHOPLIMIT, OPT_TRUTH, .bit = OPT_RECVHOPLIMIT6 },
	{ TERN_IPV6_RECVTCLASS, OPT_TRUTH, .bit = OPT_RECVTCLASS6 },
};

const struct opt_level tcp_opts_ip = { ip_rows, ARRAY_LEN(ip_rows) };
const struct opt_level tcp_opts_ipv6 = { ipv6_rows, ARRAY_LEN(ipv6_rows) };
