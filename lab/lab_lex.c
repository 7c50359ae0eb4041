// SPDX-License-Identifier: BSD-2-Clause
#include "lab_lex.h"

#include "link/impair.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool lab_wrong(struct lab_reader *r, const char *fmt, ...)
{
	struct drill_text *e = &r->script->error;
	va_list args;

	if (e->len)
		return false;
	drill_text_add(e, "%s:%d: ", r->script->path, r->line);
	va_start(args, fmt);
	drill_text_vadd(e, fmt, args);
	va_end(args);
	return false;
}

/* Bytes of an operator or of a parenthesis at p, 0: none. */
static size_t punctuation(const char *p)
{
	if (!strncmp(p, "=>", 2) || !strncmp(p, ">=", 2) ||
	    !strncmp(p, "<=", 2) || !strncmp(p, "!=", 2))
		return 2;
	return *p && strchr("(),=<>", *p) ? 1 : 0;
}

static bool add(struct lab_reader *r, const char *p, size_t n, bool quoted)
{
	if (r->n == LAB_TOKENS_MAX)
		return lab_wrong(r, "more than %d words on a line",
				 LAB_TOKENS_MAX);
	r->tokens[r->n++] = (struct lab_token){
		.text = drill_mem_copy(r->mem, p, n),
		.len = n,
		.quoted = quoted,
		.from = p,
	};
	return true;
}

bool lab_lex_line(struct lab_reader *r, const char *text, size_t len)
{
	const char *p = drill_mem_copy(r->mem, text, len);

	r->n = r->i = 0;
	while (*p == ' ' || *p == '\t')
		p++;
	r->text = p;
	while (*p && *p != '#') {
		size_t n = punctuation(p);

		if (*p == ' ' || *p == '\t') {
			p++;
			continue;
		}
		if (*p == '"') {
			const char *end = strchr(p + 1, '"');

			if (!end)
				return lab_wrong(r,
						 "the text that begins at "
						 "%s has no end: \"",
						 p);
			if (!add(r, p + 1, (size_t)(end - p - 1), true))
				return false;
			p = end + 1;
			continue;
		}
		if (!n)
			while (p[n] && !strchr(" \t\"#", p[n]) &&
			       !punctuation(p + n))
				n++;
		if (!add(r, p, n, false))
			return false;
		p += n;
	}
	return true;
}

bool lab_at_end(const struct lab_reader *r)
{
	return r->i == r->n;
}

const char *lab_peek(const struct lab_reader *r)
{
	return r->i < r->n ? r->tokens[r->i].text : "";
}

bool lab_accept(struct lab_reader *r, const char *word)
{
	if (r->i == r->n || r->tokens[r->i].quoted ||
	    strcasecmp(r->tokens[r->i].text, word) != 0)
		return false;
	r->i++;
	return true;
}

bool lab_need(struct lab_reader *r, const char *word)
{
	if (lab_accept(r, word))
		return true;
	if (lab_at_end(r))
		return lab_wrong(r, "\"%s\" is expected at the end", word);
	return lab_wrong(r, "\"%s\" is expected, not \"%s\"", word,
			 lab_peek(r));
}

const char *lab_word(struct lab_reader *r, const char *what)
{
	if (r->i < r->n)
		return r->tokens[r->i++].text;
	lab_wrong(r, "%s is expected at the end", what);
	return NULL;
}

bool lab_time(struct lab_reader *r, int64_t *ns)
{
	const char *word = lab_word(r, "a time, as 1.5s or 40ms,");

	if (!word)
		return false;
	if (!impair_parse_time(word, ns))
		return lab_wrong(r, "\"%s\" is no time: 1.5s, 40ms, 2h", word);
	return true;
}

bool lab_number(struct lab_reader *r, const char *what, int64_t *out)
{
	const char *word = lab_word(r, what);
	char *end;

	if (!word)
		return false;
	*out = strtoll(word, &end, 0);
	if (end == word || *end)
		return lab_wrong(r, "\"%s\" is no number: %s is expected", word,
				 what);
	return true;
}

bool lab_op(struct lab_reader *r, enum lab_op *op)
{
	for (int i = LAB_EQ; i <= LAB_NE; i++) {
		if (lab_accept(r, lab_op_text((enum lab_op)i))) {
			*op = (enum lab_op)i;
			return true;
		}
	}
	return false;
}

/* The words that are left. A list, 3,5,9, was cut into tokens and is one. */
static int gather(struct lab_reader *r, const char **words)
{
	int n = 0;

	for (int i = r->i; i < r->n; i++) {
		const char *from = r->tokens[i].from;

		if (!strcmp(r->tokens[i].text, ",") && n && i + 1 < r->n &&
		    r->tokens[i + 1].from == from + 1 &&
		    r->tokens[i - 1].from + r->tokens[i - 1].len == from) {
			words[n - 1] = drill_mem_printf(r->mem, "%s,%s",
							words[n - 1],
							r->tokens[i + 1].text);
			r->tokens[i + 1].from = NULL;
			i++;
		} else {
			words[n++] = r->tokens[i].text;
		}
	}
	return n;
}

/* Past so many words of gather()'s. */
static void skip(struct lab_reader *r, int n)
{
	while (n--) {
		r->i++;
		while (r->i + 1 < r->n && !r->tokens[r->i + 1].from)
			r->i += 2;
	}
}

bool lab_impairs(struct lab_reader *r, struct impair_config lanes[2],
		 uint32_t *mtu)
{
	const char *words[LAB_TOKENS_MAX];
	bool back = false;

	while (!lab_at_end(r)) {
		struct impair_config forth = lanes[0];
		const char *why = NULL;
		int n, used;
		int64_t v;

		if (lab_accept(r, ","))
			continue;
		if (lab_accept(r, "back")) {
			back = true;
			continue;
		}
		if (mtu && lab_accept(r, "mtu")) {
			if (!lab_number(r, "mtu", &v))
				return false;
			if (v < 68 || v > 65535)
				return lab_wrong(r, "mtu is 68 to 65535");
			*mtu = (uint32_t)v;
			continue;
		}
		n = gather(r, words);
		used = impair_parse(back ? &lanes[1] : &forth, words, n, &why);
		if (used < 0)
			return lab_wrong(r, "%s", why);
		if (!used)
			return lab_wrong(r,
					 "\"%s\" is nothing that a link "
					 "has: delay, jitter, loss, drop, "
					 "reorder, duplicate, corrupt, "
					 "rate, queue, mark, mtu, back",
					 words[0]);
		if (!back)
			lanes[0] = lanes[1] = forth;
		skip(r, used);
	}
	return true;
}
