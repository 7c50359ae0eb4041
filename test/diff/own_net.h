// SPDX-License-Identifier: BSD-2-Clause
/* A network namespace of the test's own. */
#ifndef DIFF_OWN_NET_H
#define DIFF_OWN_NET_H

#include <stdbool.h>

/* Goes into one; as a user, with a user namespace to be root in. False: errno
 * says why. */
bool own_net_enter(void);

#endif
