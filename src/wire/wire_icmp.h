// SPDX-License-Identifier: BSD-2-Clause
/* ICMP (RFC 792) and ICMPv6 (RFC 4443) messages. */
#ifndef WIRE_ICMP_H
#define WIRE_ICMP_H

#include "base/bytes.h"

#define WIRE_ICMP_LEN 8u

enum {
	ICMP4_ECHO_REPLY = 0,
	ICMP4_UNREACH = 3,
	ICMP4_SOURCE_QUENCH = 4,
	ICMP4_REDIRECT = 5,
	ICMP4_ECHO_REQUEST = 8,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAM_PROBLEM = 12,
	ICMP4_TIMESTAMP = 13,
	ICMP4_TIMESTAMP_REPLY = 14,

	ICMP6_UNREACH = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAM_PROBLEM = 4,
	ICMP6_ECHO_REQUEST = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_ROUTER_SOLICIT = 133,
	ICMP6_ROUTER_ADVERT = 134,
	ICMP6_NEIGHBOUR_SOLICIT = 135,
	ICMP6_NEIGHBOUR_ADVERT = 136,
};

/* Codes of ICMP4_UNREACH and ICMP6_UNREACH. */
enum {
	ICMP4_NET_UNREACH = 0,
	ICMP4_HOST_UNREACH = 1,
	ICMP4_PROTO_UNREACH = 2,
	ICMP4_PORT_UNREACH = 3,
	ICMP4_FRAG_NEEDED = 4,
	ICMP4_SR_FAILED = 5,
	ICMP4_PKT_FILTERED = 13,

	ICMP6_NO_ROUTE = 0,
	ICMP6_ADM_PROHIBITED = 1,
	ICMP6_ADDR_UNREACH = 3,
	ICMP6_PORT_UNREACH = 4,
};

/* Is this type an error (that must never be answered by an error)? */
bool wire_icmp_is_error(bool v6, uint8_t type);

struct wire_icmp {
	uint8_t type, code;
	uint32_t rest; /* bytes 4 to 7: id and sequence, MTU, pointer */
};

/* n: bytes of the message; false if under 8. */
bool wire_icmp_parse(const uint8_t *p, size_t n, struct wire_icmp *out);

/* Writes the 8 bytes, checksum field 0. */
void wire_icmp_emit(uint8_t *p, const struct wire_icmp *h);

#endif
