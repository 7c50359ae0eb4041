// SPDX-License-Identifier: BSD-2-Clause
/*
 * TIME_WAIT, and FIN_WAIT_2 without a socket: what answers to what, as Linux
 * 6.18 did when the same segments were sent to it; how long a record lasts; who
 * takes it over.
 *
 * covers: C8, C12, C13, O15
 */
#include "tcp/tcp_priv.h"

#include "stack_kit.h"

#include <stdio.h>
#include <string.h>

#define START (1000 * NS_PER_S)
#define RCV_NXT 1002u
#define SND_NXT 0xffff8000u /* + 65537 wraps */

static struct kit kit;
static struct tern_stack *st;
static struct tern_addr local, remote;
static int64_t now;

static int set_up(void **state)
{
	(void)state;
	local = tern_addr_v4(10, 0, 0, 1);
	remote = tern_addr_v4(10, 0, 0, 2);
	now = START;
	kit_init(&kit);
	kit_open(&kit, now);
	st = kit.st;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kit_close(&kit);
	return 0;
}

/* A connection 10.0.0.1:5000 - 10.0.0.2:rport whose program has closed it. */
static struct tcp_conn *closed_conn(uint16_t rport, bool ts)
{
	struct tcp_conn *c = tcp_conn_new(st, !tern_addr_is_v4(&local));

	c->reuseaddr = 1;
	assert_int_equal(tcp_port_bind(st, c, &local, 5000), 0);
	c->raddr = remote;
	c->rport = rport;
	c->rcv.nxt = c->rcv.wup = c->rcv.copied = seq_of(RCV_NXT);
	c->rcv.wnd = 65160;
	c->rcv_scale = 2;
	c->snd.una = c->snd.nxt = c->snd.end = seq_of(SND_NXT);
	c->ts_ok = ts;
	c->ts_recent = ts ? 103 : 0;
	c->ts_recent_at = (uint32_t)(now / NS_PER_S);
	tcp_set_state(st, c, TERN_TCP_FIN_WAIT2, "test");
	tcp_hash(st, c);
	c->orphan = 1;
	st->tcp.n_orphans++;
	return c;
}

static struct tcp_tw *record(void)
{
	return tcp_find_tw(st, &local, 5000, &remote, 40000);
}

static void listen_at(void)
{
	uint32_t id = (uint32_t)tcp_new(st, TERN_AF_INET);
	int one = 1;

	assert_int_equal(tcp_setsockopt(st, id, TERN_SOL_SOCKET,
					TERN_SO_REUSEADDR, &one, sizeof(one)),
			 0);
	assert_int_equal(tcp_port_bind(st, conn_at(st, id), &local, 5000), 0);
	assert_int_equal(tcp_listen(st, id, 5), 0);
}

/* What is sent to the record: seq counts from RCV_NXT; ts 0: no option. */
struct step {
	const char *flags;
	int seq, len;
	uint32_t ts;
	int after_ms;	    /* since the step before */
	const char *answer; /* flags; "": silence */
	uint32_t ack, ecr;  /* of the answer; ack counts from RCV_NXT */
	const char *state;  /* after it */
};

static uint16_t flags_of(const char *text)
{
	static const char names[] = "FSRPA";
	uint16_t flags = 0;

	for (; *text; text++)
		flags |= (uint16_t)(1u << (strchr(names, *text) - names));
	return flags;
}

static void send_step(const struct step *s)
{
	struct wire_tcp_opts o = { 0 };
	struct wire_tcp h = {
		.sport = 40000,
		.dport = 5000,
		.seq = seq_of(RCV_NXT + (uint32_t)s->seq),
		.ack = seq_of(SND_NXT),
		.flags = flags_of(s->flags),
		.window = 1000,
	};
	struct wire_ip ip = {
		.src = remote,
		.dst = local,
		.protocol = WIRE_PROTO_TCP,
		.ttl = 64,
	};
	struct tern_pkt *pkt = tern_pkt_new(kit.pool, 60, 200);
	uint8_t opts[40], *p;
	uint32_t n;

	assert_non_null(pkt);
	if (s->ts) {
		o.present = WIRE_OPT_TS;
		o.ts_val = s->ts;
		o.ts_ecr = 1;
	}
	n = wire_tcp_emit_opts(opts, &o, h.flags & TCP_SYN);
	h.hdr_len = (uint8_t)(WIRE_TCP_LEN + n);
	p = tern_pkt_append(pkt, h.hdr_len + (size_t)s->len);
	memset(p, 'x', h.hdr_len + (size_t)s->len);
	wire_tcp_emit(p, &h);
	memcpy(p + WIRE_TCP_LEN, opts, n);
	assert_non_null(wire_ip_emit(pkt, &ip));
	pkt->csum = TERN_CSUM_GOOD;
	now += s->after_ms * NS_PER_MS;
	tern_stack_advance(st, now);
	tern_stack_input(st, kit.link, &pkt, 1, now);
}

/* The answer as text: flags, seq and ack from SND_NXT and RCV_NXT, window,
 * timestamp echo. */
static void read_answer(char *out, size_t size)
{
	struct wire_tcp_opts o;
	struct tern_pkt *pkt;
	struct wire_tcp h;
	struct wire_ip ip;
	char flags[8] = "";
	uint32_t i, ack;

	out[0] = '\0';
	if (tern_stack_output(st, kit.link, &pkt, 1, now) == 0)
		return;
	assert_int_equal(wire_ip_parse(pkt, &ip), WIRE_IP_OK);
	assert_true(tern_addr_equal(&ip.dst, &remote));
	assert_true(wire_tcp_parse(pkt->data + ip.hdr_len,
				   pkt->len - ip.hdr_len, &h));
	memset(&o, 0, sizeof(o));
	wire_tcp_parse_opts(pkt->data + ip.hdr_len, &h, &o);
	for (i = 0; i < 5; i++)
		if (h.flags & 1u << i)
			flags[strlen(flags)] = "FSRPA"[i];
	ack = h.flags & TCP_ACK ? h.ack.v - RCV_NXT : 0;
	snprintf(out, size, "%s seq %u ack %d ecr %u", flags, h.seq.v - SND_NXT,
		 (int)ack, o.present & WIRE_OPT_TS ? o.ts_ecr : 0);
	if (!strcmp(flags, "A"))
		assert_int_equal(h.window, 65160 >> 2);
	tern_pkt_put(pkt);
	assert_int_equal(kit_drain(&kit, now), 0);
}

static const char *state_now(void)
{
	const struct tcp_tw *tw = record();

	if (tw)
		return tw->fin_wait2 ? "FIN-WAIT-2" : "TIME-WAIT";
	return tcp_find_req(st, &local, 5000, &remote, 40000) ? "SYN-RECV" :
								"gone";
}

struct tw_case {
	const char *name;
	bool fin_wait2, no_ts, no_listener;
	struct step steps[8];
};

static void play(const struct tw_case *c)
{
	char want[80], got[80];
	const struct step *s;

	tcp_time_wait(st, closed_conn(40000, !c->no_ts),
		      c->fin_wait2 ? TERN_TCP_FIN_WAIT2 : TERN_TCP_TIME_WAIT,
		      60 * NS_PER_S);
	if (!c->no_listener)
		listen_at();
	for (s = c->steps; s->flags; s++) {
		send_step(s);
		read_answer(got, sizeof(got));
		want[0] = '\0';
		if (s->answer[0])
			snprintf(want, sizeof(want), "%s seq %u ack %d ecr %u",
				 s->answer, s->answer[0] == 'S' ? 65537 : 0,
				 (int)s->ack, s->ecr);
		if (strcmp(want, got) != 0 ||
		    strcmp(s->state, state_now()) != 0)
			fail_msg("%s, step %d:\n  Linux: \"%s\" %s\n"
				 "  tern:  \"%s\" %s",
				 c->name, (int)(s - c->steps) + 1, want,
				 s->state, got, state_now());
	}
}

#define TW "TIME-WAIT"
#define FW "FIN-WAIT-2"

/* clang-format off */
static const struct tw_case cases[] = {
	{ "a FIN again is acknowledged each time", .steps = {
		/* flags seq len  ts after answer ack ecr state */
		{ "FA", -1, 0, 104, 1, "A", 0, 103, TW },
		{ "FA", -1, 0, 104, 1, "A", 0, 103, TW },
		{ "FA", -1, 0, 105, 1, "A", 0, 103, TW } } },
	{ "a FIN again, without timestamps", .no_ts = true, .steps = {
		{ "FA", -1, 0, 0, 1, "A", 0, 0, TW } } },
	{ "answers to bare ACKs are limited", .steps = {
		{ "A", -2, 0, 104, 1, "A", 0, 103, TW },
		{ "A", -2, 0, 104, 50, "", 0, 0, TW },
		{ "A", -2, 0, 104, 600, "A", 0, 103, TW },
		{ "A", 0, 0, 104, 1, "", 0, 0, TW },
		{ "A", 1, 0, 104, 1, "", 0, 0, TW },
		{ "A", 1, 0, 104, 600, "A", 0, 104, TW } } },
	{ "only the exact RST ends it, and not an old one", .steps = {
		{ "R", -1, 0, 104, 1, "", 0, 0, TW },
		{ "R", 1, 0, 104, 1, "", 0, 0, TW },
		{ "R", 0, 0, 50, 1, "", 0, 0, TW },
		{ "R", 0, 0, 104, 1, "", 0, 0, "gone" } } },
	{ "an old RST ends it after a minute", .steps = {
		{ "A", 0, 0, 104, 50000, "", 0, 0, TW },
		{ "FA", -1, 0, 105, 50000, "A", 0, 104, TW },
		{ "R", 0, 0, 50, 11000, "", 0, 0, "gone" } } },
	{ "data is answered each time", .steps = {
		{ "PA", 0, 3, 104, 1, "A", 0, 103, TW },
		{ "PA", 0, 3, 104, 1, "A", 0, 103, TW },
		{ "PA", 0, 3, 50, 1, "A", 0, 103, TW } } },
	{ "an older timestamp is answered, limited", .steps = {
		{ "A", 0, 0, 50, 1, "A", 0, 103, TW },
		{ "A", 0, 0, 102, 1, "", 0, 0, TW } } },
	{ "a SYN beyond opens", .steps = {
		{ "S", 3998, 0, 104, 1, "SA", 3999, 104, "SYN-RECV" } } },
	{ "a SYN beyond opens without timestamps", .no_ts = true, .steps = {
		{ "S", 3998, 0, 0, 1, "SA", 3999, 0, "SYN-RECV" } } },
	{ "a SYN before opens by a newer timestamp", .steps = {
		{ "S", -502, 0, 104, 1, "SA", (uint32_t)-501, 104,
		  "SYN-RECV" } } },
	{ "a SYN before does not open without one", .no_ts = true, .steps = {
		{ "S", -502, 0, 0, 1, "A", 0, 0, TW } } },
	{ "no SYN opens that is in nothing newer", .steps = {
		{ "S", -502, 0, 103, 1, "A", 0, 103, TW },
		{ "S", 3998, 0, 50, 1, "", 0, 0, TW },
		{ "S", 0, 0, 103, 1, "", 0, 0, TW },
		{ "SA", 3998, 0, 105, 1, "", 0, 0, TW } } },
	{ "a SYN without a listener is answered", .no_listener = true,
	  .steps = {
		{ "S", 3998, 0, 104, 1, "A", 0, 103, TW } } },
	{ "FIN_WAIT_2: the FIN", .fin_wait2 = true, .steps = {
		{ "A", -1, 0, 104, 1, "A", 0, 103, FW },
		{ "A", 0, 0, 104, 1, "", 0, 0, FW },
		{ "FA", 0, 0, 104, 1, "A", 1, 104, TW },
		{ "FA", 0, 0, 104, 1, "A", 1, 104, TW } } },
	{ "FIN_WAIT_2: data", .fin_wait2 = true, .steps = {
		{ "PA", 0, 3, 104, 1, "R", 0, 0, "gone" } } },
	{ "FIN_WAIT_2: data and FIN", .fin_wait2 = true, .steps = {
		{ "FPA", 0, 3, 104, 1, "R", 0, 0, "gone" } } },
	{ "FIN_WAIT_2: a FIN behind a gap", .fin_wait2 = true, .steps = {
		{ "FA", 100, 0, 104, 1, "R", 0, 0, "gone" } } },
	{ "FIN_WAIT_2: an old FIN", .fin_wait2 = true, .steps = {
		{ "FA", 0, 0, 50, 1, "A", 0, 103, FW } } },
	{ "FIN_WAIT_2: a RST in the window", .fin_wait2 = true, .steps = {
		{ "R", 50, 0, 104, 1, "", 0, 0, "gone" } } },
	{ "FIN_WAIT_2: a SYN before the window", .fin_wait2 = true, .steps = {
		{ "S", -300, 0, 104, 1, "A", 0, 103, FW } } },
};
/* clang-format on */

static void answers_as_linux_does(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set_up(NULL);
		play(&cases[i]);
		tear_down(NULL);
	}
}

static void a_syn_in_fin_wait2_is_reset(void **state)
{
	const struct step syn = { "S", 0, 0, 104, 1, "", 0, 0, "" };
	char got[80];

	(void)state;
	set_up(NULL);
	tcp_time_wait(st, closed_conn(40000, true), TERN_TCP_FIN_WAIT2,
		      60 * NS_PER_S);
	send_step(&syn);
	read_answer(got, sizeof(got));
	assert_memory_equal(got, "RA ", 3);
	assert_string_equal(state_now(), "gone");
	tear_down(NULL);
}

static void rfc1337_ignores_rst(void **state)
{
	const struct step rst = { "R", 0, 0, 104, 1, "", 0, 0, "" };

	(void)state;
	st->tun.tcp_rfc1337 = 1;
	tcp_time_wait(st, closed_conn(40000, true), TERN_TCP_TIME_WAIT, 0);
	send_step(&rst);
	assert_non_null(record());
}

static void lasts_60_s_from_the_last_fin(void **state)
{
	const struct step fin = { "FA", -1, 0, 104, 40000, "", 0, 0, "" };

	(void)state;
	tcp_time_wait(st, closed_conn(40000, true), TERN_TCP_TIME_WAIT, 0);
	assert_int_equal(tern_stack_deadline(st), now + 60 * NS_PER_S);
	send_step(&fin);
	assert_int_equal(kit_drain(&kit, now), 1);
	tern_stack_advance(st, now + 60 * NS_PER_S - 1);
	assert_non_null(record());
	now += 60 * NS_PER_S;
	tern_stack_advance(st, now);
	assert_null(record());
	assert_int_equal(kit_counter(&kit, "TcpExtTW"), 1);
	assert_int_equal(st->tcp.ports.n_used, 0);
}

static void an_orphan_s_fin_wait2_lasts_what_is_left(void **state)
{
	(void)state;
	tcp_time_wait(st, closed_conn(40000, true), TERN_TCP_FIN_WAIT2,
		      7 * NS_PER_S);
	assert_int_equal(tern_stack_deadline(st), now + 7 * NS_PER_S);
	/* And 3.5 time-outs at least. */
	tcp_time_wait(st, closed_conn(40001, true), TERN_TCP_FIN_WAIT2, 1);
	assert_int_equal(tern_stack_deadline(st), now + 3500 * NS_PER_MS);
}

static void beyond_tcp_max_tw_buckets_there_is_none(void **state)
{
	(void)state;
	st->tun.tcp_max_tw_buckets = 1;
	tcp_time_wait(st, closed_conn(40001, true), TERN_TCP_TIME_WAIT, 0);
	tcp_time_wait(st, closed_conn(40000, true), TERN_TCP_TIME_WAIT, 0);
	assert_null(record());
	assert_int_equal(kit_counter(&kit, "TcpExtTCPTimeWaitOverflow"), 1);
	assert_int_equal(st->tcp.conns.n_used, 0);
}

/* A new socket that connects from the same port to the same peer. */
static int connect_over(bool bound, struct tcp_conn **out)
{
	struct tcp_conn *c = tcp_conn_new(st, false);

	*out = c;
	c->reuseaddr = 1;
	if (bound)
		assert_int_equal(tcp_port_bind(st, c, &local, 5000), 0);
	c->laddr = local;
	c->raddr = remote;
	c->rport = 40000;
	return tcp_port_connect(st, c);
}

static void connect_takes_over_what_it_may(void **state)
{
	/* tcp_tw_reuse, age in ms, timestamps, bound by the program, on
	 * loopback, in FIN_WAIT_2 still */
	static const struct {
		int reuse, age_ms;
		bool ts, bound, loopback, fin_wait2, ok;
	} rows[] = {
		{ 1, 1001, true, false, false, false, true },
		{ 1, 1000, true, false, false, false, false },
		{ 1, 1001, false, false, false, false, false },
		{ 0, 1001, true, false, false, false, false },
		{ 2, 1001, true, false, false, false, false },
		{ 2, 1001, true, false, true, false, true },
		{ 1, 5000, true, false, false, true, false },
		{ 0, 1, true, true, false, false, true },
		{ 0, 5000, false, true, false, false, false },
	};
	struct tcp_conn *c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_up(NULL);
		if (rows[i].loopback)
			local = remote = tern_addr_v4(127, 0, 0, 1);
		st->tun.tcp_tw_reuse = rows[i].reuse;
		st->tun.ip_local_port_range[0] = 5000;
		st->tun.ip_local_port_range[1] = 5000;
		c = closed_conn(40000, rows[i].ts);
		c->auto_port = !rows[i].bound;
		((struct tcp_port *)slab_at(&st->tcp.ports, c->port))->n_auto =
			c->auto_port;
		tcp_time_wait(st, c,
			      rows[i].fin_wait2 ? TERN_TCP_FIN_WAIT2 :
						  TERN_TCP_TIME_WAIT,
			      60 * NS_PER_S);
		st->now += rows[i].age_ms * NS_PER_MS;
		assert_int_equal(connect_over(rows[i].bound, &c),
				 rows[i].ok ? 0 : -TERN_EADDRNOTAVAIL);
		if (rows[i].ok) {
			assert_null(record());
			assert_true(c->has_isn);
			assert_int_equal(c->snd.nxt.v, SND_NXT + 65537);
			assert_int_equal(c->ts_recent, 103);
			assert_int_equal(kit_counter(&kit, "TcpExtTWRecycled"),
					 1);
		}
		tcp_conn_free(st, c);
		tear_down(NULL);
	}
}

static void records_keep_within_their_size(void **state)
{
	(void)state;
	tcp_time_wait(st, closed_conn(40000, true), TERN_TCP_TIME_WAIT, 0);
	assert_true(st->tcp.tws[0].obj_size <= 64);
	assert_true(st->tcp.tws[1].obj_size <= 88);
	assert_true(st->tcp.reqs[0].obj_size <= 96);
	assert_true(st->tcp.reqs[1].obj_size <= 120);
}

/* The longest way to a record, in looks. */
static uint32_t longest_chain(const struct idhash *h)
{
	uint32_t i, id, n, longest = 0;

	for (i = 0; i < h->n_buckets; i++) {
		id = h->segments[i / IDHASH_SEGMENT][i % IDHASH_SEGMENT];
		for (n = 0; id; n++)
			id = idhash_next(h, id);
		if (n > longest)
			longest = n;
	}
	return longest;
}

/* A million are to cost at most 80 MiB, of IPv6 112, tables and all; and the
 * next connection finds its way among them as among ten. */
static void ten_thousand_cost_what_they_may(void **state)
{
	static const size_t most[] = { 80 << 20, 112 << 20 };
	const uint32_t n = 10000;
	size_t before;
	uint32_t i;
	int v6;

	(void)state;
	st->tun.tcp_max_tw_buckets = n;
	for (v6 = 0; v6 < 2; v6++) {
		if (v6) {
			local = (struct tern_addr){ { 0xfd, [15] = 1 } };
			remote = (struct tern_addr){ { 0xfd, [15] = 2 } };
		}
		before = kit.alloc.used;
		for (i = 0; i < n; i++)
			tcp_time_wait(st, closed_conn((uint16_t)(i + 1), true),
				      TERN_TCP_TIME_WAIT, 0);
		assert_int_equal(st->tcp.tws[v6].n_used, n);
		assert_true(kit.alloc.used - before <= most[v6] / 1000000 * n);
		/* 10,000 balls in as many boxes: more than 12 in one by a
		 * chance of 1 in a million. */
		assert_in_range(longest_chain(&st->tcp.tw_by_tuple[v6]), 1, 12);
		now += 60 * NS_PER_S;
		tern_stack_advance(st, now);
		assert_int_equal(st->tcp.tws[v6].n_used, 0);
		assert_true(kit.alloc.used - before < 30000);
	}
	assert_int_equal(kit_counter(&kit, "TcpExtTW"), 2 * n);
}

static void the_walk_shows_it(void **state)
{
	struct tern_sock_info i;
	uint64_t cursor = 0;

	(void)state;
	tcp_time_wait(st, closed_conn(40000, true), TERN_TCP_TIME_WAIT, 0);
	assert_true(tcp_next(st, &cursor, &i));
	assert_int_equal(i.state, TERN_TCP_TIME_WAIT);
	assert_int_equal(i.s, -1);
	assert_int_equal(i.local.port, 5000);
	assert_int_equal(i.remote.port, 40000);
	assert_int_equal(i.family, TERN_AF_INET);
	assert_int_equal(i.timer, 3);
	assert_int_equal(i.timer_at, now + 60 * NS_PER_S);
	assert_false(tcp_next(st, &cursor, &i));
	assert_false(tcp_next(st, &cursor, &i));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_as_linux_does),
		cmocka_unit_test(a_syn_in_fin_wait2_is_reset),
		TEST(rfc1337_ignores_rst),
		TEST(lasts_60_s_from_the_last_fin),
		TEST(an_orphan_s_fin_wait2_lasts_what_is_left),
		TEST(beyond_tcp_max_tw_buckets_there_is_none),
		cmocka_unit_test(connect_takes_over_what_it_may),
		TEST(records_keep_within_their_size),
		TEST(ten_thousand_cost_what_they_may),
		TEST(the_walk_shows_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
