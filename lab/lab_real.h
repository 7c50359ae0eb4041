// SPDX-License-Identifier: BSD-2-Clause
/* Plays a scenario on hosts that are the kernel, in real time. */
#ifndef LAB_REAL_H
#define LAB_REAL_H

#include "lab_run.h"

/* Waits until a frame comes from a host, or `at`, or a millisecond: whoever
 * waits in a call is asked then. Sets the clock of the network, whose zero is
 * `epoch` of the machine's monotonic clock. */
void lab_real_wait(struct lab_run *, int64_t epoch, int64_t at);
int64_t lab_real_now(void);

#endif
