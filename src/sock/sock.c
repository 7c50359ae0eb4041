// SPDX-License-Identifier: BSD-2-Clause
/*
 * Socket numbers, and the protocols behind them.
 *
 * A number is a slot (base/slots.h) that names a protocol's row and the slab
 * id of its object. To make a socket: the object first, then the number; to
 * accept one: the number first, so that a connection for which there is none
 * stays in the listener's queue, as Linux takes a descriptor first.
 *
 * ICMP sockets are not implemented: as on a Linux whose ping_group_range is
 * the default's "1 0" they answer EACCES, which ping and its kin know how to
 * meet. Raw sockets answer EPERM, as to a program without privileges.
 */
#include "sock/sock.h"

#include "sock/sock_priv.h"

static const struct sock_proto protos[] = {
	[SLOT_TCP] = {
		.type = TERN_SOCK_STREAM,
		.protocol = TERN_IPPROTO_TCP,
		.new = tcp_new,
		.attach = tcp_attach,
		.close = tcp_close,
		.bind = tcp_bind,
		.listen = tcp_listen,
		.connect = tcp_connect,
		.accept = tcp_accept,
		.sendmsg = tcp_sendmsg,
		.recvmsg = tcp_recvmsg,
		.recv_frags = tcp_recv_frags,
		.shutdown = tcp_shutdown,
		.getsockopt = tcp_getsockopt,
		.setsockopt = tcp_setsockopt,
		.getname = tcp_getname,
		.ioctl = tcp_ioctl,
		.poll = tcp_poll,
		.syn_next = tcp_syn_next,
	},
	[SLOT_UDP] = {
		.type = TERN_SOCK_DGRAM,
		.protocol = TERN_IPPROTO_UDP,
		.new = udp_new,
		.attach = udp_attach,
		.close = udp_close,
		.bind = udp_bind,
		.connect = udp_connect,
		.sendmsg = udp_sendmsg,
		.recvmsg = udp_recvmsg,
		.shutdown = udp_shutdown,
		.getsockopt = udp_getsockopt,
		.setsockopt = udp_setsockopt,
		.getname = udp_getname,
		.ioctl = udp_ioctl,
		.poll = udp_poll,
	},
};

/* Linux's bounds: NPROTO, SOCK_MAX, IPPROTO_MAX. */
#define FAMILIES 46
#define TYPES 11
#define TYPE_FLAGS (~0xf)
#define PROTOCOLS 263

int sock_find(struct tern_stack *st, int s, struct sock *out)
{
	const struct slot *slot = slots_at(&st->slots, s);

	if (!slot)
		return -TERN_EBADF;
	out->proto = &protos[slot->kind];
	out->id = slot->obj;
	out->family = slot->v6 ? TERN_AF_INET6 : TERN_AF_INET;
	return 0;
}

/* Which errors come first is Linux's order. Types carry no flags here: a
 * socket never blocks, and no program is replaced. */
static int check_kind(int64_t family, int64_t type, int64_t protocol)
{
	if (type & TYPE_FLAGS)
		return -TERN_EINVAL;
	if (family < 0 || family >= FAMILIES)
		return -TERN_EAFNOSUPPORT;
	if (type >= TYPES)
		return -TERN_EINVAL;
	if (family != TERN_AF_INET && family != TERN_AF_INET6)
		return -TERN_EAFNOSUPPORT;
	if (protocol < 0 || protocol >= PROTOCOLS)
		return -TERN_EINVAL;
	return 0;
}

static bool is_icmp(int64_t family, int64_t protocol)
{
	return protocol == (family == TERN_AF_INET ? TERN_IPPROTO_ICMP :
						     TERN_IPPROTO_ICMPV6);
}

/* The kind of slot for a type and protocol, or -errno. */
static int find_kind(int64_t family, int64_t type, int64_t protocol)
{
	size_t i;

	if (type == TERN_SOCK_RAW)
		return protocol ? -TERN_EPERM : -TERN_EPROTONOSUPPORT;
	for (i = 0; i < ARRAY_LEN(protos); i++) {
		if (!protos[i].type || protos[i].type != type)
			continue;
		if (!protocol || protocol == protos[i].protocol)
			return (int)i;
		if (type == TERN_SOCK_DGRAM && is_icmp(family, protocol))
			return -TERN_EACCES;
		return -TERN_EPROTONOSUPPORT;
	}
	return -TERN_ESOCKTNOSUPPORT;
}

int64_t sock_socket(struct tern_stack *st, struct call *c)
{
	int kind, id, s;

	kind = check_kind(c->arg[0], c->arg[1], c->arg[2]);
	if (!kind)
		kind = find_kind(c->arg[0], c->arg[1], c->arg[2]);
	if (kind < 0)
		return kind;
	id = protos[kind].new(st, (int)c->arg[0]);
	if (id < 0)
		return id;
	s = slots_take(&st->slots, (enum slot_kind)kind, (uint32_t)id);
	if (s < 0) {
		protos[kind].close(st, (uint32_t)id);
		return s;
	}
	slots_at(&st->slots, s)->v6 = c->arg[0] == TERN_AF_INET6;
	protos[kind].attach(st, (uint32_t)id, s);
	return s;
}

int64_t sock_bind(struct tern_stack *st, struct call *c)
{
	struct tern_sockaddr addr;
	struct sock sk;
	int error = sock_find(st, c->s, &sk);

	if (!error)
		error = sock_addr_bind(st, &sk, c->in, &addr);
	return error ? error : sk.proto->bind(st, sk.id, &addr);
}

int64_t sock_listen(struct tern_stack *st, struct call *c)
{
	struct sock sk;
	int error = sock_find(st, c->s, &sk);

	if (error)
		return error;
	if (!sk.proto->listen)
		return -TERN_EOPNOTSUPP;
	return sk.proto->listen(st, sk.id, (int)c->arg[0]);
}

int64_t sock_connect(struct tern_stack *st, struct call *c)
{
	struct tern_sockaddr addr;
	struct sock sk;
	int error = sock_find(st, c->s, &sk);

	if (!error)
		error = sock_addr_connect(st, &sk, c->in, &addr);
	return error ? error : sk.proto->connect(st, sk.id, &addr);
}

/* Who accepted may register for events only now, when data may already have
 * come: an accepted socket is news by itself. */
static void welcome(struct tern_stack *st, const struct sock *sk, int s, int id)
{
	struct slot *slot = slots_at(&st->slots, s);

	slot->obj = (uint32_t)id;
	slot->v6 = sk->family == TERN_AF_INET6;
	sk->proto->attach(st, (uint32_t)id, s);
	slots_post(&st->slots, s);
}

int64_t sock_accept(struct tern_stack *st, struct call *c)
{
	struct tern_sockaddr *peer = c->out, from;
	struct sock sk;
	int error = sock_find(st, c->s, &sk);
	int s, id;

	if (error)
		return error;
	if (!sk.proto->accept)
		return -TERN_EOPNOTSUPP;
	s = slots_take(&st->slots, (enum slot_kind)(sk.proto - protos), 0);
	if (s < 0)
		return s;
	id = sk.proto->accept(st, sk.id, &from);
	if (id < 0) {
		slots_give(&st->slots, s);
		return id;
	}
	welcome(st, &sk, s, id);
	if (!peer)
		return s;
	*peer = from;
	c->out_len = sizeof(*peer);
	return s;
}

int64_t sock_shutdown(struct tern_stack *st, struct call *c)
{
	struct sock sk;
	int error = sock_find(st, c->s, &sk);

	if (error)
		return error;
	if (c->arg[0] < TERN_SHUT_RD || c->arg[0] > TERN_SHUT_RDWR)
		return -TERN_EINVAL;
	return sk.proto->shutdown(st, sk.id, (int)c->arg[0]);
}

int64_t sock_close(struct tern_stack *st, struct call *c)
{
	struct sock sk;
	int error = sock_find(st, c->s, &sk);

	if (error)
		return error;
	sk.proto->close(st, sk.id);
	slots_give(&st->slots, c->s);
	return 0;
}

int sock_getname(struct tern_stack *st, int s, bool peer,
		 struct tern_sockaddr *out)
{
	struct sock sk;
	int error = sock_find(st, s, &sk);

	return error ? error : sk.proto->getname(st, sk.id, peer, out);
}
