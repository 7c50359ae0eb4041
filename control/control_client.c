// SPDX-License-Identifier: BSD-2-Clause
/*
 * The other end of a control socket: for commands that ask one thing and print
 * it, so it blocks.
 */
#define _GNU_SOURCE
#include "control/control.h"

#include "control/control_path.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char *control_error_text(int error)
{
	switch (-error) {
	case TERN_EADDRINUSE:
		return "a running host has that name: choose another (--name)";
	case TERN_EPERM:
		return "the directory for it is not ours alone";
	case TERN_EINVAL:
		return "a host's name has 1 to 63 bytes, no / and no . in "
		       "front";
	case TERN_ENOENT:
		return "no host is running (tern run starts one)";
	case TERN_ECONNREFUSED:
		return "no host of that name is running";
	case TERN_ERANGE:
		return "several hosts are running: choose one with --host";
	case TERN_EACCES:
		return "it belongs to somebody else";
	default:
		return tern_error_text(error);
	}
}

static int connect_to(const char *name, int *out)
{
	struct sockaddr_un addr;
	int error = control_path(name, false, &addr);
	int fd;

	if (error)
		return error;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (void *)&addr, sizeof(addr)) < 0)
		error = errno == ENOENT ? -ECONNREFUSED : -errno;
	else if (!control_peer_is_owner(fd))
		error = -EACCES;
	if (error) {
		close(fd);
		return error;
	}
	*out = fd;
	return 0;
}

void control_each_host(void (*fn)(void *ctx, const char *name), void *ctx)
{
	struct sockaddr_un addr;
	struct dirent *entry;
	DIR *dir;
	int fd;

	if (control_dir(addr.sun_path, sizeof(addr.sun_path), false) != 0)
		return;
	dir = opendir(addr.sun_path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || connect_to(entry->d_name, &fd))
			continue;
		close(fd);
		fn(ctx, entry->d_name);
	}
	if (dir)
		closedir(dir);
}

struct only {
	char name[CONTROL_NAME_MAX + 1];
	int n;
};

static void count_host(void *ctx, const char *name)
{
	struct only *only = ctx;

	only->n++;
	snprintf(only->name, sizeof(only->name), "%s", name);
}

int control_connect(const char *name, int *fd)
{
	struct only only = { .n = 0 };

	if (name)
		return connect_to(name, fd);
	control_each_host(count_host, &only);
	if (only.n != 1)
		return only.n ? -TERN_ERANGE : -TERN_ENOENT;
	return connect_to(only.name, fd);
}

static int send_question(int fd, const char *question, json_t *args)
{
	json_t *root = json_pack("{s:i, s:s, s:o*}", "tern", CONTROL_VERSION,
				 "ask", question, "args", args);
	char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	int error = 0;

	json_decref(root);
	if (!text)
		return -TERN_ENOMEM;
	if (dprintf(fd, "%s\n", text) < 0)
		error = -errno;
	free(text);
	return error;
}

int control_ask(int fd, const char *question, json_t *args, control_row_fn *fn,
		void *ctx, char why[256])
{
	int error = send_question(fd, question, args);
	FILE *in = error ? NULL : fdopen(dup(fd), "r");
	char *line = NULL;
	size_t size = 0;
	bool ended = false;

	why[0] = '\0';
	while (in && !ended && getline(&line, &size, in) > 0) {
		json_t *row = json_loads(line, 0, NULL);
		json_t *end = json_object_get(row, "end");

		if (end) {
			const char *text =
				json_string_value(json_object_get(row, "text"));

			ended = true;
			error = (int)json_integer_value(end);
			snprintf(why, 256, "%s", text ? text : "");
		} else if (row) {
			fn(ctx, row);
		}
		json_decref(row);
	}
	free(line);
	if (in)
		fclose(in);
	return ended || error ? error : -TERN_EPROTO;
}
