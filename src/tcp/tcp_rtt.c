// SPDX-License-Identifier: BSD-2-Clause
/*
 * Round-trip times and the retransmission time-out (RFC 6298).
 *
 * As on Linux the smoothed time is kept times 8 and the deviation times 4, in
 * microseconds, and the variance that enters the time-out is the largest
 * deviation of the last round trip (it rises at once and falls by a quarter a
 * round trip), with tcp_rto_min as its floor: the time-out is srtt + rttvar and
 * so never under srtt + 200 ms. A sample that is smaller than the average lowers
 * the deviation slowly, so that a falling RTT does not raise the time-out.
 *
 * Karn's rule is the callers': samples come from segments that were sent once,
 * or from timestamps (RFC 7323 4).
 */
#include "tcp_priv.h"

uint32_t tcp_rto_min_us(const struct tern_stack *st, const struct tcp_conn *c)
{
	return c->opts->rto_min_us ? c->opts->rto_min_us :
				     (uint32_t)st->tun.tcp_rto_min_us;
}

int64_t tcp_rto_max_ns(const struct tern_stack *st, const struct tcp_conn *c)
{
	int64_t ms = c->opts->rto_max_ms ? c->opts->rto_max_ms :
					   st->tun.tcp_rto_max_ms;

	return ms * NS_PER_MS;
}

int64_t tcp_rto_ns(const struct tcp_conn *c)
{
	return (int64_t)c->rto_us * NS_PER_US;
}

int64_t tcp_rtt_of_echo(const struct tern_stack *st, const struct tcp_conn *c,
			const struct tcp_in *in)
{
	uint32_t ms;

	if (!c->ts_ok || !in->o.ts_ecr)
		return -1;
	ms = tcp_ts_now(st, c) - in->o.ts_ecr;
	return ms < 1u << 21 ? (int64_t)max_u32(ms, 1) * 1000 : -1;
}

static void first_sample(struct tern_stack *st, struct tcp_conn *c, uint32_t m)
{
	c->srtt_us = m << 3;
	c->mdev_us = m << 1; /* RTT / 2, times 4 */
	c->rttvar_us = max_u32(c->mdev_us, tcp_rto_min_us(st, c));
	if (c->act) {
		c->act->mdev_max = c->rttvar_us;
		c->act->rtt_seq = c->snd.nxt;
	}
}

static void next_sample(struct tern_stack *st, struct tcp_conn *c, uint32_t m)
{
	struct tcp_active *a = c->act;
	int32_t err = (int32_t)(m - (c->srtt_us >> 3));

	c->srtt_us += (uint32_t)err;
	if (err < 0) {
		err = -err - (int32_t)(c->mdev_us >> 2);
		if (err > 0)
			err >>= 3;
	} else {
		err -= (int32_t)(c->mdev_us >> 2);
	}
	c->mdev_us += (uint32_t)err;
	if (!a)
		return;
	if (c->mdev_us > a->mdev_max) {
		a->mdev_max = c->mdev_us;
		if (a->mdev_max > c->rttvar_us)
			c->rttvar_us = a->mdev_max;
	}
	if (seq_gt(c->snd.una, a->rtt_seq)) {
		if (a->mdev_max < c->rttvar_us)
			c->rttvar_us -= (c->rttvar_us - a->mdev_max) >> 2;
		a->rtt_seq = c->snd.nxt;
		a->mdev_max = tcp_rto_min_us(st, c);
	}
}

void tcp_rto_set(const struct tern_stack *st, struct tcp_conn *c)
{
	c->rto_us = (uint32_t)min_i64((int64_t)(c->srtt_us >> 3) + c->rttvar_us,
				      tcp_rto_max_ns(st, c) / NS_PER_US);
}

void tcp_rtt_sample(struct tern_stack *st, struct tcp_conn *c, int64_t us)
{
	/* The smoothed time is kept times 8 in 32 bits. */
	uint32_t m = (uint32_t)min_i64(max_i64(us, 1), 1 << 28);

	if (c->srtt_us)
		next_sample(st, c, m);
	else
		first_sample(st, c, m);
	c->srtt_us = max_u32(1, c->srtt_us);
	tcp_rto_set(st, c);
}
