// SPDX-License-Identifier: BSD-2-Clause
/*
 * What must hold after each operation:
 *
 *  1. tcp_priv.h's invariants (check_conn());
 *  2. the counts of a connection are those of its queues;
 *  3. liveness: what is in flight has a timer, and so has data that waits for
 *     a closed window; the stack's deadline is not behind any timer's;
 *  4. what the stack sends parses, fits the link and has right checksums;
 *  5. the memory it says it took is what it took; the socket table ends.
 */
#include "fuzz_kit.h"

#include "tcp/tcp_priv.h"
#include "wire/wire_csum.h"
#include "wire/wire_udp.h"

#include <stdio.h>

static void check_sums(const struct tern_pkt *pkt, const struct wire_ip *ip)
{
	uint32_t n = ip->len - ip->hdr_len;
	uint8_t head[8];
	uint64_t sum;

	if (ip->protocol == WIRE_PROTO_UDP) {
		MUST(n >= 8);
		tern_pkt_copy_out(pkt, ip->hdr_len, head, 8);
		if (!get_be16(head + 6) && !ip->v6) /* SO_NO_CHECK */
			return;
	}
	sum = csum_pseudo(&ip->src, &ip->dst, ip->protocol, n);
	switch (ip->protocol) {
	case WIRE_PROTO_ICMP:
		sum = 0;
		/* fall through */
	case WIRE_PROTO_ICMPV6:
	case WIRE_PROTO_TCP:
	case WIRE_PROTO_UDP:
		MUST(csum_fold(csum_pkt(sum, pkt, ip->hdr_len)) == 0);
		break;
	default:
		break;
	}
}

void fuzz_check_packet(struct fuzz *f, const struct tern_pkt *pkt)
{
	struct wire_ip ip;
	struct tern_pkt *copy = tern_pkt_clone(f->pool, pkt);

	MUST(!pkt->gso_size && pkt->csum != TERN_CSUM_PARTIAL);
	MUST(pkt->len <= f->most_mtu);
	if (!copy)
		return;
	MUST(wire_ip_parse(copy, &ip) == WIRE_IP_OK);
	MUST(ip.len == pkt->len);
	if (!ip.is_frag)
		check_sums(copy, &ip);
	tern_pkt_put(copy);
}

static void check_counts(const struct tcp_conn *c, const struct tcp_active *a)
{
	uint32_t sacked = 0, lost = 0, retrans = 0;
	struct rbnode *n;

	for (n = a->rtx.first; n; n = rbtree_next(n)) {
		const struct tcp_seg *g = seg_of(n);

		sacked += g->marks & SEG_SACKED ? g->n_segs : 0;
		lost += g->marks & SEG_LOST ? g->n_segs : 0;
		retrans += g->marks & SEG_RETRANS ? g->n_segs : 0;
		MUST(!(g->marks & SEG_SACKED) || !(g->marks & SEG_LOST));
	}
	MUST(lost == a->lost_out);
	MUST(retrans == a->retrans_out);
	if (c->sack_ok)
		MUST(sacked == a->sacked_out);
}

static void check_receive(const struct tcp_conn *c, const struct tcp_active *a)
{
	uint32_t held = 0;
	struct rbnode *n;
	struct seq from = c->rcv.nxt, to = c->rcv.nxt;

	for (struct tern_pkt *p = a->rcvq.head; p; p = p->next)
		held += p->len;
	/* The first packet may have been read in part; a FIN is no byte. */
	MUST(held + 1 >= (uint32_t)seq_diff(c->rcv.nxt, c->rcv.copied));
	for (n = a->ofo.first; n; n = rbtree_next(n)) {
		const struct tcp_cb *b = pkt_cb(pkt_of(n));

		/* They may overlap, but none holds another. */
		MUST(seq_gt(b->seq, from) && seq_gt(b->end, to));
		from = b->seq;
		to = b->end;
	}
}

static void check_alive(struct fuzz *f, const struct tcp_conn *c,
			const struct tcp_active *a)
{
	int64_t at = c->keep_at;
	bool rtx = a->at[TCP_TIMER_RTX] != NEVER ||
		   a->at[TCP_TIMER_LOSS] != NEVER ||
		   a->at[TCP_TIMER_REO] != NEVER;
	bool probes = a->at[TCP_TIMER_PROBE] != NEVER;
	bool soon = a->at[TCP_TIMER_PACE] != NEVER || a->is_ready || a->below;

	for (int t = 0; t < TCP_N_ACT_TIMERS; t++)
		at = min_i64(at, a->at[t]);
	MUST(tern_stack_deadline(f->st) <= at);
	if (c->state == TERN_TCP_CLOSE)
		return;
	if (a->packets_out)
		MUST(rtx || probes);
	else if (a->unsent && c->state != TERN_TCP_SYN_SENT)
		MUST(probes || soon || rtx || c->cork);
}

static void check_one(struct fuzz *f, struct tcp_conn *c)
{
	if (f->show)
		printf("\t\tconnection %u: %s, snd.una %u nxt %u end %u wnd %u, "
		       "rcv.nxt %u%s\n",
		       c->id, tern_tcp_state_name(c->state), c->snd.una.v,
		       c->snd.nxt.v, c->snd.end.v, c->snd.wnd, c->rcv.nxt.v,
		       c->state != TERN_TCP_LISTEN && c->act ? "" : ", rests");
	check_conn(f->st, c);
	MUST(c->state != TERN_TCP_LISTEN || c->listener);
	if (c->state == TERN_TCP_LISTEN)
		return;
	if (c->hashed)
		MUST(c->state != TERN_TCP_CLOSE);
	if (!c->act) {
		MUST(c->state == TERN_TCP_CLOSE ||
		     c->state == TERN_TCP_ESTABLISHED ||
		     c->state == TERN_TCP_FIN_WAIT2 ||
		     c->state == TERN_TCP_CLOSE_WAIT || c->fin_owed);
		MUST(!c->fin_owed || c->keep_at != NEVER);
		MUST(tern_stack_deadline(f->st) <= c->keep_at);
		return;
	}
	check_counts(c, c->act);
	check_receive(c, c->act);
	check_alive(f, c, c->act);
}

void fuzz_check(struct fuzz *f)
{
	struct tern_sock_info info;
	struct tern_memory m;
	struct tern_tcp_info t;
	uint64_t cursor = 0;
	uint32_t id = 0;
	int n = 0;

	while ((id = slab_next(&f->st->tcp.conns, id)) != 0)
		check_one(f, conn_at(f->st, id));
	while (tern_sock_next(f->st, &cursor, &info)) {
		MUST(++n < 100000);
		if (info.protocol == TERN_IPPROTO_TCP)
			tern_sock_tcp_info(f->st, info.cookie, &t, f->now);
	}
	tern_stack_memory(f->st, &m);
	MUST(m.total + tern_pool_footprint(f->pool) == f->used);
	MUST(m.connections + m.tables + m.active + m.time_wait + m.half_open +
		     m.packets <=
	     m.total);
}
