// SPDX-License-Identifier: BSD-2-Clause
/*
 * The runner's last descriptors. What lasts (the runner's end of a connection)
 * is made only while N_SPARES more are free, else the program is told ENFILE.
 * Those are held, so that it is known, and let go of when a call finds the
 * table full: to be answered at all it needs a few for its own time.
 */
#include "runner_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool hold(struct runner *r)
{
	for (int i = 0; i < N_SPARES; i++) {
		if (r->spares[i] < 0)
			r->spares[i] = fcntl(r->meet, F_DUPFD_CLOEXEC, 0);
		if (r->spares[i] < 0)
			return false;
	}
	return true;
}

void spare_init(struct runner *r)
{
	for (int i = 0; i < N_SPARES; i++)
		r->spares[i] = -1;
}

void spare_let_go(struct runner *r)
{
	for (int i = 0; i < N_SPARES; i++) {
		if (r->spares[i] >= 0)
			close(r->spares[i]);
		r->spares[i] = -1;
	}
}

int spare_need(struct runner *r)
{
	int one = hold(r) ? fcntl(r->meet, F_DUPFD_CLOEXEC, 0) : -1;

	if (one >= 0) {
		close(one);
		return 0;
	}
	spare_let_go(r);
	r->is_starved = true;
	return -ENFILE;
}

bool spare_helps(struct runner *r, int error)
{
	if (error != -EMFILE && error != -ENFILE)
		return false;
	r->is_starved = true;
	if (r->spares[0] < 0)
		return false;
	spare_let_go(r);
	return true;
}

void spare_begin(struct runner *r)
{
	if (r->is_starved)
		spare_let_go(r);
}

void spare_end(struct runner *r)
{
	if (r->is_starved && hold(r))
		r->is_starved = false;
}
