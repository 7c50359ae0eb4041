// SPDX-License-Identifier: BSD-2-Clause
/*
 * The host's end of its control socket.
 *
 * There are MAX_CLIENTS places, CONTROL_MAX_STREAMS of them at a time for answers that
 * stream. Who comes when all are taken gets that of the client that has done
 * nothing for longest: one that asks nothing, or else one that does not take
 * its answer. So those who connect and stay silent keep nobody out.
 */
#define _GNU_SOURCE
#include "control/control_dialog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CLIENTS 16
#define RETRY_NS (10 * INT64_C(1000000))

struct control_server {
	struct control_dialogs all;
	int fd;
	struct sockaddr_un addr;
	int retry; /* a timer of the host's; negative: none */
	struct control_dialog clients[MAX_CLIENTS];
};

/* A place for another client: a free one, or that of one that only holds it. */
static struct control_dialog *make_place(struct control_server *s)
{
	struct control_dialog *last = NULL;

	for (int i = 0; i < MAX_CLIENTS; i++) {
		struct control_dialog *c = &s->clients[i];

		if (c->fd < 0)
			return c;
		if (control_dialog_claim(c) == 2)
			continue;
		if (!last ||
		    control_dialog_claim(c) < control_dialog_claim(last) ||
		    (control_dialog_claim(c) == control_dialog_claim(last) &&
		     c->moved_at < last->moved_at))
			last = c;
	}
	if (last)
		control_dialog_drop(last);
	return last;
}

static void on_listener(void *ctx, uint32_t events);

static void on_retry(void *ctx)
{
	struct control_server *s = ctx;

	s->retry = -1;
	host_watch(s->all.host, s->fd, EPOLLIN, on_listener, s);
}

/* All are being answered: who has come waits until one of them has what it
 * asked for, or does not take it. */
static void wait_for_place(struct control_server *s)
{
	s->retry = host_at(s->all.host, host_now(s->all.host) + RETRY_NS,
			   on_retry, s);
	if (s->retry >= 0)
		host_unwatch(s->all.host, s->fd);
}

static void on_listener(void *ctx, uint32_t events)
{
	struct control_server *s = ctx;
	struct control_dialog *c = make_place(s);
	int fd;

	if (!c) {
		wait_for_place(s);
		return;
	}
	fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		control_dialog_begin(c, fd);
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
	return host_watch(s->all.host, s->fd, EPOLLIN, on_listener, s);
}

int control_server_open(struct host *h, const char *name,
			struct control_server **out)
{
	struct control_server *s = calloc(1, sizeof(*s));
	int error;

	if (!s)
		return -TERN_ENOMEM;
	s->all.host = h;
	s->fd = -1;
	s->retry = -1;
	for (int i = 0; i < MAX_CLIENTS; i++)
		control_dialog_init(&s->clients[i], &s->all);
	error = control_path(name, true, &s->addr);
	if (!error) {
		strcpy(s->all.name, name);
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
	s->all.links = *links;
}

void control_server_set_owners(struct control_server *s,
			       const struct control_owners *owners)
{
	s->all.owners = *owners;
}

void control_server_set_hosts(struct control_server *s, const char *hosts)
{
	s->all.hosts = hosts;
}

static void remove_files(const struct control_server *s)
{
	char path[256];

	unlink(s->addr.sun_path);
	if (control_history_path(s->all.name, path, sizeof(path)) == 0)
		unlink(path);
}

void control_server_close(struct control_server *s)
{
	for (int i = 0; i < MAX_CLIENTS; i++) {
		if (s->clients[i].fd >= 0)
			control_dialog_drop(&s->clients[i]);
	}
	if (s->retry >= 0)
		host_cancel(s->all.host, s->retry);
	if (s->fd >= 0) {
		host_unwatch(s->all.host, s->fd);
		close(s->fd);
		if (s->addr.sun_path[0])
			remove_files(s);
	}
	free(s);
}
