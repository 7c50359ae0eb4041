// SPDX-License-Identifier: BSD-2-Clause
#include "lab_expect.h"

#include "lab_info.h"
#include "ladder_trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What the socket table adds to TCP_INFO's fields. */
static const char *const queues[] = { "rx_queue", "tx_queue",
				      "retransmits_now" };

static int find_queue(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(queues); i++) {
		if (!strcasecmp(name, queues[i]))
			return (int)i;
	}
	return -1;
}

bool lab_expect_can_name(const char *name)
{
	return lab_info_find(name) >= 0 || find_queue(name) >= 0;
}

static int64_t get_field(const char *name, const struct tern_tcp_info *t,
			 const struct tern_sock_info *i)
{
	uint64_t v;

	switch (find_queue(name)) {
	case 0:
		return i->rx_queue;
	case 1:
		return i->tx_queue;
	case 2:
		return i->retransmits;
	}
	v = lab_info_value(t, lab_info_find(name));
	return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

/* Says what was found. */
__attribute__((format(printf, 3, 4))) static void
found(struct lab_run *run, struct lab_expect *e, const char *fmt, ...)
{
	struct drill_text t = { 0 };
	va_list args;

	va_start(args, fmt);
	drill_text_vadd(&t, fmt, args);
	va_end(args);
	e->said = drill_mem_copy(run->mem, t.s ? t.s : "", t.len);
	free(t.s);
}

/* The entry of a variable's connection, while it has a socket or not. */
static bool find_entry(struct lab_host *h, const struct lab_var *v,
		       struct tern_sock_info *i)
{
	uint64_t cursor = 0;

	while (h->st && tern_sock_next(h->st, &cursor, i)) {
		if (v->fd >= 0 ? i->s == v->fd :
				 i->s < 0 && i->local.port == v->lport &&
					 i->remote.port == v->rport &&
					 tern_addr_equal(&i->remote.addr,
							 &v->remote))
			return true;
	}
	return false;
}

static struct lab_var *var_of(struct lab_run *run, struct lab_expect *e,
			      struct lab_host *h)
{
	struct lab_var *v = lab_var_find(run, h, e->var);

	if (!v)
		found(run, e, "no socket has been called \"%s\" on %s", e->var,
		      e->host);
	else
		lab_var_learn(v);
	return v;
}

static bool check_state(struct lab_run *run, struct lab_expect *e,
			struct lab_host *h)
{
	struct lab_var *v = var_of(run, e, h);
	struct tern_sock_info i;
	int state = TERN_TCP_CLOSE;

	if (!v)
		return false;
	if (find_entry(h, v, &i))
		state = i.state;
	found(run, e, "it is %s", ladder_state_name(state));
	return state == e->state;
}

static bool check_info(struct lab_run *run, struct lab_expect *e,
		       struct lab_host *h)
{
	struct lab_var *v = var_of(run, e, h);
	struct tern_tcp_info t = { 0 };
	struct tern_sock_info i;
	int64_t have;

	if (!v)
		return false;
	if (!find_entry(h, v, &i)) {
		found(run, e, "the connection is gone");
		return false;
	}
	tern_sock_tcp_info(h->st, i.cookie, &t, run->net.now);
	have = get_field(e->name, &t, &i);
	found(run, e, "%s is %" PRId64, e->name, have);
	return lab_op_holds(e->op, have, e->value);
}

static bool check_timer(struct lab_run *run, struct lab_expect *e,
			struct lab_host *h)
{
	struct lab_var *v = var_of(run, e, h);
	struct tern_sock_info i;
	int64_t in;

	if (!v)
		return false;
	if (!find_entry(h, v, &i)) {
		found(run, e, "the connection is gone");
		return false;
	}
	in = i.timer ? i.timer_at - run->net.now : 0;
	found(run, e, "the timer is %s, in %g s", lab_timer_name(i.timer),
	      (double)in / 1e9);
	if (i.timer != lab_timer_find(e->name))
		return false;
	/* Exact to the jiffy of 4 ms that Linux shows. */
	return e->value < 0 || (in <= e->value + 5 * NS_PER_MS &&
				in >= e->value - 5 * NS_PER_MS);
}

static bool check_poll(struct lab_run *run, struct lab_expect *e,
		       struct lab_host *h)
{
	struct lab_var *v = var_of(run, e, h);
	struct drill_text t = { 0 };
	int64_t bits;

	if (!v)
		return false;
	if (v->fd < 0) {
		found(run, e, "it is closed");
		return false;
	}
	bits = tern_poll(h->st, v->fd) &
	       (TERN_POLLIN | TERN_POLLPRI | TERN_POLLOUT | TERN_POLLERR |
		TERN_POLLHUP | TERN_POLLRDHUP);
	lab_poll_print(&t, bits);
	found(run, e, "it polls %s", t.s);
	free(t.s);
	return bits == e->value;
}

static bool check_count(struct lab_run *run, struct lab_expect *e,
			struct lab_host *h)
{
	struct tern_sock_info i;
	uint64_t cursor = 0;
	int64_t n = 0;

	while (h->st && tern_sock_next(h->st, &cursor, &i))
		n += i.protocol == TERN_IPPROTO_TCP && i.state == e->state;
	found(run, e, "there are %" PRId64, n);
	return lab_op_holds(e->op, n, e->value);
}

static bool check_counter(struct lab_run *run, struct lab_expect *e,
			  struct lab_host *h)
{
	int64_t n = h->st ? (int64_t)tern_counter_get(
				    h->st, tern_counter_find(e->name)) :
			    0;

	found(run, e, "%s is %" PRId64, e->name, n);
	return lab_op_holds(e->op, n, e->value);
}

static bool check_drops(struct lab_run *run, struct lab_expect *e,
			struct lab_host *h)
{
	int64_t n = h->st ? (int64_t)tern_drop_count(h->st,
						     lab_drop_find(e->name)) :
			    0;

	/* The queue in front of the stack is the host's. */
	if (!strcasecmp(e->name, "BACKLOG_FULL"))
		n += h->n_overflowed;

	found(run, e, "it dropped %" PRId64 " for %s", n, e->name);
	return lab_op_holds(e->op, n, e->value);
}

static bool check_memory(struct lab_run *run, struct lab_expect *e,
			 struct lab_host *h)
{
	struct tern_memory m = { 0 };
	size_t bytes = 0;

	if (h->st)
		tern_stack_memory(h->st, &m);
	lab_memory_get(&m, e->name, &bytes);
	/* With faults each struct is allocated by itself, to be seen: that has
	 * a price of its own. */
	if (run->net.fault)
		return true;
	found(run, e, "%s is %zu bytes", e->name, bytes);
	return lab_op_holds(e->op, (int64_t)bytes, e->value);
}

/* The states that the connection was seen to go through. */
static bool check_path(struct lab_run *run, struct lab_expect *e,
		       struct lab_host *h)
{
	struct lab_var *v = var_of(run, e, h);
	struct drill_text t = { 0 };
	bool same = true;
	int n = 0;

	if (!v)
		return false;
	for (int k = 0; k < run->log.n; k++) {
		const struct lab_event *x = &run->log.events[k];

		if (x->kind != LAB_STATE || x->lane != h->node.lane ||
		    x->lport != v->lport || x->rport != v->rport)
			continue;
		drill_text_add(&t, "%s%s", n ? ", " : "",
			       ladder_state_name(x->state));
		same = same && n < e->n_states && e->states[n] == x->state;
		n++;
	}
	found(run, e, "it went through %s", t.s ? t.s : "none");
	free(t.s);
	return same && n == e->n_states;
}

static bool is_meant(const struct lab_run *run, const struct lab_expect *e,
		     const struct lab_event *x, const struct lab_host *h)
{
	const struct lab_pattern *p = &e->pattern;
	int lane = h->node.lane;

	if (x->kind != LAB_SENT ||
	    (e->arrives ? x->to != lane || x->lost || x->arrives_at == NEVER :
			  x->lane != lane))
		return false;
	if ((p->from &&
	     x->lane != lab_script_node(run->script, p->from)->node->lane) ||
	    (p->to && x->to != lab_script_node(run->script, p->to)->node->lane))
		return false;
	return lab_pattern_fits(p, &x->seg);
}

static int64_t instant(const struct lab_expect *e, const struct lab_event *x)
{
	return e->arrives ? x->arrives_at : x->at;
}

static bool in_window(const struct lab_expect *e, int64_t at)
{
	return at >= e->pattern.since && at < e->pattern.until;
}

/* Each time that is named has one of its own, in order; and with "exactly", or
 * without a count, there is no other between them. */
static bool check_times(struct lab_run *run, struct lab_expect *e,
			const int64_t *at, int n)
{
	struct drill_text t = { 0 };
	int k = 0;

	for (int i = 0; i < n; i++)
		drill_text_add(&t, "%s%.6f", i ? ", " : "",
			       (double)at[i] / 1e9);
	found(run, e, n ? "%d: at %s" : "%d%s", n, t.s ? t.s : "");
	free(t.s);
	if (e->none)
		return n == 0;
	if (e->exactly && n != (int)e->count)
		return false;
	if (!e->n_times)
		return e->exactly || n > 0;
	if (e->n_times > 1 && n != e->n_times)
		return false;
	for (int i = 0; i < n && k < e->n_times; i++) {
		int64_t d = at[i] - e->times[k];

		if (d <= e->tolerance_ns && d >= -e->tolerance_ns)
			k++;
	}
	return k == e->n_times;
}

static bool check_events(struct lab_run *run, struct lab_expect *e,
			 struct lab_host *h)
{
	int64_t *at =
		drill_mem_grow(NULL, sizeof(*at) * ((size_t)run->log.n + 1));
	uint32_t nth = 0;
	int n = 0;
	bool holds;

	for (int k = 0; k < run->log.n; k++) {
		const struct lab_event *x = &run->log.events[k];

		if (e->kind == LAB_EXPECT_FIRES ?
			    x->kind != LAB_TIMER || x->lane != h->node.lane ||
				    strcasecmp(x->text, e->name) != 0 :
			    !is_meant(run, e, x, h))
			continue;
		if (!in_window(e, instant(e, x)))
			continue;
		nth++;
		if (e->pattern.first &&
		    (nth < e->pattern.first || nth > e->pattern.last))
			continue;
		at[n++] = instant(e, x);
	}
	holds = check_times(run, e, at, n);
	free(at);
	return holds;
}

void lab_expect_check(struct lab_run *run, struct lab_expect *e)
{
	static bool (*const checks[])(struct lab_run *, struct lab_expect *,
				      struct lab_host *) = {
		[LAB_EXPECT_SEGMENT] = check_events,
		[LAB_EXPECT_STATE] = check_state,
		[LAB_EXPECT_COUNT] = check_count,
		[LAB_EXPECT_PATH] = check_path,
		[LAB_EXPECT_INFO] = check_info,
		[LAB_EXPECT_COUNTER] = check_counter,
		[LAB_EXPECT_DROPS] = check_drops,
		[LAB_EXPECT_TIMER] = check_timer,
		[LAB_EXPECT_FIRES] = check_events,
		[LAB_EXPECT_MEMORY] = check_memory,
		[LAB_EXPECT_POLL] = check_poll,
	};
	struct lab_host *h =
		(struct lab_host *)lab_script_node(run->script, e->host)->node;

	e->checked = true;
	e->holds = checks[e->kind](run, e, h) != e->negated;
	if (e->holds)
		run->n_held++;
	else
		lab_run_fail(run, e->line, "expected %s: %s", e->text,
			     e->said ? e->said : "");
}
