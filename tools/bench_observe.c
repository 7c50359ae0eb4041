// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern bench observe: what looking at a busy host costs it.
 *
 * A host with a million connections that rest and one that carries data as fast
 * as it can, all on this thread: host's loop, the peer's stack, both programs.
 * Beside it `tern ss` is run, as by anybody:
 *
 *	ss -s		how long from its start to its end
 *	ss -tan		lines a second; and what the traffic lost meanwhile, by
 *			the bytes a second of this thread's own CPU time, before,
 *			during and after. Each socket must be there once.
 *
 * The median of the rounds counts. CPU time rather than the clock's, so that
 * others on the machine do not count. The times of ss are the clock's.
 *
 * What is lost has two causes: the host's own part in the listing, and that a
 * core, its caches and its clock are shared with whatever runs beside, ss or
 * not. So each round has a third kind of span, beside a process that formats
 * lines as ss does, and asks nothing of the host: what is lost over that is the
 * host's part. The bound is on all that is lost.
 */
#define _GNU_SOURCE
#include "tools/bench.h"
#include "tools/bench_beside.h"

#include "control/control.h"
#include "link/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define CHUNK 65536
#define WAVE 100u
/* A port's worth of clients: the ephemeral range has 28,232. */
#define PER_LISTENER 20000u
#define FIRST_PORT 1000
#define MAX_LISTENERS 64
#define TRAFFIC_PORT 99
#define MAX_ROUNDS 99

/* What is wanted with a million sockets. */
#define MOST_SUMMARY_MS 100.0
#define LEAST_LINES 200000.0
#define MOST_LOSS 5.0 /* per cent */
#define ALL_SOCKETS 1000000u

struct observe {
	struct host *host;
	struct control_server *control;
	char name[32];
	struct tern_link *far; /* the peer's end of the pair */
	struct tern_stack *peer;
	int near_link, far_link; /* their numbers */
	int listeners[MAX_LISTENERS];
	uint32_t n;   /* connections at rest */
	int from, to; /* the sockets of the traffic: host's, peer's */
	char *buf;
	struct bench_neighbour neighbour;
};

/* Bytes that came, and what that took. */
struct span {
	double bytes, cpu_s, wall_s;
};

static bool fail(const char *what, int error)
{
	fprintf(stderr, "tern bench observe: %s: %s\n", what,
		tern_error_text(error));
	return false;
}

static bool open_peer(struct observe *o)
{
	struct tern_config config = {
		.seed = { 2 },
		.alloc = heap_allocator,
		.pool = host_pool(o->host),
		.max_sockets = o->n + 64,
	};
	struct tern_link_config link = { .name = "pair", .mtu = 1500 };
	struct tern_sockaddr sa = bench_net_addr(1, false, 0);
	int64_t now = host_now(o->host);

	o->peer = tern_stack_new(&config, now);
	if (!o->peer)
		return fail("no stack", -TERN_ENOMEM);
	o->far_link = tern_link_add(o->peer, &link, now);
	return o->far_link > 0 &&
	       tern_addr_add(o->peer, o->far_link, &sa.addr, 24, now) == 0;
}

static bool open_host(struct observe *o)
{
	struct host_config config = { .max_sockets = o->n + 1024 };
	struct tern_pair_config pair = { .mtu = 1500, .queue_len = 4096 };
	struct tern_sockaddr sa = bench_net_addr(0, false, 0);
	struct tern_link *ends[2];
	int error = host_new(&config, &o->host);

	if (error)
		return fail("no host", error);
	pair.pool[0] = pair.pool[1] = host_pool(o->host);
	error = tern_pair_new(&pair, ends);
	if (error)
		return fail("no link", error);
	o->far = ends[1];
	o->near_link = host_add_link(o->host, ends[0]);
	if (o->near_link < 0)
		return fail("no link", o->near_link);
	error = tern_addr_add(host_stack(o->host), o->near_link, &sa.addr, 24,
			      host_now(o->host));
	snprintf(o->name, sizeof(o->name), "bench-%d", (int)getpid());
	if (!error)
		error = control_server_open(o->host, o->name, &o->control);
	return error ? fail("no control socket", error) : open_peer(o);
}

static void close_all(struct observe *o)
{
	if (o->control)
		control_server_close(o->control);
	if (o->far)
		o->far->ops->close(o->far);
	if (o->peer)
		tern_stack_free(o->peer);
	if (o->host)
		host_free(o->host);
	free(o->buf);
}

/* A round of the host, and one of its peer. */
static void step(struct observe *o)
{
	struct tern_pkt *pkts[BATCH];
	int64_t now;
	int n;

	host_round(o->host, 0);
	now = host_now(o->host);
	tern_stack_advance(o->peer, now);
	while ((n = o->far->ops->receive(o->far, pkts, BATCH, now)) > 0)
		tern_stack_input(o->peer, o->far_link, pkts, n, now);
	while ((n = tern_stack_output(o->peer, o->far_link, pkts, BATCH, now)) >
	       0) {
		int sent = o->far->ops->send(o->far, pkts, n, now);

		while (sent < n)
			tern_pkt_put(pkts[sent++]);
	}
}

static int listen_at(struct observe *o, uint16_t port)
{
	struct tern_stack *st = host_stack(o->host);
	struct tern_sockaddr sa = bench_net_addr(0, false, port);
	int64_t now = host_now(o->host);
	int s = tern_socket(st, TERN_AF_INET, TERN_SOCK_STREAM, 0, now);

	if (s >= 0 && (tern_bind(st, s, &sa, now) != 0 ||
		       tern_listen(st, s, 2 * WAVE, now) != 0))
		return -1;
	return s;
}

/* The peer's socket, on its way. */
static int dial(struct observe *o, uint16_t port)
{
	struct tern_sockaddr sa = bench_net_addr(0, false, port);
	int64_t now = host_now(o->host);
	int s = tern_socket(o->peer, TERN_AF_INET, TERN_SOCK_STREAM, 0, now);

	if (s >= 0 && tern_connect(o->peer, s, &sa, now) != -TERN_EINPROGRESS)
		return -1;
	return s;
}

/* The next connection at a listener; -1 if none comes. */
static int await(struct observe *o, int listener)
{
	double until = bench_clock() + 30;

	while (bench_clock() < until) {
		int s = tern_accept(host_stack(o->host), listener, NULL,
				    host_now(o->host));

		if (s >= 0)
			return s;
		step(o);
	}
	return -1;
}

/* All connections that will rest; then their other ends are forgotten, without
 * a word: the host does not know. */
static bool fill(struct observe *o)
{
	for (uint32_t i = 0; i < o->n; i += WAVE) {
		uint32_t which = i / PER_LISTENER;
		uint32_t n = o->n - i < WAVE ? o->n - i : WAVE;

		if (i % PER_LISTENER == 0)
			o->listeners[which] =
				listen_at(o, (uint16_t)(FIRST_PORT + which));
		for (uint32_t k = 0; k < n; k++)
			if (dial(o, (uint16_t)(FIRST_PORT + which)) < 0)
				return false;
		for (uint32_t k = 0; k < n; k++)
			if (await(o, o->listeners[which]) < 0)
				return false;
	}
	tern_stack_free(o->peer);
	return open_peer(o);
}

static bool connect_traffic(struct observe *o)
{
	int listener = listen_at(o, TRAFFIC_PORT);

	o->to = dial(o, TRAFFIC_PORT);
	o->from = listener >= 0 && o->to >= 0 ? await(o, listener) : -1;
	o->buf = calloc(1, CHUNK);
	return o->from >= 0 && o->buf;
}

/* One turn: bytes that came, or -errno. */
static int64_t turn(struct observe *o)
{
	int64_t now = host_now(o->host), got, sum = 0;

	got = tern_send(host_stack(o->host), o->from, o->buf, CHUNK, 0, now);
	if (got < 0 && got != -TERN_EAGAIN)
		return got;
	step(o);
	now = host_now(o->host);
	while ((got = tern_recv(o->peer, o->to, o->buf, CHUNK, 0, now)) > 0)
		sum += got;
	return got == -TERN_EAGAIN ? sum : got;
}

static double cpu_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Traffic until the child has ended, or for so long if there is none. False: the
 * stream broke, or the child failed. */
static bool run_traffic(struct observe *o, pid_t child, double seconds,
			struct span *out)
{
	double wall = bench_clock(), cpu = cpu_clock();
	int status = 0;
	bool over = false;

	*out = (struct span){ 0 };
	while (!over) {
		for (int i = 0; i < 8; i++) {
			int64_t got = turn(o);

			if (got < 0)
				return fail("the stream broke", (int)got);
			out->bytes += (double)got;
		}
		over = child ? waitpid(child, &status, WNOHANG) == child :
			       bench_clock() - wall >= seconds;
	}
	out->wall_s = bench_clock() - wall;
	out->cpu_s = cpu_clock() - cpu;
	if (status)
		fprintf(stderr, "tern bench observe: tern ss has failed\n");
	return !status;
}

static bool run_beside(struct observe *o, double seconds, struct span *out)
{
	bool well = bench_neighbour_work(&o->neighbour, true) &&
		    run_traffic(o, 0, seconds, out);

	return bench_neighbour_work(&o->neighbour, false) && well;
}

static bool run_ss(struct observe *o, const char *how, struct span *out,
		   uint64_t *lines)
{
	int fd = memfd_create("ss", MFD_CLOEXEC);
	pid_t pid = fd >= 0 ? bench_start_ss(o->name, how, fd) : 0;
	bool well = pid && run_traffic(o, pid, 0, out);

	*lines = well ? bench_count_lines(fd) : 0;
	if (fd >= 0)
		close(fd);
	return well;
}

struct figures {
	double summary_ms[MAX_ROUNDS], lines[MAX_ROUNDS], gbit[MAX_ROUNDS];
	/* Of the traffic, per cent: to a listing; to any busy neighbour; to the
	 * listing over that. */
	double loss[MAX_ROUNDS], neighbour[MAX_ROUNDS], own[MAX_ROUNDS];
};

static double speed(const struct span *s)
{
	return s->cpu_s > 0 ? s->bytes / s->cpu_s : 0;
}

static bool measure_round(struct observe *o, double seconds, struct figures *f,
			  unsigned i)
{
	struct span summary, before, during, after, beside;
	double alone;
	uint64_t lines;
	/* The listeners, the one of the traffic, the traffic; the header. */
	uint64_t all = o->n + (o->n + PER_LISTENER - 1) / PER_LISTENER + 3;

	if (!run_ss(o, "-s", &summary, &lines) ||
	    !run_traffic(o, 0, seconds, &before) ||
	    !run_ss(o, "-tan", &during, &lines) ||
	    !run_beside(o, during.wall_s, &beside) ||
	    !run_traffic(o, 0, seconds, &after))
		return false;
	if (lines != all) {
		fprintf(stderr,
			"tern bench observe: %llu lines of ss, not %llu\n",
			(unsigned long long)lines, (unsigned long long)all);
		return false;
	}
	f->summary_ms[i] = summary.wall_s * 1e3;
	f->lines[i] = (double)lines / during.wall_s;
	alone = (speed(&before) + speed(&after)) / 2;
	f->gbit[i] = alone * 8 / 1e9;
	f->loss[i] = 100 - 100 * speed(&during) / alone;
	f->neighbour[i] = 100 - 100 * speed(&beside) / alone;
	f->own[i] = 100 - 100 * speed(&during) / speed(&beside);
	return true;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

static int tell(struct figures *f, unsigned n, uint64_t sockets,
		json_t *results)
{
	double summary = median(f->summary_ms, n);
	double lines = median(f->lines, n), loss = median(f->loss, n);

	bench_add(results, "sockets", (double)sockets, "");
	bench_add(results, "traffic, of the host's CPU", median(f->gbit, n),
		  "Gbit/s");
	bench_add(results, "ss -s answers in", summary, "ms");
	bench_add(results, "ss -tan lists", lines, "lines/s");
	bench_add(results, "traffic lost meanwhile", loss, "%");
	bench_add(results, "traffic lost to any busy neighbour",
		  median(f->neighbour, n), "%");
	bench_add(results, "traffic lost to the listing itself",
		  median(f->own, n), "%");
	if (sockets < ALL_SOCKETS)
		return 0;
	if (summary <= MOST_SUMMARY_MS && lines >= LEAST_LINES &&
	    loss <= MOST_LOSS)
		return 0;
	fprintf(stderr,
		"tern bench observe: wanted are at most %g ms, at least %g "
		"lines/s, at most %g %%\n",
		MOST_SUMMARY_MS, LEAST_LINES, MOST_LOSS);
	return 1;
}

static int run(const struct bench_options *options, json_t *results)
{
	struct observe o = { .n = (uint32_t)options->sockets,
			     .neighbour = { .orders = -1 } };
	struct figures f;
	struct span span;
	bool well = bench_neighbour_start(&o.neighbour) ||
		    fail("no process beside", -TERN_EAGAIN);

	well = well && open_host(&o);
	if (well && !(fill(&o) && connect_traffic(&o)))
		well = fail("no connections", -TERN_ECONNREFUSED);
	well = well && run_traffic(&o, 0, options->seconds / 5, &span);
	for (unsigned i = 0; i < options->rounds && well; i++)
		well = measure_round(&o, options->seconds / 5, &f, i);
	close_all(&o);
	bench_neighbour_end(&o.neighbour);
	return well ? tell(&f, options->rounds, options->sockets, results) : 1;
}

const struct bench bench_observe = {
	.name = "observe",
	.help = "what tern ss costs a busy host with a million sockets",
	.run = run,
	.by_name_only = true,
};
