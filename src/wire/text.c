// SPDX-License-Identifier: BSD-2-Clause
/*
 * Text put together piece by piece, without printf: the core has none. What
 * does not fit is cut but counted, as snprintf() does.
 */
#include "wire/wire_print.h"

#include <tern/socket.h>

void text_init(struct text *t, char *out, size_t size)
{
	*t = (struct text){ .out = out, .size = size };
	if (size)
		out[0] = '\0';
}

void text_char(struct text *t, char c)
{
	if (t->len + 1 < t->size) {
		t->out[t->len] = c;
		t->out[t->len + 1] = '\0';
	}
	t->len++;
}

void text_str(struct text *t, const char *s)
{
	while (*s)
		text_char(t, *s++);
}

void text_u64(struct text *t, uint64_t v)
{
	char digits[20]; /* of 2^64 - 1 */
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	while (n)
		text_char(t, digits[--n]);
}

void text_i64(struct text *t, int64_t v)
{
	if (v < 0)
		text_char(t, '-');
	text_u64(t, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void text_hex(struct text *t, uint64_t v, int digits)
{
	while (digits > 0)
		text_char(t, "0123456789abcdef"[v >> 4 * --digits & 15]);
}

void text_addr(struct text *t, const struct tern_addr *a)
{
	char out[TERN_ADDR_STRLEN];

	text_str(t, tern_addr_print(a, out));
}
