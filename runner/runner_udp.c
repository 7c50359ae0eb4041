// SPDX-License-Identifier: BSD-2-Clause
/*
 * Datagrams: UDP, and whatever else of SOCK_DGRAM the stack has (ping
 * sockets).
 *
 * The program's end is an AF_UNIX datagram socket with a name; the runner's
 * end is connected to it. What the stack receives is sent there, so poll and
 * native receives work. Who a datagram is from, and its control messages, are
 * in the *name of the socket it is sent from*: the kernel keeps it with the
 * datagram, in whatever order and by whatever call they are taken. Such
 * senders are made as needed and a few are kept.
 *
 *	unconnected	sender named 's' address control ---> program's end
 *			program's end: sendto with an address is notified
 *	connected	runner's end <--> program's end: native send works too,
 *			and the address is the peer's; only the runner's
 *			end can send to it, so strangers cannot
 *
 * An unconnected program's end has room for max_dgram_qlen datagrams (a
 * sysctl, 10 and more); the others wait in the stack's receive buffer, where
 * SO_RCVBUF counts them. The runner's end polls writable when there is room.
 *
 * An ICMP error for a connected socket makes its next call fail: the program's
 * end gets an error when the runner's end lets go of it with a datagram
 * unread, so one is sent through a duplicate, and the ends are connected
 * again. Native calls then say ECONNRESET; notified ones, and SO_ERROR, the
 * true errno (deviates).
 *
 * Deviates: send without an address on an unconnected socket gives ENOTCONN,
 * not EDESTADDRREQ; datagrams that were queued when connect() was called are
 * told as the peer's.
 */
#include "runner_priv.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SENDERS 64

/* Names are short: address 26 bytes, the rest for control messages. */
#define ADDR_DATA 26
#define SENDER_DATA 90 /* 107 - 1 - NAME_PREFIX_LEN */

/* Bytes that one datagram of 64 KiB takes, several times over. */
#define SENDER_SNDBUF (1 << 20)

struct senders {
	struct sender {
		uint8_t data[SENDER_DATA];
		size_t len;
		int fd; /* or -1 */
	} of[SENDERS];
	unsigned next;
};

int dgram_init(struct runner *r)
{
	r->senders = calloc(1, sizeof(*r->senders));
	if (!r->senders)
		return -ENOMEM;
	for (int i = 0; i < SENDERS; i++)
		r->senders->of[i].fd = -1;
	return 0;
}

void dgram_fini(struct runner *r)
{
	for (int i = 0; r->senders && i < SENDERS; i++)
		if (r->senders->of[i].fd >= 0)
			close(r->senders->of[i].fd);
	free(r->senders);
}

static void enlarge(int fd)
{
	int bytes = SENDER_SNDBUF;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static int open_end(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		enlarge(fd);
	return fd;
}

int dgram_open(struct rsock *sock, int fd)
{
	struct sockaddr_un name;
	socklen_t len = name_make_id(sock->runner, sock->id, &name);
	int end = open_end();
	int error = end < 0 ? -errno : 0;

	sock->state = RSOCK_DGRAM;
	if (!error && (bind(fd, (void *)&name, len) < 0 ||
		       connect(end, (void *)&name, len) < 0)) {
		error = -errno;
		close(end);
	}
	if (!error)
		sock_set_end(sock, end, dgram_on_end);
	return error;
}

/* Control messages of a datagram, as short as they go: level, type, length,
 * bytes. What has no room is left out. */
static size_t pack_control(const struct tern_msg *msg, uint8_t *out,
			   size_t room)
{
	struct msghdr h = { .msg_control = msg->control,
			    .msg_controllen = msg->control_len };
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
		size_t len = c->cmsg_len - CMSG_LEN(0);

		if (n + 3 + len > room)
			break;
		out[n++] = (uint8_t)c->cmsg_level;
		out[n++] = (uint8_t)c->cmsg_type;
		out[n++] = (uint8_t)len;
		memcpy(out + n, CMSG_DATA(c), len);
		n += len;
	}
	return n;
}

static size_t unpack_control(const uint8_t *in, size_t n, uint8_t *out,
			     size_t room)
{
	struct msghdr h = { .msg_control = out, .msg_controllen = room };
	struct cmsghdr *c;
	size_t used = 0;

	memset(out, 0, room);
	c = CMSG_FIRSTHDR(&h);
	while (c && n >= 3 && n >= 3u + in[2] &&
	       used + CMSG_SPACE(in[2]) <= room) {
		c->cmsg_level = in[0];
		c->cmsg_type = in[1];
		c->cmsg_len = CMSG_LEN(in[2]);
		memcpy(CMSG_DATA(c), in + 3, in[2]);
		used += CMSG_SPACE(in[2]);
		n -= 3u + in[2];
		in += 3u + in[2];
		c = (struct cmsghdr *)(void *)(out + used);
	}
	return used;
}

static size_t pack_sender(const struct tern_msg *msg, uint8_t *out)
{
	const struct tern_sockaddr *a = msg->name;
	uint16_t family = a->family;

	out[0] = 's';
	memcpy(out + 1, a->addr.b, sizeof(a->addr.b));
	memcpy(out + 17, &a->port, sizeof(a->port));
	memcpy(out + 19, &family, sizeof(family));
	memcpy(out + 21, &a->scope_id, sizeof(a->scope_id));
	out[25] = 0;
	return ADDR_DATA +
	       pack_control(msg, out + ADDR_DATA, SENDER_DATA - ADDR_DATA);
}

/* Whom a datagram is from: false if the name is no sender's. */
static bool unpack_sender(const struct runner *r,
			  const struct sockaddr_un *name, socklen_t len,
			  struct message *m)
{
	const uint8_t *data;
	int n = name_data(r, name, len, &data);

	if (n < ADDR_DATA || data[0] != 's')
		return false;
	memset(&m->name, 0, sizeof(m->name));
	memcpy(m->name.addr.b, data + 1, sizeof(m->name.addr.b));
	memcpy(&m->name.port, data + 17, sizeof(m->name.port));
	memcpy(&m->name.family, data + 19, sizeof(m->name.family));
	memcpy(&m->name.scope_id, data + 21, sizeof(m->name.scope_id));
	m->control_len = unpack_control(data + ADDR_DATA, (size_t)n - ADDR_DATA,
					m->control, m->control_len);
	return true;
}

/* A socket with this name, to send from. */
static int sender_for(struct runner *r, const struct tern_msg *msg)
{
	struct senders *all = r->senders;
	uint8_t data[SENDER_DATA];
	size_t len = pack_sender(msg, data);
	struct sockaddr_un name;
	struct sender *s;
	socklen_t name_len;

	for (int i = 0; i < SENDERS; i++) {
		s = &all->of[i];
		if (s->fd >= 0 && s->len == len &&
		    memcmp(s->data, data, len) == 0)
			return s->fd;
	}
	s = &all->of[all->next++ % SENDERS];
	if (s->fd >= 0)
		close(s->fd); /* what it has sent keeps the name */
	s->fd = open_end();
	memcpy(s->data, data, len);
	s->len = len;
	name_len = name_make(r, data, len, &name);
	if (s->fd >= 0 && bind(s->fd, (void *)&name, name_len) < 0) {
		close(s->fd);
		s->fd = -1;
	}
	return s->fd;
}

/* An error that the stack has for the socket becomes the program's. */
static void raise_error(struct rsock *sock, int error)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_un name;
	socklen_t len = name_make_id(sock->runner, sock->id, &name);
	int fd = error && sock->is_peered ? sock_find_end(sock) : -1;

	if (fd < 0)
		return;
	sock->error = error;
	send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
	connect(sock->end, &none, sizeof(none.sa_family));
	connect(sock->end, (void *)&name, len);
}

/* One datagram from the stack to the program. False when there is none. */
static bool fill_one(struct rsock *sock)
{
	struct runner *r = sock->runner;
	struct tern_sockaddr from = { .family = AF_UNSPEC };
	struct tern_iov iov = { r->scratch, SCRATCH_LEN };
	struct tern_msg msg = { .name = &from,
				.iov = &iov,
				.n_iov = 1,
				.control = r->control,
				.control_len = CONTROL_MAX };
	int64_t n = tern_recvmsg(r->stack, sock->s, &msg, 0, sock_now(sock));
	struct sockaddr_un name;
	socklen_t len;
	int fd;

	if (n < 0) {
		if (n != -EAGAIN)
			raise_error(sock, (int)-n);
		return false;
	}
	/* The kernel lets nobody but its peer send to a connected end:
	 * control messages then have no way. */
	if (sock->is_peered) {
		send(sock->end, r->scratch, (size_t)n, MSG_NOSIGNAL);
		return true;
	}
	fd = sender_for(r, &msg);
	len = name_make_id(r, sock->id, &name);
	if (fd >= 0)
		sendto(fd, r->scratch, (size_t)n, MSG_NOSIGNAL, (void *)&name,
		       len);
	return true;
}

/* Asking also has the kernel tell us when there is room again. */
static bool has_room(const struct rsock *sock)
{
	struct pollfd p = { sock->end, POLLOUT, 0 };

	return poll(&p, 1, 0) > 0 && p.revents & POLLOUT;
}

static void fill(struct rsock *sock)
{
	while (has_room(sock) && fill_one(sock))
		;
}

/* What the program has sent natively, to the stack. */
static void drain(struct rsock *sock)
{
	struct runner *r = sock->runner;
	int64_t sent = 0, told = 0;
	ssize_t n;

	while (tern_poll(r->stack, sock->s) & TERN_POLLOUT &&
	       (n = recv(sock->end, r->scratch, SCRATCH_LEN, MSG_DONTWAIT)) >=
		       0) {
		sent = tern_send(r->stack, sock->s, r->scratch, (size_t)n, 0,
				 sock_now(sock));
		if (sent >= 0 || sent == -EAGAIN)
			continue;
		/* An error of an earlier datagram, instead of sending this
		 * one. The program was told that this one was sent. */
		told = -sent;
		tern_send(r->stack, sock->s, r->scratch, (size_t)n, 0,
			  sock_now(sock));
	}
	raise_error(sock, (int)told);
}

void dgram_on_end(void *ctx, uint32_t events)
{
	struct rsock *sock = ctx;

	if (events & EPOLLIN)
		drain(sock);
	if (events & EPOLLOUT) {
		fill(sock);
		sock_wake(sock);
	}
}

void dgram_on_stack(void *ctx, int s, uint32_t ready)
{
	struct rsock *sock = ctx;
	int error = 0;
	size_t len = sizeof(error);

	/* Taken from the stack only for who is told: Linux tells an
	 * unconnected socket of none either, unless it asks. */
	if (ready & TERN_POLLERR && sock->is_peered &&
	    tern_getsockopt(sock->runner->stack, sock->s, SOL_SOCKET,
			    TERN_SO_ERROR, &error, &len, sock_now(sock)) == 0)
		raise_error(sock, error);
	drain(sock);
	fill(sock);
	sock_wake(sock);
}

/* A name for the runner's end, for the program's to be connected to. */
static int name_end(struct rsock *sock, struct sockaddr_un *name,
		    socklen_t *len)
{
	uint8_t data[1 + sizeof(sock->id)] = { 'd' };

	memcpy(data + 1, &sock->id, sizeof(sock->id));
	*len = name_make(sock->runner, data, sizeof(data), name);
	if (bind(sock->end, (void *)name, *len) < 0 && errno != EINVAL)
		return -errno;
	return 0; /* EINVAL: it has it already */
}

int64_t dgram_connect(struct call *c, const struct tern_sockaddr *addr)
{
	struct rsock *sock = c->sock;
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_un name;
	socklen_t len;
	int result;

	drain(sock);
	result = tern_connect(c->runner->stack, sock->s, addr, sock_now(sock));
	if (result < 0)
		return result;
	if (addr->family == AF_UNSPEC) {
		sock->is_peered = false;
		connect(c->fd, &none, sizeof(none.sa_family));
		return 0;
	}
	result = name_end(sock, &name, &len);
	if (result == 0 && connect(c->fd, (void *)&name, len) < 0)
		result = -errno;
	sock->is_peered = result == 0;
	return result;
}

int64_t dgram_send(struct call *c, struct message *m)
{
	struct rsock *sock = c->sock;
	struct tern_iov iov = { m->data, m->len };
	struct tern_msg msg = { .name = m->has_name ? &m->name : NULL,
				.iov = &iov,
				.n_iov = 1,
				.control = m->control_len ? m->control : NULL,
				.control_len = m->control_len };
	int64_t n;
	int error;

	drain(sock);
	error = message_reload(c, m);
	if (error)
		return error;
	n = tern_sendmsg(c->runner->stack, sock->s, &msg, m->flags,
			 sock_now(sock));
	if (n == -EAGAIN && !(m->flags & MSG_DONTWAIT))
		return call_wait(c, SO_SNDTIMEO, -EAGAIN);
	return n;
}

/* The error queue is the stack's. */
static int64_t recv_error(struct call *c, struct message *m)
{
	struct tern_iov iov = { m->data, m->len };
	struct tern_msg msg = { .name = &m->name,
				.iov = &iov,
				.n_iov = 1,
				.control = m->control,
				.control_len = m->control_len };
	int64_t n = tern_recvmsg(c->runner->stack, c->sock->s, &msg, m->flags,
				 sock_now(c->sock));

	if (n < 0)
		return n;
	m->has_name = m->name.family != AF_UNSPEC;
	m->control_len = msg.control_len;
	m->flags = msg.flags;
	return n;
}

static int64_t failed_recv(struct call *c, const struct message *m, int error)
{
	struct rsock *sock = c->sock;

	if (error == EAGAIN && !(m->flags & MSG_DONTWAIT))
		return call_wait(c, SO_RCVTIMEO, -EAGAIN);
	if (error == ECONNRESET && sock->error) {
		error = sock->error;
		sock->error = 0;
	}
	return -error;
}

int64_t dgram_recv(struct call *c, struct message *m)
{
	struct rsock *sock = c->sock;
	struct sockaddr_un name;
	struct iovec iov = { m->data, m->len };
	struct msghdr h = { .msg_name = &name,
			    .msg_namelen = sizeof(name),
			    .msg_iov = &iov,
			    .msg_iovlen = 1 };
	ssize_t n;

	m->name.family = AF_UNSPEC;
	if (m->flags & MSG_ERRQUEUE)
		return recv_error(c, m);
	fill(sock);
	n = recvmsg(c->fd, &h, m->flags | MSG_PEEK | MSG_DONTWAIT);
	if (n < 0)
		return failed_recv(c, m, errno);
	m->is_shown = !(m->flags & MSG_PEEK);
	m->has_name = unpack_sender(c->runner, &name, h.msg_namelen, m);
	if (!m->has_name) {
		m->control_len = 0;
		m->has_name = tern_getpeername(c->runner->stack, sock->s,
					       &m->name) == 0;
	}
	m->flags = h.msg_flags & (MSG_TRUNC | MSG_ERRQUEUE);
	return n;
}
