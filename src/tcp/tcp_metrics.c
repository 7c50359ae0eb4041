// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is remembered of destinations between connections, for Fast Open: the
 * cookie that a server gave, the MSS that it announced, and whether it ignored
 * the request (RFC 7413 4.1.3).
 *
 * One entry a pair of addresses, found by a keyed hash; the oldest makes room
 * for a new one, so that peers cannot fill memory. Linux keeps round-trip times
 * and ssthresh in the same place; here these are not implemented.
 */
#include "tcp_priv.h"

#define MAX_METRICS 1024u

static uint32_t hash_of(const struct tern_stack *st, const struct tern_addr *l,
			const struct tern_addr *r)
{
	return (uint32_t)tcp_hash_ends(&st->key_hash, l, r, 0);
}

static uint32_t rehash(const void *ctx, const void *object)
{
	const struct tcp_metric *m = object;

	return hash_of(ctx, &m->laddr, &m->raddr);
}

bool tcp_metrics_init(struct tern_stack *st)
{
	struct tcp_state *t = &st->tcp;

	slab_init(&t->metrics, &st->mem, sizeof(struct tcp_metric),
		  st->cfg.plain_alloc);
	return idhash_init(&t->metrics_by_ends, &t->metrics,
			   offsetof(struct tcp_metric, hash_next), rehash, st);
}

void tcp_metrics_fini(struct tern_stack *st)
{
	tcp_metrics_flush(st);
	idhash_fini(&st->tcp.metrics_by_ends);
	slab_fini(&st->tcp.metrics);
}

struct tcp_metric *tcp_metric_find(struct tern_stack *st,
				   const struct tern_addr *l,
				   const struct tern_addr *r)
{
	const struct idhash *h = &st->tcp.metrics_by_ends;
	uint32_t id = idhash_first(h, hash_of(st, l, r));

	for (; id; id = idhash_next(h, id)) {
		struct tcp_metric *m = slab_at(&st->tcp.metrics, id);

		if (!memcmp(&m->laddr, l, sizeof(*l)) &&
		    !memcmp(&m->raddr, r, sizeof(*r)))
			return m;
	}
	return NULL;
}

static void forget_oldest(struct tern_stack *st)
{
	struct tcp_state *t = &st->tcp;
	uint32_t id = t->metrics_head;
	struct tcp_metric *m = slab_at(&t->metrics, id);

	t->metrics_head = m->next;
	if (!m->next)
		t->metrics_tail = 0;
	idhash_remove(&t->metrics_by_ends, id,
		      hash_of(st, &m->laddr, &m->raddr));
	slab_free(&t->metrics, id);
}

struct tcp_metric *tcp_metric_get(struct tern_stack *st,
				  const struct tern_addr *l,
				  const struct tern_addr *r)
{
	struct tcp_state *t = &st->tcp;
	struct tcp_metric *m = tcp_metric_find(st, l, r);
	uint32_t id;

	if (m)
		return m;
	if (t->metrics.n_used >= MAX_METRICS)
		forget_oldest(st);
	id = slab_alloc(&t->metrics);
	if (!id)
		return NULL;
	m = slab_at(&t->metrics, id);
	m->laddr = *l;
	m->raddr = *r;
	if (t->metrics_tail)
		((struct tcp_metric *)slab_at(&t->metrics, t->metrics_tail))
			->next = id;
	else
		t->metrics_head = id;
	t->metrics_tail = id;
	idhash_insert(&t->metrics_by_ends, id, hash_of(st, l, r));
	return m;
}

void tcp_metrics_flush(struct tern_stack *st)
{
	while (st->tcp.metrics_head)
		forget_oldest(st);
}
