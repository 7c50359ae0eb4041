// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random sequences of socket calls on two connected sockets, each result and
 * errno on a line: random_calls FIRST COUNT. What a seed calls and prints is
 * the same on every network that does what Linux does: after each call the
 * program waits, by asking poll() and ioctl(), until all that was sent, ended
 * or reset has come to the other side. Nothing sleeps, nothing depends on time
 * but for time-outs that are meant to run out.
 *
 * The program keeps the books that it needs for that: what is unread, what was
 * shut or closed. It calls nothing that doc/runner.md says is different:
 * reading after SHUT_RD, the first write after a reset.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <linux/sockios.h>
#include <time.h>
#include <unistd.h>

#define MOST 20000    /* unread: below the least of buffers */
#define PATIENCE_S 10 /* for what must come at once */
#define STEPS 24

/* One side of the connection, and what is on its way to be read there. */
static struct side {
	const char *name;
	int fd;		     /* -1: closed */
	int unread;	     /* bytes that the other side sent */
	bool ended, was_set; /* the other side sends no more; was reset */
	bool shut_read, shut_write, aborts; /* what this one did */
	uint8_t next;			    /* of the pattern that it sends */
	int epoll, edge;
	bool is_new; /* something came since `edge` was asked */
} sides[2];

static uint64_t rng;
static unsigned long seed;

static unsigned rnd(unsigned n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)(rng >> 33) % n;
}

static struct side *other(struct side *s)
{
	return s == &sides[0] ? &sides[1] : &sides[0];
}

static void told(const char *call, long result)
{
	if (result < 0)
		printf("%s: %s\n", call, strerrorname_np(errno));
	else
		printf("%s: %ld\n", call, result);
}

static _Noreturn void fail(const char *what)
{
	printf("seed %lu: %s does not come\n", seed, what);
	fflush(stdout);
	exit(1);
}

static int polled(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, 0) > 0 ? p.revents : 0;
}

static int number(int fd, unsigned long request)
{
	int n = -1;

	return ioctl(fd, request, &n) < 0 ? -1 : n;
}

static int state(struct side *s)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	return info.tcpi_state;
}

static bool has_fin(struct side *s)
{
	int is = state(s);

	return is != TCP_ESTABLISHED && is != TCP_FIN_WAIT1 &&
	       is != TCP_FIN_WAIT2;
}

/* Has all that is on its way to `s` come? */
static bool is_quiet(struct side *s)
{
	if (s->fd < 0)
		return true;
	/* HUP alone may be of two FINs. */
	if (s->was_set)
		return state(s) == TCP_CLOSE &&
		       polled(s->fd, 0) & (POLLERR | POLLHUP);
	if (s->shut_read)
		return !s->ended || has_fin(s);
	if (number(s->fd, FIONREAD) != s->unread)
		return false;
	return !s->ended || polled(s->fd, POLLRDHUP) & POLLRDHUP;
}

static void settle(void)
{
	struct timespec from, now;

	clock_gettime(CLOCK_MONOTONIC, &from);
	while (!is_quiet(&sides[0]) || !is_quiet(&sides[1])) {
		sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > from.tv_sec + PATIENCE_S)
			fail("quiet");
	}
}

static long send_some(struct side *s, const uint8_t *data, size_t n, int flags)
{
	struct iovec v[2] = {
		{ (void *)(uintptr_t)data, n / 3 },
		{ (void *)(uintptr_t)(data + n / 3), n - n / 3 },
	};
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	switch (rnd(5)) {
	case 0:
		return write(s->fd, data, n);
	case 1:
		return writev(s->fd, v, 2);
	case 2:
		return sendto(s->fd, data, n, flags, NULL, 0);
	case 3:
		return sendmsg(s->fd, &m, flags);
	default:
		return send(s->fd, data, n, flags);
	}
}

static void do_send(struct side *s)
{
	static const int flags[] = { 0, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_EOR };
	struct side *o = other(s);
	uint8_t data[4000];
	size_t n = 1 + rnd(rnd(3) ? 200 : sizeof(data));
	long sent;

	if (s->was_set || o->shut_read || o->unread + (int)n > MOST)
		return;
	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)(s->next + i);
	sent = send_some(s, data, n, flags[rnd(4)]);
	told("send", sent);
	if (sent <= 0)
		return;
	s->next = (uint8_t)(s->next + sent);
	if (o->fd < 0) { /* who has closed answers with a reset */
		s->was_set = true;
		s->unread = 0;
		return;
	}
	o->unread += (int)sent;
	o->is_new = true;
}

static long recv_some(struct side *s, uint8_t *data, size_t n, int flags)
{
	struct iovec v[2] = { { data, n / 4 }, { data + n / 4, n - n / 4 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	if (flags || rnd(2)) {
		switch (rnd(3)) {
		case 0:
			return recvmsg(s->fd, &m, flags);
		case 1:
			return recvfrom(s->fd, data, n, flags, NULL, NULL);
		default:
			return recv(s->fd, data, n, flags);
		}
	}
	return rnd(2) ? read(s->fd, data, n) : readv(s->fd, v, 2);
}

static void do_recv(struct side *s)
{
	uint8_t data[5000];
	size_t n = 1 + rnd(sizeof(data));
	unsigned sum = 0;
	int flags = 0;
	long got;

	if (s->shut_read)
		return;
	if (rnd(3) == 0)
		flags |= MSG_PEEK;
	if ((int)n <= s->unread && rnd(3) == 0)
		flags |= MSG_WAITALL;
	if (rnd(3) == 0 || (!s->unread && !s->ended && !s->was_set))
		flags |= MSG_DONTWAIT;
	got = recv_some(s, data, n, flags);
	told(flags & MSG_PEEK ? "peek" : "recv", got);
	for (long i = 0; i < got; i++)
		sum = sum * 31 + data[i];
	if (got > 0)
		printf("sum %u\n", sum);
	if (got > 0 && !(flags & MSG_PEEK))
		s->unread -= (int)got;
}

static void do_timeout(struct side *s)
{
	struct timeval tv = { .tv_usec = 1000 }, none = { 0 };
	char c;

	if (s->unread || s->ended || s->was_set || s->shut_read)
		return;
	told("SO_RCVTIMEO",
	     setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	told("recv in time", recv(s->fd, &c, 1, 0));
	setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
}

static void do_poll(struct side *s)
{
	printf("poll: %x\n",
	       (unsigned)polled(s->fd, POLLIN | POLLOUT | POLLRDHUP | POLLPRI));
}

static void do_select(struct side *s)
{
	struct timeval now = { 0 };
	fd_set r, w, e;

	FD_ZERO(&r);
	FD_SET(s->fd, &r);
	w = e = r;
	told("select", select(s->fd + 1, &r, &w, &e, &now));
	printf("sets: %d%d%d\n", !!FD_ISSET(s->fd, &r), !!FD_ISSET(s->fd, &w),
	       !!FD_ISSET(s->fd, &e));
}

static void do_epoll(struct side *s)
{
	struct epoll_event e = { 0 };

	told("epoll_wait", epoll_wait(s->epoll, &e, 1, 0));
	printf("events: %x\n", e.events);
}

/* An edge must be told; that it is told twice doc/runner.md allows. */
static void do_edge(struct side *s)
{
	struct epoll_event e = { 0 };
	int n = epoll_wait(s->edge, &e, 1, 0);

	if (s->is_new)
		printf("edge: %d %x\n", n, e.events & EPOLLIN);
	s->is_new = false;
}

static void do_numbers(struct side *s)
{
	if (!s->was_set && !s->shut_read)
		told("FIONREAD", number(s->fd, FIONREAD));
	told("SIOCATMARK", number(s->fd, SIOCATMARK));
}

static void do_outq(struct side *s)
{
	struct timespec from, now;

	if (s->was_set || other(s)->fd < 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &from);
	while (number(s->fd, SIOCOUTQ) > (s->shut_write ? 1 : 0)) {
		sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > from.tv_sec + PATIENCE_S)
			fail("SIOCOUTQ");
	}
	told("SIOCOUTQNSD", number(s->fd, SIOCOUTQNSD));
}

static void do_shutdown(struct side *s)
{
	struct side *o = other(s);
	int how = (int)rnd(3);

	if (s->was_set || rnd(3))
		return;
	if (how != SHUT_WR && (s->unread || (!s->ended && o->fd < 0)))
		return;
	told("shutdown", shutdown(s->fd, how));
	if (how != SHUT_WR)
		s->shut_read = true;
	if (how != SHUT_RD && !s->shut_write) {
		s->shut_write = o->ended = o->is_new = true;
	}
}

static void do_dup(struct side *s)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP };
	int fd = dup(s->fd);

	printf("dup: %s\n", fd < 0 ? strerrorname_np(errno) : "ok");
	if (fd < 0)
		return;
	epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	epoll_ctl(s->edge, EPOLL_CTL_DEL, s->fd, NULL);
	told("close", close(s->fd));
	s->fd = fd;
	epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e);
	e.events |= EPOLLET;
	epoll_ctl(s->edge, EPOLL_CTL_ADD, fd, &e);
	s->is_new = s->unread > 0;
}

static void do_options(struct side *s)
{
	int v = (int)rnd(2), error = 0;
	socklen_t len = sizeof(error);

	told("TCP_NODELAY",
	     setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &v, sizeof(v)));
	told("SO_KEEPALIVE",
	     setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &v, sizeof(v)));
	told("SO_ERROR", getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len));
	printf("error %d\n", error);
}

static void do_linger(struct side *s)
{
	struct linger l = { .l_onoff = (int)rnd(2) };

	told("SO_LINGER",
	     setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	s->aborts = l.l_onoff;
}

static void do_close(struct side *s)
{
	struct side *o = other(s);
	bool resets = s->aborts || s->unread;

	if (rnd(4))
		return;
	told("close", close(s->fd));
	s->fd = -1;
	if (o->fd < 0 || s->was_set)
		return;
	if (resets && !(s->ended && s->shut_write && !s->aborts)) {
		o->was_set = true;
		o->unread = 0;
	}
	o->ended = o->is_new = true;
}

/* What a connected socket refuses. */
static void do_wrong(struct side *s)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	if (s->was_set || s->shut_read || s->shut_write || s->ended)
		return;
	told("getpeername", getpeername(s->fd, (struct sockaddr *)&a, &len));
	printf("length %u\n", len);
	told("bind", bind(s->fd, (struct sockaddr *)&a, len));
	told("listen", listen(s->fd, 1));
	told("connect", connect(s->fd, (struct sockaddr *)&a, len));
	told("accept", accept(s->fd, NULL, NULL));
	told("recv flags", recv(s->fd, &a, 1, MSG_OOB));
}

typedef void step_fn(struct side *);

static void take_step(struct side *s);

/* A child calls, and its parent goes on with what it left. */
static void do_fork(struct side *s)
{
	int status = -1, books[2];
	pid_t child;

	if (rnd(4) || pipe(books) < 0)
		return;
	fflush(stdout);
	child = fork();
	if (child == 0) {
		(rnd(2) ? do_send : do_recv)(s);
		fflush(stdout);
		_exit(write(books[1], sides, sizeof(sides)) != sizeof(sides));
	}
	waitpid(child, &status, 0);
	told("child", status);
	if (read(books[0], sides, sizeof(sides)) != sizeof(sides))
		fail("the child");
	close(books[0]);
	close(books[1]);
}

static void take_step(struct side *s)
{
	static const struct {
		const char *name;
		step_fn *take;
	} steps[] = {
		{ "send", do_send },	   { "send", do_send },
		{ "send", do_send },	   { "recv", do_recv },
		{ "recv", do_recv },	   { "recv", do_recv },
		{ "timeout", do_timeout }, { "poll", do_poll },
		{ "select", do_select },   { "epoll", do_epoll },
		{ "edge", do_edge },	   { "numbers", do_numbers },
		{ "outq", do_outq },	   { "shutdown", do_shutdown },
		{ "dup", do_dup },	   { "options", do_options },
		{ "linger", do_linger },   { "close", do_close },
		{ "wrong", do_wrong },	   { "fork", do_fork },
	};
	unsigned i = rnd(sizeof(steps) / sizeof(*steps));

	if (s->fd < 0)
		return;
	printf("%lu %s %s\n", seed, s->name, steps[i].name);
	steps[i].take(s);
}

static void watch(struct side *s, const char *name, int fd)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP };

	*s = (struct side){ .name = name, .fd = fd };
	s->epoll = epoll_create1(0);
	s->edge = epoll_create1(0);
	epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e);
	e.events |= EPOLLET;
	epoll_ctl(s->edge, EPOLL_CTL_ADD, fd, &e);
}

/* Sockets on their way to be connected, and what they refuse till then. */
static void open_both(void)
{
	int family = rnd(2) ? AF_INET : AF_INET6, waits = (int)rnd(2);
	struct sockaddr_storage a = { .ss_family = (sa_family_t)family };
	socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) :
					    sizeof(struct sockaddr_in6);
	int listener = socket(family, SOCK_STREAM, 0), c, s, error = -1;
	struct sockaddr *to = (struct sockaddr *)&a;
	socklen_t n = sizeof(error);
	char byte = 0;

	if (family == AF_INET)
		((struct sockaddr_in *)to)->sin_addr.s_addr =
			htonl(INADDR_LOOPBACK);
	else
		((struct sockaddr_in6 *)to)->sin6_addr = in6addr_loopback;
	told("bind", bind(listener, to, len));
	getsockname(listener, to, &len);
	c = socket(family, SOCK_STREAM | (waits ? 0 : SOCK_NONBLOCK), 0);
	told("send unconnected", send(c, &byte, 1, MSG_NOSIGNAL));
	told("recv unconnected", recv(c, &byte, 1, 0));
	printf("poll: %x\n", (unsigned)polled(c, POLLIN | POLLOUT));
	told("accept", accept(listener, NULL, NULL));
	told("listen", listen(listener, 4));
	printf("poll: %x\n", (unsigned)polled(listener, POLLIN | POLLOUT));
	if (connect(c, to, len) < 0 && errno != EINPROGRESS)
		told("connect", -1);
	poll(&(struct pollfd){ .fd = c, .events = POLLOUT }, 1, 10000);
	told("SO_ERROR", getsockopt(c, SOL_SOCKET, SO_ERROR, &error, &n));
	printf("error %d\n", error);
	told("connect again", connect(c, to, len));
	poll(&(struct pollfd){ .fd = listener, .events = POLLIN }, 1, 10000);
	s = accept4(listener, NULL, NULL, rnd(2) ? SOCK_NONBLOCK : 0);
	if (s < 0)
		fail("accept");
	fcntl(listener, F_SETFL, O_NONBLOCK);
	told("accept none", accept(listener, NULL, NULL));
	told("close", close(listener));
	fcntl(c, F_SETFL, 0);
	fcntl(s, F_SETFL, 0);
	watch(&sides[0], "client", c);
	watch(&sides[1], "server", s);
}

static void run_sequence(void)
{
	rng = (seed + 1) * 0x9e3779b97f4a7c15u;
	open_both();
	for (int i = 0; i < STEPS; i++) {
		take_step(&sides[rnd(2)]);
		settle();
	}
	for (int i = 0; i < 2; i++) {
		if (sides[i].fd >= 0)
			close(sides[i].fd);
		close(sides[i].epoll);
		close(sides[i].edge);
	}
}

int main(int argc, char **argv)
{
	unsigned long first = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 10) : 100;

	signal(SIGPIPE, SIG_IGN);
	for (seed = first; seed < first + count; seed++)
		run_sequence();
	return 0;
}
