// SPDX-License-Identifier: BSD-2-Clause
/*
 * Both sides of runner_remote.h.
 *
 * Each program has a runner of its own, which stays until what the program
 * wrote is in the stack. The host never waits for a client: what it sends is
 * one message, and a client that does not take it is dropped.
 */
#define _GNU_SOURCE
#include "runner_remote.h"

#include "control/control.h"
#include "control/control_path.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define REMOTE_VERSION 2
#define TEXT_MAX 32768 /* of each file; a message must fit a socket's buffer */
#define LOOK_NS (100 * INT64_C(1000000)) /* has a runner become idle? */

struct hello {
	uint32_t version;
	uint32_t resolv_len, hosts_len; /* UINT32_MAX: none */
	char text[2 * TEXT_MAX];
};

struct remote {
	struct remote_server *server;
	struct remote *next;
	struct runner *runner;
	int fd; /* the client's connection, or -1 */
};

struct remote_server {
	struct host *host;
	struct sockaddr_un addr;
	int fd; /* or -1: stopped */
	int timer;
	struct remote *remotes;
	struct hello hello;
	size_t hello_len;
};

static void drop_fd(struct remote *m)
{
	if (m->fd < 0)
		return;
	host_unwatch(m->server->host, m->fd);
	close(m->fd);
	m->fd = -1;
}

static void drop(struct remote *m)
{
	struct remote **at = &m->server->remotes;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	drop_fd(m);
	if (m->runner)
		runner_free(m->runner);
	free(m);
}

/* Frees the runners that have nothing left to do: here, and not in a callback
 * of theirs. */
static void look(void *ctx)
{
	struct remote_server *s = ctx;
	struct remote *m, *next;

	for (m = s->remotes; m; m = next) {
		next = m->next;
		if (m->runner ? !runner_is_done(m->runner) : m->fd >= 0)
			continue;
		/* That it hangs up is then no news of the host's end. */
		if (m->fd >= 0)
			send(m->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		drop(m);
	}
	s->timer = host_at(s->host, host_now(s->host) + LOOK_NS, look, s);
}

#define N_FDS 2 /* the listener, and what its files are answered through */

/* The descriptors that came with a message; the second may be -1. 0 or
 * -errno. */
static int take_fds(int from, int fds[N_FDS])
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(N_FDS * sizeof(int))];
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(from, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&h) : NULL;

	fds[0] = fds[1] = -1;
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len >= CMSG_LEN(sizeof(int)) &&
	    c->cmsg_len <= CMSG_LEN(N_FDS * sizeof(int)))
		memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	return fds[0] >= 0 ? 0 : -EPROTO;
}

static void on_client(void *ctx, uint32_t events)
{
	struct remote *m = ctx;
	const struct runner_config config = { .verbose = false };
	int fds[N_FDS], error;
	int32_t result;

	if (m->runner) { /* it has gone, or says what there is no word for */
		drop_fd(m);
		return;
	}
	error = take_fds(m->fd, fds);
	if (error == -EAGAIN)
		return;
	if (error) {
		drop_fd(m);
		return;
	}
	result = runner_attach(m->server->host, &config, fds[0], fds[1],
			       &m->runner);
	if (send(m->fd, &result, sizeof(result), MSG_DONTWAIT | MSG_NOSIGNAL) <
		    0 ||
	    result < 0)
		drop_fd(m);
}

static void on_listener(void *ctx, uint32_t events)
{
	struct remote_server *s = ctx;
	int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct remote *m = fd < 0 ? NULL : calloc(1, sizeof(*m));

	if (!m || !control_peer_is_owner(fd) ||
	    send(fd, &s->hello, s->hello_len, MSG_NOSIGNAL) < 0 ||
	    host_watch(s->host, fd, EPOLLIN, on_client, m) != 0) {
		if (fd >= 0)
			close(fd);
		free(m);
		return;
	}
	*m = (struct remote){ .server = s, .next = s->remotes, .fd = fd };
	s->remotes = m;
}

/* The name beside a host's own. */
static int run_path(const char *name, bool make, struct sockaddr_un *out)
{
	int error = control_path(name, make, out);
	size_t len;

	if (error)
		return error;
	len = strlen(out->sun_path);
	if (len + sizeof(".run") > sizeof(out->sun_path))
		return -ENAMETOOLONG;
	memcpy(out->sun_path + len, ".run", sizeof(".run"));
	return 0;
}

static uint32_t put_text(struct remote_server *s, const char *text)
{
	size_t at = s->hello_len, len;

	if (!text)
		return UINT32_MAX;
	len = strnlen(text, TEXT_MAX);
	memcpy((char *)&s->hello + at, text, len);
	s->hello_len += len;
	return (uint32_t)len;
}

static int listen_at(struct remote_server *s)
{
	s->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       0);
	if (s->fd < 0)
		return -errno;
	/* Left by a host of this name that was killed: a live one would have
	 * the control socket. */
	unlink(s->addr.sun_path);
	if (bind(s->fd, (void *)&s->addr, sizeof(s->addr)) < 0 ||
	    listen(s->fd, SOMAXCONN) < 0)
		return -errno;
	return host_watch(s->host, s->fd, EPOLLIN, on_listener, s);
}

int remote_server_open(struct host *h, const char *name,
		       const char *resolv_conf, const char *hosts,
		       struct remote_server **out)
{
	struct remote_server *s = calloc(1, sizeof(*s));
	int error;

	if (!s)
		return -ENOMEM;
	s->host = h;
	s->fd = s->timer = -1;
	s->hello.version = REMOTE_VERSION;
	s->hello_len = offsetof(struct hello, text);
	s->hello.resolv_len = put_text(s, resolv_conf);
	s->hello.hosts_len = put_text(s, hosts);
	error = run_path(name, true, &s->addr);
	if (!error)
		error = listen_at(s);
	if (error) {
		remote_server_close(s);
		return error;
	}
	look(s);
	*out = s;
	return 0;
}

void remote_server_stop(struct remote_server *s)
{
	if (s->fd >= 0) {
		host_unwatch(s->host, s->fd);
		close(s->fd);
		unlink(s->addr.sun_path);
	}
	s->fd = -1;
	for (struct remote *m = s->remotes; m; m = m->next)
		drop_fd(m);
}

int remote_server_count(const struct remote_server *s)
{
	int n = 0;

	for (const struct remote *m = s->remotes; m; m = m->next)
		n++;
	return n;
}

size_t remote_server_unsaid(const struct remote_server *s)
{
	size_t sum = 0;

	for (const struct remote *m = s->remotes; m; m = m->next)
		sum += m->runner ? runner_unsaid(m->runner) : 0;
	return sum;
}

uint64_t remote_inode(const struct remote_server *s, int socket)
{
	uint64_t inode = 0;

	for (const struct remote *m = s->remotes; m && !inode; m = m->next)
		inode = m->runner ? runner_inode(m->runner, socket) : 0;
	return inode;
}

int remote_queued(const struct remote_server *s, int socket)
{
	int sum = 0;

	for (const struct remote *m = s->remotes; m; m = m->next)
		sum += m->runner ? runner_queued(m->runner, socket) : 0;
	return sum;
}

void remote_server_close(struct remote_server *s)
{
	remote_server_stop(s);
	if (s->timer >= 0)
		host_cancel(s->host, s->timer);
	while (s->remotes)
		drop(s->remotes);
	free(s);
}

/* A copy of a text of the hello, at *at of len bytes; false if it lies. */
static bool take_text(const struct hello *h, size_t len, size_t *at, uint32_t n,
		      char **out)
{
	*out = NULL;
	if (n == UINT32_MAX)
		return true;
	if (n > len - *at)
		return false;
	*out = strndup((const char *)h + *at, n);
	*at += n;
	return *out;
}

static int read_hello(int fd, struct remote_hello *out)
{
	struct hello *h = malloc(sizeof(*h));
	size_t at = offsetof(struct hello, text);
	ssize_t n = h ? recv(fd, h, sizeof(*h), 0) : -1;
	int error = 0;

	if (!h || n < 0)
		error = -errno;
	else if ((size_t)n < at || h->version != REMOTE_VERSION ||
		 !take_text(h, (size_t)n, &at, h->resolv_len,
			    &out->resolv_conf) ||
		 !take_text(h, (size_t)n, &at, h->hosts_len, &out->hosts))
		error = -EPROTO;
	free(h);
	return error;
}

int remote_connect(const char *name, int *fd, struct remote_hello *out)
{
	struct sockaddr_un addr;
	int error = run_path(name, false, &addr);

	*out = (struct remote_hello){ 0 };
	if (error)
		return error;
	*fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return -errno;
	if (connect(*fd, (void *)&addr, sizeof(addr)) < 0)
		error = errno == ECONNREFUSED ? -ENOENT : -errno;
	else if (!control_peer_is_owner(*fd))
		error = -EPERM;
	else
		error = read_hello(*fd, out);
	if (error) {
		close(*fd);
		remote_hello_free(out);
	}
	return error;
}

void remote_hello_free(struct remote_hello *h)
{
	free(h->resolv_conf);
	free(h->hosts);
	*h = (struct remote_hello){ 0 };
}

int remote_hand_over(int fd, struct runner_launch *l)
{
	_Alignas(struct cmsghdr) char
		control[CMSG_SPACE(N_FDS * sizeof(int))] = { 0 };
	const int fds[N_FDS] = { l->listener, l->files };
	size_t len = (l->files < 0 ? 1 : N_FDS) * sizeof(int);
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = CMSG_SPACE(len) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	int32_t result;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), fds, len);
	if (sendmsg(fd, &h, MSG_NOSIGNAL) < 0)
		return -errno;
	runner_launch_handed(l);
	if (recv(fd, &result, sizeof(result), 0) != sizeof(result))
		return -ECONNRESET;
	return result;
}

bool remote_has_gone(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) != 1;
}
