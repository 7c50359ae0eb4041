// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets out: the next one of the socket under test is fetched at once, glued
 * to those that follow while the line wants more bytes than came, put into the
 * script's numbers and compared; then its time is.
 *
 * What belongs to other sockets is dropped on the way.
 */
#include "drill_run.h"

#include "drill_match.h"
#include "drill_print.h"

#include "base/bytes.h"
#include "base/time.h"
#include "wire/wire_tcp.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* How long a packet may be late before it is given up. */
#define PATIENCE (2 * NS_PER_S)
/* Where "any time" ends: longer than any timer of TCP's. */
#define EVER (1000000 * NS_PER_S)

struct fetch {
	struct drill_run *r;
	const struct drill_event *e;
	int64_t until;
	struct drill_flow *flow; /* of what was fetched */
	unsigned char bytes[DRILL_PKT_MAX];
};

static struct drill_flow *newest_of(struct drill_run *r, int protocol)
{
	struct drill_flow *f;

	for (f = r->flows; f && f->protocol != protocol; f = f->next)
		;
	return f;
}

static struct drill_flow *tcp_owner(struct drill_run *r,
				    const struct drill_pkt *line,
				    const struct drill_live *live)
{
	struct drill_flow *f = r->sut;

	if (line && line->has_ports)
		f = drill_run_find_flow(r, IPPROTO_TCP, line->sport,
					line->dport);
	if (!f || f->protocol != IPPROTO_TCP)
		return NULL;
	if (f->state == DRILL_FLOW_CONNECTING && live->pkt.flags & TCP_SYN &&
	    live->ends.dport == f->rport &&
	    tern_addr_equal(&live->ends.dst, &f->raddr)) {
		f->lport = live->ends.sport;
		f->laddr = live->ends.src;
		f->state = DRILL_FLOW_KNOWN;
	}
	return drill_flow_has(f, &live->ends) ? f : NULL;
}

/* Ports that the script left open are learned. */
static struct drill_flow *udp_owner(struct drill_run *r,
				    const struct drill_live *live)
{
	struct drill_flow *f = newest_of(r, IPPROTO_UDP);

	if (!f)
		return NULL;
	if (!f->lport)
		f->lport = live->ends.sport;
	if (!f->rport)
		f->rport = live->ends.dport;
	return drill_flow_has(f, &live->ends) ? f : NULL;
}

/* Whose packet is it? NULL: it does not count. line: NULL if any may come. */
static bool is_wanted(struct drill_run *r, const struct drill_pkt *line,
		      const struct drill_live *live, struct drill_flow **owner)
{
	*owner = NULL;
	if (live->broken || (live->is_fragment && live->bad_payload))
		return false;
	switch (live->pkt.proto) {
	case DRILL_TCP:
		*owner = tcp_owner(r, line, live);
		return *owner != NULL;
	case DRILL_UDP:
		*owner = udp_owner(r, live);
		return *owner != NULL;
	case DRILL_ICMP:
		*owner = r->sut;
		return line && line->proto == DRILL_ICMP;
	}
	return false;
}

static void note_live(struct drill_run *r, const struct drill_live *live,
		      const char *note)
{
	struct drill_text t = { 0 };

	drill_print_pkt(&t, &live->pkt, r->v6);
	drill_trail_packet(&r->trail, false, live->at, t.s + 2, note);
	free(t.s);
}

/* The next packet that counts; false when none came in time. */
static bool fetch(struct fetch *f, struct drill_live *live)
{
	struct drill_run *r = f->r;
	size_t n;

	for (;;) {
		n = r->a->ops->netdev_receive(r->a, f->bytes, sizeof(f->bytes),
					      &live->at);
		if (!n) {
			if (drill_run_step(r, f->until))
				continue;
			return false;
		}
		*live = (struct drill_live){ .at = live->at - r->start_at };
		drill_wire_read(f->bytes, n, live);
		if (is_wanted(r, f->e ? f->e->pkt : NULL, live, &f->flow))
			return true;
		note_live(r, live,
			  live->broken ? "broken, dropped" :
					 "not of this socket, dropped");
	}
}

/* Glues to `live` what follows it, while it is shorter than the line. */
static bool collect(struct fetch *f, struct drill_live *live, int *n_merged)
{
	const struct drill_pkt *line = f->e->pkt;
	uint32_t size = live->pkt.len, last = size;
	struct drill_live next;
	const char *why;

	*n_merged = 1;
	if (line->proto != DRILL_TCP || live->pkt.proto != DRILL_TCP || !size ||
	    f->r->config->strict_segments)
		return true;
	while (live->pkt.len < line->len) {
		if (!fetch(f, &next))
			return true; /* the comparison will tell */
		why = drill_match_glue(live, &next);
		if (!why && last != size)
			why = "segments in its middle differ in size";
		if (why) {
			if (f->flow)
				drill_flow_to_script(f->flow, &next.pkt);
			note_live(f->r, &next, "does not fit");
			drill_run_fail(f->r, f->e->line,
				       "only %u of %u bytes came in one piece: "
				       "%s",
				       live->pkt.len, line->len, why);
			return false;
		}
		last = next.pkt.len;
		next.pkt.seq = live->pkt.seq;
		next.pkt.len += live->pkt.len;
		next.pkt.flags &= (uint16_t)~TCP_CWR;
		next.pkt.flags |= live->pkt.flags & TCP_CWR;
		next.bad_payload |= live->bad_payload;
		next.bad_csum |= live->bad_csum;
		next.bad_ip_csum |= live->bad_ip_csum;
		*live = next;
		++*n_merged;
	}
	return true;
}

/* "+.1~+.2" as absolute times. */
static void print_due(struct drill_text *t, const struct drill_event *e,
		      int64_t lo, int64_t hi)
{
	if (e->time.kind == DRILL_TIME_ANY) {
		drill_text_add(t, "*");
		return;
	}
	drill_print_time(t, lo);
	if (hi != lo) {
		drill_text_add(t, "~");
		drill_print_time(t, hi);
	}
}

static void differs(struct drill_run *r, const struct drill_event *e,
		    const struct drill_live *live, int64_t hi, const char *how)
{
	struct drill_text due = { 0 }, want = { 0 }, got = { 0 }, at = { 0 };
	int width;

	print_due(&due, e, r->event_at, hi);
	drill_print_pkt(&want, e->pkt, r->v6);
	drill_print_time(&at, live->at);
	drill_print_pkt(&got, &live->pkt, r->v6);
	width = (int)max_u32((uint32_t)due.len, (uint32_t)at.len);
	drill_run_differs(r, e->line, r->config->non_fatal_packet,
			  "%s\n  expected: %*s %s\n  actual:   %*s %s", how,
			  width, due.s, want.s, width, at.s, got.s);
	free(due.s);
	free(want.s);
	free(at.s);
	free(got.s);
}

static void missing(struct drill_run *r, const struct drill_event *e,
		    int64_t hi)
{
	struct drill_text due = { 0 }, want = { 0 };

	print_due(&due, e, r->event_at, hi);
	drill_print_pkt(&want, e->pkt, r->v6);
	drill_run_differs(r, e->line, r->config->non_fatal_packet,
			  "no packet came\n  expected: %s %s\n"
			  "  actual:   nothing by %.6f s",
			  due.s, want.s, (double)drill_run_now(r) / 1e9);
	free(due.s);
	free(want.s);
}

static void learn(struct drill_run *r, struct drill_flow *f,
		  const struct drill_pkt *line, struct drill_pkt *got)
{
	struct drill_pkt want = *line;
	const uint8_t *a = drill_flow_opt(&want, 8, 10);
	const uint8_t *b = drill_flow_opt(got, 8, 10);

	if (a && b)
		drill_flow_add_ts(f, get_be32(a + 2), get_be32(b + 2));
}

static bool check(struct drill_run *r, const struct drill_event *e,
		  struct drill_live *live, struct drill_flow *f, int n_merged)
{
	struct drill_text wrong = { 0 }, doubts = { 0 };
	int64_t base = r->event_at - r->last_at, hi = r->event_at;
	bool untimed = e->time.kind == DRILL_TIME_ANY || e == r->script->events;
	struct drill_pkt as_live = live->pkt;

	if (e->time.is_range)
		hi += e->time.end - e->time.at;
	if (f && live->pkt.proto == DRILL_TCP) {
		drill_flow_learn_isn(f, &live->pkt, e->pkt);
		drill_flow_to_script(f, &live->pkt);
	}
	live->pkt.has_ports = e->pkt->has_ports;
	live->pkt.sport = live->ends.sport;
	live->pkt.dport = live->ends.dport;
	live->pkt.ip.tos_check = e->pkt->ip.tos_check ? DRILL_TOS_ALL :
							DRILL_TOS_NONE;
	if (e->pkt->ip.tos_check == DRILL_TOS_ECN)
		live->pkt.ip.tos_check = DRILL_TOS_ECN;
	live->pkt.ip.has_ttl = e->pkt->ip.has_ttl;
	live->pkt.ip.has_flow = e->pkt->ip.has_flow;
	note_live(r, live, n_merged > 1 ? "in several segments" : NULL);
	drill_match(r, f, e->pkt, live, n_merged, &wrong, &doubts);
	if (f && live->pkt.proto == DRILL_TCP)
		learn(r, f, e->pkt, &as_live);
	if (wrong.len)
		differs(r, e, live, hi, wrong.s);
	else if (!untimed &&
		 !drill_run_in_time(r, live->at, r->event_at, hi, base))
		differs(r, e, live, hi,
			live->at < r->event_at ? "timing error: it came early" :
						 "timing error: it came late");
	else if (doubts.len)
		drill_run_warn(r, e->line, "%s", doubts.s);
	free(wrong.s);
	free(doubts.s);
	return !r->failed;
}

bool drill_pkt_out(struct drill_run *r, const struct drill_event *e)
{
	static __thread struct fetch f;
	struct drill_live live;
	int64_t hi = r->event_at;
	int n_merged;

	f.r = r;
	f.e = e;
	f.flow = NULL;
	if (e->time.is_range)
		hi += e->time.end - e->time.at;
	f.until = (e->time.kind == DRILL_TIME_ANY ? EVER : hi) + PATIENCE;
	if (!fetch(&f, &live)) {
		if (!r->failed)
			missing(r, e, hi);
		return !r->failed;
	}
	if (!collect(&f, &live, &n_merged))
		return false;
	return check(r, e, &live, f.flow, n_merged);
}

bool drill_pkt_left_over(struct drill_run *r)
{
	static __thread struct fetch f;
	struct drill_live live;
	struct drill_text t = { 0 }, first = { 0 };

	f.r = r;
	f.e = NULL;
	f.until = -1; /* only what is there */
	while (fetch(&f, &live)) {
		if (f.flow && live.pkt.proto == DRILL_TCP)
			drill_flow_to_script(f.flow, &live.pkt);
		t.len = 0;
		drill_print_pkt(&t, &live.pkt, r->v6);
		drill_trail_packet(&r->trail, false, live.at, t.s + 2,
				   "left over");
		if (!first.len)
			drill_text_add(&first, "%s", t.s);
	}
	if (first.len)
		drill_run_warn(r, r->event ? r->event->line : 0,
			       "a packet was left over at the end: %s",
			       first.s);
	free(first.s);
	free(t.s);
	return !r->failed;
}
