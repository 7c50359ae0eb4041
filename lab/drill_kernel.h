// SPDX-License-Identifier: BSD-2-Clause
/* The kernel beneath as the stack of a script. */
#ifndef LAB_DRILL_KERNEL_H
#define LAB_DRILL_KERNEL_H

#include "drill_adapter.h"

/* Moves this thread to a network namespace where nothing is yet. False with
 * *why. */
bool drill_kernel_enter(const char **why);
/* The namespace that the thread is in, and a device in it; NULL with *why. */
struct drill_adapter *drill_kernel_new(const struct drill_config *, int64_t now,
				       const char **why);

#endif
