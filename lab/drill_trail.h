// SPDX-License-Identifier: BSD-2-Clause
/*
 * What happened in a script's run, for the ladder that is drawn if it fails:
 * the stack on the left, with its states and timers, the script's peer on the
 * right. Texts are in the script's own syntax.
 */
#ifndef LAB_DRILL_TRAIL_H
#define LAB_DRILL_TRAIL_H

#include "ladder.h"

#include <tern/stack.h>

struct drill_trail {
	struct drill_mem *mem; /* of the texts */
	struct ladder_event *events;
	int n, cap;
	int mark;	  /* number of the first event since a call began */
	int64_t start_at; /* the stack's clock at the script's 0 */
};

void drill_trail_fini(struct drill_trail *);

/* A call, or a note, of the stack's side. */
__attribute__((format(printf, 4, 5))) void
drill_trail_add(struct drill_trail *, enum ladder_kind, int64_t at,
		const char *fmt, ...);
/* A packet; note: what is to be said behind it, or NULL. */
void drill_trail_packet(struct drill_trail *, bool in, int64_t at,
			const char *text, const char *note);
/* A call that returned: it stands before what came since the mark. */
void drill_trail_mark(struct drill_trail *);
void drill_trail_call(struct drill_trail *, int64_t at, const char *text,
		      const char *result);
/* tern_config.trace: states and timers. */
void drill_trail_trace(void *trail, const struct tern_trace *);

/* The ladder of the last events; style NULL: 100 columns. */
void drill_trail_draw(const struct drill_trail *, const struct ladder_style *,
		      struct drill_text *);

#endif
