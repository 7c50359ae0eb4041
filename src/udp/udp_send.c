// SPDX-License-Identifier: BSD-2-Clause
/*
 * Datagrams from the program: where to, from where, how large, and down.
 *
 * The bytes are copied once, behind headroom for the headers. The checksum is
 * left to the link if it can add up, else added here while the bytes are warm.
 *
 * SO_SNDBUF bounds what waits in links' queues, by true size as on Linux: a
 * program that sends faster than the link takes gets EAGAIN, and POLLOUT once
 * half of it has left.
 *
 * A datagram over the MTU is cut by ip/ (S9), unless IP_MTU_DISCOVER forbids
 * it; one that fits has DF set by default, so that the path's MTU is learned.
 */
#include "base/cmsg.h"
#include "udp/udp_priv.h"

/* A datagram on its way out. */
struct out {
	struct tern_addr dst, src; /* src any: by route */
	uint16_t dport, sport;
	int link; /* -1: by route */
	uint8_t tos, ttl;
	uint32_t flow;
	bool v6;
	bool any_source;
	uint32_t len;	  /* of all bytes */
	uint32_t segment; /* UDP_SEGMENT: the most in one datagram; 0: all */
	uint32_t off;	  /* of those to send next */
	struct ip_path path;
};

static int read_pktinfo(struct out *o, const struct cmsg_in *c, bool v6)
{
	size_t at_link = v6 ? 16 : 0, at_src = v6 ? 0 : 4;
	struct tern_addr src;
	int index;

	if (c->len < (v6 ? 20u : 12u))
		return -TERN_EINVAL;
	memcpy(&index, c->data + at_link, sizeof(index));
	if (v6) {
		memcpy(src.b, c->data + at_src, 16);
	} else {
		src = tern_addr_v4(0, 0, 0, 0);
		memcpy(src.b + 12, c->data + at_src, 4);
	}
	if (index > 0)
		o->link = ip_link_of(index);
	if (!tern_addr_is_any(&src)) {
		if (ip_is_v4(&src) == o->v6)
			return -TERN_EINVAL;
		o->src = src;
	}
	return 0;
}

/* Tern's own use of what Linux only receives: a socket for any address answers
 * from the address and port that it was asked at. */
static int read_origdst(struct out *o, const struct cmsg_in *c)
{
	size_t n = o->v6 ? 28 : 16;

	if (!o->any_source || c->len < n)
		return -TERN_EINVAL;
	o->sport = get_be16(c->data + 2);
	if (o->v6) {
		memcpy(o->src.b, c->data + 8, 16);
	} else {
		o->src = tern_addr_v4(0, 0, 0, 0);
		memcpy(o->src.b + 12, c->data + 4, 4);
	}
	return ip_is_v4(&o->src) == o->v6 ? -TERN_EINVAL : 0;
}

/* An int, or for IP_TOS a byte, in a range. */
static int read_number(const struct cmsg_in *c, int least, uint8_t *out)
{
	int v;

	if (c->len == 1)
		v = c->data[0];
	else if (c->len >= sizeof(v))
		memcpy(&v, c->data, sizeof(v));
	else
		return -TERN_EINVAL;
	if (v < least || v > 255)
		return -TERN_EINVAL;
	*out = (uint8_t)v;
	return 0;
}

static int read_control4(struct out *o, const struct cmsg_in *c)
{
	switch (c->type) {
	case TERN_IP_PKTINFO:
		return read_pktinfo(o, c, false);
	case TERN_IP_TTL:
		return read_number(c, 1, &o->ttl);
	case TERN_IP_TOS:
		return read_number(c, 0, &o->tos);
	case TERN_IP_RECVORIGDSTADDR:
		return read_origdst(o, c);
	default:
		return -TERN_EINVAL;
	}
}

static int read_control6(struct out *o, const struct cmsg_in *c)
{
	switch (c->type) {
	case TERN_IPV6_PKTINFO:
		return read_pktinfo(o, c, true);
	case TERN_IPV6_HOPLIMIT:
		return read_number(c, 1, &o->ttl);
	case TERN_IPV6_TCLASS:
		return read_number(c, 0, &o->tos);
	case TERN_IPV6_RECVORIGDSTADDR:
		return read_origdst(o, c);
	default:
		return -TERN_EINVAL;
	}
}

static int read_segment(struct out *o, const struct cmsg_in *c)
{
	uint16_t segment;

	if (c->type != TERN_UDP_SEGMENT || c->len != sizeof(segment))
		return -TERN_EINVAL;
	memcpy(&segment, c->data, sizeof(segment));
	o->segment = segment;
	return 0;
}

/* Messages of the other family's level are ignored, as on Linux. */
static int read_control(struct out *o, const struct tern_msg *msg)
{
	struct cmsg_in c;
	size_t off = 0;
	int more, err;

	while ((more = cmsg_next(msg->control, msg->control_len, &off, &c)) >
	       0) {
		err = 0;
		if (c.level == TERN_IPPROTO_IP && !o->v6)
			err = read_control4(o, &c);
		else if (c.level == TERN_IPPROTO_IPV6)
			err = o->v6 || c.type == TERN_IPV6_PKTINFO ?
				      read_control6(o, &c) :
				      0;
		else if (c.level == TERN_IPPROTO_UDP)
			err = read_segment(o, &c);
		else if (c.level != TERN_IPPROTO_IP)
			err = -TERN_EINVAL;
		if (err)
			return err;
	}
	return more;
}

/* Where to. */
static int set_destination(struct udp_sock *s, const struct tern_msg *msg,
			   struct out *o)
{
	const struct tern_sockaddr *name = msg->name;

	o->link = s->bound_link ? s->bound_link : -1;
	if (name) {
		if (!name->port)
			return -TERN_EINVAL;
		o->dst = name->addr;
		o->dport = name->port;
		o->flow = name->flowinfo & 0xfffff;
		if (!ip_is_v4(&o->dst) && name->scope_id &&
		    ip_is_link_local(&o->dst))
			o->link = ip_link_of((int)name->scope_id);
	} else {
		if (!s->connected)
			return -TERN_EDESTADDRREQ;
		if (!s->rport)
			return -TERN_EINVAL;
		o->dst = s->raddr;
		o->dport = s->rport;
	}
	o->v6 = !ip_is_v4(&o->dst);
	if (tern_addr_is_any(&o->dst))
		o->dst = o->v6 ? (struct tern_addr){ { [15] = 1 } } :
				 tern_addr_v4(127, 0, 0, 1);
	if (!udp_covers(s, o->v6))
		return -TERN_ENETUNREACH;
	return 0;
}

/* What the socket says of datagrams of this family, to many or to one. */
static void set_defaults(struct tern_stack *st, struct udp_sock *s,
			 struct out *o)
{
	const struct tern_addr *src = udp_source(st, s);

	o->any_source = udp_any_source(s);
	if (src)
		o->src = *src;
	o->tos = o->v6 ? s->tclass : s->tos;
	o->ttl = o->v6 ? s->hops : s->ttl;
	if (!ip_is_multicast(&o->dst))
		return;
	o->ttl = o->v6 ? s->multi_hops : s->multi_ttl;
	if (o->link < 0)
		o->link = ip_link_of(o->v6 ? s->multi_if6 : s->multi_if);
	if (!o->v6 && !src && !tern_addr_is_any(&s->multi_src))
		o->src = s->multi_src;
}

static int find_path(struct tern_stack *st, struct udp_sock *s,
		     const struct tern_msg *msg, struct out *o)
{
	bool kept = s->connected && !msg->name && !msg->control;
	int err;

	if (kept && s->generation == st->ip.generation) {
		o->path = s->path;
	} else {
		if (o->link >= st->ip.n_links)
			return -TERN_ENODEV;
		err = ip_route_link(st, &o->dst, &o->src, o->any_source,
				    o->link, &o->path);
		if (err == -TERN_ENETUNREACH)
			COUNT(st, IP_OUT_NO_ROUTES);
		if (err)
			return err;
		if (kept) {
			s->path = o->path;
			s->generation = st->ip.generation;
		}
	}
	o->src = o->path.src;
	if (!o->path.loop)
		return 0;
	if (ip_is_multicast(&o->dst))
		o->path.loop = udp_has(s, o->v6 ? UDP_LOOP6 : UDP_LOOP);
	else if (!udp_has(s, UDP_BROADCAST))
		return -TERN_EACCES;
	return 0;
}

/* Bytes of the next datagram. */
static uint32_t next_len(const struct out *o)
{
	uint32_t left = o->len - o->off;

	return o->segment ? min_u32(left, o->segment) : left;
}

/* Does it fit, and may it be cut? Sets *df. */
static int check_size(struct tern_stack *st, const struct udp_sock *s,
		      struct out *o, bool *df)
{
	uint8_t disc = o->v6 ? s->pmtudisc6 : s->pmtudisc;
	uint32_t hdr = o->v6 ? WIRE_IP6_LEN : WIRE_IP4_LEN;
	uint32_t total = next_len(o) + WIRE_UDP_LEN + hdr;
	bool fits;

	/* These go by the link's MTU, whatever was learned. */
	if (disc == UDP_PMTU_PROBE || disc == UDP_PMTU_INTERFACE ||
	    disc == UDP_PMTU_OMIT)
		o->path.mtu = o->path.link_mtu;
	fits = total <= o->path.mtu;
	if (!fits && (disc == UDP_PMTU_DO || disc == UDP_PMTU_PROBE ||
		      o->segment || (o->v6 && udp_has(s, UDP_DONTFRAG6))))
		return (int)o->path.mtu;
	*df = disc == UDP_PMTU_DO || disc == UDP_PMTU_PROBE ||
	      (disc == UDP_PMTU_WANT && fits) || (o->v6 && fits);
	if (o->len + WIRE_UDP_LEN + (o->v6 ? 0 : hdr) > UDP_MAX_LEN)
		return UDP_MAX_LEN;
	return 0;
}

static void finish_csum(struct tern_stack *st, const struct udp_sock *s,
			struct tern_pkt *pkt, const struct out *o)
{
	uint32_t abilities = st->ip.link[o->path.link].abilities;
	uint32_t hdr = o->v6 ? WIRE_IP6_LEN : WIRE_IP4_LEN;
	uint64_t sum;
	uint16_t field;

	if (udp_has(s, UDP_NO_CHECK) && !o->v6)
		return;
	sum = csum_pseudo(&o->src, &o->dst, WIRE_PROTO_UDP, pkt->len);
	if (abilities & TERN_LINK_TX_CSUM && pkt->len + hdr <= o->path.mtu) {
		put_be16(pkt->data + 6, (uint16_t)~csum_fold(sum));
		pkt->csum = TERN_CSUM_PARTIAL;
		pkt->csum_start = (uint16_t)hdr;
		pkt->csum_off = 6;
		return;
	}
	field = csum_fold(csum_add(sum, pkt->data, pkt->len));
	put_be16(pkt->data + 6, field ? field : 0xffff);
}

/* Bytes off .. off + len of the message. */
static void copy_out(uint8_t *p, const struct tern_msg *msg, size_t off,
		     size_t len)
{
	int i;

	for (i = 0; i < msg->n_iov && len; i++) {
		const struct tern_iov *v = &msg->iov[i];
		size_t skip = min_size(off, v->len);
		size_t n = min_size(v->len - skip, len);

		if (n)
			memcpy(p, (const uint8_t *)v->base + skip, n);
		p += n;
		len -= n;
		off -= skip;
	}
}

static struct tern_pkt *build(struct tern_stack *st, const struct udp_sock *s,
			      const struct tern_msg *msg, const struct out *o,
			      uint32_t len)
{
	struct tern_pkt *pkt =
		tern_pkt_new(st->pool, PKT_HEADROOM, WIRE_UDP_LEN + len);
	struct wire_udp u = {
		.sport = o->sport,
		.dport = o->dport,
		.len = (uint16_t)(WIRE_UDP_LEN + len),
	};
	uint8_t *p;

	if (!pkt)
		return NULL;
	p = tern_pkt_append(pkt, WIRE_UDP_LEN + len);
	wire_udp_emit(p, &u);
	copy_out(p + WIRE_UDP_LEN, msg, o->off, len);
	finish_csum(st, s, pkt, o);
	return pkt;
}

/* A queue that is full is the sender's business only if he asked [k]. */
static int output(struct tern_stack *st, struct udp_sock *s,
		  struct tern_pkt *pkt, const struct out *o, bool df)
{
	struct wire_ip h = {
		.src = o->src,
		.dst = o->dst,
		.protocol = WIRE_PROTO_UDP,
		.tos = o->tos,
		.ttl = o->ttl,
		.df = df,
		.flow = o->flow,
	};
	uint32_t size = udp_true_size(pkt->len - WIRE_UDP_LEN);
	int err;

	pkt->flags |= IP_PKT_TOLD_UDP;
	pkt->owner = s->id;
	pkt->cb[0] = size;
	pkt->cb[1] = s->cookie;
	s->wmem += size;
	err = ip_output(st, pkt, &h, &o->path);
	if (err)
		s->wmem -= min_u32(size, s->wmem);
	if (err == -TERN_ENOBUFS) {
		COUNT(st, UDP_SNDBUF_ERRORS);
		if (!udp_has(s, o->v6 ? UDP_RECVERR6 : UDP_RECVERR))
			err = 0;
	}
	if (err)
		return err;
	COUNT(st, UDP_OUT_DATAGRAMS);
	return 0;
}

/* Linux's UDP_MAX_SEGMENTS [k]. */
#define SEGMENTS_MAX 128u

static bool may_segment(const struct udp_sock *s, const struct out *o)
{
	return !o->segment || (o->len <= o->segment * SEGMENTS_MAX &&
			       !udp_has(s, UDP_NO_CHECK));
}

/* One datagram, or as many as UDP_SEGMENT says. Those that have left before an
 * error count. */
static int64_t send_all(struct tern_stack *st, struct udp_sock *s,
			const struct tern_msg *msg, struct out *o, bool df)
{
	do {
		uint32_t len = next_len(o);
		struct tern_pkt *pkt = build(st, s, msg, o, len);
		int err = pkt ? output(st, s, pkt, o, df) : -TERN_ENOBUFS;

		if (err)
			return o->off ? (int64_t)o->off : err;
		o->off += len;
	} while (o->off < o->len);
	return o->len;
}

/* All bytes, or a number that is too large for a datagram. */
static uint32_t length_of(const struct tern_msg *msg)
{
	size_t total = 0;
	int i;

	for (i = 0; i < msg->n_iov && total <= UDP_MAX_LEN; i++)
		total += min_size(msg->iov[i].len, UDP_MAX_LEN + 1);
	return (uint32_t)total;
}

int64_t udp_sendmsg(struct tern_stack *st, uint32_t id,
		    const struct tern_msg *msg, int flags)
{
	struct udp_sock *s = udp_at(st, id);
	struct out o = { .len = length_of(msg), .segment = s->segment };
	bool df = false;
	int err;

	if (o.len > UDP_MAX_LEN)
		return -TERN_EMSGSIZE;
	if (flags & (TERN_MSG_OOB | TERN_MSG_MORE))
		return -TERN_EOPNOTSUPP;
	err = set_destination(s, msg, &o);
	if (err)
		return err;
	set_defaults(st, s, &o);
	if (udp_autobind(st, s))
		return -TERN_EAGAIN;
	o.sport = s->lport;
	err = read_control(&o, msg);
	if (!err)
		err = find_path(st, s, msg, &o);
	if (!err)
		err = udp_take_error(s);
	if (err)
		return err;
	if (s->shut & UDP_SHUT_SND)
		return -TERN_EPIPE;
	if (!o.sport || !may_segment(s, &o))
		return -TERN_EINVAL;
	err = check_size(st, s, &o, &df);
	if (err)
		return udp_error_too_long(st, s, &o.dst, o.dport,
					  (uint32_t)err);
	if (s->wmem >= s->sndbuf)
		return -TERN_EAGAIN;
	/* Multicast with TTL 0 stays inside the host. Deviates: members in this
	 * stack do not get it either. */
	if (ip_is_multicast(&o.dst) && !o.ttl)
		return o.len;
	return send_all(st, s, msg, &o, df);
}
