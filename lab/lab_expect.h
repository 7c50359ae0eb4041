// SPDX-License-Identifier: BSD-2-Clause
/* Expectations: what they can name, and whether they hold. */
#ifndef LAB_EXPECT_H
#define LAB_EXPECT_H

#include "lab_run.h"

/* By name; -1: no such. */
int lab_info_find(const char *name);
int lab_timer_find(const char *name);
const char *lab_timer_name(int timer);
int lab_drop_find(const char *name);
bool lab_memory_get(const struct tern_memory *, const char *name, size_t *out);
/* For the document: the i-th field's name, or NULL. */
const char *lab_info_at(int i);

/* Looks, and notes in the expectation what came of it. */
void lab_expect_check(struct lab_run *, struct lab_expect *);

#endif
