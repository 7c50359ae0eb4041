// SPDX-License-Identifier: BSD-2-Clause
/*
 * The way out: a header, a queue, the edge.
 *
 *	ip_output   -> header -> (ip_fragment) -> ip_enqueue -> link.out
 *	ip_dequeue  <- cut, checksum complete <- link.out	by the link
 *	ip_loopback_run		ip_receive  <- link[0].out	by the stack
 *
 * A queue is bounded in packets; what is over is refused, and who sends learns
 * it at once: TCP treats that as a loss that it knows of, replies without a
 * state behind them (RST, ICMP) are gone. The loopback's bound is Linux's
 * netdev_max_backlog, as packets wait there for the stack's own input.
 *
 * What a packet counts below its sender ends when it leaves the queue: a
 * packet that is then cut counts once, as it was queued.
 */
#include "ip/ip_priv.h"

#include "ip/ip_gso.h"

/* A round trip between two sockets of one stack may go on without end. More
 * than this at a time is left to the next call; ip_deadline() asks for it. */
#define LOOP_BUDGET 10000

/* Bytes in front of the transport header; for our own packets only. */
static uint32_t ip_header_len(const struct tern_pkt *pkt)
{
	return pkt->data[0] >> 4 == 4 ? (pkt->data[0] & 15u) * 4 : WIRE_IP6_LEN;
}

void ip_tell(struct tern_stack *st, struct tern_pkt *pkt)
{
	if (pkt->flags & TERN_PKT_TOLD) {
		pkt->flags &= (uint8_t)~TERN_PKT_TOLD;
		tcp_sent_below(st, pkt->owner, pkt->len - ip_header_len(pkt));
	} else if (pkt->flags & IP_PKT_TOLD_UDP) {
		pkt->flags &= (uint8_t)~IP_PKT_TOLD_UDP;
		udp_sent_below(st, pkt->owner, (uint32_t)pkt->cb[0],
			       pkt->cb[1]);
	}
}

int ip_enqueue(struct tern_stack *st, int link, struct tern_pkt *pkt)
{
	struct ip_link *l = &st->ip.link[link];
	bool loopback = link == IP_LOOPBACK;
	uint32_t bound = loopback ? (uint32_t)st->tun.netdev_max_backlog :
				    l->queue_len;

	if (unlikely(!l->up)) {
		COUNT(st, IP_OUT_DISCARDS);
		ip_drop(st, pkt, DROP_LINK_DOWN);
		return -TERN_ENETDOWN;
	}
	if (unlikely(l->out.n >= bound)) {
		COUNT(st, IP_OUT_DISCARDS);
		ip_drop(st, pkt,
			loopback ? DROP_BACKLOG_FULL : DROP_QUEUE_FULL);
		return -TERN_ENOBUFS;
	}
	pkt->link = (uint8_t)link;
	COUNT_N(st, IP_OUT_OCTETS, pkt->len);
	pktq_push(&l->out, pkt);
	if (unlikely(pkt->flags & IP_PKT_TELL_QUEUED))
		tcp_stamp_packet(st, pkt, false);
	if (l->abilities & TERN_LINK_INSTANT)
		ip_tell(st, pkt);
	return 0;
}

/* A packet leaves its queue that has more to it than bytes: lent memory goes
 * no further than to links that give it back in time. False without memory. */
static bool part_with(struct tern_stack *st, const struct ip_link *l,
		      struct tern_pkt *pkt)
{
	if (pkt->flags & IP_PKT_TELL_LEFT)
		tcp_stamp_packet(st, pkt, true);
	return !(pkt->flags & IP_PKT_LENT) || l->abilities & TERN_LINK_LENDS ||
	       tern_pkt_own(pkt);
}

#define PKT_SPECIAL (IP_PKT_LENT | IP_PKT_TELL_LEFT)

/* Broadcast and multicast reach ourselves too: a copy, as if it had come by
 * the link that the packet leaves by. */
static void loop_copy(struct tern_stack *st, const struct tern_pkt *pkt,
		      int link)
{
	struct ip_link *l = &st->ip.link[IP_LOOPBACK];
	struct tern_pkt *copy;

	if (l->out.n >= (uint32_t)st->tun.netdev_max_backlog) {
		st->drops[DROP_BACKLOG_FULL]++;
		return;
	}
	copy = tern_pkt_clone(st->pool, pkt);
	if (!copy)
		return;
	copy->flags = 0;
	copy->link = (uint8_t)link;
	pktq_push(&l->out, copy);
}

int ip_output(struct tern_stack *st, struct tern_pkt *pkt,
	      const struct wire_ip *h, const struct ip_path *path)
{
	struct wire_ip out = *h;
	uint32_t hdr_len;
	bool too_big;

	out.v6 = !ip_is_v4(&h->dst);
	out.is_frag = false;
	if (!out.ttl)
		out.ttl = (uint8_t)st->tun.ip_default_ttl;
	hdr_len = out.v6 ? WIRE_IP6_LEN : WIRE_IP4_LEN;
	too_big = pkt->len + hdr_len > path->mtu && !pkt->gso_size;
	if (unlikely(too_big && out.df)) {
		COUNT(st, IP_FRAG_FAILS);
		ip_drop(st, pkt, DROP_PKT_TOO_BIG);
		return -TERN_EMSGSIZE;
	}
	if (!out.df && !out.v6)
		out.id = ip_next_id(st, &out);
	if (unlikely(!wire_ip_emit(pkt, &out))) {
		COUNT(st, IP_OUT_DISCARDS);
		ip_drop(st, pkt, DROP_NOMEM);
		return -TERN_ENOMEM;
	}
	COUNT(st, IP_OUT_REQUESTS);
	st->counter[COUNTER_IP6_OUT_REQUESTS] += out.v6;
	if (unlikely(path->loop))
		loop_copy(st, pkt, path->link);
	if (unlikely(too_big))
		return ip_fragment(st, path->link, pkt, path->mtu);
	return ip_enqueue(st, path->link, pkt);
}

/* Puts segments in front of the queue for the link to take one by one. False
 * without memory: the packet waits for the next call. */
static bool cut(struct tern_stack *st, struct ip_link *l, struct tern_pkt *pkt)
{
	struct pktq segs = { 0 };

	if (ip_gso_segment(st->pool, pkt, &segs) < 0)
		return false;
	l->rest = segs.head;
	return true;
}

/* The next packet as the link can take it; NULL: none. */
static struct tern_pkt *next_out(struct tern_stack *st, struct ip_link *l)
{
	struct tern_pkt *pkt;

	for (;;) {
		pkt = l->rest;
		if (pkt) {
			l->rest = pkt->next;
			pkt->next = NULL;
			return pkt;
		}
		pkt = pktq_pop(&l->out);
		if (!pkt)
			return NULL;
		ip_tell(st, pkt);
		if (unlikely(pkt->flags & PKT_SPECIAL) &&
		    !part_with(st, l, pkt)) {
			COUNT(st, IP_OUT_DISCARDS);
			ip_drop(st, pkt, DROP_NOMEM);
			continue;
		}
		if (!pkt->gso_size || (l->abilities & TERN_LINK_GSO &&
				       !(pkt->flags & TERN_PKT_ACE)))
			return pkt;
		if (cut(st, l, pkt)) {
			tern_pkt_put(pkt);
		} else {
			COUNT(st, IP_OUT_DISCARDS);
			ip_drop(st, pkt, DROP_NOMEM);
		}
	}
}

int ip_dequeue(struct tern_stack *st, int link, struct tern_pkt **pkts, int max)
{
	struct ip_link *l = ip_link_at(&st->ip, link);
	struct tern_pkt *pkt;
	int n = 0;

	if (!l || link == IP_LOOPBACK)
		return 0;
	while (n < max && (pkt = next_out(st, l))) {
		if (pkt->csum == TERN_CSUM_PARTIAL &&
		    !(l->abilities & TERN_LINK_TX_CSUM) &&
		    !ip_csum_complete(pkt)) {
			COUNT(st, IP_OUT_DISCARDS);
			ip_drop(st, pkt, DROP_PKT_TOO_SMALL);
			continue;
		}
		l->tx_packets++;
		l->tx_bytes += pkt->len;
		pkts[n++] = pkt;
	}
	return n;
}

static void trace_loop(struct tern_stack *st, const struct tern_pkt *pkt)
{
	const struct tern_trace t = {
		.kind = TERN_TRACE_LOOP, .now = st->now, .s = -1, .pkt = pkt
	};

	st->cfg.trace(st->cfg.trace_ctx, &t);
}

void ip_loopback_run(struct tern_stack *st)
{
	struct ip_link *l = &st->ip.link[IP_LOOPBACK];
	struct tern_pkt *pkt;
	int budget = LOOP_BUDGET;

	if (st->ip.looping)
		return;
	st->ip.looping = true;
	while (budget-- && (pkt = pktq_pop(&l->out))) {
		ip_tell(st, pkt);
		if (unlikely(pkt->flags & PKT_SPECIAL) &&
		    !part_with(st, l, pkt)) {
			ip_drop(st, pkt, DROP_NOMEM);
			continue;
		}
		l->tx_packets++;
		l->tx_bytes += pkt->len;
		l->rx_packets++;
		l->rx_bytes += pkt->len;
		pkt->at = st->now;
		if (stack_traces(st, TERN_TRACE_LOOP))
			trace_loop(st, pkt);
		ip_receive(st, pkt, true);
	}
	st->ip.looping = false;
}
