// SPDX-License-Identifier: BSD-2-Clause
/*
 * Field by field. What a line does not say is not compared, but flags,
 * sequence numbers, lengths, the urgent pointer and options: a line that says
 * none means that there are none.
 */
#include "drill_match.h"

#include "drill_print.h"

#include "base/bytes.h"
#include "wire/wire_tcp.h"

#include <stdlib.h>
#include <string.h>

/* Appends ", " between what differs. */
__attribute__((format(printf, 2, 3))) static void say(struct drill_text *t,
						      const char *fmt, ...)
{
	va_list args;

	if (t->len)
		drill_text_add(t, "; ");
	va_start(args, fmt);
	drill_text_vadd(t, fmt, args);
	va_end(args);
}

static void match_number(struct drill_text *t, const char *what, uint32_t want,
			 uint32_t got)
{
	if (want != got)
		say(t, "%s is %u, not %u", what, got, want);
}

static void match_ip(struct drill_flow *f, const struct drill_pkt *line,
		     const struct drill_pkt *got, struct drill_text *t)
{
	static const char *const ecn[] = { "noecn", "ect1", "ect0", "ce" };

	if (line->ip.tos_check == DRILL_TOS_ALL && line->ip.tos != got->ip.tos)
		say(t, "tos is 0x%02x, not 0x%02x", got->ip.tos, line->ip.tos);
	if (line->ip.tos_check == DRILL_TOS_ECN &&
	    line->ip.tos != (got->ip.tos & 3))
		say(t, "ECN is %s, not %s", ecn[got->ip.tos & 3],
		    ecn[line->ip.tos]);
	if (line->ip.tos_check == DRILL_TOS_ECT01 && (got->ip.tos & 3) != 1 &&
	    (got->ip.tos & 3) != 2)
		say(t, "ECN is %s, not ect01", ecn[got->ip.tos & 3]);
	if (line->ip.has_ttl)
		match_number(t, "ttl", line->ip.ttl, got->ip.ttl);
	if (!line->ip.has_flow || !f)
		return;
	/* Equal names are equal labels, different ones different labels. */
	if (f->has_label &&
	    (line->ip.flow == f->flow_script) != (got->ip.flow == f->flow_live))
		say(t, "flowlabel has %s",
		    got->ip.flow == f->flow_live ? "not changed" : "changed");
	f->has_label = true;
	f->flow_script = line->ip.flow;
	f->flow_live = got->ip.flow;
}

/* As the line would print them: what it does not say is not compared. */
static void match_wraps(const struct drill_pkt *line,
			const struct drill_pkt *live, struct drill_text *t)
{
	struct drill_text want = { 0 }, have = { 0 };
	struct drill_pkt got;

	if (!line->n_wraps && !live->n_wraps)
		return;
	got = *live;
	for (int i = 0; i < got.n_wraps && i < line->n_wraps; i++) {
		got.wraps[i].ip.tos_check = line->wraps[i].ip.tos_check;
		got.wraps[i].ip.has_ttl = line->wraps[i].ip.has_ttl;
		got.wraps[i].ip.has_flow = line->wraps[i].ip.has_flow;
	}
	drill_print_wraps(&want, line);
	drill_print_wraps(&have, &got);
	if (want.len != have.len || memcmp(want.s, have.s, want.len) != 0)
		say(t, "it is wrapped in \"%s\", not in \"%s\"",
		    have.len ? have.s : "", want.len ? want.s : "");
	free(want.s);
	free(have.s);
}

static void match_flags(const struct drill_run *r, const struct drill_pkt *line,
			const struct drill_pkt *got, int n_merged,
			struct drill_text *t)
{
	struct drill_text want = { 0 }, have = { 0 };
	uint16_t mind = 0x1ff;

	if (r->config->portable && n_merged > 1)
		mind &= (uint16_t)~TCP_PSH;
	if ((line->flags & mind) != (got->flags & mind)) {
		drill_print_flags(&want, line->flags);
		drill_print_flags(&have, got->flags);
		say(t, "flags are %s, not %s", have.s, want.s);
		free(want.s);
		free(have.s);
	}
	if (got->reserved)
		say(t, "reserved bits are set");
}

/* The options' bytes without padding and in the order of their kinds. */
static void normalise(struct drill_pkt *p)
{
	struct drill_pkt out = { 0 };
	unsigned kind;

	for (kind = 2; kind < 256; kind++) {
		const uint8_t *o = drill_flow_opt(p, (uint8_t)kind, 0);

		if (!o)
			continue;
		memcpy(out.opts + out.n_opts, o, o[1]);
		out.n_opts = (uint8_t)(out.n_opts + o[1]);
	}
	memcpy(p->opts, out.opts, sizeof(out.opts));
	p->n_opts = out.n_opts;
}

static int64_t distance(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

static void match_ts(const struct drill_run *r, const struct drill_flow *f,
		     uint8_t *want, uint8_t *got, struct drill_text *t,
		     struct drill_text *doubts)
{
	uint32_t val = get_be32(want + 2), live = get_be32(got + 2);
	int64_t tick = r->config->ts_tick_us, passed, tolerance, off;

	if (get_be32(want + 6) != get_be32(got + 6))
		say(doubts, "ecr is %u, not %u", get_be32(got + 6),
		    get_be32(want + 6));
	if (tick && f && f->n_ts) {
		passed = (int32_t)(val - f->ts[0].script) * tick;
		tolerance =
			max_i64(r->config->tolerance_ns / 1000,
				(int64_t)((double)passed *
					  r->config->tolerance_percent / 100));
		off = distance((int32_t)(live - f->ts[0].live) * tick, passed);
		if (off > tolerance)
			say(t, "TS val is %lld us off", (long long)off);
	}
	/* The rest of the options is compared as bytes. */
	memcpy(got + 2, want + 2, 8);
}

static void match_opts(const struct drill_run *r, const struct drill_flow *f,
		       const struct drill_pkt *line,
		       const struct drill_pkt *live, struct drill_text *t,
		       struct drill_text *doubts)
{
	struct drill_pkt want = *line, got = *live;
	struct drill_text a = { 0 }, b = { 0 };
	uint8_t *ts_want, *ts_got;

	if (line->any_opts)
		return;
	if (r->config->portable) {
		normalise(&want);
		normalise(&got);
	}
	ts_want = drill_flow_opt(&want, 8, 10);
	ts_got = drill_flow_opt(&got, 8, 10);
	if (ts_want && ts_got)
		match_ts(r, f, ts_want, ts_got, t, doubts);
	if (want.n_opts == got.n_opts &&
	    !memcmp(want.opts, got.opts, want.n_opts))
		return;
	drill_print_opts(&a, live);
	drill_print_opts(&b, line);
	say(t, "options are %s, not %s", a.s ? a.s : "none",
	    b.s ? b.s : "none");
	free(a.s);
	free(b.s);
}

static void match_tcp(const struct drill_run *r, const struct drill_flow *f,
		      const struct drill_pkt *line,
		      const struct drill_live *live, int n_merged,
		      struct drill_text *t, struct drill_text *doubts)
{
	const struct drill_pkt *got = &live->pkt;

	match_flags(r, line, got, n_merged, t);
	match_number(t, "seq", line->seq, got->seq);
	match_number(t, "length", line->len, got->len);
	match_number(t, "ack", line->ack, got->ack);
	if (line->has_win && !r->config->portable)
		match_number(t, "win", line->win, got->win);
	match_number(t, "urg", line->urg, got->urg);
	match_opts(r, f, line, got, t, doubts);
}

void drill_match(const struct drill_run *r, struct drill_flow *f,
		 const struct drill_pkt *line, const struct drill_live *live,
		 int n_merged, struct drill_text *differs,
		 struct drill_text *doubts)
{
	static const char *const protos[] = { "TCP", "UDP", "ICMP" };
	const struct drill_pkt *got = &live->pkt;

	if (line->proto != got->proto) {
		say(differs, "it is %s, not %s", protos[got->proto],
		    protos[line->proto]);
		return;
	}
	match_wraps(line, got, differs);
	match_ip(f, line, got, differs);
	if (line->proto == DRILL_TCP) {
		match_tcp(r, f, line, live, n_merged, differs, doubts);
	} else if (line->proto == DRILL_UDP) {
		match_number(differs, "length", line->len, got->len);
	} else {
		match_number(differs, "type", line->type, got->type);
		match_number(differs, "code", line->code, got->code);
	}
	if (live->bad_payload)
		say(differs, "the payload is not all zero");
	if (live->bad_ip_csum)
		say(differs, "the IP checksum is wrong");
	if (live->bad_csum)
		say(doubts, "the %s checksum is wrong", protos[got->proto]);
}

const char *drill_match_glue(const struct drill_live *a,
			     const struct drill_live *b)
{
	uint16_t may_differ = TCP_FIN | TCP_PSH | TCP_CWR;

	if (b->pkt.proto != DRILL_TCP || !b->pkt.len)
		return "what follows carries no data";
	if ((a->pkt.flags ^ b->pkt.flags) & ~may_differ & 0x1ff)
		return "the flags of what follows differ";
	if (b->pkt.seq != a->pkt.seq + a->pkt.len)
		return "what follows is not the next in sequence";
	if (a->pkt.ack != b->pkt.ack || a->pkt.win != b->pkt.win ||
	    a->pkt.urg != b->pkt.urg || a->pkt.n_opts != b->pkt.n_opts ||
	    a->pkt.ip.tos != b->pkt.ip.tos)
		return "the header of what follows differs";
	return NULL;
}
