// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two runs are cut into strands: what one host sends on one connection, the
 * states of one connection at one host, the results of one line of a program.
 * Within a strand the order is fixed, between strands it may be chance; so each
 * strand of one run is held against the same of the other.
 *
 * A connection is known by its port where a program chose that, and by the
 * order in which they appear where the stack did. Windows, timestamps and PSH
 * are not compared.
 */
#include "lab_differ.h"

#include "ladder_trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ports that a stack has chosen (ip_local_port_range's first). */
#define EPHEMERAL_MIN 32768
#define CONNS_MAX 512
/* A strand of more is compared up to here. */
#define STRAND_MAX 2000
#define LINES_MAX 60
/* Nobody here sends 100 MB. */
#define FAR_DIGITS 9

struct item {
	char *strand, *text;
	int64_t at;
	int order; /* in the run */
	enum lab_event_kind kind;
};

struct items {
	struct item *v;
	int n, cap;
};

struct conns {
	uint16_t low[CONNS_MAX], high[CONNS_MAX]; /* ports */
	int n;
};

/* "80/2": the second that appears between port 80 and chosen ones. */
static void name_conn(struct conns *c, uint16_t a, uint16_t b, char *out,
		      size_t size)
{
	uint16_t low = a < b ? a : b, high = a < b ? b : a;
	int n = 0;

	for (int i = 0; i < c->n; i++) {
		bool same = c->low[i] == low && c->high[i] == high;

		if (c->low[i] == low && c->high[i] >= EPHEMERAL_MIN)
			n++;
		if (same || c->n == CONNS_MAX)
			goto found;
	}
	c->low[c->n] = low;
	c->high[c->n++] = high;
	n++;
found:
	if (high < EPHEMERAL_MIN)
		snprintf(out, size, "port %u and %u", high, low);
	else if (low < EPHEMERAL_MIN)
		snprintf(out, size, "port %u, connection %d", low, n);
	else
		snprintf(out, size, "connection %d", n);
}

static int max(int a, int b)
{
	return a > b ? a : b;
}

static char *copy(const char *text)
{
	size_t n = strlen(text) + 1;

	return memcpy(drill_mem_grow(NULL, n), text, n);
}

static void add(struct items *items, const char *strand, const char *text,
		const struct lab_event *e)
{
	if (items->n == items->cap) {
		items->cap = items->cap ? 2 * items->cap : 256;
		items->v = drill_mem_grow(items->v, (size_t)items->cap *
							    sizeof(*items->v));
	}
	items->v[items->n] = (struct item){
		.strand = copy(strand),
		.text = copy(text),
		.at = e->at,
		.order = items->n,
		.kind = e->kind,
	};
	items->n++;
}

static const char *lane_name(const struct lab_run *run, int lane)
{
	struct lab_node_decl *d = run->script->nodes;

	while (d && lane-- > 0)
		d = d->next;
	return d ? d->name : "?";
}

/* A number that has nothing to do with the connection's first, as that of an
 * earlier connection's segment, is chance: "far". */
static void forget_far(char *s)
{
	while (*s) {
		size_t n = strspn(s, "0123456789");

		if (n >= FAR_DIGITS) {
			memcpy(s, "far", 3);
			memmove(s + 3, s + n, strlen(s + n) + 1);
			n = 3;
		}
		s += n ? n : 1;
	}
}

/* "SYN seq 0 <mss 1460,...>", without what differs from run to run. */
static void add_segment(struct items *items, struct lab_run *run,
			struct conns *conns, const struct lab_event *e)
{
	struct drill_text t = { 0 };
	char conn[64], strand[128], *win;

	name_conn(conns, e->seg.sport, e->seg.dport, conn, sizeof(conn));
	snprintf(strand, sizeof(strand), "%s sends to %s, %s",
		 lane_name(run, e->lane), lane_name(run, e->to), conn);
	lab_seg_print(&t, &e->seg, false);
	win = strstr(t.s, " win ");
	if (win) {
		size_t n = 5 + strspn(win + 5, "0123456789");

		memmove(win, win + n, strlen(win + n) + 1);
	}
	forget_far(t.s);
	if (!strncmp(t.s, "UDP", 3))
		snprintf(t.s, t.len + 1, "UDP len %u", e->seg.len);
	add(items, strand, t.s, e);
	free(t.s);
}

static void add_state(struct items *items, struct lab_run *run,
		      struct conns *conns, const struct lab_event *e)
{
	char conn[64], strand[128];

	if (e->state == TERN_TCP_LISTEN || e->from == TERN_TCP_LISTEN)
		return;
	name_conn(conns, e->lport, e->rport, conn, sizeof(conn));
	snprintf(strand, sizeof(strand), "%s's state, %s",
		 lane_name(run, e->lane), conn);
	add(items, strand, ladder_state_name(e->state), e);
}

/* Whether it had to wait is chance where two things happen at once. */
static void add_call(struct items *items, struct lab_run *run,
		     const struct lab_event *e)
{
	size_t n = strlen(e->text);
	char strand[128];

	if (n > 4 && !strcmp(e->text + n - 4, " ..."))
		return;
	snprintf(strand, sizeof(strand), "%s, line %d", lane_name(run, e->lane),
		 e->line);
	add(items, strand, e->text + (strncmp(e->text, "... ", 4) ? 0 : 4), e);
}

static void collect(struct items *items, struct lab_run *run, int64_t until)
{
	struct conns *conns = drill_mem_grow(NULL, sizeof(*conns));

	conns->n = 0;
	for (int i = 0; i < run->log.n; i++) {
		const struct lab_event *e = &run->log.events[i];

		if (e->at > until || e->lane < 0)
			continue;
		if (e->kind == LAB_SENT)
			add_segment(items, run, conns, e);
		else if (e->kind == LAB_STATE)
			add_state(items, run, conns, e);
		else if (e->kind == LAB_CALL)
			add_call(items, run, e);
	}
	free(conns);
}

static int by_strand(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int c = strcmp(x->strand, y->strand);

	return c ? c : x->order - y->order;
}

static bool is_known(struct lab_differences *d, const char *line)
{
	for (struct lab_known_decl *k = d->known; k; k = k->next) {
		if (strstr(line, k->text)) {
			k->n++;
			return true;
		}
	}
	return false;
}

static void say(struct lab_differences *d, const struct item *item,
		const char *where)
{
	struct drill_text line = { 0 };

	if (item->at > d->until)
		return;
	drill_text_add(&line, "  %s: only %s: %s at %.3f\n", item->strand,
		       where, item->text, (double)item->at / 1e9);
	/* What has no reason comes first. */
	if (is_known(d, line.s)) {
		if (d->n_known++ < LINES_MAX)
			drill_text_add(&d->known_text, "%s", line.s);
	} else if (d->n - d->n_known < LINES_MAX) {
		drill_text_add(&d->text, "%s", line.s);
	}
	d->n++;
	free(line.s);
}

static void match(struct lab_differences *d, const struct item *a,
		  const struct item *b)
{
	int64_t apart = a->at > b->at ? a->at - b->at : b->at - a->at;

	d->latest_ns = max_i64(d->latest_ns, apart);
	d->n_segments += a->kind == LAB_SENT;
	d->n_states += a->kind == LAB_STATE;
	d->n_calls += a->kind == LAB_CALL;
}

/* The longest common subsequence; what is not in it differs. */
static void compare(struct lab_differences *d, const struct item *a, int n,
		    const struct item *b, int m)
{
	uint16_t *len;
	int i = 0, j = 0, w;

	n = n < STRAND_MAX ? n : STRAND_MAX;
	m = m < STRAND_MAX ? m : STRAND_MAX;
	w = m + 1;
	len = drill_mem_grow(NULL, (size_t)(n + 1) * (size_t)w * sizeof(*len));
	for (int x = n; x >= 0; x--) {
		for (int y = m; y >= 0; y--) {
			uint16_t *at = &len[x * w + y];

			if (x == n || y == m)
				*at = 0;
			else if (!strcmp(a[x].text, b[y].text))
				*at = at[w + 1] + 1;
			else
				*at = at[w] > at[1] ? at[w] : at[1];
		}
	}
	while (i < n || j < m) {
		if (i < n && j < m && !strcmp(a[i].text, b[j].text))
			match(d, &a[i++], &b[j++]);
		else if (j == m ||
			 (i < n && len[(i + 1) * w + j] >= len[i * w + j + 1]))
			say(d, &a[i++], "tern");
		else
			say(d, &b[j++], "the kernel");
	}
	free(len);
}

static int length(const struct items *x, int from)
{
	int to = from;

	while (to < x->n && !strcmp(x->v[to].strand, x->v[from].strand))
		to++;
	return to - from;
}

static void free_items(struct items *x)
{
	for (int i = 0; i < x->n; i++) {
		free(x->v[i].strand);
		free(x->v[i].text);
	}
	free(x->v);
}

int64_t lab_differ_late(int64_t until)
{
	return until > INT64_MAX / 2 ? until : until + until / 8;
}

void lab_differ(struct lab_differences *d, struct lab_run *tern,
		struct lab_run *kernel, int64_t until)
{
	struct items a = { 0 }, b = { 0 };
	int i = 0, j = 0;

	*d = (struct lab_differences){ .until = until,
				       .known = tern->script->known };
	collect(&a, tern, lab_differ_late(until));
	collect(&b, kernel, lab_differ_late(until));
	qsort(a.v, (size_t)a.n, sizeof(*a.v), by_strand);
	qsort(b.v, (size_t)b.n, sizeof(*b.v), by_strand);
	while (i < a.n || j < b.n) {
		int c = i == a.n ? 1 :
			j == b.n ? -1 :
				   strcmp(a.v[i].strand, b.v[j].strand);
		int n = c <= 0 ? length(&a, i) : 0;
		int m = c >= 0 ? length(&b, j) : 0;

		compare(d, a.v + i, n, b.v + j, m);
		i += n;
		j += m;
	}
	if (d->known_text.s)
		drill_text_add(&d->text, "%s", d->known_text.s);
	i = max(d->n - d->n_known - LINES_MAX, 0) +
	    max(d->n_known - LINES_MAX, 0);
	if (i)
		drill_text_add(&d->text, "  and %d more\n", i);
	free_items(&a);
	free_items(&b);
}

void lab_differences_fini(struct lab_differences *d)
{
	free(d->text.s);
	free(d->known_text.s);
}
