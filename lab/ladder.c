// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rows are set into a grid of cells and printed without the blanks behind.
 */
#include "ladder.h"

#include "ladder_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME_COLUMNS 9 /* at least: "1234.567" and a blank */
#define TIME_DIGITS 3
#define STATE_COLUMNS 10
#define WIDTH_MAX 512
#define WIDTH_MIN 60
/* More rows are no picture any more. */
#define ROWS_MAX 1500
#define DEFAULT_FOLD_NS INT64_C(2000000000)

struct drawing {
	struct drill_text *out;
	const struct ladder_style *style;
	int width, x[LADDER_LANES_MAX];
	int digits, time_columns;
	char cells[WIDTH_MAX][8];
	int64_t drawn_at; /* the last row's */
	int n_drawn;
};

static void clear(struct drawing *d)
{
	for (int i = 0; i < d->width; i++)
		strcpy(d->cells[i], " ");
	for (int i = 0; i < d->style->n_lanes; i++)
		strcpy(d->cells[d->x[i]], d->style->ascii ? "|" : "│");
}

/* Puts a text from column x on, at most so many columns. */
static void put(struct drawing *d, int x, const char *text, int columns)
{
	while (*text && columns > 0 && x < d->width) {
		struct drill_text one = { 0 };
		int n = 1, w;

		while (((unsigned char)text[n] & 0xc0) == 0x80)
			n++;
		if (n > 4)
			n = 1;
		/* A script's line may have its own breaks. */
		drill_text_add(&one, "%.*s", n,
			       (unsigned char)*text < ' ' ? " " : text);
		w = ladder_columns(one.s);
		if (w > columns)
			n = 0;
		else
			memcpy(d->cells[x], one.s, (size_t)n + 1);
		free(one.s);
		if (!n)
			return;
		if (w == 2 && x + 1 < d->width)
			d->cells[x + 1][0] = 0;
		text += n;
		x += w;
		columns -= w;
	}
}

static void put_right(struct drawing *d, int x_end, const char *text, int most)
{
	int n = ladder_columns(text);

	put(d, x_end - (n < most ? n : most), text, most);
}

static void flush(struct drawing *d, const char *colour)
{
	int n = d->width;

	while (n && !strcmp(d->cells[n - 1], " "))
		n--;
	if (d->style->colour && colour)
		drill_text_add(d->out, "%s", colour);
	for (int i = 0; i < n; i++)
		drill_text_add(d->out, "%s", d->cells[i]);
	drill_text_add(d->out, d->style->colour && colour ? "\033[0m\n" : "\n");
}

static void put_time(struct drawing *d, int x, int64_t at)
{
	char text[32];

	snprintf(text, sizeof(text), "%.*f", d->digits, (double)at / 1e9);
	put_right(d, x + d->time_columns - 1, text, d->time_columns);
}

/* How long after the row before. */
static void put_gap(struct drawing *d, int x, int64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%+.*f", d->digits, (double)ns / 1e9);
	put_right(d, x + 1 + d->time_columns, text, d->time_columns);
}

static void put_margins(struct drawing *d, const struct ladder_row *r)
{
	int right = d->x[1] + 2 + STATE_COLUMNS;

	if (d->style->n_lanes != 2) {
		put_time(d, 0, r->item->at);
		return;
	}
	if (r->at[0] >= 0)
		put_time(d, 0, r->at[0]);
	if (r->state[0])
		put(d, d->time_columns, r->state[0], STATE_COLUMNS);
	if (r->state[1])
		put(d, d->x[1] + 2, r->state[1], STATE_COLUMNS);
	if (r->at[1] >= 0)
		put_time(d, d->style->one_clock ? 0 : right, r->at[1]);
	if (d->style->one_clock && d->style->gaps && d->n_drawn)
		put_gap(d, right, r->item->at - d->drawn_at);
}

/* How many bytes of the text fit into so many columns, cut at a blank. */
static int fitting(const char *text, int columns)
{
	const char *opts = strstr(text, " <");
	int best = 0, n = 0;

	if (ladder_columns(text) <= columns)
		return (int)strlen(text);
	/* Options stay together. */
	if (opts && opts > text && opts - text <= columns)
		return (int)(opts - text);
	for (int i = 0; text[i] && n <= columns; i++) {
		if (text[i] == ' ')
			best = i;
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			n++;
	}
	return best			   ? best :
	       columns < (int)strlen(text) ? columns :
					     (int)strlen(text);
}

struct strokes {
	const char *line, *dots, *right, *left, *lost;
};

static const struct strokes strokes[2] = {
	{ "─", "┄", "▶", "◀", "✗" },
	{ "-", ".", ">", "<", "X" },
};

static void put_line(struct drawing *d, int from, int to, const char *stroke)
{
	for (int x = from; x < to; x++)
		put(d, x, stroke, 1);
}

/* The strokes of a packet between columns lo and hi, its text excepted. */
static void put_arrow(struct drawing *d, const struct ladder_item *item, int lo,
		      int hi)
{
	const struct strokes *k = &strokes[d->style->ascii];
	bool right = item->e->to > item->e->lane;
	bool lost = !ladder_arrives(item->e);
	bool far_dots = item->part == LADDER_LEAVES,
	     near_dots = item->part == LADDER_ARRIVES;

	put_line(d, lo, hi, k->line);
	if (right ? near_dots : far_dots)
		put_line(d, lo, lo + (hi - lo) / 4, k->dots);
	if (right ? far_dots : near_dots)
		put_line(d, hi - (hi - lo) / 4, hi, k->dots);
	if (lost)
		put(d, right ? hi - 1 : lo, k->lost, 1);
	else if (item->part != LADDER_LEAVES)
		put(d, right ? hi - 1 : lo, right ? k->right : k->left, 1);
}

static const char *packet_text(const struct ladder_event *e, char out[400])
{
	snprintf(out, 400, "%s%s%s%s%s%s", e->text, e->lost ? ": " : "",
		 e->lost ? e->lost : "", e->note ? " (" : "",
		 e->note ? e->note : "", e->note ? ")" : "");
	return out;
}

/* The text's first line in the arrow, the rest below it. */
static void draw_packet(struct drawing *d, const struct ladder_row *r)
{
	const struct ladder_event *e = r->item->e;
	int a = d->x[e->lane], b = d->x[e->to];
	int lo = (a < b ? a : b) + 1, hi = a < b ? b : a;
	int room = hi - lo - 6, n, used;
	char whole[400];
	const char *text = packet_text(e, whole);
	const char *colour = e->lost ? "\033[31m" : NULL;
	char part[400];

	clear(d);
	put_margins(d, r);
	put_arrow(d, r->item, lo, hi);
	n = fitting(text, room);
	snprintf(part, sizeof(part), " %.*s ", n, text);
	used = ladder_columns(part);
	put(d, e->to > e->lane ? lo + 2 : hi - 2 - used, part, room + 2);
	flush(d, colour);
	if (r->item->part == LADDER_ARRIVES)
		return;
	for (text += n; *text; text += n) {
		while (*text == ' ')
			text++;
		n = fitting(text, room);
		snprintf(part, sizeof(part), "%.*s", n, text);
		clear(d);
		if (e->to > e->lane)
			put(d, lo + 3, part, room);
		else
			put_right(d, hi - 3, part, room);
		flush(d, colour);
	}
}

/* A line of one lane: beside it, on the side where there is room. */
static void draw_plain(struct drawing *d, const struct ladder_row *r)
{
	const struct ladder_event *e = r->item->e;
	int n_lanes = d->style->n_lanes, lane = e->lane;
	bool last = n_lanes > 1 && lane == n_lanes - 1;
	int room = (last ? d->x[lane] - d->x[lane - 1] :
			   (lane + 1 < n_lanes ? d->x[lane + 1] : d->width) -
				    d->x[lane]) -
		   3;
	const char *text = e->text, *colour = NULL;
	char shown[400];
	int n;

	snprintf(shown, sizeof(shown),
		 e->kind == LADDER_TIMER ? "(timer: %s)" :
		 e->kind == LADDER_NOTE	 ? "* %s" :
		 e->kind == LADDER_STATE ? "[%s]" :
					   "%s",
		 text);
	text = shown;
	if (e->kind == LADDER_TIMER)
		colour = "\033[33m";
	else if (e->kind == LADDER_CALL)
		colour = "\033[1m";
	clear(d);
	put_margins(d, r);
	/* Two lanes have a column for states. */
	if (e->kind == LADDER_STATE && n_lanes == 2) {
		flush(d, NULL);
		return;
	}
	do {
		char part[400];

		while (*text == ' ')
			text++;
		n = fitting(text, room);
		snprintf(part, sizeof(part), "%.*s", n, text);
		if (last)
			put_right(d, d->x[lane] - 1, part, room);
		else
			put(d, d->x[lane] + 2, part, room);
		flush(d, colour);
		clear(d);
		text += n;
	} while (*text);
}

static void draw_silence(struct drawing *d, int64_t ns)
{
	char text[64];
	int middle;

	snprintf(text, sizeof(text),
		 d->style->ascii ? "... %.3f s ..." : "⋮ %.3f s ⋮",
		 (double)ns / 1e9);
	middle = (d->x[0] + d->x[d->style->n_lanes - 1]) / 2;
	clear(d);
	put(d, middle - ladder_columns(text) / 2, text, 40);
	flush(d, NULL);
}

static void draw_head(struct drawing *d)
{
	const struct ladder_style *s = d->style;

	for (int i = 0; i < d->width; i++)
		strcpy(d->cells[i], " ");
	for (int i = 0; i < s->n_lanes; i++) {
		int n = ladder_columns(s->lanes[i]);
		int x = d->x[i] - n / 2;

		if (x + n > d->width)
			x = d->width - n;
		put(d, x < 0 ? 0 : x, s->lanes[i], n);
	}
	flush(d, "\033[1m");
}

/* As many columns as the longest time takes. */
static void measure_times(struct drawing *d, const struct ladder_event *e,
			  int n)
{
	char text[32];

	d->digits = d->style->time_digits ? d->style->time_digits : TIME_DIGITS;
	d->time_columns = TIME_COLUMNS;
	for (int i = 0; i < n; i++) {
		int64_t at = ladder_arrives(&e[i]) ? e[i].arrives_at : e[i].at;
		int columns = snprintf(text, sizeof(text), "%.*f", d->digits,
				       (double)at / 1e9);

		if (columns + 1 > d->time_columns)
			d->time_columns = columns + 1;
	}
}

static void place_lanes(struct drawing *d)
{
	int n = d->style->n_lanes, width = d->style->width;
	int times = d->time_columns, left = times + STATE_COLUMNS + 1;

	d->width = width < WIDTH_MIN ? WIDTH_MIN :
		   width > WIDTH_MAX ? WIDTH_MAX :
				       width;
	if (n == 2) {
		d->x[0] = left;
		d->x[1] = d->width - left - 1;
		if (d->style->one_clock && !d->style->gaps)
			d->x[1] += times;
		else if (d->style->one_clock)
			d->x[1] -= 2; /* " +" before the time */
		return;
	}
	for (int i = 0; i < n; i++)
		d->x[i] = times + 1 +
			  (n > 1 ? i * (d->width - times - 2) / (n - 1) : 0);
}

static void draw_rows(struct drawing *d, const struct ladder_row *rows, int n)
{
	int64_t fold = d->style->fold_ns ? d->style->fold_ns : DEFAULT_FOLD_NS;

	for (int i = 0; i < n && i < ROWS_MAX; i++) {
		const struct ladder_item *item = rows[i].item;

		if (i && item->at - d->drawn_at > fold)
			draw_silence(d, item->at - d->drawn_at);
		if (ladder_is_packet(item->e))
			draw_packet(d, &rows[i]);
		else
			draw_plain(d, &rows[i]);
		d->drawn_at = item->at;
		d->n_drawn = i + 1;
		if (item->part == LADDER_WHOLE && ladder_arrives(item->e))
			d->drawn_at = item->e->arrives_at;
	}
	if (n > ROWS_MAX)
		drill_text_add(d->out, "(%d rows more)\n", n - ROWS_MAX);
}

void ladder_draw(struct drill_text *out, const struct ladder_event *events,
		 int n, const struct ladder_style *style)
{
	struct drawing *d;
	struct ladder_rows all;

	if (n < 1 || style->n_lanes < 1 || style->n_lanes > LADDER_LANES_MAX)
		return;
	d = drill_mem_grow(NULL, sizeof(*d));
	*d = (struct drawing){ .out = out, .style = style };
	measure_times(d, events, n);
	place_lanes(d);
	draw_head(d);
	ladder_rows_init(&all, events, n, style->n_lanes);
	draw_rows(d, all.rows, all.n);
	ladder_rows_fini(&all);
	free(d);
}
