// SPDX-License-Identifier: BSD-2-Clause
/*
 * A packet as the control socket tells of it to who captures: this, and behind
 * it the packet's bytes. A packet larger than the MTU, or without its checksum,
 * is told as it is, with what it takes to finish it: the work is the reader's.
 */
#ifndef CONTROL_CONTROL_PACKET_H
#define CONTROL_CONTROL_PACKET_H

#include <tern/link.h>
#include <tern/stack.h>

struct control_packet {
	uint32_t size; /* of it all: this, the bytes, and up to 7 of padding */
	uint32_t len;  /* of the packet */
	int64_t at;    /* since the Unix epoch */
	uint64_t cookie; /* of its socket; 0: it has none */
	uint64_t lost;	 /* packets before this one that were not told */
	uint32_t cwnd;	 /* of its connection, as are state; 0: none */
	uint16_t gso_size, csum_start, csum_off; /* as in struct tern_pkt */
	uint8_t csum;
	uint8_t link; /* its number in the stack */
	uint8_t out;
	uint8_t state; /* enum tern_tcp_state, before it came or as it left */
	uint8_t drop;  /* tern_drop_name(); 0: it was not */
};

/* A packet of the largest size, and room to spare. */
#define CONTROL_PACKET_MAX (1u << 17)

/* Where a packet comes from and goes to; ports 0 if it has none. Returns its
 * protocol, or 0 if it is no IP. */
int control_read_ends(const struct tern_pkt *, struct tern_sockaddr *from,
		      struct tern_sockaddr *to);

#endif
