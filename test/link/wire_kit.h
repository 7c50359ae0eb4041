// SPDX-License-Identifier: BSD-2-Clause
/* What the tests of links share: packets with a number in them. */
#ifndef LINK_WIRE_KIT_H
#define LINK_WIRE_KIT_H

#include "../unit/check.h"

#include <tern/error.h>

/* The pool of the running test; the fixture makes it and, at the end, checks
 * that all of it has come back. */
extern struct tern_pool *kit_pool;
int kit_set_up(void **state);
int kit_tear_down(void **state);

/* A TCP segment over IPv4 with 100 bytes of payload, that carries a number as
 * its sequence number, its checksum complete. */
struct tern_pkt *kit_packet(uint32_t number);
uint32_t kit_number(const struct tern_pkt *pkt);
/* Is the TCP checksum in the packet right? */
bool kit_is_sound(const struct tern_pkt *pkt);

/* Sends numbers [from, to) in one call; returns how many were taken. What was
 * not is dropped. */
int kit_send(struct tern_link *, uint32_t from, uint32_t to, int64_t now);

/* Receives all there is and returns how many; the numbers go to out, as far
 * as it has room. */
int kit_receive(struct tern_link *, uint32_t *out, int max, int64_t now);

#endif
