// SPDX-License-Identifier: BSD-2-Clause
/* The streams of the flight recorder: where they are found, what they hold, and
 * which goes first when there are too many. */
#include "stack_flight.h"

#include "stack_text.h"

/* Lists, by last call. */

static void unlist(struct flight *f, struct flight_stream *s)
{
	struct flight_list *l = &f->lists[s->list];

	if (s->older)
		s->older->newer = s->newer;
	else
		l->oldest = s->newer;
	if (s->newer)
		s->newer->older = s->older;
	else
		l->newest = s->older;
}

static void enlist(struct flight *f, struct flight_stream *s)
{
	struct flight_list *l;

	if (!s->n_socks && !(s->was_open && s->ended_at == NEVER))
		s->list = FLIGHT_OVER;
	else if (s->is_lost || (s->is_listener && s->n_socks))
		s->list = FLIGHT_KEPT;
	else
		s->list = FLIGHT_LIVE;
	l = &f->lists[s->list];
	s->older = l->newest;
	s->newer = NULL;
	if (l->newest)
		l->newest->newer = s;
	else
		l->oldest = s;
	l->newest = s;
}

void stack_flight_touch(struct flight *f, struct flight_stream *s)
{
	unlist(f, s);
	enlist(f, s);
}

/* The hash is the same for both directions. */
static uint32_t bucket_of(const struct tern_sockaddr *a,
			  const struct tern_sockaddr *b)
{
	uint32_t h =
		a->port * UINT32_C(2654435761) + b->port * UINT32_C(2654435761);
	int i;

	for (i = 0; i < 16; i += 4)
		h += get_be32(a->addr.b + i) * UINT32_C(0x9e3779b1) +
		     get_be32(b->addr.b + i) * UINT32_C(0x9e3779b1);
	return (h ^ h >> 15) % FLIGHT_BUCKETS;
}

static bool is_at(const struct tern_sockaddr *a, const struct tern_sockaddr *b)
{
	return a->port == b->port && tern_addr_equal(&a->addr, &b->addr);
}

struct flight_stream *stack_flight_find(struct flight *f,
					const struct tern_sockaddr *local,
					const struct tern_sockaddr *remote)
{
	struct flight_stream *s = f->buckets[bucket_of(local, remote)];

	for (; s; s = s->next_hash) {
		if ((is_at(&s->local, local) && is_at(&s->remote, remote)) ||
		    (is_at(&s->local, remote) && is_at(&s->remote, local)))
			break;
	}
	return s;
}

static void unhash(struct flight *f, struct flight_stream *s)
{
	struct flight_stream **at;

	if (!s->has_ends)
		return;
	at = &f->buckets[bucket_of(&s->local, &s->remote)];
	while (*at && *at != s)
		at = &(*at)->next_hash;
	if (*at)
		*at = s->next_hash;
	s->has_ends = false;
}

void stack_flight_join(struct flight *f, struct flight_stream *s,
		       const struct tern_sockaddr *local,
		       const struct tern_sockaddr *remote)
{
	struct flight_stream **at;

	unhash(f, s);
	s->local = *local;
	s->remote = *remote;
	s->has_ends = true;
	at = &f->buckets[bucket_of(local, remote)];
	s->next_hash = *at;
	*at = s;
}

/* Memory. */

void stack_flight_empty(struct flight *f, struct flight_stream *s)
{
	while (s->first) {
		struct flight_entry *e = s->first;

		s->first = e->next;
		mem_free(&f->mem, e, sizeof(*e) + e->n);
	}
	s->last = NULL;
	f->size -= s->size;
	s->size = 0;
	f->open = NULL; /* it may have been among them */
}

void stack_flight_drop(struct flight *f, struct flight_stream *s)
{
	int i;

	stack_flight_empty(f, s);
	unlist(f, s);
	unhash(f, s);
	if (s->listener)
		s->listener->refs--;
	for (i = 0; s->n_socks && i < f->n_sockets; i++)
		if (f->sockets[i] == s)
			f->sockets[i] = NULL;
	mem_free(&f->mem, s, sizeof(*s));
	f->size -= sizeof(*s);
}

static struct flight_stream *oldest(struct flight_list *l)
{
	struct flight_stream *s = l->oldest;

	while (s && s->refs)
		s = s->newer;
	return s;
}

/* Those that are over go whole. Of one that lives its end is still to be told,
 * so it stays without what it did. */
void stack_flight_make_room(struct flight *f)
{
	struct flight_stream *s;

	while (f->size > f->most && (s = oldest(&f->lists[FLIGHT_OVER])))
		stack_flight_drop(f, s);
	while (f->size > f->most && (s = oldest(&f->lists[FLIGHT_LIVE]))) {
		stack_flight_empty(f, s);
		s->is_lost = true;
		stack_flight_touch(f, s);
	}
}

struct flight_stream *stack_flight_new(struct flight *f)
{
	struct flight_stream *s = mem_zalloc(&f->mem, sizeof(*s));

	if (!s)
		return NULL;
	s->id = ++f->n_streams;
	s->ended_at = NEVER;
	f->size += sizeof(*s);
	enlist(f, s);
	return s;
}

void stack_flight_set_socket(struct flight *f, int64_t number,
			     struct flight_stream *s)
{
	struct flight_stream **more;
	int n = f->n_sockets;

	while (number >= n)
		n = n ? 2 * n : 64;
	if (n > f->n_sockets) {
		more = mem_zalloc(&f->mem, (size_t)n * sizeof(*more));
		if (!more)
			return;
		if (f->n_sockets)
			memcpy(more, f->sockets,
			       (size_t)f->n_sockets * sizeof(*more));
		mem_free(&f->mem, f->sockets,
			 (size_t)f->n_sockets * sizeof(*more));
		f->sockets = more;
		f->n_sockets = n;
	}
	f->sockets[number] = s;
	s->n_socks++;
}

struct flight_stream *stack_flight_of(const struct flight *f, int s)
{
	return s >= 0 && s < f->n_sockets ? f->sockets[s] : NULL;
}

struct flight_entry *stack_flight_append(struct flight *f,
					 struct flight_stream *s,
					 const struct call *c, size_t n)
{
	struct flight_entry *e;

	if (s->is_lost)
		return NULL;
	e = mem_zalloc(&f->mem, sizeof(*e) + n);
	if (!e) {
		s->is_lost = true;
		stack_flight_empty(f, s);
		if (s != &f->setup)
			stack_flight_touch(f, s);
		return NULL;
	}
	e->order = f->order;
	e->now = c->now;
	e->op = (uint8_t)c->op;
	e->s = c->s;
	e->n = (uint32_t)n;
	memcpy(e->arg, c->arg, sizeof(e->arg));
	if (s->last)
		s->last->next = e;
	else
		s->first = e;
	s->last = e;
	s->size += sizeof(*e) + n;
	f->size += sizeof(*e) + n;
	if (s != &f->setup)
		stack_flight_touch(f, s);
	return e;
}

/* What goes in besides numbers and packets. */
struct flight_entry *stack_flight_append_call(struct flight *f,
					      struct flight_stream *s,
					      const struct call *c)
{
	const struct tern_msg *msg = c->in;
	const char *const *pair = c->in;
	struct flight_entry *e;
	size_t n;
	int i;

	switch ((enum call_shape)stack_door_rows[c->op].in) {
	case SHAPE_BYTES:
		/* A controller is its code. */
		n = c->op == CALL_CC_REGISTER ? sizeof(c->out) : c->in_len;
		e = stack_flight_append(f, s, c, n);
		if (e && n)
			memcpy(e->bytes,
			       c->op == CALL_CC_REGISTER ?
				       (const void *)&c->out :
				       c->in,
			       n);
		return e;
	case SHAPE_PAIR:
		n = str_len(pair[0]) + 1;
		e = stack_flight_append(f, s, c, n + str_len(pair[1]) + 1);
		if (e) {
			memcpy(e->bytes, pair[0], n);
			memcpy(e->bytes + n, pair[1], e->n - n);
		}
		return e;
	case SHAPE_MSG:
		e = stack_flight_append(f, s, c,
					msg->name ? sizeof(*msg->name) : 0);
		if (e && msg->name)
			memcpy(e->bytes, msg->name, sizeof(*msg->name));
		for (i = 0; e && i < msg->n_iov; i++)
			e->n_data += (uint32_t)msg->iov[i].len;
		return e;
	case SHAPE_NONE:
	case SHAPE_PKTS:
	case SHAPE_FRAGS:
	case SHAPE_CC:
		break;
	}
	return stack_flight_append(f, s, c, 0);
}
