// SPDX-License-Identifier: BSD-2-Clause
/*
 * Shell texts: those that set up a stack are done here, as by tern drill; there
 * is no tun0 that they could find. Others are the host's, unless they would
 * change it.
 */
#include "plugin.h"

#include "lab/drill_shell.h"

#include "base/bytes.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Texts that came before there was a stack. */
struct early {
	struct early *next;
	char text[];
};

static struct early *early, **early_tail = &early;

/* What must not run on the host: it is meant for a test's own namespace. */
static bool is_dangerous(const char *text)
{
	static const char *const words[] = { "sysctl",	 "defaults.sh", "tc ",
					     "ip ",	 "ethtool",	"nstat",
					     "/proc/sys" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(words); i++) {
		const char *at = text;

		/* "skip " is not "ip ". */
		for (; (at = strstr(at, words[i])) != NULL; at++)
			if (at == text || !isalnum((unsigned char)at[-1]))
				return true;
	}
	return false;
}

/* NULL with *why: not understood. */
static struct drill_shell *parse(const char *text, struct drill_mem *mem,
				 const char **why)
{
	struct drill_lex lex = { .mem = mem };

	*why = NULL;
	if (setjmp(lex.out)) {
		*why = lex.error;
		return NULL;
	}
	return drill_shell_parse(&lex, text, 1);
}

static int run(const struct drill_shell *commands)
{
	struct drill_run *r = &plugin.run;
	bool ok = drill_shell_run(r, commands);

	if (r->output.len)
		fputs(r->output.s, stdout);
	if (!ok)
		fprintf(stderr, "libtern-packetdrill: %s\n",
			r->message.s ? r->message.s : "a command failed");
	r->output.len = r->message.len = 0;
	r->failed = r->skipped = false;
	plugin_retry();
	return ok ? 0 : 1 << 8; /* exit status 1 */
}

static void keep_for_later(const char *text)
{
	size_t n = strlen(text) + 1;
	struct early *e = drill_mem_grow(NULL, sizeof(*e) + n);

	e->next = NULL;
	memcpy(e->text, text, n);
	*early_tail = e;
	early_tail = &e->next;
}

void plugin_shell_replay(void)
{
	struct early *next;
	const char *why;

	for (; early; early = next) {
		next = early->next;
		run(parse(early->text, &plugin.script.mem, &why));
		free(early);
	}
	early_tail = &early;
}

bool plugin_system(const char *text, int *status)
{
	struct drill_mem scratch = { 0 };
	struct drill_shell *commands;
	const char *why;
	bool ours = true;

	plugin_enter();
	commands = parse(text, plugin.is_open ? &plugin.script.mem : &scratch,
			 &why);
	*status = 0;
	if (why && is_dangerous(text)) {
		fprintf(stderr, "libtern-packetdrill: %s\n", why);
		*status = 1 << 8;
	} else if (why) {
		ours = false;
	} else if (plugin.is_open) {
		*status = run(commands);
	} else {
		keep_for_later(text);
	}
	plugin_leave();
	drill_mem_fini(&scratch);
	return ours;
}
