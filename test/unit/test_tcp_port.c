// SPDX-License-Identifier: BSD-2-Clause
/*
 * Local ports: every rule as the kernel has it (port_rules.h), and the order
 * and cost of the choice. Sockets are made here by hand, without a segment:
 * what counts is who holds which port.
 * covers: O14
 */
#include "tcp/tcp_priv.h"

#include "stack_kit.h"
#include "port_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kit kit;
static struct tern_stack *st;
static int64_t now;
static int socks[26];

static void open_stack(void)
{
	kit_init(&kit);
	now = NS_PER_S;
	kit_open(&kit, now);
	st = kit.st;
}

static struct tern_sockaddr name_of(const char *text)
{
	static const char *const addrs[128] = {
		['*'] = "0.0.0.0",
		['1'] = "127.0.0.1",
		['2'] = "127.0.0.2",
		['x'] = "8.8.8.8",
		['g'] = "224.0.0.1",
		['B'] = "255.255.255.255",
		['#'] = "::",
		['6'] = "::1",
		['m'] = "::ffff:127.0.0.1",
		['M'] = "::ffff:0.0.0.0",
		['y'] = "::ffff:8.8.8.8",
		['X'] = "2001:db8::99",
		['G'] = "ff02::1",
		['L'] = "fe80::1",
	};
	struct tern_sockaddr sa = { .port = (uint16_t)atoi(text + 2) };
	const char *addr = addrs[(int)text[0]];

	assert_true(addr && tern_addr_parse(addr, NULL, &sa.addr));
	sa.family = strchr(addr, ':') ? TERN_AF_INET6 : TERN_AF_INET;
	return sa;
}

/* Lets time pass, and what is due happen. */
static void pass(int64_t ns)
{
	int64_t end = now + ns;

	while (tern_stack_deadline(st) <= end) {
		if (tern_stack_deadline(st) > now)
			now = tern_stack_deadline(st);
		tern_stack_advance(st, now);
	}
	now = end;
	tern_stack_advance(st, now);
}

static int set(int s, int level, int name, int v)
{
	return tern_setsockopt(st, s, level, name, &v, sizeof(v), now);
}

static int do_connect(int s, const char *where)
{
	struct tern_sockaddr to = name_of(where);
	int err = tern_connect(st, s, &to, now), v;
	size_t len = sizeof(v);

	if (err != -TERN_EINPROGRESS)
		return err;
	pass(NS_PER_MS);
	assert_int_equal(tern_getsockopt(st, s, TERN_SOL_SOCKET, TERN_SO_ERROR,
					 &v, &len, now),
			 0);
	return -v;
}

static int do_accept(int s, int *child)
{
	*child = tern_accept(st, s, NULL, now);
	return *child < 0 ? *child : 0;
}

static void do_time_wait(int s, int peer)
{
	tern_shutdown(st, s, TERN_SHUT_WR, now);
	pass(20 * NS_PER_MS);
	tern_close(st, peer, now);
	pass(60 * NS_PER_MS);
	tern_close(st, s, now);
}

static int do_range(int s, const char *range)
{
	unsigned lo, hi;

	assert_int_equal(sscanf(range, "%u-%u", &lo, &hi), 2);
	return set(s, TERN_IPPROTO_IP, TERN_IP_LOCAL_PORT_RANGE,
		   (int)(hi << 16 | lo));
}

static void do_tunable(const char *what)
{
	long v = atol(what + 1);

	if (what[0] == 'r') {
		st->tun.ip_local_port_range[0] = v;
		st->tun.ip_local_port_range[1] = atol(strchr(what, '-') + 1);
	} else if (what[0] == 't') {
		st->tun.tcp_tw_reuse = v;
	} else {
		st->tun.tcp_tw_reuse_delay = v;
	}
}

#define SILENT 1 /* results are 0 or negative */

/* What sets an option, or makes or ends a socket: no result. */
static int do_quiet_step(int *s, const char *t)
{
	switch (t[1]) {
	case '4':
	case '6':
		*s = tern_socket(st, t[1] == '6' ? TERN_AF_INET6 : TERN_AF_INET,
				 TERN_SOCK_STREAM, 0, now);
		break;
	case 'R':
	case 'r':
		set(*s, TERN_SOL_SOCKET, TERN_SO_REUSEADDR, t[1] == 'R');
		break;
	case 'P':
	case 'p':
		set(*s, TERN_SOL_SOCKET, TERN_SO_REUSEPORT, t[1] == 'P');
		break;
	case 'V':
		set(*s, TERN_IPPROTO_IPV6, TERN_IPV6_V6ONLY, 1);
		break;
	case 'F':
		set(*s, TERN_IPPROTO_IP, TERN_IP_FREEBIND, 1);
		break;
	case 'N':
		set(*s, TERN_IPPROTO_IP, TERN_IP_BIND_ADDRESS_NO_PORT, 1);
		break;
	case 'x':
		tern_close(st, *s, now);
		pass(NS_PER_MS);
		break;
	case 'T':
		do_time_wait(*s, socks[t[2] - 'a']);
		break;
	default:
		fail_msg("%s: no such step", t);
	}
	return SILENT;
}

/* -errno, 0, the negative of a port, or SILENT. */
static int do_step(const char *t)
{
	int *s = &socks[t[0] - 'a'];
	struct tern_sockaddr sa = { 0 };

	switch (t[1]) {
	case 'b':
		sa = name_of(t + 2);
		return tern_bind(st, *s, &sa, now);
	case 'l':
		return tern_listen(st, *s, 5, now);
	case 'c':
		return do_connect(*s, t + 2);
	case 'a':
		return do_accept(*s, &socks[t[2] - 'a']);
	case 'u':
		return tern_connect(st, *s, &sa, now);
	case 'K':
		return do_range(*s, t + 2);
	case 's':
		assert_int_equal(tern_getsockname(st, *s, &sa), 0);
		return -(sa.port != 0);
	case 'S':
		assert_int_equal(tern_getsockname(st, *s, &sa), 0);
		return -sa.port;
	default:
		return do_quiet_step(s, t);
	}
}

static void play(const char *steps, char *out)
{
	char copy[256], *t;
	int res;

	snprintf(copy, sizeof(copy), "%s", steps);
	out[0] = '\0';
	for (t = strtok(copy, " "); t; t = strtok(NULL, " ")) {
		if (t[0] == 'z') {
			do_tunable(t + 1);
			continue;
		}
		res = do_step(t);
		if (res != SILENT)
			sprintf(out + strlen(out), "%s%d", out[0] ? " " : "",
				-res);
	}
}

static void binds_and_conflicts_as_linux_does(void **state)
{
	char out[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(port_rules) / sizeof(port_rules[0]); i++) {
		open_stack();
		play(port_rules[i].steps, out);
		if (strcmp(out, port_rules[i].results) != 0)
			fail_msg("%s\n  Linux: %s\n  tern:  %s",
				 port_rules[i].steps, port_rules[i].results,
				 out);
		kit_close(&kit);
	}
}

/* From here on sockets are made by hand, without a segment. */

static int hold_tuple(struct tcp_conn *c, const char *where)
{
	struct tern_sockaddr to = name_of(where);
	int err;

	c->laddr = name_of("1:0").addr;
	c->raddr = to.addr;
	c->rport = to.port;
	err = tcp_port_connect(st, c);
	if (err)
		return err;
	tcp_set_state(st, c, TERN_TCP_ESTABLISHED, "test");
	tcp_hash(st, c);
	return 0;
}

static uint16_t connected_port(char dst, uint16_t rport)
{
	struct tcp_conn *c = tcp_conn_new(st, false);
	char where[16];
	uint16_t port;

	snprintf(where, sizeof(where), "%c:%u", dst, rport);
	if (hold_tuple(c, where)) {
		tcp_conn_free(st, c);
		return 0;
	}
	port = c->lport;
	return port;
}

/* With all that is left, and it must be nothing. */
static void close_stack(void)
{
	uint32_t id;

	while ((id = slab_next(&st->tcp.conns, 0)) != 0) {
		tcp_set_state(st, conn_at(st, id), TERN_TCP_CLOSE, "test");
		tcp_conn_free(st, conn_at(st, id));
	}
	assert_int_equal(st->tcp.ports.n_used, 0);
	kit_close(&kit);
}

static void connect_takes_the_even_ports_first_and_then_all(void **state)
{
	bool seen[10] = { false };
	int i, port;

	(void)state;
	open_stack();
	st->tun.ip_local_port_range[0] = 40000;
	st->tun.ip_local_port_range[1] = 40009;
	for (i = 0; i < 10; i++) {
		port = connected_port('1', 5000);
		assert_in_range(port, 40000, 40009);
		assert_int_equal(port % 2, i < 5 ? 0 : 1);
		assert_false(seen[port - 40000]);
		seen[port - 40000] = true;
	}
	/* Every port to this destination is taken; not to another (O14). */
	assert_int_equal(connected_port('1', 5000), 0);
	assert_in_range(connected_port('1', 5001), 40000, 40009);
	assert_in_range(connected_port('2', 5000), 40000, 40009);
	close_stack();
}

static void bind_to_port_0_takes_the_odd_ports_first(void **state)
{
	struct tern_addr any = name_of("*:0").addr;
	struct tcp_conn *c;
	int i;

	(void)state;
	open_stack();
	st->tun.ip_local_port_range[0] = 40000;
	st->tun.ip_local_port_range[1] = 40009;
	for (i = 0; i < 10; i++) {
		c = tcp_conn_new(st, false);
		assert_int_equal(tcp_port_bind(st, c, &any, 0), 0);
		assert_int_equal(c->lport % 2, i < 5 ? 1 : 0);
		assert_false(c->bound_port);
	}
	c = tcp_conn_new(st, false);
	assert_int_equal(tcp_port_bind(st, c, &any, 0), -TERN_EADDRINUSE);
	close_stack();
}

static void the_choice_differs_by_seed_and_destination(void **state)
{
	uint16_t a, b, c;

	(void)state;
	open_stack();
	a = connected_port('1', 5000);
	b = connected_port('1', 5001);
	close_stack();
	kit_init(&kit);
	kit.cfg.seed[0] ^= 1;
	kit_open(&kit, 0);
	st = kit.st;
	c = connected_port('1', 5000);
	close_stack();
	/* Equal by a chance of 1 in 14,000 each. */
	assert_int_not_equal(a, c);
	assert_int_not_equal(a + 2, b);
}

/* A small range: each connect looks at more ports the fuller it is. */
static void the_whole_range_is_used_and_given_back(void **state)
{
	const int lo = 40000, hi = 42999;
	int i;

	(void)state;
	open_stack();
	assert_int_equal(tern_sysctl_set(st, "ip_local_port_range",
					 "40000 42999", now),
			 0);
	for (i = lo; i <= hi; i++)
		assert_in_range(connected_port('1', 5000), lo, hi);
	assert_int_equal(st->tcp.ports.n_used, hi - lo + 1);
	assert_int_equal(connected_port('1', 5000), 0);
	/* To a second destination the ports are shared: no new entries. */
	for (i = 0; i < 100; i++)
		assert_in_range(connected_port('1', 5001), lo, hi);
	assert_int_equal(st->tcp.ports.n_used, hi - lo + 1);
	close_stack();
}

static int any_socket(void)
{
	int s = tern_socket(st, TERN_AF_INET, TERN_SOCK_STREAM, 0, now);

	assert_int_equal(set(s, TERN_SOL_TERN, TERN_SO_ANY, 1), 0);
	return s;
}

static void sockets_of_any_address_take_no_port_away(void **state)
{
	struct tern_sockaddr all = name_of("*:0"), http = name_of("*:80");
	struct tern_sockaddr got;
	int a, b, c;

	(void)state;
	open_stack();
	a = any_socket();
	assert_int_equal(tern_bind(st, a, &all, now), 0);
	assert_int_equal(tern_getsockname(st, a, &got), 0);
	assert_int_equal(got.port, 0);
	assert_int_equal(tern_listen(st, a, 5, now), 0);
	b = any_socket();
	assert_int_equal(tern_bind(st, b, &all, now), 0);
	assert_int_equal(tern_listen(st, b, 5, now), -TERN_EADDRINUSE);
	c = tern_socket(st, TERN_AF_INET, TERN_SOCK_STREAM, 0, now);
	assert_int_equal(tern_bind(st, c, &http, now), 0);
	assert_int_equal(tern_listen(st, c, 5, now), 0);
	kit_close(&kit);
}

static void without_memory_nothing_is_left_behind(void **state)
{
	struct tern_addr any = name_of("*:0").addr;
	struct tcp_conn *c;

	(void)state;
	open_stack();
	c = tcp_conn_new(st, false);
	kit.alloc.n_left = 0;
	assert_int_equal(tcp_port_bind(st, c, &any, 5000), -TERN_ENOMEM);
	assert_false(c->has_port);
	c->raddr = name_of("1:0").addr;
	c->laddr = name_of("1:0").addr;
	c->rport = 80;
	assert_int_equal(tcp_port_connect(st, c), -TERN_ENOMEM);
	assert_int_equal(c->lport, 0);
	kit.alloc.n_left = -1;
	assert_int_equal(tcp_port_connect(st, c), 0);
	close_stack();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binds_and_conflicts_as_linux_does),
		cmocka_unit_test(
			connect_takes_the_even_ports_first_and_then_all),
		cmocka_unit_test(bind_to_port_0_takes_the_odd_ports_first),
		cmocka_unit_test(the_choice_differs_by_seed_and_destination),
		cmocka_unit_test(the_whole_range_is_used_and_given_back),
		cmocka_unit_test(sockets_of_any_address_take_no_port_away),
		cmocka_unit_test(without_memory_nothing_is_left_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
