// SPDX-License-Identifier: BSD-2-Clause
/*
 * A congestion control of one's own: it sends at a fixed rate, whatever the
 * network says. For a link of which the rate is known and that nobody shares,
 * such as a radio or a tunnel through a policer; never for the Internet.
 *
 * The program registers it, sends a megabyte to itself over the loopback, and
 * tells how long that took by the stack's clock, which jumps from one deadline
 * to the next.
 *
 *	cc fixed_rate.c $(pkg-config --cflags --libs tern)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tern/cc.h>
#include <tern/stack.h>

#define RATE 500000 /* bytes/s */
#define TOTAL 1000000
#define S_NS 1000000000

/* The window must not be what limits: two round trips' worth, and some. */
static void control(struct tern_cc_view *v, const struct tern_cc_sample *s)
{
	uint64_t bytes = (uint64_t)RATE * v->srtt_us / 1000000;

	(void)s;
	v->pacing_rate = RATE;
	v->cc->cwnd = (uint32_t)(2 * bytes / v->mss) + 10;
}

static void start(struct tern_cc_view *v)
{
	v->pacing_rate = RATE;
}

/* A loss does not slow it. */
static uint32_t ssthresh(struct tern_cc_view *v)
{
	return v->cc->ssthresh;
}

static const struct tern_cc_ops fixed = {
	.name = "fixed",
	.flags = TERN_CC_PACES,
	.init = start,
	.ssthresh = ssthresh,
	.control = control,
};

static void *give(void *ctx, size_t size)
{
	(void)ctx;
	return malloc(size);
}

static void take(void *ctx, void *ptr, size_t size)
{
	(void)ctx;
	(void)size;
	free(ptr);
}

static char chunk[10000];

/* Sends and receives until all is there; the time that it took, or -errno. */
static int64_t transfer(struct tern_stack *stack, int from, int listener)
{
	int64_t now = 0, sent = 0, got = 0, n;
	int to = -1;

	while (got < TOTAL && now < TERN_NEVER) {
		tern_stack_advance(stack, now);
		if (to < 0)
			to = tern_accept(stack, listener, NULL, now);
		while (sent < TOTAL &&
		       (n = tern_send(stack, from, chunk, sizeof(chunk), 0,
				      now)) > 0)
			sent += n;
		while (to >= 0 && (n = tern_recv(stack, to, chunk,
						 sizeof(chunk), 0, now)) > 0)
			got += n;
		if (got < TOTAL)
			now = tern_stack_deadline(stack);
	}
	return now < TERN_NEVER ? now : -TERN_ETIMEDOUT;
}

int main(void)
{
	struct tern_config config = {
		.seed = { 1, 2, 3 }, /* real programs: sixteen secret bytes */
		.alloc = { NULL, give, take },
	};
	struct tern_stack *stack = tern_stack_new(&config, 0);
	struct tern_sockaddr here = {
		.addr = tern_addr_v4(127, 0, 0, 1),
		.family = TERN_AF_INET,
		.port = 7,
	};
	int listener, client, error, mss = 1460; /* the loopback's is 64 KiB */
	int64_t took;

	error = tern_cc_register(stack, &fixed);
	if (!error)
		error = tern_sysctl_set(stack, "tcp_congestion_control",
					fixed.name, 0);
	if (error) {
		fprintf(stderr, "fixed: %s\n", tern_error_name(error));
		return 1;
	}
	listener = tern_socket(stack, TERN_AF_INET, TERN_SOCK_STREAM, 0, 0);
	client = tern_socket(stack, TERN_AF_INET, TERN_SOCK_STREAM, 0, 0);
	tern_setsockopt(stack, client, TERN_IPPROTO_TCP, TERN_TCP_MAXSEG, &mss,
			sizeof(mss), 0);
	tern_bind(stack, listener, &here, 0);
	tern_listen(stack, listener, 1, 0);
	tern_connect(stack, client, &here, 0);

	took = transfer(stack, client, listener);
	printf("%d bytes in %" PRId64 ".%03d s\n", TOTAL, took / S_NS,
	       (int)(took % S_NS / 1000000));
	tern_stack_free(stack);
	/* To within a twentieth: the first packets are not paced. */
	return llabs(took - (int64_t)TOTAL * S_NS / RATE) < S_NS / 10 ? 0 : 1;
}
