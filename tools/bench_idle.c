// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern bench idle: what a connection costs that has worked and now rests.
 *
 * Each of the connections carries 1 KiB each way, of which the first segment is
 * lost on its way and has to be resent; then virtual time passes until
 * everything has been acknowledged and given back. What is left is counted
 * twice: by the stacks' own allocator, and by the resident size of the process.
 * A connection has two ends here, and each end is one that counts.
 *
 * The price must not be paid with memory loss of another kind: TCP_INFO of
 * every end is the same after the rest as before, but for the fields that count
 * time since something.
 *
 * Done with IPv4 and with IPv6, in processes of their own, as memory that was
 * once used does not all go back to the system.
 */
#include "tools/bench.h"

#include "base/siphash.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The bound that the design sets: control block 256, history 96, tables 64. */
#define MOST_BYTES 416.0
/* At work at a time; the others are idle or not yet there. What these few have
 * needed stays with the allocator: 100 x 2 x 4 KiB, 4 bytes an end. */
#define WAVE 100u
/* A port's worth of clients: the ephemeral range has 28,232. */
#define PER_LISTENER 20000u
#define FIRST_PORT 1000
#define MAX_LISTENERS 64
#define DATA_LEN 1024
#define SECOND INT64_C(1000000000)

struct idle {
	struct bench_net net;
	bool v6;
	uint32_t n; /* connections */
	int listeners[MAX_LISTENERS];
	/* Of every end: its socket, the digest of its TCP_INFO. */
	int *socks[2];
	uint64_t *infos[2];
	/* Client ports of this wave whose first segment has been lost. */
	bool lost[65536];
	uint64_t n_lost;
};

struct idle_family {
	uint32_t n;
	bool v6;
};

/* What a family's process tells its parent. */
struct idle_result {
	double allocator, rss;
	/* What the allocator's bytes are for. */
	double blocks, tables, active, packets;
};

static uint16_t tcp_field(const struct tern_pkt *pkt, bool v6, uint32_t off)
{
	return get_be16(pkt->data + (v6 ? 40 : 20) + off);
}

/* Loses the first data segment of each connection, from the client's side. */
static bool lose_first(void *ctx, int from, struct tern_pkt **pkt)
{
	struct idle *b = ctx;
	uint16_t port;

	if (from != 0 || (*pkt)->len < DATA_LEN)
		return true;
	port = tcp_field(*pkt, b->v6, 0);
	if (b->lost[port])
		return true;
	b->lost[port] = true;
	b->n_lost++;
	return false;
}

static bool listen_all(struct idle *b)
{
	struct tern_stack *st = b->net.stack[1];
	uint32_t n = (b->n + PER_LISTENER - 1) / PER_LISTENER;

	if (n > MAX_LISTENERS)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct tern_sockaddr sa =
			bench_net_addr(1, b->v6, (uint16_t)(FIRST_PORT + i));
		int s = tern_socket(st, sa.family, TERN_SOCK_STREAM, 0,
				    b->net.now);

		if (s < 0 || tern_bind(st, s, &sa, b->net.now) != 0 ||
		    tern_listen(st, s, WAVE, b->net.now) != 0)
			return false;
		b->listeners[i] = s;
	}
	return true;
}

/* Connects and accepts connections [from, to), which share a listener. */
static bool connect_wave(struct idle *b, uint32_t from, uint32_t to)
{
	struct bench_net *n = &b->net;
	uint32_t which = from / PER_LISTENER;
	struct tern_sockaddr sa =
		bench_net_addr(1, b->v6, (uint16_t)(FIRST_PORT + which));

	for (uint32_t i = from; i < to; i++) {
		int s = tern_socket(n->stack[0], sa.family, TERN_SOCK_STREAM, 0,
				    n->now);

		if (s < 0 || tern_connect(n->stack[0], s, &sa, n->now) !=
				     -TERN_EINPROGRESS)
			return false;
		b->socks[0][i] = s;
		if (i % 32 == 31)
			bench_net_carry(n);
	}
	bench_net_settle(n, SECOND / 10);
	for (uint32_t i = from; i < to; i++) {
		struct tern_sockaddr peer;
		int s = tern_accept(n->stack[1], b->listeners[which], &peer,
				    n->now);

		if (s < 0)
			return false;
		b->socks[1][i] = s;
		b->lost[peer.port] = false;
	}
	return true;
}

/* Every end sends 1 KiB and reads the other's. */
static bool exchange_wave(struct idle *b, uint32_t from, uint32_t to)
{
	struct bench_net *n = &b->net;
	char out[DATA_LEN], in[DATA_LEN + 1];

	memset(out, 'x', sizeof(out));
	for (uint32_t i = from; i < to; i++) {
		for (int end = 0; end < 2; end++) {
			if (tern_send(n->stack[end], b->socks[end][i], out,
				      sizeof(out), 0, n->now) != sizeof(out))
				return false;
		}
		if (i % 16 == 15)
			bench_net_carry(n);
	}
	bench_net_settle(n, 3 * SECOND);
	for (uint32_t i = from; i < to; i++) {
		for (int end = 0; end < 2; end++) {
			if (tern_recv(n->stack[end], b->socks[end][i], in,
				      sizeof(in), 0, n->now) != DATA_LEN)
				return false;
		}
	}
	bench_net_settle(n, SECOND);
	return true;
}

/* TCP_INFO without the clocks, as one number. */
static uint64_t info_digest(struct tern_stack *st, int s, int64_t now)
{
	static const struct sipkey key = { 1, 2 };
	struct tern_tcp_info info = { 0 };
	size_t len = sizeof(info);

	if (tern_getsockopt(st, s, TERN_IPPROTO_TCP, TERN_TCP_INFO, &info, &len,
			    now) != 0)
		return 0;
	info.last_data_sent = info.last_ack_sent = 0;
	info.last_data_recv = info.last_ack_recv = 0;
	return siphash(&key, &info, sizeof(info));
}

static void note_infos(struct idle *b, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		for (int end = 0; end < 2; end++)
			b->infos[end][i] = info_digest(b->net.stack[end],
						       b->socks[end][i],
						       b->net.now);
	}
}

static uint32_t count_changed(struct idle *b)
{
	uint32_t n_changed = 0;

	for (uint32_t i = 0; i < b->n; i++) {
		for (int end = 0; end < 2; end++)
			n_changed += b->infos[end][i] !=
				     info_digest(b->net.stack[end],
						 b->socks[end][i], b->net.now);
	}
	return n_changed;
}

/* Bytes of both stacks, and of the pool that they share. */
static struct tern_memory allocated(const struct idle *b)
{
	struct tern_memory m[2];

	tern_stack_memory(b->net.stack[0], &m[0]);
	tern_stack_memory(b->net.stack[1], &m[1]);
	m[0].packets = tern_pool_footprint(b->net.pool);
	m[0].total += m[1].total + m[0].packets;
	m[0].connections += m[1].connections;
	m[0].tables += m[1].tables;
	m[0].active += m[1].active;
	return m[0];
}

static void note_growth(const struct idle *b, const struct tern_memory *before,
			struct idle_result *r)
{
	struct tern_memory after = allocated(b);
	double ends = 2.0 * b->n;

	r->allocator = ((double)after.total - (double)before->total) / ends;
	r->blocks = ((double)after.connections - (double)before->connections) /
		    ends;
	r->tables = ((double)after.tables - (double)before->tables) / ends;
	r->active = ((double)after.active - (double)before->active) / ends;
	r->packets = ((double)after.packets - (double)before->packets) / ends;
}

static bool work_all(struct idle *b)
{
	for (uint32_t i = 0; i < b->n; i += WAVE) {
		uint32_t to = min_u32(i + WAVE, b->n);

		if (!connect_wave(b, i, to) || !exchange_wave(b, i, to)) {
			fprintf(stderr,
				"tern bench idle: connections %" PRIu32
				" and on have failed\n",
				i);
			return false;
		}
		note_infos(b, i, to);
	}
	return true;
}

/* Runs in a process of its own. */
static bool measure(const void *family, void *result)
{
	struct idle *b = bench_array(1, sizeof(*b));
	const struct idle_family *f = family;
	struct idle_result *r = result;
	struct tern_memory before;
	uint32_t n_changed;
	size_t rss;

	if (!b)
		return false;
	b->n = f->n;
	b->v6 = f->v6;
	for (int end = 0; end < 2; end++) {
		b->socks[end] = bench_array(b->n, sizeof(int));
		b->infos[end] = bench_array(b->n, sizeof(uint64_t));
		if (!b->socks[end] || !b->infos[end])
			return false;
	}
	if (!bench_net_open(&b->net, b->n + MAX_LISTENERS) || !listen_all(b))
		return false;
	b->net.filter = lose_first;
	b->net.filter_ctx = b;
	rss = bench_resident();
	before = allocated(b);
	if (!work_all(b))
		return false;
	bench_net_settle(&b->net, 600 * SECOND);
	/* What the stacks have given back, malloc shall as well. */
	malloc_trim(0);
	note_growth(b, &before, r);
	r->rss = ((double)bench_resident() - (double)rss) / b->n / 2;
	n_changed = count_changed(b);
	if (b->n_lost != b->n || n_changed) {
		fprintf(stderr,
			"tern bench idle: %" PRIu64 " of %" PRIu32
			" lost a segment; TCP_INFO of %" PRIu32
			" ends has changed\n",
			b->n_lost, b->n, n_changed);
		return false;
	}
	return true;
}

static void add_results(const struct idle_result *r, const char *family,
			json_t *results)
{
	const struct {
		const char *what;
		double value;
	} rows[] = {
		{ "idle end, by RSS", r->rss },
		{ "idle end, by allocator", r->allocator },
		{ "  control blocks, histories", r->blocks },
		{ "  tables", r->tables },
		{ "  active", r->active },
		{ "  packets and buffers", r->packets },
	};
	char what[64];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(what, sizeof(what), "%s %s", family, rows[i].what);
		bench_add(results, what, rows[i].value, "B");
	}
}

static int run(const struct bench_options *options, json_t *results)
{
	uint32_t n = (uint32_t)options->connections;
	int status = 0;

	for (int v6 = 0; v6 < 2; v6++) {
		struct idle_family f = { .n = n, .v6 = v6 };
		const char *family = v6 ? "IPv6" : "IPv4";
		struct idle_result r = { 0 };

		if (!bench_apart(measure, &f, &r, sizeof(r)))
			return 1;
		add_results(&r, family, results);
		if (r.allocator > MOST_BYTES || r.rss > MOST_BYTES) {
			fprintf(stderr,
				"tern bench idle: %s is above the bound of %g "
				"bytes\n",
				family, MOST_BYTES);
			status = 1;
		}
	}
	bench_add(results, "connections each", n, "");
	return status;
}

const struct bench bench_idle = {
	.name = "idle",
	.help = "memory of connections that have worked and now rest",
	.run = run,
};
