// SPDX-License-Identifier: BSD-2-Clause
/*
 * Scenarios, line by line: each line begins with a word of the table below,
 * or names a program. What follows it is in lab_parse_*.c.
 */
#include "lab_lex.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define APPEND(list, last, item)          \
	do {                              \
		if (!(last))              \
			(last) = &(list); \
		*(last) = (item);         \
		(last) = &(item)->next;   \
	} while (0)

struct lab_node_decl *lab_script_node(const struct lab_script *s,
				      const char *name)
{
	struct lab_node_decl *n = s->nodes;

	while (n && strcmp(n->name, name) != 0)
		n = n->next;
	return n;
}

struct lab_link_decl *lab_script_link(const struct lab_script *s,
				      const char *name)
{
	struct lab_link_decl *l = s->links;

	while (l && strcmp(l->name, name) != 0)
		l = l->next;
	return l;
}

/* The rest of the line as it stands, or quoted. */
static const char *rest(struct lab_reader *r)
{
	const struct lab_token *t = &r->tokens[r->i];
	size_t n;

	if (lab_at_end(r))
		return NULL;
	if (t->quoted)
		return t->text;
	n = strlen(t->from);
	while (n && strchr(" \t\r", t->from[n - 1]))
		n--;
	r->i = r->n;
	return drill_mem_copy(r->mem, t->from, n);
}

static enum lab_lang language(struct lab_reader *r)
{
	return lab_accept(r, "zh") ? LAB_ZH : LAB_EN;
}

static bool parse_title(struct lab_reader *r)
{
	enum lab_lang lang = language(r);

	r->script->title[lang] = rest(r);
	r->i = r->n;
	return r->script->title[lang] || lab_wrong(r, "a title is expected");
}

static bool parse_question(struct lab_reader *r)
{
	enum lab_lang lang = language(r);

	r->script->question[lang] = rest(r);
	r->i = r->n;
	return r->script->question[lang] ||
	       lab_wrong(r, "a question is expected");
}

static bool parse_rows(struct lab_reader *r)
{
	r->script->rows = rest(r);
	r->i = r->n;
	return r->script->rows ||
	       lab_wrong(r, "rows of the behaviours are expected: O4 C6");
}

static bool is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return n && !s[n] && n < LAB_NAME_MAX && (s[0] < '0' || s[0] > '9');
}

static bool parse_addr(struct lab_reader *r, struct lab_node_decl *d)
{
	const char *word = lab_word(r, "an address");
	struct tern_addr a;
	int v6;

	if (!word)
		return false;
	if (!tern_addr_parse(word, NULL, &a))
		return lab_wrong(r, "\"%s\" is no address: 10.0.0.1, fd00::1",
				 word);
	v6 = !tern_addr_is_v4(&a);
	d->has_addr[v6] = true;
	d->addr[v6] = a;
	return true;
}

static bool parse_descriptors(struct lab_reader *r, struct lab_node_decl *d)
{
	int64_t n;

	if (!lab_number(r, "how many", &n))
		return false;
	if (n < 1 || n > 1000000)
		return lab_wrong(r, "descriptors are 1 to 1000000");
	d->descriptors = (uint32_t)n;
	return true;
}

static bool parse_node(struct lab_reader *r, int kind)
{
	const char *name = lab_word(r, "a name");
	struct lab_node_decl *d = DRILL_NEW(r->mem, struct lab_node_decl);

	if (!name)
		return false;
	if (!is_name(name))
		return lab_wrong(r,
				 "\"%s\" is no name: letters, digits and _, "
				 "at most %d",
				 name, LAB_NAME_MAX - 1);
	if (lab_script_node(r->script, name))
		return lab_wrong(r, "there is a \"%s\" already", name);
	d->kind = kind;
	d->name = name;
	d->line = r->line;
	d->router.nat = kind == LAB_NAT;
	while (!lab_at_end(r)) {
		if (kind == LAB_HOST && lab_accept(r, "descriptors")) {
			if (!parse_descriptors(r, d))
				return false;
		} else if (kind == LAB_HOST && lab_accept(r, "handles")) {
			if (!lab_time(r, &d->handle_ns))
				return false;
		} else if (kind != LAB_HOST && lab_accept(r, "silent"))
			d->router.silent = true;
		else if (kind == LAB_NAT && lab_accept(r, "resets"))
			d->router.resets = true;
		else if (kind == LAB_NAT && lab_accept(r, "idle")) {
			if (!lab_time(r, &d->router.idle_ns))
				return false;
		} else if (!parse_addr(r, d))
			return false;
	}
	APPEND(r->script->nodes, r->script->last_node, d);
	return true;
}

static bool parse_host(struct lab_reader *r)
{
	return parse_node(r, LAB_HOST);
}

static bool parse_router(struct lab_reader *r)
{
	return parse_node(r, LAB_ROUTER);
}

static bool parse_nat(struct lab_reader *r)
{
	return parse_node(r, LAB_NAT);
}

static bool parse_link(struct lab_reader *r)
{
	struct lab_link_decl *l = DRILL_NEW(r->mem, struct lab_link_decl);
	const char *ends[2];

	for (int i = 0; i < 2; i++) {
		ends[i] = lab_word(r, "a host, router or nat");
		if (!ends[i])
			return false;
		if (!lab_script_node(r->script, ends[i]))
			return lab_wrong(r,
					 "there is no host, router or nat "
					 "\"%s\" above",
					 ends[i]);
	}
	if (!strcmp(ends[0], ends[1]))
		return lab_wrong(r, "a link joins two");
	l->a = ends[0];
	l->b = ends[1];
	l->name = drill_mem_printf(r->mem, "%s-%s", l->a, l->b);
	if (lab_script_link(r->script, l->name))
		return lab_wrong(r, "there is a link %s already", l->name);
	l->line = r->line;
	l->mtu = 1500;
	APPEND(r->script->links, r->script->last_link, l);
	return lab_impairs(r, l->lanes, &l->mtu);
}

static const char *node_name(struct lab_reader *r, const char *what, int kind)
{
	const char *word = lab_word(r, what);
	const struct lab_node_decl *d =
		word ? lab_script_node(r->script, word) : NULL;

	if (!word)
		return NULL;
	if (!d || (d->kind == LAB_HOST) != (kind == LAB_HOST)) {
		lab_wrong(r, "there is no %s \"%s\" above", what + 2, word);
		return NULL;
	}
	return word;
}

/* route R to HOST by NEIGHBOUR */
static bool parse_route(struct lab_reader *r)
{
	struct lab_route_decl *d = DRILL_NEW(r->mem, struct lab_route_decl);

	d->line = r->line;
	d->router = node_name(r, "a router", LAB_ROUTER);
	if (!d->router || !lab_need(r, "to"))
		return false;
	d->to = node_name(r, "a host", LAB_HOST);
	if (!d->to || !lab_need(r, "by"))
		return false;
	d->by = node_name(r, "a router", LAB_ROUTER);
	if (!d->by)
		return false;
	APPEND(r->script->routes, r->script->last_route, d);
	return true;
}

static bool parse_set(struct lab_reader *r)
{
	struct lab_knob_decl *k = DRILL_NEW(r->mem, struct lab_knob_decl);
	const char *word = lab_word(r, "a knob");

	if (!word)
		return false;
	if (lab_script_node(r->script, word)) {
		k->host = word;
		word = lab_word(r, "a knob");
	}
	k->name = word;
	k->line = r->line;
	k->value = rest(r);
	r->i = r->n;
	if (!k->value)
		return lab_wrong(r, "a knob and a value are expected: set "
				    "tcp_syn_retries 5");
	APPEND(r->script->knobs, r->script->last_knob, k);
	return true;
}

/* kernel differs "TEXT" WHY, kernel cannot WHY */
static bool parse_kernel(struct lab_reader *r)
{
	struct lab_known_decl *k = DRILL_NEW(r->mem, struct lab_known_decl);

	if (lab_accept(r, "cannot")) {
		r->script->not_on_kernel = rest(r);
		r->i = r->n;
		return r->script->not_on_kernel ||
		       lab_wrong(r, "a reason is expected");
	}
	if (!lab_need(r, "differs"))
		return false;
	if (lab_at_end(r) || !r->tokens[r->i].quoted)
		return lab_wrong(r, "what differs is expected, quoted");
	k->text = lab_word(r, "what differs");
	k->why = rest(r);
	r->i = r->n;
	if (!k->why)
		return lab_wrong(r, "a reason is expected: kernel differs "
				    "\"client sends\" chance loses others");
	APPEND(r->script->known, r->script->last_known, k);
	return true;
}

static bool parse_family(struct lab_reader *r)
{
	r->script->v6 = lab_accept(r, "ipv6");
	return r->script->v6 || lab_need(r, "ipv4");
}

static bool parse_seed(struct lab_reader *r)
{
	int64_t v;

	if (!lab_number(r, "a seed", &v))
		return false;
	r->script->seed = (uint64_t)v;
	return true;
}

static bool parse_run(struct lab_reader *r)
{
	return lab_need(r, "for") && lab_time(r, &r->script->run_for);
}

static bool parse_show(struct lab_reader *r)
{
	if (lab_accept(r, "timestamps"))
		r->script->show_ts = true;
	else if (lab_accept(r, "congestion"))
		r->script->show_cc = true;
	else if (lab_accept(r, "plot"))
		r->script->show_plot = true;
	else if (lab_accept(r, "until"))
		return lab_time(r, &r->script->show_until);
	else
		return lab_wrong(r, "show timestamps, congestion, plot or "
				    "until TIME");
	return true;
}

/* A rule of the only link, or of the link that "on" names. */
static bool parse_on(struct lab_reader *r, bool named)
{
	struct lab_link_decl *l = r->script->links;
	const char *name;

	if (named) {
		name = lab_word(r, "a link");
		if (!name)
			return false;
		l = lab_script_link(r->script, name);
		if (!l)
			return lab_wrong(r, "there is no link \"%s\" above",
					 name);
	}
	if (!l)
		return lab_wrong(r, "there is no link above");
	if (!named && l->next)
		return lab_wrong(r, "which link? on %s drop ...", l->name);
	return lab_parse_rule(r, l);
}

static bool parse_on_link(struct lab_reader *r)
{
	return parse_on(r, true);
}

static bool parse_rule(struct lab_reader *r)
{
	r->i--;
	return parse_on(r, false);
}

static bool parse_actor(struct lab_reader *r, int64_t at, int64_t after)
{
	const char *word = lab_word(r, "who it is");
	size_t n = word ? strlen(word) : 0;
	const char *who;

	if (!word)
		return false;
	if (n < 2 || word[n - 1] != ':')
		return lab_wrong(r,
				 "\"%s\" is not understood. A line begins "
				 "with title, host, link, drop, at, expect "
				 "..., or with a host and a colon",
				 word);
	who = drill_mem_copy(r->mem, word, n - 1);
	if (lab_script_link(r->script, who) ||
	    (r->i < r->n &&
	     (r->i + 1 == r->n ||
	      (strcmp(r->tokens[r->i + 1].text, "(") != 0 &&
	       strcmp(r->tokens[r->i + 1].text, "=") != 0)) &&
	     strcasecmp(lab_peek(r), "repeat") != 0 &&
	     strcasecmp(lab_peek(r), "end") != 0))
		return lab_parse_happening(r, who, at);
	return lab_parse_step(r, who, at, after);
}

static bool parse_at(struct lab_reader *r)
{
	int64_t at;

	if (!lab_time(r, &at))
		return false;
	if (lab_accept(r, "expect"))
		return lab_parse_expect(r, at);
	return parse_actor(r, at, 0);
}

static bool parse_after(struct lab_reader *r)
{
	int64_t after;

	return lab_time(r, &after) && parse_actor(r, -1, after);
}

static bool parse_expect(struct lab_reader *r)
{
	return lab_parse_expect(r, -1);
}

static const struct {
	const char *word;
	bool (*parse)(struct lab_reader *);
} lines[] = {
	{ "title", parse_title },    { "question", parse_question },
	{ "rows", parse_rows },	     { "host", parse_host },
	{ "router", parse_router },  { "nat", parse_nat },
	{ "link", parse_link },	     { "route", parse_route },
	{ "set", parse_set },	     { "family", parse_family },
	{ "seed", parse_seed },	     { "run", parse_run },
	{ "show", parse_show },	     { "on", parse_on_link },
	{ "drop", parse_rule },	     { "hold", parse_rule },
	{ "duplicate", parse_rule }, { "corrupt", parse_rule },
	{ "rewrite", parse_rule },   { "record", parse_rule },
	{ "mark", parse_rule },	     { "at", parse_at },
	{ "after", parse_after },    { "expect", parse_expect },
	{ "kernel", parse_kernel },
};

static bool parse_line(struct lab_reader *r)
{
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		if (!lab_accept(r, lines[i].word))
			continue;
		if (!lines[i].parse(r))
			return false;
		if (!lab_at_end(r))
			return lab_wrong(r, "\"%s\" is more than is expected",
					 lab_peek(r));
		return true;
	}
	if (!parse_actor(r, -1, 0))
		return false;
	return lab_at_end(r) ||
	       lab_wrong(r, "\"%s\" is more than is expected", lab_peek(r));
}

/* The indented lines below "explain", as one text. Returns where it ends. */
static const char *take_text(struct lab_reader *r, const char *p,
			     const char *end, enum lab_lang lang)
{
	struct drill_text t = { 0 };

	while (p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((eol ? eol : end) - p);
		size_t blank = 0;

		while (blank < n && strchr(" \t\r", p[blank]))
			blank++;
		if (!blank && n)
			break;
		drill_text_add(&t, "%.*s\n", (int)(n - blank), p + blank);
		p += n + 1;
		r->line++;
	}
	r->script->explain[lang] =
		drill_mem_copy(r->mem, t.s ? t.s : "", t.len);
	free(t.s);
	return p < end ? p : end;
}

static bool check_whole(struct lab_reader *r)
{
	struct lab_script *s = r->script;

	r->line = s->n_lines;
	if (!s->nodes)
		return lab_wrong(r, "there is no host: host client");
	if (!s->links)
		return lab_wrong(r, "there is no link: link client server");
	for (struct lab_program *p = s->programs; p; p = p->next) {
		int open = 0;

		for (struct lab_step *t = p->steps; t; t = t->next) {
			open += t->times > 0;
			open -= !t->call && !t->times;
		}
		if (open) {
			r->line = p->line;
			return lab_wrong(r, "a repeat of %s has no end",
					 p->name);
		}
	}
	return true;
}

bool lab_script_parse(struct lab_script *s, struct drill_mem *mem,
		      const char *path, const char *text, size_t len)
{
	struct lab_reader *r = drill_mem_grow(NULL, sizeof(*r));
	const char *p = text, *end = text + len;
	bool good = true;

	*s = (struct lab_script){ .path = path, .seed = 1 };
	*r = (struct lab_reader){ .script = s, .mem = mem };
	if (memchr(text, 0, len)) {
		r->line = 1;
		good = lab_wrong(r, "this is no text");
	}
	while (good && p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((eol ? eol : end) - p);

		r->line++;
		while (n && p[n - 1] == '\r')
			n--;
		good = lab_lex_line(r, p, n);
		p = eol ? eol + 1 : end;
		if (!good || lab_at_end(r))
			continue;
		if (lab_accept(r, "explain")) {
			enum lab_lang lang = language(r);

			good = lab_at_end(r) ||
			       lab_wrong(r, "the text is on the lines below, "
					    "indented");
			p = take_text(r, p, end, lang);
		} else {
			good = parse_line(r);
		}
	}
	s->n_lines = r->line;
	good = good && check_whole(r);
	free(r);
	return good;
}

void lab_script_fini(struct lab_script *s)
{
	free(s->error.s);
	s->error = (struct drill_text){ 0 };
}
