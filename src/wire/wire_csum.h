// SPDX-License-Identifier: BSD-2-Clause
/*
 * The Internet checksum (RFC 1071): ones' complement sums, kept unfolded in 64
 * bits while they are gathered, in the byte order of the network.
 */
#ifndef WIRE_CSUM_H
#define WIRE_CSUM_H

#include "base/pkt.h"

#include <tern/socket.h>

/* Adds n bytes to a sum. A run that begins at an odd offset of the whole is
 * the caller's to handle: see csum_pkt(). */
uint64_t csum_add(uint64_t sum, const void *data, size_t n);

/* The 16 bits that go into a checksum field (complemented). */
uint16_t csum_fold(uint64_t sum);

/* The pseudo-header's sum (RFC 9293 3.1, RFC 8200 8.1), for the family that
 * the addresses are of. */
uint64_t csum_pseudo(const struct tern_addr *src, const struct tern_addr *dst,
		     uint8_t protocol, uint32_t len);

/* Adds the bytes of a packet from offset `off` to its end, fragments
 * included, wherever their boundaries lie. */
uint64_t csum_pkt(uint64_t sum, const struct tern_pkt *pkt, size_t off);

/* Copies and adds in one pass. */
uint64_t csum_copy(uint64_t sum, void *dst, const void *src, size_t n);

/* The field's new value when a 16-bit or 32-bit word under it changes from
 * `from` to `to` (RFC 1624). */
uint16_t csum_update16(uint16_t field, uint16_t from, uint16_t to);
uint16_t csum_update32(uint16_t field, uint32_t from, uint32_t to);

#endif
