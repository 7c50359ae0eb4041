// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern bench path: tern's goodput under loss, beside this kernel's.
 *
 * One path, in real time, between two ends, each this kernel or tern:
 *
 *	sender -> rate, queue of 1 BDP, loss, RTT/2 -> receiver
 *	       <-              RTT/2, rate          <-
 *
 * In a round of a cell (controller, RTT, loss) the four pairings of ends run
 * at the same time, each on a path of its own, so that what else this machine
 * does meets all alike. What is lost is decided by a packet's number among
 * those of full size, and is the same for all pairings of a round; the rounds
 * differ. Reported are medians over the rounds, as ratios to kernel-to-kernel.
 *
 * It needs the rights to make network namespaces and TUN devices: root, or
 * `unshare -Urn`.
 */
#define _GNU_SOURCE
#include "tools/goodput_text.h"
#include "tools/path_end.h"
#include "tools/path_way.h"

#include "base/bytes.h"
#include "base/time.h"
#include "link/heap.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define BATCH 64
#define N_PAIRINGS 4
/* The bars of the comparison. */
#define LEAST_IN_CELL 0.95
#define LEAST_OVER_ALL 1.0

static const char *const pairing_names[N_PAIRINGS] = {
	"kernel-kernel", "tern-kernel", "kernel-tern", "tern-tern"
};

struct cell {
	char name[64];
	const char *cc;
	struct impair_config ways[2]; /* from the sender, to it */
	uint32_t loss;		      /* of data, in a million */
	bool settles;		      /* its first half does not count */
};

struct pairing {
	struct path_end ends[2]; /* sender, receiver */
	struct path_way ways[2]; /* from the sender, to it */
};

static bool pairing_open(struct pairing *p, int which, const struct cell *cell,
			 const struct bench_options *o, uint64_t seed,
			 struct tern_pool *pool)
{
	int64_t now = path_clock();

	if (!path_way_init(&p->ways[0], &cell->ways[0], cell->loss, seed) ||
	    !path_way_init(&p->ways[1], &cell->ways[1], 0, seed))
		return false;
	for (int i = 1; i >= 0; i--) {
		struct path_end_config config = {
			.is_tern = which >> i & 1,
			.sends = i == 0,
			.cc = cell->cc,
			.pool = pool,
		};

		if (!path_end_open(&p->ends[i], &config, now))
			return false;
	}
	return true;
}

static void pairing_close(struct pairing *p)
{
	for (int i = 0; i < 2; i++) {
		path_end_close(&p->ends[i], path_clock());
		path_way_fini(&p->ways[i]);
	}
}

/* All that is to be done now. */
static bool pairing_turn(struct pairing *p, int64_t now)
{
	struct tern_pkt *pkts[BATCH];

	for (int i = 0; i < 2; i++) {
		struct tern_pkt *pkt;

		path_end_timers(&p->ends[i], now);
		while ((pkt = path_way_receive(&p->ways[!i], now)))
			path_end_input(&p->ends[i], pkt, now);
	}
	for (int i = 0; i < 2; i++) {
		int n;

		if (!path_end_work(&p->ends[i], now))
			return false;
		do {
			n = path_end_output(&p->ends[i], pkts, BATCH, now);
			for (int j = 0; j < n; j++)
				path_way_send(&p->ways[i], pkts[j], now);
		} while (n == BATCH);
	}
	return true;
}

static void wait_for(struct pairing *p, int64_t until)
{
	struct path_end *ends[N_PAIRINGS * 2];

	for (int i = 0; i < N_PAIRINGS * 2; i++) {
		ends[i] = &p[i / 2].ends[i % 2];
		until = min_i64(until, path_way_next_at(&p[i / 2].ways[i % 2]));
	}
	path_end_wait(ends, N_PAIRINGS * 2, until);
}

struct outcome {
	double mbits[N_PAIRINGS];
	double resent[N_PAIRINGS];
	int64_t began;
	uint64_t before[N_PAIRINGS];
};

/* From when on it counts. */
static void run_from(struct pairing *p, int64_t now, struct outcome *out)
{
	out->began = now;
	for (int i = 0; i < N_PAIRINGS; i++)
		out->before[i] = p[i].ends[1].bytes;
}

static bool run_round(struct pairing *p, const struct bench_options *o,
		      bool settles, struct outcome *out)
{
	int64_t now = path_clock();
	int64_t until = now + (int64_t)(o->seconds * 1e9);
	int64_t half = until - (int64_t)(o->seconds * 1e9 / 2);

	for (run_from(p, now, out); now < until; now = path_clock()) {
		if (settles && now >= half) {
			run_from(p, now, out);
			settles = false;
		}
		for (int i = 0; i < N_PAIRINGS; i++) {
			if (!pairing_turn(&p[i], now))
				return false;
		}
		wait_for(p, until);
	}
	for (int i = 0; i < N_PAIRINGS; i++) {
		out->mbits[i] = (double)(p[i].ends[1].bytes - out->before[i]) *
				8e3 / (double)(now - out->began);
		out->resent[i] = path_end_resent(&p[i].ends[0], now);
	}
	return true;
}

static bool open_and_run(const struct cell *cell, const struct bench_options *o,
			 uint64_t seed, struct outcome *out)
{
	struct tern_pool *pool = tern_pool_new(&heap_allocator);
	struct pairing pairings[N_PAIRINGS] = { 0 };
	bool ok = pool;

	for (int i = 0; i < N_PAIRINGS && ok; i++)
		ok = pairing_open(&pairings[i], i, cell, o, seed, pool);
	ok = ok && run_round(pairings, o, cell->settles, out);
	for (int i = 0; i < N_PAIRINGS; i++)
		pairing_close(&pairings[i]);
	if (pool)
		tern_pool_free(pool);
	return ok;
}

/* The rounds of a cell as its row. NULL: one failed. */
static json_t *run_cell(const struct cell *cell, const struct bench_options *o)
{
	double mbits[N_PAIRINGS][BENCH_ROUNDS_MAX],
		resent[N_PAIRINGS][BENCH_ROUNDS_MAX];
	json_t *row = json_pack("{s:s}", "cell", cell->name);
	double kernel = 0;

	for (unsigned r = 0; r < o->rounds; r++) {
		struct outcome out = { 0 };

		if (!open_and_run(cell, o, r + 1, &out)) {
			json_decref(row);
			return NULL;
		}
		for (int i = 0; i < N_PAIRINGS; i++) {
			mbits[i][r] = out.mbits[i];
			resent[i][r] = out.resent[i];
		}
	}
	for (int i = 0; i < N_PAIRINGS; i++) {
		double m = bench_median(mbits[i], o->rounds);

		kernel = i == 0 ? m : kernel;
		json_object_set_new(
			row, pairing_names[i],
			json_pack("{s:f, s:f, s:f}", "mbits", m, "ratio",
				  kernel ? m / kernel : 0, "resent",
				  bench_median(resent[i], o->rounds)));
	}
	return row;
}

static double ratio_of(const json_t *row, int pairing)
{
	return json_real_value(json_object_get(
		json_object_get(row, pairing_names[pairing]), "ratio"));
}

/* Are the bars kept? Tells which are not. */
static bool check(const json_t *results)
{
	double sum = 0;
	unsigned n = 0, under = 0;
	json_t *row;
	size_t at;

	json_array_foreach(results, at, row)
	{
		for (int i = 1; i < N_PAIRINGS; i++, n++) {
			double ratio = ratio_of(row, i);

			sum += log(ratio > 0 ? ratio : 1e-9);
			under += ratio < LEAST_IN_CELL;
		}
	}
	if (under)
		fprintf(stderr, "tern bench path: %u of %u are under %.2f\n",
			under, n, LEAST_IN_CELL);
	if (n && exp(sum / n) < LEAST_OVER_ALL)
		fprintf(stderr,
			"tern bench path: %.3f over all is under %.2f\n",
			exp(sum / n), LEAST_OVER_ALL);
	return !under && n && exp(sum / n) >= LEAST_OVER_ALL;
}

/* A path of the comparison: its own queue of 1 BDP each way. */
static struct cell own_cell(const char *cc, int rtt_ms, uint32_t loss,
			    uint64_t rate)
{
	struct impair_config way = {
		.delay_ns = rtt_ms * NS_PER_MS / 2,
		.rate = rate,
		.queue_len = (uint32_t)(rate / 8 * (uint64_t)rtt_ms / 1000 /
					GOODPUT_MTU) +
			     1,
	};
	struct cell cell = { .cc = cc, .ways = { way, way }, .loss = loss };

	snprintf(cell.name, sizeof(cell.name), "%s %d ms %.1f %%", cc, rtt_ms,
		 loss / 1e4);
	return cell;
}

static bool run_into(const struct cell *cell, const struct bench_options *o,
		     json_t *results)
{
	json_t *row;

	if (o->only && strcmp(o->only, cell->cc) != 0)
		return true;
	row = run_cell(cell, o);
	if (row)
		json_array_append_new(results, row);
	return row;
}

static bool run_own(const struct bench_options *o, json_t *results)
{
	static const char *const ccs[] = { "cubic", "bbr" };
	static const int rtts[] = { 20, 100 };
	static const uint32_t losses[] = { 0, 1000, 10000, 30000 };

	for (int i = 0; i < 2 * 2 * 4; i++) {
		struct cell cell = own_cell(ccs[i / 8], rtts[i / 4 % 2],
					    losses[i % 4], o->rate);

		if (!run_into(&cell, o, results))
			return false;
	}
	return true;
}

/* Cells of the golden table, in real time. */
static bool run_golden(const struct bench_options *o, json_t *results)
{
	for (size_t i = 0; i < goodput_n_all(); i++) {
		struct goodput_cell golden = goodput_at(i);
		struct flows_config path = goodput_path(&golden);
		struct cell cell = { .cc = path.cc,
				     .loss = path.loss,
				     .settles = true };

		goodput_cell_name(&golden, cell.name, sizeof(cell.name));
		cell.ways[0] = path.there;
		cell.ways[1].delay_ns = path.back_ns;
		if ((golden.table != GOODPUT_GRID &&
		     golden.table != GOODPUT_PERIODIC) ||
		    fnmatch(o->cells, cell.name, 0))
			continue;
		if (!run_into(&cell, o, results))
			return false;
	}
	return true;
}

static int run(const struct bench_options *o, json_t *results)
{
	/* Packets arrive when the path says, not 50 us later. */
	prctl(PR_SET_TIMERSLACK, 1);
	if (!(o->cells ? run_golden(o, results) : run_own(o, results)))
		return 1;
	return check(results) ? 0 : 1;
}

static void print(const json_t *results)
{
	json_t *row;
	size_t at;

	if (!json_array_size(results))
		return;
	printf("%-36s %20s %12s %12s %12s\n", "", "kernel-kernel Mbit/s",
	       pairing_names[1], pairing_names[2], pairing_names[3]);
	json_array_foreach(results, at, row)
	{
		json_t *k = json_object_get(row, pairing_names[0]);

		printf("%-36s %20.2f %12.3f %12.3f %12.3f\n",
		       json_string_value(json_object_get(row, "cell")),
		       json_real_value(json_object_get(k, "mbits")),
		       ratio_of(row, 1), ratio_of(row, 2), ratio_of(row, 3));
	}
}

const struct bench bench_path = {
	.name = "path",
	.help = "under loss, beside this kernel; needs root; 16 x rounds x "
		"seconds",
	.by_name_only = true,
	.run = run,
	.print = print,
};
