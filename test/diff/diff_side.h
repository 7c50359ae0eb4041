// SPDX-License-Identifier: BSD-2-Clause
/*
 * The parts of one stack's side.
 *
 * Included by: diff_side.c, diff_peer.c, diff_call.c.
 */
#ifndef DIFF_SIDE_H
#define DIFF_SIDE_H

#include "diff.h"

#include <netinet/in.h>

union diff_address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* --- diff_peer.c --- */
uint8_t diff_byte_at(uint32_t seed, uint32_t i);
uint32_t diff_hash(const unsigned char *p, size_t n);
/* Reads what the stack has sent. */
void diff_collect(struct diff_side *, struct diff_out *);
int64_t diff_do_segment(struct diff_side *, const struct diff_plan *,
			const struct diff_step *, struct diff_out *);
/* What a peer that asked before would know. */
void diff_ask_cookie(struct diff_side *, const struct diff_plan *);
int64_t diff_do_icmp(struct diff_side *, const struct diff_step *,
		     struct diff_out *);

/* --- diff_call.c --- */
socklen_t diff_address(const struct diff_side *, const struct tern_addr *,
		       uint16_t port, union diff_address *);
int diff_connect(struct diff_side *, int fd, bool unspec);
int64_t diff_do_call(struct diff_side *, const struct diff_step *,
		     struct diff_out *);

#endif
