// SPDX-License-Identifier: BSD-2-Clause
/*
 * A scenario again and again, each time with another allocation of a host
 * failing, or its links refusing to take a packet for a moment.
 *
 * What it expects may then not hold. What is demanded of each run:
 *
 *  1. the point was reached and failed,
 *  2. the run ends: nothing goes on for ever at one instant,
 *  3. all memory was given back,
 *  4. no invariant that the observer holds segments against is broken
 *     (lab_watch.c).
 *
 * Where an expectation does not hold, it is counted whether a call told of the
 * failure, whether a segment was sent again or dropped, or neither: a packet
 * that is late, or an ACK that was never made, nobody tells of.
 */
#ifndef LAB_AGAIN_H
#define LAB_AGAIN_H

#include "lab_batch.h"

/* Runs the text once clean, then once for each point of b->fault. */
void lab_again(const struct lab_batch *, const char *name, const char *text,
	       size_t len, struct lab_outcome *);

#endif
