// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which socket takes a datagram.
 *
 * by_addr holds each bound socket once: a connected one under both its ends,
 * another under its own end alone. A lookup asks, until somebody answers:
 *
 *	1. both ends				a connected socket
 *	2. the address and port			bound to an address
 *	3. the port				bound to any address
 *	4. nothing at all			TERN_SO_ANY bound to port 0
 *
 * Among several in one row an IPv4 socket goes before an IPv6 one for IPv4, one
 * bound to the link before others, and the one bound last before the rest; with
 * SO_REUSEPORT a keyed hash of the flow picks one of the group. What is to an
 * address that is not ours only a socket of TERN_SO_ANY takes, or one that was
 * bound to that address on purpose.
 *
 * by_port holds each under its port: bind() looks for conflicts there, and
 * broadcast and multicast go to all that fit.
 */
#include "udp/udp_priv.h"

static const struct tern_addr any;

static uint32_t port_hash(const struct tern_stack *st, uint16_t port)
{
	uint64_t w = port;

	return (uint32_t)siphash_words(&st->key_hash, &w, 1);
}

static uint32_t ends_hash(const struct tern_stack *st,
			  const struct tern_addr *laddr, uint16_t lport,
			  const struct tern_addr *raddr, uint16_t rport)
{
	uint8_t b[36];

	memcpy(b, laddr->b, 16);
	memcpy(b + 16, raddr->b, 16);
	put_be16(b + 32, lport);
	put_be16(b + 34, rport);
	return (uint32_t)siphash(&st->key_hash, b, sizeof(b));
}

static uint32_t sock_port_hash(const void *ctx, const void *object)
{
	return port_hash(ctx, ((const struct udp_sock *)object)->lport);
}

static uint32_t sock_addr_hash(const void *ctx, const void *object)
{
	const struct udp_sock *s = object;

	return ends_hash(ctx, &s->laddr, s->lport, &s->raddr, s->rport);
}

bool udp_tables_init(struct tern_stack *st)
{
	struct udp_state *u = &st->udp;

	if (!idhash_init(&u->by_port, &u->socks,
			 offsetof(struct udp_sock, port_next), sock_port_hash,
			 st))
		return false;
	if (!idhash_init(&u->by_addr, &u->socks,
			 offsetof(struct udp_sock, addr_next), sock_addr_hash,
			 st)) {
		idhash_fini(&u->by_port);
		return false;
	}
	return true;
}

void udp_tables_fini(struct tern_stack *st)
{
	idhash_fini(&st->udp.by_addr);
	idhash_fini(&st->udp.by_port);
}

void udp_addr_hash(struct tern_stack *st, struct udp_sock *s)
{
	if (!s->hashed)
		return;
	idhash_insert(&st->udp.by_addr, s->id, sock_addr_hash(st, s));
	s->in_addr = true;
}

void udp_addr_unhash(struct tern_stack *st, struct udp_sock *s)
{
	if (!s->in_addr)
		return;
	idhash_remove(&st->udp.by_addr, s->id, sock_addr_hash(st, s));
	s->in_addr = false;
}

void udp_hash(struct tern_stack *st, struct udp_sock *s)
{
	idhash_insert(&st->udp.by_port, s->id, port_hash(st, s->lport));
	s->hashed = true;
	udp_addr_hash(st, s);
}

void udp_unhash(struct tern_stack *st, struct udp_sock *s)
{
	if (!s->hashed)
		return;
	udp_addr_unhash(st, s);
	idhash_remove(&st->udp.by_port, s->id, port_hash(st, s->lport));
	s->hashed = false;
}

uint32_t udp_next_at(struct tern_stack *st, uint16_t port, uint32_t id)
{
	id = id ? idhash_next(&st->udp.by_port, id) :
		  idhash_first(&st->udp.by_port, port_hash(st, port));
	while (id && udp_at(st, id)->lport != port)
		id = idhash_next(&st->udp.by_port, id);
	return id;
}

/* One row of the lookup. */
struct row {
	const struct udp_flow *f;
	const struct tern_addr *laddr, *raddr;
	uint16_t lport, rport;
};

static bool fits(const struct udp_sock *s, const struct row *r)
{
	if (s->lport != r->lport || s->rport != r->rport ||
	    !tern_addr_equal(&s->laddr, r->laddr) ||
	    !tern_addr_equal(&s->raddr, r->raddr))
		return false;
	if (s->bound_link && r->f->link != UDP_LINK_EACH &&
	    s->bound_link != r->f->link)
		return false;
	if (!udp_covers(s, !ip_is_v4(r->f->laddr)))
		return false;
	/* A wildcard means our own addresses. */
	return r->f->kind != IP_OTHER || udp_has(s, UDP_ANY) ||
	       !tern_addr_is_any(&s->laddr);
}

static int rank(const struct udp_sock *s, const struct row *r)
{
	bool exact = (s->family == TERN_AF_INET) == ip_is_v4(r->f->laddr);

	return exact + 2 * (s->bound_link != 0);
}

static bool same_group(const struct udp_sock *a, const struct udp_sock *b)
{
	return udp_has(a, UDP_REUSEPORT) && udp_has(b, UDP_REUSEPORT) &&
	       a->family == b->family && a->bound_link == b->bound_link;
}

/* One of best's SO_REUSEPORT group, the same for all datagrams of a flow. */
static struct udp_sock *pick(struct tern_stack *st, const struct row *r,
			     uint32_t hash, struct udp_sock *best)
{
	const struct udp_flow *f = r->f;
	uint32_t id, n = 0, i;
	struct udp_sock *s;

	for (id = idhash_first(&st->udp.by_addr, hash); id;
	     id = idhash_next(&st->udp.by_addr, id)) {
		s = udp_at(st, id);
		n += fits(s, r) && same_group(s, best);
	}
	i = (uint32_t)((uint64_t)ends_hash(st, f->laddr, f->lport, f->raddr,
					   f->rport) *
			       n >>
		       32);
	for (id = idhash_first(&st->udp.by_addr, hash); id;
	     id = idhash_next(&st->udp.by_addr, id)) {
		s = udp_at(st, id);
		if (fits(s, r) && same_group(s, best) && i-- == 0)
			return s;
	}
	return best;
}

static struct udp_sock *find_in(struct tern_stack *st, const struct row *r)
{
	uint32_t hash = ends_hash(st, r->laddr, r->lport, r->raddr, r->rport);
	struct udp_sock *best = NULL, *s;
	uint32_t id;

	for (id = idhash_first(&st->udp.by_addr, hash); id;
	     id = idhash_next(&st->udp.by_addr, id)) {
		s = udp_at(st, id);
		if (!fits(s, r))
			continue;
		if (!best || rank(s, r) > rank(best, r) ||
		    (rank(s, r) == rank(best, r) && s->bound > best->bound))
			best = s;
	}
	if (best && udp_has(best, UDP_REUSEPORT))
		best = pick(st, r, hash, best);
	return best;
}

struct udp_sock *udp_find(struct tern_stack *st, const struct udp_flow *f)
{
	const struct row rows[] = {
		{ f, f->laddr, f->raddr, f->lport, f->rport },
		{ f, f->laddr, &any, f->lport, 0 },
		{ f, &any, &any, f->lport, 0 },
		{ f, &any, &any, 0, 0 },
	};
	struct udp_sock *s;
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		s = find_in(st, &rows[i]);
		if (s)
			return s;
	}
	return NULL;
}
