// SPDX-License-Identifier: BSD-2-Clause
/*
 * A line of a scenario as tokens, and the reader that goes through them.
 * Included by: lab_lex.c lab_parse*.c.
 */
#ifndef LAB_LEX_H
#define LAB_LEX_H

#include "lab_script.h"

#define LAB_TOKENS_MAX 128

struct lab_token {
	const char *text; /* without the quotes */
	size_t len;
	bool quoted;
	const char *from; /* where it begins in the line */
};

struct lab_reader {
	struct lab_script *script;
	struct drill_mem *mem;
	int line;
	const char *text; /* the line, without its indentation */
	struct lab_token tokens[LAB_TOKENS_MAX];
	int n, i;
};

/* Cuts a line into tokens; false: said why. "( ) , = => >= <= < > !=" stand
 * alone, all else goes up to a blank. # begins a comment. */
bool lab_lex_line(struct lab_reader *, const char *text, size_t len);

/* The first mistake counts; false. */
__attribute__((format(printf, 2, 3))) bool lab_wrong(struct lab_reader *,
						     const char *fmt, ...);
bool lab_at_end(const struct lab_reader *);
/* The next token's text, "" at the end. */
const char *lab_peek(const struct lab_reader *);
/* Takes the next if it is this word. */
bool lab_accept(struct lab_reader *, const char *word);
/* It must be. */
bool lab_need(struct lab_reader *, const char *word);
/* Takes any word; NULL and said so at the end of the line. */
const char *lab_word(struct lab_reader *, const char *what);
bool lab_time(struct lab_reader *, int64_t *ns);
bool lab_number(struct lab_reader *, const char *what, int64_t *out);
/* Takes =, >=, ... if one is there. */
bool lab_op(struct lab_reader *, enum lab_op *);
/* Impairments up to the end, or to a word that is none. */
bool lab_impairs(struct lab_reader *, struct impair_config lanes[2],
		 uint32_t *mtu);
/* A packet: "the 2nd SYN+ACK from server seq 0". */
bool lab_parse_pattern(struct lab_reader *, struct lab_pattern *);

bool lab_parse_rule(struct lab_reader *, struct lab_link_decl *);
bool lab_parse_expect(struct lab_reader *, int64_t at);
bool lab_parse_step(struct lab_reader *, const char *actor, int64_t at,
		    int64_t after);
bool lab_parse_happening(struct lab_reader *, const char *who, int64_t at);
bool lab_parse_forge(struct lab_reader *, struct lab_happening *);

#endif
