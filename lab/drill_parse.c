// SPDX-License-Identifier: BSD-2-Clause
/*
 * The shape of a file: options, a shell text before time 0, events, a shell
 * text at the end.
 */
#include "drill_parse.h"

#include "drill_code.h"
#include "drill_shell.h"

#include <ctype.h>
#include <string.h>

/* Anything longer is a mistake: a day and a half of virtual time is more than
 * any timer of TCP's, but for a script's own fun. */
#define TIME_MAX INT64_C(1000000000) /* s */

/* "--name", "--name=value"; quotes are kept only inside a value. */
static void parse_option(struct drill_parse *p)
{
	struct drill_lex *l = &p->lex;
	const char *here = drill_lex_here(l), *s, *name, *value = NULL;
	const char *wrong;
	char quote = 0;
	int line = l->line;

	for (s = here + 2; s < l->end && (isalnum((unsigned char)*s) ||
					  *s == '_' || *s == '-');
	     s++)
		;
	name = drill_mem_copy(l->mem, here + 2, (size_t)(s - here - 2));
	l->p = s;
	if (s < l->end && *s == '=') {
		for (here = ++s; s < l->end; s++) {
			if (quote ? *s == quote : *s == '"' || *s == '`')
				quote = quote ? 0 : *s;
			else if (!quote && isspace((unsigned char)*s))
				break;
			if (*s == '\n')
				l->line++;
		}
		if (quote)
			drill_lex_fail(l, line, "--%s: a %c without its end",
				       name, quote);
		if (s - here >= 2 && *here == '"' && s[-1] == '"')
			value = drill_mem_copy(l->mem, here + 1,
					       (size_t)(s - here - 2));
		else
			value = drill_mem_copy(l->mem, here,
					       (size_t)(s - here));
		l->p = s;
	}
	wrong = drill_config_set(p->config, name, value, l->mem);
	if (wrong)
		drill_lex_fail(l, line, "--%s %s", name, wrong);
}

/* A name that suites define by the IP version, unless this one has. */
static void define(struct drill_parse *p, const char *name, const char *v4,
		   const char *v6)
{
	bool is_v4 = p->config->ip_version == DRILL_IPV4;
	struct drill_define *d, **at = &p->config->defines;

	for (; *at; at = &(*at)->next) {
		if (!strcmp((*at)->name, name))
			return;
	}
	d = DRILL_NEW(p->lex.mem, struct drill_define);
	d->name = name;
	d->value = is_v4 ? v4 : v6;
	*at = d;
}

static void parse_options(struct drill_parse *p,
			  const struct drill_override *overrides, int n)
{
	struct drill_lex *l = &p->lex;
	const char *wrong;
	int i;

	for (;;) {
		const char *here = drill_lex_here(l);

		if (l->end - here < 2 || here[0] != '-' || here[1] != '-')
			break;
		parse_option(p);
	}
	for (i = 0; i < n; i++) {
		wrong = drill_config_set(p->config, overrides[i].name,
					 overrides[i].value, l->mem);
		if (wrong)
			drill_lex_fail(l, 0, "--%s %s", overrides[i].name,
				       wrong);
	}
	drill_config_finish(p->config);
	define(p, "CMSG_LEVEL_IP", "SOL_IP", "SOL_IPV6");
	define(p, "CMSG_TYPE_RECVERR", "IP_RECVERR", "IPV6_RECVERR");
	l->defines = p->config->defines;
	if (p->config->refused)
		drill_lex_refuse(l, 1, "%s", p->config->refused);
}

/* Seconds, an integer or with a fraction. */
static int64_t parse_seconds(struct drill_lex *l)
{
	struct drill_token t = *drill_lex_peek(l);

	if (t.kind != DRILL_TOK_INT && t.kind != DRILL_TOK_FLOAT)
		drill_lex_expected(l, "a time");
	drill_lex_take(l);
	if (t.kind == DRILL_TOK_FLOAT && t.num >= 0)
		return t.num;
	if (t.num < 0 || t.num > TIME_MAX)
		drill_lex_fail(l, t.line, "a time goes from 0 to %lld s",
			       (long long)TIME_MAX);
	return t.num * 1000000000;
}

static struct drill_time parse_time(struct drill_parse *p)
{
	struct drill_lex *l = &p->lex;
	struct drill_time t = { 0 };
	int line = drill_lex_peek(l)->line;

	if (drill_lex_accept(l, '*')) {
		t.kind = DRILL_TIME_ANY;
		return t;
	}
	if (drill_lex_accept(l, '+'))
		t.kind = DRILL_TIME_RELATIVE;
	t.at = t.end = parse_seconds(l);
	if (drill_lex_accept(l, '~')) {
		bool relative = drill_lex_accept(l, '+');

		t.is_range = true;
		t.end = parse_seconds(l);
		if (relative != (t.kind == DRILL_TIME_RELATIVE))
			drill_lex_fail(l, line,
				       "both ends of a range are "
				       "absolute or both relative");
	} else if (drill_lex_peek(l)->kind == DRILL_TOK_ANY) {
		drill_lex_take(l);
		t.blocks = true;
		t.end = parse_seconds(l);
	}
	if (t.end < t.at)
		drill_lex_fail(l, line, "the time runs backwards");
	return t;
}

/* From `start` to where the lexer stands, blanks made one. */
static const char *text_since(struct drill_lex *l, const char *start)
{
	const char *end = l->last_end;
	char *out = drill_mem_new(l->mem, (size_t)(end - start) + 1), *o = out;

	for (; start < end; start++) {
		char c = isspace((unsigned char)*start) ? ' ' : *start;

		if (c != ' ' || (o > out && o[-1] != ' '))
			*o++ = c;
	}
	return out;
}

static void parse_action(struct drill_parse *p, struct drill_event *e)
{
	struct drill_lex *l = &p->lex;
	const struct drill_token *t = drill_lex_peek(l);
	const char *start = t->start;
	struct drill_token block;

	e->line = t->line;
	if (t->kind == DRILL_TOK_CHAR && (t->num == '<' || t->num == '>')) {
		e->kind = DRILL_EV_PACKET;
		drill_lex_take(l);
		e->pkt = drill_parse_pkt(p, *start == '<');
	} else if (t->kind == DRILL_TOK_WORD) {
		e->kind = DRILL_EV_CALL;
		e->call = drill_parse_call(p);
	} else if (t->kind == DRILL_TOK_SHELL) {
		block = drill_lex_take(l);
		e->kind = DRILL_EV_SHELL;
		e->shell = drill_shell_parse(l, block.text, block.line);
		e->text = "`...`";
		return;
	} else if (t->kind == DRILL_TOK_CODE) {
		block = drill_lex_take(l);
		e->kind = DRILL_EV_CODE;
		e->code = drill_code_parse(l, block.text, block.line);
		e->text = "%{ ... }%";
		return;
	} else {
		drill_lex_expected(l, "<, >, a system call, ` or %{");
	}
	e->text = text_since(l, start);
}

static void check_time(struct drill_parse *p, const struct drill_event *e,
		       int64_t *last_absolute)
{
	bool out = e->kind == DRILL_EV_PACKET && !e->pkt->in;
	const struct drill_time *t = &e->time;

	if (t->kind == DRILL_TIME_ANY && !out)
		drill_lex_fail(&p->lex, e->line,
			       "the time * is for packets > only");
	if (t->is_range && !out)
		drill_lex_fail(&p->lex, e->line,
			       "a range of times is for packets > only");
	if (t->blocks && e->kind != DRILL_EV_CALL)
		drill_lex_fail(&p->lex, e->line,
			       "T...T is for system calls only");
	if (t->kind != DRILL_TIME_ABSOLUTE)
		return;
	if (t->at < *last_absolute)
		drill_lex_fail(&p->lex, e->line,
			       "the time is before that of an earlier event");
	*last_absolute = t->at;
}

static void parse_events(struct drill_parse *p)
{
	struct drill_lex *l = &p->lex;
	struct drill_event **tail = &p->script->events, *e;
	int64_t last = 0;

	for (;;) {
		const struct drill_token *t = drill_lex_peek(l);

		if (t->kind == DRILL_TOK_END || t->kind == DRILL_TOK_SHELL)
			break;
		e = DRILL_NEW(l->mem, struct drill_event);
		e->time = parse_time(p);
		parse_action(p, e);
		if (!p->script->n_events &&
		    (e->time.kind == DRILL_TIME_ANY || e->time.at))
			drill_lex_fail(l, e->line,
				       "the first event is at time 0");
		check_time(p, e, &last);
		*tail = e;
		tail = &e->next;
		p->script->n_events++;
	}
	if (!p->script->n_events)
		drill_lex_expected(l, "an event");
}

static void parse_file(struct drill_parse *p,
		       const struct drill_override *overrides, int n)
{
	struct drill_lex *l = &p->lex;
	struct drill_token t;

	parse_options(p, overrides, n);
	if (drill_lex_peek(l)->kind == DRILL_TOK_SHELL) {
		t = drill_lex_take(l);
		p->script->init = drill_shell_parse(l, t.text, t.line);
	}
	if (drill_lex_peek(l)->kind == DRILL_TOK_SHELL)
		drill_lex_expected(l, "an event with its time");
	parse_events(p);
	if (drill_lex_peek(l)->kind == DRILL_TOK_SHELL) {
		t = drill_lex_take(l);
		p->script->cleanup = drill_shell_parse(l, t.text, t.line);
	}
	if (drill_lex_peek(l)->kind != DRILL_TOK_END)
		drill_lex_expected(l, "the end of the file");
}

enum drill_verdict drill_parse(struct drill_script *script, const char *text,
			       size_t len, struct drill_config *config,
			       const struct drill_override *overrides,
			       int n_overrides, int *line, const char **error)
{
	struct drill_parse p = {
		.lex = { .mem = &script->mem,
			 .p = text,
			 .end = text + len,
			 .line = 1,
			 .last_end = text },
		.config = config,
		.script = script,
	};

	if (setjmp(p.lex.out)) {
		*line = p.lex.error_line;
		*error = p.lex.error;
		return p.lex.is_refusal ? DRILL_SKIPPED : DRILL_FAILED;
	}
	parse_file(&p, overrides, n_overrides);
	return DRILL_PASSED;
}
