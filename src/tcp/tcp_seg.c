// SPDX-License-Identifier: BSD-2-Clause
/*
 * Segments of the send queue: made, counted, cut, joined, freed. Each move
 * keeps the sums of tcp_conn_priv.h's second invariant.
 */
#include "tcp_priv.h"

/* What Linux charges for an empty segment of the send queue: its head (256) and
 * the smallest buffer (576). Measured by SO_MEMINFO. */
#define SEG_OVERHEAD 832u

struct tcp_seg *tcp_seg_new(struct tern_stack *st, struct tcp_conn *c)
{
	uint32_t id = slab_alloc(&st->tcp.segs);
	struct tcp_seg *g;

	if (!id)
		return NULL;
	g = slab_at(&st->tcp.segs, id);
	g->id = id;
	g->seq = c->snd.end;
	c->act->wmem += SEG_OVERHEAD;
	tcp_mem_charge(st, SEG_OVERHEAD);
	return g;
}

static void uncharge(struct tern_stack *st, struct tcp_conn *c, uint32_t n)
{
	c->act->wmem -= min_u32(n, c->act->wmem);
	tcp_mem_uncharge(st, n);
}

void tcp_seg_free(struct tern_stack *st, struct tcp_conn *c, struct tcp_seg *g)
{
	uint32_t i;

	tcp_rack_forget(c, g);
	for (i = 0; i < g->n_frags; i++)
		tern_buf_put(g->frags[i].buf);
	uncharge(st, c, SEG_OVERHEAD + g->len + g->lent_cost);
	slab_free(&st->tcp.segs, g->id);
}

void tcp_seg_count(struct tcp_seg *g, uint32_t mss)
{
	g->mss = (uint16_t)mss;
	g->n_segs = (uint16_t)(g->len > mss ? (g->len + mss - 1) / mss : 1);
}

void tcp_unsent_push(struct tcp_conn *c, struct tcp_seg *g)
{
	struct tcp_active *a = c->act;

	g->next = NULL;
	if (a->unsent_last)
		a->unsent_last->next = g;
	else
		a->unsent = g;
	a->unsent_last = g;
}

/* The head of unsent has left. */
void tcp_unsent_to_rtx(struct tcp_conn *c, struct tcp_seg *g)
{
	struct tcp_active *a = c->act;

	a->unsent = g->next;
	if (!a->unsent)
		a->unsent_last = NULL;
	g->next = NULL;
	g->is_sent = true;
	rbtree_insert_after(&a->rtx, &g->node, a->rtx.last);
	tcp_rack_sent(c, g);
	a->packets_out += g->n_segs;
}

/* Moves what a segment counts for from one count to another. */
static void recount(struct tcp_active *a, const struct tcp_seg *g, int sign)
{
	uint32_t n = sign < 0 ? -(uint32_t)g->n_segs : g->n_segs;

	a->packets_out += n;
	if (g->marks & SEG_SACKED)
		a->sacked_out += n;
	if (g->marks & SEG_LOST)
		a->lost_out += n;
	if (g->marks & SEG_RETRANS)
		a->retrans_out += n;
}

static void split_frags(struct tcp_seg *g, struct tcp_seg *rest, uint32_t len)
{
	uint32_t i, n = 0, off = 0;

	while (n < g->n_frags && off + g->frags[n].len <= len)
		off += g->frags[n++].len;
	for (i = n; i < g->n_frags; i++)
		rest->frags[rest->n_frags++] = g->frags[i];
	if (off < len) {
		uint32_t keep = len - off;

		g->frags[n].len = keep;
		tern_buf_get(g->frags[n].buf);
		rest->frags[0].off += keep;
		rest->frags[0].len -= keep;
		n++;
	}
	g->n_frags = (uint16_t)n;
}

/* The byte that is told of lies in one of the two. */
static void split_notes(struct tcp_seg *g, struct tcp_seg *rest)
{
	struct tcp_seg *without = seq_lt(g->stamp, rest->seq) ? rest : g;

	without->notes &= (uint8_t)~SEG_TELL;
}

bool tcp_seg_split(struct tern_stack *st, struct tcp_conn *c, struct tcp_seg *g,
		   uint32_t len)
{
	struct tcp_active *a = c->act;
	struct tcp_seg *rest = tcp_seg_new(st, c);
	uint32_t id;

	PROMISE(len > 0 && len < g->len);
	if (!rest)
		return false;
	if (g->is_sent)
		recount(a, g, -1);
	id = rest->id;
	*rest = *g;
	rest->id = id;
	rest->n_frags = 0;
	rest->seq = seq_add(g->seq, len + !!(g->flags & TCP_SYN));
	rest->len = g->len - len;
	rest->flags &= (uint16_t)~TCP_SYN;
	rest->lent_cost = 0;
	split_notes(g, rest);
	split_frags(g, rest, len);
	g->len = len;
	g->flags &= (uint16_t) ~(TCP_FIN | TCP_PSH);
	g->eor = false;
	if (g->is_sent) {
		tcp_seg_count(g, g->mss);
		tcp_seg_count(rest, rest->mss);
		recount(a, g, 1);
		recount(a, rest, 1);
		rbtree_insert_after(&a->rtx, &rest->node, &g->node);
		tcp_rack_split(c, g, rest);
		return true;
	}
	rest->next = g->next;
	g->next = rest;
	if (a->unsent_last == g)
		a->unsent_last = rest;
	return true;
}

/* Moves up to n bytes from the front of `from` to the end of g; how many. */
static uint32_t move_frags(struct tcp_seg *g, struct tcp_seg *from, uint32_t n)
{
	uint32_t left = n, gone = 0, i;

	while (left && gone < from->n_frags) {
		struct tern_frag *f = &from->frags[gone], *last;
		uint32_t k = min_u32(left, f->len);

		last = g->n_frags ? &g->frags[g->n_frags - 1] : NULL;
		if (last && last->buf == f->buf &&
		    last->off + last->len == f->off) {
			last->len += k;
		} else if (g->n_frags < TCP_SEG_FRAGS) {
			g->frags[g->n_frags++] =
				(struct tern_frag){ tern_buf_get(f->buf),
						    f->off, k };
		} else {
			break;
		}
		f->off += k;
		f->len -= k;
		left -= k;
		if (!f->len) {
			tern_buf_put(f->buf);
			gone++;
		}
	}
	for (i = gone; i < from->n_frags; i++)
		from->frags[i - gone] = from->frags[i];
	from->n_frags = (uint16_t)(from->n_frags - gone);
	return n - left;
}

/* A packet of several segments takes what is missing to its size from the
 * segment queued behind it, as Linux has done since 6.10: else full packets
 * and remainders would go by turns. */
void tcp_seg_grow(struct tern_stack *st, struct tcp_conn *c, struct tcp_seg *g,
		  uint32_t n)
{
	struct tcp_seg *next = g->next;

	if (!next || g->eor || g->flags & (TCP_SYN | TCP_FIN) ||
	    g->notes | next->notes)
		return;
	n = move_frags(g, next, min_u32(n, next->len));
	g->len += n;
	next->len -= n;
	next->seq = seq_add(next->seq, n);
	if (!n || next->len)
		return;
	g->flags |= next->flags;
	g->eor = next->eor;
	g->next = next->next;
	if (c->act->unsent_last == next)
		c->act->unsent_last = g;
	tcp_seg_free(st, c, next);
}

/* n bytes at the front have been acknowledged. */
void tcp_seg_trim_front(struct tern_stack *st, struct tcp_conn *c,
			struct tcp_seg *g, uint32_t n)
{
	uint32_t left = n, gone = 0, i;

	if (g->is_sent)
		recount(c->act, g, -1);
	if (g->flags & TCP_SYN) {
		g->flags &= (uint16_t)~TCP_SYN;
		g->seq = seq_add(g->seq, 1);
	}
	while (left && g->frags[gone].len <= left) {
		left -= g->frags[gone].len;
		tern_buf_put(g->frags[gone++].buf);
	}
	for (i = gone; i < g->n_frags; i++)
		g->frags[i - gone] = g->frags[i];
	g->n_frags = (uint16_t)(g->n_frags - gone);
	g->frags[0].off += left;
	g->frags[0].len -= left;
	g->seq = seq_add(g->seq, n);
	g->len -= n;
	uncharge(st, c, n);
	tcp_seg_count(g, g->mss);
	if (g->is_sent)
		recount(c->act, g, 1);
}
