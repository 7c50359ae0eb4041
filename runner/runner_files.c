// SPDX-License-Identifier: BSD-2-Clause
/*
 * An /etc/resolv.conf and /etc/hosts of the program's own.
 *
 * The C library reads names' servers from files, and the host's usually name
 * servers that the stack has no route to. So the program gets a mount
 * namespace in which other files are mounted over these two. Without the right
 * to make one, a user namespace gives it, in which the user stays who he is.
 *
 * What cannot be done is told and left: names may then not resolve, all else
 * works. Left out: nscd and systemd-resolved, which are asked over AF_UNIX
 * and answer from the host's network.
 */
#include "runner_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the files are made: in a file system of this namespace, so that nothing
 * stays behind, whenever this process is killed. */
#define WORKSHOP "/tmp"

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) >= 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* One's own ids, and no others, in the new user namespace. */
static bool map_self(uid_t uid, gid_t gid)
{
	char text[64];

	if (!write_file("/proc/self/setgroups", "deny"))
		return false;
	snprintf(text, sizeof(text), "%u %u 1", gid, gid);
	if (!write_file("/proc/self/gid_map", text))
		return false;
	snprintf(text, sizeof(text), "%u %u 1", uid, uid);
	return write_file("/proc/self/uid_map", text);
}

static bool own_mounts(void)
{
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (unshare(CLONE_NEWNS) < 0 &&
	    (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || !map_self(uid, gid)))
		return false;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tern", WORKSHOP, "tmpfs", MS_NOSUID | MS_NODEV,
		     "size=1m") == 0;
}

static bool put_over(const char *path, const char *text)
{
	static const char name[] = WORKSHOP "/file";
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
	     fchmod(fd, 0644) == 0 &&
	     mount(name, path, NULL, MS_BIND, NULL) == 0;
	/* The mount keeps the file. */
	unlink(name);
	close(fd);
	return ok;
}

void files_replace(const struct runner_config *config)
{
	const char *const pairs[][2] = {
		{ "/etc/resolv.conf", config->resolv_conf },
		{ "/etc/hosts", config->hosts },
	};
	bool mine = false;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		if (!pairs[i][1])
			continue;
		if (!mine && !own_mounts()) {
			fprintf(stderr,
				"tern run: no mount namespace (%s): the "
				"program sees the system's %s\n",
				strerror(errno), pairs[i][0]);
			return;
		}
		mine = true;
		if (!put_over(pairs[i][0], pairs[i][1]))
			fprintf(stderr, "tern run: cannot replace %s: %s\n",
				pairs[i][0], strerror(errno));
	}
	if (mine)
		umount2(WORKSHOP, MNT_DETACH);
}
