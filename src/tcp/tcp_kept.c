// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a congestion controller and RACK remember while their connection is
 * idle.
 *
 * An idle connection has no active block, and most controllers have nothing to
 * say then: in slow start with nothing lost, what counts is in the control
 * block. The others' words wait here, found by the connection's number, so
 * that the control block need not grow for them; and so does a reordering
 * window that a D-SACK widened, or is about to.
 */
#include "tcp_priv.h"

struct tcp_kept {
	uint32_t id, hash_next;
	uint32_t conn;
	uint32_t lost, app_limited;
	uint64_t pacing_rate;
	uint64_t words[TERN_CC_PRIV_WORDS];
	bool of_cc; /* or for RACK alone */
	struct {
		uint32_t last_delivered;
		uint8_t steps, persist;
		bool dsack_seen;
	} rack;
};

static uint32_t hash_of(uint32_t conn)
{
	return conn * 2654435761u >> 7; /* 2^32 / golden ratio */
}

static uint32_t rehash_kept(const void *ctx, const void *object)
{
	(void)ctx;
	return hash_of(((const struct tcp_kept *)object)->conn);
}

bool tcp_kept_init(struct tern_stack *st)
{
	struct tcp_state *t = &st->tcp;

	slab_init(&t->kept, &st->mem, sizeof(struct tcp_kept),
		  st->cfg.plain_alloc);
	return idhash_init(&t->kept_by_conn, &t->kept,
			   offsetof(struct tcp_kept, hash_next), rehash_kept,
			   st);
}

void tcp_kept_fini(struct tern_stack *st)
{
	idhash_fini(&st->tcp.kept_by_conn);
	slab_fini(&st->tcp.kept);
}

static struct tcp_kept *find(const struct tern_stack *st,
			     const struct tcp_conn *c)
{
	const struct idhash *h = &st->tcp.kept_by_conn;
	uint32_t id;

	if (!c->has_kept)
		return NULL;
	id = idhash_first(h, hash_of(c->id));
	while (id) {
		struct tcp_kept *k = slab_at(h->slab, id);

		if (k->conn == c->id)
			return k;
		id = k->hash_next;
	}
	return NULL;
}

void tcp_kept_drop(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_kept *k = find(st, c);

	c->has_kept = false;
	if (!k)
		return;
	idhash_remove(&st->tcp.kept_by_conn, k->id, hash_of(c->id));
	slab_free(&st->tcp.kept, k->id);
}

static bool rack_keeps(const struct tcp_conn *c)
{
	const struct tcp_active *a = c->act;

	return a->rack.dsack_seen || a->rack.persist || a->rack.steps > 1;
}

bool tcp_kept_save(struct tern_stack *st, struct tcp_conn *c)
{
	bool of_cc = tcp_cc_keeps(st, c);
	struct tcp_kept *k;
	uint32_t id;

	if (!of_cc && !rack_keeps(c))
		return true;
	id = slab_alloc(&st->tcp.kept);
	if (!id)
		return false;
	k = slab_at(&st->tcp.kept, id);
	k->id = id;
	k->conn = c->id;
	k->of_cc = of_cc;
	k->rack.last_delivered = c->act->rack.last_delivered;
	k->rack.steps = c->act->rack.steps;
	k->rack.persist = c->act->rack.persist;
	k->rack.dsack_seen = c->act->rack.dsack_seen;
	k->lost = c->act->lost;
	k->app_limited = c->act->app_limited;
	k->pacing_rate = c->act->pacing_rate;
	memcpy(k->words, c->act->cc_priv, sizeof(k->words));
	idhash_insert(&st->tcp.kept_by_conn, id, hash_of(c->id));
	c->has_kept = true;
	return true;
}

bool tcp_kept_load(struct tern_stack *st, struct tcp_conn *c)
{
	const struct tcp_kept *k = find(st, c);
	bool of_cc;

	if (!k)
		return false;
	of_cc = k->of_cc;
	c->act->rack.last_delivered = k->rack.last_delivered;
	c->act->rack.steps = k->rack.steps;
	c->act->rack.persist = k->rack.persist;
	c->act->rack.dsack_seen = k->rack.dsack_seen;
	c->act->lost = k->lost;
	c->act->app_limited = k->app_limited;
	c->act->pacing_rate = k->pacing_rate;
	memcpy(c->act->cc_priv, k->words, sizeof(k->words));
	tcp_kept_drop(st, c);
	return of_cc;
}

uint64_t tcp_kept_pacing(const struct tern_stack *st, const struct tcp_conn *c)
{
	const struct tcp_kept *k = find(st, c);

	return k ? k->pacing_rate : 0;
}
