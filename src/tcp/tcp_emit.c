// SPDX-License-Identifier: BSD-2-Clause
/*
 * Segments as packets: header, options, window, and down to ip/.
 *
 * Data is not copied: the packet points into the buffers that the send queue
 * holds. The checksum is left partial (pseudo-header only); the edge completes
 * it when it cuts, or the link does. What a connection has below TCP is counted
 * in act->below and given back by tcp_sent_below(): the bound that keeps one
 * connection from filling a queue that never pushes back (Linux: TSQ).
 *
 * Answers outside a connection (RST, SYN-ACK of a half-open entry, the ACK of
 * TIME_WAIT) go by tcp_emit_reply().
 */
#include "tcp_priv.h"

#include "wire/wire_csum.h"

#define ECT0 2

/* The number that goes into window fields of a SYN: never scaled. */
static uint16_t syn_window(const struct tcp_conn *c)
{
	uint32_t wnd = c->fo_child ? c->act->fo_wnd : c->rcv.wnd;

	return (uint16_t)min_u32(wnd, TCP_MAX_WINDOW);
}

/* RFC 6528: a clock (64 ns a tick, as on Linux) plus a keyed hash of who. */
struct seq tcp_isn(struct tern_stack *st, const struct tern_addr *l,
		   uint16_t lport, const struct tern_addr *r, uint16_t rport)
{
	uint64_t h = tcp_hash_ends(&st->key_isn, l, r,
				   (uint32_t)lport << 16 | rport);

	return seq_of((uint32_t)h + (uint32_t)(st->now >> 6));
}

uint32_t tcp_ts_offset(const struct tern_stack *st, const struct tern_addr *l,
		       const struct tern_addr *r)
{
	if (st->tun.tcp_timestamps != 1)
		return 0;
	return (uint32_t)tcp_hash_ends(&st->key_ts, l, r, 0);
}

uint32_t tcp_ts_now(const struct tern_stack *st, const struct tcp_conn *c)
{
	return now_ms(st) + c->act->ts_offset;
}

bool tcp_path(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	int err;

	if (likely(a->route_generation == st->ip.generation))
		return true;
	err = ip_route(st, &c->raddr, &c->laddr, c->any, &a->path);
	if (err) {
		c->soft_error = (uint8_t)-err;
		return false;
	}
	a->route_generation = st->ip.generation;
	if (c->pmtu && c->pmtu != a->path.mtu)
		tcp_sync_mss(st, c, a->path.mtu);
	return true;
}

/* Completes pkt, whose linear part holds the TCP header with the checksum field
 * clear, and sends it. */
static int send_down(struct tern_stack *st, struct tern_pkt *pkt,
		     struct wire_ip *h, const struct ip_path *path)
{
	uint64_t sum = csum_pseudo(&h->src, &h->dst, WIRE_PROTO_TCP, pkt->len);

	/* The field takes the sum itself, not its complement: csum_fold()
	 * complements. A packet to be cut has its whole length in it, as
	 * links that cut (virtio) want it. */
	put_be16(pkt->data + 16, (uint16_t)~csum_fold(sum));
	pkt->csum = TERN_CSUM_PARTIAL;
	pkt->csum_start = (uint16_t)wire_ip_len(h);
	pkt->csum_off = 16;
	return ip_output(st, pkt, h, path);
}

/* TOS, TTL and the rest of the socket's own wishes. */
static void fill_ip(const struct tcp_conn *c, struct wire_ip *h)
{
	const struct tcp_opts *o = c->opts;

	*h = (struct wire_ip){
		.src = c->laddr,
		.dst = c->raddr,
		.v6 = !tern_addr_is_v4(&c->raddr),
		.protocol = WIRE_PROTO_TCP,
		.tos = (uint8_t)(o->tos | (c->ect_out ? ECT0 : 0)),
		.df = o->pmtudisc != 1, /* IP_PMTUDISC_DONT is stored as 1 */
		.flow = o->flow,
	};
	h->ttl = h->v6 ? o->ttl_v6 : o->ttl;
}

void tcp_fo_put(const struct tcp_cookie *fo, struct wire_tcp_opts *o)
{
	if (!fo->present)
		return;
	o->present |= fo->exp ? WIRE_OPT_FASTOPEN_EXP : WIRE_OPT_FASTOPEN;
	o->cookie_len = fo->len;
	memcpy(o->cookie, fo->bytes, fo->len);
}

static void fill_opts(struct tern_stack *st, struct tcp_conn *c, bool syn,
		      struct wire_tcp_opts *o)
{
	*o = (struct wire_tcp_opts){ 0 };
	if (syn) {
		o->present = WIRE_OPT_MSS;
		o->mss = tcp_syn_mss(st, c);
		if (c->sack_ok)
			o->present |= WIRE_OPT_SACK_OK;
		if (c->wscale_ok) {
			o->present |= WIRE_OPT_WSCALE;
			o->wscale = c->rcv_scale;
		}
		tcp_fo_put(&c->act->fo, o);
	}
	if (c->ts_ok) {
		o->present |= WIRE_OPT_TS;
		o->ts_val = tcp_ts_now(st, c);
		o->ts_ecr = c->ts_recent;
	}
	if (syn)
		return;
	if (c->sack_ok)
		tcp_sack_options(c, o);
	tcp_accecn_option(st, c, o);
}

struct emit {
	const struct tcp_seg *g; /* where the data is, or NULL */
	struct seq seq;
	uint32_t len;
	uint32_t n_segs;
	uint16_t gso_size;
	uint16_t flags;
	uint16_t urgent;
};

static struct tern_pkt *build(struct tern_stack *st, struct tcp_conn *c,
			      const struct emit *e)
{
	struct tern_pkt *pkt =
		tern_pkt_new(st->pool, PKT_HEADROOM, WIRE_TCP_MAX_LEN);
	bool syn = e->flags & TCP_SYN;
	struct wire_tcp_opts o;
	struct wire_tcp h;
	uint32_t left = e->len, n_opts, i;
	uint8_t opts[40], *p;

	if (!pkt)
		return NULL;
	fill_opts(st, c, syn, &o);
	n_opts = wire_tcp_emit_opts(opts, &o, syn);
	if (!syn)
		tcp_accecn_option_sent(st, c, &o);
	if (o.present & WIRE_OPT_SACK)
		c->act->has_dsack = false; /* told once */
	h = (struct wire_tcp){
		.sport = c->lport,
		.dport = c->rport,
		.seq = e->seq,
		.ack = e->flags & TCP_ACK ? c->rcv.nxt : seq_of(0),
		.flags = e->flags,
		.urgent = e->urgent,
		.hdr_len = (uint8_t)(WIRE_TCP_LEN + n_opts),
	};
	h.window = syn ? syn_window(c) : tcp_select_window(st, c);
	p = tern_pkt_append(pkt, h.hdr_len);
	wire_tcp_emit(p, &h);
	memcpy(p + WIRE_TCP_LEN, opts, n_opts);
	for (i = 0; left; i++) {
		const struct tern_frag *f = &e->g->frags[i];
		uint32_t n = min_u32(f->len, left);

		tern_pkt_add_frag(pkt, f->buf, f->off, n);
		left -= n;
	}
	if (e->n_segs > 1)
		pkt->gso_size = e->gso_size;
	return pkt;
}

static void count_out(struct tern_stack *st, struct tcp_conn *c,
		      const struct emit *e)
{
	uint32_t seqlen =
		e->len + !!(e->flags & TCP_SYN) + !!(e->flags & TCP_FIN);
	struct tcp_hist *h;

	c->segs_out += e->n_segs;
	/* As RFC 4022 wants it: what only repeats is no OutSeg. */
	if (!seqlen || seq_gt(seq_add(e->seq, seqlen), c->snd.nxt))
		COUNT_N(st, TCP_OUT_SEGS, e->n_segs);
	h = hist_of(st, c);
	if (e->len && h) {
		h->data_segs_out += e->n_segs;
		h->bytes_sent += e->len;
	}
}

/* Lent memory, and what is to be told of (SO_TIMESTAMPING). */
static void mark_special(struct tern_pkt *pkt, const struct emit *e)
{
	if (e->g->notes & SEG_LENT)
		pkt->flags |= IP_PKT_LENT;
	if (e->g->notes & SEG_TELL_QUEUED)
		pkt->flags |= IP_PKT_TELL_QUEUED;
	if (e->g->notes & SEG_TELL_LEFT)
		pkt->flags |= IP_PKT_TELL_LEFT;
}

static int emit(struct tern_stack *st, struct tcp_conn *c, struct emit *e)
{
	struct tcp_active *a;
	struct tern_pkt *pkt;
	struct wire_ip ip;
	uint32_t len;
	int err;

	if (!tcp_activate(st, c))
		return -TERN_ENOMEM;
	a = c->act;
	if (!tcp_path(st, c))
		return -c->soft_error;
	e->flags |= tcp_ecn_out(st, c, e->flags,
				e->len && seq_geq(e->seq, c->snd.nxt));
	pkt = build(st, c, e);
	if (!pkt)
		return -TERN_ENOMEM;
	if (c->ecn == ECN_ACCURATE)
		pkt->flags |= TERN_PKT_ACE;
	fill_ip(c, &ip);
	if (e->len) {
		pkt->owner = c->id;
		pkt->flags |= TERN_PKT_TOLD;
		if (unlikely(e->g->notes))
			mark_special(pkt, e);
	}
	len = pkt->len;
	if (e->len)
		a->below += len;
	tcp_trace_what(st, c, TERN_TRACE_OUT, NULL, pkt);
	/* Counted first: the packet may be answered from inside (loopback). */
	count_out(st, c, e);
	if (e->flags & TCP_ACK)
		tcp_ack_sent(st, c);
	/* Is the program answering what it read? */
	if (e->len && now_ms(st) - c->last_data < c->ato_ms &&
	    c->pingpong < UINT8_MAX)
		c->pingpong++;
	err = send_down(st, pkt, &ip, &a->path);
	if (err && e->len)
		a->below -= min_u32(len, a->below);
	return err;
}

int tcp_emit_seg(struct tern_stack *st, struct tcp_conn *c, struct tcp_seg *g,
		 uint32_t len)
{
	struct tcp_active *a = c->act;
	struct emit e = {
		.g = g,
		.seq = g->seq,
		.len = len,
		.n_segs = 1,
		.gso_size = g->mss,
		.flags = g->flags,
	};
	int err;

	if (len < g->len)
		e.flags &= (uint16_t) ~(TCP_FIN | TCP_PSH);
	if (!(e.flags & TCP_SYN) || c->state == TERN_TCP_SYN_RECV)
		e.flags |= TCP_ACK;
	e.flags &= (uint16_t)~TCP_URG;
	if (a->urg_mode && seq_gt(a->snd_up, g->seq) &&
	    seq_diff(a->snd_up, g->seq) < 0x10000) {
		e.flags |= TCP_URG;
		e.urgent = (uint16_t)seq_diff(a->snd_up, g->seq);
	}
	if (len > g->mss) {
		e.n_segs = (len + g->mss - 1u) / g->mss;
		e.flags |= TCP_PSH; /* lets the receiver's merging end here */
	}
	err = emit(st, c, &e);
	if (!err) {
		g->sent_at = st->now;
		if (len)
			c->last_sent = now_ms(st);
	}
	return err;
}

int tcp_emit_syn_data(struct tern_stack *st, struct tcp_conn *c,
		      struct tcp_seg *syn, struct tcp_seg *data)
{
	struct emit e = {
		.g = data,
		.seq = syn->seq,
		.len = data->len,
		.n_segs = 1,
		.flags = TCP_SYN,
	};
	int err = emit(st, c, &e);

	if (!err) {
		syn->sent_at = data->sent_at = st->now;
		c->last_sent = now_ms(st);
	}
	return err;
}

int tcp_emit_bare(struct tern_stack *st, struct tcp_conn *c, uint16_t flags,
		  struct seq seq)
{
	struct emit e = { .seq = seq, .n_segs = 1, .flags = flags };
	struct tcp_active *a;

	if (!tcp_activate(st, c))
		return -TERN_ENOMEM;
	a = c->act;
	if (a->urg_mode && !(flags & TCP_SYN) && seq_gt(a->snd_up, seq) &&
	    seq_diff(a->snd_up, seq) < 0x10000) {
		e.flags |= TCP_URG;
		e.urgent = (uint16_t)seq_diff(a->snd_up, seq);
	}
	return emit(st, c, &e);
}

int tcp_emit_reply(struct tern_stack *st, const struct tcp_reply *r)
{
	bool syn = r->flags & TCP_SYN;
	struct wire_ip ip = {
		.src = r->src,
		.dst = r->dst,
		.v6 = !tern_addr_is_v4(&r->dst),
		.protocol = WIRE_PROTO_TCP,
		.tos = r->tos,
		.df = true,
		.flow = r->flow,
	};
	struct ip_path path;
	struct tern_pkt *pkt;
	struct wire_tcp h;
	struct wire_tcp_opts o = r->o;
	uint8_t opts[40], *p;
	uint32_t n_opts;
	int err;

	err = ip_route(st, &r->dst, &r->src, true, &path);
	if (err)
		return err;
	pkt = tern_pkt_new(st->pool, PKT_HEADROOM, WIRE_TCP_MAX_LEN);
	if (!pkt)
		return -TERN_ENOMEM;
	n_opts = wire_tcp_emit_opts(opts, &o, syn);
	h = (struct wire_tcp){
		.sport = r->sport,
		.dport = r->dport,
		.seq = r->seq,
		.ack = r->ack,
		.flags = r->flags,
		.window = r->window,
		.hdr_len = (uint8_t)(WIRE_TCP_LEN + n_opts),
	};
	p = tern_pkt_append(pkt, h.hdr_len);
	wire_tcp_emit(p, &h);
	memcpy(p + WIRE_TCP_LEN, opts, n_opts);
	COUNT(st, TCP_OUT_SEGS);
	if (r->flags & TCP_RST)
		COUNT(st, TCP_OUT_RSTS);
	return send_down(st, pkt, &ip, &path);
}

void tcp_reset_for(struct tern_stack *st, const struct tcp_in *in)
{
	struct tcp_reply r = {
		.src = in->ip->dst,
		.dst = in->ip->src,
		.sport = in->h.dport,
		.dport = in->h.sport,
		.flags = TCP_RST,
		.tos = in->ip->tos & 0xfc,
	};

	if (in->h.flags & TCP_RST || ip_is_multicast(&in->ip->dst) ||
	    ip_is_broadcast(st, &in->ip->dst))
		return;
	if (in->h.flags & TCP_ACK) {
		r.seq = in->h.ack;
	} else {
		r.flags |= TCP_ACK;
		r.ack = in->end;
	}
	tcp_emit_reply(st, &r);
}
