// SPDX-License-Identifier: BSD-2-Clause
/*
 * A parser by precedence. A statement ends at the end of its line, but not
 * inside brackets or behind a backslash.
 */
#include "drill_code.h"

#include "drill_code_priv.h"

#include "base/bytes.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 40

struct parser {
	struct drill_lex *lex;
	const char *p;
	int line;
	int brackets; /* open: ends of lines are blanks */
	int depth;
};

static struct drill_node *parse_choice(struct parser *p);

__attribute__((noreturn)) static void refuse(struct parser *p, const char *what)
{
	drill_lex_refuse(p->lex, p->line, "code: %s is not understood", what);
}

__attribute__((noreturn)) static void expected(struct parser *p,
					       const char *what)
{
	size_t n = strcspn(p->p, "\n");

	drill_lex_fail(p->lex, p->line, "code: %s expected at \"%.*s\"", what,
		       n > 40 ? 40 : (int)n, p->p);
}

static void skip_blanks(struct parser *p)
{
	for (;; p->p++) {
		if (*p->p == '#')
			p->p += strcspn(p->p, "\n");
		if (p->p[0] == '\\' && p->p[1] == '\n')
			p->p++;
		else if (*p->p == '\n' && !p->brackets)
			return;
		if (*p->p == '\n')
			p->line++;
		if (!isspace((unsigned char)*p->p))
			return;
	}
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool accept(struct parser *p, const char *s)
{
	size_t n = strlen(s);

	skip_blanks(p);
	if (strncmp(p->p, s, n) != 0)
		return false;
	if (is_name_char(s[0]) && is_name_char(p->p[n]))
		return false;
	p->p += n;
	return true;
}

static struct drill_node *new_node(struct parser *p, enum drill_node_kind kind)
{
	struct drill_node *n = DRILL_NEW(p->lex->mem, struct drill_node);

	n->kind = kind;
	return n;
}

static struct drill_node *pair(struct parser *p, enum drill_node_kind kind,
			       enum drill_operator op, struct drill_node *a,
			       struct drill_node *b)
{
	struct drill_node *n = new_node(p, kind);

	n->op = op;
	n->first = a;
	a->next = b;
	return n;
}

static struct drill_node *parse_string(struct parser *p)
{
	struct drill_node *n = new_node(p, DRILL_N_VALUE);
	char quote = *p->p++, *out, *o;

	if (p->p[0] == quote && p->p[1] == quote)
		refuse(p, "a string of three quotes");
	out = o = drill_mem_new(p->lex->mem, strlen(p->p) + 1);
	for (; *p->p && *p->p != quote && *p->p != '\n'; p->p++) {
		if (*p->p == '\\' && p->p[1]) {
			p->p++;
			*o++ = *p->p == 'n' ? '\n' :
			       *p->p == 't' ? '\t' :
					      *p->p;
			continue;
		}
		*o++ = *p->p;
	}
	if (*p->p++ != quote)
		drill_lex_fail(p->lex, p->line,
			       "code: a string without its end");
	n->value = (struct drill_value){ .kind = DRILL_V_STR, .s = out };
	return n;
}

static struct drill_node *parse_number(struct parser *p)
{
	struct drill_node *n = new_node(p, DRILL_N_VALUE);
	size_t len = 0;
	char *end;
	int base;

	base = p->p[0] != '0'	     ? 10 :
	       (p->p[1] | 32) == 'x' ? 16 :
	       (p->p[1] | 32) == 'o' ? 8 :
	       (p->p[1] | 32) == 'b' ? 2 :
				       10;
	if (base != 10) {
		n->value.kind = DRILL_V_INT;
		n->value.i = (drill_int)strtoull(p->p + 2, &end, base);
		if (end == p->p + 2)
			expected(p, "a number");
		p->p = end;
		return n;
	}
	len = strspn(p->p, "0123456789_");
	if (p->p[len] == '.' || (p->p[len] | 32) == 'e') {
		n->value.kind = DRILL_V_FLOAT;
		n->value.f = strtod(p->p, &end);
		if (end == p->p)
			expected(p, "a number");
		p->p = end;
		return n;
	}
	n->value.kind = DRILL_V_INT;
	for (; len; len--, p->p++) {
		if (*p->p != '_')
			n->value.i = n->value.i * 10 + (*p->p - '0');
		if (n->value.i > (drill_int)1 << 100)
			expected(p, "a smaller number");
	}
	return n;
}

/* Expressions up to `close`; a tuple, unless it is one in parentheses. */
static struct drill_node *parse_items(struct parser *p, const char *close)
{
	struct drill_node *n = new_node(p, DRILL_N_TUPLE);
	struct drill_node **tail = &n->first;
	bool comma = *close == ']';

	p->brackets++;
	while (!accept(p, close)) {
		*tail = parse_choice(p);
		tail = &(*tail)->next;
		if (accept(p, ","))
			comma = true;
		else if (!accept(p, close))
			expected(p, close);
		else
			break;
	}
	p->brackets--;
	if (!comma && n->first)
		return n->first;
	return n;
}

static struct drill_node *parse_name(struct parser *p)
{
	static const char *const reserved[] = { "lambda", "import", "def",
						"for",	  "while",  "if",
						"from",	  "class",  "try",
						"with",	  "del",    "global" };
	struct drill_node *n = new_node(p, DRILL_N_NAME);
	const char *start = p->p;
	size_t i;

	while (is_name_char(*p->p))
		p->p++;
	n->name = drill_mem_copy(p->lex->mem, start, (size_t)(p->p - start));
	for (i = 0; i < ARRAY_LEN(reserved); i++) {
		if (!strcmp(reserved[i], n->name))
			refuse(p, reserved[i]);
	}
	if (*p->p == '"' || *p->p == '\'')
		refuse(p, "a prefix of a string");
	skip_blanks(p);
	if (*p->p == '(') {
		p->p++;
		n->kind = DRILL_N_CALL;
		n->first = new_node(p, DRILL_N_TUPLE);
		p->brackets++;
		if (!accept(p, ")")) {
			struct drill_node **tail = &n->first->first;

			do {
				*tail = parse_choice(p);
				tail = &(*tail)->next;
			} while (accept(p, ","));
			if (!accept(p, ")"))
				expected(p, ")");
		}
		p->brackets--;
	}
	if (*p->p == '.' || *p->p == '[')
		refuse(p, "an attribute or an index");
	return n;
}

static struct drill_node *parse_atom(struct parser *p)
{
	struct drill_node *n;

	skip_blanks(p);
	if (++p->depth > DEPTH_MAX)
		refuse(p, "nesting this deep");
	if (accept(p, "("))
		n = parse_items(p, ")");
	else if (accept(p, "["))
		n = parse_items(p, "]");
	else if (*p->p == '"' || *p->p == '\'')
		n = parse_string(p);
	else if (isdigit((unsigned char)*p->p) ||
		 (*p->p == '.' && isdigit((unsigned char)p->p[1])))
		n = parse_number(p);
	else if (is_name_char(*p->p))
		n = parse_name(p);
	else
		expected(p, "a value");
	p->depth--;
	return n;
}

static struct drill_node *parse_unary(struct parser *p)
{
	enum drill_operator op = accept(p, "-") ? DRILL_O_SUB :
				 accept(p, "+") ? DRILL_O_ADD :
				 accept(p, "~") ? DRILL_O_INVERT :
						  DRILL_O_NONE;
	struct drill_node *n, *a;

	if (op) {
		if (++p->depth > DEPTH_MAX)
			refuse(p, "nesting this deep");
		n = new_node(p, DRILL_N_UNARY);
		n->op = op;
		n->first = parse_unary(p);
		p->depth--;
		return n;
	}
	a = parse_atom(p);
	if (!accept(p, "**"))
		return a;
	return pair(p, DRILL_N_BINARY, DRILL_O_POW, a, parse_unary(p));
}

/* Binary operators from the tightest on; a level's have one strength. */
static const struct {
	const char *text;
	int level;
	enum drill_operator op;
} binaries[] = {
	{ "*", 0, DRILL_O_MUL },  { "//", 0, DRILL_O_FLOOR },
	{ "/", 0, DRILL_O_DIV },  { "%", 0, DRILL_O_MOD },
	{ "+", 1, DRILL_O_ADD },  { "-", 1, DRILL_O_SUB },
	{ "<<", 2, DRILL_O_SHL }, { ">>", 2, DRILL_O_SHR },
	{ "&", 3, DRILL_O_AND },  { "^", 4, DRILL_O_XOR },
	{ "|", 5, DRILL_O_OR },
};

static struct drill_node *parse_binary(struct parser *p, int level)
{
	struct drill_node *a;
	size_t i;

	if (level < 0)
		return parse_unary(p);
	a = parse_binary(p, level - 1);
	for (i = 0; i < ARRAY_LEN(binaries);) {
		if (binaries[i].level != level ||
		    !accept(p, binaries[i].text)) {
			i++;
			continue;
		}
		a = pair(p, DRILL_N_BINARY, binaries[i].op, a,
			 parse_binary(p, level - 1));
		i = 0;
	}
	return a;
}

static enum drill_operator accept_comparison(struct parser *p)
{
	static const struct {
		const char *text;
		enum drill_operator op;
	} ops[] = {
		{ "==", DRILL_O_EQ }, { "!=", DRILL_O_NE },
		{ "<=", DRILL_O_LE }, { ">=", DRILL_O_GE },
		{ "<", DRILL_O_LT },  { ">", DRILL_O_GT },
		{ "in", DRILL_O_IN }, { "is", DRILL_O_EQ },
	};
	const char *back;
	size_t i;

	for (i = 0; i < ARRAY_LEN(ops); i++) {
		if (!accept(p, ops[i].text))
			continue;
		if (ops[i].text[0] == 'i' && ops[i].text[1] == 's' &&
		    accept(p, "not"))
			return DRILL_O_NE;
		return ops[i].op;
	}
	back = p->p;
	if (accept(p, "not")) {
		if (accept(p, "in"))
			return DRILL_O_NOT_IN;
		p->p = back;
	}
	return DRILL_O_NONE;
}

static struct drill_node *parse_comparison(struct parser *p)
{
	struct drill_node *a = parse_binary(p, 5), *n, *last = a;
	enum drill_operator op = accept_comparison(p);

	if (!op)
		return a;
	n = new_node(p, DRILL_N_COMPARE);
	n->first = a;
	for (; op; op = accept_comparison(p)) {
		last->next = parse_binary(p, 5);
		last = last->next;
		/* A chained operand is evaluated as the node it is. */
		n->value.n_items++;
		if (n->value.n_items > 8)
			refuse(p, "a chain of comparisons this long");
		n->value.i |= (drill_int)op << 8 * (n->value.n_items - 1);
	}
	return n;
}

static struct drill_node *parse_not(struct parser *p)
{
	struct drill_node *n;

	if (!accept(p, "not"))
		return parse_comparison(p);
	if (++p->depth > DEPTH_MAX)
		refuse(p, "nesting this deep");
	n = new_node(p, DRILL_N_NOT);
	n->first = parse_not(p);
	p->depth--;
	return n;
}

static struct drill_node *parse_and(struct parser *p)
{
	struct drill_node *a = parse_not(p);

	while (accept(p, "and"))
		a = pair(p, DRILL_N_AND, DRILL_O_NONE, a, parse_not(p));
	return a;
}

static struct drill_node *parse_or(struct parser *p)
{
	struct drill_node *a = parse_and(p);

	while (accept(p, "or"))
		a = pair(p, DRILL_N_OR, DRILL_O_NONE, a, parse_and(p));
	return a;
}

static struct drill_node *parse_choice(struct parser *p)
{
	struct drill_node *a = parse_or(p), *n;

	if (!accept(p, "if"))
		return a;
	n = new_node(p, DRILL_N_CHOICE);
	n->first = parse_or(p);
	if (!accept(p, "else"))
		expected(p, "else");
	n->first->next = a;
	a->next = parse_choice(p);
	return n;
}

/* "name =", "name +=": the name, and what stands before the "=". */
static const char *accept_assignment(struct parser *p, enum drill_operator *op)
{
	const char *start = p->p, *end;
	size_t i;

	*op = DRILL_O_NONE;
	if (isdigit((unsigned char)*start))
		return NULL;
	while (is_name_char(*p->p))
		p->p++;
	end = p->p;
	if (end > start) {
		skip_blanks(p);
		for (i = 0; i < ARRAY_LEN(binaries); i++) {
			size_t n = strlen(binaries[i].text);

			if (!strncmp(p->p, binaries[i].text, n) &&
			    p->p[n] == '=') {
				*op = binaries[i].op;
				p->p += n;
				break;
			}
		}
		if (p->p[0] == '=' && p->p[1] != '=') {
			p->p++;
			return drill_mem_copy(p->lex->mem, start,
					      (size_t)(end - start));
		}
	}
	p->p = start;
	return NULL;
}

static struct drill_statement *parse_statement(struct parser *p)
{
	struct drill_statement *s;
	const char *start = p->p;

	s = DRILL_NEW(p->lex->mem, struct drill_statement);
	s->line = p->line;
	if (accept(p, "assert")) {
		s->kind = DRILL_S_ASSERT;
		s->a = parse_choice(p);
		if (accept(p, ","))
			s->b = parse_choice(p);
	} else {
		s->kind = DRILL_S_EXPR;
		s->name = accept_assignment(p, &s->op);
		if (s->name)
			s->kind = DRILL_S_ASSIGN;
		s->a = parse_choice(p);
	}
	s->text = drill_mem_copy(p->lex->mem, start, (size_t)(p->p - start));
	skip_blanks(p);
	if (*p->p && *p->p != '\n' && *p->p != ';')
		expected(p, "the end of the line");
	return s;
}

struct drill_code *drill_code_parse(struct drill_lex *l, const char *text,
				    int line)
{
	struct drill_code *code = DRILL_NEW(l->mem, struct drill_code);
	struct drill_statement **tail = &code->first;
	struct parser p = { .lex = l, .p = text, .line = line };

	code->line = line;
	for (;;) {
		skip_blanks(&p);
		if (!*p.p)
			break;
		if (*p.p == '\n' || *p.p == ';') {
			p.line += *p.p++ == '\n';
			continue;
		}
		if (accept(&p, "pass"))
			continue;
		*tail = parse_statement(&p);
		tail = &(*tail)->next;
	}
	return code;
}
