// SPDX-License-Identifier: BSD-2-Clause
/*
 * The lexer. Longest match: 1:1001 is three tokens, .5 a number unless the
 * parser asked for flags. A word that the user has defined is replaced by what
 * it was defined as, once.
 */
#include "drill_lex.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char word_set[] = "abcdefghijklmnopqrstuvwxyz"
			       "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

static void keep_error(struct drill_lex *l, int line, const char *fmt,
		       va_list args)
{
	struct drill_text text = { 0 };

	drill_text_vadd(&text, fmt, args);
	l->error = drill_mem_copy(l->mem, text.s, text.len);
	l->error_line = line;
	free(text.s);
}

void drill_lex_fail(struct drill_lex *l, int line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	keep_error(l, line, fmt, args);
	va_end(args);
	longjmp(l->out, 1);
}

void drill_lex_refuse(struct drill_lex *l, int line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	keep_error(l, line, fmt, args);
	va_end(args);
	l->is_refusal = true;
	longjmp(l->out, 1);
}

static void skip_block_comment(struct drill_lex *l)
{
	int line = l->line;

	for (l->p += 2; l->p < l->end; l->p++) {
		if (*l->p == '\n')
			l->line++;
		if (l->end - l->p >= 2 && l->p[0] == '*' && l->p[1] == '/') {
			l->p += 2;
			return;
		}
	}
	drill_lex_fail(l, line, "a comment without its end");
}

static void skip_blanks(struct drill_lex *l)
{
	while (l->p < l->end) {
		bool two = l->end - l->p >= 2;

		if (*l->p == '\n')
			l->line++;
		if (isspace((unsigned char)*l->p)) {
			l->p++;
		} else if (two && l->p[0] == '/' && l->p[1] == '/') {
			while (l->p < l->end && *l->p != '\n')
				l->p++;
		} else if (two && l->p[0] == '/' && l->p[1] == '*') {
			skip_block_comment(l);
		} else {
			break;
		}
	}
}

static char escape_of(char c)
{
	static const char from[] = "ntrfv", to[] = "\n\t\r\f\v";
	const char *at = c ? strchr(from, c) : NULL;

	return at ? to[at - from] : c;
}

/* At a quote: the string's bytes. */
static void lex_string(struct drill_lex *l, struct drill_token *t)
{
	char *out = drill_mem_new(l->mem, (size_t)(l->end - l->p) + 1);
	int line = l->line;

	t->text = out;
	for (l->p++; l->p < l->end && *l->p != '"'; l->p++) {
		char c = *l->p;

		if (c == '\n')
			l->line++;
		if (c == '\\' && l->end - l->p >= 2) {
			l->p++;
			c = escape_of(*l->p);
			if (*l->p == 'x' && l->end - l->p > 2 &&
			    isxdigit((unsigned char)l->p[1]) &&
			    isxdigit((unsigned char)l->p[2])) {
				char hex[3] = { l->p[1], l->p[2], 0 };

				c = (char)strtol(hex, NULL, 16);
				l->p += 2;
			}
		}
		*out++ = c;
	}
	if (l->p >= l->end)
		drill_lex_fail(l, line, "a string without its closing \"");
	l->p++;
	t->kind = DRILL_TOK_STR;
	t->len = (size_t)(out - t->text);
}

/* At `...` or %{...}%: what is inside, trimmed. */
static void lex_block(struct drill_lex *l, struct drill_token *t,
		      const char *open, const char *close)
{
	size_t n = strlen(close);
	int line = l->line;
	const char *p;

	l->p += strlen(open);
	for (p = l->p; (size_t)(l->end - p) >= n; p++) {
		if (!memcmp(p, close, n))
			break;
		if (*p == '\n')
			l->line++;
	}
	if ((size_t)(l->end - p) < n)
		drill_lex_fail(l, line, "%s without its closing %s", open,
			       close);
	t->len = (size_t)(p - l->p);
	t->text = drill_mem_copy(l->mem, l->p, t->len);
	l->p = p + n;
}

/* -?[0-9]*\.[0-9]+ | -?[0-9]+ | 0x[0-9a-f]+ ; bytes, 0 if it is none. */
static size_t number_len(const char *p, const char *end, bool *is_float)
{
	const char *s = p, *digits;

	*is_float = false;
	if (end - s > 2 && s[0] == '0' && (s[1] | 32) == 'x' &&
	    isxdigit((unsigned char)s[2])) {
		for (s += 2; s < end && isxdigit((unsigned char)*s); s++)
			;
		return (size_t)(s - p);
	}
	if (s < end && *s == '-')
		s++;
	for (digits = s; s < end && isdigit((unsigned char)*s); s++)
		;
	if (end - s >= 2 && s[0] == '.' && isdigit((unsigned char)s[1])) {
		*is_float = true;
		for (s++; s < end && isdigit((unsigned char)*s); s++)
			;
		return (size_t)(s - p);
	}
	return s > digits ? (size_t)(s - p) : 0;
}

static void lex_number(struct drill_lex *l, struct drill_token *t)
{
	char digits[64];

	if (t->len >= sizeof(digits))
		drill_lex_fail(l, l->line, "a number of %zu digits", t->len);
	memcpy(digits, t->text, t->len);
	digits[t->len] = 0;
	if (t->kind == DRILL_TOK_FLOAT) {
		double v = strtod(digits, NULL);

		if (v > 1e9 || v < -1e9)
			drill_lex_fail(l, l->line, "%s is too large", digits);
		/* In ns, of the microseconds that the language has. */
		t->num = (int64_t)(v * 1e6 + (v < 0 ? -.5 : .5)) * 1000;
		return;
	}
	errno = 0;
	if (digits[0] == '0' && (digits[1] | 32) == 'x')
		t->num = (int64_t)strtoull(digits, NULL, 16);
	else
		t->num = strtoll(digits, NULL, 10);
	if (errno)
		drill_lex_fail(l, l->line, "%s is too large", digits);
}

/* A word that the user has defined becomes what it was defined as. */
static void replace_word(struct drill_lex *l, struct drill_token *t)
{
	const struct drill_define *d;
	char *end;

	for (d = l->defines; d; d = d->next) {
		if (strlen(d->name) == t->len &&
		    !memcmp(d->name, t->text, t->len))
			break;
	}
	if (!d)
		return;
	t->text = d->value;
	t->len = strlen(d->value);
	if (d->value[0] == '"' || d->value[0] == '`') {
		size_t skip = t->len >= 2 &&
			      d->value[t->len - 1] == d->value[0];

		t->kind = d->value[0] == '"' ? DRILL_TOK_STR : DRILL_TOK_SHELL;
		t->len -= 1 + skip;
		t->text = drill_mem_copy(l->mem, d->value + 1, t->len);
		return;
	}
	errno = 0;
	t->num = strtoll(d->value, &end, 0);
	if (t->len && !*end && !errno)
		t->kind = DRILL_TOK_INT;
}

static bool starts(const struct drill_lex *l, const char *s)
{
	size_t n = strlen(s);

	return (size_t)(l->end - l->p) >= n && !memcmp(l->p, s, n);
}

static void lex(struct drill_lex *l, struct drill_token *t)
{
	bool is_float;

	skip_blanks(l);
	*t = (struct drill_token){ .line = l->line, .start = l->p };
	if (l->p >= l->end)
		return;
	t->text = l->p;
	t->len = number_len(l->p, l->end, &is_float);
	if (t->len) {
		t->kind = is_float ? DRILL_TOK_FLOAT : DRILL_TOK_INT;
		lex_number(l, t);
		l->p += t->len;
	} else if (isalnum((unsigned char)*l->p) || *l->p == '_') {
		while (t->len < (size_t)(l->end - l->p) && l->p[t->len] &&
		       strchr(word_set, l->p[t->len]))
			t->len++;
		t->kind = DRILL_TOK_WORD;
		l->p += t->len;
		replace_word(l, t);
	} else if (starts(l, "...")) {
		t->kind = DRILL_TOK_ANY;
		t->len = 3;
		l->p += 3;
	} else if (*l->p == '"') {
		lex_string(l, t);
	} else if (*l->p == '`') {
		t->kind = DRILL_TOK_SHELL;
		lex_block(l, t, "`", "`");
	} else if (starts(l, "%{")) {
		t->kind = DRILL_TOK_CODE;
		lex_block(l, t, "%{", "}%");
	} else {
		t->kind = DRILL_TOK_CHAR;
		t->num = (unsigned char)*l->p++;
		t->len = 1;
	}
}

const struct drill_token *drill_lex_peek(struct drill_lex *l)
{
	if (!l->has_ahead) {
		lex(l, &l->ahead);
		l->has_ahead = true;
	}
	return &l->ahead;
}

struct drill_token drill_lex_take(struct drill_lex *l)
{
	struct drill_token t = *drill_lex_peek(l);

	l->has_ahead = false;
	l->last_line = t.line;
	l->last_end = l->p;
	return t;
}

void drill_lex_rewind(struct drill_lex *l, const struct drill_token *t)
{
	l->p = t->start;
	l->line = t->line;
	l->has_ahead = false;
}

const char *drill_lex_here(struct drill_lex *l)
{
	if (l->has_ahead) {
		struct drill_token t = l->ahead;

		drill_lex_rewind(l, &t);
	}
	skip_blanks(l);
	return l->p;
}

void drill_lex_expected(struct drill_lex *l, const char *what)
{
	const struct drill_token *t = drill_lex_peek(l);
	int n = t->len > 40 ? 40 : (int)t->len;

	if (t->kind == DRILL_TOK_END)
		drill_lex_fail(l, t->line, "%s expected, but the file ends",
			       what);
	drill_lex_fail(l, t->line, "%s expected, not \"%.*s\"", what, n,
		       t->text);
}

bool drill_lex_is(struct drill_lex *l, char c)
{
	const struct drill_token *t = drill_lex_peek(l);

	return t->kind == DRILL_TOK_CHAR && t->num == (unsigned char)c;
}

bool drill_lex_is_word(struct drill_lex *l, const char *word)
{
	const struct drill_token *t = drill_lex_peek(l);

	return t->kind == DRILL_TOK_WORD && t->len == strlen(word) &&
	       !memcmp(t->text, word, t->len);
}

bool drill_lex_accept(struct drill_lex *l, char c)
{
	if (!drill_lex_is(l, c))
		return false;
	drill_lex_take(l);
	return true;
}

bool drill_lex_accept_word(struct drill_lex *l, const char *word)
{
	if (!drill_lex_is_word(l, word))
		return false;
	drill_lex_take(l);
	return true;
}

void drill_lex_expect(struct drill_lex *l, char c)
{
	char what[4] = { '"', c, '"', 0 };

	if (!drill_lex_accept(l, c))
		drill_lex_expected(l, what);
}

void drill_lex_expect_word(struct drill_lex *l, const char *word)
{
	if (!drill_lex_accept_word(l, word))
		drill_lex_expected(l, word);
}

int64_t drill_lex_number(struct drill_lex *l, const char *what, int64_t min,
			 int64_t max)
{
	struct drill_token t = *drill_lex_peek(l);

	if (t.kind != DRILL_TOK_INT)
		drill_lex_expected(l, what);
	drill_lex_take(l);
	if (t.num < min || t.num > max)
		drill_lex_fail(l, t.line,
			       "%s is %lld, but goes from %lld to %lld", what,
			       (long long)t.num, (long long)min,
			       (long long)max);
	return t.num;
}

const char *drill_lex_run(struct drill_lex *l, const char *set,
			  const char *what)
{
	const char *p = drill_lex_here(l), *s = p;

	while (s < l->end && *s && strchr(set, *s))
		s++;
	if (s == p)
		drill_lex_expected(l, what);
	l->p = s;
	l->last_line = l->line;
	l->last_end = s;
	return drill_mem_copy(l->mem, p, (size_t)(s - p));
}

const char *drill_lex_bareword(struct drill_lex *l, const char *what)
{
	struct drill_token t = { .kind = DRILL_TOK_WORD };

	t.text = drill_lex_run(l, word_set, what);
	t.len = strlen(t.text);
	replace_word(l, &t);
	return t.text;
}

void drill_lex_note(struct drill_lex *l)
{
	const char *p = drill_lex_here(l);
	int depth = 0, line = l->line;

	if (p >= l->end || *p != '(')
		return;
	for (; p < l->end; p++) {
		if (*p == '\n')
			l->line++;
		depth += (*p == '(') - (*p == ')');
		if (!depth)
			break;
	}
	if (p >= l->end)
		drill_lex_fail(l, line, "a ( without its )");
	l->p = p + 1;
}
