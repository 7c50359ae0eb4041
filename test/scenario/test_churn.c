// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many programs at once that behave as programs do: they write in odd sizes,
 * read slowly, peek, want small buffers, end in every way, and the listener
 * keeps them waiting. Whatever happens, what arrives is a prefix of what was
 * sent, every program comes to an end, and all memory comes back.
 */
#include "stream.h"

#include "base/bytes.h"

/* What a crowd is like. */
struct mood {
	int n;
	uint32_t most_bytes;
	int backlog; /* 0: as many as come */
	bool rude;   /* ends in every way */
	bool slow_accept;
};

static void plan_all(struct crowd *c, const struct mood *m)
{
	for (int i = 0; i < 2 * c->n; i++) {
		struct stream *t = &c->streams[i];

		t->plan = plan_random(&c->rng, m->most_bytes);
		if (m->rude)
			t->plan.ending = rng_below(&c->rng, ENDINGS);
		if (i % 2 == 0)
			t->start_at = rng_below(&c->rng, 3) ?
					      0 :
					      rng_below(&c->rng, 2 * NS_PER_S);
	}
	if (m->backlog)
		c->backlog = m->backlog;
	if (m->slow_accept)
		c->accept_gap_ns = 1 + rng_below(&c->rng, 200 * NS_PER_MS);
}

static void run_crowd(uint64_t seed, const struct mood *m)
{
	struct sipkey key = { seed, 0x6d6f6f64 };
	struct world_config config = { .seed = seed };
	struct tern_fault_lane lane;
	struct world w = { 0 };
	struct crowd *c;
	struct rng rng;

	rng_init(&rng, &key);
	lane = world_lane(&rng);
	config.plain_alloc = rng_below(&rng, 2);
	config.share_pool = rng_below(&rng, 2);
	config.mtu = rng_below(&rng, 4) ? 1500 : 1280 + rng_below(&rng, 8000);
	config.lane = &lane;
	WANT(&w, world_open(&w, &config));
	c = crowd_new(&w, m->n, rng_below(&rng, 2));
	plan_all(c, m);
	WANT(&w, crowd_listen(c));
	crowd_run(c);
	for (int i = 0; !m->rude && !m->backlog && i < c->n; i++)
		crowd_want_whole(c, i);
	crowd_settle(c);
	crowd_free(c);
	world_close(&w);
}

static void polite(uint64_t seed)
{
	run_crowd(seed, &(struct mood){ .n = 8, .most_bytes = 20000 });
}

static void whatever_programs_do_their_streams_arrive_whole(void **state)
{
	each_seed(700, polite);
}

static void rude(uint64_t seed)
{
	run_crowd(seed,
		  &(struct mood){ .n = 8, .most_bytes = 40000, .rude = true });
}

static void however_programs_end_what_arrived_is_right(void **state)
{
	each_seed(1200, rude);
}

static void crowded(uint64_t seed)
{
	run_crowd(seed, &(struct mood){ .n = 30,
					.most_bytes = 3000,
					.backlog = 1 + (int)(seed % 4),
					.slow_accept = true });
}

static void a_small_backlog_serves_a_crowd(void **state)
{
	each_seed(150, crowded);
}

static void many(uint64_t seed)
{
	run_crowd(seed, &(struct mood){ .n = CROWD_MAX, .most_bytes = 8000 });
}

static void four_hundred_at_once_arrive_whole(void **state)
{
	each_seed(10, many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			whatever_programs_do_their_streams_arrive_whole),
		cmocka_unit_test(however_programs_end_what_arrived_is_right),
		cmocka_unit_test(a_small_backlog_serves_a_crowd),
		cmocka_unit_test(four_hundred_at_once_arrive_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
