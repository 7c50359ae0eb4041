// SPDX-License-Identifier: BSD-2-Clause
/*
 * The pump: bytes between a pair and the stack.
 *
 * To the program: bytes are peeked from the stack's receive queue and put
 * into the pair; they leave the queue when the program has read them. So the window, SO_RCVBUF, and what a close with unread data does
 * are the stack's own, as if there were no pair. How much was read is known
 * from SIOCOUTQ at the runner's end: the memory of what is still unread, which
 * is never less than its bytes; so at least peeked - SIOCOUTQ bytes have been
 * read, and all of them when it is 0.
 *
 * The runner's end begins with a small SO_SNDBUF, which keeps that bound
 * close, and doubles it while a reader empties the pair faster than we look;
 * after a second without need it is small again. (The end polls writable when
 * three quarters are read, so what is peeked twice is a quarter.)
 *
 * From the program: what it wrote is read and sent. What the stack does not
 * take is kept (`rest`), and nothing more is read until it has gone: the pair
 * fills, and the program's writes wait.
 *
 * Both ends are watched edge-triggered: each callback moves all it can.
 */
#include "runner_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>

#define END_SNDBUF_MIN 8192 /* the kernel doubles it */
/* Doubled, it is half the window: the pair and a piece too much always fit,
 * so a peek that gives no more than is in the pair has seen all. */
#define END_SNDBUF_MAX (WINDOW_LEN / 4)
#define END_IDLE_NS (1000 * INT64_C(1000000))

static void set_end_sndbuf(struct rsock *sock, int bytes)
{
	if (sock->end_sndbuf == bytes)
		return;
	sock->end_sndbuf = bytes;
	setsockopt(sock->end, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

/* Bytes that are in the pair for the program, at most. */
static size_t in_pair(const struct rsock *sock)
{
	int n = 0;

	ioctl(sock->end, SIOCOUTQ, &n);
	return n > 0 ? (size_t)n : 0;
}

void pump_credit(struct rsock *sock, size_t unread)
{
	int64_t n;

	if (sock->peeked <= unread)
		return;
	/* Nothing is written to the window: they are thrown away. */
	n = tern_recv(sock->runner->stack, sock->s, sock->runner->window,
		      sock->peeked - unread, TERN_MSG_TRUNC, sock_now(sock));
	assert(n == (int64_t)(sock->peeked - unread));
	if (n > 0)
		sock->peeked -= (size_t)n;
}

/* Bytes at the head of the receive queue: those in the pair, and as many more
 * as the pair has room for. Returns how many there are, or what recv says
 * when there is none. */
static int64_t peek(struct rsock *sock, size_t unread)
{
	size_t room = 2 * (size_t)sock->end_sndbuf;
	size_t want = sock->peeked + (room > unread ? room - unread : 0);

	if (want == sock->peeked)
		want++;
	return tern_recv(sock->runner->stack, sock->s, sock->runner->window,
			 want < WINDOW_LEN ? want : WINDOW_LEN, TERN_MSG_PEEK,
			 sock_now(sock));
}

/* The reader kept up with a full pair: a larger one. */
static void grow(struct rsock *sock)
{
	sock->busy_at = sock_now(sock);
	if (sock->end_sndbuf < END_SNDBUF_MAX)
		set_end_sndbuf(sock, sock->end_sndbuf * 2);
}

/* Puts bytes peeked .. n into the pair. False if it is full. */
static bool put(struct rsock *sock, size_t n)
{
	while (sock->peeked < n) {
		size_t left = n - sock->peeked;
		ssize_t k = send(sock->end, sock->runner->window + sock->peeked,
				 left < PUMP_CHUNK ? left : PUMP_CHUNK,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (k <= 0)
			return false;
		sock->peeked += (size_t)k;
	}
	return true;
}

/* Is what is in the pair all that will ever come? A peek that gave n bytes
 * does not tell while there are bytes to peek; `ready` is from before it.
 * Behind an urgent mark there may be more. */
static bool is_last(const struct rsock *sock, int64_t n, uint32_t ready)
{
	if (n == 0 && sock->peeked == 0)
		return true;
	return sock->is_reset ||
	       (!sock->has_seen_urg && n == (int64_t)sock->peeked &&
		ready & TERN_POLLRDHUP);
}

void pump_in(struct rsock *sock)
{
	bool was_full = sock->is_full;
	size_t before, unread;
	uint32_t ready;
	int64_t n;

	if (sock->end < 0 || sock->s < 0)
		return;
	unread = in_pair(sock);
	if (was_full && unread == 0)
		grow(sock);
	else if (sock_now(sock) - sock->busy_at > END_IDLE_NS)
		set_end_sndbuf(sock, END_SNDBUF_MIN);
	do {
		pump_credit(sock, unread);
		if (sock->has_eof_told)
			return;
		before = sock->peeked;
		ready = tern_poll(sock->runner->stack, sock->s);
		n = peek(sock, unread);
		sock->is_full = n > 0 && !put(sock, (size_t)n);
		unread = in_pair(sock);
	} while (!sock->is_full && sock->peeked > before);
	if (sock->is_full)
		return;
	if (n < 0 && n != -EAGAIN) {
		if (!sock->error)
			sock->error = (int)-n;
		sock->is_reset = true;
	}
	if (!is_last(sock, n, ready))
		return;
	if (sock->is_reset)
		end_reset(sock);
	else
		end_told(sock);
}

/* True when nothing of it is left. */
static bool send_rest(struct rsock *sock)
{
	int64_t n;

	if (!sock->rest)
		return true;
	n = tern_send(sock->runner->stack, sock->s, sock->rest + sock->rest_off,
		      sock->rest_len, TERN_MSG_NOSIGNAL, sock_now(sock));
	if (n == -EAGAIN)
		return false;
	if (n > 0) {
		sock->rest_off += (size_t)n;
		sock->rest_len -= (size_t)n;
		if (sock->rest_len > 0)
			return false;
	}
	free(sock->rest);
	sock->rest = NULL;
	return true;
}

static bool keep_rest(struct rsock *sock, const uint8_t *data, size_t len)
{
	sock->rest = malloc(len);
	if (!sock->rest)
		return false;
	memcpy(sock->rest, data, len);
	sock->rest_off = 0;
	sock->rest_len = len;
	return true;
}

/* The stuffing goes first: it was there before any byte of the program's. */
static void unstuff(struct rsock *sock)
{
	while (sock->n_stuff > 0) {
		uint8_t drop[64];
		size_t want = sock->n_stuff < sizeof(drop) ? sock->n_stuff :
							     sizeof(drop);
		ssize_t n = recv(sock->end, drop, want, MSG_DONTWAIT);

		if (n <= 0)
			return;
		sock->n_stuff -= (uint32_t)n;
	}
}

bool pump_out(struct rsock *sock)
{
	struct runner *r = sock->runner;
	bool eof = false;
	ssize_t n;
	int64_t sent;

	if (sock->end < 0 || sock->s < 0 ||
	    (sock->state != RSOCK_PAIRED && sock->state != RSOCK_CLOSING))
		return true;
	for (;;) {
		if (!send_rest(sock))
			return false;
		n = end_read(sock, r->scratch, SCRATCH_LEN, &eof);
		if (n <= 0)
			break;
		sent = tern_send(r->stack, sock->s, r->scratch, (size_t)n,
				 TERN_MSG_NOSIGNAL, sock_now(sock));
		if (sent < 0 && sent != -EAGAIN)
			return true; /* an event tells why, and ends it */
		if (sent < 0)
			sent = 0;
		if (sent < n &&
		    !keep_rest(sock, r->scratch + sent, (size_t)(n - sent))) {
			/* Bytes are lost: the stream must not go on. */
			sock->error = ENOMEM;
			end_abort(sock);
			return true;
		}
	}
	if (eof && sock->is_shut_wr && !sock->is_fin_sent) {
		sock->is_fin_sent = true;
		tern_shutdown(r->stack, sock->s, TERN_SHUT_WR, sock_now(sock));
	}
	return true;
}

void pump_reset(struct rsock *sock)
{
	free(sock->rest);
	sock->rest = NULL;
	sock->peeked = 0;
	sock->n_stuff = 0;
	sock->end_sndbuf = 0;
	sock->busy_at = 0;
	sock->is_full = false;
	sock->has_eof_told = false;
	sock->is_shut_rd = false;
	sock->is_shut_wr = false;
	sock->is_planted = false;
	sock->is_fin_sent = false;
	sock->is_purged = false;
	sock->error = 0;
}

void pump_start(struct rsock *sock)
{
	sock->state = RSOCK_PAIRED;
	unstuff(sock);
	set_end_sndbuf(sock, END_SNDBUF_MIN);
	pump_out(sock);
	pump_in(sock);
}

void pump_on_end(void *ctx, uint32_t events)
{
	struct rsock *sock = ctx;

	if (events & EPOLLHUP && !sock->is_shut_wr &&
	    sock->state != RSOCK_CLOSING) {
		sock_on_closed(sock);
		return;
	}
	if (sock->state != RSOCK_PAIRED)
		return;
	if (sock->is_narrow && events & EPOLLIN)
		connect_widen(sock);
	pump_out(sock);
	pump_in(sock);
	sock_wake(sock);
}

void pump_on_stack(void *ctx, int s, uint32_t ready)
{
	struct rsock *sock = ctx;

	switch (sock->state) {
	case RSOCK_CONNECTING:
		connect_on_stack(sock, ready);
		return;
	case RSOCK_LISTENING:
		accept_on_stack(sock);
		return;
	case RSOCK_CLOSING:
		if (ready & (TERN_POLLERR | TERN_POLLHUP) || pump_out(sock))
			sock_free(sock);
		return;
	case RSOCK_PAIRED:
		break;
	case RSOCK_IDLE:
	case RSOCK_BROKEN:
	case RSOCK_DGRAM:
	case RSOCK_NETLINK:
		return;
	}
	if (ready & TERN_POLLPRI)
		sock->has_seen_urg = true;
	if (ready & TERN_POLLERR)
		end_on_error(sock);
	pump_out(sock);
	pump_in(sock);
	end_nudge(sock);
	sock_wake(sock);
}
