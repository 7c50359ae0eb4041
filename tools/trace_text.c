// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "tools/trace_text.h"

#include "tools/ask.h"

#include <inttypes.h>
#include <string.h>

static void print_ends(FILE *out, const json_t *row)
{
	char ends[2][80];

	for (int i = 0; i < 2; i++) {
		const char *addr = row_text(row, i ? "remote" : "local");

		snprintf(ends[i], sizeof(ends[i]),
			 strchr(addr, ':') ? "[%s]:%" PRId64 : "%s:%" PRId64,
			 addr, row_number(row, i ? "rport" : "lport"));
	}
	fprintf(out, " %s %s", ends[0], ends[1]);
}

void trace_text(FILE *out, const json_t *row, int64_t begun_at)
{
	int64_t us = (row_number(row, "at_ns") - begun_at) / 1000;
	const char *event = row_text(row, "event");
	const char *what = row_text(row, "what");

	if (row_number(row, "lost_before"))
		fprintf(out,
			"(%" PRId64 " events came too fast and are lost)\n",
			row_number(row, "lost_before"));
	fprintf(out, "%5" PRId64 ".%06" PRId64 " %-5s", us / 1000000,
		us % 1000000, event);
	if (row_text(row, "local")[0])
		print_ends(out, row);
	if (!strcmp(event, "state"))
		fprintf(out, " %s -> %s: %s", row_text(row, "from"),
			row_text(row, "state"), what);
	else if (what[0])
		fprintf(out, " %s", what);
	if (row_text(row, "packet")[0])
		fprintf(out, "%s %s", what[0] ? ":" : "",
			row_text(row, "packet"));
	putc('\n', out);
}
