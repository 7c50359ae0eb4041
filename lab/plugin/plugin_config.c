// SPDX-License-Identifier: BSD-2-Clause
/*
 * The interface says nothing of addresses, MTU or IP version, and a stack
 * cannot do without. So they are taken from where the tool has them: the
 * script's options, the command line, and last --so_flags, "mtu=1520,seed=3".
 * Nor does it say which script: the tool asks for a stack once a script, in the
 * order of its command line, and ends at the first that fails.
 */
#include "plugin.h"

#include "lab/drill_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 128
#define SCRIPT_MAX (1 << 20)

struct said {
	struct drill_override options[OPTIONS_MAX];
	int n;
	int n_scripts;
	const char *path; /* of this stack's script */
};

/* Of the stacks made so far. */
static int n_stacks;

static void add(struct said *s, const char *name, const char *value)
{
	if (s->n < OPTIONS_MAX)
		s->options[s->n++] = (struct drill_override){ name, value };
}

static const struct drill_config_row *find(const char *name)
{
	const struct drill_config_row *row;
	int i;

	for (i = 0; (row = drill_config_row(i)) != NULL; i++) {
		if (!strcmp(row->name, name))
			return row;
	}
	return NULL;
}

/* A wrong or strange option is the tool's to complain of. */
static void add_if_right(struct said *s, const char *name, const char *value)
{
	struct drill_mem *mem = &plugin.script.mem;
	struct drill_config scratch;

	drill_config_init(&scratch);
	if (!drill_config_set(&scratch, name, value, mem))
		add(s, name, value);
}

/* "--name=value", "--name value", "-D NAME=VALUE", or a script. True if the
 * next word was its value. */
static bool read_word(struct said *s, const char *word, const char *next)
{
	const struct drill_config_row *row;
	const char *equals = strchr(word, '=');
	size_t n = equals ? (size_t)(equals - word) : strlen(word);

	if (!strncmp(word, "-D", 2)) {
		add_if_right(s, "define", word[2] ? word + 2 : next);
		return !word[2];
	}
	if (strncmp(word, "--", 2) != 0) {
		if (word[0] != '-' && s->n_scripts++ < n_stacks)
			s->path = word;
		return false;
	}
	row = find(drill_mem_copy(&plugin.script.mem, word + 2, n - 2));
	if (!row)
		return false;
	add_if_right(s, row->name,
		     equals	? equals + 1 :
		     row->value ? next :
				  NULL);
	return row->value && !equals;
}

static void read_command_line(struct said *s)
{
	static char text[65536];
	FILE *f = fopen("/proc/self/cmdline", "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	const char *end = text + n, *p, *next;

	if (f)
		fclose(f);
	text[n] = 0;
	/* The program's name is first. */
	for (p = text + strlen(text) + 1; p < end; p = next) {
		next = p + strlen(p) + 1;
		if (read_word(s, p, next < end ? next : NULL) && next < end)
			next += strlen(next) + 1;
	}
}

static void read_flags(struct said *s, const char *flags)
{
	char *copy, *word, *rest, *value;

	if (!flags)
		return;
	copy = drill_mem_copy(&plugin.script.mem, flags, strlen(flags));
	for (rest = copy; (word = strtok_r(rest, ", ", &rest)) != NULL;) {
		value = strchr(word, '=');
		if (value)
			*value++ = 0;
		if (find(word))
			add_if_right(s, word, value);
		else
			fprintf(stderr,
				"libtern-packetdrill: --so_flags has no %s\n",
				word);
	}
}

static size_t read_script(const char *path, char **text)
{
	FILE *f = path ? fopen(path, "r") : NULL;
	size_t n;

	if (!f)
		return 0;
	*text = drill_mem_new(&plugin.script.mem, SCRIPT_MAX);
	n = fread(*text, 1, SCRIPT_MAX - 1, f);
	fclose(f);
	return n;
}

void plugin_configure(const char *flags)
{
	struct said s = { 0 };
	const char *error;
	char *text = "";
	size_t n;
	int line;

	n_stacks++;
	drill_config_init(&plugin.config);
	read_command_line(&s);
	read_flags(&s, flags);
	n = read_script(s.path, &text);
	/* The options come first: whatever is wrong behind them is not for
	 * us, and with no script at all they are set before that is said. */
	drill_parse(&plugin.script, text, n, &plugin.config, s.options, s.n,
		    &line, &error);
	plugin.config.kernel = false;
}
