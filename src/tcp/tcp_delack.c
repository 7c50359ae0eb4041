// SPDX-License-Identifier: BSD-2-Clause
/*
 * When to acknowledge (RFC 9293 3.8.6.3, as Linux does it).
 *
 *	at once		the first segments of a connection (quick-ack), out of
 *			order data and what fills a gap, each second full
 *			segment if the window does not fall
 *	with data	"ping-pong": a program that answers what it reads
 *	after ATO	else: 40 ms at first, adapting to the pace of arrival, at
 *			most 200 ms; 3 ms for a FIN before any data
 *
 * c->ack says what is owed; act->at[TCP_TIMER_DELACK] when it is due.
 */
#include "tcp_priv.h"

static bool is_quick(const struct tern_stack *st, const struct tcp_conn *c)
{
	return c->quick && !tcp_is_pingpong(st, c);
}

/* ACKs for what is out of order may be merged for 5 % of a round trip: each
 * tells all that the ones before it told. The first three are not, so that the
 * peer's fast retransmit is not delayed. True: it waits. */
static bool compress(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	const struct tcp_hist *h = hist_of(st, c);
	uint64_t rtt_us = h ? h->rcv_rtt_us : 0, ns;

	if (!c->sack_ok || a->n_acks_merged >= st->tun.tcp_comp_sack_nr)
		return false;
	if (!seq_eq(a->merged_at, c->rcv.nxt)) {
		a->merged_at = c->rcv.nxt;
		a->n_dupacks = 0;
	}
	if (a->n_dupacks < 3) {
		a->n_dupacks++;
		return false;
	}
	if (c->srtt_us && c->srtt_us < rtt_us)
		rtt_us = c->srtt_us;
	ns = (rtt_us >> 3) * NS_PER_US / 20;
	if (ns > (uint64_t)st->tun.tcp_comp_sack_delay_ns)
		ns = (uint64_t)st->tun.tcp_comp_sack_delay_ns;
	if (!ns)
		return false;
	a->n_acks_merged++;
	if (a->at[TCP_TIMER_SACK] == NEVER)
		tcp_timer_set(st, c, TCP_TIMER_SACK, st->now + (int64_t)ns);
	return true;
}

/* After input: send the ACK that is owed, or promise it. */
void tcp_ack_check(struct tern_stack *st, struct tcp_conn *c, bool had_ofo)
{
	const struct tcp_active *a = c->act;
	uint32_t unread;
	bool full;

	/* One that went out meanwhile (of a FIN that data let in) is it. */
	if (!(c->ack & ACK_SCHED))
		return;
	unread = (uint32_t)seq_diff(c->rcv.nxt, c->rcv.copied);
	/* Asked first: without room for a window there are no quick ACKs [k]. */
	full = seq_diff(c->rcv.nxt, c->rcv.wup) > c->rcv_mss &&
	       (unread < max_u32(c->opts->rcvlowat, 1) ||
		tcp_window_would(st, c) >= c->rcv.wnd);
	if (!full && a && a->ofo.root && !(c->ack & ACK_NOW) &&
	    !is_quick(st, c) && compress(st, c))
		return;
	if (full || c->ack & ACK_NOW || is_quick(st, c) || had_ofo ||
	    (a && a->ofo.root)) {
		tcp_send_ack(st, c);
		return;
	}
	tcp_delack_start(st, c);
}

void tcp_delack_start(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	int64_t ato = c->ato_ms * NS_PER_MS, max, at;

	if (ato > TCP_DELACK_MIN) {
		max = 500 * NS_PER_MS;
		if (tcp_is_pingpong(st, c) || c->ack & ACK_PUSHED)
			max = TCP_DELACK_MAX;
		if (c->srtt_us)
			max = min_i64(max,
				      max_i64((c->srtt_us >> 3) * NS_PER_US,
					      TCP_DELACK_MIN));
		ato = min_i64(ato, max);
	}
	ato = min_i64(ato, c->opts->delack_max_us ?
				   c->opts->delack_max_us * NS_PER_US :
				   TCP_DELACK_MAX);
	/* Nothing was ever received that could wait: a FIN's ACK [k]. */
	if (!c->ato_ms)
		ato = TCP_DELACK_TICK;
	at = st->now + ato;
	/* A timer that runs has an active block to run in. */
	if (a && c->ack & ACK_TIMER) {
		/* Due soon anyway: do not wait for more. */
		if (!c->ato_ms ||
		    a->at[TCP_TIMER_DELACK] <= st->now + (ato >> 2)) {
			tcp_send_ack(st, c);
			return;
		}
		at = min_i64(at, a->at[TCP_TIMER_DELACK]);
	}
	c->ack |= ACK_SCHED | ACK_TIMER;
	tcp_timer_set(st, c, TCP_TIMER_DELACK, at);
}

void tcp_delack_fire(struct tern_stack *st, struct tcp_conn *c)
{
	c->ack &= (uint8_t)~ACK_TIMER;
	if (!(c->ack & ACK_SCHED))
		return;
	if (tcp_is_pingpong(st, c)) {
		/* The answer that the ACK was to ride on did not come. */
		c->pingpong = 0;
		c->ato_ms = TCP_ATO_MIN_MS;
	} else {
		c->ato_ms = (uint16_t)min_u32(c->ato_ms * 2u,
					      min_u32(c->rto_us / 1000, 60000));
	}
	tcp_send_ack(st, c);
	COUNT(st, TCP_EXT_DELAYED_ACKS);
}

/* A segment with ACK has left: nothing is owed any more. */
void tcp_ack_sent(struct tern_stack *st, struct tcp_conn *c)
{
	/* The last of those sent at once: from now on they wait, but not as
	 * long as before. What nothing was owed for does not count [k]. */
	if (c->quick && c->ack & ACK_SCHED && !--c->quick)
		c->ato_ms = TCP_ATO_MIN_MS;
	c->ack &= (uint8_t) ~(ACK_SCHED | ACK_TIMER | ACK_PUSHED | ACK_PUSHED2 |
			      ACK_NOW | ACK_NOMEM);
	if (c->act) {
		COUNT_N(st, TCP_EXT_ACK_COMPRESSED, c->act->n_acks_merged);
		c->act->n_acks_merged = 0;
		tcp_timer_set(st, c, TCP_TIMER_DELACK, NEVER);
		tcp_timer_set(st, c, TCP_TIMER_SACK, NEVER);
	}
}
