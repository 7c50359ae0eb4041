// SPDX-License-Identifier: BSD-2-Clause
/* Is a packet what a line says? */
#ifndef LAB_DRILL_MATCH_H
#define LAB_DRILL_MATCH_H

#include "drill_run.h"

/*
 * Compares a live packet, already in the script's numbers, with a line.
 * n_merged: how many segments it was glued from. Appends what differs to
 * `differs`, what only --thorough minds to `doubts`; both stay empty if all is
 * well. Flow labels that are new are learned.
 */
void drill_match(const struct drill_run *, struct drill_flow *,
		 const struct drill_pkt *line, const struct drill_live *,
		 int n_merged, struct drill_text *differs,
		 struct drill_text *doubts);

/* Can `next` be glued to what was collected? NULL, or why not. */
const char *drill_match_glue(const struct drill_live *so_far,
			     const struct drill_live *next);

#endif
