// SPDX-License-Identifier: BSD-2-Clause
/*
 * Accurate ECN (RFC 9768): every mark is fed back, not one a round trip.
 *
 *	ACE	the three flags AE, CWR, ECE as a counter of CE packets modulo
 *		8, beginning at 5; on the ACK of a SYN-ACK they say instead
 *		which mark that had (3.2.2.1)
 *	option	24-bit counters of bytes that came with ECT(1), CE, ECT(0): kind
 *		174; the two ECT ones begin at 1, so that a zeroed option shows
 *
 * As receiver (r.cep and so on): tcp_accecn_in counts, tcp_accecn_out and
 * tcp_accecn_option tell. As sender (s.cep is TCP_INFO's delivered_ce):
 * tcp_accecn_ack decodes. An ACK that acknowledges eight segments or more may
 * hide a wrap of ACE: then as many marks are assumed as could be (3.2.2.5.2),
 * unless the option or the habit of the path says otherwise.
 *
 * What proves a path to be unfit (3.2.2.3, 3.2.2.4, 3.2.3.2) only ends the use
 * of ECT, or of the option: feedback goes on. Those are the ACCECN_FAIL_*.
 *
 * Not implemented: retesting a path, and a cache of paths that failed.
 */
#include "tcp_priv.h"

#define ACE_INIT 5u /* 3.2.1: r.cep and s.cep begin there */
#define COUNTER_MASK 0xffffffu
/* Times 64: over four segments an ACK on the average, the path thins ACKs out,
 * and to assume the worst of each would be wrong mostly (A.2.1). */
#define THINNED (4u << 6)

enum { MARK_NONE, MARK_ECT1, MARK_ECT0, MARK_CE };
enum { FIELD_E1, FIELD_CE, FIELD_E0 };

/* By mark: its field, and how long an option is that has it. */
static const uint8_t field_of[] = { 0, FIELD_E1, FIELD_E0, FIELD_CE };
static const uint8_t opt_init[] = { 1, 0, 1 };

/* Tables 2 and 3: the mark of a SYN or a SYN-ACK, told back. */
uint16_t tcp_accecn_handshake(unsigned mark)
{
	static const uint16_t codes[] = {
		[MARK_NONE] = TCP_CWR,
		[MARK_ECT1] = TCP_CWR | TCP_ECE,
		[MARK_ECT0] = TCP_AE,
		[MARK_CE] = TCP_AE | TCP_CWR,
	};

	return codes[mark & 3];
}

static unsigned ace_of(uint16_t flags)
{
	return (flags & TCP_AE ? 4u : 0) | (flags & TCP_CWR ? 2u : 0) |
	       (flags & TCP_ECE ? 1u : 0);
}

static uint16_t ace_flags(unsigned ace)
{
	return (uint16_t)((ace & 4 ? TCP_AE : 0) | (ace & 2 ? TCP_CWR : 0) |
			  (ace & 1 ? TCP_ECE : 0));
}

void tcp_accecn_fail(const struct tern_stack *st, const struct tcp_conn *c,
		     uint8_t what)
{
	struct tcp_accecn *e = accecn_of(st, c);

	if (e)
		e->fail |= what;
}

void tcp_accecn_start(struct tern_stack *st, struct tcp_conn *c, uint8_t mark)
{
	struct tcp_accecn *e;

	c->ecn = tcp_hist_accecn(st, c) ? ECN_ACCURATE : ECN_OFF;
	e = accecn_of(st, c);
	if (!e)
		return;
	*e = (struct tcp_accecn){
		.syn_ecn = mark & 3,
		.prev_ecn = mark & 3,
		.opt_demand = 2,
		.opt_at = (uint32_t)(st->now / NS_PER_US),
	};
}

/* 3.2.2.3: what we sent had no ECT; whatever it arrived with then is false. */
static void check_mangled(const struct tern_stack *st, struct tcp_accecn *e,
			  unsigned told)
{
	if (told != MARK_NONE && st->tun.tcp_ecn_fallback)
		e->fail |= ACCECN_FAIL_ACE_RECV;
}

static unsigned mark_told(uint16_t flags)
{
	unsigned mark;

	for (mark = MARK_NONE; mark < MARK_CE; mark++)
		if (tcp_accecn_handshake(mark) ==
		    (flags & (TCP_AE | TCP_CWR | TCP_ECE)))
			break;
	return mark;
}

/* 3.2.3.2.4: an option that was there from the first on, and not zeroed? */
static void first_option(struct tcp_accecn *e, const struct wire_tcp_opts *o)
{
	unsigned i;

	if (!o->n_accecn) {
		e->opt_seen = ACCECN_OPT_EMPTY;
		return;
	}
	e->opt_seen = ACCECN_OPT_COUNTS;
	for (i = 0; i < o->n_accecn; i += 2)
		if (!o->accecn[i])
			e->opt_seen = ACCECN_OPT_BAD;
	if (e->opt_seen == ACCECN_OPT_BAD)
		e->fail |= ACCECN_FAIL_OPT_RECV;
}

static bool has_option(const struct tcp_in *in)
{
	return in->o.present & (WIRE_OPT_ACCECN0 | WIRE_OPT_ACCECN1);
}

/* Once, even if a SYN-ACK comes again (3.2.2.2). */
static void count_ce_synack(struct tcp_accecn *e, const struct tcp_in *in)
{
	if ((in->ip->tos & 3) == MARK_CE && !e->received_ce) {
		e->received_ce = 1;
		e->ce_pending = 1;
	}
}

void tcp_accecn_synack_in(struct tern_stack *st, struct tcp_conn *c,
			  const struct tcp_in *in)
{
	struct tcp_accecn *e = accecn_of(st, c);
	uint16_t flags = in->h.flags & (TCP_AE | TCP_CWR | TCP_ECE);

	if (!e)
		return;
	e->reflect = 1;
	/* AE+ECE is yet to be defined and says nothing of our SYN (3.1.3). As
	 * on Linux what is said of it counts if the answer came marked. */
	if ((in->ip->tos & 3) == MARK_CE && flags != (TCP_AE | TCP_ECE))
		check_mangled(st, e, mark_told(flags));
	if (!(e->fail & ACCECN_FAIL_ACE_RECV))
		count_ce_synack(e, in);
	if (has_option(in))
		first_option(e, &in->o);
}

/* A SYN-ACK comes again: our ACK was lost, or theirs was late. */
void tcp_accecn_synack_again(const struct tern_stack *st,
			     const struct tcp_conn *c, const struct tcp_in *in)
{
	struct tcp_accecn *e = accecn_of(st, c);

	if (!e || !(in->h.flags & TCP_ACK))
		return;
	e->syn_ecn = in->ip->tos & 3;
	e->reflect = 1;
	count_ce_synack(e, in);
	if (!(in->h.flags & (TCP_AE | TCP_CWR | TCP_ECE)))
		e->fail |= ACCECN_FAIL_ACE_RECV;
}

/* 3.2.2.4: ACE begins at 5. Who zeroes it lets no feedback through; what comes
 * later is not to be believed. */
static void zeroed(struct tcp_accecn *e)
{
	e->fail |= ACCECN_FAIL_ACE_RECV;
	e->is_zeroed = 1;
}

static bool is_bare_ack(const struct tcp_in *in)
{
	return seq_eq(in->h.seq, in->end) && !(in->o.present & WIRE_OPT_SACK);
}

/* Table 4: the server in SYN_RCVD learns which mark its SYN-ACK came with. */
void tcp_accecn_third_ack(struct tern_stack *st, struct tcp_conn *c,
			  const struct tcp_in *in)
{
	struct tcp_accecn *e = accecn_of(st, c);
	struct tcp_hist *h = hist_of(st, c);
	unsigned ace = ace_of(in->h.flags);

	if (!e)
		return;
	if (has_option(in))
		first_option(e, &in->o);
	if (!is_bare_ack(in) || e->ace_seen)
		return;
	e->ace_seen = 1;
	if (!ace) {
		zeroed(e);
		return;
	}
	if (ace == 1 || ace == 5 || ace == 7) /* not in use: s.cep stays 5 */
		return;
	if (mark_told(in->h.flags) == MARK_CE && !h->delivered_ce)
		h->delivered_ce = 1;
	check_mangled(st, e, mark_told(in->h.flags));
}

void tcp_accecn_in(struct tern_stack *st, struct tcp_conn *c,
		   const struct tcp_in *in)
{
	struct tcp_accecn *e = accecn_of(st, c);
	uint8_t mark = in->ip->tos & 3, n = in->len ? 2 : 3;
	uint32_t *bytes, before;

	if (!e)
		return;
	if (mark)
		c->ecn_seen = 1;
	if (mark == MARK_CE) {
		uint32_t packets = 1;

		if (in->pkt->gso_size && in->len > in->pkt->gso_size)
			packets = (in->len + in->pkt->gso_size - 1) /
				  in->pkt->gso_size;
		e->received_ce += packets;
		e->ce_pending = (uint8_t)min_u32(e->ce_pending + packets, 15);
		/* 3.2.2.5.1: at a change, and before ACE can wrap. */
		if ((in->len && e->prev_ecn != MARK_CE) || e->ce_pending >= n)
			c->ack |= ACK_SCHED | ACK_NOW;
	}
	if (mark && in->len) {
		bytes = &e->received[field_of[mark]];
		before = *bytes;
		*bytes += in->len;
		e->opt_min = (uint8_t)max_u32(e->opt_min, field_of[mark] + 1u);
		/* 3.2.3.3: each counter at least every 2^22 bytes. */
		if ((before ^ *bytes) >> 22)
			e->opt_demand = (uint8_t)max_u32(e->opt_demand, 1);
	}
	if (mark != e->prev_ecn && in->len)
		e->opt_demand = 2;
	e->prev_ecn = mark;
}

uint16_t tcp_accecn_out(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_accecn *e = accecn_of(st, c);
	bool reflect;

	if (!e)
		return 0;
	c->ect_out = !(e->fail & (ACCECN_FAIL_ACE_SEND | ACCECN_FAIL_ACE_RECV));
	reflect = e->reflect;
	e->reflect = 0;
	e->ce_pending = 0;
	if (reflect)
		return tcp_accecn_handshake(e->syn_ecn);
	return ace_flags(e->received_ce + ACE_INIT);
}

/* A few times a round trip, whatever happens. */
static bool beacon(const struct tern_stack *st, const struct tcp_conn *c,
		   const struct tcp_accecn *e)
{
	uint64_t ago = (uint32_t)(st->now / NS_PER_US) - e->opt_at;

	return st->tun.tcp_ecn_option_beacon &&
	       ago * (uint64_t)st->tun.tcp_ecn_option_beacon >= c->srtt_us >> 3;
}

static bool wants_option(const struct tern_stack *st, const struct tcp_conn *c,
			 const struct tcp_accecn *e)
{
	int64_t mode = st->tun.tcp_ecn_option;

	if (!mode || e->opt_seen == ACCECN_OPT_NONE)
		return false;
	if (e->fail & ACCECN_FAIL_OPT_SEND && mode < 3)
		return false;
	return mode >= 2 || e->opt_demand || beacon(st, c, e);
}

static void put_counters(const uint32_t received[3], struct wire_tcp_opts *o)
{
	unsigned i;

	o->present |= WIRE_OPT_ACCECN1;
	o->n_accecn = 3;
	for (i = 0; i < 3; i++)
		o->accecn[i] = (received[i] + opt_init[i]) & COUNTER_MASK;
}

void tcp_accecn_option(const struct tern_stack *st, const struct tcp_conn *c,
		       struct wire_tcp_opts *o)
{
	const struct tcp_accecn *e = accecn_of(st, c);

	if (!e || !wants_option(st, c, e))
		return;
	put_counters(e->received, o);
	o->min_accecn = e->opt_min;
}

void tcp_accecn_synack_option(const struct tern_stack *st,
			      struct wire_tcp_opts *o)
{
	static const uint32_t none[3];

	if (st->tun.tcp_ecn_option)
		put_counters(none, o);
}

void tcp_accecn_option_sent(const struct tern_stack *st,
			    const struct tcp_conn *c,
			    const struct wire_tcp_opts *o)
{
	struct tcp_accecn *e = accecn_of(st, c);

	if (!e)
		return;
	e->opt_out = (o->present & WIRE_OPT_ACCECN1) != 0;
	e->dsack_out = o->present & WIRE_OPT_SACK && c->act->has_dsack;
	if (!e->opt_out)
		return;
	e->opt_min = 0;
	e->opt_at = (uint32_t)(st->now / NS_PER_US);
	if (e->opt_demand)
		e->opt_demand--;
}

/* 3.2.3.2.2: what was acknowledged, and with a D-SACK even, is resent all the
 * same: ACKs with the option do not get through. */
void tcp_accecn_spurious(const struct tern_stack *st, const struct tcp_conn *c)
{
	struct tcp_accecn *e = accecn_of(st, c);

	if (e && e->opt_out && e->dsack_out)
		e->fail |= ACCECN_FAIL_OPT_SEND;
}

/* What the peer's option adds to our picture of its counters. Less than we
 * guessed, and the guess is taken back. True: d_ce is what it says of CE. */
static bool read_option(struct tcp_accecn *e, const struct wire_tcp_opts *o,
			int32_t *d_ce)
{
	bool order1 = o->present & WIRE_OPT_ACCECN1, changed = false;
	bool sound = true;
	unsigned i;

	for (i = 0; i < o->n_accecn && i < 3; i++) {
		unsigned f = order1 ? i : 2 - i;
		uint32_t up = (o->accecn[i] - opt_init[f] - e->delivered[f]) &
			      COUNTER_MASK;
		int32_t d = up & 0x800000 ? (int32_t)(up | 0xff000000u) :
					    (int32_t)up;

		e->delivered[f] += (uint32_t)d;
		if (d < 0)
			sound = false;
		if (d > 0 && f + 1 != e->guess && !changed) {
			changed = true;
			e->guess = (uint8_t)(f + 1);
		}
		if (f == FIELD_CE)
			*d_ce = d;
	}
	return sound;
}

/* How many CE packets ACE tells of, given what this ACK delivered: the fewest
 * that fit, or the most if it may have wrapped. */
static uint32_t ace_delta(struct tcp_accecn *e, const struct tcp_conn *c,
			  uint32_t least, uint32_t packets, int64_t d_ce)
{
	uint32_t most;

	if (packets < 8)
		return least;
	most = packets - ((packets - least) & 7);
	if (d_ce >= 0) {
		/* A.2.2 */
		if (d_ce > (int64_t)least * c->mss)
			return most;
		if (d_ce < (int64_t)most * c->mss / 2)
			return least;
		return most;
	}
	return e->acked_avg > THINNED ? least : most;
}

uint32_t tcp_accecn_ack(struct tern_stack *st, struct tcp_conn *c,
			const struct tcp_in *in, const struct accecn_news *news)
{
	struct tcp_accecn *e = accecn_of(st, c);
	struct tcp_hist *h = hist_of(st, c);
	uint32_t delta, ce = 0;
	int32_t d_ce = 0;
	int64_t told = -1;

	if (!e || !news->is_new || in->h.flags & TCP_SYN)
		return 0;
	if (!e->ace_seen) {
		e->ace_seen = 1;
		if (!ace_of(in->h.flags))
			zeroed(e);
	}
	if (has_option(in) && e->opt_seen == ACCECN_OPT_NONE)
		first_option(e, &in->o);
	if (e->opt_seen == ACCECN_OPT_BAD) {
		; /* what it says is not to be believed */
	} else if (has_option(in) && in->o.n_accecn) {
		if (read_option(e, &in->o, &d_ce))
			told = d_ce;
	} else if (e->guess) {
		e->delivered[e->guess - 1] += news->bytes;
	}
	if (e->is_zeroed)
		return 0;
	if (news->packets)
		e->acked_avg = (uint16_t)(e->acked_avg - (e->acked_avg >> 6) +
					  min_u32(news->packets, 1023));
	delta = (ace_of(in->h.flags) - ACE_INIT - h->delivered_ce) & 7;
	ce = ace_delta(e, c, delta, news->packets, told);
	h->delivered_ce += ce;
	return ce;
}
