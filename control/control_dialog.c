// SPDX-License-Identifier: BSD-2-Clause
/*
 * A client of the control socket: questions as they come, and their answers.
 *
 * It shares the loop with the traffic, so it never waits: a question is read
 * as it comes, an answer is made row by row while the reader takes it, and no
 * more than OUT_LEN bytes of it wait. Who reads slowly, or not at all, holds up
 * itself. An answer that streams waits for rows with nothing to write; rows
 * that come wake it by a timer, since they come in the midst of other things.
 *
 * While there is traffic, answers of records (a million sockets) may take SHARE
 * of the time: after each block they wait as long as it needs to be one.
 */
#define _GNU_SOURCE
#include "control/control_dialog.h"

#include "control/control_messages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SHARE 36 /* one in so many: 2.8 % */
#define STILL_NS (100 * INT64_C(1000000))
#define OUT_LEN 65536

static void end_message(struct control_dialog *d)
{
	if (d->message) {
		d->all->n_streams -= d->message->streams;
		if (d->message->close)
			d->message->close(&d->question);
	}
	json_decref(d->question.args);
	free(d->question.state);
	d->question = (struct control_question){ 0 };
	d->message = NULL;
}

void control_dialog_init(struct control_dialog *d, struct control_dialogs *all)
{
	*d = (struct control_dialog){ .all = all, .fd = -1, .waking = -1 };
}

void control_dialog_drop(struct control_dialog *d)
{
	end_message(d);
	if (d->waking >= 0)
		host_cancel(d->all->host, d->waking);
	host_unwatch(d->all->host, d->fd);
	close(d->fd);
	free(d->out);
	control_dialog_init(d, d->all);
}

/* Puts a line into the buffer, which takes over the row. One that does not fit
 * into an empty buffer cannot be sent. */
static void put_row(struct control_dialog *d, json_t *row)
{
	size_t room = OUT_LEN - d->out_len - 1;
	size_t n = json_dumpb(row, d->out + d->out_len, room, JSON_COMPACT);

	json_decref(row);
	if (n == 0 || n > room)
		return;
	d->out[d->out_len + n] = '\n';
	d->out_len += n + 1;
}

static void put_end(struct control_dialog *d, int error, const char *text)
{
	put_row(d, json_pack("{s:i, s:s}", "end", error, "text", text));
	end_message(d);
}

/* The length that a block's line is padded to, so that its records can be put
 * behind it before it is known how many they are. */
#define BLOCK_LINE 64

/* One block of records. False: there are no more. */
static bool put_block(struct control_dialog *d)
{
	char *line = d->out + d->out_len;
	size_t room = OUT_LEN - d->out_len - BLOCK_LINE, record = 0;
	size_t n = d->message->fill(&d->question, line + BLOCK_LINE, room,
				    &record);

	if (n == 0)
		return false;
	memset(line, ' ', BLOCK_LINE);
	line[snprintf(line, BLOCK_LINE, "{\"block\":%zu,\"record\":%zu}", n,
		      record)] = ' ';
	line[BLOCK_LINE - 1] = '\n';
	d->out_len += BLOCK_LINE + n;
	return true;
}

static void put_end_of_answer(struct control_dialog *d)
{
	int error = d->question.error;

	const char *why = d->question.why;

	put_end(d, error,
		why && error ? why :
		error	     ? tern_error_text(error) :
			       "");
}

/* Makes rows while there is room for the largest of them. */
static void make_rows(struct control_dialog *d)
{
	const size_t largest = 8192;

	if (d->message && d->message->prepare && !d->prepared) {
		d->prepared = d->message->prepare(&d->question);
		if (!d->prepared)
			return;
	}
	while (d->message && d->out_len + largest < OUT_LEN) {
		json_t *row = NULL;

		if (d->message->fill && put_block(d))
			return;
		if (d->message->next)
			row = d->message->next(&d->question);
		if (row)
			put_row(d, row);
		else if (d->message->streams && !d->question.finished &&
			 !d->question.error)
			return;
		else
			put_end_of_answer(d);
	}
}

static void on_client(void *ctx, uint32_t events);

static void on_waking(void *ctx)
{
	struct control_dialog *d = ctx;

	d->waking = -1;
	on_client(d, 0);
}

static void wake(void *ctx)
{
	struct control_dialog *d = ctx;

	/* What waits to be written wakes it by itself. Without memory for the
	 * timer the next event tries again. */
	if (d->waking < 0 && !d->out_len)
		d->waking = host_at(d->all->host, host_now(d->all->host),
				    on_waking, d);
}

static void start_message(struct control_dialog *d,
			  const struct control_message *m)
{
	d->message = m;
	d->all->n_streams += m->streams;
}

static void find_message(struct control_dialog *d, const char *ask)
{
	const struct control_message *m = control_message_find(ask);

	if (!m)
		put_end(d, -TERN_EOPNOTSUPP, "no such question");
	else if (m->streams && d->all->n_streams >= CONTROL_MAX_STREAMS)
		put_end(d, -TERN_EAGAIN,
			"too many watch this host already: end another trace "
			"or capture");
	else
		start_message(d, m);
}

static void start_answer(struct control_dialog *d, const char *line, size_t len)
{
	json_t *root = json_loadb(line, len, 0, NULL);
	const char *ask = json_string_value(json_object_get(root, "ask"));
	json_int_t version = json_integer_value(json_object_get(root, "tern"));

	d->question = (struct control_question){
		.host = d->all->host,
		.name = d->all->name,
		.args = json_incref(json_object_get(root, "args")),
		.owners = d->all->owners.inode ? &d->all->owners : NULL,
		.links = d->all->links.impair ? &d->all->links : NULL,
		.hosts = d->all->hosts,
		.wake = wake,
		.wake_ctx = d,
	};
	d->prepared = false;
	if (version != CONTROL_VERSION || !ask) {
		put_end(d, -TERN_EPROTO,
			"this host speaks another version of the protocol");
		d->closing = true;
	} else {
		find_message(d, ask);
	}
	json_decref(root);
}

/* Starts on the next question, if a whole one is there. */
static bool next_question(struct control_dialog *d)
{
	char *end = memchr(d->in, '\n', d->in_len);
	size_t len;

	if (!end || d->closing)
		return false;
	len = (size_t)(end + 1 - d->in);
	start_answer(d, d->in, len - 1);
	d->in_len -= len;
	memmove(d->in, end + 1, d->in_len);
	return true;
}

/* Writes what is there. False: the client is gone. */
static bool write_out(struct control_dialog *d)
{
	while (d->out_done < d->out_len) {
		ssize_t n = send(d->fd, d->out + d->out_done,
				 d->out_len - d->out_done, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0)
			return false;
		d->out_done += (size_t)n;
		d->moved_at = host_now(d->all->host);
	}
	d->out_done = d->out_len = 0;
	return true;
}

/* False: the client is gone. */
static bool read_in(struct control_dialog *d)
{
	ssize_t n =
		recv(d->fd, d->in + d->in_len, CONTROL_IN_LEN - d->in_len, 0);

	if (n < 0)
		return errno == EAGAIN;
	d->in_len += (size_t)n;
	d->moved_at = host_now(d->all->host);
	return n > 0;
}

/* A stream's reader that has said all it will say waits for the end. False: the
 * client is gone. */
static bool take_questions(struct control_dialog *d)
{
	if (d->said_all || (d->message && !d->message->streams) || read_in(d))
		return true;
	d->said_all = d->question.finished = d->message;
	return d->message;
}

/* What to wait for next. */
static uint32_t wanted(const struct control_dialog *d, bool more)
{
	if (d->said_all)
		return EPOLLOUT;
	if (d->message && d->message->streams)
		return more ? EPOLLIN | EPOLLOUT : EPOLLIN;
	if (d->message || d->out_len || memchr(d->in, '\n', d->in_len))
		return EPOLLOUT;
	return EPOLLIN;
}

/* After a block of records that took so long. False: it need not wait. */
static bool pause_answer(struct control_dialog *d, int64_t took_ns)
{
	struct host *h = d->all->host;

	if (!d->message || !d->message->fill || d->message->streams ||
	    d->out_len || d->waking >= 0 || !host_is_busy(h))
		return false;
	d->waking = host_at(h, host_now(h) + SHARE * took_ns, on_waking, d);
	return d->waking >= 0;
}

/* Of this thread: to be made to wait by others costs nobody. */
static int64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void on_client(void *ctx, uint32_t events)
{
	struct control_dialog *d = ctx;
	int64_t began = cpu_ns();
	bool more;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !take_questions(d)) {
		control_dialog_drop(d);
		return;
	}
	if (d->out_len == 0) {
		while (!d->message && next_question(d))
			make_rows(d);
		make_rows(d);
	}
	d->closing |= d->said_all && !d->message;
	/* What was made may not be all: look again once it is written. */
	more = d->out_len;
	if (!write_out(d) || (d->closing && d->out_len == 0) ||
	    (d->in_len == CONTROL_IN_LEN && !d->message && !d->out_len)) {
		control_dialog_drop(d);
		return;
	}
	if (pause_answer(d, cpu_ns() - began))
		host_watch(d->all->host, d->fd, 0, on_client, d);
	else
		host_watch(d->all->host, d->fd, wanted(d, more), on_client, d);
}

int control_dialog_claim(const struct control_dialog *d)
{
	int64_t still_ns = host_now(d->all->host) - d->moved_at;

	if (!d->message && !d->out_len)
		return 0;
	if (d->message && d->message->streams && !d->out_len)
		return 2;
	return d->out_len || still_ns > STILL_NS ? 1 : 2;
}

void control_dialog_begin(struct control_dialog *d, int fd)
{
	d->fd = fd;
	d->moved_at = host_now(d->all->host);
	if (control_peer_is_owner(fd))
		d->out = malloc(OUT_LEN);
	if (d->out && host_watch(d->all->host, fd, EPOLLIN, on_client, d) == 0)
		return;
	control_dialog_drop(d);
}
