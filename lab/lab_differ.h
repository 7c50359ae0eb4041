// SPDX-License-Identifier: BSD-2-Clause
/* What differs between two runs of one scenario: tern's and the kernel's. */
#ifndef LAB_DIFFER_H
#define LAB_DIFFER_H

#include "lab_run.h"

struct lab_differences {
	struct drill_text text; /* a line for each, the unexplained first */
	struct drill_text known_text;
	int n, n_known; /* with a reason that the scenario gives */
	struct lab_known_decl *known;
	int n_segments, n_states, n_calls; /* that are the same */
	int64_t until;
	int64_t latest_ns; /* by so much times differ at most */
};

/* Compares what happened up to `until`, what comes later in one of the runs by
 * an eighth at most included: the segments that each host sent on
 * each connection, in their order; the states of each of its connections;
 * what each call gave. Of times it says by how much they differ. */
void lab_differ(struct lab_differences *, struct lab_run *tern,
		struct lab_run *kernel, int64_t until);
/* So late may come what is due at `until`: the kernel's timers are a wheel whose
 * slots are an eighth of the time to wait (5.3 s late at 80 s were seen). */
int64_t lab_differ_late(int64_t until);
void lab_differences_fini(struct lab_differences *);

#endif
