// SPDX-License-Identifier: BSD-2-Clause
/*
 * Descriptors: which program has which, and how many of them stand for one
 * socket. A dup() is one more, the programs of a host share by it what fork()
 * would have left to both; the socket is closed with the last (C10).
 */
#include "lab_run.h"

#include "drill_mem.h"
#include "lab_sys.h"

void lab_desc_own(struct lab_app *app, int fd)
{
	if (app->n_fds == app->cap_fds) {
		app->cap_fds = app->cap_fds ? 2 * app->cap_fds : 8;
		app->fds = drill_mem_grow(app->fds,
					  (size_t)app->cap_fds * sizeof(int));
	}
	app->fds[app->n_fds++] = fd;
}

bool lab_desc_has(const struct lab_app *app, int fd)
{
	for (int i = app->n_fds - 1; i >= 0; i--) {
		if (app->fds[i] == fd)
			return true;
	}
	return false;
}

static struct lab_share *find(struct lab_run *run, const struct lab_host *h,
			      int fd)
{
	struct lab_share *s = run->shares;

	while (s && (s->host != h || s->fd != fd))
		s = s->next;
	return s;
}

void lab_desc_share(struct lab_run *run, struct lab_app *app, int fd)
{
	struct lab_share *s = find(run, app->host, fd);

	if (!s) {
		s = DRILL_NEW(run->mem, struct lab_share);
		*s = (struct lab_share){ run->shares, app->host, fd, 0 };
		run->shares = s;
	}
	s->n++;
	lab_desc_own(app, fd);
}

void lab_desc_forget(struct lab_run *run, const struct lab_host *h)
{
	for (struct lab_share *s = run->shares; s; s = s->next)
		s->n = s->host == h ? 0 : s->n;
	for (struct lab_app *a = run->apps; a; a = a->next)
		a->n_fds = a->host == h ? 0 : a->n_fds;
}

/* Takes it from a program; false: it is not that program's. */
static bool take(struct lab_app *app, int fd)
{
	for (int i = app->n_fds - 1; i >= 0; i--) {
		if (app->fds[i] != fd)
			continue;
		app->fds[i] = app->fds[--app->n_fds];
		return true;
	}
	return false;
}

/* The socket has one descriptor less. */
static int release(struct lab_run *run, struct lab_host *h, int fd)
{
	struct lab_share *s = find(run, h, fd);

	if (s && s->n) {
		s->n--;
		return 0;
	}
	for (struct lab_var *v = run->vars; v; v = v->next) {
		if (v->host == h && v->fd == fd) {
			lab_var_learn(v);
			v->fd = -1;
		}
	}
	return h->sys->close(h, fd);
}

int lab_desc_close(struct lab_run *run, struct lab_app *app, int fd)
{
	bool taken = take(app, fd);

	for (struct lab_app *a = run->apps; a && !taken; a = a->next)
		taken = a->host == app->host && take(a, fd);
	return release(run, app->host, fd);
}

int lab_desc_close_all(struct lab_run *run, struct lab_app *app)
{
	int n = app->n_fds;

	for (int i = 0; i < n && app->host->on; i++)
		release(run, app->host, app->fds[i]);
	app->n_fds = 0;
	return n;
}
