// SPDX-License-Identifier: BSD-2-Clause
/*
 * Commands: how they are split into words, and the table of those known.
 *
 *	sysctl, set_sysctls.py		tunables
 *	defaults.sh			the suites' common settings
 *	ip route change, ip link set	route, MTU
 *	nstat [| grep]			counters
 *	tc, ethtool, ip tcp_metrics	nothing to do here
 *	dd, rm				the file for sendfile
 */
#include "drill_shell.h"

#include "drill_shell_do.h"

#include "base/bytes.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 96

struct command {
	struct drill_lex *lex;
	int line;
	const char *words[WORDS];
	int n;
	const char *redirect; /* where its output goes */
	struct drill_shell **tail;
};

static struct drill_shell *add(struct command *c, int action, const char *name,
			       const char *value)
{
	struct drill_shell *s = DRILL_NEW(c->lex->mem, struct drill_shell);

	s->line = c->line;
	s->action = action;
	s->name = name;
	s->value = value;
	*c->tail = s;
	c->tail = &s->next;
	return s;
}

__attribute__((noreturn)) static void refuse(const struct command *c,
					     const char *why)
{
	struct drill_text t = { 0 };
	char *copy;
	int i;

	for (i = 0; i < c->n; i++)
		drill_text_add(&t, "%s%s", i ? " " : "", c->words[i]);
	copy = drill_mem_copy(c->lex->mem, t.s ? t.s : "", t.len);
	free(t.s);
	drill_lex_refuse(c->lex, c->line, "shell command \"%s\": %s", copy,
			 why);
}

/* "net.ipv4.x=v", "/proc/sys/net/ipv4/x=v" */
static void add_sysctl(struct command *c, const char *word)
{
	const char *equals = strchr(word, '=');
	char *name, *s;

	if (!equals)
		refuse(c, "a sysctl is name=value");
	if (!strncmp(word, "/proc/sys/", 10))
		word += 10;
	name = drill_mem_copy(c->lex->mem, word, (size_t)(equals - word));
	for (s = name; *s; s++)
		*s = *s == '/' ? '.' : *s;
	add(c, DRILL_SH_SYSCTL, name, equals + 1);
}

/* Flags go before; "sysctl name" alone reads one. */
static void on_sysctl(struct command *c)
{
	int i;

	for (i = 1; i < c->n; i++) {
		if (c->words[i][0] != '-' && strchr(c->words[i], '='))
			add_sysctl(c, c->words[i]);
	}
}

static void on_defaults(struct command *c)
{
	add(c, DRILL_SH_DEFAULTS, c->words[0], NULL);
}

static void on_nothing(struct command *c)
{
}

/* "echo 1 > /proc/sys/net/ipv4/x"; else nobody reads what it says. */
static void on_echo(struct command *c)
{
	struct drill_text t = { 0 };
	int i;

	if (!c->redirect || strncmp(c->redirect, "/proc/sys/", 10) != 0)
		return;
	drill_text_add(&t, "%s=", c->redirect);
	for (i = 1; i < c->n; i++) {
		if (c->words[i][0] != '>' && strcmp(c->words[i], "-n") != 0)
			drill_text_add(&t, "%s%s", i > 1 ? " " : "",
				       c->words[i]);
	}
	add_sysctl(c, drill_mem_copy(c->lex->mem, t.s, t.len));
	free(t.s);
}

static uint32_t word_number(const struct command *c, int i)
{
	char *end;
	long v;

	if (i >= c->n)
		refuse(c, "a number is missing");
	v = strtol(c->words[i], &end, 10);
	if (end == c->words[i] || *end || v < 0 || v > 1000000)
		refuse(c, "a number is none");
	return (uint32_t)v;
}

static void on_ip_route(struct command *c, int i)
{
	static const struct {
		const char *word;
		int action;
	} keys[] = {
		{ "mtu", DRILL_SH_ROUTE_MTU },
		{ "advmss", DRILL_SH_ROUTE_ADVMSS },
		{ "initcwnd", DRILL_SH_ROUTE_INITCWND },
	};
	size_t k;

	if (i >= c->n || (strcmp(c->words[i], "change") != 0 &&
			  strcmp(c->words[i], "replace") != 0))
		refuse(c, "of routes, only change is understood");
	for (i++; i < c->n; i++) {
		for (k = 0; k < ARRAY_LEN(keys); k++) {
			if (strcmp(c->words[i], keys[k].word) != 0)
				continue;
			if (i + 1 < c->n && !strcmp(c->words[i + 1], "lock"))
				i++;
			add(c, keys[k].action, NULL, NULL)->num =
				word_number(c, ++i);
		}
		if (i < c->n && (!strcmp(c->words[i], "initrwnd") ||
				 !strcmp(c->words[i], "quickack") ||
				 !strcmp(c->words[i], "rto_min") ||
				 !strcmp(c->words[i], "congctl") ||
				 !strcmp(c->words[i], "features")))
			refuse(c, "this metric is not implemented");
	}
}

static void on_ip(struct command *c)
{
	int i = 1;

	while (i < c->n && c->words[i][0] == '-')
		i++;
	if (i >= c->n)
		refuse(c, "not understood");
	if (!strcmp(c->words[i], "tcp_metrics"))
		return; /* there are none to flush */
	if (!strcmp(c->words[i], "route") || !strcmp(c->words[i], "r")) {
		on_ip_route(c, i + 1);
		return;
	}
	if (strcmp(c->words[i], "link") != 0)
		refuse(c, "not understood");
	for (; i < c->n; i++) {
		if (!strcmp(c->words[i], "mtu"))
			add(c, DRILL_SH_MTU, NULL, NULL)->num =
				word_number(c, i + 1);
	}
}

static void on_tc(struct command *c)
{
	static const char *const known[] = { "fq",	   "pfifo",
					     "pfifo_fast", "noqueue",
					     "fq_codel",   "del" };
	size_t k;
	int i;

	for (i = 1; i < c->n; i++) {
		if (!strcmp(c->words[i], "netem") ||
		    !strcmp(c->words[i], "tbf"))
			refuse(c, "this queueing discipline is not here");
	}
	for (i = 1; i < c->n; i++) {
		for (k = 0; k < ARRAY_LEN(known); k++) {
			if (!strcmp(c->words[i], known[k]))
				return;
		}
	}
	refuse(c, "this queueing discipline is not here");
}

static void on_nstat(struct command *c)
{
	bool reads = false;
	int i;

	for (i = 1; i < c->n; i++)
		reads |= !strcmp(c->words[i], "|");
	if (!reads) {
		bool quiet = false;

		for (i = 1; i < c->n; i++)
			quiet |= c->words[i][0] == '>' ||
				 !strcmp(c->words[i], "-n");
		add(c, quiet ? DRILL_SH_NSTAT_RESET : DRILL_SH_NSTAT_SHOW, NULL,
		    NULL);
		return;
	}
	for (i = 1; i < c->n; i++) {
		if (strcmp(c->words[i], "|") != 0)
			continue;
		if (i + 1 >= c->n || strcmp(c->words[i + 1], "grep") != 0)
			refuse(c, "of filters, only grep is understood");
		for (i += 2; i < c->n && c->words[i][0] == '-'; i++) {
			if (c->words[i][strspn(c->words[i], "-qEws")])
				refuse(c, "this option of grep is not "
					  "understood");
		}
		if (i >= c->n)
			refuse(c, "grep needs a pattern");
		add(c, DRILL_SH_NSTAT_GREP, c->words[i], NULL);
	}
}

static void on_dd(struct command *c)
{
	const char *of = NULL, *size = NULL;
	int64_t bs = 512, count = 1;
	int i;

	for (i = 1; i < c->n; i++) {
		if (!strncmp(c->words[i], "of=", 3))
			of = c->words[i] + 3;
		else if (!strncmp(c->words[i], "bs=", 3))
			size = c->words[i] + 3;
		else if (!strncmp(c->words[i], "count=", 6))
			count = strtol(c->words[i] + 6, NULL, 10);
	}
	if (size) {
		char *end;

		bs = strtol(size, &end, 10);
		if (*end == 'K' || *end == 'k')
			bs <<= 10;
		else if (*end == 'M')
			bs <<= 20;
	}
	if (!of || bs < 0 || count < 0 || bs > (1 << 30) || count > (1 << 20))
		refuse(c, "not understood");
	add(c, DRILL_SH_FILE, of, NULL)->num = bs * count;
}

static void on_sleep(struct command *c)
{
	double s = c->n > 1 ? strtod(c->words[1], NULL) : 0;

	if (!(s >= 0 && s < 1e6))
		refuse(c, "not understood");
	add(c, DRILL_SH_SLEEP, NULL, NULL)->num = (int64_t)(s * 1e9);
}

static const struct {
	const char *name; /* of the path's last part */
	void (*parse)(struct command *);
} commands[] = {
	{ "sysctl", on_sysctl },
	{ "set_sysctls.py", on_sysctl },
	{ "defaults.sh", on_defaults },
	{ "ip", on_ip },
	{ "tc", on_tc },
	{ "nstat", on_nstat },
	{ "ethtool", on_nothing },
	{ "dd", on_dd },
	{ "rm", on_nothing },
	{ "sleep", on_sleep },
	{ "true", on_nothing },
	{ ":", on_nothing },
	{ "echo", on_echo },
	{ "set", on_nothing },
	{ "export", on_nothing },
	{ "modprobe", on_nothing },
	{ "sync", on_nothing },
	{ "exit", on_nothing },
	{ "set_sysctls", on_sysctl },
};

static void parse_command(struct command *c)
{
	const char *name;
	size_t i;

	if (!c->n)
		return;
	name = strrchr(c->words[0], '/');
	name = name ? name + 1 : c->words[0];
	for (i = 0; i < ARRAY_LEN(commands); i++) {
		if (!strcmp(commands[i].name, name)) {
			commands[i].parse(c);
			c->n = 0;
			c->redirect = NULL;
			return;
		}
	}
	/* What restores sysctls: each script has a stack of its own. */
	if (strncmp(name, "sysctl_restore", 14) != 0)
		refuse(c, "not understood");
	c->n = 0;
}

/* A word up to a blank or an operator, quotes taken away. */
static const char *take_word(struct command *c, const char **at)
{
	const char *p = *at;
	char *out = drill_mem_new(c->lex->mem, strlen(p) + 1), *o = out;
	char quote = 0;

	for (; *p; p++) {
		if (quote ? *p == quote : *p == '"' || *p == '\'') {
			quote = quote ? 0 : *p;
			continue;
		}
		if (!quote &&
		    (isspace((unsigned char)*p) || strchr(";|<>", *p) ||
		     (p[0] == '&' && p[1] == '&')))
			break;
		if (quote != '\'' && *p == '$' && p[1] == '(')
			drill_lex_refuse(c->lex, c->line,
					 "shell substitution is not "
					 "understood");
		/* In double quotes it escapes these alone. */
		if (*p == '\\' && p[1] &&
		    (!quote || (quote == '"' && strchr("$`\"\\\n", p[1]))))
			p++;
		c->line += *p == '\n';
		*o++ = *p;
	}
	*at = p;
	return out;
}

static void add_word(struct command *c, const char *word)
{
	if (c->n == WORDS)
		refuse(c, "too long");
	c->words[c->n++] = word;
}

struct drill_shell *drill_shell_parse(struct drill_lex *l, const char *text,
				      int line)
{
	struct command c = { .lex = l, .line = line };
	struct drill_shell *first = NULL;
	const char *p = text;

	c.tail = &first;
	while (*p) {
		if (p[0] == '\\' && p[1] == '\n') {
			c.line++;
			p += 2;
		} else if (*p == '#' &&
			   (p == text || isspace((unsigned char)p[-1]))) {
			p += strcspn(p, "\n");
		} else if (*p == '\n' || *p == ';' ||
			   (p[0] == '&' && p[1] == '&') ||
			   (p[0] == '|' && p[1] == '|')) {
			parse_command(&c);
			c.line += *p == '\n';
			p += *p == '&' || *p == '|' ? 2 : 1;
		} else if (isspace((unsigned char)*p)) {
			p++;
		} else if (*p == '|') {
			add_word(&c, "|");
			p++;
		} else if (*p == '>' || *p == '<') {
			/* Where output goes does not matter, but to nstat. */
			bool out = *p == '>';
			const char *where;

			for (p++; *p && strchr("><& \t", *p); p++)
				;
			where = take_word(&c, &p);
			c.redirect = out ? where : c.redirect;
			add_word(&c, ">");
		} else {
			add_word(&c, take_word(&c, &p));
		}
	}
	parse_command(&c);
	return first;
}
