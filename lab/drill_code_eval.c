// SPDX-License-Identifier: BSD-2-Clause
/* Computing as Python does, for the types that there are. */
#include "drill_code_priv.h"

#include "drill_run.h"

#include "base/bytes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BITS_MAX 120 /* of an integer; Python's have no end */

struct drill_value drill_code_fail(struct drill_eval *e, const char *fmt, ...)
{
	struct drill_text t = { 0 };
	va_list args;

	va_start(args, fmt);
	drill_text_vadd(&t, fmt, args);
	va_end(args);
	if (!e->error)
		e->error = drill_mem_copy(e->r->mem, t.s, t.len);
	free(t.s);
	return (struct drill_value){ 0 };
}

static struct drill_value of_int(drill_int i)
{
	return (struct drill_value){ .kind = DRILL_V_INT, .i = i };
}

static struct drill_value of_float(double f)
{
	return (struct drill_value){ .kind = DRILL_V_FLOAT, .f = f };
}

static struct drill_value of_bool(bool b)
{
	return (struct drill_value){ .kind = DRILL_V_BOOL, .i = b };
}

bool drill_code_truth(const struct drill_value *v)
{
	switch (v->kind) {
	case DRILL_V_NONE:
		return false;
	case DRILL_V_BOOL:
	case DRILL_V_INT:
		return v->i != 0;
	case DRILL_V_FLOAT:
		return v->f != 0;
	case DRILL_V_STR:
		return v->s[0];
	case DRILL_V_TUPLE:
		return v->n_items;
	}
	return false;
}

/* -1, 0, 1; 2: they are of kinds that have no order. */
static int compare(const struct drill_value *a, const struct drill_value *b)
{
	int i, c;

	if (drill_code_is_number(a) && drill_code_is_number(b)) {
		if (a->kind == DRILL_V_FLOAT || b->kind == DRILL_V_FLOAT)
			return (drill_code_as_float(a) >
				drill_code_as_float(b)) -
			       (drill_code_as_float(a) <
				drill_code_as_float(b));
		return (a->i > b->i) - (a->i < b->i);
	}
	if (a->kind != b->kind)
		return 2;
	if (a->kind == DRILL_V_STR) {
		c = strcmp(a->s, b->s);
		return (c > 0) - (c < 0);
	}
	if (a->kind != DRILL_V_TUPLE)
		return 0;
	for (i = 0; i < a->n_items && i < b->n_items; i++) {
		c = compare(&a->items[i], &b->items[i]);
		if (c)
			return c;
	}
	return (a->n_items > b->n_items) - (a->n_items < b->n_items);
}

static bool contains(const struct drill_value *in, const struct drill_value *v)
{
	int i;

	if (in->kind == DRILL_V_STR && v->kind == DRILL_V_STR)
		return strstr(in->s, v->s);
	for (i = 0; in->kind == DRILL_V_TUPLE && i < in->n_items; i++) {
		if (!compare(&in->items[i], v))
			return true;
	}
	return false;
}

static bool relate(struct drill_eval *e, enum drill_operator op,
		   const struct drill_value *a, const struct drill_value *b)
{
	int c = compare(a, b);

	switch ((int)op) {
	case DRILL_O_EQ:
		return c == 0;
	case DRILL_O_NE:
		return c != 0;
	case DRILL_O_IN:
		return contains(b, a);
	case DRILL_O_NOT_IN:
		return !contains(b, a);
	}
	if (c == 2) {
		drill_code_fail(e, "values of these types have no order");
		return false;
	}
	switch ((int)op) {
	case DRILL_O_LT:
		return c < 0;
	case DRILL_O_LE:
		return c <= 0;
	case DRILL_O_GT:
		return c > 0;
	default:
		return c >= 0;
	}
}

static drill_int floor_div(drill_int a, drill_int b)
{
	return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static struct drill_value int_op(struct drill_eval *e, enum drill_operator op,
				 drill_int a, drill_int b)
{
	drill_int out = 0;

	switch ((int)op) {
	case DRILL_O_ADD:
		out = a + b;
		break;
	case DRILL_O_SUB:
		out = a - b;
		break;
	case DRILL_O_MUL:
		if (__builtin_mul_overflow(a, b, &out))
			return drill_code_fail(e, "a number is too large");
		break;
	case DRILL_O_FLOOR:
	case DRILL_O_MOD:
	case DRILL_O_DIV:
		if (!b)
			return drill_code_fail(e, "division by zero");
		if (op == DRILL_O_DIV)
			return of_float((double)a / (double)b);
		out = op == DRILL_O_FLOOR ? floor_div(a, b) :
					    a - b * floor_div(a, b);
		break;
	case DRILL_O_POW:
		if (b < 0 || b > 100)
			return drill_code_fail(e, "a power is too large");
		for (out = 1; b; b--) {
			if (__builtin_mul_overflow(out, a, &out))
				return drill_code_fail(e,
						       "a number is too large");
		}
		break;
	case DRILL_O_SHL:
	case DRILL_O_SHR:
		if (b < 0 || b > 60)
			return drill_code_fail(e, "a shift is too far");
		out = op == DRILL_O_SHL ? a * ((drill_int)1 << b) : a >> b;
		break;
	case DRILL_O_AND:
		out = a & b;
		break;
	case DRILL_O_OR:
		out = a | b;
		break;
	case DRILL_O_XOR:
		out = a ^ b;
		break;
	}
	if (out > (drill_int)1 << BITS_MAX || out < -((drill_int)1 << BITS_MAX))
		return drill_code_fail(e, "a number is too large");
	return of_int(out);
}

static struct drill_value float_op(struct drill_eval *e, enum drill_operator op,
				   double a, double b)
{
	switch ((int)op) {
	case DRILL_O_ADD:
		return of_float(a + b);
	case DRILL_O_SUB:
		return of_float(a - b);
	case DRILL_O_MUL:
		return of_float(a * b);
	case DRILL_O_POW:
		return of_float(pow(a, b));
	case DRILL_O_DIV:
	case DRILL_O_FLOOR:
	case DRILL_O_MOD:
		if (b == 0)
			return drill_code_fail(e, "division by zero");
		if (op == DRILL_O_DIV)
			return of_float(a / b);
		return of_float(op == DRILL_O_FLOOR ? floor(a / b) :
						      a - b * floor(a / b));
	}
	return drill_code_fail(e, "an operator is not for fractions");
}

struct drill_value drill_code_binary(struct drill_eval *e,
				     enum drill_operator op,
				     const struct drill_value *a,
				     const struct drill_value *b)
{
	if (op == DRILL_O_MOD && a->kind == DRILL_V_STR)
		return drill_code_format(e, a->s, b);
	if (op == DRILL_O_ADD && a->kind == DRILL_V_STR &&
	    b->kind == DRILL_V_STR)
		return (struct drill_value){
			.kind = DRILL_V_STR,
			.s = drill_mem_printf(e->r->mem, "%s%s", a->s, b->s),
		};
	if (!drill_code_is_number(a) || !drill_code_is_number(b))
		return drill_code_fail(e, "an operator does not fit its "
					  "operands");
	if (a->kind == DRILL_V_FLOAT || b->kind == DRILL_V_FLOAT)
		return float_op(e, op, drill_code_as_float(a),
				drill_code_as_float(b));
	return int_op(e, op, a->i, b->i);
}

static struct drill_value eval_tuple(struct drill_eval *e,
				     const struct drill_node *n)
{
	struct drill_value *items;
	const struct drill_node *c;
	int count = 0;

	for (c = n->first; c; c = c->next)
		count++;
	items = drill_mem_new(e->r->mem, (size_t)(count + 1) * sizeof(*items));
	for (c = n->first, count = 0; c; c = c->next)
		items[count++] = drill_code_eval(e, c);
	return (struct drill_value){ .kind = DRILL_V_TUPLE,
				     .items = items,
				     .n_items = count };
}

static struct drill_value eval_compare(struct drill_eval *e,
				       const struct drill_node *n)
{
	struct drill_value a = drill_code_eval(e, n->first), b;
	const struct drill_node *c = n->first->next;
	drill_int ops = n->value.i;

	for (; c && !e->error; c = c->next, ops >>= 8) {
		b = drill_code_eval(e, c);
		if (!relate(e, (enum drill_operator)(ops & 0xff), &a, &b))
			return of_bool(false);
		a = b;
	}
	return of_bool(true);
}

static struct drill_value do_print(struct drill_eval *e,
				   const struct drill_value *args)
{
	struct drill_text *out = &e->r->output;
	int i;

	for (i = 0; i < args->n_items; i++) {
		drill_text_add(out, i ? " " : "");
		drill_code_print(out, &args->items[i], false);
	}
	drill_text_add(out, "\n");
	return (struct drill_value){ 0 };
}

static struct drill_value eval_call(struct drill_eval *e,
				    const struct drill_node *n)
{
	struct drill_value args = eval_tuple(e, n->first), v;
	struct drill_text t = { 0 };
	int i, sign;

	if (e->error)
		return args;
	if (!strcmp(n->name, "print"))
		return do_print(e, &args);
	if (!args.n_items)
		return drill_code_fail(e, "%s() needs an argument", n->name);
	v = args.items[0];
	if (!strcmp(n->name, "str")) {
		drill_code_print(&t, &v, false);
		v = (struct drill_value){
			.kind = DRILL_V_STR,
			.s = drill_mem_copy(e->r->mem, t.s ? t.s : "", t.len),
		};
		free(t.s);
		return v;
	}
	if (!strcmp(n->name, "len") && v.kind == DRILL_V_TUPLE)
		return of_int(v.n_items);
	if (!strcmp(n->name, "bool"))
		return of_bool(drill_code_truth(&v));
	sign = !strcmp(n->name, "min") ? -1 : !strcmp(n->name, "max");
	if (sign) {
		if (args.n_items == 1 && v.kind == DRILL_V_TUPLE) {
			args = v;
			v = args.n_items ? args.items[0] : v;
		}
		for (i = 1; i < args.n_items; i++) {
			if (compare(&args.items[i], &v) == sign)
				v = args.items[i];
		}
		return v;
	}
	if (!drill_code_is_number(&v))
		return drill_code_fail(e, "%s() is not known here", n->name);
	if (!strcmp(n->name, "int"))
		return v.kind == DRILL_V_FLOAT ? of_int((drill_int)v.f) :
						 of_int(v.i);
	if (!strcmp(n->name, "float"))
		return of_float(drill_code_as_float(&v));
	if (!strcmp(n->name, "round"))
		return of_int((drill_int)nearbyint(drill_code_as_float(&v)));
	if (!strcmp(n->name, "abs") && v.kind == DRILL_V_FLOAT)
		return of_float(fabs(v.f));
	if (!strcmp(n->name, "abs"))
		return of_int(v.i < 0 ? -v.i : v.i);
	return drill_code_fail(e, "%s() is not known here", n->name);
}

static struct drill_value eval_unary(struct drill_eval *e,
				     const struct drill_node *n)
{
	struct drill_value v = drill_code_eval(e, n->first);

	if (e->error)
		return v;
	if (!drill_code_is_number(&v) ||
	    (n->op == DRILL_O_INVERT && v.kind == DRILL_V_FLOAT))
		return drill_code_fail(e, "an operator does not fit its "
					  "operand");
	if (n->op == DRILL_O_INVERT)
		return of_int(~v.i);
	if (v.kind == DRILL_V_FLOAT)
		return of_float(n->op == DRILL_O_SUB ? -v.f : v.f);
	return of_int(n->op == DRILL_O_SUB ? -v.i : v.i);
}

struct drill_value drill_code_eval(struct drill_eval *e,
				   const struct drill_node *n)
{
	struct drill_value a, b;

	if (e->error)
		return (struct drill_value){ 0 };
	switch (n->kind) {
	case DRILL_N_VALUE:
		return n->value;
	case DRILL_N_NAME:
		if (!drill_code_get(e->r, n->name, &a))
			return drill_code_fail(e, "there is no name %s",
					       n->name);
		return a;
	case DRILL_N_TUPLE:
		return eval_tuple(e, n);
	case DRILL_N_UNARY:
		return eval_unary(e, n);
	case DRILL_N_BINARY:
		a = drill_code_eval(e, n->first);
		b = drill_code_eval(e, n->first->next);
		return e->error ? a : drill_code_binary(e, n->op, &a, &b);
	case DRILL_N_COMPARE:
		return eval_compare(e, n);
	case DRILL_N_AND:
	case DRILL_N_OR:
		a = drill_code_eval(e, n->first);
		if (drill_code_truth(&a) == (n->kind == DRILL_N_OR))
			return a;
		return drill_code_eval(e, n->first->next);
	case DRILL_N_NOT:
		a = drill_code_eval(e, n->first);
		return of_bool(!drill_code_truth(&a));
	case DRILL_N_CALL:
		return eval_call(e, n);
	case DRILL_N_CHOICE:
		a = drill_code_eval(e, n->first);
		return drill_code_eval(e, drill_code_truth(&a) ?
						  n->first->next :
						  n->first->next->next);
	}
	return (struct drill_value){ 0 };
}
