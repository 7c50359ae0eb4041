// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ladders of connections that were all seen at one place: by a stack (a
 * record, a live trace) or on a wire (a capture). A diagram for each, the side
 * that opened it on the left, and one clock.
 *
 * A connection is known from its first segment on, or from when it is opened.
 * Of one with too many events the beginning and the end are kept.
 */
#ifndef LAB_LADDER_CONNS_H
#define LAB_LADDER_CONNS_H

#include "lab_seg.h"
#include "ladder.h"

struct ladder_conns {
	struct lab_flows flows;
	struct ladder_conn *conns;
	int n, cap;
	uint32_t *index; /* hash table of numbers + 1, the newest of each */
	size_t n_index;
	int64_t begun_at; /* their 0 */
	uint64_t n_events, mark;
	bool show_ts; /* timestamps, too */
	bool all;     /* UDP and ICMP, too */
	bool derive;  /* states and what is odd from what is seen; a state that
		       * is told stands above that */
	const struct tern_sockaddr *here; /* an end of the next packet whose
					   * states are told; or NULL */
	int only; /* of others than this there are numbers alone; 0: all */
};

/* What is known of one without its events. */
struct ladder_conn_info {
	struct tern_sockaddr left, right; /* the left one opened it */
	uint8_t protocol;		  /* WIRE_PROTO_* */
	int64_t first_at, last_at;
	uint64_t n_packets, n_bytes; /* payload */
	const char *states[2];	     /* "" unknown */
};

void ladder_conns_fini(struct ladder_conns *);

/* A packet, n bytes from its IP header on. Returns its connection's number, or
 * -1: it is none of TCP's; with `all` an ICMP error is of the connection that
 * it is about, and everything else is between two hosts. */
int ladder_conns_packet(struct ladder_conns *, const uint8_t *bytes, uint32_t n,
			int64_t at);
/* If the connection's last packet is a SYN+ACK, whoever sent it is half open
 * now, which no trace tells. */
void ladder_conns_half_open(struct ladder_conns *, int conn);
/* What is to be said behind the connection's last packet. */
void ladder_conns_note(struct ladder_conns *, int conn, const char *note);

/* The newest between these two, either way; or -1. */
int ladder_conns_find(const struct ladder_conns *, const struct tern_sockaddr *,
		      const struct tern_sockaddr *);
/* As above; if there is none that goes on, `local` opens one. */
int ladder_conns_open(struct ladder_conns *, const struct tern_sockaddr *local,
		      const struct tern_sockaddr *remote);

/* The newest of this peer at a port (0: any), and its other end; or -1. */
int ladder_conns_by_peer(const struct ladder_conns *,
			 const struct tern_sockaddr *peer, uint16_t port,
			 struct tern_sockaddr *local);

/* A state, timer or note of an end; a state that it had is nothing new. The
 * text is copied. */
void ladder_conns_add(struct ladder_conns *, int conn,
		      const struct tern_sockaddr *who, enum ladder_kind,
		      const char *text, int64_t at);
/* A call of an end: it stands before all that was added since the mark. */
void ladder_conns_call(struct ladder_conns *, int conn,
		       const struct tern_sockaddr *who, const char *text,
		       int64_t at);
void ladder_conns_mark(struct ladder_conns *);

/* "TCP", "UDP", "ICMP"; "IP" of others. */
const char *ladder_protocol_name(uint8_t protocol);
void ladder_conns_info(const struct ladder_conns *, int conn,
		       struct ladder_conn_info *);
/* Its events, with the names of its lanes; free() takes them, the texts stay.
 */
struct ladder_drawn {
	struct ladder_event *events;
	int n;
	char lanes[2][80], gone[64];
};
void ladder_conns_events(const struct ladder_conns *, int conn,
			 struct ladder_drawn *);
/* Appends a connection's title and its diagram; of the style lanes and clocks
 * are set here. */
void ladder_conns_draw(const struct ladder_conns *, int conn,
		       const struct ladder_style *, struct drill_text *);

#endif
