// SPDX-License-Identifier: BSD-2-Clause
/*
 * Memory that runs out: for the Nth allocation of a host and the few, or the
 * many, after it. Nothing crashes and nothing leaks. A program may be told so,
 * or a segment be resent; a stream that ends without an error is whole.
 */
#include "stream.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdio.h>

/* How the allocations of one run fail. */
struct dearth {
	int host;
	uint64_t from, n;
};

/* An end without an error that was told all of it. Host 1's may have gone with
 * its connection before the program saw it. */
static void check_ends(const struct crowd *c, int i)
{
	const struct stream *a = &c->streams[2 * i], *b = a + 1;

	if (!a->error && a->got_end)
		WANT(c->w, a->n_got == b->n_sent);
	if (!b->error && b->got_end)
		WANT(c->w, b->n_got == a->n_sent);
}

/* Allocations that the host made until all had closed, failed ones included. */
static uint64_t run_once(uint64_t seed, const struct dearth *d)
{
	struct sipkey key = { seed, 0x6e6f6d65 };
	struct tern_fault_lane lane = {
		.rate = { 20000, 10000, 5000, 30000 },
		.delay_ns = NS_PER_MS,
	};
	struct world_config config = {
		.seed = seed,
		.plain_alloc = true,
		.share_pool = seed % 2,
		.lane = &lane,
	};
	struct world w = { 0 };
	struct lab_fault *alloc = &w.host[d->host].alloc;
	struct crowd *c;
	struct rng rng;
	uint64_t n_calls;

	rng_init(&rng, &key);
	alloc->kind = LAB_FAULT_ALLOC;
	alloc->fail_from = d->from;
	alloc->fail_to = d->from + d->n;
	if (!world_open(&w, &config)) {
		world_close(&w);
		return alloc->n_points;
	}
	c = crowd_new(&w, 3, seed / 2 % 2);
	for (int i = 0; i < 2 * c->n; i++)
		c->streams[i].plan = plan_random(&rng, 6000);
	/* The listener's program gives up: so has this run. */
	if (crowd_listen(c))
		crowd_run(c);
	for (int i = 0; i < c->n; i++)
		check_ends(c, i);
	/* Else who has little to do would be without memory for hours. */
	alloc->fail_to = 0;
	n_calls = alloc->n_points;
	crowd_settle(c);
	WANT(&w, !d->n || alloc->n_failed);
	crowd_free(c);
	world_close(&w);
	return n_calls;
}

static void each_allocation(uint64_t seed)
{
	for (int host = 0; host < 2; host++) {
		struct dearth d = { .host = host };
		uint64_t n_calls = run_once(seed, &d);

		d.n = 1;
		for (d.from = 0; d.from < n_calls; d.from++)
			run_once(seed, &d);
	}
}

static void any_one_allocation_may_fail(void **state)
{
	each_seed(40, each_allocation);
}

static void many_in_a_row(uint64_t seed)
{
	for (int host = 0; host < 2; host++) {
		struct dearth d = { .host = host };
		uint64_t n_calls = run_once(seed, &d);

		for (d.from = 0; d.from < n_calls; d.from += 7) {
			d.n = 2 + d.from % 60;
			run_once(seed, &d);
		}
	}
}

static void many_allocations_in_a_row_may_fail(void **state)
{
	each_seed(150, many_in_a_row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_one_allocation_may_fail),
		cmocka_unit_test(many_allocations_in_a_row_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
