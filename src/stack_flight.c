// SPDX-License-Identifier: BSD-2-Clause
/*
 * Streams of calls. A stream begins with a socket or with a SYN; the two become
 * one when the socket connects or accepts. What concerns a connection is
 *
 *	its packets in, and ICMP errors about them,
 *	calls on its socket, but for reads that would have to wait,
 *	packets out that were its, and
 *	whatever call traced something of it: a timer's, mostly.
 */
#include "stack_flight.h"

#include "base/pkt.h"
#include "tcp/tcp.h"
#include "wire/wire_csum.h"
#include "wire/wire_tcp.h"

/* A program that has been told of an end usually closes soon; until then its
 * calls are of interest. */
#define TELL_AFTER_NS NS_PER_S
static const uint16_t socket_calls[] = {
	CALL_BIND,     CALL_LISTEN,  CALL_CONNECT,
	CALL_SENDMSG,  CALL_RECVMSG, CALL_RECV_FRAGS,
	CALL_SHUTDOWN, CALL_CLOSE,   CALL_SETSOCKOPT,
};

static const uint16_t setup_calls[] = {
	CALL_LINK_ADD,	CALL_LINK_SET_UP, CALL_LINK_SET_MTU,
	CALL_ADDR_ADD,	CALL_ADDR_DEL,	  CALL_ROUTE_ADD,
	CALL_ROUTE_DEL, CALL_SYSCTL_SET,  CALL_CC_REGISTER,
};

static bool is_among(const uint16_t *ops, size_t n, enum call_op op)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (ops[i] == op)
			return true;
	return false;
}

/* Ends. */

static void tell(struct flight *f, struct flight_stream *s)
{
	const struct tern_config *cfg = &f->st->cfg;
	struct tern_flight t = {
		.st = f->st,
		.id = s->id,
		.local = s->local,
		.remote = s->remote,
		.error = s->error,
		.ended_at = s->ended_at,
		.is_lost = s->is_lost,
	};

	if (cfg->flight)
		cfg->flight(cfg->flight_ctx, &t);
	s->refs--;
}

static void tell_nth(struct flight *f, int i)
{
	struct flight_stream *s = f->awaited[i];

	f->n_awaited--;
	for (; i < f->n_awaited; i++)
		f->awaited[i] = f->awaited[i + 1];
	tell(f, s);
}

static void await_end(struct flight *f, struct flight_stream *s, int64_t now)
{
	if (s->ended_at == NEVER)
		s->ended_at = now;
	if (s->is_told)
		return;
	s->is_told = true;
	s->refs++;
	if (f->n_awaited == FLIGHT_AWAITED)
		tell_nth(f, 0);
	f->awaited[f->n_awaited++] = s;
}

static void tell_due(struct flight *f, int64_t now)
{
	int i = 0;

	while (i < f->n_awaited) {
		const struct flight_stream *s = f->awaited[i];

		if ((!s->n_socks && now > s->ended_at) ||
		    now - s->ended_at > TELL_AFTER_NS)
			tell_nth(f, i);
		else
			i++;
	}
}

/* A refusal is an answer, and no accident. */
static bool is_accident(int error)
{
	return error && error != TERN_ECONNREFUSED &&
	       error != TERN_ECONNABORTED;
}

static void on_state(struct flight *f, struct flight_stream *s,
		     const struct tern_trace *t)
{
	if (t->to == TERN_TCP_ESTABLISHED)
		s->was_open = true;
	if (t->to != TERN_TCP_CLOSE)
		return;
	s->ended_at = t->now;
	s->error = t->error;
	stack_flight_touch(f, s);
	if (is_accident(t->error))
		await_end(f, s, t->now);
}

static void on_trace(void *ctx, const struct tern_trace *t)
{
	struct flight *f = ctx;
	struct call c = { .op = CALL_ADVANCE, .s = -1, .now = t->now };
	struct flight_stream *s = NULL;

	if (f->trace_kinds >> t->kind & 1)
		f->trace(f->trace_ctx, t);
	if (t->kind == TERN_TRACE_DROP || !t->remote.port)
		return;
	if (t->kind == TERN_TRACE_STATE && t->to == TERN_TCP_SYN_SENT) {
		s = stack_flight_of(f, t->s);
		if (s)
			stack_flight_join(f, s, &t->local, &t->remote);
	} else {
		s = stack_flight_find(f, &t->local, &t->remote);
	}
	if (!s)
		return;
	if (!s->last || s->last->order != f->order)
		stack_flight_append(f, s, &c, 0);
	if (t->kind == TERN_TRACE_STATE)
		on_state(f, s, t);
}

/* Packets. */

/* Of the listener that will answer a SYN. */
static struct flight_stream *listener_at(const struct flight *f,
					 const struct tern_sockaddr *local,
					 const struct tern_sockaddr *remote)
{
	int number = tcp_listener_number(f->st, &local->addr, local->port,
					 &remote->addr, remote->port);
	struct flight_stream *s = stack_flight_of(f, number);

	return s && s->is_listener ? s : NULL;
}

/* The connection of a packet in; a SYN may begin one. */
static struct flight_stream *stream_in(struct flight *f,
				       const struct tern_sockaddr *local,
				       const struct tern_sockaddr *remote,
				       uint16_t flags)
{
	struct flight_stream *s = stack_flight_find(f, local, remote), *l;
	bool is_syn = (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;

	/* Of a refused one there is nothing to see but that it was. */
	if (!is_syn || (s && s->ended_at == NEVER))
		return s;
	l = listener_at(f, local, remote);
	if (!l)
		return s;
	s = stack_flight_new(f);
	if (!s)
		return NULL;
	s->listener = l;
	l->refs++;
	stack_flight_join(f, s, local, remote);
	return s;
}

static void on_packet(struct flight *f, const struct call *c,
		      const struct tern_pkt *pkt)
{
	struct tern_sockaddr local, remote;
	struct flight_stream *s;
	struct flight_entry *e;
	uint16_t flags;
	uint32_t n;

	if (!stack_flight_ends(pkt, false, &local, &remote, &n, &flags))
		return;
	s = stream_in(f, &local, &remote, flags);
	e = s ? stack_flight_append(f, s, c, n) : NULL;
	if (!e)
		return;
	tern_pkt_copy_out(pkt, 0, e->bytes, n);
	e->n_data = pkt->len - n;
	e->gso_size = pkt->gso_size;
	e->csum = pkt->csum;
	e->csum_start = pkt->csum_start;
	e->csum_off = pkt->csum_off;
	if (pkt->csum == TERN_CSUM_NONE)
		e->data_sum = (uint16_t)~csum_fold(csum_pkt(0, pkt, n));
}

static void on_output(struct flight *f, const struct call *c,
		      const struct tern_pkt *pkt)
{
	struct tern_sockaddr local, remote;
	struct flight_stream *s;
	struct flight_entry *e;
	uint16_t flags;
	uint32_t n, hash;

	if (!stack_flight_ends(pkt, true, &local, &remote, &n, &flags))
		return;
	s = stack_flight_find(f, &local, &remote);
	if (!s)
		return;
	e = stack_flight_append(f, s, c, sizeof(hash));
	hash = stack_flight_hash(pkt, n);
	if (e)
		memcpy(e->bytes, &hash, sizeof(hash));
	if (flags & TCP_RST && s->was_open)
		await_end(f, s, c->now);
}

/* Calls. */

/* A poll that finds no room for writing is a wish to be told; a second one
 * right after it is none. */
static void on_poll(struct flight *f, int number, int64_t now)
{
	struct call c = { .op = CALL_POLL, .s = number, .now = now };
	struct flight_stream *s = stack_flight_of(f, number);

	if (s && !(s->last && s->last->op == CALL_POLL))
		stack_flight_append(f, s, &c, 0);
}

/* Sockets with news are polled before they are told. */
static void on_events(struct flight *f, const struct call *c)
{
	const struct slots *slots = &f->st->slots;
	const struct slot *slot;
	uint32_t number = slots->head;
	int64_t i;

	for (i = 0; i < c->arg[0]; i++) {
		slot = slots_at(slots, (int)number);
		if (!slot)
			return;
		on_poll(f, (int)number, c->now);
		number = slot->next;
	}
}

void stack_flight_before(struct tern_stack *st, const struct call *c)
{
	struct tern_pkt *const *pkts = c->in;
	struct flight *f = st->flight;
	struct flight_stream *s;
	size_t i;

	f->order++;
	f->open = NULL;
	if (c->op == CALL_INPUT) {
		for (i = 0; i < c->in_len; i++)
			on_packet(f, c, pkts[i]);
		return;
	}
	if (c->op == CALL_EVENTS)
		on_events(f, c);
	else if (c->op == CALL_POLL)
		on_poll(f, c->s, max_i64(c->now, st->now));
	if (is_among(setup_calls, ARRAY_LEN(setup_calls), c->op)) {
		stack_flight_append_call(f, &f->setup, c);
		return;
	}
	s = stack_flight_of(f, c->s);
	if (s && is_among(socket_calls, ARRAY_LEN(socket_calls), c->op)) {
		f->open_prev = s->last;
		f->open = stack_flight_append_call(f, s, c);
	}
}

static void on_socket(struct flight *f, const struct call *c, int64_t result)
{
	struct flight_stream *s;
	struct flight_entry *e;

	if (result < 0 || (c->arg[1] & 0xf) != TERN_SOCK_STREAM)
		return;
	s = stack_flight_new(f);
	if (!s)
		return;
	stack_flight_set_socket(f, result, s);
	e = stack_flight_append(f, s, c, 0);
	if (e)
		e->result = result;
}

static void on_accept(struct flight *f, const struct call *c, int64_t result)
{
	struct tern_sockaddr local;
	const struct tern_sockaddr *remote = c->out;
	struct flight_stream *s;
	struct flight_entry *e;

	if (result < 0 || tern_getsockname(f->st, (int)result, &local) ||
	    !(s = stack_flight_find(f, &local, remote)))
		return;
	stack_flight_set_socket(f, result, s);
	e = stack_flight_append(f, s, c, 0);
	if (e)
		e->result = result;
}

/* It had to wait. The first time a send says so it is a wish to be told. */
static bool is_vain(const struct flight *f, const struct call *c,
		    int64_t result)
{
	const struct flight_entry *e = f->open_prev;

	return result == -TERN_EAGAIN &&
	       (c->op != CALL_SENDMSG ||
		(e && e->op == CALL_SENDMSG && e->result == result));
}

/* Nothing came of it, and it will come again. */
static void forget_last(struct flight *f, struct flight_stream *s)
{
	struct flight_entry *e = s->last;
	size_t n = sizeof(*e) + e->n;

	s->last = f->open_prev;
	if (s->last)
		s->last->next = NULL;
	else
		s->first = NULL;
	s->size -= n;
	f->size -= n;
	mem_free(&f->mem, e, n);
}

static void on_result(struct flight *f, const struct call *c, int64_t result)
{
	struct flight_stream *s = stack_flight_of(f, c->s);
	const struct tern_frag *frags = c->out;
	int64_t i;

	if (!s)
		return;
	if (f->open && f->open == s->last && is_vain(f, c, result)) {
		forget_last(f, s);
		return;
	}
	if (f->open) {
		f->open->result = result;
		/* Fragments lie otherwise next time: what counts is how many
		 * bytes were taken. */
		for (i = 0; c->op == CALL_RECV_FRAGS && i < result; i++)
			f->open->n_data += frags[i].len;
	}
	if (c->op == CALL_BIND && !result)
		tern_getsockname(f->st, c->s, &s->local);
	if (c->op == CALL_LISTEN && !result) {
		s->is_listener = true;
		tern_getsockname(f->st, c->s, &s->local);
		stack_flight_touch(f, s);
	}
	if (c->op == CALL_CLOSE) {
		f->sockets[c->s] = NULL;
		s->n_socks--;
		stack_flight_touch(f, s);
	}
}

void stack_flight_after(struct tern_stack *st, const struct call *c,
			int64_t result)
{
	struct tern_pkt *const *pkts = c->out;
	struct flight *f = st->flight;
	size_t i;

	if (c->op == CALL_OUTPUT)
		for (i = 0; i < c->out_len; i++)
			on_output(f, c, pkts[i]);
	else if (c->op == CALL_SOCKET)
		on_socket(f, c, result);
	else if (c->op == CALL_ACCEPT)
		on_accept(f, c, result);
	else if (is_among(socket_calls, ARRAY_LEN(socket_calls), c->op))
		on_result(f, c, result);
	f->open = NULL;
	if (f->n_awaited)
		tell_due(f, c->now);
	if (f->size > f->most)
		stack_flight_make_room(f);
}

int stack_flight_begin(struct tern_stack *st)
{
	struct mem mem = { .alloc = st->cfg.alloc };
	struct flight *f = mem_zalloc(&mem, sizeof(*f));

	if (!f)
		return -TERN_ENOMEM;
	f->st = st;
	f->mem = mem;
	f->most = st->cfg.flight_size;
	f->began_at = st->now;
	f->trace_kinds = st->trace_kinds;
	f->trace = st->cfg.trace;
	f->trace_ctx = st->cfg.trace_ctx;
	st->trace_kinds = TERN_TRACE_ALL;
	st->cfg.trace = on_trace;
	st->cfg.trace_ctx = f;
	st->flight = f;
	return 0;
}

void stack_flight_end(struct tern_stack *st)
{
	struct flight *f = st->flight;
	struct mem mem = f->mem;
	struct flight_stream *s;
	int i;

	while (f->n_awaited)
		tell_nth(f, 0);
	for (i = 0; i < FLIGHT_LISTS; i++)
		for (s = f->lists[i].oldest; s; s = s->newer)
			s->listener = NULL;
	for (i = 0; i < FLIGHT_LISTS; i++)
		while (f->lists[i].oldest)
			stack_flight_drop(f, f->lists[i].oldest);
	stack_flight_empty(f, &f->setup);
	mem_free(&f->mem, f->sockets,
		 (size_t)f->n_sockets * sizeof(*f->sockets));
	st->trace_kinds = 0;
	st->cfg.trace = NULL;
	st->flight = NULL;
	mem_free(&mem, f, sizeof(*f));
}
