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
 *     (lab_watch.c),
 *  5. where an expectation does not hold,
 *      a. a call or a counter told of the failure, or
 *      b. the first thing that went another way is that a packet was dropped,
 *         or did not leave when it should have: what follows is what a network
 *         that loses and delays does to any connection, or
 *      c. each call gave what it gives without the failure.
 *
 * Points are tried on all cores. Of a scenario with very many of them, whose
 * runs take longer too, only some are, spread evenly, unless all are asked for.
 */
#ifndef LAB_AGAIN_H
#define LAB_AGAIN_H

#include "lab_batch.h"

/* More points than so many are sampled, so many of them. Most scenarios have
 * some hundred, of a few milliseconds each; six have 3,000 to 370,000 and take
 * 0.1 to 2 s: 50 of each are four minutes of one core. */
#define LAB_AGAIN_ALL 1000
#define LAB_AGAIN_SAMPLE 50

/* Runs the text once clean, then once for each point of b->fault. */
void lab_again(const struct lab_batch *, const char *name, const char *text,
	       size_t len, struct lab_outcome *);

#endif
