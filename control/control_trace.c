// SPDX-License-Identifier: BSD-2-Clause
/*
 * The answer that does not end: what the stack does, as it does it.
 *
 * Each reader has a ring of EVENTS. The stack's callback writes into it and
 * never waits; if the ring is full the event is lost, and counted: the reader
 * is told in its place how many. JSON is made when the reader takes a row, not
 * when things happen.
 *
 * While nobody reads, the stack has no callback (host_trace_add()).
 */
#include "control/control_messages.h"
#include "control/control_packet.h"

#include "wire/wire_print.h"

#include <stdlib.h>
#include <string.h>

/* A burst of segments of some hundred connections, in less than a MiB. */
#define EVENTS 2048
/* Of a packet: IP's, TCP's with all options, what an ICMP error quotes. */
#define HEADERS_MAX 128u

struct event {
	enum tern_trace_kind kind;
	bool is_packet, out; /* of a link: bytes in `packet` */
	uint32_t n_bytes, len;
	int64_t now;
	uint64_t cookie;
	uint64_t lost; /* events before this one */
	int s, from, to;
	const char *what; /* the stack's own words: they stay */
	struct tern_sockaddr local, remote;
	char packet[256];
};

struct trace {
	struct host_tracer tracer;
	struct host_tap tap;
	struct control_question *q;
	bool packets; /* also each segment */
	bool ladder;  /* also the headers of each packet on the links */
	bool begun;
	uint64_t n_put, n_taken, lost;
	struct event events[EVENTS];
};

static void print_end(struct text *t, const struct tern_sockaddr *end)
{
	text_addr(t, &end->addr);
	text_char(t, '.');
	text_u64(t, end->port);
}

/* A segment that has no IP header yet, as wire_print() writes others. */
static void print_segment(const struct tern_pkt *pkt, struct event *e)
{
	uint8_t b[60] = { 0 };
	uint32_t head, seq, len;
	struct text t;

	tern_pkt_copy_out(pkt, 0, b, min_u32(pkt->len, sizeof(b)));
	head = (uint32_t)(b[12] >> 4) * 4;
	if (head < 20 || head > pkt->len)
		return;
	seq = get_be32(b + 4);
	len = pkt->len - head;
	text_init(&t, e->packet, sizeof(e->packet));
	print_end(&t, &e->local);
	text_str(&t, " > ");
	print_end(&t, &e->remote);
	text_str(&t, ": ");
	wire_print_tcp_flags(&t, (uint16_t)((b[12] & 1) << 8 | b[13]));
	text_char(&t, ' ');
	text_u64(&t, seq);
	text_char(&t, ':');
	text_u64(&t, seq + len);
	text_char(&t, '(');
	text_u64(&t, len);
	text_char(&t, ')');
	if (b[13] & 0x10) { /* ACK */
		text_str(&t, " ack ");
		text_u64(&t, get_be32(b + 8));
	}
	text_str(&t, " win ");
	text_u64(&t, (uint32_t)(b[14] << 8 | b[15]));
	if (head > 20)
		text_char(&t, ' ');
	wire_print_tcp_opts(&t, b + 20, head - 20);
}

/* The next free event, or NULL: it is lost to the reader. */
static struct event *next(struct trace *tr)
{
	if (tr->n_put - tr->n_taken == EVENTS) {
		tr->lost++;
		return NULL;
	}
	return &tr->events[tr->n_put % EVENTS];
}

static void added(struct trace *tr)
{
	tr->lost = 0;
	tr->n_put++;
	tr->q->wake(tr->q->wake_ctx);
}

static void on_packets(void *ctx, const struct host_batch *batch)
{
	struct trace *tr = ctx;
	bool out = batch->when == HOST_TAP_OUT;

	if (batch->when == HOST_TAP_DONE)
		return;
	for (int i = 0; i < batch->n; i++) {
		const struct tern_pkt *pkt = batch->pkts[i];
		struct event *e = next(tr);

		if (!e)
			continue;
		*e = (struct event){
			.is_packet = true,
			.out = out,
			.now = host_now(tr->q->host),
			.lost = tr->lost,
			.len = pkt->len,
			.n_bytes = min_u32(pkt->len, HEADERS_MAX),
		};
		tern_pkt_copy_out(pkt, 0, e->packet, e->n_bytes);
		control_read_ends(pkt, out ? &e->local : &e->remote,
				  out ? &e->remote : &e->local);
		added(tr);
	}
}

static void on_trace(void *ctx, const struct tern_trace *t)
{
	struct trace *tr = ctx;
	struct event *e;

	if (!tr->packets &&
	    (t->kind == TERN_TRACE_IN || t->kind == TERN_TRACE_OUT))
		return;
	e = next(tr);
	if (!e)
		return;
	*e = (struct event){
		.kind = t->kind,
		.now = t->now,
		.cookie = t->cookie,
		.lost = tr->lost,
		.s = t->s,
		.from = t->from,
		.to = t->to,
		.what = t->what,
		.local = t->local,
		.remote = t->remote,
	};
	if (t->pkt && t->kind == TERN_TRACE_OUT)
		print_segment(t->pkt, e);
	else if (t->pkt)
		wire_print(t->pkt, e->packet, sizeof(e->packet));
	if (t->pkt && t->kind == TERN_TRACE_DROP)
		control_read_ends(t->pkt, &e->remote, &e->local);
	added(tr);
}

static void put_ends(json_t *row, const struct event *e)
{
	char local[TERN_ADDR_STRLEN], remote[TERN_ADDR_STRLEN];

	if (!e->local.family)
		return;
	json_object_set_new(
		row, "local",
		json_string(tern_addr_print(&e->local.addr, local)));
	json_object_set_new(row, "lport", json_integer(e->local.port));
	json_object_set_new(
		row, "remote",
		json_string(tern_addr_print(&e->remote.addr, remote)));
	json_object_set_new(row, "rport", json_integer(e->remote.port));
}

static json_t *packet_row(const struct event *e)
{
	char hex[2 * HEADERS_MAX + 1];
	struct text t;
	json_t *row;

	text_init(&t, hex, sizeof(hex));
	for (uint32_t i = 0; i < e->n_bytes; i++) {
		uint8_t byte = (uint8_t)e->packet[i];

		text_char(&t, "0123456789abcdef"[byte >> 4]);
		text_char(&t, "0123456789abcdef"[byte & 15]);
	}
	row = json_pack("{s:s, s:I, s:b, s:s, s:I}", "event", "packet", "at_ns",
			(json_int_t)e->now, "out", e->out, "bytes", hex, "len",
			(json_int_t)e->len);
	if (e->lost)
		json_object_set_new(row, "lost_before",
				    json_integer((json_int_t)e->lost));
	put_ends(row, e);
	return row;
}

static json_t *event_row(const struct event *e)
{
	static const char *const kinds[] = {
		[TERN_TRACE_STATE] = "state", [TERN_TRACE_TIMER] = "timer",
		[TERN_TRACE_DROP] = "drop",   [TERN_TRACE_IN] = "in",
		[TERN_TRACE_OUT] = "out",     [TERN_TRACE_CC] = "cc",
	};
	json_t *row = json_pack("{s:s, s:I}", "event", kinds[e->kind], "at_ns",
				(json_int_t)e->now);

	if (e->lost)
		json_object_set_new(row, "lost_before",
				    json_integer((json_int_t)e->lost));
	if (e->cookie)
		json_object_set_new(row, "cookie",
				    json_integer((json_int_t)e->cookie));
	put_ends(row, e);
	if (e->kind == TERN_TRACE_STATE)
		json_object_set_new(row, "from",
				    json_string(tern_tcp_state_name(e->from)));
	/* Of a drop this is the state at 0, which says nothing. */
	if (e->kind != TERN_TRACE_DROP)
		json_object_set_new(row, "state",
				    json_string(tern_tcp_state_name(e->to)));
	if (e->what)
		json_object_set_new(row, "what", json_string(e->what));
	if (e->packet[0])
		json_object_set_new(row, "packet", json_string(e->packet));
	return row;
}

static struct trace *begin(struct control_question *q)
{
	struct trace *tr = calloc(1, sizeof(*tr));

	if (!tr) {
		q->error = -TERN_ENOMEM;
		return NULL;
	}
	tr->q = q;
	tr->packets = json_is_true(json_object_get(q->args, "packets"));
	tr->ladder = json_is_true(json_object_get(q->args, "ladder"));
	tr->tap = (struct host_tap){ .fn = on_packets, .ctx = tr };
	if (tr->ladder)
		host_tap_add(q->host, &tr->tap);
	tr->tracer = (struct host_tracer){ .fn = on_trace, .ctx = tr };
	host_trace_add(q->host, &tr->tracer);
	q->state = tr;
	return tr;
}

json_t *control_next_trace(struct control_question *q)
{
	struct trace *tr = q->state ? q->state : begin(q);
	const struct event *e;

	if (!tr)
		return NULL;
	if (!tr->begun) {
		tr->begun = true;
		return json_pack("{s:s, s:I}", "event", "begin", "at_ns",
				 (json_int_t)host_now(q->host));
	}
	if (tr->n_taken == tr->n_put)
		return NULL;
	e = &tr->events[tr->n_taken++ % EVENTS];
	return e->is_packet ? packet_row(e) : event_row(e);
}

void control_close_trace(struct control_question *q)
{
	struct trace *tr = q->state;

	if (tr && tr->ladder)
		host_tap_remove(q->host, &tr->tap);
	if (tr)
		host_trace_remove(q->host, &tr->tracer);
}
