// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fast Open, the server's side (RFC 7413).
 *
 *	SYN, cookie asked for	an ordinary half-open entry; the SYN-ACK
 *				brings the cookie
 *	SYN, good cookie	a child at once, in SYN_RCVD, its data ready to
 *				be read; accept() and write() do not wait for
 *				the third segment
 *	SYN, bad cookie		as if asked for; its data is not acknowledged
 *
 * The child is a connection in SYN_RCVD with fo_child set and does here what
 * tcp_req.c does for an entry: it resends its SYN-ACK, and nothing else, until
 * the ACK comes, and takes what an entry would (tcp_half.c).
 *
 * TCP_FASTOPEN's length bounds the children whose handshake runs, since their
 * clients have proved nothing but that they once had the cookie. One that is
 * reset after it was accepted keeps its place for a minute: else a thief of
 * cookies could start any number of them (RFC 7413 5.1).
 */
#include "tcp_priv.h"

#define RESET_HOLDS (60 * NS_PER_S)

struct tcp_fo_reset {
	uint32_t next;
	int64_t until;
};

enum { SERVER = 2, SERVER_NO_COOKIE = 0x200, ALL_LISTENERS = 0x400 };

void tcp_fastopen_init(struct tern_stack *st)
{
	slab_init(&st->tcp.fo_resets, &st->mem, sizeof(struct tcp_fo_reset),
		  st->cfg.plain_alloc);
}

static void drop_reset(struct tern_stack *st, struct tcp_listener *l)
{
	struct slab *s = &st->tcp.fo_resets;
	struct tcp_fo_reset *r = slab_at(s, l->fo_reset_head);
	uint32_t id = l->fo_reset_head;

	l->fo_reset_head = r->next;
	if (!r->next)
		l->fo_reset_tail = 0;
	l->fo_n--;
	slab_free(s, id);
}

void tcp_fastopen_listener_stop(struct tern_stack *st, struct tcp_listener *l)
{
	while (l->fo_reset_head)
		drop_reset(st, l);
}

int tcp_fastopen_listen(struct tern_stack *st, struct tcp_conn *c)
{
	int64_t mode = st->tun.tcp_fastopen;
	struct tcp_opts *o;

	if (!(mode & SERVER) || !(mode & ALL_LISTENERS) ||
	    c->opts->fastopen_qlen)
		return 0;
	o = tcp_opts_own(st, c);
	if (!o)
		return -TERN_ENOMEM;
	o->fastopen_qlen = (uint16_t)c->listener->backlog;
	tcp_fastopen_key_need(st);
	return 0;
}

static bool has_room(struct tern_stack *st, const struct tcp_conn *c)
{
	struct tcp_listener *l = c->listener;
	const struct tcp_fo_reset *r;

	if (!c->opts->fastopen_qlen)
		return false;
	if (l->fo_n < c->opts->fastopen_qlen)
		return true;
	r = l->fo_reset_head ? slab_at(&st->tcp.fo_resets, l->fo_reset_head) :
			       NULL;
	if (!r || r->until > st->now) {
		COUNT(st, TCP_EXT_FASTOPEN_LISTEN_OVERFLOW);
		return false;
	}
	drop_reset(st, l);
	return true;
}

/* 0: wrong; 1: good; 2: of the second key, a new one is due. *fresh is what the
 * client should have. */
static int check_cookie(struct tern_stack *st, const struct tcp_conn *c,
			const struct tcp_in *in, struct tcp_cookie *fresh)
{
	const struct sipkey *keys;
	int n = tcp_fastopen_keys(st, c->opts, &keys), i;
	struct tcp_cookie k;

	for (i = 0; i < n; i++) {
		tcp_fastopen_cookie(&keys[i], &in->ip->src, &in->ip->dst, &k);
		if (!i)
			*fresh = k;
		if (in->o.cookie_len == k.len &&
		    !memcmp(in->o.cookie, k.bytes, k.len))
			return i + 1;
	}
	return 0;
}

/* The SYN-ACK of a child: at first, and again. */
static void synack(struct tern_stack *st, struct tcp_conn *c)
{
	tcp_emit_bare(st, c, TCP_SYN | TCP_ACK, c->act->syn_seq);
	c->act->fo_synack_ms = now_ms(st);
	c->segs_out--; /* it is the half-open entry's, on Linux */
	c->act->fo.present = false;
}

static void synack_again(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_hist *h = hist_of(st, c);

	COUNT(st, TCP_RETRANS_SEGS);
	COUNT(st, TCP_EXT_SYN_RETRANS);
	if (h)
		h->total_retrans++;
	c->act->syn_at = NEVER;
	synack(st, c);
}

/* The data of a SYN; it owes no ACK, the SYN-ACK is one. */
static void take_data(struct tern_stack *st, struct tcp_conn *c,
		      struct tcp_in *in)
{
	/* Nothing is measured by it [k]. */
	in->of_syn = true;
	in->h.seq = seq_add(in->h.seq, 1);
	in->h.flags &= (uint16_t)~TCP_SYN;
	tcp_data_in(st, c, in);
	c->rcv.wup = c->rcv.nxt;
	/* The first data after it is the first as far as ACKs go [k]. */
	c->ack = c->quick = 0;
	c->ato_ms = 0;
	c->act->at[TCP_TIMER_DELACK] = NEVER;
}

static bool make_child(struct tern_stack *st, struct tcp_conn *l,
		       struct tcp_in *in, const struct tcp_cookie *fo)
{
	union tcp_req_scratch u = { 0 };
	struct tcp_conn *c;

	tcp_req_fill(st, l, in, &u.q);
	u.q.iss = in->has_isn ? in->isn :
				tcp_isn(st, &in->ip->dst, in->h.dport,
					&in->ip->src, in->h.sport);
	c = tcp_child(st, l, &u.q);
	if (!c)
		return false;
	tcp_saved_take_child(st, l, in, c);
	l->listener->fo_n++;
	c->fo_child = c->fo_born = c->syn_data_acked = 1;
	c->act->syn_seq = u.q.iss;
	c->act->irs = u.q.irs;
	c->act->fo_wnd = u.q.rcv_wnd;
	c->act->fo_synack_us = u.q.synack_us;
	c->act->syn_at = st->now;
	c->act->fo_listener = l->id;
	c->act->fo_listener_gen = l->gen;
	c->act->fo = *fo;
	/* The MSS goes by the window as it would be scaled [k]; in a SYN it is
	 * not. */
	c->snd.max_wnd = (uint32_t)in->h.window << c->snd_scale;
	tcp_sync_mss(st, c, c->act->path.mtu);
	c->snd.wnd = c->snd.max_wnd = in->h.window;
	tcp_init_transfer(st, c);
	tcp_init_rcv_mss(c);
	c->segs_in = 1;
	take_data(st, c, in);
	tcp_timer_set(st, c, TCP_TIMER_RTX, st->now + TCP_RTO_INIT);
	synack(st, c);
	tcp_post(st, l);
	return true;
}

bool tcp_fastopen_syn(struct tern_stack *st, struct tcp_conn *l,
		      struct tcp_in *in, struct tcp_cookie *fo)
{
	const uint16_t kinds = WIRE_OPT_FASTOPEN | WIRE_OPT_FASTOPEN_EXP;
	bool asked = in->o.present & kinds, free_of_it, exp;
	int64_t mode = st->tun.tcp_fastopen;
	int good = 0;

	*fo = (struct tcp_cookie){ 0 };
	if (asked && !in->o.cookie_len)
		COUNT(st, TCP_EXT_FASTOPEN_COOKIE_REQD);
	if (!(mode & SERVER) || !(asked || in->len) || !has_room(st, l))
		return false;
	exp = in->o.present & WIRE_OPT_FASTOPEN_EXP;
	free_of_it = mode & SERVER_NO_COOKIE || l->opts->fastopen_no_cookie;
	if (!free_of_it && !asked)
		return false;
	if (!free_of_it) {
		good = check_cookie(st, l, in, fo);
		fo->exp = exp;
		if (!in->o.cookie_len)
			return false;
	}
	if (free_of_it || good) {
		if (good == 2)
			COUNT(st, TCP_EXT_FASTOPEN_PASSIVE_ALT_KEY);
		else
			fo->present = false;
		if (make_child(st, l, in, fo)) {
			COUNT(st, TCP_EXT_FASTOPEN_PASSIVE);
			return true;
		}
	}
	COUNT(st, TCP_EXT_FASTOPEN_PASSIVE_FAIL);
	return false;
}

void tcp_fastopen_child_done(struct tern_stack *st, struct tcp_conn *c,
			     bool was_reset)
{
	uint32_t id = c->act ? c->act->fo_listener : 0, rid;
	struct slab *resets = &st->tcp.fo_resets;
	struct tcp_listener *l;
	struct tcp_fo_reset *r;

	c->fo_child = 0;
	if (!id || !slab_has(&st->tcp.conns, id) ||
	    !tcp_is(st, conn_at(st, id), id, c->act->fo_listener_gen) ||
	    conn_at(st, id)->state != TERN_TCP_LISTEN)
		return;
	l = conn_at(st, id)->listener;
	if (was_reset && !c->in_accept_queue &&
	    (rid = slab_alloc(resets)) != 0) {
		r = slab_at(resets, rid);
		r->until = st->now + RESET_HOLDS;
		if (l->fo_reset_tail)
			((struct tcp_fo_reset *)slab_at(resets,
							l->fo_reset_tail))
				->next = rid;
		else
			l->fo_reset_head = rid;
		l->fo_reset_tail = rid;
		return;
	}
	if (l->fo_n)
		l->fo_n--;
}

void tcp_fastopen_child_move(struct tcp_conn *c, struct tcp_conn *l)
{
	c->act->fo_listener = l->id;
	c->act->fo_listener_gen = l->gen;
	l->listener->fo_n++;
}

void tcp_fastopen_child_acked(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_hist *h = hist_of(st, c);

	if (h)
		h->delivered++; /* the SYN-ACK */
	c->act->retrans_at = 0;
	c->retransmits = 0;
	tcp_fastopen_child_done(st, c, false);
	/* What was sent meanwhile has its time-out from now on. */
	tcp_rearm_rto(st, c);
}

void tcp_fastopen_child_timer(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	uint32_t most = c->opts->syncnt ?
				c->opts->syncnt :
				(uint32_t)st->tun.tcp_synack_retries + 1;

	if (a->fo_timeouts >= most) {
		tcp_give_up(st, c, "SYN-ACK of a Fast Open child: given up");
		return;
	}
	if (c->retransmits == 1)
		tcp_enter_loss(st, c);
	synack_again(st, c);
	a->fo_timeouts++;
	c->retransmits++;
	if (!a->retrans_at)
		a->retrans_at = st->now;
	tcp_timer_set(st, c, TCP_TIMER_RTX,
		      st->now + min_i64(TCP_RTO_INIT
						<< min_u32(a->fo_timeouts, 30),
					tcp_rto_max_ns(st, c)));
}

/* What its half-open entry would be. */
static void as_entry(const struct tcp_conn *c, struct tcp_req *q)
{
	const struct tcp_active *a = c->act;

	q->v6 = c->v6 && !tern_addr_is_v4(&c->raddr);
	q->lport = c->lport;
	q->rport = c->rport;
	q->iss = a->syn_seq;
	q->irs = a->irs;
	q->rcv_nxt = c->rcv.nxt;
	q->rcv_wnd = a->fo_wnd;
	q->rcv_scale = c->rcv_scale;
	q->ts_ok = c->ts_ok;
	q->ts_recent = c->ts_recent;
	q->oow_at = c->oow_at;
	q->synack_us = a->fo_synack_us;
	q->synack_ms = a->fo_synack_ms;
	tcp_addrs_put(q->addrs, q->v6, &c->laddr, &c->raddr);
}

bool tcp_fastopen_child_in(struct tern_stack *st, struct tcp_conn *c,
			   struct tcp_in *in)
{
	union tcp_req_scratch u = { 0 };
	enum tcp_half what;

	as_entry(c, &u.q);
	what = tcp_half_judge(st, &u.q, c, in);
	c->oow_at = u.q.oow_at;
	switch (what) {
	case TCP_HALF_SYN_AGAIN:
		if (tcp_oow_may_for(st, in, &c->oow_at,
				    COUNTER_TCP_EXT_ACK_SKIPPED_SYN_RECV))
			synack_again(st, c);
		tern_pkt_put(in->pkt);
		return false;
	case TCP_HALF_RST:
		COUNT(st, TCP_ATTEMPT_FAILS);
		tcp_fastopen_child_done(st, c, true);
		tcp_reset_in(st, c);
		ip_drop(st, in->pkt, DROP_TCP_RESET);
		return false;
	case TCP_HALF_SYN:
		COUNT(st, TCP_ATTEMPT_FAILS);
		tcp_reset_for(st, in);
		ip_drop(st, in->pkt, DROP_TCP_INVALID_SYN);
		return false;
	case TCP_HALF_ACK:
		return true;
	case TCP_HALF_GONE:
		break;
	}
	return false;
}
