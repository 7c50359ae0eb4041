// SPDX-License-Identifier: BSD-2-Clause
/*
 * Plans from seeds. Most begin with a handshake that succeeds, go on with steps
 * that a stack meets every day, and leave that path at one place or another:
 * a plan of nothing but noise would end at the first check of any stack.
 */
#include "diff_gen.h"

#include "base/bytes.h"
#include "wire/wire_tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

const struct diff_opt diff_opts[] = {
	{ IPPROTO_TCP, TCP_NODELAY, "SOL_TCP, TCP_NODELAY" },
	{ IPPROTO_TCP, TCP_CORK, "SOL_TCP, TCP_CORK" },
	{ IPPROTO_TCP, TCP_QUICKACK, "SOL_TCP, TCP_QUICKACK" },
	{ IPPROTO_TCP, TCP_LINGER2, "SOL_TCP, TCP_LINGER2" },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, "SOL_TCP, TCP_USER_TIMEOUT" },
	{ IPPROTO_TCP, TCP_WINDOW_CLAMP, "SOL_TCP, TCP_WINDOW_CLAMP" },
	{ SOL_SOCKET, SO_OOBINLINE, "SOL_SOCKET, SO_OOBINLINE" },
	{ SOL_SOCKET, SO_KEEPALIVE, "SOL_SOCKET, SO_KEEPALIVE" },
	{ SOL_SOCKET, SO_RCVLOWAT, "SOL_SOCKET, SO_RCVLOWAT" },
	{ SOL_SOCKET, SO_LINGER, "SOL_SOCKET, SO_LINGER" },
	/* in wide plans only: */
	{ SOL_SOCKET, SO_RCVBUF, "SOL_SOCKET, SO_RCVBUF" },
	{ SOL_SOCKET, SO_SNDBUF, "SOL_SOCKET, SO_SNDBUF" },
	{ IPPROTO_TCP, TCP_KEEPIDLE, "SOL_TCP, TCP_KEEPIDLE" },
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT, "SOL_TCP, TCP_DEFER_ACCEPT" },
	{ IPPROTO_TCP, TCP_MAXSEG, "SOL_TCP, TCP_MAXSEG" },
	{ IPPROTO_TCP, TCP_SYNCNT, "SOL_TCP, TCP_SYNCNT" },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, "SOL_TCP, TCP_NOTSENT_LOWAT" },
	/* in modes of their own only: */
	{ IPPROTO_TCP, TCP_FASTOPEN_CONNECT, "SOL_TCP, TCP_FASTOPEN_CONNECT" },
	{ IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE,
	  "SOL_TCP, TCP_FASTOPEN_NO_COOKIE" },
	{ IPPROTO_TCP, TCP_FASTOPEN, "SOL_TCP, TCP_FASTOPEN" },
	{ IPPROTO_IP, IP_RECVERR, "SOL_IP, IP_RECVERR" },
};
#define N_PLAIN_OPTS 10
#define N_WIDE_OPTS 17
const int diff_n_opts = ARRAY_LEN(diff_opts);

const struct diff_error diff_errors[] = {
	/* type, code of ICMP, then of ICMPv6 */
	{ 3, 0, 1, 0 },	 /* no route */
	{ 3, 1, 1, 3 },	 /* host, address */
	{ 3, 2, 4, 1 },	 /* protocol, next header */
	{ 3, 3, 1, 4 },	 /* port */
	{ 3, 13, 1, 1 }, /* prohibited */
	{ 11, 0, 3, 0 }, /* time exceeded */
	{ 12, 0, 4, 0 }, /* parameter problem */
	{ 4, 0, 3, 1 },	 /* source quench; reassembly time */
	/* in the mode of errors only: */
	{ 3, 4, 2, 0, true }, /* too big */
};
#define N_PLAIN_ERRORS 8
const int diff_n_errors = ARRAY_LEN(diff_errors);

/* Distances at which stacks decide something. */
int32_t diff_offset(struct dice *d)
{
	static const int32_t near[] = { 1,    -1,   2,	  -2,	 10,   -10,
					100,  -100, 536,  -536,	 1000, -1000,
					1460, 3000, 5000, 20000, 65535 };

	if (chance(d, 70))
		return near[below(d, ARRAY_LEN(near))];
	if (chance(d, 50))
		return (int32_t)below(d, 200000) - 100000;
	return (int32_t)roll64(d);
}

uint16_t diff_length(struct dice *d)
{
	static const uint16_t usual[] = { 1, 10, 100, 536, 1000, 1000, 1460 };

	return usual[below(d, ARRAY_LEN(usual))];
}

uint16_t diff_window(struct dice *d)
{
	static const uint16_t usual[] = { 65535, 65535, 32792, 32792, 1000,
					  257,	 100,	1,     0,     0 };

	return usual[below(d, ARRAY_LEN(usual))];
}

struct diff_step diff_segment(const struct diff_plan *p, uint16_t flags)
{
	bool ts = p->opts & DIFF_OPT_TS;

	return (struct diff_step){ .kind = DIFF_SEG,
				   .flags = flags,
				   .win = 32792,
				   .seq_ref = DIFF_SEQ_NXT,
				   .ts = ts ? DIFF_TS_NEXT : DIFF_TS_NONE };
}

void diff_add(struct diff_plan *p, struct diff_step s)
{
	if (p->n < DIFF_STEPS)
		p->steps[p->n++] = s;
}

void diff_add_call(struct diff_plan *p, int kind, int slot, int arg, int arg2)
{
	diff_add(p, (struct diff_step){ .kind = (uint8_t)kind,
					.slot = (uint8_t)slot,
					.arg = arg,
					.arg2 = arg2 });
}

struct diff_step diff_syn(struct dice *d, const struct diff_plan *p,
			  uint16_t flags)
{
	struct diff_step s = diff_segment(p, flags);

	s.opts = p->opts;
	s.seq_ref = DIFF_SEQ_ISS;
	s.win = chance(d, 80) ? 65535 : diff_window(d);
	return s;
}

static void odd_sack(struct dice *d, struct diff_step *s)
{
	int i;

	s->n_sack = (uint8_t)(1 + below(d, 2));
	for (i = 0; i < 2 * s->n_sack; i += 2) {
		s->sack[i] = (int32_t)(below(d, 12) * 500);
		s->sack[i + 1] = s->sack[i] + (int32_t)(1 + below(d, 5)) * 500;
		if (chance(d, 10))
			s->sack[i] = diff_offset(d);
		if (chance(d, 10))
			s->sack[i + 1] = diff_offset(d);
	}
}

static void odd_numbers(struct dice *d, struct diff_step *s)
{
	if (chance(d, 50)) {
		s->seq_ref = (uint8_t)below(d, DIFF_N_SEQ_REFS);
		s->seq_off = chance(d, 40) ? 0 : diff_offset(d);
	}
	if (chance(d, 35)) {
		s->ack_ref = (uint8_t)below(d, DIFF_N_ACK_REFS);
		s->ack_off = chance(d, 40) ? 0 : diff_offset(d);
	}
}

/* A segment of any flags, near the places where it matters. */
static void add_segment(struct dice *d, struct diff_plan *p)
{
	static const uint16_t usual[] = {
		TCP_ACK,	   TCP_ACK,	      TCP_ACK,
		TCP_ACK | TCP_PSH, TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN,
		TCP_ACK | TCP_FIN, TCP_RST,	      TCP_RST | TCP_ACK,
		TCP_SYN,	   TCP_SYN | TCP_ACK,
	};
	struct diff_step s;
	uint16_t flags = usual[below(d, ARRAY_LEN(usual))];

	if (chance(d, 6))
		flags = (uint16_t)below(d, 0x40);
	s = diff_segment(p, flags);
	if (flags & TCP_SYN) {
		s.opts = chance(d, 80) ? p->opts : (uint8_t)below(d, 16);
		if (chance(d, 50))
			s.seq_ref = DIFF_SEQ_ISS;
	}
	if (!(flags & TCP_RST) && chance(d, flags & TCP_PSH ? 95 : 15))
		s.len = diff_length(d);
	if (chance(d, 25))
		s.win = diff_window(d);
	odd_numbers(d, &s);
	if (flags & TCP_URG || chance(d, 2)) {
		s.flags |= TCP_URG;
		s.urg = chance(d, 80) ? (uint16_t)below(d, 1500) :
					(uint16_t)roll64(d);
	}
	if (p->opts & DIFF_OPT_SACK && chance(d, 12))
		odd_sack(d, &s);
	if (chance(d, 12))
		s.ts = (uint8_t)below(d, DIFF_N_TS);
	diff_add(p, s);
}

/* An error about what is in flight, or claims to be. */
static void add_icmp(struct dice *d, struct diff_plan *p)
{
	diff_add(p, (struct diff_step){
			    .kind = DIFF_ICMP,
			    .arg = (int32_t)below(d, N_PLAIN_ERRORS),
			    .ack_ref = (uint8_t)below(d, DIFF_N_ACK_REFS),
			    .ack_off = chance(d, 60) ? 0 : diff_offset(d),
		    });
}

static void add_setopt(struct dice *d, struct diff_plan *p, int slot)
{
	uint32_t n = p->mode == DIFF_WIDE ? N_WIDE_OPTS : N_PLAIN_OPTS;
	static const int values[] = { 0, 1, 1, 1, 5, 1000, -1, 3000 };

	diff_add_call(p, DIFF_SETOPT, slot, (int)below(d, n),
		      values[below(d, ARRAY_LEN(values))]);
}

static void add_any_call(struct dice *d, struct diff_plan *p)
{
	static const int flags[] = { 0, 0, 0, 0, MSG_OOB, MSG_MORE };
	static const int peeks[] = { 0, 0, 0, MSG_PEEK, MSG_OOB, MSG_TRUNC };
	int slot = p->active ? 0 : 1, flag;

	if (chance(d, 4))
		slot = (int)below(d, DIFF_SLOTS);
	switch (below(d, 12)) {
	case 0:
	case 1:
	case 2:
		flag = flags[below(d, ARRAY_LEN(flags))];
		diff_add_call(p, DIFF_SEND, slot,
			      flag == MSG_OOB ? 1 + (int)below(d, 100) :
			      chance(d, 70)   ? diff_length(d) :
						(int)below(d, DIFF_DATA),
			      flag);
		break;
	case 3:
	case 4:
	case 5:
		diff_add_call(p, DIFF_RECV, slot,
			      chance(d, 60) ? DIFF_DATA : diff_length(d),
			      peeks[below(d, ARRAY_LEN(peeks))]);
		break;
	case 6:
		diff_add_call(p, DIFF_SHUTDOWN, slot, (int)below(d, 3), 0);
		break;
	case 7:
		diff_add_call(p, DIFF_CLOSE, slot, 0, 0);
		break;
	case 8:
	case 9:
		add_setopt(d, p, slot);
		break;
	case 10:
		diff_add_call(p, chance(d, 70) ? DIFF_GETERR : DIFF_ATMARK,
			      slot, 0, 0);
		break;
	default:
		if (chance(d, 25))
			diff_add_call(p, DIFF_CONNECT, slot, (int)below(d, 2),
				      0);
		else if (chance(d, 10))
			diff_add_call(p, DIFF_LISTEN, slot, 1, 0);
		else
			diff_add_call(p, DIFF_ACCEPT, 0, 0, 0);
	}
}

/* What a peer does that means well. */
static void add_good(struct dice *d, struct diff_plan *p)
{
	struct diff_step s = diff_segment(p, TCP_ACK | TCP_PSH);

	switch (below(d, 6)) {
	case 0:
	case 1:
		s.len = diff_length(d);
		break;
	case 2:
		s.flags = TCP_ACK;
		break;
	case 3:
		s.len = diff_length(d);
		s.seq_off = diff_length(d);
		break;
	case 4:
		s.flags = TCP_ACK | TCP_FIN;
		s.len = chance(d, 30) ? diff_length(d) : 0;
		s.seq_off = chance(d, 20) ? diff_length(d) : 0;
		break;
	default:
		s.flags = TCP_ACK;
		s.ack_ref = DIFF_ACK_UNA;
		s.ack_off = chance(d, 50) ? 0 : diff_length(d);
		if (p->opts & DIFF_OPT_SACK && chance(d, 60))
			odd_sack(d, &s);
	}
	diff_add(p, s);
}

static void begin_passive(struct dice *d, struct diff_plan *p)
{
	struct diff_step s;

	diff_add(p, diff_syn(d, p, TCP_SYN));
	if (chance(d, 10))
		add_segment(d, p);
	s = diff_segment(p, TCP_ACK);
	s.seq_off = 0;
	if (chance(d, 10))
		s.len = diff_length(d);
	diff_add(p, s);
	if (chance(d, 95))
		diff_add_call(p, DIFF_ACCEPT, 0, 0, 0);
}

static void begin_active(struct dice *d, struct diff_plan *p)
{
	if (chance(d, 12))
		add_segment(d, p);
	if (chance(d, 15)) {
		/* Both open at once. */
		diff_add(p, diff_syn(d, p, TCP_SYN));
		diff_add(p, diff_syn(d, p, TCP_SYN | TCP_ACK));
		return;
	}
	diff_add(p, diff_syn(d, p, TCP_SYN | TCP_ACK));
}

void diff_plan_make(struct diff_plan *p, uint64_t seed, enum diff_mode mode)
{
	static const uint16_t mss[] = { 1000, 1000, 1460, 536, 600, 0 };
	static const uint32_t bufs[] = { 1, 3000, 5000, 8192, 20000, 40000 };
	bool wide = mode == DIFF_WIDE;
	struct dice d = { seed };
	int n;

	memset(p, 0, sizeof(*p));
	p->seed = seed;
	p->mode = mode;
	p->active = chance(&d, 35);
	p->backlog = (uint8_t)(chance(&d, 90) ? 5 : below(&d, 2));
	p->mss = mss[below(&d, ARRAY_LEN(mss))];
	p->opts = (uint8_t)below(&d, 16);
	p->defer = wide && !p->active && chance(&d, 4);
	if (wide && chance(&d, 10))
		p->rcvbuf = bufs[below(&d, ARRAY_LEN(bufs))];
	if (chance(&d, 50))
		p->opts |= DIFF_OPT_MSS;
	p->irs = chance(&d, 30) ? 0xffffffffu - below(&d, 5000) :
				  (uint32_t)roll64(&d);
	if (mode > DIFF_WIDE)
		diff_mode_facts(&d, p);
	if (chance(&d, 92) && !(mode > DIFF_WIDE && diff_mode_begin(&d, p))) {
		if (p->active)
			begin_active(&d, p);
		else
			begin_passive(&d, p);
	}
	n = 2 + (int)below(&d, 16);
	while (n--) {
		if (mode > DIFF_WIDE && chance(&d, 40))
			diff_mode_step(&d, p);
		else if (wide && chance(&d, 3))
			add_icmp(&d, p);
		else if (chance(&d, 35))
			add_good(&d, p);
		else if (chance(&d, 50))
			add_segment(&d, p);
		else
			add_any_call(&d, p);
	}
}
