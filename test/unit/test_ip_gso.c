// SPDX-License-Identifier: BSD-2-Clause
/*
 * Segmentation at the edge: a large packet is built, cut, and each segment
 * compared byte for byte with what a sender without offload would have sent.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ip/ip_gso.h"
#include "wire/wire_csum.h"

#include <tern/error.h>

#define MSS 1460u

static int n_left; /* allocations that still succeed; negative: all */

static void *give(void *ctx, size_t size)
{
	if (n_left == 0)
		return NULL;
	n_left--;
	return malloc(size);
}

static void take_back(void *ctx, void *ptr, size_t size)
{
	free(ptr);
}

static struct tern_pool *pool;

static int set_up(void **state)
{
	struct tern_allocator alloc = { .alloc = give, .free = take_back };

	n_left = -1;
	pool = tern_pool_new(&alloc);
	return pool ? 0 : -1;
}

static int tear_down(void **state)
{
	tern_pool_free(pool);
	return 0;
}

static uint8_t payload_byte(uint32_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

#define OPTS "\x01\x01\x08\x0a\x00\x00\x00\x01\x00\x00\x00\x02"

static void write_ip(uint8_t *p, bool v6, uint32_t len)
{
	if (v6) {
		memcpy(p, "\x60\x02\x34\x56\0\0\x06\x40", 8);
		memset(p + 8, 0x20, 16);
		memset(p + 24, 0x30, 16);
		put_be16(p + 4, (uint16_t)(len - 40));
		return;
	}
	memcpy(p,
	       "\x45\x02\0\0\xff\xff\x40\0\x40\x06\0\0\x0a\0\0\x01\x0a\0\0\x02",
	       20);
	put_be16(p + 2, (uint16_t)len);
}

/* A packet with `linear` bytes of payload behind its headers and the rest in
 * fragments of 4,000 bytes that begin at odd offsets. */
static struct tern_pkt *build(bool v6, uint8_t flags, uint32_t payload,
			      uint32_t linear)
{
	uint32_t ip_len = v6 ? 40 : 20, hdr = ip_len + 32;
	struct tern_pkt *pkt = tern_pkt_new(pool, PKT_HEADROOM, hdr + linear);
	uint8_t *p = tern_pkt_append(pkt, hdr + linear);

	memset(p, 0, hdr);
	write_ip(p, v6, hdr + payload);
	memcpy(p + ip_len, "\x9c\x40\0\x50\xff\xff\xfa\x00\0\0\0\x07\x80", 13);
	p[ip_len + 13] = flags;
	put_be16(p + ip_len + 14, 501);
	memcpy(p + ip_len + 20, OPTS, 12);
	for (uint32_t i = 0; i < linear; i++)
		p[hdr + i] = payload_byte(i);
	for (uint32_t at = linear; at < payload;) {
		uint32_t n = min_u32(4000, payload - at);
		struct tern_buf *buf = tern_buf_new(pool, 4096);

		for (uint32_t i = 0; i < n; i++)
			buf->data[3 + i] = payload_byte(at + i);
		assert_true(tern_pkt_add_frag(pkt, buf, 3, n));
		tern_buf_put(buf);
		at += n;
	}
	pkt->gso_size = MSS;
	pkt->csum = TERN_CSUM_PARTIAL;
	pkt->csum_start = (uint16_t)ip_len;
	pkt->csum_off = 16;
	pkt->at = 77;
	pkt->link = 3;
	return pkt;
}

/* Checks a finished segment's bytes; returns its flags. */
static uint8_t check_segment(struct tern_pkt *seg, bool v6, uint32_t off,
			     uint32_t i)
{
	static uint8_t b[65536];
	uint32_t ip_len = v6 ? 40 : 20, hdr = ip_len + 32;
	uint32_t n = seg->len - hdr;
	uint64_t sum;
	uint8_t be[4];

	tern_pkt_copy_out(seg, 0, b, seg->len);
	if (v6) {
		assert_int_equal(get_be16(b + 4), seg->len - 40);
	} else {
		assert_int_equal(get_be16(b + 2), seg->len);
		assert_int_equal(get_be16(b + 4), (uint16_t)(0xffff + i));
		assert_int_equal(csum_fold(csum_add(0, b, 20)), 0);
	}
	assert_int_equal(get_be32(b + ip_len + 4), 0xfffffa00u + off);
	assert_memory_equal(b + ip_len + 20, OPTS, 12);
	for (uint32_t j = 0; j < n; j++)
		assert_int_equal(b[hdr + j], payload_byte(off + j));
	put_be32(be, seg->len - ip_len + 6);
	sum = csum_add(0, be, 4);
	sum = csum_add(sum, b + (v6 ? 8 : 12), v6 ? 32 : 8);
	assert_int_equal(csum_fold(csum_add(sum, b + ip_len, n + 32)), 0);
	assert_int_equal(seg->gso_size, 0);
	assert_int_equal(seg->at, 77);
	assert_int_equal(seg->link, 3);
	return b[ip_len + 13];
}

static void cut_and_check(bool v6, uint32_t payload, uint32_t linear)
{
	/* FIN PSH ACK CWR: each on the segment that it belongs to. */
	struct tern_pkt *in = build(v6, 0x99, payload, linear), *seg;
	uint32_t want = (payload + MSS - 1) / MSS, off = 0, i = 0;
	struct pktq out = { 0 };

	assert_int_equal(ip_gso_segment(pool, in, &out), want);
	assert_int_equal(out.n, want);
	tern_pkt_put(in);
	for (; (seg = pktq_pop(&out)); i++) {
		uint32_t n = seg->len - (v6 ? 72 : 52);
		uint8_t flags = 0x10;

		flags |= off == 0 ? 0x80 : 0;
		flags |= off + n == payload ? 0x09 : 0;
		assert_true(ip_csum_complete(seg));
		assert_int_equal(seg->csum, TERN_CSUM_NONE);
		assert_int_equal(check_segment(seg, v6, off, i), flags);
		off += n;
		tern_pkt_put(seg);
	}
	assert_int_equal(off, payload);
}

static void segments_are_what_a_plain_sender_sends(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		cut_and_check(v6, 65000 - 72, 0);
		cut_and_check(v6, 10 * MSS, 0);
		cut_and_check(v6, 10 * MSS + 1, 999);
		cut_and_check(v6, 5000, 5000);
		cut_and_check(v6, 100, 0);
	}
}

static void payload_is_shared_not_copied(void **state)
{
	struct tern_pkt *in = build(false, 0x10, 3 * MSS, 0), *seg;
	struct pktq out = { 0 };

	assert_int_equal(ip_gso_segment(pool, in, &out), 3);
	seg = pktq_pop(&out);
	assert_int_equal(seg->n_frags, 1);
	assert_ptr_equal(seg->frags[0].buf, in->frags[0].buf);
	assert_int_equal(seg->head_len, 52);
	tern_pkt_put(seg);
	pktq_drop_all(&out);
	assert_int_equal(in->frags[0].buf->refs, 1);
	tern_pkt_put(in);
}

static void only_tcp_with_linear_headers_is_cut(void **state)
{
	struct tern_pkt *in = build(false, 0x10, 3000, 0);
	struct pktq out = { 0 };

	in->data[9] = 17;
	assert_int_equal(ip_gso_segment(pool, in, &out), -TERN_EINVAL);
	in->data[9] = 6;
	in->data[32] = 0x40; /* a TCP header of 16 bytes */
	assert_int_equal(ip_gso_segment(pool, in, &out), -TERN_EINVAL);
	in->data[32] = 0xf0; /* of 60, more than is linear */
	assert_int_equal(ip_gso_segment(pool, in, &out), -TERN_EINVAL);
	in->data[32] = 0x80;
	in->gso_size = 0;
	assert_int_equal(ip_gso_segment(pool, in, &out), -TERN_EINVAL);
	assert_int_equal(out.n, 0);
	tern_pkt_put(in);
}

static void without_memory_nothing_is_left_behind(void **state)
{
	struct pktq out = { 0 };
	int got = 0, failed = 0;

	for (int n = 0; got <= 0; n++) {
		struct tern_pkt *in;

		/* A fresh pool each time: this one keeps what it has had. */
		tern_pool_free(pool);
		set_up(NULL);
		in = build(true, 0x10, 40 * MSS, 0);
		n_left = n;
		got = ip_gso_segment(pool, in, &out);
		n_left = -1;
		if (got < 0) {
			failed++;
			assert_int_equal(got, -TERN_ENOMEM);
			assert_int_equal(out.n, 0);
		}
		assert_in_range(n, 0, 1000);
		pktq_drop_all(&out);
		tern_pkt_put(in);
	}
	assert_int_equal(got, 40);
	assert_true(failed > 0);
}

static void a_field_outside_the_linear_part_is_refused(void **state)
{
	struct tern_pkt *in = build(false, 0x10, 100, 0);

	in->csum_start = 51;
	assert_false(ip_csum_complete(in));
	in->csum_start = 60000;
	assert_false(ip_csum_complete(in));
	tern_pkt_put(in);
}

static void a_complete_checksum_is_left_alone(void **state)
{
	struct tern_pkt *in = build(false, 0x10, 100, 0);

	put_be16(in->data + 36, 0x1234);
	in->csum = TERN_CSUM_NONE;
	assert_true(ip_csum_complete(in));
	assert_int_equal(get_be16(in->data + 36), 0x1234);
	tern_pkt_put(in);
}

/* A datagram whose sum is zero would read as one without a checksum. */
static void a_zero_sum_is_sent_as_ones(void **state)
{
	struct tern_pkt *in = build(false, 0x10, 0, 0);

	memset(in->data + 20, 0, 32);
	put_be16(in->data + 20, 0xffff);
	in->csum_off = 6;
	assert_true(ip_csum_complete(in));
	assert_int_equal(get_be16(in->data + 26), 0xffff);
	tern_pkt_put(in);
}

/* A TCP segment in 65,536 went out with 0xffff, which tshark calls bad. */
static void a_zero_sum_of_tcp_stays_zero(void **state)
{
	struct tern_pkt *in = build(false, 0x10, 0, 0);

	memset(in->data + 20, 0, 32);
	put_be16(in->data + 20, 0xffff);
	in->csum_off = 16;
	assert_true(ip_csum_complete(in));
	assert_int_equal(get_be16(in->data + 36), 0);
	tern_pkt_put(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			segments_are_what_a_plain_sender_sends, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(payload_is_shared_not_copied,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			only_tcp_with_linear_headers_is_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			without_memory_nothing_is_left_behind, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_field_outside_the_linear_part_is_refused, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_complete_checksum_is_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_zero_sum_of_tcp_stays_zero,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_zero_sum_is_sent_as_ones,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
