// SPDX-License-Identifier: BSD-2-Clause
/*
 * Doing what shell texts mean. A tunable that the stack does not have makes a
 * script one that is skipped; of the suites' common settings those that it
 * does not have are left out.
 */
#include "drill_shell_do.h"

#include "drill_run.h"
#include "drill_shell.h"

#include "base/bytes.h"

#include <tern/stack.h>

#include <errno.h>
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 16384 /* of a shell file */

struct drill_counters {
	int n;
	uint64_t base[];
};

/* The settings that both suites begin with. */
static const char *const defaults[][2] = {
	{ "tcp_rmem", "4096 540000 15728640" },
	{ "tcp_wmem", "4096 262144 4194304" },
	{ "tcp_timestamps", "1" },
	{ "tcp_syn_retries", "5" },
	{ "tcp_synack_retries", "5" },
	{ "tcp_frto", "2" },
	{ "tcp_sack", "1" },
	{ "tcp_dsack", "1" },
	{ "tcp_fack", "0" },
	{ "tcp_reordering", "3" },
	{ "tcp_congestion_control", "cubic" },
	{ "tcp_slow_start_after_idle", "0" },
	{ "tcp_early_retrans", "4" },
	{ "tcp_recovery", "1" },
	{ "tcp_tso_win_divisor", "3" },
	{ "tcp_ecn", "0" },
	{ "tcp_pacing_ss_ratio", "200" },
	{ "tcp_pacing_ca_ratio", "120" },
	{ "tcp_notsent_lowat", "4294967295" },
	{ "tcp_fastopen_key", "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4" },
	{ "tcp_syncookies", "1" },
	/* Linux's own defaults, where tern's are others. */
	{ "tcp_mtu_probing", "0" },
	{ "tcp_syn_linear_timeouts", "4" },
};

/* Sysctls of Linux that are not tern's. */
static const struct {
	const char *name, *value;
} known[] = {
#define KNOWN(name, value, why) { name, value },
#include "drill_known.def"
};

/* 0: it may be set to this; -ENOENT: never heard of; -EINVAL. */
static int check_known(const char *name, const char *value)
{
	size_t i, n;

	for (i = 0; i < ARRAY_LEN(known); i++) {
		n = strlen(known[i].name);
		if (strncmp(known[i].name, name, n) != 0 ||
		    (name[n] && !strchr("._", known[i].name[n - 1])))
			continue;
		return known[i].value && strcmp(known[i].value, value) != 0 ?
			       -EINVAL :
			       0;
	}
	return -ENOENT;
}

/* The text of a small file; NULL with errno. */
static const char *read_text(struct drill_mem *mem, const char *path)
{
	FILE *file = fopen(path, "r");
	char *text;
	size_t n;

	if (!file)
		return NULL;
	text = drill_mem_new(mem, TEXT_MAX);
	n = fread(text, 1, TEXT_MAX - 1, file);
	fclose(file);
	text[n] = 0;
	return text;
}

/* 0 or -errno. */
static int set_sysctl(struct drill_run *r, const struct drill_shell *s)
{
	char value[128];
	size_t i, n;
	int error;

	/* Blanks and tabs between values alike, also a tab that a shell would
	 * leave to sysctl as two letters; hexadecimal is Linux's too. */
	n = min_size(strlen(s->value), sizeof(value) - 1);
	memcpy(value, s->value, n);
	value[n] = 0;
	for (i = 0; i < n; i++) {
		if (value[i] == '\t')
			value[i] = ' ';
		if (value[i] == '\\' && value[i + 1] == 't')
			value[i] = value[i + 1] = ' ';
	}
	if (!strncmp(value, "0x", 2))
		snprintf(value, sizeof(value), "%lld",
			 strtoll(s->value, NULL, 16));
	error = r->a->ops->sysctl(r->a, s->name, value);
	if (error == -ENOENT)
		error = check_known(s->name, value);
	return error;
}

/* A suite's own file, if it lies where the script says, by its sysctls. */
static void own_defaults(struct drill_run *r, const char *path)
{
	const char *slash = strrchr(r->script->path, '/');
	struct drill_lex l = { .mem = r->mem };
	const struct drill_shell *s;
	const char *text;

	if (slash && path[0] != '/')
		path = drill_mem_printf(r->mem, "%.*s/%s",
					(int)(slash - r->script->path),
					r->script->path, path);
	text = read_text(r->mem, path);
	/* What is not understood says no more than the settings known here. */
	if (!text || setjmp(l.out))
		return;
	for (s = drill_shell_parse(&l, text, 1); s; s = s->next) {
		if (s->action == DRILL_SH_SYSCTL)
			set_sysctl(r, s);
	}
}

static bool do_defaults(struct drill_run *r, const char *path)
{
	bool google = strstr(path, "common/") != NULL;
	size_t i;

	/* The two suites' files are told apart by where they lie. */
	for (i = 0; i < ARRAY_LEN(defaults); i++)
		r->a->ops->sysctl(r->a, defaults[i][0], defaults[i][1]);
	r->a->ops->sysctl(r->a, "tcp_fastopen", google ? "459779" : "3");
	if (google)
		r->a->ops->sysctl(r->a, "tcp_ecn_option", "2");
	own_defaults(r, path);
	return true;
}

static bool do_sysctl(struct drill_run *r, const struct drill_shell *s)
{
	int error = set_sysctl(r, s);

	if (error == -ENOENT)
		return drill_run_skip(r, s->line, "tern has no sysctl %s",
				      s->name);
	if (error)
		return drill_run_skip(r, s->line,
				      "tern does not take %s for sysctl %s",
				      s->value, s->name);
	return true;
}

static bool set_route(struct drill_run *r)
{
	r->a->ops->set_route(r->a, r->mtu == r->config->mtu ? 0 : r->mtu,
			     r->advmss, r->initcwnd);
	return true;
}

static bool reset_counters(struct drill_run *r)
{
	const struct tern_counter *c;
	int n = 0;

	while (tern_counter_at(n))
		n++;
	if (!r->nstat)
		r->nstat = drill_mem_new(r->mem,
					 sizeof(*r->nstat) +
						 (size_t)n * sizeof(uint64_t));
	r->nstat->n = n;
	for (n = 0; (c = tern_counter_at(n)); n++)
		r->a->ops->counter(r->a, c->name, &r->nstat->base[n]);
	return true;
}

/* As nstat prints a line; false past the last. */
static bool counter_line(struct drill_run *r, int i, bool all, char *out,
			 size_t size)
{
	const struct tern_counter *c = tern_counter_at(i);
	uint64_t v = 0;

	if (!c)
		return false;
	r->a->ops->counter(r->a, c->name, &v);
	if (r->nstat)
		v -= r->nstat->base[i];
	out[0] = 0;
	if (v || all)
		snprintf(out, size, "%-32s%-16" PRIu64 "0.0", c->name, v);
	return true;
}

static bool show_counters(struct drill_run *r)
{
	char line[128];
	int i;

	for (i = 0; counter_line(r, i, false, line, sizeof(line)); i++) {
		if (line[0])
			drill_text_add(&r->output, "%s\n", line);
	}
	return reset_counters(r);
}

static bool grep_counters(struct drill_run *r, const struct drill_shell *s)
{
	char line[128];
	bool found = false;
	regex_t re;
	int i;

	if (regcomp(&re, s->name, REG_EXTENDED | REG_NOSUB))
		return drill_run_skip(r, s->line,
				      "grep: the pattern \"%s\" is not "
				      "understood",
				      s->name);
	for (i = 0; counter_line(r, i, true, line, sizeof(line)); i++)
		found |= line[0] && !regexec(&re, line, 0, NULL, 0);
	regfree(&re);
	if (!found)
		return drill_run_fail(r, s->line,
				      "no counter of nstat's is like \"%s\"",
				      s->name);
	return true;
}

static bool do_one(struct drill_run *r, const struct drill_shell *s)
{
	switch (s->action) {
	case DRILL_SH_SYSCTL:
		return do_sysctl(r, s);
	case DRILL_SH_DEFAULTS:
		return do_defaults(r, s->name);
	case DRILL_SH_MTU:
		return r->a->ops->set_mtu(r->a, (uint32_t)s->num) >= 0 ||
		       drill_run_skip(r, s->line, "no link has this MTU");
	case DRILL_SH_ROUTE_MTU:
		r->mtu = (uint32_t)s->num;
		return set_route(r);
	case DRILL_SH_ROUTE_ADVMSS:
		r->advmss = (uint32_t)s->num;
		return set_route(r);
	case DRILL_SH_ROUTE_INITCWND:
		r->initcwnd = (uint32_t)s->num;
		return set_route(r);
	case DRILL_SH_NSTAT_RESET:
		return reset_counters(r);
	case DRILL_SH_NSTAT_SHOW:
		return show_counters(r);
	case DRILL_SH_NSTAT_GREP:
		return grep_counters(r, s);
	case DRILL_SH_FILE:
		return !r->a->ops->make_file(r->a, s->name, (uint64_t)s->num);
	case DRILL_SH_SLEEP:
		drill_run_until(r, drill_run_now(r) + s->num);
		return !r->failed;
	default:
		return false;
	}
}

bool drill_shell_run(struct drill_run *r, const struct drill_shell *s)
{
	for (; s; s = s->next) {
		if (!do_one(r, s))
			return false;
	}
	return true;
}

bool drill_shell_run_file(struct drill_run *r, const char *path)
{
	struct drill_lex l = { .mem = r->mem };
	size_t n = strlen(path);
	const char *text;

	if (n >= 11 && !strcmp(path + n - 11, "defaults.sh"))
		return do_defaults(r, path);
	text = read_text(r->mem, path);
	if (!text)
		return drill_run_fail(r, 0, "%s: %s", path, strerror(errno));
	if (setjmp(l.out))
		return drill_run_skip(r, 0, "%s:%d: %s", path, l.error_line,
				      l.error);
	return drill_shell_run(r, drill_shell_parse(&l, text, 1));
}
