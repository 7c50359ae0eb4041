// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern bench timewait: what a million connections in TIME_WAIT cost, and what
 * they cost those who come after them.
 *
 * They are real ones, of two stacks in memory: opened, accepted, closed by end
 * 0 first, so that all records are there. Their bytes are counted twice, by end
 * 0's allocator and by the resident size of the process. Beside none, 10,000
 * and all of them it measures
 *
 *	connect()	a socket and its SYN, from end 0
 *	a handshake	to a listener of end 0, accept() included
 *
 * neither of which may grow with the number of records: what more they cost is
 * that the tables no longer fit the processor's caches. At last 60 s pass, and
 * all of it must have been given back.
 *
 * Each family in a process of its own.
 */
#include "tools/bench.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

/* The goal: a million in 80 MiB, of IPv6 in 112. Of few the tables' least size
 * is too large a part. */
#define MOST_BYTES (80 * 1.048576)
#define MOST_BYTES_V6 (112 * 1.048576)
#define BOUND_FROM 100000u
#define WAVE 500u
/* The ephemeral range has 28,232 ports. */
#define PER_LISTENER 20000u
#define FIRST_PORT 1000
#define SAMPLE_PORT 80
#define MAX_LISTENERS 51
#define SAMPLE 1000
#define ROUNDS 9
#define N_SAMPLES 3
#define MS INT64_C(1000000)

struct tw_family {
	uint32_t n;
	bool v6;
};

struct tw_sample {
	uint32_t records;
	double connect_ns, handshake_ns;
};

struct tw_result {
	double allocator, rss, left;
	double make_ns, end_ns; /* of a connection; of a record */
	struct tw_sample samples[N_SAMPLES];
};

struct tw_bench {
	struct bench_net net;
	bool v6;
	int listeners[MAX_LISTENERS];
	int sample_listener[2]; /* at either end */
	int socks[2][SAMPLE];
};

static int listen_at(struct tw_bench *b, int end, uint16_t port)
{
	struct tern_sockaddr sa = bench_net_addr(end, b->v6, port);
	struct tern_stack *st = b->net.stack[end];
	int s = tern_socket(st, sa.family, TERN_SOCK_STREAM, 0, b->net.now);

	if (s < 0 || tern_bind(st, s, &sa, b->net.now) != 0 ||
	    tern_listen(st, s, SAMPLE, b->net.now) != 0)
		return -1;
	return s;
}

static bool set_up(struct tw_bench *b, uint32_t n)
{
	if (!bench_net_open(&b->net, 2 * SAMPLE + MAX_LISTENERS))
		return false;
	if (tern_sysctl_set(b->net.stack[0], "tcp_max_tw_buckets", "2000000",
			    b->net.now) != 0)
		return false;
	for (uint32_t i = 0; i * PER_LISTENER < n; i++) {
		b->listeners[i] = listen_at(b, 1, (uint16_t)(FIRST_PORT + i));
		if (b->listeners[i] < 0)
			return false;
	}
	for (int end = 0; end < 2; end++) {
		b->sample_listener[end] = listen_at(b, end, SAMPLE_PORT);
		if (b->sample_listener[end] < 0)
			return false;
	}
	return true;
}

/* Sockets of `from` on their way to a port of the other end. */
static bool connect_some(struct tw_bench *b, int from, uint16_t port, int n)
{
	struct tern_sockaddr sa = bench_net_addr(!from, b->v6, port);
	struct tern_stack *st = b->net.stack[from];

	for (int i = 0; i < n; i++) {
		int s = tern_socket(st, sa.family, TERN_SOCK_STREAM, 0,
				    b->net.now);

		if (s < 0 ||
		    tern_connect(st, s, &sa, b->net.now) != -TERN_EINPROGRESS)
			return false;
		b->socks[from][i] = s;
	}
	return true;
}

static bool accept_some(struct tw_bench *b, int end, int listener, int n)
{
	for (int i = 0; i < n; i++) {
		int s = tern_accept(b->net.stack[end], listener, NULL,
				    b->net.now);

		if (s < 0)
			return false;
		b->socks[end][i] = s;
	}
	return true;
}

static void close_some(struct tw_bench *b, int end, int n, bool reset)
{
	const int linger[2] = { 1, 0 };

	for (int i = 0; i < n; i++) {
		if (reset)
			tern_setsockopt(b->net.stack[end], b->socks[end][i],
					TERN_SOL_SOCKET, TERN_SO_LINGER, linger,
					sizeof(linger), b->net.now);
		tern_close(b->net.stack[end], b->socks[end][i], b->net.now);
	}
}

/* Connections that end 0 closes first: records [from, to) of one listener. */
static bool make_wave(struct tw_bench *b, uint32_t from, uint32_t to)
{
	uint32_t which = from / PER_LISTENER;
	int n = (int)(to - from);

	if (!connect_some(b, 0, (uint16_t)(FIRST_PORT + which), n))
		return false;
	bench_net_settle(&b->net, MS);
	if (!accept_some(b, 1, b->listeners[which], n))
		return false;
	close_some(b, 0, n, false);
	bench_net_settle(&b->net, MS);
	close_some(b, 1, n, false);
	bench_net_settle(&b->net, MS);
	return true;
}

/* ns a connect(); the SYNs are thrown away. Less than 0: it failed. */
static double time_connects(struct tw_bench *b)
{
	double began = bench_clock();
	bool ok = connect_some(b, 0, SAMPLE_PORT, SAMPLE);

	began = bench_clock() - began;
	if (!ok)
		return -1;
	close_some(b, 0, SAMPLE, false);
	bench_net_settle(&b->net, MS);
	return began * 1e9 / SAMPLE;
}

static double time_handshakes(struct tw_bench *b)
{
	double began = bench_clock();

	if (!connect_some(b, 1, SAMPLE_PORT, SAMPLE))
		return -1;
	while (bench_net_carry(&b->net))
		continue;
	if (!accept_some(b, 0, b->sample_listener[0], SAMPLE))
		return -1;
	began = bench_clock() - began;
	close_some(b, 1, SAMPLE, true);
	bench_net_settle(&b->net, MS);
	close_some(b, 0, SAMPLE, false);
	bench_net_settle(&b->net, MS);
	return began * 1e9 / SAMPLE;
}

static bool sample(struct tw_bench *b, struct tw_sample *s)
{
	double connects[ROUNDS], handshakes[ROUNDS];

	/* The first round is for the caches. */
	for (int i = -1; i < ROUNDS; i++) {
		double c = time_connects(b), h = time_handshakes(b);

		if (c < 0 || h < 0)
			return false;
		connects[i < 0 ? 0 : i] = c;
		handshakes[i < 0 ? 0 : i] = h;
	}
	s->connect_ns = bench_median(connects, ROUNDS);
	s->handshake_ns = bench_median(handshakes, ROUNDS);
	return true;
}

static uint32_t count_records(const struct tw_bench *b)
{
	struct tern_sock_info info;
	uint64_t cursor = 0;
	uint32_t n = 0;

	while (tern_sock_next(b->net.stack[0], &cursor, &info))
		n += info.state == TERN_TCP_TIME_WAIT;
	return n;
}

static double allocated(const struct tw_bench *b)
{
	struct tern_memory m;

	tern_stack_memory(b->net.stack[0], &m);
	return (double)m.total;
}

static bool make_records(struct tw_bench *b, uint32_t from, uint32_t to)
{
	for (; from < to; from = min_u32(from + WAVE, to)) {
		if (!make_wave(b, from, min_u32(from + WAVE, to))) {
			fprintf(stderr,
				"tern bench timewait: record %" PRIu32
				" and on could not be made\n",
				from);
			return false;
		}
	}
	return true;
}

static void note_bytes(const struct tw_bench *b, uint32_t n, double rss,
		       double before, struct tw_result *r)
{
	/* What the stack has given back, malloc shall as well. */
	malloc_trim(0);
	r->rss = ((double)bench_resident() - rss) / n;
	r->allocator = (allocated(b) - before) / n;
}

/* Runs in a process of its own. */
static bool measure(const void *family, void *result)
{
	struct tw_bench *b = bench_array(1, sizeof(*b));
	const struct tw_family *f = family;
	struct tw_result *r = result;
	double before, rss;
	uint32_t n_made;

	if (!b)
		return false;
	b->v6 = f->v6;
	if (!set_up(b, f->n) || !sample(b, &r->samples[0]))
		return false;
	malloc_trim(0);
	before = allocated(b);
	rss = (double)bench_resident();

	r->samples[1].records = min_u32(10000, f->n);
	r->make_ns = bench_clock();
	if (!make_records(b, 0, r->samples[1].records) ||
	    !sample(b, &r->samples[1]))
		return false;
	r->samples[2].records = f->n;
	if (!make_records(b, r->samples[1].records, f->n))
		return false;
	r->make_ns = (bench_clock() - r->make_ns) / f->n * 1e9;
	note_bytes(b, f->n, rss, before, r);
	if (!sample(b, &r->samples[2]))
		return false;

	n_made = count_records(b);
	r->end_ns = bench_clock();
	bench_net_settle(&b->net, 61000 * MS);
	r->end_ns = (bench_clock() - r->end_ns) / f->n * 1e9;
	r->left = (allocated(b) - before) / f->n;
	if (n_made == f->n && count_records(b) == 0)
		return true;
	fprintf(stderr,
		"tern bench timewait: %" PRIu32 " records were made, %" PRIu32
		" are left after 61 s\n",
		n_made, count_records(b));
	return false;
}

static void add_results(const struct tw_result *r, const char *family,
			json_t *results)
{
	const struct {
		const char *what, *unit;
		double value;
	} rows[] = {
		{ "a record, by RSS", "B", r->rss },
		{ "a record, by allocator", "B", r->allocator },
		{ "  left of it after 60 s", "B", r->left },
		{ "open and close, both ends", "ns", r->make_ns },
		{ "a record's end", "ns", r->end_ns },
	};
	char what[64];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(what, sizeof(what), "%s %s", family, rows[i].what);
		bench_add(results, what, rows[i].value, rows[i].unit);
	}
	for (int i = 0; i < N_SAMPLES; i++) {
		snprintf(what, sizeof(what), "%s connect, %" PRIu32 " beside",
			 family, r->samples[i].records);
		bench_add(results, what, r->samples[i].connect_ns, "ns");
	}
	for (int i = 0; i < N_SAMPLES; i++) {
		snprintf(what, sizeof(what), "%s handshake, %" PRIu32 " beside",
			 family, r->samples[i].records);
		bench_add(results, what, r->samples[i].handshake_ns, "ns");
	}
}

static int run(const struct bench_options *options, json_t *results)
{
	uint32_t n = (uint32_t)options->records;
	int status = 0;

	for (int v6 = 0; v6 < 2; v6++) {
		struct tw_family f = { .n = n, .v6 = v6 };
		const char *family = v6 ? "IPv6" : "IPv4";
		double most = v6 ? MOST_BYTES_V6 : MOST_BYTES;
		struct tw_result r = { 0 };

		if (!bench_apart(measure, &f, &r, sizeof(r)))
			return 1;
		add_results(&r, family, results);
		if (n >= BOUND_FROM && (r.allocator > most || r.rss > most)) {
			fprintf(stderr,
				"tern bench timewait: %s is above the bound of "
				"%.1f bytes\n",
				family, most);
			status = 1;
		}
	}
	return status;
}

const struct bench bench_timewait = {
	.name = "timewait",
	.help = "memory of TIME_WAIT, and connections opened beside it",
	.run = run,
};
