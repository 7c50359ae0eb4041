// SPDX-License-Identifier: BSD-2-Clause
/* Results for machines: JUnit's XML, and JSON. */
#include "drill.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char *const verdicts[DRILL_N_VERDICTS] = {
	[DRILL_PASSED] = "passed",
	[DRILL_FAILED] = "failed",
	[DRILL_SKIPPED] = "skipped",
};

static void put_escaped(FILE *f, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			/* XML 1.0 has no other control characters. */
			if ((unsigned char)*s >= 32 || *s == '\n' || *s == '\t')
				fputc(*s, f);
		}
	}
}

static void put_case(FILE *f, const struct drill_result *r)
{
	fputs("  <testcase classname=\"drill\" name=\"", f);
	put_escaped(f, r->path);
	fprintf(f, "\" time=\"%.6f\">", r->real_s);
	if (r->verdict == DRILL_FAILED) {
		fputs("<failure message=\"", f);
		put_escaped(f, r->message);
		fputs("\">", f);
		put_escaped(f, r->report ? r->report : "");
		fputs("</failure>", f);
	} else if (r->verdict == DRILL_SKIPPED) {
		fputs("<skipped message=\"", f);
		put_escaped(f, r->message);
		fputs("\"/>", f);
	}
	fputs("</testcase>\n", f);
}

int drill_report_junit(const char *path, const struct drill_result *r, int n)
{
	int counts[DRILL_N_VERDICTS] = { 0 }, i, error;
	FILE *f = fopen(path, "w");
	double s = 0;

	if (!f)
		return -errno;
	for (i = 0; i < n; i++) {
		counts[r[i].verdict]++;
		s += r[i].real_s;
	}
	fprintf(f,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<testsuite name=\"tern drill\" tests=\"%d\" failures=\"%d\" "
		"errors=\"0\" skipped=\"%d\" time=\"%.6f\">\n",
		n, counts[DRILL_FAILED], counts[DRILL_SKIPPED], s);
	for (i = 0; i < n; i++)
		put_case(f, &r[i]);
	fputs("</testsuite>\n", f);
	error = ferror(f);
	return fclose(f) || error ? -EIO : 0;
}

void drill_report_json(const struct drill_result *r, int n)
{
	int counts[DRILL_N_VERDICTS] = { 0 }, i;
	json_t *all = json_array(), *one, *top;

	for (i = 0; i < n; i++) {
		counts[r[i].verdict]++;
		one = json_pack("{s:s%, s:s, s:i, s:f, s:f}", "file", r[i].path,
				strlen(r[i].path), "verdict",
				verdicts[r[i].verdict], "events", r[i].n_events,
				"seconds", r[i].real_s, "virtual_seconds",
				r[i].virtual_s);
		if (one && r[i].verdict != DRILL_PASSED) {
			json_object_set_new(one, "line",
					    json_integer(r[i].line));
			json_object_set_new(one, "message",
					    json_string(r[i].message));
		}
		json_array_append_new(all, one ? one : json_null());
	}
	top = json_pack("{s:i, s:i, s:i, s:o}", "passed", counts[DRILL_PASSED],
			"failed", counts[DRILL_FAILED], "skipped",
			counts[DRILL_SKIPPED], "results", all);
	json_dumpf(top, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(top);
}
