// SPDX-License-Identifier: BSD-2-Clause
/*
 * Keep-alive (RFC 9293 3.8.4), and how long an orphan stays in FIN_WAIT_2: what
 * an idle connection waits for, and so the one timer outside the active block.
 *
 * A probe goes after tcp_keepalive_time without anything received, then each
 * tcp_keepalive_intvl; after tcp_keepalive_probes of them without an answer, or
 * after TCP_USER_TIMEOUT, the connection is given up. Data in flight is its own
 * probe (K4).
 */
#include "tcp_priv.h"

/* A tunable of 0 is as soon as possible; but later, or time stands still. */
static int64_t seconds(int64_t option_s, int64_t tunable_s)
{
	return max_i64((option_s ? option_s : tunable_s) * NS_PER_S, NS_PER_MS);
}

int64_t tcp_keepalive_time_ns(const struct tern_stack *st,
			      const struct tcp_conn *c)
{
	return seconds(c->opts->keepidle_s, st->tun.tcp_keepalive_time);
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

void tcp_keep_fire(struct tern_stack *st, struct tcp_conn *c)
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
		tcp_give_up(st, c, "keep-alive: given up");
		return;
	}
	COUNT(st, TCP_EXT_KEEP_ALIVE);
	tcp_send_probe(st, c, false);
	c->probes++;
	tcp_timer_set(st, c, TCP_TIMER_KEEP,
		      st->now + seconds(o->keepintvl_s,
					st->tun.tcp_keepalive_intvl));
}
