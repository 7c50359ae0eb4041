// SPDX-License-Identifier: BSD-2-Clause
/*
 * System calls and their arguments:
 *
 *	name(expr, ...) = expr [ERRNO (free text)] [(free text)]
 *
 *	expr	number | SYMBOL | "string" | ... | expr | expr | [expr, ...]
 *		{member, ...} | inet_addr("A") | htons(N)
 *	member	expr | name = expr | name(expr) = expr
 *
 * What a call wants where is checked when it is made: see drill_call.c.
 */
#include "drill_parse.h"

#include "drill_call.h"

#include "base/bytes.h"

#include <string.h>

#define DEPTH_MAX 12 /* of brackets: a message's control data has 5 */

static struct drill_expr *parse_expr(struct drill_parse *p, int depth);

static struct drill_expr *new_expr(struct drill_parse *p,
				   enum drill_expr_kind kind, int line)
{
	struct drill_expr *e = DRILL_NEW(p->lex.mem, struct drill_expr);

	e->kind = kind;
	e->line = line;
	return e;
}

/* "name =" or "name(expr) =" before a member's value; NULL if it has none. */
static const char *parse_member_name(struct drill_parse *p, int depth)
{
	struct drill_lex *l = &p->lex;
	struct drill_token t = *drill_lex_peek(l);

	if (t.kind != DRILL_TOK_WORD)
		return NULL;
	drill_lex_take(l);
	if (drill_lex_accept(l, '='))
		return drill_mem_copy(l->mem, t.text, t.len);
	if (drill_lex_accept(l, '(') && !drill_lex_is(l, ')')) {
		parse_expr(p, depth);
		drill_lex_expect(l, ')');
		if (drill_lex_accept(l, '='))
			return drill_mem_copy(l->mem, t.text, t.len);
	}
	drill_lex_rewind(l, &t);
	return NULL;
}

/* Behind "[" or "{". */
static struct drill_expr *parse_members(struct drill_parse *p, char close,
					int depth)
{
	struct drill_lex *l = &p->lex;
	struct drill_expr *e, **tail;

	e = new_expr(p, close == ']' ? DRILL_EX_LIST : DRILL_EX_STRUCT,
		     l->last_line);
	tail = &e->first;
	if (depth > DEPTH_MAX)
		drill_lex_fail(l, l->last_line, "more than %d brackets deep",
			       DEPTH_MAX);
	if (drill_lex_accept(l, close))
		return e;
	do {
		const char *name = NULL;

		if (close == '}')
			name = parse_member_name(p, depth + 1);
		*tail = parse_expr(p, depth + 1);
		(*tail)->name = name;
		tail = &(*tail)->next;
		e->num++;
	} while (drill_lex_accept(l, ','));
	drill_lex_expect(l, close);
	return e;
}

static struct drill_expr *parse_string(struct drill_parse *p)
{
	struct drill_lex *l = &p->lex;
	struct drill_expr *e = new_expr(p, DRILL_EX_STR, l->line);
	char *bytes;

	while (drill_lex_peek(l)->kind == DRILL_TOK_STR) {
		struct drill_token t = drill_lex_take(l);

		bytes = drill_mem_new(l->mem, e->len + t.len + 1);
		if (e->len)
			memcpy(bytes, e->str, e->len);
		memcpy(bytes + e->len, t.text, t.len);
		e->str = bytes;
		e->len += t.len;
	}
	return e;
}

/* htons(N), inet_addr("A"), inet6_addr("A"): behind the name. */
static struct drill_expr *
parse_function(struct drill_parse *p, const struct drill_token *name, int depth)
{
	struct drill_lex *l = &p->lex;
	struct drill_expr *e;

	drill_lex_expect(l, '(');
	e = parse_expr(p, depth + 1);
	drill_lex_expect(l, ')');
	if (name->len == 5) {
		if (e->kind != DRILL_EX_NUM)
			drill_lex_fail(l, name->line, "htons() takes a number");
		return e;
	}
	if (e->kind != DRILL_EX_STR ||
	    tern_addr_parse(e->str, NULL, &e->addr) != e->len || !e->len)
		drill_lex_fail(l, name->line, "%.*s() takes an address",
			       (int)name->len, name->text);
	e->kind = DRILL_EX_ADDR;
	return e;
}

static struct drill_expr *parse_word(struct drill_parse *p, int depth)
{
	static const char *const functions[] = { "htons", "inet_addr",
						 "inet6_addr" };
	struct drill_lex *l = &p->lex;
	struct drill_token t = drill_lex_take(l);
	struct drill_expr *e;
	size_t i;

	for (i = 0; i < ARRAY_LEN(functions); i++) {
		if (t.len == strlen(functions[i]) &&
		    !memcmp(t.text, functions[i], t.len))
			return parse_function(p, &t, depth);
	}
	e = new_expr(p, DRILL_EX_NUM, t.line);
	if (!drill_sym_find(t.text, t.len, &e->num))
		drill_lex_fail(l, t.line, "there is no symbol %.*s",
			       t.len > 60 ? 60 : (int)t.len, t.text);
	return e;
}

static struct drill_expr *parse_primary(struct drill_parse *p, int depth)
{
	struct drill_lex *l = &p->lex;
	struct drill_token t = *drill_lex_peek(l);
	struct drill_expr *e;

	switch (t.kind) {
	case DRILL_TOK_INT:
		drill_lex_take(l);
		e = new_expr(p, DRILL_EX_NUM, t.line);
		e->num = t.num;
		return e;
	case DRILL_TOK_ANY:
		drill_lex_take(l);
		return new_expr(p, DRILL_EX_ANY, t.line);
	case DRILL_TOK_STR:
		return parse_string(p);
	case DRILL_TOK_WORD:
		return parse_word(p, depth);
	case DRILL_TOK_CHAR:
		if (drill_lex_accept(l, '['))
			return parse_members(p, ']', depth);
		if (drill_lex_accept(l, '{'))
			return parse_members(p, '}', depth);
		break;
	case DRILL_TOK_END:
	case DRILL_TOK_FLOAT:
	case DRILL_TOK_SHELL:
	case DRILL_TOK_CODE:
		break;
	}
	drill_lex_expected(l, "a value");
}

static struct drill_expr *parse_expr(struct drill_parse *p, int depth)
{
	struct drill_expr *e = parse_primary(p, depth), *more;

	while (drill_lex_accept(&p->lex, '|')) {
		more = parse_primary(p, depth);
		if (e->kind != DRILL_EX_NUM || more->kind != DRILL_EX_NUM)
			drill_lex_fail(&p->lex, more->line,
				       "| is for numbers only");
		e->num |= more->num;
	}
	return e;
}

static void parse_result(struct drill_parse *p, struct drill_call *call)
{
	struct drill_lex *l = &p->lex;
	struct drill_token t;
	int64_t error;

	call->result = parse_expr(p, 0);
	t = *drill_lex_peek(l);
	if (t.kind == DRILL_TOK_WORD) {
		if (!drill_sym_find(t.text, t.len, &error) ||
		    !drill_sym_errno((int)error))
			drill_lex_expected(l, "an errno, or the next event");
		drill_lex_take(l);
		call->error = (int)error;
		if (call->result->kind != DRILL_EX_NUM ||
		    call->result->num != -1)
			drill_lex_fail(l, t.line,
				       "an errno goes with the result -1");
	}
	drill_lex_note(l);
}

struct drill_call *drill_parse_call(struct drill_parse *p)
{
	struct drill_lex *l = &p->lex;
	struct drill_call *call = DRILL_NEW(l->mem, struct drill_call);
	struct drill_expr **tail = &call->args;
	struct drill_token name = drill_lex_take(l);

	call->name = drill_mem_copy(l->mem, name.text, name.len);
	call->row = drill_call_find(call->name);
	if (!call->row)
		drill_lex_fail(l, name.line, "there is no system call %s here",
			       call->name);
	if (call->row->refused)
		drill_lex_refuse(l, name.line, "%s(): %s", call->name,
				 call->row->refused);
	drill_lex_expect(l, '(');
	if (!drill_lex_is(l, ')')) {
		do {
			*tail = parse_expr(p, 0);
			tail = &(*tail)->next;
			call->n_args++;
		} while (drill_lex_accept(l, ','));
	}
	drill_lex_expect(l, ')');
	call->text = drill_mem_copy(l->mem, name.start,
				    (size_t)(l->last_end - name.start));
	if (call->n_args < call->row->min_args ||
	    call->n_args > call->row->max_args)
		drill_lex_fail(l, name.line, "%s() takes %d arguments, not %d",
			       call->name, call->row->min_args, call->n_args);
	drill_lex_expect(l, '=');
	parse_result(p, call);
	return call;
}
