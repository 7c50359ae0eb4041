// SPDX-License-Identifier: BSD-2-Clause
/*
 * What plans are made of.
 *
 * Included by: diff_gen.c, diff_modes.c.
 */
#ifndef DIFF_GEN_H
#define DIFF_GEN_H

#include "diff.h"

#include "diff_dice.h"

/* Distances at which stacks decide something. */
int32_t diff_offset(struct dice *);
uint16_t diff_length(struct dice *);
uint16_t diff_window(struct dice *);
struct diff_step diff_segment(const struct diff_plan *, uint16_t flags);
struct diff_step diff_syn(struct dice *, const struct diff_plan *,
			  uint16_t flags);
void diff_add(struct diff_plan *, struct diff_step);
void diff_add_call(struct diff_plan *, int kind, int slot, int arg, int arg2);

#endif
