// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the segments of a connection, seen at one place, tell: the states of
 * its two ends (RFC 9293 3.3.2), and which segments come again, late or with
 * something missing before them.
 *
 * A segment is taken to arrive when it is seen; what is lost behind that place
 * nobody here knows, so a state may be ahead of the truth until a resend. A
 * FIN counts once nothing before it is missing. Of a connection whose SYN was
 * not seen both ends are taken to be established.
 */
#ifndef LAB_LADDER_SEEN_H
#define LAB_LADDER_SEEN_H

#include "lab_seg.h"

#define LADDER_HOLES_MAX 16

/* One end: what it sent, and what that makes of it. */
struct ladder_side {
	int state; /* TERN_TCP_*; 0: unknown */
	bool has_sent, has_ack, has_fin;
	bool fin_arrived;
	uint32_t isn;
	uint32_t next; /* after the last byte sent */
	uint32_t fin;  /* after its FIN */
	uint32_t ack, win;
	struct {
		uint32_t from, to;
	} holes[LADDER_HOLES_MAX]; /* not seen, the oldest first */
	int n_holes;
};

struct ladder_seen {
	struct ladder_side sides[2];
};

/* A segment from that side. Returns what is to be said of it, or NULL. */
const char *ladder_seen_segment(struct ladder_seen *, const struct lab_seg *,
				int side);

#endif
