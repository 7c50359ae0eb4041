// SPDX-License-Identifier: BSD-2-Clause
/*
 * How diagrams are drawn: the options of each command that draws ladders. A
 * command names the three rows as it likes to number them:
 *
 *	[OPT_ASCII] = VIEW_ROW_ASCII, ...
 */
#ifndef TOOLS_VIEW_OPTIONS_H
#define TOOLS_VIEW_OPTIONS_H

#include "tools/tool.h"

#include "lab/ladder.h"

#define VIEW_ROW_ASCII                                    \
	{                                                 \
		"ascii", NULL, "a ladder without Unicode" \
	}
#define VIEW_ROW_WIDTH                                            \
	{                                                         \
		"width", "N", "columns (default: the terminal's)" \
	}
#define VIEW_ROW_COLOUR                                   \
	{                                                 \
		"colour", "when", "always, never or auto" \
	}

/* The terminal's width, and colour if it is one. */
void view_init(struct ladder_style *);
/* Takes one of the three. False: it was wrong, and that has been told. */
bool view_take(const struct command *, struct ladder_style *, int row,
	       const char *value);

#endif
