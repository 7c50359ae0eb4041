// SPDX-License-Identifier: BSD-2-Clause
/*
 * A segment in three shapes: the text of a script, numbers, bytes.
 * Included by: story*.c.
 */
#ifndef EXCHANGE_STORY_LINE_H
#define EXCHANGE_STORY_LINE_H

#include "story.h"

#include "wire/wire_tcp.h"

#define LINE_LEN 240

/* Numbers are relative to the sides' first ones. */
struct line {
	uint16_t flags;
	uint32_t seq, len;
	uint32_t ack, win, urg;
	bool has_seq, has_ack, has_win, has_urg, has_opts;
	char opts[120]; /* "<...>" */
};

/* False: not in the grammar, or its numbers contradict each other. */
bool line_parse(const char *text, struct line *);
void line_print(const struct line *, char out[LINE_LEN]);

/* A TCP segment of n bytes, sent by the stack or (in) by the peer. */
void line_of(const struct flow *, bool in, const uint8_t *p, size_t n,
	     struct line *out);

/* The options of a segment of the peer's as bytes, padded with NOPs; false
 * for what cannot be written so. */
bool line_opts(const struct flow *, const struct line *, uint8_t out[40],
	       size_t *len);

#endif
