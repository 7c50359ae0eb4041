// SPDX-License-Identifier: BSD-2-Clause
/*
 * UTF-8 texts in columns. East Asian wide characters take two (the blocks of
 * UAX #11 that Chinese text uses); combining ones are not told apart.
 */
#include "ladder.h"

#include <string.h>

/* The next character and its bytes; bytes that are no UTF-8 count as one. */
static uint32_t next_char(const char *s, int *n)
{
	const unsigned char *p = (const unsigned char *)s;
	uint32_t c = p[0];
	int len = c < 0x80 ? 1 : c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	for (int i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			*n = 1;
			return '?';
		}
	}
	*n = len;
	if (len == 1)
		return c;
	c &= 0x7fu >> len;
	for (int i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

static int columns_of(uint32_t c)
{
	bool wide =
		(c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
		(c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
		(c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
		(c >= 0xffe0 && c <= 0xffe6) || c >= 0x20000;

	return wide ? 2 : 1;
}

int ladder_columns(const char *text)
{
	int n, columns = 0;

	for (; *text; text += n)
		columns += columns_of(next_char(text, &n));
	return columns;
}

int ladder_clip(struct drill_text *t, const char *text, int columns)
{
	int n, used = 0;

	while (*text) {
		int w = columns_of(next_char(text, &n));

		if (used + w > columns)
			break;
		drill_text_add(t, "%.*s", n, text);
		text += n;
		used += w;
	}
	return used;
}

/* Punctuation that does not begin a line of Chinese. */
static bool stays_behind(uint32_t c)
{
	return c == 0x3001 || c == 0x3002 || c == 0xff0c || c == 0xff1a ||
	       c == 0xff1b || c == 0xff01 || c == 0xff1f || c == 0xff09 ||
	       c == 0x300d || c == 0x300f || c == 0x201d || c == 0x2019 ||
	       c == 0x300b;
}

/* Punctuation that does not end one. */
static bool stays_before(uint32_t c)
{
	return c == 0xff08 || c == 0x300c || c == 0x300e || c == 0x201c ||
	       c == 0x300a;
}

/* Is a line's end in the source a blank, between these two characters? Lines
 * of Chinese are joined without one, but for a word of Latin letters. */
static bool is_blank_between(uint32_t a, uint32_t b)
{
	bool latin = a < 0x80 || b < 0x80;

	return latin && !stays_behind(a) && !stays_before(a) &&
	       !stays_behind(b) && !stays_before(b);
}

/* Bytes up to where a line may break: a word with the blank behind it, or one
 * wide character with what stays behind it. */
static int piece(const char *p, int *columns, bool *blank)
{
	int n, len = 0;
	uint32_t c = next_char(p, &n);

	*columns = 0;
	*blank = false;
	do {
		bool wide = columns_of(c) == 2, opens = stays_before(c);

		len += n;
		*columns += columns_of(c);
		if (!p[len] || p[len] == '\n')
			return len;
		if (p[len] == ' ') {
			*blank = true;
			return len;
		}
		c = next_char(p + len, &n);
		if (!opens && !stays_behind(c) && (wide || columns_of(c) == 2))
			return len;
	} while (true);
}

void ladder_wrap(struct drill_text *t, const char *text, int width, int indent)
{
	const char *p = text;
	bool blank = false, after_blank = false;
	int used = 0, columns, n;
	uint32_t last = ' ';

	while (*p) {
		int len;

		if (*p == '\n' && p[1] == '\n') {
			drill_text_add(t, "\n\n");
			used = 0;
			after_blank = false;
			while (*p == '\n')
				p++;
			continue;
		}
		if (*p == ' ' || *p == '\n') {
			after_blank |=
				*p == ' ' ||
				is_blank_between(last, next_char(p + 1, &n));
			p++;
			continue;
		}
		len = piece(p, &columns, &blank);
		if (used && used + columns + after_blank > width - indent) {
			drill_text_add(t, "\n");
			used = 0;
		}
		if (!used)
			drill_text_add(t, "%*s", indent, "");
		else if (after_blank)
			drill_text_add(t, " ");
		used += columns + (used && after_blank);
		drill_text_add(t, "%.*s", len, p);
		for (const char *end = p + len; p < end; p += n)
			last = next_char(p, &n);
		after_blank = false;
	}
	drill_text_add(t, "\n");
}
