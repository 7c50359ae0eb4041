// SPDX-License-Identifier: BSD-2-Clause
#include "tools/path_way.h"

#include <stdlib.h>

/* 1 Gbit/s, 300 ms and a queue as long are 50,000 packets. */
#define FLIGHT_MAX 131072u

struct path_flight {
	int64_t at;
	struct tern_pkt *pkt;
};

static struct path_flight *slot(const struct path_way *w, uint32_t i)
{
	return &w->flight[(w->first + i) % FLIGHT_MAX];
}

bool path_way_init(struct path_way *w, const struct impair_config *impair,
		   uint32_t loss, uint64_t seed)
{
	struct sipkey key = { seed, 0x70617468 };

	*w = (struct path_way){ .loss = loss };
	rng_init(&w->dice, &key);
	w->flight = calloc(FLIGHT_MAX, sizeof(*w->flight));
	return impair_init(&w->impair, impair, seed) && w->flight;
}

void path_way_fini(struct path_way *w)
{
	for (uint32_t i = 0; i < w->n; i++)
		tern_pkt_put(slot(w, i)->pkt);
	free(w->flight);
	impair_fini(&w->impair);
	*w = (struct path_way){ 0 };
}

void path_way_send(struct path_way *w, struct tern_pkt *pkt, int64_t now)
{
	bool lost = pkt->len >= PATH_FULL_LEN &&
		    rng_below(&w->dice, IMPAIR_MILLION) < w->loss;
	struct impair_fate fate = impair_meet(&w->impair, pkt->len, now);
	uint32_t i = w->n;

	if (lost || !fate.n || w->n == FLIGHT_MAX) {
		tern_pkt_put(pkt);
		return;
	}
	for (; i && slot(w, i - 1)->at > fate.at[0]; i--)
		*slot(w, i) = *slot(w, i - 1);
	*slot(w, i) = (struct path_flight){ fate.at[0], pkt };
	w->n++;
}

int64_t path_way_next_at(const struct path_way *w)
{
	return w->n ? slot(w, 0)->at : TERN_NEVER;
}

struct tern_pkt *path_way_receive(struct path_way *w, int64_t now)
{
	struct tern_pkt *pkt;

	if (path_way_next_at(w) > now)
		return NULL;
	pkt = slot(w, 0)->pkt;
	w->first = (w->first + 1) % FLIGHT_MAX;
	w->n--;
	return pkt;
}
