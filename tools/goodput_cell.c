// SPDX-License-Identifier: BSD-2-Clause
#include "tools/goodput_cell.h"

#include "base/bytes.h"
#include "base/time.h"

#include <math.h>
#include <stdio.h>

/* A burst begins at a packet in 1,000 and ends at each with 30 %. */
const struct goodput_loss goodput_losses[GOODPUT_N_LOSSES] = {
	{ "0", 0, 0, 0 },
	{ "0.1 %", 1000, 0, 0 },
	{ "1 %", 10000, 0, 0 },
	{ "5 %", 50000, 0, 0 },
	{ "bursts", 0, 1000, 300000 },
};
const struct goodput_reorder goodput_reorders[GOODPUT_N_REORDERS] = {
	{ "none", 0 },
	{ "1 %", 10000 },
	{ "heavy", 100000 },
};
const char *const goodput_ccs[GOODPUT_N_CCS] = { "reno", "cubic", "bbr" };

static const int rates[] = { 10, 100, 1000 };
static const int rtts[] = { 1, 20, 100, 300 };
static const double queues[] = { 0.1, 1 };
/* Where the RTT is 1 ms, no loss of up to 1 % limits. */
static const int far[] = { 20, 100, 300 };
static const int slow[] = { 10, 100 };
static const int everies[] = { 10000, 3000, 1000, 300, 100 };
static const struct {
	int flight, lost;
} tails[] = { { 2, 1 }, { 2, 2 }, { 3, 2 }, { 10, 1 }, { 10, 9 }, { 10, 10 } };

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

size_t goodput_n_cells(enum goodput_table table)
{
	static const size_t sizes[GOODPUT_N_TABLES] = {
		[GOODPUT_GRID] = N_OF(rates) * N_OF(rtts) * N_OF(queues) *
				 GOODPUT_N_LOSSES * GOODPUT_N_REORDERS *
				 GOODPUT_N_CCS,
		[GOODPUT_PERIODIC] = N_OF(far) * N_OF(everies) * 2,
		[GOODPUT_REORDERED] = N_OF(rates) * N_OF(rtts) *
				      (GOODPUT_N_REORDERS - 1) * GOODPUT_N_CCS,
		[GOODPUT_NO_STAMPS] =
			N_OF(slow) * N_OF(far) * N_OF(queues) * 2 * 2,
		[GOODPUT_TAIL] = N_OF(rtts) * N_OF(tails),
	};

	return sizes[table];
}

/* Takes the last digit of a mixed number. */
static size_t digit(size_t *i, size_t base)
{
	size_t d = *i % base;

	*i /= base;
	return d;
}

struct goodput_cell goodput_cell_at(enum goodput_table table, size_t i)
{
	struct goodput_cell c = { .table = table, .rate = 10 };
	size_t k;

	switch (table) {
	case GOODPUT_GRID:
		c.cc = (enum goodput_cc)digit(&i, GOODPUT_N_CCS);
		c.reorder = digit(&i, GOODPUT_N_REORDERS);
		c.loss = digit(&i, GOODPUT_N_LOSSES);
		c.queue = queues[digit(&i, N_OF(queues))];
		c.rtt = rtts[digit(&i, N_OF(rtts))];
		c.rate = rates[i];
		break;
	case GOODPUT_PERIODIC:
		c.cc = (enum goodput_cc)digit(&i, 2);
		c.every = everies[digit(&i, N_OF(everies))];
		c.rtt = far[i];
		c.rate = 1000;
		c.queue = 1;
		break;
	case GOODPUT_REORDERED:
		c.cc = (enum goodput_cc)digit(&i, GOODPUT_N_CCS);
		c.reorder = 1 + digit(&i, GOODPUT_N_REORDERS - 1);
		c.rtt = rtts[digit(&i, N_OF(rtts))];
		c.rate = rates[i];
		c.queue = 10;
		break;
	case GOODPUT_NO_STAMPS:
		c.cc = (enum goodput_cc)digit(&i, 2);
		c.reorder = digit(&i, 2) * (GOODPUT_N_REORDERS - 1);
		c.queue = queues[digit(&i, N_OF(queues))];
		c.rtt = far[digit(&i, N_OF(far))];
		c.rate = slow[i];
		break;
	case GOODPUT_TAIL:
		k = digit(&i, N_OF(tails));
		c.flight = tails[k].flight;
		c.lost = tails[k].lost;
		c.rtt = rtts[i];
		c.rate = 1000;
		c.cc = GOODPUT_CUBIC;
		c.queue = 1;
		break;
	case GOODPUT_N_TABLES:
		break;
	}
	return c;
}

void goodput_cell_name(const struct goodput_cell *c, char *out, size_t size)
{
	switch (c->table) {
	case GOODPUT_GRID:
		snprintf(out, size, "grid %s %d %d %.1f %s %s",
			 goodput_ccs[c->cc], c->rate, c->rtt, c->queue,
			 goodput_losses[c->loss].name,
			 goodput_reorders[c->reorder].name);
		break;
	case GOODPUT_PERIODIC:
		snprintf(out, size, "periodic %s %d %d", goodput_ccs[c->cc],
			 c->rtt, c->every);
		break;
	case GOODPUT_REORDERED:
		snprintf(out, size, "reordered %s %d %d %s", goodput_ccs[c->cc],
			 c->rate, c->rtt, goodput_reorders[c->reorder].name);
		break;
	case GOODPUT_NO_STAMPS:
		snprintf(out, size, "nostamps %s %d %d %.1f %s",
			 goodput_ccs[c->cc], c->rate, c->rtt, c->queue,
			 goodput_reorders[c->reorder].name);
		break;
	case GOODPUT_TAIL:
		snprintf(out, size, "tail %d %d %d", c->rtt, c->flight,
			 c->lost);
		break;
	case GOODPUT_N_TABLES:
		break;
	}
}

/* The second half is measured: two periods of the sawtooth, or what can be
 * waited for. */
static double run_seconds(const struct goodput_cell *c)
{
	/* At 300 ms slow start alone takes 7 s. */
	double least = c->rate < 1000 || c->rtt >= 300 ? 40 : 20;

	if (c->table == GOODPUT_PERIODIC)
		return 120;
	if (c->table == GOODPUT_REORDERED || c->loss)
		return least;
	return fmin(c->rate < 1000 ? 200 : 40,
		    fmax(least, 4 * goodput_period(c)));
}

bool goodput_converges(const struct goodput_cell *c)
{
	return 4 * goodput_period(c) <= run_seconds(c) * 1.001;
}

double goodput_cost(const struct goodput_cell *c)
{
	if (c->table == GOODPUT_TAIL)
		return 100;
	return run_seconds(c) * goodput_limit(c) * 1e6 / 8 / GOODPUT_MSS;
}

struct flows_config goodput_path(const struct goodput_cell *c)
{
	const struct goodput_loss *l = &goodput_losses[c->loss];

	return (struct flows_config){
		.there = {
			.rate = (uint64_t)c->rate * 1000000,
			.delay_ns = c->rtt * NS_PER_MS / 2,
			.queue_len = (uint32_t)ceil(c->queue * goodput_bdp(c)),
			.loss_every = (uint32_t)c->every,
			.burst_begin = l->burst_begin,
			.burst_end = l->burst_end,
			.reorder = goodput_reorders[c->reorder].part,
			.reorder_ns = c->rtt * NS_PER_MS / 4,
		},
		.loss = l->loss,
		.back_ns = c->rtt * NS_PER_MS / 2,
		.cc = goodput_ccs[c->cc],
		.no_stamps = c->table == GOODPUT_NO_STAMPS,
		.seed = 1,
	};
}

static void count(struct flows *f, double *out)
{
	struct tern_tcp_info info = flows_info(f, 0);

	out[GOODPUT_NEEDLESS] =
		(double)(flows_counter(f, 1, "TcpExtTCPDSACKOldSent") +
			 flows_counter(f, 1, "TcpExtTCPDSACKOfoSent"));
	out[GOODPUT_COUNTED] = info.dsack_dups;
	out[GOODPUT_ENTERED] =
		(double)(flows_counter(f, 0, "TcpExtTCPSackRecovery") +
			 flows_counter(f, 0, "TcpExtTCPTimeouts"));
	out[GOODPUT_UNDONE] =
		(double)(flows_counter(f, 0, "TcpExtTCPFullUndo") +
			 flows_counter(f, 0, "TcpExtTCPPartialUndo") +
			 flows_counter(f, 0, "TcpExtTCPDSACKUndo") +
			 flows_counter(f, 0, "TcpExtTCPLossUndo"));
}

static bool measure_bulk(const struct goodput_cell *c, double *out)
{
	struct flows_config config = goodput_path(c);
	struct flows f;
	int64_t half = (int64_t)(run_seconds(c) * NS_PER_S / 2);
	bool ok;

	/* Less than the path and its queue hold. */
	if (c->table == GOODPUT_REORDERED) {
		config.rcvbuf = (int)(5 * goodput_bdp(c) + 40) * GOODPUT_MSS;
		config.there.queue_len += 40;
	}
	ok = flows_open(&f, &config);
	if (ok) {
		uint64_t before;

		flows_run(&f, half);
		before = f.flow[0].got;
		flows_run(&f, 2 * half);
		out[GOODPUT_MBITS] = round((double)(f.flow[0].got - before) *
					   8e5 / (double)half) /
				     100;
		count(&f, out);
	}
	flows_close(&f);
	return ok;
}

/* Turns time forward in small steps until the segments have arrived. */
static void watch_tail(struct flows *f, uint64_t want, int64_t rtt, double *out)
{
	int64_t from = f->net.now, until = from + 100 * rtt + NS_PER_S;

	while (f->flow[0].got < want && f->net.now < until) {
		flows_run(f, f->net.now + rtt / 100);
		out[GOODPUT_REPAIR] =
			(double)((f->net.now - from) * 100 / rtt) / 100;
		if (!flows_counter(f, 0, "TcpExtTCPLossProbes"))
			out[GOODPUT_PROBE] = out[GOODPUT_REPAIR];
	}
	out[GOODPUT_RTOS] = (double)flows_counter(f, 0, "TcpExtTCPTimeouts");
	if (!flows_counter(f, 0, "TcpExtTCPLossProbes"))
		out[GOODPUT_PROBE] = 0;
}

/* A connection that has an RTT sends that many segments at once. */
static bool measure_tail(const struct goodput_cell *c, double *out)
{
	struct flows_config config = goodput_path(c);
	uint64_t want = (uint64_t)c->flight * GOODPUT_MSS;
	int64_t rtt = c->rtt * NS_PER_MS;
	struct flows f;
	bool ok;

	config.idle = true;
	config.there.queue_len = 100;
	ok = flows_open(&f, &config);
	if (ok) {
		struct impair *way = &f.ways[0].impair;

		flows_run(&f, 2 * rtt);
		flows_offer(&f, want);
		flows_run(&f, f.net.now + 2 * rtt);
		for (int i = 0; i < c->lost; i++)
			way->config.drops[way->config.n_drops++] =
				way->n + (uint64_t)(c->flight - i);
		flows_offer(&f, want);
		watch_tail(&f, 2 * want, rtt, out);
	}
	flows_close(&f);
	return ok;
}

bool goodput_measure(const struct goodput_cell *c, double *figures)
{
	if (c->table == GOODPUT_TAIL)
		return measure_tail(c, figures);
	return measure_bulk(c, figures);
}
