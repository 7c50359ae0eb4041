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
 * tcp_rto.c, tcp_keep.c and tcp_rack.c have what they do.
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
	/* What pacing holds back is not late yet. */
	if (at != NEVER && t != TCP_TIMER_REO)
		at += max_i64(c->act->pace_at - st->now, 0);
	tcp_timer_set(st, c, t, at);
}

int64_t tcp_timewait_ns(const struct tern_stack *st)
{
	return st->tun.tcp_timewait_len * NS_PER_S;
}

static void fire_one(struct tern_stack *st, struct tcp_conn *c,
		     enum tcp_timer t)
{
	switch (t) {
	case TCP_TIMER_RTX:
		tcp_rtx_fire(st, c);
		break;
	case TCP_TIMER_PROBE:
		tcp_probe_fire(st, c);
		break;
	case TCP_TIMER_DELACK:
		tcp_delack_fire(st, c);
		break;
	case TCP_TIMER_PACE:
		c->act->pace_woken_at = st->now;
		tcp_resume(st, c);
		break;
	case TCP_TIMER_SACK:
		if (c->act->n_acks_merged)
			c->act->n_acks_merged--; /* it is sent after all */
		tcp_send_ack(st, c);
		break;
	case TCP_TIMER_REST:
		tcp_rest(st, c);
		break;
	case TCP_TIMER_KEEP:
		tcp_keep_fire(st, c);
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
