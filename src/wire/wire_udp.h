// SPDX-License-Identifier: BSD-2-Clause
/* The UDP header (RFC 768). */
#ifndef WIRE_UDP_H
#define WIRE_UDP_H

#include "base/bytes.h"

#define WIRE_UDP_LEN 8u

struct wire_udp {
	uint16_t sport, dport;
	uint16_t len;  /* header included, at most what IP carries */
	uint16_t csum; /* as on the wire, 0: none */
};

/* n: bytes that IP carries; the first 8 are at p. False if the length field is
 * under 8 or over n (S13). */
bool wire_udp_parse(const uint8_t *p, size_t n, struct wire_udp *out);

/* Writes the header, checksum field 0. */
void wire_udp_emit(uint8_t *p, const struct wire_udp *h);

#endif
