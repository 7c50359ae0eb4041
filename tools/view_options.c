// SPDX-License-Identifier: BSD-2-Clause
#include "tools/view_options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize w;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_col)
		return w.ws_col;
	if (columns && atoi(columns) > 0)
		return atoi(columns);
	return 100;
}

void view_init(struct ladder_style *s)
{
	s->width = terminal_width();
	s->colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

static bool take_width(const struct command *command, struct ladder_style *s,
		       const char *value)
{
	uint64_t n;

	if (!parse_number(command, "width", value, 500, &n))
		return false;
	s->width = (int)n;
	return true;
}

static bool take_colour(const struct command *command, struct ladder_style *s,
			const char *value)
{
	if (!strcmp(value, "always"))
		s->colour = true;
	else if (!strcmp(value, "never"))
		s->colour = false;
	else if (strcmp(value, "auto") != 0) {
		tool_error(command, "--colour %s: always, never or auto",
			   value);
		return false;
	}
	return true;
}

bool view_take(const struct command *command, struct ladder_style *s, int row,
	       const char *value)
{
	const char *name = command->options[row].name;

	if (!strcmp(name, "width"))
		return take_width(command, s, value);
	if (!strcmp(name, "colour"))
		return take_colour(command, s, value);
	s->ascii = true;
	return true;
}
