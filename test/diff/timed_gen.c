// SPDX-License-Identifier: BSD-2-Clause
/*
 * Plans of a transfer. The stack sends, or receives, or both; the peer answers
 * about a round trip later, in most plans well, with losses, reordering,
 * duplicates and closed windows between; now and then it is silent for as long
 * as a timer takes.
 */
#include "timed.h"

#include "diff_dice.h"

#include "base/bytes.h"
#include "base/time.h"
#include "wire/wire_tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

const struct timed_opt timed_opts[] = {
	{ IPPROTO_TCP, TCP_NODELAY, "SOL_TCP, TCP_NODELAY" },
	{ IPPROTO_TCP, TCP_CORK, "SOL_TCP, TCP_CORK" },
	{ IPPROTO_TCP, TCP_QUICKACK, "SOL_TCP, TCP_QUICKACK" },
	{ IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS,
	  "SOL_TCP, TCP_THIN_LINEAR_TIMEOUTS" },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, "SOL_TCP, TCP_NOTSENT_LOWAT" },
	{ IPPROTO_TCP, TCP_WINDOW_CLAMP, "SOL_TCP, TCP_WINDOW_CLAMP" },
	{ SOL_SOCKET, SO_SNDBUF, "SOL_SOCKET, SO_SNDBUF" },
	{ SOL_SOCKET, SO_RCVBUF, "SOL_SOCKET, SO_RCVBUF" },
};
static const int32_t opt_values[][2] = {
	{ 1, 0 },     { 1, 0 },	       { 1, 0 },	{ 1, 1 },
	{ 1, 16384 }, { 2000, 20000 }, { 5000, 40000 }, { 5000, 40000 },
};

struct maker {
	struct dice d;
	struct timed_plan *p;
	int64_t rtt;
	bool sends, receives, noisy;
};

static void add(struct maker *m, int kind, int32_t a, int32_t b, int64_t wait)
{
	struct timed_plan *p = m->p;
	uint16_t flags = 0;

	if (p->n == TIMED_STEPS)
		return;
	if (p->ecn && kind <= TIMED_PART && chance(&m->d, 10))
		flags = TCP_ECE;
	if (kind >= TIMED_DATA && kind <= TIMED_EDGE && chance(&m->d, 40))
		flags = TCP_PSH;
	p->steps[p->n++] = (struct timed_step){
		.kind = (uint8_t)kind,
		.a = a,
		.b = b,
		.flags = flags,
		.ce = p->ecn && kind >= TIMED_DATA && kind <= TIMED_FILL &&
		      chance(&m->d, 15),
		.wait_ns = wait,
	};
}

/* Between packets of one flight. */
static int64_t soon(struct maker *m)
{
	if (chance(&m->d, 60))
		return (int64_t)below(&m->d, 300) * NS_PER_US;
	return (int64_t)below(&m->d, 8) * NS_PER_MS + 200 * NS_PER_US;
}

static int64_t trip(struct maker *m)
{
	if (chance(&m->d, 80))
		return m->rtt;
	return m->rtt / 2 + (int64_t)below(&m->d, (uint32_t)m->rtt);
}

/* As long as a probe or two time-outs take. */
static int64_t silence(struct maker *m)
{
	static const int ms[] = { 60, 130, 260, 330, 460, 700, 1100 };

	return ms[below(&m->d, ARRAY_LEN(ms))] * NS_PER_MS +
	       (int64_t)below(&m->d, 20000) * NS_PER_US;
}

static void add_write(struct maker *m, int64_t wait)
{
	static const int32_t usual[] = { 1,    100,   536,   1000,  1460, 2000,
					 5000, 10000, 10000, 20000, 50000 };
	int32_t n = usual[below(&m->d, ARRAY_LEN(usual))];

	if (chance(&m->d, 50))
		n = m->p->mss * (int32_t)(1 + below(&m->d, 12));
	add(m, TIMED_WRITE, n, chance(&m->d, 8) ? MSG_MORE : 0, wait);
}

/* What comes back of one flight. */
static void add_answers(struct maker *m)
{
	int n = 1 + (int)below(&m->d, 5), i;
	int64_t wait = trip(m);
	bool loses = m->noisy && chance(&m->d, 60);

	for (i = 0; i < n; i++, wait = soon(m)) {
		switch (below(&m->d, loses ? 12 : 5)) {
		case 0:
			add(m, TIMED_ACK, 0, 0, wait);
			break;
		case 1:
		case 2:
			add(m, TIMED_ACK, 2, 0, wait);
			break;
		case 3:
			add(m, TIMED_ACK, 1, 0, wait);
			break;
		case 4:
			add(m, TIMED_ACK, 1 + (int)below(&m->d, 8), 0, wait);
			break;
		case 5:
			add(m, TIMED_DUP, 0, 0, wait);
			break;
		case 6:
			add(m, TIMED_DSACK, 1 + (int)below(&m->d, 3), 0, wait);
			break;
		case 7:
			if (chance(&m->d, 15))
				add(m, TIMED_PART, 1 + (int)below(&m->d, 1000),
				    0, wait);
			else if (chance(&m->d, 10))
				add(m, TIMED_RENEGE, 0, 0, wait);
			else
				add(m, TIMED_DUP, 0, 0, wait);
			break;
		default:
			/* Of those missing the first is lost. */
			add(m, TIMED_SACK, 1 + (int)below(&m->d, 4),
			    1 + (int)below(&m->d, 3), wait);
		}
	}
}

static void add_window(struct maker *m)
{
	static const int32_t to[] = { 0, 0, 1, 2, 10, 100, 1000, 65535 };

	add(m, TIMED_WIN, to[below(&m->d, ARRAY_LEN(to))], 0,
	    chance(&m->d, 50) ? soon(m) : trip(m));
}

static void add_data(struct maker *m)
{
	static const int32_t sizes[] = { 1, 10, 100, 536, 1000, 1460, 0, 0, 0 };
	int n = 1 + (int)below(&m->d, 6), i;
	int64_t wait = trip(m);

	for (i = 0; i < n; i++, wait = soon(m)) {
		int32_t len = sizes[below(&m->d, ARRAY_LEN(sizes))];
		int32_t full = m->p->mss - (m->p->ts ? 12 : 0);

		len = len ? len : full;
		switch (below(&m->d, m->noisy ? 10 : 4)) {
		case 4:
		case 5:
			add(m, TIMED_GAP, len,
			    full * (int32_t)(1 + below(&m->d, 4)), wait);
			break;
		case 6:
		case 7:
			add(m, TIMED_FILL, len, 0, wait);
			break;
		case 8:
			add(m, TIMED_BACK, len, 1 + (int32_t)below(&m->d, 3000),
			    wait);
			break;
		case 9:
			if (chance(&m->d, 25)) {
				add(m, TIMED_EDGE, len,
				    (int32_t)below(&m->d, 4000) - 2000, wait);
				break;
			}
			/* fallthrough */
		default:
			add(m, TIMED_DATA, len, 0, wait);
		}
	}
	if (chance(&m->d, 60))
		add(m, TIMED_READ,
		    chance(&m->d, 70) ? 100000 :
					1 + (int32_t)below(&m->d, 3000),
		    0, soon(m));
}

static void add_round(struct maker *m)
{
	uint32_t way = below(&m->d, 100);

	if (way < 4) {
		uint32_t i = below(&m->d, ARRAY_LEN(opt_values));

		add(m, TIMED_OPT, (int32_t)i, opt_values[i][below(&m->d, 2)],
		    soon(m));
	} else if (way < 12) {
		add(m, TIMED_LOOK, 0, 0, silence(m));
	} else if (way < 16 && m->sends) {
		add_window(m);
	} else if (m->receives && (!m->sends || way < 50)) {
		add_data(m);
	} else if (way < 65) {
		add_write(m, chance(&m->d, 70) ? soon(m) : trip(m));
		if (chance(&m->d, 40))
			add_write(m, soon(m));
		add_answers(m);
	} else {
		add_answers(m);
	}
}

void timed_plan_make(struct timed_plan *p, uint64_t seed)
{
	static const uint16_t mss[] = { 1000, 1000, 1460, 536, 1012 };
	static const uint16_t wins[] = { 65535, 32792, 257, 1024, 2000 };
	static const int8_t scales[] = { -1, 0, 7, 7, 10 };
	static const int rtts[] = { 5, 20, 50, 100, 200 };
	struct maker m = { { seed * 7919 + 1 }, p, 0, 0, 0, 0 };
	int n = 4 + (int)below(&m.d, 12);

	memset(p, 0, sizeof(*p));
	p->seed = seed;
	p->sack = chance(&m.d, 75);
	p->ts = chance(&m.d, 40);
	p->ecn = chance(&m.d, 10);
	p->wscale = scales[below(&m.d, ARRAY_LEN(scales))];
	p->mss = mss[below(&m.d, ARRAY_LEN(mss))];
	p->win = wins[below(&m.d, ARRAY_LEN(wins))];
	p->cc = chance(&m.d, 60) ? "cubic" : "reno";
	m.rtt = rtts[below(&m.d, ARRAY_LEN(rtts))] * NS_PER_MS;
	m.sends = chance(&m.d, 75);
	m.receives = !m.sends || chance(&m.d, 20);
	m.noisy = chance(&m.d, 80);
	if (m.sends)
		add_write(&m, trip(&m));
	while (n--)
		add_round(&m);
	add(&m, TIMED_LOOK, 0, 0, silence(&m));
}

void timed_knobs_make(struct timed_knobs *k, uint64_t seed)
{
	/* The first is what every session has, mostly. */
	static const struct {
		const char *name, *usual, *other[3];
	} rows[] = {
		{ "tcp_no_metrics_save", "1", { "1", "1", "1" } },
		{ "tcp_mtu_probing", "0", { "1", "0", "0" } },
		{ "tcp_ecn", "2", { "1", "1", "0" } },
		{ "tcp_rmem",
		  "4096 131072 6291456",
		  { "4096 20000 40000", "4096 131072 6291456",
		    "4096 16384 131072" } },
		{ "tcp_slow_start_after_idle", "1", { "0", "0", "0" } },
		{ "tcp_early_retrans", "3", { "0", "0", "3" } },
		{ "tcp_recovery", "1", { "0", "5", "3" } },
		{ "tcp_frto", "2", { "0", "0", "2" } },
		{ "tcp_min_tso_segs", "2", { "1", "4", "2" } },
		{ "tcp_dsack", "1", { "0", "1", "1" } },
		{ "tcp_limit_output_bytes",
		  "4194304",
		  { "262144", "4194304", "4194304" } },
		{ "tcp_reordering", "3", { "5", "3", "3" } },
	};
	struct dice d = { seed };
	size_t i;

	k->n = 0;
	for (i = 0; i < ARRAY_LEN(rows) && k->n < TIMED_KNOBS; i++) {
		k->set[k->n].name = rows[i].name;
		k->set[k->n].value = chance(&d, 80) ?
					     rows[i].usual :
					     rows[i].other[below(&d, 3)];
		k->n++;
	}
}
