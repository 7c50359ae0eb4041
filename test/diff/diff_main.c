// SPDX-License-Identifier: BSD-2-Clause
/*
 *	diff [--sequences N | --seconds N] [--seed S] [--jobs N]
 *	     [--out FOLDER] [--keep-going] [--one SEED] [--ipv6]
 *
 * Exit status: 0 no unexplained difference, 1 some, 77 no TUN device or no
 * namespace here.
 */
#define _GNU_SOURCE
#include "diff.h"

#include "own_net.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KNOWN_MAX 64
#define JOBS_MAX 64
#define SHOWN 40 /* differences that are looked into, a job */

/* What a job tells, in memory that it shares. */
struct told {
	uint64_t plans, again, dropped, once, unexplained;
	uint64_t known[KNOWN_MAX];
};

struct options {
	uint64_t plans, seconds, seed;
	int jobs;
	const char *out;
	bool keep_going, matrix, v6;
	enum diff_mode mode;
};

static const char help[] =
	"usage: diff [option...]\n"
	"The same sequences of segments and calls for the kernel beneath and\n"
	"for tern; every answer is compared.\n"
	"  --sequences N   how many (100000)\n"
	"  --seconds N     for so long instead\n"
	"  --seed S        where to begin (1)\n"
	"  --one SEED      this sequence alone\n"
	"  --ipv6          over IPv6\n"
	"  --mode M        mostly about: wide, fastopen, reconnect, urgent,\n"
	"                  window, icmp, cookies (plain)\n"
	"  --jobs N        at a time (1), each in a namespace of its own\n"
	"  --out FOLDER    where a script of each difference goes\n"
	"  --matrix        print the matrix of states and events instead\n"
	"  --keep-going    do not stop at the first unexplained difference\n";

/* False: it differed by microseconds, and does so no more. */
static bool show(struct diff_run *r, const struct diff_plan *plan,
		 const struct options *o)
{
	struct drill_text text = { 0 }, script = { 0 };
	struct diff_plan p = *plan;
	char what[64], path[512];
	FILE *f;

	snprintf(what, sizeof(what), "%s", r->found.what);
	diff_shrink(r, &p, what);
	if (!r->found.what) {
		r->once++;
		return false;
	}
	drill_text_add(&text, "--- seed %" PRIu64 ": ", p.seed);
	diff_describe(r, &text);
	diff_script(r, &p, &script);
	drill_text_add(&text, "%s", script.s);
	fwrite(text.s, 1, text.len, stdout);
	fflush(stdout);
	if (o->out && script.s) {
		snprintf(path, sizeof(path), "%s/%s-%" PRIu64 ".pkt", o->out,
			 what, p.seed);
		f = fopen(path, "w");
		if (f) {
			fprintf(f, "// differs: %s\n%s", what, script.s);
			fclose(f);
		}
	}
	free(text.s);
	free(script.s);
	return true;
}

/* One of `jobs`: takes every jobs-th seed. */
static int work(const struct options *o, int job, struct told *told)
{
	static struct diff_run r;
	static struct diff_plan plan;
	time_t end = time(NULL) + (time_t)o->seconds;
	uint64_t i, shown = 0;
	const char *why = NULL;
	int known;

	if (!own_net_enter()) {
		printf("skipped: no network namespace of our own: %s\n",
		       strerror(errno));
		return 77;
	}
	r.v6 = o->v6;
	r.mode = o->mode;
	r.kernel = diff_adapter_new(true, o->v6, o->mode, &why);
	if (!r.kernel) {
		printf("skipped: %s\n", why);
		return 77;
	}
	if (o->matrix) {
		known = diff_matrix(&r);
		r.kernel->ops->free(r.kernel);
		return known;
	}
	for (i = (uint64_t)job; o->seconds ? time(NULL) < end : i < o->plans;
	     i += (uint64_t)o->jobs) {
		diff_plan_make(&plan, o->seed + i, o->mode);
		told->plans++;
		if (!diff_run(&r, &plan))
			continue;
		known = diff_known(&r.found);
		if (known >= 0) {
			told->known[known]++;
			continue;
		}
		if (shown < SHOWN && !show(&r, &plan, o))
			continue;
		shown++;
		told->unexplained++;
		if (!o->keep_going)
			break;
	}
	for (known = 0; known < diff_n_known; known++)
		told->known[known] += diff_n_passed(known);
	told->again = r.again;
	told->dropped = r.dropped;
	told->once = r.once;
	r.kernel->ops->free(r.kernel);
	return told->unexplained ? 1 : 0;
}

static int summary(const struct told *told, int jobs)
{
	struct told all = { 0 };
	int i, j;

	for (i = 0; i < jobs; i++) {
		all.plans += told[i].plans;
		all.again += told[i].again;
		all.dropped += told[i].dropped;
		all.once += told[i].once;
		all.unexplained += told[i].unexplained;
		for (j = 0; j < diff_n_known; j++)
			all.known[j] += told[i].known[j];
	}
	printf("%" PRIu64 " sequences, %" PRIu64
	       " unexplained differences; %" PRIu64
	       " done again for their time, %" PRIu64
	       " dropped for it, %" PRIu64 " differed by microseconds\n",
	       all.plans, all.unexplained, all.again, all.dropped, all.once);
	for (j = 0; j < diff_n_known; j++)
		printf("%10" PRIu64 "  %s: %s\n", all.known[j],
		       diff_known_name(j), diff_known_why(j));
	/* A machine that is never fast enough has tested nothing. */
	if (all.dropped > all.plans / 10) {
		printf("too many were dropped to say anything\n");
		return 1;
	}
	return all.unexplained ? 1 : 0;
}

static enum diff_mode find_mode(const char *name)
{
	int i;

	for (i = 0; i < DIFF_N_MODES; i++)
		if (!strcmp(diff_modes[i].name, name))
			break;
	return (enum diff_mode)i;
}

static void parse(struct options *o, int argc, char **argv)
{
	static const struct option table[] = {
		{ "sequences", 1, NULL, 'n' },	{ "seconds", 1, NULL, 's' },
		{ "seed", 1, NULL, 'S' },	{ "one", 1, NULL, '1' },
		{ "jobs", 1, NULL, 'j' },	{ "out", 1, NULL, 'o' },
		{ "keep-going", 0, NULL, 'k' }, { "matrix", 0, NULL, 'm' },
		{ "ipv6", 0, NULL, '6' },	{ "mode", 1, NULL, 'M' },
		{ "help", 0, NULL, 'h' },	{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		uint64_t n = optarg ? strtoull(optarg, NULL, 0) : 0;

		if (c == 'n') {
			o->plans = n;
		} else if (c == 's') {
			o->seconds = n;
		} else if (c == 'S') {
			o->seed = n;
		} else if (c == '1') {
			o->seed = n;
			o->plans = 1;
		} else if (c == 'j') {
			o->jobs = n < 1 ? 1 : n > JOBS_MAX ? JOBS_MAX : (int)n;
		} else if (c == 'o') {
			o->out = optarg;
		} else if (c == '6') {
			o->v6 = true;
		} else if (c == 'M' && find_mode(optarg) < DIFF_N_MODES) {
			o->mode = find_mode(optarg);
		} else if (c == 'm') {
			o->matrix = true;
		} else if (c == 'k') {
			o->keep_going = true;
		} else {
			fputs(help, c == 'h' ? stdout : stderr);
			exit(c == 'h' ? 0 : 2);
		}
	}
}

int main(int argc, char **argv)
{
	struct options o = { .plans = 100000, .seed = 1, .jobs = 1 };
	struct told *told;
	int i, status, worst = 0;

	parse(&o, argc, argv);
	told = mmap(NULL, JOBS_MAX * sizeof(*told), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED)
		return 2;
	fflush(stdout);
	for (i = 0; i < o.jobs; i++)
		if (!fork())
			exit(work(&o, i, &told[i]));
	while (wait(&status) > 0) {
		status = WIFEXITED(status) ? WEXITSTATUS(status) : 3;
		worst = status > worst ? status : worst;
	}
	if (worst == 77)
		return 77;
	if (o.matrix)
		return worst;
	return summary(told, o.jobs) || worst ? 1 : 0;
}
