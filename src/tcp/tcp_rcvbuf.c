// SPDX-License-Identifier: BSD-2-Clause
/*
 * The receiver's windows and buffers.
 *
 * The receive buffer is counted as Linux counts it: each packet by its
 * "true size", payload and overhead, and c->scaling says how many of 256 bytes
 * of buffer are payload, as measured on what arrives. The window announced is
 * what that leaves, but at most rcv.ssthresh, which grows with the traffic so
 * that a peer's small packets cannot promise more than the buffer holds.
 *
 * Rules (T2, T3): the right edge does not move back; the window is 0 while free
 * space is under one MSS or 1/16 of the buffer; after a read an update goes out
 * when the window has at least doubled (RFC 9293 3.8.6.2.2).
 */
#include "tcp_priv.h"

/* What Linux charges for a packet with `len` payload bytes: its head (256), and
 * a buffer for payload, headers and headroom (104) and the shared info (320):
 * of 576 bytes if that is enough, else of a power of two; beyond a page, pages
 * behind a small one. Measured by SO_MEMINFO on what a TUN brings. */
uint32_t tcp_truesize(uint32_t len)
{
	uint32_t need = len + 104 + 320;

	if (need <= 576)
		return 256 + 576;
	if (need <= 4096)
		return 256 + (2u << ilog2_u64(need - 1));
	return 256 + 1024 + ((len + 4095) & ~4095u);
}

/* Payload that still fits the buffer of a packet that holds len bytes and was
 * charged as `truesize`. */
uint32_t tcp_tailroom(uint32_t truesize, uint32_t len)
{
	uint32_t used = 256 + 320 + 104 + len;

	return truesize > used ? truesize - used : 0;
}

uint32_t tcp_win_from_space(const struct tcp_conn *c, uint32_t space)
{
	return (uint32_t)(((uint64_t)space * c->scaling) >> 8);
}

uint32_t tcp_full_space(const struct tcp_conn *c)
{
	return tcp_win_from_space(c, c->rcvbuf);
}

uint32_t tcp_rcv_space(const struct tcp_conn *c)
{
	uint32_t used = c->act ? c->act->rmem : 0;

	return used < c->rcvbuf ? tcp_win_from_space(c, c->rcvbuf - used) : 0;
}

uint32_t tcp_window_clamp(const struct tcp_conn *c)
{
	/* Not what the field can say: tcp_select_window() sees to that, after
	 * the window was rounded down to whole segments [k]. */
	uint32_t full = tcp_full_space(c), clamp;

	/* A program's wish, and the segment of the buffer that is kept back at
	 * first, hold until the buffer or what fits it is known better [k]. */
	if (!c->clamped)
		return full;
	clamp = max_u32(full - min_u32(full, c->advmss), 2u * c->advmss);
	if (c->opts->window_clamp)
		clamp = min_u32(clamp, c->opts->window_clamp);
	return min_u32(clamp, full);
}

/* What bounds the first window and the scale: a buffer that SO_RCVBUF has fixed
 * will never hold more [k]. 0: nothing. */
uint32_t tcp_initial_clamp(const struct tcp_conn *c)
{
	uint32_t clamp = c->opts->window_clamp, full = tcp_full_space(c);

	return c->rcvbuf_lock && (!clamp || clamp > full) ? full : clamp;
}

struct tcp_first_window tcp_initial_window(struct tern_stack *st,
					   uint32_t space, uint32_t mss,
					   uint32_t clamp, bool wscale_ok)
{
	struct tcp_first_window w = { 0 };
	uint32_t most;

	if (clamp)
		space = min_u32(space, clamp);
	if (space > mss)
		space = space / mss * mss;
	/* The field of a SYN holds 16 bits, unscaled; what more there is the
	 * next segment tells, and until then it is taken all the same [k]. */
	w.wnd = st->tun.tcp_workaround_signed_windows ? min_u32(space, 32767) :
							space;
	if (wscale_ok) {
		most = max_u32(space, (uint32_t)st->tun.tcp_rmem[2]);
		most = max_u32(most, (uint32_t)st->tun.rmem_max);
		if (clamp)
			most = min_u32(most, clamp);
		if (most > TCP_MAX_WINDOW)
			w.scale = (uint8_t)min_u32(ilog2_u64(most) - 15,
						   TCP_MAX_WSCALE);
	}
	return w;
}

void tcp_mem_press(struct tern_stack *st)
{
	if (!st->tcp.pressure)
		COUNT(st, TCP_EXT_MEMORY_PRESSURES);
	st->tcp.pressure = true;
}

void tcp_mem_relax(struct tern_stack *st)
{
	st->tcp.pressure = false;
}

/* tcp_shrink_window (RFC 7323 2.4): the window follows the free space, also
 * when that moves its edge back. */
static bool may_shrink(const struct tern_stack *st, const struct tcp_conn *c)
{
	return st->tun.tcp_shrink_window && c->rcv_scale;
}

/* What may be announced now, before the rule that the edge stays. */
uint32_t tcp_window_would(struct tern_stack *st, struct tcp_conn *c)
{
	uint32_t mss = c->rcv_mss, window;
	uint32_t free_space = tcp_rcv_space(c);
	uint32_t allowed = tcp_full_space(c);
	uint32_t full = min_u32(tcp_window_clamp(c), allowed);

	if (mss > full)
		mss = full;
	if (!mss)
		return 0;
	if (free_space < full >> 1) {
		c->quick = 0;
		if (st->tcp.pressure)
			c->rcv.ssthresh =
				min_u32(c->rcv.ssthresh, 4u * c->advmss);
		/* Rounded down first: the scale must not hide that there is
		 * hardly anything left. */
		free_space = free_space >> c->rcv_scale << c->rcv_scale;
		if (free_space < allowed >> 4 || free_space < mss)
			return 0;
	}
	if (c->rcv_scale) {
		uint32_t unit = 1u << c->rcv_scale;

		/* Space that is there, not what rounding up makes of it. */
		if (may_shrink(st, c) && free_space <= c->rcv.ssthresh)
			return free_space & ~(unit - 1);
		free_space = min_u32(free_space, c->rcv.ssthresh);
		return (free_space + unit - 1) & ~(unit - 1);
	}
	free_space = min_u32(free_space, c->rcv.ssthresh);
	window = c->rcv.wnd;
	if (window + mss <= free_space || window > free_space)
		window = free_space / mss * mss;
	else if (mss == full && free_space > window + (full >> 1))
		window = free_space;
	return window;
}

uint16_t tcp_select_window(struct tern_stack *st, struct tcp_conn *c)
{
	uint32_t old = c->rcv.wnd, cur = rcv_window(c), wnd;

	if (unlikely(c->ack & ACK_NOMEM)) {
		c->rcv.wnd = 0;
		c->rcv.wup = c->rcv.nxt;
		return 0;
	}
	wnd = tcp_window_would(st, c);
	if (wnd < cur) {
		if (!wnd)
			COUNT(st, TCP_EXT_WANT_ZERO_WINDOW_ADV);
		if (!may_shrink(st, c))
			wnd = (cur + (1u << c->rcv_scale) - 1) >>
			      c->rcv_scale << c->rcv_scale;
	}
	/* What the field cannot say is taken all the same [k]. */
	c->rcv.wnd = wnd;
	c->rcv.wup = c->rcv.nxt;
	if (!c->rcv_scale && st->tun.tcp_workaround_signed_windows)
		wnd = min_u32(wnd, 32767);
	else
		wnd = min_u32(wnd, TCP_MAX_WINDOW << c->rcv_scale);
	wnd >>= c->rcv_scale;
	if (!wnd)
		c->unpredicted = 1;
	if (!wnd && old)
		COUNT(st, TCP_EXT_TO_ZERO_WINDOW_ADV);
	else if (wnd && !old)
		COUNT(st, TCP_EXT_FROM_ZERO_WINDOW_ADV);
	return (uint16_t)wnd;
}

uint32_t tcp_rcv_space_at_first(const struct tcp_conn *c)
{
	return min_u32(min_u32(c->rcv.ssthresh, c->rcv.wnd),
		       TCP_INIT_CWND * (uint32_t)c->advmss);
}

void tcp_init_buffers(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_hist *h = hist_of(st, c);

	if (!c->sndbuf_lock)
		tcp_sndbuf_expand(st, c);
	c->clamped = 1;
	c->rcv.ssthresh = min_u32(c->rcv.ssthresh, tcp_window_clamp(c));
	if (c->act) {
		c->act->space.seq = c->rcv.copied;
		c->act->space.at = st->now;
	}
	if (h && !h->rcv_space)
		h->rcv_space = tcp_rcv_space_at_first(c);
}

void tcp_clamp_moved(struct tcp_conn *c, uint32_t before)
{
	uint32_t clamp = tcp_window_clamp(c);

	if (clamp < before)
		c->rcv.ssthresh = min_u32(c->rcv.ssthresh, clamp);
	else if (clamp > before)
		c->rcv.ssthresh =
			max_u32(c->rcv.ssthresh, min_u32(c->rcv.wnd, clamp));
}

/* A full-sized segment tells how buffer bytes turn into payload; what may be
 * announced follows. */
static void rescale(struct tern_stack *st, struct tcp_conn *c, uint32_t len)
{
	struct tcp_hist *h = hist_of(st, c);
	uint32_t before = tcp_window_clamp(c), clamp;
	uint8_t scaling =
		(uint8_t)clamp_u32((len << 8) / tcp_truesize(len), 1, 255);

	if (scaling == c->scaling)
		return;
	c->scaling = scaling;
	c->clamped = 0;
	tcp_clamp_moved(c, before);
	/* The buffer itself may have become smaller meanwhile (SO_RCVBUF). */
	clamp = tcp_window_clamp(c);
	c->rcv.ssthresh = min_u32(c->rcv.ssthresh, clamp);
	if (h && h->rcv_space > clamp)
		h->rcv_space = clamp;
}

void tcp_measure_mss(struct tern_stack *st, struct tcp_conn *c,
		     const struct tcp_in *in)
{
	uint32_t len = in->pkt->gso_size ? in->pkt->gso_size : in->len;
	uint32_t whole = len + in->h.hdr_len; /* SACK blocks come and go */
	uint16_t last = c->act->last_len;

	c->act->last_len = 0;
	if (len >= c->rcv_mss) {
		if (len != c->rcv_mss)
			rescale(st, c, in->len);
		c->rcv_mss = (uint16_t)min_u32(len, c->advmss);
		if (in->h.flags & TCP_PSH)
			c->ack |= ACK_PUSHED;
		return;
	}
	/* Two smaller ones alike are this peer's full ones, unless they are
	 * tiny or the ends of writes. */
	if (whole >= TCP_MSS_DEFAULT + WIRE_TCP_LEN ||
	    (whole >= TCP_MIN_MSS + WIRE_TCP_LEN &&
	     !(in->h.flags & (TCP_PSH | TCP_FIN | TCP_URG)))) {
		len = whole - WIRE_TCP_LEN - (c->ts_ok ? 12 : 0);
		c->act->last_len = (uint16_t)len;
		if (len == last) {
			c->rcv_mss = last;
			return;
		}
	}
	if (c->ack & ACK_PUSHED)
		c->ack |= ACK_PUSHED2;
	c->ack |= ACK_PUSHED;
}

void tcp_grow_window(struct tern_stack *st, struct tcp_conn *c, uint32_t len,
		     bool merged)
{
	uint32_t true_len = tcp_truesize(len);
	uint32_t incr = 0, most, window;

	most = min_u32(tcp_window_clamp(c), tcp_rcv_space(c));
	if (most <= c->rcv.ssthresh || st->tcp.pressure)
		return;
	/* What was merged costs its bytes: a bare FIN nothing [k]. */
	if (tcp_win_from_space(c, true_len) <= len || (merged && !len)) {
		incr = 2u * c->advmss;
	} else {
		/* Small packets: only while the buffer, at this overhead,
		 * still holds the window that there is. */
		true_len = tcp_win_from_space(c, true_len) >> 1;
		window = tcp_win_from_space(c, (uint32_t)st->tun.tcp_rmem[2]) >>
			 1;
		while (c->rcv.ssthresh <= window) {
			if (true_len <= len) {
				incr = 2u * c->rcv_mss;
				break;
			}
			true_len >>= 1;
			window >>= 1;
		}
	}
	if (!incr)
		return;
	incr = max_u32(incr, 2 * len);
	c->rcv.ssthresh += min_u32(most - c->rcv.ssthresh, incr);
	c->quick |= 1;
}

/* RFC 9293 leaves to us when an ACK may wait: at first none does. */
void tcp_quickack(struct tern_stack *st, struct tcp_conn *c, uint32_t max)
{
	uint32_t n = c->rcv.wnd / (2u * max_u32(c->rcv_mss, 1));

	(void)st;
	n = min_u32(n ? n : 2, max);
	if (n > c->quick)
		c->quick = (uint8_t)n;
}

void tcp_data_received(struct tern_stack *st, struct tcp_conn *c,
		       const struct tcp_in *in)
{
	uint32_t idle_ms = now_ms(st) - c->last_data;
	uint32_t rto_ms = c->rto_us / 1000;

	c->ack |= ACK_SCHED;
	tcp_rcv_rtt_ts(st, c, in);
	if (!c->ato_ms) {
		tcp_quickack(st, c, TCP_MAX_QUICKACKS);
		c->ato_ms = TCP_ATO_MIN_MS;
	} else if (idle_ms <= TCP_ATO_MIN_MS / 2) {
		c->ato_ms = (uint16_t)((c->ato_ms >> 1) + TCP_ATO_MIN_MS / 2);
	} else if (idle_ms < c->ato_ms) {
		c->ato_ms =
			(uint16_t)min_u32((c->ato_ms >> 1) + idle_ms, rto_ms);
	} else if (idle_ms > rto_ms) {
		/* The peer has stopped for longer than a time-out: it starts
		 * slowly again, and waits for our ACKs. */
		tcp_quickack(st, c, TCP_MAX_QUICKACKS);
	}
	c->last_data = now_ms(st);
	if (in->len >= 128)
		tcp_grow_window(st, c, in->len, false);
}

void tcp_window_after_read(struct tern_stack *st, struct tcp_conn *c,
			   uint32_t copied)
{
	const struct tcp_active *a = c->act;
	bool now = false;
	uint32_t cur, wnd;

	if (c->ack & ACK_SCHED &&
	    (seq_diff(c->rcv.nxt, c->rcv.wup) > c->rcv_mss ||
	     (copied &&
	      (c->ack & ACK_PUSHED2 ||
	       (c->ack & ACK_PUSHED && !tcp_is_pingpong(st, c))) &&
	      (!a || !a->rmem))))
		now = true;
	if (!now && copied && !(c->shut & SHUT_RCV)) {
		cur = rcv_window(c);
		if (2 * (uint64_t)cur <= tcp_window_clamp(c)) {
			wnd = tcp_window_would(st, c);
			now = wnd && wnd >= 2 * cur;
		}
	}
	if (now)
		tcp_send_ack(st, c);
}

void tcp_rcv_rtt_ts(struct tern_stack *st, struct tcp_conn *c,
		    const struct tcp_in *in)
{
	struct tcp_active *a = c->act;
	struct tcp_hist *h = hist_of(st, c);
	uint32_t us, sample;

	if (!h)
		return;
	if (c->ts_ok) {
		if (in->o.ts_ecr == a->last_ts_ecr || !in->o.ts_ecr)
			return;
		a->last_ts_ecr = in->o.ts_ecr;
		if (in->len < c->rcv_mss)
			return;
		sample = tcp_ts_now(st, c) - in->o.ts_ecr;
		if (sample > 1u << 20)
			return;
		us = max_u32(sample * 1000, 1000);
	} else {
		/* A window's worth is a round trip, at most. */
		if (a->rcv_rtt.at && seq_lt(c->rcv.nxt, a->rcv_rtt.seq))
			return;
		us = a->rcv_rtt.at ?
			     (uint32_t)min_i64((st->now - a->rcv_rtt.at) /
						       NS_PER_US,
					       1 << 28) :
			     0;
		a->rcv_rtt.at = st->now;
		a->rcv_rtt.seq = seq_add(c->rcv.nxt, c->rcv.wnd);
		if (!us)
			return;
	}
	if (!h->rcv_rtt_us)
		h->rcv_rtt_us = us << 3;
	else if (c->ts_ok)
		h->rcv_rtt_us += us - (h->rcv_rtt_us >> 3);
	else
		h->rcv_rtt_us = min_u32(h->rcv_rtt_us, us << 3);
}

/* The program has read `space` bytes in a round trip. */
static void grow_buffer(struct tern_stack *st, struct tcp_conn *c,
			uint32_t space)
{
	struct tcp_hist *h = hist_of(st, c);
	uint64_t old = max_u32(h->rcv_space, 1), want;

	h->rcv_space = space;
	if (!st->tun.tcp_moderate_rcvbuf || c->rcvbuf_lock)
		return;
	/* Twice what was read covers the next round trip, as this comes one
	 * late; twice its growth, that of slow start [k]. */
	want = UINT64_C(2) * space;
	want += want * (space - old) / old * 2;
	if (c->act->ofo.last)
		want += (uint32_t)seq_diff(
			pkt_cb(pkt_of(c->act->ofo.last))->end, c->rcv.nxt);
	want = (want << 8) / c->scaling;
	if (want > (uint64_t)st->tun.tcp_rmem[2])
		want = (uint64_t)st->tun.tcp_rmem[2];
	if (want > c->rcvbuf) {
		c->rcvbuf = (uint32_t)want;
		c->clamped = 0;
	}
}

void tcp_rcvbuf_for_ofo(struct tern_stack *st, struct tcp_conn *c)
{
	const struct tcp_hist *h = hist_of(st, c);

	/* Not for a program that has not accepted it yet. */
	if (h && !c->in_accept_queue && !c->orphan)
		grow_buffer(st, c, h->rcv_space);
}

void tcp_clamp_window(struct tern_stack *st, struct tcp_conn *c)
{
	uint32_t rmem = c->act->rmem;

	if (rmem < c->rcvbuf) {
		if (st->tcp.pressure)
			c->rcv.ssthresh =
				min_u32(c->rcv.ssthresh, 4u * c->advmss);
		return;
	}
	if (c->rcvbuf < st->tun.tcp_rmem[2] && !c->rcvbuf_lock &&
	    !st->tcp.pressure && !tcp_mem_is_tight(st))
		c->rcvbuf = (uint32_t)min_i64(rmem, st->tun.tcp_rmem[2]);
	if (rmem > c->rcvbuf)
		c->rcv.ssthresh = min_u32(tcp_window_clamp(c), 2u * c->advmss);
}

/* Once a round trip: if the program reads faster than the buffer lets the peer
 * send, the buffer grows (dynamic right-sizing). */
void tcp_rcvbuf_tune(struct tern_stack *st, struct tcp_conn *c, struct seq at)
{
	struct tcp_active *a = c->act;
	struct tcp_hist *h = hist_of(st, c);
	int64_t copied;

	if (!h || !h->rcv_rtt_us || !a->space.at ||
	    (st->now - a->space.at) / NS_PER_US < h->rcv_rtt_us >> 3)
		return;
	/* What waits unread was not asked for at that rate [k]. */
	copied = seq_diff(at, a->space.seq) - (int64_t)seq_diff(c->rcv.nxt, at);
	if (copied > h->rcv_space)
		grow_buffer(st, c, (uint32_t)copied);
	a->space.seq = at;
	a->space.at = st->now;
}
