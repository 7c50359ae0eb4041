// SPDX-License-Identifier: BSD-2-Clause
/* BBR, version 1. */
#ifndef CC_BBR_H
#define CC_BBR_H

#include <tern/cc.h>

extern const struct tern_cc_ops cc_bbr;

#endif
