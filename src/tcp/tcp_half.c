// SPDX-License-Identifier: BSD-2-Clause
/*
 * One judge of what comes for a handshake that a listener has begun: for an
 * entry (tcp_req.c), and for a child that Fast Open made before its time
 * (tcp_fastopen.c), which is asked as if it were an entry still. What passes
 * here goes to the connection, and is judged as any segment is.
 *
 * Answered at once, by the window that the SYN-ACK told: what lies outside it,
 * PAWS, an echo of no timestamp of ours, a RST that is not exact (RFC 5961 3.2).
 */
#include "tcp_priv.h"

/* ts_ms: our clock, as the timestamp is to tell it. */
void tcp_half_reply(struct tern_stack *st, const struct tcp_req *q,
		    uint32_t ts_ms, struct tcp_reply *r)
{
	tcp_req_tuple(q, &r->src, &r->dst);
	r->sport = q->lport;
	r->dport = q->rport;
	if (q->ts_ok) {
		r->o.present |= WIRE_OPT_TS;
		r->o.ts_val = ts_ms + tcp_ts_offset(st, &r->src, &r->dst);
		r->o.ts_ecr = q->ts_recent;
	}
	tcp_emit_reply(st, r);
}

/* What the field of the SYN-ACK could say. */
static uint32_t told(const struct tcp_req *q)
{
	return min_u32(q->rcv_wnd, TCP_MAX_WINDOW);
}

static void send_ack(struct tern_stack *st, const struct tcp_req *q,
		     const struct tcp_conn *c, const struct tcp_in *in)
{
	struct tcp_reply r = {
		.seq = c ? c->snd.nxt : seq_add(q->iss, 1),
		.ack = q->rcv_nxt,
		.flags = TCP_ACK,
		.window = (uint16_t)(told(q) >> q->rcv_scale),
		.tos = in->ip->tos & 0xfc, /* [k] */
	};

	tcp_half_reply(st, q, now_ms(st), &r);
}

static bool in_window(const struct tcp_req *q, const struct tcp_in *in)
{
	struct seq edge = seq_add(q->rcv_nxt, told(q));

	if (seq_eq(in->h.seq, q->rcv_nxt))
		return true;
	if (seq_gt(in->end, q->rcv_nxt) && seq_lt(in->h.seq, edge))
		return true;
	return seq_eq(in->h.seq, edge) && seq_eq(in->h.seq, in->end);
}

/* An echo of what no SYN-ACK of ours said, from the first to the last: somebody
 * guesses [k]. */
static bool is_false_echo(const struct tern_stack *st, const struct tcp_req *q,
			  const struct tcp_in *in)
{
	uint32_t age_us = (uint32_t)(st->now / NS_PER_US) - q->synack_us;
	uint32_t first = (uint32_t)((st->now - age_us * NS_PER_US) / NS_PER_MS);
	struct tern_addr l, r;
	uint32_t echo;

	if (!q->ts_ok || !(in->o.present & WIRE_OPT_TS) || !in->o.ts_ecr ||
	    q->undecided)
		return false;
	tcp_req_tuple(q, &l, &r);
	echo = in->o.ts_ecr - tcp_ts_offset(st, &l, &r);
	return echo - first > q->synack_ms - first;
}

/* Why a segment cannot be of this handshake; DROP_NOT if it may be. */
static enum drop find_fault(const struct tern_stack *st,
			    const struct tcp_req *q, const struct tcp_in *in,
			    bool paws)
{
	if (paws)
		return DROP_TCP_RFC7323_PAWS;
	if (!in_window(q, in))
		return DROP_TCP_INVALID_SEQUENCE;
	return is_false_echo(st, q, in) ? DROP_TCP_RFC7323_TSECR : DROP_NOT;
}

/* The ACK that something wrong gets. */
static enum tcp_half answer(struct tern_stack *st, struct tcp_req *q,
			    const struct tcp_conn *c, struct tcp_in *in,
			    enum drop fault)
{
	if (!q->undecided &&
	    tcp_oow_may_for(st, in, &q->oow_at,
			    COUNTER_TCP_EXT_ACK_SKIPPED_SYN_RECV))
		send_ack(st, q, c, in);
	ip_drop(st, in->pkt, fault);
	return TCP_HALF_GONE;
}

enum tcp_half tcp_half_judge(struct tern_stack *st, struct tcp_req *q,
			     const struct tcp_conn *c, struct tcp_in *in)
{
	uint16_t flags = in->h.flags & (TCP_SYN | TCP_ACK | TCP_RST);
	enum drop fault;
	bool paws;

	tcp_parse_opts(in);
	paws = q->ts_ok && in->o.present & WIRE_OPT_TS &&
	       tcp_paws_reject(st, q->ts_recent, (uint32_t)(st->now / NS_PER_S),
			       in);
	if (seq_eq(in->h.seq, q->irs) && flags == TCP_SYN && !paws)
		return TCP_HALF_SYN_AGAIN;
	/* What a child may be acknowledged is more: the connection knows. */
	if (!c && flags & TCP_ACK && !(flags & TCP_RST) &&
	    (!seq_eq(in->h.ack, seq_add(q->iss, 1)) || q->undecided)) {
		/* It acknowledges nothing of ours. */
		tcp_reset_for(st, in);
		ip_drop(st, in->pkt, DROP_TCP_ACK_UNSENT_DATA);
		return TCP_HALF_GONE;
	}
	fault = find_fault(st, q, in, paws);
	if (fault && !(flags & TCP_RST))
		return answer(st, q, c, in, fault);
	if (fault) {
		ip_drop(st, in->pkt, fault);
		return TCP_HALF_GONE;
	}
	/* RFC 5961 3.2, here too [k]. */
	if (flags & TCP_RST && !seq_eq(in->h.seq, q->rcv_nxt))
		return answer(st, q, c, in, DROP_TCP_INVALID_SEQUENCE);
	if (seq_eq(in->h.seq, q->irs))
		flags &= (uint16_t)~TCP_SYN; /* repeated, not another one */
	if (flags & TCP_RST)
		return TCP_HALF_RST;
	if (flags & TCP_SYN)
		return TCP_HALF_SYN;
	if (flags & TCP_ACK)
		return TCP_HALF_ACK;
	ip_drop(st, in->pkt, DROP_TCP_FLAGS);
	return TCP_HALF_GONE;
}
