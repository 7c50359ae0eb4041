// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the unit tests share: cmocka in the order in which it must be
 * included, an allocator that counts and that fails when told to, and random
 * numbers from a seed that is printed.
 *
 * TERN_SEED=n in the environment runs the randomised tests on another seed.
 */
#ifndef UNIT_CHECK_H
#define UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <tern/link.h>

/* An allocator over malloc(). */
struct check_alloc {
	int64_t n_left; /* allocations until all fail; negative: never */
	size_t used;	/* bytes out */
	size_t n_out;	/* blocks out */
};

void check_alloc_init(struct check_alloc *);
struct tern_allocator check_allocator(struct check_alloc *);

/*
 * Runs a scenario again and again, with the first allocation failing, and each
 * after it; with the second; ... until one run needs no more. The scenario
 * must cope, and have given all memory back when it returns.
 */
void check_each_failure(void (*scenario)(struct check_alloc *));

/* Seeds the generator and prints the seed: the first call of a randomised
 * test. */
void check_seed(void);
uint64_t check_random(void);

/* Uniform enough in [0, n), n > 0. */
uint32_t check_below(uint32_t n);

/* Of a random number of bits up to `bits`: small and large are as likely. */
uint64_t check_magnitude(unsigned bits);

void check_fill(void *out, size_t n);

#endif
