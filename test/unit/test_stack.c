// SPDX-License-Identifier: BSD-2-Clause
#include "stack_kit.h"

#include <string.h>

#define S INT64_C(1000000000)

static void a_configuration_without_an_allocator_is_refused(void **state)
{
	struct kit k;

	kit_init(&k);
	assert_null(tern_stack_new(NULL, 0));
	k.cfg.alloc.free = NULL;
	assert_null(tern_stack_new(&k.cfg, 0));
	k.cfg.alloc = (struct tern_allocator){ 0 };
	assert_null(tern_stack_new(&k.cfg, 0));
	tern_stack_free(NULL);
}

static void make_and_use(struct check_alloc *a)
{
	struct tern_config cfg = { .alloc = check_allocator(a) };
	const struct tern_link_config link = { .name = "net", .mtu = 1500 };
	const struct tern_addr v4 = tern_addr_v4(10, 0, 0, 1);
	struct tern_stack *st = tern_stack_new(&cfg, 0);
	int i, s;

	if (!st)
		return;
	i = tern_link_add(st, &link, 0);
	(void)tern_addr_add(st, i, &v4, 24, 0);
	for (i = 0; i < 4; i++) {
		s = tern_socket(st, TERN_AF_INET,
				i % 2 ? TERN_SOCK_STREAM : TERN_SOCK_DGRAM, 0,
				0);
		if (i == 3 && s >= 0)
			assert_int_equal(tern_close(st, s, 0), 0);
	}
	tern_stack_free(st);
}

static void a_failing_allocation_leaks_nothing(void **state)
{
	check_each_failure(make_and_use);
}

static void make_and_use_plain(struct check_alloc *a)
{
	struct tern_config cfg = {
		.alloc = check_allocator(a),
		.plain_alloc = true,
	};
	struct tern_stack *st = tern_stack_new(&cfg, 0);
	int s;

	if (!st)
		return;
	s = tern_socket(st, TERN_AF_INET6, TERN_SOCK_STREAM, 0, 0);
	assert_true(s == 0 || s == -TERN_ENOMEM);
	tern_stack_free(st);
}

static void nor_where_each_object_is_an_allocation(void **state)
{
	check_each_failure(make_and_use_plain);
}

static void memory_is_capped_and_told(void **state)
{
	struct tern_memory memory;
	struct kit k;
	int s, n = 0;

	kit_init(&k);
	k.cfg.max_memory = 1;
	assert_null(tern_stack_new(&k.cfg, 0));
	k.cfg.max_memory = 256 << 10;
	kit_open(&k, 0);
	while ((s = tern_socket(k.st, TERN_AF_INET, TERN_SOCK_DGRAM, 0, 0)) >=
	       0)
		assert_int_equal(s, n++);
	assert_int_equal(s, -TERN_ENOMEM);
	tern_stack_memory(k.st, &memory);
	assert_true(memory.total <= 256 << 10);
	assert_true(memory.total > 128 << 10);
	/* Sockets given back make room for others. */
	assert_int_equal(tern_close(k.st, 0, 0), 0);
	s = tern_socket(k.st, TERN_AF_INET, TERN_SOCK_DGRAM, 0, 0);
	assert_int_equal(s, 0);
	kit_close(&k);
}

static void packets_outlive_the_stack_and_its_pool(void **state)
{
	uint8_t ping[128];
	struct tern_pkt *pkt;
	struct kit k;

	kit_init(&k);
	kit_open(&k, 0);
	kit_input(&k, ping, kit_ping(ping, 1, 56), 0);
	assert_true(tern_stack_has_output(k.st, k.link));
	assert_int_equal(tern_stack_output(k.st, k.link, &pkt, 1, 0), 1);
	tern_stack_free(k.st);
	k.st = NULL;
	assert_int_equal(pkt->len, 84);
	tern_pkt_put(pkt);
	kit_close(&k);
}

static void a_shared_pool_is_the_callers(void **state)
{
	struct tern_pool *pool;
	uint8_t ping[128];
	struct kit k;

	kit_init(&k);
	pool = k.cfg.pool = tern_pool_new(&k.cfg.alloc);
	kit_open(&k, 0);
	kit_input(&k, ping, kit_ping(ping, 1, 56), 0);
	assert_int_equal(kit_drain(&k, 0), 1);
	tern_stack_free(k.st);
	k.st = NULL;
	tern_pool_free(pool);
	kit_close(&k);
}

static void links_and_addresses_are_checked(void **state)
{
	const struct tern_link_config nameless = { .mtu = 1500 };
	const struct tern_link_config lengthy = { .name = "sixteen-letters!",
						  .mtu = 1500 };
	const struct tern_addr v4 = tern_addr_v4(10, 0, 0, 9);
	struct kit k;

	kit_init(&k);
	kit_open(&k, 0);
	assert_int_equal(tern_link_add(k.st, &nameless, 0), 2);
	assert_int_equal(tern_link_add(k.st, &lengthy, 0), -TERN_EINVAL);
	assert_int_equal(tern_link_add(k.st, NULL, 0), -TERN_EFAULT);
	assert_int_equal(tern_link_set_up(k.st, 7, true, 0), -TERN_ENODEV);
	assert_int_equal(tern_link_set_mtu(k.st, -1, 1500, 0), -TERN_ENODEV);
	assert_true(tern_addr_add(k.st, 7, &v4, 24, 0) < 0);
	assert_true(tern_addr_add(k.st, 1, &v4, 33, 0) < 0);
	assert_int_equal(tern_addr_add(k.st, 1, NULL, 24, 0), -TERN_EFAULT);
	assert_int_equal(tern_route_add(k.st, NULL, 0), -TERN_EFAULT);
	assert_false(tern_stack_has_output(k.st, 7));
	assert_false(tern_stack_has_output(k.st, -1));
	kit_close(&k);
}

static void packets_by_no_link_are_dropped(void **state)
{
	int numbers[] = { -1, 0, 2, 1000000 };
	struct tern_pkt *pkt;
	uint8_t ping[128];
	struct kit k;
	size_t i;

	kit_init(&k);
	kit_open(&k, 0);
	for (i = 0; i < 4; i++) {
		pkt = kit_pkt(&k, ping, kit_ping(ping, 1, 56));
		tern_stack_input(k.st, numbers[i], &pkt, 1, 0);
		assert_int_equal(
			tern_stack_output(k.st, numbers[i], &pkt, 1, 0), 0);
	}
	tern_link_set_up(k.st, k.link, false, 0);
	kit_input(&k, ping, kit_ping(ping, 1, 56), 0);
	assert_int_equal(kit_drain(&k, 0), 0);
	assert_int_equal(kit_counter(&k, "IpInReceives"), 0);
	kit_close(&k);
}

static void no_packets_are_no_trouble(void **state)
{
	struct tern_pkt *pkt;
	struct kit k;

	kit_init(&k);
	kit_open(&k, 0);
	tern_stack_input(k.st, k.link, &pkt, 0, 0);
	tern_stack_input(k.st, k.link, NULL, -1, 0);
	assert_int_equal(tern_stack_output(k.st, k.link, NULL, 0, 0), 0);
	assert_int_equal(tern_stack_output(k.st, k.link, NULL, -5, 0), 0);
	assert_int_equal(tern_events(k.st, NULL, 0), 0);
	kit_close(&k);
}

/* The first fragment of a datagram, whose rest never comes: a timer. */
static void send_fragment(struct kit *k, int64_t now)
{
	uint8_t ping[128];
	size_t n = kit_ping(ping, 1, 56);

	ping[6] = 0x20;
	ping[10] = ping[11] = 0;
	/* The header's sum, as kit_ping() made it, less the flag. */
	kit_ping(ping, 1, 56);
	ping[6] = 0x20;
	ping[10] = (uint8_t)(ping[10] - 0x20);
	kit_input(k, ping, n, now);
}

static void what_is_due_happens_before_the_call(void **state)
{
	struct kit k;

	kit_init(&k);
	kit_open(&k, 0);
	send_fragment(&k, 0);
	assert_int_equal(kit_counter(&k, "IpReasmReqds"), 1);
	assert_true(tern_stack_deadline(k.st) <= 30 * S);
	(void)tern_sysctl_set(k.st, "tcp_sack", "1", 30 * S - 1);
	assert_int_equal(kit_counter(&k, "IpReasmFails"), 0);
	/* Nobody calls advance(): any call with the time does. */
	(void)tern_sysctl_set(k.st, "tcp_sack", "1", 30 * S);
	assert_int_equal(kit_counter(&k, "IpReasmFails"), 1);
	assert_int_equal(kit_drain(&k, 30 * S), 1);
	kit_close(&k);
}

static void the_clock_does_not_go_back(void **state)
{
	struct kit k;

	kit_init(&k);
	kit_open(&k, 0);
	tern_stack_advance(k.st, 100 * S);
	send_fragment(&k, 5 * S);
	tern_stack_advance(k.st, 50 * S);
	tern_stack_advance(k.st, 129 * S);
	assert_int_equal(kit_counter(&k, "IpReasmFails"), 0);
	tern_stack_advance(k.st, 130 * S);
	assert_int_equal(kit_counter(&k, "IpReasmFails"), 1);
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_configuration_without_an_allocator_is_refused),
		cmocka_unit_test(a_failing_allocation_leaks_nothing),
		cmocka_unit_test(nor_where_each_object_is_an_allocation),
		cmocka_unit_test(memory_is_capped_and_told),
		cmocka_unit_test(packets_outlive_the_stack_and_its_pool),
		cmocka_unit_test(a_shared_pool_is_the_callers),
		cmocka_unit_test(links_and_addresses_are_checked),
		cmocka_unit_test(packets_by_no_link_are_dropped),
		cmocka_unit_test(no_packets_are_no_trouble),
		cmocka_unit_test(what_is_due_happens_before_the_call),
		cmocka_unit_test(the_clock_does_not_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
