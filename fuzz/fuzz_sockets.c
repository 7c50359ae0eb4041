// SPDX-License-Identifier: BSD-2-Clause
/*
 * Operations that a program does, or the owner of the stack.
 */
#include "fuzz_kit.h"

static uint8_t data[70000];

static void remember(struct fuzz *f, int s)
{
	if (s < 0)
		return;
	for (uint32_t i = 0; i < min_u32(f->n_socks, FUZZ_SOCKETS); i++)
		if (f->socks[i] == s)
			return;
	f->socks[f->n_socks++ % FUZZ_SOCKETS] = s;
}

static void op_socket(struct fuzz *f)
{
	uint8_t how = fuzz_u8(f);

	remember(f, tern_socket(f->st, how & 1 ? TERN_AF_INET6 : TERN_AF_INET,
				how & 2 ? TERN_SOCK_DGRAM : TERN_SOCK_STREAM, 0,
				f->now));
}

static struct tern_sockaddr name_of(struct fuzz *f)
{
	uint8_t how = fuzz_u8(f);
	bool v6 = how & 1;

	return (struct tern_sockaddr){
		.family = how & 0x80 ? fuzz_u8(f) :
			  v6	     ? TERN_AF_INET6 :
				       TERN_AF_INET,
		.addr = fuzz_addr(f, v6),
		.port = how & 0x40 ? fuzz_u16(f) : fuzz_u8(f) % 5,
	};
}

static void op_bind(struct fuzz *f)
{
	int s = fuzz_sock(f);
	struct tern_sockaddr name = name_of(f);

	tern_bind(f->st, s, &name, f->now);
}

/* A listener at a port that op_open and op_syn go to. */
static void op_listener(struct fuzz *f)
{
	uint8_t how = fuzz_u8(f);
	bool v6 = how & 1;
	struct tern_sockaddr name = {
		.family = v6 ? TERN_AF_INET6 : TERN_AF_INET,
		.port = 1 + (how >> 4) % 4,
	};
	int on = 1;
	int s = tern_socket(f->st, name.family, TERN_SOCK_STREAM, 0, f->now);

	remember(f, s);
	tern_setsockopt(f->st, s, TERN_SOL_SOCKET, TERN_SO_REUSEADDR, &on,
			sizeof(on), f->now);
	if (how & 2)
		tern_setsockopt(f->st, s, TERN_SOL_TERN, TERN_SO_DECIDE, &on,
				sizeof(on), f->now);
	if (how & 4)
		tern_setsockopt(f->st, s, TERN_SOL_TERN, TERN_SO_ANY, &on,
				sizeof(on), f->now);
	tern_bind(f->st, s, &name, f->now);
	tern_listen(f->st, s, how & 8 ? fuzz_u8(f) : 5, f->now);
}

static void op_listen(struct fuzz *f)
{
	int s = fuzz_sock(f);

	tern_listen(f->st, s, (int8_t)fuzz_u8(f), f->now);
}

static void op_connect(struct fuzz *f)
{
	int s = fuzz_sock(f);
	struct tern_sockaddr name = name_of(f);

	tern_connect(f->st, s, &name, f->now);
}

static void op_accept(struct fuzz *f)
{
	struct tern_sockaddr peer;

	remember(f, tern_accept(f->st, fuzz_sock(f), &peer, f->now));
}

static void op_send(struct fuzz *f)
{
	int s = fuzz_sock(f);
	uint32_t n = fuzz_len(f, sizeof(data));
	uint8_t how = fuzz_u8(f);
	int flags = how & 0x80 ? (int)fuzz_u32(f) :
				 (how & 1 ? TERN_MSG_MORE : 0) |
					 (how & 2 ? TERN_MSG_OOB : 0) |
					 (how & 4 ? TERN_MSG_EOR : 0);

	MUST(tern_send(f->st, s, data, n, flags, f->now) <= (int64_t)n);
}

static void op_sendmsg(struct fuzz *f)
{
	int s = fuzz_sock(f);
	struct tern_sockaddr name = name_of(f);
	uint8_t how = fuzz_u8(f);
	uint8_t control[96];
	uint32_t n = fuzz_len(f, 9000);
	struct tern_iov iov[2] = { { data, n }, { data + n, n / 3 } };
	struct tern_msg m = { .iov = iov, .n_iov = 1 + (how & 1) };

	if (how & 2)
		m.name = &name;
	if (how & 4) {
		m.control = control;
		m.control_len = fuzz_u8(f) % sizeof(control);
		fuzz_fill(f, control, m.control_len);
	}
	tern_sendmsg(f->st, s, &m, how & 8 ? (int)fuzz_u32(f) : 0, f->now);
}

static void op_recv(struct fuzz *f)
{
	int s = fuzz_sock(f);
	uint32_t n = fuzz_len(f, sizeof(data));
	uint8_t how = fuzz_u8(f);
	int flags = how & 0x80 ? (int)fuzz_u32(f) :
				 (how & 1 ? TERN_MSG_PEEK : 0) |
					 (how & 2 ? TERN_MSG_OOB : 0) |
					 (how & 4 ? TERN_MSG_TRUNC : 0) |
					 (how & 8 ? TERN_MSG_ERRQUEUE : 0);

	tern_recv(f->st, s, data, n, flags, f->now);
}

static void op_recvmsg(struct fuzz *f)
{
	int s = fuzz_sock(f);
	struct tern_sockaddr name;
	uint8_t control[200];
	uint8_t how = fuzz_u8(f);
	struct tern_iov iov = { data, fuzz_len(f, 9000) };
	struct tern_msg m = {
		.name = how & 1 ? &name : NULL,
		.iov = &iov,
		.n_iov = 1,
		.control = control,
		.control_len = fuzz_u8(f) % sizeof(control),
	};

	tern_recvmsg(f->st, s, &m, how & 2 ? (int)fuzz_u32(f) : 0, f->now);
	MUST(m.control_len <= sizeof(control));
}

static void op_lend(struct fuzz *f)
{
	struct tern_frag frags[5];
	int n = tern_recv_frags(f->st, fuzz_sock(f), frags, fuzz_u8(f) % 6,
				f->now);

	while (n > 0)
		tern_buf_put(frags[--n].buf);
}

static void op_shutdown(struct fuzz *f)
{
	int s = fuzz_sock(f);

	tern_shutdown(f->st, s, fuzz_u8(f) % 4, f->now);
}

static void op_close(struct fuzz *f)
{
	tern_close(f->st, fuzz_sock(f), f->now);
}

static int level_of(uint8_t b)
{
	static const int levels[] = {
		TERN_SOL_SOCKET,  TERN_SOL_SOCKET, TERN_IPPROTO_TCP,
		TERN_IPPROTO_TCP, TERN_IPPROTO_IP, TERN_IPPROTO_IPV6,
		TERN_SOL_TERN,
	};

	return levels[b % ARRAY_LEN(levels)];
}

static void op_set(struct fuzz *f)
{
	int s = fuzz_sock(f);
	uint8_t how = fuzz_u8(f);
	int name = fuzz_u8(f);
	uint8_t value[64];
	size_t n = 4;
	int number = (int)(how & 0x40 ? fuzz_u32(f) : fuzz_u8(f));

	memcpy(value, &number, 4);
	if (how & 0x80) {
		n = fuzz_u8(f) % sizeof(value);
		fuzz_fill(f, value, n);
	}
	tern_setsockopt(f->st, s, level_of(how), name, value, n, f->now);
}

static void op_get(struct fuzz *f)
{
	int s = fuzz_sock(f);
	uint8_t how = fuzz_u8(f);
	int name = fuzz_u8(f);
	uint8_t value[300];
	size_t n = fuzz_len(f, sizeof(value));

	tern_getsockopt(f->st, s, level_of(how), name, value, &n, f->now);
	MUST(n <= sizeof(value));
}

static void op_look(struct fuzz *f)
{
	static const unsigned long requests[] = { TERN_SIOCINQ, TERN_SIOCOUTQ,
						  TERN_SIOCATMARK,
						  TERN_SIOCOUTQNSD };
	int s = fuzz_sock(f), value;
	struct tern_sockaddr name;
	struct tern_event e[4];

	tern_ioctl(f->st, s, requests[fuzz_u8(f) % 4], &value, f->now);
	tern_getsockname(f->st, s, &name);
	tern_getpeername(f->st, s, &name);
	tern_poll(f->st, s);
	tern_events(f->st, e, fuzz_u8(f) % 5);
}

static void op_decide(struct fuzz *f)
{
	struct tern_syn syn;
	uint8_t how = fuzz_u8(f);

	if (!tern_syn_next(f->st, fuzz_sock(f), &syn))
		f->syn_id = syn.id;
	tern_syn_answer(f->st, f->syn_id + (how & 0x80 ? fuzz_u8(f) : 0),
			(enum tern_syn_answer)(how % 6), f->now);
}

static void op_sysctl(struct fuzz *f)
{
	int n = 0;
	const struct tern_tunable *t;
	char value[40], *v = value + sizeof(value);
	uint32_t number;

	while (tern_tunable_at(n))
		n++;
	t = tern_tunable_at(fuzz_u8(f) % n);
	number = (uint32_t)max_i64(t->min, 0) + fuzz_len(f, 0x7fffffff);
	for (*--v = 0; number || !*v; number /= 10)
		*--v = (char)('0' + number % 10);
	tern_sysctl_set(f->st, t->name, v, f->now);
}

static void op_link(struct fuzz *f)
{
	uint8_t how = fuzz_u8(f);
	struct tern_addr a = fuzz_us(how & 1);
	uint32_t mtu;

	switch (how % 4) {
	case 0:
		tern_link_set_up(f->st, f->link, how & 8, f->now);
		break;
	case 1:
		mtu = 68u + fuzz_u16(f) % 9000;
		f->most_mtu = max_u32(f->most_mtu, mtu);
		tern_link_set_mtu(f->st, f->link, mtu, f->now);
		break;
	case 2:
		tern_addr_del(f->st, f->link, &a, f->now);
		break;
	case 3:
		tern_addr_add(f->st, f->link, &a, how & 1 ? 64 : 24, f->now);
		break;
	}
}

static void op_route(struct fuzz *f)
{
	uint8_t how = fuzz_u8(f);
	struct tern_route r = {
		.dst = fuzz_addr(f, how & 1),
		.prefix = fuzz_u8(f) % (how & 1 ? 129 : 33),
		.v6 = how & 1,
		.link = how & 2 ? f->link : fuzz_u8(f) % 3,
		.mtu = how & 4 ? fuzz_u16(f) : 0,
		.advmss = how & 8 ? fuzz_u16(f) : 0,
		.initcwnd = how & 16 ? fuzz_u8(f) : 0,
	};

	if (how & 32)
		tern_route_del(f->st, &r, f->now);
	else
		tern_route_add(f->st, &r, f->now);
}

/* Time goes on: a little, to the next timer, or a long way. */
static void op_wait(struct fuzz *f)
{
	uint8_t how = fuzz_u8(f);
	int64_t due = tern_stack_deadline(f->st);

	if (how < 0x80 && due != NEVER)
		fuzz_time(f, due);
	else if (how < 0xc0)
		fuzz_time(f, f->now + (int64_t)fuzz_u16(f) * NS_PER_US);
	else if (how < 0xf0)
		fuzz_time(f, f->now + (int64_t)fuzz_u16(f) * NS_PER_MS);
	else
		fuzz_time(f, f->now + (int64_t)fuzz_u16(f) * NS_PER_S);
}

static void op_deaf(struct fuzz *f)
{
	f->deaf = fuzz_u8(f) & 1;
}

static void op_no_memory(struct fuzz *f)
{
	f->fail_in = 1u + fuzz_u8(f);
	f->fail_n = 1u + fuzz_u8(f) % 40;
}

const struct fuzz_op fuzz_socket_ops[] = {
	{ "socket", op_socket },
	{ "bind", op_bind },
	{ "listener", op_listener },
	{ "listen", op_listen },
	{ "connect", op_connect },
	{ "accept", op_accept },
	{ "send", op_send },
	{ "sendmsg", op_sendmsg },
	{ "recv", op_recv },
	{ "recvmsg", op_recvmsg },
	{ "lend", op_lend },
	{ "shutdown", op_shutdown },
	{ "close", op_close },
	{ "set", op_set },
	{ "get", op_get },
	{ "look", op_look },
	{ "decide", op_decide },
	{ "sysctl", op_sysctl },
	{ "link", op_link },
	{ "route", op_route },
	{ "wait", op_wait },
	{ "deaf", op_deaf },
	{ "no_memory", op_no_memory },
};
const int fuzz_n_socket_ops = ARRAY_LEN(fuzz_socket_ops);
