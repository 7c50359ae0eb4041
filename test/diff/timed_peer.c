// SPDX-License-Identifier: BSD-2-Clause
/*
 * The peer: a receiver of the stack's data that holds what comes out of order
 * and tells of it as RFC 2018 4 says, the newest block first; and a sender that
 * counts on nothing.
 *
 * Which of the stack's segments "have come" is the steps' word alone, so a
 * segment may be lost, late or doubled as a plan likes.
 */
#include "timed.h"

#include "base/bytes.h"
#include "base/time.h"
#include "wire/wire_tcp.h"

#include <string.h>

#define TS_BASE 1000u

static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* --- what the stack sends --- */

static void note_segment(struct timed_session *s, const struct drill_pkt *p,
			 uint32_t ts)
{
	uint32_t end = p->seq + p->len + !!(p->flags & TCP_FIN);
	int i;

	if (before(s->snt, end))
		s->snt = end;
	for (i = 0; i < s->n_segs; i++) {
		if (s->segs[i].seq == p->seq) {
			s->segs[i].ts_last = ts;
			return;
		}
		/* A piece of one that was sent whole. */
		if (before(s->segs[i].seq, p->seq) &&
		    before(p->seq, s->segs[i].end))
			s->segs[i].end = p->seq;
	}
	if (s->n_segs < TIMED_SENT)
		s->segs[s->n_segs++] =
			(struct timed_sent){ p->seq, end, ts, ts };
}

/* Timestamps count from 100, SACK blocks from the peer's SYN. */
static uint32_t note_opts(struct timed_session *s, struct drill_pkt *p)
{
	uint8_t *o = p->opts;
	unsigned i, k, n = p->n_opts;
	uint32_t ts = 0;

	for (i = 0; i < n && o[i]; i += o[i] == 1 ? 1 : o[i + 1]) {
		if (o[i] == 1)
			continue;
		if (i + 2 > n || o[i + 1] < 2 || i + o[i + 1] > n)
			break;
		if (o[i] == 8) {
			if (p->flags & TCP_SYN)
				s->ts_base = get_be32(o + i + 2) - 100;
			ts = get_be32(o + i + 2) - s->ts_base;
			put_be32(o + i + 2, ts);
		} else if (o[i] == 3 && p->flags & TCP_SYN) {
			s->ws_out = o[i + 2];
		} else if (o[i] == 5) {
			for (k = 2; k + 4 <= o[i + 1]; k += 4)
				put_be32(o + i + k,
					 get_be32(o + i + k) - s->irs);
		}
	}
	return ts;
}

void timed_peer_saw(struct timed_session *s, struct drill_pkt *p)
{
	uint32_t ts;

	if (p->flags & TCP_SYN) {
		s->iss = p->seq;
		s->has_iss = true;
	}
	p->seq -= s->iss;
	if (p->flags & TCP_ACK)
		p->ack -= s->irs;
	ts = note_opts(s, p);
	if (p->flags & TCP_RST)
		return;
	if (p->flags & TCP_SYN) {
		s->ecr = ts;
		s->una = s->snt = s->sent = s->ahead = 1;
	}
	s->nxt = p->ack;
	s->edge = p->ack +
		  ((uint32_t)p->win << (p->flags & TCP_SYN ? 0 : s->ws_out));
	if (p->len || p->flags & TCP_FIN)
		note_segment(s, p, ts);
	else if (s->una == s->snt && ts)
		s->ecr = ts;
}

/* --- what of it has come --- */

static const struct timed_range *holds(const struct timed_session *s,
				       uint32_t seq)
{
	int i;

	for (i = 0; i < s->n_held; i++)
		if (!before(seq, s->held[i].start) &&
		    before(seq, s->held[i].end))
			return &s->held[i];
	return NULL;
}

static void drop_held(struct timed_session *s, int i)
{
	memmove(&s->held[i], &s->held[i + 1],
		(size_t)(--s->n_held - i) * sizeof(s->held[0]));
}

/* The range that it joins or makes becomes the newest. */
static void hold(struct timed_session *s, uint32_t start, uint32_t end)
{
	int i;

	for (i = s->n_held - 1; i >= 0; i--) {
		struct timed_range *r = &s->held[i];

		if (before(end, r->start) || before(r->end, start))
			continue;
		start = before(r->start, start) ? r->start : start;
		end = before(end, r->end) ? r->end : end;
		drop_held(s, i);
	}
	if (s->n_held == TIMED_RANGES)
		s->n_held--;
	memmove(&s->held[1], &s->held[0],
		(size_t)s->n_held++ * sizeof(s->held[0]));
	s->held[0] = (struct timed_range){ start, end };
}

/* All up to seq is there, and what it joins. */
static void came(struct timed_session *s, uint32_t seq)
{
	int i;

	if (before(s->una, seq))
		s->una = seq;
	for (i = 0; i < s->n_held; i++) {
		if (before(s->una, s->held[i].start))
			continue;
		if (before(s->una, s->held[i].end))
			s->una = s->held[i].end;
		drop_held(s, i);
		i = -1;
	}
}

/* Of what has not come the nth segment, from una on; NULL: there is none. */
static const struct timed_sent *missing(const struct timed_session *s, int nth)
{
	const struct timed_sent *best;
	uint32_t from = s->una;

	do {
		int i;

		best = NULL;
		for (i = 0; i < s->n_segs; i++) {
			const struct timed_sent *g = &s->segs[i];

			if (before(g->seq, from) || holds(s, g->seq))
				continue;
			if (!best || before(g->seq, best->seq))
				best = g;
		}
		if (best)
			from = best->end;
	} while (best && nth--);
	return best;
}

/* What a receiver echoes of the segment: mostly of its last sending. */
static void echo(struct timed_session *s, const struct timed_sent *g)
{
	if (g->ts_last)
		s->ecr = s->plan->seed % 4 ? g->ts_last : g->ts_first;
}

static bool take(struct timed_session *s, int n)
{
	const struct timed_sent *g;
	uint32_t una = s->una;

	if (n == 0)
		n = TIMED_SENT;
	while (n-- && (g = missing(s, 0))) {
		if (g->seq == s->una)
			echo(s, g);
		came(s, g->end);
	}
	if (una == s->una && before(s->una, s->snt) && n > 0) {
		/* The rest of a segment that came in part. */
		came(s, s->snt);
	}
	return s->una != una;
}

static bool take_beyond(struct timed_session *s, int nth, int n)
{
	const struct timed_sent *g;
	bool any = false;

	while (n-- && (g = missing(s, nth))) {
		hold(s, g->seq, g->end);
		any = true;
	}
	return any;
}

/* --- what it sends --- */

static void put_ts(const struct timed_session *s, const struct drill_pkt *p,
		   int64_t now, uint8_t *o)
{
	o[0] = o[1] = 1;
	o[2] = 8;
	o[3] = 10;
	put_be32(o + 4, TS_BASE + (uint32_t)(now / NS_PER_MS));
	put_be32(o + 8, p->flags & TCP_ACK ? s->ecr : 0);
}

static void put_sacks(const struct timed_session *s, struct drill_pkt *p,
		      const struct timed_range *dsack)
{
	int max = s->plan->ts ? 3 : 4, n = 0, i;
	uint8_t *o = p->opts + p->n_opts;

	if (!s->plan->sack || (!s->n_held && !dsack))
		return;
	for (i = dsack ? -1 : 0; i < s->n_held && n < max; i++, n++) {
		const struct timed_range *r = i < 0 ? dsack : &s->held[i];

		put_be32(o + 4 + 8 * n, r->start);
		put_be32(o + 8 + 8 * n, r->end);
	}
	o[0] = o[1] = 1;
	o[2] = 5;
	o[3] = (uint8_t)(2 + 8 * n);
	p->n_opts = (uint8_t)(p->n_opts + 4 + 8 * n);
}

static void make_ack(struct timed_session *s, const struct timed_step *step,
		     int64_t now, const struct timed_range *dsack,
		     struct drill_pkt *p)
{
	*p = (struct drill_pkt){ .proto = DRILL_TCP,
				 .in = true,
				 .flags = TCP_ACK | step->flags,
				 .seq = s->sent,
				 .ack = s->una,
				 .has_win = true,
				 .win = s->win };
	if (step->ce) {
		p->ip = (struct drill_ip){ .tos_check = DRILL_TOS_ECN,
					   .tos = 3 };
	}
	if (s->plan->ts) {
		put_ts(s, p, now, p->opts);
		p->n_opts = 12;
	}
	put_sacks(s, p, dsack);
}

static void make_data(struct timed_session *s, const struct timed_step *step,
		      uint32_t seq, int64_t now, struct drill_pkt *p)
{
	uint32_t end = seq + (uint32_t)step->a;

	make_ack(s, step, now, NULL, p);
	if (p->n_opts + step->a > s->plan->mss)
		end -= p->n_opts + (uint32_t)step->a - s->plan->mss;
	p->seq = seq;
	p->len = end - seq;
	if (before(s->ahead, end))
		s->ahead = end;
	if (step->kind == TIMED_DATA || step->kind == TIMED_FILL)
		s->sent = before(s->sent, end) ? end : s->sent;
}

static bool peer_ack(struct timed_session *s, const struct timed_step *t,
		     int64_t now, struct drill_pkt *p)
{
	struct timed_range dsack;
	bool does = true, old = false;

	switch ((enum timed_kind)t->kind) {
	case TIMED_ACK:
		does = take(s, t->a);
		break;
	case TIMED_DUP:
		does = before(s->una, s->snt);
		break;
	case TIMED_SACK:
		does = take_beyond(s, t->a, t->b);
		break;
	case TIMED_DSACK:
		dsack.start = s->una - (uint32_t)t->a * s->plan->mss;
		dsack.end = dsack.start + s->plan->mss;
		does = !before(dsack.start, 1) && before(dsack.start, s->una);
		make_ack(s, t, now, &dsack, p);
		return does && s->plan->sack;
	case TIMED_PART:
		does = before(s->una + (uint32_t)t->a, s->snt);
		if (does)
			came(s, s->una + (uint32_t)t->a);
		break;
	case TIMED_RENEGE:
		does = s->n_held;
		s->n_held = 0;
		break;
	case TIMED_OLD:
		old = does = s->una > (uint32_t)t->a;
		break;
	case TIMED_WIN:
		s->win = (uint16_t)t->a;
		break;
	default:
		return false;
	}
	make_ack(s, t, now, NULL, p);
	if (old)
		p->ack -= (uint32_t)t->a;
	return does;
}

bool timed_peer_packet(struct timed_session *s, const struct timed_step *t,
		       int64_t now, struct drill_pkt *p)
{
	uint32_t seq;

	if (!s->has_iss)
		return false;
	switch ((enum timed_kind)t->kind) {
	case TIMED_DATA:
		seq = s->sent;
		break;
	case TIMED_GAP:
		seq = s->sent + (uint32_t)t->b;
		break;
	case TIMED_FILL:
		seq = s->nxt;
		break;
	case TIMED_BACK:
		seq = s->sent - (uint32_t)t->b;
		if (before(seq, 1))
			return false;
		break;
	case TIMED_EDGE:
		seq = s->edge - (uint32_t)t->b;
		if (before(seq, 1))
			return false;
		break;
	default:
		return peer_ack(s, t, now, p);
	}
	make_data(s, t, seq, now, p);
	return true;
}
