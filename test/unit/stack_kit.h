// SPDX-License-Identifier: BSD-2-Clause
/*
 * A stack for the tests of stack*.c and sock/: of a counting allocator, with
 * one link that the test feeds, and a record of the run in memory.
 */
#ifndef UNIT_STACK_KIT_H
#define UNIT_STACK_KIT_H

#include "check.h"

#include <tern/stack.h>

struct kit {
	struct check_alloc alloc;
	struct tern_config cfg;
	struct tern_pool *pool; /* of what the test sends */
	struct tern_stack *st;
	int link;	/* 10.0.0.1/24 and fd00::1/64, MTU 1,500 */
	uint8_t *bytes; /* the record */
	size_t len, cap;
};

/* Fills cfg, and the pool's allocator. kit_open() makes the stack. */
void kit_init(struct kit *);
/* Fails the test if the stack cannot be made. */
void kit_open(struct kit *, int64_t now);
/* Closes it, and fails the test if memory has leaked. */
void kit_close(struct kit *);

/* Makes kit->cfg record into bytes. */
void kit_record(struct kit *);

/* A packet of these bytes, from the kit's pool. */
struct tern_pkt *kit_pkt(struct kit *, const void *bytes, size_t len);
void kit_input(struct kit *, const void *bytes, size_t len, int64_t now);
/* Takes all that waits on the link; how many it was. */
int kit_drain(struct kit *, int64_t now);

/* An echo request from 10.0.0.2 with n bytes of data; its length. */
size_t kit_ping(uint8_t *out, uint16_t seq, size_t n);

uint64_t kit_counter(const struct kit *, const char *name);

struct tern_sockaddr kit_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d,
			    uint16_t port);

#endif
