// SPDX-License-Identifier: BSD-2-Clause
/* The hosts of a network, each a process of its own. */
#ifndef TOOLS_NET_HOSTS_H
#define TOOLS_NET_HOSTS_H

#include "tools/net_file.h"

#include <sys/types.h>

struct net_hosts {
	const struct command *command;
	struct net *net;
	pid_t pid[NET_HOSTS]; /* 0: not started, or gone */
};

/* Makes the wires, and starts and awaits all hosts. False after telling what
 * went wrong; what was started is stopped by net_hosts_stop(). */
bool net_hosts_start(struct net_hosts *, const struct command *, struct net *);
/* SIGTERM, and a wait for their ends. */
void net_hosts_stop(struct net_hosts *);
/* Has one of them ended by itself? Its number, or -1. */
int net_hosts_lost(struct net_hosts *);

#endif
