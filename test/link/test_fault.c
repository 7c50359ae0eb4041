// SPDX-License-Identifier: BSD-2-Clause
/* The fault link: each fault by number, by rate, and by seed. */
#include "wire_kit.h"

#include <string.h>

#define MS INT64_C(1000000)

static struct tern_link *far_end;

/* A pair whose near end has faults. */
static struct tern_link *faulty(const struct tern_fault_config *config)
{
	struct tern_pair_config pair = { .pool = { kit_pool, kit_pool },
					 .queue_len = 100000 };
	struct tern_link *e[2], *out;

	assert_int_equal(tern_pair_new(&pair, e), 0);
	assert_int_equal(tern_fault_wrap(e[0], config, &out), 0);
	far_end = e[1];
	return out;
}

static void close_both(struct tern_link *link)
{
	link->ops->close(link);
	far_end->ops->close(far_end);
}

static void named_packets_meet_their_fate(void **state)
{
	const struct tern_fault_at at[] = { { 1, TERN_FAULT_DROP },
					    { 3, TERN_FAULT_DUP },
					    { 5, TERN_FAULT_REORDER } };
	struct tern_fault_config config = { .out = { .at = at, .n_at = 3 } };
	struct tern_link *link = faulty(&config);
	uint32_t got[16];

	assert_int_equal(kit_send(link, 0, 8, 0), 8);
	assert_int_equal(kit_receive(far_end, got, 16, 0), 7);
	assert_memory_equal(got, ((uint32_t[]){ 0, 2, 3, 3, 4, 6, 7 }), 28);
	/* The one that was overtaken comes a millisecond later. */
	assert_int_equal(link->ops->deadline(link), MS);
	assert_int_equal(link->ops->send(link, NULL, 0, MS), 0);
	assert_int_equal(kit_receive(far_end, got, 16, MS), 1);
	assert_int_equal(got[0], 5);
	assert_int_equal(link->ops->deadline(link), TERN_NEVER);
	close_both(link);
}

static void both_directions_have_their_own_lanes(void **state)
{
	const struct tern_fault_at first = { 0, TERN_FAULT_DROP };
	struct tern_fault_config config = { .in = { .at = &first, .n_at = 1 } };
	struct tern_link *link = faulty(&config);
	uint32_t got[4];

	assert_int_equal(kit_send(link, 0, 2, 0), 2);
	assert_int_equal(kit_receive(far_end, got, 4, 0), 2);
	assert_int_equal(kit_send(far_end, 10, 13, 0), 3);
	assert_int_equal(kit_receive(link, got, 4, 0), 2);
	assert_int_equal(got[0], 11);
	close_both(link);
}

static void a_flipped_bit_is_in_a_copy(void **state)
{
	const struct tern_fault_at first = { 0, TERN_FAULT_CORRUPT };
	struct tern_fault_config config = { .out = { .at = &first,
						     .n_at = 1 } };
	struct tern_link *link = faulty(&config);
	struct tern_pkt *pkt = kit_packet(1), *out;
	struct tern_buf *kept = tern_buf_get(pkt->head);
	uint8_t before[140];

	memcpy(before, pkt->data, sizeof(before));
	assert_int_equal(link->ops->send(link, &pkt, 1, 0), 1);
	assert_int_equal(far_end->ops->receive(far_end, &out, 1, 0), 1);
	assert_int_equal(out->len, 140);
	assert_false(kit_is_sound(out));
	assert_int_equal(out->csum, TERN_CSUM_NONE);
	assert_memory_equal(kept->data + 16, before, sizeof(before));
	tern_buf_put(kept);
	tern_pkt_put(out);
	close_both(link);
}

/* Else a flipped bit would be covered by a checksum computed after it. */
static void what_arrives_with_offload_is_finished_first(void **state)
{
	const struct tern_fault_at first = { 0, TERN_FAULT_CORRUPT };
	struct tern_fault_config config = { .in = { .at = &first, .n_at = 1 } };
	struct tern_link *link = faulty(&config);
	struct tern_pkt *pkt = kit_packet(1);

	pkt->csum = TERN_CSUM_PARTIAL;
	pkt->csum_start = 20;
	pkt->csum_off = 16;
	pkt->data[36] = pkt->data[37] = 0;
	assert_int_equal(far_end->ops->send(far_end, &pkt, 1, 0), 1);
	assert_int_equal(link->ops->receive(link, &pkt, 1, 0), 1);
	assert_int_equal(pkt->csum, TERN_CSUM_NONE);
	assert_int_equal(pkt->gso_size, 0);
	tern_pkt_put(pkt);
	close_both(link);
}

static void delay_holds_and_keeps_order(void **state)
{
	struct tern_fault_config config = { .out = { .delay_ns = 5 * MS } };
	struct tern_link *link = faulty(&config);
	uint32_t got[8];

	assert_int_equal(kit_send(link, 0, 3, 0), 3);
	assert_int_equal(kit_send(link, 3, 5, MS), 2);
	assert_int_equal(kit_receive(far_end, got, 8, 2 * MS), 0);
	assert_int_equal(link->ops->deadline(link), 5 * MS);
	link->ops->send(link, NULL, 0, 5 * MS);
	assert_int_equal(kit_receive(far_end, got, 8, 5 * MS), 3);
	assert_int_equal(link->ops->deadline(link), 6 * MS);
	link->ops->send(link, NULL, 0, 6 * MS);
	assert_int_equal(kit_receive(far_end, got, 8, 6 * MS), 2);
	assert_int_equal(got[1], 4);
	close_both(link);
}

static void every_third_send_is_refused(void **state)
{
	struct tern_fault_config config = { .refuse_every = 3 };
	struct tern_link *link = faulty(&config);

	assert_int_equal(kit_send(link, 0, 2, 0), 2);
	assert_int_equal(kit_send(link, 2, 4, 0), 2);
	assert_int_equal(kit_send(link, 4, 6, 0), 0);
	/* Whoever was refused is due at once. */
	assert_int_equal(link->ops->deadline(link), INT64_MIN);
	assert_int_equal(kit_send(link, 4, 6, 0), 2);
	assert_int_equal(link->ops->deadline(link), TERN_NEVER);
	close_both(link);
}

/* Numbers of 10,000 packets that pass under 10% of everything. */
static int rough(uint64_t seed, uint32_t *got, int max)
{
	struct tern_fault_config config = {
		.seed = seed,
		.out.rate = { 100000, 100000, 100000, 100000 },
	};
	struct tern_link *link = faulty(&config);
	int n = 0;

	for (uint32_t i = 0; i < 10000; i += 50) {
		assert_int_equal(kit_send(link, i, i + 50, i * MS), 50);
		n += kit_receive(far_end, got + n, max - n, i * MS);
	}
	close_both(link);
	return n;
}

static void a_seed_fixes_all_of_it(void **state)
{
	static uint32_t a[12000], b[12000];
	int n_a = rough(1, a, 12000), n_b = rough(1, b, 12000);

	assert_int_equal(n_a, n_b);
	assert_memory_equal(a, b, (size_t)n_a * sizeof(*a));
	/* 10% lost, 10% of the rest doubled: 9,900, give or take six sigma. */
	assert_in_range(n_a, 9900 - 260, 9900 + 260);
	n_b = rough(2, b, 12000);
	assert_true(n_a != n_b || memcmp(a, b, (size_t)n_a * sizeof(*a)));
}

static void what_is_held_is_bounded(void **state)
{
	struct tern_fault_config config = {
		.out = { .delay_ns = 1000 * MS, .queue_len = 5 },
	};
	struct tern_link *link = faulty(&config);

	assert_int_equal(kit_send(link, 0, 20, 0), 20);
	link->ops->send(link, NULL, 0, 2000 * MS);
	assert_int_equal(kit_receive(far_end, NULL, 0, 2000 * MS), 5);
	close_both(link);
}

/* A link that takes nothing for a while must not lose what it was given. */
static void an_inner_link_that_refuses_is_asked_again(void **state)
{
	struct tern_pair_config pair = { .pool = { kit_pool, kit_pool },
					 .queue_len = 4 };
	struct tern_fault_config config = { .seed = 1 };
	struct tern_link *e[2], *link;
	uint32_t got[8];

	assert_int_equal(tern_pair_new(&pair, e), 0);
	assert_int_equal(tern_fault_wrap(e[0], &config, &link), 0);
	assert_int_equal(kit_send(link, 0, 6, 0), 6);
	assert_int_equal(kit_receive(e[1], got, 8, 0), 4);
	assert_true(link->ops->deadline(link) <= MS);
	link->ops->send(link, NULL, 0, MS);
	assert_int_equal(kit_receive(e[1], got, 8, MS), 2);
	assert_memory_equal(got, ((uint32_t[]){ 4, 5 }), 8);
	link->ops->close(link);
	e[1]->ops->close(e[1]);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, kit_set_up, kit_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(named_packets_meet_their_fate),
		CASE(both_directions_have_their_own_lanes),
		CASE(a_flipped_bit_is_in_a_copy),
		CASE(what_arrives_with_offload_is_finished_first),
		CASE(delay_holds_and_keeps_order),
		CASE(every_third_send_is_refused),
		CASE(a_seed_fixes_all_of_it),
		CASE(what_is_held_is_bounded),
		CASE(an_inner_link_that_refuses_is_asked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
