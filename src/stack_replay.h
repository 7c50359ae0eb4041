// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading records.
 * Included by: src/stack_replay*.c.
 *
 * A record may be damaged, or made by somebody who means harm: what is read
 * is checked here, and a cursor that has once failed gives zeros.
 */
#ifndef STACK_REPLAY_H
#define STACK_REPLAY_H

#include "stack_door.h"

struct cursor {
	const uint8_t *p, *end;
	bool bad;
};

/* n bytes, or NULL (and bad) if there are fewer. */
const uint8_t *cursor_take(struct cursor *, size_t n);
uint64_t cursor_uint(struct cursor *);
int64_t cursor_int(struct cursor *);
/* bytes: their number in *n. */
const uint8_t *cursor_bytes(struct cursor *, size_t *n);

static inline size_t cursor_left(const struct cursor *k)
{
	return (size_t)(k->end - k->p);
}

/* Memory of one call. */
struct scratch {
	void *p;
	size_t size;
};

struct replay {
	struct tern_replay *r;
	struct tern_stack *st;
	struct tern_pool *pool;
	struct mem mem;
	int64_t now; /* of the last call */

	/* The call that is done now, and what it points to. */
	struct call c;
	struct scratch in, out, control;
	struct tern_msg msg;
	struct tern_iov iov;
	struct tern_sockaddr name;
	const char *pair[2];
};

/* Makes rp->c of a call's frame. 0, -TERN_EINVAL, -TERN_ENOMEM; then and
 * later replay_call_done() frees what it took. */
int replay_call_read(struct replay *, enum call_op, struct cursor *);
void replay_call_done(struct replay *);

#endif
