// SPDX-License-Identifier: BSD-2-Clause
/* A session's script on tern, and a name for what differs. */
#include "timed.h"

#include "lab/drill.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* "assertion failed: tcpi_x == 1, ...": the field. */
static bool name_field(const char *message, struct timed_verdict *out)
{
	const char *p = strstr(message, "tcpi_");
	size_t n = 0;

	if (strncmp(message, "assertion", 9) != 0 || !p)
		return false;
	while ((isalnum((unsigned char)p[n]) || p[n] == '_') &&
	       n + 1 < sizeof(out->field))
		n++;
	memcpy(out->field, p, n);
	out->field[n] = 0;
	strcpy(out->key, out->field);
	return true;
}

/* The first line, each number a #. */
static void name_rest(const char *message, char *key, size_t size)
{
	size_t n = 0;
	bool digit = false, is;

	for (; *message && *message != '\n' && n + 1 < size; message++) {
		is = isdigit((unsigned char)*message);
		if (!is)
			key[n++] = *message;
		else if (!digit)
			key[n++] = '#';
		digit = is;
	}
	key[n] = 0;
}

/* The time that the line begins with. */
static int64_t time_of(const char *text, int line)
{
	while (--line > 0 && text)
		text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL;
	return text ? (int64_t)(strtod(text, NULL) * 1e9) : 0;
}

void timed_check(const struct timed_session *s, const struct timed_knobs *k,
		 struct timed_verdict *out)
{
	static const struct drill_override overrides[] = { { "thorough",
							     NULL } };
	struct drill_setup setup = { .overrides = overrides, .n_overrides = 1 };
	struct drill_text t = { 0 };
	struct drill_result r;

	timed_script(s, k, false, NULL, &t);
	drill_text("session", t.s, t.len, &setup, &r);
	*out = (struct timed_verdict){ .differs = r.verdict != DRILL_PASSED,
				       .line = r.line };
	if (out->differs) {
		out->at = time_of(t.s, r.line);
		out->message = strdup(r.message ? r.message : "?");
		if (!name_field(out->message, out))
			name_rest(out->message, out->key, sizeof(out->key));
	}
	drill_result_fini(&r);
	free(t.s);
}
