// SPDX-License-Identifier: BSD-2-Clause
/*
 * The processes that run beside what is measured: tern ss, and one that is busy
 * with the like of it.
 */
#define _GNU_SOURCE
#include "tools/bench_beside.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Lines like those of ss, until somebody has an order. */
static void format_lines(int orders)
{
	static char text[1 << 20];
	struct pollfd pfd = { .fd = orders, .events = POLLIN };
	unsigned port = 0;

	do {
		for (char *at = text; at < text + sizeof(text) - 100; port++)
			at += snprintf(at, 100,
				       "%-10s %-6u %-6u %15s:%-5u %15s:%-5u\n",
				       "ESTAB", 0u, port & 7, "10.0.0.1",
				       port & 0xffff, "10.0.0.2", port >> 16);
	} while (poll(&pfd, 1, 0) == 0);
}

bool bench_neighbour_start(struct bench_neighbour *b)
{
	int ends[2];
	char order;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	b->orders = ends[1];
	b->pid = fork();
	if (b->pid != 0) {
		close(ends[0]);
		return b->pid > 0;
	}
	close(ends[1]);
	while (read(ends[0], &order, 1) == 1)
		if (order)
			format_lines(ends[0]);
	_exit(0);
}

bool bench_neighbour_work(const struct bench_neighbour *b, bool work)
{
	return write(b->orders, work ? "\1" : "", 1) == 1;
}

void bench_neighbour_end(const struct bench_neighbour *b)
{
	if (b->orders >= 0)
		close(b->orders);
	if (b->pid > 0)
		waitpid(b->pid, NULL, 0);
}

pid_t bench_start_ss(const char *host, const char *how, int fd)
{
	char *argv[] = { "tern",
			 "ss",
			 (char *)(uintptr_t)how,
			 "--host",
			 (char *)(uintptr_t)host,
			 NULL };
	posix_spawn_file_actions_t files;
	pid_t pid = 0;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, fd, STDOUT_FILENO);
	if (posix_spawn(&pid, "/proc/self/exe", &files, NULL, argv, environ))
		pid = 0;
	posix_spawn_file_actions_destroy(&files);
	if (!pid)
		fprintf(stderr, "tern bench observe: tern ss does not start\n");
	return pid;
}

uint64_t bench_count_lines(int fd)
{
	off_t len = lseek(fd, 0, SEEK_END);
	const char *text, *at;
	uint64_t n = 0;

	if (len <= 0)
		return 0;
	text = mmap(NULL, (size_t)len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return 0;
	for (at = text; (at = memchr(at, '\n', (size_t)(text + len - at)));
	     at++)
		n++;
	munmap((void *)(uintptr_t)text, (size_t)len);
	return n;
}
