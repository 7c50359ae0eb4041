// SPDX-License-Identifier: BSD-2-Clause
/*
 * Flows: what a script's numbers mean on the wire.
 *
 * A script knows neither addresses nor the stack's initial sequence number; a
 * flow is what has been learned of them for one socket. Sequence numbers of
 * packets with SYN are absolute, all others relative to the initial one of
 * their side.
 *
 *	side	with SYN			without
 *	local	script + (live ISN - script ISN)	script + live ISN
 *	remote	script				script + remote ISN
 */
#ifndef LAB_DRILL_FLOW_H
#define LAB_DRILL_FLOW_H

#include "drill_wire.h"

enum drill_flow_state {
	DRILL_FLOW_NEW,
	DRILL_FLOW_LISTENING,
	DRILL_FLOW_CONNECTING, /* connect() was called, its SYN not yet seen */
	DRILL_FLOW_PASSIVE,    /* made by a SYN to a listener */
	DRILL_FLOW_KNOWN,
};

/* What the script calls a timestamp, and what it is. */
struct drill_ts {
	uint32_t script, live;
};

struct drill_flow {
	struct drill_flow *next;
	enum drill_flow_state state;
	int script_fd, fd; /* -1: not accepted, or closed */
	int family, protocol;
	struct tern_addr laddr, raddr;
	uint16_t lport, rport;
	uint32_t local_isn, local_script_isn, remote_isn;
	bool has_local_isn, has_remote_isn;
	struct drill_ts *ts;
	size_t n_ts;
	/* Flow labels: the script's are names. */
	uint32_t flow_script, flow_live;
	bool has_label;
};

/* Was it this connection's packet, by its 4-tuple? */
bool drill_flow_has(const struct drill_flow *, const struct drill_ends *);

/* An outbound packet's numbers to the script's. */
void drill_flow_to_script(const struct drill_flow *, struct drill_pkt *);
/* An inbound line's to live ones. NULL, or what is wrong. */
const char *drill_flow_to_live(const struct drill_flow *, struct drill_pkt *,
			       bool ecr_scaled);

/* Learns the ISN from the first SYN or SYN-ACK out. */
void drill_flow_learn_isn(struct drill_flow *, const struct drill_pkt *live,
			  const struct drill_pkt *line);
void drill_flow_add_ts(struct drill_flow *, uint32_t script, uint32_t live);

/* Finds an option in n bytes; NULL if it is not there whole. */
uint8_t *drill_flow_opt(struct drill_pkt *, uint8_t kind, unsigned len);

#endif
