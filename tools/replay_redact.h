// SPDX-License-Identifier: BSD-2-Clause
#ifndef TOOLS_REPLAY_REDACT_H
#define TOOLS_REPLAY_REDACT_H

#include <tern/stack.h>

/* Replaces the payload that this call brings in; lengths stay, checksums too
 * in what they say. */
void replay_redact(struct tern_replay_call *);

#endif
