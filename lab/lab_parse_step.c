// SPDX-License-Identifier: BSD-2-Clause
/* What programs do, and what befalls hosts and links. */
#include "lab_lex.h"

#include "drill_parse.h"

#include <tern/error.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TIMES_MAX 10000000

/* The program of an actor, "client" or "client.web"; made if it is new. */
static struct lab_program *program_of(struct lab_reader *r, const char *actor)
{
	struct lab_program **at = &r->script->programs, *p;
	const char *dot = strchr(actor, '.');
	const char *host = drill_mem_copy(
		r->mem, actor, dot ? (size_t)(dot - actor) : strlen(actor));
	struct lab_node_decl *d = lab_script_node(r->script, host);

	if (!d || d->kind != LAB_HOST) {
		lab_wrong(r, "there is no host \"%s\" above", host);
		return NULL;
	}
	for (; *at; at = &(*at)->next) {
		if (!strcmp((*at)->name, actor))
			return *at;
	}
	p = DRILL_NEW(r->mem, struct lab_program);
	p->name = drill_mem_copy(r->mem, actor, strlen(actor));
	p->host = host;
	p->line = r->line;
	*at = p;
	return p;
}

static void append(struct lab_program *p, struct lab_step *s)
{
	if (p->last)
		p->last->next = s;
	else
		p->steps = s;
	p->last = s;
}

/* The head of a loop that is still open, or NULL. */
static struct lab_step *open_loop(const struct lab_program *p)
{
	struct lab_step *open = NULL;

	for (struct lab_step *s = p->steps; s; s = s->next) {
		if (s->times && !s->end)
			open = s;
	}
	return open;
}

static bool parse_repeat(struct lab_reader *r, struct lab_program *p,
			 struct lab_step *s)
{
	int64_t n;

	if (!lab_number(r, "how often", &n))
		return false;
	if (n < 1 || n > TIMES_MAX)
		return lab_wrong(r, "repeat 1 to %d times", TIMES_MAX);
	lab_accept(r, "times");
	s->times = (uint32_t)n;
	append(p, s);
	return true;
}

static bool parse_end(struct lab_reader *r, struct lab_program *p,
		      struct lab_step *s)
{
	struct lab_step *head = open_loop(p);

	if (!head)
		return lab_wrong(r, "there is no repeat above that this ends");
	head->end = s;
	append(p, s);
	return true;
}

static void take_arg(struct lab_reader *r, struct lab_arg *a)
{
	const struct lab_token *t = &r->tokens[r->i++];
	char *end;

	a->text = t->text;
	a->len = t->len;
	a->kind = t->quoted ? LAB_TEXT : LAB_WORD;
	if (t->quoted || !t->len)
		return;
	a->number = strtoll(t->text, &end, 0);
	if (!*end)
		a->kind = LAB_NUMBER;
}

static bool parse_args(struct lab_reader *r, struct lab_step *s,
		       const char *name)
{
	int min, max;
	const char *usage = lab_call_args(s->call, &min, &max);

	if (!lab_need(r, "("))
		return false;
	while (!lab_accept(r, ")")) {
		if (lab_at_end(r))
			return lab_wrong(r, "\")\" is expected at the end");
		if (s->n_args && !lab_need(r, ","))
			return false;
		if (lab_at_end(r) || s->n_args == LAB_ARGS_MAX)
			return lab_wrong(r, "%s", usage);
		take_arg(r, &s->args[s->n_args++]);
	}
	if (s->n_args < min || s->n_args > max)
		return lab_wrong(r, "%s has %s arguments: %s", name,
				 s->n_args < min ? "too few" : "too many",
				 usage);
	return true;
}

/* 0: no error has this name. */
static int find_errno(const char *name)
{
	for (int e = 1; e < 134; e++) {
		if (!strcmp(tern_error_name(e), name))
			return e;
	}
	return 0;
}

static bool parse_result(struct lab_reader *r, struct lab_result *out)
{
	const struct lab_token *t;
	char *end;
	int64_t bits;

	lab_op(r, &out->op);
	if (lab_at_end(r))
		return lab_wrong(r, "a result is expected behind =>: a number, "
				    "an error as ECONNRESET, a text, any");
	t = &r->tokens[r->i++];
	out->text = t->text;
	out->len = t->len;
	if (t->quoted) {
		out->kind = LAB_RESULT_TEXT;
		return true;
	}
	if (!strcasecmp(t->text, "any")) {
		out->kind = LAB_RESULT_ANY;
		return true;
	}
	out->number = find_errno(t->text);
	if (out->number) {
		out->kind = LAB_RESULT_ERROR;
		return true;
	}
	out->kind = LAB_RESULT_NUMBER;
	out->number = strtoll(t->text, &end, 0);
	if (!*end)
		return true;
	bits = lab_poll_bits(t->text);
	if (bits < 0 && !drill_sym_find(t->text, t->len, &bits))
		return lab_wrong(r,
				 "\"%s\" is no result: a number, an error "
				 "as ECONNRESET, a text, any",
				 t->text);
	out->number = bits;
	return true;
}

static bool parse_call(struct lab_reader *r, struct lab_step *s)
{
	const char *name;

	if (r->i + 1 < r->n && !strcmp(r->tokens[r->i + 1].text, "=")) {
		s->var = lab_peek(r);
		r->i += 2;
	}
	name = lab_word(r, "a call");
	if (!name)
		return false;
	s->call = lab_call_find(name);
	if (!s->call)
		return lab_wrong(r,
				 "there is no call \"%s\": socket, bind, "
				 "listen, listener, connect, accept, send, "
				 "read, shutdown, close ... doc/lab.md "
				 "lists all",
				 name);
	if (!parse_args(r, s, name))
		return false;
	s->nowait = lab_accept(r, "nowait");
	return !lab_accept(r, "=>") || parse_result(r, &s->result);
}

bool lab_parse_step(struct lab_reader *r, const char *actor, int64_t at,
		    int64_t after)
{
	struct lab_step *s = DRILL_NEW(r->mem, struct lab_step);
	struct lab_program *p = program_of(r, actor);

	if (!p)
		return false;
	s->line = r->line;
	s->at = at;
	s->after = after;
	s->text = lab_at_end(r) ? "" : r->tokens[r->i].from;
	if (lab_accept(r, "repeat"))
		return parse_repeat(r, p, s);
	if (lab_accept(r, "end"))
		return parse_end(r, p, s);
	if (!parse_call(r, s))
		return false;
	append(p, s);
	return true;
}

static bool of_host(struct lab_reader *r, struct lab_happening *h)
{
	struct lab_node_decl *d = lab_script_node(r->script, h->who);

	return (d && d->kind == LAB_HOST) ||
	       lab_wrong(r, "there is no host \"%s\" above", h->who);
}

static bool of_link(struct lab_reader *r, struct lab_happening *h)
{
	return lab_script_link(r->script, h->who) ||
	       lab_wrong(r, "there is no link \"%s\" above", h->who);
}

static bool parse_kill(struct lab_reader *r, struct lab_happening *h)
{
	for (struct lab_program *p = r->script->programs; p; p = p->next) {
		if (!strcmp(p->name, h->who) || !strcmp(p->host, h->who))
			return true;
	}
	return lab_wrong(r, "there is no program \"%s\" above", h->who);
}

static bool parse_set(struct lab_reader *r, struct lab_happening *h)
{
	size_t n;

	if (!of_host(r, h))
		return false;
	h->name = lab_word(r, "a knob");
	if (!h->name || lab_at_end(r))
		return lab_wrong(r, "set takes a knob and a value");
	h->value = r->tokens[r->i].from;
	n = strlen(h->value);
	while (n && strchr(" \t\r", h->value[n - 1]))
		n--;
	h->value = drill_mem_copy(r->mem, h->value, n);
	r->i = r->n;
	return true;
}

/* inject OLD to server seq 1 ack 1: with these numbers */
static bool parse_inject(struct lab_reader *r, struct lab_happening *h)
{
	struct lab_link_decl *l;

	if (!of_link(r, h))
		return false;
	l = lab_script_link(r->script, h->who);
	h->name = lab_word(r, "a record");
	if (!h->name || !lab_need(r, "to"))
		return false;
	h->value = lab_word(r, "an end of the link");
	if (!h->value)
		return false;
	if (strcmp(h->value, l->a) != 0 && strcmp(h->value, l->b) != 0)
		return lab_wrong(r, "\"%s\" is no end of the link %s", h->value,
				 l->name);
	h->seq = h->ack = -1;
	if (lab_accept(r, "seq") && !lab_number(r, "a number", &h->seq))
		return false;
	if (lab_accept(r, "ack") && !lab_number(r, "a number", &h->ack))
		return false;
	for (l = r->script->links; l; l = l->next) {
		for (struct lab_rule *u = l->rules; u; u = u->next) {
			if (u->name && !strcmp(u->name, h->name))
				return true;
		}
	}
	return lab_wrong(r, "no rule above records \"%s\"", h->name);
}

static bool parse_impair(struct lab_reader *r, struct lab_happening *h)
{
	return of_link(r, h) && lab_impairs(r, h->lanes, NULL);
}

static const struct {
	const char *verb;
	enum lab_happening_kind kind;
	bool (*parse)(struct lab_reader *, struct lab_happening *);
} verbs[] = {
	{ "off", LAB_POWER_OFF, of_host },
	{ "boot", LAB_BOOT, of_host },
	{ "kill", LAB_KILL, parse_kill },
	{ "set", LAB_SET, parse_set },
	{ "down", LAB_LINK_DOWN, of_link },
	{ "up", LAB_LINK_UP, of_link },
	{ "inject", LAB_INJECT, parse_inject },
	{ "forge", LAB_FORGE, lab_parse_forge },
	{ "has", LAB_IMPAIR, parse_impair },
};

bool lab_parse_happening(struct lab_reader *r, const char *who, int64_t at)
{
	struct lab_happening *h = DRILL_NEW(r->mem, struct lab_happening);
	struct lab_happening **last = &r->script->happenings;

	h->who = who;
	h->at = at;
	h->line = r->line;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (!lab_accept(r, verbs[i].verb))
			continue;
		h->kind = verbs[i].kind;
		if (!verbs[i].parse(r, h))
			return false;
		if (at < 0)
			return lab_wrong(r, "this needs its time: at 3s %s: %s",
					 who, verbs[i].verb);
		while (*last)
			last = &(*last)->next;
		*last = h;
		return true;
	}
	return lab_wrong(r,
			 "\"%s\" is nothing that happens: off, boot, kill, "
			 "set, down, up, inject, forge, has; and a call has "
			 "parentheses",
			 lab_peek(r));
}
