// SPDX-License-Identifier: BSD-2-Clause
/*
 * What may leave now.
 *
 * tcp_push() walks the unsent segments and sends while all of these agree:
 *
 *	congestion window	in flight < cwnd
 *	the peer's window	the segment's end, or a full one, inside it
 *	Nagle			a small segment waits for an ACK (T4)
 *	deferral		a packet to be cut waits to become larger, if an
 *				ACK is near
 *	pacing			if asked for: not before act->pace_at
 *	TSQ			not too much of it below TCP already
 *
 * Packets are built at the event that allows them, not when the link asks:
 * what is decided at input stays decided. A link that does not keep up is felt
 * through TSQ, and tcp_resume() goes on as packets leave.
 */
#include "tcp_priv.h"

enum { NAGLE_OFF = 1, NAGLE_CORK = 2, NAGLE_PUSH = 4 };

static int nagle_of(const struct tcp_conn *c)
{
	return (c->nodelay ? NAGLE_OFF : 0) | (c->cork ? NAGLE_CORK : 0);
}

/* Minshall: is an earlier small segment still unacknowledged? */
static bool small_in_flight(const struct tcp_conn *c)
{
	return seq_gt(c->act->small, c->snd.una) &&
	       seq_leq(c->act->small, c->snd.nxt);
}

static bool nagle_holds(const struct tcp_conn *c, bool partial, int nagle)
{
	return partial &&
	       (nagle & NAGLE_CORK ||
		(!nagle && c->act->packets_out && small_in_flight(c)));
}

uint32_t tcp_autosize(struct tern_stack *st, struct tcp_conn *c, uint32_t mss)
{
	uint64_t bytes = c->act->pacing_rate >> 10;
	uint32_t r = c->min_rtt_us >> min_i64(st->tun.tcp_tso_rtt_log, 31);
	const uint64_t most = TCP_GSO_MAX - 320;

	if (bytes < most && r < 32)
		bytes += TCP_GSO_MAX >> r;
	if (bytes > most)
		bytes = most;
	return max_u32((uint32_t)bytes / mss, tcp_min_tso_segs(st, c));
}

static uint32_t cwnd_quota(const struct tcp_conn *c)
{
	uint32_t flight = in_flight(c->act), cwnd = c->cc.cwnd;

	if (flight >= cwnd)
		return 0;
	/* At most half the window in one packet, or the ACK clock stops. */
	return min_u32(max_u32(cwnd >> 1, 1), cwnd - flight);
}

struct xmit {
	uint32_t mss;
	int nagle;
	bool one;   /* a single packet */
	bool probe; /* whatever cwnd says (TLP) */
	uint32_t max_segs;
	uint32_t sent; /* segments */
	bool cwnd_limited, rwnd_limited;
};

/* Would waiting make this packet larger, at no cost? */
static bool should_defer(struct tern_stack *st, struct tcp_conn *c,
			 struct tcp_seg *g, struct xmit *x)
{
	struct tcp_active *a = c->act;
	const struct tcp_seg *first = rtx_first(a);
	uint64_t send_win, cong_win, limit, chunk;
	int64_t div = st->tun.tcp_tso_win_divisor;

	if (c->ca_state >= TERN_CA_RECOVERY ||
	    st->now - a->xmit_at >= NS_PER_MS)
		return false;
	send_win = (uint32_t)seq_diff(snd_edge(c), g->seq);
	cong_win = (uint64_t)(c->cc.cwnd - in_flight(a)) * x->mss;
	limit = send_win < cong_win ? send_win : cong_win;
	if (limit >= (uint64_t)x->max_segs * x->mss)
		return false;
	if (g != a->unsent_last && limit >= g->len)
		return false;
	if (div) {
		chunk = (uint64_t)c->cc.cwnd * x->mss;
		if (chunk > c->snd.wnd)
			chunk = c->snd.wnd;
		if (limit >= chunk / (uint64_t)div)
			return false;
	} else if (limit > 3ull * x->mss) {
		return false;
	}
	if (!first)
		return false;
	/* No ACK is due within half a round trip: it would be a pause. */
	if (st->now - first->sent_at < (c->srtt_us >> 4) * NS_PER_US)
		return false;
	if (g->flags & TCP_FIN || g->eor)
		return false;
	if (cong_win < send_win && cong_win <= g->len)
		x->cwnd_limited = true;
	else if (send_win < cong_win && send_win <= g->len)
		x->rwnd_limited = true;
	return true;
}

/* Bytes of g that go into one packet. */
static uint32_t split_point(const struct tcp_conn *c, const struct tcp_seg *g,
			    const struct xmit *x, uint32_t quota)
{
	uint32_t window = (uint32_t)seq_diff(snd_edge(c), g->seq);
	uint32_t most = x->mss * quota, need, partial;

	if (most <= window && g != c->act->unsent_last)
		return most;
	need = min_u32(g->len, window);
	if (most <= need)
		return most;
	partial = need % x->mss;
	/* The short end waits if Nagle says so. */
	if (nagle_holds(c, partial != 0, x->nagle))
		return need - partial;
	return need;
}

static bool tsq_full(const struct tern_stack *st, const struct tcp_conn *c,
		     const struct tcp_seg *g)
{
	const struct tcp_active *a = c->act;
	uint64_t limit = a->pacing_rate >> 10;

	if (limit < 2ull * (g->len + 512))
		limit = 2ull * (g->len + 512);
	if (limit > (uint64_t)st->tun.tcp_limit_output_bytes)
		limit = (uint64_t)st->tun.tcp_limit_output_bytes;
	/* With nothing in flight no ACK would ever resume us. */
	return a->below > limit && a->rtx.first;
}

static bool paced(struct tern_stack *st, struct tcp_conn *c)
{
	const struct tern_cc_ops *ops = tcp_cc_ops(st, c);

	return ops->flags & TERN_CC_PACES || c->opts->max_pacing_rate;
}

bool tcp_pace_holds(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;

	if (a->pace_at <= st->now || !paced(st, c))
		return false;
	tcp_timer_set(st, c, TCP_TIMER_PACE, a->pace_at);
	return true;
}

/* The kernel's timers interrupt; ours wait until the process runs. What pacing
 * held back and a busy machine held back for longer leaves at once, up to a
 * slice of its scheduler: else each wait is lost to the rate, and a controller
 * that probes by it never learns what the path carries. */
#define PACE_LATE_MAX (4 * NS_PER_MS)

/* len bytes have left: when may the next? As Linux paces by itself, without
 * fq below: the first ten segments of a connection go as they are, and of a
 * departure that came late half may be made good; all of it, if it was the
 * timer that was late (deviates: Linux's is not). */
void tcp_pace_sent(struct tern_stack *st, struct tcp_conn *c, uint32_t len)
{
	struct tcp_active *a = c->act;
	const struct tcp_hist *h = hist_of(st, c);
	int64_t gap, late, from;

	a->xmit_at = st->now;
	if (likely(!paced(st, c)))
		return;
	from = a->pace_woken_at == st->now ? st->now - PACE_LATE_MAX : st->now;
	late = max_i64(from - a->pace_at, 0);
	a->pace_at = max_i64(a->pace_at, from);
	if (a->pacing_rate == UINT64_MAX || !a->pacing_rate || !h ||
	    h->data_segs_out < TCP_INIT_CWND)
		return;
	gap = (int64_t)((uint64_t)len * NS_PER_S / a->pacing_rate);
	a->pace_at += gap - min_i64(gap / 2, late);
}

/* A new segment has left: it waits for its ACK now. */
static void sent_new(struct tern_stack *st, struct tcp_conn *c,
		     struct tcp_seg *g)
{
	struct tcp_active *a = c->act;
	bool first = !a->packets_out;

	c->snd.nxt = seg_end(g);
	tcp_unsent_to_rtx(c, g);
	if (first || a->at[TCP_TIMER_LOSS] != NEVER)
		tcp_rearm_rto(st, c);
	if (a->chrono == TCP_CHRONO_NONE)
		tcp_chrono_set(st, c, TCP_CHRONO_BUSY);
	COUNT_N(st, TCP_EXT_ORIG_DATA_SENT, g->n_segs);
}

/* Sends g, which has passed every test. */
static bool send_one(struct tern_stack *st, struct tcp_conn *c,
		     struct tcp_seg *g, struct xmit *x)
{
	struct tcp_active *a = c->act;

	tcp_rate_sent(st, c, g);
	if (g->len && !in_flight(a))
		tcp_cc_event(st, c, TERN_CC_TX_START);
	if (tcp_emit_seg(st, c, g, g->len))
		return false;
	tcp_pace_sent(st, c, g->len);
	g->in_flight = in_flight(a) + g->n_segs;
	sent_new(st, c, g);
	if (g->len < (uint32_t)g->n_segs * x->mss)
		a->small = seg_end(g);
	x->sent += g->n_segs;
	return true;
}

/* May g leave, and how much of it? 0: no. */
static uint32_t may_send(struct tern_stack *st, struct tcp_conn *c,
			 struct tcp_seg *g, struct xmit *x)
{
	uint32_t quota, limit = x->mss;
	struct seq end;

	if (tcp_pace_holds(st, c))
		return 0;
	quota = cwnd_quota(c);
	if (!quota && x->probe)
		quota = 1;
	if (!quota)
		return 0;
	quota = min_u32(quota, x->max_segs);
	if (g->len < quota * x->mss)
		tcp_seg_grow(st, c, g, quota * x->mss - g->len);
	tcp_seg_count(g, x->mss);
	end = g->len > x->mss ? seq_add(g->seq, x->mss) : seg_end(g);
	if (seq_gt(end, snd_edge(c))) {
		x->rwnd_limited = true;
		return 0;
	}
	if (g->n_segs == 1) {
		int nagle = g == c->act->unsent_last ? x->nagle : NAGLE_PUSH;

		if (!(nagle & NAGLE_PUSH) && !c->act->urg_mode &&
		    !(g->flags & TCP_FIN) &&
		    nagle_holds(c, g->len < x->mss, nagle))
			return 0;
	} else {
		if (!x->one && should_defer(st, c, g, x))
			return 0;
		if (!c->act->urg_mode)
			limit = split_point(c, g, x, quota);
	}
	return limit;
}

static uint32_t write_xmit(struct tern_stack *st, struct tcp_conn *c, int nagle,
			   bool one, bool probe)
{
	struct tcp_active *a = c->act;
	struct xmit x = {
		.mss = tcp_mss_now(st, c),
		.nagle = nagle,
		.one = one,
		.probe = probe,
	};
	struct tcp_seg *g;

	if (!one) {
		enum tcp_mtu_next next = tcp_mtu_next(st, c, &g);

		if (next == TCP_MTU_WAIT)
			return 0;
		if (next == TCP_MTU_PROBE && send_one(st, c, g, &x))
			tcp_mtu_sent(c, g);
	}
	x.max_segs = tcp_autosize(st, c, x.mss);
	while ((g = a->unsent) != NULL) {
		uint32_t limit = may_send(st, c, g, &x);

		if (!limit)
			break;
		if (g->len > limit) {
			if (!tcp_seg_split(st, c, g, limit))
				break;
			tcp_seg_count(g, x.mss);
		}
		if (tsq_full(st, c, g)) {
			a->is_throttled = true;
			break;
		}
		if (!send_one(st, c, g, &x) || one)
			break;
	}
	if (x.rwnd_limited && a->chrono != TCP_CHRONO_SNDBUF)
		tcp_chrono_set(st, c, TCP_CHRONO_RWND);
	else if (a->chrono == TCP_CHRONO_RWND)
		tcp_chrono_set(st, c, TCP_CHRONO_BUSY);
	if (in_flight(a) >= c->cc.cwnd)
		x.cwnd_limited = true;
	if (x.sent || x.cwnd_limited)
		tcp_cwnd_validate(st, c, x.cwnd_limited);
	if (x.sent &&
	    (c->ca_state == TERN_CA_RECOVERY || c->ca_state == TERN_CA_CWR))
		a->prr_out += x.sent;
	if (x.sent && !probe)
		tcp_tlp_start(st, c, false);
	return x.sent;
}

void tcp_push(struct tern_stack *st, struct tcp_conn *c, bool nagle_off)
{
	if (c->state == TERN_TCP_CLOSE || !c->act || !c->act->unsent)
		return;
	if (c->act->nonagle_push)
		nagle_off = true;
	write_xmit(st, c, nagle_of(c) | (nagle_off ? NAGLE_PUSH : 0), false,
		   false);
	tcp_check_probe_timer(st, c);
}

void tcp_push_one(struct tern_stack *st, struct tcp_conn *c)
{
	write_xmit(st, c, NAGLE_PUSH, true, false);
}

bool tcp_push_probe(struct tern_stack *st, struct tcp_conn *c)
{
	return write_xmit(st, c, NAGLE_PUSH, true, true) != 0;
}

/* Nothing in flight and something to send: only a probe can move it. */
void tcp_check_probe_timer(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;

	if (a && !a->packets_out && a->unsent &&
	    a->at[TCP_TIMER_RTX] == NEVER && a->at[TCP_TIMER_PROBE] == NEVER &&
	    a->at[TCP_TIMER_PACE] == NEVER)
		tcp_xmit_timer(st, c, TCP_TIMER_PROBE,
			       st->now + tcp_probe_when(st, c));
}

/* RFC 9293 3.8.6.1 lets the window shrink: an ACK's sequence number must not
 * lie beyond it, or the peer drops it. */
static struct seq acceptable_seq(const struct tcp_conn *c)
{
	struct seq edge = snd_edge(c);

	if (seq_geq(edge, c->snd.nxt) ||
	    (c->wscale_ok &&
	     (uint32_t)seq_diff(c->snd.nxt, edge) < 1u << c->rcv_scale))
		return c->snd.nxt;
	return edge;
}

void tcp_send_ack(struct tern_stack *st, struct tcp_conn *c)
{
	int err;

	if (c->state == TERN_TCP_CLOSE)
		return;
	err = tcp_emit_bare(st, c, TCP_ACK, acceptable_seq(c));
	if (err == -TERN_ENOMEM && c->act) {
		/* Without memory now: again when the timer fires. */
		c->ack |= ACK_SCHED | ACK_TIMER;
		c->ato_ms = TCP_ATO_MIN_MS;
		tcp_timer_set(st, c, TCP_TIMER_DELACK,
			      st->now + TCP_DELACK_MAX);
	}
}

void tcp_send_rst(struct tern_stack *st, struct tcp_conn *c)
{
	COUNT(st, TCP_OUT_RSTS);
	if (tcp_emit_bare(st, c, TCP_RST | TCP_ACK, acceptable_seq(c)))
		COUNT(st, TCP_EXT_ABORT_FAILED);
}

void tcp_send_probe(struct tern_stack *st, struct tcp_conn *c, bool urgent)
{
	tcp_emit_bare(st, c, TCP_ACK, seq_sub(c->snd.una, urgent ? 0 : 1));
}

/* A probe of the window: data if any fits, else an old sequence number. 0: the
 * probe is out; > 0 (as Linux): it stayed here. */
int tcp_wakeup_probe(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	struct tcp_seg *g = a->unsent;
	struct xmit x = { 0 };
	uint32_t room;

	if (g && seq_lt(g->seq, snd_edge(c))) {
		x.mss = tcp_mss_now(st, c);
		room = (uint32_t)seq_diff(snd_edge(c), g->seq);
		if (seq_lt(a->pushed, seg_end(g)))
			a->pushed = seg_end(g);
		if (room < seg_seqlen(g) || g->len > x.mss) {
			room = min_u32(room, x.mss);
			if (room < g->len && !tcp_seg_split(st, c, g, room))
				return -TERN_ENOMEM;
		}
		g->flags |= TCP_PSH;
		tcp_seg_count(g, x.mss);
		return send_one(st, c, g, &x) ? 0 : 1;
	}
	if (seq_gt(a->snd_up, c->snd.una) &&
	    seq_diff(a->snd_up, c->snd.una) < 0xffff)
		tcp_send_probe(st, c, true);
	tcp_send_probe(st, c, false);
	return 0;
}

static int send_ctl(struct tern_stack *st, struct tcp_conn *c, uint16_t flags)
{
	struct tcp_seg *g = tcp_seg_new(st, c);

	if (!g)
		return -TERN_ENOBUFS;
	g->flags = flags;
	g->n_segs = 1;
	c->snd.end = seq_add(c->snd.end, 1);
	tcp_unsent_push(c, g);
	return 0;
}

int tcp_send_syn(struct tern_stack *st, struct tcp_conn *c)
{
	return tcp_send_syn_data(st, c, NULL, 0, NULL);
}

int tcp_send_syn_data(struct tern_stack *st, struct tcp_conn *c,
		      const struct tern_msg *msg, uint32_t room,
		      int64_t *copied)
{
	struct tcp_active *a;
	struct tcp_seg *g, *data;
	int64_t n = 0;
	int err;

	if (!tcp_activate(st, c))
		return -TERN_ENOMEM;
	a = c->act;
	err = send_ctl(st, c, TCP_SYN);
	if (err)
		return err;
	g = a->unsent;
	a->syn_at = a->retrans_at = st->now; /* the user's time-out counts */
	c->fo_asked = a->fo.present;
	a->fo_exp = a->fo.present && a->fo.exp;
	if (msg && room && tcp_hist_attach(st, c))
		n = tcp_sendq_segment(st, c, msg, room);
	data = n > 0 ? g->next : NULL;
	tcp_rate_sent(st, c, g);
	if (data) {
		tcp_rate_sent(st, c, data);
		if (tcp_emit_syn_data(st, c, g, data) == 0)
			a->syn_data = 1;
		*copied = n;
	} else if (tcp_emit_seg(st, c, g, 0)) {
		/* That it could not be sent is no failure: the timer resends
		 * it. */
		g->sent_at = st->now;
	}
	a->fo.present = false;
	c->snd.nxt = seg_end(g);
	tcp_unsent_to_rtx(c, g);
	if (data && a->syn_data) {
		c->snd.nxt = seg_end(data);
		tcp_unsent_to_rtx(c, data);
		COUNT(st, TCP_EXT_ORIG_DATA_SENT);
	}
	a->pushed = c->snd.end;
	tcp_xmit_timer(st, c, TCP_TIMER_RTX, st->now + tcp_rto_ns(c));
	return 0;
}

void tcp_send_synack_conn(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_seg *g = rtx_first(c->act);

	if (g && g->flags & TCP_SYN)
		tcp_emit_seg(st, c, g, 0);
}

/* A connection that closes has nothing but its FIN to get it any further. */
static void owe_fin(struct tern_stack *st, struct tcp_conn *c)
{
	c->fin_owed = 1;
	tcp_timer_set(st, c, TCP_TIMER_KEEP, st->now + TCP_RESOURCE_PROBE);
}

void tcp_send_fin(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a;

	c->fin_owed = 0;
	if (!tcp_activate(st, c)) {
		owe_fin(st, c);
		return;
	}
	a = c->act;
	if (a->unsent_last) {
		a->unsent_last->flags |= TCP_FIN;
		c->snd.end = seq_add(c->snd.end, 1);
		if (a->unsent_last->is_sent)
			return;
	} else if (send_ctl(st, c, TCP_FIN)) {
		owe_fin(st, c);
		return;
	}
	tcp_push(st, c, true);
}
