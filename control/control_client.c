// SPDX-License-Identifier: BSD-2-Clause
/*
 * The other end of a control socket: for commands that ask one thing and print
 * it, so it blocks.
 */
#define _GNU_SOURCE
#include "control/control.h"

#include "control/control_packet.h"
#include "control/control_path.h"
#include "control/control_socket.h"

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

/* How an answer is read: rows by one, records by the other. */
struct reader {
	FILE *in;
	control_row_fn *row;
	control_until_fn *until;
	control_socket_fn *socket;
	const struct control_capture *capture;
	void *ctx;
	/* Of packets what has come; aligned, as malloc gives it. */
	uint8_t *packets;
	size_t packets_len;
};

/* A block is bytes of a stream of packets: calls for each that is whole. 0; 1:
 * no more of them; -errno. */
static int read_packets(struct reader *r, size_t len)
{
	size_t at = 0;

	if (len > CONTROL_PACKET_MAX ||
	    fread_unlocked(r->packets + r->packets_len, 1, len, r->in) != len)
		return -TERN_EPROTO;
	r->packets_len += len;
	while (r->packets_len - at >= sizeof(struct control_packet)) {
		const struct control_packet *p = (void *)(r->packets + at);

		if (p->size % 8 || p->size > CONTROL_PACKET_MAX ||
		    p->size < sizeof(*p) || p->len > p->size - sizeof(*p))
			return -TERN_EPROTO;
		if (p->size > r->packets_len - at)
			break;
		if (!r->capture->packet(r->ctx, p))
			return 1;
		at += p->size;
	}
	r->packets_len -= at;
	memmove(r->packets, r->packets + at, r->packets_len);
	return !r->capture->batch(r->ctx);
}

/* The records of one block. 0; 1: no more of them; -errno. */
static int read_block(struct reader *r, size_t len, size_t record)
{
	struct control_socket one;

	if (r->capture)
		return read_packets(r, len);
	if (!r->socket || !record || record > sizeof(one) || len % record)
		return -TERN_EPROTO;
	for (size_t i = 0; i < len / record; i++) {
		memset(&one, 0, sizeof(one));
		if (fread_unlocked(&one, record, 1, r->in) != 1)
			return -TERN_EPROTO;
		r->socket(r->ctx, &one);
	}
	return 0;
}

/* One line, and what belongs to it. 0; 1 at the end, with its error in *error;
 * -errno. */
static int read_line(struct reader *r, const json_t *row, int *error, char *why)
{
	json_t *end = json_object_get(row, "end");
	json_t *block = json_object_get(row, "block");
	const char *text = json_string_value(json_object_get(row, "text"));

	if (end) {
		*error = (int)json_integer_value(end);
		snprintf(why, 256, "%s", text ? text : "");
		return 1;
	}
	if (block)
		return read_block(r, (size_t)json_integer_value(block),
				  (size_t)json_integer_value(
					  json_object_get(row, "record")));
	*error = 0;
	if (r->until)
		return !r->until(r->ctx, row);
	if (r->row)
		r->row(r->ctx, row);
	return 0;
}

static int read_answer(struct reader *r, char *why)
{
	char *line = NULL;
	size_t size = 0;
	int error = 0, state = 0;

	while (state == 0 && getline(&line, &size, r->in) > 0) {
		json_t *row = json_loads(line, 0, NULL);

		state = row ? read_line(r, row, &error, why) : -TERN_EPROTO;
		json_decref(row);
	}
	free(line);
	if (state == 0) /* it hung up before the end */
		return -TERN_EPROTO;
	return state < 0 ? state : error;
}

static int ask(int fd, const char *question, json_t *args, struct reader *r,
	       char *why)
{
	int error = send_question(fd, question, args);

	why[0] = '\0';
	if (error)
		return error;
	r->in = fdopen(dup(fd), "r");
	if (!r->in)
		return -errno;
	setvbuf(r->in, NULL, _IOFBF, 1 << 17);
	error = read_answer(r, why);
	fclose(r->in);
	return error;
}

int control_ask(int fd, const char *question, json_t *args, control_row_fn *fn,
		void *ctx, char why[256])
{
	struct reader r = { .row = fn, .ctx = ctx };

	return ask(fd, question, args, &r, why);
}

int control_ask_until(int fd, const char *question, json_t *args,
		      control_until_fn *fn, void *ctx, char why[256])
{
	struct reader r = { .until = fn, .ctx = ctx };

	return ask(fd, question, args, &r, why);
}

int control_ask_capture(int fd, json_t *args, const struct control_capture *c,
			char why[256])
{
	struct reader r = { .until = c->row, .capture = c, .ctx = c->ctx };
	int error;

	r.packets = malloc(2 * (size_t)CONTROL_PACKET_MAX);
	if (!r.packets) {
		json_decref(args);
		return -TERN_ENOMEM;
	}
	error = ask(fd, "capture", args, &r, why);
	free(r.packets);
	return error;
}

int control_ask_sockets(int fd, json_t *args, control_socket_fn *fn, void *ctx,
			char why[256])
{
	struct reader r = { .socket = fn, .ctx = ctx };

	return ask(fd, "sockets", args, &r, why);
}
