// SPDX-License-Identifier: BSD-2-Clause
/*
 * The host's end of its control socket.
 *
 * It shares the loop with the traffic, so it never waits: a question is read
 * as it comes, an answer is made row by row while the reader takes it, and no
 * more than OUT_LEN bytes of it wait. Who reads slowly, or not at all, holds up
 * itself. An answer that streams waits for rows with nothing to write; rows
 * that come wake it by a timer, since they come in the midst of other things.
 *
 * While there is traffic, answers of records (a million sockets) may take SHARE
 * of the time: after each block they wait as long as it needs to be one.
 *
 * There are MAX_CLIENTS places, MAX_STREAMS of them at a time for answers that
 * stream. Who comes when all are taken gets that of the client that has done
 * nothing for longest: one that asks nothing, or else one that does not take
 * its answer. So those who connect and stay silent keep nobody out.
 *
 * Invariants of a client:
 *	1 its answer is under way exactly while `message` is not NULL
 *	2 while an answer is under way no question is read
 */
#define _GNU_SOURCE
#include "control/control_messages.h"
#include "control/control_links.h"
#include "control/control_owner.h"
#include "control/control_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CLIENTS 16
#define MAX_STREAMS 8
#define SHARE 25 /* one in so many: 4 % */
#define RETRY_NS (10 * INT64_C(1000000))
#define STILL_NS (100 * INT64_C(1000000))
#define IN_LEN 8192 /* a question: a name and a value or two */
#define OUT_LEN 65536

struct client {
	struct control_server *server;
	int fd; /* -1: free */
	char in[IN_LEN];
	size_t in_len;
	char *out; /* OUT_LEN */
	size_t out_len, out_done;
	const struct control_message *message;
	struct control_question question;
	bool prepared;	  /* the question is */
	bool closing;	  /* once all is written */
	bool said_all;	  /* it will not ask again */
	int64_t moved_at; /* bytes went from or to it */
	int waking;	  /* a timer of the host's; negative: none */
};

struct control_server {
	struct host *host;
	int fd;
	struct sockaddr_un addr;
	char name[CONTROL_NAME_MAX + 1];
	struct control_owners owners; /* inode NULL: nobody knows */
	struct control_links links;   /* impair NULL: none */
	const char *hosts;
	int retry; /* a timer of the host's; negative: none */
	struct client clients[MAX_CLIENTS];
};

static void drop_client(struct client *c)
{
	if (c->message && c->message->close)
		c->message->close(&c->question);
	if (c->waking >= 0)
		host_cancel(c->server->host, c->waking);
	host_unwatch(c->server->host, c->fd);
	close(c->fd);
	free(c->out);
	free(c->question.state);
	json_decref(c->question.args);
	*c = (struct client){ .server = c->server, .fd = -1, .waking = -1 };
}

/* Puts a line into the buffer, which takes over the row. One that does not fit
 * into an empty buffer cannot be sent. */
static void put_row(struct client *c, json_t *row)
{
	size_t room = OUT_LEN - c->out_len - 1;
	size_t n = json_dumpb(row, c->out + c->out_len, room, JSON_COMPACT);

	json_decref(row);
	if (n == 0 || n > room)
		return;
	c->out[c->out_len + n] = '\n';
	c->out_len += n + 1;
}

static void put_end(struct client *c, int error, const char *text)
{
	put_row(c, json_pack("{s:i, s:s}", "end", error, "text", text));
	if (c->message && c->message->close)
		c->message->close(&c->question);
	json_decref(c->question.args);
	free(c->question.state);
	c->question = (struct control_question){ 0 };
	c->message = NULL;
}

/* The length that a block's line is padded to, so that its records can be put
 * behind it before it is known how many they are. */
#define BLOCK_LINE 64

/* One block of records. False: there are no more. */
static bool put_block(struct client *c)
{
	char *line = c->out + c->out_len;
	size_t room = OUT_LEN - c->out_len - BLOCK_LINE, record = 0;
	size_t n = c->message->fill(&c->question, line + BLOCK_LINE, room,
				    &record);

	if (n == 0)
		return false;
	memset(line, ' ', BLOCK_LINE);
	line[snprintf(line, BLOCK_LINE, "{\"block\":%zu,\"record\":%zu}", n,
		      record)] = ' ';
	line[BLOCK_LINE - 1] = '\n';
	c->out_len += BLOCK_LINE + n;
	return true;
}

static void put_end_of_answer(struct client *c)
{
	int error = c->question.error;

	const char *why = c->question.why;

	put_end(c, error,
		why && error ? why :
		error	     ? tern_error_text(error) :
			       "");
}

/* Makes rows while there is room for the largest of them. */
static void make_rows(struct client *c)
{
	const size_t largest = 8192;

	if (c->message && c->message->prepare && !c->prepared) {
		c->prepared = c->message->prepare(&c->question);
		if (!c->prepared)
			return;
	}
	while (c->message && c->out_len + largest < OUT_LEN) {
		json_t *row = NULL;

		if (c->message->fill && put_block(c))
			return;
		if (c->message->next)
			row = c->message->next(&c->question);
		if (row)
			put_row(c, row);
		else if (c->message->streams && !c->question.finished &&
			 !c->question.error)
			return;
		else
			put_end_of_answer(c);
	}
}

static void on_client(void *ctx, uint32_t events);

static void on_waking(void *ctx)
{
	struct client *c = ctx;

	c->waking = -1;
	on_client(c, 0);
}

static void wake(void *ctx)
{
	struct client *c = ctx;

	/* What waits to be written wakes it by itself. Without memory for the
	 * timer the next event tries again. */
	if (c->waking < 0 && !c->out_len)
		c->waking = host_at(c->server->host, host_now(c->server->host),
				    on_waking, c);
}

static int n_streams(const struct control_server *s)
{
	int n = 0;

	for (int i = 0; i < MAX_CLIENTS; i++)
		n += s->clients[i].message && s->clients[i].message->streams;
	return n;
}

static void find_message(struct client *c, const char *ask)
{
	const struct control_message *m = control_message_find(ask);

	if (!m)
		put_end(c, -TERN_EOPNOTSUPP, "no such question");
	else if (m->streams && n_streams(c->server) >= MAX_STREAMS)
		put_end(c, -TERN_EAGAIN,
			"too many watch this host already: end another trace "
			"or capture");
	else
		c->message = m;
}

static void start_answer(struct client *c, const char *line, size_t len)
{
	json_t *root = json_loadb(line, len, 0, NULL);
	const char *ask = json_string_value(json_object_get(root, "ask"));
	json_int_t version = json_integer_value(json_object_get(root, "tern"));

	c->question = (struct control_question){
		.host = c->server->host,
		.name = c->server->name,
		.args = json_incref(json_object_get(root, "args")),
		.owners = c->server->owners.inode ? &c->server->owners : NULL,
		.links = c->server->links.impair ? &c->server->links : NULL,
		.hosts = c->server->hosts,
		.wake = wake,
		.wake_ctx = c,
	};
	c->prepared = false;
	if (version != CONTROL_VERSION || !ask) {
		put_end(c, -TERN_EPROTO,
			"this host speaks another version of the protocol");
		c->closing = true;
	} else {
		find_message(c, ask);
	}
	json_decref(root);
}

/* Starts on the next question, if a whole one is there. */
static bool next_question(struct client *c)
{
	char *end = memchr(c->in, '\n', c->in_len);
	size_t len;

	if (!end || c->closing)
		return false;
	len = (size_t)(end + 1 - c->in);
	start_answer(c, c->in, len - 1);
	c->in_len -= len;
	memmove(c->in, end + 1, c->in_len);
	return true;
}

/* Writes what is there. False: the client is gone. */
static bool write_out(struct client *c)
{
	while (c->out_done < c->out_len) {
		ssize_t n = send(c->fd, c->out + c->out_done,
				 c->out_len - c->out_done, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0)
			return false;
		c->out_done += (size_t)n;
		c->moved_at = host_now(c->server->host);
	}
	c->out_done = c->out_len = 0;
	return true;
}

/* False: the client is gone. */
static bool read_in(struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, IN_LEN - c->in_len, 0);

	if (n < 0)
		return errno == EAGAIN;
	c->in_len += (size_t)n;
	c->moved_at = host_now(c->server->host);
	return n > 0;
}

/* A stream's reader that has said all it will say waits for the end. False: the
 * client is gone. */
static bool take_questions(struct client *c)
{
	if (c->said_all || (c->message && !c->message->streams) || read_in(c))
		return true;
	c->said_all = c->question.finished = c->message;
	return c->message;
}

/* What to wait for next. */
static uint32_t wanted(const struct client *c, bool more)
{
	if (c->said_all)
		return EPOLLOUT;
	if (c->message && c->message->streams)
		return more ? EPOLLIN | EPOLLOUT : EPOLLIN;
	if (c->message || c->out_len || memchr(c->in, '\n', c->in_len))
		return EPOLLOUT;
	return EPOLLIN;
}

/* After a block of records that took so long. False: it need not wait. */
static bool pause_answer(struct client *c, int64_t took_ns)
{
	struct host *h = c->server->host;

	if (!c->message || !c->message->fill || c->message->streams ||
	    c->out_len || c->waking >= 0 || !host_is_busy(h))
		return false;
	c->waking = host_at(h, host_now(h) + SHARE * took_ns, on_waking, c);
	return c->waking >= 0;
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
	struct client *c = ctx;
	int64_t began = cpu_ns();
	bool more;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !take_questions(c)) {
		drop_client(c);
		return;
	}
	if (c->out_len == 0) {
		while (!c->message && next_question(c))
			make_rows(c);
		make_rows(c);
	}
	c->closing |= c->said_all && !c->message;
	/* What was made may not be all: look again once it is written. */
	more = c->out_len;
	if (!write_out(c) || (c->closing && c->out_len == 0) ||
	    (c->in_len == IN_LEN && !c->message && !c->out_len)) {
		drop_client(c);
		return;
	}
	if (pause_answer(c, cpu_ns() - began))
		host_watch(c->server->host, c->fd, 0, on_client, c);
	else
		host_watch(c->server->host, c->fd, wanted(c, more), on_client,
			   c);
}

/* Who may lose his place, by how little is lost: 2 not at all. A reader that
 * does not read need not have left anything in our buffer: the kernel's may just
 * have held it. */
static int claim_of(const struct client *c)
{
	int64_t still_ns = host_now(c->server->host) - c->moved_at;

	if (!c->message && !c->out_len)
		return 0;
	if (c->message && c->message->streams && !c->out_len)
		return 2;
	return c->out_len || still_ns > STILL_NS ? 1 : 2;
}

/* A place for another client: a free one, or that of one that only holds it. */
static struct client *make_place(struct control_server *s)
{
	struct client *last = NULL;

	for (int i = 0; i < MAX_CLIENTS; i++) {
		struct client *c = &s->clients[i];

		if (c->fd < 0)
			return c;
		if (claim_of(c) == 2)
			continue;
		if (!last || claim_of(c) < claim_of(last) ||
		    (claim_of(c) == claim_of(last) &&
		     c->moved_at < last->moved_at))
			last = c;
	}
	if (last)
		drop_client(last);
	return last;
}

static void on_listener(void *ctx, uint32_t events);

static void on_retry(void *ctx)
{
	struct control_server *s = ctx;

	s->retry = -1;
	host_watch(s->host, s->fd, EPOLLIN, on_listener, s);
}

/* All are being answered: who has come waits until one of them has what it
 * asked for, or does not take it. */
static void wait_for_place(struct control_server *s)
{
	s->retry = host_at(s->host, host_now(s->host) + RETRY_NS, on_retry, s);
	if (s->retry >= 0)
		host_unwatch(s->host, s->fd);
}

static void on_listener(void *ctx, uint32_t events)
{
	struct control_server *s = ctx;
	struct client *c = make_place(s);

	if (!c) {
		wait_for_place(s);
		return;
	}
	c->fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (c->fd < 0)
		return;
	c->moved_at = host_now(s->host);
	if (control_peer_is_owner(c->fd))
		c->out = malloc(OUT_LEN);
	if (!c->out || host_watch(s->host, c->fd, EPOLLIN, on_client, c) != 0)
		drop_client(c);
}

/* Takes away the socket of a host that was killed. False: it is alive. */
static bool remove_stale(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool stale = false;

	if (fd >= 0 && connect(fd, (const void *)addr, sizeof(*addr)) < 0)
		stale = errno == ECONNREFUSED && unlink(addr->sun_path) == 0;
	if (fd >= 0)
		close(fd);
	return stale;
}

static int listen_at(struct control_server *s)
{
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	if (bind(s->fd, (void *)&s->addr, sizeof(s->addr)) < 0 &&
	    (errno != EADDRINUSE || !remove_stale(&s->addr) ||
	     bind(s->fd, (void *)&s->addr, sizeof(s->addr)) < 0)) {
		s->addr.sun_path[0] = '\0'; /* not ours to take away */
		return errno ? -errno : -EADDRINUSE;
	}
	if (listen(s->fd, MAX_CLIENTS) < 0)
		return -errno;
	return host_watch(s->host, s->fd, EPOLLIN, on_listener, s);
}

int control_server_open(struct host *h, const char *name,
			struct control_server **out)
{
	struct control_server *s = calloc(1, sizeof(*s));
	int error;

	if (!s)
		return -TERN_ENOMEM;
	s->host = h;
	s->fd = -1;
	s->retry = -1;
	for (int i = 0; i < MAX_CLIENTS; i++)
		s->clients[i] =
			(struct client){ .server = s, .fd = -1, .waking = -1 };
	error = control_path(name, true, &s->addr);
	if (!error) {
		strcpy(s->name, name);
		error = listen_at(s);
	}
	if (error) {
		control_server_close(s);
		return error;
	}
	*out = s;
	return 0;
}

void control_server_set_links(struct control_server *s,
			      const struct control_links *links)
{
	s->links = *links;
}

void control_server_set_owners(struct control_server *s,
			       const struct control_owners *owners)
{
	s->owners = *owners;
}

void control_server_set_hosts(struct control_server *s, const char *hosts)
{
	s->hosts = hosts;
}

static void remove_files(const struct control_server *s)
{
	char path[256];

	unlink(s->addr.sun_path);
	if (control_history_path(s->name, path, sizeof(path)) == 0)
		unlink(path);
}

void control_server_close(struct control_server *s)
{
	for (int i = 0; i < MAX_CLIENTS; i++) {
		if (s->clients[i].fd >= 0)
			drop_client(&s->clients[i]);
	}
	if (s->retry >= 0)
		host_cancel(s->host, s->retry);
	if (s->fd >= 0) {
		host_unwatch(s->host, s->fd);
		close(s->fd);
		if (s->addr.sun_path[0])
			remove_files(s);
	}
	free(s);
}
