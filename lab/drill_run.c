// SPDX-License-Identifier: BSD-2-Clause
/*
 * The order of events.
 *
 * The clock moves in drill_run_step() alone: to the stack's deadline or to the
 * end of a blocked call's patience, whichever is first. An event "in" at T
 * finds all timers of T done.
 *
 * A relative time counts from the instant at which the event before was
 * complete: for a packet out, when it was seen; between two packets in, from
 * when the first was due.
 */
#include "drill_run.h"

#include "drill_code.h"
#include "drill_kernel.h"
#include "drill_shell.h"
#include "last_words.h"

#include "base/bytes.h"
#include "base/time.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* An instant that is no round number, so that nobody takes 0 for it. */
#define START_AT (1000 * NS_PER_S)
/* A stack that wants to run this often at one instant will never stop. */
#define STEPS_MAX 1000000

int64_t drill_run_now(const struct drill_run *r)
{
	return r->a->ops->now(r->a) - r->start_at;
}

bool drill_run_step(struct drill_run *r, int64_t until)
{
	int64_t at = r->a->ops->deadline(r->a), wake = drill_call_wake_at(r);
	int64_t now = drill_run_now(r);

	at = at == NEVER ? NEVER : at - r->start_at;
	at = max_i64(min_i64(at, wake), now);
	if (at > until || at == NEVER || r->failed)
		return false;
	r->a->ops->advance(r->a, r->start_at + at);
	drill_call_retry(r);
	return true;
}

void drill_run_until(struct drill_run *r, int64_t at)
{
	int64_t last = -1;
	int n = 0;

	while (drill_run_step(r, at)) {
		n = drill_run_now(r) == last ? n + 1 : 0;
		last = drill_run_now(r);
		if (n > STEPS_MAX) {
			drill_run_fail(r, r->event ? r->event->line : 0,
				       "the stack never comes to rest");
			return;
		}
	}
	if (at > drill_run_now(r) && !r->failed)
		r->a->ops->advance(r->a, r->start_at + at);
}

bool drill_run_fail(struct drill_run *r, int line, const char *fmt, ...)
{
	va_list args;

	if (r->failed || r->skipped)
		return false;
	r->failed = true;
	r->fail_line = line;
	va_start(args, fmt);
	drill_text_vadd(&r->message, fmt, args);
	va_end(args);
	return false;
}

bool drill_run_skip(struct drill_run *r, int line, const char *fmt, ...)
{
	va_list args;

	if (r->failed || r->skipped)
		return false;
	r->skipped = true;
	r->fail_line = line;
	va_start(args, fmt);
	drill_text_vadd(&r->message, fmt, args);
	va_end(args);
	return false;
}

static bool warn(struct drill_run *r, int line, const char *fmt, va_list args)
{
	drill_text_add(&r->warnings, "%s:%d: warning: ", r->script->path, line);
	drill_text_vadd(&r->warnings, fmt, args);
	drill_text_add(&r->warnings, "\n");
	return true;
}

bool drill_run_warn(struct drill_run *r, int line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (!r->config->thorough) {
		warn(r, line, fmt, args);
	} else if (!r->failed) {
		r->failed = true;
		r->fail_line = line;
		drill_text_vadd(&r->message, fmt, args);
	}
	va_end(args);
	return !r->failed;
}

bool drill_run_differs(struct drill_run *r, int line, bool non_fatal,
		       const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (non_fatal) {
		warn(r, line, fmt, args);
	} else if (!r->failed) {
		r->failed = true;
		r->fail_line = line;
		drill_text_vadd(&r->message, fmt, args);
	}
	va_end(args);
	return !r->failed;
}

bool drill_run_in_time(const struct drill_run *r, int64_t at, int64_t lo,
		       int64_t hi, int64_t base)
{
	double share = (double)base * r->config->tolerance_percent / 100;
	int64_t tol = max_i64(r->config->tolerance_ns, (int64_t)share);

	return at >= lo - tol && at <= hi + tol;
}

struct drill_flow *drill_run_new_flow(struct drill_run *r, int protocol)
{
	struct drill_flow *f = DRILL_NEW(r->mem, struct drill_flow);

	f->next = r->flows;
	r->flows = f;
	f->fd = f->script_fd = -1;
	f->protocol = protocol;
	f->laddr = r->config->local_ip;
	f->raddr = r->config->remote_ip;
	return f;
}

struct drill_flow *drill_run_find_flow(struct drill_run *r, int protocol,
				       uint16_t lport, uint16_t rport)
{
	struct drill_flow *f;

	for (f = r->flows; f; f = f->next) {
		if (f->protocol == protocol && f->lport == lport &&
		    f->rport == rport && f->state != DRILL_FLOW_LISTENING)
			return f;
	}
	return NULL;
}

struct drill_flow *drill_run_flow_of_fd(struct drill_run *r, int live_fd)
{
	struct drill_flow *f;

	for (f = r->flows; f; f = f->next) {
		if (f->fd == live_fd && live_fd >= 0)
			return f;
	}
	return NULL;
}

int drill_run_fd(const struct drill_run *r, int64_t script_fd)
{
	int i;

	for (i = r->n_fds - 1; i >= 0; i--) {
		if (r->fds[i].script == script_fd)
			return r->fds[i].live;
	}
	return -1;
}

void drill_run_map_fd(struct drill_run *r, int script_fd, int live_fd)
{
	int i;

	for (i = 0; i < r->n_fds; i++) {
		if (r->fds[i].script == script_fd)
			break;
	}
	if (i == DRILL_FD_MAP) {
		drill_run_fail(r, r->event->line, "more than %d descriptors",
			       DRILL_FD_MAP);
		return;
	}
	if (i == r->n_fds)
		r->n_fds++;
	r->fds[i].script = script_fd;
	r->fds[i].live = live_fd;
}

/* When the script wants the event; of a range its beginning. */
static int64_t wanted_at(const struct drill_run *r, const struct drill_event *e)
{
	bool is_in = e->kind == DRILL_EV_PACKET && e->pkt->in;
	int64_t base = drill_run_now(r);

	if (is_in && r->last_was_in)
		base = r->last_at;
	if (e->time.kind == DRILL_TIME_ANY)
		return base;
	return e->time.kind == DRILL_TIME_RELATIVE ? base + e->time.at :
						     e->time.at;
}

static bool wait_for(struct drill_run *r, const struct drill_event *e)
{
	int64_t now = drill_run_now(r), base = r->event_at - r->last_at;

	if (now < r->event_at)
		drill_run_until(r, r->event_at);
	now = drill_run_now(r);
	if (r->failed)
		return false;
	if (e != r->script->events &&
	    !drill_run_in_time(r, now, r->event_at, r->event_at, base)) {
		struct drill_text t = { 0 };

		drill_text_add(&t, "%lld.%06lld", (long long)(now / NS_PER_S),
			       (long long)(now % NS_PER_S / NS_PER_US));
		drill_run_fail(r, e->line,
			       "timing error: due at %.6f s, but it is %s s",
			       (double)r->event_at / 1e9, t.s);
		free(t.s);
		return false;
	}
	return true;
}

static bool run_event(struct drill_run *r, const struct drill_event *e)
{
	r->event = e;
	r->event_at = wanted_at(r, e);
	if (e->kind == DRILL_EV_PACKET && !e->pkt->in)
		return drill_pkt_out(r, e);
	if (!wait_for(r, e))
		return false;
	switch (e->kind) {
	case DRILL_EV_PACKET:
		return drill_pkt_in(r, e->pkt);
	case DRILL_EV_CALL:
		/* One call after the other. */
		if (r->blocked && !drill_call_settle(r, NS_PER_S))
			return false;
		return drill_call_run(r, e);
	case DRILL_EV_SHELL:
		drill_trail_add(&r->trail, LADDER_NOTE, drill_run_now(r), "%s",
				e->text);
		return drill_shell_run(r, e->shell);
	case DRILL_EV_CODE:
		return drill_code_run(r, e->code);
	}
	return false;
}

static bool run_init_scripts(struct drill_run *r)
{
	const char *names = r->config->init_scripts;
	bool ok = true;

	while (ok && names && *names) {
		size_t n = strcspn(names, ",");

		ok = drill_shell_run_file(r, drill_mem_copy(r->mem, names, n));
		names += n + (names[n] == ',');
	}
	return ok;
}

static bool run_events(struct drill_run *r)
{
	const struct drill_event *e;

	for (e = r->script->events; e; e = e->next) {
		if (!run_event(r, e) || r->failed)
			return false;
		r->last_at = r->event_at;
		r->last_was_in = e->kind == DRILL_EV_PACKET && e->pkt->in;
	}
	return (!r->blocked || drill_call_settle(r, NS_PER_S)) &&
	       (r->config->new_adapter || drill_pkt_left_over(r));
}

bool drill_run(struct drill_run *r, struct drill_script *script,
	       const struct drill_config *config)
{
	const char *why;
	bool ok;

	*r = (struct drill_run){
		.script = script,
		.config = config,
		.mem = &script->mem,
		.v6 = config->ip_version == DRILL_IPV6,
		.start_at = START_AT,
		.next_port = 50000,
		.mtu = config->mtu,
		.trail = { .mem = &script->mem, .start_at = START_AT },
	};
	last_words_trail(&r->trail);
	if (config->new_adapter)
		r->a = config->new_adapter(config, START_AT, &why);
	else if (config->kernel)
		r->a = drill_kernel_enter(&why) ?
			       drill_kernel_new(config, START_AT, &why) :
			       NULL;
	else
		r->a = drill_tern_new(config, START_AT, &why);
	if (!r->a)
		return drill_run_fail(r, 1, "%s", why);
	if (r->a->ops->trace)
		r->a->ops->trace(r->a, drill_trail_trace, &r->trail);
	r->vars = drill_code_new_vars(r->mem);
	ok = run_init_scripts(r) && drill_shell_run(r, script->init);
	/* Time 0 is after that. */
	r->start_at = r->trail.start_at = r->a->ops->now(r->a);
	ok = ok && run_events(r);
	drill_shell_run(r, script->cleanup);
	return ok && !r->failed && !r->skipped;
}

void drill_run_fini(struct drill_run *r)
{
	struct drill_flow *f;

	if (r->a)
		r->a->ops->free(r->a);
	for (f = r->flows; f; f = f->next)
		free(f->ts);
	free(r->message.s);
	last_words_trail(NULL);
	drill_trail_fini(&r->trail);
	free(r->warnings.s);
	free(r->output.s);
}
