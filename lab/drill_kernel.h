// SPDX-License-Identifier: BSD-2-Clause
/* The kernel beneath as the stack of a script. */
#ifndef LAB_DRILL_KERNEL_H
#define LAB_DRILL_KERNEL_H

#include "drill_adapter.h"

/* In a network namespace of its own; NULL with *why. */
struct drill_adapter *drill_kernel_new(const struct drill_config *, int64_t now,
				       const char **why);

#endif
