// SPDX-License-Identifier: BSD-2-Clause
#include "tools/flows.h"

#include "base/bytes.h"
#include "base/time.h"

#include <stdio.h>
#include <string.h>

/* Buffers that limit nothing. */
#define WINDOW "4096 1048576 1073741824"
#define MEMORY "2000000 2000000 2000000"
#define PORT 5001
#define BATCH 64

static char chunk[64 << 10];

static bool told(const char *what, int error)
{
	if (error && error != -TERN_EINPROGRESS)
		fprintf(stderr, "tern bench: %s: %s\n", what,
			tern_error_text(error));
	return !error || error == -TERN_EINPROGRESS;
}

static bool open_stacks(struct flows *f)
{
	const char *const knobs[][2] = {
		{ "tcp_rmem", WINDOW },
		{ "tcp_wmem", WINDOW },
		{ "tcp_mem", MEMORY },
		{ "tcp_timestamps", f->config.no_stamps ? "0" : "1" },
	};
	int error = 0;

	if (!bench_net_open(&f->net, 0))
		return false;
	for (size_t i = 0; i < 2 * sizeof(knobs) / sizeof(knobs[0]); i++) {
		if (!error)
			error = tern_sysctl_set(f->net.stack[i % 2],
						knobs[i / 2][0],
						knobs[i / 2][1], 0);
	}
	return told("sysctl", error);
}

static int open_listener(struct tern_stack *st, const struct tern_sockaddr *to,
			 int rcvbuf, int64_t now)
{
	int s = tern_socket(st, TERN_AF_INET, TERN_SOCK_STREAM, 0, now);
	int error = s < 0 ? s : 0;

	if (!error && rcvbuf)
		error = tern_setsockopt(st, s, TERN_SOL_SOCKET,
					TERN_SO_RCVBUFFORCE, &rcvbuf,
					sizeof(rcvbuf), now);
	if (!error)
		error = tern_bind(st, s, to, now);
	if (!error)
		error = tern_listen(st, s, 1, now);
	return error ? error : s;
}

bool flows_add(struct flows *f, const char *cc)
{
	struct tern_stack *from = f->net.stack[0];
	struct flow *flow = &f->flow[f->n];
	int64_t now = f->net.now;
	struct tern_sockaddr to =
		bench_net_addr(1, false, (uint16_t)(PORT + f->n));
	int error;

	f->n++;
	flow->left = f->config.idle ? 0 : UINT64_MAX;
	flow->sock[1] = -1;
	flow->listener =
		open_listener(f->net.stack[1], &to, f->config.rcvbuf, now);
	flow->sock[0] =
		tern_socket(from, TERN_AF_INET, TERN_SOCK_STREAM, 0, now);
	if (flow->listener < 0 || flow->sock[0] < 0)
		return told("no socket", flow->listener < 0 ? flow->listener :
							      flow->sock[0]);
	error = tern_setsockopt(from, flow->sock[0], TERN_IPPROTO_TCP,
				TERN_TCP_CONGESTION, cc, strlen(cc), now);
	if (!error)
		error = tern_connect(from, flow->sock[0], &to, now);
	return told(cc, error);
}

bool flows_open(struct flows *f, const struct flows_config *config)
{
	const struct impair_config back = {
		.delay_ns = config->back_ns,
		.jitter_ns = config->back_jitter_ns,
	};

	*f = (struct flows){ .config = *config };
	if (!path_way_init(&f->ways[0], &config->there, config->loss,
			   config->seed) ||
	    !path_way_init(&f->ways[1], &back, 0, config->seed))
		return told("no path", -TERN_ENOMEM);
	return open_stacks(f) && flows_add(f, config->cc);
}

void flows_close(struct flows *f)
{
	for (int i = 0; i < 2; i++)
		path_way_fini(&f->ways[i]);
	bench_net_close(&f->net);
}

static void offer(struct flows *f, struct flow *flow)
{
	while (flow->left) {
		size_t n = flow->left < sizeof(chunk) ? (size_t)flow->left :
							sizeof(chunk);
		int64_t sent = tern_send(f->net.stack[0], flow->sock[0], chunk,
					 n, 0, f->net.now);

		if (sent <= 0)
			return;
		if (flow->left != UINT64_MAX)
			flow->left -= (uint64_t)sent;
	}
}

static void take(struct flows *f, struct flow *flow)
{
	struct tern_stack *st = f->net.stack[1];
	int64_t got;

	if (flow->sock[1] < 0)
		flow->sock[1] =
			tern_accept(st, flow->listener, NULL, f->net.now);
	while (flow->sock[1] >= 0 &&
	       (got = tern_recv(st, flow->sock[1], chunk, sizeof(chunk), 0,
				f->net.now)) > 0)
		flow->got += (uint64_t)got;
}

/* Everything that can be done at this instant; when the next one is. */
static int64_t turn(struct flows *f)
{
	struct bench_net *n = &f->net;
	struct tern_pkt *pkts[BATCH];
	int64_t next = TERN_NEVER;

	for (int i = 0; i < 2; i++) {
		struct tern_pkt *pkt;

		tern_stack_advance(n->stack[i], n->now);
		while ((pkt = path_way_receive(&f->ways[!i], n->now)))
			tern_stack_input(n->stack[i], n->number[i], &pkt, 1,
					 n->now);
	}
	for (int i = 0; i < f->n; i++) {
		take(f, &f->flow[i]);
		offer(f, &f->flow[i]);
	}
	for (int i = 0; i < 2; i++) {
		int count;

		while ((count = tern_stack_output(n->stack[i], n->number[i],
						  pkts, BATCH, n->now)) > 0) {
			for (int k = 0; k < count; k++)
				path_way_send(&f->ways[i], pkts[k], n->now);
		}
		next = min_i64(next, path_way_next_at(&f->ways[i]));
		next = min_i64(next, tern_stack_deadline(n->stack[i]));
	}
	return next;
}

void flows_run(struct flows *f, int64_t until)
{
	for (;;) {
		int64_t next = turn(f);

		if (next > until)
			break;
		f->net.now = max_i64(f->net.now, next);
	}
	f->net.now = until;
}

void flows_offer(struct flows *f, uint64_t bytes)
{
	f->flow[0].left += bytes;
	turn(f);
}

struct tern_tcp_info flows_info(struct flows *f, int flow)
{
	struct tern_tcp_info info = { 0 };
	size_t len = sizeof(info);

	tern_getsockopt(f->net.stack[0], f->flow[flow].sock[0],
			TERN_IPPROTO_TCP, TERN_TCP_INFO, &info, &len,
			f->net.now);
	return info;
}

uint64_t flows_counter(const struct flows *f, int end, const char *name)
{
	int i = tern_counter_find(name);

	return i < 0 ? 0 : tern_counter_get(f->net.stack[end], i);
}
