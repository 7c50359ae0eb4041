// SPDX-License-Identifier: BSD-2-Clause
/*
 * The send queue.
 *
 *	snd.una          snd.nxt                snd.end
 *	   |  act->rtx (tree)  |  act->unsent (list)  |
 *
 * What the program writes is copied once, into shared buffers; a struct
 * tcp_seg points to its bytes there. Unsent segments grow to the size that one
 * packet may carry (64 KiB, cut below TCP) and remember what the program said
 * of them (PSH at the end of a write, MSG_EOR). Once sent they are kept until
 * acknowledged, and split where the network's view needs it.
 *
 * SO_SNDBUF is counted as on Linux, payload plus a fixed overhead a segment, so
 * that the same number lets the same bytes in.
 */
#include "tcp_opts_priv.h"

#define LENT_PAGE 4096u

void tcp_sendq_purge(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	struct tcp_seg *g;

	while ((g = a->unsent) != NULL) {
		a->unsent = g->next;
		tcp_seg_free(st, c, g);
	}
	a->unsent_last = NULL;
	while ((g = rtx_first(a)) != NULL) {
		rbtree_remove(&a->rtx, &g->node);
		tcp_seg_free(st, c, g);
	}
	if (a->tail)
		tern_buf_put(a->tail);
	a->tail = NULL;
	a->packets_out = a->sacked_out = a->lost_out = a->retrans_out = 0;
	c->snd.end = c->snd.nxt;
	tcp_chrono_set(st, c, TCP_CHRONO_NONE);
}

uint32_t tcp_notsent(const struct tcp_conn *c)
{
	return (uint32_t)seq_diff(c->snd.end, c->snd.nxt);
}

static uint64_t notsent_lowat(const struct tern_stack *st,
			      const struct tcp_conn *c)
{
	return c->opts->notsent_lowat ? c->opts->notsent_lowat :
					(uint64_t)st->tun.tcp_notsent_lowat;
}

/* May a new segment be begun? */
static bool has_memory(const struct tern_stack *st, const struct tcp_conn *c)
{
	if (unlikely(tcp_mem_is_out(st)) &&
	    c->act->wmem >= (uint64_t)st->tun.tcp_wmem[0])
		return false;
	return c->act->wmem < c->sndbuf &&
	       tcp_notsent(c) < notsent_lowat(st, c);
}

/* Is it worth telling POLLOUT? A third of the buffer must be free. */
bool tcp_sendq_has_room(const struct tern_stack *st, const struct tcp_conn *c)
{
	uint32_t used;

	if (!c->act)
		return true;
	used = c->act->wmem;
	return used < c->sndbuf && c->sndbuf - used >= used >> 1 &&
	       tcp_notsent(c) < notsent_lowat(st, c);
}

/* Room for two windows of what cwnd and reordering may put in flight. */
void tcp_sndbuf_expand(struct tern_stack *st, struct tcp_conn *c)
{
	uint32_t mss = max_u32(max_u32(c->mss_peer, c->mss), 536);
	/* A segment of a full MSS costs Linux its payload, 256 for headers and
	 * 320 of shared info in a power of two, and its head. */
	uint64_t per_mss = (UINT64_C(2) << ilog2_u64(mss + 576 - 1)) + 256;
	uint64_t n =
		max_u32(max_u32(TCP_INIT_CWND, c->cc.cwnd), c->reordering + 1u);
	uint64_t want = 2 * n * per_mss;

	if (c->sndbuf < want)
		c->sndbuf =
			(uint32_t)min_i64((int64_t)want, st->tun.tcp_wmem[2]);
}

/* ACKs have made room: grow the buffer if the window could use it, and tell a
 * program that waits. */
void tcp_write_space(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;

	if (!c->no_space)
		return;
	if (!c->sndbuf_lock && !st->tcp.pressure && !tcp_mem_is_tight(st) &&
	    a->packets_out < c->cc.cwnd)
		tcp_sndbuf_expand(st, c);
	if (!tcp_sendq_has_room(st, c))
		return;
	c->no_space = 0;
	if (a->chrono == TCP_CHRONO_SNDBUF)
		tcp_chrono_set(st, c, TCP_CHRONO_BUSY);
	tcp_post(st, c);
}

/* A buffer to append to: sized by what is being written, larger when the last
 * one was filled. */
static bool need_tail(struct tern_stack *st, struct tcp_active *a, size_t left)
{
	size_t cap = 2048;

	if (a->tail && a->tail->len < a->tail->cap)
		return true;
	if (a->tail) {
		cap = min_size((size_t)a->tail->cap * 8, 65536);
		tern_buf_put(a->tail);
	}
	if (left > 16384)
		cap = 65536;
	else if (left > 2048 && cap < 16384)
		cap = 16384;
	a->tail = tern_buf_new(st->pool, cap);
	return a->tail != NULL;
}

/* Appends to g from src as much as fits the tail buffer; bytes, 0 when g can
 * take no more fragments, or -errno. */
static int64_t append(struct tern_stack *st, struct tcp_conn *c,
		      struct tcp_seg *g, const uint8_t *src, size_t n)
{
	struct tcp_active *a = c->act;
	struct tern_frag *f = g->n_frags ? &g->frags[g->n_frags - 1] : NULL;
	uint32_t k;

	if (!need_tail(st, a, n))
		return -TERN_ENOMEM;
	if (!f || f->buf != a->tail || f->off + f->len != a->tail->len) {
		if (g->n_frags == TCP_SEG_FRAGS)
			return 0;
		f = &g->frags[g->n_frags++];
		*f = (struct tern_frag){ tern_buf_get(a->tail), a->tail->len,
					 0 };
	}
	k = (uint32_t)min_size(n, a->tail->cap - a->tail->len);
	memcpy(a->tail->data + a->tail->len, src, k);
	a->tail->len += k;
	f->len += k;
	g->len += k;
	a->wmem += k;
	tcp_mem_charge(st, k);
	c->snd.end = seq_add(c->snd.end, k);
	return k;
}

int64_t tcp_sendq_segment(struct tern_stack *st, struct tcp_conn *c,
			  const struct tern_msg *msg, uint32_t max)
{
	struct tcp_seg *g;
	int64_t n;
	int i;

	g = tcp_seg_new(st, c);
	if (!g)
		return -TERN_ENOMEM;
	for (i = 0; i < msg->n_iov && g->len < max; i++) {
		const uint8_t *p = msg->iov[i].base;
		size_t left = min_size(msg->iov[i].len, max - g->len);

		for (; left; p += n, left -= (size_t)n) {
			n = append(st, c, g, p, left);
			if (n <= 0)
				goto out;
		}
	}
out:
	if (!g->len) {
		tcp_seg_free(st, c, g);
		return 0;
	}
	g->flags = TCP_PSH;
	tcp_seg_count(g, max);
	tcp_unsent_push(c, g);
	return g->len;
}

struct writing {
	uint32_t mss, goal;
	int64_t copied;
	int flags;
	struct tern_buf *lent; /* what is written, if it is lent */
};

/* append() without a copy: g points to the program's memory, which counts in
 * pages [k]. */
static int64_t lend(struct tern_stack *st, struct tcp_conn *c,
		    const struct writing *w, struct tcp_seg *g,
		    const uint8_t *src)
{
	uint32_t off = (uint32_t)(src - w->lent->data), n, cost;
	struct tern_frag *f = g->n_frags ? &g->frags[g->n_frags - 1] : NULL;

	if (!f || f->buf != w->lent || f->off + f->len != off) {
		if (g->n_frags == TCP_SEG_FRAGS)
			return 0;
		f = &g->frags[g->n_frags++];
		*f = (struct tern_frag){ tern_buf_get(w->lent), off, 0 };
	}
	n = min_u32(w->lent->len - off, w->goal - g->len);
	cost = (n + LENT_PAGE - 1) / LENT_PAGE * LENT_PAGE;
	f->len += n;
	g->len += n;
	g->lent_cost += cost - n;
	g->notes |= SEG_LENT;
	c->act->wmem += cost;
	tcp_mem_charge(st, cost);
	c->snd.end = seq_add(c->snd.end, n);
	return n;
}

/* The next bytes of a run, as many as g takes: append() or lend(). */
static int64_t add(struct tern_stack *st, struct tcp_conn *c,
		   const struct writing *w, struct tcp_seg *g,
		   const uint8_t *src, size_t len)
{
	if (unlikely(w->lent))
		return lend(st, c, w, g, src);
	return append(st, c, g, src, min_size(len, w->goal - g->len));
}

/* Should what is queued be pushed although more is coming? */
static bool forced_push(const struct tcp_conn *c)
{
	return seq_gt(c->snd.end, seq_add(c->act->pushed, c->snd.max_wnd >> 1));
}

static void mark_push(struct tcp_conn *c)
{
	if (c->act->unsent_last)
		c->act->unsent_last->flags |= TCP_PSH;
	c->act->pushed = c->snd.end;
}

/* A segment that has grown to the goal may leave before the write ends. */
static void segment_full(struct tern_stack *st, struct tcp_conn *c,
			 struct tcp_seg *g)
{
	if (forced_push(c)) {
		mark_push(c);
		tcp_push(st, c, true);
	} else if (g == c->act->unsent) {
		tcp_push_one(st, c);
	}
}

/* Copies one run of bytes. 0, or why it stopped (-errno). */
static int write_run(struct tern_stack *st, struct tcp_conn *c,
		     struct writing *w, const uint8_t *src, size_t len)
{
	struct tcp_active *a = c->act;

	while (len) {
		struct tcp_seg *g = a->unsent_last;
		int64_t n = 0;

		if (g && !g->eor && g->len < w->goal && !(g->flags & TCP_FIN))
			n = add(st, c, w, g, src, len);
		/* The end of an earlier write is none any more. */
		if (n > 0 && !w->copied)
			g->flags &= (uint16_t)~TCP_PSH;
		if (n < 0)
			return (int)n;
		if (!n) {
			if (!has_memory(st, c))
				return -TERN_EAGAIN;
			tcp_cwnd_restart(st, c);
			g = tcp_seg_new(st, c);
			if (!g)
				return -TERN_ENOMEM;
			tcp_unsent_push(c, g);
			a->nonagle_push = false;
			n = add(st, c, w, g, src, len);
			if (n < 0)
				return (int)n;
		}
		src += n;
		len -= (size_t)n;
		w->copied += n;
		if (g->len >= w->goal && len && !(w->flags & TERN_MSG_OOB)) {
			segment_full(st, c, g);
			if (c->state == TERN_TCP_CLOSE)
				return c->error ? -c->error : -TERN_EPIPE;
			w->mss = tcp_mss_now(st, c);
			w->goal = tcp_size_goal(st, c, w->mss);
		}
	}
	return 0;
}

/* An empty segment at the tail (memory ran out under it) goes again. */
static void drop_empty_tail(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	struct tcp_seg **at = &a->unsent, *prev = NULL;

	while (*at && *at != a->unsent_last) {
		prev = *at;
		at = &(*at)->next;
	}
	if (!*at || (*at)->len || (*at)->flags & (TCP_SYN | TCP_FIN))
		return;
	tcp_seg_free(st, c, *at);
	*at = NULL;
	a->unsent_last = prev;
}

static void finish_write(struct tern_stack *st, struct tcp_conn *c, int flags)
{
	struct tcp_active *a = c->act;

	if (!a->unsent)
		return;
	if (unlikely(c->opts->stamping))
		tcp_stamp_write(c);
	if (!(flags & TERN_MSG_MORE) || forced_push(c))
		mark_push(c);
	if (flags & TERN_MSG_OOB) {
		a->snd_up = c->snd.end;
		a->urg_mode = true;
	}
	if (flags & TERN_MSG_EOR)
		a->unsent_last->eor = true;
	/* Autocorking: small writes wait while earlier ones are below TCP;
	 * tcp_resume() sends them. */
	if (st->tun.tcp_autocorking && a->unsent == a->unsent_last &&
	    a->unsent->len < tcp_size_goal(st, c, c->mss) && a->below &&
	    a->rtx.first && !a->unsent->eor) {
		COUNT(st, TCP_EXT_AUTO_CORKING);
		a->is_throttled = true;
		return;
	}
	if (flags & TERN_MSG_MORE) {
		bool was = c->cork, push = a->nonagle_push;

		c->cork = 1;
		a->nonagle_push = false;
		tcp_push(st, c, false);
		c->cork = was;
		a->nonagle_push = push;
		return;
	}
	tcp_push(st, c, false);
}

static int write_copied(struct tern_stack *st, struct tcp_conn *c,
			struct writing *w, const struct tern_msg *msg)
{
	int err = 0, i;

	for (i = 0; i < msg->n_iov && !err; i++)
		err = write_run(st, c, w, msg->iov[i].base, msg->iov[i].len);
	return err;
}

static int write_lent(struct tern_stack *st, struct tcp_conn *c,
		      struct writing *w, const struct tern_msg *msg)
{
	int err = tcp_lend_begin(st, c), i;

	if (err)
		return err;
	for (i = 0; i < msg->n_iov && !err; i++) {
		const struct tern_iov *v = &msg->iov[i];
		size_t len = min_size(v->len, INT32_MAX);

		if (!len)
			continue;
		w->lent = tcp_lend_buf(st, c, v->base, len);
		if (!w->lent) {
			err = -TERN_ENOBUFS;
			break;
		}
		err = write_run(st, c, w, v->base, len);
		tern_buf_put(w->lent);
	}
	tcp_lend_end(st, c, w->copied > 0);
	return err;
}

static bool lends(const struct tcp_conn *c, const struct tern_msg *msg,
		  int flags)
{
	int i;

	if (!(flags & TERN_MSG_ZEROCOPY) || !(c->opts->bits & OPT_ZEROCOPY))
		return false;
	for (i = 0; i < msg->n_iov; i++)
		if (msg->iov[i].len)
			return true;
	return false;
}

int64_t tcp_sendq_write(struct tern_stack *st, struct tcp_conn *c,
			const struct tern_msg *msg, int flags)
{
	struct writing w = { .flags = flags };
	int err;

	if (!tcp_activate(st, c) || !tcp_hist_attach(st, c))
		return -TERN_ENOMEM;
	tcp_rate_app_limited(st, c);
	w.mss = tcp_mss_now(st, c);
	w.goal = flags & TERN_MSG_OOB ? w.mss : tcp_size_goal(st, c, w.mss);
	if (unlikely(lends(c, msg, flags)))
		err = write_lent(st, c, &w, msg);
	else
		err = write_copied(st, c, &w, msg);
	if (c->state == TERN_TCP_CLOSE)
		return w.copied ? w.copied : err;
	if (err == -TERN_EAGAIN) {
		c->no_space = 1;
		flags &= ~TERN_MSG_MORE;
	}
	if (err == -TERN_ENOMEM || err == -TERN_ENOBUFS)
		drop_empty_tail(st, c);
	if (w.copied)
		finish_write(st, c, flags);
	return w.copied ? w.copied : err;
}
