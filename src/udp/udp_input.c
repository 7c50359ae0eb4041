// SPDX-License-Identifier: BSD-2-Clause
/*
 * Datagrams that arrive: checked, matched, counted against a receive buffer.
 *
 * SO_RCVBUF counts what Linux counts: the true size of the packet, most of
 * which is not data where datagrams are small (udp_true_size()). So a program
 * tuned by trial on Linux loses here when it lost there. One datagram always
 * fits an empty buffer.
 */
#include "udp/udp_priv.h"

/*
 * Linux 6.18's skb->truesize of a datagram sent over loopback [k]: 256 bytes
 * of struct sk_buff, and behind 28 bytes of headers, 16 of link header and 320
 * of shared info a block of kmalloc's sizes; beyond 16 KiB only the headers
 * are in such a block, and the data counts by itself.
 */
uint32_t udp_true_size(uint32_t len)
{
	uint32_t linear = len + 28 + 16 + 320, block = 1024;

	if (linear <= 576)
		return 256 + 576;
	if (linear > 16384)
		return 256 + 576 + len;
	while (block < linear)
		block *= 2;
	return 256 + block;
}

static void enqueue(struct tern_stack *st, struct udp_sock *s,
		    struct tern_pkt *pkt, const struct udp_cb *cb)
{
	uint32_t size = udp_true_size(pkt->len);

	if (s->rmem && s->rmem + size > s->rcvbuf) {
		s->n_dropped++;
		COUNT(st, UDP_IN_ERRORS);
		ip_drop(st, pkt, DROP_UDP_RCVBUF);
		return;
	}
	memcpy(pkt->cb, cb, sizeof(*cb));
	pkt->owner = size;
	s->rmem += size;
	pktq_push(&s->rx, pkt);
	udp_post(st, s);
}

/* Does a datagram to many concern this socket? */
static bool wants_multi(const struct udp_sock *s, const struct udp_flow *f)
{
	if (!udp_covers(s, !ip_is_v4(f->laddr)))
		return false;
	if (s->bound_link && s->bound_link != f->link)
		return false;
	if (!tern_addr_is_any(&s->laddr) &&
	    !tern_addr_equal(&s->laddr, f->laddr))
		return false;
	if (s->connected &&
	    (s->rport != f->rport || !tern_addr_equal(&s->raddr, f->raddr)))
		return false;
	return f->kind != IP_MULTICAST || udp_group_wants(s, f->laddr, f->link);
}

/* Each gets a copy, the last one the packet itself. */
static void deliver_multi(struct tern_stack *st, struct tern_pkt *pkt,
			  const struct udp_flow *f, const struct udp_cb *cb)
{
	struct udp_sock *s, *last = NULL;
	struct tern_pkt *copy;
	uint32_t id = 0;

	while ((id = udp_next_at(st, f->lport, id))) {
		s = udp_at(st, id);
		if (!wants_multi(s, f))
			continue;
		if (last) {
			copy = tern_pkt_clone(st->pool, pkt);
			if (copy)
				enqueue(st, last, copy, cb);
		}
		last = s;
	}
	if (last)
		enqueue(st, last, pkt, cb);
	else
		ip_drop(st, pkt, DROP_UDP_IGNORED_MULTI);
}

/* Zero stands for "no checksum" in IPv4, and for a mistake in IPv6 (RFC 8200
 * 8.1). */
static bool csum_is_bad(const struct tern_pkt *pkt, const struct wire_ip *h,
			const struct wire_udp *u)
{
	if (!u->csum && pkt->csum == TERN_CSUM_NONE)
		return h->v6;
	return ip_csum_bad(pkt, h, u->len);
}

/* A reason to drop it. */
static int check(struct tern_pkt *pkt, const struct wire_ip *h,
		 struct wire_udp *u)
{
	uint32_t len = h->len - h->hdr_len;

	if (len < WIRE_UDP_LEN)
		return DROP_UDP_MALFORMED;
	if (!tern_pkt_pull(pkt, h->hdr_len + WIRE_UDP_LEN))
		return DROP_NOMEM;
	if (!wire_udp_parse(pkt->data + h->hdr_len, len, u))
		return DROP_UDP_MALFORMED;
	tern_pkt_trim_end(pkt, len - u->len);
	return csum_is_bad(pkt, h, u) ? DROP_UDP_CSUM : DROP_NOT;
}

void udp_input(struct tern_stack *st, struct tern_pkt *pkt,
	       const struct wire_ip *h)
{
	enum ip_kind kind = (enum ip_kind)pkt->cb[0];
	struct wire_udp u;
	int reason = check(pkt, h, &u);
	struct udp_flow f = {
		.laddr = &h->dst,
		.raddr = &h->src,
		.link = pkt->link,
		.kind = (uint8_t)kind,
	};
	struct udp_cb cb = {
		.src = h->src,
		.dst = h->dst,
		.ttl = h->ttl,
		.tos = h->tos,
		.flow = h->flow,
	};
	struct udp_sock *s;

	if (reason != DROP_NOT) {
		if (reason == DROP_UDP_CSUM)
			COUNT(st, UDP_IN_ERRORS);
		ip_drop(st, pkt, reason);
		return;
	}
	f.lport = cb.dport = u.dport;
	f.rport = cb.sport = u.sport;
	if (kind == IP_BROADCAST || kind == IP_MULTICAST) {
		tern_pkt_trim_front(pkt, h->hdr_len + WIRE_UDP_LEN);
		deliver_multi(st, pkt, &f, &cb);
		return;
	}
	s = udp_find(st, &f);
	if (!s) {
		icmp_send_error(st, pkt, h, ICMP_SAYS_PORT, 0);
		ip_drop(st, pkt, DROP_UDP_NO_SOCKET);
		return;
	}
	tern_pkt_trim_front(pkt, h->hdr_len + WIRE_UDP_LEN);
	enqueue(st, s, pkt, &cb);
}
