// SPDX-License-Identifier: BSD-2-Clause
/*
 * The runner's sockets: making, finding, forgetting.
 *
 * A descriptor of the program's is recognised by the cookie of the socket
 * behind it (SO_COOKIE: never used twice), whatever process, thread or number
 * it is seen in. A descriptor that came out of a native accept has a cookie
 * nobody has seen yet: its peer is then the runner's end, whose name tells.
 *
 * How a last close is noticed: the runner's end of a pair sees HUP. A program's
 * end that has no peer (unconnected, listening, its pair broken) is watched
 * by inotify instead: a socket is an inode, reached through /proc/self/fd,
 * and IN_CLOSE_WRITE comes when its one file is let go for good, after all
 * dups, forks and messages in flight. Without a watch (fs.inotify.max_user_
 * watches is used up) the socket lives until the program's tree ends.
 */
#include "runner_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_BUCKETS 256 /* a power of two */

static size_t bucket(const struct runner *r, uint64_t key)
{
	/* Cookies, ids and watches count up: spread is not needed, only
	 * mixing of the few high bits in (Fibonacci hashing). */
	return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) &
	       (r->n_buckets - 1);
}

/* The three tables: each a chain through its own link. */
struct table {
	struct rsock **(*head)(struct runner *);
	size_t next; /* offset of the link */
	size_t key;  /* offset of a uint64_t */
};

static struct rsock **head_cookie(struct runner *r)
{
	return r->by_cookie;
}

static struct rsock **head_id(struct runner *r)
{
	return r->by_id;
}

static struct rsock **head_watch(struct runner *r)
{
	return r->by_watch;
}

static const struct table by_cookie = {
	head_cookie,
	offsetof(struct rsock, next_by_cookie),
	offsetof(struct rsock, cookie),
};
static const struct table by_id = {
	head_id,
	offsetof(struct rsock, next_by_id),
	offsetof(struct rsock, id),
};
static const struct table by_watch = {
	head_watch,
	offsetof(struct rsock, next_by_watch),
	offsetof(struct rsock, watch),
};

static struct rsock **link_of(const struct table *t, struct rsock *s)
{
	return (struct rsock **)(void *)((char *)s + t->next);
}

static uint64_t key_of(const struct table *t, const struct rsock *s)
{
	return *(const uint64_t *)(const void *)((const char *)s + t->key);
}

static struct rsock *table_find(struct runner *r, const struct table *t,
				uint64_t key)
{
	struct rsock *s = t->head(r)[bucket(r, key)];

	while (s && key_of(t, s) != key)
		s = *link_of(t, s);
	return s;
}

static void table_add(struct runner *r, const struct table *t, struct rsock *s)
{
	struct rsock **at = &t->head(r)[bucket(r, key_of(t, s))];

	*link_of(t, s) = *at;
	*at = s;
}

static void table_del(struct runner *r, const struct table *t, struct rsock *s)
{
	struct rsock **at = &t->head(r)[bucket(r, key_of(t, s))];

	while (*at != s)
		at = link_of(t, *at);
	*at = *link_of(t, s);
}

/* Puts everybody into new, empty tables of n buckets; false without memory,
 * and the old ones are kept. */
static bool make_tables(struct runner *r, size_t n)
{
	struct rsock **heads[3];

	for (int i = 0; i < 3; i++)
		heads[i] = calloc(n, sizeof(*heads[i]));
	if (!heads[0] || !heads[1] || !heads[2]) {
		for (int i = 0; i < 3; i++)
			free(heads[i]);
		return false;
	}
	free(r->by_cookie);
	free(r->by_id);
	free(r->by_watch);
	r->by_cookie = heads[0];
	r->by_id = heads[1];
	r->by_watch = heads[2];
	r->n_buckets = n;
	for (struct rsock *s = r->socks; s; s = s->next) {
		table_add(r, &by_id, s);
		if (s->cookie)
			table_add(r, &by_cookie, s);
		if (s->watch)
			table_add(r, &by_watch, s);
	}
	return true;
}

void sock_take_closes(struct runner *r)
{
	_Alignas(struct inotify_event) char buf[4096];
	ssize_t n = read(r->inotify, buf, sizeof(buf));
	const struct inotify_event *e;

	/* The names that events may carry are for directories. */
	for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof(*e) + e->len)) {
		struct rsock *s;

		e = (const void *)(buf + at);
		s = table_find(r, &by_watch, (uint64_t)e->wd);
		if (s && e->mask & IN_CLOSE_WRITE)
			sock_on_closed(s);
	}
}

static void on_inotify(void *ctx, uint32_t events)
{
	sock_take_closes(ctx);
}

/* Where connecting program's ends are connected to (runner_connect.c). */
static int open_meeting(struct runner *r)
{
	r->meet =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r->meet_name_len = name_make(r, "m", 1, &r->meet_name);
	if (r->meet < 0 ||
	    bind(r->meet, (void *)&r->meet_name, r->meet_name_len) < 0 ||
	    listen(r->meet, SOMAXCONN) < 0)
		return -errno;
	return 0;
}

int sock_table_init(struct runner *r)
{
	int result = name_init(r);

	r->scratch = malloc(SCRATCH_LEN);
	r->window = malloc(WINDOW_LEN);
	r->control = malloc(CONTROL_MAX);
	if (!r->scratch || !r->window || !r->control ||
	    !make_tables(r, FIRST_BUCKETS))
		return -ENOMEM;
	if (result == 0)
		result = open_meeting(r);
	if (result == 0)
		result = dgram_init(r);
	if (result < 0)
		return result;
	r->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (r->inotify < 0)
		return -errno;
	return host_watch(r->host, r->inotify, EPOLLIN, on_inotify, r);
}

void sock_table_fini(struct runner *r)
{
	if (r->inotify >= 0) {
		host_unwatch(r->host, r->inotify);
		close(r->inotify);
	}
	if (r->meet >= 0)
		close(r->meet);
	dgram_fini(r);
	free(r->by_cookie);
	free(r->by_id);
	free(r->by_watch);
	if (r->diag >= 0)
		close(r->diag);
	free(r->scratch);
	free(r->window);
	free(r->control);
}

int64_t sock_now(const struct rsock *s)
{
	return host_now(s->runner->host);
}

struct rsock *sock_new(struct runner *r, int family, int type, int protocol)
{
	struct rsock *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->runner = r;
	s->id = ++r->last_id;
	s->s = s->end = s->aside = s->hint_fd = s->timer = -1;
	s->family = family;
	s->type = type;
	s->protocol = protocol;
	s->next = r->socks;
	s->prev = &r->socks;
	if (s->next)
		s->next->prev = &s->next;
	r->socks = s;
	table_add(r, &by_id, s);
	/* Without memory the chains grow longer, no more. */
	if (++r->n_socks > r->n_buckets)
		make_tables(r, r->n_buckets * 2);
	return s;
}

void sock_close_stack(struct rsock *s)
{
	if (s->s < 0)
		return;
	host_watch_sock(s->runner->host, s->s, NULL, NULL);
	tern_close(s->runner->stack, s->s, sock_now(s));
	s->s = -1;
}

void sock_drop_end(struct rsock *s)
{
	if (s->end < 0)
		return;
	host_unwatch(s->runner->host, s->end);
	close(s->end);
	s->end = -1;
}

void sock_forget_cookie(struct rsock *s)
{
	if (s->cookie)
		table_del(s->runner, &by_cookie, s);
	s->cookie = 0;
	s->ino = 0;
	s->hint_fd = -1;
}

void sock_free(struct rsock *s)
{
	struct runner *r = s->runner;

	sock_drop_waiting(s, -EBADF);
	accept_forget(s);
	if (s->timer >= 0)
		host_cancel(r->host, s->timer);
	sock_close_stack(s);
	sock_drop_end(s);
	if (s->aside >= 0)
		close(s->aside);
	sock_unwatch_close(s);
	sock_forget_cookie(s);
	table_del(r, &by_id, s);
	r->n_socks--;
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
	free(s->rest);
	free(s->dump);
	free(s);
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie;
	socklen_t len = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		return 0;
	return cookie;
}

void sock_learn(struct rsock *s, int fd)
{
	struct stat st;

	sock_forget_cookie(s);
	s->cookie = cookie_of(fd);
	if (s->cookie)
		table_add(s->runner, &by_cookie, s);
	if (fstat(fd, &st) == 0)
		s->ino = st.st_ino;
}

bool sock_is_end(const struct rsock *s, int fd)
{
	return s->cookie && cookie_of(fd) == s->cookie;
}

struct rsock *sock_of_fd(struct runner *r, int fd)
{
	uint64_t cookie = cookie_of(fd), id;
	struct rsock *s = cookie ? table_find(r, &by_cookie, cookie) : NULL;

	if (s || !cookie)
		return s;
	id = name_of_peer(r, fd);
	s = id ? table_find(r, &by_id, id) : NULL;
	if (!s || s->cookie)
		return NULL;
	sock_learn(s, fd);
	accept_forget(s); /* it has left the accept queue */
	return s;
}

struct rsock *sock_by_id(struct runner *r, uint64_t id)
{
	return table_find(r, &by_id, id);
}

void sock_watch_close(struct rsock *s, int fd)
{
	struct runner *r = s->runner;
	char path[64];
	int wd;

	if (s->watch)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	wd = inotify_add_watch(r->inotify, path, IN_CLOSE_WRITE);
	if (wd > 0) {
		s->watch = (uint64_t)wd;
		table_add(r, &by_watch, s);
	} else if (!r->is_short_told) {
		r->is_short_told = true;
		fprintf(stderr,
			"tern run: cannot watch a socket's close (%s): ports "
			"stay taken until the program ends; raise "
			"fs.inotify.max_user_watches\n",
			strerror(errno));
	}
}

void sock_unwatch_close(struct rsock *s)
{
	if (!s->watch)
		return;
	inotify_rm_watch(s->runner->inotify, (int)s->watch);
	table_del(s->runner, &by_watch, s);
	s->watch = 0;
}

void sock_set_end(struct rsock *s, int end, host_fd_fn *fn)
{
	s->end = end;
	host_watch(s->runner->host, end,
		   EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, fn, s);
}

void sock_on_closed(struct rsock *s)
{
	if (s->type == SOCK_STREAM && s->state == RSOCK_PAIRED)
		end_closed(s);
	else
		sock_free(s);
}
