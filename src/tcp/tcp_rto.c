// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the retransmission timer and the zero-window probe do when they fire,
 * and when they give up.
 *
 * The time-out doubles with each resend (RFC 6298 5.5). Giving up is by time,
 * not by count (RFC 9293 3.8.3): a boundary of n stands for the time that n
 * doublings from 200 ms would take, capped each at tcp_rto_max. An orphan has
 * less time, and none once there are too many of them.
 */
#include "tcp_opts_priv.h"

/* The time that `boundary` doublings from `base` on take, capped each. */
static int64_t model_timeout(int boundary, int64_t base, int64_t max)
{
	int thresh = (int)ilog2_u64((uint64_t)max_i64(max / base, 1));

	if (boundary <= thresh)
		return ((INT64_C(2) << boundary) - 1) * base;
	return ((INT64_C(2) << thresh) - 1) * base + (boundary - thresh) * max;
}

/* Has this outage lasted for as long as `boundary` resends may take? */
static bool timed_out(struct tern_stack *st, struct tcp_conn *c, int boundary,
		      int64_t limit_ns)
{
	int64_t base = TCP_PROBE_MIN;

	if (!c->retransmits)
		return false;
	if (!limit_ns) {
		if (c->state == TERN_TCP_SYN_SENT ||
		    c->state == TERN_TCP_SYN_RECV)
			base = TCP_RTO_INIT;
		limit_ns = model_timeout(boundary, base, tcp_rto_max_ns(st, c));
	}
	return st->now - c->act->retrans_at >= limit_ns;
}

static int orphan_retries(const struct tern_stack *st, const struct tcp_conn *c,
			  bool alive)
{
	int n = (int)st->tun.tcp_orphan_retries;

	if (c->soft_error && !alive)
		n = 0;
	/* 0 means 8: enough for a last try after a long round trip. */
	return !n && alive ? 8 : n;
}

bool tcp_orphan_refused(struct tern_stack *st, struct tcp_conn *c, bool rst)
{
	if (st->tcp.n_orphans <= st->tun.tcp_max_orphans)
		return false;
	if (rst)
		tcp_send_rst(st, c);
	COUNT(st, TCP_EXT_ABORT_ON_MEMORY);
	tcp_done(st, c, "too many orphans");
	return true;
}

void tcp_give_up(struct tern_stack *st, struct tcp_conn *c, const char *why)
{
	COUNT(st, TCP_EXT_ABORT_ON_TIMEOUT);
	tcp_abort(st, c, c->soft_error ? c->soft_error : TERN_ETIMEDOUT, why);
}

/* Is it time to give the connection up? True: it is gone. */
static bool rtx_expired(struct tern_stack *st, struct tcp_conn *c)
{
	int64_t user = (int64_t)c->opts->user_timeout_ms * NS_PER_MS;
	bool expired = false, alive;
	int until;

	if (c->state == TERN_TCP_SYN_SENT || c->state == TERN_TCP_SYN_RECV) {
		int most;

		until = c->opts->syncnt ? c->opts->syncnt :
					  (int)st->tun.tcp_syn_retries;
		most = until;
		if (c->state == TERN_TCP_SYN_SENT)
			most += (int)st->tun.tcp_syn_linear_timeouts;
		expired = c->retransmits >= most;
	} else {
		if (timed_out(st, c, (int)st->tun.tcp_retries1, 0))
			tcp_black_hole(st, c);
		until = (int)st->tun.tcp_retries2;
		if (c->orphan) {
			alive = tcp_rto_ns(c) < tcp_rto_max_ns(st, c);
			until = orphan_retries(st, c, alive);
			if (tcp_orphan_refused(st, c,
					       alive || !timed_out(st, c, until,
								   0)))
				return true;
		}
	}
	if (!expired)
		expired = timed_out(st, c, until, user);
	tcp_fastopen_timed_out(st, c, expired);
	if (expired)
		tcp_give_up(st, c, "retransmission time-out: given up");
	return expired;
}

static void count_timeout(struct tern_stack *st, const struct tcp_conn *c)
{
	if (c->ca_state == TERN_CA_RECOVERY)
		st->counter[c->sack_ok ? COUNTER_TCP_EXT_SACK_RECOVERY_FAIL :
					 COUNTER_TCP_EXT_RENO_RECOVERY_FAIL]++;
	else if (c->ca_state == TERN_CA_LOSS)
		COUNT(st, TCP_EXT_LOSS_FAILURES);
	else if (c->ca_state == TERN_CA_DISORDER || c->act->sacked_out)
		st->counter[c->sack_ok ? COUNTER_TCP_EXT_SACK_FAILURES :
					 COUNTER_TCP_EXT_RENO_FAILURES]++;
}

#define THIN_SEGMENTS 4 /* in flight: no three duplicate ACKs can come */
#define THIN_RETRIES 6

/* With too little in flight for duplicate ACKs only time-outs repair a loss: a
 * program that asks for it has its first ones at an even pace [k]. */
static bool is_linear(const struct tern_stack *st, const struct tcp_conn *c)
{
	return c->state == TERN_TCP_ESTABLISHED &&
	       (c->opts->bits & OPT_THIN_LINEAR ||
		st->tun.tcp_thin_linear_timeouts) &&
	       c->act->packets_out < THIN_SEGMENTS &&
	       c->cc.ssthresh < TERN_CC_INFINITE_SSTHRESH &&
	       c->retransmits <= THIN_RETRIES;
}

/* Doubles the time-out and starts it again, but not past the moment at which
 * TCP_USER_TIMEOUT gives up. */
static void back_off(struct tern_stack *st, struct tcp_conn *c)
{
	int64_t max = tcp_rto_max_ns(st, c), rto, left;

	/* The first SYNs may be resent at a steady pace. */
	if (is_linear(st, c)) {
		c->backoff = 0;
		tcp_rto_set(st, c);
	} else if (c->state != TERN_TCP_SYN_SENT ||
		   c->retransmits > st->tun.tcp_syn_linear_timeouts) {
		if (c->backoff < 255)
			c->backoff++;
		c->rto_us = (uint32_t)min_i64((int64_t)c->rto_us * 2,
					      max / NS_PER_US);
	}
	rto = tcp_rto_ns(c);
	if (c->opts->user_timeout_ms && c->act->retrans_at) {
		left = c->act->retrans_at +
		       c->opts->user_timeout_ms * NS_PER_MS - st->now;
		rto = left > 0 ? min_i64(rto, left) : NS_PER_MS;
	}
	tcp_xmit_timer(st, c, TCP_TIMER_RTX, st->now + rto);
}

void tcp_rto_over(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	struct tcp_hist *h = hist_of(st, c);

	if (h && a->rto_at)
		h->rto_time_ms += (uint32_t)((st->now - a->rto_at) / NS_PER_MS);
	a->rto_at = 0;
}

static void count_rto(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_hist *h = hist_of(st, c);

	if (!c->retransmits && h)
		h->n_rto_recoveries++;
	if (!c->retransmits)
		c->act->rto_at = st->now;
	if (c->retransmits < 255)
		c->retransmits++;
	if (h)
		h->n_rto++;
}

void tcp_rtx_fire(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_seg *g = rtx_first(c->act);

	if (c->fo_child) {
		tcp_trace_what(st, c, TERN_TRACE_TIMER, "SYN-ACK", NULL);
		tcp_fastopen_child_timer(st, c);
		return;
	}
	if (!g)
		return;
	tcp_trace_what(st, c, TERN_TRACE_TIMER, "retransmit", NULL);
	if (!c->snd.wnd && !c->orphan && c->state != TERN_TCP_SYN_SENT &&
	    c->state != TERN_TCP_SYN_RECV) {
		/* The window shrank to nothing over data in flight: probe
		 * with it for as long as the peer answers. */
		int64_t dead = st->now -
			       (int64_t)(now_ms(st) - c->last_ack) * NS_PER_MS;

		if (c->act->retrans_at &&
		    st->now - max_i64(dead, c->act->retrans_at) >
			    2 * tcp_rto_max_ns(st, c)) {
			tcp_give_up(st, c, "zero window: given up");
			return;
		}
		tcp_enter_loss(st, c);
		tcp_resend(st, c, rtx_first(c->act), 1);
		back_off(st, c);
		return;
	}
	COUNT(st, TCP_EXT_TIMEOUTS);
	if (rtx_expired(st, c))
		return;
	if (!c->retransmits)
		count_timeout(st, c);
	tcp_enter_loss(st, c);
	count_rto(st, c);
	if (tcp_resend(st, c, rtx_first(c->act), 1)) {
		/* Nothing left this host: try again soon, do not back off. */
		tcp_xmit_timer(st, c, TCP_TIMER_RTX,
			       st->now + min_i64(tcp_rto_ns(c),
						 TCP_RESOURCE_PROBE));
		return;
	}
	back_off(st, c);
}

/* Base of the probe's back-off. */
static int64_t probe_base(const struct tcp_conn *c)
{
	return max_i64(tcp_rto_ns(c), TCP_PROBE_MIN);
}

int64_t tcp_probe_when(const struct tern_stack *st, const struct tcp_conn *c)
{
	int64_t max = tcp_rto_max_ns(st, c), base = probe_base(c);
	unsigned shift = ilog2_u64((uint64_t)max_i64(max / base, 1)) + 1;

	return min_i64(base << min_u32(shift, c->backoff), max);
}

/* The next probe, or what TCP_USER_TIMEOUT leaves: a peer that goes on saying
 * that its window is closed does not put that off [k]. */
void tcp_probe_arm(struct tern_stack *st, struct tcp_conn *c, int64_t wait)
{
	int64_t user = (int64_t)c->opts->user_timeout_ms * NS_PER_MS;
	int64_t from = c->act->probe_from;

	if (user && from)
		wait = min_i64(wait, max_i64(from + user - st->now, NS_PER_MS));
	tcp_xmit_timer(st, c, TCP_TIMER_PROBE, st->now + wait);
}

/* Sends a zero-window probe and starts the timer for the next. */
static void send_probe0(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	int err = tcp_wakeup_probe(st, c);

	COUNT(st, TCP_EXT_WIN_PROBE);
	if (a->packets_out || !a->unsent) {
		c->probes = c->backoff = 0;
		a->probe_from = 0;
		return;
	}
	if (c->probes < 255)
		c->probes++;
	if (err <= 0) {
		if (c->backoff < st->tun.tcp_retries2)
			c->backoff++;
		tcp_probe_arm(st, c, tcp_probe_when(st, c));
	} else {
		tcp_probe_arm(st, c, TCP_RESOURCE_PROBE);
	}
}

void tcp_probe_fire(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	int64_t user = (int64_t)c->opts->user_timeout_ms * NS_PER_MS;
	int64_t max = tcp_rto_max_ns(st, c);
	int most = (int)st->tun.tcp_retries2;
	bool alive;

	if (a->packets_out || !a->unsent) {
		c->probes = 0;
		a->probe_from = 0;
		return;
	}
	tcp_trace_what(st, c, TERN_TRACE_TIMER, "zero-window probe", NULL);
	if (!a->probe_from)
		a->probe_from = st->now;
	else if (user && st->now - a->probe_from >= user)
		goto expired;
	if (c->orphan) {
		alive = c->backoff < 32 && probe_base(c) << c->backoff < max;
		most = orphan_retries(st, c, alive);
		if (!alive && c->backoff >= most)
			goto expired;
		if (tcp_orphan_refused(st, c, true))
			return;
	}
	if (c->probes < most) {
		send_probe0(st, c);
		return;
	}
expired:
	tcp_give_up(st, c, "zero-window probes: given up");
}
