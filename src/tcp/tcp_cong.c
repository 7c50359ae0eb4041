// SPDX-License-Identifier: BSD-2-Clause
/*
 * Between a connection and its congestion controller.
 *
 * The controller sees a struct tern_cc_view made for the call. During a
 * reduction (CWR, Recovery) the window is PRR's (RFC 9937): it comes down to
 * ssthresh in step with what is delivered, instead of stopping for half a round
 * trip. Also here: which windows count as used (cwnd validation), and the
 * shrinking of a window that was not used for long (RFC 9293 3.8.2).
 */
#include "tcp_priv.h"

#include "cc/cc_bbr.h"
#include "cc/cc_cubic.h"
#include "cc/cc_dctcp.h"
#include "cc/cc_reno.h"

void tcp_cc_register_builtin(struct tern_stack *st)
{
	static const struct tern_cc_ops *const all[] = {
		&cc_reno,
		&cc_cubic,
		&cc_bbr,
		&cc_dctcp,
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(all); i++)
		st->tcp.cc[st->tcp.n_cc++] = all[i];
}

int tcp_cc_register(struct tern_stack *st, const struct tern_cc_ops *ops)
{
	if (!ops->ssthresh || (!ops->on_acked && !ops->control) ||
	    !ops->name[0] || ops->name[TERN_CC_NAME_LEN - 1])
		return -TERN_EINVAL;
	if (tcp_cc_find(st, ops->name) >= 0)
		return -TERN_EEXIST;
	if (st->tcp.n_cc == TCP_MAX_CC)
		return -TERN_ENOSPC;
	st->tcp.cc[st->tcp.n_cc++] = ops;
	return 0;
}

int tcp_cc_find(const struct tern_stack *st, const char *name)
{
	int i, k;

	for (i = 0; i < st->tcp.n_cc; i++) {
		const char *have = st->tcp.cc[i]->name;

		for (k = 0; have[k] && have[k] == name[k]; k++)
			;
		if (have[k] == name[k])
			return i;
	}
	return -TERN_ENOENT;
}

const struct tern_cc_ops *tcp_cc_ops(const struct tern_stack *st,
				     const struct tcp_conn *c)
{
	return st->tcp.cc[c->cc_index];
}

static bool in_slow_start(const struct tcp_conn *c)
{
	return c->cc.cwnd < c->cc.ssthresh;
}

static bool is_cwnd_limited(const struct tcp_conn *c)
{
	if (c->act->is_cwnd_limited)
		return true;
	/* In slow start a window half used may still grow: it is about to
	 * be needed. */
	return in_slow_start(c) && c->cc.cwnd < 2 * c->act->max_packets_out;
}

static uint64_t random_word(void *ctx)
{
	return rng_u64(ctx);
}

static void look(struct tern_stack *st, struct tcp_conn *c,
		 struct tern_cc_view *v)
{
	struct tcp_active *a = c->act;
	const struct tcp_hist *h = hist_of(st, c);

	*v = (struct tern_cc_view){
		.cc = &c->cc,
		.priv = a->cc_priv,
		.pacing_rate = a->pacing_rate,
		.max_pacing_rate = c->opts->max_pacing_rate ?
					   c->opts->max_pacing_rate :
					   UINT64_MAX,
		.mss = c->mss,
		.srtt_us = c->srtt_us >> 3,
		.min_rtt_us = c->min_rtt_us,
		.in_flight = in_flight(a),
		.snd_una = c->snd.una.v,
		.snd_nxt = c->snd.nxt.v,
		.delivered = h ? h->delivered : 0,
		.delivered_ce = h ? h->delivered_ce : 0,
		.lost = a->lost,
		.app_limited = a->app_limited,
		.prior_cwnd = a->prior_cwnd,
		.ca_state = c->ca_state,
		.is_cwnd_limited = is_cwnd_limited(c),
		.hystart = (uint8_t)st->tun.tcp_hystart,
		.now = st->now,
		.delivered_at = a->delivered_at,
		.pace_at = a->pace_at,
		.last_sent_at = st->now - (int64_t)(now_ms(st) - c->last_sent) *
						  NS_PER_MS,
		.random = random_word,
		.random_ctx = &st->rng,
	};
}

/* What the hook may have set beyond the window. */
static void take(struct tcp_conn *c, const struct tern_cc_view *v)
{
	c->act->pacing_rate = v->pacing_rate;
	c->act->app_limited = v->app_limited;
}

void tcp_cc_init(struct tern_stack *st, struct tcp_conn *c)
{
	const struct tern_cc_ops *ops = tcp_cc_ops(st, c);
	struct tern_cc_view v;

	memset(c->act->cc_priv, 0, sizeof(c->act->cc_priv));
	c->act->prior_ssthresh = 0;
	if (!ops->init)
		return;
	look(st, c, &v);
	ops->init(&v);
	take(c, &v);
}

bool tcp_cc_keeps(struct tern_stack *st, struct tcp_conn *c)
{
	const struct tern_cc_ops *ops = tcp_cc_ops(st, c);
	struct tern_cc_view v;
	size_t i;

	if (ops->keep) {
		look(st, c, &v);
		return ops->keep(&v);
	}
	for (i = 0; i < ARRAY_LEN(c->act->cc_priv); i++)
		if (c->act->cc_priv[i])
			return true;
	return false;
}

void tcp_cc_resume(struct tern_stack *st, struct tcp_conn *c)
{
	const struct tern_cc_ops *ops = tcp_cc_ops(st, c);
	struct tern_cc_view v;

	if (tcp_kept_load(st, c) || !(ops->resume || ops->init))
		return;
	look(st, c, &v);
	if (ops->resume)
		ops->resume(&v);
	else
		ops->init(&v);
	take(c, &v);
}

size_t tcp_cc_info(struct tern_stack *st, struct tcp_conn *c, void *out)
{
	const struct tern_cc_ops *ops = tcp_cc_ops(st, c);
	uint64_t nothing[TERN_CC_PRIV_WORDS] = { 0 };
	struct tern_cc_view v = { .priv = nothing, .mss = c->mss };

	if (!ops->info)
		return 0;
	/* Of an idle connection the words are elsewhere: fetch them. */
	if (c->has_kept && !tcp_activate(st, c))
		return 0;
	if (c->state != TERN_TCP_LISTEN && c->act)
		look(st, c, &v);
	return ops->info(&v, out);
}

uint32_t tcp_min_tso_segs(struct tern_stack *st, struct tcp_conn *c)
{
	const struct tern_cc_ops *ops = tcp_cc_ops(st, c);
	struct tern_cc_view v;

	if (likely(!ops->min_tso_segs))
		return (uint32_t)st->tun.tcp_min_tso_segs;
	look(st, c, &v);
	return ops->min_tso_segs(&v);
}

uint32_t tcp_cc_ssthresh(struct tern_stack *st, struct tcp_conn *c)
{
	struct tern_cc_view v;

	look(st, c, &v);
	return tcp_cc_ops(st, c)->ssthresh(&v);
}

uint32_t tcp_cc_undo(struct tern_stack *st, struct tcp_conn *c)
{
	const struct tern_cc_ops *ops = tcp_cc_ops(st, c);
	struct tern_cc_view v;

	if (!ops->undo_cwnd)
		return max_u32(c->cc.cwnd, c->act->prior_cwnd);
	look(st, c, &v);
	return ops->undo_cwnd(&v);
}

void tcp_cc_event(struct tern_stack *st, struct tcp_conn *c,
		  enum tern_cc_event event)
{
	const struct tern_cc_ops *ops = tcp_cc_ops(st, c);
	struct tern_cc_view v;

	if (!ops->on_event)
		return;
	look(st, c, &v);
	ops->on_event(&v, event);
	take(c, &v);
}

void tcp_set_ca(struct tern_stack *st, struct tcp_conn *c,
		enum tern_ca_state state)
{
	static const char *const names[] = {
		[TERN_CA_OPEN] = "Open", [TERN_CA_DISORDER] = "Disorder",
		[TERN_CA_CWR] = "CWR",	 [TERN_CA_RECOVERY] = "Recovery",
		[TERN_CA_LOSS] = "Loss",
	};
	const struct tern_cc_ops *ops = tcp_cc_ops(st, c);
	struct tern_cc_view v;

	if (c->ca_state == state)
		return;
	if (c->ca_state == TERN_CA_LOSS)
		tcp_rto_over(st, c);
	if (ops->on_state) {
		look(st, c, &v);
		ops->on_state(&v, state);
	}
	c->ca_state = (uint8_t)state;
	tcp_trace_what(st, c, TERN_TRACE_CC, names[state], NULL);
}

/* RFC 9937. */
void tcp_cwnd_reduce(struct tcp_conn *c, const struct tcp_ack_state *s)
{
	struct tcp_active *a = c->act;
	uint32_t flight = in_flight(a), delivered = s->rs.acked_sacked;
	int32_t delta = (int32_t)(c->cc.ssthresh - flight);
	int64_t n;

	if (!delivered || !a->prior_cwnd)
		return;
	a->prr_delivered += delivered;
	if (delta < 0) {
		n = (int64_t)(((uint64_t)c->cc.ssthresh * a->prr_delivered +
			       a->prior_cwnd - 1) /
			      a->prior_cwnd) -
		    a->prr_out;
	} else {
		n = max_i64((int64_t)a->prr_delivered - a->prr_out, delivered);
		/* Progress without more loss: slow start's pace. */
		if (s->flags & ACKED_UNA && !s->newly_lost)
			n++;
		n = min_i64(n, delta);
	}
	/* The first resend of a recovery always goes. */
	n = max_i64(n, a->prr_out ? 0 : 1);
	c->cc.cwnd = flight + (uint32_t)n;
}

void tcp_cc_on_rtt(struct tern_stack *st, struct tcp_conn *c, int64_t rtt_us)
{
	const struct tern_cc_ops *ops = tcp_cc_ops(st, c);
	struct tern_cc_view v;

	if (!ops->on_rtt)
		return;
	look(st, c, &v);
	ops->on_rtt(&v, rtt_us);
}

void tcp_cc_on_ack(struct tern_stack *st, struct tcp_conn *c,
		   struct tcp_ack_state *s, bool may_raise)
{
	const struct tern_cc_ops *ops = tcp_cc_ops(st, c);
	struct tern_cc_view v;

	if (ops->control) {
		look(st, c, &v);
		ops->control(&v, &s->rs);
		take(c, &v);
		return;
	}
	if (c->ca_state == TERN_CA_CWR || c->ca_state == TERN_CA_RECOVERY) {
		tcp_cwnd_reduce(c, s);
	} else if (may_raise) {
		look(st, c, &v);
		ops->on_acked(&v, s->rs.acked_sacked);
		c->act->cwnd_used_at = st->now;
	}
	tcp_update_pacing(st, c);
}

/* cwnd / srtt, with what growth needs on top: for who paces, and to size
 * packets that are cut below TCP. */
void tcp_update_pacing(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	uint64_t rate, percent, max = c->opts->max_pacing_rate;

	if (tcp_cc_ops(st, c)->flags & TERN_CC_PACES)
		return;
	percent = (uint64_t)(c->cc.cwnd < c->cc.ssthresh / 2 ?
				     st->tun.tcp_pacing_ss_ratio :
				     st->tun.tcp_pacing_ca_ratio);
	rate = (uint64_t)c->mss * max_u32(c->cc.cwnd, a->packets_out) * 80000 *
	       percent;
	if (c->srtt_us)
		rate /= c->srtt_us;
	if (max && rate > max)
		rate = max;
	a->pacing_rate = rate;
}

uint32_t tcp_init_cwnd(const struct tcp_conn *c)
{
	return c->act && c->act->path.initcwnd ? c->act->path.initcwnd :
						 TCP_INIT_CWND;
}

uint32_t tcp_current_ssthresh(const struct tcp_conn *c)
{
	if (c->ca_state == TERN_CA_CWR || c->ca_state == TERN_CA_RECOVERY)
		return c->cc.ssthresh;
	return max_u32(c->cc.ssthresh, (c->cc.cwnd >> 1) + (c->cc.cwnd >> 2));
}

/* A window that the program did not fill for a time-out comes down half way to
 * what it used (RFC 2861). */
static void application_limited(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	uint32_t used = max_u32(a->cwnd_used, tcp_init_cwnd(c));

	if (c->ca_state == TERN_CA_OPEN && !c->no_space && used < c->cc.cwnd) {
		c->cc.ssthresh = tcp_current_ssthresh(c);
		c->cc.cwnd = (c->cc.cwnd + used) >> 1;
	}
	a->cwnd_used = 0;
	a->cwnd_used_at = st->now;
}

void tcp_cwnd_validate(struct tern_stack *st, struct tcp_conn *c,
		       bool is_limited)
{
	struct tcp_active *a = c->act;

	/* The strongest statement of a round trip counts. */
	if (seq_geq(c->snd.una, a->cwnd_usage_seq) || is_limited ||
	    (!a->is_cwnd_limited && a->packets_out > a->max_packets_out)) {
		a->is_cwnd_limited = is_limited;
		a->max_packets_out = a->packets_out;
		a->cwnd_usage_seq = c->snd.nxt;
	}
	if (is_cwnd_limited(c)) {
		a->cwnd_used = 0;
		a->cwnd_used_at = st->now;
		return;
	}
	/* All is sent, and more could be, but the program had no room for it:
	 * what limits is the buffer. */
	if (!a->unsent && c->no_space)
		tcp_chrono_set(st, c, TCP_CHRONO_SNDBUF);
	a->cwnd_used = max_u32(a->cwnd_used, a->packets_out);
	if (st->tun.tcp_slow_start_after_idle &&
	    st->now - a->cwnd_used_at >= tcp_rto_ns(c) &&
	    !tcp_cc_ops(st, c)->control)
		application_limited(st, c);
}

void tcp_cwnd_restart(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	int64_t idle = (int64_t)(now_ms(st) - c->last_sent) * NS_PER_MS;
	int64_t rto = tcp_rto_ns(c);
	uint32_t floor;

	if (!st->tun.tcp_slow_start_after_idle || a->packets_out ||
	    tcp_cc_ops(st, c)->control || idle <= rto)
		return;
	tcp_cc_event(st, c, TERN_CC_CWND_RESTART);
	c->cc.ssthresh = tcp_current_ssthresh(c);
	floor = min_u32(tcp_init_cwnd(c), c->cc.cwnd);
	while ((idle -= rto) > 0 && c->cc.cwnd > floor)
		c->cc.cwnd >>= 1;
	c->cc.cwnd = max_u32(c->cc.cwnd, floor);
	a->cwnd_used = 0;
	a->cwnd_used_at = st->now;
}

/* Begins a reduction: where it ends, and the window that undo would go back to.
 * To which ssthresh the caller says: after a probe's repair an undo is that of
 * the recovery before it, if a D-SACK comes so late [k]. */
void tcp_cwnd_reduce_start(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;

	a->high_seq = c->snd.nxt;
	a->has_tlp = false;
	a->prior_cwnd = c->cc.cwnd;
	a->prr_delivered = a->prr_out = 0;
	c->cc.cwnd_cnt = 0;
	c->cc.ssthresh = tcp_cc_ssthresh(st, c);
	c->cwr_due = 1; /* told if ECN is classic */
}

void tcp_cwnd_reduce_end(struct tern_stack *st, struct tcp_conn *c)
{
	if (tcp_cc_ops(st, c)->control)
		return;
	if (c->cc.ssthresh < TERN_CC_INFINITE_SSTHRESH &&
	    (c->ca_state == TERN_CA_CWR || c->act->has_undo)) {
		c->cc.cwnd = c->cc.ssthresh;
		c->act->cwnd_used_at = st->now;
	}
	tcp_cc_event(st, c, TERN_CC_COMPLETE_CWR);
}
