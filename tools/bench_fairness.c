// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern bench fairness: how two flows share a link, in virtual time.
 *
 * The second begins when the first has had the link to itself for 10 s. After a
 * minute what each receives is counted, for 60 s, and where a long queue makes
 * the sawtooth long, for more. ACKs jitter by up to a packet's time: without,
 * two flows may fall into step, and the full queue always drops the same one's
 * packets (Floyd and Jacobson, 1992).
 *
 * Two of one kind share within 10 %: neither has less than 0.45. What bbr leaves
 * to cubic is published (Ware et al., "Modeling BBR's Interactions with
 * Loss-Based Congestion Control", IMC 2019): it keeps twice its estimate of the
 * BDP in flight, whatever the other does, so that of a queue of X BDP and q
 * packets the other gets, beside N flows of bbr,
 *
 *	1/2 - 1/(2 X) - 4 N / q
 *
 * That is nothing for a queue of one BDP. The bar is that, less 5 points.
 */
#include "tools/flows.h"

#include "base/bytes.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>

#define RATE_MBIT 20
#define ALONE (10 * NS_PER_S)
#define SETTLES (60 * NS_PER_S)
#define JITTER (NS_PER_S * 1500 * 8 / (RATE_MBIT * 1000000))
#define ALIKE 0.45
#define LEFT_SLACK 0.05

struct pair {
	const char *cc[2];
	int rtt_ms;
	int queue;   /* BDP */
	int seconds; /* that count */
};

static const struct pair pairs[] = {
	{ { "cubic", "cubic" }, 20, 1, 60 },
	{ { "cubic", "cubic" }, 20, 4, 600 },
	{ { "cubic", "cubic" }, 100, 1, 60 },
	{ { "cubic", "cubic" }, 100, 4, 300 },
	{ { "reno", "reno" }, 20, 1, 60 },
	{ { "bbr", "bbr" }, 20, 1, 60 },
	{ { "cubic", "bbr" }, 20, 1, 60 },
	{ { "cubic", "bbr" }, 20, 4, 60 },
	{ { "cubic", "bbr" }, 20, 8, 60 },
	{ { "bbr", "cubic" }, 20, 4, 60 },
};

static uint32_t bdp_packets(const struct pair *p)
{
	return (uint32_t)(RATE_MBIT * 1000 * p->rtt_ms / 8 / 1500);
}

/* What each received, Mbit/s. */
static bool measure(const struct pair *p, uint64_t seed, double *mbits)
{
	struct flows_config config = {
		.there = {
			.rate = RATE_MBIT * UINT64_C(1000000),
			.delay_ns = p->rtt_ms * NS_PER_MS / 2,
			.queue_len = (uint32_t)p->queue * bdp_packets(p),
		},
		.back_ns = p->rtt_ms * NS_PER_MS / 2,
		.back_jitter_ns = JITTER,
		.cc = p->cc[0],
		.seed = seed,
	};
	uint64_t before[2];
	struct flows f;
	bool ok = flows_open(&f, &config);

	if (ok) {
		flows_run(&f, ALONE);
		ok = flows_add(&f, p->cc[1]);
	}
	if (ok) {
		flows_run(&f, ALONE + SETTLES);
		for (int i = 0; i < 2; i++)
			before[i] = f.flow[i].got;
		flows_run(&f, ALONE + SETTLES + p->seconds * NS_PER_S);
		for (int i = 0; i < 2; i++)
			mbits[i] = (double)(f.flow[i].got - before[i]) * 8e3 /
				   ((double)p->seconds * NS_PER_S);
	}
	flows_close(&f);
	return ok;
}

/* The least share that the worse off of them, or cubic beside bbr, has. */
static double least(const struct pair *p)
{
	double x = p->queue, q = (double)p->queue * bdp_packets(p);

	if (p->cc[0][0] == p->cc[1][0])
		return ALIKE;
	return 0.5 - 1 / (2 * x) - 4 / q - LEFT_SLACK;
}

static double share_of(const struct pair *p, const double *mbits)
{
	double a = mbits[0] / (mbits[0] + mbits[1]);

	if (p->cc[0][0] == p->cc[1][0])
		return a < 0.5 ? a : 1 - a;
	return p->cc[0][0] == 'c' ? a : 1 - a;
}

/* The rounds of a pair, by seeds, as its row. NULL: one failed. */
static json_t *run_pair(const struct pair *p, unsigned rounds)
{
	double shares[BENCH_ROUNDS_MAX], sum[2] = { 0 }, median;

	for (unsigned r = 0; r < rounds; r++) {
		double mbits[2] = { 0 };

		if (!measure(p, r + 1, mbits))
			return NULL;
		shares[r] = share_of(p, mbits);
		sum[0] += mbits[0];
		sum[1] += mbits[1];
	}
	median = bench_median(shares, rounds);
	return json_pack("{s:s, s:s, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f}",
			 "first", p->cc[0], "second", p->cc[1], "rtt_ms",
			 p->rtt_ms, "queue_bdp", p->queue, "seconds",
			 p->seconds, "first_mbits", sum[0] / rounds,
			 "second_mbits", sum[1] / rounds, "share", median,
			 "worst", shares[0], "least", least(p));
}

static double number(const json_t *row, const char *key)
{
	return json_number_value(json_object_get(row, key));
}

static int run(const struct bench_options *o, json_t *results)
{
	int status = 0;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		json_t *row = run_pair(&pairs[i], o->rounds);

		if (!row)
			return 1;
		if (number(row, "share") < number(row, "least"))
			status = 1;
		json_array_append_new(results, row);
	}
	return status;
}

static void print(const json_t *results)
{
	json_t *row;
	size_t i;

	printf("%d Mbit/s; Mbit/s of payload, means; the share of "
	       "the worse off, or of\ncubic beside bbr, median and worst\n"
	       "%-6s %-6s %7s %6s %5s %8s %8s %7s %7s %7s\n",
	       RATE_MBIT, "first", "second", "RTT, ms", "queue", "s", "first",
	       "second", "share", "worst", "least");
	json_array_foreach(results, i, row)
	{
		printf("%-6s %-6s %7.0f %6.0f %5.0f %8.2f %8.2f %7.3f %7.3f %7.3f%s\n",
		       json_string_value(json_object_get(row, "first")),
		       json_string_value(json_object_get(row, "second")),
		       number(row, "rtt_ms"), number(row, "queue_bdp"),
		       number(row, "seconds"), number(row, "first_mbits"),
		       number(row, "second_mbits"), number(row, "share"),
		       number(row, "worst"), number(row, "least"),
		       number(row, "share") < number(row, "least") ?
			       "  missed" :
			       "");
	}
}

const struct bench bench_fairness = {
	.name = "fairness",
	.help = "how two flows share a link, in virtual time",
	.by_name_only = true,
	.run = run,
	.print = print,
};
