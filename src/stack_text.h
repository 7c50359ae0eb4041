// SPDX-License-Identifier: BSD-2-Clause
/*
 * Strings, for those who have no <string.h>.
 * Included by: src/stack*.c.
 */
#ifndef STACK_TEXT_H
#define STACK_TEXT_H

#include "base/bytes.h"

static inline size_t str_len(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

static inline bool str_equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static inline bool str_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

#endif
