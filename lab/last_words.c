// SPDX-License-Identifier: BSD-2-Clause
#include "last_words.h"

#include "drill_trail.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EVENTS_TOLD 20

static _Thread_local char words[256];
static _Thread_local const struct drill_trail *trail;
static volatile sig_atomic_t said;

/* Sanitizers call it before they end the program; else it is not there. */
__attribute__((weak)) void
__sanitizer_set_death_callback(void (*callback)(void));

/* A signal's handler may call write() and little else. */
static void put(const char *text)
{
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		return;
}

/* Seconds with six digits behind the point. */
static void put_time(int64_t ns)
{
	char text[32], *p = text + sizeof(text) - 1;
	uint64_t us = ns < 0 ? 0 : (uint64_t)ns / 1000;

	*p = '\0';
	for (int n = 0; n < 8 || us; n++) {
		*--p = n == 6 ? '.' : (char)('0' + us % 10);
		us = n == 6 ? us : us / 10;
	}
	put(p);
}

static void put_event(const struct ladder_event *e)
{
	static const char *const kinds[] = {
		[LADDER_PACKET] = " ",	    [LADDER_CALL] = " ",
		[LADDER_STATE] = " state ", [LADDER_TIMER] = " timer ",
		[LADDER_NOTE] = " * ",
	};

	put("  ");
	put_time(e->at);
	put(e->kind != LADDER_PACKET ? kinds[e->kind] :
	    e->lane		     ? " < " :
				       " > ");
	put(e->text);
	put("\n");
}

static void say(void)
{
	const struct drill_trail *t = trail;

	if (said++)
		return;
	put(words);
	for (int i = t && t->n > EVENTS_TOLD ? t->n - EVENTS_TOLD : 0;
	     t && i < t->n; i++)
		put_event(&t->events[i]);
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

	/* Under a sanitizer all but an assertion is its own to report. */
	signal(SIGABRT, die);
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

void last_words_trail(const struct drill_trail *t)
{
	trail = t;
}
