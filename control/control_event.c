// SPDX-License-Identifier: BSD-2-Clause
#include "control/control_event.h"

#include "control/control_packet.h"

#include "base/bytes.h"
#include "wire/wire_print.h"

static void keep_bytes(struct control_event *e, const struct tern_pkt *pkt)
{
	e->len = pkt->len;
	e->gso_size = pkt->gso_size;
	e->n_bytes = min_u32(pkt->len, CONTROL_EVENT_BYTES);
	tern_pkt_copy_out(pkt, 0, e->bytes, e->n_bytes);
}

void control_event_packet(struct control_event *e, const struct tern_pkt *pkt,
			  bool out, int64_t now)
{
	e->is_packet = true;
	e->out = out;
	e->now = now;
	keep_bytes(e, pkt);
}

void control_event_trace(struct control_event *e, const struct tern_trace *t)
{
	e->is_packet = false;
	e->kind = t->kind;
	e->now = t->now;
	e->cookie = t->cookie;
	e->from = t->from;
	e->to = t->to;
	e->what = t->what;
	e->local = t->local;
	e->remote = t->remote;
	e->n_bytes = 0;
	if (t->pkt)
		keep_bytes(e, t->pkt);
}

static void print_end(struct text *t, const struct tern_sockaddr *end)
{
	text_addr(t, &end->addr);
	text_char(t, '.');
	text_u64(t, end->port);
}

static void put_ends(json_t *row, const struct tern_sockaddr *local,
		     const struct tern_sockaddr *remote)
{
	char text[TERN_ADDR_STRLEN];

	if (!local->family)
		return;
	json_object_set_new(row, "local",
			    json_string(tern_addr_print(&local->addr, text)));
	json_object_set_new(row, "lport", json_integer(local->port));
	json_object_set_new(row, "remote",
			    json_string(tern_addr_print(&remote->addr, text)));
	json_object_set_new(row, "rport", json_integer(remote->port));
}

static void put_lost(json_t *row, const struct control_event *e)
{
	if (e->lost)
		json_object_set_new(row, "lost_before",
				    json_integer((json_int_t)e->lost));
}

/* The bytes that there are of its packet. */
static void put_ends_of_packet(json_t *row, const struct control_event *e,
			       bool out)
{
	struct tern_pkt view = { .data = (uint8_t *)(uintptr_t)e->bytes,
				 .head_len = e->n_bytes,
				 .len = e->n_bytes };
	struct tern_sockaddr from = { 0 }, to = { 0 };

	control_read_ends(&view, &from, &to);
	put_ends(row, out ? &from : &to, out ? &to : &from);
}

static void put_text(json_t *row, const struct control_event *e)
{
	char text[256];
	struct text t;

	if (!e->n_bytes)
		return;
	if (e->kind == TERN_TRACE_OUT) { /* it has no IP header yet */
		text_init(&t, text, sizeof(text));
		print_end(&t, &e->local);
		text_str(&t, " > ");
		print_end(&t, &e->remote);
		text_str(&t, ": ");
		wire_print_tcp(&t, e->bytes, e->n_bytes, e->len);
	} else {
		wire_print_bytes(e->bytes, e->n_bytes, e->len, e->gso_size,
				 text, sizeof(text));
	}
	json_object_set_new(row, "packet", json_string(text));
}

static json_t *packet_row(const struct control_event *e)
{
	char hex[2 * CONTROL_EVENT_BYTES + 1];
	struct text t;
	json_t *row;

	text_init(&t, hex, sizeof(hex));
	for (uint32_t i = 0; i < e->n_bytes; i++) {
		text_char(&t, "0123456789abcdef"[e->bytes[i] >> 4]);
		text_char(&t, "0123456789abcdef"[e->bytes[i] & 15]);
	}
	row = json_pack("{s:s, s:I, s:b, s:s, s:I}", "event", "packet", "at_ns",
			(json_int_t)e->now, "out", e->out, "bytes", hex, "len",
			(json_int_t)e->len);
	put_lost(row, e);
	put_ends_of_packet(row, e, e->out);
	return row;
}

static json_t *trace_row(const struct control_event *e)
{
	static const char *const kinds[] = {
		[TERN_TRACE_STATE] = "state", [TERN_TRACE_TIMER] = "timer",
		[TERN_TRACE_DROP] = "drop",   [TERN_TRACE_IN] = "in",
		[TERN_TRACE_OUT] = "out",     [TERN_TRACE_CC] = "cc",
	};
	json_t *row = json_pack("{s:s, s:I}", "event", kinds[e->kind], "at_ns",
				(json_int_t)e->now);

	put_lost(row, e);
	if (e->cookie)
		json_object_set_new(row, "cookie",
				    json_integer((json_int_t)e->cookie));
	if (e->kind == TERN_TRACE_DROP)
		put_ends_of_packet(row, e, false);
	else
		put_ends(row, &e->local, &e->remote);
	if (e->kind == TERN_TRACE_STATE)
		json_object_set_new(row, "from",
				    json_string(tern_tcp_state_name(e->from)));
	/* Of a drop this is the state at 0, which says nothing. */
	if (e->kind != TERN_TRACE_DROP)
		json_object_set_new(row, "state",
				    json_string(tern_tcp_state_name(e->to)));
	if (e->what)
		json_object_set_new(row, "what", json_string(e->what));
	put_text(row, e);
	return row;
}

json_t *control_event_row(const struct control_event *e)
{
	return e->is_packet ? packet_row(e) : trace_row(e);
}
