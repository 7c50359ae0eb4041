// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which seeds run, and the name of the one that fails, however it does: an
 * assertion of cmocka's, a sanitizer's finding, a trap.
 */
#include "world.h"

#include "../../lab/last_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void remember(uint64_t seed)
{
	last_words_set("# died with TERN_SEED=%" PRIu64 "\n", seed);
}

static bool number(const char *name, uint64_t *out)
{
	const char *text = getenv(name);

	if (text)
		*out = strtoull(text, NULL, 0);
	return text;
}

void each_seed(uint64_t n, void (*scenario)(uint64_t seed))
{
	uint64_t seed, effort;

	if (number("TERN_SEED", &seed)) {
		remember(seed);
		scenario(seed);
		return;
	}
	if (!number("TERN_SEEDS", &n) && number("TERN_EFFORT", &effort))
		n = (n * effort + 99) / 100;
	for (seed = 1; seed <= n; seed++) {
		remember(seed);
		scenario(seed);
	}
	printf("# %" PRIu64 " seeds\n", n);
}
