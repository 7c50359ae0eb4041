// SPDX-License-Identifier: BSD-2-Clause
/*
 * The wheel against the plainest of timers: an array in which the earliest is
 * looked for, of equals the one armed first.
 */
#include "base/wheel.h"

#include "base/bytes.h"

#include "check.h"

#define N 64		/* timers */
#define SLOT0 (1 << 14) /* ns of level 0's slots */

struct object {
	uint32_t pad; /* the timer is not the first member */
	struct timer timer;
};

static struct check_alloc alloc;
static struct mem mem;
static struct slab slab;
static struct wheel wheel;
static uint32_t ids[N];

/* The model. */
static int64_t at[N]; /* NEVER: not armed */
static uint64_t armed_as[N];
static uint64_t n_armed;

static void start(int64_t now)
{
	int i;

	check_alloc_init(&alloc);
	mem = (struct mem){ .alloc = check_allocator(&alloc) };
	slab_init(&slab, &mem, sizeof(struct object), false);
	wheel_init(&wheel, &slab, offsetof(struct object, timer), now);
	n_armed = 0;
	for (i = 0; i < N; i++) {
		ids[i] = slab_alloc(&slab);
		timer_init(&((struct object *)slab_at(&slab, ids[i]))->timer);
		at[i] = NEVER;
	}
}

static void finish(void)
{
	int i;

	for (i = 0; i < N; i++)
		slab_free(&slab, ids[i]);
	slab_fini(&slab);
}

static struct timer *timer(int i)
{
	return &((struct object *)slab_at(&slab, ids[i]))->timer;
}

static void arm(int i, int64_t when)
{
	wheel_arm(&wheel, ids[i], when);
	at[i] = when;
	armed_as[i] = n_armed++;
}

static void cancel(int i)
{
	wheel_cancel(&wheel, ids[i]);
	at[i] = NEVER;
}

/* The model's next timer, or -1. */
static int earliest(void)
{
	int i, best = -1;

	for (i = 0; i < N; i++) {
		if (at[i] == NEVER)
			continue;
		if (best < 0 || at[i] < at[best] ||
		    (at[i] == at[best] && armed_as[i] < armed_as[best]))
			best = i;
	}
	return best;
}

/* One step of both; false when nothing is due any more. */
static bool expire(int64_t now)
{
	int i = earliest();
	uint32_t id = wheel_expire(&wheel, now);

	if (i < 0 || at[i] > now) {
		assert_int_equal(id, 0);
		assert_int_equal(wheel.now, now);
		/* Or the loop around would turn without end. */
		assert_true(wheel_deadline(&wheel) > now || now == NEVER);
		return false;
	}
	assert_int_equal(id, ids[i]);
	assert_false(timer_armed(timer(i)));
	at[i] = NEVER;
	return true;
}

/* What wheel.c numbers as 1, bits and links: a timer stands where its instant
 * says, and a slot's bound is no later than what is in it. */
static void check_wheel(void)
{
	uint32_t n = 0, id, prev;
	int i, level, slot;

	for (level = 0; level < WHEEL_LEVELS; level++) {
		for (slot = 0; slot < WHEEL_SLOTS; slot++) {
			id = wheel.slot[level][slot];
			assert_int_equal(wheel.busy[level] >> slot & 1,
					 id != 0);
			for (prev = 0; id; n++) {
				struct object *o = slab_at(&slab, id);

				assert_int_equal(o->timer.prev, prev);
				assert_true(o->timer.at >=
					    wheel.bound[level][slot]);
				prev = id;
				id = o->timer.next;
				assert_true(n < N);
			}
		}
	}
	assert_int_equal(n, wheel.n);
	for (i = 0; i < N; i++) {
		assert_int_equal(timer(i)->at, at[i]);
		n -= at[i] != NEVER;
	}
	assert_int_equal(n, 0);
}

static void without_timers_there_is_no_deadline(void **state)
{
	start(5);
	assert_int_equal(wheel_deadline(&wheel), NEVER);
	assert_false(expire(NEVER - 1));
	assert_false(expire(NEVER));
	finish();
}

static void a_timer_fires_at_its_nanosecond_on_every_level(void **state)
{
	unsigned bit;

	for (bit = 0; bit < 63; bit++) {
		int64_t when = (INT64_C(1) << bit) + 12345;

		if (when < 0)
			continue;
		start(0);
		arm(0, when);
		assert_int_equal(wheel_deadline(&wheel), when);
		assert_false(expire(when / 2));
		assert_int_equal(wheel_deadline(&wheel), when);
		assert_false(expire(when - 1));
		assert_int_equal(wheel_deadline(&wheel), when);
		assert_true(expire(when));
		assert_false(expire(when));
		finish();
	}
}

static void the_deadline_is_exact_where_nothing_was_cancelled(void **state)
{
	int64_t now = 1000;
	int i, j;

	check_seed();
	start(now);
	for (i = 0; i < 3000; i++) {
		for (j = 0; j < N; j++) {
			if (at[j] == NEVER)
				arm(j, now + (int64_t)check_magnitude(45));
		}
		assert_int_equal(wheel_deadline(&wheel), at[earliest()]);
		now = max_i64(now, at[earliest()]);
		while (expire(now))
			;
	}
	finish();
}

static void an_instant_in_the_past_fires_at_once(void **state)
{
	start(1000000000);
	arm(0, 5);
	arm(1, INT64_MIN);
	arm(2, 1000000000);
	assert_true(wheel_deadline(&wheel) <= 1000000000);
	check_wheel();
	while (expire(1000000000))
		;
	assert_int_equal(wheel.n, 0);
	finish();
}

static void equal_instants_fire_as_armed(void **state)
{
	static const int64_t when[] = { SLOT0 - 1, SLOT0, 64 * SLOT0,
					INT64_C(1) << 40 };
	size_t i;
	int j;

	for (i = 0; i < ARRAY_LEN(when); i++) {
		start(0);
		for (j = 0; j < N; j++)
			arm((j * 37) % N, when[i]);
		/* Through two levels on the way. */
		assert_false(expire(when[i] - SLOT0 / 2));
		check_wheel();
		while (expire(when[i]))
			;
		assert_int_equal(wheel.n, 0);
		finish();
	}
}

static void one_slot_fires_in_the_order_of_instants(void **state)
{
	int i;

	start(0);
	for (i = 0; i < N; i++)
		arm(i, 5 * SLOT0 + (i * 7919) % SLOT0);
	while (expire(6 * SLOT0))
		;
	assert_int_equal(wheel.n, 0);
	finish();
}

static void arming_again_moves_a_timer(void **state)
{
	start(0);
	arm(0, 100);
	arm(0, 1000000);
	assert_int_equal(wheel.n, 1);
	assert_false(expire(999999));
	arm(0, NEVER);
	assert_int_equal(wheel.n, 0);
	assert_int_equal(wheel_deadline(&wheel), NEVER);
	cancel(0);
	assert_false(expire(2000000));
	finish();
}

static void cancelling_leaves_no_deadline_in_the_past(void **state)
{
	start(0);
	arm(0, 3 * SLOT0 + 10);
	arm(1, 3 * SLOT0 + 20);
	arm(2, 70 * SLOT0 + 10);
	arm(3, 70 * SLOT0 + SLOT0);
	cancel(0);
	assert_true(wheel_deadline(&wheel) <= 3 * SLOT0 + 20);
	/* Awake too early: once, and then the deadline is right. */
	assert_false(expire(3 * SLOT0 + 10));
	assert_int_equal(wheel_deadline(&wheel), 3 * SLOT0 + 20);
	assert_true(expire(3 * SLOT0 + 20));
	cancel(2);
	assert_false(expire(70 * SLOT0 + 10));
	assert_int_equal(wheel_deadline(&wheel), 71 * SLOT0);
	assert_true(expire(71 * SLOT0));
	finish();
}

static void a_timer_may_cancel_and_arm_others_as_it_fires(void **state)
{
	start(0);
	arm(0, 100);
	arm(1, 100);
	arm(2, 101);
	assert_true(expire(1000)); /* 0 */
	cancel(1);
	arm(3, 50);   /* past */
	arm(0, 1000); /* now */
	arm(4, 1001);
	assert_true(expire(1000)); /* 3 */
	assert_true(expire(1000)); /* 2 */
	arm(2, 999);
	assert_true(expire(1000)); /* 2 */
	assert_true(expire(1000)); /* 0 */
	assert_false(expire(1000));
	assert_int_equal(wheel_deadline(&wheel), 1001);
	finish();
}

static void time_that_stands_still_or_goes_back_is_the_same_time(void **state)
{
	start(1000);
	arm(0, 900);
	arm(1, 1001);
	assert_true(wheel_expire(&wheel, 10) == ids[0]);
	at[0] = NEVER;
	assert_int_equal(wheel_expire(&wheel, 10), 0);
	assert_int_equal(wheel.now, 1000);
	assert_true(expire(1001));
	finish();
}

static void the_far_end_of_time_is_in_order(void **state)
{
	/* Beyond 2^62 ns slots of level 7 hold timers of two rounds. */
	int64_t base = INT64_C(10) << 56;
	int64_t round = INT64_C(1) << 62;

	start(base - 1);
	arm(0, base + round);
	arm(1, base + (INT64_C(5) << 56));
	arm(2, base + 7);
	arm(3, NEVER - 1);
	assert_int_equal(wheel_deadline(&wheel), base + 7);
	assert_true(expire(base + 7));
	assert_false(expire(base + 8));
	assert_int_equal(wheel_deadline(&wheel), at[1]);
	cancel(1);
	assert_false(expire(base + (INT64_C(6) << 56)));
	assert_true(expire(NEVER - 1));
	assert_true(expire(NEVER - 1));
	assert_false(expire(NEVER));
	finish();
}

/* now + offset, at most the last instant there is. */
static int64_t later(int64_t now, int64_t offset)
{
	return offset < NEVER - now ? now + offset : NEVER - 1;
}

/* An instant around now: near or far, aligned or not, sometimes past. */
static int64_t some_instant(int64_t now)
{
	int64_t unit = INT64_C(1) << (14 + 6 * check_below(8));

	switch (check_below(8)) {
	case 0:
		return now - (int64_t)check_magnitude(30);
	case 1: /* the start of a slot, or beside it */
		now = later(now, (int64_t)check_magnitude(62)) & ~(unit - 1);
		return now - 1 + check_below(3);
	case 2:
		return now;
	case 3: /* many at the same few instants */
		return later(now | (SLOT0 - 1), check_below(3));
	case 4:
		return later(now, (int64_t)check_magnitude(62));
	default:
		return later(now, (int64_t)check_magnitude(40));
	}
}

static void random_life(uint32_t n_steps, unsigned jump_bits)
{
	int64_t now = (int64_t)check_magnitude(60);
	uint32_t step, kind;
	int64_t jump;

	start(now);
	for (step = 0; step < n_steps; step++) {
		int i = (int)check_below(N);

		kind = check_below(10);
		jump = (int64_t)check_magnitude(jump_bits);
		if (kind < 4)
			arm(i, some_instant(now));
		else if (kind < 6)
			cancel(i);
		else if (kind < 9)
			expire(now);
		else if (!expire(now))
			now = later(now, jump);
		/* Half the time to the deadline and no further. */
		if (kind == 9 && step % 2 && wheel_deadline(&wheel) != NEVER)
			now = max_i64(now, wheel_deadline(&wheel));
		if (step % 256 == 0)
			check_wheel();
	}
	while (expire(NEVER))
		;
	assert_int_equal(wheel.n, 0);
	assert_int_equal(wheel_deadline(&wheel), NEVER);
	finish();
}

static void random_lives_match_the_array(void **state)
{
	int i;

	check_seed();
	for (i = 0; i < 100; i++) {
		random_life(5000, 18);
		random_life(5000, 36);
		random_life(5000, 62);
	}
}

static void wake_ups_for_nothing_are_few(void **state)
{
	int64_t now = 0;
	uint32_t wakes = 0, fired = 0, i;

	/* Each timer is put off 100 times for once that it fires, as a
	 * retransmission timer is by every ACK. */
	check_seed();
	start(0);
	for (i = 0; i < N; i++)
		arm((int)i, 200000000 + check_below(1000000));
	while (fired < 1000) {
		now = wheel_deadline(&wheel);
		wakes++;
		while (expire(now)) {
			fired++;
			for (i = 0; i < 100; i++)
				arm((int)check_below(N),
				    now + 200000000 + check_below(1000000));
		}
	}
	assert_true(wakes < 4 * fired);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_timers_there_is_no_deadline),
		cmocka_unit_test(
			a_timer_fires_at_its_nanosecond_on_every_level),
		cmocka_unit_test(
			the_deadline_is_exact_where_nothing_was_cancelled),
		cmocka_unit_test(an_instant_in_the_past_fires_at_once),
		cmocka_unit_test(equal_instants_fire_as_armed),
		cmocka_unit_test(one_slot_fires_in_the_order_of_instants),
		cmocka_unit_test(arming_again_moves_a_timer),
		cmocka_unit_test(cancelling_leaves_no_deadline_in_the_past),
		cmocka_unit_test(a_timer_may_cancel_and_arm_others_as_it_fires),
		cmocka_unit_test(
			time_that_stands_still_or_goes_back_is_the_same_time),
		cmocka_unit_test(the_far_end_of_time_is_in_order),
		cmocka_unit_test(random_lives_match_the_array),
		cmocka_unit_test(wake_ups_for_nothing_are_few),
	};

	return cmocka_run_group_tests_name("wheel", tests, NULL, NULL);
}
