// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which seeds run, and the name of the one that fails, however it does: an
 * assertion of cmocka's, a sanitizer's finding, a trap.
 */
#include "world.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char last_words[64];

/* Sanitizers call it before they end the program; else it is not there. */
__attribute__((weak)) void
__sanitizer_set_death_callback(void (*callback)(void));

static void say_seed(void)
{
	if (write(STDOUT_FILENO, last_words, strlen(last_words)) < 0)
		return;
}

static void die(int sig)
{
	say_seed();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void remember(uint64_t seed)
{
	static const int fatal[] = { SIGABRT, SIGBUS,  SIGFPE,
				     SIGILL,  SIGTRAP, SIGSEGV };

	/* Under a sanitizer SIGSEGV is its own to report. */
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(say_seed);
	else
		for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
			signal(fatal[i], die);
	snprintf(last_words, sizeof(last_words),
		 "# died with TERN_SEED=%" PRIu64 "\n", seed);
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
