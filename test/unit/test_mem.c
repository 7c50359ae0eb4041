// SPDX-License-Identifier: BSD-2-Clause
#include "base/mem.h"

#include "check.h"

static struct check_alloc alloc;

static struct mem new_mem(size_t cap)
{
	check_alloc_init(&alloc);
	return (struct mem){ .alloc = check_allocator(&alloc), .cap = cap };
}

static void what_is_out_is_counted(void **state)
{
	struct mem mem = new_mem(0);
	void *a = mem_alloc(&mem, 100);
	void *b = mem_alloc(&mem, 28);

	assert_int_equal(mem.used, 128);
	mem_free(&mem, a, 100);
	assert_int_equal(mem.used, 28);
	mem_free(&mem, b, 28);
	assert_int_equal(mem.used, 0);
	assert_int_equal(alloc.n_out, 0);
}

static void nothing_goes_beyond_the_cap(void **state)
{
	struct mem mem = new_mem(100);
	void *a = mem_alloc(&mem, 60), *b;

	assert_non_null(a);
	assert_null(mem_alloc(&mem, 41));
	assert_null(mem_alloc(&mem, SIZE_MAX));
	b = mem_alloc(&mem, 40);
	assert_non_null(b);
	assert_null(mem_alloc(&mem, 1));
	mem_free(&mem, a, 60);
	mem_free(&mem, b, 40);
}

static void a_cap_lowered_below_use_only_refuses(void **state)
{
	struct mem mem = new_mem(100);
	void *a = mem_alloc(&mem, 60);

	mem.cap = 50;
	assert_null(mem_alloc(&mem, 1));
	mem_free(&mem, a, 60);
	a = mem_alloc(&mem, 50);
	assert_non_null(a);
	mem_free(&mem, a, 50);
}

static void a_failed_allocation_counts_nothing(void **state)
{
	struct mem mem = new_mem(0);

	alloc.n_left = 0;
	assert_null(mem_alloc(&mem, 8));
	assert_null(mem_zalloc(&mem, 8));
	assert_int_equal(mem.used, 0);
}

static void zalloc_clears(void **state)
{
	struct mem mem = new_mem(0);
	uint8_t *p = mem_zalloc(&mem, 333);
	int i;

	for (i = 0; i < 333; i++)
		assert_int_equal(p[i], 0);
	mem_free(&mem, p, 333);
}

static void freeing_null_does_nothing(void **state)
{
	struct mem mem = new_mem(0);

	mem_free(&mem, NULL, 77);
	assert_int_equal(mem.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_out_is_counted),
		cmocka_unit_test(nothing_goes_beyond_the_cap),
		cmocka_unit_test(a_cap_lowered_below_use_only_refuses),
		cmocka_unit_test(a_failed_allocation_counts_nothing),
		cmocka_unit_test(zalloc_clears),
		cmocka_unit_test(freeing_null_does_nothing),
	};

	return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
