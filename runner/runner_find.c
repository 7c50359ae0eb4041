// SPDX-License-Identifier: BSD-2-Clause
/*
 * Finding a descriptor of the program's end when no call names one: the stack
 * has news (a RST, a completed connect) and needs a duplicate for a moment.
 *
 * First where it was last seen, which is nearly always right; then in every
 * process whose descriptors we may read, by inode. A socket that was accepted
 * natively has never been seen: the kernel says what inode is our peer.
 *
 * A socket that is only in flight (sent by SCM_RIGHTS, not yet received) is
 * not found.
 */
#include "runner_priv.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The number under which process pid holds the inode, or -1. */
static int search_process(pid_t pid, ino_t ino)
{
	char path[64], want[64], link[64];
	struct dirent *e;
	int found = -1;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	snprintf(want, sizeof(want), "socket:[%lu]", (unsigned long)ino);
	dir = opendir(path);
	while (dir && found < 0 && (e = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), e->d_name, link,
				       sizeof(link) - 1);

		if (n <= 0)
			continue;
		link[n] = '\0';
		if (strcmp(link, want) == 0)
			found = atoi(e->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

static int search_all(struct rsock *sock)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	int fd = -1;

	while (dir && fd < 0 && (e = readdir(dir))) {
		pid_t pid = atoi(e->d_name);
		int number;

		if (pid <= 0 || pid == getpid())
			continue;
		number = search_process(pid, sock->ino);
		if (number < 0)
			continue;
		fd = thread_dup(sock->runner, pid, number);
		sock->hint_tid = pid;
		sock->hint_fd = number;
	}
	if (dir)
		closedir(dir);
	return fd;
}

static int check(struct rsock *sock, int fd)
{
	if (fd < 0)
		return -1;
	if (!sock->cookie)
		sock_learn(sock, fd);
	if (sock_is_end(sock, fd))
		return fd;
	close(fd);
	return -1;
}

int sock_find_end(struct rsock *sock)
{
	struct stat st;
	int fd = -1;

	if (sock->hint_fd >= 0)
		fd = check(sock, thread_dup(sock->runner, sock->hint_tid,
					    sock->hint_fd));
	if (fd >= 0)
		return fd;
	if (!sock->ino && sock->end >= 0 && fstat(sock->end, &st) == 0)
		sock->ino = diag_peer(sock->runner, st.st_ino);
	return sock->ino ? check(sock, search_all(sock)) : -1;
}
