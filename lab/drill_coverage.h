// SPDX-License-Identifier: BSD-2-Clause
/* Which behaviours (drill_rows.def) are shown by which tests. */
#ifndef LAB_DRILL_COVERAGE_H
#define LAB_DRILL_COVERAGE_H

/*
 * Looks through the files and folders for "covers: ROW ..." (in a scenario, a
 * *.lab, for its line "rows ROW ..."), prints each row with those that name it, and last the rows that none does. `required`: rows
 * ("O4,O5"), or a letter for its group; or NULL.
 *
 * 0, or 1 if a required row is not covered, a row is named that there is not,
 * or nothing could be read.
 */
int drill_coverage(char *const *paths, int n_paths, const char *required);

#endif
