// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of intercepted calls; finding the socket that a call means;
 * waiting calls; and the handlers that are too small for a file.
 *
 * A handler returns the call's result, or that the kernel shall do it
 * (ANSWER_CONTINUE), or that it waits (call_wait). A call that waits is kept
 * with its socket; whenever something happens to the socket, each is handled
 * again from the start. So there is one path for a call that is first made,
 * woken, timed out, or made again after a signal.
 */
#include "runner_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

/* Gives the caller `fd` as sock's end; `error` (or 0) is how it went so far. */
static int64_t give_socket(struct call *c, struct rsock *sock, int fd,
			   int error)
{
	int cloexec = (int)c->arg[1] & SOCK_CLOEXEC;
	int n = error ? error : call_answer_fd(c, fd, cloexec);

	if (n < 0)
		sock_free(sock);
	else
		sock->hint_tid = c->tid, sock->hint_fd = n;
	close(fd);
	return n < 0 ? n : ANSWER_DONE;
}

static int64_t open_netlink(struct call *c)
{
	int flags = (int)c->arg[1] & SOCK_NONBLOCK;
	int protocol = (int)c->arg[2];
	struct rsock *sock;
	int ends[2];

	if (protocol != NETLINK_ROUTE && protocol != NETLINK_SOCK_DIAG)
		return ANSWER_CONTINUE;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | flags, 0, ends) < 0)
		return -ENFILE;
	sock = sock_new(c->runner, AF_NETLINK, SOCK_RAW, protocol);
	if (!sock) {
		close(ends[0]);
		close(ends[1]);
		return -ENOBUFS;
	}
	sock_learn(sock, ends[0]);
	sock_watch_close(sock, ends[0]);
	return give_socket(c, sock, ends[0], netlink_open(sock, ends[1]));
}

static int64_t call_socket(struct call *c)
{
	struct runner *r = c->runner;
	int family = (int)c->arg[0];
	int flags = (int)c->arg[1] & SOCK_NONBLOCK;
	int type = (int)c->arg[1] & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
	bool is_stream = type == SOCK_STREAM;
	struct rsock *sock;
	int fd, n;

	n = spare_need(r);
	if (n < 0)
		return n;
	if (family == AF_NETLINK)
		return open_netlink(c);
	n = tern_socket(r->stack, family, type, (int)c->arg[2],
			host_now(r->host));
	if (n < 0)
		return n;
	fd = socket(AF_UNIX,
		    (is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC |
			    flags,
		    0);
	sock = fd < 0 ? NULL : sock_new(r, family, type, (int)c->arg[2]);
	if (!sock) {
		tern_close(r->stack, n, host_now(r->host));
		if (fd >= 0)
			close(fd);
		return -ENFILE;
	}
	sock->s = n;
	sock_learn(sock, fd);
	sock_watch_close(sock, fd);
	host_watch_sock(r->host, n, is_stream ? pump_on_stack : dgram_on_stack,
			sock);
	return give_socket(c, sock, fd, is_stream ? 0 : dgram_open(sock, fd));
}

/* A thread that lost an answer is back at once after its signal handler. */
#define REPEAT_NS (2 * INT64_C(1000000000))

int64_t call_done(const struct call *c, struct done *d,
		  const struct tern_sockaddr *addr)
{
	d->tid = c->tid;
	d->at = host_now(c->runner->host);
	d->addr = *addr;
	return 0;
}

bool call_is_repeat(const struct call *c, const struct done *d,
		    const struct tern_sockaddr *addr)
{
	return d->tid == c->tid &&
	       host_now(c->runner->host) - d->at < REPEAT_NS &&
	       d->addr.family == addr->family && d->addr.port == addr->port &&
	       tern_addr_equal(&d->addr.addr, &addr->addr);
}

static int64_t call_bind(struct call *c)
{
	struct tern_sockaddr addr;
	int error = addr_from_program(c, c->arg[1], (int)c->arg[2], &addr);

	if (!error && !aside_may_bind(c, addr.port))
		error = -EACCES;
	if (!error)
		error = tern_bind(c->runner->stack, c->sock->s, &addr,
				  host_now(c->runner->host));
	if (!error ||
	    (error == -EINVAL && call_is_repeat(c, &c->sock->bound, &addr)))
		return call_done(c, &c->sock->bound, &addr);
	return error;
}

static int64_t tell_name(struct call *c, int (*get)(struct tern_stack *, int,
						    struct tern_sockaddr *))
{
	struct tern_sockaddr addr;
	int error = get(c->runner->stack, c->sock->s, &addr);

	return error ? error : addr_to_program(c, c->arg[1], c->arg[2], &addr);
}

static int64_t call_getsockname(struct call *c)
{
	return tell_name(c, tern_getsockname);
}

static int64_t call_getpeername(struct call *c)
{
	return tell_name(c, tern_getpeername);
}

static int64_t call_shutdown(struct call *c)
{
	struct rsock *sock = c->sock;
	int how = (int)c->arg[1];
	int result;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	if (sock->type == SOCK_STREAM && sock->state == RSOCK_PAIRED)
		return end_shutdown(sock, c->fd, how);
	result = tern_shutdown(c->runner->stack, sock->s, how,
			       host_now(c->runner->host));
	/* Wakes who waits natively: in accept, or for a datagram. */
	if (result == 0 && sock->state != RSOCK_CONNECTING)
		shutdown(c->fd, how);
	sock_wake(sock);
	return result;
}

static const struct row rows[] = {
	/* call, name, handler, n_once */
	{ SYS_socket, "socket", call_socket },
	{ SYS_bind, "bind", call_bind, 3 },
	{ SYS_listen, "listen", call_listen },
	{ SYS_accept, "accept", call_accept },
	{ SYS_accept4, "accept4", call_accept },
	{ SYS_connect, "connect", call_connect, 3 },
	{ SYS_getsockname, "getsockname", call_getsockname },
	{ SYS_getpeername, "getpeername", call_getpeername },
	{ SYS_getsockopt, "getsockopt", call_getsockopt, 5 },
	{ SYS_setsockopt, "setsockopt", call_setsockopt, 5 },
	{ SYS_shutdown, "shutdown", call_shutdown },
	{ SYS_ioctl, "ioctl", call_ioctl },
	{ SYS_sendto, "sendto", call_sendto, 6 },
	{ SYS_recvfrom, "recvfrom", call_recvfrom, 6 },
	{ SYS_sendmsg, "sendmsg", call_sendmsg, 3 },
	{ SYS_recvmsg, "recvmsg", call_recvmsg, 3 },
	{ SYS_sendmmsg, "sendmmsg", call_sendmmsg, 4 },
	{ SYS_recvmmsg, "recvmmsg", call_recvmmsg, 5 },
};

const struct row *row_find(int nr)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].nr == nr)
			return &rows[i];
	return NULL;
}

/* A thread that calls something else has had its answer: what it makes again
 * after that is no repeat. */
static void forget_done(const struct call *c, struct rsock *sock)
{
	if (c->nr != SYS_bind && sock->bound.tid == c->tid)
		sock->bound.tid = 0;
	if (c->nr != SYS_connect && sock->connected.tid == c->tid)
		sock->connected.tid = 0;
}

/* The result of a call on a descriptor, once it is clear whose it is. */
static int64_t handle_by_fd(struct call *c)
{
	int64_t result;

	c->fd = call_dup(c, (int)c->arg[0]);
	if (c->fd < 0)
		return c->fd;
	c->sock = sock_of_fd(c->runner, c->fd);
	if (c->sock) {
		c->sock->hint_tid = c->tid;
		c->sock->hint_fd = (int)c->arg[0];
		forget_done(c, c->sock);
		/* Accepted natively after a RST: first seen now. */
		if (c->sock->is_reset && c->sock->state == RSOCK_PAIRED)
			end_reset(c->sock);
		result = c->sock->state == RSOCK_NETLINK ? netlink_call(c) :
							   c->row->handle(c);
	} else {
		result = c->nr == SYS_ioctl ? call_ioctl_other(c) :
					      ANSWER_CONTINUE;
	}
	close(c->fd);
	return result;
}

void call_dispatch(struct call *c)
{
	struct runner *r = c->runner;
	int64_t result = -ENOSYS;

	spare_begin(r);
	if (c->row)
		result = c->nr == SYS_socket ? c->row->handle(c) :
					       handle_by_fd(c);
	spare_end(r);
	if (result != ANSWER_LATER && result != ANSWER_DONE)
		call_answer(c, result);
}

bool fd_is_nonblocking(int fd)
{
	return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

/* Handles a waiting call again; `w` is freed. */
static void handle_again(struct call *w)
{
	struct call c = *w;

	if (c.timer >= 0)
		host_cancel(c.runner->host, c.timer);
	free(w);
	c.timer = -1;
	c.is_retry = true;
	/* A signal took it away, and perhaps made it anew. */
	if (call_is_alive(&c))
		call_dispatch(&c);
}

static void on_timeout(void *ctx)
{
	struct call *w = ctx;
	struct call **at = &w->sock->waiting;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	w->timer = -1;
	w->has_timed_out = true;
	handle_again(w);
}

/* When a wait that begins now ends, by SO_RCVTIMEO or SO_SNDTIMEO. */
static int64_t wait_until(const struct call *c, int timeo)
{
	struct timeval tv = { 0, 0 };
	socklen_t len = sizeof(tv);

	getsockopt(c->fd, SOL_SOCKET, timeo, &tv, &len);
	if (tv.tv_sec == 0 && tv.tv_usec == 0)
		return TERN_NEVER;
	return host_now(c->runner->host) + tv.tv_sec * INT64_C(1000000000) +
	       tv.tv_usec * INT64_C(1000);
}

int64_t call_wait(struct call *c, int timeo, int64_t empty)
{
	struct call **at = &c->sock->waiting;
	struct call *w;

	if (c->has_timed_out || fd_is_nonblocking(c->fd))
		return empty;
	w = malloc(sizeof(*w));
	if (!w)
		return -ENOBUFS;
	if (c->until == 0)
		c->until = wait_until(c, timeo);
	*w = *c;
	w->fd = -1;
	w->next = NULL;
	w->timer = -1;
	if (c->until != TERN_NEVER)
		w->timer = host_at(c->runner->host, c->until, on_timeout, w);
	while (*at)
		at = &(*at)->next;
	*at = w;
	return ANSWER_LATER;
}

void sock_wake(struct rsock *sock)
{
	struct call *w = sock->waiting, *next;

	/* Who waits on goes into the list again; the socket may be freed. */
	sock->waiting = NULL;
	for (; w; w = next) {
		next = w->next;
		handle_again(w);
	}
}

void sock_drop_waiting(struct rsock *sock, int64_t result)
{
	struct call *w;

	while ((w = sock->waiting)) {
		sock->waiting = w->next;
		if (w->timer >= 0)
			host_cancel(w->runner->host, w->timer);
		call_answer(w, result);
		free(w);
	}
}
