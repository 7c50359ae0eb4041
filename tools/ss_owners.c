// SPDX-License-Identifier: BSD-2-Clause
#include "ss_owners.h"

#include "lab/drill_mem.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void read_name(int proc, const char *pid, char *out, size_t size)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "%.16s/comm", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, out, size - 1);
		close(fd);
	}
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

static void add(struct ss_owners *o, const struct ss_owner *row)
{
	if ((o->n & (o->n - 1)) == 0)
		o->rows = drill_mem_grow(o->rows, (o->n ? 2 * o->n : 1) *
							  sizeof(*o->rows));
	o->rows[o->n++] = *row;
}

/* The sockets of one process. */
static void read_process(struct ss_owners *o, int proc, const char *pid)
{
	struct ss_owner row = { .pid = atoi(pid) };
	char path[64], link[64];
	const struct dirent *e;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "%.16s/fd", pid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	while (dir && (e = readdir(dir))) {
		ssize_t n = readlinkat(fd, e->d_name, link, sizeof(link) - 1);

		link[n > 0 ? n : 0] = '\0';
		if (sscanf(link, "socket:[%" SCNu64, &row.inode) != 1)
			continue;
		if (!row.program[0])
			read_name(proc, pid, row.program, sizeof(row.program));
		row.fd = atoi(e->d_name);
		add(o, &row);
	}
	if (dir)
		closedir(dir);
}

static int compare(const void *a, const void *b)
{
	const struct ss_owner *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return x->pid != y->pid ? y->pid - x->pid : y->fd - x->fd;
}

void ss_owners_read(struct ss_owners *o)
{
	DIR *proc = opendir("/proc");
	const struct dirent *e;

	*o = (struct ss_owners){ 0 };
	while (proc && (e = readdir(proc))) {
		if (isdigit((unsigned char)e->d_name[0]))
			read_process(o, dirfd(proc), e->d_name);
	}
	if (proc)
		closedir(proc);
	if (o->n)
		qsort(o->rows, o->n, sizeof(*o->rows), compare);
}

const struct ss_owner *ss_owners_of(const struct ss_owners *o, uint64_t inode,
				    size_t *n)
{
	size_t lo = 0, hi = o->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (o->rows[mid].inode < inode)
			lo = mid + 1;
		else
			hi = mid;
	}
	*n = 0;
	while (inode && lo + *n < o->n && o->rows[lo + *n].inode == inode)
		++*n;
	return o->rows + lo;
}

void ss_owners_free(struct ss_owners *o)
{
	free(o->rows);
	*o = (struct ss_owners){ 0 };
}
