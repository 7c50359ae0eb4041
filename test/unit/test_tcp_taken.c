// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ephemeral ports near their exhaustion: who gets one and who does not, with
 * the whole of Linux's range, and that the maps of taken ports never lie: after
 * each of many random steps a search finds a port exactly if a look at every
 * port finds one.
 *
 * covers: O14
 */
#include "tcp/tcp_priv.h"

#include "stack_kit.h"

#include <stdio.h>
#include <string.h>

#define LO 32768
#define HI 60999
#define N_PORTS (HI - LO + 1) /* 28,232 */

static struct kit kit;
static struct tern_stack *st;
static int64_t now;

static void open_stack(uint32_t max_sockets)
{
	kit_init(&kit);
	kit.cfg.max_sockets = max_sockets;
	now = NS_PER_S;
	kit_open(&kit, now);
	st = kit.st;
}

/* What Linux 6.18 answers with a range of ten ports, for each family, with and
 * without SO_REUSEADDR or SO_REUSEPORT, bound to an address or to any: a port
 * that bind() chose belongs to one socket, one that connect() chose to one
 * destination. */
enum how { NOT_BOUND, BOUND, BOUND_WITHOUT_PORT };

static const struct exhaust {
	const char *what;
	int family;
	enum how how;
	bool any;
	int reuse; /* TERN_SO_REUSE* */
	int n_ports;
} rows[] = {
	/* clang-format off */
	{ "connect", TERN_AF_INET, NOT_BOUND, false, 0, N_PORTS },
	{ "connect, IPv6", TERN_AF_INET6, NOT_BOUND, false, 0, N_PORTS },
	{ "bind", TERN_AF_INET, BOUND, false, 0, N_PORTS },
	{ "bind any, IPv6", TERN_AF_INET6, BOUND, true, 0, N_PORTS },
	{ "no port", TERN_AF_INET, BOUND_WITHOUT_PORT, false, 0, N_PORTS },
	{ "no port, IPv6", TERN_AF_INET6, BOUND_WITHOUT_PORT, false, 0, 700 },
	{ "no port, any", TERN_AF_INET, BOUND_WITHOUT_PORT, true, 0, 700 },
	{ "connect, REUSEADDR", TERN_AF_INET, NOT_BOUND, false,
	  TERN_SO_REUSEADDR, 700 },
	{ "connect, REUSEPORT", TERN_AF_INET6, NOT_BOUND, false,
	  TERN_SO_REUSEPORT, 700 },
	{ "bind, REUSEADDR", TERN_AF_INET, BOUND, false, TERN_SO_REUSEADDR,
	  700 },
	{ "bind, REUSEPORT", TERN_AF_INET6, BOUND, false, TERN_SO_REUSEPORT,
	  700 },
	{ "bind any, REUSEADDR", TERN_AF_INET, BOUND, true, TERN_SO_REUSEADDR,
	  700 },
	{ "no port, REUSEADDR", TERN_AF_INET6, BOUND_WITHOUT_PORT, false,
	  TERN_SO_REUSEADDR, 700 },
	{ "no port, REUSEPORT", TERN_AF_INET, BOUND_WITHOUT_PORT, false,
	  TERN_SO_REUSEPORT, 700 },
	/* clang-format on */
};

static struct tern_sockaddr name_of(const struct exhaust *r, uint8_t host,
				    uint16_t port)
{
	struct tern_sockaddr sa = kit_v4(10, 0, 0, host, port);

	if (r->family == TERN_AF_INET6) {
		sa.family = TERN_AF_INET6;
		sa.addr = (struct tern_addr){ { 0xfd, [15] = host } };
	}
	return sa;
}

static void turn_on(int s, int level, int name)
{
	int one = 1;

	assert_int_equal(
		tern_setsockopt(st, s, level, name, &one, sizeof(one), now), 0);
}

/* A socket on its way to a port of the peer's, or -errno and what failed. */
static int open_to(const struct exhaust *r, uint16_t port, bool *in_bind)
{
	struct tern_sockaddr to = name_of(r, 2, port);
	struct tern_sockaddr self = name_of(r, 1, 0);
	int s = tern_socket(st, r->family, TERN_SOCK_STREAM, 0, now), err = 0;

	assert_true(s >= 0);
	if (r->reuse)
		turn_on(s, TERN_SOL_SOCKET, r->reuse);
	if (r->how == BOUND_WITHOUT_PORT)
		turn_on(s, TERN_IPPROTO_IP, TERN_IP_BIND_ADDRESS_NO_PORT);
	if (r->any)
		self.addr = r->family == TERN_AF_INET ?
				    tern_addr_v4(0, 0, 0, 0) :
				    (struct tern_addr){ { 0 } };
	if (r->how != NOT_BOUND)
		err = tern_bind(st, s, &self, now);
	*in_bind = err != 0;
	if (!err)
		err = tern_connect(st, s, &to, now);
	if (err == -TERN_EINPROGRESS)
		return s;
	tern_close(st, s, now);
	return err;
}

static void expect_refusal(const struct exhaust *r, int err, bool in_bind)
{
	if (r->how == BOUND)
		assert_int_equal(err, -TERN_EADDRINUSE);
	else
		assert_int_equal(err, -TERN_EADDRNOTAVAIL);
	assert_int_equal(in_bind, r->how == BOUND);
}

static void exhaust(const struct exhaust *r)
{
	static int socks[N_PORTS];
	struct tern_sockaddr name;
	uint16_t given_back;
	bool in_bind;
	int i, s;

	for (i = 0; i < r->n_ports; i++) {
		socks[i] = open_to(r, 80, &in_bind);
		if (socks[i] < 0)
			fail_msg("%s: %d of %d: %d", r->what, i, r->n_ports,
				 socks[i]);
		if (i % 64 == 63)
			kit_drain(&kit, now);
	}
	s = open_to(r, 80, &in_bind);
	expect_refusal(r, s, in_bind);
	s = open_to(r, 81, &in_bind);
	if (r->how == BOUND)
		expect_refusal(r, s, in_bind);
	else
		assert_true(s >= 0);
	/* The one that comes back is found, wherever it is. */
	i = r->n_ports * 2 / 3;
	assert_int_equal(tern_getsockname(st, socks[i], &name), 0);
	given_back = name.port;
	tern_close(st, socks[i], now);
	socks[i] = open_to(r, 80, &in_bind);
	assert_int_equal(tern_getsockname(st, socks[i], &name), 0);
	assert_int_equal(name.port, given_back);
	assert_int_equal(open_to(r, 80, &in_bind) < 0, 1);

	if (s >= 0)
		tern_close(st, s, now);
	for (i = 0; i < r->n_ports; i++)
		tern_close(st, socks[i], now);
}

static void each_port_serves_one_connection_to_a_destination(void **state)
{
	char range[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_stack(N_PORTS + 10);
		snprintf(range, sizeof(range), "%d %d", LO,
			 LO + rows[i].n_ports - 1);
		assert_int_equal(tern_sysctl_set(st, "ip_local_port_range",
						 range, now),
				 0);
		exhaust(&rows[i]);
		/* And nothing is kept of it. */
		kit_drain(&kit, now);
		assert_int_equal(st->tcp.ports.n_used, 0);
		assert_int_equal(st->tcp.taken.n_used, 0);
		kit_close(&kit);
	}
}

/* From here on connections are made by hand, without a segment: they are at
 * one of a few destinations, are closed, leave TIME_WAIT or are bound. */
#define MODEL_LO 40000
#define MODEL_N 700
#define N_DEST 3
#define N_CONNS 3000

static struct tcp_conn *conns[N_CONNS];
static uint32_t n_conns, n_refused;
static uint64_t seed;

static uint32_t below(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % n);
}

static bool tuple_taken(const struct tcp_conn *c, uint16_t port)
{
	struct tcp_tw *tw;

	if (tcp_find(st, &c->laddr, port, &c->raddr, c->rport))
		return true;
	tw = tcp_find_tw(st, &c->laddr, port, &c->raddr, c->rport);
	if (!tw)
		return false;
	return !(tw->ts_ok && !tw->fin_wait2 && st->tun.tcp_tw_reuse == 1 &&
		 st->now - (tw->timer.at - 60 * NS_PER_S) > NS_PER_S);
}

/* Which ports a program has bound. */
static void find_claimed(bool *claimed)
{
	uint32_t id = 0, i, n;

	memset(claimed, 0, MODEL_N * sizeof(*claimed));
	while ((id = slab_next(&st->tcp.ports, id)) != 0) {
		const struct tcp_port *p = slab_at(&st->tcp.ports, id);

		for (i = n = 0; i < 8; i++)
			n += p->n[i];
		claimed[p->port - MODEL_LO] |= n > p->n_auto;
	}
}

static bool is_one_free(const struct tcp_conn *c, const bool *claimed)
{
	uint32_t i;

	for (i = 0; i < MODEL_N; i++)
		if (!claimed[i] && !tuple_taken(c, (uint16_t)(MODEL_LO + i)))
			return true;
	return false;
}

static void keep(struct tcp_conn *c)
{
	assert_true(n_conns < N_CONNS);
	conns[n_conns++] = c;
}

static void model_connect(void)
{
	struct tcp_conn *c = tcp_conn_new(st, false);
	bool claimed[MODEL_N], is_free;
	int err;

	c->laddr = tern_addr_v4(10, 0, 0, 1);
	c->raddr = tern_addr_v4(10, 0, 0, 2);
	c->rport = (uint16_t)(80 + below(N_DEST));
	c->reuseaddr = 1;
	find_claimed(claimed);
	is_free = is_one_free(c, claimed);
	err = tcp_port_connect(st, c);
	if (!is_free) {
		n_refused++;
		assert_int_equal(err, -TERN_EADDRNOTAVAIL);
		tcp_conn_free(st, c);
		return;
	}
	assert_int_equal(err, 0);
	assert_in_range(c->lport, MODEL_LO, MODEL_LO + MODEL_N - 1);
	assert_false(claimed[c->lport - MODEL_LO]);
	assert_null(tcp_find(st, &c->laddr, c->lport, &c->raddr, c->rport));
	tcp_set_state(st, c, TERN_TCP_ESTABLISHED, "test");
	tcp_hash(st, c);
	keep(c);
}

/* At 127.0.0.1 beside who has the port at 10.0.0.1, or with SO_REUSEADDR at the
 * same address. */
static void model_bind(void)
{
	const struct tern_addr addrs[] = { tern_addr_v4(0, 0, 0, 0),
					   tern_addr_v4(10, 0, 0, 1),
					   tern_addr_v4(127, 0, 0, 1),
					   tern_addr_v4(127, 0, 0, 1) };
	struct tcp_conn *c = tcp_conn_new(st, false);
	uint16_t port = below(2) ? (uint16_t)(MODEL_LO + below(MODEL_N)) : 0;

	c->reuseaddr = 1;
	if (tcp_port_bind(st, c, &addrs[below(4)], port))
		tcp_conn_free(st, c);
	else
		keep(c);
}

/* One ends, and half of those that were open leave a record behind. */
static void model_end(void)
{
	uint32_t at;
	struct tcp_conn *c;

	if (!n_conns)
		return;
	at = below(n_conns);
	c = conns[at];
	conns[at] = conns[--n_conns];
	if (c->state != TERN_TCP_ESTABLISHED || below(2)) {
		tcp_set_state(st, c, TERN_TCP_CLOSE, "test");
		tcp_conn_free(st, c);
		return;
	}
	c->ts_ok = below(4) != 0;
	c->orphan = 1;
	st->tcp.n_orphans++;
	tcp_set_state(st, c, TERN_TCP_FIN_WAIT2, "test");
	tcp_time_wait(st, c, below(8) ? TERN_TCP_TIME_WAIT : TERN_TCP_FIN_WAIT2,
		      20 * NS_PER_S);
}

/* The peer's FIN for one of the records in FIN_WAIT_2. */
static void model_fin(void)
{
	struct wire_tcp h = { .flags = TCP_FIN | TCP_ACK,
			      .hdr_len = WIRE_TCP_LEN };
	struct wire_ip ip = { .protocol = WIRE_PROTO_TCP, .ttl = 64 };
	struct tern_pkt *pkt = tern_pkt_new(kit.pool, 60, 60);
	struct tcp_tw *tw = NULL;
	uint32_t id = 0, skip = below(20);

	while ((id = slab_next(&st->tcp.tws[0], id)) != 0) {
		tw = slab_at(&st->tcp.tws[0], id);
		if (tw->fin_wait2 && !skip--)
			break;
	}
	if (id) {
		tcp_addrs_get(tw->addrs, false, &ip.dst, &ip.src);
		h.sport = tw->rport;
		h.dport = tw->lport;
		h.seq = tw->rcv_nxt;
		h.ack = tw->snd_nxt;
		wire_tcp_emit(tern_pkt_append(pkt, WIRE_TCP_LEN), &h);
		wire_ip_emit(pkt, &ip);
		pkt->csum = TERN_CSUM_GOOD;
		tern_stack_input(st, kit.link, &pkt, 1, now);
		assert_false(tw->fin_wait2);
		kit_drain(&kit, now);
	} else {
		tern_pkt_put(pkt);
	}
}

static void model_knob(void)
{
	tern_sysctl_set(st, "tcp_tw_reuse", below(2) ? "1" : "0", now);
}

/* binds: of a thousand steps how many. */
static void model_step(uint32_t binds)
{
	uint32_t what = below(1000);

	if (what < binds)
		model_bind();
	else if (what < 560)
		model_connect();
	else if (what < 930)
		model_end();
	else if (what < 960)
		model_fin();
	else if (what < 999)
		now += (int64_t)below(400) * NS_PER_MS;
	else
		model_knob();
	tern_stack_advance(st, now);
}

static void a_search_finds_a_port_exactly_if_there_is_one(void **state)
{
	static const uint32_t binds[] = { 20, 20, 350, 100 };
	uint32_t round, i, n_maps = 0;

	(void)state;
	n_refused = 0;
	for (round = 0; round < 4; round++) {
		seed = round + 1;
		print_message("# seed %u\n", round + 1);
		open_stack(0);
		st->tun.ip_local_port_range[0] = MODEL_LO;
		st->tun.ip_local_port_range[1] = MODEL_LO + MODEL_N - 1;
		for (i = 0; i < 10000; i++) {
			model_step(binds[round]);
			n_maps += st->tcp.taken.n_used;
		}
		while (n_conns)
			model_end();
		now += 61 * NS_PER_S;
		tern_stack_advance(st, now);
		assert_int_equal(st->tcp.ports.n_used, 0);
		assert_int_equal(st->tcp.taken.n_used, 0);
		kit_close(&kit);
	}
	/* It was about something. */
	assert_true(n_refused > 100);
	assert_true(n_maps > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			each_port_serves_one_connection_to_a_destination),
		cmocka_unit_test(a_search_finds_a_port_exactly_if_there_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
