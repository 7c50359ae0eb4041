// SPDX-License-Identifier: BSD-2-Clause
/*
 * Half-open connections: the listener's side of SYN_RCVD, in a record of its own
 * so that a flood of SYNs costs at most 96 (120) bytes each.
 *
 *	tcp_req_new	a SYN came: what it agreed on, our ISN
 *	tcp_req_synack	SYN-ACK out; again at 1, 3, 7, 15, 31 s
 *	tcp_req_input	SYN again: SYN-ACK again; ACK: tcp_child(); RST: gone
 *			(which it is, tcp_half.c says)
 *
 * While more than half of the queue is in use, entries are given fewer resends,
 * so that those of the living stay (O10).
 */
#include "tcp_priv.h"

#include "wire/wire_icmp.h"

int64_t tcp_req_rto_ns(const struct tern_stack *st, const struct tcp_req *q)
{
	unsigned shift = min_u32(q->n_timeouts, 30);

	return min_i64(TCP_RTO_INIT << shift,
		       st->tun.tcp_rto_max_ms * NS_PER_MS);
}

void tcp_req_tuple(const struct tcp_req *q, struct tern_addr *l,
		   struct tern_addr *r)
{
	tcp_addrs_get(q->addrs, q->v6, l, r);
}

static void link_req(struct tern_stack *st, struct tcp_listener *l,
		     struct tcp_req *q)
{
	struct slab *reqs = &st->tcp.reqs[q->v6];

	q->prev = l->req_tail[q->v6];
	if (q->prev)
		((struct tcp_req *)slab_at(reqs, q->prev))->next = q->id;
	else
		l->req_head[q->v6] = q->id;
	l->req_tail[q->v6] = q->id;
	l->n_req++;
	l->n_young += !q->n_timeouts;
}

static void unlink_req(struct tern_stack *st, struct tcp_listener *l,
		       struct tcp_req *q)
{
	struct slab *reqs = &st->tcp.reqs[q->v6];

	if (l->untold[q->v6] == q->id)
		l->untold[q->v6] = q->next;
	if (q->prev)
		((struct tcp_req *)slab_at(reqs, q->prev))->next = q->next;
	else
		l->req_head[q->v6] = q->next;
	if (q->next)
		((struct tcp_req *)slab_at(reqs, q->next))->prev = q->prev;
	else
		l->req_tail[q->v6] = q->prev;
	l->n_req--;
	if (!q->n_timeouts)
		l->n_young--;
}

void tcp_req_move(struct tern_stack *st, struct tcp_req *q,
		  struct tcp_listener *to)
{
	unlink_req(st, listener_of(st, q), q);
	q->listener = to->id;
	q->next = 0;
	link_req(st, to, q);
}

void tcp_req_drop(struct tern_stack *st, struct tcp_req *q)
{
	struct tern_addr l, r;
	bool v6 = q->v6;

	tcp_req_tuple(q, &l, &r);
	tcp_saved_drop_req(st, q);
	tcp_opts_put(st, slab_at(&st->tcp.opts, q->opts));
	unlink_req(st, listener_of(st, q), q);
	wheel_cancel(&st->tcp.req_wheel[v6], q->id);
	idhash_remove(&st->tcp.req_by_tuple[v6], q->id,
		      tcp_tuple_hash(st, &l, q->lport, &r, q->rport));
	tcp_taken_tuple_free(st, &l, q->lport, &r, q->rport);
	slab_free(&st->tcp.reqs[v6], q->id);
}

/* What this SYN asks for and we give. */
static void agree(struct tern_stack *st, const struct tcp_conn *c,
		  const struct tcp_in *in, struct tcp_req *q)
{
	const struct wire_tcp_opts *o = &in->o;
	uint32_t mss = q->v6 ? TCP_MSS_DEFAULT_V6 : TCP_MSS_DEFAULT;

	if (o->present & WIRE_OPT_MSS && o->mss)
		mss = o->mss;
	if (c->opts->user_mss)
		mss = min_u32(mss, c->opts->user_mss);
	q->mss = (uint16_t)mss;
	q->ts_ok = st->tun.tcp_timestamps && o->present & WIRE_OPT_TS;
	q->ts_recent = q->ts_ok ? o->ts_val : 0;
	q->sack_ok = st->tun.tcp_sack && o->present & WIRE_OPT_SACK_OK;
	q->wscale_ok = st->tun.tcp_window_scaling &&
		       o->present & WIRE_OPT_WSCALE;
	if (q->wscale_ok)
		q->snd_scale = min_u32(o->wscale, TCP_MAX_WSCALE) & 15;
	tcp_ecn_syn_in(st, c, in, q);
}

static uint32_t announced_mss(struct tern_stack *st, const struct tcp_conn *c,
			      const struct tern_addr *l,
			      const struct tern_addr *r, bool v6)
{
	struct ip_path path;
	uint32_t mss;

	if (ip_route(st, r, l, true, &path))
		return v6 ? TCP_MSS_DEFAULT_V6 : TCP_MSS_DEFAULT;
	mss = tcp_advmss(st, &path, v6);
	return c->opts->user_mss ? min_u32(mss, c->opts->user_mss) : mss;
}

/* The window and scale that we announce, by what was agreed on. */
static void choose_window(struct tern_stack *st, const struct tcp_conn *c,
			  struct tcp_req *q)
{
	struct tcp_first_window w;
	struct tern_addr l, r;
	uint32_t mss;

	tcp_req_tuple(q, &l, &r);
	mss = announced_mss(st, c, &l, &r, q->v6);
	w = tcp_initial_window(st, tcp_full_space(c), mss - (q->ts_ok ? 12 : 0),
			       tcp_initial_clamp(c), q->wscale_ok);
	q->rcv_wnd = w.wnd;
	q->rcv_scale = w.scale & 15;
}

void tcp_req_fill(struct tern_stack *st, const struct tcp_conn *c,
		  const struct tcp_in *in, struct tcp_req *q)
{
	const struct tern_addr *l = &in->ip->dst, *r = &in->ip->src;

	q->v6 = in->ip->v6;
	q->lport = in->h.dport;
	q->rport = in->h.sport;
	q->irs = in->h.seq;
	q->rcv_nxt = seq_add(q->irs, 1);
	q->link = in->pkt->link;
	q->tos = in->ip->tos & 0xfc;
	q->synack_us = (uint32_t)(st->now / NS_PER_US);
	q->listener = c->listener->id;
	q->opts = c->opts->id;
	tcp_addrs_put(q->addrs, q->v6, l, r);
	agree(st, c, in, q);
	choose_window(st, c, q);
}

struct tcp_req *tcp_req_new(struct tern_stack *st, struct tcp_conn *c,
			    const struct tcp_in *in)
{
	const struct tern_addr *l = &in->ip->dst, *r = &in->ip->src;
	bool v6 = in->ip->v6;
	uint32_t id = slab_alloc(&st->tcp.reqs[v6]);
	struct tcp_req *q;

	if (!id)
		return NULL;
	q = slab_at(&st->tcp.reqs[v6], id);
	timer_init(&q->timer);
	q->id = id;
	tcp_req_fill(st, c, in, q);
	c->opts->refs++;
	q->iss = in->has_isn ? in->isn : tcp_isn(st, l, q->lport, r, q->rport);
	tcp_saved_take(st, c, in, q);
	link_req(st, c->listener, q);
	idhash_insert(&st->tcp.req_by_tuple[v6], id,
		      tcp_tuple_hash(st, l, q->lport, r, q->rport));
	return q;
}

void tcp_req_synack_at(struct tern_stack *st, struct tcp_req *q, uint32_t ts_ms,
		       const struct tcp_cookie *fo)
{
	struct tcp_listener *l = listener_of(st, q);
	struct tcp_conn *c = conn_at(st, l->conn);
	struct tcp_reply r = {
		.seq = q->iss,
		.ack = q->rcv_nxt,
		.flags = TCP_SYN | TCP_ACK | tcp_ecn_synack_flags(st, q),
		.window = (uint16_t)min_u32(q->rcv_wnd, TCP_MAX_WINDOW),
	};
	struct tern_addr la, ra;

	r.tos = st->tun.tcp_reflect_tos ? q->tos : c->opts->tos;
	q->synack_ms = ts_ms;
	tcp_req_tuple(q, &la, &ra);
	r.o.present = WIRE_OPT_MSS;
	r.o.mss = (uint16_t)announced_mss(st, c, &la, &ra, q->v6);
	if (q->sack_ok)
		r.o.present |= WIRE_OPT_SACK_OK;
	if (q->wscale_ok) {
		r.o.present |= WIRE_OPT_WSCALE;
		r.o.wscale = q->rcv_scale;
	}
	/* Sent again it goes without: it may be what was lost for. */
	if (q->accecn && !q->n_retrans)
		tcp_accecn_synack_option(st, &r.o);
	if (fo)
		tcp_fo_put(fo, &r.o);
	tcp_half_reply(st, q, ts_ms, &r);
}

void tcp_req_synack(struct tern_stack *st, struct tcp_req *q,
		    const struct tcp_cookie *fo)
{
	tcp_req_synack_at(st, q, now_ms(st), fo);
}

static void resend_synack(struct tern_stack *st, struct tcp_req *q)
{
	if (q->n_retrans < 255)
		q->n_retrans++;
	COUNT(st, TCP_RETRANS_SEGS);
	COUNT(st, TCP_EXT_SYN_RETRANS);
	tcp_req_synack(st, q, NULL);
}

/* Resends that this entry may have, fewer as the queue fills. */
static uint32_t max_retries(const struct tern_stack *st,
			    const struct tcp_conn *c)
{
	const struct tcp_listener *l = c->listener;
	uint32_t most = c->opts->syncnt ? c->opts->syncnt :
					  (uint32_t)st->tun.tcp_synack_retries;
	uint32_t young = l->n_young << 1;

	if (l->n_req << 1 <= max_u32(8, l->backlog))
		return most;
	while (most > 2 && l->n_req >= young) {
		most--;
		young <<= 1;
		if (!young)
			young = 1;
	}
	return most;
}

void tcp_req_timer(struct tern_stack *st, struct tcp_req *q)
{
	struct tcp_listener *l = listener_of(st, q);
	struct tcp_conn *c = conn_at(st, l->conn);
	uint32_t most = max_retries(st, c), defer = c->opts->defer_accept_s;
	bool expire = q->n_timeouts >= most, resend = true;

	if (q->moved)
		COUNT(st, TCP_EXT_MIGRATE_REQ_SUCCESS);
	q->moved = 0;

	if (defer) {
		expire = expire && (!q->acked || q->n_timeouts >= defer);
		resend = !q->acked || q->n_timeouts + 1u >= defer;
	}
	if (expire) {
		tcp_req_drop(st, q);
		return;
	}
	if (resend && !q->undecided)
		resend_synack(st, q);
	if (q->n_timeouts++ == 0)
		l->n_young--;
	wheel_arm(&st->tcp.req_wheel[q->v6], q->id,
		  st->now + tcp_req_rto_ns(st, q));
}

static void embryonic_reset(struct tern_stack *st, struct tcp_req *q,
			    struct tcp_in *in)
{
	COUNT(st, TCP_ATTEMPT_FAILS);
	COUNT(st, TCP_EXT_EMBRYONIC_RSTS);
	tcp_reset_for(st, in);
	tcp_req_drop(st, q);
	ip_drop(st, in->pkt, DROP_TCP_RESET);
}

/* tcp_migrate_req: did the new listener take it? */
static void count_move(struct tern_stack *st, bool taken)
{
	if (taken)
		COUNT(st, TCP_EXT_MIGRATE_REQ_SUCCESS);
	else
		COUNT(st, TCP_EXT_MIGRATE_REQ_FAILURE);
}

/* The ACK that completes the handshake. */
static void complete(struct tern_stack *st, struct tcp_req *q,
		     struct tcp_in *in)
{
	struct tcp_listener *l = listener_of(st, q);
	struct tcp_conn *c = conn_at(st, l->conn), *child;

	if (c->opts->defer_accept_s &&
	    q->n_timeouts < c->opts->defer_accept_s &&
	    seq_eq(in->end, q->rcv_nxt)) {
		q->acked = 1;
		COUNT(st, TCP_EXT_DEFER_ACCEPT_DROP);
		tern_pkt_put(in->pkt);
		return;
	}
	/* Of an ACK that was held back nothing is kept [k]. */
	if (in->o.present & WIRE_OPT_TS && q->ts_ok &&
	    seq_leq(in->h.seq, q->rcv_nxt))
		q->ts_recent = in->o.ts_val;
	child = tcp_child(st, c, q);
	if (q->moved)
		count_move(st, child != NULL);
	if (!child) {
		if (st->tun.tcp_abort_on_overflow) {
			embryonic_reset(st, q, in);
			return;
		}
		q->acked = 1;
		ip_drop(st, in->pkt, DROP_TCP_LISTEN_OVERFLOW);
		return;
	}
	tcp_saved_pass(st, q, child);
	tcp_req_drop(st, q);
	tcp_conn_input(st, child, in);
	tcp_post(st, c);
}

/* The same SYN again: the SYN-ACK may have been lost. */
static void syn_again(struct tern_stack *st, struct tcp_req *q,
		      struct tcp_in *in)
{
	tcp_ecn_syn_again(q, in);
	if (!q->undecided &&
	    tcp_oow_may_for(st, in, &q->oow_at,
			    COUNTER_TCP_EXT_ACK_SKIPPED_SYN_RECV)) {
		resend_synack(st, q);
		wheel_arm(&st->tcp.req_wheel[q->v6], q->id,
			  st->now + tcp_req_rto_ns(st, q));
	}
	tern_pkt_put(in->pkt);
}

void tcp_req_input(struct tern_stack *st, struct tcp_req *q, struct tcp_in *in)
{
	switch (tcp_half_judge(st, q, NULL, in)) {
	case TCP_HALF_SYN_AGAIN:
		syn_again(st, q, in);
		break;
	case TCP_HALF_RST:
	case TCP_HALF_SYN:
		embryonic_reset(st, q, in);
		break;
	case TCP_HALF_ACK:
		complete(st, q, in);
		break;
	case TCP_HALF_GONE:
		break;
	}
}

/* Does it end a half-open connection? Of IPv4 what says that nothing gets there,
 * of IPv6 what says that nothing is wanted there [k]. */
static bool is_the_end(const struct icmp_err *e)
{
	if (e->quoted.v6)
		return e->fatal;
	return e->type == ICMP4_TIME_EXCEEDED ||
	       e->type == ICMP4_PARAM_PROBLEM ||
	       (e->type == ICMP4_UNREACH && e->code <= ICMP4_HOST_UNREACH);
}

/* An ICMP error about our SYN-ACK ends the entry, if it quotes it (RFC 5927). */
void tcp_req_icmp(struct tern_stack *st, struct tcp_req *q,
		  const struct icmp_err *e)
{
	if (!seq_eq(seq_of(get_be32(e->transport + 4)), q->iss)) {
		COUNT(st, TCP_EXT_OUT_OF_WINDOW_ICMPS);
		return;
	}
	if (!is_the_end(e))
		return;
	COUNT(st, TCP_EXT_LISTEN_DROPS);
	tcp_req_drop(st, q);
}
