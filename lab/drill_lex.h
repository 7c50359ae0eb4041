// SPDX-License-Identifier: BSD-2-Clause
/*
 * Words of a script, on demand: the parser says where it expects flags or
 * free text, so that nothing has to be guessed. One token of look-ahead.
 */
#ifndef LAB_DRILL_LEX_H
#define LAB_DRILL_LEX_H

#include "drill_config.h"
#include "drill_mem.h"

#include <setjmp.h>
#include <stdint.h>

enum drill_tok {
	DRILL_TOK_END,
	DRILL_TOK_INT,
	DRILL_TOK_FLOAT,
	DRILL_TOK_WORD,
	DRILL_TOK_STR,
	DRILL_TOK_SHELL,
	DRILL_TOK_CODE,
	DRILL_TOK_ANY,	/* ... */
	DRILL_TOK_CHAR, /* any other character: in num */
};

struct drill_token {
	enum drill_tok kind;
	int line;
	int64_t num;
	const char *text; /* in the file; of strings: their value */
	size_t len;
	const char *start; /* in the file */
};

struct drill_lex {
	struct drill_mem *mem;
	const char *p, *end;
	int line;
	int last_line; /* of the token that was taken last */
	const char *last_end;
	struct drill_token ahead;
	bool has_ahead;
	const struct drill_define *defines;

	/* What is wrong, and where; then the way out. */
	int error_line;
	const char *error;
	bool is_refusal; /* well-formed, but not for us: the script is skipped */
	jmp_buf out;
};

/* Ends the parse. */
__attribute__((noreturn, format(printf, 3, 4))) void
drill_lex_fail(struct drill_lex *, int line, const char *fmt, ...);
__attribute__((noreturn, format(printf, 3, 4))) void
drill_lex_refuse(struct drill_lex *, int line, const char *fmt, ...);
/* Fails: `what` was expected, something else is there. */
__attribute__((noreturn)) void drill_lex_expected(struct drill_lex *,
						  const char *what);

const struct drill_token *drill_lex_peek(struct drill_lex *);
struct drill_token drill_lex_take(struct drill_lex *);
/* Goes back to before a token. */
void drill_lex_rewind(struct drill_lex *, const struct drill_token *);

bool drill_lex_is(struct drill_lex *, char c);
bool drill_lex_is_word(struct drill_lex *, const char *word);
/* Takes it if it is there. */
bool drill_lex_accept(struct drill_lex *, char c);
bool drill_lex_accept_word(struct drill_lex *, const char *word);
void drill_lex_expect(struct drill_lex *, char c);
void drill_lex_expect_word(struct drill_lex *, const char *word);
/* An integer in a range. */
int64_t drill_lex_number(struct drill_lex *, const char *what, int64_t min,
			 int64_t max);
/* A word of [A-Za-z0-9_] as text, also if it looks like a number. */
const char *drill_lex_bareword(struct drill_lex *, const char *what);
/* All characters of `set` from here on (at least one), blanks before them
 * skipped. */
const char *drill_lex_run(struct drill_lex *, const char *set,
			  const char *what);
/* Free text in parentheses, nested ones included; skips it. */
void drill_lex_note(struct drill_lex *);
/* Blanks and comments skipped: where the next token begins, and its line. */
const char *drill_lex_here(struct drill_lex *);

#endif
