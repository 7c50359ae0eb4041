// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who is who on the wire: the tables that a segment is looked up in.
 *
 *	by_tuple	connections, from SYN_SENT on
 *	req_by_tuple	half-open entries, a table for each family
 *	tw_by_tuple	TIME_WAIT, likewise
 *	listening	listeners, by local address and port
 *	any_listener	listeners of TERN_SO_ANY, a list: there are few
 *
 * All hashes are keyed, so that nobody can aim at one bucket; IPv4 hashes two
 * words, IPv6 five. A listener is found in at most three looks (its address,
 * the wildcard of either family), however many there are; of those that match
 * equally well in a SO_REUSEPORT group, a hash of the 4-tuple picks one.
 *
 * Which table a connection is in is known by conn.hash_next: a listener has
 * IN_LISTENING or IN_ANY there, since its state may have changed before it is
 * taken out.
 */
#include "tcp_priv.h"

/* No slab id is as large. */
#define IN_LISTENING UINT32_MAX
#define IN_ANY (UINT32_MAX - 1)

static uint64_t addr_word(const struct tern_addr *a, uint32_t at)
{
	return (uint64_t)get_be32(a->b + at) << 32 | get_be32(a->b + at + 4);
}

static inline bool same_addr(const struct tern_addr *a,
			     const struct tern_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

uint64_t tcp_hash_ends(const struct sipkey *key, const struct tern_addr *l,
		       const struct tern_addr *r, uint32_t ports)
{
	uint64_t w[5];

	if (tern_addr_is_v4(l)) {
		w[0] = (uint64_t)get_be32(l->b + 12) << 32 |
		       get_be32(r->b + 12);
		w[1] = ports;
		return siphash_words(key, w, 2);
	}
	w[0] = addr_word(l, 0);
	w[1] = addr_word(l, 8);
	w[2] = addr_word(r, 0);
	w[3] = addr_word(r, 8);
	w[4] = ports;
	return siphash_words(key, w, 5);
}

uint32_t tcp_tuple_hash(const struct tern_stack *st, const struct tern_addr *l,
			uint16_t lport, const struct tern_addr *r,
			uint16_t rport)
{
	return (uint32_t)tcp_hash_ends(&st->key_hash, l, r,
				       (uint32_t)lport << 16 | rport);
}

static uint32_t listen_hash(const struct tern_stack *st,
			    const struct tern_addr *l, uint16_t lport)
{
	uint64_t w[3] = { addr_word(l, 0), addr_word(l, 8), lport };

	return (uint32_t)siphash_words(&st->key_hash, w, 3);
}

void tcp_addrs_put(uint8_t *to, bool v6, const struct tern_addr *l,
		   const struct tern_addr *r)
{
	if (v6) {
		memcpy(to, l->b, 16);
		memcpy(to + 16, r->b, 16);
	} else {
		memcpy(to, l->b + 12, 4);
		memcpy(to + 4, r->b + 12, 4);
	}
}

void tcp_addrs_get(const uint8_t *from, bool v6, struct tern_addr *l,
		   struct tern_addr *r)
{
	if (v6) {
		memcpy(l->b, from, 16);
		memcpy(r->b, from + 16, 16);
	} else {
		*l = tern_addr_v4(from[0], from[1], from[2], from[3]);
		*r = tern_addr_v4(from[4], from[5], from[6], from[7]);
	}
}

struct tcp_conn *tcp_find(struct tern_stack *st, const struct tern_addr *l,
			  uint16_t lport, const struct tern_addr *r,
			  uint16_t rport)
{
	uint32_t hash = tcp_tuple_hash(st, l, lport, r, rport);
	uint32_t id = idhash_first(&st->tcp.by_tuple, hash);

	while (id) {
		struct tcp_conn *c = conn_at(st, id);

		if (c->rport == rport && c->lport == lport &&
		    same_addr(&c->raddr, r) && same_addr(&c->laddr, l))
			return c;
		id = c->hash_next;
	}
	return NULL;
}

struct tcp_req *tcp_find_req(struct tern_stack *st, const struct tern_addr *l,
			     uint16_t lport, const struct tern_addr *r,
			     uint16_t rport)
{
	bool v6 = !tern_addr_is_v4(l);
	struct idhash *h = &st->tcp.req_by_tuple[v6];
	uint32_t hash, id;
	uint8_t key[32];

	if (!st->tcp.reqs[v6].n_used)
		return NULL;
	hash = tcp_tuple_hash(st, l, lport, r, rport);
	tcp_addrs_put(key, v6, l, r);
	for (id = idhash_first(h, hash); id;) {
		struct tcp_req *q = slab_at(&st->tcp.reqs[v6], id);

		if (q->rport == rport && q->lport == lport &&
		    !memcmp(q->addrs, key, TCP_ADDRS_LEN(v6)))
			return q;
		id = q->hash_next;
	}
	return NULL;
}

struct tcp_tw *tcp_find_tw(struct tern_stack *st, const struct tern_addr *l,
			   uint16_t lport, const struct tern_addr *r,
			   uint16_t rport)
{
	bool v6 = !tern_addr_is_v4(l);
	struct idhash *h = &st->tcp.tw_by_tuple[v6];
	uint32_t hash, id;
	uint8_t key[32];

	if (!st->tcp.tws[v6].n_used)
		return NULL;
	hash = tcp_tuple_hash(st, l, lport, r, rport);
	tcp_addrs_put(key, v6, l, r);
	for (id = idhash_first(h, hash); id;) {
		struct tcp_tw *tw = slab_at(&st->tcp.tws[v6], id);

		if (tw->rport == rport && tw->lport == lport &&
		    !memcmp(tw->addrs, key, TCP_ADDRS_LEN(v6)))
			return tw;
		id = tw->hash_next;
	}
	return NULL;
}

/* One search among listeners: what matches best, and how many equals it has in
 * its SO_REUSEPORT group. */
struct search {
	bool v4; /* the packet */
	uint16_t port;
	int score;
	uint32_t n;
	uint32_t take; /* of the equals, counted from 0 */
	struct tcp_conn *found;
};

/* As Linux scores: an AF_INET socket is nearer to IPv4 than a dual-stack one.
 * 0: does not match. */
static int score(const struct search *s, const struct tcp_conn *c)
{
	if (s->v4)
		return !c->v6 ? 2 : !c->v6only;
	return c->v6;
}

static void consider(struct search *s, struct tcp_conn *c, int sc)
{
	if (!sc || sc < s->score)
		return;
	if (sc > s->score) {
		s->score = sc;
		s->n = 0;
	} else if (!c->reuseport) {
		return; /* the first one found stays */
	}
	if (s->n++ <= s->take)
		s->found = c;
}

static void search_bucket(struct tern_stack *st, struct search *s,
			  const struct tern_addr *l)
{
	uint32_t hash = listen_hash(st, l, s->port);
	uint32_t id = idhash_first(&st->tcp.listening, hash);

	while (id) {
		struct tcp_listener *li = slab_at(&st->tcp.listeners, id);
		struct tcp_conn *c = conn_at(st, li->conn);

		if (c->lport == s->port && same_addr(&c->laddr, l))
			consider(s, c, score(s, c));
		id = li->hash_next;
	}
}

static void search_exact(struct tern_stack *st, struct search *s,
			 const struct tern_addr *l)
{
	search_bucket(st, s, l);
}

static void search_wildcard(struct tern_stack *st, struct search *s,
			    const struct tern_addr *l)
{
	static const struct tern_addr any6;
	const struct tern_addr any4 = tern_addr_v4(0, 0, 0, 0);

	(void)l;
	if (s->v4)
		search_bucket(st, s, &any4);
	search_bucket(st, s, &any6);
}

/* TERN_SO_ANY: one bound to the port before one that takes any port. */
static void search_any(struct tern_stack *st, struct search *s,
		       const struct tern_addr *l)
{
	uint32_t id = st->tcp.any_listener;

	(void)l;
	while (id) {
		struct tcp_listener *li = slab_at(&st->tcp.listeners, id);
		struct tcp_conn *c = conn_at(st, li->conn);
		int sc = score(s, c);

		if (sc && c->lport == s->port)
			sc += 2;
		if (!c->lport || c->lport == s->port)
			consider(s, c, sc);
		id = li->any_next;
	}
}

struct tcp_conn *tcp_find_listener(struct tern_stack *st,
				   const struct tern_addr *l, uint16_t lport,
				   const struct tern_addr *r, uint16_t rport)
{
	static void (*const rounds[])(struct tern_stack *, struct search *,
				      const struct tern_addr *) = {
		search_exact,
		search_wildcard,
		search_any,
	};
	struct search s;
	uint32_t i, hash;

	for (i = 0; i < ARRAY_LEN(rounds); i++) {
		s = (struct search){ .v4 = tern_addr_is_v4(l), .port = lport };
		rounds[i](st, &s, l);
		if (!s.found)
			continue;
		if (s.n == 1)
			return s.found;
		/* Again, now that it is known among how many to choose. */
		hash = tcp_tuple_hash(st, l, lport, r, rport);
		s.take = (uint32_t)((uint64_t)hash * s.n >> 32);
		s.score = 0;
		s.n = 0;
		rounds[i](st, &s, l);
		return s.found;
	}
	return NULL;
}

int tcp_listener_number(struct tern_stack *st, const struct tern_addr *l,
			uint16_t lport, const struct tern_addr *r,
			uint16_t rport)
{
	const struct tcp_conn *c = tcp_find_listener(st, l, lport, r, rport);

	return c ? c->s : -1;
}

static void hash_listener(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_listener *li = c->listener;

	if (c->any) {
		li->any_next = st->tcp.any_listener;
		st->tcp.any_listener = li->id;
		c->hash_next = IN_ANY;
		return;
	}
	idhash_insert(&st->tcp.listening, li->id,
		      listen_hash(st, &c->laddr, c->lport));
	c->hash_next = IN_LISTENING;
}

static void unhash_any(struct tern_stack *st, const struct tcp_listener *gone)
{
	uint32_t *link = &st->tcp.any_listener;

	while (*link != gone->id) {
		struct tcp_listener *li = slab_at(&st->tcp.listeners, *link);

		link = &li->any_next;
	}
	*link = gone->any_next;
}

void tcp_hash(struct tern_stack *st, struct tcp_conn *c)
{
	PROMISE(!c->hashed);
	c->hashed = 1;
	/* ip/ lets what is not to us through to us. */
	st->ip.n_any_tcp += c->any;
	if (c->state == TERN_TCP_LISTEN) {
		hash_listener(st, c);
		tcp_port_reclass(st, c, 0);
		return;
	}
	idhash_insert(&st->tcp.by_tuple, c->id,
		      tcp_tuple_hash(st, &c->laddr, c->lport, &c->raddr,
				     c->rport));
}

/* Does nothing if it is in no table. A listener is taken out before its struct
 * tcp_listener goes. */
void tcp_unhash(struct tern_stack *st, struct tcp_conn *c)
{
	bool listened = c->hash_next >= IN_ANY;

	if (!c->hashed)
		return;
	c->hashed = 0;
	st->ip.n_any_tcp -= c->any;
	if (c->hash_next == IN_ANY) {
		unhash_any(st, c->listener);
	} else if (c->hash_next == IN_LISTENING) {
		idhash_remove(&st->tcp.listening, c->listener->id,
			      listen_hash(st, &c->laddr, c->lport));
	} else {
		idhash_remove(&st->tcp.by_tuple, c->id,
			      tcp_tuple_hash(st, &c->laddr, c->lport, &c->raddr,
					     c->rport));
		tcp_taken_tuple_free(st, &c->laddr, c->lport, &c->raddr,
				     c->rport);
	}
	c->hash_next = 0;
	if (listened)
		tcp_port_reclass(st, c, 0);
}

/* The hashes again, for a table that grows. */

static uint32_t rehash_conn(const void *ctx, const void *object)
{
	const struct tcp_conn *c = object;

	return tcp_tuple_hash(ctx, &c->laddr, c->lport, &c->raddr, c->rport);
}

static uint32_t rehash_listener(const void *ctx, const void *object)
{
	const struct tern_stack *st = ctx;
	const struct tcp_listener *li = object;
	const struct tcp_conn *c = conn_at(st, li->conn);

	return listen_hash(st, &c->laddr, c->lport);
}

static uint32_t rehash_req(const void *ctx, const void *object)
{
	const struct tcp_req *q = object;
	struct tern_addr l, r;

	tcp_addrs_get(q->addrs, q->v6, &l, &r);
	return tcp_tuple_hash(ctx, &l, q->lport, &r, q->rport);
}

static uint32_t rehash_tw(const void *ctx, const void *object)
{
	const struct tcp_tw *tw = object;
	struct tern_addr l, r;

	tcp_addrs_get(tw->addrs, tw->v6, &l, &r);
	return tcp_tuple_hash(ctx, &l, tw->lport, &r, tw->rport);
}

static void init_slabs(struct tern_stack *st)
{
	struct tcp_state *t = &st->tcp;
	bool plain = st->cfg.plain_alloc;
	uint32_t v6;

	slab_init(&t->conns, &st->mem, sizeof(struct tcp_conn), plain);
	slab_init(&t->hists, &st->mem, sizeof(struct tcp_hist), plain);
	slab_init(&t->hists_accecn, &st->mem, sizeof(struct tcp_hist_accecn),
		  plain);
	slab_init(&t->actives, &st->mem, sizeof(struct tcp_active), plain);
	slab_init(&t->segs, &st->mem, sizeof(struct tcp_seg), plain);
	slab_init(&t->opts, &st->mem, sizeof(struct tcp_opts), plain);
	slab_init(&t->listeners, &st->mem, sizeof(struct tcp_listener), plain);
	tcp_fastopen_init(st);
	slab_init(&t->ports, &st->mem, sizeof(struct tcp_port), plain);
	slab_init(&t->notes, &st->mem, sizeof(struct tcp_notes), plain);
	slab_init(&t->lends, &st->mem, sizeof(struct tcp_lend), plain);
	slab_init(&t->lents, &st->mem, tcp_lent_size, plain);
	wheel_init(&t->conn_wheel, &t->conns, offsetof(struct tcp_conn, timer),
		   st->now);
	for (v6 = 0; v6 < 2; v6++) {
		slab_init(&t->reqs[v6], &st->mem,
			  sizeof(struct tcp_req) + TCP_ADDRS_LEN(v6), plain);
		slab_init(&t->tws[v6], &st->mem,
			  sizeof(struct tcp_tw) + TCP_ADDRS_LEN(v6), plain);
		wheel_init(&t->req_wheel[v6], &t->reqs[v6],
			   offsetof(struct tcp_req, timer), st->now);
		wheel_init(&t->tw_wheel[v6], &t->tws[v6],
			   offsetof(struct tcp_tw, timer), st->now);
	}
}

bool tcp_tables_init(struct tern_stack *st)
{
	struct tcp_state *t = &st->tcp;

	init_slabs(st);
	if (idhash_init(&t->by_tuple, &t->conns,
			offsetof(struct tcp_conn, hash_next), rehash_conn,
			st) &&
	    idhash_init(&t->listening, &t->listeners,
			offsetof(struct tcp_listener, hash_next),
			rehash_listener, st) &&
	    idhash_init(&t->req_by_tuple[0], &t->reqs[0],
			offsetof(struct tcp_req, hash_next), rehash_req, st) &&
	    idhash_init(&t->req_by_tuple[1], &t->reqs[1],
			offsetof(struct tcp_req, hash_next), rehash_req, st) &&
	    idhash_init(&t->tw_by_tuple[0], &t->tws[0],
			offsetof(struct tcp_tw, hash_next), rehash_tw, st) &&
	    idhash_init(&t->tw_by_tuple[1], &t->tws[1],
			offsetof(struct tcp_tw, hash_next), rehash_tw, st) &&
	    tcp_kept_init(st) && tcp_saved_init(st) && tcp_metrics_init(st) &&
	    tcp_ports_init(st))
		return true;
	tcp_tables_fini(st);
	return false;
}

void tcp_tables_fini(struct tern_stack *st)
{
	struct tcp_state *t = &st->tcp;
	int v6;

	tcp_ports_fini(st);
	tcp_kept_fini(st);
	tcp_saved_fini(st);
	tcp_metrics_fini(st);
	slab_fini(&t->fo_resets);
	idhash_fini(&t->by_tuple);
	idhash_fini(&t->listening);
	for (v6 = 0; v6 < 2; v6++) {
		idhash_fini(&t->req_by_tuple[v6]);
		idhash_fini(&t->tw_by_tuple[v6]);
		slab_fini(&t->reqs[v6]);
		slab_fini(&t->tws[v6]);
	}
	slab_fini(&t->conns);
	slab_fini(&t->hists);
	slab_fini(&t->hists_accecn);
	slab_fini(&t->actives);
	slab_fini(&t->segs);
	slab_fini(&t->opts);
	slab_fini(&t->listeners);
	slab_fini(&t->ports);
	slab_fini(&t->notes);
	slab_fini(&t->lends);
	slab_fini(&t->lents);
}
