// SPDX-License-Identifier: BSD-2-Clause
/* What ss is told of a program's sockets, beside what the stack knows. */
#include "runner_priv.h"

#include <sys/stat.h>

static const struct rsock *find(const struct runner *r, int s)
{
	const struct rsock *sock = r->socks;

	while (sock && sock->s != s)
		sock = sock->next;
	return sock;
}

int runner_queued(const struct runner *r, int s)
{
	const struct rsock *sock = find(r, s);

	return sock && sock->state == RSOCK_LISTENING ? sock->n_queued : 0;
}

uint64_t runner_inode(const struct runner *r, int s)
{
	const struct rsock *sock = find(r, s);

	return sock ? sock->ino : 0;
}
