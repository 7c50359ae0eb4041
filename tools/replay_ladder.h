// SPDX-License-Identifier: BSD-2-Clause
/*
 * A recorded run as ladders, one for each of its connections: segments in and
 * out, and on the recorded host's side states, timers and calls.
 *
 * Fed by the hooks of a replay. The peer's side is what was seen of it; when a
 * segment left there, no record knows.
 */
#ifndef TOOLS_REPLAY_LADDER_H
#define TOOLS_REPLAY_LADDER_H

#include "lab/ladder_conns.h"

#include <tern/stack.h>

struct replay_ladder {
	struct ladder_conns conns;
	struct replay_socket *sockets; /* by their numbers */
	int n_sockets;
	const struct tern_pkt *pkt; /* the last that came in */
	int pkt_conn;		    /* and whose it is */
};

void replay_ladder_packet(struct replay_ladder *, bool out,
			  const struct tern_pkt *, int64_t now);
void replay_ladder_trace(struct replay_ladder *, const struct tern_trace *);
void replay_ladder_call(struct replay_ladder *,
			const struct tern_replay_call *);
/* Draws the one with this number, from 1 on; 0: each. False: there is none. */
bool replay_ladder_draw(const struct replay_ladder *, uint64_t which,
			const struct ladder_style *, struct drill_text *);
void replay_ladder_fini(struct replay_ladder *);

#endif
