// SPDX-License-Identifier: BSD-2-Clause
/*
 * Failure on purpose, by number: allocations that give nothing, sends that a
 * link refuses. A clean run counts the points at which one could fail; then
 * the run is made again, once for each point, with that one failing.
 *
 * The allocator counts what is out, so that a run can be asked at its end
 * whether anything leaked.
 */
#ifndef LAB_FAULT_H
#define LAB_FAULT_H

#include <tern/link.h>

#include <stdint.h>

enum lab_fault_kind {
	LAB_FAULT_NONE,
	LAB_FAULT_ALLOC,
	LAB_FAULT_SEND,
};

struct lab_fault {
	enum lab_fault_kind kind;
	uint64_t fail_from, fail_to; /* numbers of points that fail, from 0 */
	uint64_t n_points;	     /* of this kind, so far */
	uint64_t n_failed;

	/* Memory that is out, and calls of free() that were wrong. */
	size_t used; /* bytes */
	uint64_t n_out;
	uint64_t n_wrong;
};

/* A point of this kind is passed; true if it fails. */
bool lab_fault_point(struct lab_fault *, enum lab_fault_kind);

/* The heap, with allocations as points. New memory is filled with noise:
 * whoever relies on cleared memory must clear it. */
struct tern_allocator lab_fault_allocator(struct lab_fault *);

/* All memory was given back, and rightly. */
bool lab_fault_is_balanced(const struct lab_fault *);

#endif
