// SPDX-License-Identifier: BSD-2-Clause
#include "tools/flood.h"

#include "base/rng.h"
#include "base/time.h"
#include "wire/wire_csum.h"
#include "wire/wire_ip.h"
#include "wire/wire_tcp.h"

#include <stdio.h>
#include <string.h>

/* Half of what bench_net_carry() takes, so that with the answers everything else
 * leaves as well; and what a client has to say comes a batch later. */
#define BATCH 32u
#define PORT 80

struct flood {
	const struct flood_config *cfg;
	struct flood_result *out;
	struct bench_net net;
	struct rng rng;
	int listener;
	struct tern_memory before;
	double ns; /* so far, of this part */
	struct tern_addr client;
	bool alone; /* no client was there yet */
};

/* Lost but for what the client is to get. */
static bool is_for_client(void *ctx, int from, struct tern_pkt **pkt)
{
	const struct flood *f = ctx;
	const uint8_t *dst = (*pkt)->data + (f->cfg->v6 ? 24 : 16);

	if (from == 0)
		return true;
	if (f->cfg->v6)
		return !memcmp(dst, f->client.b, 16);
	return !memcmp(dst, f->client.b + 12, 4);
}

static bool listen_at(struct flood *f)
{
	struct tern_sockaddr sa = bench_net_addr(1, f->cfg->v6, PORT);
	struct tern_stack *st = f->net.stack[1];
	struct tern_route all = { .v6 = f->cfg->v6, .link = f->net.number[1] };

	f->listener =
		tern_socket(st, sa.family, TERN_SOCK_STREAM, 0, f->net.now);
	return f->listener >= 0 && tern_route_add(st, &all, f->net.now) == 0 &&
	       tern_sysctl_set(st, "tcp_syncookies", f->cfg->syncookies,
			       f->net.now) == 0 &&
	       tern_bind(st, f->listener, &sa, f->net.now) == 0 &&
	       tern_listen(st, f->listener, (int)f->cfg->backlog, f->net.now) ==
		       0;
}

/* Anywhere, but on nobody's network: 11.x.x.x, 2000::/4. */
static struct tern_addr random_addr(struct flood *f)
{
	struct tern_addr a;

	if (!f->cfg->v6)
		return tern_addr_v4(11, (uint8_t)rng_below(&f->rng, 256),
				    (uint8_t)rng_below(&f->rng, 256),
				    (uint8_t)(1 + rng_below(&f->rng, 254)));
	for (int i = 0; i < 16; i++)
		a.b[i] = (uint8_t)rng_below(&f->rng, 256);
	a.b[0] = (uint8_t)(0x20 | (a.b[0] & 15));
	return a;
}

/* A SYN as Linux sends it, or an ACK out of nowhere. */
static struct tern_pkt *forge(struct flood *f, uint16_t flags)
{
	struct tern_pkt *pkt = tern_pkt_new(f->net.pool, 60, 60);
	struct wire_ip ip = { .v6 = f->cfg->v6,
			      .protocol = WIRE_PROTO_TCP,
			      .ttl = 64 };
	struct wire_tcp h = { .dport = PORT, .flags = flags, .window = 64240 };
	struct wire_tcp_opts o = { 0 };
	uint8_t opts[40], *p;
	uint32_t n;

	if (!pkt)
		return NULL;
	ip.src = random_addr(f);
	ip.dst = bench_net_addr(1, f->cfg->v6, 0).addr;
	h.sport = (uint16_t)(1024 + rng_below(&f->rng, 64000));
	h.seq = seq_of(rng_below(&f->rng, UINT32_MAX));
	if (flags & TCP_ACK)
		h.ack = seq_of(rng_below(&f->rng, UINT32_MAX));
	if (flags & TCP_SYN) {
		o.present = WIRE_OPT_MSS | WIRE_OPT_SACK_OK | WIRE_OPT_TS |
			    WIRE_OPT_WSCALE;
		o.mss = f->cfg->v6 ? 1440 : 1460;
		o.ts_val = rng_below(&f->rng, UINT32_MAX);
		o.wscale = 7;
	}
	n = wire_tcp_emit_opts(opts, &o, flags & TCP_SYN);
	h.hdr_len = (uint8_t)(WIRE_TCP_LEN + n);
	p = tern_pkt_append(pkt, h.hdr_len);
	wire_tcp_emit(p, &h);
	memcpy(p + WIRE_TCP_LEN, opts, n);
	put_be16(p + 16,
		 csum_fold(csum_add(csum_pseudo(&ip.src, &ip.dst,
						WIRE_PROTO_TCP, h.hdr_len),
				    p, h.hdr_len)));
	wire_ip_emit(pkt, &ip);
	return pkt;
}

static void advance(struct flood *f, int64_t ns)
{
	f->net.now += ns;
	tern_stack_advance(f->net.stack[0], f->net.now);
	tern_stack_advance(f->net.stack[1], f->net.now);
}

static double clock_of(const struct flood *f)
{
	return f->cfg->clock ? f->cfg->clock() : 0;
}

/* Forged segments in, and what comes out is lost. */
static bool batch(struct flood *f, uint16_t flags, uint32_t n)
{
	struct tern_pkt *pkts[BATCH];
	double began;

	advance(f, n * f->cfg->every_ns);
	for (uint32_t i = 0; i < n; i++) {
		pkts[i] = forge(f, flags);
		if (!pkts[i])
			return false;
	}
	began = clock_of(f);
	tern_stack_input(f->net.stack[1], f->net.number[1], pkts, (int)n,
			 f->net.now);
	bench_net_carry(&f->net);
	f->ns += clock_of(f) - began;
	return true;
}

static uint64_t grown(size_t now, size_t before)
{
	return now > before ? now - before : 0;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The stack's, and of packets: of these only while the clients, which have the
 * pool too, have none. */
static struct tern_memory memory(const struct flood *f)
{
	struct tern_memory m;

	tern_stack_memory(f->net.stack[1], &m);
	if (f->alone)
		m.total += tern_pool_footprint(f->net.pool);
	return m;
}

static void note_memory(struct flood *f)
{
	struct tern_memory m = memory(f);

	f->out->half_open = max_u64(f->out->half_open,
				    grown(m.half_open, f->before.half_open));
	f->out->total = max_u64(f->out->total, grown(m.total, f->before.total));
	f->out->left = grown(m.total, f->before.total);
}

static void note_entries(struct flood *f)
{
	struct tern_sock_info info;
	uint64_t cursor = 0;
	uint32_t n = 0;

	while (tern_sock_next(f->net.stack[1], &cursor, &info))
		n += info.state == TERN_TCP_SYN_RECV;
	f->out->n_entries = max_u32(f->out->n_entries, n);
}

static uint64_t counter(const struct flood *f, const char *name)
{
	return tern_counter_get(f->net.stack[1], tern_counter_find(name));
}

/* Counters as they are: what a part has moved is the difference of two. */
static struct flood_counters counters(const struct flood *f)
{
	return (struct flood_counters){
		.sent = counter(f, "TcpExtSyncookiesSent"),
		.received = counter(f, "TcpExtSyncookiesRecv"),
		.failed = counter(f, "TcpExtSyncookiesFailed"),
		.do_cookies = counter(f, "TcpExtTCPReqQFullDoCookies"),
		.full_drop = counter(f, "TcpExtTCPReqQFullDrop"),
		.listen_drops = counter(f, "TcpExtListenDrops"),
		.listen_overflows = counter(f, "TcpExtListenOverflows"),
		.passive_opens = counter(f, "TcpPassiveOpens"),
	};
}

static struct flood_counters moved(const struct flood *f,
				   const struct flood_counters *since)
{
	struct flood_counters c = counters(f);

	c.sent -= since->sent;
	c.received -= since->received;
	c.failed -= since->failed;
	c.do_cookies -= since->do_cookies;
	c.full_drop -= since->full_drop;
	c.listen_drops -= since->listen_drops;
	c.listen_overflows -= since->listen_overflows;
	c.passive_opens -= since->passive_opens;
	return c;
}

static bool flood_alone(struct flood *f, uint16_t flags, uint32_t n, double *ns)
{
	f->ns = 0;
	for (uint32_t i = 0; i < n; i += BATCH) {
		if (!batch(f, flags, min_u32(BATCH, n - i)))
			return false;
		note_memory(f);
		if (i / BATCH % 16 == 0)
			note_entries(f);
	}
	*ns = n ? f->ns * 1e9 / n : 0;
	return true;
}

static void reset(struct flood *f, int end, int s)
{
	const int linger[2] = { 1, 0 };

	tern_setsockopt(f->net.stack[end], s, TERN_SOL_SOCKET, TERN_SO_LINGER,
			linger, sizeof(linger), f->net.now);
	tern_close(f->net.stack[end], s, f->net.now);
}

/* Those who got through are told apart by their options, and let go. */
static void accept_all(struct flood *f)
{
	struct tern_stack *st = f->net.stack[1];
	int s;

	while ((s = tern_accept(st, f->listener, NULL, f->net.now)) >= 0) {
		struct tern_tcp_info info = { 0 };
		size_t len = sizeof(info);

		tern_getsockopt(st, s, TERN_IPPROTO_TCP, TERN_TCP_INFO, &info,
				&len, f->net.now);
		f->out->n_connected++;
		f->out->n_whole += (info.options & 7) == 7 &&
				   (info.wscale & 15) == 7 && info.wscale >> 4;
		reset(f, 1, s);
	}
}

static bool start_client(struct flood *f)
{
	struct tern_sockaddr to = bench_net_addr(1, f->cfg->v6, PORT);
	struct tern_stack *st = f->net.stack[0];
	int s = tern_socket(st, to.family, TERN_SOCK_STREAM, 0, f->net.now);

	return s >= 0 &&
	       tern_connect(st, s, &to, f->net.now) == -TERN_EINPROGRESS;
}

/* A client each so many SYNs, but in the last tenth, which is for the last ones
 * to finish in. */
static bool flood_among(struct flood *f)
{
	uint32_t n_syns = f->cfg->n_syns / 2, n_started = 0, i;
	uint64_t from = n_syns / 10 * 9;

	for (i = 0; i < n_syns; i += BATCH) {
		while (n_started < f->cfg->n_clients &&
		       n_started * from <= (uint64_t)i * f->cfg->n_clients) {
			if (!start_client(f))
				return false;
			n_started++;
		}
		if (!batch(f, TCP_SYN, min_u32(BATCH, n_syns - i)))
			return false;
		accept_all(f);
	}
	return true;
}

static bool run(struct flood *f)
{
	struct flood_counters at;

	if (!bench_net_open(&f->net, f->cfg->n_clients + 1000) || !listen_at(f))
		return false;
	f->client = bench_net_addr(0, f->cfg->v6, 0).addr;
	f->net.filter = is_for_client;
	f->net.filter_ctx = f;
	f->alone = true;
	f->before = memory(f);
	at = counters(f);
	if (!flood_alone(f, TCP_SYN, f->cfg->n_syns / 2, &f->out->syn_ns))
		return false;
	f->out->alone = moved(f, &at);
	f->alone = false;
	at = counters(f);
	if (!flood_among(f))
		return false;
	f->out->among = moved(f, &at);
	note_memory(f);
	at = counters(f);
	if (!flood_alone(f, TCP_ACK, f->cfg->n_acks, &f->out->ack_ns))
		return false;
	f->out->acks = moved(f, &at);
	return true;
}

bool flood_run(const struct flood_config *cfg, struct flood_result *out)
{
	static const struct sipkey seed = { 1, 2 };
	struct flood f = { .cfg = cfg, .out = out };
	bool ok;

	*out = (struct flood_result){ 0 };
	rng_init(&f.rng, &seed);
	ok = run(&f);
	bench_net_close(&f.net);
	return ok;
}
