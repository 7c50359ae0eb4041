// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern trace --ladder: what a running host tells of itself, as the diagrams of
 * its connections. The host's states and timers are its own word; those of the
 * other ends follow from the segments.
 */
#ifndef TOOLS_TRACE_LADDER_H
#define TOOLS_TRACE_LADDER_H

#include "lab/ladder_conns.h"

#include <jansson.h>

/* A row of the answer to "trace", asked with "ladder". */
void trace_ladder_row(struct ladder_conns *, const json_t *row);

#endif
