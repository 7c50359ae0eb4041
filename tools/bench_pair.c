// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern bench pair: how fast one thread moves a stream through both ends of a
 * connection.
 *
 * Counted is the whole way: the copy in from the application, segments of 1,460
 * bytes, checksums computed and verified, the ACKs, the copy out to the other
 * application. Time inside is virtual and goes on a little each turn, so that
 * no timer and no pacing slows it down.
 *
 * First it shows that checksums are verified at all: one bit of a segment is
 * flipped, and the segment must be seen dropped and the data still arrive.
 */
#include "tools/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the applications hand over and ask for at a time: fits a cache. */
#define CHUNK (64u << 10)
/* Virtual time of a turn: 64 KiB in 4 us would be 131 Gbit/s, more than any
 * core does. */
#define TURN_NS 4000

/* The sender may send the same bytes again: the flip is in a copy. */
static bool flip_once(void *ctx, int from, struct tern_pkt **pkt)
{
	bool *done = ctx;
	struct tern_pkt *copy;

	if (*done || from != 0 || (*pkt)->len < 1000)
		return true;
	copy = tern_pkt_clone((*pkt)->pool, *pkt);
	if (!copy)
		return true;
	copy->data[copy->len - 7] ^= 0x10;
	tern_pkt_put(*pkt);
	*pkt = copy;
	*done = true;
	return true;
}

static int64_t csum_errors(const struct bench_net *n)
{
	return (int64_t)tern_counter_get(n->stack[1],
					 tern_counter_find("TcpInCsumErrors"));
}

/* A flipped bit must be seen, and the data arrive all the same. */
static bool check_flip(struct bench_net *n, const int s[2])
{
	static char out[4000], in[4000];
	bool flipped = false;
	int64_t got;

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 13 + i / 256);
	n->filter = flip_once;
	n->filter_ctx = &flipped;
	tern_send(n->stack[0], s[0], out, sizeof(out), 0, n->now);
	bench_net_settle(n, 5 * INT64_C(1000000000));
	n->filter = NULL;
	got = tern_recv(n->stack[1], s[1], in, sizeof(in), 0, n->now);
	if (flipped && csum_errors(n) == 1 && got == sizeof(in) &&
	    !memcmp(in, out, sizeof(in)))
		return true;
	fprintf(stderr,
		"tern bench pair: a flipped bit was not dropped: %d flipped, "
		"%d bad checksums seen, %d of %zu bytes came\n",
		flipped, (int)csum_errors(n), (int)got, sizeof(in));
	return false;
}

/* One turn: a chunk in, packets across, all that came out. Returns the bytes
 * that came out, or -errno. */
static int64_t turn(struct bench_net *n, const int s[2], char *buf)
{
	int64_t got, sum = 0, sent;

	n->now += TURN_NS;
	tern_stack_advance(n->stack[0], n->now);
	tern_stack_advance(n->stack[1], n->now);
	sent = tern_send(n->stack[0], s[0], buf, CHUNK, 0, n->now);
	if (sent < 0 && sent != -TERN_EAGAIN)
		return sent;
	if (bench_net_carry(n) == 0 && sent < 0)
		bench_net_settle(n, 1000000);
	while ((got = tern_recv(n->stack[1], s[1], buf, CHUNK, 0, n->now)) > 0)
		sum += got;
	return got == -TERN_EAGAIN ? sum : got;
}

/* Runs for that many seconds; the bytes that arrived, or -errno. */
static int64_t run_for(struct bench_net *n, const int s[2], char *buf,
		       double seconds)
{
	double until = bench_clock() + seconds;
	int64_t sum = 0;

	do {
		for (int i = 0; i < 100; i++) {
			int64_t got = turn(n, s, buf);

			if (got < 0)
				return got;
			sum += got;
		}
	} while (bench_clock() < until);
	return sum;
}

static int measure(struct bench_net *n, const struct bench_options *options,
		   bool v6, char *buf, json_t *results)
{
	const char *family = v6 ? "IPv6" : "IPv4";
	char what[64];
	int64_t bytes;
	double began, took;
	uint64_t packets;
	int s[2];

	if (!bench_net_connect(n, v6, s) || (!v6 && !check_flip(n, s)))
		return 1;
	bytes = run_for(n, s, buf, options->seconds / 10); /* warms up */
	began = bench_clock();
	packets = n->n_packets;
	if (bytes >= 0)
		bytes = run_for(n, s, buf, options->seconds);
	took = bench_clock() - began;
	packets = n->n_packets - packets;
	if (bytes <= 0 || !packets) {
		fprintf(stderr, "tern bench pair: the stream broke: %s\n",
			tern_error_text((int)bytes));
		return 1;
	}
	snprintf(what, sizeof(what), "%s throughput", family);
	bench_add(results, what, (double)bytes * 8 / took / 1e9, "Gbit/s");
	snprintf(what, sizeof(what), "%s per segment of 1460 B", family);
	bench_add(results, what, took * 1e9 / ((double)bytes / 1460), "ns");
	snprintf(what, sizeof(what), "%s packets, both ways", family);
	bench_add(results, what, (double)packets / took / 1e6, "M/s");
	snprintf(what, sizeof(what), "%s bad checksums", family);
	bench_add(results, what, (double)csum_errors(n), "");
	tern_close(n->stack[0], s[0], n->now);
	tern_close(n->stack[1], s[1], n->now);
	return 0;
}

static int run(const struct bench_options *options, json_t *results)
{
	/* As much as tern run keeps if nothing is said. */
	struct bench_net net = { .flight_size = options->flight ? 4 << 20 : 0 };
	char *buf = calloc(1, CHUNK);
	int status = 1;

	if (buf && bench_net_open(&net, 0)) {
		status = measure(&net, options, false, buf, results);
		if (!status)
			status = measure(&net, options, true, buf, results);
	}
	bench_net_close(&net);
	free(buf);
	return status;
}

const struct bench bench_pair = {
	.name = "pair",
	.help = "one thread, one connection in memory, MSS 1460",
	.run = run,
};
