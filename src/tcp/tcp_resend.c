// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sending again, and sending on.
 *
 * tcp_resend() repeats one segment, cut to the MSS and the window of now;
 * small neighbours that are to be resent as well join it. tcp_resume() goes on
 * with what TSQ or pacing held back; connections that wait for the link are in
 * a FIFO threaded through their active blocks.
 */
#include "tcp_priv.h"

/* n segments fewer than were counted. Without SACK duplicate ACKs stand for
 * segments, but not for which: at most for those that are left. */
static void count_fewer(struct tcp_conn *c, uint32_t n)
{
	struct tcp_active *a = c->act;

	a->packets_out -= n;
	if (!c->sack_ok)
		a->sacked_out -= min_u32(a->sacked_out, n);
}

/* Counts a segment in flight by another mss. */
static void count_anew(struct tcp_conn *c, struct tcp_seg *g, uint32_t mss)
{
	struct tcp_active *a = c->act;
	uint32_t old = g->n_segs;

	tcp_seg_count(g, mss);
	if (g->n_segs < old)
		count_fewer(c, old - g->n_segs);
	else
		a->packets_out += g->n_segs - old;
	if (g->marks & SEG_LOST)
		a->lost_out += g->n_segs - old;
	if (g->marks & SEG_RETRANS)
		a->retrans_out += g->n_segs - old;
	if (g->marks & SEG_SACKED)
		a->sacked_out += g->n_segs - old;
}

/* Joins the next segment to g where both fit into one (RFC 9293 3.8.6.2.1
 * allows repacketizing). */
static void try_collapse(struct tern_stack *st, struct tcp_conn *c,
			 struct tcp_seg *g, uint32_t space)
{
	struct tcp_active *a = c->act;

	if (!st->tun.tcp_retrans_collapse || g->flags & TCP_SYN)
		return;
	for (;;) {
		struct tcp_seg *n = seg_of(rbtree_next(&g->node));
		uint32_t i;

		if (!n || n->flags & (TCP_SYN | TCP_URG) ||
		    g->flags & (TCP_FIN | TCP_URG) || g->eor ||
		    n->marks & (SEG_SACKED | SEG_RETRANS) || g->n_segs > 1 ||
		    n->n_segs > 1 || g->len + n->len > space ||
		    g->n_frags + n->n_frags > TCP_SEG_FRAGS ||
		    seq_gt(seg_end(n), snd_edge(c)))
			return;
		for (i = 0; i < n->n_frags; i++) {
			g->frags[g->n_frags] = n->frags[i];
			tern_buf_get(n->frags[i].buf);
			g->n_frags++;
		}
		g->len += n->len;
		g->flags |= n->flags & (TCP_FIN | TCP_PSH);
		g->eor = n->eor;
		g->marks |= n->marks & SEG_EVER_RETRANS;
		g->notes |= n->notes;
		if (n->notes & SEG_TELL)
			g->stamp = n->stamp;
		count_fewer(c, n->n_segs);
		if (n->marks & SEG_LOST)
			a->lost_out -= n->n_segs;
		/* The bytes moved; only the overhead is given back. */
		c->act->wmem += n->len;
		tcp_mem_charge(st, n->len);
		rbtree_remove(&a->rtx, &n->node);
		tcp_seg_free(st, c, n);
	}
}

static void count_resend(struct tern_stack *st, struct tcp_conn *c,
			 const struct tcp_seg *g)
{
	struct tcp_hist *h;
	uint32_t lo;

	tcp_hist_attach(st, c);
	h = hist_of(st, c);
	COUNT_N(st, TCP_RETRANS_SEGS, g->n_segs);
	if (g->flags & TCP_SYN)
		COUNT(st, TCP_EXT_SYN_RETRANS);
	if (!h)
		return;
	h->total_retrans += g->n_segs;
	lo = h->bytes_retrans_lo;
	h->bytes_retrans_lo = lo + g->len;
	if (h->bytes_retrans_lo < lo)
		h->bytes_retrans_hi++;
}

int tcp_repeat(struct tern_stack *st, struct tcp_conn *c, struct tcp_seg *g,
	       uint32_t max_segs)
{
	struct tcp_active *a = c->act;
	uint32_t mss = tcp_mss_now(st, c), len;
	int32_t room = seq_diff(snd_edge(c), g->seq);
	int err;

	a->mtu.size = 0; /* what comes of a probe now says nothing */
	if (room <= 0) {
		/* A window that shrank: one segment goes all the same. */
		if (!seq_eq(g->seq, c->snd.una))
			return -TERN_EAGAIN;
		room = (int32_t)mss;
	}
	len = mss * max_segs;
	if (len > (uint32_t)room) {
		len = (uint32_t)room / mss * mss;
		if (!len)
			len = (uint32_t)room;
	}
	/* What is cut off counts by today's size as well [k]. */
	count_anew(c, g, mss);
	if (g->len > len && !tcp_seg_split(st, c, g, len))
		return -TERN_ENOMEM;
	if (g->len && g->len < min_u32((uint32_t)room, mss))
		try_collapse(st, c, g, min_u32((uint32_t)room, mss));

	tcp_rate_sent(st, c, g);
	if (g->len && !in_flight(a))
		tcp_cc_event(st, c, TERN_CC_TX_START);
	err = tcp_emit_seg(st, c, g, g->len);
	if (err) {
		COUNT_N(st, TCP_EXT_RETRANS_FAIL, g->n_segs);
		if (err != -TERN_EAGAIN)
			return err;
	}
	count_resend(st, c, g);
	tcp_pace_sent(st, c, g->len);
	g->n_retrans++;
	tcp_rack_sent(c, g);
	g->part = 0; /* it begins anew */
	g->marks |= SEG_EVER_RETRANS;
	return 0;
}

int tcp_resend(struct tern_stack *st, struct tcp_conn *c, struct tcp_seg *g,
	       uint32_t max_segs)
{
	struct tcp_active *a = c->act;
	int err = tcp_repeat(st, c, g, max_segs);

	if (!err) {
		if (g->marks & SEG_RETRANS)
			a->retrans_out -= g->n_segs;
		g->marks |= SEG_RETRANS;
		a->retrans_out += g->n_segs;
	}
	/* What the window or the host did not let out counts as well [k]: an
	 * undo waits for a D-SACK of it, too. */
	if (!a->retrans_at)
		a->retrans_at = err == -TERN_EAGAIN ? g->sent_at : st->now;
	if (a->undo_retrans < 0)
		a->undo_retrans = 0;
	a->undo_retrans += g->n_segs;
	return err;
}

static void ready_push(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_state *t = &st->tcp;

	if (c->act->is_ready)
		return;
	c->act->is_ready = true;
	c->act->next_ready = 0;
	if (t->ready_tail)
		conn_at(st, t->ready_tail)->act->next_ready = c->id;
	else
		t->ready_head = c->id;
	t->ready_tail = c->id;
}

void tcp_resume_forget(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_state *t = &st->tcp;
	uint32_t *at = &t->ready_head, prev = 0;

	if (!c->act->is_ready)
		return;
	while (*at && *at != c->id) {
		prev = *at;
		at = &conn_at(st, *at)->act->next_ready;
	}
	*at = c->act->next_ready;
	if (t->ready_tail == c->id)
		t->ready_tail = prev;
	c->act->is_ready = false;
}

void tcp_sent_below(struct tern_stack *st, uint32_t owner, uint32_t bytes)
{
	struct tcp_conn *c;

	/* The connection may be gone, and its id another's: the count is then
	 * clamped, and a needless resume does no harm. */
	if (!slab_has(&st->tcp.conns, owner))
		return;
	c = conn_at(st, owner);
	if (c->state == TERN_TCP_LISTEN || !c->act)
		return;
	c->act->below -= min_u32(bytes, c->act->below);
	/* Only who waits for room below: MSG_MORE is a write's word, and a push
	 * after it does not know of it. */
	if (c->act->is_throttled) {
		c->act->is_throttled = false;
		ready_push(st, c);
	}
}

bool tcp_has_ready(const struct tern_stack *st)
{
	return st->tcp.ready_head != 0;
}

void tcp_run_ready(struct tern_stack *st)
{
	uint32_t last = st->tcp.ready_tail, id;

	/* Those that were waiting when this began, once each. */
	while ((id = st->tcp.ready_head) != 0) {
		struct tcp_conn *c = conn_at(st, id);

		st->tcp.ready_head = c->act->next_ready;
		if (!st->tcp.ready_head)
			st->tcp.ready_tail = 0;
		c->act->is_ready = false;
		tcp_resume(st, c);
		if (id == last)
			break;
	}
}

void tcp_resume(struct tern_stack *st, struct tcp_conn *c)
{
	if (c->state == TERN_TCP_CLOSE || c->state == TERN_TCP_SYN_SENT)
		return;
	if (c->act->lost_out > c->act->retrans_out &&
	    c->cc.cwnd > in_flight(c->act))
		tcp_rtx_queue(st, c);
	tcp_push(st, c, false);
}
