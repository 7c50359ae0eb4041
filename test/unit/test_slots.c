// SPDX-License-Identifier: BSD-2-Clause
/* Socket numbers against a table of which are taken and a list of news. */
#include "base/slots.h"

#include <string.h>

#include <tern/error.h>

#include "check.h"

static struct check_alloc alloc;
static struct mem mem;
static struct slots slots;

static void start(uint32_t max)
{
	check_alloc_init(&alloc);
	mem = (struct mem){ .alloc = check_allocator(&alloc) };
	slots_init(&slots, &mem, max);
}

static void finish(void)
{
	assert_int_equal(slots.footprint, alloc.used);
	slots_fini(&slots);
	assert_int_equal(alloc.n_out, 0);
}

static void the_lowest_free_number_is_taken(void **state)
{
	int i;

	start(10000);
	for (i = 0; i < 9000; i++)
		assert_int_equal(slots_take(&slots, SLOT_TCP, 7), i);
	slots_give(&slots, 8000);
	slots_give(&slots, 64);
	slots_give(&slots, 4095);
	assert_int_equal(slots_take(&slots, SLOT_UDP, 1), 64);
	assert_int_equal(slots_take(&slots, SLOT_UDP, 2), 4095);
	assert_int_equal(slots_take(&slots, SLOT_UDP, 3), 8000);
	assert_int_equal(slots_take(&slots, SLOT_UDP, 4), 9000);
	assert_int_equal(slots_at(&slots, 64)->obj, 1);
	assert_int_equal(slots_at(&slots, 64)->kind, SLOT_UDP);
	finish();
}

static void no_more_than_max_are_given(void **state)
{
	int i;

	start(100);
	for (i = 0; i < 100; i++)
		assert_int_equal(slots_take(&slots, SLOT_TCP, 1), i);
	assert_int_equal(slots_take(&slots, SLOT_TCP, 1), -TERN_EMFILE);
	slots_give(&slots, 50);
	assert_int_equal(slots_take(&slots, SLOT_TCP, 1), 50);
	finish();
}

static void only_numbers_in_use_have_a_slot(void **state)
{
	start(100);
	assert_null(slots_at(&slots, 0));
	assert_int_equal(slots_take(&slots, SLOT_TCP, 1), 0);
	assert_non_null(slots_at(&slots, 0));
	assert_null(slots_at(&slots, 1));
	assert_null(slots_at(&slots, -1));
	assert_null(slots_at(&slots, INT32_MAX));
	assert_null(slots_at(&slots, INT32_MIN));
	slots_give(&slots, 0);
	assert_null(slots_at(&slots, 0));
	finish();
}

static void news_come_once_and_in_order(void **state)
{
	int i;

	start(100);
	for (i = 0; i < 4; i++)
		slots_take(&slots, SLOT_TCP, 1);
	assert_int_equal(slots_news(&slots), -1);
	slots_post(&slots, 2);
	slots_post(&slots, 0);
	slots_post(&slots, 2);
	slots_post(&slots, -5);
	slots_post(&slots, 77);
	assert_int_equal(slots_news(&slots), 2);
	slots_post(&slots, 2);
	assert_int_equal(slots_news(&slots), 0);
	assert_int_equal(slots_news(&slots), 2);
	assert_int_equal(slots_news(&slots), -1);
	finish();
}

static void news_of_the_last_owner_are_not_told(void **state)
{
	start(100);
	slots_take(&slots, SLOT_TCP, 1);
	slots_take(&slots, SLOT_TCP, 1);
	slots_post(&slots, 0);
	slots_post(&slots, 1);
	slots_give(&slots, 0);
	slots_give(&slots, 1);
	assert_int_equal(slots_take(&slots, SLOT_UDP, 2), 0);
	assert_int_equal(slots_take(&slots, SLOT_UDP, 2), 1);
	/* 1 has news of its own; 0 has none. */
	slots_post(&slots, 1);
	assert_int_equal(slots_news(&slots), 1);
	assert_int_equal(slots_news(&slots), -1);
	slots_post(&slots, 0);
	assert_int_equal(slots_news(&slots), 0);
	finish();
}

static void memory_that_fails_is_an_error_and_no_leak(void **state)
{
	int64_t n;
	int i;

	for (n = 0; n < 12; n++) {
		start(1000000);
		alloc.n_left = n;
		for (i = 0; slots_take(&slots, SLOT_TCP, 1) == i; i++)
			;
		assert_int_equal(slots_take(&slots, SLOT_TCP, 1), -TERN_ENOMEM);
		alloc.n_left = -1;
		assert_int_equal(slots_take(&slots, SLOT_TCP, 1), i);
		finish();
	}
}

#define MAX 12000

static bool taken[MAX];

static int lowest_free(void)
{
	int i;

	for (i = 0; i < MAX && taken[i]; i++)
		;
	return i;
}

static void random_traffic_matches_the_table(void **state)
{
	uint32_t step;
	int s, n = 0;

	check_seed();
	start(MAX);
	memset(taken, 0, sizeof(taken));
	for (step = 0; step < 60000; step++) {
		bool flood = step / 20000 % 2 == 0;

		if (check_below(100) < (flood ? 80 : 20)) {
			s = slots_take(&slots, SLOT_TCP, step);
			if (n == MAX) {
				assert_int_equal(s, -TERN_EMFILE);
				continue;
			}
			assert_int_equal(s, lowest_free());
			taken[s] = true;
			n++;
			continue;
		}
		s = (int)check_below(MAX);
		assert_int_equal(slots_at(&slots, s) != NULL, taken[s]);
		slots_post(&slots, s);
		if (check_below(2))
			assert_int_equal(slots_news(&slots), taken[s] ? s : -1);
		else
			while (slots_news(&slots) >= 0)
				;
		if (taken[s]) {
			slots_give(&slots, s);
			taken[s] = false;
			n--;
		}
	}
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lowest_free_number_is_taken),
		cmocka_unit_test(no_more_than_max_are_given),
		cmocka_unit_test(only_numbers_in_use_have_a_slot),
		cmocka_unit_test(news_come_once_and_in_order),
		cmocka_unit_test(news_of_the_last_owner_are_not_told),
		cmocka_unit_test(memory_that_fails_is_an_error_and_no_leak),
		cmocka_unit_test(random_traffic_matches_the_table),
	};

	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
