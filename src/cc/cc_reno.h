// SPDX-License-Identifier: BSD-2-Clause
/* NewReno, and what other controllers take from it. */
#ifndef CC_RENO_H
#define CC_RENO_H

#include <tern/cc.h>

extern const struct tern_cc_ops cc_reno;

uint32_t cc_slow_start(struct tern_cc *cc, uint32_t acked);
void cc_additive_increase(struct tern_cc *cc, uint32_t w, uint32_t acked);

#endif
