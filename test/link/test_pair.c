// SPDX-License-Identifier: BSD-2-Clause
/* The pair link: order, back-pressure, references and copies. */
#include "wire_kit.h"

static void make_pair(struct tern_link *ends[2], uint32_t queue_len)
{
	struct tern_pair_config config = { .pool = { kit_pool, kit_pool },
					   .queue_len = queue_len };

	assert_int_equal(tern_pair_new(&config, ends), 0);
	assert_int_equal(ends[0]->mtu, 1500);
}

static void close_pair(struct tern_link *ends[2])
{
	ends[0]->ops->close(ends[0]);
	ends[1]->ops->close(ends[1]);
}

static void what_goes_in_comes_out_in_order(void **state)
{
	struct tern_link *e[2];
	uint32_t got[40];

	make_pair(e, 0);
	assert_int_equal(kit_send(e[0], 0, 40, 5), 40);
	assert_int_equal(kit_send(e[1], 100, 101, 5), 1);
	assert_int_equal(kit_receive(e[1], got, 40, 7), 40);
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(got[i], i);
	assert_int_equal(kit_receive(e[0], got, 40, 7), 1);
	assert_int_equal(got[0], 100);
	assert_int_equal(kit_receive(e[0], got, 40, 8), 0);
	close_pair(e);
}

static void a_full_queue_refuses_and_room_makes_due(void **state)
{
	struct tern_link *e[2];
	struct tern_pkt *one;

	make_pair(e, 10);
	assert_int_equal(e[0]->ops->deadline(e[0]), TERN_NEVER);
	assert_int_equal(kit_send(e[0], 0, 16, 0), 10);
	assert_int_equal(kit_send(e[0], 10, 16, 0), 0);
	assert_int_equal(e[0]->ops->deadline(e[0]), TERN_NEVER);
	assert_int_equal(e[1]->ops->deadline(e[1]), INT64_MIN);

	assert_int_equal(e[1]->ops->receive(e[1], &one, 1, 1), 1);
	tern_pkt_put(one);
	assert_int_equal(e[0]->ops->deadline(e[0]), INT64_MIN);
	assert_int_equal(kit_send(e[0], 10, 11, 1), 1);
	assert_int_equal(e[0]->ops->deadline(e[0]), TERN_NEVER);
	close_pair(e);
}

static void one_pool_passes_references(void **state)
{
	struct tern_link *e[2];
	struct tern_pkt *in, *out = kit_packet(1);

	make_pair(e, 0);
	in = out;
	assert_int_equal(e[0]->ops->send(e[0], &out, 1, 0), 1);
	assert_int_equal(e[1]->ops->receive(e[1], &out, 1, 0), 1);
	assert_ptr_equal(in, out);
	tern_pkt_put(out);
	close_pair(e);
}

static void two_pools_share_nothing(void **state)
{
	struct check_alloc a;
	struct tern_allocator allocator = check_allocator(&a);
	struct tern_pair_config config = { .pool = { kit_pool } };
	struct tern_link *e[2];
	struct tern_pkt *pkt = kit_packet(7), *was = pkt;
	struct tern_pool *other;

	check_alloc_init(&a);
	other = tern_pool_new(&allocator);
	config.pool[1] = other;
	assert_int_equal(tern_pair_new(&config, e), 0);
	assert_int_equal(e[0]->ops->send(e[0], &pkt, 1, 0), 1);
	assert_int_equal(e[1]->ops->receive(e[1], &pkt, 1, 0), 1);
	assert_ptr_not_equal(pkt, was);
	assert_ptr_equal(pkt->pool, other);
	assert_int_equal(kit_number(pkt), 7);
	assert_true(kit_is_sound(pkt));
	tern_pkt_put(pkt);
	close_pair(e);
	tern_pool_free(other);
	assert_int_equal(a.used, 0);
}

/* It never left memory, and csum_start says that the field is not whole. */
static void an_unfinished_checksum_arrives_as_good(void **state)
{
	struct tern_link *e[2];
	struct tern_pkt *pkt = kit_packet(1);

	make_pair(e, 0);
	pkt->csum = TERN_CSUM_PARTIAL;
	pkt->csum_start = 20;
	pkt->csum_off = 16;
	assert_int_equal(e[0]->ops->send(e[0], &pkt, 1, 0), 1);
	assert_int_equal(e[1]->ops->receive(e[1], &pkt, 1, 0), 1);
	assert_int_equal(pkt->csum, TERN_CSUM_GOOD);
	assert_int_equal(pkt->csum_start, 20);
	tern_pkt_put(pkt);
	close_pair(e);
}

static void a_closed_end_is_a_pulled_cable(void **state)
{
	struct tern_link *e[2];

	make_pair(e, 4);
	assert_int_equal(kit_send(e[0], 0, 4, 0), 4);
	assert_int_equal(kit_send(e[1], 0, 2, 0), 2);
	e[1]->ops->close(e[1]);
	assert_int_equal(kit_send(e[0], 4, 20, 0), 16);
	assert_int_equal(kit_receive(e[0], NULL, 0, 1), 2);
	e[0]->ops->close(e[0]);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, kit_set_up, kit_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_goes_in_comes_out_in_order),
		CASE(a_full_queue_refuses_and_room_makes_due),
		CASE(one_pool_passes_references),
		CASE(two_pools_share_nothing),
		CASE(an_unfinished_checksum_arrives_as_good),
		CASE(a_closed_end_is_a_pulled_cable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
