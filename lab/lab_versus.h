// SPDX-License-Identifier: BSD-2-Clause
/* A scenario on tern and on the kernel beneath, one beside the other. */
#ifndef LAB_VERSUS_H
#define LAB_VERSUS_H

#include "lab_batch.h"

/* Plays the text on both, and shows both ladders and what differs. Holds if
 * nothing does. */
void lab_versus(const struct lab_batch *, const char *name, const char *text,
		size_t len, struct lab_outcome *);

#endif
