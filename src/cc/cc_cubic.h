// SPDX-License-Identifier: BSD-2-Clause
/* CUBIC, and for its test the arithmetic under it. */
#ifndef CC_CUBIC_H
#define CC_CUBIC_H

#include <tern/cc.h>

extern const struct tern_cc_ops cc_cubic;

/* The largest integer whose cube is not above a. */
uint32_t cc_cube_root(uint64_t a);

#endif
