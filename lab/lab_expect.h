// SPDX-License-Identifier: BSD-2-Clause
/* Expectations: what they can name, and whether they hold. */
#ifndef LAB_EXPECT_H
#define LAB_EXPECT_H

#include "lab_run.h"

/* A field of TCP_INFO or of the socket table. */
bool lab_expect_can_name(const char *name);
/* By name; -1: no such. */
int lab_timer_find(const char *name);
const char *lab_timer_name(int timer);
int lab_drop_find(const char *name);
bool lab_memory_get(const struct tern_memory *, const char *name, size_t *out);

/* Looks, and notes in the expectation what came of it. */
void lab_expect_check(struct lab_run *, struct lab_expect *);

#endif
