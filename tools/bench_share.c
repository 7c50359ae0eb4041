// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern bench share: how CUBIC here and the kernel's share a link, in real time.
 *
 *	sender of flow 0 --+                               +-- receiver (kernel)
 *	                   +-> rate, queue of 1 BDP, RTT/2 -+
 *	sender of flow 1 --+                               +-- receiver (kernel)
 *
 * Each sender is this kernel or tern; both begin at once, and the second half
 * counts. Packets find their receiver by the sender's port. Two kernels, and
 * two of tern's, say how much chance there is in it.
 */
#include "tools/goodput_text.h"
#include "tools/path_end.h"
#include "tools/path_way.h"

#include "base/bytes.h"
#include "base/time.h"
#include "link/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#define BATCH 64
#define N_FLOWS 2
#define LEAST 0.45 /* of the link, for the worse off */

struct pair {
	const char *name;
	bool is_tern[N_FLOWS];
};

static const struct pair pairs[] = {
	{ "kernel, kernel", { false, false } },
	{ "tern, kernel", { true, false } },
	{ "tern, tern", { true, true } },
};
static const int rtts[] = { 20, 100 };

struct share {
	struct path_end ends[N_FLOWS][2]; /* sender, receiver */
	struct path_way there, back[N_FLOWS];
	uint8_t port[N_FLOWS][2]; /* the senders', as on the wire */
	struct tern_pool *pool;
};

static bool share_open(struct share *s, const struct pair *pair, int rtt_ms,
		       const struct bench_options *o, uint64_t seed)
{
	struct impair_config way = { .delay_ns = rtt_ms * NS_PER_MS / 2 };
	int64_t now = path_clock();
	bool ok = true;

	*s = (struct share){ .pool = tern_pool_new(&heap_allocator) };
	for (int i = 0; i < N_FLOWS; i++)
		ok &= path_way_init(&s->back[i], &way, 0, seed);
	way.rate = o->rate;
	way.queue_len = (uint32_t)(o->rate / 8 * (uint64_t)rtt_ms / 1000 /
				   GOODPUT_MTU) +
			1;
	ok &= path_way_init(&s->there, &way, 0, seed) && s->pool;
	for (int i = 0; i < N_FLOWS * 2 && ok; i++) {
		struct path_end_config config = {
			.is_tern = i % 2 && pair->is_tern[i / 2],
			.sends = i % 2,
			.nth = (uint8_t)(i / 2 + seed * N_FLOWS),
			.cc = "cubic",
			.pool = s->pool,
		};

		/* The receiver first. */
		ok = path_end_open(&s->ends[i / 2][!(i % 2)], &config, now);
	}
	return ok;
}

static void share_close(struct share *s)
{
	for (int i = 0; i < N_FLOWS; i++) {
		for (int k = 0; k < 2; k++)
			path_end_close(&s->ends[i][k], path_clock());
		path_way_fini(&s->back[i]);
	}
	path_way_fini(&s->there);
	if (s->pool)
		tern_pool_free(s->pool);
}

/* Behind an IPv4 header without options. */
static const uint8_t *port_of(const struct tern_pkt *pkt)
{
	return pkt->data + 20;
}

static void deliver(struct share *s, int64_t now)
{
	struct tern_pkt *pkt;

	while ((pkt = path_way_receive(&s->there, now))) {
		const uint8_t *port = port_of(pkt);
		int i = port[0] != s->port[0][0] || port[1] != s->port[0][1];

		path_end_input(&s->ends[i][1], pkt, now);
	}
	for (int i = 0; i < N_FLOWS; i++) {
		while ((pkt = path_way_receive(&s->back[i], now)))
			path_end_input(&s->ends[i][0], pkt, now);
	}
}

static void take_over(struct share *s, int i, int end, int64_t now)
{
	struct tern_pkt *pkts[BATCH];
	int n;

	do {
		n = path_end_output(&s->ends[i][end], pkts, BATCH, now);
		for (int k = 0; k < n; k++) {
			if (end == 0) {
				s->port[i][0] = port_of(pkts[k])[0];
				s->port[i][1] = port_of(pkts[k])[1];
			}
			path_way_send(end ? &s->back[i] : &s->there, pkts[k],
				      now);
		}
	} while (n == BATCH);
}

/* All that is to be done now, and then a pause. */
static bool turn(struct share *s, int64_t now, int64_t until)
{
	struct path_end *ends[N_FLOWS * 2];

	for (int i = 0; i < N_FLOWS * 2; i++) {
		ends[i] = &s->ends[i / 2][i % 2];
		path_end_timers(ends[i], now);
	}
	deliver(s, now);
	for (int i = 0; i < N_FLOWS * 2; i++) {
		if (!path_end_work(ends[i], now))
			return false;
		take_over(s, i / 2, i % 2, now);
	}
	until = min_i64(until, path_way_next_at(&s->there));
	for (int i = 0; i < N_FLOWS; i++)
		until = min_i64(until, path_way_next_at(&s->back[i]));
	path_end_wait(ends, N_FLOWS * 2, until);
	return true;
}

/* Bytes that each receives in the second half. */
static bool measure(const struct pair *pair, int rtt_ms,
		    const struct bench_options *o, uint64_t seed, double *bytes)
{
	struct share s;
	bool ok = share_open(&s, pair, rtt_ms, o, seed);
	int64_t half = (int64_t)(o->seconds * 1e9 / 2), now = path_clock();
	int64_t until = now + 2 * half;
	uint64_t before[N_FLOWS] = { 0 };

	for (; ok && now < until; now = path_clock()) {
		for (int i = 0; i < N_FLOWS && now < until - half; i++)
			before[i] = s.ends[i][1].bytes;
		ok = turn(&s, now, until);
	}
	for (int i = 0; i < N_FLOWS; i++)
		bytes[i] = (double)(s.ends[i][1].bytes - before[i]);
	share_close(&s);
	return ok;
}

/* The first flow's share, by rounds, as its row. NULL: one failed. */
static json_t *run_pair(const struct pair *pair, int rtt_ms,
			const struct bench_options *o)
{
	double shares[BENCH_ROUNDS_MAX], median;

	for (unsigned r = 0; r < o->rounds; r++) {
		double bytes[N_FLOWS];

		if (!measure(pair, rtt_ms, o, r + 1, bytes))
			return NULL;
		shares[r] = bytes[0] / (bytes[0] + bytes[1]);
	}
	median = bench_median(shares, o->rounds);
	return json_pack("{s:s, s:i, s:f, s:f, s:f}", "pair", pair->name,
			 "rtt_ms", rtt_ms, "first", median, "least", shares[0],
			 "most", shares[o->rounds - 1]);
}

static double number(const json_t *row, const char *key)
{
	return json_number_value(json_object_get(row, key));
}

static int run(const struct bench_options *o, json_t *results)
{
	int status = 0;

	prctl(PR_SET_TIMERSLACK, 1);
	for (size_t i = 0; i < 2 * sizeof(pairs) / sizeof(pairs[0]); i++) {
		json_t *row = run_pair(&pairs[i / 2], rtts[i % 2], o);

		if (!row)
			return 1;
		if (number(row, "first") < LEAST ||
		    number(row, "first") > 1 - LEAST)
			status = 1;
		json_array_append_new(results, row);
	}
	return status;
}

static void print(const json_t *results)
{
	json_t *row;
	size_t i;

	printf("the first one's share of the link: median, least and most\n");
	json_array_foreach(results, i, row)
	{
		printf("%-16s %4.0f ms %7.3f %7.3f %7.3f\n",
		       json_string_value(json_object_get(row, "pair")),
		       number(row, "rtt_ms"), number(row, "first"),
		       number(row, "least"), number(row, "most"));
	}
}

const struct bench bench_share = {
	.name = "share",
	.help = "cubic beside this kernel's on one link; needs root; "
		"6 x rounds x seconds",
	.by_name_only = true,
	.run = run,
	.print = print,
};
