// SPDX-License-Identifier: BSD-2-Clause
/*
 * An /etc/resolv.conf, /etc/hosts, /proc/net and /proc/sys/net of the program's
 * own.
 *
 * The C library reads names' servers from files, and the host's usually name
 * servers that the stack has no route to. So the program gets a mount
 * namespace in which other files are mounted over these two. Without the right
 * to make one, a user namespace gives it, in which the user stays who he is.
 *
 * /proc/net is a link that each process follows to its own directory; another
 * link is put over it, to where runner_fuse.c answers. That takes /dev/fuse.
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

/* One file system for both: see runner_fuse.c. */
static bool put_over_proc(int fuse)
{
	static const char link[] = WORKSHOP "/link";
	char options[160];
	int tree;
	bool ok;

	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other,"
		 "default_permissions",
		 fuse, getuid(), getgid());
	if (mount("tern", "/proc/sys/net", "fuse",
		  MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0)
		return false;
	if (symlink("sys/net/.net", link) < 0)
		return false;
	tree = open_tree(AT_FDCWD, link,
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
				 AT_SYMLINK_NOFOLLOW);
	ok = tree >= 0 && move_mount(tree, "", AT_FDCWD, "/proc/net",
				     MOVE_MOUNT_F_EMPTY_PATH) == 0;
	if (tree >= 0)
		close(tree);
	unlink(link);
	return ok;
}

static int replace_proc(const struct runner_config *config)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fuse >= 0 && put_over_proc(fuse))
		return fuse;
	if (config->verbose)
		fprintf(stderr,
			"tern run: no /dev/fuse to use (%s): the program sees "
			"the system's /proc/net\n",
			strerror(errno));
	if (fuse >= 0)
		close(fuse);
	return -1;
}

int files_replace(const struct runner_config *config)
{
	const char *const pairs[][2] = {
		{ "/etc/resolv.conf", config->resolv_conf },
		{ "/etc/hosts", config->hosts },
	};
	bool mine = own_mounts();
	int fuse;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		if (!pairs[i][1])
			continue;
		if (!mine) {
			fprintf(stderr,
				"tern run: no mount namespace (%s): the "
				"program sees the system's %s\n",
				strerror(errno), pairs[i][0]);
			return -1;
		}
		if (!put_over(pairs[i][0], pairs[i][1]))
			fprintf(stderr, "tern run: cannot replace %s: %s\n",
				pairs[i][0], strerror(errno));
	}
	fuse = mine ? replace_proc(config) : -1;
	if (mine)
		umount2(WORKSHOP, MNT_DETACH);
	return fuse;
}
