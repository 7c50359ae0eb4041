// SPDX-License-Identifier: BSD-2-Clause
/*
 * Control messages in Linux's layout: a header of size_t, int, int, then the
 * data, each message aligned to size_t. The target's own size_t and ints.
 */
#ifndef BASE_CMSG_H
#define BASE_CMSG_H

#include "base/bytes.h"

/* Where received messages go. */
struct cmsg_out {
	uint8_t *p;
	size_t room, len;
	bool truncated; /* MSG_CTRUNC */
};

/* Appends a message, or what fits of it. */
void cmsg_put(struct cmsg_out *, int level, int type, const void *data,
	      size_t n);
void cmsg_put_int(struct cmsg_out *, int level, int type, int v);

/* A message to be sent. */
struct cmsg_in {
	int level, type;
	const uint8_t *data;
	size_t len;
};

/* The message at *off, which moves on. 1; 0: no more; -TERN_EINVAL: a length
 * that is none. */
int cmsg_next(const void *control, size_t n, size_t *off, struct cmsg_in *out);

#endif
