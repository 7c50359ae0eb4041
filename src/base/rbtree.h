// SPDX-License-Identifier: BSD-2-Clause
/*
 * A red-black tree, intrusive and without a compare function: who inserts
 * walks down by himself and says where. The tree keeps its first and last
 * node at hand, so that a queue ordered by sequence numbers appends and takes
 * from the front without a walk.
 */
#ifndef BASE_RBTREE_H
#define BASE_RBTREE_H

#include <stdbool.h>
#include <stddef.h>

struct rbnode {
	struct rbnode *parent, *left, *right;
	bool red;
};

struct rbtree {
	struct rbnode *root, *first, *last;
};

/* Links node as the child of parent at *where, which is &parent->left,
 * &parent->right or, parent being NULL, &tree->root; and rebalances. */
void rbtree_insert(struct rbtree *, struct rbnode *node, struct rbnode *parent,
		   struct rbnode **where);
/* Insert right after `prev` in order, NULL: as the first. */
void rbtree_insert_after(struct rbtree *, struct rbnode *node,
			 struct rbnode *prev);
void rbtree_remove(struct rbtree *, struct rbnode *node);
struct rbnode *rbtree_next(const struct rbnode *);
struct rbnode *rbtree_prev(const struct rbnode *);

/* Checks colours, heights and links: for tests. */
bool rbtree_check(const struct rbtree *);

#endif
