// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where control sockets are, and who may speak through them.
 *
 * The directory is the first of these that can be had, each with mode 0700 and
 * ours: $XDG_RUNTIME_DIR/tern, /run/user/UID/tern, /tmp/tern-UID. In /tmp
 * somebody else could have made it first, or a link in its place; so what is
 * there is looked at, never taken on trust. On top of that each end asks the
 * kernel who the other one is.
 */
#define _GNU_SOURCE
#include "control/control_path.h"

#include "control/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_dir(const char *path, bool make)
{
	struct stat st;

	if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077))
		return -EPERM;
	return access(path, W_OK | X_OK) < 0 ? -errno : 0;
}

int control_dir(char *out, int size, bool make)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	int error = -ENOENT;

	for (int i = 0; i < 3; i++) {
		int n = 0;

		if (i == 0 && xdg && xdg[0] == '/')
			n = snprintf(out, (size_t)size, "%s/tern", xdg);
		else if (i == 1)
			n = snprintf(out, (size_t)size, "/run/user/%u/tern",
				     geteuid());
		else if (i == 2)
			n = snprintf(out, (size_t)size, "/tmp/tern-%u",
				     geteuid());
		if (n <= 0 || n >= size)
			continue;
		error = check_dir(out, make);
		if (!error)
			return 0;
	}
	return error;
}

int control_path(const char *name, bool make, struct sockaddr_un *out)
{
	char dir[sizeof(out->sun_path)];
	int error = control_dir(dir, sizeof(dir), make);
	size_t dir_len, name_len = strlen(name);

	if (error)
		return error;
	if (!name[0] || name_len > CONTROL_NAME_MAX || name[0] == '.' ||
	    strchr(name, '/'))
		return -EINVAL;
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	dir_len = strlen(dir);
	if (dir_len + 1 + name_len >= sizeof(out->sun_path))
		return -ENAMETOOLONG;
	memcpy(out->sun_path, dir, dir_len);
	out->sun_path[dir_len] = '/';
	memcpy(out->sun_path + dir_len + 1, name, name_len);
	return 0;
}

int control_history_path(const char *name, char *out, int size)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int error = control_dir(dir, sizeof(dir), false);
	int n;

	if (error)
		return error;
	n = snprintf(out, (size_t)size, "%s/.nstat.%s", dir, name);
	return n < size ? 0 : -ENAMETOOLONG;
}

bool control_peer_is_owner(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	       (cred.uid == 0 || cred.uid == geteuid());
}
