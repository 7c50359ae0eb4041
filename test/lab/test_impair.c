// SPDX-License-Identifier: BSD-2-Clause
/* Each impairment does what it says, by its numbers, from a seed. */
#include "../unit/check.h"

#include "link/impair.h"

#include <string.h>

#define N 100000

/* Sets up a model from words, as scenarios do. */
static void open_model(struct impair *m, const char *text)
{
	struct impair_config c = { 0 };
	const char *words[16], *why;
	char copy[100];
	int n = 0, i = 0;

	strcpy(copy, text);
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		words[n++] = w;
	while (i < n) {
		int used = impair_parse(&c, words + i, n - i, &why);

		assert_true(used > 0);
		i += used;
	}
	assert_true(impair_init(m, &c, 7));
}

static int count_lost(const char *text, enum impair_loss kind)
{
	struct impair m;
	int n = 0;

	open_model(&m, text);
	for (int i = 0; i < N; i++)
		n += impair_meet(&m, 1000, i * NS_PER_MS).lost == kind;
	impair_fini(&m);
	return n;
}

static void delay_and_rate_add_up(void **state)
{
	struct impair m;
	struct impair_fate f;

	open_model(&m, "delay 10ms rate 8mbit");
	/* 1,000 bytes take 1 ms at 8 Mbit/s; the second waits for the first. */
	f = impair_meet(&m, 1000, 0);
	assert_int_equal(f.at[0], 11 * NS_PER_MS);
	f = impair_meet(&m, 1000, 0);
	assert_int_equal(f.at[0], 12 * NS_PER_MS);
	assert_int_equal(f.leaves_at, 2 * NS_PER_MS);
	assert_int_equal(impair_queued(&m, NS_PER_MS), 1);
	assert_int_equal(impair_queued(&m, 2 * NS_PER_MS), 0);
	impair_fini(&m);
}

static void jitter_keeps_the_order(void **state)
{
	int64_t last = 0, least = NEVER, most = 0;
	struct impair m;

	open_model(&m, "delay 10ms jitter 5ms");
	for (int i = 0; i < N; i++) {
		int64_t now = i * NS_PER_US;
		int64_t at = impair_meet(&m, 100, now).at[0];

		assert_true(at >= last);
		last = at;
	}
	impair_fini(&m);
	open_model(&m, "delay 10ms jitter 5ms");
	for (int i = 0; i < N; i++) {
		int64_t now = i * NS_PER_S;
		int64_t d = impair_meet(&m, 100, now).at[0] - now;

		least = d < least ? d : least;
		most = d > most ? d : most;
	}
	impair_fini(&m);
	assert_in_range(least, 10 * NS_PER_MS, 10 * NS_PER_MS + 1000);
	assert_in_range(most, 15 * NS_PER_MS - 1000, 15 * NS_PER_MS - 1);
}

static void losses_are_as_frequent_as_said(void **state)
{
	/* 1 % of 100,000: 1,000, give or take four times 31. */
	assert_in_range(count_lost("loss 1%", IMPAIR_RANDOM), 875, 1125);
	assert_int_equal(count_lost("loss every 100", IMPAIR_PERIODIC),
			 N / 100);
	assert_int_equal(count_lost("drop 3,5,99999", IMPAIR_CHOSEN), 3);
	assert_int_equal(count_lost("delay 1ms", IMPAIR_KEPT), N);
	/* Bursts begin after 1,000 good packets and last 4 on average. */
	assert_in_range(count_lost("loss burst 0.1% 25%", IMPAIR_BURST), 300,
			500);
}

static void bursts_are_bursts(void **state)
{
	struct impair m;
	int n_bursts = 0, n_lost = 0;
	bool before = false;

	open_model(&m, "loss burst 0.1% 25%");
	for (int i = 0; i < N; i++) {
		bool lost = impair_meet(&m, 100, i * NS_PER_MS).lost;

		n_bursts += lost && !before;
		n_lost += lost;
		before = lost;
	}
	impair_fini(&m);
	assert_true(n_lost > 3 * n_bursts && n_lost < 5 * n_bursts);
}

static void what_is_reordered_is_passed(void **state)
{
	int64_t latest = 0;
	struct impair m;
	int n = 0;

	open_model(&m, "delay 10ms reorder 2% 5ms");
	for (int i = 0; i < N; i++) {
		int64_t at = impair_meet(&m, 100, i * NS_PER_MS).at[0];

		n += at < latest;
		latest = at > latest ? at : latest;
	}
	impair_fini(&m);
	/* Each of the 2,000 is passed by the four behind it. */
	assert_in_range(n, 7000, 8400);
}

static void duplicates_and_flips_are_as_frequent_as_said(void **state)
{
	int twins = 0, flips = 0;
	struct impair m;

	open_model(&m, "duplicate 3% corrupt 0.5%");
	for (int i = 0; i < N; i++) {
		struct impair_fate f = impair_meet(&m, 100, i * NS_PER_MS);

		twins += f.n == 2;
		flips += f.corrupt;
	}
	impair_fini(&m);
	assert_in_range(twins, 2780, 3220);
	assert_in_range(flips, 410, 590);
}

static void a_full_queue_drops_the_newcomer(void **state)
{
	struct impair m;
	int kept = 0, marked = 0;

	/* One is being sent, ten wait. */
	open_model(&m, "rate 8mbit queue 10 mark 4");
	for (int i = 0; i < 20; i++) {
		struct impair_fate f = impair_meet(&m, 1000, 0);

		assert_int_equal(f.lost, i < 11 ? IMPAIR_KEPT : IMPAIR_QUEUE);
		kept += !f.lost;
		marked += f.mark;
	}
	assert_int_equal(kept, 11);
	assert_int_equal(marked, 7);
	assert_int_equal(impair_meet(&m, 1000, NS_PER_MS).lost, IMPAIR_KEPT);
	impair_fini(&m);
	open_model(&m, "rate 8mbit queue 5kB");
	for (int i = 0; i < 10; i++)
		assert_int_equal(impair_meet(&m, 1000, 0).lost,
				 i < 5 ? IMPAIR_KEPT : IMPAIR_QUEUE);
	impair_fini(&m);
}

static void the_dice_of_one_knob_leave_the_others_alone(void **state)
{
	struct impair a, b;

	open_model(&a, "loss 1%");
	open_model(&b, "loss 1% duplicate 50% jitter 3ms corrupt 9%");
	for (int i = 0; i < 10000; i++)
		assert_int_equal(impair_meet(&a, 100, i * NS_PER_MS).lost,
				 impair_meet(&b, 100, i * NS_PER_MS).lost);
	impair_fini(&a);
	impair_fini(&b);
}

static void wrong_words_are_told(void **state)
{
	static const char *const wrong[][3] = {
		{ "delay", "x" },   { "delay", "-1s" },	  { "delay", NULL },
		{ "loss", "101%" }, { "loss", "every" },  { "rate", "0bit" },
		{ "rate", "fast" }, { "queue", "0" },	  { "drop", "0" },
		{ "drop", "3,,5" }, { "reorder", "1%" },  { "mark", "1e9" },
		{ "delay", "nan" }, { "delay", "1e30s" }, { "loss", "0x10%" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct impair_config c = { 0 };
		const char *why = NULL;

		assert_true(impair_parse(&c, wrong[i], wrong[i][1] ? 2 : 1,
					 &why) < 0);
		assert_non_null(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delay_and_rate_add_up),
		cmocka_unit_test(jitter_keeps_the_order),
		cmocka_unit_test(losses_are_as_frequent_as_said),
		cmocka_unit_test(bursts_are_bursts),
		cmocka_unit_test(what_is_reordered_is_passed),
		cmocka_unit_test(duplicates_and_flips_are_as_frequent_as_said),
		cmocka_unit_test(a_full_queue_drops_the_newcomer),
		cmocka_unit_test(the_dice_of_one_knob_leave_the_others_alone),
		cmocka_unit_test(wrong_words_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
