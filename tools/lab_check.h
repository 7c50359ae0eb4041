// SPDX-License-Identifier: BSD-2-Clause
/* tern lab --check: what it tells of many scenarios. */
#ifndef TOOLS_LAB_CHECK_H
#define TOOLS_LAB_CHECK_H

#include "lab/lab_batch.h"

/* Runs those named, or all that are built in, and prints a verdict of each and
 * a sum: on tern "ok" or "FAIL", on the kernel "agrees", "differs" or "skip".
 * Returns the exit status. */
int lab_check(struct lab_batch *, char *const *names, int n);

#endif
