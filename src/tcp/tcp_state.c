// SPDX-License-Identifier: BSD-2-Clause
/*
 * The connection as an object: its blocks come and go, its state changes.
 *
 *	tcp_conn_new -> tcp_activate <-> tcp_rest -> tcp_done -> tcp_conn_free
 *
 * A state changes in tcp_set_state() and nowhere else, so that every change is
 * counted, traced and told to the socket. A connection whose program is gone
 * (an orphan) frees itself in tcp_done(); one with a socket waits in CLOSE for
 * its close().
 */
#include "tcp_priv.h"

int tcp_init(struct tern_stack *st)
{
	struct tcp_opts *o;
	uint32_t id;

	if (!tcp_tables_init(st))
		return -TERN_ENOMEM;
	id = slab_alloc(&st->tcp.opts);
	if (!id) {
		tcp_tables_fini(st);
		return -TERN_ENOMEM;
	}
	o = slab_at(&st->tcp.opts, id);
	o->id = id;
	o->refs = 1;
	st->tcp.default_opts = o;
	tcp_cc_register_builtin(st);
	return 0;
}

void tcp_fini(struct tern_stack *st)
{
	uint32_t id;
	int v6;

	/* Listeners first: they know those who wait in their queues by
	 * number, and one that waits may have a lower number than they. */
	for (id = 0; (id = slab_next(&st->tcp.conns, id)) != 0;)
		if (conn_at(st, id)->state == TERN_TCP_LISTEN)
			tcp_listener_stop(st, conn_at(st, id));
	for (id = 0; (id = slab_next(&st->tcp.conns, id)) != 0;)
		tcp_conn_free(st, conn_at(st, id));
	for (v6 = 0; v6 < 2; v6++)
		while ((id = slab_next(&st->tcp.tws[v6], 0)) != 0)
			tcp_tw_free(st, slab_at(&st->tcp.tws[v6], id));
	tcp_lend_settle(st);
	tcp_opts_put(st, st->tcp.default_opts);
	tcp_tables_fini(st);
}

struct tcp_conn *tcp_conn_new(struct tern_stack *st, bool v6)
{
	uint32_t id = slab_alloc(&st->tcp.conns);
	struct tcp_conn *c;

	if (!id)
		return NULL;
	c = conn_at(st, id);
	c->id = id;
	c->gen = ++st->tcp.next_gen;
	c->s = -1;
	timer_init(&c->timer);
	c->keep_at = NEVER;
	c->opts = st->tcp.default_opts;
	c->opts->refs++;
	c->v6 = v6;
	c->v6only = v6 && st->tun.bindv6only;
	c->state = TERN_TCP_CLOSE;
	c->rcvbuf = (uint32_t)st->tun.tcp_rmem[1];
	c->sndbuf = (uint32_t)st->tun.tcp_wmem[1];
	c->scaling = 128;
	c->rto_us = TCP_RTO_INIT / NS_PER_US;
	c->mdev_us = c->rto_us;
	c->min_rtt_us = UINT32_MAX;
	c->cc.cwnd = TCP_INIT_CWND;
	c->cc.ssthresh = TERN_CC_INFINITE_SSTHRESH;
	c->mss = TCP_MSS_DEFAULT;
	c->reordering = (uint16_t)st->tun.tcp_reordering;
	c->cc_index = (uint8_t)tcp_cc_find(st, st->tun.tcp_congestion_control);
	c->app_limited = 1;
	c->last_sent = c->last_data = c->last_ack = now_ms(st);
	c->laddr = c->raddr = v6 ? (struct tern_addr){ { 0 } } :
				   tern_addr_v4(0, 0, 0, 0);
	return c;
}

void tcp_conn_free(struct tern_stack *st, struct tcp_conn *c)
{
	tcp_fastopen_ended(st, c);
	tcp_unhash(st, c);
	tcp_port_release(st, c);
	tcp_kept_drop(st, c);
	tcp_saved_drop(st, c);
	wheel_cancel(&st->tcp.conn_wheel, c->id);
	if (c->state != TERN_TCP_LISTEN && c->act) {
		tcp_sendq_purge(st, c);
		tcp_rcvq_purge(st, c);
		tcp_ofo_purge(st, c);
		tcp_resume_forget(st, c);
		slab_free(&st->tcp.actives, c->act->id);
	}
	tcp_hist_free(st, c);
	tcp_notes_drop(st, c);
	tcp_opts_put(st, c->opts);
	if (c->orphan)
		st->tcp.n_orphans--;
	slab_free(&st->tcp.conns, c->id);
}

bool tcp_activate(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a;
	uint32_t id;
	int i;

	if (c->act)
		return true;
	id = slab_alloc(&st->tcp.actives);
	if (!id)
		return false;
	a = slab_at(&st->tcp.actives, id);
	a->id = id;
	for (i = 0; i < TCP_N_ACT_TIMERS; i++)
		a->at[i] = NEVER;
	a->pushed = a->small = a->high_seq = a->snd_up = c->snd.una;
	a->rtx_from = c->snd.una;
	a->rtt_seq = c->snd.nxt;
	a->mdev_max = c->rttvar_us;
	a->delivered_at = a->first_sent_at = st->now;
	a->pacing_rate = UINT64_MAX;
	a->cwnd_usage_seq = c->snd.una;
	a->cwnd_used_at = st->now;
	a->space.seq = c->rcv.copied;
	a->space.at = st->now;
	a->urg_seq = c->rcv.copied;
	a->route_generation = st->ip.generation - 1;
	a->ts_offset = tcp_ts_offset(st, &c->laddr, &c->raddr);
	c->act = a;
	if (c->hashed && c->state != TERN_TCP_SYN_SENT) {
		tcp_timer_set(st, c, TCP_TIMER_REST, st->now + TCP_REST_AFTER);
		tcp_update_pacing(st, c);
		tcp_cc_resume(st, c);
	}
	return true;
}

/* Does nothing in the active block matter any more? */
static bool may_rest(const struct tcp_conn *c)
{
	const struct tcp_active *a = c->act;
	int i;

	if (c->state != TERN_TCP_ESTABLISHED &&
	    c->state != TERN_TCP_CLOSE_WAIT && c->state != TERN_TCP_FIN_WAIT2)
		return false;
	for (i = 0; i < TCP_N_ACT_TIMERS; i++)
		if (i != TCP_TIMER_REST && a->at[i] != NEVER)
			return false;
	return !a->unsent && !a->rtx.root && !a->rcvq.head && !a->ofo.root &&
	       !a->below && !a->is_ready && !a->has_dsack && !a->mtu.is_on &&
	       a->urg_state != URG_NOTYET && a->urg_state != URG_VALID &&
	       c->ca_state == TERN_CA_OPEN && !(c->ack & ACK_SCHED);
}

void tcp_rest(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;

	if (!a)
		return;
	if (!may_rest(c) || now_ms(st) - c->last_sent < 1000 ||
	    now_ms(st) - c->last_data < 1000 || !tcp_kept_save(st, c)) {
		tcp_timer_set(st, c, TCP_TIMER_REST, st->now + TCP_REST_AFTER);
		return;
	}
	tcp_chrono_set(st, c, TCP_CHRONO_NONE);
	if (a->tail)
		tern_buf_put(a->tail);
	tcp_rcvq_purge(st, c); /* a FIN may lie there */
	slab_free(&st->tcp.actives, a->id);
	c->act = NULL;
	tcp_timer_arm(st, c);
}

void tcp_hist_free(struct tern_stack *st, struct tcp_conn *c)
{
	if (c->hist & HIST_ACCECN)
		slab_free(&st->tcp.hists_accecn, c->hist & ~HIST_ACCECN);
	else if (c->hist)
		slab_free(&st->tcp.hists, c->hist);
	c->hist = 0;
}

/* Room for AccECN's counters, in place of a plain history if there is one. */
bool tcp_hist_accecn(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_hist *old;
	uint32_t id;

	if (c->hist & HIST_ACCECN)
		return true;
	if (!tcp_hist_attach(st, c))
		return false;
	id = slab_alloc(&st->tcp.hists_accecn);
	if (!id)
		return false;
	old = hist_of(st, c);
	((struct tcp_hist_accecn *)slab_at(&st->tcp.hists_accecn, id))->h =
		*old;
	tcp_hist_free(st, c);
	c->hist = id | HIST_ACCECN;
	return true;
}

uint32_t tcp_syn_acked(const struct tcp_conn *c)
{
	return (c->opened && c->state != TERN_TCP_SYN_SENT) +
	       (c->state == TERN_TCP_FIN_WAIT2);
}

bool tcp_hist_attach(struct tern_stack *st, struct tcp_conn *c)
{
	uint32_t id;

	if (c->hist)
		return true;
	id = slab_alloc(&st->tcp.hists);
	if (!id)
		return false;
	c->hist = id;
	/* The SYN was delivered before there was a history to say so. */
	hist_of(st, c)->delivered = c->state != TERN_TCP_SYN_SENT &&
				    !c->fo_child;
	hist_of(st, c)->bytes_acked = tcp_syn_acked(c);
	if (c->state != TERN_TCP_SYN_SENT && c->state != TERN_TCP_SYN_RECV)
		hist_of(st, c)->rcv_space = tcp_rcv_space_at_first(c);
	return true;
}

uint64_t tcp_cookie_of(const struct tcp_conn *c)
{
	return (uint64_t)c->gen << 32 | c->id;
}

void tcp_post(struct tern_stack *st, const struct tcp_conn *c)
{
	if (!c->in_accept_queue && c->s >= 0)
		slots_post(&st->slots, c->s);
}

static void trace(struct tern_stack *st, const struct tcp_conn *c,
		  struct tern_trace *t)
{
	t->now = st->now;
	t->cookie = tcp_cookie_of(c);
	t->s = c->in_accept_queue ? -1 : c->s;
	t->local.addr = c->laddr;
	t->local.port = c->lport;
	t->remote.addr = c->raddr;
	t->remote.port = c->rport;
	t->local.family = t->remote.family = c->v6 ? TERN_AF_INET6 :
						     TERN_AF_INET;
	st->cfg.trace(st->cfg.trace_ctx, t);
}

void tcp_trace_what(struct tern_stack *st, const struct tcp_conn *c,
		    enum tern_trace_kind kind, const char *what,
		    const struct tern_pkt *pkt)
{
	if (stack_traces(st, kind))
		trace(st, c,
		      &(struct tern_trace){ .kind = kind,
					    .from = c->state,
					    .to = c->state,
					    .what = what,
					    .pkt = pkt });
}

void tcp_set_state(struct tern_stack *st, struct tcp_conn *c, int state,
		   const char *why)
{
	int old = c->state;

	if (state == old)
		return;
	if (stack_traces(st, TERN_TRACE_STATE))
		trace(st, c,
		      &(struct tern_trace){ .kind = TERN_TRACE_STATE,
					    .from = old,
					    .to = state,
					    .error = c->error,
					    .what = why });
	if (state == TERN_TCP_CLOSE) {
		if (old == TERN_TCP_ESTABLISHED || old == TERN_TCP_CLOSE_WAIT)
			COUNT(st, TCP_ESTAB_RESETS);
		c->state = (uint8_t)state;
		c->fin_owed = 0;
		c->fo_defer = 0;
		if (c->fo_child)
			tcp_fastopen_child_done(st, c, false);
		tcp_unhash(st, c);
		if (!c->bound_port)
			tcp_port_release(st, c);
		return;
	}
	c->state = (uint8_t)state;
}

void tcp_done(struct tern_stack *st, struct tcp_conn *c, const char *why)
{
	int i;

	if (c->state == TERN_TCP_SYN_SENT || c->state == TERN_TCP_SYN_RECV)
		COUNT(st, TCP_ATTEMPT_FAILS);
	if (c->act) {
		tcp_sendq_purge(st, c);
		for (i = 0; i < TCP_N_ACT_TIMERS; i++)
			c->act->at[i] = NEVER;
	}
	c->keep_at = NEVER;
	wheel_cancel(&st->tcp.conn_wheel, c->id);
	tcp_set_state(st, c, TERN_TCP_CLOSE, why);
	c->shut = SHUT_RCV | SHUT_SND;
	if (c->orphan)
		tcp_conn_free(st, c);
	else
		tcp_post(st, c);
}

void tcp_abort(struct tern_stack *st, struct tcp_conn *c, int error,
	       const char *why)
{
	c->error = (uint8_t)error;
	tcp_done(st, c, why);
}

/* The invariants at the head of tcp_conn_priv.h; in release builds PROMISE() is
 * nothing, and so is this. */
void check_conn(struct tern_stack *st, struct tcp_conn *c)
{
	const struct tcp_active *a;
	uint32_t packets = 0;
	struct rbnode *n;

	(void)st;
	if (!CHECKED || c->state == TERN_TCP_LISTEN)
		return;
	a = c->act;
	PROMISE(seq_leq(c->snd.una, c->snd.nxt));
	PROMISE(seq_leq(c->snd.nxt, c->snd.end));
	PROMISE(seq_leq(c->rcv.copied, c->rcv.nxt));
	if (!a)
		return;
	for (n = a->rtx.first; n; n = rbtree_next(n)) {
		const struct tcp_seg *g = seg_of(n);

		packets += g->n_segs;
		PROMISE(g->n_segs > 0);
		if (rbtree_next(n))
			PROMISE(seq_eq(seg_end(g),
				       seg_of(rbtree_next(n))->seq));
	}
	PROMISE(packets == a->packets_out);
	PROMISE(a->sacked_out + a->lost_out <= a->packets_out);
}
