// SPDX-License-Identifier: BSD-2-Clause
/*
 * For benchmarks of memory: each measurement in a process of its own, as memory
 * that was once used does not all go back to the system; and arrays of the
 * benchmark's, resident from the start so that they are not counted.
 */
#include "tools/bench.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

size_t bench_resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long size, pages = 0;

	if (f && fscanf(f, "%lu %lu", &size, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

void *bench_array(size_t n, size_t size)
{
	void *p = mmap(NULL, n * size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

bool bench_apart(bool (*measure)(const void *arg, void *result),
		 const void *arg, void *result, size_t len)
{
	int pipe_fd[2];
	bool ok;
	pid_t pid;

	if (pipe(pipe_fd) < 0)
		return false;
	pid = fork();
	if (pid == 0)
		_exit(!measure(arg, result) ||
		      write(pipe_fd[1], result, len) != (ssize_t)len);
	close(pipe_fd[1]);
	ok = pid > 0 && read(pipe_fd[0], result, len) == (ssize_t)len;
	close(pipe_fd[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return ok;
}
