// SPDX-License-Identifier: BSD-2-Clause
/* What a scenario declares, made. */
#ifndef LAB_LAB_BUILD_H
#define LAB_LAB_BUILD_H

#include "lab_run.h"

/* All that run->script declares. False: it cannot be, which was told. */
bool lab_build(struct lab_run *run, const struct lab_run_options *o);

/* Switches a host on; `line` is to blame if it does not come up, which is told
 * and gives false. */
bool lab_build_boot(struct lab_run *run, struct lab_host *h, int line);

#endif
