// SPDX-License-Identifier: BSD-2-Clause
#include "last_words.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static _Thread_local char words[256];

/* Sanitizers call it before they end the program; else it is not there. */
__attribute__((weak)) void
__sanitizer_set_death_callback(void (*callback)(void));

static void say(void)
{
	if (write(STDOUT_FILENO, words, strlen(words)) < 0)
		return;
}

static void die(int sig)
{
	say();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void listen_for_death(void)
{
	static const int fatal[] = { SIGABRT, SIGBUS,  SIGFPE,
				     SIGILL,  SIGTRAP, SIGSEGV };

	/* Under a sanitizer SIGSEGV is its own to report. */
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(say);
	else
		for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
			signal(fatal[i], die);
}

void last_words_set(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	listen_for_death();
}
