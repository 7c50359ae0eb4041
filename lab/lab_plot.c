// SPDX-License-Identifier: BSD-2-Clause
#include "lab_plot.h"

#include "lab_run.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who has sent less is no course worth a picture. */
#define LEAST_BYTES 10000
/* Sockets of a host that are looked at. */
#define MOST_SOCKETS 256

static struct lab_course *course_of(struct lab_plot *p, struct lab_host *h,
				    const struct tern_sock_info *i)
{
	char a[TERN_ADDR_STRLEN], b[TERN_ADDR_STRLEN];
	struct lab_course *c;

	for (int n = 0; n < p->n; n++) {
		c = &p->courses[n];
		if (c->host == h && c->cookie == i->cookie)
			return c;
	}
	if ((p->n & (p->n - 1)) == 0)
		p->courses = drill_mem_grow(p->courses,
					    (p->n ? 2 * (size_t)p->n : 1) *
						    sizeof(*p->courses));
	c = &p->courses[p->n++];
	*c = (struct lab_course){ .host = h, .cookie = i->cookie };
	snprintf(c->name, sizeof(c->name), "%s: %s port %u to %s port %u",
		 h->node.name, tern_addr_print(&i->local.addr, a),
		 i->local.port, tern_addr_print(&i->remote.addr, b),
		 i->remote.port);
	return c;
}

static void add_point(struct lab_course *c, const struct lab_point *now)
{
	const struct lab_point *last = c->n ? &c->points[c->n - 1] : NULL;

	if (last && last->cwnd == now->cwnd &&
	    last->ssthresh == now->ssthresh &&
	    last->in_flight == now->in_flight && last->rtt_us == now->rtt_us &&
	    last->acked == now->acked)
		return;
	if ((c->n & (c->n - 1)) == 0)
		c->points = drill_mem_grow(c->points,
					   (c->n ? 2 * (size_t)c->n : 1) *
						   sizeof(*c->points));
	c->points[c->n++] = *now;
}

static void look_at(struct lab_plot *p, struct lab_host *h, int64_t now)
{
	struct tern_sock_info i;
	struct tern_tcp_info t;
	uint64_t cursor = 0;
	int n = 0;

	while (n++ < MOST_SOCKETS && tern_sock_next(h->st, &cursor, &i)) {
		uint32_t out, left;

		if (i.protocol != TERN_IPPROTO_TCP || !i.remote.port ||
		    i.state == TERN_TCP_TIME_WAIT ||
		    tern_sock_tcp_info(h->st, i.cookie, &t, now) != 0)
			continue;
		out = t.unacked + t.retrans;
		left = t.sacked + t.lost;
		add_point(course_of(p, h, &i),
			  &(struct lab_point){
				  .at = now,
				  .cwnd = t.snd_cwnd,
				  .ssthresh = t.snd_ssthresh,
				  .in_flight = out > left ? out - left : 0,
				  .rtt_us = t.min_rtt == UINT32_MAX ? 0 : t.rtt,
				  .acked = t.bytes_acked,
			  });
	}
}

void lab_plot_look(struct lab_plot *p, const struct lab_run *run)
{
	for (struct lab_node_decl *d = run->script->nodes; d; d = d->next) {
		struct lab_host *h = lab_run_host(run, d->name);

		if (h && h->st)
			look_at(p, h, run->net.now);
	}
}

static uint64_t sent_by(const struct lab_course *c)
{
	return c->n ? c->points[c->n - 1].acked : 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = sent_by(a), y = sent_by(b);

	return (x < y) - (x > y);
}

void lab_plot_end(struct lab_plot *p)
{
	if (p->n)
		qsort(p->courses, (size_t)p->n, sizeof(*p->courses), compare);
	while (p->n && sent_by(&p->courses[p->n - 1]) < LEAST_BYTES)
		free(p->courses[--p->n].points);
}

void lab_plot_fini(struct lab_plot *p)
{
	while (p->n)
		free(p->courses[--p->n].points);
	free(p->courses);
	*p = (struct lab_plot){ 0 };
}

const struct lab_point *lab_course_at(const struct lab_course *c, int64_t at)
{
	int lo = 0, hi = c->n;

	while (lo < hi) {
		int mid = lo + (hi - lo) / 2;

		if (c->points[mid].at <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &c->points[lo - 1] : NULL;
}

void lab_plot_span(const struct lab_plot *p, int64_t *from, int64_t *to)
{
	*from = INT64_MAX;
	*to = 0;
	for (int i = 0; i < p->n; i++) {
		const struct lab_course *c = &p->courses[i];

		*from = min_i64(*from, c->points[0].at);
		*to = max_i64(*to, c->points[c->n - 1].at);
	}
	if (*from >= *to)
		*from = 0, *to = max_i64(*to, 1);
}

double lab_course_goodput(const struct lab_course *c, int64_t from, int64_t to)
{
	const struct lab_point *a = lab_course_at(c, from);
	const struct lab_point *b = lab_course_at(c, to);
	uint64_t bytes = (b ? b->acked : 0) - (a ? a->acked : 0);

	return (double)bytes * 8e9 / (double)(to - from);
}

double lab_plot_ceiling(double v)
{
	static const double steps[] = { 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10 };
	double unit = v > 0 ? pow(10, floor(log10(v))) : 1;
	size_t i = 0;

	while (i + 1 < ARRAY_LEN(steps) && unit * steps[i] < v)
		i++;
	return unit * steps[i];
}
