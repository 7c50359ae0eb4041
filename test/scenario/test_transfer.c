// SPDX-License-Identifier: BSD-2-Clause
/*
 * A stream each way at once between two stacks over bad links, until both ends
 * have closed: every byte compared, and all memory given back.
 */
#include "stream.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdio.h>

#define MIB (UINT32_C(1) << 20)
#define PORT 30000

struct task {
	uint32_t least, most; /* bytes each way */
	/* Both sequence numbers pass 2^32 on the way, and the links turn bad
	 * when the handshake is over. */
	bool wraps;
	int memory; /* 0: as the seed says; 1 to 4: each way to have it */
};

/* One run by its seed. Returns the digest of its packets. */
static uint64_t transfer(uint64_t seed, const struct task *task)
{
	struct sipkey key = { seed, 0x706c616e };
	struct rng rng;
	struct world_config config = { .seed = seed };
	struct tern_fault_lane lane;
	struct world w = { 0 };
	uint32_t room[2], len[2];
	struct crowd *c;
	bool v6;

	rng_init(&rng, &key);
	v6 = rng_below(&rng, 2);
	config.plain_alloc = rng_below(&rng, 2);
	config.share_pool = rng_below(&rng, 2);
	config.offload = rng_below(&rng, 8) == 0;
	if (task->memory) {
		config.plain_alloc = task->memory & 1;
		config.share_pool = task->memory & 2;
	}
	lane = world_lane(&rng);
	for (int i = 0; i < 2; i++) {
		len[i] = task->least +
			 rng_below(&rng, task->most - task->least + 1);
		room[i] = rng_below(&rng, min_u32(len[i], MIB) + 1);
	}
	if (task->wraps)
		world_skew_to_wrap(&config, v6, PORT, room, config.skew);
	else if (!config.offload)
		config.lane = &lane;
	WANT(&w, world_open(&w, &config));
	c = crowd_new(&w, 1, v6);
	c->first_port = PORT;
	for (int i = 0; i < 2; i++) {
		c->streams[i].plan = plan_random(&rng, 1);
		c->streams[i].plan.to_send = len[i];
		/* What is lent is lent in the pieces that it lies in. */
		if (task->memory)
			c->streams[i].plan.lend = false;
		if (task->least >= MIB) {
			/* Buffers of a page would make a long day of it. */
			c->streams[i].plan.sndbuf = 0;
			c->streams[i].plan.rcvbuf = 0;
			c->streams[i].plan.write_max = MIB;
			c->streams[i].plan.read_max = MIB;
		}
	}
	WANT(&w, crowd_listen(c));
	if (task->wraps) {
		crowd_connect(c);
		for (int i = 0; i < 2; i++)
			WANT(&w, w.host[i].isn == 0 - room[i]);
		if (!config.offload)
			world_spoil(&w, &lane);
	}
	crowd_run(c);
	crowd_want_whole(c, 0);
	crowd_settle(c);
	crowd_free(c);
	world_close(&w);
	return w.digest;
}

static void ten_mib(uint64_t seed)
{
	transfer(seed, &(struct task){ 10 * MIB, 10 * MIB, .wraps = true });
}

static void ten_mib_each_way_arrive_across_the_wrap(void **state)
{
	each_seed(16, ten_mib);
}

static void short_with_wrap(uint64_t seed)
{
	transfer(seed, &(struct task){ 0, 60000, .wraps = true });
}

static void short_streams_arrive_across_the_wrap(void **state)
{
	each_seed(4000, short_with_wrap);
}

static void short_from_the_first(uint64_t seed)
{
	transfer(seed, &(struct task){ 0, 60000 });
}

static void short_streams_arrive_though_the_handshake_suffers(void **state)
{
	each_seed(4000, short_from_the_first);
}

static void twice(uint64_t seed)
{
	const struct task task = { 0, 100000 };
	uint64_t first = transfer(seed, &task);
	struct world named = { .seed = seed };

	WANT(&named, transfer(seed, &task) == first);
	WANT(&named, transfer(seed + 1, &task) != first);
}

static void equal_seeds_give_equal_packets(void **state)
{
	each_seed(20, twice);
}

/* The window depended on whether a small segment had been copied behind
 * another, and that on the buffers of the link. */
static void each_memory(uint64_t seed)
{
	struct task task = { 0, 30000, .memory = 4 };
	uint64_t first = transfer(seed, &task);
	struct world named = { .seed = seed };

	for (task.memory = 1; task.memory < 4; task.memory++)
		WANT(&named, transfer(seed, &task) == first);
}

static void how_packets_lie_in_memory_does_not_show(void **state)
{
	each_seed(300, each_memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_streams_arrive_across_the_wrap),
		cmocka_unit_test(
			short_streams_arrive_though_the_handshake_suffers),
		cmocka_unit_test(equal_seeds_give_equal_packets),
		cmocka_unit_test(how_packets_lie_in_memory_does_not_show),
		cmocka_unit_test(ten_mib_each_way_arrive_across_the_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
