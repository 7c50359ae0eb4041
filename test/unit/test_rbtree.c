// SPDX-License-Identifier: BSD-2-Clause
/* The tree against a plain array of what is in it. */
#include "base/rbtree.h"

#include "base/bytes.h"

#include "check.h"

#define N 512

struct item {
	struct rbnode node;
	uint32_t key;
	bool in;
};

static struct item items[N]; /* sorted by key, keys = indices */
static struct rbtree tree;

static void reset(void)
{
	uint32_t i;

	tree = (struct rbtree){ 0 };
	for (i = 0; i < N; i++)
		items[i] = (struct item){ .key = i };
}

static struct item *item_of(struct rbnode *node)
{
	return node ? container_of(node, struct item, node) : NULL;
}

static void insert(struct item *item)
{
	struct rbnode *parent = NULL, **where = &tree.root;

	while (*where) {
		parent = *where;
		where = item->key < item_of(parent)->key ? &parent->left :
							   &parent->right;
	}
	rbtree_insert(&tree, &item->node, parent, where);
	item->in = true;
}

static void insert_after_previous(struct item *item)
{
	struct item *prev = item;

	while (prev > items && !prev[-1].in)
		prev--;
	rbtree_insert_after(&tree, &item->node,
			    prev > items ? &prev[-1].node : NULL);
	item->in = true;
}

static void remove_item(struct item *item)
{
	rbtree_remove(&tree, &item->node);
	item->in = false;
}

/* The tree holds what the array says, in order, both ways; and is balanced. */
static void check_tree(void)
{
	struct rbnode *node = tree.first;
	int i;

	assert_true(rbtree_check(&tree));
	for (i = 0; i < N; i++) {
		if (!items[i].in)
			continue;
		assert_ptr_equal(item_of(node), &items[i]);
		node = rbtree_next(node);
	}
	assert_null(node);
	node = tree.last;
	for (i = N - 1; i >= 0; i--) {
		if (!items[i].in)
			continue;
		assert_ptr_equal(item_of(node), &items[i]);
		node = rbtree_prev(node);
	}
	assert_null(node);
}

static void ascending_and_descending_orders_balance(void **state)
{
	int i;

	reset();
	for (i = 0; i < N; i++) {
		insert(&items[i]);
		assert_true(rbtree_check(&tree));
	}
	check_tree();
	for (i = 0; i < N; i++) {
		remove_item(&items[i]);
		assert_true(rbtree_check(&tree));
	}
	for (i = N - 1; i >= 0; i--)
		insert(&items[i]);
	check_tree();
	for (i = N - 1; i >= 0; i--) {
		remove_item(&items[i]);
		assert_true(rbtree_check(&tree));
	}
	assert_null(tree.root);
	check_tree();
}

static void appending_and_taking_the_first_is_a_queue(void **state)
{
	int i;

	reset();
	for (i = 0; i < N; i++) {
		rbtree_insert_after(&tree, &items[i].node, tree.last);
		items[i].in = true;
	}
	check_tree();
	for (i = 0; i < N; i++) {
		assert_ptr_equal(item_of(tree.first), &items[i]);
		remove_item(&items[i]);
	}
	assert_null(tree.first);
}

static void insert_after_finds_the_place_between(void **state)
{
	int i;

	reset();
	for (i = 0; i < N; i += 2)
		insert(&items[i]);
	for (i = 1; i < N; i += 2) {
		insert_after_previous(&items[i]);
		assert_true(rbtree_check(&tree));
	}
	check_tree();
}

static void random_operations_match_the_array(void **state)
{
	uint32_t i, step;

	reset();
	check_seed();
	for (step = 0; step < 200000; step++) {
		/* Now few, now nearly all are in. */
		uint32_t span = step / 20000 % 2 ? N : 16;
		struct item *item = &items[check_below(span)];

		if (item->in)
			remove_item(item);
		else if (check_below(2))
			insert(item);
		else
			insert_after_previous(item);
		if (step % 64 == 0)
			check_tree();
	}
	for (i = 0; i < N; i++) {
		if (items[i].in)
			remove_item(&items[i]);
	}
	check_tree();
}

static void the_check_sees_what_is_wrong(void **state)
{
	struct rbnode *n;
	int i;

	reset();
	for (i = 0; i < 64; i++)
		insert(&items[i]);
	for (i = 0; i < 64; i++) {
		items[i].node.red ^= true;
		assert_false(rbtree_check(&tree));
		items[i].node.red ^= true;
	}
	n = tree.first;
	tree.first = tree.root;
	assert_false(rbtree_check(&tree));
	tree.first = n;
	n = tree.last;
	tree.last = tree.root;
	assert_false(rbtree_check(&tree));
	tree.last = n;
	n = tree.root->left->parent;
	tree.root->left->parent = tree.root->right;
	assert_false(rbtree_check(&tree));
	tree.root->left->parent = n;
	assert_true(rbtree_check(&tree));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ascending_and_descending_orders_balance),
		cmocka_unit_test(appending_and_taking_the_first_is_a_queue),
		cmocka_unit_test(insert_after_finds_the_place_between),
		cmocka_unit_test(random_operations_match_the_array),
		cmocka_unit_test(the_check_sees_what_is_wrong),
	};

	return cmocka_run_group_tests_name("rbtree", tests, NULL, NULL);
}
