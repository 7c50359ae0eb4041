// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern bench ports: what connect() costs while the ephemeral ports run out.
 *
 * Sockets connect to one destination until EADDRNOTAVAIL; their SYNs are taken
 * and thrown away. Told is what one connect() costs, socket and SYN included,
 * of the first thousand, of the one after half (the ports of the parity that
 * is tried first have run out), of the last whole one, and of a thousand that
 * are refused. Another destination must still be reached.
 */
#include "tools/bench.h"

#include <stdio.h>
#include <string.h>

#define N_PORTS 28232 /* of the default range */
#define SAMPLE 1000

struct ports {
	struct bench_net net;
	struct tern_sockaddr to;
	int n; /* connected */
	int error;
};

/* 0: on its way. */
static int connect_one(struct bench_net *n, const struct tern_sockaddr *to)
{
	int s = tern_socket(n->stack[0], to->family, TERN_SOCK_STREAM, 0,
			    n->now);
	int error = s < 0 ? s : tern_connect(n->stack[0], s, to, n->now);

	if (error == -TERN_EINPROGRESS)
		return 0;
	if (s >= 0)
		tern_close(n->stack[0], s, n->now);
	return error;
}

static void throw_away(struct bench_net *n)
{
	struct tern_pkt *pkts[64];
	int count;

	do {
		count = tern_stack_output(n->stack[0], n->number[0], pkts, 64,
					  n->now);
		for (int i = 0; i < count; i++)
			tern_pkt_put(pkts[i]);
	} while (count > 0);
}

/* Tries that often; ns a try. */
static double try_some(struct ports *p, int n)
{
	double began = bench_clock();

	for (int i = 0; i < n; i++) {
		p->error = connect_one(&p->net, &p->to);
		p->n += !p->error;
	}
	began = bench_clock() - began;
	throw_away(&p->net);
	return began / n * 1e9;
}

static void measure(struct ports *p, const char *family, json_t *results)
{
	static const struct {
		const char *what;
		int from;
	} samples[] = {
		{ "connect, all ports free", 0 },
		{ "connect, half taken", N_PORTS / 2 + 2 },
		{ "connect, the last 1,000", N_PORTS - SAMPLE },
		{ "connect, refused", N_PORTS },
	};
	char what[64];

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		while (p->n < samples[i].from && !p->error)
			try_some(p, min_u32(100, samples[i].from - p->n));
		snprintf(what, sizeof(what), "%s %s", family, samples[i].what);
		bench_add(results, what, try_some(p, SAMPLE), "ns");
	}
	snprintf(what, sizeof(what), "%s connections to one destination",
		 family);
	bench_add(results, what, p->n, "");
}

static int run(const struct bench_options *options, json_t *results)
{
	int status = 0;

	(void)options;
	for (int v6 = 0; v6 < 2 && !status; v6++) {
		struct ports p = { .to = bench_net_addr(1, v6, 80) };

		status = !bench_net_open(&p.net, N_PORTS + 10);
		if (!status) {
			measure(&p, v6 ? "IPv6" : "IPv4", results);
			p.to.port++;
			status = p.n != N_PORTS ||
				 p.error != -TERN_EADDRNOTAVAIL ||
				 connect_one(&p.net, &p.to) != 0;
			if (status)
				fprintf(stderr,
					"tern bench ports: after %d: %s\n", p.n,
					tern_error_text(p.error));
		}
		bench_net_close(&p.net);
	}
	return status;
}

const struct bench bench_ports = {
	.name = "ports",
	.help = "connect() to one destination until the ports run out",
	.run = run,
};
