// SPDX-License-Identifier: BSD-2-Clause
#include "stream.h"

#include "base/bytes.h"

#include <stdlib.h>

#define CHUNK (64u << 10)
/* Virtual time within which all must have ended: sixteen resends with two
 * minutes between them, and some. */
#define LONGEST (6 * 3600 * NS_PER_S)

static struct tern_stack *stack_of(const struct crowd *c,
				   const struct stream *t)
{
	return c->w->host[t->host].st;
}

static int64_t now_of(const struct crowd *c, const struct stream *t)
{
	return world_local(c->w, t->host);
}

static void compare(struct crowd *c, const struct stream *t, const void *got,
		    size_t n)
{
	static uint8_t want[CHUNK];

	WANT(c->w, n <= CHUNK);
	content(t->key_in, t->n_got, want, n);
	WANT(c->w, memcmp(want, got, n) == 0);
}

static void set_int(struct crowd *c, const struct stream *t, int level,
		    int name, int value)
{
	tern_setsockopt(stack_of(c, t), t->s, level, name, &value,
			sizeof(value), now_of(c, t));
}

static void attach(struct crowd *c, struct stream *t, int s)
{
	const struct plan *p = &t->plan;

	WANT(c->w, s >= 0 && s < CROWD_SOCKETS && !c->by_socket[t->host][s]);
	c->by_socket[t->host][s] = t;
	t->s = s;
	t->is_open = t->is_ready = true;
	if (p->sndbuf)
		set_int(c, t, TERN_SOL_SOCKET, TERN_SO_SNDBUF, p->sndbuf);
	if (p->rcvbuf)
		set_int(c, t, TERN_SOL_SOCKET, TERN_SO_RCVBUF, p->rcvbuf);
	/* The peer's RST may be lost, and the peer be gone. */
	set_int(c, t, TERN_SOL_SOCKET, TERN_SO_KEEPALIVE, 1);
	set_int(c, t, TERN_IPPROTO_TCP, TERN_TCP_KEEPIDLE, 120);
	set_int(c, t, TERN_IPPROTO_TCP, TERN_TCP_KEEPINTVL, 20);
	set_int(c, t, TERN_IPPROTO_TCP, TERN_TCP_KEEPCNT, 20);
	if (p->nodelay)
		set_int(c, t, TERN_IPPROTO_TCP, TERN_TCP_NODELAY, 1);
}

static void detach(struct crowd *c, struct stream *t, int error)
{
	/* Nothing but the network, memory or the other program ends it. */
	WANT(c->w, error == 0 || error == -TERN_ECONNRESET ||
			   error == -TERN_EPIPE || error == -TERN_ETIMEDOUT ||
			   error == -TERN_ECONNREFUSED ||
			   error == -TERN_ENOMEM || error == -TERN_ENOBUFS);
	t->error = error;
	t->is_open = false;
	c->by_socket[t->host][t->s] = NULL;
	WANT(c->w, tern_close(stack_of(c, t), t->s, now_of(c, t)) == 0);
	t->s = -1;
}

static void start(struct crowd *c, struct stream *t)
{
	struct tern_sockaddr to = world_addr(1, c->v6, WORLD_PORT);
	struct tern_sockaddr me = world_addr(t->host, c->v6, 0);
	struct tern_stack *st = stack_of(c, t);
	int i = (int)(t - c->streams) / 2;
	int s, err;

	t->start_at = NEVER;
	s = tern_socket(st, me.family, TERN_SOCK_STREAM, 0, now_of(c, t));
	if (s < 0) {
		WANT(c->w, s == -TERN_ENOMEM || s == -TERN_ENOBUFS);
		t->start_at = c->w->now + NS_PER_S;
		return;
	}
	attach(c, t, s);
	if (c->first_port)
		me.port = (uint16_t)(c->first_port + i);
	err = tern_bind(st, s, &me, now_of(c, t));
	if (!err)
		err = tern_connect(st, s, &to, now_of(c, t));
	if (err != -TERN_EINPROGRESS) {
		detach(c, t, err);
		t->start_at = c->w->now + NS_PER_S;
		return;
	}
	WANT(c->w, tern_getsockname(st, s, &me) == 0);
	c->by_port[me.port] = i + 1;
}

static void accept_all(struct crowd *c)
{
	struct tern_stack *st = c->w->host[1].st;

	c->accept_ready = false;
	for (;;) {
		struct tern_sockaddr peer;
		int s = tern_accept(st, c->listener, &peer,
				    world_local(c->w, 1));
		struct stream *t;

		if (s == -TERN_EAGAIN)
			return;
		c->accept_at = c->w->now + c->accept_gap_ns;
		if (s < 0) {
			WANT(c->w, s == -TERN_ENOMEM || s == -TERN_ENOBUFS ||
					   s == -TERN_ECONNABORTED);
			c->accept_at = c->w->now + NS_PER_S;
			c->accept_ready = true;
			return;
		}
		WANT(c->w, c->by_port[peer.port]);
		t = &c->streams[2 * c->by_port[peer.port] - 1];
		WANT(c->w, !t->is_open);
		/* A client that lost its first connection begins anew. */
		t->n_sent = t->n_got = 0;
		t->sent_all = t->got_end = false;
		t->error = 0;
		t->is_connected = true;
		attach(c, t, s);
		if (c->accept_gap_ns) {
			c->accept_ready = true;
			return;
		}
	}
}

static int64_t send_some(struct crowd *c, struct stream *t, size_t n, int flags)
{
	struct tern_iov iov[3];
	struct tern_msg msg = { .iov = iov, .n_iov = 3 };

	content(t->key_out, t->n_sent, c->bytes, n);
	if (!t->plan.scatter || n < 3)
		return tern_send(stack_of(c, t), t->s, c->bytes, n, flags,
				 now_of(c, t));
	iov[0] = (struct tern_iov){ c->bytes, 1 };
	iov[1] = (struct tern_iov){ c->bytes + 1, n / 2 };
	iov[2] = (struct tern_iov){ c->bytes + 1 + n / 2, n - 1 - n / 2 };
	return tern_sendmsg(stack_of(c, t), t->s, &msg, flags, now_of(c, t));
}

/* 0, or -errno that ends the stream. */
static int write_some(struct crowd *c, struct stream *t)
{
	struct plan *p = &t->plan;

	while (t->n_sent < p->to_send && t->write_at <= c->w->now) {
		uint64_t left = p->to_send - t->n_sent;
		size_t n = 1 + rng_below(&c->rng, p->write_max);
		bool more = p->more && n < left && rng_below(&c->rng, 2);
		int64_t done;

		n = min_size(n, left < CHUNK ? (size_t)left : CHUNK);
		done = send_some(c, t, n, more ? TERN_MSG_MORE : 0);
		if (done == -TERN_EAGAIN)
			return 0;
		if (done == -TERN_ENOMEM || done == -TERN_ENOBUFS) {
			t->write_at = c->w->now + NS_PER_S;
			return 0;
		}
		if (done < 0)
			return (int)done;
		WANT(c->w, done > 0 && (size_t)done <= n);
		t->n_sent += (uint64_t)done;
		if (p->write_gap_ns)
			t->write_at = c->w->now + p->write_gap_ns;
	}
	return 0;
}

/* Bytes read and compared; 0 at the end; -errno. */
static int64_t read_lent(struct crowd *c, struct stream *t)
{
	struct tern_frag frags[4];
	int n = tern_recv_frags(stack_of(c, t), t->s, frags, 4, now_of(c, t));
	int64_t sum = 0;

	for (int i = 0; i < n; i++) {
		WANT(c->w, frags[i].len > 0);
		compare(c, t, frags[i].buf->data + frags[i].off, frags[i].len);
		t->n_got += frags[i].len;
		sum += frags[i].len;
		tern_buf_put(frags[i].buf);
	}
	return n < 0 ? n : sum;
}

static int64_t read_once(struct crowd *c, struct stream *t)
{
	size_t n = 1 + rng_below(&c->rng, t->plan.read_max);
	int64_t got;

	n = min_size(n, CHUNK);
	if (t->plan.lend && rng_below(&c->rng, 2))
		return read_lent(c, t);
	if (t->plan.peek && rng_below(&c->rng, 2)) {
		got = tern_recv(stack_of(c, t), t->s, c->bytes, n,
				TERN_MSG_PEEK, now_of(c, t));
		if (got <= 0)
			return got;
		compare(c, t, c->bytes, (size_t)got);
		memset(c->bytes, 0, (size_t)got);
	}
	got = tern_recv(stack_of(c, t), t->s, c->bytes, n, 0, now_of(c, t));
	if (got > 0) {
		WANT(c->w, (size_t)got <= n);
		compare(c, t, c->bytes, (size_t)got);
		t->n_got += (uint64_t)got;
	}
	return got;
}

static int read_some(struct crowd *c, struct stream *t)
{
	while (!t->got_end && t->read_at <= c->w->now) {
		int64_t got = read_once(c, t);

		if (got == -TERN_EAGAIN)
			return 0;
		if (got == -TERN_ENOMEM || got == -TERN_ENOBUFS) {
			t->read_at = c->w->now + NS_PER_S;
			return 0;
		}
		if (got < 0)
			return (int)got;
		if (!got)
			t->got_end = true;
		if (t->plan.read_gap_ns)
			t->read_at = c->w->now + t->plan.read_gap_ns;
	}
	return 0;
}

/* All is written: what the plan says. True: the socket is closed. */
static bool end(struct crowd *c, struct stream *t)
{
	static const struct tern_linger lingers[ENDINGS] = {
		[END_LINGER] = { 1, 5 },
		[END_RESET] = { 1, 0 },
	};
	const struct tern_linger *linger = &lingers[t->plan.ending];
	bool both = t->plan.ending == END_SHUT_BOTH;
	int err;

	t->sent_all = true;
	if (t->plan.ending <= END_SHUT_BOTH) {
		err = tern_shutdown(stack_of(c, t), t->s,
				    both ? TERN_SHUT_RDWR : TERN_SHUT_WR,
				    now_of(c, t));
		WANT(c->w, err == 0 || err == -TERN_ENOTCONN);
		return false;
	}
	if (linger->onoff)
		tern_setsockopt(stack_of(c, t), t->s, TERN_SOL_SOCKET,
				TERN_SO_LINGER, linger, sizeof(*linger),
				now_of(c, t));
	detach(c, t, 0);
	return true;
}

/* SO_ERROR once a connect() ended. 1: it goes on. */
static int connected(struct crowd *c, struct stream *t)
{
	uint32_t ready = tern_poll(stack_of(c, t), t->s);
	int err = 0;
	size_t len = sizeof(err);

	if (!(ready & (TERN_POLLOUT | TERN_POLLERR | TERN_POLLHUP)))
		return 1;
	tern_getsockopt(stack_of(c, t), t->s, TERN_SOL_SOCKET, TERN_SO_ERROR,
			&err, &len, now_of(c, t));
	t->is_connected = !err;
	return -err;
}

static void act_one(struct crowd *c, struct stream *t)
{
	int err;

	t->is_ready = false;
	if (!t->is_connected) {
		err = connected(c, t);
		if (err == 1)
			return;
		if (err) {
			detach(c, t, err);
			return;
		}
	}
	err = write_some(c, t);
	if (!err && t->n_sent == t->plan.to_send && !t->sent_all && end(c, t))
		return;
	if (!err)
		err = read_some(c, t);
	if (err || (t->got_end && t->sent_all))
		detach(c, t, err);
}

static int64_t wants_at(const struct stream *t, int64_t now)
{
	int64_t at = NEVER;

	if (!t->is_open)
		return t->start_at;
	if (t->is_ready)
		return now;
	if (!t->is_connected)
		return NEVER;
	/* One that rang is waiting for an event. */
	if (t->write_at > now)
		at = min_i64(at, t->write_at);
	if (t->read_at > now)
		at = min_i64(at, t->read_at);
	return at;
}

static int64_t crowd_wake(struct world *w)
{
	struct crowd *c = w->programs;
	int64_t at = c->accept_ready ? c->accept_at : NEVER;

	for (int i = 0; i < 2 * c->n; i++)
		at = min_i64(at, wants_at(&c->streams[i], w->now));
	return at;
}

static bool crowd_act(struct world *w)
{
	struct crowd *c = w->programs;
	bool any = false;

	if (c->accept_ready && c->accept_at <= w->now) {
		accept_all(c);
		any = true;
	}
	for (int i = 0; i < 2 * c->n; i++) {
		struct stream *t = &c->streams[i];

		if (!t->is_open && t->start_at <= w->now) {
			start(c, t);
			any = true;
		} else if (t->is_open &&
			   (t->is_ready || t->write_at == w->now ||
			    t->read_at == w->now)) {
			bool rang = t->is_ready;

			act_one(c, t);
			any |= rang;
		}
	}
	return any;
}

static void crowd_event(struct world *w, int host, const struct tern_event *e)
{
	struct crowd *c = w->programs;

	WANT(w, e->s >= 0 && e->s < CROWD_SOCKETS);
	if (host == 1 && e->s == c->listener)
		c->accept_ready = true;
	else if (c->by_socket[host][e->s])
		c->by_socket[host][e->s]->is_ready = true;
}

struct crowd *crowd_new(struct world *w, int n, bool v6)
{
	struct crowd *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	assert_true(n <= CROWD_MAX);
	c->w = w;
	c->n = n;
	c->v6 = v6;
	c->backlog = n;
	c->listener = -1;
	c->rng = w->rng;
	c->bytes = malloc(CHUNK);
	assert_non_null(c->bytes);
	for (int i = 0; i < 2 * n; i++) {
		struct stream *t = &c->streams[i];

		t->host = i % 2;
		t->s = -1;
		t->key_out = rng_u64(&c->rng);
		t->start_at = i % 2 ? NEVER : 0;
		t->plan.write_max = t->plan.read_max = CHUNK;
	}
	for (int i = 0; i < 2 * n; i++)
		c->streams[i].key_in = c->streams[i ^ 1].key_out;
	w->programs = c;
	w->on_event = crowd_event;
	w->act = crowd_act;
	w->wake = crowd_wake;
	w->tell = crowd_tell;
	return c;
}

bool crowd_listen(struct crowd *c)
{
	struct tern_sockaddr me = world_addr(1, c->v6, WORLD_PORT);
	struct tern_stack *st = c->w->host[1].st;
	int64_t now = world_local(c->w, 1);

	c->listener = tern_socket(st, me.family, TERN_SOCK_STREAM, 0, now);
	return c->listener >= 0 && !tern_bind(st, c->listener, &me, now) &&
	       !tern_listen(st, c->listener, c->backlog, now);
}

static bool all(const struct crowd *c, bool (*is)(const struct stream *))
{
	for (int i = 0; i < 2 * c->n; i++)
		if (!is(&c->streams[i]))
			return false;
	return true;
}

static bool is_over(const struct stream *t)
{
	return !t->is_open && t->start_at == NEVER;
}

static bool is_connected(const struct stream *t)
{
	return t->is_connected;
}

void crowd_run(struct crowd *c)
{
	while (!all(c, is_over) && c->w->now < LONGEST && world_step(c->w))
		;
	WANT(c->w, all(c, is_over));
}

void crowd_connect(struct crowd *c)
{
	while (!all(c, is_connected))
		WANT(c->w, world_step(c->w));
}

void crowd_free(struct crowd *c)
{
	c->w->programs = NULL;
	c->w->on_event = NULL;
	c->w->act = NULL;
	c->w->wake = NULL;
	c->w->tell = NULL;
	free(c->bytes);
	free(c);
}
