// SPDX-License-Identifier: BSD-2-Clause
/* What happened in a run, in the order in which it did. */
#ifndef LAB_LOG_H
#define LAB_LOG_H

#include "lab_net.h"
#include "lab_seg.h"

enum lab_event_kind {
	LAB_SENT,  /* a packet left a node: seg, to, arrives_at or lost */
	LAB_CALL,  /* a program's call with its result: text */
	LAB_STATE, /* a connection's state: from, state, ports */
	LAB_TIMER, /* a timer fired: text names it */
	LAB_CC,	   /* congestion control decided: text */
	LAB_NOTE,  /* anything else, told in text */
};

struct lab_event {
	enum lab_event_kind kind;
	int64_t at;
	int lane;
	int line; /* of the scenario, or 0 */
	const char *text;
	bool quiet; /* not for the ladder: one of many alike */
	/* LAB_SENT */
	int to;
	int64_t arrives_at; /* NEVER: it was lost, or is on its way */
	int arrives_before; /* number of the first event after that */
	const char *lost;   /* why */
	const char *note;   /* "held 400 ms", why the receiver dropped it */
	struct lab_seg seg;
	/* LAB_STATE, LAB_TIMER */
	uint16_t lport, rport;
	int from, state;
};

struct lab_log {
	struct drill_mem *mem;
	struct lab_event *events;
	int n, cap;
	struct lab_flows flows;
	uint8_t quiet[65536 / 8]; /* ports whose events are not drawn */
	/* What the invariants found wrong. */
	struct drill_text broken;
	int n_broken;
};

void lab_log_init(struct lab_log *, struct drill_mem *);
void lab_log_fini(struct lab_log *);
/* What concerns this port is not drawn from now on. */
void lab_log_quiet(struct lab_log *, uint16_t port);
/* And is again. */
void lab_log_loud(struct lab_log *, uint16_t port);
/* The number of a new event. */
int lab_log_add(struct lab_log *, const struct lab_event *);
__attribute__((format(printf, 4, 5))) void
lab_log_note(struct lab_log *, int64_t at, int lane, const char *fmt, ...);
/* An invariant does not hold. */
__attribute__((format(printf, 3, 4))) void
lab_log_broken(struct lab_log *, int64_t at, const char *fmt, ...);

#endif
