// SPDX-License-Identifier: BSD-2-Clause
/*
 * SYN cookies (RFC 4987 3.6): a flood of SYNs costs no memory, and real clients
 * still connect.
 *
 * What a half-open entry would remember goes into our ISN, which the client's
 * ACK brings back:
 *
 *	ISN = H(who) + irs + (minute << 24) + (H(who, irs, minute) + i) mod 2^24
 *
 * i names one of four MSS; H is SipHash under a key of its own. It is good for
 * two minutes; a guess has a chance of 8 in 2^32. That irs is under the hash
 * matters: else, with the first segment of a few bytes lost, the second one
 * would pass for it with another i, and the stream would begin in its middle. Where the client sends
 * timestamps, the low six bits of ours carry window scale, SACK and ECN, and
 * its echo brings them back; without timestamps these are given up.
 *
 * Cookies are taken only while the listener has sent some lately. They do not
 * help a full accept queue: the connection would have nowhere to wait.
 */
#include "tcp_priv.h"

#define COOKIE_MASK 0xffffffu
#define COOKIE_SHIFT 24
#define MAX_AGE 2 /* minutes */
#define TS_BITS 6
#define TS_MASK ((1u << TS_BITS) - 1)
#define TS_WSCALE 15u /* also: the client has none */
#define TS_SACK 16u
#define TS_ECN 32u

/* The MSS that most hosts announce: Ethernet, PPPoE, tunnels, the default. */
static const uint16_t mss_table[2][4] = {
	{ 536, 1300, 1440, 1460 },
	{ 1220, 1420, 1440, 8940 },
};

static uint32_t minute(const struct tern_stack *st)
{
	return (uint32_t)(st->now / (60 * NS_PER_S));
}

static uint32_t keyed(const struct tern_stack *st, const struct tcp_req *q,
		      uint32_t irs, uint32_t count)
{
	struct tern_addr l, r;
	uint64_t w[2];

	tcp_req_tuple(q, &l, &r);
	w[0] = tcp_hash_ends(&st->key_cookie, &l, &r,
			     (uint32_t)q->lport << 16 | q->rport);
	w[1] = (uint64_t)irs << 32 | count;
	return (uint32_t)siphash_words(&st->key_cookie, w, 2);
}

/* What a cookie is but for the minute and the data. */
static uint32_t base_of(const struct tern_stack *st, const struct tcp_req *q)
{
	return keyed(st, q, 0, UINT32_MAX) + q->irs.v;
}

static struct seq make(const struct tern_stack *st, const struct tcp_req *q,
		       uint32_t data)
{
	uint32_t now = minute(st);

	return seq_of(base_of(st, q) + (now << COOKIE_SHIFT) +
		      ((keyed(st, q, q->irs.v, now) + data) & COOKIE_MASK));
}

/* The data that went into a cookie, or ~0 if it is none, or too old. */
static uint32_t check(const struct tern_stack *st, const struct tcp_req *q,
		      uint32_t cookie)
{
	uint32_t now = minute(st), age;

	cookie -= base_of(st, q);
	age = (now - (cookie >> COOKIE_SHIFT)) & 0xff;
	if (age >= MAX_AGE)
		return UINT32_MAX;
	return (cookie - keyed(st, q, q->irs.v, now - age)) & COOKIE_MASK;
}

/* The clock, its low bits saying what was agreed on; never in the future. */
static uint32_t clock_with(const struct tern_stack *st, const struct tcp_req *q)
{
	uint32_t now = now_ms(st), bits, ts;

	bits = q->wscale_ok ? q->snd_scale : TS_WSCALE;
	bits |= q->sack_ok ? TS_SACK : 0;
	bits |= q->ecn_ok ? TS_ECN : 0;
	ts = (now & ~TS_MASK) | bits;
	return (int32_t)(ts - now) > 0 ? ts - (1u << TS_BITS) : ts;
}

void tcp_cookie_synack(struct tern_stack *st, struct tcp_conn *c,
		       struct tcp_in *in)
{
	union tcp_req_scratch u = { 0 };
	struct tcp_req *q = &u.q;
	uint32_t i = ARRAY_LEN(mss_table[0]) - 1;

	tcp_req_fill(st, c, in, q);
	while (i && q->mss < mss_table[q->v6][i])
		i--;
	q->mss = mss_table[q->v6][i];
	if (!q->ts_ok) {
		q->wscale_ok = q->sack_ok = 0;
		q->ecn_ok = q->accecn; /* the ACK itself tells of it */
	}
	q->iss = make(st, q, i);
	c->listener->overflow_at = st->now;
	COUNT(st, TCP_EXT_SYNCOOKIES_SENT);
	tcp_req_synack_at(st, q, clock_with(st, q), NULL);
	tern_pkt_put(in->pkt);
}

/* What the echo of our timestamp says was agreed on. False: it cannot be an
 * echo of ours. */
static bool agreed(struct tern_stack *st, const struct tcp_in *in,
		   struct tcp_req *q)
{
	struct tern_addr l, r;
	uint32_t bits;

	q->ts_ok = q->sack_ok = q->wscale_ok = 0;
	q->snd_scale = 0;
	if (!(in->o.present & WIRE_OPT_TS)) {
		tcp_ecn_cookie(st, in, q, false);
		return true;
	}
	if (!st->tun.tcp_timestamps)
		return false;
	tcp_req_tuple(q, &l, &r);
	/* An echo of nothing says that nothing was agreed on, but a scale of
	 * 0 [k]. */
	bits = in->o.ts_ecr;
	if (bits)
		bits = (bits - tcp_ts_offset(st, &l, &r)) & TS_MASK;
	q->ts_ok = 1;
	q->ts_recent = in->o.ts_val;
	q->sack_ok = (bits & TS_SACK) != 0;
	tcp_ecn_cookie(st, in, q, bits & TS_ECN);
	if (q->sack_ok && !st->tun.tcp_sack)
		return false;
	if ((bits & TS_WSCALE) == TS_WSCALE)
		return true;
	q->wscale_ok = 1;
	q->snd_scale = bits & TS_WSCALE;
	return st->tun.tcp_window_scaling != 0;
}

bool tcp_cookie_ack(struct tern_stack *st, struct tcp_conn *c,
		    struct tcp_in *in)
{
	union tcp_req_scratch u = { 0 };
	struct tcp_req *q = &u.q;
	struct tcp_first_window w;
	struct tcp_conn *child;
	uint32_t data;

	if (!st->tun.tcp_syncookies ||
	    st->now - c->listener->overflow_at > MAX_AGE * 60 * NS_PER_S)
		return false;
	tcp_parse_opts(in);
	tcp_req_fill(st, c, in, q);
	q->irs = seq_sub(in->h.seq, 1);
	q->rcv_nxt = in->h.seq;
	q->iss = seq_sub(in->h.ack, 1);
	data = check(st, q, q->iss.v);
	if (data >= ARRAY_LEN(mss_table[0])) {
		COUNT(st, TCP_EXT_SYNCOOKIES_FAILED);
		return false;
	}
	COUNT(st, TCP_EXT_SYNCOOKIES_RECV);
	q->mss = mss_table[q->v6][data];
	if (!agreed(st, in, q))
		return false;
	/* The SYN-ACK's is not known any more; this is of segments as the
	 * cookie has them [k]. */
	w = tcp_initial_window(st, tcp_full_space(c), q->mss,
			       tcp_initial_clamp(c), q->wscale_ok);
	q->rcv_wnd = w.wnd;
	q->rcv_scale = w.scale & 15;
	child = tcp_child(st, c, q);
	if (!child) {
		ip_drop(st, in->pkt, DROP_TCP_LISTEN_OVERFLOW);
		return true;
	}
	/* When the SYN-ACK left is not known. */
	child->act->syn_at = NEVER;
	tcp_conn_input(st, child, in);
	tcp_post(st, c);
	return true;
}
