// SPDX-License-Identifier: BSD-2-Clause
/*
 * Path MTUs that routers have told us of (RFC 1191, RFC 8201).
 *
 * 256 sets of eight destinations, found by a keyed hash; a full set gives up
 * the entry that expires first. 64 KiB at most, and nothing until the first is
 * learned: forgetting one costs a lost packet and another ICMP error.
 *
 * An entry is believed for mtu_expires. When one ends, or begins, the
 * generation of routes moves on and whoever keeps a path asks again; ends are
 * looked for once a second at most.
 *
 * Not here: whether an ICMP error is to be believed. The transports check that
 * it is about something that they have sent.
 */
#include "ip/ip_priv.h"

#define N_SETS 256u
#define N_WAYS 8u
#define AGE_EVERY NS_PER_S

struct pmtu {
	struct tern_addr dst;
	int64_t expires_at; /* 0: free */
	uint32_t mtu;
};

struct ip_pmtus {
	int64_t age_at; /* nothing expires before */
	uint32_t n;
	struct pmtu way[N_SETS][N_WAYS];
};

static struct pmtu *set_of(struct tern_stack *st, const struct tern_addr *dst)
{
	uint64_t hash = siphash(&st->key_hash, dst->b, sizeof(dst->b));

	return st->ip.pmtus->way[hash % N_SETS];
}

uint32_t ip_pmtu_of(struct tern_stack *st, const struct tern_addr *dst)
{
	struct pmtu *set;
	uint32_t i;

	if (!st->ip.pmtus || !st->ip.pmtus->n)
		return UINT32_MAX;
	set = set_of(st, dst);
	for (i = 0; i < N_WAYS; i++) {
		if (set[i].expires_at > st->now &&
		    tern_addr_equal(&set[i].dst, dst))
			return set[i].mtu;
	}
	return UINT32_MAX;
}

/* The entry of dst, or the one to be given up for it. */
static struct pmtu *entry_for(struct tern_stack *st,
			      const struct tern_addr *dst)
{
	struct pmtu *set = set_of(st, dst), *worst = set;
	uint32_t i;

	for (i = 0; i < N_WAYS; i++) {
		if (set[i].expires_at && tern_addr_equal(&set[i].dst, dst))
			return &set[i];
		if (set[i].expires_at < worst->expires_at)
			worst = &set[i];
	}
	return worst;
}

void ip_pmtu_learn(struct tern_stack *st, const struct tern_addr *dst,
		   uint32_t mtu)
{
	uint32_t least = ip_is_v4(dst) ? (uint32_t)st->tun.min_pmtu :
					 IP6_MIN_MTU;
	struct ip_pmtus *t = st->ip.pmtus;
	struct ip_path path;
	struct pmtu *e;

	mtu = max_u32(mtu, least);
	/* Only down: a router that has a larger link tells us nothing. */
	if (ip_route(st, dst, NULL, true, &path) || mtu >= path.mtu)
		return;
	if (!t) {
		t = mem_zalloc(&st->mem, sizeof(*t));
		if (!t)
			return;
		st->ip.pmtus = t;
		t->age_at = NEVER;
	}
	e = entry_for(st, dst);
	t->n += !e->expires_at;
	*e = (struct pmtu){
		.dst = *dst,
		.expires_at = st->now + st->tun.mtu_expires * NS_PER_S,
		.mtu = mtu,
	};
	t->age_at = min_i64(t->age_at, e->expires_at);
	st->ip.generation++;
}

int64_t ip_pmtu_deadline(const struct tern_stack *st)
{
	return st->ip.pmtus ? st->ip.pmtus->age_at : NEVER;
}

void ip_pmtu_advance(struct tern_stack *st)
{
	struct ip_pmtus *t = st->ip.pmtus;
	int64_t first = NEVER;
	uint32_t i, j;

	if (!t || t->age_at > st->now)
		return;
	for (i = 0; i < N_SETS; i++) {
		for (j = 0; j < N_WAYS; j++) {
			struct pmtu *e = &t->way[i][j];

			if (!e->expires_at)
				continue;
			if (e->expires_at <= st->now) {
				e->expires_at = 0;
				t->n--;
			} else {
				first = min_i64(first, e->expires_at);
			}
		}
	}
	st->ip.generation++;
	t->age_at = first == NEVER ? NEVER :
				     max_i64(first, st->now + AGE_EVERY);
}

void ip_pmtu_fini(struct tern_stack *st)
{
	mem_free(&st->mem, st->ip.pmtus, sizeof(*st->ip.pmtus));
	st->ip.pmtus = NULL;
}
