// SPDX-License-Identifier: BSD-2-Clause
/*
 * Datagrams to the program: one a call, cut if its buffer is too small, with
 * what the socket's options ask to be told beside it.
 *
 * A link's number is what Linux calls its interface index, in control
 * messages, scopes and options alike; the loopback is 0 here, which reads as
 * "any" where it is given back.
 */
#include "ip/ip_cmsg.h"
#include "udp/udp_priv.h"

size_t udp_copy_out(const struct tern_pkt *pkt, const struct tern_msg *msg)
{
	size_t off = 0, n;
	int i;

	for (i = 0; i < msg->n_iov && off < pkt->len; i++) {
		n = min_size(msg->iov[i].len, pkt->len - off);
		tern_pkt_copy_out(pkt, off, msg->iov[i].base, n);
		off += n;
	}
	return off;
}

/* struct sockaddr_in (16 bytes) or sockaddr_in6 (28): what is in there is in
 * the network's order but the family and the scope. */
static size_t emit_sockaddr(uint8_t out[28], bool v6,
			    const struct tern_addr *addr, uint16_t port,
			    uint32_t scope)
{
	uint16_t family = v6 ? TERN_AF_INET6 : TERN_AF_INET;

	memset(out, 0, 28);
	memcpy(out, &family, sizeof(family));
	put_be16(out + 2, port);
	if (!v6) {
		memcpy(out + 4, addr->b + 12, 4);
		return 16;
	}
	memcpy(out + 8, addr->b, 16);
	memcpy(out + 24, &scope, sizeof(scope));
	return 28;
}

/* The address of ours that an answer would come from. */
static struct tern_addr answer_from(struct tern_stack *st,
				    const struct tern_pkt *pkt,
				    const struct udp_cb *cb)
{
	struct ip_path path;

	if (!ip_is_multicast(&cb->dst) && !ip_is_broadcast(st, &cb->dst))
		return cb->dst;
	if (ip_route_link(st, &cb->src, NULL, false, pkt->link, &path))
		return cb->dst;
	return path.src;
}

static void put_pktinfo(struct tern_stack *st, struct cmsg_out *out,
			const struct tern_pkt *pkt, const struct udp_cb *cb)
{
	struct tern_addr spec = answer_from(st, pkt, cb);
	int index = ip_ifindex(pkt->link);
	uint8_t info[12]; /* struct in_pktinfo */

	memcpy(info, &index, 4);
	memcpy(info + 4, spec.b + 12, 4);
	memcpy(info + 8, cb->dst.b + 12, 4);
	cmsg_put(out, TERN_IPPROTO_IP, TERN_IP_PKTINFO, info, sizeof(info));
}

static void put_pktinfo6(struct cmsg_out *out, const struct tern_pkt *pkt,
			 const struct udp_cb *cb)
{
	uint8_t info[20]; /* struct in6_pktinfo */
	int index = ip_ifindex(pkt->link);

	memcpy(info, cb->dst.b, 16);
	memcpy(info + 16, &index, 4);
	cmsg_put(out, TERN_IPPROTO_IPV6, TERN_IPV6_PKTINFO, info, sizeof(info));
}

static void put_v4(struct tern_stack *st, const struct udp_sock *s,
		   struct cmsg_out *out, const struct tern_pkt *pkt,
		   const struct udp_cb *cb)
{
	uint8_t sa[28];
	size_t n;

	if (udp_has(s, UDP_PKTINFO))
		put_pktinfo(st, out, pkt, cb);
	if (udp_has(s, UDP_RECVTTL))
		cmsg_put_int(out, TERN_IPPROTO_IP, TERN_IP_TTL, cb->ttl);
	if (udp_has(s, UDP_RECVTOS))
		cmsg_put(out, TERN_IPPROTO_IP, TERN_IP_TOS, &cb->tos, 1);
	if (udp_has(s, UDP_ORIGDST)) {
		n = emit_sockaddr(sa, false, &cb->dst, cb->dport, 0);
		cmsg_put(out, TERN_IPPROTO_IP, TERN_IP_RECVORIGDSTADDR, sa, n);
	}
}

static void put_v6(const struct udp_sock *s, struct cmsg_out *out,
		   const struct udp_cb *cb)
{
	uint8_t sa[28];
	size_t n;

	if (udp_has(s, UDP_RECVTTL6))
		cmsg_put_int(out, TERN_IPPROTO_IPV6, TERN_IPV6_HOPLIMIT,
			     cb->ttl);
	if (udp_has(s, UDP_RECVTOS6))
		cmsg_put_int(out, TERN_IPPROTO_IPV6, TERN_IPV6_TCLASS, cb->tos);
	if (udp_has(s, UDP_ORIGDST6)) {
		n = emit_sockaddr(sa, true, &cb->dst, cb->dport, 0);
		cmsg_put(out, TERN_IPPROTO_IPV6, TERN_IPV6_RECVORIGDSTADDR, sa,
			 n);
	}
}

static void put_time(struct tern_stack *st, const struct udp_sock *s,
		     struct cmsg_out *out, int64_t at)
{
	struct cmsg_times t = {
		.us = udp_has(s, UDP_TIMESTAMP),
		.ns = udp_has(s, UDP_TIMESTAMPNS),
	};

	ip_cmsg_times(st, out, &t, at);
}

/* In Linux's order. */
static void put_control(struct tern_stack *st, const struct udp_sock *s,
			struct tern_msg *msg, struct tern_pkt *pkt)
{
	struct cmsg_out out = { msg->control, msg->control_len, 0, false };
	const struct udp_cb *cb = udp_cb(pkt);

	if (!msg->control)
		out.room = 0;
	put_time(st, s, &out, pkt->at);
	if (udp_has(s, UDP_RXQ_OVFL))
		cmsg_put(&out, TERN_SOL_SOCKET, TERN_SO_RXQ_OVFL, &s->n_dropped,
			 sizeof(s->n_dropped));
	if (s->family == TERN_AF_INET6 && udp_has(s, UDP_PKTINFO6))
		put_pktinfo6(&out, pkt, cb);
	if (ip_is_v4(&cb->dst))
		put_v4(st, s, &out, pkt, cb);
	else
		put_v6(s, &out, cb);
	msg->control_len = out.len;
	if (out.truncated)
		msg->flags |= TERN_MSG_CTRUNC;
}

static void put_name(const struct udp_sock *s, struct tern_sockaddr *name,
		     struct tern_pkt *pkt)
{
	const struct udp_cb *cb = udp_cb(pkt);
	bool v6 = !ip_is_v4(&cb->src);

	if (!name)
		return;
	*name = (struct tern_sockaddr){
		.addr = cb->src,
		.family = s->family,
		.port = cb->sport,
		.flowinfo = v6 ? cb->flow : 0,
	};
	if (v6 && ip_is_link_local(&cb->src))
		name->scope_id = (uint32_t)ip_ifindex(pkt->link);
}

int64_t udp_recvmsg(struct tern_stack *st, uint32_t id, struct tern_msg *msg,
		    int flags)
{
	struct udp_sock *s = udp_at(st, id);
	struct tern_pkt *pkt;
	size_t copied;
	int64_t result;

	msg->flags = 0;
	if (flags & TERN_MSG_ERRQUEUE)
		return udp_recv_error(st, s, msg, flags);
	if (s->error)
		return udp_take_error(s);
	pkt = s->rx.head;
	if (!pkt) {
		msg->control_len = 0;
		/* Linux: 0 to who would wait, EAGAIN to who would not [k]. */
		if (s->shut & UDP_SHUT_RCV && !(flags & TERN_MSG_DONTWAIT))
			return 0;
		return -TERN_EAGAIN;
	}
	copied = udp_copy_out(pkt, msg);
	put_name(s, msg->name, pkt);
	put_control(st, s, msg, pkt);
	result = (int64_t)copied;
	if (copied < pkt->len) {
		msg->flags |= TERN_MSG_TRUNC;
		if (flags & TERN_MSG_TRUNC)
			result = pkt->len;
	}
	if (!(flags & TERN_MSG_PEEK)) {
		COUNT(st, UDP_IN_DATAGRAMS);
		(void)pktq_pop(&s->rx);
		s->rmem -= pkt->owner;
		tern_pkt_put(pkt);
	}
	return result;
}
