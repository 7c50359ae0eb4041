// SPDX-License-Identifier: BSD-2-Clause
/*
 * UDP sockets as objects: made, named, asked, closed.
 *
 *	udp_table	who takes a datagram		udp_input	in
 *	udp_bind	ports and addresses		udp_recv	to the program
 *	udp_opts	options				udp_send	out
 *	udp_group	multicast membership		udp_error	ICMP errors
 *
 * Limits: MSG_MORE and UDP_CORK (one datagram from several calls) are not
 * implemented; UDP_GRO (several datagrams to one receive) may be asked for, and
 * never happens.
 */
#include "udp/udp.h"

#include "udp/udp_priv.h"

int udp_init(struct tern_stack *st)
{
	slab_init(&st->udp.socks, &st->mem, sizeof(struct udp_sock),
		  st->cfg.plain_alloc);
	if (!udp_tables_init(st)) {
		slab_fini(&st->udp.socks);
		return -TERN_ENOMEM;
	}
	return 0;
}

void udp_fini(struct tern_stack *st)
{
	uint32_t id;

	while ((id = slab_next(&st->udp.socks, 0)))
		udp_close(st, id);
	udp_tables_fini(st);
	slab_fini(&st->udp.socks);
}

int udp_new(struct tern_stack *st, int family)
{
	uint32_t id = slab_alloc(&st->udp.socks);
	struct udp_sock *s;

	if (!id)
		return -TERN_ENOMEM;
	s = udp_at(st, id);
	s->id = id;
	s->s = -1;
	s->cookie = st->next_cookie++;
	s->family = (uint8_t)family;
	s->multi_ttl = s->multi_hops = 1;
	s->pmtudisc = st->tun.ip_no_pmtu_disc ? UDP_PMTU_DONT : UDP_PMTU_WANT;
	s->pmtudisc6 = UDP_PMTU_WANT;
	/* An IPv6 socket gets IPv4's groups only when it joins them [k]. */
	s->flags = UDP_LOOP | UDP_LOOP6 | UDP_MULTI_ALL6;
	if (family == TERN_AF_INET)
		s->flags |= UDP_MULTI_ALL;
	if (family == TERN_AF_INET6 && st->tun.bindv6only)
		s->flags |= UDP_V6ONLY;
	s->rcvbuf = (uint32_t)st->tun.rmem_default;
	s->sndbuf = (uint32_t)st->tun.wmem_default;
	s->rcvlowat = 1;
	s->max_pacing = UINT32_MAX;
	return (int)id;
}

void udp_attach(struct tern_stack *st, uint32_t id, int s)
{
	udp_at(st, id)->s = s;
}

void udp_close(struct tern_stack *st, uint32_t id)
{
	struct udp_sock *s = udp_at(st, id);

	if (udp_has(s, UDP_ANY))
		st->ip.n_any_udp--;
	udp_unhash(st, s);
	udp_group_leave_all(st, s);
	pktq_drop_all(&s->rx);
	pktq_drop_all(&s->errors);
	slab_free(&st->udp.socks, id);
}

int udp_shutdown(struct tern_stack *st, uint32_t id, int how)
{
	struct udp_sock *s = udp_at(st, id);

	/* Linux does it all the same, and says ENOTCONN [k]. */
	if (how != TERN_SHUT_WR)
		s->shut |= UDP_SHUT_RCV;
	if (how != TERN_SHUT_RD)
		s->shut |= UDP_SHUT_SND;
	udp_post(st, s);
	return s->connected ? 0 : -TERN_ENOTCONN;
}

/* The any-address is written in the socket's own family. */
static void show(const struct udp_sock *s, const struct tern_addr *addr,
		 uint16_t port, struct tern_sockaddr *out)
{
	*out = (struct tern_sockaddr){
		.addr = *addr,
		.family = s->family,
		.port = port,
	};
	if ((s->family == TERN_AF_INET || udp_has(s, UDP_V4ONLY)) &&
	    tern_addr_is_any(addr))
		out->addr = tern_addr_v4(0, 0, 0, 0);
	if (!ip_is_v4(addr) && ip_is_link_local(addr))
		out->scope_id =
			s->bound_link ? (uint32_t)ip_ifindex(s->bound_link) : 0;
}

int udp_getname(struct tern_stack *st, uint32_t id, bool peer,
		struct tern_sockaddr *out)
{
	const struct udp_sock *s = udp_at(st, id);

	if (!peer) {
		show(s, &s->laddr, s->lport, out);
		return 0;
	}
	if (!s->connected || !s->rport)
		return -TERN_ENOTCONN;
	show(s, &s->raddr, s->rport, out);
	return 0;
}

int udp_ioctl(struct tern_stack *st, uint32_t id, unsigned long request,
	      int *value)
{
	const struct udp_sock *s = udp_at(st, id);

	switch (request) {
	case TERN_SIOCINQ:
		/* Of the next datagram, not of all. */
		*value = s->rx.head ? (int)s->rx.head->len : 0;
		return 0;
	case TERN_SIOCOUTQ:
		*value = (int)s->wmem;
		return 0;
	default:
		return -TERN_ENOTTY;
	}
}

uint32_t udp_poll(struct tern_stack *st, uint32_t id)
{
	const struct udp_sock *s = udp_at(st, id);
	uint32_t ready = 0;

	if (s->error || s->errors.n)
		ready |= TERN_POLLERR;
	if (s->shut & UDP_SHUT_RCV)
		ready |= TERN_POLLRDHUP | TERN_POLLIN | TERN_POLLRDNORM;
	if (s->shut == (UDP_SHUT_RCV | UDP_SHUT_SND))
		ready |= TERN_POLLHUP;
	if (s->rx.n)
		ready |= TERN_POLLIN | TERN_POLLRDNORM;
	if (s->wmem < s->sndbuf / 2)
		ready |= TERN_POLLOUT | TERN_POLLWRNORM | TERN_POLLWRBAND;
	return ready;
}

void udp_sent_below(struct tern_stack *st, uint32_t owner, uint32_t bytes,
		    uint64_t cookie)
{
	struct udp_sock *s;
	bool was_full;

	/* The socket may be closed, and its id another's by now. */
	if (!slab_has(&st->udp.socks, owner))
		return;
	s = udp_at(st, owner);
	if (s->cookie != cookie)
		return;
	was_full = s->wmem >= s->sndbuf / 2;
	s->wmem -= min_u32(bytes, s->wmem);
	if (was_full && s->wmem < s->sndbuf / 2)
		udp_post(st, s);
}

void udp_info(struct tern_stack *st, uint32_t id, struct tern_sock_info *out)
{
	const struct udp_sock *s = udp_at(st, id);

	*out = (struct tern_sock_info){
		.s = s->s,
		.protocol = TERN_IPPROTO_UDP,
		.family = s->family,
		.state = s->connected ? TERN_TCP_ESTABLISHED : TERN_TCP_CLOSE,
		.rx_queue = s->rmem,
		.tx_queue = s->wmem,
		.timer_at = TERN_NEVER,
		.cookie = s->cookie,
	};
	show(s, &s->laddr, s->lport, &out->local);
	show(s, &s->raddr, s->rport, &out->remote);
}
