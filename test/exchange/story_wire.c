// SPDX-License-Identifier: BSD-2-Clause
/*
 * The wire: what the peer sends is built here, and what the stack sends is
 * checked and compared.
 *
 * Of each packet that comes out (check_packet):
 *  1. IP version, addresses, TTL 64, DF, length; both checksums.
 *  2. Data is the pattern at its sequence numbers; none on a SYN or a RST.
 *  3. It does not end beyond the highest right edge that the peer announced.
 *  4. What it acknowledges is no less than before.
 *  5. Its right edge is no less than before.
 */
#include "story_line.h"
#include "story_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/wire_csum.h"
#include "wire/wire_ip.h"
#include "wire/wire_print.h"

/* Near the wrap on both sides: most stories cross it. */
#define PEER_ISS 0xfffff800u
#define UNKNOWN_ISS 7000000u

static uint8_t pattern(uint32_t rel)
{
	return (uint8_t)(rel * 31 + (rel >> 8));
}

static void renew(struct flow *f)
{
	f->has_iss = f->has_ts = f->has_acked = f->has_edge = false;
	f->iss = UNKNOWN_ISS;
	f->snd_scale = f->rcv_scale = 0;
	f->sent = f->read = 1;
	f->win = 65535;
}

void t_flow(struct story *t, uint16_t rport)
{
	int i;

	for (i = 0; i < t->n_flows; i++) {
		t->f = &t->flows[i];
		if (t->f->rport == rport)
			return;
	}
	assert_true(t->n_flows < STORY_FLOWS);
	t->f = &t->flows[t->n_flows++];
	*t->f = (struct flow){ .lport = STORY_OUR_PORT, .rport = rport };
	t->f->irs = PEER_ISS + rport * 0x100u;
	renew(t->f);
}

void t_flow_again(struct story *t)
{
	t->f->irs += 0x1000000;
	renew(t->f);
}

static struct flow *flow_of(struct story *t, uint16_t rport)
{
	int i;

	for (i = 0; i < t->n_flows; i++)
		if (t->flows[i].rport == rport)
			return &t->flows[i];
	return NULL;
}

/* What a packet is: its headers found. */
struct seen {
	struct wire_ip ip;
	struct wire_tcp tcp;
	struct flow *f;
	const uint8_t *p; /* behind the IP header */
	uint32_t n;
	struct line line;
};

static const struct wire_tcp_opts *opts_of(const struct seen *v)
{
	static struct wire_tcp_opts o;

	wire_tcp_parse_opts(v->p, &v->tcp, &o);
	return &o;
}

/* False: not TCP, or of no flow. */
static bool look(struct story *t, const struct tern_pkt *pkt, struct seen *v)
{
	if (wire_ip_parse(pkt, &v->ip) != WIRE_IP_OK)
		story_fail(t, "an IP header came out that does not parse");
	v->p = pkt->data + v->ip.hdr_len;
	v->n = v->ip.len - v->ip.hdr_len;
	if (v->ip.protocol != WIRE_PROTO_TCP)
		return false;
	if (!wire_tcp_parse(v->p, v->n, &v->tcp))
		story_fail(t, "a TCP header came out that does not parse");
	v->f = flow_of(t, v->tcp.dport);
	if (!v->f)
		return false;
	line_of(v->f, false, v->p, v->n, &v->line);
	return true;
}

void story_describe(struct story *t, const struct tern_pkt *pkt, char *out,
		    size_t size)
{
	struct seen v;
	char text[LINE_LEN];

	if (!look(t, pkt, &v)) {
		wire_print(pkt, out, size);
		return;
	}
	line_print(&v.line, text);
	if (t->n_flows == 1)
		snprintf(out, size, "%s", text);
	else
		snprintf(out, size, "%s  [%u]", text, v.f->rport);
}

static void broken(struct story *t, const struct tern_pkt *pkt,
		   const char *what)
{
	char text[LINE_LEN + 20];

	story_describe(t, pkt, text, sizeof(text));
	story_fail(t, "%s: > %s", what, text);
}

static void check_ip(struct story *t, const struct tern_pkt *pkt,
		     const struct seen *v)
{
	struct tern_sockaddr us = story_name(t, false, 0);
	struct tern_sockaddr peer = story_name(t, true, 0);
	uint64_t sum = 0;

	if (v->ip.v6 != t->v6 || v->ip.len != pkt->len ||
	    v->ip.df != (t->v6 || v->ip.protocol == WIRE_PROTO_TCP) ||
	    v->ip.len > (t->v6 ? 1520u : 1500u) || v->ip.ttl != 64 ||
	    !tern_addr_equal(&v->ip.src, &us.addr) ||
	    !tern_addr_equal(&v->ip.dst, &peer.addr))
		broken(t, pkt, "a field of the IP header is wrong");
	if (v->ip.protocol != WIRE_PROTO_ICMP)
		sum = csum_pseudo(&v->ip.src, &v->ip.dst, v->ip.protocol, v->n);
	if (csum_fold(csum_add(sum, v->p, v->n)))
		broken(t, pkt, "the checksum is wrong");
}

static void check_data(struct story *t, const struct tern_pkt *pkt,
		       const struct seen *v)
{
	const uint8_t *data = v->p + v->tcp.hdr_len;
	uint32_t i;

	if (v->line.len && v->tcp.flags & (TCP_SYN | TCP_RST))
		broken(t, pkt, "data on a SYN or a RST");
	for (i = 0; i < v->line.len; i++)
		if (data[i] != pattern(v->line.seq + i))
			broken(t, pkt, "other bytes than were sent");
	if (v->line.len && v->f->has_edge &&
	    (int32_t)(v->line.seq + v->line.len - v->f->edge) > 0)
		broken(t, pkt, "beyond the peer's window");
}

static void check_ack(struct story *t, const struct tern_pkt *pkt,
		      const struct seen *v)
{
	struct flow *f = v->f;
	uint32_t win = v->line.win, edge;

	if (!v->line.has_ack || v->tcp.flags & TCP_RST)
		return;
	if (!(v->tcp.flags & TCP_SYN))
		win <<= f->scales ? f->rcv_scale : 0;
	else /* the next one is scaled, and may round down */
		win = win >> f->rcv_scale << f->rcv_scale;
	edge = v->line.ack + win;
	if (v->tcp.flags & TCP_SYN)
		f->has_acked = false; /* maybe another connection */
	if (f->has_acked && (int32_t)(v->line.ack - f->acked) < 0)
		broken(t, pkt, "acknowledges less than before");
	if (f->has_acked && !t->shrinks && (int32_t)(edge - f->our_edge) < 0)
		broken(t, pkt, "the right edge moved back");
	f->has_acked = true;
	f->acked = v->line.ack;
	f->our_edge = edge;
}

static void learn(struct story *t, const struct tern_pkt *pkt, struct seen *v)
{
	const struct wire_tcp_opts *o = opts_of(v);
	struct flow *f = v->f;

	if (!f->lport)
		f->lport = v->tcp.sport;
	if (f->lport != v->tcp.sport)
		broken(t, pkt, "from another port");
	if (v->tcp.flags & TCP_SYN && !f->has_iss) {
		f->iss = v->tcp.seq.v;
		f->has_iss = true;
	}
	if (v->tcp.flags & TCP_SYN && o->present & WIRE_OPT_WSCALE)
		f->rcv_scale = o->wscale;
	if (o->present & WIRE_OPT_TS && !f->has_ts) {
		f->ts_base = o->ts_val - (uint32_t)(t->now / MS);
		f->has_ts = true;
	}
	line_of(f, false, v->p, v->n, &v->line);
}

static void came_out(struct story *t, struct tern_pkt *pkt)
{
	char text[LINE_LEN + 20];
	struct seen v;

	if (!tern_pkt_pull(pkt, pkt->len))
		abort();
	assert_true(t->tail - t->head < STORY_QUEUE);
	t->queue[t->tail++ % STORY_QUEUE] = pkt;
	memcpy(t->last, pkt->data, pkt->len < 100 ? pkt->len : 100);
	if (look(t, pkt, &v)) {
		learn(t, pkt, &v);
		check_ip(t, pkt, &v);
		check_data(t, pkt, &v);
		check_ack(t, pkt, &v);
	} else {
		check_ip(t, pkt, &v);
	}
	story_describe(t, pkt, text, sizeof(text));
	story_note(t, '>', "%s", text);
}

void story_pull(struct story *t)
{
	struct tern_pkt *pkts[16];
	int i, n;

	do {
		n = tern_stack_output(t->st, t->link, pkts, 16, t->now);
		for (i = 0; i < n; i++)
			came_out(t, pkts[i]);
	} while (n == 16);
}

void story_silence(struct story *t)
{
	char text[LINE_LEN + 20];

	if (t->head == t->tail)
		return;
	story_describe(t, t->queue[t->head % STORY_QUEUE], text, sizeof(text));
	story_fail(t, "expected silence\n  actual   > %s", text);
}

struct tern_pkt *story_pop(struct story *t, const char *want)
{
	if (t->head == t->tail)
		story_fail(t, "expected > %s\n  actual   silence", want);
	return t->queue[t->head++ % STORY_QUEUE];
}

/* Nothing but a timestamp, where options were not written. */
static bool plain_opts(const struct line *l)
{
	return l->flags & TCP_SYN || !l->has_opts ||
	       !strncmp(l->opts, "<nop,nop,TS val", 15);
}

static bool same(const struct line *want, const struct line *got)
{
	if (want->flags != got->flags ||
	    (want->has_seq &&
	     (want->seq != got->seq || want->len != got->len)) ||
	    (want->has_ack && (!got->has_ack || want->ack != got->ack)) ||
	    (want->has_win && want->win != got->win) ||
	    want->has_urg != got->has_urg ||
	    (want->has_urg && want->urg != got->urg))
		return false;
	if (!want->has_opts)
		return plain_opts(got);
	if (!strcmp(want->opts, "<>"))
		return !got->has_opts;
	return !strcmp(want->opts, got->opts) &&
	       strlen(want->opts) == strlen(got->opts);
}

static void compare(struct story *t, const char *text)
{
	struct tern_pkt *pkt;
	char got[LINE_LEN + 20];
	struct line want;
	struct seen v;

	if (!line_parse(text, &want))
		story_fail(t, "not a segment: %s", text);
	pkt = story_pop(t, text);
	story_describe(t, pkt, got, sizeof(got));
	if (!look(t, pkt, &v) || v.f != t->f || !same(&want, &v.line)) {
		tern_pkt_put(pkt);
		story_fail(t, "segment\n  expected > %s\n  actual   > %s", text,
			   got);
	}
	tern_pkt_put(pkt);
}

void story_out(struct story *t, const char *fmt, ...)
{
	char text[LINE_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	compare(t, text);
}

void story_out_run(struct story *t, uint32_t from, uint32_t to, uint32_t mss)
{
	struct tern_pkt *pkt;
	char want[60];
	struct seen v;
	uint32_t n;

	for (; from != to; from += n) {
		n = to - from < mss ? to - from : mss;
		snprintf(want, sizeof(want), "%" PRIu32 ":%" PRIu32, from,
			 from + n);
		pkt = story_pop(t, want);
		if (!look(t, pkt, &v) || v.f != t->f || v.line.seq != from ||
		    v.line.len != n) {
			story_describe(t, pkt, want, sizeof(want));
			tern_pkt_put(pkt);
			story_fail(t,
				   "data %" PRIu32 ":%" PRIu32
				   "\n  actual   > %s",
				   from, from + n, want);
		}
		tern_pkt_put(pkt);
	}
}

static struct tern_pkt *segment(struct story *t, const struct line *l)
{
	const struct flow *f = t->f;
	struct wire_ip ip = {
		.src = story_name(t, true, 0).addr,
		.dst = story_name(t, false, 0).addr,
		.v6 = t->v6,
		.protocol = WIRE_PROTO_TCP,
		.ttl = 64,
		.df = true,
	};
	struct wire_tcp h = {
		.sport = f->rport,
		.dport = f->lport,
		.seq = seq_of(l->seq + f->irs),
		.ack = seq_of(l->has_ack ? l->ack + f->iss : 0),
		.flags = l->flags,
		.window = (uint16_t)(l->has_win ? l->win : f->win),
		.urgent = (uint16_t)l->urg,
	};
	struct tern_pkt *pkt = tern_pkt_new(t->pool, 64, 60 + l->len);
	uint8_t opts[40], *p, *data;
	size_t n_opts = 0;
	uint32_t i;

	assert_non_null(pkt);
	if (!line_opts(f, l, opts, &n_opts))
		story_fail(t, "not options: %s", l->opts);
	h.hdr_len = (uint8_t)(WIRE_TCP_LEN + n_opts);
	p = tern_pkt_append(pkt, h.hdr_len);
	wire_tcp_emit(p, &h);
	memcpy(p + WIRE_TCP_LEN, opts, n_opts);
	data = tern_pkt_append(pkt, l->len);
	for (i = 0; i < l->len; i++)
		data[i] = pattern(l->seq + i);
	put_be16(p + 16,
		 csum_fold(csum_pkt(csum_pseudo(&ip.src, &ip.dst,
						WIRE_PROTO_TCP, pkt->len),
				    pkt, 0)));
	assert_non_null(wire_ip_emit(pkt, &ip));
	return pkt;
}

/* What the peer's segment announces. */
static void announce(struct flow *f, const struct line *l)
{
	const char *scale = strstr(l->opts, "wscale ");
	uint32_t win = l->has_win ? l->win : f->win, edge;

	if (l->has_win)
		f->win = l->win;
	if (l->flags & TCP_SYN) {
		f->scales = scale;
		f->snd_scale = scale ? (uint8_t)atoi(scale + 7) : 0;
	}
	if (!l->has_ack || l->flags & TCP_RST)
		return;
	if (!(l->flags & TCP_SYN))
		win <<= f->snd_scale < 14 ? f->snd_scale : 14;
	edge = l->ack + win;
	if (!f->has_edge || (int32_t)(edge - f->edge) > 0)
		f->edge = edge;
	f->has_edge = true;
}

void story_in(struct story *t, const char *fmt, ...)
{
	char text[LINE_LEN];
	struct tern_pkt *pkt;
	struct line l;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!line_parse(text, &l))
		story_fail(t, "not a segment: %s", text);
	announce(t->f, &l);
	pkt = segment(t, &l);
	if (t->n_flows == 1)
		story_note(t, '<', "%s", text);
	else
		story_note(t, '<', "%s  [%u]", text, t->f->rport);
	tern_stack_input(t->st, t->link, &pkt, 1, t->now);
	story_pull(t);
}

void t_served(struct story *t, const char *opts)
{
	bool ts = strstr(opts, "TS val");

	if (t->l < 0)
		story_listen(t, 5);
	story_in(t, "S 0:0(0) %s", opts);
	story_out(t, "S. 0:0(0) ack 1");
	story_in(t, ". 1:1(0) ack 1%s",
		 ts ? " <nop,nop,TS val 1000 ecr 0>" : "");
	story_silence(t);
	story_accept(t);
	story_state(t, TERN_TCP_ESTABLISHED);
}

void t_dialled(struct story *t, const char *opts)
{
	story_dial(t);
	story_out(t, "S 0:0(0)");
	story_in(t, "S. 0:0(0) ack 1 %s", opts);
	story_out(t, ". 1:1(0) ack 1");
	story_silence(t);
	story_state(t, TERN_TCP_ESTABLISHED);
}
