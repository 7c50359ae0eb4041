// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern bench synflood: a million forged SYNs, and a thousand clients among them
 * (flood.h), with SYN cookies and without.
 *
 * With cookies the flood must cost no memory but that of the listener's half-
 * open queue, and 99 of 100 clients must connect, most by cookie, with all that
 * they asked for. Without, the denial and what it counts are shown. Then a
 * million ACKs that guess at a cookie.
 */
#include "tools/bench.h"
#include "tools/flood.h"

#include <inttypes.h>
#include <stdio.h>

/* An entry, the design's bound for either family; and what the flood's own
 * packets, the answers' queue and the tables take, whatever its length. */
#define ENTRY 96u
#define ENTRY_V6 120u
#define CONSTANT (128u << 10)
#define BACKLOG 128u
#define EVERY 10000 /* ns: 100,000 a second */

static uint64_t bound(bool v6)
{
	return (BACKLOG + 1) * (v6 ? ENTRY_V6 : ENTRY) + CONSTANT;
}

static void add(json_t *results, const char *run, const char *what,
		double value, const char *unit)
{
	char text[64];

	snprintf(text, sizeof(text), "%s %s", run, what);
	bench_add(results, text, value, unit);
}

static void add_results(json_t *results, const char *run,
			const struct flood_result *r)
{
	add(results, run, "forged SYN", r->syn_ns, "ns");
	if (r->acks.failed)
		add(results, run, "forged ACK", r->ack_ns, "ns");
	add(results, run, "half-open, at most", r->n_entries, "");
	add(results, run, "memory, at most", (double)r->total / 1024, "KiB");
	add(results, run, "clients connected", r->n_connected, "");
	add(results, run, "  with all options", r->n_whole, "");
	add(results, run, "  by cookie", (double)r->among.received, "");
	add(results, run, "SyncookiesSent",
	    (double)(r->alone.sent + r->among.sent), "");
	add(results, run, "SyncookiesFailed", (double)r->acks.failed, "");
	add(results, run, "TCPReqQFullDrop",
	    (double)(r->alone.full_drop + r->among.full_drop), "");
	add(results, run, "ListenDrops",
	    (double)(r->alone.listen_drops + r->among.listen_drops), "");
}

static bool check(const char *run, bool ok, const char *what)
{
	if (!ok)
		fprintf(stderr, "tern bench synflood: %s: %s\n", run, what);
	return ok;
}

static int run_one(const struct bench_options *o, bool v6,
		   const char *syncookies, json_t *results)
{
	bool cookies = *syncookies != '0';
	struct flood_config cfg = {
		.v6 = v6,
		.syncookies = syncookies,
		.n_syns = (uint32_t)o->syns,
		.n_clients =
			(uint32_t)(o->syns > 100000 ? 1000 : o->syns / 100),
		/* Without cookies the clients would use the pause. */
		.n_acks = cookies ? (uint32_t)o->syns : 0,
		.backlog = BACKLOG,
		.every_ns = EVERY,
		.clock = bench_clock,
	};
	uint32_t most = cfg.n_clients;
	struct flood_result r;
	bool ok = true;
	char run[32];

	snprintf(run, sizeof(run), "%s, cookies %s", v6 ? "IPv6" : "IPv4",
		 syncookies);
	if (!flood_run(&cfg, &r)) {
		fprintf(stderr, "tern bench synflood: %s: cannot be run\n",
			run);
		return 1;
	}
	add_results(results, run, &r);
	/* All are told, also behind the first. */
	ok &= check(run, r.total <= bound(v6), "memory grew");
	ok &= check(run, r.n_entries <= BACKLOG + 1, "too many half-open");
	if (cookies) {
		ok &= check(run, r.n_connected * 100 >= most * 99,
			    "clients were shut out");
		ok &= check(run, r.n_whole == r.n_connected, "options lost");
		ok &= check(run, r.acks.passive_opens == 0, "an ACK got in");
	}
	return !ok;
}

static int run(const struct bench_options *options, json_t *results)
{
	int status = 0;

	for (int v6 = 0; v6 < 2; v6++)
		status |= run_one(options, v6, "1", results);
	return status | run_one(options, false, "0", results);
}

const struct bench bench_synflood = {
	.name = "synflood",
	.help = "forged SYNs, and clients among them",
	.run = run,
};
