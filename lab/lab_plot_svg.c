// SPDX-License-Identifier: BSD-2-Clause
/* Courses as a picture: three diagrams over one axis of time. */
#include "lab_plot.h"

#include <math.h>
#include <stdlib.h>

#define SHOWN_MAX 4
#define LEFT 70
#define WIDTH 800
#define HEIGHT 180
#define GAP 40
#define TOP 50

enum what { CWND, SSTHRESH, IN_FLIGHT, RTT, GOODPUT };

struct picture {
	struct drill_text *t;
	const struct lab_plot *plot;
	int64_t from, to;
	int n; /* courses that are shown */
};

static const char *const colours[SHOWN_MAX] = { "#1b6ca8", "#c0392b", "#2e8b57",
						"#8e44ad" };

/* The value at a column of pixels; NAN: none. */
static double value(const struct picture *p, const struct lab_course *c,
		    enum what what, int x)
{
	int64_t span = p->to - p->from, step = span / 50 ? span / 50 : 1;
	int64_t at = p->from + span * x / WIDTH;
	const struct lab_point *q = lab_course_at(c, at);

	if (!q)
		return NAN;
	switch (what) {
	case CWND:
		return q->cwnd;
	case SSTHRESH:
		return q->ssthresh < 0x7fffffff ? q->ssthresh : NAN;
	case IN_FLIGHT:
		return q->in_flight;
	case RTT:
		return q->rtt_us ? q->rtt_us / 1e3 : NAN;
	case GOODPUT:
		return lab_course_goodput(c, at - step, at) / 1e6;
	}
	return NAN;
}

static double most(const struct picture *p, enum what what)
{
	double v = 0;

	for (int i = 0; i < p->n; i++)
		for (int x = 0; x <= WIDTH; x++)
			v = fmax(v, value(p, &p->plot->courses[i], what, x));
	return v;
}

static void line(const struct picture *p, int i, enum what what, int top,
		 double scale, const char *style)
{
	bool drawing = false;

	drill_text_add(p->t, "<path fill=\"none\" stroke=\"%s\" %s d=\"",
		       colours[i], style);
	for (int x = 0; x <= WIDTH; x++) {
		double v = value(p, &p->plot->courses[i], what, x);

		if (!isnan(v) && v <= scale)
			drill_text_add(p->t, "%c%d %.1f", drawing ? 'L' : 'M',
				       LEFT + x,
				       top + HEIGHT * (1 - v / scale));
		drawing = !isnan(v) && v <= scale;
	}
	drill_text_add(p->t, "\"/>\n");
}

static void axes(const struct picture *p, const char *label, int top,
		 double scale)
{
	drill_text_add(
		p->t,
		"<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s</text>\n",
		LEFT, top - 8, label);
	for (int i = 0; i <= 4; i++) {
		int y = top + HEIGHT - HEIGHT * i / 4;
		int x = LEFT + WIDTH * i / 4;
		double at = (double)p->from + (double)(p->to - p->from) * i / 4;

		drill_text_add(p->t,
			       "<path stroke=\"#ddd\" d=\"M%d %dh%d\"/>\n"
			       "<text x=\"%d\" y=\"%d\" "
			       "text-anchor=\"end\">%.4g</text>\n"
			       "<text x=\"%d\" y=\"%d\" "
			       "text-anchor=\"middle\">%.3g s</text>\n",
			       LEFT, y, WIDTH, LEFT - 6, y + 4, scale * i / 4,
			       x, top + HEIGHT + 16, at / 1e9);
	}
}

static void add_escaped(struct drill_text *t, const char *text)
{
	for (; *text; text++) {
		if (*text == '<' || *text == '&')
			drill_text_add(t, *text == '<' ? "&lt;" : "&amp;");
		else
			drill_text_add(t, "%c", *text);
	}
}

static void legend(const struct picture *p, int top)
{
	for (int i = 0; i < p->n; i++) {
		drill_text_add(p->t, "<text x=\"%d\" y=\"%d\" fill=\"%s\">",
			       LEFT, top + 18 * i, colours[i]);
		add_escaped(p->t, p->plot->courses[i].name);
		drill_text_add(p->t, "</text>\n");
	}
}

void lab_plot_svg(struct drill_text *t, const struct lab_plot *plot,
		  const char *title)
{
	struct picture p = { .t = t, .plot = plot };
	int top = TOP, height = TOP + 3 * (HEIGHT + GAP);
	double scale;

	p.n = plot->n < SHOWN_MAX ? plot->n : SHOWN_MAX;
	lab_plot_span(plot, &p.from, &p.to);
	height += 18 * p.n + 10;
	drill_text_add(
		t,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
		"height=\"%d\" font-family=\"sans-serif\" "
		"font-size=\"12\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
		"<text x=\"%d\" y=\"20\" font-size=\"16\">",
		LEFT + WIDTH + 30, height, LEFT);
	add_escaped(t, title);
	drill_text_add(t, "</text>\n");
	scale = lab_plot_ceiling(fmax(most(&p, CWND), most(&p, IN_FLIGHT)));
	axes(&p, "cwnd, ssthresh (dashed), in flight (thin): segments", top,
	     scale);
	for (int i = 0; i < p.n; i++) {
		line(&p, i, IN_FLIGHT, top, scale,
		     "stroke-width=\"0.7\" opacity=\"0.7\"");
		line(&p, i, SSTHRESH, top, scale, "stroke-dasharray=\"4 4\"");
		line(&p, i, CWND, top, scale, "stroke-width=\"2\"");
	}
	top += HEIGHT + GAP;
	scale = lab_plot_ceiling(most(&p, RTT));
	axes(&p, "smoothed RTT: ms", top, scale);
	for (int i = 0; i < p.n; i++)
		line(&p, i, RTT, top, scale, "stroke-width=\"1.5\"");
	top += HEIGHT + GAP;
	scale = lab_plot_ceiling(most(&p, GOODPUT));
	axes(&p, "goodput: Mbit/s", top, scale);
	for (int i = 0; i < p.n; i++)
		line(&p, i, GOODPUT, top, scale, "stroke-width=\"1.5\"");
	legend(&p, top + HEIGHT + GAP);
	drill_text_add(t, "</svg>\n");
}
