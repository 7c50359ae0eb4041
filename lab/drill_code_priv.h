// SPDX-License-Identifier: BSD-2-Clause
/*
 * The tree of code.
 *
 * Included by: drill_code*.c.
 */
#ifndef LAB_DRILL_CODE_PRIV_H
#define LAB_DRILL_CODE_PRIV_H

#include "drill_code.h"

/* Wide enough for every field of TCP_INFO and what is computed from it. */
typedef __int128 drill_int;

enum drill_value_kind {
	DRILL_V_NONE,
	DRILL_V_BOOL,
	DRILL_V_INT,
	DRILL_V_FLOAT,
	DRILL_V_STR,
	DRILL_V_TUPLE,
};

struct drill_value {
	enum drill_value_kind kind;
	drill_int i; /* of a bool, too */
	double f;
	const char *s;
	const struct drill_value *items;
	int n_items;
};

enum drill_node_kind {
	DRILL_N_VALUE,
	DRILL_N_NAME,
	DRILL_N_TUPLE,
	DRILL_N_UNARY,
	DRILL_N_BINARY,
	DRILL_N_COMPARE, /* children, ops between them */
	DRILL_N_AND,
	DRILL_N_OR,
	DRILL_N_NOT,
	DRILL_N_CALL,	/* name, children */
	DRILL_N_CHOICE, /* a if b else c: b, a, c */
};

enum drill_operator {
	DRILL_O_NONE,
	DRILL_O_ADD,
	DRILL_O_SUB,
	DRILL_O_MUL,
	DRILL_O_DIV,
	DRILL_O_FLOOR,
	DRILL_O_MOD,
	DRILL_O_POW,
	DRILL_O_SHL,
	DRILL_O_SHR,
	DRILL_O_AND,
	DRILL_O_OR,
	DRILL_O_XOR,
	DRILL_O_INVERT,
	DRILL_O_EQ,
	DRILL_O_NE,
	DRILL_O_LT,
	DRILL_O_LE,
	DRILL_O_GT,
	DRILL_O_GE,
	DRILL_O_IN,
	DRILL_O_NOT_IN,
};

struct drill_node {
	enum drill_node_kind kind;
	enum drill_operator op; /* of a child of a comparison: before it */
	struct drill_node *next, *first;
	const char *name;
	struct drill_value value;
};

enum drill_statement_kind {
	DRILL_S_ASSERT,
	DRILL_S_ASSIGN,
	DRILL_S_EXPR,
};

struct drill_statement {
	struct drill_statement *next;
	enum drill_statement_kind kind;
	int line;
	const char *text;
	const char *name; /* assigned to */
	enum drill_operator op;
	struct drill_node *a, *b;
};

struct drill_code {
	int line;
	struct drill_statement *first;
};

struct drill_eval {
	struct drill_run *r;
	const struct drill_statement *statement;
	const char *error; /* why it cannot be computed */
};

struct drill_value drill_code_eval(struct drill_eval *,
				   const struct drill_node *);
struct drill_value drill_code_binary(struct drill_eval *, enum drill_operator,
				     const struct drill_value *,
				     const struct drill_value *);
bool drill_code_truth(const struct drill_value *);
struct drill_value drill_code_fail(struct drill_eval *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* drill_code_print.c */
void drill_code_print(struct drill_text *, const struct drill_value *,
		      bool quoted);
/* "..." % args. */
struct drill_value drill_code_format(struct drill_eval *, const char *fmt,
				     const struct drill_value *args);

static inline bool drill_code_is_number(const struct drill_value *v)
{
	return v->kind == DRILL_V_BOOL || v->kind == DRILL_V_INT ||
	       v->kind == DRILL_V_FLOAT;
}

static inline double drill_code_as_float(const struct drill_value *v)
{
	return v->kind == DRILL_V_FLOAT ? v->f : (double)v->i;
}

/* Names. */
bool drill_code_get(struct drill_run *, const char *name, struct drill_value *);
void drill_code_set(struct drill_run *, const char *name,
		    const struct drill_value *);
/* Takes TCP_INFO of the socket under test; NULL, or why there is none. */
const char *drill_code_snapshot(struct drill_run *);

#endif
