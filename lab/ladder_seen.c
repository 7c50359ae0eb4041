// SPDX-License-Identifier: BSD-2-Clause
#include "ladder_seen.h"

#include <tern/socket.h>

#include <string.h>

static int32_t diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static uint32_t end_of(const struct lab_seg *s)
{
	return s->raw_seq + s->len + !!(s->flags & TCP_SYN) +
	       !!(s->flags & TCP_FIN);
}

static void add_hole(struct ladder_side *a, uint32_t from, uint32_t to)
{
	if (a->n_holes == LADDER_HOLES_MAX)
		memmove(a->holes, a->holes + 1,
			(size_t)--a->n_holes * sizeof(*a->holes));
	a->holes[a->n_holes].from = from;
	a->holes[a->n_holes++].to = to;
}

/* True if it has bytes that were missing. */
static bool fill_holes(struct ladder_side *a, uint32_t seq, uint32_t end)
{
	bool filled = false;

	for (int i = a->n_holes - 1; i >= 0; i--) {
		uint32_t from = a->holes[i].from, to = a->holes[i].to;

		if (diff(seq, to) >= 0 || diff(end, from) <= 0)
			continue;
		filled = true;
		memmove(a->holes + i, a->holes + i + 1,
			(size_t)(--a->n_holes - i) * sizeof(*a->holes));
		if (diff(seq, from) > 0)
			add_hole(a, from, seq);
		if (diff(end, to) < 0)
			add_hole(a, end, to);
	}
	return filled;
}

/* A segment without a byte of its own, or with one that was sent before. */
static const char *on_empty(const struct ladder_side *a,
			    const struct ladder_side *b,
			    const struct lab_seg *s)
{
	if (!a->has_sent || !(s->flags & TCP_ACK) || s->flags & TCP_SYN)
		return NULL;
	if (diff(s->raw_seq, a->next) == -1 && s->len <= 1)
		return b->has_ack && !b->win ? "window probe" : "keep-alive";
	if (!s->len && a->has_ack && s->raw_ack == a->ack && s->win == a->win &&
	    b->has_sent && diff(b->next, s->raw_ack) > 0)
		return "duplicate ACK";
	return NULL;
}

static const char *on_bytes(struct ladder_side *a, const struct ladder_side *b,
			    const struct lab_seg *s)
{
	uint32_t seq = s->raw_seq, end = end_of(s);
	bool is_new = !a->has_sent || diff(end, a->next) > 0;
	const char *note = NULL;

	if (!a->has_sent || seq == a->next)
		note = NULL;
	else if (diff(seq, a->next) > 0)
		note = "something before it was not seen";
	else if (fill_holes(a, seq, end))
		note = "out of order";
	else if (is_new)
		note = "resent in part";
	else
		note = on_empty(a, b, s) ? on_empty(a, b, s) : "resent";
	if (a->has_sent && diff(seq, a->next) > 0)
		add_hole(a, a->next, seq);
	if (is_new)
		a->next = end;
	a->has_sent = true;
	return note;
}

/* The FIN of `a`, and all before it, is at `b`. */
static void on_fin(struct ladder_side *a, struct ladder_side *b)
{
	if (!a->has_fin || a->fin_arrived)
		return;
	for (int i = 0; i < a->n_holes; i++)
		if (diff(a->holes[i].from, a->fin) < 0)
			return;
	a->fin_arrived = true;
	if (b->state == TERN_TCP_ESTABLISHED || b->state == TERN_TCP_SYN_RECV)
		b->state = TERN_TCP_CLOSE_WAIT;
	else if (b->state == TERN_TCP_FIN_WAIT1)
		b->state = TERN_TCP_CLOSING;
	else if (b->state == TERN_TCP_FIN_WAIT2)
		b->state = TERN_TCP_TIME_WAIT;
}

/* `a` sends one for the first time. */
static void send_fin(struct ladder_side *a, const struct ladder_side *b,
		     const struct lab_seg *s)
{
	a->has_fin = true;
	a->fin = end_of(s);
	/* It did not yet know of the other's: both close at once. */
	if (b->fin_arrived && diff(s->raw_ack, b->fin) < 0)
		a->state = TERN_TCP_CLOSING;
	else if (a->state == TERN_TCP_CLOSE_WAIT)
		a->state = TERN_TCP_LAST_ACK;
	else if (a->state == TERN_TCP_ESTABLISHED ||
		 a->state == TERN_TCP_SYN_RECV)
		a->state = TERN_TCP_FIN_WAIT1;
}

static void on_ack(struct ladder_side *b, uint32_t ack)
{
	if (b->state == TERN_TCP_SYN_RECV && diff(ack, b->isn) > 0)
		b->state = TERN_TCP_ESTABLISHED;
	if (!b->has_fin || diff(ack, b->fin) < 0)
		return;
	if (b->state == TERN_TCP_FIN_WAIT1)
		b->state = TERN_TCP_FIN_WAIT2;
	else if (b->state == TERN_TCP_CLOSING)
		b->state = TERN_TCP_TIME_WAIT;
	else if (b->state == TERN_TCP_LAST_ACK)
		b->state = TERN_TCP_CLOSE;
}

static void on_syn(struct ladder_side *a, struct ladder_side *b,
		   const struct lab_seg *s)
{
	bool crossed = b->state == TERN_TCP_SYN_SENT;

	if (s->flags & TCP_ACK) {
		if (!a->state || a->state == TERN_TCP_SYN_SENT)
			a->state = TERN_TCP_SYN_RECV;
		if (b->state == TERN_TCP_SYN_SENT ||
		    b->state == TERN_TCP_SYN_RECV)
			b->state = TERN_TCP_ESTABLISHED;
	} else if (!a->state || a->state == TERN_TCP_CLOSE) {
		a->state = crossed ? TERN_TCP_SYN_RECV : TERN_TCP_SYN_SENT;
		if (crossed)
			b->state = TERN_TCP_SYN_RECV;
	}
}

/* RFC 9293 3.10.7: by the ACK in SYN-SENT, else by its place; a RST somewhere
 * in the window is questioned (RFC 5961 3.2). */
static void on_rst(struct ladder_side *a, struct ladder_side *b,
		   const struct lab_seg *s)
{
	bool fits = (b->has_ack && s->raw_seq == b->ack) ||
		    (a->has_sent && s->raw_seq == a->next);

	if (b->state == TERN_TCP_SYN_SENT)
		fits = s->flags & TCP_ACK && s->raw_ack == b->next;
	if (fits)
		a->state = b->state = TERN_TCP_CLOSE;
}

const char *ladder_seen_segment(struct ladder_seen *seen,
				const struct lab_seg *s, int side)
{
	struct ladder_side *a = &seen->sides[side], *b = &seen->sides[!side];
	const char *note;

	if (s->flags & TCP_RST) {
		on_rst(a, b, s);
		return NULL;
	}
	/* Another incarnation: what was sent before is nothing to it. */
	if (s->flags & TCP_SYN && s->isn_shown)
		*a = (struct ladder_side){ .state = a->state,
					   .isn = s->raw_seq };
	note = end_of(s) == s->raw_seq ? on_empty(a, b, s) : on_bytes(a, b, s);
	if (!a->has_sent) {
		a->next = s->raw_seq;
		a->has_sent = true;
	}
	if (s->flags & TCP_SYN) {
		on_syn(a, b, s);
	} else if (s->flags & TCP_ACK) {
		a->state = a->state ? a->state : TERN_TCP_ESTABLISHED;
		b->state = b->state ? b->state : TERN_TCP_ESTABLISHED;
		on_ack(b, s->raw_ack);
	}
	if (s->flags & TCP_FIN && !a->has_fin)
		send_fin(a, b, s);
	on_fin(a, b);
	if (s->flags & TCP_ACK) {
		a->ack = s->raw_ack;
		a->win = s->win;
		a->has_ack = true;
	}
	return note;
}
