// SPDX-License-Identifier: BSD-2-Clause
/* DCTCP. */
#ifndef CC_DCTCP_H
#define CC_DCTCP_H

#include <tern/cc.h>

extern const struct tern_cc_ops cc_dctcp;

#endif
