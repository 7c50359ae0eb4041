// SPDX-License-Identifier: BSD-2-Clause
/*
 * TCP_SAVE_SYN: the headers of the SYN that a connection began with, for the
 * program to look at (TCP_SAVED_SYN): which system is it, by what path.
 *
 *	SYN --> half-open entry --> connection --> read once, then gone
 *	   tcp_saved_take   tcp_saved_pass    tcp_saved_drop
 *
 * Few listeners ask for it, so a record is found by its owner's number, and who
 * has none pays for one bit. Links carry IP packets: the link's header, which a
 * 2 asks for, is no bytes here, as of a TUN device. A cookie keeps nothing, and
 * so no SYN.
 */
#include "tcp_priv.h"

struct tcp_saved {
	uint32_t id, hash_next;
	uint32_t owner;
	uint16_t len;
	uint8_t bytes[PKT_PULL];
};

/* Whose: a connection's number, or a half-open entry's of one family. */
static uint32_t of_conn(const struct tcp_conn *c)
{
	return c->id << 2;
}

static uint32_t of_req(const struct tcp_req *q)
{
	return q->id << 2 | 2 | q->v6;
}

static uint32_t hash_of(uint32_t owner)
{
	return owner * 2654435761u >> 7; /* 2^32 / golden ratio */
}

static uint32_t rehash_saved(const void *ctx, const void *object)
{
	(void)ctx;
	return hash_of(((const struct tcp_saved *)object)->owner);
}

bool tcp_saved_init(struct tern_stack *st)
{
	struct tcp_state *t = &st->tcp;

	slab_init(&t->saved, &st->mem, sizeof(struct tcp_saved),
		  st->cfg.plain_alloc);
	return idhash_init(&t->saved_by_owner, &t->saved,
			   offsetof(struct tcp_saved, hash_next), rehash_saved,
			   st);
}

void tcp_saved_fini(struct tern_stack *st)
{
	idhash_fini(&st->tcp.saved_by_owner);
	slab_fini(&st->tcp.saved);
}

static struct tcp_saved *find(const struct tern_stack *st, uint32_t owner)
{
	const struct idhash *h = &st->tcp.saved_by_owner;
	uint32_t id = idhash_first(h, hash_of(owner));
	struct tcp_saved *s;

	for (; id; id = s->hash_next) {
		s = slab_at(h->slab, id);
		if (s->owner == owner)
			return s;
	}
	return NULL;
}

static void take_out(struct tern_stack *st, struct tcp_saved *s)
{
	idhash_remove(&st->tcp.saved_by_owner, s->id, hash_of(s->owner));
}

static void put_in(struct tern_stack *st, struct tcp_saved *s, uint32_t owner)
{
	s->owner = owner;
	idhash_insert(&st->tcp.saved_by_owner, s->id, hash_of(owner));
}

static bool take(struct tern_stack *st, const struct tcp_conn *listener,
		 const struct tcp_in *in, uint32_t owner)
{
	struct tcp_saved *s;
	uint32_t id;

	if (likely(!listener->opts->save_syn))
		return false;
	id = slab_alloc(&st->tcp.saved);
	if (!id)
		return false; /* the connection matters more */
	s = slab_at(&st->tcp.saved, id);
	s->id = id;
	s->len = (uint16_t)min_u32(in->ip->hdr_len + in->h.hdr_len, PKT_PULL);
	memcpy(s->bytes, in->pkt->data, s->len);
	put_in(st, s, owner);
	return true;
}

void tcp_saved_take(struct tern_stack *st, const struct tcp_conn *listener,
		    const struct tcp_in *in, struct tcp_req *q)
{
	q->has_syn = take(st, listener, in, of_req(q));
}

void tcp_saved_take_child(struct tern_stack *st,
			  const struct tcp_conn *listener,
			  const struct tcp_in *in, struct tcp_conn *c)
{
	c->has_syn = take(st, listener, in, of_conn(c));
}

void tcp_saved_pass(struct tern_stack *st, struct tcp_req *q,
		    struct tcp_conn *c)
{
	struct tcp_saved *s = q->has_syn ? find(st, of_req(q)) : NULL;

	q->has_syn = 0;
	if (!s)
		return;
	take_out(st, s);
	put_in(st, s, of_conn(c));
	c->has_syn = 1;
}

static void drop(struct tern_stack *st, uint32_t owner)
{
	struct tcp_saved *s = find(st, owner);

	if (!s)
		return;
	take_out(st, s);
	slab_free(&st->tcp.saved, s->id);
}

void tcp_saved_drop(struct tern_stack *st, struct tcp_conn *c)
{
	if (c->has_syn)
		drop(st, of_conn(c));
	c->has_syn = 0;
}

void tcp_saved_drop_req(struct tern_stack *st, struct tcp_req *q)
{
	if (q->has_syn)
		drop(st, of_req(q));
	q->has_syn = 0;
}

const uint8_t *tcp_saved_of(const struct tern_stack *st,
			    const struct tcp_conn *c, size_t *len)
{
	const struct tcp_saved *s = c->has_syn ? find(st, of_conn(c)) : NULL;

	*len = s ? s->len : 0;
	return s ? s->bytes : NULL;
}
