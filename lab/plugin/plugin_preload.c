// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the tool asks the host for although the stack would have to answer, or
 * what only costs time: as LD_PRELOAD the same shared object takes these calls.
 *
 *	getsockopt	the snapshot of a code block
 *	close		descriptors left open at the end
 *	open, sendfile	not in the interface
 *	system		settings for a tun0 that is not there
 *	times		0.1 s of spinning before each script
 *	mlockall	a privilege
 *
 * Everything else that runs with it (python3, a shell) finds the host's.
 * Real calls are made by number: this object's own names come first for it.
 */
/* Else the headers turn open into open64, and we want both. */
#undef _FILE_OFFSET_BITS
#include "plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static bool in_tool;

__attribute__((constructor)) static void look_where_we_are(void)
{
	static char text[1 << 16]; /* many symbols make a long one */
	int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline",
			      O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : syscall(SYS_read, fd, text, sizeof(text));

	if (fd >= 0)
		syscall(SYS_close, fd);
	in_tool = n > 0 && memmem(text, (size_t)n, "--so_filename", 13);
}

EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	if (plugin_owns(fd))
		return plugin_getsockopt(NULL, fd, level, name, value, len);
	return (int)syscall(SYS_getsockopt, fd, level, name, value, len);
}

EXPORT int close(int fd)
{
	if (plugin_owns(fd))
		return plugin_close(NULL, fd);
	return (int)syscall(SYS_close, fd);
}

EXPORT int system(const char *text)
{
	int (*real)(const char *) = dlsym(RTLD_NEXT, "system");
	int status;

	if (in_tool && text && plugin_system(text, &status))
		return status;
	if (real)
		return real(text);
	errno = ENOSYS;
	return -1;
}

EXPORT clock_t times(struct tms *out)
{
	static clock_t ticks;

	if (!in_tool)
		return (clock_t)syscall(SYS_times, out);
	if (out)
		memset(out, 0, sizeof(*out));
	return ++ticks;
}

EXPORT int mlockall(int flags)
{
	return in_tool ? 0 : (int)syscall(SYS_mlockall, flags);
}

static int open_either(const char *path, int flags, int mode)
{
	int error = errno, fd = -1;

	/* The host's own files are asked for all the time: only what a shell
	 * text has made is ours. */
	if (plugin.is_open && strncmp(path, "/dev/", 5) != 0 &&
	    strncmp(path, "/proc/", 6) != 0)
		fd = plugin_open(path, flags);
	if (fd >= 0)
		return fd;
	errno = error;
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

EXPORT int open(const char *path, int flags, ...)
{
	va_list args;
	int mode;

	va_start(args, flags);
	mode = va_arg(args, int);
	va_end(args);
	return open_either(path, flags, mode);
}

EXPORT ssize_t sendfile(int out, int in, off_t *offset, size_t n)
{
	int64_t at = offset ? *offset : 0, got;

	if (!plugin_owns(out))
		return syscall(SYS_sendfile, out, in, offset, n);
	got = plugin_sendfile(out, in, offset ? &at : NULL, n);
	if (offset)
		*offset = at;
	return got;
}

/* off_t has 64 bits in both. */
int open64(const char *, int, ...)
	__attribute__((alias("open"), visibility("default")));
ssize_t sendfile64(int, int, off64_t *, size_t)
	__attribute__((alias("sendfile"), visibility("default")));
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

EXPORT int __open_2(const char *path, int flags)
{
	return open_either(path, flags, 0);
}

EXPORT int __open64_2(const char *path, int flags)
{
	return open_either(path, flags, 0);
}
