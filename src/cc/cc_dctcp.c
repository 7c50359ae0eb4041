// SPDX-License-Identifier: BSD-2-Clause
/*
 * Data Center TCP (RFC 8257): how much was marked, not only that something was.
 *
 * Switches mark from a short queue on. Once a window the sender takes the share
 * of what was delivered with a mark into a moving average:
 *
 *	alpha = alpha (1 - g) + g F		g = 1/16
 *
 * and a reduction takes cwnd alpha / 2 off: half of a window that was marked
 * whole, next to nothing where few were. A loss is a loss: half (3.5). Growth
 * is NewReno's.
 *
 * The receiver's part, an ECE that follows each change of the marks, is in
 * src/tcp/tcp_ecn.c; with AccECN the counters tell all of it. Where no ECN was
 * agreed on nothing is marked, and it is NewReno.
 *
 * Not implemented: what Linux tells by TCP_CC_INFO.
 */
#include "cc/cc_dctcp.h"

#include "base/bytes.h"
#include "cc/cc_reno.h"

#define WHOLE 1024u /* alpha of 1 */
#define GAIN_SHIFT 4

struct dctcp {
	uint32_t window_end;		  /* snd.nxt when this window began */
	uint32_t delivered, delivered_ce; /* then */
	uint32_t alpha;
};

_Static_assert(sizeof(struct dctcp) <= TERN_CC_PRIV_WORDS * 8, "fits priv");

static struct dctcp *of(const struct tern_cc_view *v)
{
	return (struct dctcp *)(void *)v->priv;
}

static void begin_window(struct tern_cc_view *v)
{
	struct dctcp *d = of(v);

	d->window_end = v->snd_nxt;
	d->delivered = v->delivered;
	d->delivered_ce = v->delivered_ce;
}

/* 4.2: alpha begins with 1, so that the first mark halves a window of which
 * nothing is known. */
static void dctcp_init(struct tern_cc_view *v)
{
	of(v)->alpha = WHOLE;
	begin_window(v);
}

static void dctcp_on_rtt(struct tern_cc_view *v, int64_t rtt_us)
{
	struct dctcp *d = of(v);
	uint32_t all, marked, off = d->alpha >> GAIN_SHIFT;

	(void)rtt_us;
	if ((int32_t)(v->snd_una - d->window_end) <= 0)
		return;
	all = max_u32(v->delivered - d->delivered, 1);
	marked = min_u32(v->delivered_ce - d->delivered_ce, all);
	/* Below a sixteenth the shift would leave it where it is. */
	d->alpha -= off ? off : d->alpha;
	d->alpha += (uint32_t)((uint64_t)marked * (WHOLE >> GAIN_SHIFT) / all);
	d->alpha = min_u32(d->alpha, WHOLE);
	begin_window(v);
}

static uint32_t dctcp_ssthresh(struct tern_cc_view *v)
{
	uint64_t cwnd = v->cc->cwnd;

	return max_u32((uint32_t)(cwnd - cwnd * of(v)->alpha / (2 * WHOLE)), 2);
}

static void halve(struct tern_cc_view *v)
{
	v->cc->ssthresh = max_u32(v->cc->cwnd / 2, 2);
}

static void dctcp_on_state(struct tern_cc_view *v, enum tern_ca_state state)
{
	if (state == TERN_CA_RECOVERY)
		halve(v);
}

static void dctcp_on_event(struct tern_cc_view *v, enum tern_cc_event event)
{
	if (event == TERN_CC_LOSS)
		halve(v);
}

static void dctcp_on_acked(struct tern_cc_view *v, uint32_t acked)
{
	cc_reno.on_acked(v, acked);
}

const struct tern_cc_ops cc_dctcp = {
	.name = "dctcp",
	.flags = TERN_CC_NEEDS_ECN,
	.init = dctcp_init,
	.ssthresh = dctcp_ssthresh,
	.on_acked = dctcp_on_acked,
	.on_rtt = dctcp_on_rtt,
	.on_event = dctcp_on_event,
	.on_state = dctcp_on_state,
};
