// SPDX-License-Identifier: BSD-2-Clause
/* What a stack tells of itself (tern_config.trace), as events of a ladder. */
#ifndef LAB_LADDER_TRACE_H
#define LAB_LADDER_TRACE_H

#include "ladder.h"

#include <tern/stack.h>

/* A state's name as ss has it, but that one without a socket is "CLOSED". */
const char *ladder_state_name(int state);

/* A state change (with why, if a connection ended otherwise than by closing in
 * order), a timer, a decision of congestion control; of lane 0. Returns how
 * many; their texts live as long as the trace's. */
int ladder_trace(const struct tern_trace *, struct ladder_event out[2]);

#endif
