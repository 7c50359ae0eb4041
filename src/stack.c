// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stack: its making, its end, its four calls, and those that set up links
 * and routes. It owns everything below it.
 *
 * Made in this order, and unmade in reverse: keys, tunables and numbers (no
 * memory), the pool, IP, UDP, TCP. What cannot be made gives back what was.
 *
 * A pool of the stack's own takes its memory through the stack, so that the
 * cap holds for packets too. Packets that the owner of the stack still holds
 * keep such a pool alive, and with it the block of the stack: it goes with the
 * pool's last byte.
 */
#include <tern/stack.h>

#include "base/bytes.h"
#include "base/pkt.h"
#include "stack_door.h"
#include "stack_flight.h"
#include "stack_record.h"
#include "stack_tunables.h"

#define DEFAULT_MAX_SOCKETS 1048576u /* Linux's fs.nr_open */

/* Keys come from the seed by SipHash of a label, so that one that leaks (a
 * cookie's, say) tells nothing of the others. */
static void derive_key(const struct tern_config *cfg, const char label[8],
		       struct sipkey *out)
{
	struct sipkey seed = sipkey_of(cfg->seed);
	char text[9] = { 0 };

	memcpy(text, label, 8);
	out->k0 = siphash(&seed, text, sizeof(text));
	text[8] = 1;
	out->k1 = siphash(&seed, text, sizeof(text));
}

static void derive_keys(struct tern_stack *st)
{
	struct sipkey key;

	derive_key(&st->cfg, "random  ", &key);
	rng_init(&st->rng, &key);
	derive_key(&st->cfg, "tables  ", &st->key_hash);
	derive_key(&st->cfg, "isn     ", &st->key_isn);
	derive_key(&st->cfg, "ts_off  ", &st->key_ts);
	derive_key(&st->cfg, "ports   ", &st->key_port);
	derive_key(&st->cfg, "cookies ", &st->key_cookie);
}

static void *pool_alloc(void *ctx, size_t size)
{
	struct tern_stack *st = ctx;

	return mem_alloc(&st->mem, size);
}

static void free_block(struct tern_stack *st)
{
	struct tern_allocator alloc = st->cfg.alloc;

	alloc.free(alloc.ctx, st, sizeof(*st));
}

static void pool_free(void *ctx, void *p, size_t size)
{
	struct tern_stack *st = ctx;

	mem_free(&st->mem, p, size);
	if (st->gone && st->mem.used == sizeof(*st))
		free_block(st);
}

static bool init_pool(struct tern_stack *st)
{
	struct tern_allocator alloc = { st, pool_alloc, pool_free };

	st->pool = st->cfg.pool;
	if (!st->pool) {
		st->own_pool = true;
		st->pool = tern_pool_new(&alloc);
	}
	return st->pool;
}

/* Ends the block: at once, or with what is still out of its pool. */
static void let_go(struct tern_stack *st)
{
	if (st->own_pool && st->pool)
		tern_pool_free(st->pool);
	if (st->mem.used == sizeof(*st))
		free_block(st);
	else
		st->gone = true;
}

static bool init_parts(struct tern_stack *st)
{
	if (!init_pool(st))
		return false;
	ip_init(st);
	if (udp_init(st))
		goto no_udp;
	if (tcp_init(st))
		goto no_tcp;
	return true;
no_tcp:
	udp_fini(st);
no_udp:
	ip_fini(st);
	return false;
}

static bool is_usable(const struct tern_config *cfg)
{
	return cfg && cfg->alloc.alloc && cfg->alloc.free;
}

struct tern_stack *tern_stack_new(const struct tern_config *cfg, int64_t now)
{
	struct tern_stack *st;

	if (!is_usable(cfg) ||
	    (cfg->max_memory && cfg->max_memory < sizeof(*st)))
		return NULL;
	st = cfg->alloc.alloc(cfg->alloc.ctx, sizeof(*st));
	if (!st)
		return NULL;
	memset(st, 0, sizeof(*st));
	st->cfg = *cfg;
	st->trace_kinds = cfg->trace ? TERN_TRACE_ALL : 0;
	st->mem = (struct mem){
		.alloc = cfg->alloc,
		.used = sizeof(*st),
		.cap = cfg->max_memory,
	};
	st->now = now;
	st->next_cookie = 1;
	derive_keys(st);
	stack_tunables_init(&st->tun);
	slots_init(&st->slots, &st->mem,
		   cfg->max_sockets ? cfg->max_sockets : DEFAULT_MAX_SOCKETS);
	if (!init_parts(st)) {
		let_go(st);
		return NULL;
	}
	if (cfg->record)
		stack_record_begin(st);
	if (cfg->flight_size && stack_flight_begin(st)) {
		tern_stack_free(st);
		return NULL;
	}
	return st;
}

void tern_stack_free(struct tern_stack *st)
{
	if (!st)
		return;
	if (st->flight)
		stack_flight_end(st);
	if (st->cfg.record)
		stack_record_end(st);
	ip_drop_output(st);
	tcp_fini(st);
	udp_fini(st);
	ip_fini(st);
	slots_fini(&st->slots);
	let_go(st);
}

/* An input packet's notes are the link's; those of whoever had it before it
 * came to the link mean nothing here. */
static void adopt(struct tern_stack *st, struct tern_pkt *pkt, int link)
{
	pkt->next = NULL;
	pkt->link = (uint8_t)link;
	pkt->flags = 0;
	pkt->owner = 0;
	pkt->at = st->now;
}

int64_t stack_on_input(struct tern_stack *st, struct call *c)
{
	struct tern_pkt *const *pkts = c->in;
	struct ip_link *link = ip_link_at(&st->ip, c->s);
	size_t i;

	for (i = 0; i < c->in_len; i++) {
		adopt(st, pkts[i], link ? c->s : 0);
		if (likely(link && link->up && c->s != 0)) {
			link->rx_packets++;
			link->rx_bytes += pkts[i]->len;
			ip_input(st, pkts[i]);
		} else {
			ip_drop(st, pkts[i], DROP_LINK_DOWN);
		}
	}
	return 0;
}

void tern_stack_input(struct tern_stack *st, int link, struct tern_pkt **pkts,
		      int n, int64_t now)
{
	struct call c = {
		.op = CALL_INPUT,
		.s = link,
		.now = now,
		.in = pkts,
		.in_len = n > 0 ? (size_t)n : 0,
	};

	(void)stack_door(st, &c);
}

int tern_stack_output(struct tern_stack *st, int link, struct tern_pkt **pkts,
		      int max, int64_t now)
{
	struct call c = {
		.op = CALL_OUTPUT,
		.s = link,
		.now = now,
		.arg = { max },
		.out = pkts,
	};

	return (int)stack_door(st, &c);
}

bool tern_stack_has_output(struct tern_stack *st, int link)
{
	return link > 0 && ip_link_at(&st->ip, link) &&
	       ip_has_output(&st->ip, link);
}

int64_t tern_stack_deadline(struct tern_stack *st)
{
	if (st->tcp.ready_head)
		return st->now;
	return min_i64(tcp_deadline(st), ip_deadline(st));
}

void tern_stack_advance(struct tern_stack *st, int64_t now)
{
	struct call c = { .op = CALL_ADVANCE, .s = -1, .now = now };

	(void)stack_door(st, &c);
}

void tern_stack_trace(struct tern_stack *st, unsigned kinds,
		      void (*trace)(void *ctx, const struct tern_trace *),
		      void *ctx)
{
	kinds = trace ? kinds : 0;
	if (st->flight) {
		st->flight->trace_kinds = kinds;
		st->flight->trace = trace;
		st->flight->trace_ctx = ctx;
		return;
	}
	st->trace_kinds = kinds;
	st->cfg.trace = trace;
	st->cfg.trace_ctx = ctx;
}

void tern_stack_memory(const struct tern_stack *st, struct tern_memory *out)
{
	*out = (struct tern_memory){ 0 };
	tcp_memory(st, out);
	out->total = st->mem.used;
	out->connections += st->udp.socks.footprint;
	out->tables += st->slots.footprint + idhash_footprint(&st->udp.by_port);
	out->packets = st->own_pool ? tern_pool_footprint(st->pool) : 0;
}
