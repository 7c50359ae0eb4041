// SPDX-License-Identifier: BSD-2-Clause
/*
 * The one door. Whatever can change a stack comes through stack_door(), in
 * this order:
 *
 *	1. the clock: st->now becomes the call's, and never goes back;
 *	2. if it has moved, timers that are due fire before the call acts, so
 *	   that after an idle hour bind() finds no TIME_WAIT of an hour ago;
 *	3. the call, by its row below;
 *	4. what it sent to ourselves comes in, and connections that may send
 *	   again do, until there is nothing left to do at this instant.
 *
 * A record is written around these: the call before 1, its result after 4.
 * What only reads (names of sockets, counters, lists) does not come here.
 */
#include "stack_door.h"

#include "sock/sock.h"
#include "stack_flight.h"
#include "stack_record.h"

/* Rounds of step 4. Each lets all that waits on the loopback in, so that two
 * sockets hand over what their buffers hold in a few dozen; connections that
 * would answer each other for ever go on at the next call, as the deadline is
 * then now. */
#define SETTLE_ROUNDS 1000

#define ADDR .in = SHAPE_BYTES, .in_size = sizeof(struct tern_addr)
#define SOCKADDR .in = SHAPE_BYTES, .in_size = sizeof(struct tern_sockaddr)
#define ROUTE .in = SHAPE_BYTES, .in_size = sizeof(struct tern_route)
#define ONE(type) .out = SHAPE_BYTES, .out_size = sizeof(type)
#define MANY(shape, type) \
	.out = shape, .out_size = sizeof(type), .counted = true

const struct call_row stack_door_rows[N_CALLS] = {
	[CALL_INPUT] = { "input", stack_on_input, 0, .in = SHAPE_PKTS },
	[CALL_OUTPUT] = { "output", stack_on_output, 1,
			  MANY(SHAPE_PKTS, struct tern_pkt *) },
	[CALL_ADVANCE] = { "advance", stack_on_advance, 0 },
	[CALL_LINK_ADD] = { "link_add", stack_on_link_add, 3,
			    .in = SHAPE_BYTES },
	[CALL_LINK_SET_UP] = { "link_set_up", stack_on_link_set_up, 1 },
	[CALL_LINK_SET_MTU] = { "link_set_mtu", stack_on_link_set_mtu, 1 },
	[CALL_ADDR_ADD] = { "addr_add", stack_on_addr_add, 1, ADDR },
	[CALL_ADDR_DEL] = { "addr_del", stack_on_addr_del, 0, ADDR },
	[CALL_ROUTE_ADD] = { "route_add", stack_on_route_add, 0, ROUTE },
	[CALL_ROUTE_DEL] = { "route_del", stack_on_route_del, 0, ROUTE },
	[CALL_SYSCTL_SET] = { "sysctl_set", stack_on_sysctl_set, 0,
			      .in = SHAPE_PAIR },
	[CALL_CC_REGISTER] = { "cc_register", stack_on_cc_register, 0,
			       .in = SHAPE_BYTES, .out = SHAPE_CC },
	[CALL_SOCKET] = { "socket", sock_socket, 3 },
	[CALL_BIND] = { "bind", sock_bind, 0, SOCKADDR },
	[CALL_LISTEN] = { "listen", sock_listen, 1 },
	[CALL_CONNECT] = { "connect", sock_connect, 0, SOCKADDR },
	[CALL_ACCEPT] = { "accept", sock_accept, 0, ONE(struct tern_sockaddr) },
	[CALL_SENDMSG] = { "sendmsg", sock_sendmsg, 1, .in = SHAPE_MSG },
	/* arg: flags; room for data, control messages, a name. */
	[CALL_RECVMSG] = { "recvmsg", sock_recvmsg, 4, .out = SHAPE_MSG },
	[CALL_RECV_FRAGS] = { "recv_frags", sock_recv_frags, 1,
			      MANY(SHAPE_FRAGS, struct tern_frag) },
	[CALL_SHUTDOWN] = { "shutdown", sock_shutdown, 1 },
	[CALL_CLOSE] = { "close", sock_close, 0 },
	/* arg: level, name, room. */
	[CALL_GETSOCKOPT] = { "getsockopt", sock_getsockopt, 3,
			      .out = SHAPE_BYTES },
	[CALL_SETSOCKOPT] = { "setsockopt", sock_setsockopt, 2,
			      .in = SHAPE_BYTES },
	[CALL_IOCTL] = { "ioctl", sock_ioctl, 1, ONE(int) },
	[CALL_POLL] = { "poll", sock_poll, 0 },
	[CALL_EVENTS] = { "events", sock_events, 1,
			  MANY(SHAPE_BYTES, struct tern_event) },
	[CALL_SYN_NEXT] = { "syn_next", sock_syn_next, 0,
			    ONE(struct tern_syn) },
	[CALL_SYN_ANSWER] = { "syn_answer", sock_syn_answer, 2 },
	[CALL_TCP_INFO] = { "tcp_info", sock_tcp_info, 1,
			    ONE(struct tern_tcp_info) },
	[CALL_SOCK_KILL] = { "sock_kill", sock_kill, 1 },
};

static void advance(struct tern_stack *st)
{
	tcp_advance(st);
	ip_advance(st);
}

static void settle(struct tern_stack *st)
{
	int i;

	for (i = 0; i < SETTLE_ROUNDS; i++) {
		if (ip_has_output(&st->ip, 0))
			ip_loopback_run(st);
		if (likely(!tcp_has_ready(st)))
			return;
		tcp_run_ready(st);
	}
}

/* More packets than one pull gives may wait for connections that were held
 * back by what they had below (TSQ): these go on in between. */
int64_t stack_on_output(struct tern_stack *st, struct call *c)
{
	struct tern_pkt **pkts = c->out;
	int max = (int)c->arg[0], n = 0, got;

	c->out_len = 0;
	if (!ip_link_at(&st->ip, c->s) || c->s == 0)
		return 0;
	while (n < max) {
		got = ip_dequeue(st, c->s, pkts + n, max - n);
		n += got;
		if (!got || !tcp_has_ready(st))
			break;
		settle(st);
	}
	c->out_len = (size_t)n;
	return n;
}

/* Also without a new instant: what a call left undone goes on. */
int64_t stack_on_advance(struct tern_stack *st, struct call *c)
{
	advance(st);
	return 0;
}

static int64_t act(struct tern_stack *st, struct call *c)
{
	int64_t result;

	if (c->now > st->now) {
		st->now = c->now;
		if (tern_stack_deadline(st) <= st->now)
			advance(st);
	}
	if (unlikely(st->tcp.lend_done))
		tcp_lend_settle(st);
	result = stack_door_rows[c->op].handler(st, c);
	settle(st);
	if (unlikely(st->tcp.lend_done))
		tcp_lend_settle(st);
	return result;
}

int64_t stack_door(struct tern_stack *st, struct call *c)
{
	int64_t result;

	if (likely(!st->cfg.record && !st->flight))
		return act(st, c);
	c->now = max_i64(c->now, st->now);
	if (st->cfg.record)
		stack_record_call(st, c);
	if (st->flight)
		stack_flight_before(st, c);
	result = act(st, c);
	if (st->cfg.record)
		stack_record_result(st, c, result);
	if (st->flight)
		stack_flight_after(st, c, result);
	return result;
}
