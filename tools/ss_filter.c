// SPDX-License-Identifier: BSD-2-Clause
/*
 * The filters of ss(8):
 *
 *	filter	= { "state" S | "exclude" S } [ or ]
 *	or	= and { ("or" | "|" | "||") and }
 *	and	= not { ["and" | "&" | "&&"] not }
 *	not	= ("not" | "!") not | "(" or ")" | test
 *	test	= ("src" | "dst") [op] ADDRESS[/BITS][:PORT]
 *		| ("sport" | "dport") [op] [:]PORT
 *	op	= "=" "==" "eq"  "!=" "ne" "neq"  ">" "gt"  "<" "lt"
 *		  ">=" "ge" "geq"  "<=" "le" "leq"
 *
 * Words come as the shell split them, "( sport = :80 )" as one word or five.
 * Not here: dev, fwmark, cgroup, autobound.
 */
#define _GNU_SOURCE
#include "tools/ss_filter.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS 512
#define MAX_DEPTH 64

enum op { OP_EQ, OP_NE, OP_GE, OP_LE, OP_GT, OP_LT };

struct ss_node {
	enum { AND, OR, NOT, HOST, PORT } kind;
	struct ss_node *a, *b;
	enum op op;
	bool remote;
	bool has_addr, has_port;
	struct tern_prefix addr;
	uint16_t port;
};

struct parser {
	const struct command *command;
	char *text; /* all words, cut in place */
	char *words[MAX_WORDS];
	int n, at, depth;
	bool failed;
};

static const struct {
	const char *name;
	uint32_t states;
} state_names[] = {
	/* ss's word, states */
	{ "established", SS_STATE(TERN_TCP_ESTABLISHED) },
	{ "estab", SS_STATE(TERN_TCP_ESTABLISHED) },
	{ "syn-sent", SS_STATE(TERN_TCP_SYN_SENT) },
	{ "syn-recv", SS_STATE(TERN_TCP_SYN_RECV) },
	{ "syn-rcvd", SS_STATE(TERN_TCP_SYN_RECV) },
	{ "fin-wait-1", SS_STATE(TERN_TCP_FIN_WAIT1) },
	{ "fin-wait1", SS_STATE(TERN_TCP_FIN_WAIT1) },
	{ "fin-wait-2", SS_STATE(TERN_TCP_FIN_WAIT2) },
	{ "fin-wait2", SS_STATE(TERN_TCP_FIN_WAIT2) },
	{ "time-wait", SS_STATE(TERN_TCP_TIME_WAIT) },
	{ "closed", SS_STATE(TERN_TCP_CLOSE) },
	{ "unconnected", SS_STATE(TERN_TCP_CLOSE) },
	{ "unconn", SS_STATE(TERN_TCP_CLOSE) },
	{ "close-wait", SS_STATE(TERN_TCP_CLOSE_WAIT) },
	{ "last-ack", SS_STATE(TERN_TCP_LAST_ACK) },
	{ "listening", SS_STATE(TERN_TCP_LISTEN) },
	{ "listen", SS_STATE(TERN_TCP_LISTEN) },
	{ "closing", SS_STATE(TERN_TCP_CLOSING) },
	{ "all", SS_STATES_ALL },
	{ "connected", SS_STATES_ALL & ~(SS_STATE(TERN_TCP_CLOSE) |
					 SS_STATE(TERN_TCP_LISTEN)) },
	{ "synchronized", SS_STATES_ALL & ~(SS_STATE(TERN_TCP_CLOSE) |
					    SS_STATE(TERN_TCP_LISTEN) |
					    SS_STATE(TERN_TCP_SYN_SENT)) },
	{ "bucket",
	  SS_STATE(TERN_TCP_SYN_RECV) | SS_STATE(TERN_TCP_TIME_WAIT) },
	{ "big", SS_STATES_ALL & ~(SS_STATE(TERN_TCP_SYN_RECV) |
				   SS_STATE(TERN_TCP_TIME_WAIT)) },
};

/* In any case, and with _ for -. */
static bool same_state(const char *asked, const char *name)
{
	for (; *asked && *name; asked++, name++) {
		int c = *asked == '_' ? '-' : *asked;

		if ((c | 0x20) != (*name | 0x20))
			return false;
	}
	return *asked == *name;
}

static bool read_state(struct parser *p, const char *word, uint32_t *out)
{
	for (size_t i = 0; i < sizeof(state_names) / sizeof(*state_names);
	     i++) {
		if (!same_state(word, state_names[i].name))
			continue;
		*out = state_names[i].states;
		return true;
	}
	tool_error(p->command,
		   "\"%s\" is no state. One of: established syn-sent syn-recv "
		   "fin-wait-1 fin-wait-2 time-wait closed close-wait last-ack "
		   "listening closing all connected synchronized bucket big",
		   word);
	p->failed = true;
	return false;
}

static struct ss_node *fail(struct parser *p, const char *what,
			    const char *word)
{
	if (!p->failed)
		tool_error(p->command, "%s%s%s", what, word ? ": " : "",
			   word ? word : "");
	p->failed = true;
	return NULL;
}

static const char *peek(const struct parser *p)
{
	return p->at < p->n ? p->words[p->at] : "";
}

static bool take(struct parser *p, const char *a, const char *b, const char *c)
{
	const char *word = peek(p);

	if (!*word || (strcmp(word, a) && strcmp(word, b) && strcmp(word, c)))
		return false;
	p->at++;
	return true;
}

/* "host:port", "[::1]:80", "*:80", ":80", "80" where a port is meant. */
static bool read_port(struct parser *p, const char *text, uint16_t *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	struct servent *service;

	if (end != text && !*end && n <= 65535) {
		*out = (uint16_t)n;
		return true;
	}
	service = getservbyname(text, "tcp");
	if (!service) {
		fail(p, "no port", text);
		return false;
	}
	*out = ntohs((uint16_t)service->s_port);
	return true;
}

static bool read_addr(struct parser *p, char *text, struct ss_node *n)
{
	char *slash = strchr(text, '/');
	unsigned long bits;
	size_t used;
	char *end;

	if (slash)
		*slash = '\0';
	if (!strcmp(text, "*") || !*text)
		return true;
	used = tern_addr_parse(text, NULL, &n->addr.addr);
	if (!used || text[used]) {
		fail(p, "no address, such as 10.0.0.0/8 or [fd00::1]:80", text);
		return false;
	}
	bits = tern_addr_is_v4(&n->addr.addr) ? 32 : 128;
	if (slash) {
		unsigned long most = bits;

		bits = strtoul(slash + 1, &end, 10);
		if (end == slash + 1 || *end || bits > most) {
			fail(p, "no prefix length", slash + 1);
			return false;
		}
	}
	n->addr.bits = (uint8_t)bits;
	n->has_addr = true;
	return true;
}

static bool read_host(struct parser *p, char *word, struct ss_node *n)
{
	char *port = NULL, *addr = word;

	if (word[0] == '[') {
		char *close = strchr(word, ']');

		if (!close)
			return fail(p, "a ] is missing", word);
		addr++;
		if (close[1] == ':')
			port = close + 2;
		else if (close[1] == '/') /* [fd00::]/64 */
			memmove(close, close + 1, strlen(close));
		if (*close == ']')
			*close = '\0';
	} else {
		port = strrchr(word, ':');
		/* An IPv6 address without brackets has no port. */
		if (port && strchr(word, ':') != port)
			port = NULL;
		if (port)
			*port++ = '\0';
	}
	if (port && *port && strcmp(port, "*") != 0) {
		n->has_port = true;
		if (!read_port(p, port, &n->port))
			return false;
	}
	return read_addr(p, addr, n);
}

static bool take_op(struct parser *p, enum op *op)
{
	static const struct {
		const char *a, *b, *c;
		enum op op;
	} ops[] = {
		{ "=", "==", "eq", OP_EQ },   { "!=", "ne", "neq", OP_NE },
		{ ">=", "ge", "geq", OP_GE }, { "<=", "le", "leq", OP_LE },
		{ ">", "gt", "gt", OP_GT },   { "<", "lt", "lt", OP_LT },
	};

	*op = OP_EQ;
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		if (take(p, ops[i].a, ops[i].b, ops[i].c)) {
			*op = ops[i].op;
			return true;
		}
	}
	return false;
}

static struct ss_node *node(struct parser *p, int kind, struct ss_node *a,
			    struct ss_node *b)
{
	struct ss_node *n = calloc(1, sizeof(*n));

	if (!n) {
		fail(p, "no memory", NULL);
		return NULL;
	}
	n->kind = kind;
	n->a = a;
	n->b = b;
	return n;
}

static void free_node(struct ss_node *n)
{
	if (!n)
		return;
	free_node(n->a);
	free_node(n->b);
	free(n);
}

static struct ss_node *read_test(struct parser *p)
{
	bool is_port = !strcmp(peek(p), "sport") || !strcmp(peek(p), "dport");
	bool is_host = !strcmp(peek(p), "src") || !strcmp(peek(p), "dst");
	struct ss_node *n;
	char *word;

	if (!is_port && !is_host)
		return fail(p, "a filter cannot go on with", peek(p));
	n = node(p, is_port ? PORT : HOST, NULL, NULL);
	if (!n)
		return NULL;
	n->remote = p->words[p->at++][0] == 'd';
	take_op(p, &n->op);
	if (p->at == p->n) {
		free_node(n);
		return fail(p, "what is to be compared is missing", NULL);
	}
	if (is_host && n->op != OP_EQ && n->op != OP_NE) {
		free_node(n);
		return fail(p, "addresses are equal or not, no more", NULL);
	}
	word = p->words[p->at++];
	if (is_host ? read_host(p, word, n) :
		      read_port(p,
				strrchr(word, ':') ? strrchr(word, ':') + 1 :
						     word,
				&n->port))
		return n;
	free_node(n);
	return NULL;
}

static struct ss_node *read_or(struct parser *p);

static struct ss_node *read_not(struct parser *p)
{
	struct ss_node *n;

	if (++p->depth > MAX_DEPTH)
		return fail(p, "this filter is too deep", NULL);
	if (take(p, "not", "!", "!")) {
		n = read_not(p);
		n = n ? node(p, NOT, n, NULL) : NULL;
	} else if (take(p, "(", "(", "(")) {
		n = read_or(p);
		if (n && !take(p, ")", ")", ")")) {
			free_node(n);
			n = fail(p, "a ) is missing", NULL);
		}
	} else {
		n = read_test(p);
	}
	p->depth--;
	return n;
}

/* a and b, b having been read by `next`. */
static struct ss_node *join(struct parser *p, int kind, struct ss_node *a,
			    struct ss_node *b)
{
	if (b)
		return node(p, kind, a, b);
	free_node(a);
	return NULL;
}

static struct ss_node *read_and(struct parser *p)
{
	struct ss_node *n = read_not(p);

	while (n && p->at < p->n && strcmp(peek(p), ")") != 0 &&
	       strcmp(peek(p), "or") != 0 && peek(p)[0] != '|') {
		take(p, "and", "&", "&&");
		n = join(p, AND, n, read_not(p));
	}
	return n;
}

static struct ss_node *read_or(struct parser *p)
{
	struct ss_node *n = read_and(p);

	while (n && take(p, "or", "|", "||"))
		n = join(p, OR, n, read_and(p));
	return n;
}

/* Puts blanks around parentheses and operators that stand close, so that
 * "sport>=:80" and "(dport" are words of their own. */
static char *spread(int n, char **words)
{
	size_t len = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &len);

	for (int i = 0; out && i < n; i++) {
		for (const char *c = words[i]; *c; c++) {
			bool alone = strchr("()", *c);
			bool begins =
				strchr("=!<>&|", *c) &&
				(c == words[i] || !strchr("=!<>&|", c[-1]));
			bool ends = strchr("=!<>&|", *c) &&
				    !strchr("=!<>&|", c[1]);

			if (alone || begins)
				fputc(' ', out);
			fputc(*c, out);
			if (alone || ends)
				fputc(' ', out);
		}
		fputc(' ', out);
	}
	if (out)
		fclose(out);
	return text;
}

static void read_states(struct parser *p, struct ss_filter *f)
{
	bool first = true;

	while (!p->failed &&
	       (!strcmp(peek(p), "state") || !strcmp(peek(p), "exclude"))) {
		bool adds = p->words[p->at++][0] == 's';
		uint32_t states;

		if (!read_state(p, peek(p), &states))
			return;
		p->at++;
		if (adds)
			f->states = first ? states : f->states | states;
		else
			f->states = (first ? SS_STATES_ALL : f->states) &
				    ~states;
		first = false;
		f->has_states = true;
	}
}

bool ss_filter_read(const struct command *command, struct ss_filter *f, int n,
		    char **words)
{
	struct parser p = { .command = command, .text = spread(n, words) };
	char *save = NULL;

	for (char *w = p.text ? strtok_r(p.text, " \t\n", &save) : NULL; w;
	     w = strtok_r(NULL, " \t\n", &save)) {
		if (p.n == MAX_WORDS) {
			fail(&p, "this filter is too long", NULL);
			break;
		}
		p.words[p.n++] = w;
	}
	if (!p.text)
		fail(&p, "no memory", NULL);
	if (!p.failed)
		read_states(&p, f);
	if (!p.failed && p.at < p.n)
		f->root = read_or(&p);
	if (!p.failed && p.at < p.n)
		fail(&p, "a filter cannot go on with", peek(&p));
	free(p.text);
	return !p.failed;
}

static bool compare(enum op op, int a, int b)
{
	switch (op) {
	case OP_EQ:
		return a == b;
	case OP_NE:
		return a != b;
	case OP_GE:
		return a >= b;
	case OP_LE:
		return a <= b;
	case OP_GT:
		return a > b;
	case OP_LT:
		return a < b;
	}
	return false;
}

static bool host_matches(const struct ss_node *n,
			 const struct tern_sockaddr *end)
{
	if (n->has_port && n->port != end->port)
		return false;
	return !n->has_addr ||
	       (tern_addr_is_v4(&n->addr.addr) == tern_addr_is_v4(&end->addr) &&
		prefix_contains(&n->addr, &end->addr));
}

static bool passes(const struct ss_node *n, const struct tern_sock_info *i)
{
	const struct tern_sockaddr *end = n->remote ? &i->remote : &i->local;

	switch (n->kind) {
	case AND:
		return passes(n->a, i) && passes(n->b, i);
	case OR:
		return passes(n->a, i) || passes(n->b, i);
	case NOT:
		return !passes(n->a, i);
	case PORT:
		return compare(n->op, end->port, n->port);
	case HOST:
		return host_matches(n, end) == (n->op == OP_EQ);
	}
	return false;
}

bool ss_filter_passes(const struct ss_filter *f,
		      const struct tern_sock_info *info)
{
	return f->states & SS_STATE(info->state) &&
	       (!f->root || passes(f->root, info));
}

void ss_filter_free(struct ss_filter *f)
{
	free_node(f->root);
	f->root = NULL;
}
