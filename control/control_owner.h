// SPDX-License-Identifier: BSD-2-Clause
/* What whoever runs programs on a host knows of its sockets: who holds them,
 * and what waits outside of the stack. */
#ifndef CONTROL_CONTROL_OWNER_H
#define CONTROL_CONTROL_OWNER_H

#include <stdint.h>

struct control_owners {
	/* The inode as which programs hold socket s; 0: not known. */
	uint64_t (*inode)(void *ctx, int s);
	/* (optional) Connections that were taken from listener s and that its
	 * program has not accepted yet. */
	int (*queued)(void *ctx, int s);
	void *ctx;
};

#endif
