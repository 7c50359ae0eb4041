// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whose segment is it: lookup by 4-tuple in each table, and which of several
 * listeners takes a SYN.
 *
 * covers: S6, S12, O14, O19
 */
#include "tcp/tcp_priv.h"

#include "stack_kit.h"

#include <string.h>

static struct kit kit;
static struct tern_stack *st;

static int set_up(void **state)
{
	(void)state;
	kit_init(&kit);
	kit_open(&kit, 0);
	st = kit.st;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kit_close(&kit);
	return 0;
}

static struct tern_addr addr(const char *text)
{
	struct tern_addr a;

	assert_true(tern_addr_parse(text, NULL, &a));
	return a;
}

static struct tcp_conn *conn(const char *l, uint16_t lport, const char *r,
			     uint16_t rport)
{
	struct tcp_conn *c = tcp_conn_new(st, false);

	assert_non_null(c);
	c->laddr = addr(l);
	c->raddr = addr(r);
	c->lport = lport;
	c->rport = rport;
	tcp_set_state(st, c, TERN_TCP_ESTABLISHED, "test");
	tcp_hash(st, c);
	return c;
}

static struct tcp_conn *find(const char *l, uint16_t lport, const char *r,
			     uint16_t rport)
{
	struct tern_addr la = addr(l), ra = addr(r);

	return tcp_find(st, &la, lport, &ra, rport);
}

static void a_connection_is_its_4_tuple(void **state)
{
	struct tcp_conn *a = conn("10.0.0.1", 80, "10.0.0.2", 1000);
	struct tcp_conn *b = conn("10.0.0.1", 80, "10.0.0.2", 1001);
	struct tcp_conn *c = conn("10.0.0.1", 80, "10.0.0.3", 1000);
	struct tcp_conn *d = conn("fd00::1", 80, "fd00::2", 1000);

	(void)state;
	assert_ptr_equal(find("10.0.0.1", 80, "10.0.0.2", 1000), a);
	assert_ptr_equal(find("10.0.0.1", 80, "10.0.0.2", 1001), b);
	assert_ptr_equal(find("10.0.0.1", 80, "10.0.0.3", 1000), c);
	assert_ptr_equal(find("fd00::1", 80, "fd00::2", 1000), d);
	assert_null(find("10.0.0.1", 81, "10.0.0.2", 1000));
	assert_null(find("10.0.0.4", 80, "10.0.0.2", 1000));
	assert_null(find("10.0.0.2", 1000, "10.0.0.1", 80));
	tcp_unhash(st, b);
	tcp_unhash(st, b);
	assert_null(find("10.0.0.1", 80, "10.0.0.2", 1001));
	assert_ptr_equal(find("10.0.0.1", 80, "10.0.0.2", 1000), a);
}

static void many_are_found_while_the_table_grows_and_shrinks(void **state)
{
	enum { N = 5000 };
	static struct tcp_conn *c[N];
	struct tern_addr l = addr("10.0.0.1"), r = addr("10.0.0.2");
	uint32_t i;

	(void)state;
	for (i = 0; i < N; i++) {
		c[i] = tcp_conn_new(st, false);
		c[i]->laddr = l;
		c[i]->raddr = r;
		c[i]->lport = (uint16_t)(i / 1000);
		c[i]->rport = (uint16_t)i;
		tcp_set_state(st, c[i], TERN_TCP_ESTABLISHED, "test");
		tcp_hash(st, c[i]);
	}
	for (i = 0; i < N; i += 2)
		tcp_unhash(st, c[i]);
	for (i = 0; i < N; i++)
		assert_ptr_equal(tcp_find(st, &l, (uint16_t)(i / 1000), &r,
					  (uint16_t)i),
				 i % 2 ? c[i] : NULL);
}

static void hashes_are_keyed_and_differ_by_family(void **state)
{
	struct tern_addr l4 = addr("10.0.0.1"), r4 = addr("10.0.0.2");
	struct tern_addr l6 = addr("fd00::1"), r6 = addr("fd00::2");
	uint32_t h4 = tcp_tuple_hash(st, &l4, 80, &r4, 1000);
	uint32_t h6 = tcp_tuple_hash(st, &l6, 80, &r6, 1000);

	(void)state;
	assert_int_not_equal(h4, tcp_tuple_hash(st, &l4, 1000, &r4, 80));
	assert_int_not_equal(h4, tcp_tuple_hash(st, &r4, 80, &l4, 1000));
	st->key_hash.k0 ^= 1;
	assert_int_not_equal(h4, tcp_tuple_hash(st, &l4, 80, &r4, 1000));
	assert_int_not_equal(h6, tcp_tuple_hash(st, &l6, 80, &r6, 1000));
	st->key_hash.k0 ^= 1;
}

static void addresses_are_packed_by_family(void **state)
{
	struct tern_addr l = addr("10.0.0.1"), r = addr("10.0.0.2"), a, b;
	uint8_t bytes[32];

	(void)state;
	tcp_addrs_put(bytes, false, &l, &r);
	assert_memory_equal(bytes, "\x0a\0\0\1\x0a\0\0\2", 8);
	tcp_addrs_get(bytes, false, &a, &b);
	assert_true(tern_addr_equal(&a, &l) && tern_addr_equal(&b, &r));
	l = addr("fd00::1");
	r = addr("fd00::2");
	tcp_addrs_put(bytes, true, &l, &r);
	tcp_addrs_get(bytes, true, &a, &b);
	assert_true(tern_addr_equal(&a, &l) && tern_addr_equal(&b, &r));
}

/* Listeners. */

enum { V6ONLY = 1, REUSEPORT = 2, ANY = 4 };

static struct tcp_conn *listener(const char *l, uint16_t port, int family,
				 unsigned how)
{
	uint32_t id = (uint32_t)tcp_new(st, family);
	struct tcp_conn *c = conn_at(st, id);
	struct tern_addr a = addr(l);

	c->v6only = (how & V6ONLY) != 0;
	c->reuseport = (how & REUSEPORT) != 0;
	c->any = (how & ANY) != 0;
	c->freebind = 1;
	assert_int_equal(tcp_port_bind(st, c, &a, port), 0);
	assert_int_equal(tcp_listen(st, id, 5), 0);
	return c;
}

static struct tcp_conn *at_from(const char *l, uint16_t port, const char *r,
				uint16_t rport)
{
	struct tern_addr la = addr(l), ra = addr(r);

	return tcp_find_listener(st, &la, port, &ra, rport);
}

static struct tcp_conn *at(const char *l, uint16_t port)
{
	return at_from(l, port, strchr(l, ':') ? "fd00::2" : "10.0.0.2", 1000);
}

#define V4 TERN_AF_INET
#define V6 TERN_AF_INET6

static void an_exact_address_beats_the_wildcard(void **state)
{
	struct tcp_conn *wild = listener("0.0.0.0", 80, V4, REUSEPORT);
	struct tcp_conn *exact = listener("10.0.0.1", 80, V4, REUSEPORT);

	(void)state;
	assert_ptr_equal(at("10.0.0.1", 80), exact);
	assert_ptr_equal(at("127.0.0.1", 80), wild);
	assert_null(at("10.0.0.1", 81));
	assert_null(at("fd00::1", 80));
}

static void a_dual_stack_listener_takes_ipv4_unless_v6only(void **state)
{
	struct tcp_conn *dual = listener("::", 80, V6, 0);
	struct tcp_conn *only = listener("::", 81, V6, V6ONLY);
	struct tcp_conn *mapped = listener("::ffff:10.0.0.1", 82, V6, 0);
	struct tcp_conn *v4 = listener("0.0.0.0", 81, V4, 0);

	(void)state;
	assert_ptr_equal(at("10.0.0.1", 80), dual);
	assert_ptr_equal(at("fd00::1", 80), dual);
	assert_ptr_equal(at("10.0.0.1", 81), v4);
	assert_ptr_equal(at("fd00::1", 81), only);
	assert_ptr_equal(at("10.0.0.1", 82), mapped);
	assert_null(at("127.0.0.1", 82));
}

static void ipv4_goes_to_the_ipv4_socket_first(void **state)
{
	struct tcp_conn *dual = listener("::", 80, V6, REUSEPORT);
	struct tcp_conn *v4 = listener("0.0.0.0", 80, V4, REUSEPORT);

	(void)state;
	assert_ptr_equal(at("10.0.0.1", 80), v4);
	assert_ptr_equal(at("fd00::1", 80), dual);
}

static void a_reuseport_group_shares_by_the_peer(void **state)
{
	struct tcp_conn *l[4], *c;
	int n[4] = { 0 }, i, k;

	(void)state;
	for (i = 0; i < 4; i++)
		l[i] = listener("0.0.0.0", 80, V4, REUSEPORT);
	for (i = 0; i < 4000; i++) {
		c = at_from("10.0.0.1", 80, "10.0.0.2", (uint16_t)i);
		/* The same peer always meets the same one. */
		assert_ptr_equal(c, at_from("10.0.0.1", 80, "10.0.0.2",
					    (uint16_t)i));
		for (k = 0; k < 4; k++)
			n[k] += c == l[k];
	}
	/* 1,000 each; six times the deviation of 27 aside. */
	for (k = 0; k < 4; k++)
		assert_in_range(n[k], 836, 1164);
}

static void any_address_comes_last(void **state)
{
	struct tcp_conn *all = listener("0.0.0.0", 0, V4, ANY);
	struct tcp_conn *all6 = listener("::", 0, V6, ANY | V6ONLY);
	struct tcp_conn *http = listener("0.0.0.0", 80, V4, ANY);
	struct tcp_conn *own = listener("10.0.0.1", 80, V4, 0);

	(void)state;
	assert_ptr_equal(at("10.0.0.1", 80), own);
	assert_ptr_equal(at("8.8.8.8", 80), http);
	assert_ptr_equal(at("8.8.8.8", 53), all);
	assert_ptr_equal(at("2001:db8::1", 53), all6);
	tcp_close(st, http->id);
	assert_ptr_equal(at("8.8.8.8", 80), all);
	tcp_close(st, own->id);
	assert_ptr_equal(at("10.0.0.1", 80), all);
	tcp_close(st, all->id);
	assert_null(at("8.8.8.8", 53));
}

static void a_listener_that_stops_is_not_found(void **state)
{
	struct tcp_conn *a = listener("0.0.0.0", 80, V4, 0);
	uint32_t id;

	(void)state;
	assert_ptr_equal(at("10.0.0.1", 80), a);
	assert_int_equal(tcp_shutdown(st, a->id, TERN_SHUT_RDWR), 0);
	assert_null(at("10.0.0.1", 80));
	/* Its port is still its own, but it does not listen there: who also has
	 * SO_REUSEADDR may. */
	a->reuseaddr = 1;
	tcp_port_reclass(st, a, 0);
	id = (uint32_t)tcp_new(st, V4);
	conn_at(st, id)->reuseaddr = 1;
	assert_int_equal(tcp_port_bind(st, conn_at(st, id), &a->laddr, 80), 0);
	assert_int_equal(tcp_listen(st, id, 5), 0);
	assert_ptr_equal(at("10.0.0.1", 80), conn_at(st, id));
}

static void scenario(struct check_alloc *alloc)
{
	struct tern_config cfg = { .alloc = check_allocator(alloc) };
	struct tern_stack *s = tern_stack_new(&cfg, 0);

	if (s)
		tern_stack_free(s);
}

static void tables_are_made_whole_or_not_at_all(void **state)
{
	(void)state;
	check_each_failure(scenario);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_connection_is_its_4_tuple),
		TEST(many_are_found_while_the_table_grows_and_shrinks),
		TEST(hashes_are_keyed_and_differ_by_family),
		TEST(addresses_are_packed_by_family),
		TEST(an_exact_address_beats_the_wildcard),
		TEST(a_dual_stack_listener_takes_ipv4_unless_v6only),
		TEST(ipv4_goes_to_the_ipv4_socket_first),
		TEST(a_reuseport_group_shares_by_the_peer),
		TEST(any_address_comes_last),
		TEST(a_listener_that_stops_is_not_found),
		cmocka_unit_test(tables_are_made_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
