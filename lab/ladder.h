// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ladder diagrams of a plain list of events, whoever made it: a scenario, a
 * script, a record, a capture, a live trace.
 *
 *	  0.000 SYN-SENT │── SYN seq 0 ──────────▶│ SYN-RECV   0.050
 *
 * A lane for each host. With two lanes each has its own column of times and
 * states; with more there is one of times, and states are lines of their own. If
 * all was seen at one place, there is no more than one clock.
 * A packet is one line if nothing happens while it is on its way, else one for
 * leaving and one for arriving.
 */
#ifndef LAB_LADDER_H
#define LAB_LADDER_H

#include "drill_mem.h"

#include <stdbool.h>
#include <stdint.h>

enum ladder_kind {
	LADDER_PACKET,
	LADDER_CALL,
	LADDER_STATE,
	LADDER_TIMER,
	LADDER_NOTE,
};

struct ladder_event {
	enum ladder_kind kind;
	int64_t at; /* ns */
	int lane;
	const char *text;
	/* LADDER_PACKET */
	int to;
	int64_t arrives_at; /* INT64_MAX: it does not */
	int arrives_before; /* number of the first event after that; 0: by
			     * time alone */
	const char *lost;   /* why not; NULL: it arrives, or is on its way */
	const char *note;   /* behind the text; or NULL */
};

struct ladder_style {
	int width; /* columns */
	bool ascii, colour;
	const char *const *lanes; /* names */
	int n_lanes;
	bool gaps; /* with one clock: on the right how long after the row before */
	int time_digits; /* of a second's fraction; 0: 3 */
	bool one_clock;	 /* of two lanes: all was seen at one place */
	int64_t fold_ns; /* a longer silence is one line; 0: 2 s */
};

/* Appends the diagram. Events are in the order of their time. */
void ladder_draw(struct drill_text *, const struct ladder_event *, int n,
		 const struct ladder_style *);

/* Columns that a UTF-8 text takes: wide characters count as two. */
int ladder_columns(const char *text);
/* Appends at most so many columns of it. Returns the columns. */
int ladder_clip(struct drill_text *, const char *text, int columns);
/* Appends a text wrapped at blanks, or between wide characters, with an
 * indentation; an empty line stays one. */
void ladder_wrap(struct drill_text *, const char *text, int width, int indent);

#endif
