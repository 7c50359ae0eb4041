// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets as bytes: those that a line makes, and those that came out of the
 * stack. All numbers here are live ones.
 */
#ifndef LAB_DRILL_WIRE_H
#define LAB_DRILL_WIRE_H

#include "drill_ast.h"

#define DRILL_PKT_MAX 65600u /* 64 KiB and an IPv6 header */

/* The two ends of what a packet is about. */
struct drill_ends {
	struct tern_addr src, dst;
	uint16_t sport, dport;
};

/* Writes the IP packet that `pkt`, in live numbers, stands for, payload all
 * zero, checksums complete. Returns its length. */
size_t drill_wire_build(const struct drill_pkt *pkt, const struct drill_ends *,
			unsigned char out[DRILL_PKT_MAX]);

/* An IP header before `payload` bytes. Returns its length. */
size_t drill_wire_put_ip(const struct drill_ip *, const struct tern_addr *src,
			 const struct tern_addr *dst, uint8_t protocol,
			 size_t payload, unsigned char *out);

/* What an ICMP error quotes: the stack's own packet from src to dst. */
struct drill_quoted {
	struct drill_ends ends;
	uint8_t protocol;
	uint32_t seq;
	uint32_t len; /* of the payload that the packet claims to have had */
};
size_t drill_wire_build_icmp(const struct drill_pkt *pkt,
			     const struct drill_ends *,
			     const struct drill_quoted *,
			     unsigned char out[DRILL_PKT_MAX]);

/* A packet of the stack's. */
struct drill_live {
	int64_t at;
	struct drill_pkt pkt;
	struct drill_ends ends; /* of an ICMP error: of what it quotes */
	bool v6;
	bool is_fragment;
	bool bad_ip_csum, bad_csum, bad_payload;
	const char *broken; /* no header that can be read: why */
	uint32_t payload_len;
};

/* Reads n bytes. */
void drill_wire_read(const unsigned char *bytes, size_t n,
		     struct drill_live *out);

#endif
