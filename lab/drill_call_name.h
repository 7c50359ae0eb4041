// SPDX-License-Identifier: BSD-2-Clause
/* Addresses of calls: written out, or the script's own. */
#ifndef LAB_DRILL_CALL_NAME_H
#define LAB_DRILL_CALL_NAME_H

#include "drill_call.h"

#include <sys/socket.h>

/* The i-th argument as the address of a peer; connects: the call also does
 * what connect() does. -1 if it is none, and the run has failed. */
int drill_call_name(struct drill_run *, struct drill_op *, int i,
		    struct sockaddr_storage *, socklen_t *, bool connects);

#endif
