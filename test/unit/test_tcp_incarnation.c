// SPDX-License-Identifier: BSD-2-Clause
/*
 * Late segments of an earlier connection of the same 4-tuple (C18).
 *
 * A connection is opened (by the peer or by us), carries data both ways and
 * ends (by our FIN first, by the peer's, by a RST); all that the peer sent is
 * kept. Then the 4-tuple is opened anew: while our TIME_WAIT is still there, or
 * a second later, or after it. The new connection is brought into each state in
 * turn, with the peer's ISN chosen so that the old segment lies in each relation
 * to the receive window, and the old segment comes again, byte for byte.
 *
 * What the RFCs promise, and is asserted (verdict()):
 *
 *	with timestamps		nothing of it is ever taken, wherever it lies (RFC
 *				7323 5), but a RST at exactly RCV.NXT (5.2)
 *	without, in TIME_WAIT	the new connection begins beyond the old one's
 *				numbers both ways (RFC 9293 3.6.1, 6191): nothing
 *				either, RST included
 *	without, later		an old acknowledgement is not acceptable, as our
 *				ISN has moved on by more than a window (RFC 9293
 *				3.4.1, 5961 5): no data; a RST at exactly RCV.NXT
 *	without, 275 s later	our ISN's clock has come round, longer than a
 *				segment lives (2 min): then what lies in the
 *				window and acknowledges the same numbers cannot
 *				be told from a new one, and nothing is promised
 *
 * RFC 9293 3.5 lets a SYN that meets SYN_SENT open (O8), and Linux lets one
 * within a half-open entry's window end that (O7); both are excepted without
 * timestamps. Otherwise: no state changes, no byte of the old stream is read,
 * none waits to be, at most one ACK (or a RST to the old numbers) answers; and
 * the new connection goes on both ways.
 *
 * covers: C18, O15
 */
#include "tcp/tcp_priv.h"

#include "stack_kit.h"

#include <stdio.h>
#include <string.h>

#define OUR_PORT 40000
#define PEER_PORT 5000
#define OLD_ISS 0xfffffe00u /* the old stream crosses the wrap */
#define OLD 'o'
#define NEW 'N'
#define MAX_OLD 16
/* Short of half the sequence space, where before becomes behind. */
#define FAR 0x7fff0000

enum ending { WE_CLOSE, PEER_CLOSES, PEER_RESETS, N_ENDINGS };
enum when { IN_TIME_WAIT, A_SECOND_LATER, AFTER_TIME_WAIT, ISN_COMES_ROUND };

/* One world: how all of it goes. */
struct plan {
	bool v6, ts, active;
	enum ending ending;
	enum when when;
	enum tern_tcp_state state;
	bool data_out; /* ESTABLISHED with data both ways, ours in flight */
};

struct seg {
	uint16_t flags;
	uint32_t seq, ack, len;
	uint32_t val, ecr; /* timestamps */
	char fill;
};

/* What the peer knows of its connection. */
struct peer {
	uint32_t iss, nxt, rcv;
	uint32_t clock, echo;
	char fill;
};

static struct kit kit;
static struct tern_stack *st;
static int64_t now;
static const struct plan *plan;
static struct tern_addr ours, theirs;
static struct peer peer;
static struct seg old[MAX_OLD], last; /* last: that came out */
static uint32_t n_old;
static uint32_t old_end, our_end; /* RCV.NXT, SND.NXT in the end */
static bool recording;
static int listener, sock;

static void put_in(const struct seg *s)
{
	struct tern_pkt *pkt = tern_pkt_new(kit.pool, 80, 400);
	struct wire_ip ip = { .v6 = plan->v6,
			      .src = theirs,
			      .dst = ours,
			      .protocol = WIRE_PROTO_TCP,
			      .ttl = 64 };
	struct wire_tcp h = { .sport = PEER_PORT,
			      .dport = OUR_PORT,
			      .seq = seq_of(s->seq),
			      .ack = seq_of(s->ack),
			      .flags = s->flags,
			      .window = 65535 };
	struct wire_tcp_opts o = { 0 };
	uint8_t opts[40], *p;
	uint32_t n;

	if (s->flags & TCP_SYN) {
		o.present = WIRE_OPT_MSS;
		o.mss = 1400;
	}
	if (plan->ts) {
		o.present |= WIRE_OPT_TS;
		o.ts_val = s->val;
		o.ts_ecr = s->ecr;
	}
	n = wire_tcp_emit_opts(opts, &o, s->flags & TCP_SYN);
	h.hdr_len = (uint8_t)(WIRE_TCP_LEN + n);
	p = tern_pkt_append(pkt, h.hdr_len + s->len);
	wire_tcp_emit(p, &h);
	memcpy(p + WIRE_TCP_LEN, opts, n);
	memset(p + h.hdr_len, s->fill, s->len);
	wire_ip_emit(pkt, &ip);
	pkt->csum = TERN_CSUM_GOOD;
	tern_stack_input(st, kit.link, &pkt, 1, now);
}

/* The next segment that the stack has sent is `last`. */
static bool take_out(void)
{
	struct wire_tcp_opts o = { 0 };
	struct tern_pkt *pkt;
	struct wire_ip ip;
	struct wire_tcp h;

	if (tern_stack_output(st, kit.link, &pkt, 1, now) == 0)
		return false;
	assert_int_equal(wire_ip_parse(pkt, &ip), WIRE_IP_OK);
	assert_true(wire_tcp_parse(pkt->data + ip.hdr_len,
				   pkt->len - ip.hdr_len, &h));
	wire_tcp_parse_opts(pkt->data + ip.hdr_len, &h, &o);
	last = (struct seg){
		.flags = h.flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK),
		.seq = h.seq.v,
		.ack = h.ack.v,
		.len = pkt->len - ip.hdr_len - h.hdr_len,
		.val = o.ts_val,
	};
	if (!(h.flags & TCP_RST)) {
		if (h.flags & TCP_SYN)
			peer.rcv = last.seq;
		if (last.seq == peer.rcv)
			peer.rcv += last.len + !!(h.flags & TCP_SYN) +
				    !!(h.flags & TCP_FIN);
		peer.echo = last.val;
	}
	tern_pkt_put(pkt);
	return true;
}

static void take_all(void)
{
	while (take_out())
		continue;
}

/* Lets delayed ACKs out, and whatever else is due. */
static void settle(int64_t ns)
{
	int64_t end = now + ns;

	while (tern_stack_deadline(st) <= end) {
		if (tern_stack_deadline(st) > now)
			now = tern_stack_deadline(st);
		tern_stack_advance(st, now);
		take_all();
	}
	now = end;
	tern_stack_advance(st, now);
	take_all();
}

/* The peer's next segment, and all answers to it. */
static void say(uint16_t flags, uint32_t len)
{
	struct seg s = { .flags = flags,
			 .seq = peer.nxt,
			 .ack = flags & TCP_ACK ? peer.rcv : 0,
			 .len = len,
			 .val = peer.clock++,
			 .ecr = flags & TCP_ACK ? peer.echo : 0,
			 .fill = peer.fill };

	peer.nxt += len + !!(flags & TCP_SYN) + !!(flags & TCP_FIN);
	if (recording) {
		assert_true(n_old < MAX_OLD);
		old[n_old++] = s;
	}
	put_in(&s);
	take_all();
}

static struct tern_sockaddr name(const struct tern_addr *a, uint16_t port)
{
	return (struct tern_sockaddr){ .addr = *a,
				       .family = plan->v6 ? TERN_AF_INET6 :
							    TERN_AF_INET,
				       .port = port };
}

static int new_socket(void)
{
	int one = 1,
	    s = tern_socket(st, plan->v6 ? TERN_AF_INET6 : TERN_AF_INET,
			    TERN_SOCK_STREAM, 0, now);
	struct tern_sockaddr sa = name(&ours, OUR_PORT);

	assert_int_equal(tern_setsockopt(st, s, TERN_SOL_SOCKET,
					 TERN_SO_REUSEADDR, &one, sizeof(one),
					 now),
			 0);
	assert_int_equal(tern_bind(st, s, &sa, now), 0);
	return s;
}

static void send_ours(uint32_t n)
{
	static const char bytes[400];

	assert_int_equal(tern_send(st, sock, bytes, n, 0, now), n);
	take_all();
}

/* The first SYN, ours or the peer's. False: refused. */
static bool begin(uint32_t iss, char fill, uint32_t clock)
{
	struct tern_sockaddr to = name(&theirs, PEER_PORT);

	peer = (struct peer){
		.iss = iss, .nxt = iss, .clock = clock, .fill = fill
	};
	sock = -1;
	if (!plan->active) {
		say(TCP_SYN, 0);
		return last.flags == (TCP_SYN | TCP_ACK) && last.ack == iss + 1;
	}
	sock = new_socket();
	if (tern_connect(st, sock, &to, now) != -TERN_EINPROGRESS)
		return false;
	take_all();
	return true;
}

static void finish_handshake(void)
{
	if (plan->active) {
		say(TCP_SYN | TCP_ACK, 0);
		return;
	}
	say(TCP_ACK, 0);
	sock = tern_accept(st, listener, NULL, now);
	assert_true(sock >= 0);
}

static void drain(char want)
{
	char buf[1000];
	int64_t n, i;

	while ((n = tern_recv(st, sock, buf, sizeof(buf), 0, now)) > 0)
		for (i = 0; i < n; i++)
			assert_int_equal(buf[i], want);
}

/* What else may be on its way: RSTs of a peer that died, and its SYN, had it
 * opened. */
static void record_others(void)
{
	const uint16_t flags[] = { TCP_RST, TCP_RST | TCP_ACK };
	int i;

	for (i = 0; i < 2; i++)
		old[n_old++] = (struct seg){ .flags = flags[i],
					     .seq = peer.nxt,
					     .ack = peer.rcv,
					     .val = peer.clock,
					     .ecr = peer.echo };
	if (plan->active)
		old[n_old++] = (struct seg){ .flags = TCP_SYN,
					     .seq = peer.iss,
					     .val = old[0].val };
}

static void live_and_end(void)
{
	n_old = 0;
	recording = true;
	assert_true(begin(OLD_ISS, OLD, 1000));
	finish_handshake();
	say(TCP_ACK, 300);
	send_ours(200);
	say(TCP_ACK, 300);
	say(TCP_ACK | TCP_PSH, 100);
	drain(OLD);
	if (plan->ending == WE_CLOSE) {
		tern_close(st, sock, now);
		take_all();
		say(TCP_FIN | TCP_ACK, 0);
	} else if (plan->ending == PEER_CLOSES) {
		say(TCP_FIN | TCP_ACK, 0);
		tern_close(st, sock, now);
		take_all();
		say(TCP_ACK, 0);
	} else {
		say(TCP_RST | TCP_ACK, 0);
		tern_close(st, sock, now);
	}
	recording = false;
	old_end = peer.nxt;
	our_end = peer.rcv;
	record_others();
}

static void let_time_pass(void)
{
	static const int64_t waits[] = {
		[IN_TIME_WAIT] = NS_PER_S,
		[A_SECOND_LATER] = NS_PER_S,
		[AFTER_TIME_WAIT] = 61 * NS_PER_S,
		/* 2^32 of its 64 ns; the first connection took no time. */
		[ISN_COMES_ROUND] = INT64_C(64) << 32,
	};

	settle(waits[plan->when]);
}

static struct tcp_conn *conn(void)
{
	return tcp_find(st, &ours, OUR_PORT, &theirs, PEER_PORT);
}

static enum tern_tcp_state state_now(void)
{
	struct tcp_conn *c = conn();
	struct tcp_tw *tw;

	if (c)
		return c->state;
	if (tcp_find_req(st, &ours, OUR_PORT, &theirs, PEER_PORT))
		return TERN_TCP_SYN_RECV;
	tw = tcp_find_tw(st, &ours, OUR_PORT, &theirs, PEER_PORT);
	if (tw)
		return tw->fin_wait2 ? TERN_TCP_FIN_WAIT2 : TERN_TCP_TIME_WAIT;
	return TERN_TCP_CLOSE;
}

/* From the first SYN on to plan->state; what has been said of the new stream
 * has been read. */
static void drive(void)
{
	enum tern_tcp_state to = plan->state;

	if (to == TERN_TCP_SYN_SENT || to == TERN_TCP_SYN_RECV)
		return;
	finish_handshake();
	if (plan->data_out) {
		say(TCP_ACK, 100);
		drain(NEW);
		settle(50 * NS_PER_MS);
		send_ours(60);
	}
	if (to == TERN_TCP_CLOSE_WAIT || to == TERN_TCP_LAST_ACK)
		say(TCP_FIN | TCP_ACK, 0);
	if (to == TERN_TCP_FIN_WAIT1 || to == TERN_TCP_FIN_WAIT2 ||
	    to == TERN_TCP_CLOSING || to == TERN_TCP_TIME_WAIT ||
	    to == TERN_TCP_LAST_ACK) {
		uint32_t unseen = peer.rcv;

		tern_shutdown(st, sock, TERN_SHUT_WR, now);
		take_all();
		if (to == TERN_TCP_FIN_WAIT2 || to == TERN_TCP_TIME_WAIT) {
			say(TCP_ACK, 0);
		} else if (to == TERN_TCP_CLOSING) {
			peer.rcv = unseen;
			say(TCP_FIN | TCP_ACK, 0);
		}
		if (to == TERN_TCP_TIME_WAIT)
			say(TCP_FIN | TCP_ACK, 0);
	}
	if (!plan->data_out)
		settle(50 * NS_PER_MS);
}

/* Numbers of the peer's from its ISN to RCV.NXT in that state. */
static uint32_t said(void)
{
	switch (plan->state) {
	case TERN_TCP_SYN_SENT:
		return 0;
	case TERN_TCP_CLOSE_WAIT:
	case TERN_TCP_LAST_ACK:
	case TERN_TCP_CLOSING:
	case TERN_TCP_TIME_WAIT:
		return 2;
	default:
		return plan->data_out ? 101 : 1;
	}
}

/* The new connection as RFC 9293 names it. */
struct view {
	uint32_t una, nxt, rcv, wnd;
};

static struct view view(void)
{
	struct tcp_req *q =
		tcp_find_req(st, &ours, OUR_PORT, &theirs, PEER_PORT);
	struct tcp_tw *tw;
	struct tcp_conn *c = conn();

	if (c)
		return (struct view){ c->snd.una.v, c->snd.nxt.v, c->rcv.nxt.v,
				      rcv_window(c) };
	if (q)
		return (struct view){ q->iss.v, q->iss.v + 1, q->rcv_nxt.v,
				      q->rcv_wnd };
	tw = tcp_find_tw(st, &ours, OUR_PORT, &theirs, PEER_PORT);
	assert_non_null(tw);
	return (struct view){ tw->snd_nxt.v, tw->snd_nxt.v, tw->rcv_nxt.v,
			      tw->rcv_wnd };
}

enum verdict {
	REFUSED, /* nothing changes */
	RESETS,	 /* a RST at exactly RCV.NXT, and what counts as such */
	ANYTHING /* it cannot be told from a new one */
};

static bool between(uint32_t x, uint32_t from, uint32_t to)
{
	return x - from <= to - from;
}

static enum verdict verdict_syn_sent(const struct seg *s, const struct view *v)
{
	bool ack_ok = s->flags & TCP_ACK && s->ack == v->nxt;

	if (!(s->flags & TCP_ACK))
		/* After a takeover the peer's last timestamp is known. */
		return s->flags & TCP_SYN && !(plan->ts &&
					       plan->when == IN_TIME_WAIT) ?
			       ANYTHING :
			       REFUSED;
	if (!ack_ok || plan->ts)
		return REFUSED;
	if (s->flags & TCP_RST)
		return RESETS;
	return s->flags & TCP_SYN ? ANYTHING : REFUSED;
}

static enum verdict verdict_rst(const struct seg *s, const struct view *v)
{
	/* A peer that closed may send its RST from before its FIN [k]. */
	bool fin_in = plan->state == TERN_TCP_CLOSE_WAIT ||
		      plan->state == TERN_TCP_LAST_ACK ||
		      plan->state == TERN_TCP_CLOSING;

	/* Where no program waits the timestamp of a RST counts, too [k]. */
	if (plan->ts && (plan->state == TERN_TCP_TIME_WAIT ||
			 plan->state == TERN_TCP_SYN_RECV))
		return REFUSED;
	if (s->seq == v->rcv || (fin_in && s->seq == v->rcv - 1))
		return RESETS;
	return REFUSED;
}

/* Is any number of it in the window? */
static bool is_inside(const struct seg *s, const struct view *v)
{
	uint32_t numbers = s->len + !!(s->flags & TCP_FIN);

	return between(s->seq, v->rcv, v->rcv + v->wnd) ||
	       (numbers &&
		between(s->seq + numbers - 1, v->rcv, v->rcv + v->wnd));
}

static enum verdict verdict_syn(const struct seg *s, const struct view *v)
{
	/* Beyond the old numbers it opens a connection. */
	if (plan->state == TERN_TCP_TIME_WAIT)
		return (int32_t)(s->seq - v->rcv) > 0 && !plan->active ?
			       ANYTHING :
			       REFUSED;
	return plan->state == TERN_TCP_SYN_RECV && is_inside(s, v) ? ANYTHING :
								     REFUSED;
}

static enum verdict verdict(const struct seg *s, const struct view *v)
{
	if (plan->state == TERN_TCP_SYN_SENT)
		return verdict_syn_sent(s, v);
	if (s->flags & TCP_RST)
		return verdict_rst(s, v);
	if (plan->ts)
		return REFUSED;
	if (s->flags & TCP_SYN)
		return verdict_syn(s, v);
	if (!is_inside(s, v) || plan->state == TERN_TCP_TIME_WAIT)
		return REFUSED;
	if (plan->state == TERN_TCP_SYN_RECV)
		return s->ack == v->nxt ? ANYTHING : REFUSED;
	return between(s->ack, v->una - 65535, v->nxt) ? ANYTHING : REFUSED;
}

/* At most one segment answered: an ACK of the new numbers, a SYN-ACK again, or
 * a RST that the old ones asked for. */
static void check_answer(const struct seg *s, const struct view *v)
{
	if (!take_out())
		return;
	if (last.flags & TCP_RST)
		assert_int_equal(last.seq, s->ack);
	else
		assert_int_equal(last.ack, v->rcv);
	assert_int_equal(last.flags & TCP_FIN, 0);
	assert_int_equal(last.len, 0);
	assert_false(take_out());
}

/* The rest of the handshake, and data both ways as far as the state has them. */
static void goes_on(void)
{
	enum tern_tcp_state s = plan->state;
	bool is_open = s == TERN_TCP_SYN_SENT || s == TERN_TCP_SYN_RECV ||
		       s == TERN_TCP_ESTABLISHED;
	char buf[100];

	if (s == TERN_TCP_SYN_SENT || s == TERN_TCP_SYN_RECV)
		finish_handshake();
	if (is_open || s == TERN_TCP_FIN_WAIT1 || s == TERN_TCP_FIN_WAIT2) {
		say(TCP_ACK | TCP_PSH, 50);
		settle(50 * NS_PER_MS);
		assert_int_equal(last.ack, peer.nxt);
		assert_int_equal(tern_recv(st, sock, buf, 100, 0, now), 50);
		assert_int_equal(buf[0], NEW);
		assert_int_equal(buf[49], NEW);
	}
	if (is_open || s == TERN_TCP_CLOSE_WAIT) {
		uint32_t before = peer.rcv;

		send_ours(30);
		assert_int_equal(peer.rcv, before + 30);
	}
}

static uint32_t n_cases, n_resets, n_syns, n_anything;

static void expect(const struct seg *s, enum verdict want)
{
	struct view v = view(), after;
	struct tcp_conn *c;

	n_cases++;
	put_in(s);
	if (want == ANYTHING) {
		if (s->flags & TCP_SYN)
			n_syns++;
		else
			n_anything++;
		return;
	}
	if (want == RESETS) {
		n_resets++;
		assert_int_equal(state_now(), TERN_TCP_CLOSE);
		return;
	}
	assert_int_equal(state_now(), plan->state);
	check_answer(s, &v);
	after = view();
	assert_int_equal(after.una, v.una);
	assert_int_equal(after.nxt, v.nxt);
	assert_int_equal(after.rcv, v.rcv);
	c = conn();
	if (c && c->act) {
		assert_int_equal(c->act->n_ofo, 0);
		assert_int_equal(c->act->rcvq.n, 0);
	}
	goes_on();
}

static void open_world(void)
{
	kit_init(&kit);
	now = 100 * NS_PER_S;
	kit_open(&kit, now);
	st = kit.st;
	ours = plan->v6 ? (struct tern_addr){ { 0xfd, [15] = 1 } } :
			  tern_addr_v4(10, 0, 0, 1);
	theirs = plan->v6 ? (struct tern_addr){ { 0xfd, [15] = 2 } } :
			    tern_addr_v4(10, 0, 0, 2);
	if (!plan->active) {
		listener = new_socket();
		assert_int_equal(tern_listen(st, listener, 5, now), 0);
	}
}

/* The old one lives and ends; the new one begins with this ISN of the peer's, if
 * it may. The peer's clock goes on, too. */
static bool reopen(uint32_t iss)
{
	open_world();
	live_and_end();
	let_time_pass();
	if (!begin(iss, NEW, 3000))
		return false;
	drive();
	assert_int_equal(state_now(), plan->state);
	return true;
}

/* Without timestamps TIME_WAIT gives way only to numbers beyond the old ones,
 * and to no connect() of ours. */
static bool may_open(uint32_t iss)
{
	if (plan->when != IN_TIME_WAIT || plan->ts)
		return true;
	return !plan->active && (int32_t)(iss - old_end) > 0;
}

/* One segment, in one relation to the window: delta from RCV.NXT. */
static void play_case(uint32_t which, int64_t delta)
{
	const struct seg *s = &old[which];
	uint32_t iss = s->seq - (uint32_t)delta - said();
	bool opened, want;

	opened = reopen(iss);
	want = may_open(iss);
	if (opened != want)
		fail_msg("opens: %d, not %d", opened, want);
	if (opened) {
		struct view v = view();

		if (plan->state != TERN_TCP_SYN_SENT)
			assert_int_equal(s->seq - v.rcv, (uint32_t)delta);
		/* What we number is a whole window away from the old ones. */
		if (plan->when != ISN_COMES_ROUND)
			assert_true((int32_t)(v.una - our_end) > 65535);
		expect(s, verdict(s, &v));
	}
	kit_close(&kit);
}

static uint32_t window_there(void)
{
	uint32_t wnd = 0;

	if (reopen(OLD_ISS + 0x1000000))
		wnd = view().wnd;
	kit_close(&kit);
	return wnd;
}

static const char *describe(char *out, size_t size, uint32_t which,
			    int64_t delta)
{
	static const char *const endings[] = { "we close", "peer closes",
					       "peer resets" };
	static const char *const whens[] = { "in TIME_WAIT", "1 s later",
					     "after TIME_WAIT", "275 s later" };

	snprintf(out, size,
		 "IPv%d, %s timestamps, opened by %s, %s, %s, state %d%s, "
		 "segment %u (flags %#x, %u bytes), %+d from RCV.NXT",
		 plan->v6 ? 6 : 4, plan->ts ? "with" : "no",
		 plan->active ? "us" : "the peer", endings[plan->ending],
		 whens[plan->when], (int)plan->state,
		 plan->data_out ? " with data" : "", which, old[which].flags,
		 old[which].len, (int)delta);
	return out;
}

static char story[300];

static void play_plan(const struct plan *p)
{
	uint32_t wnd, which;
	size_t i;

	plan = p;
	snprintf(story, sizeof(story), "the plan's first");
	wnd = window_there();
	for (which = 0; which < n_old; which++) {
		int64_t len = old[which].len +
			      !!(old[which].flags & (TCP_SYN | TCP_FIN));
		/* The last one: the new ISN right beyond the old numbers. */
		const int64_t deltas[] = {
			-FAR,
			-100000,
			-1000,
			-len - 1,
			-len,
			1 - len,
			-1,
			0,
			1,
			wnd / 2,
			wnd - INT64_C(1),
			wnd,
			wnd + INT64_C(1),
			wnd + INT64_C(100000),
			FAR,
			(int32_t)(old[which].seq - old_end - 1) -
				(int64_t)said(),
		};

		for (i = 0; i < ARRAY_LEN(deltas); i++) {
			describe(story, sizeof(story), which, deltas[i]);
			play_case(which, deltas[i]);
		}
	}
}

/* Every state that there is, and data under way. */
static void play_states(struct plan p)
{
	static const struct {
		enum tern_tcp_state state;
		bool data_out;
	} states[] = {
		{ TERN_TCP_ESTABLISHED, false }, { TERN_TCP_ESTABLISHED, true },
		{ TERN_TCP_FIN_WAIT1, false },	 { TERN_TCP_FIN_WAIT2, false },
		{ TERN_TCP_CLOSING, false },	 { TERN_TCP_TIME_WAIT, false },
		{ TERN_TCP_CLOSE_WAIT, false },	 { TERN_TCP_LAST_ACK, false },
	};
	size_t i;

	p.state = p.active ? TERN_TCP_SYN_SENT : TERN_TCP_SYN_RECV;
	play_plan(&p);
	for (i = 0; i < ARRAY_LEN(states); i++) {
		p.state = states[i].state;
		p.data_out = states[i].data_out;
		play_plan(&p);
	}
}

/* Opened by the peer and by us, one by IPv4 and the other by IPv6. */
static void play(bool ts, enum when when, enum ending ending)
{
	int active;

	n_cases = n_resets = n_syns = n_anything = 0;
	for (active = 0; active < 2; active++)
		play_states((struct plan){ .v6 = (active + when) % 2,
					   .active = active,
					   .ts = ts,
					   .when = when,
					   .ending = ending });
	print_message("# %u replayed: RSTs at RCV.NXT %u, SYNs that open %u, "
		      "not to be told apart %u\n",
		      n_cases, n_resets, n_syns, n_anything);
	assert_true(n_cases > 250);
	story[0] = '\0';
}

static int tell_story(void **state)
{
	(void)state;
	if (story[0])
		print_error("# %s\n", story);
	return 0;
}

static void with_timestamps_nothing_is_taken(void **state)
{
	(void)state;
	play(true, IN_TIME_WAIT, WE_CLOSE);
	assert_int_equal(n_syns + n_anything, 0);
	play(true, A_SECOND_LATER, PEER_CLOSES);
	assert_int_equal(n_anything, 0);
	play(true, A_SECOND_LATER, PEER_RESETS);
	assert_int_equal(n_anything, 0);
	play(true, AFTER_TIME_WAIT, WE_CLOSE);
	assert_int_equal(n_anything, 0);
	play(true, ISN_COMES_ROUND, WE_CLOSE);
	assert_int_equal(n_anything, 0);
}

static void after_time_wait_gave_way_nothing_is_taken(void **state)
{
	(void)state;
	play(false, IN_TIME_WAIT, WE_CLOSE);
	assert_int_equal(n_resets + n_syns + n_anything, 0);
}

static void our_isn_keeps_old_data_out(void **state)
{
	(void)state;
	play(false, A_SECOND_LATER, PEER_CLOSES);
	assert_int_equal(n_anything, 0);
	play(false, A_SECOND_LATER, PEER_RESETS);
	assert_int_equal(n_anything, 0);
	play(false, AFTER_TIME_WAIT, WE_CLOSE);
	assert_int_equal(n_anything, 0);
}

/* The limit of the above, and that the cases reach it. */
static void once_its_clock_came_round_it_does_not(void **state)
{
	(void)state;
	play(false, ISN_COMES_ROUND, WE_CLOSE);
	assert_true(n_anything > 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, tell_story)
	const struct CMUnitTest tests[] = {
		TEST(with_timestamps_nothing_is_taken),
		TEST(after_time_wait_gave_way_nothing_is_taken),
		TEST(our_isn_keeps_old_data_out),
		TEST(once_its_clock_came_round_it_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
