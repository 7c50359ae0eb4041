// SPDX-License-Identifier: BSD-2-Clause
/*
 * Courses as text: bars of eighths of a row, and marks over them.
 *
 *	50 │        •••
 *	   │   •••••▄▄▄
 *	 0 └───────────
 */
#include "lab_plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS_MAX 200
#define MARGIN 11 /* of the scale, left of the axis */

struct diagram {
	const char *label, *unit;
	int rows, columns;
	bool ascii;
	double bar[COLUMNS_MAX];  /* NAN: none */
	double mark[COLUMNS_MAX]; /* the same */
};

static const char *cell(const struct diagram *d, int column, int row,
			double most)
{
	static const char *const eighths[] = { " ", "▁", "▂", "▃", "▄",
					       "▅", "▆", "▇", "█" };
	double mark = d->mark[column] / most * d->rows;
	double bar = d->bar[column] / most * d->rows - row;
	int n;

	/* The highest mark is in the highest row. */
	if (!isnan(mark) && (int)fmin(mark, d->rows - 1) == row)
		return d->ascii ? "*" : "•";
	if (isnan(bar) || bar <= 0)
		return " ";
	n = bar >= 1 ? 8 : (int)ceil(bar * 8);
	if (d->ascii)
		return n >= 4 || row == 0 ? "#" : " ";
	return eighths[n];
}

static void draw(struct drill_text *t, const struct diagram *d)
{
	double most = 0;

	for (int i = 0; i < d->columns; i++)
		most = fmax(most, fmax(d->bar[i], d->mark[i]));
	most = lab_plot_ceiling(most);
	drill_text_add(t, "%s\n", d->label);
	for (int row = d->rows - 1; row >= 0; row--) {
		int last = d->columns;
		char scale[32] = "";

		if (row == d->rows - 1)
			snprintf(scale, sizeof(scale), "%.4g%s", most, d->unit);
		while (last && cell(d, last - 1, row, most)[0] == ' ')
			last--;
		drill_text_add(t, "%*s %s", MARGIN - 2, scale,
			       d->ascii ? "|" : "│");
		for (int i = 0; i < last; i++)
			drill_text_add(t, "%s", cell(d, i, row, most));
		drill_text_add(t, "\n");
	}
	drill_text_add(t, "%*s %s", MARGIN - 2, "0", d->ascii ? "+" : "└");
	for (int i = 0; i < d->columns; i++)
		drill_text_add(t, "%s", d->ascii ? "-" : "─");
	drill_text_add(t, "\n");
}

/* The most that was in flight in a column's time. */
static double most_in_flight(const struct lab_course *c, int64_t from,
			     int64_t to)
{
	const struct lab_point *p = lab_course_at(c, from);
	double most = p ? p->in_flight : NAN;

	for (p = p ? p + 1 : c->points; p < c->points + c->n && p->at <= to;
	     p++)
		most = fmax(most, p->in_flight);
	return most;
}

static void draw_course(struct drill_text *t, const struct lab_course *c,
			int64_t from, int64_t to, int columns, bool ascii)
{
	struct diagram d[3] = {
		{ ascii ? "cwnd (*) and what is in flight (#), segments" :
			  "cwnd (•) and what is in flight (█), segments",
		  "", 8 },
		{ "smoothed RTT", " ms", 3 },
		{ "goodput", " Mbit", 4 },
	};

	for (int i = 0; i < columns; i++) {
		int64_t left = from + (to - from) * i / columns;
		int64_t right = from + (to - from) * (i + 1) / columns;
		const struct lab_point *p = lab_course_at(c, right);

		d[0].mark[i] = p ? p->cwnd : NAN;
		d[0].bar[i] = most_in_flight(c, left, right);
		d[1].bar[i] = p && p->rtt_us ? p->rtt_us / 1e3 : NAN;
		d[1].mark[i] = d[2].mark[i] = NAN;
		d[2].bar[i] = lab_course_goodput(c, left, right) / 1e6;
	}
	drill_text_add(t, "%s\n", c->name);
	for (int i = 0; i < 3; i++) {
		d[i].columns = columns;
		d[i].ascii = ascii;
		draw(t, &d[i]);
	}
	drill_text_add(t, "%*s%.3f%*.3f s\n\n", MARGIN, "", (double)from / 1e9,
		       columns - 7, (double)to / 1e9);
}

void lab_plot_text(struct drill_text *t, const struct lab_plot *p,
		   const struct lab_host *host, int width, bool ascii)
{
	int columns = width - MARGIN - 2;
	int64_t from, to;

	columns = columns < 30 ? 30 : columns;
	columns = columns > COLUMNS_MAX ? COLUMNS_MAX : columns;
	lab_plot_span(p, &from, &to);
	for (int i = 0; i < p->n; i++) {
		if (!host || p->courses[i].host == host)
			draw_course(t, &p->courses[i], from, to, columns,
				    ascii);
	}
}
