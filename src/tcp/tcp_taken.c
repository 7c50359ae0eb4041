// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ports that need not be tried again.
 *
 * A search for a free port tries one after the other, and near exhaustion
 * nearly all are taken: without a memory the 28,232nd connection to one
 * destination would cost 14,116 looks into three tables, and so would each one
 * refused after it. So a search that failed PATIENCE times begins a map, a bit
 * for each port of the range, of those found taken, and the next one passes 64
 * of them in a step. There are maps of three kinds:
 *
 *	TAKEN_TUPLE	to one destination: the 4-tuple is in use
 *	TAKEN_CLAIMED	for connect() to any: a program has bound the port
 *	TAKEN_BIND	for bind() to port 0 of one local address
 *
 * A bit is set by who tried the port in vain, and cleared by who gives it back,
 * so a port is tried in vain once for each time that it is given back: O(1) on
 * the average of all searches, and nothing at all while no map is there. The
 * memory is 16 bytes for 64 ports, 7 KiB for the usual range; a map begins
 * where at least PATIENCE are taken and ends when fewer than FEW are known.
 *
 * What becomes free by time alone, a TIME_WAIT that connect() may take over
 * (tcp_tw_reuse_delay), has its instant beside the bits of its 64 ports: from
 * then on these 64 are tried again. When a knob that such answers depend on
 * has changed, a map is begun anew.
 *
 * Invariant 1: a bit is set only for a port that is taken, or until again_at.
 */
#include "tcp_priv.h"

/* About 25 us of looking, once; then a map is the cheaper way. */
#define PATIENCE 256u
#define FEW (PATIENCE / 4)

struct taken_word {
	uint64_t bits;
	int64_t again_at; /* NEVER: while they are set */
};

static uint32_t key_hash(const struct tern_stack *st,
			 const struct tcp_taken_key *k)
{
	return (uint32_t)siphash(&st->key_port, k, sizeof(*k));
}

static uint32_t rehash(const void *ctx, const void *object)
{
	const struct tcp_taken *t = object;

	return key_hash(ctx, &t->key);
}

bool tcp_taken_init(struct tern_stack *st)
{
	slab_init(&st->tcp.taken, &st->mem, sizeof(struct tcp_taken),
		  st->cfg.plain_alloc);
	return idhash_init(&st->tcp.taken_by_key, &st->tcp.taken,
			   offsetof(struct tcp_taken, hash_next), rehash, st);
}

static void map_free(struct tern_stack *st, struct tcp_taken *t)
{
	struct tcp_taken **link = &st->tcp.taken_shared;

	while (*link && *link != t)
		link = &(*link)->next_shared;
	if (*link)
		*link = t->next_shared;
	idhash_remove(&st->tcp.taken_by_key, t->id, key_hash(st, &t->key));
	mem_free(&st->mem, t->words, t->n_words * sizeof(*t->words));
	slab_free(&st->tcp.taken, t->id);
}

void tcp_taken_fini(struct tern_stack *st)
{
	uint32_t id;

	while ((id = slab_next(&st->tcp.taken, 0)) != 0)
		map_free(st, slab_at(&st->tcp.taken, id));
	idhash_fini(&st->tcp.taken_by_key);
	slab_fini(&st->tcp.taken);
}

size_t tcp_taken_footprint(const struct tern_stack *st)
{
	const struct slab *s = &st->tcp.taken;
	size_t sum = s->footprint + idhash_footprint(&st->tcp.taken_by_key);
	uint32_t id = 0;

	while ((id = slab_next(s, id)) != 0) {
		const struct tcp_taken *t = slab_at(s, id);

		sum += t->n_words * sizeof(*t->words);
	}
	return sum;
}

static struct tcp_taken *map_find(struct tern_stack *st,
				  const struct tcp_taken_key *k)
{
	uint32_t id;

	if (!st->tcp.taken.n_used)
		return NULL;
	id = idhash_first(&st->tcp.taken_by_key, key_hash(st, k));
	for (; id; id = idhash_next(&st->tcp.taken_by_key, id)) {
		struct tcp_taken *t = slab_at(&st->tcp.taken, id);

		if (!memcmp(&t->key, k, sizeof(*k)))
			return t;
	}
	return NULL;
}

static struct tcp_taken_knobs knobs_now(const struct tern_stack *st)
{
	return (struct tcp_taken_knobs){
		.lo = st->tun.ip_local_port_range[0],
		.hi = st->tun.ip_local_port_range[1],
		.reuse = st->tun.tcp_tw_reuse,
		.reuse_delay = st->tun.tcp_tw_reuse_delay,
		.timewait_len = st->tun.tcp_timewait_len,
	};
}

/* A map without a bit; NULL without memory. */
static struct tcp_taken *map_new(struct tern_stack *st,
				 const struct tcp_taken_key *k)
{
	struct tcp_taken_knobs knobs = knobs_now(st);
	uint32_t n_words = (uint32_t)(knobs.hi - knobs.lo) / 64 + 1;
	uint32_t id = slab_alloc(&st->tcp.taken);
	struct tcp_taken *t;

	if (!id)
		return NULL;
	t = slab_at(&st->tcp.taken, id);
	t->words = mem_zalloc(&st->mem, n_words * sizeof(*t->words));
	if (!t->words) {
		slab_free(&st->tcp.taken, id);
		return NULL;
	}
	t->id = id;
	t->key = *k;
	t->knobs = knobs;
	t->n_words = n_words;
	if (k->kind != TAKEN_TUPLE) {
		t->next_shared = st->tcp.taken_shared;
		st->tcp.taken_shared = t;
	}
	idhash_insert(&st->tcp.taken_by_key, id, key_hash(st, k));
	return t;
}

static uint32_t n_bits(uint64_t bits)
{
	uint32_t n = 0;

	for (; bits; bits &= bits - 1)
		n++;
	return n;
}

/* The bits of 64 ports, without those whose time has come. */
static uint64_t word_bits(const struct tern_stack *st, struct tcp_taken *t,
			  uint32_t at)
{
	struct taken_word *w = &t->words[at];

	if (w->bits && st->now >= w->again_at) {
		t->n_set -= n_bits(w->bits);
		w->bits = 0;
	}
	return w->bits;
}

static void set_bit(struct tcp_taken *t, uint16_t port, int64_t again_at)
{
	uint32_t off = port - (uint32_t)t->knobs.lo;
	struct taken_word *w = &t->words[off / 64];
	uint64_t bit = UINT64_C(1) << off % 64;

	if (!w->bits || again_at < w->again_at)
		w->again_at = again_at;
	t->n_set += !(w->bits & bit);
	w->bits |= bit;
}

static void clear_bit(struct tern_stack *st, struct tcp_taken *t, uint16_t port)
{
	uint32_t off = port - (uint32_t)t->knobs.lo;
	struct taken_word *w = &t->words[off / 64];
	uint64_t bit = UINT64_C(1) << off % 64;

	if (port < t->knobs.lo || port > t->knobs.hi || !(w->bits & bit))
		return;
	w->bits &= ~bit;
	if (--t->n_set < FEW)
		map_free(st, t);
}

void tcp_walk_begin(struct tern_stack *st, struct tcp_walk *w)
{
	struct tcp_taken_knobs knobs = knobs_now(st);
	uint32_t i;

	for (i = 0; i < w->n_keys; i++) {
		w->map[i] = map_find(st, &w->key[i]);
		w->n_vain[i] = 0;
		if (w->map[i] &&
		    memcmp(&w->map[i]->knobs, &knobs, sizeof(knobs))) {
			map_free(st, w->map[i]);
			w->map[i] = NULL;
		}
	}
	w->i = 0;
}

/* Of the run's ports, `step` apart from `port` on, how many are known to be
 * taken before the first that is not. */
static uint32_t count_known(struct tern_stack *st, struct tcp_walk *w,
			    uint16_t port, uint32_t run)
{
	uint32_t off = port - (uint32_t)st->tun.ip_local_port_range[0];
	uint32_t last = off + (run - 1) * w->range.step, at, i;
	uint64_t mask = ~UINT64_C(0), known;

	if (w->range.step == 2)
		mask = UINT64_C(0x5555555555555555) << off % 2;
	for (at = off / 64; at <= last / 64; at++) {
		known = ~mask;
		if (at == off / 64)
			known |= (UINT64_C(1) << off % 64) - 1;
		for (i = 0; i < w->n_keys; i++)
			if (w->map[i])
				known |= word_bits(st, w->map[i], at);
		if (~known) {
			i = at * 64 + (uint32_t)__builtin_ctzll(~known);
			return i > last ? run : (i - off) / w->range.step;
		}
	}
	return run;
}

bool tcp_walk_next(struct tern_stack *st, struct tcp_walk *w, uint16_t *port)
{
	const struct port_range *r = &w->range;

	while (w->i < r->n) {
		uint32_t run = tcp_port_run(r, w->start, w->i), known;

		*port = tcp_port_candidate(r, w->start, w->i);
		known = count_known(st, w, *port, run);
		if (known < run) {
			*port = (uint16_t)(*port + known * r->step);
			w->i += known + 1;
			return true;
		}
		w->i += run;
	}
	return false;
}

void tcp_walk_vain(struct tern_stack *st, struct tcp_walk *w, uint32_t which,
		   uint16_t port, int64_t again_at)
{
	if (w->map[which]) {
		set_bit(w->map[which], port, again_at);
		return;
	}
	if (++w->n_vain[which] < PATIENCE)
		return;
	/* What has been tried so far shall be in it: from the start again. */
	w->map[which] = map_new(st, &w->key[which]);
	w->n_vain[which] = 0;
	if (w->map[which])
		w->i = 0;
}

void tcp_taken_tuple_free(struct tern_stack *st, const struct tern_addr *l,
			  uint16_t lport, const struct tern_addr *r,
			  uint16_t rport)
{
	struct tcp_taken_key k = {
		.kind = TAKEN_TUPLE, .laddr = *l, .raddr = *r, .rport = rport
	};
	struct tcp_taken *t = map_find(st, &k);

	if (t)
		clear_bit(st, t, lport);
}

void tcp_taken_port_free(struct tern_stack *st, uint16_t port)
{
	struct tcp_taken *t = st->tcp.taken_shared, *next;

	for (; t; t = next) {
		next = t->next_shared;
		clear_bit(st, t, port);
	}
}
