// SPDX-License-Identifier: BSD-2-Clause
/*
 * Events become items (a packet one or two), items sorted by time become rows.
 */
#include "ladder_rows.h"

#include <stdlib.h>

/* How far back one looks for a packet that is still on its way. */
#define LOOK_BACK 2000

bool ladder_is_packet(const struct ladder_event *e)
{
	return e->kind == LADDER_PACKET;
}

bool ladder_arrives(const struct ladder_event *e)
{
	return ladder_is_packet(e) && !e->lost && e->arrives_at != INT64_MAX;
}

/* Does b make two rows of a? a_first: a is before b in the list. */
static bool disturbs(const struct ladder_event *a, const struct ladder_event *b,
		     bool a_first)
{
	if (ladder_is_packet(b) && b->lane == a->to && b->to == a->lane &&
	    ladder_arrives(b))
		return b->at < a->arrives_at && b->arrives_at > a->at;
	if (a_first && b->lane == a->to)
		return b->at < a->arrives_at && b->at >= a->at;
	return a_first && ladder_arrives(b) && b->to == a->to &&
	       b->arrives_at < a->arrives_at;
}

static bool is_disturbed(const struct ladder_event *e, int n, int k)
{
	for (int j = k + 1; j < n && e[j].at < e[k].arrives_at; j++) {
		if (disturbs(&e[k], &e[j], true))
			return true;
	}
	for (int j = k - 1; j >= 0 && j > k - LOOK_BACK; j--) {
		if (disturbs(&e[k], &e[j], false))
			return true;
	}
	return false;
}

static int compare(const void *a, const void *b)
{
	const struct ladder_item *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	/* What arrives comes before what it causes. */
	if ((x->part == LADDER_ARRIVES) != (y->part == LADDER_ARRIVES))
		return x->part == LADDER_ARRIVES ? -1 : 1;
	return x->order - y->order;
}

static int make_items(const struct ladder_event *e, int n,
		      struct ladder_item *items)
{
	int n_items = 0;

	for (int k = 0; k < n; k++) {
		bool two = ladder_arrives(&e[k]) && is_disturbed(e, n, k);

		items[n_items++] =
			(struct ladder_item){ &e[k],
					      two ? LADDER_LEAVES :
					      ladder_is_packet(&e[k]) ?
						    LADDER_WHOLE :
						    LADDER_PLAIN,
					      e[k].at, 2 * k };
		if (two)
			items[n_items++] =
				(struct ladder_item){ &e[k], LADDER_ARRIVES,
						      e[k].arrives_at,
						      2 * k + 1 };
	}
	qsort(items, (size_t)n_items, sizeof(*items), compare);
	return n_items;
}

static void new_row(struct ladder_row *r, const struct ladder_item *item)
{
	const struct ladder_event *e = item->e;

	r->item = item;
	for (int i = 0; i < LADDER_LANES_MAX; i++) {
		r->at[i] = -1;
		r->state[i] = NULL;
	}
	if (item->part != LADDER_ARRIVES) {
		r->at[e->lane] = e->at;
		r->order[e->lane] = item->order / 2;
	}
	if (item->part == LADDER_ARRIVES ||
	    (item->part == LADDER_WHOLE && ladder_arrives(e))) {
		r->at[e->to] = e->arrives_at;
		r->order[e->to] = e->arrives_before - 1;
	}
}

/* A state goes to the last row of its lane at its instant, before it. */
static bool attach(struct ladder_row *rows, int n,
		   const struct ladder_item *item)
{
	const struct ladder_event *e = item->e;

	for (int i = n - 1; i >= 0 && i > n - 64; i--) {
		if (rows[i].at[e->lane] != e->at ||
		    rows[i].order[e->lane] >= item->order / 2)
			continue;
		if (rows[i].state[e->lane])
			return false;
		rows[i].state[e->lane] = e->text;
		return true;
	}
	return false;
}

static int make_rows(const struct ladder_item *items, int n, int n_lanes,
		     struct ladder_row *rows)
{
	int n_rows = 0;

	for (int i = 0; i < n; i++) {
		const struct ladder_event *e = items[i].e;

		if (e->kind == LADDER_STATE && n_lanes == 2) {
			if (attach(rows, n_rows, &items[i]))
				continue;
			new_row(&rows[n_rows], &items[i]);
			rows[n_rows++].state[e->lane] = e->text;
			continue;
		}
		new_row(&rows[n_rows++], &items[i]);
	}
	return n_rows;
}

void ladder_rows_init(struct ladder_rows *all,
		      const struct ladder_event *events, int n, int n_lanes)
{
	size_t most = 2 * (size_t)n;

	all->items = drill_mem_grow(NULL, most * sizeof(*all->items));
	all->rows = drill_mem_grow(NULL, most * sizeof(*all->rows));
	all->n = make_rows(all->items, make_items(events, n, all->items),
			   n_lanes, all->rows);
}

void ladder_rows_fini(struct ladder_rows *all)
{
	free(all->items);
	free(all->rows);
}
