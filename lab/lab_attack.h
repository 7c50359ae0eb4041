// SPDX-License-Identifier: BSD-2-Clause
/* Packets that no host has sent: what an attacker puts on a link. */
#ifndef LAB_ATTACK_H
#define LAB_ATTACK_H

#include "lab_net.h"
#include "lab_seg.h"

struct lab_forgery {
	uint16_t flags; /* of TCP */
	bool udp;
	const char *from, *to; /* nodes; from: NULL, an address below */
	struct tern_addr addr;
	int prefix;    /* so many bits of addr; the rest is by chance */
	int32_t sport; /* -1: by chance, below the ephemeral ones */
	uint16_t dport, win;
	uint8_t ttl;
	/* Relative to the initial numbers of a connection that is known. */
	uint32_t seq, ack, len;
};

/* A frame with addresses, numbers and checksums; `to` and `from` (or NULL, if
 * an address is named) are the addresses of the nodes. */
struct lab_frame *lab_forge(const struct lab_forgery *,
			    const struct tern_addr *from,
			    const struct tern_addr *to,
			    const struct lab_flows *, struct rng *);

#endif
