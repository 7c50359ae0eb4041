// SPDX-License-Identifier: BSD-2-Clause
/*
 * Descriptors: their flags, pipes, files of zeros, and closing. There is no
 * dup(): a script has none.
 */
#include "drill_tern.h"

#include "base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define PIPE_LEN 65536u /* sixteen pages, as on Linux */

struct drill_fd *drill_tern_fd(struct drill_tern *t, int fd)
{
	if (fd < 0 || fd >= DRILL_FDS || t->fds[fd].kind == DRILL_FD_FREE)
		return NULL;
	return &t->fds[fd];
}

int drill_tern_fd_new(struct drill_tern *t, enum drill_fd_kind kind)
{
	int fd;

	/* 0 to 2 are a process's standard streams. */
	for (fd = 3; fd < DRILL_FDS; fd++) {
		if (t->fds[fd].kind != DRILL_FD_FREE)
			continue;
		t->fds[fd] = (struct drill_fd){ .kind = kind };
		return fd;
	}
	return -EMFILE;
}

bool drill_tern_blocks(struct drill_adapter *a, int fd)
{
	struct drill_fd *f = drill_tern_fd(drill_tern_of(a), fd);

	return f && !(f->flags & O_NONBLOCK);
}

int drill_tern_fcntl(struct drill_adapter *a, int fd, int cmd, int arg)
{
	struct drill_fd *f = drill_tern_fd(drill_tern_of(a), fd);

	if (!f)
		return -EBADF;
	switch (cmd) {
	case F_GETFL:
		return f->flags | (f->kind == DRILL_FD_SOCKET ? O_RDWR : 0);
	case F_SETFL:
		f->flags = arg & O_NONBLOCK;
		return 0;
	case F_GETFD:
	case F_SETFD:
		return 0;
	default:
		return -EINVAL;
	}
}

int drill_tern_ioctl(struct drill_adapter *a, int fd, unsigned long request,
		     int *value)
{
	struct drill_tern *t = drill_tern_of(a);
	struct drill_fd *f = drill_tern_fd(t, fd);

	if (!f)
		return -EBADF;
	if (request == FIONBIO) {
		f->flags = *value ? O_NONBLOCK : 0;
		return 0;
	}
	if (f->kind == DRILL_FD_SOCKET)
		return tern_ioctl(t->st, f->s, request, value, t->now);
	if (f->kind == DRILL_FD_PIPE_READ && request == FIONREAD) {
		*value = (int)f->pipe->n;
		return 0;
	}
	return -ENOTTY;
}

int drill_tern_close(struct drill_adapter *a, int fd)
{
	struct drill_tern *t = drill_tern_of(a);
	struct drill_fd *f = drill_tern_fd(t, fd);
	struct drill_watch *next;
	int result = 0;

	if (!f)
		return -EBADF;
	drill_tern_unwatch(t, fd);
	for (; f->watches; f->watches = next) {
		next = f->watches->next;
		free(f->watches);
	}
	if (f->pipe && !--f->pipe->n_ends)
		free(f->pipe);
	if (f->kind == DRILL_FD_SOCKET)
		result = tern_close(t->st, f->s, t->now);
	*f = (struct drill_fd){ .kind = DRILL_FD_FREE };
	drill_tern_ran(t);
	return result;
}

int drill_tern_pipe(struct drill_adapter *a, int fds[2])
{
	struct drill_tern *t = drill_tern_of(a);
	struct drill_pipe *pipe;

	fds[0] = drill_tern_fd_new(t, DRILL_FD_PIPE_READ);
	fds[1] = drill_tern_fd_new(t, DRILL_FD_PIPE_WRITE);
	if (fds[0] < 0 || fds[1] < 0) {
		if (fds[0] >= 0)
			t->fds[fds[0]].kind = DRILL_FD_FREE;
		return -EMFILE;
	}
	pipe = drill_mem_grow(NULL, sizeof(*pipe));
	*pipe = (struct drill_pipe){ .cap = PIPE_LEN, .n_ends = 2 };
	t->fds[fds[0]].pipe = pipe;
	t->fds[fds[1]].pipe = pipe;
	return 0;
}

int drill_tern_make_file(struct drill_adapter *a, const char *path,
			 uint64_t size)
{
	struct drill_tern *t = drill_tern_of(a);
	struct drill_file *file = DRILL_NEW(&t->mem, struct drill_file);

	file->path = drill_mem_copy(&t->mem, path, strlen(path));
	file->size = size;
	file->next = t->files;
	t->files = file;
	return 0;
}

int drill_tern_open(struct drill_adapter *a, const char *path, int flags)
{
	struct drill_tern *t = drill_tern_of(a);
	const struct drill_file *file;
	int fd;

	for (file = t->files; file; file = file->next) {
		if (!strcmp(file->path, path))
			break;
	}
	if (!file && strcmp(path, "/dev/zero") != 0 && !(flags & O_CREAT))
		return -ENOENT;
	fd = drill_tern_fd_new(t, DRILL_FD_FILE);
	if (fd >= 0)
		t->fds[fd].size = file		    ? file->size :
				  (flags & O_CREAT) ? 0 :
						      UINT64_MAX;
	return fd;
}

int64_t drill_tern_fd_read(struct drill_fd *f, size_t n)
{
	uint64_t left;

	if (f->kind == DRILL_FD_FILE) {
		left = f->size - f->offset;
		n = left < n ? (size_t)left : n;
		f->offset += n;
		return (int64_t)n;
	}
	if (f->kind != DRILL_FD_PIPE_READ)
		return -EINVAL;
	if (!f->pipe->n)
		return f->pipe->n_ends < 2 ? 0 : -EAGAIN;
	n = f->pipe->n < n ? (size_t)f->pipe->n : n;
	f->pipe->n -= n;
	return (int64_t)n;
}

int64_t drill_tern_fd_write(struct drill_fd *f, size_t n)
{
	uint64_t room;

	if (f->kind != DRILL_FD_PIPE_WRITE)
		return -EINVAL;
	if (f->pipe->n_ends < 2)
		return -EPIPE;
	room = f->pipe->cap - f->pipe->n;
	if (!room)
		return -EAGAIN;
	n = room < n ? (size_t)room : n;
	f->pipe->n += n;
	return (int64_t)n;
}

static int64_t send_zeros(struct drill_adapter *a, int fd, size_t n, int flags)
{
	static unsigned char zeros[65536];
	struct iovec iov = { .iov_base = zeros };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int64_t done = 0, got;

	while (n) {
		iov.iov_len = min_size(n, sizeof(zeros));
		got = drill_tern_sendmsg(
			a, fd, &m, flags | (n > sizeof(zeros) ? MSG_MORE : 0));
		if (got < 0)
			return done ? done : got;
		done += got;
		n -= (size_t)got;
		if ((size_t)got < iov.iov_len)
			break;
	}
	return done;
}

int64_t drill_tern_sendfile(struct drill_adapter *a, int out, int in,
			    int64_t *offset, size_t n)
{
	struct drill_fd *f = drill_tern_fd(drill_tern_of(a), in);
	uint64_t from, left;
	int64_t got;

	if (!f)
		return -EBADF;
	if (f->kind != DRILL_FD_FILE)
		return -EINVAL;
	from = offset ? (uint64_t)*offset : f->offset;
	left = from < f->size ? f->size - from : 0;
	got = send_zeros(a, out, left < n ? (size_t)left : n, 0);
	if (got <= 0)
		return got;
	if (offset)
		*offset += got;
	else
		f->offset += (uint64_t)got;
	return got;
}

/* Between a pipe and a socket, or a file and a pipe. */
int64_t drill_tern_splice(struct drill_adapter *a, int in, int out, size_t n,
			  unsigned flags)
{
	struct drill_tern *t = drill_tern_of(a);
	struct drill_fd *from = drill_tern_fd(t, in);
	struct drill_fd *to = drill_tern_fd(t, out);
	unsigned char buf[65536];
	int64_t got;

	if (!from || !to)
		return -EBADF;
	if (from->kind == DRILL_FD_PIPE_READ && to->kind == DRILL_FD_SOCKET) {
		if (!from->pipe->n)
			return from->pipe->n_ends < 2 ? 0 : -EAGAIN;
		n = min_size(n, (size_t)from->pipe->n);
		got = send_zeros(a, out, n, flags & 4 ? MSG_MORE : 0);
		if (got > 0)
			from->pipe->n -= (uint64_t)got;
		return got;
	}
	if (to->kind != DRILL_FD_PIPE_WRITE)
		return -EINVAL;
	n = min_size(n, (size_t)(to->pipe->cap - to->pipe->n));
	if (!n)
		return -EAGAIN;
	if (from->kind == DRILL_FD_SOCKET) {
		n = min_size(n, sizeof(buf));
		got = tern_recv(t->st, from->s, buf, n, 0, t->now);
		drill_tern_ran(t);
	} else {
		got = drill_tern_fd_read(from, n);
	}
	if (got > 0)
		to->pipe->n += (uint64_t)got;
	return got;
}
