// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ports and addresses of UDP sockets.
 *
 * Two sockets may share a port if their addresses cannot both mean one
 * datagram, or if both said SO_REUSEADDR, or both SO_REUSEPORT (which Linux
 * also asks to be of one user: a stack has one). Nobody is asked for privileges
 * for ports under 1024.
 *
 * Ephemeral ports are tried from a random one on (RFC 6056, algorithm 1). One
 * that a reusing socket holds is not taken for another by chance, as Linux may.
 */
#include "udp/udp_priv.h"

/* Do the local addresses of two sockets mean a common datagram? */
static bool overlap(const struct udp_sock *a, const struct udp_sock *b)
{
	bool any_a = tern_addr_is_any(&a->laddr);
	bool any_b = tern_addr_is_any(&b->laddr);

	if (a->bound_link && b->bound_link && a->bound_link != b->bound_link)
		return false;
	if (!(udp_covers(a, false) && udp_covers(b, false)) &&
	    !(udp_covers(a, true) && udp_covers(b, true)))
		return false;
	return any_a || any_b || tern_addr_equal(&a->laddr, &b->laddr);
}

static bool conflicts(struct tern_stack *st, const struct udp_sock *s,
		      uint16_t port, bool may_share)
{
	const struct udp_sock *other;
	uint32_t both, id = 0;

	while ((id = udp_next_at(st, port, id))) {
		other = udp_at(st, id);
		if (other == s || !overlap(s, other))
			continue;
		both = s->flags & other->flags;
		if (!may_share || !(both & (UDP_REUSEADDR | UDP_REUSEPORT)))
			return true;
	}
	return false;
}

static int choose_port(struct tern_stack *st, const struct udp_sock *s,
		       uint16_t *port)
{
	uint32_t lo = (uint32_t)st->tun.ip_local_port_range[0];
	uint32_t hi = (uint32_t)st->tun.ip_local_port_range[1];
	uint32_t n, first, i;

	if (s->range_lo)
		lo = s->range_lo;
	if (s->range_hi)
		hi = s->range_hi;
	if (lo > hi)
		return -TERN_EADDRINUSE;
	n = hi - lo + 1;
	first = rng_below(&st->rng, n);
	for (i = 0; i < n; i++) {
		*port = (uint16_t)(lo + (first + i) % n);
		if (!conflicts(st, s, *port, false))
			return 0;
	}
	return -TERN_EADDRINUSE;
}

/* Takes a port, 0: an ephemeral one, at s->laddr. */
static int take_port(struct tern_stack *st, struct udp_sock *s, uint16_t port)
{
	/* TERN_SO_ANY: no port is every port. */
	bool every = !port && udp_has(s, UDP_ANY);
	int err = 0;

	if (!port && !every)
		err = choose_port(st, s, &port);
	else if (conflicts(st, s, port, true))
		err = -TERN_EADDRINUSE;
	if (err)
		return err;
	s->lport = port;
	s->bound = st->next_cookie++;
	udp_hash(st, s);
	return 0;
}

int udp_autobind(struct tern_stack *st, struct udp_sock *s)
{
	uint32_t was = s->flags;
	int err;

	if (s->hashed)
		return 0;
	s->flags &= ~(uint32_t)UDP_ANY;
	err = take_port(st, s, 0);
	s->flags = was;
	return err;
}

/* May this address be bound to? */
static bool is_bindable(struct tern_stack *st, const struct udp_sock *s,
			const struct tern_addr *addr)
{
	return tern_addr_is_any(addr) || ip_is_multicast(addr) ||
	       ip_is_local(st, addr) || ip_is_broadcast(st, addr) ||
	       st->tun.ip_nonlocal_bind || udp_any_source(s);
}

int udp_bind(struct tern_stack *st, uint32_t id,
	     const struct tern_sockaddr *addr)
{
	struct udp_sock *s = udp_at(st, id);
	static const struct tern_addr any;
	bool is_any = tern_addr_is_any(&addr->addr);
	int err;

	if (s->hashed)
		return -TERN_EINVAL;
	if (!is_bindable(st, s, &addr->addr))
		return -TERN_EADDRNOTAVAIL;
	if (!ip_is_v4(&addr->addr) && ip_is_link_local(&addr->addr)) {
		/* Which of the links is meant must be said. */
		if (!addr->scope_id && !s->bound_link)
			return -TERN_EINVAL;
		if (addr->scope_id > (uint32_t)st->ip.n_links)
			return -TERN_ENODEV;
		if (addr->scope_id)
			s->bound_link =
				(uint8_t)ip_link_of((int)addr->scope_id);
	}
	s->laddr = is_any ? any : addr->addr;
	if (is_any && s->family == TERN_AF_INET6 && ip_is_v4(&addr->addr))
		s->flags |= UDP_V4ONLY;
	err = take_port(st, s, addr->port);
	if (err) {
		s->laddr = any;
		s->flags &= ~(uint32_t)UDP_V4ONLY;
		return err;
	}
	s->own_addr = !is_any;
	s->own_port = addr->port != 0 || udp_has(s, UDP_ANY);
	return 0;
}

static void disconnect(struct tern_stack *st, struct udp_sock *s)
{
	static const struct tern_addr any;

	udp_addr_unhash(st, s);
	s->connected = false;
	s->raddr = any;
	s->rport = 0;
	if (!s->own_addr)
		s->laddr = any;
	if (s->own_port) {
		udp_addr_hash(st, s);
		return;
	}
	udp_unhash(st, s);
	s->lport = 0;
}

/* 0.0.0.0 and :: as destinations are ourselves, as on Linux [k]. */
static struct tern_addr meant(const struct tern_addr *addr)
{
	if (!tern_addr_is_any(addr))
		return *addr;
	return ip_is_v4(addr) ? tern_addr_v4(127, 0, 0, 1) :
				(struct tern_addr){ { [15] = 1 } };
}

const struct tern_addr *udp_source(struct tern_stack *st,
				   const struct udp_sock *s)
{
	/* A group or broadcast address is one to receive by. */
	if (tern_addr_is_any(&s->laddr) || ip_is_multicast(&s->laddr) ||
	    ip_is_broadcast(st, &s->laddr))
		return NULL;
	return &s->laddr;
}

/* Can a socket that has this local address reach that one? */
static bool same_kind(const struct udp_sock *s, const struct tern_addr *dst)
{
	return udp_covers(s, !ip_is_v4(dst));
}

int udp_connect(struct tern_stack *st, uint32_t id,
		const struct tern_sockaddr *addr)
{
	struct udp_sock *s = udp_at(st, id);
	struct tern_addr dst;
	struct ip_path path;
	int link = -1, err;

	if (addr->family == TERN_AF_UNSPEC) {
		disconnect(st, s);
		return 0;
	}
	dst = meant(&addr->addr);
	if (!same_kind(s, &dst))
		return -TERN_ENETUNREACH;
	if (addr->scope_id && !ip_is_v4(&dst) && ip_is_link_local(&dst))
		link = ip_link_of((int)addr->scope_id);
	else if (s->bound_link)
		link = s->bound_link;
	if (link >= st->ip.n_links)
		return -TERN_ENODEV;
	err = ip_route_link(st, &dst, udp_source(st, s), udp_any_source(s),
			    link, &path);
	if (err)
		return err;
	if (ip_is_broadcast(st, &dst) && !udp_has(s, UDP_BROADCAST))
		return -TERN_EACCES;
	err = udp_autobind(st, s);
	if (err)
		return -TERN_EAGAIN;
	udp_addr_unhash(st, s);
	if (tern_addr_is_any(&s->laddr))
		s->laddr = path.src;
	s->raddr = dst;
	s->rport = addr->port;
	s->connected = true;
	s->path = path;
	s->generation = st->ip.generation;
	udp_addr_hash(st, s);
	return 0;
}
