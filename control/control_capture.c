// SPDX-License-Identifier: BSD-2-Clause
/*
 * The packets of all links, for tern capture.
 *
 * Each reader has a ring of bytes. Packets are copied into it as they pass, and
 * the traffic never waits: without room a packet is lost to the reader, and
 * counted. Filters, cutting and checksums are the reader's work.
 *
 *	in:	copied, with its connection's state, before the stack has it;
 *		the stack's trace then tells which were dropped, and why
 *	out:	copied as it comes out of the stack
 *	looped:	what the stack sends to itself, once, as it arrives
 *
 * When the reader asks for no more (question.finished), it gets what is in the
 * ring and the sums.
 */
#define _GNU_SOURCE
#include "control/control_messages.h"
#include "control/control_packet.h"

#include "host/host_link.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* 3 ms of 10 Gbit/s; the reader may ask for another size. */
#define RING_LEN (4u << 20)
#define RING_LEN_MIN (2 * CONTROL_PACKET_MAX)
#define RING_LEN_MAX (64u << 20)

#define LOOPBACK 0 /* the number of its link */

#define NS_PER_S INT64_C(1000000000)

/*
 * Records lie in one piece, aligned to 8. One that does not fit before the
 * ring's end begins at its start; a size of 0 marks what was left over, unless
 * that is too short even for this.
 */
struct ring {
	uint8_t *bytes;
	size_t len;
	uint64_t put, taken; /* bytes since the beginning, with what was left */
	size_t told;	     /* of the record at taken */
};

/* A packet that is in the stack at the moment. */
struct inside {
	const struct tern_pkt *pkt;
	struct control_packet *record; /* NULL: lost to the reader */
};

struct capture {
	struct control_question *q;
	struct host_tap tap;
	struct host_tracer tracer;
	struct ring ring;
	struct inside inside[HOST_BATCH];
	int n_inside;
	struct inside looped; /* the last that passed the loopback */
	int64_t epoch_ns;
	uint64_t n_seen, n_lost, n_untold;
	bool watching;
	bool summed;
};

static struct control_packet *ring_at(const struct ring *r, uint64_t at)
{
	return (struct control_packet *)(r->bytes + at % r->len);
}

/* Room for a record of size bytes, or NULL. */
static struct control_packet *ring_put(struct ring *r, uint32_t size)
{
	size_t left = r->len - (size_t)(r->put % r->len);
	size_t skip = left < size ? left : 0;

	if (r->put - r->taken + skip + size > r->len)
		return NULL;
	if (skip)
		memset(ring_at(r, r->put), 0, min_size(skip, 8));
	r->put += skip + size;
	return ring_at(r, r->put - size);
}

/* The next record that is to be told, or NULL. */
static const struct control_packet *ring_next(struct ring *r)
{
	while (r->taken < r->put) {
		const struct control_packet *p = ring_at(r, r->taken);

		if (p->size)
			return p;
		r->taken += r->len - r->taken % r->len;
	}
	return NULL;
}

static void describe(struct capture *c, const struct tern_pkt *pkt, bool out,
		     struct control_packet *p)
{
	struct tern_sockaddr from, to;
	struct tern_sock_info info;

	if (control_read_ends(pkt, &from, &to) != TERN_IPPROTO_TCP ||
	    !tern_sock_find(host_stack(c->q->host), out ? &from : &to,
			    out ? &to : &from, &info))
		return;
	p->cookie = info.cookie;
	p->state = (uint8_t)info.state;
	p->cwnd = info.cwnd;
}

static struct control_packet *
copy(struct capture *c, const struct tern_pkt *pkt, int link, bool out)
{
	uint32_t size = (uint32_t)sizeof(struct control_packet) + pkt->len;
	struct control_packet *p;

	c->n_seen++;
	size = (size + 7) & ~7u;
	p = ring_put(&c->ring, size);
	if (!p) {
		c->n_lost++;
		c->n_untold++;
		return NULL;
	}
	*p = (struct control_packet){
		.size = size,
		.len = pkt->len,
		.at = host_now(c->q->host) + c->epoch_ns,
		.lost = c->n_untold,
		.gso_size = pkt->gso_size,
		.csum_start = pkt->csum_start,
		.csum_off = pkt->csum_off,
		.csum = pkt->csum,
		.link = (uint8_t)link,
		.out = out,
	};
	c->n_untold = 0;
	describe(c, pkt, out, p);
	memset((uint8_t *)p + size - 8, 0, size - sizeof(*p) ? 8 : 0);
	tern_pkt_copy_out(pkt, 0, p + 1, pkt->len);
	return p;
}

static void on_batch(void *ctx, const struct host_batch *batch)
{
	struct capture *c = ctx;

	c->n_inside = 0;
	c->looped.record = NULL; /* its packet's memory may be another's */
	for (int i = 0; i < batch->n; i++) {
		struct control_packet *p = copy(c, batch->pkts[i], batch->link,
						batch->when == HOST_TAP_OUT);

		if (batch->when == HOST_TAP_IN && c->n_inside < HOST_BATCH)
			c->inside[c->n_inside++] =
				(struct inside){ batch->pkts[i], p };
	}
	if (batch->when != HOST_TAP_IN && c->ring.put > c->ring.taken)
		c->q->wake(c->q->wake_ctx);
}

static void on_loop(struct capture *c, const struct tern_pkt *pkt)
{
	c->looped = (struct inside){ pkt, copy(c, pkt, LOOPBACK, false) };
	c->q->wake(c->q->wake_ctx);
}

static void on_trace(void *ctx, const struct tern_trace *t)
{
	struct capture *c = ctx;

	if (t->kind == TERN_TRACE_LOOP) {
		on_loop(c, t->pkt);
		return;
	}
	if (c->looped.pkt == t->pkt && c->looped.record)
		c->looped.record->drop = (uint8_t)t->to;
	for (int i = 0; i < c->n_inside; i++)
		if (c->inside[i].pkt == t->pkt && c->inside[i].record)
			c->inside[i].record->drop = (uint8_t)t->to;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* The size that was asked for, in KiB; 0: the usual one. */
static size_t ring_len(const struct control_question *q)
{
	json_int_t kib = json_integer_value(json_object_get(q->args, "buffer"));

	if (kib <= 0)
		return RING_LEN;
	if (kib > RING_LEN_MAX >> 10)
		return RING_LEN_MAX;
	return kib < RING_LEN_MIN >> 10 ? RING_LEN_MIN : (size_t)kib << 10;
}

static struct capture *begin(struct control_question *q)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->ring.len = ring_len(q);
	c->ring.bytes = malloc(c->ring.len);
	if (!c->ring.bytes) {
		free(c);
		return NULL;
	}
	c->q = q;
	c->epoch_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	c->tap = (struct host_tap){ .fn = on_batch, .ctx = c };
	c->tracer = (struct host_tracer){ .fn = on_trace,
					  .ctx = c,
					  .kinds = 1u << TERN_TRACE_DROP |
						   1u << TERN_TRACE_LOOP };
	host_tap_add(q->host, &c->tap);
	host_trace_add(q->host, &c->tracer);
	c->watching = true;
	return c;
}

static void stop_watching(struct capture *c)
{
	if (!c->watching)
		return;
	c->watching = false;
	host_tap_remove(c->q->host, &c->tap);
	host_trace_remove(c->q->host, &c->tracer);
}

size_t control_fill_capture(struct control_question *q, void *room, size_t len,
			    size_t *record)
{
	struct capture *c = q->state;
	struct ring *r = c ? &c->ring : NULL;
	const struct control_packet *p;
	size_t used = 0;

	*record = 1;
	while (c && used < len && (p = ring_next(r))) {
		size_t n = min_size(len - used, p->size - r->told);

		memcpy((uint8_t *)room + used, (const uint8_t *)p + r->told, n);
		used += n;
		r->told += n;
		if (r->told < p->size)
			break;
		r->taken += p->size;
		r->told = 0;
	}
	return used;
}

json_t *control_next_capture(struct control_question *q)
{
	struct capture *c = q->state;

	if (!c) {
		q->state = begin(q);
		if (!q->state)
			q->error = -TERN_ENOMEM;
		return q->state ? json_pack("{s:s}", "begin", q->name) : NULL;
	}
	if (!q->finished || c->summed)
		return NULL;
	stop_watching(c);
	c->summed = true;
	return json_pack("{s:I, s:I}", "seen", (json_int_t)c->n_seen, "lost",
			 (json_int_t)c->n_lost);
}

void control_close_capture(struct control_question *q)
{
	struct capture *c = q->state;

	if (!c)
		return;
	stop_watching(c);
	free(c->ring.bytes);
}
