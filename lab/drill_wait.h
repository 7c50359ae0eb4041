// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls that wait, on an adapter whose calls never do: one attempt each, to be
 * repeated after something has happened. For the interpreter and the plugin.
 */
#ifndef LAB_DRILL_WAIT_H
#define LAB_DRILL_WAIT_H

#include "drill_adapter.h"

#define DRILL_WAIT INT64_MIN /* not yet */

/* Sends what of m, *done bytes of which are out, is left; all of it if it may
 * wait. A result, -errno or DRILL_WAIT. */
int64_t drill_wait_send(struct drill_adapter *, int fd, const struct msghdr *m,
			int flags, int64_t *done, bool may_wait);
/* The same of receiving; MSG_WAITALL waits for all of it. */
int64_t drill_wait_recv(struct drill_adapter *, int fd, struct msghdr *m,
			int flags, int64_t *done, bool may_wait);

/* After connect() has said -EINPROGRESS: 0, -errno or DRILL_WAIT. */
int64_t drill_wait_connected(struct drill_adapter *, int fd);

/* Must close() wait, even where the descriptor does not block (SO_LINGER with
 * a time)? If so the FIN is on its way, and *secs is how long. */
bool drill_wait_lingers(struct drill_adapter *, int fd, int *secs);
/* Is there nothing left to wait for? */
bool drill_wait_lingered(struct drill_adapter *, int fd);

/* SO_RCVTIMEO or SO_SNDTIMEO in ns; 0: without end. */
int64_t drill_wait_patience(struct drill_adapter *, int fd, int option);

#endif
