// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading a network's description: a line each, a table of words.
 *
 *	seed N
 *	host NAME [KNOB=VALUE]...
 *	router NAME [KNOB=VALUE]...
 *	uplink NAME DEVICE ADDR/BITS
 *	link A B [ADDR/BITS ADDR/BITS]... [mtu N] [IMPAIRMENT]...
 *		[from A IMPAIRMENT...]
 *	capture HOST FILE
 *	serve HOST [after WHAT]: COMMAND
 *	run HOST [after WHAT]: COMMAND
 *	stop TIME
 *
 * Impairments are impair.h's words. A # begins a comment, but in a command.
 */
#define _GNU_SOURCE
#include "tools/net_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS 64
#define FILE_MAX (1 << 20)

struct reader {
	const struct command *command;
	const char *path;
	int line;
	struct net *net;
	const char *words[MAX_WORDS];
	int n;
	const char *rest; /* a command, behind a colon; or NULL */
};

__attribute__((format(printf, 2, 3))) static bool wrong(const struct reader *r,
							const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	tool_error(r->command, "%s:%d: %s", r->path, r->line, text);
	return false;
}

static int find_host(const struct net *net, const char *name)
{
	for (int i = 0; i < net->n_hosts; i++)
		if (!strcmp(net->hosts[i].name, name))
			return i;
	return -1;
}

static bool read_host_name(const struct reader *r, const char *name, int *out)
{
	*out = find_host(r->net, name);
	return *out >= 0 ||
	       wrong(r, "there is no host %s before this line", name);
}

static bool is_name(const char *text)
{
	size_t len = strlen(text);

	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			return false;
	return len && len < NET_NAME_LEN && text[0] != '-';
}

static struct net_host *add_host(const struct reader *r)
{
	struct net *net = r->net;
	struct net_host *h;

	if (r->n < 2 || !is_name(r->words[1])) {
		wrong(r, "%s NAME: a name has 1 to 15 letters, digits, - and _",
		      r->words[0]);
		return NULL;
	}
	if (find_host(net, r->words[1]) >= 0) {
		wrong(r, "there is a host %s already, in line %d", r->words[1],
		      net->hosts[find_host(net, r->words[1])].line);
		return NULL;
	}
	if (net->n_hosts == NET_HOSTS) {
		wrong(r, "more than %d hosts", NET_HOSTS);
		return NULL;
	}
	h = &net->hosts[net->n_hosts++];
	h->line = r->line;
	snprintf(h->name, sizeof(h->name), "%s", r->words[1]);
	return h;
}

static bool read_host(struct reader *r)
{
	struct net_host *h = add_host(r);

	if (!h)
		return false;
	h->is_router = !strcmp(r->words[0], "router");
	for (int i = 2; i < r->n; i++) {
		if (!strchr(r->words[i], '='))
			return wrong(r, "%s: no KNOB=VALUE", r->words[i]);
		if (h->n_sets == NET_SETS)
			return wrong(r, "more than %d knobs", NET_SETS);
		h->sets[h->n_sets++] = r->words[i];
	}
	return true;
}

static bool read_prefix(const struct reader *r, const char *text,
			struct tern_prefix *out)
{
	size_t used = tern_addr_parse(text, "/", &out->addr);
	unsigned long most = tern_addr_is_v4(&out->addr) ? 32 : 128, bits = 0;
	char *end = NULL;

	if (used && text[used] == '/')
		bits = strtoul(text + used + 1, &end, 10);
	if (!end || *end || bits < 1 || bits > most)
		return wrong(r, "%s: not ADDR/BITS, such as 10.1.0.1/24", text);
	out->bits = (uint8_t)bits;
	return true;
}

static bool read_uplink(struct reader *r)
{
	struct net_host *h = add_host(r);

	if (!h)
		return false;
	if (r->n != 4)
		return wrong(r, "uplink NAME DEVICE ADDR/BITS, such as "
				"uplink out tern0 10.9.0.2/24");
	h->is_router = true;
	h->tun = r->words[2];
	return read_prefix(r, r->words[3], &h->tun_addr);
}

/* The impairments from word i on, of one end or of both. */
static bool read_impairments(const struct reader *r, int i, struct net_link *l)
{
	int only = -1;

	while (i < r->n) {
		const char *why = NULL;
		int used = 0;

		if (!strcmp(r->words[i], "from") && i + 1 < r->n) {
			int host = find_host(r->net, r->words[i + 1]);

			only = host == l->end[0].host ? 0 :
			       host == l->end[1].host ? 1 :
							2;
			if (only == 2)
				return wrong(r,
					     "from %s: it is no end of this "
					     "link",
					     r->words[i + 1]);
			i += 2;
			continue;
		}
		for (int e = 0; e < 2; e++)
			if (only < 0 || only == e)
				used = impair_parse(&l->end[e].impair,
						    r->words + i, r->n - i,
						    &why);
		if (used < 0)
			return wrong(r, "%s: %s", r->words[i], why);
		if (used == 0)
			return wrong(r,
				     "%s: not an impairment (delay jitter "
				     "loss drop reorder duplicate corrupt "
				     "rate queue mark)",
				     r->words[i]);
		i += used;
	}
	return true;
}

static bool read_ends(struct reader *r, struct net_link *l, int *at)
{
	while (*at + 1 < r->n && strchr(r->words[*at], '/')) {
		struct tern_prefix a, b;
		bool v4;

		if (!read_prefix(r, r->words[*at], &a) ||
		    !read_prefix(r, r->words[*at + 1], &b))
			return false;
		v4 = tern_addr_is_v4(&a.addr);
		if (v4 != tern_addr_is_v4(&b.addr) || a.bits != b.bits ||
		    !prefix_contains(&a, &b.addr) ||
		    tern_addr_equal(&a.addr, &b.addr))
			return wrong(r,
				     "%s and %s are not two addresses of "
				     "one prefix",
				     r->words[*at], r->words[*at + 1]);
		l->end[0].addr[!v4] = a;
		l->end[1].addr[!v4] = b;
		*at += 2;
	}
	return true;
}

static bool read_link(struct reader *r)
{
	struct net *net = r->net;
	struct net_link *l = &net->links[net->n_links];
	int at = 3;

	if (r->n < 3)
		return wrong(r, "link A B [delay 10ms] [loss 1%%] ...");
	if (net->n_links == NET_LINKS)
		return wrong(r, "more than %d links", NET_LINKS);
	*l = (struct net_link){ .line = r->line };
	for (int i = 0; i < 2; i++) {
		l->end[i].fd = -1;
		if (!read_host_name(r, r->words[1 + i], &l->end[i].host))
			return false;
	}
	if (l->end[0].host == l->end[1].host)
		return wrong(r, "a link has two ends");
	for (int i = 0; i < net->n_links; i++)
		if ((net->links[i].end[0].host == l->end[0].host &&
		     net->links[i].end[1].host == l->end[1].host) ||
		    (net->links[i].end[0].host == l->end[1].host &&
		     net->links[i].end[1].host == l->end[0].host))
			return wrong(r, "they are linked already, in line %d",
				     net->links[i].line);
	if (!read_ends(r, l, &at))
		return false;
	if (at + 1 < r->n && !strcmp(r->words[at], "mtu")) {
		l->mtu = (uint32_t)strtoul(r->words[at + 1], NULL, 10);
		if (l->mtu < 576 || l->mtu > 65535)
			return wrong(r, "mtu %s: 576 to 65535",
				     r->words[at + 1]);
		at += 2;
	}
	net->n_links++;
	return read_impairments(r, at, l);
}

static bool read_seed(struct reader *r)
{
	char *end;

	if (r->n != 2)
		return wrong(r, "seed NUMBER");
	r->net->seed = strtoull(r->words[1], &end, 0);
	return !*end || wrong(r, "%s: no number", r->words[1]);
}

static bool read_stop(struct reader *r)
{
	if (r->n != 2 || !impair_parse_time(r->words[1], &r->net->stop_ns) ||
	    r->net->stop_ns <= 0)
		return wrong(r, "stop TIME, such as stop 30s");
	return true;
}

static bool read_capture(struct reader *r)
{
	int host;

	if (r->n != 3)
		return wrong(r, "capture HOST FILE");
	if (!read_host_name(r, r->words[1], &host))
		return false;
	r->net->hosts[host].capture = r->words[2];
	return true;
}

/* "2s", "server:80", "client". */
static bool read_after(struct reader *r, char *what, struct net_program *p)
{
	char *colon = strchr(what, ':'), *end = NULL;
	unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;

	if (impair_parse_time(what, &p->after_ns)) {
		p->after = NET_TIME;
		return true;
	}
	if (colon)
		*colon = '\0';
	if (!read_host_name(r, what, &p->after_host))
		return false;
	p->after = colon ? NET_LISTEN : NET_ENDED;
	p->after_port = (uint16_t)port;
	if (colon && (port < 1 || port > 65535 || *end))
		return wrong(r, "after HOST:PORT: no port \"%s\"", colon + 1);
	return true;
}

static bool read_program(struct reader *r)
{
	struct net *net = r->net;
	struct net_program *p = &net->programs[net->n_programs];

	if (!r->rest || !*r->rest || (r->n != 2 && r->n != 4) ||
	    (r->n == 4 && strcmp(r->words[2], "after") != 0))
		return wrong(r,
			     "%s HOST [after 2s | HOST:PORT | HOST]: COMMAND",
			     r->words[0]);
	if (net->n_programs == NET_PROGRAMS)
		return wrong(r, "more than %d programs", NET_PROGRAMS);
	*p = (struct net_program){
		.line = r->line,
		.is_server = !strcmp(r->words[0], "serve"),
		.command = r->rest,
	};
	if (!read_host_name(r, r->words[1], &p->host))
		return false;
	if (r->n == 4 && !read_after(r, (char *)(uintptr_t)r->words[3], p))
		return false;
	net->n_programs++;
	return true;
}

static const struct {
	const char *word;
	bool (*read)(struct reader *);
} lines[] = {
	{ "seed", read_seed },	   { "host", read_host },
	{ "router", read_host },   { "uplink", read_uplink },
	{ "link", read_link },	   { "capture", read_capture },
	{ "serve", read_program }, { "run", read_program },
	{ "stop", read_stop },
};

/* Cuts the command off "run HOST after HOST:80: COMMAND": behind the first
 * colon that a blank follows. */
static void cut_command(struct reader *r, char *line)
{
	char *colon = line;

	r->rest = NULL;
	while ((colon = strchr(colon, ':')) && colon[1] != ' ' &&
	       colon[1] != '\t')
		colon++;
	if (!colon)
		return;
	*colon++ = '\0';
	r->rest = colon + strspn(colon, " \t");
}

/* The next word of a line, blanks in "quotes" being part of it; NULL at the
 * end, or with *wrong set where a quote is missing. */
static char *next_word(char **line, bool *wrong)
{
	char *from = *line + strspn(*line, " \t\r"), *word = from, *to = from;
	bool quoted = false;

	if (!*from)
		return NULL;
	for (; *from && (quoted || !strchr(" \t\r", *from)); from++) {
		if (*from == '"')
			quoted = !quoted;
		else
			*to++ = *from;
	}
	*line = *from ? from + 1 : from;
	*to = '\0';
	*wrong = quoted;
	return quoted ? NULL : word;
}

static bool read_line(struct reader *r, char *line)
{
	bool no_quote = false;

	line += strspn(line, " \t");
	if (!strncmp(line, "run", 3) || !strncmp(line, "serve", 5))
		cut_command(r, line);
	else
		line[strcspn(line, "#")] = '\0';
	r->n = 0;
	for (char *w; (w = next_word(&line, &no_quote)); r->words[r->n++] = w)
		if (r->n == MAX_WORDS)
			return wrong(r, "more than %d words", MAX_WORDS);
	if (no_quote)
		return wrong(r, "a quote (\") has no end");
	if (r->n == 0 || r->words[0][0] == '#')
		return true;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (!strcmp(lines[i].word, r->words[0]))
			return lines[i].read(r);
	return wrong(r,
		     "\"%s\": a line begins with seed, host, router, uplink, "
		     "link, capture, serve, run or stop",
		     r->words[0]);
}

bool net_waits_for(const struct net_program *a, const struct net_program *b)
{
	return a->after == NET_ENDED && a->after_host == b->host &&
	       !b->is_server && (a->host != b->host || b->line < a->line);
}

/* Nobody may wait for who waits for him. */
static bool check_waits(struct reader *r)
{
	const struct net *net = r->net;
	bool waits[NET_PROGRAMS][NET_PROGRAMS] = { 0 };
	int n = net->n_programs;

	for (int a = 0; a < n; a++)
		for (int b = 0; b < n; b++)
			waits[a][b] = net_waits_for(&net->programs[a],
						    &net->programs[b]);
	for (int by = 0; by < n; by++)
		for (int a = 0; a < n; a++)
			for (int b = 0; b < n; b++)
				waits[a][b] |= waits[a][by] && waits[by][b];
	for (int a = 0; a < n; a++) {
		r->line = net->programs[a].line;
		if (waits[a][a])
			return wrong(r, "it waits for a program that waits "
					"for it");
	}
	return true;
}

static char *read_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = f ? calloc(1, FILE_MAX + 1) : NULL;

	if (text && fread(text, 1, FILE_MAX, f) == 0 && ferror(f)) {
		free(text);
		text = NULL;
	}
	if (f)
		fclose(f);
	return text;
}

bool net_read(const struct command *command, const char *path, struct net *net)
{
	struct reader r = { .command = command, .path = path, .net = net };
	char *line, *next;

	memset(net, 0, sizeof(*net));
	net->seed = 1;
	net->text = read_text(path);
	if (!net->text) {
		tool_error(command, "%s: %s", path, strerror(errno));
		return false;
	}
	for (line = net->text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		r.line++;
		if (!read_line(&r, line))
			return false;
	}
	if (net->n_hosts == 0)
		return wrong(&r, "no host: host NAME makes one");
	return check_waits(&r);
}

void net_free(struct net *net)
{
	free(net->text);
	net->text = NULL;
}
