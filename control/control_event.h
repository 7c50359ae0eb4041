// SPDX-License-Identifier: BSD-2-Clause
/*
 * Something that happened, as it is kept until somebody takes it: what the
 * stack told, or a packet of a link, with the first bytes of packets. It takes no
 * memory but its own; text is made when it is read.
 */
#ifndef CONTROL_CONTROL_EVENT_H
#define CONTROL_CONTROL_EVENT_H

#include <tern/stack.h>

#include <jansson.h>

/* Of a packet: IP's, TCP's with all options, what an ICMP error quotes. */
#define CONTROL_EVENT_BYTES 160u

struct control_event {
	enum tern_trace_kind kind;
	bool is_packet, out; /* of a link */
	uint16_t gso_size;
	uint32_t n_bytes, len;
	int64_t now;
	uint64_t cookie;
	uint64_t lost; /* events before this one */
	int from, to;
	const char *what; /* the stack's own words: they stay */
	struct tern_sockaddr local, remote;
	uint8_t bytes[CONTROL_EVENT_BYTES];
};

/* Writes *e anew, but for what was lost. */
void control_event_trace(struct control_event *e, const struct tern_trace *);
void control_event_packet(struct control_event *e, const struct tern_pkt *,
			  bool out, int64_t now);

/* As a reader gets it; NULL without memory. */
json_t *control_event_row(const struct control_event *);

#endif
