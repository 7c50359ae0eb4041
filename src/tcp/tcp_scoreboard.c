// SPDX-License-Identifier: BSD-2-Clause
/*
 * Selective acknowledgements, the sender's side (RFC 2018, 2883, 6675).
 *
 * The scoreboard is the retransmission queue itself: a segment that a block
 * covers is marked SACKED, one that a block's edge cuts is split at a multiple
 * of the MSS. Blocks are looked up in the tree, and what the last ACK's blocks
 * covered already is skipped, so that an ACK costs a logarithm and what is new
 * in it, not what is in flight.
 *
 * A first block below snd.una, or inside the second, is a D-SACK: what we sent
 * twice arrived twice. Blocks that cannot be true are ignored.
 */
#include "tcp_priv.h"

struct tcp_seg *tcp_seg_at(const struct tcp_active *a, struct seq seq)
{
	struct rbnode *n = a->rtx.root;
	struct tcp_seg *best = NULL;

	while (n) {
		struct tcp_seg *g = seg_of(n);

		if (seq_gt(seg_end(g), seq)) {
			best = g;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

/* One that begins where we wait for an ACK is nonsense: it would be one [k]. */
static bool is_valid(const struct tcp_conn *c, const struct wire_sack *b)
{
	return seq_lt(b->start, b->end) && seq_gt(b->start, c->snd.una) &&
	       seq_leq(b->end, c->snd.nxt) && seq_lt(b->start, c->snd.nxt);
}

static bool is_dsack(const struct tcp_conn *c, const struct tcp_in *in)
{
	const struct wire_sack *b = in->o.sack;

	if (seq_lt(b[0].start, in->h.ack))
		return true;
	(void)c;
	return in->o.n_sack > 1 && seq_leq(b[0].end, b[1].end) &&
	       seq_geq(b[0].start, b[1].start);
}

static void dsack_in(struct tern_stack *st, struct tcp_conn *c,
		     const struct tcp_in *in, struct tcp_ack_state *s)
{
	const struct wire_sack *b = &in->o.sack[0];
	struct tcp_active *a = c->act;
	struct tcp_hist *h = hist_of(st, c);
	uint32_t len = (uint32_t)seq_diff(b->end, b->start);
	uint32_t n = len > c->mss ? (len + c->mss - 1u) / c->mss : 1;

	if (seq_lt(b->start, in->h.ack))
		COUNT(st, TCP_EXT_DSACK_RECV);
	else
		COUNT(st, TCP_EXT_DSACK_OFO_RECV);
	/* It may be about what was acknowledged long ago [k], but no peer has
	 * had more than a window of ours twice. */
	if (!seq_lt(b->start, b->end) || len > c->snd.max_wnd) {
		COUNT(st, TCP_EXT_DSACK_IGNORED_DUBIOUS);
		return;
	}
	if (!h)
		return;
	h->dsack_dups = (uint16_t)min_u32(h->dsack_dups + n, UINT16_MAX);
	/* More duplicates than we ever resent: the network made them. */
	if (h->dsack_dups > h->total_retrans) {
		COUNT(st, TCP_EXT_DSACK_IGNORED_DUBIOUS);
		return;
	}
	COUNT_N(st, TCP_EXT_DSACK_RECV_SEGS, n);
	s->flags |= ACKED_DSACK;
	/* A needless resend has arrived, too. */
	tcp_count_delivered(st, c, n);
	if (a->has_tlp && a->tlp_resent && seq_eq(b->end, a->tlp_high))
		s->flags |= ACKED_DSACK_TLP;
	else if (c->reord_seen)
		a->rack.dsack_seen = true; /* too small a window for it [k] */
	if (a->has_undo && a->undo_retrans > 0 &&
	    seq_leq(b->end, s->prior_una) && seq_gt(b->end, a->undo_marker))
		a->undo_retrans =
			(int32_t)max_i64(0, (int64_t)a->undo_retrans - n);
}

static void note_reordering(struct tcp_ack_state *s, struct seq seq)
{
	if (!s->has_reord || seq_lt(seq, s->reord)) {
		s->reord = seq;
		s->has_reord = true;
	}
}

/* A segment is SACKed for the first time. */
static void mark(struct tern_stack *st, struct tcp_conn *c, struct tcp_seg *g,
		 struct tcp_ack_state *s)
{
	struct tcp_active *a = c->act;

	tcp_rack_delivered(st, c, g);
	tcp_rack_forget(c, g);
	if (g->marks & SEG_RETRANS) {
		if (g->marks & SEG_LOST)
			a->lost_out -= g->n_segs;
		a->retrans_out -= g->n_segs;
		g->marks &= (uint8_t) ~(SEG_LOST | SEG_RETRANS);
	} else {
		if (!(g->marks & SEG_EVER_RETRANS)) {
			if (a->sacked_out && seq_lt(g->seq, a->high_sack) &&
			    seq_lt(g->seq, s->prior_fack))
				note_reordering(s, g->seq);
			if (seq_leq(seg_end(g), a->high_seq))
				s->flags |= ACKED_ORIG_SACK;
			if (!s->sack_first_at)
				s->sack_first_at = g->sent_at;
			s->sack_at = g->sent_at;
		}
		if (g->marks & SEG_LOST) {
			a->lost_out -= g->n_segs;
			g->marks &= (uint8_t)~SEG_LOST;
		}
	}
	tcp_rate_delivered(st, c, g, &s->rs);
	g->delivered_at = 0; /* counted */
	if (!a->sacked_out || seq_gt(seg_end(g), a->high_sack))
		a->high_sack = seg_end(g);
	g->marks |= SEG_SACKED;
	a->sacked_out += g->n_segs;
	s->flags |= ACKED_SACK;
	s->bytes += g->len;
	tcp_count_delivered(st, c, g->n_segs);
}

/* Splits g where a block's edge lies in it. The part to mark, or NULL if less
 * than a segment of it is covered. */
static struct tcp_seg *cut(struct tern_stack *st, struct tcp_conn *c,
			   struct tcp_seg *g, const struct wire_sack *b)
{
	uint32_t mss = g->mss, n;

	if (seq_lt(g->seq, b->start)) {
		/* The left part is not covered: up to a whole segment. */
		n = ((uint32_t)seq_diff(b->start, g->seq) + mss - 1) / mss *
		    mss;
		if (n >= g->len || !tcp_seg_split(st, c, g, n))
			return NULL;
		g = seg_of(rbtree_next(&g->node));
	}
	if (seq_gt(seg_end(g), b->end)) {
		n = (uint32_t)max_i64(seq_diff(b->end, g->seq), 0) / mss * mss;
		if (!n || n >= g->len || !tcp_seg_split(st, c, g, n))
			return NULL;
	}
	return g;
}

/* Marks the segments of [from, to), as block b covers them. Blocks are sorted,
 * and one that overlaps the one before does not go back, unless it begins
 * behind all that is SACKed [k]. */
static void mark_range(struct tern_stack *st, struct tcp_conn *c,
		       struct seq from, struct seq to,
		       const struct wire_sack *b, struct tcp_ack_state *s)
{
	const struct tcp_active *a = c->act;
	struct tcp_seg *g;

	if (a->sacked_out && seq_lt(b->start, a->high_sack))
		from = seq_max(from, s->sack_next);
	g = tcp_seg_at(a, from);
	while (g && seq_lt(g->seq, to)) {
		if (!(g->marks & SEG_SACKED)) {
			struct tcp_seg *part = g;

			if (seq_lt(g->seq, b->start) ||
			    seq_gt(seg_end(g), b->end))
				part = cut(st, c, g, b);
			/* Its end is in the first segment of g: the next
			 * block goes on here. */
			if (!part && g->n_segs > 1 && seq_geq(g->seq, b->start))
				break;
			if (part) {
				mark(st, c, part, s);
				g = part;
			}
		}
		g = seg_of(rbtree_next(&g->node));
	}
	s->sack_next = g ? g->seq : c->snd.nxt;
}

/* Marks what of block b the last ACK's blocks did not cover. */
static void mark_news(struct tern_stack *st, struct tcp_conn *c,
		      const struct wire_sack *b, struct tcp_ack_state *s)
{
	struct tcp_active *a = c->act;
	struct seq from = b->start;
	int i;

	for (i = 0; i < a->n_seen && seq_lt(from, b->end); i++) {
		const struct wire_sack *o = &a->seen[i];

		if (seq_leq(o->end, from) || seq_geq(o->start, b->end))
			continue;
		if (seq_lt(from, o->start))
			mark_range(st, c, from, o->start, b, s);
		from = o->end;
	}
	if (seq_lt(from, b->end))
		mark_range(st, c, from, b->end, b, s);
}

static void sort(struct wire_sack *b, int n)
{
	int i, k;

	for (i = 1; i < n; i++)
		for (k = i; k && seq_lt(b[k].start, b[k - 1].start); k--) {
			struct wire_sack t = b[k];

			b[k] = b[k - 1];
			b[k - 1] = t;
		}
}

void tcp_sack_in(struct tern_stack *st, struct tcp_conn *c,
		 const struct tcp_in *in, struct tcp_ack_state *s)
{
	struct tcp_active *a = c->act;
	struct wire_sack blocks[WIRE_TCP_MAX_SACK];
	int i, n = 0;

	if (!a->sacked_out)
		a->n_seen = 0;
	if (is_dsack(c, in))
		dsack_in(st, c, in, s);
	/* A D-SACK of what is in flight tells, too, that it came [k]. */
	for (i = 0; i < in->o.n_sack; i++)
		if (is_valid(c, &in->o.sack[i]) &&
		    seq_gt(in->o.sack[i].end, c->snd.una))
			blocks[n++] = in->o.sack[i];
	sort(blocks, n);
	s->sack_next = c->snd.una;
	for (i = 0; i < n; i++)
		mark_news(st, c, &blocks[i], s);
	memcpy(a->seen, blocks, sizeof(blocks[0]) * (size_t)n);
	a->n_seen = (uint8_t)n;
	if (s->has_reord)
		tcp_sack_reordering(st, c, s->reord, false);
}

/* Up to where something is SACKed; of duplicate ACKs nothing is known but that
 * the first segment is not among them, which begins where it began before a part
 * of it was acknowledged [k]. */
static struct seq highest_sacked(const struct tcp_conn *c)
{
	const struct tcp_active *a = c->act;
	const struct tcp_seg *first = rtx_first(a);

	if (!a->sacked_out || !first)
		return c->snd.una;
	return c->sack_ok ? a->high_sack : seq_sub(first->seq, first->part);
}

/* What was sent before high_sack has arrived after it: the network reorders by
 * that much, and dupthresh grows (RFC 4653's idea, as on Linux). */
void tcp_sack_reordering(struct tern_stack *st, struct tcp_conn *c,
			 struct seq low, bool by_ts)
{
	struct seq fack = highest_sacked(c);
	uint32_t metric, most = (uint32_t)st->tun.tcp_max_reordering;

	if (!seq_lt(low, fack))
		return;
	metric = (uint32_t)seq_diff(fack, low);
	if (metric > c->reordering * (uint32_t)c->mss)
		c->reordering = (uint16_t)min_u32(
			min_u32((metric + c->mss - 1) / c->mss, most),
			UINT16_MAX);
	tcp_reord_seen(c);
	st->counter[by_ts ? COUNTER_TCP_EXT_TS_REORDER :
			    COUNTER_TCP_EXT_SACK_REORDER]++;
}
