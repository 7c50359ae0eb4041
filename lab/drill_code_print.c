// SPDX-License-Identifier: BSD-2-Clause
/* Values as Python prints them, and its "..." % (...). */
#include "drill_code_priv.h"

#include "drill_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_int(struct drill_text *t, drill_int i)
{
	char digits[48], *p = digits + sizeof(digits);
	bool negative = i < 0;

	*--p = 0;
	do {
		int d = (int)(i % 10);

		*--p = (char)('0' + (d < 0 ? -d : d));
		i /= 10;
	} while (i);
	if (negative)
		*--p = '-';
	drill_text_add(t, "%s", p);
}

void drill_code_print(struct drill_text *t, const struct drill_value *v,
		      bool quoted)
{
	int i;

	switch (v->kind) {
	case DRILL_V_NONE:
		drill_text_add(t, "None");
		return;
	case DRILL_V_BOOL:
		drill_text_add(t, v->i ? "True" : "False");
		return;
	case DRILL_V_INT:
		print_int(t, v->i);
		return;
	case DRILL_V_FLOAT:
		drill_text_add(t,
			       v->f == floor(v->f) && fabs(v->f) < 1e15 ?
				       "%.1f" :
				       "%.12g",
			       v->f);
		return;
	case DRILL_V_STR:
		drill_text_add(t, quoted ? "'%s'" : "%s", v->s);
		return;
	case DRILL_V_TUPLE:
		drill_text_add(t, "(");
		for (i = 0; i < v->n_items; i++) {
			drill_text_add(t, i ? ", " : "");
			drill_code_print(t, &v->items[i], true);
		}
		drill_text_add(t, v->n_items == 1 ? ",)" : ")");
		return;
	}
}

/* One conversion of a format, "%5.1f" at `spec`, of n bytes. */
static bool print_spec(struct drill_text *t, const char *spec, size_t n,
		       const struct drill_value *v)
{
	struct drill_text plain = { 0 };
	char fmt[32];

	if (n >= sizeof(fmt) - 3)
		return false;
	memcpy(fmt, spec, n);
	fmt[n] = 0;
	if (strchr("di", spec[n - 1]) || strchr("uxXo", spec[n - 1])) {
		if (!drill_code_is_number(v))
			return false;
		snprintf(fmt + n - 1, 4, "ll%c", spec[n - 1]);
		drill_text_add(t, fmt,
			       v->kind == DRILL_V_FLOAT ? (long long)v->f :
							  (long long)v->i);
		return true;
	}
	if (strchr("feEgG", spec[n - 1])) {
		if (!drill_code_is_number(v))
			return false;
		drill_text_add(t, fmt, drill_code_as_float(v));
		return true;
	}
	if (spec[n - 1] != 's' && spec[n - 1] != 'r')
		return false;
	fmt[n - 1] = 's';
	drill_code_print(&plain, v, spec[n - 1] == 'r');
	drill_text_add(t, fmt, plain.s ? plain.s : "");
	free(plain.s);
	return true;
}

struct drill_value drill_code_format(struct drill_eval *e, const char *fmt,
				     const struct drill_value *args)
{
	const struct drill_value *v = args;
	struct drill_text t = { 0 };
	int n = 1, used = 0;
	const char *s;
	size_t len;

	if (args->kind == DRILL_V_TUPLE) {
		v = args->items;
		n = args->n_items;
	}
	for (s = fmt; *s; s++) {
		if (*s != '%') {
			drill_text_add(&t, "%c", *s);
			continue;
		}
		if (s[1] == '%') {
			drill_text_add(&t, "%%");
			s++;
			continue;
		}
		len = 1 + strspn(s + 1, "-+ #0123456789.") + 1;
		if (used >= n || strlen(s) < len ||
		    !print_spec(&t, s, len, &v[used++])) {
			free(t.s);
			return drill_code_fail(e, "a format does not fit its "
						  "arguments");
		}
		s += len - 1;
	}
	s = drill_mem_copy(e->r->mem, t.s ? t.s : "", t.len);
	free(t.s);
	if (used < n)
		return drill_code_fail(e, "a format leaves arguments over");
	return (struct drill_value){ .kind = DRILL_V_STR, .s = s };
}
