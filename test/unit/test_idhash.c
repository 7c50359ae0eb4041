// SPDX-License-Identifier: BSD-2-Clause
/* Tables of objects with a key, against the list of keys that are in. */
#include "base/idhash.h"

#include "base/bytes.h"
#include "base/siphash.h"

#include "check.h"

struct object {
	uint32_t link;
	uint32_t key;
};

static struct check_alloc alloc;
static struct mem mem;
static struct slab slab;
static struct idhash table;
static uint32_t hash_mask; /* fewer bits: more collisions */

static uint32_t hash_of(uint32_t key)
{
	static const struct sipkey sipkey = { 1, 2 };
	uint64_t word = key;

	return (uint32_t)siphash_words(&sipkey, &word, 1) & hash_mask;
}

static uint32_t hash_object(const void *ctx, const void *object)
{
	assert_ptr_equal(ctx, &table);
	return hash_of(((const struct object *)object)->key);
}

static bool init(void)
{
	return idhash_init(&table, &slab, offsetof(struct object, link),
			   hash_object, &table);
}

static void start(uint32_t mask)
{
	hash_mask = mask;
	check_alloc_init(&alloc);
	mem = (struct mem){ .alloc = check_allocator(&alloc) };
	slab_init(&slab, &mem, sizeof(struct object), false);
	assert_true(init());
}

static uint32_t find(uint32_t key)
{
	uint32_t id;

	for (id = idhash_first(&table, hash_of(key)); id;
	     id = idhash_next(&table, id)) {
		if (((struct object *)slab_at(&slab, id))->key == key)
			return id;
	}
	return 0;
}

static uint32_t insert(uint32_t key)
{
	uint32_t id = slab_alloc(&slab);

	((struct object *)slab_at(&slab, id))->key = key;
	idhash_insert(&table, id, hash_of(key));
	return id;
}

static void drop(uint32_t id)
{
	uint32_t key = ((struct object *)slab_at(&slab, id))->key;

	idhash_remove(&table, id, hash_of(key));
	slab_free(&slab, id);
}

static void finish(void)
{
	uint32_t id;

	for (id = slab_next(&slab, 0); id; id = slab_next(&slab, id))
		drop(id);
	assert_int_equal(table.n, 0);
	idhash_fini(&table);
	slab_fini(&slab);
	assert_int_equal(alloc.n_out, 0);
}

static void every_key_is_found_while_the_table_grows_and_shrinks(void **state)
{
	const uint32_t n = 20000;
	static uint32_t ids[20000];
	uint32_t key;

	start(UINT32_MAX);
	for (key = 0; key < n; key++) {
		assert_int_equal(find(key), 0);
		ids[key] = insert(key);
		assert_int_equal(find(key), ids[key]);
		assert_int_equal(find(key / 2), ids[key / 2]);
	}
	for (key = 0; key < n; key++)
		assert_int_equal(find(key), ids[key]);
	for (key = 0; key < n; key++) {
		drop(ids[key]);
		assert_int_equal(find(key), 0);
		if (key + 1 < n)
			assert_int_equal(find(n - 1), ids[n - 1]);
	}
	finish();
}

static void buckets_follow_the_number_of_objects(void **state)
{
	size_t before;
	uint32_t key, id;

	start(UINT32_MAX);
	before = idhash_footprint(&table);
	for (key = 0; key < 10000; key++) {
		insert(key);
		assert_true(table.n_buckets >= table.n);
		assert_true(table.n_buckets <= 512 ||
			    table.n_buckets <= key + 1);
	}
	assert_true(idhash_footprint(&table) < 10000 * 4 * 11 / 10);
	while ((id = slab_next(&slab, 0))) {
		drop(id);
		assert_true(table.n_buckets <= 512 ||
			    table.n_buckets <= 2 * table.n + 1);
	}
	assert_true(idhash_footprint(&table) <= before + sizeof(void *));
	finish();
}

/* No more chains than the hash has values, however many buckets there are. */
static void colliding_hashes_are_only_slow(void **state)
{
	uint32_t key;

	start(3);
	for (key = 0; key < 2000; key++)
		insert(key);
	for (key = 0; key < 2000; key++)
		assert_int_not_equal(find(key), 0);
	assert_int_equal(find(2000), 0);
	finish();
}

static void without_memory_the_table_goes_on_and_catches_up(void **state)
{
	uint32_t key, blocks;

	start(UINT32_MAX);
	/* Growth fails; objects, in other slabs, do not. */
	for (key = 0; key < 512; key++)
		insert(key);
	blocks = table.n_buckets;
	for (; key < 5000; key++) {
		uint32_t id = slab_alloc(&slab);

		((struct object *)slab_at(&slab, id))->key = key;
		alloc.n_left = 0;
		idhash_insert(&table, id, hash_of(key));
		alloc.n_left = -1;
	}
	assert_int_equal(table.n_buckets, blocks);
	for (key = 0; key < 5000; key++)
		assert_int_not_equal(find(key), 0);
	for (key = 5000; key < 10000; key++)
		insert(key);
	assert_true(table.n_buckets >= table.n - 1);
	for (key = 0; key < 10000; key++)
		assert_int_not_equal(find(key), 0);
	finish();
}

static void init_says_when_memory_is_short(void **state)
{
	int64_t n;

	for (n = 0; n < 2; n++) {
		check_alloc_init(&alloc);
		alloc.n_left = n;
		mem = (struct mem){ .alloc = check_allocator(&alloc) };
		slab_init(&slab, &mem, sizeof(struct object), false);
		assert_false(init());
		idhash_fini(&table);
		assert_int_equal(alloc.n_out, 0);
	}
}

#define KEYS 6000

static uint32_t id_of[KEYS]; /* 0: not in */

static void random_traffic_matches_the_list(void **state)
{
	uint32_t step, key;

	check_seed();
	start(UINT32_MAX);
	memset(id_of, 0, sizeof(id_of));
	for (step = 0; step < 200000; step++) {
		bool flood = step / 40000 % 2 == 0;

		key = check_below(KEYS);
		assert_int_equal(find(key), id_of[key]);
		if (id_of[key] && check_below(4) >= (flood ? 3 : 0)) {
			drop(id_of[key]);
			id_of[key] = 0;
		} else if (!id_of[key] && check_below(4) <= (flood ? 3 : 0)) {
			/* Memory comes and goes, too. */
			uint32_t id = slab_alloc(&slab);

			((struct object *)slab_at(&slab, id))->key = key;
			alloc.n_left = check_below(10) ? -1 : 0;
			idhash_insert(&table, id, hash_of(key));
			alloc.n_left = -1;
			id_of[key] = id;
		}
	}
	for (key = 0; key < KEYS; key++)
		assert_int_equal(find(key), id_of[key]);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			every_key_is_found_while_the_table_grows_and_shrinks),
		cmocka_unit_test(buckets_follow_the_number_of_objects),
		cmocka_unit_test(colliding_hashes_are_only_slow),
		cmocka_unit_test(
			without_memory_the_table_goes_on_and_catches_up),
		cmocka_unit_test(init_says_when_memory_is_short),
		cmocka_unit_test(random_traffic_matches_the_list),
	};

	return cmocka_run_group_tests_name("idhash", tests, NULL, NULL);
}
