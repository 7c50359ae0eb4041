// SPDX-License-Identifier: BSD-2-Clause
/* Who holds a host's sockets, as whoever runs programs on it knows. */
#ifndef CONTROL_CONTROL_OWNER_H
#define CONTROL_CONTROL_OWNER_H

#include "control/control_socket.h"

struct control_owners {
	/* A process that has socket s, and under which descriptor. */
	bool (*find)(void *ctx, int s, struct control_owner *out);
	void *ctx;
};

#endif
