// SPDX-License-Identifier: BSD-2-Clause
/*
 * A run, written down. The format is at the head of stack_record.c.
 */
#ifndef STACK_RECORD_H
#define STACK_RECORD_H

#include "sock/call.h"

#include <tern/stack.h>

#define RECORD_MAGIC "TERNREC1"
#define RECORD_MAGIC_LEN 8
#define RECORD_VERSION 1
#define RECORD_ORDER UINT32_C(0x01020304)
#define RECORD_SUM_LEN 4

/* What kind of frame: below these, a call's number (enum call_op). */
enum record_tag {
	RECORD_CONFIG = 0, /* CALL_NONE */
	RECORD_RESULT = 0xff,
	RECORD_END = 0xfe,
};

enum record_flag {
	RECORD_PLAIN_ALLOC = 1,
	RECORD_OWN_POOL = 2,
};

/* FNV-1a over more bytes, going on from `sum`. A changed byte always changes
 * it, and it costs a multiplication a byte. */
#define RECORD_SUM_START UINT32_C(0x811c9dc5)

static inline uint32_t record_sum(uint32_t sum, const void *bytes, size_t len)
{
	const uint8_t *b = bytes;
	size_t i;

	for (i = 0; i < len; i++)
		sum = (sum ^ b[i]) * UINT32_C(0x01000193);
	return sum;
}

void stack_record_begin(struct tern_stack *);
/* Before the call is acted on; c->now is the clock it will act at. */
void stack_record_call(struct tern_stack *, const struct call *);
void stack_record_result(struct tern_stack *, const struct call *,
			 int64_t result);
void stack_record_end(struct tern_stack *);

/* What came out of a call, in 64 bits; 0 if nothing. */
uint64_t stack_record_digest(const struct call *, int64_t result);

#endif
