// SPDX-License-Identifier: BSD-2-Clause
/*
 * Assertions: the part of Python that scripts use.
 *
 *	assert EXPR [, EXPR]    print(EXPR, ...)    name = EXPR    name += EXPR
 *
 * with and, or, not, chained comparisons, in, | ^ & << >> + - * / // % **,
 * conditional expressions, tuples and lists, "..." % (...), and a few
 * functions. Names live as long as the script; tcpi_* and the like are those of
 * the socket under test at that instant. Anything else makes a script one that
 * is skipped.
 *
 * drill_code_parse.c reads, drill_code_eval.c computes, drill_code_print.c
 * prints, drill_code_vars.c has the names.
 */
#ifndef LAB_DRILL_CODE_H
#define LAB_DRILL_CODE_H

#include "drill_lex.h"

struct drill_run;
struct drill_code;
struct drill_vars;

struct drill_code *drill_code_parse(struct drill_lex *, const char *text,
				    int line);
bool drill_code_run(struct drill_run *, const struct drill_code *);
struct drill_vars *drill_code_new_vars(struct drill_mem *);

#endif
