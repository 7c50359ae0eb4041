// SPDX-License-Identifier: BSD-2-Clause
/* What ss is told of a program's sockets, beside what the stack knows. */
#include "runner_priv.h"

#include "control/control_owner.h"

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

static uint64_t inode(void *runner, int s)
{
	return runner_inode(runner, s);
}

static int queued(void *runner, int s)
{
	return runner_queued(runner, s);
}

struct control_owners runner_owners(const struct runner *r)
{
	return (struct control_owners){ inode, queued, (void *)(uintptr_t)r };
}
