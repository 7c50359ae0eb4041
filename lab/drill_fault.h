// SPDX-License-Identifier: BSD-2-Clause
/*
 * A script again and again, each time with another allocation failing, or
 * another send refused by the link.
 *
 * Its verdict may then be another: a call may tell, a packet be missing. What
 * is demanded is that the stack stays whole. After the script, however far it
 * came, all descriptors are closed and the peer is silent; then
 *
 *  1. the point was reached and failed,
 *  2. the clock comes to rest: no timer goes on for ever, none at one instant,
 *  3. no socket is left, not even an orphan,
 *  4. all memory was given back,
 *
 * and in debug builds the stack's own invariants held all the way.
 */
#ifndef LAB_DRILL_FAULT_H
#define LAB_DRILL_FAULT_H

#include "drill.h"
#include "lab_fault.h"

struct drill_run;

/* Runs the file once clean, then once for each point. */
void drill_fault_file(const char *path, const struct drill_setup *,
		      enum lab_fault_kind, struct drill_result *);

/* A run's end: closes all and lets the clock run out. What is wrong then, in
 * words, or NULL. */
const char *drill_fault_settle(struct drill_run *);

#endif
