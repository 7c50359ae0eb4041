// SPDX-License-Identifier: BSD-2-Clause
/* doc/goodput.md as text: of all figures, and back. */
#ifndef TOOLS_GOODPUT_TEXT_H
#define TOOLS_GOODPUT_TEXT_H

#include "tools/goodput_cell.h"

#include <stdio.h>

/* Every cell's figures, a table after the other. */
typedef double goodput_figures[GOODPUT_FIGURES];

size_t goodput_n_all(void);
struct goodput_cell goodput_at(size_t i); /* of all */

/* figures NULL: a "@" in place of each. */
void goodput_print(FILE *, const goodput_figures *figures);
/* Reads what goodput_print() wrote. 0, or the line that it would not have. */
unsigned goodput_read(const char *text, goodput_figures *figures);

#endif
