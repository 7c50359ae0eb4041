// SPDX-License-Identifier: BSD-2-Clause
/*
 * What to say if the program dies now: an assertion, a sanitizer's finding, a
 * trap. Each thread has its own.
 */
#ifndef LAB_LAST_WORDS_H
#define LAB_LAST_WORDS_H

struct drill_trail;

__attribute__((format(printf, 1, 2))) void last_words_set(const char *fmt, ...);
/* What happened so far, told behind that: its last lines. NULL: nothing. */
void last_words_trail(const struct drill_trail *);

#endif
