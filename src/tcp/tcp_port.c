// SPDX-License-Identifier: BSD-2-Clause
/*
 * Local ports: who may have which, and a free one for who does not care.
 *
 * For each (address, port) in use one struct tcp_port counts its users by
 * what bind() must know of them: SO_REUSEADDR, SO_REUSEPORT, listening; so a
 * bind() never looks at connections. Entries of one port are in one bucket,
 * by the port's number itself: there are as many as addresses, few.
 *
 *	bind conflicts, as on Linux: two sockets whose addresses overlap may
 *	share a port only if both have SO_REUSEADDR and the one that is there
 *	does not listen, or both have SO_REUSEPORT. TIME_WAIT and the children
 *	of a listener count as their sockets did.
 *	connect() picks a port that no socket was bound to by its program,
 *	and may share it with others that connect() picked, as long as the
 *	4-tuples differ; also with a TIME_WAIT that it may take over.
 *
 * The choice is RFC 6056's algorithm 3: a keyed hash of the destination, plus
 * the number of ports chosen so far (tcp_port_range.c has the order). A search
 * passes over what is known to be taken (tcp_taken.c).
 *
 * Deviates: a socket that clears SO_REUSEPORT after bind() no longer shares
 * (Linux remembers that it once did). No port is privileged (EACCES): a stack
 * has no users. Sockets with TERN_SO_ANY take no port away from others.
 */
#include "tcp_opts_priv.h"

static const struct tern_addr any6;

/* :: of a socket that also takes IPv4 overlaps everything. */
static bool overlaps(const struct tern_addr *a, bool a_v6only,
		     const struct tern_addr *b, bool b_v6only)
{
	bool a4 = tern_addr_is_v4(a), b4 = tern_addr_is_v4(b);

	if (tern_addr_equal(a, b))
		return true;
	if (a4 && b4)
		return tern_addr_is_any(a) || tern_addr_is_any(b);
	if (tern_addr_equal(a, &any6) && !(a_v6only && b4))
		return true;
	return tern_addr_equal(b, &any6) && !(b_v6only && a4);
}

static uint32_t rehash(const void *ctx, const void *object)
{
	const struct tcp_port *p = object;

	(void)ctx;
	return p->port;
}

bool tcp_ports_init(struct tern_stack *st)
{
	return idhash_init(&st->tcp.by_port, &st->tcp.ports,
			   offsetof(struct tcp_port, hash_next), rehash, st) &&
	       tcp_taken_init(st);
}

void tcp_ports_fini(struct tern_stack *st)
{
	tcp_taken_fini(st);
	idhash_fini(&st->tcp.by_port);
}

/* The entries of a port, one after the other; prev NULL: the first. */
static struct tcp_port *next_entry(struct tern_stack *st, uint16_t port,
				   const struct tcp_port *prev)
{
	uint32_t id = prev ? prev->hash_next :
			     idhash_first(&st->tcp.by_port, port);

	while (id) {
		struct tcp_port *p = slab_at(&st->tcp.ports, id);

		if (p->port == port)
			return p;
		id = p->hash_next;
	}
	return NULL;
}

static struct tcp_port *find_entry(struct tern_stack *st,
				   const struct tern_addr *addr, uint16_t port,
				   bool v6only)
{
	struct tcp_port *p = NULL;

	while ((p = next_entry(st, port, p)) != NULL)
		if (tern_addr_equal(&p->addr, addr) && p->v6only == v6only)
			return p;
	return NULL;
}

static struct tcp_port *get_entry(struct tern_stack *st,
				  const struct tern_addr *addr, uint16_t port,
				  bool v6only)
{
	struct tcp_port *p;
	uint32_t id;

	v6only = v6only && !tern_addr_is_v4(addr);
	p = find_entry(st, addr, port, v6only);
	if (p)
		return p;
	id = slab_alloc(&st->tcp.ports);
	if (!id)
		return NULL;
	p = slab_at(&st->tcp.ports, id);
	p->id = id;
	p->addr = *addr;
	p->port = port;
	p->v6only = v6only;
	idhash_insert(&st->tcp.by_port, id, port);
	return p;
}

static uint32_t n_users(const struct tcp_port *p)
{
	uint32_t i, n = 0;

	for (i = 0; i < ARRAY_LEN(p->n); i++)
		n += p->n[i];
	return n;
}

static void uncount(struct tern_stack *st, struct tcp_port *p, uint8_t class,
		    bool is_auto)
{
	uint32_t n;

	PROMISE(p->n[class] > 0);
	p->n[class]--;
	p->n_auto -= is_auto;
	n = n_users(p);
	if (n == p->n_auto)
		tcp_taken_port_free(st, p->port);
	if (n)
		return;
	idhash_remove(&st->tcp.by_port, p->id, p->port);
	slab_free(&st->tcp.ports, p->id);
}

uint8_t tcp_port_class(const struct tcp_conn *c)
{
	return (uint8_t)((c->reuseaddr ? PORT_REUSEADDR : 0) |
			 (c->reuseport ? PORT_REUSEPORT : 0) |
			 (c->state == TERN_TCP_LISTEN && c->hashed ?
				  PORT_LISTEN :
				  0));
}

/* Counts c at its address and port. False without memory. */
static bool count(struct tern_stack *st, struct tcp_conn *c, bool is_auto)
{
	struct tcp_port *p = get_entry(st, &c->laddr, c->lport, c->v6only);

	if (!p)
		return false;
	c->port = p->id;
	c->port_class = tcp_port_class(c);
	c->has_port = 1;
	c->auto_port = is_auto;
	p->n[c->port_class]++;
	p->n_auto += is_auto;
	return true;
}

void tcp_port_release(struct tern_stack *st, struct tcp_conn *c)
{
	if (!c->has_port)
		return;
	uncount(st, slab_at(&st->tcp.ports, c->port), c->port_class,
		c->auto_port);
	c->port = 0;
	c->has_port = 0;
	c->auto_port = 0;
}

/* c's address has changed (connect() chose one, or it was taken back): counts
 * it there. False without memory: it is counted where it was. */
bool tcp_port_moved(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_port *old;
	uint8_t class = c->port_class;

	if (!c->has_port)
		return true;
	old = slab_at(&st->tcp.ports, c->port);
	if (tern_addr_equal(&old->addr, &c->laddr))
		return true;
	if (!count(st, c, c->auto_port))
		return false;
	uncount(st, old, class, c->auto_port);
	return true;
}

/* `old` is not needed: what it was counted as is remembered. */
void tcp_port_reclass(struct tern_stack *st, struct tcp_conn *c, uint8_t old)
{
	uint8_t class = tcp_port_class(c);
	struct tcp_port *p;

	(void)old;
	if (!c->has_port)
		return;
	p = slab_at(&st->tcp.ports, c->port);
	p->n[c->port_class]--;
	p->n[class]++;
	c->port_class = class;
}

bool tcp_port_inherit(struct tern_stack *st, struct tcp_conn *c)
{
	c->port = 0;
	c->has_port = 0;
	c->auto_port = 0;
	c->bound_port = 0;
	if (c->any)
		return true;
	return count(st, c, false);
}

/* A TIME_WAIT record comes (by 1) or goes (-1). When it comes its connection
 * still holds the entry, so no memory is needed. */
void tcp_port_tw(struct tern_stack *st, const struct tcp_tw *tw, int by)
{
	struct tern_addr l, r;
	struct tcp_port *p;
	uint8_t class = 0;

	if (!tw->has_port)
		return;
	if (tw->reuseaddr)
		class |= PORT_REUSEADDR;
	if (tw->reuseport)
		class |= PORT_REUSEPORT;
	tcp_addrs_get(tw->addrs, tw->v6, &l, &r);
	p = find_entry(st, &l, tw->lport, tw->v6 && tw->v6only);
	PROMISE(p);
	if (by < 0) {
		uncount(st, p, class, tw->auto_port);
		return;
	}
	p->n[class]++;
	p->n_auto += tw->auto_port;
}

/* May c have the port at this address beside those who have it? share: as
 * SO_REUSE* allow; without it no overlapping user is suffered. */
static bool conflicts(struct tern_stack *st, const struct tcp_conn *c,
		      const struct tern_addr *addr, uint16_t port, bool share)
{
	uint8_t class = tcp_port_class(c);
	uint32_t k;
	struct tcp_port *p = NULL;

	while ((p = next_entry(st, port, p)) != NULL) {
		/* An AF_INET wildcard also meets IPv6 users of a socket that
		 * might have taken IPv4 [Linux]. */
		if (!overlaps(addr, c->v6only, &p->addr, p->v6only) &&
		    (c->v6 || p->v6only || !tern_addr_is_any(addr)))
			continue;
		for (k = 0; k < ARRAY_LEN(p->n); k++) {
			uint32_t n = p->n[k];

			if (c->port == p->id && c->port_class == k)
				n--;
			if (!n)
				continue;
			if (!share)
				return true;
			if (class & k & PORT_REUSEPORT)
				continue;
			if (!(class & k & PORT_REUSEADDR) || k & PORT_LISTEN)
				return true;
		}
	}
	return false;
}

static uint16_t free_port(struct tern_stack *st, const struct tcp_conn *c,
			  const struct port_range *r)
{
	struct tcp_walk w = { .range = *r, .n_keys = 1 };
	uint16_t port;

	if (!r->n)
		return 0;
	w.start = rng_below(&st->rng, r->n);
	w.key[0] = (struct tcp_taken_key){ .kind = TAKEN_BIND,
					   .laddr = c->laddr,
					   .v6 = c->v6,
					   .v6only = c->v6only };
	tcp_walk_begin(st, &w);
	while (tcp_walk_next(st, &w, &port)) {
		if (!conflicts(st, c, &c->laddr, port, false))
			return port;
		tcp_walk_vain(st, &w, 0, port, NEVER);
	}
	return 0;
}

/* bind() to port 0. Who has SO_REUSEADDR will share: the lower half of the range
 * is filled first, so that the upper stays for those who do not. */
static int bind_some_port(struct tern_stack *st, struct tcp_conn *c)
{
	struct port_range r = tcp_port_range(st, c, 1), part = r;
	uint16_t port;

	if (c->reuseaddr && r.n >= 4)
		part.n = r.n / 4 * 2;
	port = free_port(st, c, &part);
	if (!port && part.n < r.n) {
		part.lo = r.lo + part.n;
		part.n = r.n - part.n;
		port = free_port(st, c, &part);
	}
	if (!port)
		return -TERN_EADDRINUSE;
	c->lport = port;
	return count(st, c, false) ? 0 : -TERN_ENOMEM;
}

/* Is the address one that c may have? */
static int check_addr(struct tern_stack *st, const struct tcp_conn *c,
		      const struct tern_addr *addr)
{
	bool v4 = tern_addr_is_v4(addr);

	if (!c->v6 && !v4)
		return -TERN_EAFNOSUPPORT;
	if (c->v6only && v4)
		return -TERN_EINVAL;
	if (tern_addr_is_any(addr) || ip_is_local(st, addr))
		return 0;
	if (ip_is_multicast(addr))
		return v4 ? 0 : -TERN_EINVAL;
	if (v4 && ip_is_broadcast(st, addr))
		return 0;
	/* A link-local address says nothing without its link. */
	if (!v4 && addr->b[0] == 0xfe && (addr->b[1] & 0xc0) == 0x80)
		return -TERN_EINVAL;
	if (c->freebind || c->any || st->tun.ip_nonlocal_bind ||
	    c->opts->bits & OPT_TRANSPARENT)
		return 0;
	return -TERN_EADDRNOTAVAIL;
}

/* The port, with the address set; port 0: some port, or later. */
static int take_port(struct tern_stack *st, struct tcp_conn *c, uint16_t port)
{
	if (c->any) {
		c->lport = port;
		return 0;
	}
	if (!port)
		return c->opts->bits & OPT_BIND_NO_PORT ? 0 :
							  bind_some_port(st, c);
	if (conflicts(st, c, &c->laddr, port, true))
		return -TERN_EADDRINUSE;
	c->lport = port;
	return count(st, c, false) ? 0 : -TERN_ENOMEM;
}

int tcp_port_bind(struct tern_stack *st, struct tcp_conn *c,
		  const struct tern_addr *addr, uint16_t port)
{
	struct tern_addr old = c->laddr, a = *addr;
	bool old_v6only = c->v6only;
	int err;

	if (!c->v6 && tern_addr_is_any(&a))
		a = tern_addr_v4(0, 0, 0, 0);
	err = check_addr(st, c, &a);
	if (err)
		return err;
	if (c->state != TERN_TCP_CLOSE || c->has_port || c->bound_port)
		return -TERN_EINVAL;
	c->laddr = a;
	c->lport = 0;
	/* What is bound to one IPv6 address takes no IPv4 any more. */
	if (!tern_addr_is_any(&a) && !tern_addr_is_v4(&a))
		c->v6only = 1;
	err = take_port(st, c, port);
	if (err) {
		c->laddr = old;
		c->lport = 0;
		c->v6only = old_v6only;
		return err;
	}
	c->bound_addr = !tern_addr_is_any(&a);
	c->bound_port = port != 0;
	return 0;
}

/* Does nothing else have c's 4-tuple? A TIME_WAIT may be taken over; if not yet
 * *again_at is when. */
static bool tuple_is_free(struct tern_stack *st, struct tcp_conn *c,
			  int64_t *again_at)
{
	struct tcp_tw *tw;

	*again_at = NEVER;
	if (tcp_find(st, &c->laddr, c->lport, &c->raddr, c->rport) ||
	    tcp_find_req(st, &c->laddr, c->lport, &c->raddr, c->rport))
		return false;
	tw = tcp_find_tw(st, &c->laddr, c->lport, &c->raddr, c->rport);
	return !tw || tcp_tw_may_reuse(st, tw, c, again_at);
}

/* Has a program asked for this port, at any address? */
static bool is_claimed(struct tern_stack *st, uint16_t port)
{
	struct tcp_port *p = NULL;

	while ((p = next_entry(st, port, p)) != NULL)
		if (n_users(p) > p->n_auto)
			return true;
	return false;
}

static uint32_t connect_start(const struct tern_stack *st,
			      const struct tcp_conn *c)
{
	const uint8_t *l = c->laddr.b, *r = c->raddr.b;
	uint64_t w[5] = {
		(uint64_t)get_be32(l) << 32 | get_be32(l + 4),
		(uint64_t)get_be32(l + 8) << 32 | get_be32(l + 12),
		(uint64_t)get_be32(r) << 32 | get_be32(r + 4),
		(uint64_t)get_be32(r + 8) << 32 | get_be32(r + 12),
		c->rport,
	};

	/* 31 bits: it will be added to. */
	return ((uint32_t)siphash_words(&st->key_port, w, 5) +
		st->tcp.n_ports_chosen) &
	       0x7fffffff;
}

/*
 * Called by connect() with laddr, raddr and rport set, whether the socket has
 * a port or not. EADDRNOTAVAIL: the 4-tuple, or every one of them, is taken.
 */
int tcp_port_connect(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_walk w = { .n_keys = 2 };
	uint16_t old = c->lport;
	int64_t again_at;

	if (c->has_port || c->bound_port) {
		if (!tuple_is_free(st, c, &again_at))
			return -TERN_EADDRNOTAVAIL;
		return tcp_port_moved(st, c) ? 0 : -TERN_ENOMEM;
	}
	w.range = tcp_port_range(st, c, 0);
	/* The next one, the same socket's too, begins elsewhere. */
	st->tcp.n_ports_chosen++;
	w.start = connect_start(st, c);
	w.key[0] = (struct tcp_taken_key){ .kind = TAKEN_TUPLE,
					   .laddr = c->laddr,
					   .raddr = c->raddr,
					   .rport = c->rport };
	w.key[1].kind = TAKEN_CLAIMED;
	tcp_walk_begin(st, &w);
	while (tcp_walk_next(st, &w, &c->lport)) {
		if (is_claimed(st, c->lport)) {
			tcp_walk_vain(st, &w, 1, c->lport, NEVER);
		} else if (!tuple_is_free(st, c, &again_at)) {
			tcp_walk_vain(st, &w, 0, c->lport, again_at);
		} else if (count(st, c, true)) {
			return 0;
		} else {
			c->lport = old;
			return -TERN_ENOMEM;
		}
	}
	c->lport = old;
	return -TERN_EADDRNOTAVAIL;
}

/* Two listeners of TERN_SO_ANY for one port: only as a SO_REUSEPORT group. */
static bool any_conflicts(struct tern_stack *st, const struct tcp_conn *c)
{
	uint32_t id = st->tcp.any_listener;

	while (id) {
		const struct tcp_listener *li = slab_at(&st->tcp.listeners, id);
		const struct tcp_conn *o = conn_at(st, li->conn);

		if (o != c && o->lport == c->lport &&
		    !(o->reuseport && c->reuseport) &&
		    (o->v6 == c->v6 || !(o->v6 ? o->v6only : c->v6only)))
			return true;
		id = li->any_next;
	}
	return false;
}

/* Called by listen() before the state changes; gives a port to a socket that has
 * none. */
int tcp_port_may_listen(struct tern_stack *st, struct tcp_conn *c)
{
	if (c->any && !c->has_port)
		return any_conflicts(st, c) ? -TERN_EADDRINUSE : 0;
	if (!c->has_port)
		return bind_some_port(st, c);
	if (conflicts(st, c, &c->laddr, c->lport, true))
		return -TERN_EADDRINUSE;
	return 0;
}
