// SPDX-License-Identifier: BSD-2-Clause
/*
 *	timed [--sessions N] [--seed S] [--batches N] [--one SEED]
 *	      [--out FOLDER] [--plan FILE] [--dump]
 *
 * Exit status: 0 no difference that comes again, 1 some, 77 no TUN device or
 * no namespace here.
 */
#define _GNU_SOURCE
#include "timed.h"

#include "own_net.h"

#include "base/bytes.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SESSIONS_MAX 200 /* at a time: descriptors, and the machine */
#define KEYS_MAX 64

struct options {
	uint64_t seed, one;
	int sessions, batches, shrinks;
	const char *out, *plans;
	bool dump;
};

struct batch {
	const struct options *o;
	struct timed_kernel kernel;
	struct timed_knobs knobs;
	struct timed_plan plans[SESSIONS_MAX];
	struct timed_session sessions[SESSIONS_MAX];
	struct timed_verdict verdicts[SESSIONS_MAX];
	int n;
};

static const char help[] =
	"usage: timed [option...]\n"
	"Transfers on the kernel beneath, in real time, many side by side; each\n"
	"becomes a script that tern has to pass in virtual time.\n"
	"  --sessions N   in a batch, at the same time (100)\n"
	"  --batches N    each with knobs of its own (1)\n"
	"  --seed S       where to begin (1)\n"
	"  --one SEED     this session alone\n"
	"  --shrink N     differences that are made small, a batch (5)\n"
	"  --out FOLDER   where a script of each difference goes\n"
	"  --plan FILE    plans written by hand, as timed_plan.c says\n"
	"  --dump         print the script of each session instead\n";

/* A packet that waits to be read for a while counts as late: be first. Who may
 * not be has more sessions that differ once, and not again. */
static void be_punctual(bool on)
{
	struct sched_param param = { .sched_priority = on ? 10 : 0 };

	sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, &param);
}

static void run(struct batch *b, const struct timed_plan *plans, int n,
		struct timed_session *sessions, struct timed_verdict *verdicts)
{
	int i;

	be_punctual(true);
	timed_run(&b->kernel, plans, n, sessions);
	be_punctual(false);
	for (i = 0; i < n; i++)
		timed_check(&sessions[i], &b->knobs, &verdicts[i]);
}

static void forget(struct timed_session *s, struct timed_verdict *v)
{
	timed_session_fini(s);
	free(v->message);
	v->message = NULL;
}

/* Again, all that differed: what does so each time, and in the same? */
static void confirm(struct batch *b, int *again)
{
	static struct timed_plan plans[SESSIONS_MAX];
	static struct timed_session sessions[SESSIONS_MAX];
	static struct timed_verdict verdicts[SESSIONS_MAX];
	int which[SESSIONS_MAX], n = 0, i, j;

	for (i = 0; i < b->n; i++) {
		if (!b->verdicts[i].differs)
			continue;
		which[n] = i;
		plans[n++] = b->plans[i];
	}
	if (!n)
		return;
	run(b, plans, n, sessions, verdicts);
	for (i = 0; i < n; i++) {
		struct timed_verdict *v = &b->verdicts[which[i]];

		j = verdicts[i].differs && !strcmp(v->key, verdicts[i].key);
		*again += !j;
		v->differs = j;
		forget(&sessions[i], &verdicts[i]);
	}
}

/* --- making it small --- */

/* Without this or that option. */
static int plainer(const struct timed_plan *p, struct timed_plan *out)
{
	int n = 0, i;

	out[n] = *p;
	out[n++].ts = false;
	out[n] = *p;
	out[n++].sack = false;
	out[n] = *p;
	out[n++].cc = "reno";
	out[n] = *p;
	out[n].ecn = false;
	for (i = 0; i < p->n; i++) {
		out[n].steps[i].ce = false;
		out[n].steps[i].flags = 0;
	}
	return n + 1;
}

static bool same_plan(const struct timed_plan *a, const struct timed_plan *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static bool same(const struct timed_verdict *v, const char *key)
{
	return v->differs && !strcmp(v->key, key);
}

static void drop_step(struct timed_plan *p, int i)
{
	/* The pause stays. */
	p->steps[i + 1].wait_ns += p->steps[i].wait_ns;
	memmove(&p->steps[i], &p->steps[i + 1],
		(size_t)(p->n - i - 1) * sizeof(p->steps[0]));
	p->n--;
}

/* Tries each way to make it smaller, all side by side; then all those that
 * were no loss together, or else the first of them. */
static bool shrink_once(struct batch *b, struct timed_plan *p, const char *key)
{
	static struct timed_plan tries[SESSIONS_MAX], all;
	static struct timed_session sessions[SESSIONS_MAX];
	static struct timed_verdict verdicts[SESSIONS_MAX];
	int n = p->n - 1, m, i, first = -1, good = 0;

	all = *p;
	for (i = 0; i < n; i++) {
		tries[i] = *p;
		drop_step(&tries[i], i);
	}
	m = n + plainer(p, &tries[n]);
	run(b, tries, m, sessions, verdicts);
	for (i = m - 1; i >= 0; i--) {
		if (!same(&verdicts[i], key) || same_plan(&tries[i], p))
			continue;
		first = i;
		if (i < n)
			drop_step(&all, i), good++;
	}
	for (i = 0; i < m; i++)
		forget(&sessions[i], &verdicts[i]);
	if (first < 0)
		return false;
	if (good > 1) {
		run(b, &all, 1, sessions, verdicts);
		if (same(&verdicts[0], key))
			first = -1;
		forget(&sessions[0], &verdicts[0]);
	}
	*p = first < 0 ? all : tries[first];
	return true;
}

/* What comes behind the difference. */
static void cut_end(struct timed_plan *p, int64_t at)
{
	int64_t t = 115 * NS_PER_MS;
	int i;

	for (i = 0; i < p->n; i++) {
		t += p->steps[i].wait_ns;
		if (t > at + 20 * NS_PER_MS)
			break;
	}
	p->n = i < 1 ? 1 : i;
}

static void show(struct batch *b, int i)
{
	static struct timed_session session;
	struct timed_verdict v = b->verdicts[i];
	struct timed_plan p = b->plans[i];
	struct drill_text t = { 0 };
	char path[512];
	int tries;
	FILE *f;

	cut_end(&p, v.at);
	for (tries = 0; tries < 8 && shrink_once(b, &p, v.key); tries++)
		;
	for (tries = 0; tries < 4; tries++) {
		run(b, &p, 1, &session, &v);
		if (v.differs || tries == 3)
			break;
		forget(&session, &v);
	}
	timed_script(&session, &b->knobs, true, v.field, &t);
	printf("--- seed %" PRIu64 ": %s\n%s\n%s", p.seed, v.key,
	       v.message ? v.message : "passes now", t.s);
	fflush(stdout);
	if (b->o->out) {
		snprintf(path, sizeof(path), "%s/%" PRIu64 ".pkt", b->o->out,
			 p.seed);
		f = fopen(path, "w");
		if (f) {
			fprintf(f, "// %s\n%s", v.key, t.s);
			fclose(f);
		}
	}
	free(t.s);
	forget(&session, &v);
}

/* --- batches --- */

static int report(struct batch *b, int again)
{
	char *keys[KEYS_MAX];
	int counts[KEYS_MAX], first[KEYS_MAX], n = 0, i, j, differ = 0, best;

	for (i = 0; i < b->n; i++) {
		if (!b->verdicts[i].differs)
			continue;
		differ++;
		for (j = 0; j < n; j++)
			if (!strcmp(keys[j], b->verdicts[i].key))
				break;
		if (j == n && n < KEYS_MAX) {
			keys[n] = b->verdicts[i].key;
			first[n] = i;
			counts[n++] = 0;
		}
		if (j < n)
			counts[j]++;
	}
	for (j = 0; j < n && j < b->o->shrinks; j++) {
		best = j;
		for (i = j + 1; i < n; i++)
			if (counts[i] > counts[best])
				best = i;
		i = counts[j];
		counts[j] = counts[best];
		counts[best] = i;
		i = first[j];
		first[j] = first[best];
		first[best] = i;
		show(b, first[j]);
	}
	for (j = 0; j < n; j++)
		printf("%6d  %s (seed %" PRIu64 ")\n", counts[j],
		       b->verdicts[first[j]].key, b->plans[first[j]].seed);
	printf("%d sessions, %d differ, %d did once; at most %.1f ms late\n",
	       b->n, differ, again, (double)b->kernel.late_ns / 1e6);
	return differ ? 1 : 0;
}

static void dump(struct batch *b)
{
	struct drill_text t = { 0 };
	int i;

	for (i = 0; i < b->n; i++) {
		timed_script(&b->sessions[i], &b->knobs, false, NULL, &t);
		printf("%s", t.s);
		if (b->verdicts[i].differs)
			printf("// line %d: %s\n", b->verdicts[i].line,
			       b->verdicts[i].message);
		t.len = 0;
	}
	free(t.s);
}

/* Each by its name: the same, or what differs and where. */
static int report_plans(struct batch *b)
{
	struct drill_text t = { 0 };
	int i, differ = 0;

	for (i = 0; i < b->n; i++) {
		const struct timed_verdict *v = &b->verdicts[i];

		if (!v->differs) {
			printf("%s: the same\n", b->plans[i].name);
			continue;
		}
		differ++;
		t.len = 0;
		timed_script(&b->sessions[i], &b->knobs, true, v->field, &t);
		printf("%s: at %.6f: %s\n%s", b->plans[i].name,
		       (double)v->at / 1e9, v->message, t.s);
	}
	free(t.s);
	return differ ? 1 : 0;
}

static int do_batch(const struct options *o, uint64_t first)
{
	static struct batch b;
	const char *why;
	int again = 0, tries, i;

	b.o = o;
	if (!own_net_enter()) {
		printf("skipped: no network namespace of our own: %s\n",
		       strerror(errno));
		return 77;
	}
	if (o->plans) {
		b.n = timed_plan_read(o->plans, b.plans, SESSIONS_MAX,
				      &b.knobs);
		if (b.n < 0)
			return 2;
	} else {
		timed_knobs_make(&b.knobs, first / SESSIONS_MAX);
		for (b.n = 0; b.n < o->sessions; b.n++)
			timed_plan_make(&b.plans[b.n], first + (uint64_t)b.n);
	}
	for (i = 0; i < b.n; i++)
		timed_settle(&b.plans[i], &b.knobs);
	why = timed_kernel_init(&b.kernel, &b.knobs);
	if (why) {
		printf("skipped: %s\n", why);
		return 77;
	}
	run(&b, b.plans, b.n, b.sessions, b.verdicts);
	if (o->dump) {
		dump(&b);
		return 0;
	}
	for (tries = 0; tries < 2; tries++)
		confirm(&b, &again);
	return o->plans ? report_plans(&b) : report(&b, again);
}

static void parse(struct options *o, int argc, char **argv)
{
	static const struct option table[] = {
		{ "sessions", 1, NULL, 'n' }, { "batches", 1, NULL, 'b' },
		{ "seed", 1, NULL, 'S' },     { "one", 1, NULL, '1' },
		{ "shrink", 1, NULL, 's' },   { "out", 1, NULL, 'o' },
		{ "plan", 1, NULL, 'p' },     { "dump", 0, NULL, 'd' },
		{ "help", 0, NULL, 'h' },     { 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		uint64_t n = optarg ? strtoull(optarg, NULL, 0) : 0;

		if (c == 'n') {
			o->sessions = n < 1	       ? 1 :
				      n > SESSIONS_MAX ? SESSIONS_MAX :
							 (int)n;
		} else if (c == 'b') {
			o->batches = (int)n;
		} else if (c == 'S') {
			o->seed = n;
		} else if (c == '1') {
			o->seed = n;
			o->sessions = o->batches = 1;
		} else if (c == 's') {
			o->shrinks = (int)n;
		} else if (c == 'o') {
			o->out = optarg;
		} else if (c == 'p') {
			o->plans = optarg;
		} else if (c == 'd') {
			o->dump = true;
		} else {
			fputs(help, c == 'h' ? stdout : stderr);
			exit(c == 'h' ? 0 : 2);
		}
	}
}

int main(int argc, char **argv)
{
	struct options o = {
		.seed = 200, .sessions = 100, .batches = 1, .shrinks = 5
	};
	int i, status, worst = 0;

	parse(&o, argc, argv);
	for (i = 0; i < o.batches; i++) {
		fflush(stdout);
		if (!fork())
			exit(do_batch(&o, o.seed + (uint64_t)i * SESSIONS_MAX));
		if (wait(&status) < 0)
			return 2;
		status = WIFEXITED(status) ? WEXITSTATUS(status) : 3;
		worst = status > worst ? status : worst;
	}
	return worst;
}
