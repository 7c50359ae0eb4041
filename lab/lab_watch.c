// SPDX-License-Identifier: BSD-2-Clause
/*
 * The observer: a node between a host and its wire that holds every segment
 * against what must always be so.
 *
 *   1. No byte beyond the right edge that the peer has advertised, as far as
 *	the host can know it. (A zero-window probe of Linux carries no byte.)
 *   2. The acknowledgement number that a host sends never goes back.
 *   3. The right edge that a host advertises never moves left, but for what
 *	the scale rounds away (RFC 7323 2.4), and what a SYN cookie forgets.
 *   4. What is in flight stays within cwnd, but for limited transmit (two
 *	segments, RFC 3042), a tail loss probe (one, RFC 8985 7) and what was
 *	sent before a reduction: then nothing new may leave but resends.
 *   5. New data does not run ahead of SO_MAX_PACING_RATE, but for what TCP may
 *	send at once: ten segments before it paces at all, one large packet,
 *	and what was due while a process slept (tcp_output.c).
 *
 * Numbers are compared modulo 2^32 within one connection. A connection is
 * known from its SYN on; segments of others are not judged.
 */
#include "lab_host.h"

#include <stdlib.h>
#include <string.h>

/* Limited transmit's two, the probe's one. */
#define BEYOND_CWND 3
#define PACED_FROM 10
#define PACKET_MAX 65536
#define SLEEP_MAX (4 * NS_PER_MS)
#define WATCHED_MAX 256

struct watched {
	struct tern_addr local, remote;
	uint16_t lport, rport;
	/* What the host has sent. */
	bool has_isn, has_ack, has_edge, has_sent;
	uint32_t isn;
	uint32_t ack, edge; /* highest of both */
	bool is_syns;	    /* the edge: nothing has followed the SYN-ACK */
	uint32_t sent;	    /* next after the last byte sent */
	uint8_t scale;
	bool scales;
	double ahead; /* bytes, of the pacing rate, at paced_at */
	int64_t paced_at;
	/* What it has received. */
	bool has_peer_edge, peer_scales;
	uint32_t peer_edge;
	uint8_t peer_scale;
};

struct watch {
	struct lab_node node;
	struct lab_host *host;
	lab_info_fn *info;
	struct watched table[WATCHED_MAX];
	int n;
};

static struct watch *watch_of(struct lab_node *node)
{
	return (struct watch *)node;
}

static struct watched *find(struct watch *w, const struct lab_seg *s, bool out)
{
	const struct tern_addr *local = out ? &s->src : &s->dst;
	const struct tern_addr *remote = out ? &s->dst : &s->src;
	uint16_t lport = out ? s->sport : s->dport;
	uint16_t rport = out ? s->dport : s->sport;
	struct watched *c;

	for (int i = 0; i < w->n; i++) {
		c = &w->table[i];
		if (c->lport == lport && c->rport == rport &&
		    tern_addr_equal(&c->local, local) &&
		    tern_addr_equal(&c->remote, remote))
			return c;
	}
	if (!(s->flags & TCP_SYN) || w->n == WATCHED_MAX)
		return NULL;
	c = &w->table[w->n++];
	*c = (struct watched){ *local, *remote, lport, rport };
	return c;
}

static int32_t diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static uint32_t window(const struct watched *c, const struct lab_seg *s,
		       bool out)
{
	if (s->flags & TCP_SYN || !c->scales || !c->peer_scales)
		return s->raw_win;
	return (uint32_t)s->raw_win << (out ? c->scale : c->peer_scale);
}

/* A new incarnation starts anew. */
static void on_syn(struct watched *c, const struct lab_seg *s, bool out)
{
	bool scales = s->opts.present & WIRE_OPT_WSCALE;
	uint8_t scale = s->opts.wscale > 14 ? 14 : s->opts.wscale;

	if (out) {
		if (!c->has_isn || s->raw_seq != c->isn)
			*c = (struct watched){ c->local,
					       c->remote,
					       c->lport,
					       c->rport,
					       .has_isn = true,
					       .isn = s->raw_seq,
					       .peer_scale = c->peer_scale,
					       .peer_scales = c->peer_scales };
		c->scale = scale;
		c->scales = scales;
	} else {
		c->peer_scale = scale;
		c->peer_scales = scales;
		c->has_peer_edge = false;
	}
}

static void broken(struct watch *w, const struct watched *c, const char *what,
		   uint32_t have, uint32_t most)
{
	lab_log_broken(w->node.net->log, w->node.net->now,
		       "%s, port %u: %s (%u, bound %u)", w->host->node.name,
		       c->lport, what, have, most);
}

static bool info_of(struct lab_host *h, uint16_t lport, uint16_t rport,
		    struct tern_tcp_info *t)
{
	struct tern_sock_info i;
	uint64_t cursor = 0;
	int n = 0;

	while (tern_sock_next(h->st, &cursor, &i) && ++n < LAB_FOLLOWED_MAX) {
		if (i.local.port == lport && i.remote.port == rport &&
		    i.state != TERN_TCP_LISTEN &&
		    i.state != TERN_TCP_TIME_WAIT &&
		    !tern_sock_tcp_info(h->st, i.cookie, t, h->node.net->now))
			return true;
	}
	return false;
}

static void check_flight(struct watch *w, const struct watched *c,
			 const struct tern_tcp_info *t)
{
	uint32_t out = t->unacked + t->retrans;
	uint32_t in_flight = out - min_u32(out, t->sacked + t->lost);

	if (in_flight > t->snd_cwnd + BEYOND_CWND)
		broken(w, c, "more in flight than cwnd allows", in_flight,
		       t->snd_cwnd);
}

static void check_pace(struct watch *w, struct watched *c,
		       const struct tern_tcp_info *t, uint32_t len)
{
	int64_t now = w->node.net->now;
	double rate = (double)t->max_pacing_rate / NS_PER_S, most;

	if (t->max_pacing_rate == UINT64_MAX) {
		c->ahead = 0;
		return;
	}
	c->ahead -= rate * (double)(now - c->paced_at);
	c->ahead = (c->ahead < 0 ? 0 : c->ahead) + len;
	c->paced_at = now;
	most = PACED_FROM * t->snd_mss + PACKET_MAX + rate * SLEEP_MAX;
	if (c->ahead > most)
		broken(w, c, "ahead of SO_MAX_PACING_RATE", (uint32_t)c->ahead,
		       (uint32_t)most);
}

static void check_info(struct watch *w, struct watched *c, uint32_t len)
{
	struct tern_tcp_info t;

	if (!w->info(w->host, c->lport, c->rport, &t))
		return;
	check_flight(w, c, &t);
	check_pace(w, c, &t, len);
}

/* Who made a cookie of a SYN-ACK does not know its window any more. */
static bool may_be_forgotten(const struct watch *w, const struct watched *c)
{
	int sent = tern_counter_find("TcpExtSyncookiesSent");

	return c->is_syns && w->host->on && tern_counter_get(w->host->st, sent);
}

static void on_sent(struct watch *w, const struct lab_seg *s)
{
	struct watched *c = find(w, s, true);
	uint32_t end = s->raw_seq + s->len, edge;
	bool is_new;

	if (!c || s->flags & TCP_RST)
		return;
	if (s->flags & TCP_SYN)
		on_syn(c, s, true);
	is_new = s->len && (!c->has_sent || diff(end, c->sent) > 0);
	if (is_new && !(s->flags & TCP_SYN) && c->has_peer_edge &&
	    diff(end, c->peer_edge) > 0)
		broken(w, c, "a byte beyond the peer's window", end,
		       c->peer_edge);
	end += !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN);
	if (!c->has_sent || diff(end, c->sent) > 0)
		c->sent = end;
	c->has_sent = true;
	if (is_new)
		check_info(w, c, s->len);
	if (!(s->flags & TCP_ACK))
		return;
	if (c->has_ack && diff(s->raw_ack, c->ack) < 0)
		broken(w, c, "the acknowledgement goes back", s->raw_ack,
		       c->ack);
	c->ack = s->raw_ack;
	c->has_ack = true;
	edge = s->raw_ack + window(c, s, true);
	if (may_be_forgotten(w, c))
		c->has_edge = false;
	if (c->has_edge && !(s->flags & TCP_SYN) &&
	    diff(edge, c->edge) < -(1 << (c->scales ? c->scale : 0)))
		broken(w, c, "the right edge moves left", edge, c->edge);
	if (!c->has_edge || diff(edge, c->edge) > 0)
		c->edge = edge;
	c->has_edge = true;
	c->is_syns = s->flags & TCP_SYN;
}

static void on_received(struct watch *w, const struct lab_seg *s)
{
	struct watched *c = find(w, s, false);
	uint32_t edge;

	if (!c || s->flags & TCP_RST)
		return;
	if (s->flags & TCP_SYN)
		on_syn(c, s, false);
	if (!(s->flags & TCP_ACK)) {
		/* A SYN offers a window that nothing has been measured in. */
		return;
	}
	edge = s->raw_ack + window(c, s, false);
	if (!c->has_peer_edge || diff(edge, c->peer_edge) > 0)
		c->peer_edge = edge;
	c->has_peer_edge = true;
}

static void watch_forward(struct lab_node *node, int port, struct lab_frame *f,
			  int64_t now)
{
	struct watch *w = watch_of(node);
	struct lab_seg s;

	if (lab_seg_parse(&s, f->bytes, f->len) &&
	    s.protocol == WIRE_PROTO_TCP && s.tcp_hdr && !s.is_frag &&
	    w->host->st) {
		if (port == 0)
			on_sent(w, &s);
		else
			on_received(w, &s);
	}
	lab_node_send(node, !port, f);
}

static void watch_free(struct lab_node *node)
{
	free(node);
}

static const struct lab_node_ops watch_ops = {
	.forward = watch_forward,
	.free = watch_free,
};

struct lab_node *lab_watch_new(struct lab_net *net, struct lab_host *host)
{
	struct watch *w = drill_mem_grow(NULL, sizeof(*w));

	memset(w, 0, sizeof(*w));
	w->host = host;
	w->info = info_of;
	w->node.ops = &watch_ops;
	if (!lab_net_add(net, &w->node, host->node.name)) {
		free(w);
		return NULL;
	}
	w->node.lane = host->node.lane;
	return &w->node;
}

void lab_watch_ask(struct lab_node *node, lab_info_fn *info)
{
	watch_of(node)->info = info;
}
