// SPDX-License-Identifier: BSD-2-Clause
/*
 * poll and epoll on the descriptors of a script. An epoll tells what is ready
 * in the order in which it became so; a level-triggered one goes to the end
 * when it was told.
 */
#include "drill_tern.h"

#include <errno.h>
#include <stdlib.h>

uint32_t drill_tern_ready(struct drill_tern *t, int fd)
{
	const struct drill_fd *f = drill_tern_fd(t, fd);

	if (!f)
		return POLLNVAL;
	switch (f->kind) {
	case DRILL_FD_SOCKET:
		return tern_poll(t->st, f->s);
	case DRILL_FD_PIPE_READ:
		return (f->pipe->n ? POLLIN | POLLRDNORM : 0) |
		       (f->pipe->n_ends < 2 ? POLLHUP : 0);
	case DRILL_FD_PIPE_WRITE:
		return (f->pipe->n < f->pipe->cap ? POLLOUT | POLLWRNORM : 0) |
		       (f->pipe->n_ends < 2 ? POLLERR : 0);
	case DRILL_FD_FILE:
		return POLLIN | POLLOUT;
	case DRILL_FD_EPOLL:
	case DRILL_FD_FREE:
		break;
	}
	return 0;
}

int drill_tern_poll(struct drill_adapter *a, struct pollfd *fds, nfds_t n)
{
	struct drill_tern *t = drill_tern_of(a);
	uint32_t always = POLLERR | POLLHUP | POLLNVAL;
	int n_ready = 0;
	nfds_t i;

	for (i = 0; i < n; i++) {
		uint32_t want = (uint16_t)fds[i].events | always;

		fds[i].revents = 0;
		if (fds[i].fd >= 0)
			fds[i].revents =
				(short)(drill_tern_ready(t, fds[i].fd) & want);
		n_ready += fds[i].revents != 0;
	}
	return n_ready;
}

int drill_tern_epoll_create(struct drill_adapter *a, int size)
{
	if (size <= 0)
		return -EINVAL;
	return drill_tern_fd_new(drill_tern_of(a), DRILL_FD_EPOLL);
}

static uint32_t ready_of(struct drill_tern *t, const struct drill_watch *w)
{
	/* A one-shot that was told and not armed again. */
	if (w->event.events == EPOLLONESHOT)
		return 0;
	return drill_tern_ready(t, w->fd) &
	       (w->event.events | POLLERR | POLLHUP);
}

/* It may be ready now: at the end of the list, unless it is in it. */
static void enlist(struct drill_tern *t, struct drill_watch *w)
{
	w->has_edge = true;
	if (!w->order && ready_of(t, w))
		w->order = ++t->order;
}

void drill_tern_edge(struct drill_tern *t, int fd)
{
	struct drill_watch *w;
	int ep;

	for (ep = 0; ep < DRILL_FDS; ep++) {
		if (t->fds[ep].kind != DRILL_FD_EPOLL)
			continue;
		for (w = t->fds[ep].watches; w; w = w->next) {
			if (w->fd == fd)
				enlist(t, w);
		}
	}
}

void drill_tern_unwatch(struct drill_tern *t, int fd)
{
	struct drill_watch **w, *gone;
	int ep;

	for (ep = 0; ep < DRILL_FDS; ep++) {
		for (w = &t->fds[ep].watches; *w;) {
			if ((*w)->fd != fd) {
				w = &(*w)->next;
				continue;
			}
			gone = *w;
			*w = gone->next;
			free(gone);
		}
	}
}

int drill_tern_epoll_ctl(struct drill_adapter *a, int ep, int op, int fd,
			 struct epoll_event *event)
{
	struct drill_tern *t = drill_tern_of(a);
	struct drill_fd *e = drill_tern_fd(t, ep), *f = drill_tern_fd(t, fd);
	struct drill_watch **w;

	if (!e || !f)
		return -EBADF;
	if (e->kind != DRILL_FD_EPOLL || e == f)
		return -EINVAL;
	if (f->kind == DRILL_FD_FILE)
		return -EPERM;
	for (w = &e->watches; *w && (*w)->fd != fd; w = &(*w)->next)
		;
	if (op == EPOLL_CTL_ADD ? *w != NULL : !*w)
		return *w ? -EEXIST : -ENOENT;
	if (op == EPOLL_CTL_DEL) {
		struct drill_watch *gone = *w;

		*w = gone->next;
		free(gone);
		return 0;
	}
	if (op != EPOLL_CTL_ADD && op != EPOLL_CTL_MOD)
		return -EINVAL;
	if (op == EPOLL_CTL_ADD) {
		*w = drill_mem_grow(NULL, sizeof(**w));
		**w = (struct drill_watch){ .fd = fd };
	}
	(*w)->event = *event;
	(*w)->order = 0;
	enlist(t, *w);
	return 0;
}

/* The one that has been ready longest and is not yet in out[]. */
static struct drill_watch *first_ready(struct drill_tern *t, struct drill_fd *e,
				       uint64_t after, uint64_t until)
{
	struct drill_watch *w, *best = NULL;

	for (w = e->watches; w; w = w->next) {
		bool edge = w->event.events & EPOLLET;

		if (!ready_of(t, w) || (edge && !w->has_edge)) {
			w->order = 0;
			continue;
		}
		if (!w->order)
			w->order = ++t->order;
		if (w->order <= after || w->order > until)
			continue;
		if (!best || w->order < best->order)
			best = w;
	}
	return best;
}

int drill_tern_epoll_wait(struct drill_adapter *a, int ep,
			  struct epoll_event *out, int max)
{
	struct drill_tern *t = drill_tern_of(a);
	struct drill_fd *e = drill_tern_fd(t, ep);
	uint64_t until = UINT64_MAX, after = 0;
	struct drill_watch *w;
	int n = 0;

	if (!e)
		return -EBADF;
	if (e->kind != DRILL_FD_EPOLL || max <= 0)
		return -EINVAL;
	while (n < max && (w = first_ready(t, e, after, until))) {
		if (until == UINT64_MAX)
			until = t->order;
		out[n] = w->event;
		out[n++].events = ready_of(t, w);
		after = w->order;
		w->has_edge = false;
		w->order = 0;
		if (w->event.events & EPOLLONESHOT)
			w->event.events = EPOLLONESHOT;
		else if (!(w->event.events & EPOLLET))
			w->order = ++t->order;
	}
	return n;
}
