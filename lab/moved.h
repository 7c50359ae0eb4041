// SPDX-License-Identifier: BSD-2-Clause
/* What a stack of a test has counted: for test/rules/every_reason, which wants
 * each counter moved and each drop provoked by some test. */
#ifndef LAB_MOVED_H
#define LAB_MOVED_H

#include <tern/stack.h>

/* Before a stack goes: if TERN_MOVED names a file, appends the names of the
 * counters and reasons that are not 0, a line each. */
void moved_note(const struct tern_stack *);

#endif
