// SPDX-License-Identifier: BSD-2-Clause
/*
 * Red-black trees (Guibas, Sedgewick 1978; the cases after Cormen et al.).
 *
 * Invariants (rbtree_check()):
 *  1. a red node has no red child, and the root is black;
 *  2. every way from a node down to a missing child passes as many blacks;
 *  3. first and last are the ends of the order.
 * Hence no way down is longer than 2 log2(n + 1).
 */
#include "base/rbtree.h"

#include "base/bytes.h"

static inline bool is_red(const struct rbnode *n)
{
	return n && n->red;
}

/* Puts `new` where `old` hangs. */
static void replace_child(struct rbtree *t, struct rbnode *parent,
			  const struct rbnode *old, struct rbnode *new)
{
	if (!parent)
		t->root = new;
	else if (parent->left == old)
		parent->left = new;
	else
		parent->right = new;
	if (new)
		new->parent = parent;
}

/* n's right child takes its place; n becomes that one's left child. */
static void rotate_left(struct rbtree *t, struct rbnode *n)
{
	struct rbnode *up = n->right;

	n->right = up->left;
	if (n->right)
		n->right->parent = n;
	replace_child(t, n->parent, n, up);
	up->left = n;
	n->parent = up;
}

static void rotate_right(struct rbtree *t, struct rbnode *n)
{
	struct rbnode *up = n->left;

	n->left = up->right;
	if (n->left)
		n->left->parent = n;
	replace_child(t, n->parent, n, up);
	up->right = n;
	n->parent = up;
}

/* Two reds in a row, node and parent, the uncle black: turned so that the
 * parent, or node, is above the grandparent. */
static void fix_turn(struct rbtree *t, struct rbnode *node,
		     struct rbnode *parent, struct rbnode *grand)
{
	if (parent == grand->left) {
		if (node == parent->right)
			rotate_left(t, parent);
		grand->left->red = false;
		grand->red = true;
		rotate_right(t, grand);
	} else {
		if (node == parent->left)
			rotate_right(t, parent);
		grand->right->red = false;
		grand->red = true;
		rotate_left(t, grand);
	}
}

/* `node` is red, and all is well but that its parent may be red too. */
static void fix_insert(struct rbtree *t, struct rbnode *node)
{
	while (is_red(node->parent)) {
		struct rbnode *parent = node->parent;
		struct rbnode *grand = parent->parent; /* a red has a parent */
		struct rbnode *uncle = parent == grand->left ? grand->right :
							       grand->left;

		if (!is_red(uncle)) {
			fix_turn(t, node, parent, grand);
			break;
		}
		parent->red = uncle->red = false;
		grand->red = true;
		node = grand;
	}
	t->root->red = false;
}

void rbtree_insert(struct rbtree *t, struct rbnode *node, struct rbnode *parent,
		   struct rbnode **where)
{
	*node = (struct rbnode){ .parent = parent, .red = true };
	*where = node;
	if (!parent)
		t->first = t->last = node;
	else if (where == &parent->left && parent == t->first)
		t->first = node;
	else if (where == &parent->right && parent == t->last)
		t->last = node;
	fix_insert(t, node);
}

void rbtree_insert_after(struct rbtree *t, struct rbnode *node,
			 struct rbnode *prev)
{
	struct rbnode *next;

	if (!t->root) {
		rbtree_insert(t, node, NULL, &t->root);
	} else if (!prev) {
		rbtree_insert(t, node, t->first, &t->first->left);
	} else if (!prev->right) {
		rbtree_insert(t, node, prev, &prev->right);
	} else {
		/* The next of a node with a right child has no left one. */
		next = rbtree_next(prev);
		rbtree_insert(t, node, next, &next->left);
	}
}

/* The left side of parent lacks one black: takes one from the right (true:
 * all is well), or makes the right lack it too, so that parent does (false). */
static bool fix_short_left(struct rbtree *t, struct rbnode *parent)
{
	struct rbnode *sibling = parent->right;

	if (sibling->red) {
		sibling->red = false;
		parent->red = true;
		rotate_left(t, parent);
		sibling = parent->right;
	}
	if (!is_red(sibling->left) && !is_red(sibling->right)) {
		sibling->red = true;
		return false;
	}
	if (!is_red(sibling->right)) {
		sibling->left->red = false;
		sibling->red = true;
		rotate_right(t, sibling);
		sibling = parent->right;
	}
	sibling->red = parent->red;
	parent->red = false;
	sibling->right->red = false;
	rotate_left(t, parent);
	return true;
}

static bool fix_short_right(struct rbtree *t, struct rbnode *parent)
{
	struct rbnode *sibling = parent->left;

	if (sibling->red) {
		sibling->red = false;
		parent->red = true;
		rotate_right(t, parent);
		sibling = parent->left;
	}
	if (!is_red(sibling->left) && !is_red(sibling->right)) {
		sibling->red = true;
		return false;
	}
	if (!is_red(sibling->left)) {
		sibling->right->red = false;
		sibling->red = true;
		rotate_left(t, sibling);
		sibling = parent->left;
	}
	sibling->red = parent->red;
	parent->red = false;
	sibling->left->red = false;
	rotate_right(t, parent);
	return true;
}

/* Ways through `node` (may be NULL), a child of parent, lack one black. */
static void fix_remove(struct rbtree *t, struct rbnode *node,
		       struct rbnode *parent)
{
	while (parent && !is_red(node)) {
		if (node == parent->left ? fix_short_left(t, parent) :
					   fix_short_right(t, parent))
			return;
		node = parent;
		parent = node->parent;
	}
	if (node)
		node->red = false;
}

void rbtree_remove(struct rbtree *t, struct rbnode *node)
{
	struct rbnode *child, *parent, *next;
	bool was_red;

	if (t->first == node)
		t->first = rbtree_next(node);
	if (t->last == node)
		t->last = rbtree_prev(node);

	if (node->left && node->right) {
		/* The next in order has no left child: it is taken out of its
		 * place and put into node's. */
		next = rbtree_next(node);
		child = next->right;
		was_red = next->red;
		parent = next->parent == node ? next : next->parent;
		replace_child(t, next->parent, next, child);
		next->left = node->left;
		next->right = node->right;
		next->red = node->red;
		next->left->parent = next;
		if (next->right)
			next->right->parent = next;
		replace_child(t, node->parent, node, next);
	} else {
		child = node->left ? node->left : node->right;
		was_red = node->red;
		parent = node->parent;
		replace_child(t, parent, node, child);
	}
	if (!was_red)
		fix_remove(t, child, parent);
	*node = (struct rbnode){ 0 };
}

struct rbnode *rbtree_next(const struct rbnode *n)
{
	struct rbnode *down = n->right;

	if (down) {
		while (down->left)
			down = down->left;
		return down;
	}
	while (n->parent && n == n->parent->right)
		n = n->parent;
	return n->parent;
}

struct rbnode *rbtree_prev(const struct rbnode *n)
{
	struct rbnode *down = n->left;

	if (down) {
		while (down->right)
			down = down->right;
		return down;
	}
	while (n->parent && n == n->parent->left)
		n = n->parent;
	return n->parent;
}

/* Blacks from n up to the root, n included. */
static unsigned blacks_above(const struct rbnode *n)
{
	unsigned blacks = 0;

	for (; n; n = n->parent)
		blacks += !n->red;
	return blacks;
}

static bool node_is_well(const struct rbtree *t, const struct rbnode *n,
			 unsigned blacks)
{
	if (n->parent ? n->parent->left != n && n->parent->right != n :
			n != t->root)
		return false;
	if ((n->left && n->left->parent != n) ||
	    (n->right && n->right->parent != n))
		return false;
	if (n->red && (!n->parent || is_red(n->left) || is_red(n->right)))
		return false;
	return (n->left && n->right) || blacks_above(n) == blacks;
}

bool rbtree_check(const struct rbtree *t)
{
	const struct rbnode *n = t->root, *last = NULL;
	unsigned blacks;

	if (!n)
		return !t->first && !t->last;
	if (n->parent)
		return false;
	while (n->left)
		n = n->left;
	if (n != t->first)
		return false;
	blacks = blacks_above(n);
	for (; n; last = n, n = rbtree_next(n)) {
		if (!node_is_well(t, n, blacks))
			return false;
	}
	return last == t->last;
}
