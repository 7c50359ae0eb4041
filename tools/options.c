// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading a command line by a table of options: --name VALUE, --name=VALUE,
 * --switch, and letters (-t, -tan, -c 5, -c5) where a row has one, in any
 * order. Words
 * between them are left for the command, or end them if it is one that starts
 * a program with options of its own.
 *
 * Not here: abbreviations.
 */
#include "tools/tool.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tool_error(const struct command *command, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "tern %s: ", command->name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

void tool_help(const struct command *command)
{
	const struct option_row *row = command->options;
	bool has_letters = false;

	printf("tern %s: %s.\n\nusage: tern %s %s\n", command->name,
	       command->summary, command->name, command->usage);
	if (row)
		puts("");
	for (int i = 0; row && row[i].name; i++)
		has_letters |= row[i].letter != 0;
	for (; row && row->name; row++) {
		char left[40];

		if (!row->help)
			continue;
		snprintf(left, sizeof(left), "%c%c --%s%s%s",
			 row->letter ? '-' : ' ',
			 row->letter ? row->letter : ' ', row->name,
			 row->value && row->value[0] != '[' ? " " : "",
			 row->value ? row->value : "");
		printf("  %-18s %s\n", has_letters ? left : left + 3,
		       row->help);
	}
	if (command->more)
		printf("\n%s", command->more);
}

/* The row that a word "--name" or "--name=value" is of, or -1. */
static int find_row(const struct options *o, const char *word)
{
	const struct option_row *rows = o->command->options;
	size_t len = strcspn(word, "=");

	for (int i = 0; rows && rows[i].name; i++) {
		if (strlen(rows[i].name) == len &&
		    !strncmp(rows[i].name, word, len))
			return i;
	}
	return -1;
}

static const char *next_word(struct options *o)
{
	o->argc--;
	return *o->argv++;
}

/* Makes what was skipped and what is left one list. */
static int end_options(struct options *o)
{
	if (o->n_skipped)
		memmove(o->argv - o->n_skipped, o->skipped,
			(size_t)o->n_skipped * sizeof(*o->argv));
	o->argv -= o->n_skipped;
	o->argc += o->n_skipped;
	o->n_skipped = 0;
	return OPTIONS_END;
}

/* Words between options, in the places of words that have been read. */
static void skip_word(struct options *o)
{
	if (!o->n_skipped)
		o->skipped = o->argv;
	o->skipped[o->n_skipped++] = *o->argv++;
	o->argc--;
}

static int no_such_option(const struct options *o, const char *word)
{
	tool_error(o->command,
		   "there is no option %s. tern %s --help lists them", word,
		   o->command->name);
	return OPTIONS_WRONG;
}

static int wants_value(const struct options *o, int row)
{
	tool_error(o->command, "--%s wants a value: %s",
		   o->command->options[row].name,
		   o->command->options[row].value);
	return OPTIONS_WRONG;
}

/* The value of a letter: what is left of its word, or the next word. */
static int letter_value(struct options *o, int row)
{
	o->value = o->letters;
	o->letters = NULL;
	if (!o->value && o->argc > 0)
		o->value = next_word(o);
	return o->value ? row : wants_value(o, row);
}

/* The next letter of "-tan". */
static int next_letter(struct options *o)
{
	const struct option_row *rows = o->command->options;
	char word[] = { '-', *o->letters, '\0' };

	o->value = NULL;
	o->letters = o->letters[1] ? o->letters + 1 : NULL;
	for (int i = 0; rows && rows[i].name; i++)
		if (rows[i].letter == word[1])
			return rows[i].value ? letter_value(o, i) : i;
	return no_such_option(o, word);
}

/* The row of "--name" or "--name=value", with its value. */
static int long_option(struct options *o, const char *word)
{
	const char *equals = strchr(word, '=');
	int row = find_row(o, word + 2);

	if (row < 0)
		return no_such_option(o, word);
	o->value = equals ? equals + 1 : NULL;
	if (!o->command->options[row].value) {
		if (!equals)
			return row;
		tool_error(o->command, "--%s takes no value",
			   o->command->options[row].name);
		return OPTIONS_WRONG;
	}
	/* "[FILE]": only behind an equals sign, if at all. */
	if (!equals && o->command->options[row].value[0] == '[')
		return row;
	if (!equals && o->argc > 0)
		o->value = next_word(o);
	return o->value ? row : wants_value(o, row);
}

int options_next(struct options *o)
{
	const char *word;

	if (o->letters)
		return next_letter(o);
	while (o->argc > 0 && !o->command->ends_at_word &&
	       (o->argv[0][0] != '-' || !o->argv[0][1]))
		skip_word(o);
	if (o->argc <= 0 || o->argv[0][0] != '-' || !o->argv[0][1])
		return end_options(o);
	word = next_word(o);
	if (!strcmp(word, "--"))
		return end_options(o);
	if (word[1] == '-')
		return long_option(o, word);
	o->letters = word + 1;
	return next_letter(o);
}

bool parse_number(const struct command *command, const char *option,
		  const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	if (end != text && !*end && !errno && *out <= max && text[0] != '-')
		return true;
	tool_error(command, "--%s %s: not a number from 0 to %llu", option,
		   text, (unsigned long long)max);
	return false;
}

bool parse_size(const struct command *command, const char *option,
		const char *text, uint64_t least, uint64_t *out)
{
	static const char units[] = "kmg";
	const char *unit;
	char *end;
	uint64_t factor = 1;

	errno = 0;
	*out = strtoull(text, &end, 10);
	unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
	if (unit) {
		factor <<= 10 * (unit - units + 1);
		end++;
	}
	if (isdigit((unsigned char)text[0]) && !*end && !errno &&
	    *out <= UINT64_MAX / factor && *out * factor >= least) {
		*out *= factor;
		return true;
	}
	tool_error(
		command,
		"--%s %s: not a size of %llu bytes or more, such as 4m or 1g",
		option, text, (unsigned long long)least);
	return false;
}

bool parse_addr(const struct command *command, const char *option,
		const char *text, struct tern_addr *out)
{
	size_t used = tern_addr_parse(text, NULL, out);

	if (used && !text[used])
		return true;
	tool_error(command,
		   "--%s %s: not an address, such as 10.0.0.1 or fd00::1",
		   option, text);
	return false;
}

bool parse_cidr(const struct command *command, const char *option,
		const char *text, struct tern_prefix *out)
{
	size_t used = tern_addr_parse(text, "/", &out->addr);
	unsigned long bits = 0, max;
	char *end = NULL;

	if (used && text[used] == '/' && text[used + 1] >= '0' &&
	    text[used + 1] <= '9')
		bits = strtoul(text + used + 1, &end, 10);
	max = tern_addr_is_v4(&out->addr) ? 32 : 128;
	if (end && !*end && bits <= max) {
		out->bits = (uint8_t)bits;
		return true;
	}
	tool_error(command,
		   "--%s %s: not an address with its prefix, such as "
		   "10.0.0.2/24 or fd00::2/64",
		   option, text);
	return false;
}

/* Bits in front of the prefix: IPv4 is written in the last 32. */
static unsigned bits_of(const struct tern_prefix *p)
{
	return p->bits + (tern_addr_is_v4(&p->addr) ? 96u : 0u);
}

bool prefix_contains(const struct tern_prefix *p, const struct tern_addr *a)
{
	for (unsigned i = 0; i < bits_of(p); i++) {
		uint8_t mask = (uint8_t)(0x80u >> i % 8);

		if ((p->addr.b[i / 8] ^ a->b[i / 8]) & mask)
			return false;
	}
	return true;
}

bool prefix_other(const struct tern_prefix *p, struct tern_addr *out)
{
	unsigned bits = bits_of(p);

	if (bits == 128)
		return false;
	*out = p->addr;
	if (bits == 127) { /* RFC 3021, RFC 6164: both are hosts */
		out->b[15] ^= 1;
		return true;
	}
	for (unsigned i = bits; i < 128; i++)
		out->b[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
	out->b[15] |= 1;
	if (tern_addr_equal(out, &p->addr))
		out->b[15] ^= 3;
	return true;
}
