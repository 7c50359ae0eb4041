// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which address a socket takes, by its family. Linux's rules, as its 6.18
 * answers (test_sock_addr.c holds the table):
 *
 *	socket	address		bind		connect		send (UDP)
 *	INET	INET		yes		yes		yes
 *	INET	UNSPEC		if 0.0.0.0	dissolves	as INET
 *	INET	others		EAFNOSUPPORT	EAFNOSUPPORT	EAFNOSUPPORT
 *	INET6	INET6		yes		yes		yes
 *	INET6	v4-mapped [1]	EINVAL		ENETUNREACH	ENETUNREACH
 *	INET6	INET		EAFNOSUPPORT	UDP only [2]	yes [3]
 *	INET6	UNSPEC		EAFNOSUPPORT	dissolves	as no address
 *	INET6	others		EAFNOSUPPORT	EAFNOSUPPORT	EINVAL
 *
 *	[1] if IPV6_V6ONLY is set, else yes
 *	[2] EAFNOSUPPORT if IPV6_V6ONLY is set, and for TCP
 *	[3] ENETUNREACH if IPV6_V6ONLY is set
 *
 * A sockaddr's length is not known here: who translates from a program's
 * answers EINVAL for one that is too short.
 */
#include "sock/sock_priv.h"

static bool is_zero(const struct tern_addr *a)
{
	static const struct tern_addr zero;

	return !memcmp(a, &zero, sizeof(zero));
}

/* As an IPv4 address: one left all zero is taken for 0.0.0.0. */
static int as_v4(struct tern_sockaddr *a)
{
	if (is_zero(&a->addr))
		a->addr = tern_addr_v4(0, 0, 0, 0);
	return tern_addr_is_v4(&a->addr) ? 0 : -TERN_EAFNOSUPPORT;
}

static bool is_v6only(struct tern_stack *st, const struct sock *sk)
{
	size_t len = sizeof(int);
	int on = 0;

	return !sk->proto->getsockopt(st, sk->id, TERN_IPPROTO_IPV6,
				      TERN_IPV6_V6ONLY, &on, &len) &&
	       on;
}

/* A mapped address on an IPv6 socket; refused with `error` if V6ONLY. */
static int check_mapped(struct tern_stack *st, const struct sock *sk,
			const struct tern_sockaddr *a, int error)
{
	if (tern_addr_is_v4(&a->addr) && is_v6only(st, sk))
		return error;
	return 0;
}

int sock_addr_bind(struct tern_stack *st, const struct sock *sk,
		   const struct tern_sockaddr *a, struct tern_sockaddr *out)
{
	*out = *a;
	out->family = (uint16_t)sk->family;
	if (sk->family == TERN_AF_INET6) {
		if (a->family != TERN_AF_INET6)
			return -TERN_EAFNOSUPPORT;
		return check_mapped(st, sk, a, -TERN_EINVAL);
	}
	if (a->family == TERN_AF_UNSPEC)
		return tern_addr_is_any(&a->addr) ? as_v4(out) :
						    -TERN_EAFNOSUPPORT;
	return a->family == TERN_AF_INET ? as_v4(out) : -TERN_EAFNOSUPPORT;
}

int sock_addr_connect(struct tern_stack *st, const struct sock *sk,
		      const struct tern_sockaddr *a, struct tern_sockaddr *out)
{
	*out = *a;
	if (a->family == TERN_AF_UNSPEC)
		return 0;
	out->family = (uint16_t)sk->family;
	if (a->family == TERN_AF_INET) {
		if (sk->family == TERN_AF_INET6 &&
		    (sk->proto->type == TERN_SOCK_STREAM || is_v6only(st, sk)))
			return -TERN_EAFNOSUPPORT;
		return as_v4(out);
	}
	if (a->family != TERN_AF_INET6 || sk->family != TERN_AF_INET6)
		return -TERN_EAFNOSUPPORT;
	return check_mapped(st, sk, a, -TERN_ENETUNREACH);
}

/* UNSPEC is left in *out where it stands for no address. */
int sock_addr_send(struct tern_stack *st, const struct sock *sk,
		   const struct tern_sockaddr *a, struct tern_sockaddr *out)
{
	*out = *a;
	out->family = (uint16_t)sk->family;
	if (sk->family == TERN_AF_INET) {
		if (a->family != TERN_AF_INET && a->family != TERN_AF_UNSPEC)
			return -TERN_EAFNOSUPPORT;
		return as_v4(out);
	}
	if (a->family == TERN_AF_UNSPEC) {
		out->family = TERN_AF_UNSPEC;
		return 0;
	}
	if (a->family != TERN_AF_INET && a->family != TERN_AF_INET6)
		return -TERN_EINVAL;
	if (a->family == TERN_AF_INET && as_v4(out))
		return -TERN_EINVAL;
	return check_mapped(st, sk, out, -TERN_ENETUNREACH);
}
