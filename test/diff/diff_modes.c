// SPDX-License-Identifier: BSD-2-Clause
/*
 * Plans that are mostly about one thing: each mode has knobs of its own, facts,
 * perhaps a beginning, and steps that two of five are.
 */
#define _GNU_SOURCE /* MSG_FASTOPEN */
#include "diff_gen.h"

#include "base/bytes.h"
#include "wire/wire_tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

const struct diff_mode_row diff_modes[DIFF_N_MODES] = {
	[DIFF_PLAIN] = { "plain", "handshakes, data, closes", { { NULL } } },
	[DIFF_WIDE] = { "wide",
			"with ICMP errors, small buffers, TCP_DEFER_ACCEPT",
			{ { NULL } } },
	[DIFF_FASTOPEN] = { "fastopen",
			    "Fast Open, both sides",
			    { { "tcp_fastopen", "3" },
			      { "tcp_fastopen_key",
				"a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4" },
			      { "tcp_fastopen_blackhole_timeout_sec", "0" } },
			    true },
	[DIFF_RECONNECT] = { "reconnect",
			     "sockets and ports that are used again",
			     { { NULL } } },
	[DIFF_URGENT] = { "urgent", "urgent data", { { NULL } } },
	[DIFF_WINDOW] = { "window", "windows, buffers, probes", { { NULL } } },
	[DIFF_ERRORS] = { "icmp", "ICMP errors", { { NULL } }, true },
	[DIFF_COOKIES] = { "cookies",
			   "SYN cookies for all",
			   { { "tcp_syncookies", "2" },
			     /* The timestamps of cookies are chance, and with
			      * them the RTT, and packets by the rate. */
			     { "tcp_min_tso_segs", "64" } } },
};

static int slot_of(const struct diff_plan *p)
{
	return p->active ? 0 : 1;
}

static int option(int level, int name)
{
	int i;

	for (i = 0; i < diff_n_opts; i++)
		if (diff_opts[i].level == level && diff_opts[i].name == name)
			break;
	return i;
}

static void add_opt(struct diff_plan *p, int slot, int level, int name,
		    int value)
{
	diff_add_call(p, DIFF_SETOPT, slot, option(level, name), value);
}

/* --- Fast Open --- */

static struct diff_step fo_syn(struct dice *d, const struct diff_plan *p)
{
	struct diff_step s = diff_syn(d, p, TCP_SYN);

	s.fo = (uint8_t)(p->no_cookie && chance(d, 60) ? DIFF_FO_NONE :
			 chance(d, 60)		       ? DIFF_FO_GOOD :
							 below(d, DIFF_N_FO));
	s.len = chance(d, 70) ? diff_length(d) : 0;
	return s;
}

static bool fo_begin(struct dice *d, struct diff_plan *p)
{
	struct diff_step s;

	if (!p->active) {
		diff_add(p, fo_syn(d, p));
		if (chance(d, 50))
			diff_add_call(p, DIFF_ACCEPT, 0, 0, 0);
		if (chance(d, 60))
			return true;
		diff_add(p, diff_segment(p, TCP_ACK));
		if (chance(d, 50))
			diff_add_call(p, DIFF_ACCEPT, 0, 0, 0);
		return true;
	}
	if (p->no_cookie)
		add_opt(p, 0, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1);
	if (chance(d, 40)) {
		add_opt(p, 0, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
		diff_add_call(p, DIFF_CONNECT, 0, 0, 0);
		diff_add_call(p, DIFF_SEND, 0, diff_length(d), 0);
	} else {
		diff_add_call(p, DIFF_SEND, 0, diff_length(d), MSG_FASTOPEN);
	}
	if (chance(d, 70)) {
		s = diff_syn(d, p, TCP_SYN | TCP_ACK);
		s.fo = chance(d, 60) ? DIFF_FO_BAD : DIFF_FO_NONE;
		if (chance(d, 20)) {
			s.ack_ref = DIFF_ACK_ISS;
			s.ack_off = 1;
		}
		diff_add(p, s);
	}
	return true;
}

static void fo_step(struct dice *d, struct diff_plan *p)
{
	struct diff_step s;

	switch (below(d, p->active ? 6 : 5)) {
	case 0:
		s = fo_syn(d, p);
		s.seq_off = chance(d, 60) ? 0 : diff_offset(d);
		diff_add(p, s);
		break;
	case 1:
		diff_add_call(p, DIFF_ACCEPT, 0, 0, 0);
		break;
	case 2:
		s = diff_segment(p, TCP_RST);
		s.seq_off = chance(d, 50) ? 0 : diff_offset(d);
		diff_add(p, s);
		break;
	case 3:
		/* Before the handshake ends: of any kind. */
		s = diff_segment(p, TCP_ACK | (chance(d, 20) ? TCP_FIN : 0));
		s.len = chance(d, 50) ? diff_length(d) : 0;
		s.ack_ref = (uint8_t)below(d, DIFF_N_ACK_REFS);
		s.ack_off = chance(d, 50) ? 0 : diff_offset(d);
		s.seq_off = chance(d, 70) ? 0 : diff_offset(d);
		s.ts = chance(d, 80) ? s.ts : (uint8_t)below(d, DIFF_N_TS);
		diff_add(p, s);
		break;
	case 4:
		diff_add_call(p, DIFF_SEND, slot_of(p), diff_length(d), 0);
		break;
	default:
		if (chance(d, 50))
			diff_add_call(p, DIFF_CONNECT, 0, 1, 0);
		diff_add_call(p, DIFF_SEND, 0, diff_length(d), MSG_FASTOPEN);
	}
}

/* --- Ports and sockets again --- */

static void again_step(struct dice *d, struct diff_plan *p)
{
	struct diff_step s;

	switch (below(d, 9)) {
	case 0:
		diff_add_call(p, DIFF_CONNECT, slot_of(p), 1, 0);
		break;
	case 1:
		diff_add_call(p, DIFF_CONNECT, slot_of(p), 1, 0);
		diff_add_call(p, DIFF_CONNECT, slot_of(p), 0, 0);
		break;
	case 2:
		diff_add_call(p, DIFF_CONNECT, slot_of(p), 0, 0);
		break;
	case 3:
	case 4:
		s = diff_syn(d, p, TCP_SYN | (p->active ? TCP_ACK : 0));
		s.seq_ref = (uint8_t)below(d, DIFF_N_SEQ_REFS);
		s.seq_off = chance(d, 50) ? 1 : diff_offset(d);
		diff_add(p, s);
		break;
	case 5:
		s = diff_segment(p, TCP_ACK | TCP_FIN);
		diff_add(p, s);
		break;
	case 6:
		diff_add_call(p, DIFF_CLOSE, slot_of(p), 0, 0);
		break;
	case 7:
		s = diff_segment(p, chance(d, 50) ? TCP_ACK : TCP_RST);
		s.seq_ref = DIFF_SEQ_SENT;
		diff_add(p, s);
		break;
	default:
		diff_add_call(p, chance(d, 30) ? DIFF_LISTEN : DIFF_ACCEPT, 0,
			      1, 0);
	}
}

/* --- Urgent data --- */

static void urgent_step(struct dice *d, struct diff_plan *p)
{
	static const int peeks[] = { MSG_OOB, MSG_OOB, MSG_OOB | MSG_PEEK,
				     0,	      0,       MSG_PEEK };
	struct diff_step s;

	switch (below(d, 7)) {
	case 0:
	case 1:
	case 2:
		s = diff_segment(p, TCP_ACK | TCP_URG);
		s.len = chance(d, 80) ? diff_length(d) : 0;
		s.urg = (uint16_t)(chance(d, 50) ? below(d, s.len + 3u) :
						   below(d, 3000));
		if (chance(d, 30))
			s.seq_off = diff_offset(d);
		if (chance(d, 10))
			s.flags |= TCP_FIN;
		diff_add(p, s);
		break;
	case 3:
	case 4:
		diff_add_call(p, DIFF_RECV, slot_of(p),
			      chance(d, 50) ? diff_length(d) : DIFF_DATA,
			      peeks[below(d, ARRAY_LEN(peeks))]);
		break;
	case 5:
		diff_add_call(p, DIFF_ATMARK, slot_of(p), 0, 0);
		break;
	default:
		if (chance(d, 50))
			add_opt(p, slot_of(p), SOL_SOCKET, SO_OOBINLINE,
				(int)below(d, 2));
		else
			diff_add_call(p, DIFF_SEND, slot_of(p),
				      1 + (int)below(d, 1500), MSG_OOB);
	}
}

/* --- Windows --- */

static void window_step(struct dice *d, struct diff_plan *p)
{
	static const int sizes[] = {
		1, 2000, 3000, 8192, 20000, 65536, 200000
	};
	static const int names[] = { SO_RCVBUF, SO_SNDBUF, SO_RCVLOWAT };
	struct diff_step s;

	switch (below(d, 7)) {
	case 0:
		s = diff_segment(p, TCP_ACK);
		s.win = chance(d, 60) ? diff_window(d) : (uint16_t)roll64(d);
		s.ack_ref = chance(d, 80) ? DIFF_ACK_SENT : DIFF_ACK_UNA;
		diff_add(p, s);
		break;
	case 1:
	case 2:
		s = diff_segment(p, TCP_ACK | TCP_PSH);
		s.len = diff_length(d);
		s.win = diff_window(d);
		if (chance(d, 40)) {
			s.seq_ref = DIFF_SEQ_EDGE;
			s.seq_off = chance(d, 50) ? -(int32_t)s.len :
						    diff_offset(d);
		}
		diff_add(p, s);
		break;
	case 3:
		add_opt(p, slot_of(p), SOL_SOCKET,
			names[below(d, ARRAY_LEN(names))],
			sizes[below(d, ARRAY_LEN(sizes))]);
		break;
	case 4:
		add_opt(p, slot_of(p), IPPROTO_TCP, TCP_WINDOW_CLAMP,
			sizes[below(d, ARRAY_LEN(sizes))]);
		break;
	case 5:
		diff_add_call(p, DIFF_RECV, slot_of(p),
			      chance(d, 50) ? diff_length(d) : DIFF_DATA, 0);
		break;
	default:
		diff_add_call(p, DIFF_SEND, slot_of(p),
			      1 + (int)below(d, DIFF_DATA), 0);
	}
}

/* --- ICMP errors --- */

static void error_step(struct dice *d, struct diff_plan *p)
{
	static const int mtus[] = { 0,	  68,	552,  576,  1000,
				    1280, 1400, 1492, 1500, 9000 };
	struct diff_step s = { .kind = DIFF_ICMP };

	switch (below(d, 6)) {
	case 0:
		diff_add_call(p, DIFF_SEND, slot_of(p), 1 + (int)below(d, 4000),
			      0);
		break;
	case 1:
		add_opt(p, slot_of(p), IPPROTO_IP, IP_RECVERR,
			(int)below(d, 2));
		break;
	case 2:
		diff_add_call(p, DIFF_GETERR, slot_of(p), 0, 0);
		break;
	default:
		s.arg = (int32_t)below(d, (uint32_t)diff_n_errors);
		if (chance(d, 25))
			s.arg = diff_n_errors - 1;
		s.arg2 = diff_errors[s.arg].mtu ?
				 mtus[below(d, ARRAY_LEN(mtus))] :
				 0;
		s.ack_ref = (uint8_t)below(d, DIFF_N_ACK_REFS);
		s.ack_off = chance(d, 60) ? 0 : diff_offset(d);
		diff_add(p, s);
	}
}

/* --- SYN cookies --- */

static bool cookie_begin(struct dice *d, struct diff_plan *p)
{
	static const uint16_t ecn[] = { 0, 0, 0, TCP_ECE | TCP_CWR };
	struct diff_step s =
		diff_syn(d, p, TCP_SYN | ecn[below(d, ARRAY_LEN(ecn))]);

	diff_add(p, s);
	s = diff_segment(p, TCP_ACK);
	s.win = chance(d, 50) ? s.win : (uint16_t)roll64(d);
	s.len = chance(d, 20) ? diff_length(d) : 0;
	if (chance(d, 10))
		s.seq_off = diff_offset(d);
	if (chance(d, 10))
		s.ack_off = diff_offset(d);
	if (chance(d, 10))
		s.ts = (uint8_t)below(d, DIFF_N_TS);
	diff_add(p, s);
	if (chance(d, 95))
		diff_add_call(p, DIFF_ACCEPT, 0, 0, 0);
	return true;
}

static void cookie_step(struct dice *d, struct diff_plan *p)
{
	struct diff_step s;

	switch (below(d, 4)) {
	case 0:
		diff_add(p, diff_syn(d, p, TCP_SYN));
		break;
	case 1:
		diff_add_call(p, DIFF_ACCEPT, 0, 0, 0);
		break;
	case 2:
		diff_add_call(p, DIFF_SEND, 1, 1 + (int)below(d, DIFF_DATA), 0);
		break;
	default:
		s = diff_segment(p, TCP_ACK);
		s.len = chance(d, 50) ? diff_length(d) : 0;
		s.seq_ref = DIFF_SEQ_SENT;
		s.win = diff_window(d);
		diff_add(p, s);
	}
}

void diff_mode_facts(struct dice *d, struct diff_plan *p)
{
	static const uint32_t bufs[] = { 0, 0, 1, 3000, 8192, 40000, 200000 };

	switch (p->mode) {
	case DIFF_FASTOPEN:
		p->fo = p->active ? 0 :
				    (uint8_t)(chance(d, 90) ? 5 : below(d, 2));
		p->no_cookie = chance(d, 60);
		p->unconnected = p->active;
		break;
	case DIFF_RECONNECT:
		p->active = chance(d, 60);
		break;
	case DIFF_WINDOW:
		p->rcvbuf = bufs[below(d, ARRAY_LEN(bufs))];
		break;
	case DIFF_ERRORS:
		p->active = chance(d, 50);
		break;
	case DIFF_COOKIES:
		p->active = false;
		p->rcvbuf = bufs[below(d, ARRAY_LEN(bufs))];
		break;
	case DIFF_PLAIN:
	case DIFF_WIDE:
	case DIFF_URGENT:
	case DIFF_N_MODES:
		break;
	}
}

bool diff_mode_begin(struct dice *d, struct diff_plan *p)
{
	if (p->mode == DIFF_FASTOPEN)
		return fo_begin(d, p);
	if (p->mode == DIFF_COOKIES)
		return cookie_begin(d, p);
	return false;
}

void diff_mode_step(struct dice *d, struct diff_plan *p)
{
	static void (*const steps[DIFF_N_MODES])(struct dice *,
						 struct diff_plan *) = {
		[DIFF_FASTOPEN] = fo_step,   [DIFF_RECONNECT] = again_step,
		[DIFF_URGENT] = urgent_step, [DIFF_WINDOW] = window_step,
		[DIFF_ERRORS] = error_step,  [DIFF_COOKIES] = cookie_step,
	};

	steps[p->mode](d, p);
}
