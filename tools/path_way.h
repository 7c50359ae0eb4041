// SPDX-License-Identifier: BSD-2-Clause
/*
 * One direction of a path that a benchmark measures: link/impair.h decides,
 * packets wait here. Chance counts packets of full size alone, so that ACKs
 * and handshakes do not shift which data is lost.
 */
#ifndef TOOLS_PATH_WAY_H
#define TOOLS_PATH_WAY_H

#include "base/rng.h"
#include "link/impair.h"

#include <tern/link.h>

/* What an MSS of 1,448 or 1,460 makes of a segment is longer. */
#define PATH_FULL_LEN 1400u

struct path_way {
	struct impair impair;
	struct rng dice;
	uint32_t loss;		    /* of packets of full size, in a million */
	struct path_flight *flight; /* ring, by arrival */
	uint32_t first, n;
};

/* `impair` says all but the loss by chance. False without memory; to be
 * finished in any case. */
bool path_way_init(struct path_way *, const struct impair_config *impair,
		   uint32_t loss, uint64_t seed);
void path_way_fini(struct path_way *);
/* Takes a packet over. */
void path_way_send(struct path_way *, struct tern_pkt *, int64_t now);
/* When the next one arrives; TERN_NEVER. */
int64_t path_way_next_at(const struct path_way *);
/* One that has arrived by now, or NULL. */
struct tern_pkt *path_way_receive(struct path_way *, int64_t now);

#endif
