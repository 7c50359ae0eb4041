// SPDX-License-Identifier: BSD-2-Clause
#include "world.h"

#include "../../lab/moved.h"

#include "base/bytes.h"
#include "base/pkt.h"

#include <stdlib.h>

/* More rounds at one instant than this is a live lock. Each moves a packet or
 * lets a program act. */
#define MOST_ROUNDS 200000u

int64_t world_local(const struct world *w, int host)
{
	return w->now + w->host[host].skew;
}

static struct tern_addr addr_of(int host, bool v6)
{
	struct tern_addr a = { { 0xfd, [15] = (uint8_t)(host + 1) } };

	return v6 ? a : tern_addr_v4(10, 0, 0, (uint8_t)(host + 1));
}

struct tern_sockaddr world_addr(int host, bool v6, uint16_t port)
{
	return (struct tern_sockaddr){
		.addr = addr_of(host, v6),
		.family = v6 ? TERN_AF_INET6 : TERN_AF_INET,
		.port = port,
	};
}

static bool open_pools(struct world *w)
{
	struct host *a = &w->host[0], *b = &w->host[1];
	struct tern_allocator alloc[2] = { lab_fault_allocator(&a->alloc),
					   lab_fault_allocator(&b->alloc) };

	a->pool = tern_pool_new(&alloc[0]);
	b->pool = w->share_pool ? a->pool : tern_pool_new(&alloc[1]);
	return a->pool && b->pool;
}

static bool open_stack(struct world *w, int i, const struct world_config *c)
{
	struct tern_link_config link = {
		.name = "net",
		.mtu = c->mtu ? c->mtu : 1500,
		.abilities = c->offload ? TERN_LINK_GSO | TERN_LINK_TX_CSUM : 0,
	};
	struct host *h = &w->host[i];
	int64_t now = world_local(w, i);

	h->cfg = (struct tern_config){
		.alloc = lab_fault_allocator(&h->alloc),
		.plain_alloc = c->plain_alloc,
		.pool = w->share_pool ? h->pool : NULL,
	};
	for (int k = 0; k < 16; k++)
		h->cfg.seed[k] = (uint8_t)(rng_u64(&w->rng) + (unsigned)i);
	h->st = tern_stack_new(&h->cfg, now);
	if (!h->st)
		return false;
	h->link_no = tern_link_add(h->st, &link, now);
	if (h->link_no < 0)
		return false;
	for (int v6 = 0; v6 < 2; v6++) {
		struct tern_addr a = addr_of(i, v6);

		if (tern_addr_add(h->st, h->link_no, &a, v6 ? 64 : 24, now))
			return false;
	}
	/* A bad link shall not end a connection: try often. */
	tern_sysctl_set(h->st, "tcp_syn_retries", "60", now);
	tern_sysctl_set(h->st, "tcp_synack_retries", "60", now);
	tern_sysctl_set(h->st, "tcp_retries2", "60", now);
	tern_sysctl_set(h->st, "tcp_orphan_retries", "60", now);
	return true;
}

bool world_open(struct world *w, const struct world_config *c)
{
	struct sipkey key = { c->seed, 0x776f726c64 };
	struct tern_pair_config pair = {
		.mtu = c->mtu,
		.abilities = c->offload ? TERN_LINK_GSO | TERN_LINK_TX_CSUM : 0,
	};
	struct tern_link *ends[2];

	w->seed = c->seed;
	w->show = getenv("TERN_SHOW");
	w->share_pool = c->share_pool;
	w->digest = UINT64_C(0xcbf29ce484222325);
	rng_init(&w->rng, &key);
	for (int i = 0; i < 2; i++)
		w->host[i].skew = c->skew[i];
	if (!open_pools(w))
		return false;
	pair.pool[0] = w->host[0].pool;
	pair.pool[1] = w->host[1].pool;
	WANT(w, tern_pair_new(&pair, ends) == 0);
	w->host[0].link = ends[0];
	w->host[1].link = ends[1];
	if (c->lane)
		world_spoil(w, c->lane);
	return open_stack(w, 0, c) && open_stack(w, 1, c);
}

void world_spoil(struct world *w, const struct tern_fault_lane *lane)
{
	for (int i = 0; i < 2; i++) {
		struct tern_fault_config fault = {
			.seed = rng_u64(&w->rng),
			.out = *lane,
			.refuse_every = rng_below(&w->rng, 3) ? 0 : 7,
		};
		struct tern_link *bad;

		WANT(w, tern_fault_wrap(w->host[i].link, &fault, &bad) == 0);
		w->host[i].link = bad;
	}
}

void world_close(struct world *w)
{
	struct host *a = &w->host[0], *b = &w->host[1];

	for (int i = 0; i < 2; i++) {
		struct host *h = &w->host[i];

		while (h->n_held)
			tern_pkt_put(h->held[--h->n_held]);
		moved_note(h->st);
		tern_stack_free(h->st);
		if (h->link)
			h->link->ops->close(h->link);
	}
	if (b->pool && b->pool != a->pool)
		tern_pool_free(b->pool);
	if (a->pool)
		tern_pool_free(a->pool);
	WANT(w, lab_fault_is_balanced(&a->alloc));
	WANT(w, lab_fault_is_balanced(&b->alloc));
}

static void digest(struct world *w, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	/* FNV-1a. */
	while (n--)
		w->digest = (w->digest ^ *p++) * UINT64_C(0x100000001b3);
}

/* A packet leaves a stack. */
static void see(struct world *w, int host, const struct tern_pkt *pkt)
{
	struct host *h = &w->host[host];
	uint8_t bytes[2048];
	size_t n = min_size(pkt->len, sizeof(bytes));
	size_t ip, k;
	int64_t stamp[3] = { host, w->now, (int64_t)pkt->len };

	tern_pkt_copy_out(pkt, 0, bytes, n);
	digest(w, bytes, n);
	for (k = 0; k < 24; k++) {
		uint8_t b = (uint8_t)(stamp[k / 8] >> 8 * (k % 8));

		digest(w, &b, 1);
	}
	ladder_add(w, host, pkt);
	w->n_packets++;
	ip = bytes[0] >> 4 == 6 ? 40 : 20;
	if (n >= ip + 20 && bytes[ip == 40 ? 6 : 9] == TERN_IPPROTO_TCP &&
	    bytes[ip + 13] & 2)
		h->isn = get_be32(bytes + ip + 4);
}

static bool put_out(struct world *w, int i)
{
	struct host *h = &w->host[i];
	bool moved = false;

	do {
		int n;

		if (!h->n_held) {
			h->n_held = tern_stack_output(h->st, h->link_no,
						      h->held, WORLD_BATCH,
						      world_local(w, i));
			for (int k = 0; k < h->n_held; k++)
				see(w, i, h->held[k]);
		}
		n = h->link->ops->send(h->link, h->held, h->n_held, w->now);
		WANT(w, n >= 0 && n <= h->n_held);
		if (!n)
			return moved;
		moved = true;
		h->n_held -= n;
		memmove(h->held, h->held + n,
			(size_t)h->n_held * sizeof(*h->held));
	} while (!h->n_held);
	return moved;
}

static bool take_in(struct world *w, int i)
{
	struct host *h = &w->host[i];
	struct tern_pkt *pkts[WORLD_BATCH];
	bool moved = false;
	int n;

	while ((n = h->link->ops->receive(h->link, pkts, WORLD_BATCH, w->now)) >
	       0) {
		tern_stack_input(h->st, h->link_no, pkts, n, world_local(w, i));
		moved = true;
	}
	WANT(w, n == 0);
	return moved;
}

static bool tell_events(struct world *w, int i)
{
	struct tern_event events[16];
	bool any = false;
	int n;

	while ((n = tern_events(w->host[i].st, events, 16)) > 0) {
		for (int k = 0; k < n && w->on_event; k++)
			w->on_event(w, i, &events[k]);
		any = true;
	}
	return any;
}

/* True: something happened. */
static bool round_of(struct world *w)
{
	bool any = false;

	for (int i = 0; i < 2; i++) {
		struct host *h = &w->host[i];

		any |= take_in(w, i);
		if (tern_stack_deadline(h->st) <= world_local(w, i))
			tern_stack_advance(h->st, world_local(w, i));
		any |= tell_events(w, i);
	}
	any |= w->act && w->act(w);
	for (int i = 0; i < 2; i++)
		any |= put_out(w, i);
	return any;
}

static int64_t next_at(struct world *w)
{
	int64_t at = w->wake ? w->wake(w) : NEVER;

	for (int i = 0; i < 2; i++) {
		struct host *h = &w->host[i];
		int64_t due = tern_stack_deadline(h->st);

		if (due != NEVER)
			at = min_i64(at, due - h->skew);
		if (h->link->ops->deadline)
			at = min_i64(at, h->link->ops->deadline(h->link));
	}
	return at;
}

bool world_step(struct world *w)
{
	int64_t at;

	while (round_of(w))
		WANT(w, ++w->n_rounds < MOST_ROUNDS);
	at = next_at(w);
	if (at == NEVER)
		return false;
	if (at > w->now) {
		w->now = at;
		w->n_rounds = 0;
	} else {
		WANT(w, ++w->n_rounds < MOST_ROUNDS);
	}
	return true;
}

void world_run_until(struct world *w, int64_t at)
{
	while (w->now < at && world_step(w))
		;
}

int world_count_sockets(struct world *w, int host)
{
	struct tern_sock_info info;
	uint64_t cursor = 0;
	int n = 0;

	while (tern_sock_next(w->host[host].st, &cursor, &info))
		n++;
	return n;
}

struct tern_fault_lane world_lane(struct rng *rng)
{
	static const uint32_t rates[][TERN_FAULT_KINDS] = {
		[0] = { 0, 0, 0, 0 },
		[1] = { 1000, 0, 0, 0 },
		[2] = { 10000, 5000, 5000, 10000 },
		[3] = { 50000, 20000, 20000, 50000 },
		[4] = { 150000, 100000, 50000, 200000 },
		[5] = { 0, 0, 0, 200000 },
		[6] = { 0, 300000, 0, 0 },
		[7] = { 0, 0, 100000, 0 },
	};
	struct tern_fault_lane lane = {
		.delay_ns = rng_below(rng, 4) *
			    (int64_t)rng_below(rng, 20 * NS_PER_MS),
		.reorder_ns = 1 + rng_below(rng, 30 * NS_PER_MS),
	};

	memcpy(lane.rate, rates[rng_below(rng, ARRAY_LEN(rates))],
	       sizeof(lane.rate));
	return lane;
}

void world_skew_to_wrap(const struct world_config *c, bool v6, uint16_t port,
			const uint32_t room[2], int64_t skew[2])
{
	struct world_config clean = *c;
	struct world w = { 0 };
	struct tern_sockaddr from = world_addr(0, v6, port);
	struct tern_sockaddr to = world_addr(1, v6, WORLD_PORT);
	int s[2];

	clean.skew[0] = clean.skew[1] = 0;
	clean.lane = NULL;
	WANT(&w, world_open(&w, &clean));
	for (int i = 0; i < 2; i++)
		s[i] = tern_socket(w.host[i].st, from.family, TERN_SOCK_STREAM,
				   0, 0);
	WANT(&w, tern_bind(w.host[1].st, s[1], &to, 0) == 0);
	WANT(&w, tern_listen(w.host[1].st, s[1], 1, 0) == 0);
	WANT(&w, tern_bind(w.host[0].st, s[0], &from, 0) == 0);
	WANT(&w, tern_connect(w.host[0].st, s[0], &to, 0) == -TERN_EINPROGRESS);
	while (round_of(&w))
		;
	/* The number grows by one each 64 ns (RFC 9293 3.4.1: 4 us). */
	for (int i = 0; i < 2; i++)
		skew[i] = (int64_t)(0 - room[i] - w.host[i].isn) * 64;
	world_close(&w);
}
