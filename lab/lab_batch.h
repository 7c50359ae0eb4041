// SPDX-License-Identifier: BSD-2-Clause
/* Scenarios by name or file, one or many. */
#ifndef LAB_BATCH_H
#define LAB_BATCH_H

#include "lab_fault.h"
#include "lab_show.h"

#define LAB_THREADS_MAX 64
/* Nobody waits longer for a scenario in real time, unless asked to. */
#define LAB_REAL_TRIES 3
#define LAB_REAL_LIMIT_NS (30 * NS_PER_S)

struct lab_outcome;

struct lab_batch {
	struct lab_run_options options;
	struct lab_view view;
	bool json;
	const char *plot;    /* a picture goes there */
	const char *capture; /* of options.tap, or of the first link */
	int n_jobs;
	enum lab_fault_kind fault; /* each runs again for each point */
	bool has_point;		   /* or once, with this one failing */
	uint64_t point;
	uint64_t sample; /* so many of the points; 0: lab_again.h */
	/* May be NULL. Called from any thread, by one at a time. */
	void (*on_progress)(const char *name, uint64_t done, uint64_t of);
	void (*on_outcome)(const char *name, struct lab_outcome *);
	/* With options.kernel: a scenario that takes longer is refused; 0: than
	 * LAB_REAL_LIMIT_NS, else it is cut off there. */
	int64_t real_limit_ns;
};

struct lab_outcome {
	bool holds;
	uint64_t digest;	  /* of all that went over wires */
	struct drill_text output; /* what is to be shown */
	struct drill_text report; /* what did not hold */
	struct drill_text wrong;  /* not to be run: why */
	/* With options.kernel: why the kernel cannot run it; what is compared,
	 * in words; so many things differ. */
	struct drill_text skipped, compared;
	int n_differ, n_explained;
	/* Of faults: points; runs in which all held; a call or a counter told;
	 * something was sent again or dropped; a packet was late or missing
	 * (lab_again.c); the calls gave what they give without one. */
	uint64_t n_points, n_tried, n_held, n_told, n_resent, n_unsent, n_same;
};
void lab_outcome_fini(struct lab_outcome *);

/* Runs one: a name that is built in, or a file if it has a dot or a slash. */
void lab_batch_one(const struct lab_batch *, const char *name,
		   struct lab_outcome *);
/* Runs a text. */
void lab_batch_text(const struct lab_batch *, const char *name,
		    const char *text, size_t len, struct lab_outcome *);
/* Runs many, n_jobs at a time, without showing them, and tells of each by
 * on_outcome, in their order, as soon as those before it are done. Those on the
 * kernel one after the other: time is real there. */
void lab_batch_check(const struct lab_batch *, const char *const *names, int n);
/* "NAME  TITLE" for each that is built in. */
void lab_batch_list(struct drill_text *, enum lab_lang);

#endif
