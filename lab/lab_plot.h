// SPDX-License-Identifier: BSD-2-Clause
/* How senders fared over time: cwnd, what is in flight, RTT, goodput. */
#ifndef LAB_PLOT_H
#define LAB_PLOT_H

#include "drill_mem.h"

#include <stdbool.h>
#include <stdint.h>

struct lab_host;
struct lab_run;

struct lab_point {
	int64_t at;			    /* ns */
	uint32_t cwnd, ssthresh, in_flight; /* segments */
	uint32_t rtt_us;		    /* smoothed; 0: none yet */
	uint64_t acked;			    /* bytes, so far */
};

/* A connection's; points differ from one another. */
struct lab_course {
	const struct lab_host *host;
	uint64_t cookie;
	char name[128]; /* who sends to whom */
	struct lab_point *points;
	int n;
};

struct lab_plot {
	struct lab_course *courses; /* those that sent most first, in the end */
	int n;
};

/* Notes where all connections are now. */
void lab_plot_look(struct lab_plot *, const struct lab_run *);
/* Forgets those that sent next to nothing, and sorts the rest. */
void lab_plot_end(struct lab_plot *);
void lab_plot_fini(struct lab_plot *);

/* At or before an instant: the last point, or NULL. */
const struct lab_point *lab_course_at(const struct lab_course *, int64_t at);
/* From the first point of all to the last. */
void lab_plot_span(const struct lab_plot *, int64_t *from, int64_t *to);
/* bit/s between two instants. */
double lab_course_goodput(const struct lab_course *, int64_t from, int64_t to);
/* A round number, no less than v; 1 for 0. */
double lab_plot_ceiling(double v);

/* A picture of at most four of them. */
void lab_plot_svg(struct drill_text *, const struct lab_plot *,
		  const char *title);
/* The same as text, of a host's senders (NULL: of all); a diagram each. */
void lab_plot_text(struct drill_text *, const struct lab_plot *,
		   const struct lab_host *, int width, bool ascii);

#endif
