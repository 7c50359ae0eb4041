// SPDX-License-Identifier: BSD-2-Clause
/* How a crowd has ended, or why it has not. */
#include "stream.h"

#include <inttypes.h>
#include <stdio.h>

void crowd_tell(const struct world *w)
{
	const struct crowd *c = w->programs;

	for (int i = 0; i < 2 * c->n; i++) {
		const struct stream *t = &c->streams[i];

		if (!t->is_open && t->start_at == NEVER && !t->error)
			continue;
		printf("# stream %d: socket %d%s%s%s, sent %" PRIu64
		       " of %" PRIu64 ", got %" PRIu64 ", error %d, "
		       "write at %.6f, read at %.6f\n",
		       i, t->s, t->is_connected ? " connected" : "",
		       t->sent_all ? " sent" : "", t->got_end ? " end" : "",
		       t->n_sent, t->plan.to_send, t->n_got, t->error,
		       (double)t->write_at / 1e9, (double)t->read_at / 1e9);
	}
}

void crowd_want_whole(const struct crowd *c, int i)
{
	for (int k = 0; k < 2; k++) {
		const struct stream *t = &c->streams[2 * i + k];

		WANT(c->w, t->error == 0 && t->got_end);
		WANT(c->w, t->n_sent == t->plan.to_send);
		WANT(c->w, t->n_got == c->streams[2 * i + 1 - k].plan.to_send);
	}
}

void crowd_settle(struct crowd *c)
{
	struct world *w = c->w;
	int64_t until = w->now + 3600 * NS_PER_S;

	if (c->listener >= 0)
		WANT(w, tern_close(w->host[1].st, c->listener,
				   world_local(w, 1)) == 0);
	c->listener = -1;
	c->accept_ready = false;
	while (w->now < until && world_step(w))
		;
	for (int i = 0; i < 2; i++)
		WANT(w, world_count_sockets(w, i) == 0);
}
