// SPDX-License-Identifier: BSD-2-Clause
/* Between the parts of the harness. Included by: story*.c. */
#ifndef EXCHANGE_STORY_PRIV_H
#define EXCHANGE_STORY_PRIV_H

#include "story.h"

/* One more line of the ladder, at the story's instant. */
__attribute__((format(printf, 3, 4))) void story_note(struct story *, char mark,
						      const char *fmt, ...);

/* Ends the test: prints why, and the ladder. */
__attribute__((noreturn, format(printf, 2, 3))) void
story_fail(struct story *, const char *fmt, ...);

/* Takes what the stack has for the link, checks it, and queues it. */
void story_pull(struct story *);

/* The next packet that came out, linear, now the caller's; `want` is what is
 * said if there is none. */
struct tern_pkt *story_pop(struct story *, const char *want);

/* Its text. */
void story_describe(struct story *, const struct tern_pkt *, char *out,
		    size_t size);

#endif
