// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tunables by name, values as text, from the rows of tunables.def.
 *
 * Text is read as /proc/sys reads it: numbers in any base of C's, several of
 * them separated by blanks, and fewer than there are set the first ones only.
 * Deviates where Linux half accepts: a value that is wrong leaves all as they
 * were (Linux keeps those before it), and more values than there are is wrong
 * (Linux ignores the rest). Two values are a range, lowest first.
 */
#include "stack_tunables.h"

#include "stack_door.h"
#include "stack_text.h"
#include "wire/wire_print.h"

#define MAX_VALUES 3

struct row {
	struct tern_tunable pub;
	uint16_t offset; /* in struct tunables */
	uint16_t size;	 /* of a text, with its NUL; 0: numbers */
	int64_t def[MAX_VALUES];
	const char *text;
};

static const struct row rows[] = {
#define TUNABLE(field, name, d, min, max, unit, help) \
	{ { name, unit, help, min, max, 1 },          \
	  offsetof(struct tunables, field),           \
	  0,                                          \
	  { d },                                      \
	  NULL },
#define TUNABLE2(field, name, d0, d1, min, max, unit, help) \
	{ { name, unit, help, min, max, 2 },                \
	  offsetof(struct tunables, field),                 \
	  0,                                                \
	  { d0, d1 },                                       \
	  NULL },
#define TUNABLE3(field, name, d0, d1, d2, min, max, unit, help) \
	{ { name, unit, help, min, max, 3 },                    \
	  offsetof(struct tunables, field),                     \
	  0,                                                    \
	  { d0, d1, d2 },                                       \
	  NULL },
#define TUNABLE_TEXT(field, name, size, d, help) \
	{ { name, "", help, 0, 0, 1 },           \
	  offsetof(struct tunables, field),      \
	  size,                                  \
	  { 0 },                                 \
	  d },
#include <tern/tunables.def>
};

static int64_t *values_of(struct tunables *t, const struct row *row)
{
	return (int64_t *)(void *)((char *)t + row->offset);
}

static char *text_of(struct tunables *t, const struct row *row)
{
	return (char *)t + row->offset;
}

void stack_tunables_init(struct tunables *t)
{
	const struct row *row;
	int k;

	for (row = rows; row < rows + ARRAY_LEN(rows); row++) {
		if (row->size)
			memcpy(text_of(t, row), row->text,
			       str_len(row->text) + 1);
		for (k = 0; k < row->pub.n_values && !row->size; k++)
			values_of(t, row)[k] = row->def[k];
	}
}

static const char *last_name(const char *name)
{
	const char *last = name;

	for (; *name; name++)
		if (*name == '.')
			last = name + 1;
	return last;
}

/* Rows are some hundred, and nobody sets tunables in a loop. */
static const struct row *find(const char *name)
{
	const struct row *row;

	for (row = rows; row < rows + ARRAY_LEN(rows); row++)
		if (str_equal(name, row->pub.name) ||
		    str_equal(name, last_name(row->pub.name)))
			return row;
	return NULL;
}

const struct tern_tunable *tern_tunable_at(int i)
{
	return i >= 0 && (size_t)i < ARRAY_LEN(rows) ? &rows[i].pub : NULL;
}

/* The value of a digit in any base, or one that no base has. */
static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20;
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	return UINT32_MAX;
}

/* Reads digits in the base that their prefix says. Bytes used; 0: none, or
 * more than any tunable takes. */
static size_t parse_digits(const char *s, int64_t *out)
{
	unsigned base = 10, digit;
	size_t n = 0, first;
	int64_t v = 0;

	if (s[0] == '0' && (s[1] | 0x20) == 'x' && digit_of(s[2]) < 16)
		base = 16, n = 2;
	else if (s[0] == '0')
		base = 8;
	for (first = n; (digit = digit_of(s[n])) < base; n++) {
		v = v * base + digit;
		if (v > (INT64_C(1) << 40))
			return 0;
	}
	*out = v;
	return n > first ? n : 0;
}

/* Reads one number up to a blank or the end, in [min, max]. Moves *s on. */
static bool parse_number(const char **s, const struct tern_tunable *t,
			 int64_t *out)
{
	bool negative = **s == '-';
	size_t n;

	*s += negative;
	n = parse_digits(*s, out);
	if (!n || ((*s)[n] && !str_is_blank((*s)[n])))
		return false;
	*s += n;
	if (negative)
		*out = -*out;
	return *out >= t->min && *out <= t->max;
}

static const char *skip_blanks(const char *s)
{
	while (str_is_blank(*s))
		s++;
	return s;
}

static int set_numbers(struct tunables *t, const struct row *row, const char *s)
{
	int64_t v[MAX_VALUES], *old = values_of(t, row);
	int n = row->pub.n_values, k;

	for (k = 0; k < n; k++)
		v[k] = old[k];
	s = skip_blanks(s);
	if (!*s)
		return -TERN_EINVAL;
	for (k = 0; k < n && *s; k++, s = skip_blanks(s))
		if (!parse_number(&s, &row->pub, &v[k]))
			return -TERN_EINVAL;
	if (*s || (n == 2 && v[0] > v[1]))
		return -TERN_EINVAL;
	for (k = 0; k < n; k++)
		old[k] = v[k];
	return 0;
}

/* The name of a congestion control. */
static bool is_known(const struct tern_stack *st, const char *name)
{
	int i;

	for (i = 0; i < st->tcp.n_cc; i++)
		if (str_equal(st->tcp.cc[i]->name, name))
			return true;
	return false;
}

static int set_text(struct tern_stack *st, const struct row *row, const char *s)
{
	char value[TERN_CC_NAME_LEN] = { 0 };
	size_t n = str_len(s);

	if (text_of(&st->tun, row) == st->tun.tcp_fastopen_key)
		return tcp_fastopen_key_set(st, s);

	/* As echo writes it. */
	if (n && s[n - 1] == '\n')
		n--;
	if (!n || n >= row->size || n >= sizeof(value))
		return -TERN_EINVAL;
	memcpy(value, s, n);
	if (!is_known(st, value))
		return -TERN_EINVAL;
	memcpy(text_of(&st->tun, row), value, n + 1);
	return 0;
}

int64_t stack_on_sysctl_set(struct tern_stack *st, struct call *c)
{
	const char *const *pair = c->in;
	const struct row *row = find(pair[0]);

	if (!row)
		return -TERN_ENOENT;
	return row->size ? set_text(st, row, pair[1]) :
			   set_numbers(&st->tun, row, pair[1]);
}

int tern_sysctl_set(struct tern_stack *st, const char *name, const char *value,
		    int64_t now)
{
	const char *const pair[2] = { name, value };
	struct call c = {
		.op = CALL_SYSCTL_SET,
		.s = -1,
		.now = now,
		.in = pair,
	};

	return name && value ? (int)stack_door(st, &c) : -TERN_EFAULT;
}

/* Linux's sysctls that tell who may be chosen: anyone, so they are only to be
 * read. */
static bool names_controllers(const char *name)
{
	static const char *const all[] = {
		"net.ipv4.tcp_available_congestion_control",
		"net.ipv4.tcp_allowed_congestion_control",
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(all); i++)
		if (str_equal(name, all[i]) ||
		    str_equal(name, last_name(all[i])))
			return true;
	return false;
}

static int get_controllers(const struct tern_stack *st, char *out, size_t size)
{
	struct text t;
	int i;

	text_init(&t, out, size);
	for (i = 0; i < st->tcp.n_cc; i++) {
		if (i)
			text_char(&t, ' ');
		text_str(&t, st->tcp.cc[i]->name);
	}
	return t.len < size ? (int)t.len : -TERN_ENOSPC;
}

static void print_numbers(struct text *t, const int64_t *v, int n)
{
	int k;

	for (k = 0; k < n; k++) {
		if (k)
			text_char(t, '\t');
		text_i64(t, v[k]);
	}
}

int tern_tunable_default(const struct tern_tunable *tunable, char *out,
			 size_t size)
{
	const struct row *row = find(tunable->name);
	struct text t;

	text_init(&t, out, size);
	if (row->size)
		text_str(&t, row->text);
	else
		print_numbers(&t, row->def, row->pub.n_values);
	return t.len < size ? (int)t.len : -TERN_ENOSPC;
}

int tern_sysctl_get(struct tern_stack *st, const char *name, char *out,
		    size_t size)
{
	const struct row *row = find(name);
	struct text t;

	if (!row && names_controllers(name))
		return get_controllers(st, out, size);
	if (!row)
		return -TERN_ENOENT;
	text_init(&t, out, size);
	if (row->size)
		text_str(&t, text_of(&st->tun, row));
	else
		print_numbers(&t, values_of(&st->tun, row), row->pub.n_values);
	return t.len < size ? (int)t.len : -TERN_ENOSPC;
}

#define MAX_NAME 63

/* Letters to add, take away or change to make b of a (Levenshtein). */
static uint32_t distance(const char *a, const char *b)
{
	uint32_t row[MAX_NAME + 1], left, corner, above;
	size_t n_b = min_size(str_len(b), MAX_NAME), i, j;

	for (j = 0; j <= n_b; j++)
		row[j] = (uint32_t)j;
	for (i = 0; a[i]; i++) {
		corner = row[0];
		left = row[0] = (uint32_t)i + 1;
		for (j = 0; j < n_b; j++) {
			above = row[j + 1];
			left = min_u32(min_u32(left, above) + 1,
				       corner + (a[i] != b[j]));
			corner = above;
			row[j + 1] = left;
		}
	}
	return row[n_b];
}

const struct tern_tunable *tern_tunable_find(const char *name)
{
	const struct row *row = find(name);

	return row ? &row->pub : NULL;
}

const struct tern_tunable *tern_tunable_nearest(const char *name)
{
	const struct row *row, *best = rows;
	uint32_t least = UINT32_MAX, d;

	for (row = rows; row < rows + ARRAY_LEN(rows); row++) {
		d = min_u32(distance(name, row->pub.name),
			    distance(last_name(name),
				     last_name(row->pub.name)));
		if (d < least) {
			least = d;
			best = row;
		}
	}
	return &best->pub;
}
