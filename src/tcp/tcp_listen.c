// SPDX-License-Identifier: BSD-2-Clause
/*
 * Listeners: SYNs in, connections out.
 *
 *	SYN --> half-open entry (tcp_req.c) --ACK--> tcp_child --> accept queue
 *
 * Two queues, as on Linux (O10): half-open entries, bounded by the backlog, and
 * completed connections, at most min(backlog, somaxconn) + 1. With the accept
 * queue full a SYN is dropped, and a final ACK is ignored (the client resends)
 * or answered by RST (tcp_abort_on_overflow).
 *
 * With TERN_SO_DECIDE a SYN is held until its owner has answered (O19): the
 * entry is there, the SYN-ACK is not. Entries are appended, so those that the
 * owner has not been told of are the end of the list.
 *
 * Beyond the bound SYNs are answered by cookie (tcp_cookie.c).
 */
#include "tcp_priv.h"

#include "wire/wire_icmp.h"

int tcp_listen(struct tern_stack *st, uint32_t id, int backlog)
{
	struct tcp_conn *c = conn_at(st, id);
	struct tcp_listener *l;
	uint32_t lid, most = (uint32_t)st->tun.somaxconn;
	int err;

	if (c->state != TERN_TCP_CLOSE && c->state != TERN_TCP_LISTEN)
		return -TERN_EINVAL;
	if (c->connecting || c->connected)
		return -TERN_EINVAL;
	/* A negative backlog is a large one, as on Linux. */
	most = min_u32((uint32_t)backlog, most);
	if (c->state == TERN_TCP_LISTEN) {
		c->listener->backlog = most;
		return 0;
	}
	if (!c->has_port && !c->any) {
		err = tcp_port_bind(st, c, &c->laddr, 0);
		if (err)
			return err;
	}
	err = tcp_port_may_listen(st, c);
	if (err)
		return err;
	/* Its block of options will be its children's too. */
	if (!tcp_lend_take(st, c))
		return -TERN_ENOMEM;
	tcp_notes_drop(st, c);
	lid = slab_alloc(&st->tcp.listeners);
	if (!lid)
		return -TERN_ENOMEM;
	tcp_release_active(st, c);
	l = slab_at(&st->tcp.listeners, lid);
	l->id = lid;
	l->conn = id;
	l->backlog = most;
	l->overflow_at = -NS_PER_S * 3600;
	c->listener = l;
	c->shut = 0;	 /* an error that waits is kept, as on Linux */
	c->pingpong = 0; /* TCP_QUICKACK starts again [k] */
	tcp_set_state(st, c, TERN_TCP_LISTEN, "listen");
	tcp_hash(st, c);
	return tcp_fastopen_listen(st, c);
}

bool tcp_accept_full(const struct tcp_listener *l)
{
	return l->n_accept > l->backlog;
}

void tcp_accept_append(struct tern_stack *st, struct tcp_listener *l,
		       struct tcp_conn *child)
{
	child->in_accept_queue = 1;
	child->accept_next = 0;
	if (l->accept_tail)
		conn_at(st, l->accept_tail)->accept_next = child->id;
	else
		l->accept_head = child->id;
	l->accept_tail = child->id;
	l->n_accept++;
}

/* The listener stops: half-open entries go silently, completed connections that
 * nobody accepted are reset (O18), unless others take them (tcp_migrate.c). */
void tcp_listener_stop(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_listener *l = c->listener;
	uint32_t id;
	int v6;

	tcp_unhash(st, c);
	tcp_migrate(st, c);
	for (v6 = 0; v6 < 2; v6++)
		while ((id = l->req_head[v6]) != 0)
			tcp_req_drop(st, slab_at(&st->tcp.reqs[v6], id));
	while ((id = l->accept_head) != 0) {
		struct tcp_conn *child = conn_at(st, id);

		l->accept_head = child->accept_next;
		child->in_accept_queue = 0;
		child->s = -1;
		child->orphan = 1;
		st->tcp.n_orphans++;
		if (child->state != TERN_TCP_CLOSE)
			tcp_send_rst(st, child);
		tcp_done(st, child, "listener closed");
	}
	tcp_fastopen_listener_stop(st, l);
	tcp_inherit_forget(st, l);
	c->listener = NULL;
	slab_free(&st->tcp.listeners, l->id);
	tcp_set_state(st, c, TERN_TCP_CLOSE, "close");
}

/* Tells the owner, which decides by tcp_syn_answer(); or answers at once. */
static void admit(struct tern_stack *st, struct tcp_conn *c,
		  struct tcp_req *req, const struct tcp_cookie *fo)
{
	if (c->decide) {
		req->undecided = 1;
		if (!c->listener->untold[req->v6])
			c->listener->untold[req->v6] = req->id;
		tcp_post(st, c);
	} else {
		tcp_req_synack(st, req, fo);
	}
	wheel_arm(&st->tcp.req_wheel[req->v6], req->id,
		  st->now + tcp_req_rto_ns(st, req));
}

/* Why this SYN finds no room, or DROP_NOT; *cookie: answer it statelessly. */
static int refuse_syn(struct tern_stack *st, const struct tcp_conn *c,
		      bool *cookie)
{
	const struct tcp_listener *l = c->listener;
	int64_t mode = st->tun.tcp_syncookies;

	/* A SYN that waits for its owner's decision has to be kept. */
	if (c->decide)
		mode = 0;
	*cookie = false;
	if (mode == 2 || l->n_req > l->backlog) {
		if (!mode)
			return DROP_TCP_SYNQ_OVERFLOW;
		*cookie = true;
		COUNT(st, TCP_EXT_REQQ_FULL_DO_COOKIES);
	}
	if (tcp_accept_full(l)) {
		COUNT(st, TCP_EXT_LISTEN_OVERFLOWS);
		return DROP_TCP_LISTEN_OVERFLOW;
	}
	/* Without cookies to fall back on, the last quarter is for who is
	 * known; nobody is. */
	if (!mode && st->tun.tcp_max_syn_backlog - l->n_req <
			     st->tun.tcp_max_syn_backlog >> 2)
		return DROP_TCP_SYN_BACKLOG;
	return DROP_NOT;
}

static void syn_in(struct tern_stack *st, struct tcp_conn *c, struct tcp_in *in)
{
	struct tcp_req *req;
	struct tcp_cookie fo = { 0 };
	bool cookie;
	int reason = refuse_syn(st, c, &cookie);

	if (!reason) {
		tcp_parse_opts(in);
		if (cookie && !in->has_isn) {
			tcp_cookie_synack(st, c, in);
			return;
		}
		if (!c->decide && tcp_fastopen_syn(st, c, in, &fo))
			return;
		req = tcp_req_new(st, c, in);
		if (req) {
			admit(st, c, req, &fo);
			tern_pkt_put(in->pkt);
			return;
		}
		reason = DROP_NOMEM;
	}
	COUNT(st, TCP_EXT_LISTEN_DROPS);
	ip_drop(st, in->pkt, reason);
}

void tcp_listener_input(struct tern_stack *st, struct tcp_conn *c,
			struct tcp_in *in)
{
	uint16_t flags = in->h.flags;

	if (flags & TCP_RST) {
		ip_drop(st, in->pkt, DROP_TCP_RESET);
	} else if (flags & TCP_ACK) {
		if (!(flags & TCP_SYN) && tcp_cookie_ack(st, c, in))
			return;
		tcp_reset_for(st, in);
		ip_drop(st, in->pkt, DROP_TCP_FLAGS);
	} else if ((flags & (TCP_SYN | TCP_FIN)) == TCP_SYN) {
		syn_in(st, c, in);
	} else {
		ip_drop(st, in->pkt, DROP_TCP_FLAGS);
	}
}

static void child_numbers(struct tern_stack *st, struct tcp_conn *c,
			  const struct tcp_req *q)
{
	struct tcp_active *a = c->act;

	c->snd.una = c->snd.nxt = c->snd.end = seq_add(q->iss, 1);
	c->snd.wl1 = q->irs;
	c->rcv.nxt = c->rcv.wup = c->rcv.copied = q->rcv_nxt;
	c->rcv.wnd = c->rcv.ssthresh = q->rcv_wnd;
	c->snd_scale = q->snd_scale & 15;
	c->rcv_scale = q->rcv_scale & 15;
	c->ts_ok = q->ts_ok;
	c->sack_ok = q->sack_ok;
	c->wscale_ok = q->wscale_ok;
	c->ts_recent = q->ts_recent;
	c->ts_recent_at = (uint32_t)(st->now / NS_PER_S);
	c->mss_peer = q->mss;
	c->oow_at = q->oow_at;
	c->segs_in = 1; /* the SYN; what we sent does not count [k] */
	a->pushed = a->small = a->high_seq = a->snd_up = c->snd.una;
	a->rtt_seq = a->cwnd_usage_seq = a->rtx_from = c->snd.nxt;
	a->space.seq = a->urg_seq = c->rcv.copied;
	a->syn_retrans = q->n_retrans;
	if (q->n_retrans && tcp_hist_attach(st, c))
		hist_of(st, c)->total_retrans = q->n_retrans;
	a->syn_at = NEVER;
	if (!q->n_retrans)
		a->syn_at =
			st->now - (int64_t)((uint32_t)(st->now / NS_PER_US) -
					    q->synack_us) *
					  NS_PER_US;
}

/* The connection that a half-open entry becomes, in SYN_RCVD; NULL if the
 * accept queue is full or memory out (counted). */
struct tcp_conn *tcp_child(struct tern_stack *st, struct tcp_conn *listener,
			   const struct tcp_req *q)
{
	struct tcp_listener *l = listener->listener;
	struct tcp_conn *c = NULL;

	if (tcp_accept_full(l)) {
		COUNT(st, TCP_EXT_LISTEN_OVERFLOWS);
		goto fail;
	}
	c = tcp_conn_new(st, listener->v6);
	if (!c)
		goto fail;
	if (!tcp_inherit(st, c, listener, q))
		goto fail;
	tcp_req_tuple(q, &c->laddr, &c->raddr);
	c->lport = q->lport;
	c->rport = q->rport;
	if (!tcp_activate(st, c) || !tcp_port_inherit(st, c))
		goto fail;
	child_numbers(st, c, q);
	tcp_set_state(st, c, TERN_TCP_SYN_RECV, "SYN");
	if (!tcp_path(st, c))
		goto fail;
	c->advmss = tcp_syn_mss(st, c);
	if (c->ts_ok)
		c->advmss = (uint16_t)(c->advmss - 12);
	tcp_sync_mss(st, c, c->act->path.mtu);
	tcp_ecn_child(st, c, q);
	tcp_hash(st, c);
	COUNT(st, TCP_PASSIVE_OPENS);
	tcp_accept_append(st, l, c);
	return c;
fail:
	COUNT(st, TCP_EXT_LISTEN_DROPS);
	if (c)
		tcp_conn_free(st, c);
	return NULL;
}

static void fill_name(struct tern_sockaddr *sa, const struct tern_addr *a,
		      uint16_t port, bool v6)
{
	*sa = (struct tern_sockaddr){
		.addr = *a,
		.family = v6 ? TERN_AF_INET6 : TERN_AF_INET,
		.port = port,
	};
}

int tcp_accept(struct tern_stack *st, uint32_t id, struct tern_sockaddr *peer)
{
	struct tcp_conn *c = conn_at(st, id), *child;
	struct tcp_listener *l;

	if (c->state != TERN_TCP_LISTEN)
		return -TERN_EINVAL;
	l = c->listener;
	if (!l->accept_head)
		return -TERN_EAGAIN;
	child = conn_at(st, l->accept_head);
	l->accept_head = child->accept_next;
	if (!l->accept_head)
		l->accept_tail = 0;
	l->n_accept--;
	child->in_accept_queue = 0;
	child->connected = 1;
	child->s = -1;
	fill_name(peer, &child->raddr, child->rport, child->v6);
	return (int)child->id;
}

/* O19. The number that a SYN is known by outside: its ISN makes it unlike any
 * other that had the same entry. */
static uint64_t syn_id(const struct tcp_req *q)
{
	return (uint64_t)q->iss.v << 32 | q->id << 1 | q->v6;
}

int tcp_syn_next(struct tern_stack *st, uint32_t id, struct tern_syn *out)
{
	struct tcp_conn *c = conn_at(st, id);
	struct tern_addr l, r;
	struct tcp_req *q;
	int v6;

	if (c->state != TERN_TCP_LISTEN)
		return -TERN_EINVAL;
	v6 = !c->listener->untold[0];
	if (!c->listener->untold[v6])
		return -TERN_EAGAIN;
	q = slab_at(&st->tcp.reqs[v6], c->listener->untold[v6]);
	c->listener->untold[v6] = q->next;
	q->told = 1;
	tcp_req_tuple(q, &l, &r);
	out->id = syn_id(q);
	fill_name(&out->local, &l, q->lport, c->v6);
	fill_name(&out->remote, &r, q->rport, c->v6);
	return 0;
}

/* The refusal, as if it came from a router: quotes the SYN as it was. */
static void icmp_refusal(struct tern_stack *st, const struct tcp_req *q,
			 enum icmp_meaning meaning)
{
	struct wire_ip ip = { .protocol = WIRE_PROTO_TCP, .ttl = 64 };
	struct wire_tcp h = {
		.sport = q->rport,
		.dport = q->lport,
		.seq = q->irs,
		.flags = TCP_SYN,
		.hdr_len = WIRE_TCP_LEN,
	};
	struct tern_pkt *pkt =
		tern_pkt_new(st->pool, PKT_HEADROOM, WIRE_TCP_LEN);

	if (!pkt)
		return;
	tcp_req_tuple(q, &ip.dst, &ip.src);
	ip.v6 = q->v6;
	wire_tcp_emit(tern_pkt_append(pkt, WIRE_TCP_LEN), &h);
	if (wire_ip_emit(pkt, &ip) && wire_ip_parse(pkt, &ip) == WIRE_IP_OK)
		icmp_send_error(st, pkt, &ip, meaning, 0);
	tern_pkt_put(pkt);
}

static void rst_refusal(struct tern_stack *st, const struct tcp_req *q)
{
	struct tcp_reply r = {
		.sport = q->lport,
		.dport = q->rport,
		.ack = seq_add(q->irs, 1),
		.flags = TCP_RST | TCP_ACK,
	};

	tcp_req_tuple(q, &r.src, &r.dst);
	tcp_emit_reply(st, &r);
}

/* The SYN-ACK goes out as if the SYN had come now: the round trip, what an echo
 * may say and the time-outs begin with it. */
static void accept_syn(struct tern_stack *st, struct tcp_req *q)
{
	listener_of(st, q)->n_young += q->n_timeouts != 0;
	q->undecided = 0;
	q->n_timeouts = 0;
	q->synack_us = (uint32_t)(st->now / NS_PER_US);
	tcp_req_synack(st, q, NULL);
	wheel_arm(&st->tcp.req_wheel[q->v6], q->id,
		  st->now + tcp_req_rto_ns(st, q));
}

int tcp_syn_answer(struct tern_stack *st, uint64_t id,
		   enum tern_syn_answer answer)
{
	struct slab *reqs = &st->tcp.reqs[id & 1];
	uint32_t rid = (uint32_t)id >> 1;
	struct tcp_req *q;

	if (!slab_has(reqs, rid))
		return -TERN_ENOENT;
	q = slab_at(reqs, rid);
	if (syn_id(q) != id || !q->undecided)
		return -TERN_ENOENT;
	switch (answer) {
	case TERN_SYN_ACCEPT:
		accept_syn(st, q);
		return 0;
	case TERN_SYN_RESET:
		rst_refusal(st, q);
		break;
	case TERN_SYN_HOST:
		icmp_refusal(st, q, ICMP_SAYS_HOST);
		break;
	case TERN_SYN_NET:
		icmp_refusal(st, q, ICMP_SAYS_NET);
		break;
	case TERN_SYN_PROHIBITED:
		icmp_refusal(st, q, ICMP_SAYS_PROHIBITED);
		break;
	case TERN_SYN_DROP:
		break;
	}
	st->drops[DROP_TCP_SYN_REFUSED]++;
	tcp_req_drop(st, q);
	return 0;
}
