// SPDX-License-Identifier: BSD-2-Clause
/*
 * What theory allows a controller on a path.
 *
 * By the queue alone, the sawtooth: the window grows until the queue overflows
 * and falls to beta of that; while it is under one BDP the link idles. By
 * losses that come evenly, one in n packets: the window whose period carries
 * n packets. Both are of the window, not of any stack: what recovery costs is
 * not in them.
 */
#include "tools/goodput_cell.h"

#include <math.h>

#define C 0.4 /* of CUBIC, RFC 9438 5 */
#define BETA_CUBIC 0.7
#define BETA_RENO 0.5
/* What CUBIC's AIMD flow adds each round trip (4.3). */
#define ALPHA (3 * (1 - BETA_CUBIC) / (1 + BETA_CUBIC))

double goodput_link(const struct goodput_cell *cell)
{
	return cell->rate * (double)GOODPUT_MSS / GOODPUT_MTU;
}

double goodput_bdp(const struct goodput_cell *cell)
{
	return cell->rate * 1e6 * cell->rtt / 1e3 / 8 / GOODPUT_MTU;
}

static double beta_of(const struct goodput_cell *cell)
{
	return cell->cc == GOODPUT_RENO ? BETA_RENO : BETA_CUBIC;
}

/* CUBIC's window, that long after a loss at most. */
static double curve(double most, double seconds)
{
	double k = cbrt(most * (1 - BETA_CUBIC) / C);

	return C * pow(seconds - k, 3) + most;
}

/* One period from a loss at a window of `most`, in steps of a part of a round
 * trip, until `end` says so. */
struct period {
	double seconds, packets, window;
	double busy; /* seconds that the link was */
};

/* bdp 0: of a link that limits nothing, whose RTT is constant. until: that
 * many packets, or 0: until the window is `most` again. */
static struct period period_of(const struct goodput_cell *cell, double most,
			       double bdp, double until)
{
	struct period p = { .window = most * beta_of(cell) };
	double aimd = p.window, base = cell->rtt / 1e3, t = 0;

	while (until > 0 ? p.packets < until : p.window < most) {
		/* Each round trip is longer by what waits. */
		double rtt = bdp > 0 ? base * fmax(1, p.window / bdp) : base;
		double dt = rtt / 20;

		p.packets += p.window * dt / rtt;
		p.busy += bdp > 0 ? dt * fmin(1, p.window / bdp) : dt;
		t += dt;
		if (cell->cc == GOODPUT_RENO) {
			p.window += dt / rtt;
			continue;
		}
		aimd += ALPHA * dt / rtt;
		p.window = fmax(curve(most, t), aimd);
	}
	p.seconds = t;
	return p;
}

/* The queue holds so many, at least one, beside the one that is being sent. */
static double overflow(const struct goodput_cell *cell)
{
	double bdp = goodput_bdp(cell);

	return bdp + ceil(cell->queue * bdp);
}

static double sawtooth(const struct goodput_cell *cell)
{
	struct period p = period_of(cell, overflow(cell), goodput_bdp(cell), 0);

	return p.busy / p.seconds;
}

double goodput_period(const struct goodput_cell *cell)
{
	if (cell->cc == GOODPUT_BBR)
		return 0;
	return period_of(cell, overflow(cell), goodput_bdp(cell), 0).seconds;
}

/* Mbit/s where one packet in n is lost: the period that carries n packets and
 * begins at the window at which it ends. */
static double response(const struct goodput_cell *cell, double n)
{
	struct period p = { .window = 10 };

	/* The error halves, at least, each time. */
	for (int i = 0; i < 40; i++)
		p = period_of(cell, p.window, 0, n);
	return p.packets / p.seconds * GOODPUT_MSS * 8 / 1e6;
}

/* Losses take away what they lose, too. */
static double lost_share(const struct goodput_loss *l, double p)
{
	if (l->burst_end)
		return p / (p + l->burst_end / 1e6);
	return p;
}

/* ProbeRTT, each 10 s: a round trip until all but four are acknowledged, then
 * 0.2 s and a round trip at least. */
static double probing(const struct goodput_cell *cell)
{
	double rtt = cell->rtt / 1e3;

	return 10 / (10 + rtt + fmax(0.2, rtt));
}

double goodput_limit(const struct goodput_cell *cell)
{
	const struct goodput_loss *l = &goodput_losses[cell->loss];
	double link = goodput_link(cell);
	/* A burst counts as one loss. */
	double p = cell->every ? 1.0 / cell->every :
				 (l->loss + l->burst_begin) / 1e6;

	/* bbr goes by no loss. */
	if (cell->cc == GOODPUT_BBR)
		return link * probing(cell) * (1 - lost_share(l, p));
	if (cell->table == GOODPUT_REORDERED)
		return link;
	if (p == 0)
		return link * sawtooth(cell);
	return fmin(link * (1 - lost_share(l, p)), response(cell, 1 / p));
}
