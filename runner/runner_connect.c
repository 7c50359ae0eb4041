// SPDX-License-Identifier: BSD-2-Clause
/*
 * connect(): the stack's handshake, and the pair that stands for it.
 *
 * The program's end is connected in place, at once, through a duplicate, so
 * that dups and epoll registrations hold. While the stack is at its handshake
 * the pair must poll nothing: it is stuffed with bytes until it is full. The
 * handshake's end shows as TCP's does:
 *
 *	connected	the runner takes the stuffing out: writable, one edge;
 *			the buffer is widened when the program writes, as that
 *			makes an edge too
 *	failed		the runner's end is closed over it: all of IN, OUT, ERR,
 *			HUP; SO_ERROR is the stack's
 *
 * A pair that is spent (failed, reset, or dissolved by AF_UNSPEC) cannot be
 * connected again: a new end then replaces it under the caller's number. Dups
 * and epoll registrations of the old one do not follow (deviates).
 */
#include "runner_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* SO_SNDBUF of a connected program's end: the kernel's default, which doubles
 * what is set. */
#define PAIR_SNDBUF 106496

/* The runner's end of the connection that fd has just made to `meet`. A
 * stranger who found the name is known by his process. */
static int meet_end(struct runner *r)
{
	for (;;) {
		struct ucred who = { 0 };
		socklen_t len = sizeof(who);
		int end = accept4(r->meet, NULL, NULL,
				  SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (end < 0 && spare_helps(r, -errno))
			continue;
		if (end < 0)
			return -errno;
		getsockopt(end, SOL_SOCKET, SO_PEERCRED, &who, &len);
		if (who.pid == getpid())
			return end;
		close(end);
	}
}

/* Fills the program's end, at its smallest SO_SNDBUF; returns how many. */
static uint32_t stuff(int fd)
{
	uint32_t n = 0;

	while (send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
		n++;
	return n;
}

/* Makes fd one end of a pair. With stuffing it polls nothing. */
static int make_pair(struct rsock *sock, int fd, bool is_stuffed)
{
	struct runner *r = sock->runner;
	int end, least = 0;

	sock->is_narrow = is_stuffed;
	if (is_stuffed)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
	if (connect(fd, (void *)&r->meet_name, r->meet_name_len) < 0)
		return -errno;
	end = meet_end(r);
	if (end < 0)
		return end;
	sock->n_stuff = is_stuffed ? stuff(fd) : 0;
	sock_set_end(sock, end, pump_on_end);
	return 0;
}

static bool is_cloexec(const struct call *c, int fd)
{
	char path[64], line[128];
	unsigned flags = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", c->tid, fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "flags: %o", &flags) == 1)
			break;
	if (f)
		fclose(f);
	return flags & O_CLOEXEC;
}

int connect_renew(struct call *c)
{
	struct rsock *sock = c->sock;
	int number = (int)c->arg[0];
	int fd = socket(AF_UNIX,
			SOCK_STREAM | SOCK_CLOEXEC |
				(fd_is_nonblocking(c->fd) ? SOCK_NONBLOCK : 0),
			0);
	int error;

	if (fd < 0)
		return -errno;
	error = call_replace_fd(c, fd, number, is_cloexec(c, number));
	if (error) {
		close(fd);
		return error;
	}
	sock_drop_end(sock);
	sock_unwatch_close(sock);
	sock_learn(sock, fd);
	sock_watch_close(sock, fd);
	sock->hint_tid = c->tid;
	sock->hint_fd = number;
	pump_reset(sock);
	sock->state = RSOCK_IDLE;
	close(c->fd);
	c->fd = fd;
	return 0;
}

int connect_begin(struct call *c, bool is_connected)
{
	struct rsock *sock = c->sock;
	int error = spare_need(c->runner);

	if (!error && sock->state == RSOCK_BROKEN)
		error = connect_renew(c);
	if (!error)
		error = make_pair(sock, c->fd, !is_connected);
	if (error) {
		struct tern_sockaddr none = { .family = AF_UNSPEC };

		tern_connect(c->runner->stack, sock->s, &none, sock_now(sock));
		return error;
	}
	sock->state = RSOCK_CONNECTING;
	if (is_connected)
		pump_start(sock);
	return 0;
}

/* AF_UNSPEC: back to an unconnected socket. */
static int64_t dissolve(struct call *c, const struct tern_sockaddr *none)
{
	struct rsock *sock = c->sock;
	int result =
		tern_connect(c->runner->stack, sock->s, none, sock_now(sock));

	if (result < 0 || sock->state == RSOCK_IDLE)
		return result;
	return connect_renew(c);
}

int64_t call_connect(struct call *c)
{
	struct rsock *sock = c->sock;
	struct tern_sockaddr addr;
	int result = addr_from_program(c, c->arg[1], (int)c->arg[2], &addr);

	if (result)
		return result;
	if (sock->type != SOCK_STREAM)
		return dgram_connect(c, &addr);
	if (addr.family == AF_UNSPEC)
		return dissolve(c, &addr);
	/* The stack also knows the outcome of the last one: 0 once after
	 * success, the error after failure. */
	result = tern_connect(c->runner->stack, sock->s, &addr, sock_now(sock));
	if (result == -EINPROGRESS || result == 0) {
		if (sock->state == RSOCK_IDLE || sock->state == RSOCK_BROKEN) {
			int error = connect_begin(c, result == 0);

			if (error)
				return error;
		}
		if (result == 0)
			return call_done(c, &sock->connected, &addr);
	}
	/* Programs that ask this way whether they are connected do not
	 * block. */
	if (result == -EISCONN && !fd_is_nonblocking(c->fd) &&
	    call_is_repeat(c, &sock->connected, &addr))
		return 0;
	if (result == -EINPROGRESS ||
	    (result == -EALREADY && sock->state == RSOCK_CONNECTING))
		return call_wait(c, SO_SNDTIMEO,
				 c->has_timed_out ? -EINPROGRESS : result);
	return result;
}

void connect_widen(struct rsock *sock)
{
	int bytes = PAIR_SNDBUF;
	int fd = sock_find_end(sock);

	sock->is_narrow = false;
	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	close(fd);
}

void connect_on_stack(struct rsock *sock, uint32_t ready)
{
	struct tern_sockaddr peer;

	if (!(ready & (TERN_POLLOUT | TERN_POLLERR | TERN_POLLHUP)))
		return;
	if (ready & (TERN_POLLERR | TERN_POLLHUP) &&
	    tern_getpeername(sock->runner->stack, sock->s, &peer) < 0) {
		sock->state = RSOCK_BROKEN;
		/* Unread stuffing: the program's end gets an error too. */
		sock_drop_end(sock);
		sock_wake(sock);
		return;
	}
	pump_start(sock);
	/* From now on HUP tells the last close. */
	sock_unwatch_close(sock);
	sock_wake(sock);
	pump_on_stack(sock, sock->s, ready);
}
