// SPDX-License-Identifier: BSD-2-Clause
/*
 * ICMP errors about datagrams that a socket has sent.
 *
 * A connected socket learns of hard errors at its next call; so do all sockets
 * of soft errors too, and of what exactly came back, if they asked for it
 * (IP_RECVERR): the error and the datagram it quotes then wait to be read by
 * MSG_ERRQUEUE. That an error quotes a datagram of ours is all that can be
 * checked of it: who is on the path can forge one, others have to guess the
 * ports (RFC 5927 does not cover UDP). So none ever closes a socket.
 */
#include "ip/ip_cmsg.h"
#include "udp/udp_priv.h"

static bool wants_errors(const struct udp_sock *s, bool v6)
{
	return udp_has(s, v6 ? UDP_RECVERR6 : UDP_RECVERR);
}

static void queue(struct tern_stack *st, struct udp_sock *s,
		  const struct errq_cb *cb, const uint8_t *payload,
		  uint32_t len)
{
	uint32_t size = udp_true_size(len);
	struct tern_pkt *pkt;

	if (s->rmem + size > s->rcvbuf)
		return;
	pkt = tern_pkt_new(st->pool, 0, len);
	if (!pkt)
		return;
	if (len)
		memcpy(tern_pkt_append(pkt, len), payload, len);
	memcpy(pkt->cb, cb, sizeof(*cb));
	pkt->owner = size;
	s->rmem += size;
	pktq_push(&s->errors, pkt);
	udp_post(st, s);
}

void udp_icmp_error(struct tern_stack *st, const struct icmp_err *e)
{
	bool v6 = e->quoted.v6, hard = e->fatal;
	struct udp_flow f = {
		.laddr = &e->quoted.src,
		.raddr = &e->quoted.dst,
		.lport = get_be16(e->transport),
		.rport = get_be16(e->transport + 2),
		.link = UDP_LINK_EACH,
		.kind = ip_is_local(st, &e->quoted.src) ? IP_LOCAL : IP_OTHER,
	};
	struct errq_cb cb = {
		.dst = e->quoted.dst,
		.from = e->from,
		.info = e->mtu,
		.dport = f.rport,
		.error = (uint8_t)e->error,
		.origin = v6 ? ERRQ_ICMP6 : ERRQ_ICMP,
		.type = e->type,
		.code = e->code,
	};
	struct udp_sock *s = udp_find(st, &f);

	if (!s) {
		COUNT(st, ICMP_IN_ERRORS);
		return;
	}
	if (e->too_big) {
		ip_pmtu_learn(st, &e->quoted.dst, e->mtu);
		if ((v6 ? s->pmtudisc6 : s->pmtudisc) == UDP_PMTU_DONT)
			return;
		hard = true;
	}
	if (wants_errors(s, v6))
		queue(st, s, &cb, e->transport + WIRE_UDP_LEN,
		      e->n_transport - WIRE_UDP_LEN);
	else if (!hard || !s->connected)
		return;
	s->error = cb.error;
	udp_post(st, s);
}

int udp_error_too_long(struct tern_stack *st, struct udp_sock *s,
		       const struct tern_addr *dst, uint16_t port, uint32_t mtu)
{
	struct errq_cb cb = {
		.dst = *dst,
		.dport = port,
		.info = mtu,
		.error = TERN_EMSGSIZE,
		.origin = ERRQ_LOCAL,
	};

	if (wants_errors(s, !ip_is_v4(dst)))
		queue(st, s, &cb, NULL, 0);
	return -TERN_EMSGSIZE;
}

int64_t udp_recv_error(struct tern_stack *st, struct udp_sock *s,
		       struct tern_msg *msg, int flags)
{
	struct cmsg_out out = { msg->control, msg->control_len, 0, false };
	struct tern_pkt *pkt = pktq_pop(&s->errors);
	struct errq_cb *cb;
	size_t copied;

	msg->control_len = 0;
	if (!pkt)
		return -TERN_EAGAIN;
	cb = errq_cb(pkt);
	s->rmem -= pkt->owner;
	/* The socket's error becomes that of the next in the queue [k]. */
	if (cb->origin != ERRQ_LOCAL)
		s->error = 0;
	if (s->errors.head && errq_cb(s->errors.head)->origin != ERRQ_LOCAL)
		s->error = errq_cb(s->errors.head)->error;
	copied = udp_copy_out(pkt, msg);
	msg->flags = TERN_MSG_ERRQUEUE;
	if (copied < pkt->len)
		msg->flags |= TERN_MSG_TRUNC;
	if (msg->name)
		*msg->name = (struct tern_sockaddr){
			.addr = cb->dst,
			.family = s->family,
			.port = cb->dport,
		};
	if (!msg->control)
		out.room = 0;
	ip_cmsg_error(&out, s->family == TERN_AF_INET6, cb);
	msg->control_len = out.len;
	if (out.truncated)
		msg->flags |= TERN_MSG_CTRUNC;
	tern_pkt_put(pkt);
	return (int64_t)copied;
}
