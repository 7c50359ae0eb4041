// SPDX-License-Identifier: BSD-2-Clause
/*
 * The capture link: the file is read back block by block. That strangers read
 * it as well is tested with tshark in interop/.
 */
#include "wire_kit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char path[64];

struct captured {
	uint32_t len, caplen, flags;
	uint64_t at;
	uint8_t bytes[2048];
};

static uint32_t word(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

/* Reads the packet blocks; checks every block's two lengths. */
static int read_back(struct captured *out, int max)
{
	static uint8_t file[200000];
	FILE *f = fopen(path, "rb");
	size_t n = fread(file, 1, sizeof(file), f), at = 0;
	int count = 0;

	fclose(f);
	assert_int_equal(word(file), 0x0a0d0d0a);
	assert_int_equal(word(file + 8), 0x1a2b3c4d);
	while (at < n) {
		uint32_t len = word(file + at + 4);
		const uint8_t *b = file + at;

		assert_int_equal(len % 4, 0);
		assert_true(at + len <= n);
		assert_int_equal(word(b + len - 4), len);
		at += len;
		if (word(b) != 6)
			continue;
		assert_true(count < max);
		out[count].at = (uint64_t)word(b + 12) << 32 | word(b + 16);
		out[count].caplen = word(b + 20);
		out[count].len = word(b + 24);
		memcpy(out[count].bytes, b + 28, out[count].caplen);
		assert_int_equal(word(b + len - 16), 2 | 4 << 16);
		out[count].flags = word(b + len - 12);
		count++;
	}
	return count;
}

static struct tern_link *wrapped(uint32_t snaplen, struct tern_link **far_end)
{
	struct tern_pair_config pair = {
		.pool = { kit_pool, kit_pool },
		.abilities = TERN_LINK_GSO | TERN_LINK_TX_CSUM,
		.queue_len = 4,
	};
	struct tern_pcapng_config config = { .path = path,
					     .snaplen = snaplen,
					     .epoch_ns = 1000 };
	struct tern_link *e[2], *out;

	snprintf(path, sizeof(path), "/tmp/tern-test-%d.pcapng", (int)getpid());
	assert_int_equal(tern_pair_new(&pair, e), 0);
	assert_int_equal(tern_pcapng_wrap(e[0], &config, &out), 0);
	assert_int_equal(out->abilities, e[0]->abilities);
	*far_end = e[1];
	return out;
}

static void both_directions_are_shown_with_their_instants(void **state)
{
	struct captured got[4];
	struct tern_link *far_end, *link = wrapped(0, &far_end);

	assert_int_equal(kit_send(link, 1, 2, 5), 1);
	assert_int_equal(kit_send(far_end, 2, 3, 5), 1);
	assert_int_equal(kit_receive(link, NULL, 0, 9), 1);
	/* Nothing more to receive: the file is complete while we run. */
	assert_int_equal(read_back(got, 4), 2);
	assert_int_equal(got[0].flags, 2);
	assert_int_equal(got[0].at, 1005);
	assert_int_equal(got[1].flags, 1);
	assert_int_equal(got[1].at, 1009);
	assert_int_equal(got[1].bytes[27], 2);
	assert_int_equal(got[1].caplen, 140);
	link->ops->close(link);
	far_end->ops->close(far_end);
	unlink(path);
}

static void what_the_link_refuses_is_not_shown(void **state)
{
	struct captured got[8];
	struct tern_link *far_end, *link = wrapped(0, &far_end);

	assert_int_equal(kit_send(link, 0, 6, 0), 4);
	link->ops->close(link);
	assert_int_equal(read_back(got, 8), 4);
	far_end->ops->close(far_end);
	unlink(path);
}

static void a_large_packet_is_shown_as_its_segments(void **state)
{
	struct captured got[4];
	struct tern_link *far_end, *link = wrapped(0, &far_end);
	struct tern_pkt *pkt = kit_packet(1000), *out;

	pkt->gso_size = 60;
	pkt->csum = TERN_CSUM_PARTIAL;
	pkt->csum_start = 20;
	pkt->csum_off = 16;
	assert_int_equal(link->ops->send(link, &pkt, 1, 0), 1);
	assert_int_equal(far_end->ops->receive(far_end, &out, 1, 0), 1);
	assert_int_equal(out->gso_size, 60); /* itself it went whole */
	tern_pkt_put(out);
	link->ops->close(link);
	assert_int_equal(read_back(got, 4), 2);
	assert_int_equal(got[0].len, 100);
	assert_int_equal(got[1].len, 80);
	assert_int_equal(got[1].bytes[27], (1000 + 60) & 0xff);
	far_end->ops->close(far_end);
	unlink(path);
}

static void an_unfinished_checksum_is_shown_finished(void **state)
{
	struct captured got[4];
	struct tern_link *far_end, *link = wrapped(0, &far_end);
	struct tern_pkt *pkt = kit_packet(1), *out;
	uint8_t whole[2] = { pkt->data[36], pkt->data[37] };

	/* The sum of the pseudo-header: 10.0.0.1, 10.0.0.2, 6, 120. */
	pkt->data[36] = 0x14;
	pkt->data[37] = 3 + 6 + 120;
	pkt->csum = TERN_CSUM_PARTIAL;
	pkt->csum_start = 20;
	pkt->csum_off = 16;
	assert_int_equal(link->ops->send(link, &pkt, 1, 0), 1);
	assert_int_equal(far_end->ops->receive(far_end, &out, 1, 0), 1);
	assert_int_equal(out->data[36], 0x14); /* only the copy is */
	tern_pkt_put(out);
	link->ops->close(link);
	assert_int_equal(read_back(got, 4), 1);
	assert_memory_equal(got[0].bytes + 36, whole, 2);
	far_end->ops->close(far_end);
	unlink(path);
}

static void snaplen_cuts_what_is_kept(void **state)
{
	struct captured got[4];
	struct tern_link *far_end, *link = wrapped(41, &far_end);

	assert_int_equal(kit_send(link, 1, 2, 5), 1);
	link->ops->close(link);
	assert_int_equal(read_back(got, 4), 1);
	assert_int_equal(got[0].caplen, 41);
	assert_int_equal(got[0].len, 140);
	far_end->ops->close(far_end);
	unlink(path);
}

/* A full disk ends the capture, not the traffic. */
static void a_failed_write_is_told_and_traffic_goes_on(void **state)
{
	struct tern_pair_config pair = { .pool = { kit_pool, kit_pool } };
	struct tern_pcapng_config config = { .path = "/dev/full" };
	struct tern_link *e[2], *link;

	assert_int_equal(tern_pair_new(&pair, e), 0);
	assert_int_equal(tern_pcapng_wrap(e[0], &config, &link), 0);
	assert_int_equal(tern_pcapng_error(link), -TERN_ENOSPC);
	assert_int_equal(kit_send(link, 0, 3, 0), 3);
	assert_int_equal(kit_receive(e[1], NULL, 0, 0), 3);
	link->ops->close(link);
	e[1]->ops->close(e[1]);
}

static void a_path_that_cannot_be_made_leaves_the_link(void **state)
{
	struct tern_pair_config pair = { .pool = { kit_pool, kit_pool } };
	struct tern_pcapng_config config = { .path = "/nowhere/x" };
	struct tern_link *e[2], *link;

	assert_int_equal(tern_pair_new(&pair, e), 0);
	assert_int_equal(tern_pcapng_wrap(e[0], &config, &link), -TERN_ENOENT);
	e[0]->ops->close(e[0]);
	e[1]->ops->close(e[1]);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, kit_set_up, kit_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(both_directions_are_shown_with_their_instants),
		CASE(what_the_link_refuses_is_not_shown),
		CASE(a_large_packet_is_shown_as_its_segments),
		CASE(an_unfinished_checksum_is_shown_finished),
		CASE(snaplen_cuts_what_is_kept),
		CASE(a_failed_write_is_told_and_traffic_goes_on),
		CASE(a_path_that_cannot_be_made_leaves_the_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
