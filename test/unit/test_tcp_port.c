// SPDX-License-Identifier: BSD-2-Clause
/*
 * Local ports: every rule as the kernel has it (port_rules.h), and the order
 * and cost of the choice. Sockets are made here by hand, without a segment:
 * what counts is who holds which port.
 */
#include "tcp/tcp_priv.h"

#include "stack_kit.h"
#include "port_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kit kit;
static struct tern_stack *st;
static struct tcp_conn *socks[26];
static struct tcp_conn *last_client;

static void open_stack(void)
{
	kit_init(&kit);
	kit_open(&kit, 0);
	st = kit.st;
	memset(socks, 0, sizeof(socks));
}

static void end_conn(struct tcp_conn *c)
{
	tcp_unhash(st, c);
	if (c->state == TERN_TCP_LISTEN) {
		slab_free(&st->tcp.listeners, c->listener->id);
		c->listener = NULL;
		tcp_set_state(st, c, TERN_TCP_CLOSE, "test");
		tcp_port_reclass(st, c, 0);
	}
	tcp_conn_free(st, c);
}

static void close_stack(void)
{
	size_t i;

	for (i = 0; i < 26; i++)
		if (socks[i])
			end_conn(socks[i]);
	kit_close(&kit);
}

static struct tern_addr addr_of(char c)
{
	static const char *const text[128] = {
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
	struct tern_addr a;

	assert_true(text[(int)c] && tern_addr_parse(text[(int)c], NULL, &a));
	return a;
}

static int do_bind(struct tcp_conn *c, const char *where)
{
	struct tern_addr a = addr_of(where[0]);

	return tcp_port_bind(st, c, &a, (uint16_t)atoi(where + 2));
}

static int do_listen(struct tcp_conn *c)
{
	struct tcp_listener *li;
	uint32_t id;
	int err;

	if (c->state == TERN_TCP_LISTEN)
		return 0;
	err = tcp_port_may_listen(st, c);
	if (err)
		return err;
	id = slab_alloc(&st->tcp.listeners);
	li = slab_at(&st->tcp.listeners, id);
	li->id = id;
	li->conn = c->id;
	c->listener = li;
	tcp_set_state(st, c, TERN_TCP_LISTEN, "test");
	tcp_port_reclass(st, c, 0);
	tcp_hash(st, c);
	return 0;
}

static int do_connect(struct tcp_conn *c, const char *where)
{
	struct tern_addr before = c->laddr;
	int err;

	c->raddr = addr_of(where[0]);
	c->rport = (uint16_t)atoi(where + 2);
	if (tern_addr_is_any(&c->laddr))
		c->laddr = tern_addr_is_v4(&c->raddr) ? addr_of('1') :
							addr_of('6');
	err = tcp_port_connect(st, c);
	if (err) {
		c->laddr = before;
		return err;
	}
	tcp_set_state(st, c, TERN_TCP_ESTABLISHED, "test");
	tcp_hash(st, c);
	c->ts_ok = 1;
	last_client = c;
	return 0;
}

static struct tcp_conn *do_accept(const struct tcp_conn *l)
{
	struct tcp_conn *c = tcp_conn_new(st, l->v6);

	c->laddr = last_client->raddr;
	c->lport = last_client->rport;
	c->raddr = last_client->laddr;
	c->rport = last_client->lport;
	c->reuseaddr = l->reuseaddr;
	c->reuseport = l->reuseport;
	c->v6only = l->v6only;
	c->ts_ok = 1;
	assert_true(tcp_port_inherit(st, c));
	tcp_set_state(st, c, TERN_TCP_ESTABLISHED, "test");
	tcp_hash(st, c);
	return c;
}

static int do_dissolve(struct tcp_conn *c)
{
	tcp_set_state(st, c, TERN_TCP_CLOSE, "test");
	if (!c->bound_addr) {
		c->laddr = c->v6 ? addr_of('#') : addr_of('*');
		assert_true(tcp_port_moved(st, c));
	}
	return 0;
}

static void do_time_wait(char who, char peer)
{
	struct tcp_conn *c = socks[who - 'a'];

	end_conn(socks[peer - 'a']);
	socks[peer - 'a'] = NULL;
	/* As if its program had closed it. */
	c->orphan = 1;
	st->tcp.n_orphans++;
	tcp_time_wait(st, c, TERN_TCP_TIME_WAIT, 0);
	socks[who - 'a'] = NULL;
	st->now += 80 * NS_PER_MS;
}

static int set(struct tcp_conn *c, int level, int name, int v)
{
	return tcp_setsockopt(st, c->id, level, name, &v, sizeof(v));
}

static int do_range(struct tcp_conn *c, const char *range)
{
	unsigned lo, hi;

	assert_int_equal(sscanf(range, "%u-%u", &lo, &hi), 2);
	return set(c, TERN_IPPROTO_IP, TERN_IP_LOCAL_PORT_RANGE,
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

#define SILENT 1 /* no errno is negative's opposite */

/* -errno, 0, a port, or SILENT for a step that cannot fail. */
static int do_step(const char *t)
{
	struct tcp_conn **c = &socks[t[0] - 'a'];

	switch (t[1]) {
	case '4':
	case '6':
		*c = tcp_conn_new(st, t[1] == '6');
		return SILENT;
	case 'R':
	case 'r':
		set(*c, TERN_SOL_SOCKET, TERN_SO_REUSEADDR, t[1] == 'R');
		return SILENT;
	case 'P':
	case 'p':
		set(*c, TERN_SOL_SOCKET, TERN_SO_REUSEPORT, t[1] == 'P');
		return SILENT;
	case 'V':
		set(*c, TERN_IPPROTO_IPV6, TERN_IPV6_V6ONLY, 1);
		return SILENT;
	case 'F':
		set(*c, TERN_IPPROTO_IP, TERN_IP_FREEBIND, 1);
		return SILENT;
	case 'N':
		set(*c, TERN_IPPROTO_IP, TERN_IP_BIND_ADDRESS_NO_PORT, 1);
		return SILENT;
	case 'K':
		return do_range(*c, t + 2);
	case 'b':
		return do_bind(*c, t + 2);
	case 'l':
		return do_listen(*c);
	case 'c':
		return do_connect(*c, t + 2);
	case 'a':
		socks[t[2] - 'a'] = do_accept(*c);
		return 0;
	case 'x':
		end_conn(*c);
		*c = NULL;
		return SILENT;
	case 'T':
		do_time_wait(t[0], t[2]);
		return SILENT;
	case 'u':
		return do_dissolve(*c);
	case 's':
		return -((*c)->lport != 0);
	case 'S':
		return -(*c)->lport;
	default:
		fail_msg("%s: no such step", t);
		return 0;
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
		close_stack();
	}
}

static uint16_t connected_port(char dst, uint16_t rport)
{
	struct tcp_conn *c = tcp_conn_new(st, false);
	char where[16];
	uint16_t port;

	snprintf(where, sizeof(where), "%c:%u", dst, rport);
	if (do_connect(c, where)) {
		tcp_conn_free(st, c);
		return 0;
	}
	port = c->lport;
	return port;
}

static void end_all(void)
{
	uint32_t id;

	while ((id = slab_next(&st->tcp.conns, 0)) != 0)
		end_conn(conn_at(st, id));
	assert_int_equal(st->tcp.ports.n_used, 0);
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
	end_all();
	close_stack();
}

static void bind_to_port_0_takes_the_odd_ports_first(void **state)
{
	struct tern_addr any = addr_of('*');
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
	end_all();
	close_stack();
}

static void the_choice_differs_by_seed_and_destination(void **state)
{
	uint16_t a, b, c;

	(void)state;
	open_stack();
	a = connected_port('1', 5000);
	b = connected_port('1', 5001);
	end_all();
	close_stack();
	kit_init(&kit);
	kit.cfg.seed[0] ^= 1;
	kit_open(&kit, 0);
	st = kit.st;
	c = connected_port('1', 5000);
	end_all();
	close_stack();
	/* Equal by a chance of 1 in 14,000 each. */
	assert_int_not_equal(a, c);
	assert_int_not_equal(a + 2, b);
}

static void the_whole_range_is_used_and_given_back(void **state)
{
	int i;

	(void)state;
	open_stack();
	for (i = 0; i < 60999 - 32768 + 1; i++)
		assert_in_range(connected_port('1', 5000), 32768, 60999);
	assert_int_equal(st->tcp.ports.n_used, 60999 - 32768 + 1);
	assert_int_equal(connected_port('1', 5000), 0);
	/* To a second destination the ports are shared: no new entries. */
	for (i = 0; i < 1000; i++)
		assert_in_range(connected_port('1', 5001), 32768, 60999);
	assert_int_equal(st->tcp.ports.n_used, 60999 - 32768 + 1);
	end_all();
	close_stack();
}

static void sockets_of_any_address_take_no_port_away(void **state)
{
	struct tern_addr any = addr_of('*'), foreign = addr_of('x');
	struct tcp_conn *a, *b, *c;

	(void)state;
	open_stack();
	a = tcp_conn_new(st, false);
	assert_int_equal(set(a, TERN_SOL_TERN, TERN_SO_ANY, 1), 0);
	assert_int_equal(tcp_port_bind(st, a, &any, 0), 0);
	assert_int_equal(a->lport, 0);
	assert_int_equal(do_listen(a), 0);
	b = tcp_conn_new(st, false);
	assert_int_equal(set(b, TERN_SOL_TERN, TERN_SO_ANY, 1), 0);
	assert_int_equal(tcp_port_bind(st, b, &foreign, 0), 0);
	assert_int_equal(do_listen(b), -TERN_EADDRINUSE);
	c = tcp_conn_new(st, false);
	assert_int_equal(tcp_port_bind(st, c, &any, 80), 0);
	assert_int_equal(do_listen(c), 0);
	end_all();
	close_stack();
}

static void without_memory_nothing_is_left_behind(void **state)
{
	struct tern_addr any = addr_of('*');
	struct tcp_conn *c;

	(void)state;
	open_stack();
	c = tcp_conn_new(st, false);
	kit.alloc.n_left = 0;
	assert_int_equal(tcp_port_bind(st, c, &any, 5000), -TERN_ENOMEM);
	assert_false(c->has_port);
	c->raddr = addr_of('1');
	c->laddr = addr_of('1');
	c->rport = 80;
	assert_int_equal(tcp_port_connect(st, c), -TERN_ENOMEM);
	assert_int_equal(c->lport, 0);
	kit.alloc.n_left = -1;
	assert_int_equal(tcp_port_connect(st, c), 0);
	end_all();
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
