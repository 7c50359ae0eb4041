// SPDX-License-Identifier: BSD-2-Clause
/* Scenarios by name or file, one or many. */
#ifndef LAB_BATCH_H
#define LAB_BATCH_H

#include "lab_fault.h"
#include "lab_show.h"

struct lab_batch {
	struct lab_run_options options;
	struct lab_view view;
	bool json;
	const char *plot;    /* a picture goes there */
	const char *capture; /* of options.tap, or of the first link */
	int n_jobs;
	enum lab_fault_kind fault; /* each runs again for each point */
	/* With options.kernel: a scenario that takes longer is refused; 0: than
	 * the default, else it is cut off there. */
	int64_t real_limit_ns;
};

struct lab_outcome {
	bool holds;
	uint64_t digest;	  /* of all that went over wires */
	struct drill_text output; /* what is to be shown */
	struct drill_text report; /* what did not hold */
	struct drill_text wrong;  /* not to be run: why */
	/* Of faults: points; runs in which all held, in which a call told,
	 * in which something was sent again or dropped, and the others. */
	uint64_t n_points, n_held, n_told, n_resent, n_other;
};
void lab_outcome_fini(struct lab_outcome *);

/* Runs one: a name that is built in, or a file if it has a dot or a slash. */
void lab_batch_one(const struct lab_batch *, const char *name,
		   struct lab_outcome *);
/* Runs a text. */
void lab_batch_text(const struct lab_batch *, const char *name,
		    const char *text, size_t len, struct lab_outcome *);
/* Runs many, n_jobs at a time, without showing them. */
void lab_batch_check(const struct lab_batch *, const char *const *names, int n,
		     struct lab_outcome *);
/* "NAME  TITLE" for each that is built in. */
void lab_batch_list(struct drill_text *, enum lab_lang);

#endif
