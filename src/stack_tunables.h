// SPDX-License-Identifier: BSD-2-Clause
/* Tunables: text in and out of struct tunables. See stack_tunables.c. */
#ifndef STACK_TUNABLES_H
#define STACK_TUNABLES_H

#include "stack_priv.h"

/* All at their defaults. */
void stack_tunables_init(struct tunables *);

#endif
