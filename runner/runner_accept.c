// SPDX-License-Identifier: BSD-2-Clause
/*
 * listen() and accept(): a listener of the program's is an AF_UNIX listener.
 *
 * For each connection that the stack has completed the runner makes an end,
 * names it and connects it to the program's listener: there it waits in the
 * kernel's queue, polls readable and can be accepted natively; its data is in
 * the pair before it is.
 *
 *	stack's accept queue ---> program's accept queue ---> accept()
 *	  at most backlog+1-n       n = n_queued
 *
 * The two queues together hold backlog + 1, as TCP's one does (O10): the
 * stack's backlog shrinks as the program's queue grows. (With backlog 0 they
 * hold 2: a queue of none would never poll readable.) n counts down when an
 * accept is notified; a native one is not, so the kernel is asked for the
 * queue's length (runner_diag.c) when n is large, and now and then while n is
 * not 0.
 *
 * accept with an address is answered by accepting on a duplicate. If a signal
 * took the caller away, the descriptor is not lost: the connection gets a new
 * end and waits in the queue again, with all that it has received, because the
 * stack still has it (invariant 3).
 */
#include "runner_priv.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TICK_MIN_NS (20 * INT64_C(1000000))
#define TICK_MAX_NS (1000 * INT64_C(1000000))

static void arm_tick(struct rsock *l);

/* Connections that may wait in the program's queue. */
static int queue_limit(const struct rsock *l)
{
	return l->backlog > 0 ? l->backlog : 1;
}

/* Splits the backlog between the queues. */
static void share_backlog(struct rsock *l)
{
	int left = l->backlog - l->n_queued;

	if (l->state == RSOCK_LISTENING)
		tern_listen(l->runner->stack, l->s, left > 0 ? left : 0,
			    sock_now(l));
}

/* Trues n up. False if it was true. */
static bool recount(struct rsock *l)
{
	int n = diag_queue_len(l->runner, l->ino);

	if (n < 0 || n >= l->n_queued)
		return false;
	l->n_queued = n;
	share_backlog(l);
	return true;
}

static void on_tick(void *ctx)
{
	struct rsock *l = ctx;

	l->timer = -1;
	if (recount(l))
		l->tick_ns = TICK_MIN_NS;
	else if (l->tick_ns < TICK_MAX_NS)
		l->tick_ns *= 2;
	accept_on_stack(l);
	arm_tick(l);
}

static void arm_tick(struct rsock *l)
{
	if (l->tick_ns < TICK_MIN_NS)
		l->tick_ns = TICK_MIN_NS;
	if ((l->n_queued > 0 || l->is_starved) && l->timer < 0)
		l->timer = host_at(l->runner->host, sock_now(l) + l->tick_ns,
				   on_tick, l);
}

/* Puts a connection into the program's queue. */
static int enqueue(struct rsock *l, struct rsock *conn)
{
	struct sockaddr_un name;
	socklen_t len = name_make_id(l->runner, l->id, &name);
	int end =
		socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = end < 0 ? -errno : name_bind(l->runner, end, conn->id);

	if (!error && connect(end, (void *)&name, len) < 0)
		error = -errno;
	if (error) {
		if (end >= 0)
			close(end);
		return error;
	}
	conn->listener_id = l->id;
	conn->state = RSOCK_CONNECTING;
	l->n_queued++;
	sock_set_end(conn, end, pump_on_end);
	pump_start(conn);
	return 0;
}

/* Takes one connection from the stack. False when there is none, or no
 * room for it. */
static bool take_one(struct rsock *l)
{
	struct runner *r = l->runner;
	struct tern_sockaddr peer;
	struct rsock *conn;
	int s;

	if (l->n_queued >= queue_limit(l))
		return false;
	/* It waits in the stack until there is a descriptor for it. */
	l->is_starved = spare_need(r) < 0;
	if (l->is_starved)
		return false;
	s = tern_accept(r->stack, l->s, &peer, sock_now(l));
	if (s < 0)
		return false;
	conn = sock_new(r, l->family, l->type, l->protocol);
	if (!conn) {
		tern_close(r->stack, s, sock_now(l));
		return true;
	}
	conn->s = s;
	conn->peer = peer;
	host_watch_sock(r->host, s, pump_on_stack, conn);
	/* The program has just closed its listener. */
	if (enqueue(l, conn) < 0) {
		end_abort(conn);
		sock_free(conn);
	}
	return true;
}

void accept_on_stack(struct rsock *l)
{
	bool any = false;

	if (2 * l->n_queued > l->backlog)
		recount(l);
	while (take_one(l))
		any = true;
	if (!any) {
		arm_tick(l);
		return;
	}
	l->tick_ns = TICK_MIN_NS;
	share_backlog(l);
	arm_tick(l);
	sock_wake(l);
}

void accept_forget(struct rsock *conn)
{
	struct rsock *l;

	l = conn->listener_id ? sock_by_id(conn->runner, conn->listener_id) :
				NULL;
	conn->listener_id = 0;
	if (!l || l->n_queued == 0)
		return;
	l->n_queued--;
	share_backlog(l);
	accept_on_stack(l);
}

int64_t call_listen(struct call *c)
{
	struct rsock *sock = c->sock;
	uint32_t backlog = (uint32_t)c->arg[1];
	char text[32];
	int result, most = SOMAXCONN;

	if (tern_sysctl_get(c->runner->stack, "net.core.somaxconn", text,
			    sizeof(text)) > 0)
		most = atoi(text);
	if (backlog > (uint32_t)most)
		backlog = (uint32_t)most;
	result = tern_listen(c->runner->stack, sock->s, (int)backlog,
			     sock_now(sock));
	if (result < 0)
		return result;
	if (sock->state == RSOCK_BROKEN)
		result = connect_renew(c);
	if (result == 0 && sock->state == RSOCK_IDLE)
		result = name_bind(c->runner, c->fd, sock->id);
	sock->backlog = (int)backlog;
	if (result == 0 && listen(c->fd, queue_limit(sock)) < 0)
		result = -errno;
	if (result < 0)
		return result;
	sock->state = RSOCK_LISTENING;
	share_backlog(sock);
	accept_on_stack(sock);
	return 0;
}

static void on_alarm(int sig)
{
}

/* accept4() on a blocking listener, that does not block: another thread may
 * have taken, natively, what poll() saw. A signal a millisecond breaks it. */
static int accept_guarded(int fd, int flags)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
			       .sigev_signo = SIGALRM };
	struct itimerspec each = { { 0, 1000000 }, { 0, 1000000 } };
	struct sigaction act = { .sa_handler = on_alarm }, old;
	struct pollfd p = { fd, POLLIN, 0 };
	timer_t timer;
	int n, error;

	if (poll(&p, 1, 0) == 0)
		return -EAGAIN;
	if (fd_is_nonblocking(fd)) {
		n = accept4(fd, NULL, NULL, flags);
		return n < 0 ? -errno : n;
	}
	if (timer_create(CLOCK_MONOTONIC, &ev, &timer) < 0)
		return -errno;
	sigaction(SIGALRM, &act, &old);
	timer_settime(timer, 0, &each, NULL);
	n = accept4(fd, NULL, NULL, flags);
	error = n < 0 ? -errno : 0;
	timer_delete(timer);
	sigaction(SIGALRM, &old, NULL);
	if (error == -EINTR)
		error = -EAGAIN;
	return error ? error : n;
}

/* Back into the queue, as if never accepted. */
static void requeue(struct rsock *l, struct rsock *conn)
{
	sock_drop_end(conn);
	sock_forget_cookie(conn);
	pump_reset(conn);
	if (enqueue(l, conn) < 0) {
		end_abort(conn);
		sock_free(conn);
	}
}

/* Hands the accepted descriptor fd over. */
static int64_t hand_over(struct call *c, struct rsock *conn, int fd)
{
	bool cloexec = c->nr == SYS_accept4 && c->arg[3] & SOCK_CLOEXEC;
	int n = 0;

	if (c->arg[1])
		n = addr_to_program(c, c->arg[1], c->arg[2], &conn->peer);
	/* As on Linux a bad address loses the connection. */
	if (n == -EFAULT || n == -EINVAL)
		return n;
	if (n == 0)
		n = call_answer_fd(c, fd, cloexec);
	if (n >= 0) {
		conn->hint_tid = c->tid;
		conn->hint_fd = n;
		if (conn->is_reset)
			end_reset(conn);
		return ANSWER_DONE;
	}
	requeue(c->sock, conn);
	return n;
}

int64_t call_accept(struct call *c)
{
	struct rsock *l = c->sock;
	int flags = c->nr == SYS_accept4 ? (int)c->arg[3] : 0;
	int64_t result;
	struct rsock *conn;
	int fd;

	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return -EINVAL;
	if (l->type != SOCK_STREAM)
		return -EOPNOTSUPP;
	if (l->state != RSOCK_LISTENING)
		return -EINVAL;
	do {
		fd = accept_guarded(c->fd,
				    (flags & SOCK_NONBLOCK) | SOCK_CLOEXEC);
		if (fd == -EAGAIN)
			return call_wait(c, SO_RCVTIMEO, -EAGAIN);
		if (fd < 0)
			return fd;
		conn = sock_of_fd(c->runner, fd);
		/* A stranger, or one that was reset and forgotten. */
		if (!conn)
			close(fd);
	} while (!conn);
	result = hand_over(c, conn, fd);
	close(fd);
	return result;
}
