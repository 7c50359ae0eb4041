// SPDX-License-Identifier: BSD-2-Clause
/*
 * The network that benchmarks measure on: two stacks and a wire in memory.
 */
#include "tools/bench_net.h"
#include "link/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 64

struct tern_sockaddr bench_net_addr(int end, bool v6, uint16_t port)
{
	struct tern_sockaddr sa = { .port = port };

	sa.family = v6 ? TERN_AF_INET6 : TERN_AF_INET;
	if (v6)
		tern_addr_parse(end ? "fd00::2" : "fd00::1", NULL, &sa.addr);
	else
		sa.addr = tern_addr_v4(10, 0, 0, (uint8_t)(end + 1));
	return sa;
}

static int open_end(struct bench_net *n, int end, uint32_t max_sockets)
{
	struct tern_config config = {
		.seed = { (uint8_t)(end + 1) },
		.alloc = heap_allocator,
		.pool = n->pool,
		.max_sockets = max_sockets,
		.flight_size = n->flight_size,
	};
	struct tern_link_config link = { .name = "pair", .mtu = 1500 };
	int error = 0;

	n->stack[end] = tern_stack_new(&config, n->now);
	if (!n->stack[end])
		return -TERN_ENOMEM;
	n->number[end] = tern_link_add(n->stack[end], &link, n->now);
	if (n->number[end] < 0)
		return n->number[end];
	for (int v6 = 0; v6 < 2 && !error; v6++) {
		struct tern_sockaddr sa = bench_net_addr(end, v6, 0);

		error = tern_addr_add(n->stack[end], n->number[end], &sa.addr,
				      v6 ? 64 : 24, n->now);
	}
	return error;
}

bool bench_net_open(struct bench_net *n, uint32_t max_sockets)
{
	struct tern_pair_config pair = { .mtu = 1500 };
	int error = -TERN_ENOMEM;

	n->pool = tern_pool_new(&heap_allocator);
	if (n->pool) {
		pair.pool[0] = pair.pool[1] = n->pool;
		error = tern_pair_new(&pair, n->link);
	}
	for (int end = 0; end < 2 && !error; end++)
		error = open_end(n, end, max_sockets);
	if (error)
		fprintf(stderr, "tern bench: no stacks: %s\n",
			tern_error_text(error));
	return !error;
}

void bench_net_close(struct bench_net *n)
{
	for (int end = 0; end < 2; end++) {
		if (n->link[end])
			n->link[end]->ops->close(n->link[end]);
		if (n->stack[end])
			tern_stack_free(n->stack[end]);
	}
	if (n->pool)
		tern_pool_free(n->pool);
}

/* Takes what the filter loses out of a batch. */
static int filter(struct bench_net *n, int from, struct tern_pkt **pkts,
		  int count)
{
	int kept = 0;

	for (int i = 0; i < count; i++) {
		struct tern_pkt *pkt = pkts[i];

		if (n->filter(n->filter_ctx, from, &pkt))
			pkts[kept++] = pkt;
		else
			tern_pkt_put(pkt);
	}
	return kept;
}

int bench_net_carry(struct bench_net *n)
{
	struct tern_pkt *pkts[BATCH];
	int moved = 0;

	for (int from = 0; from < 2; from++) {
		struct tern_link *out = n->link[from], *in = n->link[!from];
		int count = tern_stack_output(n->stack[from], n->number[from],
					      pkts, BATCH, n->now);

		moved += count;
		if (n->filter)
			count = filter(n, from, pkts, count);
		if (count <= 0)
			continue;
		/* The pair's queue is longer than a batch. */
		out->ops->send(out, pkts, count, n->now);
		count = in->ops->receive(in, pkts, BATCH, n->now);
		tern_stack_input(n->stack[!from], n->number[!from], pkts, count,
				 n->now);
	}
	n->n_packets += (uint64_t)moved;
	return moved;
}

void bench_net_settle(struct bench_net *n, int64_t max_ns)
{
	int64_t until = n->now + max_ns;

	for (;;) {
		int64_t at;

		while (bench_net_carry(n))
			continue;
		at = min_i64(tern_stack_deadline(n->stack[0]),
			     tern_stack_deadline(n->stack[1]));
		if (at > until)
			break;
		n->now = max_i64(n->now, at);
		tern_stack_advance(n->stack[0], n->now);
		tern_stack_advance(n->stack[1], n->now);
	}
	n->now = until;
	tern_stack_advance(n->stack[0], n->now);
	tern_stack_advance(n->stack[1], n->now);
}

bool bench_net_connect(struct bench_net *n, bool v6, int s[2])
{
	struct tern_sockaddr sa = bench_net_addr(1, v6, 80);
	int family = sa.family, listener;
	int error;

	listener =
		tern_socket(n->stack[1], family, TERN_SOCK_STREAM, 0, n->now);
	s[0] = tern_socket(n->stack[0], family, TERN_SOCK_STREAM, 0, n->now);
	error = tern_bind(n->stack[1], listener, &sa, n->now);
	if (!error)
		error = tern_listen(n->stack[1], listener, 1, n->now);
	if (!error)
		error = tern_connect(n->stack[0], s[0], &sa, n->now);
	if (error == -TERN_EINPROGRESS) {
		bench_net_settle(n, 1000000);
		s[1] = tern_accept(n->stack[1], listener, NULL, n->now);
		error = s[1] < 0 ? s[1] : 0;
	}
	if (error)
		fprintf(stderr, "tern bench: no connection: %s\n",
			tern_error_text(error));
	tern_close(n->stack[1], listener, n->now);
	return !error;
}
