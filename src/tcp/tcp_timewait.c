// SPDX-License-Identifier: BSD-2-Clause
/*
 * TIME_WAIT (RFC 9293 3.6.1), in a record a quarter of a connection's size.
 *
 *	tcp_time_wait   connection -> TIME_WAIT, or an orphan's FIN_WAIT_2
 *	tcp_tw_input    FIN_WAIT_2 -> TIME_WAIT by the peer's FIN
 *	                TIME_WAIT: answers a resent FIN, starts again; ends by
 *	                RST (not with tcp_rfc1337) or by a SYN that is beyond
 *	                the old connection (RFC 6191)
 *	tcp_tw_timer    -> gone, after 2 MSL (tcp_timewait_len) or what was left
 *	                of tcp_fin_timeout
 *	tcp_tw_may_reuse  -> taken over by connect() (tcp_tw_reuse)
 *
 * What a record answers with: seq snd_nxt, ack rcv_nxt, the window as it was,
 * and timestamps if there were any. The answers are limited to one in
 * tcp_invalid_ratelimit, or two records could answer each other for ever.
 *
 * Deviates: tcp_tw_reuse_delay counts from when TIME_WAIT last started again,
 * on Linux from when it first did.
 */
#include "tcp_priv.h"

/* Beyond every sequence number that the old connection may have sent: the
 * largest window without scaling, and one for its FIN [Linux]. */
#define ISN_STEP (65535u + 2)

/* RFC 7323 5.5: after this long without news the old timestamp of a RST's
 * sender says nothing, it may have rebooted [Linux: MSL]. */
#define PAWS_RST_MS 60000u

static struct wheel *wheel_of(struct tern_stack *st, const struct tcp_tw *tw)
{
	return &st->tcp.tw_wheel[tw->v6];
}

static void restart(struct tern_stack *st, struct tcp_tw *tw)
{
	wheel_arm(wheel_of(st, tw), tw->id,
		  st->now + st->tun.tcp_timewait_len * NS_PER_S);
}

static uint32_t n_records(const struct tern_stack *st)
{
	return st->tcp.tws[0].n_used + st->tcp.tws[1].n_used;
}

/* A record of the connection, in the tables; NULL without memory. */
static struct tcp_tw *record(struct tern_stack *st, const struct tcp_conn *c,
			     int state)
{
	bool v6 = !tern_addr_is_v4(&c->laddr);
	uint32_t id = slab_alloc(&st->tcp.tws[v6]);
	struct tcp_tw *tw;

	if (!id)
		return NULL;
	tw = slab_at(&st->tcp.tws[v6], id);
	timer_init(&tw->timer);
	tw->id = id;
	tw->rcv_nxt = c->rcv.nxt;
	tw->snd_nxt = c->snd.nxt;
	tw->rcv_wnd = rcv_window(c);
	tw->ts_recent = c->ts_recent;
	tw->ts_recent_at = c->ts_recent_at * 1000;
	tw->oow_at = c->oow_at;
	tw->lport = c->lport;
	tw->rport = c->rport;
	tw->rcv_scale = c->rcv_scale;
	tw->ts_ok = c->ts_ok;
	tw->fin_wait2 = state == TERN_TCP_FIN_WAIT2;
	tw->reuseaddr = c->reuseaddr;
	tw->reuseport = c->reuseport;
	tw->tos = c->opts->tos;
	tw->any = c->any;
	st->ip.n_any_tcp += c->any;
	tw->v6 = v6;
	tw->v6only = c->v6only;
	tw->socket_v6 = c->v6;
	tw->has_port = c->has_port;
	tw->auto_port = c->auto_port;
	tcp_addrs_put(tw->addrs, v6, &c->laddr, &c->raddr);
	tcp_port_tw(st, tw, 1);
	idhash_insert(&st->tcp.tw_by_tuple[v6], id,
		      tcp_tuple_hash(st, &c->laddr, c->lport, &c->raddr,
				     c->rport));
	return tw;
}

void tcp_time_wait(struct tern_stack *st, struct tcp_conn *c, int state,
		   int64_t lasts_ns)
{
	struct tcp_tw *tw = NULL;
	int64_t rto = tcp_rto_ns(c);

	if (n_records(st) < (uint64_t)st->tun.tcp_max_tw_buckets)
		tw = record(st, c, state);
	if (!tw) {
		COUNT(st, TCP_EXT_TIME_WAIT_OVERFLOW);
	} else if (state == TERN_TCP_TIME_WAIT) {
		restart(st, tw);
	} else {
		/* Long enough for our FIN's ACK to be lost and come again. */
		lasts_ns = max_i64(lasts_ns, (rto << 2) - (rto >> 1));
		wheel_arm(wheel_of(st, tw), tw->id, st->now + lasts_ns);
	}
	tcp_done(st, c,
		 state == TERN_TCP_TIME_WAIT ? "TIME_WAIT begins" :
					       "orphan in FIN_WAIT_2");
}

void tcp_tw_free(struct tern_stack *st, struct tcp_tw *tw)
{
	struct tern_addr l, r;
	int v6 = tw->v6;

	st->ip.n_any_tcp -= tw->any;
	wheel_cancel(wheel_of(st, tw), tw->id);
	tcp_port_tw(st, tw, -1);
	tcp_addrs_get(tw->addrs, v6, &l, &r);
	idhash_remove(&st->tcp.tw_by_tuple[v6], tw->id,
		      tcp_tuple_hash(st, &l, tw->lport, &r, tw->rport));
	tcp_taken_tuple_free(st, &l, tw->lport, &r, tw->rport);
	slab_free(&st->tcp.tws[v6], tw->id);
}

void tcp_tw_timer(struct tern_stack *st, struct tcp_tw *tw)
{
	COUNT(st, TCP_EXT_TW);
	tcp_tw_free(st, tw);
}

static void answer(struct tern_stack *st, const struct tcp_tw *tw)
{
	struct tcp_reply r = {
		.sport = tw->lport,
		.dport = tw->rport,
		.seq = tw->snd_nxt,
		.ack = tw->rcv_nxt,
		.flags = TCP_ACK,
		.window = (uint16_t)min_u32(tw->rcv_wnd >> tw->rcv_scale,
					    TCP_MAX_WINDOW),
		.tos = tw->tos,
	};

	tcp_addrs_get(tw->addrs, tw->v6, &r.src, &r.dst);
	if (tw->ts_ok && tw->ts_recent) {
		r.o.present = WIRE_OPT_TS;
		r.o.ts_val = now_ms(st) + tcp_ts_offset(st, &r.src, &r.dst);
		r.o.ts_ecr = tw->ts_recent;
	}
	tcp_emit_reply(st, &r);
}

static void answer_limited(struct tern_stack *st, struct tcp_tw *tw,
			   const struct tcp_in *in, int counter)
{
	if (tcp_oow_may_for(st, in, &tw->oow_at, counter))
		answer(st, tw);
}

static bool has_ts(const struct tcp_tw *tw, const struct tcp_in *in)
{
	return tw->ts_ok && in->o.present & WIRE_OPT_TS;
}

/* RFC 7323 5: is the segment older than what was seen? A peer whose timestamps
 * once were zero is believed. */
static bool is_paws_reject(const struct tern_stack *st, const struct tcp_tw *tw,
			   const struct tcp_in *in)
{
	uint32_t age = now_ms(st) - tw->ts_recent_at;

	if (!has_ts(tw, in) || !tw->ts_recent ||
	    (int32_t)(tw->ts_recent - in->o.ts_val) <= 0)
		return false;
	if (age / 1000 >= TCP_PAWS_IDLE_S)
		return false;
	return !(in->h.flags & TCP_RST) || age < PAWS_RST_MS;
}

static void keep_ts(const struct tern_stack *st, struct tcp_tw *tw,
		    const struct tcp_in *in)
{
	if (!has_ts(tw, in))
		return;
	tw->ts_recent = in->o.ts_val;
	tw->ts_recent_at = now_ms(st);
}

static bool in_window(const struct tcp_tw *tw, const struct tcp_in *in)
{
	struct seq edge = seq_add(tw->rcv_nxt, tw->rcv_wnd);

	if (seq_eq(in->h.seq, tw->rcv_nxt))
		return true;
	if (seq_gt(in->end, tw->rcv_nxt) && seq_lt(in->h.seq, edge))
		return true;
	return seq_eq(in->h.seq, edge) && seq_eq(in->end, in->h.seq);
}

/* RFC 9293 3.10.7.1: there is nobody here any more. */
static int reset(struct tern_stack *st, struct tcp_tw *tw, struct tcp_in *in,
		 int reason)
{
	tcp_reset_for(st, in);
	tcp_tw_free(st, tw);
	return reason;
}

/* RFC 9293 3.10.7.4 for a closed socket in FIN_WAIT_2; gives why the segment is
 * to be dropped, or 0. */
static int fin_wait2_input(struct tern_stack *st, struct tcp_tw *tw,
			   struct tcp_in *in)
{
	uint16_t flags = in->h.flags;
	struct tern_addr l, r;

	if (is_paws_reject(st, tw, in) || !in_window(tw, in)) {
		answer_limited(st, tw, in,
			       COUNTER_TCP_EXT_ACK_SKIPPED_FIN_WAIT2);
		return DROP_TCP_TIMEWAIT;
	}
	if (flags & TCP_RST) {
		tcp_tw_free(st, tw);
		return DROP_TCP_RESET;
	}
	if (flags & TCP_SYN && seq_geq(in->h.seq, tw->rcv_nxt))
		return reset(st, tw, in, DROP_TCP_INVALID_SYN);
	if (!(flags & TCP_ACK) || seq_leq(in->end, tw->rcv_nxt) ||
	    seq_eq(in->end, in->h.seq))
		return DROP_TCP_TIMEWAIT; /* an old duplicate, a bare ACK */
	/* Data for nobody (RFC 9293 3.6.1), before the FIN or in its place. */
	if (!(flags & TCP_FIN) || !seq_eq(in->end, seq_add(tw->rcv_nxt, 1)))
		return reset(st, tw, in, DROP_TCP_ABORT_ON_DATA);
	tw->fin_wait2 = 0;
	tw->rcv_nxt = in->end;
	keep_ts(st, tw, in);
	restart(st, tw);
	/* Not yet, but from now on time may free it (tcp_tw_reuse). */
	tcp_addrs_get(tw->addrs, tw->v6, &l, &r);
	tcp_taken_tuple_free(st, &l, tw->lport, &r, tw->rport);
	answer(st, tw);
	return DROP_NOT;
}

/* May this SYN open a new connection (RFC 9293 3.6.1, RFC 6191)? */
static bool is_new_syn(const struct tcp_tw *tw, const struct tcp_in *in)
{
	if ((in->h.flags & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_SYN)
		return false;
	return seq_gt(in->h.seq, tw->rcv_nxt) ||
	       (has_ts(tw, in) && (int32_t)(in->o.ts_val - tw->ts_recent) > 0);
}

/* The ISN of whoever comes after the record: never 0, which means none. */
static struct seq next_isn(const struct tcp_tw *tw)
{
	struct seq isn = seq_add(tw->snd_nxt, ISN_STEP);

	return isn.v ? isn : seq_of(1);
}

/* Nothing new, where it should be: an ACK, or a RST. */
static int bare_input(struct tern_stack *st, struct tcp_tw *tw,
		      struct tcp_in *in)
{
	bool rst = in->h.flags & TCP_RST;

	if (rst && !st->tun.tcp_rfc1337) {
		tcp_tw_free(st, tw);
		return DROP_TCP_RESET;
	}
	if (!rst)
		restart(st, tw);
	keep_ts(st, tw, in);
	return DROP_TCP_TIMEWAIT;
}

static int time_wait_input(struct tern_stack *st, struct tcp_tw *tw,
			   struct tcp_in *in)
{
	bool rejected = is_paws_reject(st, tw, in);

	if (!rejected && seq_eq(in->h.seq, tw->rcv_nxt) &&
	    (seq_eq(in->h.seq, in->end) || in->h.flags & TCP_RST))
		return bare_input(st, tw, in);
	if (!(in->h.flags & TCP_RST)) {
		/* A SYN without ACK may be a good one that only seems old: it
		 * does not prolong what is in its way. */
		if (rejected || in->h.flags & TCP_ACK)
			restart(st, tw);
		answer_limited(st, tw, in,
			       COUNTER_TCP_EXT_ACK_SKIPPED_TIME_WAIT);
	}
	return rejected ? DROP_TCP_RFC7323_PAWS_TW : DROP_TCP_TIMEWAIT;
}

/* Owns the packet, unless it is false: then the record is gone, and a listener
 * waits for the SYN. */
bool tcp_tw_input(struct tern_stack *st, struct tcp_tw *tw, struct tcp_in *in,
		  struct seq *isn)
{
	int reason;

	tcp_parse_opts(in);
	if (tw->fin_wait2) {
		reason = fin_wait2_input(st, tw, in);
	} else if (is_new_syn(tw, in) && !is_paws_reject(st, tw, in) &&
		   tcp_find_listener(st, &in->ip->dst, in->h.dport,
				     &in->ip->src, in->h.sport)) {
		*isn = next_isn(tw);
		tcp_tw_free(st, tw);
		return false;
	} else {
		reason = time_wait_input(st, tw, in);
	}
	if (reason)
		ip_drop(st, in->pkt, reason);
	else
		tern_pkt_put(in->pkt);
	return true;
}

static bool is_loopback(const struct tern_addr *a)
{
	static const struct tern_addr loopback6 = { { [15] = 1 } };

	return tern_addr_is_v4(a) ? a->b[12] == 127 :
				    tern_addr_equal(a, &loopback6);
}

/* From when on connect() may choose the record's port; NEVER: not while it is
 * what it is. */
static int64_t reuse_at(const struct tern_stack *st, const struct tcp_tw *tw)
{
	struct tern_addr l, r;

	tcp_addrs_get(tw->addrs, tw->v6, &l, &r);
	if (!st->tun.tcp_tw_reuse || tw->fin_wait2 ||
	    (st->tun.tcp_tw_reuse == 2 && !is_loopback(&l) && !is_loopback(&r)))
		return NEVER;
	return tw->timer.at - st->tun.tcp_timewait_len * NS_PER_S +
	       st->tun.tcp_tw_reuse_delay * NS_PER_MS + 1;
}

/*
 * Timestamps keep the two connections' segments apart, so without them nobody
 * takes over. A program that has bound the port asks for just this one and
 * need not wait [Linux]; a port that we would choose must be old enough.
 * True: the record is gone, and c has what it takes over: the sequence number to
 * begin with in snd (has_isn), and ts_recent. False: *again_at is when, if time
 * alone is lacking.
 */
bool tcp_tw_may_reuse(struct tern_stack *st, struct tcp_tw *tw,
		      struct tcp_conn *c, int64_t *again_at)
{
	if (!tw->ts_ok)
		return false;
	if (!c->has_port) {
		*again_at = reuse_at(st, tw);
		if (st->now < *again_at)
			return false;
	}
	c->snd.una = c->snd.nxt = c->snd.end = next_isn(tw);
	c->has_isn = 1;
	c->ts_recent = tw->ts_recent;
	c->ts_recent_at = tw->ts_recent_at / 1000;
	COUNT(st, TCP_EXT_TW_RECYCLED);
	tcp_tw_free(st, tw);
	return true;
}
