// SPDX-License-Identifier: BSD-2-Clause
/*
 * A connection's timers.
 *
 *	RTX	resends the first unacknowledged segment; doubles
 *	PROBE	asks a peer whose window is closed; doubles
 *	LOSS	tail loss probe (tcp_rack.c)
 *	REO	the reordering window (tcp_rack.c)
 *	DELACK	sends the ACK that is owed
 *	PACE	lets the next packet leave
 *	SACK	sends merged ACKs of reordered data
 *	REST	gives the active block back
 *	KEEP	keep-alive; an orphan's FIN_WAIT_2; a FIN that is owed
 *
 * Each has its instant; the wheel holds the earliest only. It is not moved
 * when that one is put off, which every ACK does to RTX: the wheel then fires
 * early, finds nothing due, and is armed again.
 *
 * Giving up is by time, not by count (RFC 9293 3.8.3): a boundary of n stands
 * for the time that n doublings from 200 ms would take.
 */
#include "tcp_priv.h"

static int64_t timer_at(const struct tcp_conn *c, enum tcp_timer t)
{
	if (t == TCP_TIMER_KEEP)
		return c->keep_at;
	return c->state != TERN_TCP_LISTEN && c->act ? c->act->at[t] : NEVER;
}

static enum tcp_timer earliest(const struct tcp_conn *c)
{
	enum tcp_timer best = TCP_TIMER_KEEP;
	int t;

	for (t = 0; t < TCP_N_ACT_TIMERS; t++)
		if (timer_at(c, t) < timer_at(c, best))
			best = t;
	return best;
}

/* Arms the wheel for the earliest timer. */
void tcp_timer_arm(struct tern_stack *st, struct tcp_conn *c)
{
	int64_t at = timer_at(c, earliest(c));

	if (at != c->timer.at)
		wheel_arm(&st->tcp.conn_wheel, c->id, at);
}

void tcp_timer_set(struct tern_stack *st, struct tcp_conn *c, enum tcp_timer t,
		   int64_t at)
{
	if (t == TCP_TIMER_KEEP)
		c->keep_at = at;
	else
		c->act->at[t] = at;
	if (at < c->timer.at)
		wheel_arm(&st->tcp.conn_wheel, c->id, at);
}

void tcp_xmit_timer(struct tern_stack *st, struct tcp_conn *c, enum tcp_timer t,
		    int64_t at)
{
	int64_t *const all = c->act->at;

	all[TCP_TIMER_RTX] = all[TCP_TIMER_PROBE] = NEVER;
	all[TCP_TIMER_LOSS] = all[TCP_TIMER_REO] = NEVER;
	tcp_timer_set(st, c, t, at);
}

int64_t tcp_timewait_ns(const struct tern_stack *st)
{
	return st->tun.tcp_timewait_len * NS_PER_S;
}

int64_t tcp_keepalive_time_ns(const struct tern_stack *st,
			      const struct tcp_conn *c)
{
	return (c->opts->keepidle_s ? c->opts->keepidle_s :
				      st->tun.tcp_keepalive_time) *
	       NS_PER_S;
}

int64_t tcp_fin_time_ns(const struct tern_stack *st, const struct tcp_conn *c)
{
	int64_t rto = tcp_rto_ns(c), t;

	if (c->opts->linger2_s < 0)
		return -1;
	t = (c->opts->linger2_s ? c->opts->linger2_s :
				  st->tun.tcp_fin_timeout) *
	    NS_PER_S;
	/* Long enough for the peer to resend its FIN: 3.5 time-outs. */
	return max_i64(t, (rto << 2) - (rto >> 1));
}

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

static void give_up(struct tern_stack *st, struct tcp_conn *c, const char *why)
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
	if (expired)
		give_up(st, c, "retransmission time-out: given up");
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

/* Doubles the time-out and starts it again, but not past the moment at which
 * TCP_USER_TIMEOUT gives up. */
static void back_off(struct tern_stack *st, struct tcp_conn *c)
{
	int64_t max = tcp_rto_max_ns(st, c), rto, left;
	const struct tcp_hist *h = hist_of(st, c);

	/* The first SYNs may be resent at a steady pace. */
	if (c->state != TERN_TCP_SYN_SENT ||
	    c->retransmits > st->tun.tcp_syn_linear_timeouts) {
		if (c->backoff < 255)
			c->backoff++;
		c->rto_us = (uint32_t)min_i64((int64_t)c->rto_us * 2,
					      max / NS_PER_US);
	}
	(void)h;
	rto = tcp_rto_ns(c);
	if (c->opts->user_timeout_ms && c->act->retrans_at) {
		left = c->act->retrans_at +
		       c->opts->user_timeout_ms * NS_PER_MS - st->now;
		rto = left > 0 ? min_i64(rto, left) : NS_PER_MS;
	}
	tcp_xmit_timer(st, c, TCP_TIMER_RTX, st->now + rto);
}

static void count_rto(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_hist *h = hist_of(st, c);

	if (!c->retransmits && h)
		h->n_rto_recoveries++;
	if (c->retransmits < 255)
		c->retransmits++;
	if (h)
		h->n_rto++;
}

static void rtx_fire(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_seg *g = rtx_first(c->act);

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
			give_up(st, c, "zero window: given up");
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
		if (!c->act->retrans_at)
			c->act->retrans_at = st->now;
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

/* Sends a zero-window probe and starts the timer for the next. */
static void send_probe0(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	int64_t wait, user, left;
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
		wait = tcp_probe_when(st, c);
	} else {
		wait = TCP_RESOURCE_PROBE;
	}
	user = (int64_t)c->opts->user_timeout_ms * NS_PER_MS;
	if (user && a->probe_from) {
		left = a->probe_from + user - st->now;
		wait = min_i64(wait, max_i64(left, NS_PER_MS));
	}
	tcp_xmit_timer(st, c, TCP_TIMER_PROBE, st->now + wait);
}

static void probe_fire(struct tern_stack *st, struct tcp_conn *c)
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
	give_up(st, c, "zero-window probes: given up");
}

void tcp_keep_start(struct tern_stack *st, struct tcp_conn *c)
{
	tcp_timer_set(st, c, TCP_TIMER_KEEP,
		      st->now + tcp_keepalive_time_ns(st, c));
}

static void fin_wait2_fire(struct tern_stack *st, struct tcp_conn *c)
{
	int64_t left = tcp_fin_time_ns(st, c) - tcp_timewait_ns(st);

	tcp_trace_what(st, c, TERN_TRACE_TIMER, "FIN_WAIT_2", NULL);
	if (c->opts->linger2_s >= 0 && left > 0) {
		tcp_time_wait(st, c, TERN_TCP_FIN_WAIT2, tcp_timewait_ns(st));
		return;
	}
	tcp_send_rst(st, c);
	tcp_done(st, c, "FIN_WAIT_2 timed out");
}

/* Milliseconds since anything came. */
static int64_t silent_ns(const struct tern_stack *st, const struct tcp_conn *c)
{
	uint32_t data = now_ms(st) - c->last_data;
	uint32_t ack = now_ms(st) - c->last_ack;

	return min_u32(data, ack) * NS_PER_MS;
}

void tcp_keep_again(struct tern_stack *st, struct tcp_conn *c)
{
	int64_t left = tcp_keepalive_time_ns(st, c) - silent_ns(st, c);

	tcp_timer_set(st, c, TCP_TIMER_KEEP, st->now + max_i64(left, 0));
}

static void keep_fire(struct tern_stack *st, struct tcp_conn *c)
{
	const struct tcp_opts *o = c->opts;
	int64_t user = (int64_t)o->user_timeout_ms * NS_PER_MS;
	int64_t idle = tcp_keepalive_time_ns(st, c), silent;
	uint32_t most = o->keepcnt ? o->keepcnt :
				     (uint32_t)st->tun.tcp_keepalive_probes;

	if (c->state == TERN_TCP_FIN_WAIT2 && c->orphan) {
		fin_wait2_fire(st, c);
		return;
	}
	if (c->fin_owed) {
		tcp_send_fin(st, c);
		if (!c->fin_owed && c->keepalive)
			tcp_keep_start(st, c);
		return;
	}
	if (!c->keepalive || c->state == TERN_TCP_CLOSE ||
	    c->state == TERN_TCP_SYN_SENT)
		return;
	/* Data on its way is its own probe (K4). */
	if (c->act && (c->act->packets_out || c->act->unsent)) {
		tcp_timer_set(st, c, TCP_TIMER_KEEP, st->now + idle);
		return;
	}
	silent = silent_ns(st, c);
	if (silent < idle) {
		tcp_timer_set(st, c, TCP_TIMER_KEEP, st->now + idle - silent);
		return;
	}
	tcp_trace_what(st, c, TERN_TRACE_TIMER, "keep-alive", NULL);
	if (user ? silent >= user && c->probes : c->probes >= most) {
		tcp_send_rst(st, c);
		give_up(st, c, "keep-alive: given up");
		return;
	}
	COUNT(st, TCP_EXT_KEEP_ALIVE);
	tcp_send_probe(st, c, false);
	c->probes++;
	tcp_timer_set(st, c, TCP_TIMER_KEEP,
		      st->now + (o->keepintvl_s ? o->keepintvl_s :
						  st->tun.tcp_keepalive_intvl) *
					NS_PER_S);
}

static void fire_one(struct tern_stack *st, struct tcp_conn *c,
		     enum tcp_timer t)
{
	switch (t) {
	case TCP_TIMER_RTX:
		rtx_fire(st, c);
		break;
	case TCP_TIMER_PROBE:
		probe_fire(st, c);
		break;
	case TCP_TIMER_DELACK:
		tcp_delack_fire(st, c);
		break;
	case TCP_TIMER_PACE:
		tcp_resume(st, c);
		break;
	case TCP_TIMER_SACK:
		tcp_send_ack(st, c);
		break;
	case TCP_TIMER_REST:
		tcp_rest(st, c);
		break;
	case TCP_TIMER_KEEP:
		keep_fire(st, c);
		break;
	case TCP_TIMER_LOSS:
		tcp_tlp_fire(st, c);
		break;
	case TCP_TIMER_REO:
		tcp_reo_fire(st, c);
		break;
	case TCP_N_TIMERS:
		break;
	}
}

void tcp_timer_fire(struct tern_stack *st, struct tcp_conn *c)
{
	uint32_t id = c->id, gen = c->gen;

	for (;;) {
		enum tcp_timer t = earliest(c);

		if (timer_at(c, t) > st->now)
			break;
		if (t == TCP_TIMER_KEEP)
			c->keep_at = NEVER;
		else
			c->act->at[t] = NEVER;
		fire_one(st, c, t);
		/* The timer may have been its end. */
		if (!slab_has(&st->tcp.conns, id) || c->gen != gen)
			return;
	}
	tcp_timer_arm(st, c);
}

/* For ss: which timer runs (tern_sock_info.timer), and until when. */
int64_t tcp_timer_what(const struct tcp_conn *c, int *what)
{
	*what = 0;
	if (timer_at(c, TCP_TIMER_RTX) != NEVER ||
	    timer_at(c, TCP_TIMER_LOSS) != NEVER) {
		*what = 1;
		return min_i64(timer_at(c, TCP_TIMER_RTX),
			       timer_at(c, TCP_TIMER_LOSS));
	}
	if (timer_at(c, TCP_TIMER_PROBE) != NEVER) {
		*what = 4;
		return timer_at(c, TCP_TIMER_PROBE);
	}
	if (c->keep_at != NEVER)
		*what = 2;
	return c->keep_at;
}

int64_t tcp_deadline(struct tern_stack *st)
{
	struct tcp_state *t = &st->tcp;
	int64_t at = wheel_deadline(&t->conn_wheel);
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		at = min_i64(at, wheel_deadline(&t->req_wheel[v6]));
		at = min_i64(at, wheel_deadline(&t->tw_wheel[v6]));
	}
	return at;
}

void tcp_advance(struct tern_stack *st)
{
	struct tcp_state *t = &st->tcp;
	uint32_t id;
	int v6;

	while ((id = wheel_expire(&t->conn_wheel, st->now)) != 0)
		tcp_timer_fire(st, conn_at(st, id));
	for (v6 = 0; v6 < 2; v6++) {
		while ((id = wheel_expire(&t->req_wheel[v6], st->now)) != 0)
			tcp_req_timer(st, slab_at(&t->reqs[v6], id));
		while ((id = wheel_expire(&t->tw_wheel[v6], st->now)) != 0)
			tcp_tw_timer(st, slab_at(&t->tws[v6], id));
	}
}
