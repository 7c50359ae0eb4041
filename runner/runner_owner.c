// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who has a socket open, for ss -p: the process that was last seen to call on
 * it, if it still has it under the number it named. A socket that was passed on
 * since, and not called on, is nobody's here.
 */
#include "runner_priv.h"

#include "control/control_owner.h"

#include <string.h>
#include <sys/stat.h>

static bool still_has(const struct rsock *sock)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", sock->hint_tid,
		 sock->hint_fd);
	return sock->ino && stat(path, &st) == 0 && st.st_ino == sock->ino;
}

static void read_name(pid_t pid, char *out, size_t size)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (!f || !fgets(out, (int)size, f))
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	if (f)
		fclose(f);
}

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

bool runner_find_owner(const struct runner *r, int s, struct control_owner *out)
{
	const struct rsock *sock = find(r, s);

	if (!sock || sock->hint_fd < 0 || !still_has(sock))
		return false;
	out->pid = thread_leader(sock->hint_tid);
	out->fd = sock->hint_fd;
	read_name(out->pid, out->program, sizeof(out->program));
	return out->pid > 0;
}
