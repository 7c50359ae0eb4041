// SPDX-License-Identifier: BSD-2-Clause
#include "lab_again.h"

#include "last_words.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct again {
	const struct lab_batch *batch;
	const char *name, *text;
	size_t len;
	struct lab_fault fault;
	struct lab_outcome *out;
	/* Of the last run. */
	bool holds, told;
	uint64_t n_dropped; /* packets */
	uint64_t n_counted; /* failures that have a counter */
	uint64_t calls;	    /* a digest of what they gave, in any order */
	uint64_t *segs; /* a digest of each that a timer may resend, sorted */
	size_t n_segs;
	struct trace *trace; /* of all events, in their order */
	size_t n_trace;
};

/* An event, as far as one run's is told from another's. */
struct trace {
	int64_t at;
	uint64_t what;
	uint64_t with_note; /* and what became of it */
	bool is_packet, is_dropped;
};

static const char *const kinds[] = {
	[LAB_FAULT_ALLOC] = "alloc",
	[LAB_FAULT_SEND] = "send",
};

static bool tells(const char *text)
{
	return text && (strstr(text, "ENOMEM") || strstr(text, "ENOBUFS") ||
			strstr(text, "no memory"));
}

static uint64_t counted(struct tern_stack *st, const char *name)
{
	int i = tern_counter_find(name);

	return i < 0 ? 0 : tern_counter_get(st, i);
}

/* What has nobody to be told to: a RST of a socket that is closed, an ICMP
 * error (RFC 2011's icmpOutErrors is for "a lack of buffers"), TIME_WAIT, a
 * connection that has not been accepted. */
static const char *const told_by[] = {
	"IcmpOutErrors",
	"TcpExtListenDrops",
	"TcpExtTCPAbortFailed",
	"TcpExtTCPTimeWaitOverflow",
};

static bool is_waiting(const char *text)
{
	size_t n = strlen(text);

	return n > 4 && !strcmp(text + n - 4, " ...");
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 1099511628211u;
}

static uint64_t digest_text(uint64_t h, const char *text)
{
	for (; text && *text; text++)
		h = mix(h, (unsigned char)*text);
	return h;
}

/* Of a call that waits, what it says when it is done. */
static uint64_t digest_of(const struct lab_event *e)
{
	const char *text = e->text;
	uint64_t h = 14695981039346656037u + (uint64_t)e->lane;

	if (e->kind != LAB_CALL || is_waiting(text))
		return 0;
	if (!strncmp(text, "... ", 4))
		text += 4;
	return digest_text(h, text);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The segments that take sequence numbers: those that are sent again until
 * they are acknowledged. */
static void look_at_segments(struct again *a, const struct lab_log *log)
{
	a->segs = drill_mem_grow(a->segs,
				 ((size_t)log->n + 1) * sizeof(*a->segs));
	a->n_segs = 0;
	for (int i = 0; i < log->n; i++) {
		const struct lab_event *e = &log->events[i];
		const struct lab_seg *s = &e->seg;

		if (e->kind != LAB_SENT || s->protocol != WIRE_PROTO_TCP ||
		    (!s->len && !(s->flags & (TCP_SYN | TCP_FIN))))
			continue;
		a->segs[a->n_segs++] =
			mix(mix(mix((uint64_t)e->lane + 1, s->seq), s->len),
			    s->flags & (TCP_SYN | TCP_FIN));
	}
	qsort(a->segs, a->n_segs, sizeof(*a->segs), by_value);
}

/* Is a segment sent again in this run more often than usual? */
static bool is_resent(const struct again *a, const struct again *usual)
{
	size_t u = 0;

	for (size_t i = 0, n; i < a->n_segs; i += n) {
		size_t n_usual = 0;

		for (n = 1; i + n < a->n_segs && a->segs[i + n] == a->segs[i];)
			n++;
		while (u < usual->n_segs && usual->segs[u] < a->segs[i])
			u++;
		for (; u < usual->n_segs && usual->segs[u] == a->segs[i]; u++)
			n_usual++;
		if (n > 1 && n > n_usual)
			return true;
	}
	return false;
}

static struct trace trace_of(const struct lab_event *e)
{
	const struct lab_seg *s = &e->seg;
	struct trace t = { .at = e->at,
			   .what = mix(mix(e->kind + 1, (uint64_t)e->lane),
				       (uint64_t)e->at),
			   .is_packet = e->kind == LAB_SENT };

	t.what = digest_text(t.what, e->text);
	if (t.is_packet) {
		t.what = mix(mix(t.what, (uint64_t)e->to), s->protocol);
		t.what = mix(mix(t.what, s->seq), s->ack);
		t.what = mix(mix(t.what, s->len), s->flags);
		t.is_dropped = e->note;
	} else {
		t.what = mix(mix(t.what, e->lport), (uint64_t)e->state);
	}
	t.with_note = digest_text(t.what, e->note);
	return t;
}

static void look_at_events(struct again *a, const struct lab_log *log)
{
	a->trace = drill_mem_grow(a->trace,
				  ((size_t)log->n + 1) * sizeof(*a->trace));
	a->n_trace = (size_t)log->n;
	for (int i = 0; i < log->n; i++)
		a->trace[i] = trace_of(&log->events[i]);
}

/* How many such packets left at that instant? */
static int count_sent(const struct again *a, const struct trace *t)
{
	int n = 0;

	for (size_t i = 0; i < a->n_trace && a->trace[i].at <= t->at; i++)
		n += a->trace[i].is_packet && a->trace[i].what == t->what;
	return n;
}

/* Is the first thing that went another way than usual that a packet was dropped
 * at its receiver, or did not leave when it should have, and no other left in
 * its place? What follows is what a network that loses and delays does to any
 * connection. */
static bool is_unsent(const struct again *a, const struct again *usual)
{
	size_t i = 0;
	bool missing = false;
	int64_t at;

	while (i < a->n_trace && i < usual->n_trace &&
	       a->trace[i].with_note == usual->trace[i].with_note)
		i++;
	if (i == usual->n_trace || !usual->trace[i].is_packet)
		return false;
	if (i < a->n_trace && a->trace[i].what == usual->trace[i].what)
		return a->trace[i].is_dropped;
	at = usual->trace[i].at;
	for (size_t k = i; k < usual->n_trace && usual->trace[k].at == at; k++)
		missing |= usual->trace[k].is_packet &&
			   count_sent(a, &usual->trace[k]) <
				   count_sent(usual, &usual->trace[k]);
	for (size_t k = i; k < a->n_trace && a->trace[k].at <= at; k++) {
		if (a->trace[k].is_packet &&
		    count_sent(a, &a->trace[k]) >
			    count_sent(usual, &a->trace[k]))
			return false;
	}
	return missing;
}

static void look_at_host(struct again *a, const struct lab_host *h)
{
	/* It never came up. */
	a->told |= !h->n_boots;
	if (!h->st)
		return;
	for (size_t k = 0; k < sizeof(told_by) / sizeof(*told_by); k++)
		a->n_counted += counted(h->st, told_by[k]);
	for (int d = 0; tern_drop_name(d); d++) {
		a->n_dropped += tern_drop_count(h->st, d);
		if (!strcmp(tern_drop_name(d), "NOMEM"))
			a->n_counted += tern_drop_count(h->st, d);
	}
}

static void look(struct again *a, const struct lab_run *run)
{
	a->told = tells(run->report.s);
	a->n_dropped = a->n_counted = a->calls = 0;
	for (int i = 0; i < run->log.n; i++) {
		const struct lab_event *e = &run->log.events[i];

		a->told |= e->kind == LAB_CALL && tells(e->text);
		a->n_dropped += tells(e->note);
		a->calls += digest_of(e);
	}
	look_at_segments(a, &run->log);
	look_at_events(a, &run->log);
	for (int i = 0; i < run->net.n_nodes; i++) {
		if (lab_node_is_host(run->net.nodes[i]))
			look_at_host(a, (struct lab_host *)run->net.nodes[i]);
	}
}

/* What is wrong, or NULL. */
static const char *run_once(struct again *a)
{
	struct lab_run_options options = a->batch->options;
	const char *wrong = NULL;
	struct lab_script script;
	struct drill_mem mem = { 0 };
	struct lab_run run;

	options.fault = &a->fault;
	if (!lab_script_parse(&script, &mem, a->name, a->text, a->len)) {
		drill_text_add(&a->out->wrong, "%s\n", script.error.s);
		lab_script_fini(&script);
		drill_mem_fini(&mem);
		return NULL;
	}
	a->holds = lab_run(&run, &script, &mem, &options);
	look(a, &run);
	if (run.endless)
		wrong = "it does not end";
	else if (run.log.n_broken)
		wrong = "an invariant is broken";
	if (wrong || (!a->holds && !a->fault.n_failed))
		drill_text_add(&a->out->report, "%s",
			       run.report.s ? run.report.s : "");
	lab_run_fini(&run);
	lab_script_fini(&script);
	drill_mem_fini(&mem);
	if (!wrong && !lab_fault_is_balanced(&a->fault))
		wrong = "memory was not given back";
	return wrong;
}

/* `usual`: the run without a failure. What is wrong, or NULL. */
static const char *judge(struct again *a, const struct again *usual)
{
	const char *wrong = run_once(a);

	if (wrong)
		return wrong;
	if (!a->fault.n_failed)
		return "it was not reached again";
	if (a->holds)
		a->out->n_held++;
	else if (a->told || a->n_counted > usual->n_counted)
		a->out->n_told++;
	else if (is_unsent(a, usual))
		a->out->n_unsent++;
	else if (a->calls != usual->calls)
		return "a call gave something else, and nothing told why";
	else if (a->n_dropped > usual->n_dropped || is_resent(a, usual))
		a->out->n_resent++;
	else
		a->out->n_same++;
	return NULL;
}

/* Many at a time: points are taken in order, and all stop at the first that is
 * broken, so that it is the same one each time. */
struct points {
	const struct again *usual;
	uint64_t n, n_done; /* to be tried, tried */
	uint64_t next;
	uint64_t broken_at; /* the lowest point; UINT64_MAX: none */
	const char *wrong;
	pthread_mutex_t lock;
};

static void add(struct lab_outcome *to, const struct lab_outcome *from)
{
	to->n_held += from->n_held;
	to->n_told += from->n_told;
	to->n_resent += from->n_resent;
	to->n_unsent += from->n_unsent;
	to->n_same += from->n_same;
}

/* The next point to be tried; UINT64_MAX: none. */
static uint64_t take_point(struct points *p)
{
	const struct lab_batch *b = p->usual->batch;
	uint64_t i = UINT64_MAX;

	pthread_mutex_lock(&p->lock);
	if (p->next < p->n && p->broken_at == UINT64_MAX)
		/* In the middle of its share, if they are a sample. */
		i = (uint64_t)((2.0 * (double)p->next++ + 1) *
			       (double)p->usual->fault.n_points /
			       (2.0 * (double)p->n));
	if (b->on_progress)
		b->on_progress(p->usual->name, p->n_done, p->n);
	pthread_mutex_unlock(&p->lock);
	return i;
}

static void settle(struct points *p, uint64_t i, const char *wrong,
		   const struct lab_outcome *out)
{
	struct lab_outcome *all = p->usual->out;

	pthread_mutex_lock(&p->lock);
	p->n_done++;
	if (wrong && i < p->broken_at) {
		p->broken_at = i;
		p->wrong = wrong;
		all->report.len = 0;
		drill_text_add(&all->report, "%s",
			       out->report.s ? out->report.s : "");
	}
	pthread_mutex_unlock(&p->lock);
}

static void *work(void *arg)
{
	struct points *p = arg;
	enum lab_fault_kind kind = p->usual->batch->fault;
	struct lab_outcome out = { 0 };
	struct again a = *p->usual;
	uint64_t i;

	a.out = &out;
	a.segs = NULL;
	a.trace = NULL;
	while ((i = take_point(p)) != UINT64_MAX) {
		out.report.len = 0;
		a.fault = (struct lab_fault){ .kind = kind,
					      .fail_from = i,
					      .fail_to = i + 1 };
		last_words_set("%s: --fault %s:%" PRIu64 ": died\n", a.name,
			       kinds[kind], i);
		settle(p, i, judge(&a, p->usual), &out);
	}
	pthread_mutex_lock(&p->lock);
	add(p->usual->out, &out);
	pthread_mutex_unlock(&p->lock);
	lab_outcome_fini(&out);
	free(a.segs);
	free(a.trace);
	return NULL;
}

/* How many of its points: all, if none is asked for and they are few. */
static uint64_t sample_of(const struct lab_batch *b, uint64_t n)
{
	if (b->sample)
		return n < b->sample ? n : b->sample;
	return n > LAB_AGAIN_ALL ? LAB_AGAIN_SAMPLE : n;
}

static void run_points(struct again *usual)
{
	const struct lab_batch *b = usual->batch;
	struct lab_outcome *out = usual->out;
	struct points p = {
		.usual = usual,
		.n = sample_of(b, out->n_points),
		.broken_at = UINT64_MAX,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	pthread_t threads[LAB_THREADS_MAX];
	int n = 0;

	while (n < b->n_jobs - 1 && n < LAB_THREADS_MAX &&
	       !pthread_create(&threads[n], NULL, work, &p))
		n++;
	work(&p);
	while (n)
		pthread_join(threads[--n], NULL);
	out->n_tried = p.n_done;
	if (!p.wrong)
		return;
	out->holds = false;
	drill_text_add(&out->report,
		       "%s: --fault %s, point %" PRIu64 ": %s. tern lab "
		       "--fault %s:%" PRIu64 " %s plays it\n",
		       usual->name, kinds[b->fault], p.broken_at, p.wrong,
		       kinds[b->fault], p.broken_at, usual->name);
}

void lab_again(const struct lab_batch *b, const char *name, const char *text,
	       size_t len, struct lab_outcome *out)
{
	struct again a = {
		.batch = b,
		.name = name,
		.text = text,
		.len = len,
		.fault = { .kind = b->fault },
		.out = out,
	};
	const char *wrong;

	last_words_set("%s: died without a fault\n", name);
	wrong = run_once(&a);
	out->holds = a.holds && !wrong;
	out->n_points = a.fault.n_points;
	if (wrong)
		drill_text_add(&out->report, "%s: without a fault: %s\n", name,
			       wrong);
	if (out->holds)
		run_points(&a);
	free(a.segs);
	free(a.trace);
}
