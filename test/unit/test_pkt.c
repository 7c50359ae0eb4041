// SPDX-License-Identifier: BSD-2-Clause
/* Packets against a plain array of the bytes that they should hold. */
#include "base/pkt.h"

#include "check.h"

static struct check_alloc alloc;
static struct tern_pool *pool;

static int set_up(void **state)
{
	struct tern_allocator a = check_allocator(&alloc);

	check_alloc_init(&alloc);
	pool = tern_pool_new(&a);
	return pool ? 0 : -1;
}

static int tear_down(void **state)
{
	tern_pool_free(pool);
	return alloc.n_out || alloc.used;
}

/* A packet of `linear` bytes and fragments of 1, 2, .. n bytes, that counts
 * 0, 1, 2, ... through all of them; NULL without memory. */
static struct tern_pkt *counting(struct tern_pool *from, uint32_t linear,
				 uint32_t n_frags)
{
	struct tern_pkt *pkt = tern_pkt_new(from, 96, linear);
	uint8_t byte = 0, *p;
	uint32_t i, j;

	if (!pkt)
		return NULL;
	p = tern_pkt_append(pkt, linear);
	for (i = 0; i < linear; i++)
		p[i] = byte++;
	for (i = 1; i <= n_frags; i++) {
		struct tern_buf *buf = tern_buf_new(from, i + 3);

		if (!buf) {
			tern_pkt_put(pkt);
			return NULL;
		}
		for (j = 0; j < i; j++)
			buf->data[3 + j] = byte++;
		assert_true(tern_pkt_add_frag(pkt, buf, 3, i));
		tern_buf_put(buf);
	}
	return pkt;
}

/* The packet holds the bytes first, first + 1, ... */
static void check_counts(const struct tern_pkt *pkt, uint8_t first,
			 uint32_t len)
{
	uint8_t bytes[1024];
	uint32_t i;

	assert_int_equal(pkt->len, len);
	tern_pkt_copy_out(pkt, 0, bytes, len);
	for (i = 0; i < len; i++)
		assert_int_equal(bytes[i], (uint8_t)(first + i));
}

static void a_new_packet_is_empty_with_room_on_both_sides(void **state)
{
	struct tern_pkt *pkt = tern_pkt_new(pool, 96, 1500);
	uint8_t *p;

	assert_int_equal(pkt->len + pkt->head_len + pkt->n_frags, 0);
	assert_int_equal(pkt->gso_size + pkt->csum + pkt->flags + pkt->cb[5],
			 0);
	assert_null(pkt->next);
	p = tern_pkt_append(pkt, 1500);
	assert_non_null(p);
	assert_ptr_equal(tern_pkt_prepend(pkt, 96), p - 96);
	assert_int_equal(pkt->len, 1596);
	assert_null(tern_pkt_prepend(pkt, 1));
	assert_int_equal(pkt->len, 1596);
	tern_pkt_put(pkt);
}

static void append_beyond_the_room_changes_nothing(void **state)
{
	struct tern_pkt *pkt = tern_pkt_new(pool, 0, 100000);

	assert_null(tern_pkt_append(pkt, 100001));
	assert_null(tern_pkt_append(pkt, SIZE_MAX));
	assert_int_equal(pkt->len, 0);
	assert_non_null(tern_pkt_append(pkt, 100000));
	assert_non_null(tern_pkt_append(pkt, 0));
	tern_pkt_put(pkt);
}

static void a_head_that_others_hold_is_not_written_to(void **state)
{
	struct tern_pkt *pkt = counting(pool, 20, 2);
	struct tern_pkt *other = tern_pkt_new(pool, 0, 0);

	tern_pkt_add_frag(other, pkt->head, 96, 20);
	assert_null(tern_pkt_prepend(pkt, 1));
	/* pull takes a head of its own. */
	assert_true(tern_pkt_pull(pkt, 22));
	pkt->data[0] = 0xff;
	assert_non_null(tern_pkt_prepend(pkt, 96));
	check_counts(other, 0, 20);
	tern_pkt_put(pkt);
	check_counts(other, 0, 20);
	tern_pkt_put(other);
}

static void fragments_hold_references_and_join(void **state)
{
	struct tern_pkt *pkt = tern_pkt_new(pool, 0, 0);
	struct tern_buf *buf = tern_buf_new(pool, 100);
	uint32_t i;

	for (i = 0; i < 100; i++)
		buf->data[i] = (uint8_t)i;
	assert_true(tern_pkt_add_frag(pkt, buf, 0, 10));
	assert_true(tern_pkt_add_frag(pkt, buf, 10, 30));
	assert_true(tern_pkt_add_frag(pkt, buf, 40, 0));
	assert_int_equal(pkt->n_frags, 1);
	assert_int_equal(buf->refs, 2);
	assert_true(tern_pkt_add_frag(pkt, buf, 50, 10));
	assert_int_equal(pkt->n_frags, 2);
	assert_int_equal(buf->refs, 3);
	tern_pkt_trim_front(pkt, 40);
	check_counts(pkt, 50, 10);
	assert_int_equal(buf->refs, 2);
	tern_pkt_put(pkt);
	assert_int_equal(buf->refs, 1);
	tern_buf_put(buf);
}

static void one_fragment_too_many_is_refused(void **state)
{
	struct tern_pkt *pkt = counting(pool, 5, TERN_PKT_FRAGS);
	struct tern_buf *buf = tern_buf_new(pool, 10);
	uint32_t len = pkt->len;

	assert_false(tern_pkt_add_frag(pkt, buf, 0, 10));
	assert_int_equal(buf->refs, 1);
	check_counts(pkt, 0, len);
	/* One that goes on where the last ended still fits. */
	assert_true(tern_pkt_add_frag(pkt, pkt->frags[TERN_PKT_FRAGS - 1].buf,
				      3 + TERN_PKT_FRAGS, 1));
	tern_buf_put(buf);
	tern_pkt_put(pkt);
}

static void copy_out_reads_across_every_boundary(void **state)
{
	struct tern_pkt *pkt = counting(pool, 7, 9);
	uint8_t bytes[64];
	uint32_t off, n, i;

	for (off = 0; off <= pkt->len; off++) {
		for (n = 0; n <= pkt->len - off; n++) {
			tern_pkt_copy_out(pkt, off, bytes, n);
			for (i = 0; i < n; i++)
				assert_int_equal(bytes[i], off + i);
		}
	}
	tern_pkt_put(pkt);
}

static void pull_makes_any_length_linear(void **state)
{
	uint32_t n, linear;

	for (linear = 0; linear < 12; linear += 4) {
		for (n = 0; n <= linear + 45; n++) {
			struct tern_pkt *pkt = counting(pool, linear, 9);

			assert_true(tern_pkt_pull(pkt, n));
			assert_true(pkt->head_len >= n);
			check_counts(pkt, 0, linear + 45);
			/* The headroom is still there. */
			assert_non_null(tern_pkt_prepend(pkt, 96));
			tern_pkt_put(pkt);
		}
	}
}

static void room_is_made_for_any_number_of_bytes(void **state)
{
	uint32_t linear, n, i;

	for (linear = 0; linear < 60; linear += 20) {
		for (n = 0; n < 900; n += 149) {
			struct tern_pkt *pkt = counting(pool, linear, 5);
			struct tern_buf *head = tern_buf_get(pkt->head);
			uint8_t *p;

			assert_true(pkt_make_room(pkt, n));
			assert_int_equal(pkt->n_frags, 0);
			assert_ptr_not_equal(pkt->head, head);
			p = tern_pkt_append(pkt, n);
			assert_non_null(p);
			for (i = 0; i < n; i++)
				p[i] = (uint8_t)(linear + 15 + i);
			check_counts(pkt, 0, pkt->len);
			tern_buf_put(head);
			tern_pkt_put(pkt);
		}
	}
}

static void room_without_memory_changes_nothing(void **state)
{
	struct tern_pkt *pkt = counting(pool, 20, 5);

	alloc.n_left = 0;
	assert_false(pkt_make_room(pkt, 100000));
	alloc.n_left = -1;
	assert_int_equal(pkt->n_frags, 5);
	check_counts(pkt, 0, 35);
	tern_pkt_put(pkt);
}

static void pull_without_memory_changes_nothing(void **state)
{
	struct tern_pkt *pkt = counting(pool, 150, 18);
	uint32_t n_frags = pkt->n_frags;
	uint32_t len = pkt->len;

	alloc.n_left = 0;
	/* The next class of buffers: nothing of it is on a freelist. */
	assert_false(tern_pkt_pull(pkt, 300));
	assert_int_equal(pkt->head_len, 150);
	assert_int_equal(pkt->n_frags, n_frags);
	check_counts(pkt, 0, len);
	tern_pkt_put(pkt);
}

static void trimming_takes_from_the_ends(void **state)
{
	uint32_t front, end, len = 4 + 15;

	for (front = 0; front <= len; front++) {
		for (end = 0; end <= len - front; end++) {
			struct tern_pkt *pkt = counting(pool, 4, 5);

			tern_pkt_trim_front(pkt, front);
			check_counts(pkt, (uint8_t)front, len - front);
			tern_pkt_trim_end(pkt, end);
			check_counts(pkt, (uint8_t)front, len - front - end);
			tern_pkt_put(pkt);
		}
	}
}

static void a_clone_is_linear_and_its_own(void **state)
{
	struct tern_pkt *pkt = counting(pool, 30, 10), *copy;
	struct tern_allocator a = check_allocator(&alloc);
	struct tern_pool *other = tern_pool_new(&a);

	pkt->gso_size = 1448;
	pkt->csum = TERN_CSUM_PARTIAL;
	pkt->csum_start = 20;
	pkt->csum_off = 16;
	pkt->link = 3;
	pkt->owner = 77;
	pkt->at = 123456789;
	pkt->flags = TERN_PKT_TOLD;
	copy = tern_pkt_clone(other, pkt);
	assert_int_equal(copy->n_frags, 0);
	assert_ptr_equal(copy->pool, other);
	assert_int_equal(copy->gso_size, 1448);
	assert_int_equal(copy->csum, TERN_CSUM_PARTIAL);
	assert_int_equal(copy->csum_start, 20);
	assert_int_equal(copy->csum_off, 16);
	assert_int_equal(copy->link, 3);
	assert_int_equal(copy->owner, 77);
	assert_int_equal(copy->at, 123456789);
	/* Its owner counts one packet, not two. */
	assert_int_equal(copy->flags, 0);
	memset(pkt->data, 0, 30);
	tern_pkt_put(pkt);
	check_counts(copy, 0, 85);
	assert_non_null(tern_pkt_prepend(copy, 96));
	tern_pkt_put(copy);
	tern_pool_free(other);
}

static void a_queue_counts_what_is_in_it(void **state)
{
	struct tern_pkt *a = counting(pool, 10, 0);
	struct tern_pkt *b = counting(pool, 0, 3);
	struct pktq q = { 0 };

	assert_null(pktq_pop(&q));
	pktq_push(&q, a);
	pktq_push(&q, b);
	assert_int_equal(q.n, 2);
	assert_int_equal(q.bytes, 16);
	assert_ptr_equal(pktq_pop(&q), a);
	pktq_push(&q, a);
	assert_ptr_equal(pktq_pop(&q), b);
	pktq_push(&q, b);
	pktq_drop_all(&q);
	assert_int_equal(q.n + q.bytes, 0);
	assert_null(q.head);
	assert_null(q.tail);
}

/* A packet's life, in a pool of its own. */
static void life(struct check_alloc *failing)
{
	struct tern_allocator a = check_allocator(failing);
	struct tern_pool *p = tern_pool_new(&a);
	struct tern_pkt *pkt, *copy;

	if (!p)
		return;
	pkt = counting(p, 200, 12);
	if (pkt) {
		copy = tern_pkt_clone(p, pkt);
		if (tern_pkt_pull(pkt, 270))
			assert_int_equal(pkt->head_len, 270);
		check_counts(pkt, 0, 278);
		if (copy) {
			check_counts(copy, 0, 278);
			tern_pkt_put(copy);
		}
		tern_pkt_put(pkt);
	}
	tern_pool_free(p);
}

static void no_failing_allocation_leaks(void **state)
{
	check_each_failure(life);
}

#define MODEL 400000

static uint8_t model[MODEL];
static uint32_t from, to; /* the packet should hold model[from, to) */

static void check_model(const struct tern_pkt *pkt)
{
	static uint8_t bytes[MODEL];
	uint32_t off;

	assert_int_equal(pkt->len, to - from);
	tern_pkt_copy_out(pkt, 0, bytes, pkt->len);
	assert_memory_equal(bytes, model + from, pkt->len);
	off = check_below(pkt->len + 1);
	tern_pkt_copy_out(pkt, off, bytes, pkt->len - off);
	assert_memory_equal(bytes, model + from + off, pkt->len - off);
}

static void append_both(struct tern_pkt *pkt, uint32_t n)
{
	uint8_t *p = tern_pkt_append(pkt, n);

	if (!p)
		return;
	check_fill(p, n);
	memcpy(model + to, p, n);
	to += n;
}

static void prepend_both(struct tern_pkt *pkt, uint32_t n)
{
	uint8_t *p = tern_pkt_prepend(pkt, n);

	if (!p)
		return;
	check_fill(p, n);
	from -= n;
	memcpy(model + from, p, n);
}

/* A piece of a shared buffer, now and then the piece that follows it. */
static void add_frag_both(struct tern_pkt *pkt, uint32_t n,
			  struct tern_buf **last)
{
	struct tern_buf *buf;
	uint32_t off;

	if (!*last || (*last)->cap - (*last)->len < n || check_below(4) == 0) {
		if (*last)
			tern_buf_put(*last);
		*last = tern_buf_new(pool, n + check_below(5000));
	}
	buf = *last;
	if (!buf)
		return;
	off = buf->len;
	check_fill(buf->data + off, n);
	if (!tern_pkt_add_frag(pkt, buf, off, n))
		return;
	buf->len += n;
	memcpy(model + to, buf->data + off, n);
	to += n;
}

static struct tern_pkt *random_step(struct tern_pkt *pkt,
				    struct tern_buf **last)
{
	uint32_t n = (uint32_t)check_magnitude(12);
	struct tern_pkt *copy;

	switch (check_below(7)) {
	case 0:
		if (!pkt->n_frags)
			append_both(pkt, n);
		break;
	case 1:
		prepend_both(pkt, n / 16);
		break;
	case 2:
	case 3:
		add_frag_both(pkt, n, last);
		break;
	case 4:
		tern_pkt_pull(pkt, n < pkt->len ? n : pkt->len);
		break;
	case 5:
		n = check_below(pkt->len + 1) / 4;
		if (check_below(2)) {
			tern_pkt_trim_front(pkt, n);
			from += n;
		} else {
			tern_pkt_trim_end(pkt, n);
			to -= n;
		}
		break;
	case 6:
		copy = tern_pkt_clone(pool, pkt);
		if (copy) {
			tern_pkt_put(pkt);
			pkt = copy;
		}
		break;
	}
	return pkt;
}

static void random_operations_match_the_array(void **state)
{
	struct tern_buf *last = NULL;
	struct tern_pkt *pkt;
	int round, step;

	check_seed();
	for (round = 0; round < 300; round++) {
		from = to = MODEL / 2;
		alloc.n_left = -1;
		pkt = tern_pkt_new(pool, 96, check_below(3000));
		for (step = 0; step < 30; step++) {
			/* In every third round memory runs out at times. */
			if (round % 3 == 0)
				alloc.n_left = check_below(3);
			pkt = random_step(pkt, &last);
			check_model(pkt);
		}
		tern_pkt_put(pkt);
	}
	if (last)
		tern_buf_put(last);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_new_packet_is_empty_with_room_on_both_sides),
		CASE(append_beyond_the_room_changes_nothing),
		CASE(a_head_that_others_hold_is_not_written_to),
		CASE(fragments_hold_references_and_join),
		CASE(one_fragment_too_many_is_refused),
		CASE(copy_out_reads_across_every_boundary),
		CASE(pull_makes_any_length_linear),
		CASE(pull_without_memory_changes_nothing),
		CASE(room_is_made_for_any_number_of_bytes),
		CASE(room_without_memory_changes_nothing),
		CASE(trimming_takes_from_the_ends),
		CASE(a_clone_is_linear_and_its_own),
		CASE(a_queue_counts_what_is_in_it),
		cmocka_unit_test(no_failing_allocation_leaks),
		CASE(random_operations_match_the_array),
	};

	return cmocka_run_group_tests_name("pkt", tests, NULL, NULL);
}
