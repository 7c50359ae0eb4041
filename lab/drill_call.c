// SPDX-License-Identifier: BSD-2-Clause
/*
 * Making a call, waiting for it, and holding its result against the script's.
 *
 * A call that blocks is tried again whenever the stack has done something. One
 * that the script does not say to block (no T...T) but that does anyway runs
 * the clock forward until it returns, as it would hold up a script in real
 * time; the next event is then late.
 */
#include "drill_call.h"

#include "drill_parse.h"
#include "drill_run.h"

#include "base/bytes.h"
#include "base/time.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* How long a call that was not said to block may do so: in virtual time
 * longer than any of TCP's timers, in real time no longer than one likes to
 * wait for nothing. */
#define PATIENCE (100000 * NS_PER_S)
#define REAL_PATIENCE (10 * NS_PER_S)
#define BUFFER_MAX (INT64_C(256) << 20)

#define FD DRILL_FD_FIRST
#define RCV SO_RCVTIMEO
#define SND SO_SNDTIMEO

static const struct drill_call_row rows[] = {
	/* name, arguments, step, gives, takes, timeout */
	{ "socket", 3, 3, drill_call_socket, DRILL_GIVES_FD },
	{ "bind", 3, 3, drill_call_bind, 0, FD },
	{ "listen", 2, 2, drill_call_listen, 0, FD },
	{ "accept", 3, 3, drill_call_accept, DRILL_GIVES_FD, FD, RCV },
	{ "connect", 3, 3, drill_call_connect, 0, FD, SND },
	{ "close", 1, 1, drill_call_close, 0, FD },
	{ "shutdown", 2, 2, drill_call_shutdown, 0, FD },
	{ "fcntl", 2, 3, drill_call_fcntl, 0, FD },
	{ "ioctl", 2, 3, drill_call_ioctl, 0, FD },
	{ "read", 3, 3, drill_call_read, 0, FD, RCV },
	{ "readv", 3, 3, drill_call_readv, 0, FD, RCV },
	{ "recv", 4, 4, drill_call_recv, 0, FD, RCV },
	{ "recvfrom", 6, 6, drill_call_recvfrom, 0, FD, RCV },
	{ "recvmsg", 3, 3, drill_call_recvmsg, 0, FD, RCV },
	{ "write", 3, 3, drill_call_write, 0, FD, SND },
	{ "writev", 3, 3, drill_call_writev, 0, FD, SND },
	{ "send", 4, 4, drill_call_send, 0, FD, SND },
	{ "sendto", 6, 6, drill_call_sendto, 0, FD, SND },
	{ "sendmsg", 3, 3, drill_call_sendmsg, 0, FD, SND },
	{ "getsockopt", 5, 5, drill_call_getsockopt, 0, FD },
	{ "setsockopt", 5, 5, drill_call_setsockopt, 0, FD },
	{ "poll", 3, 3, drill_call_poll },
	{ "epoll_create", 1, 1, drill_call_epoll_create, DRILL_GIVES_FD },
	{ "epoll_ctl", 4, 4, drill_call_epoll_ctl, 0, FD },
	{ "epoll_wait", 4, 4, drill_call_epoll_wait, 0, FD },
	{ "open", 2, 3, drill_call_open, DRILL_GIVES_FD },
	{ "pipe", 1, 1, drill_call_pipe },
	{ "splice", 6, 6, drill_call_splice, 0, FD, SND },
	{ "sendfile", 4, 4, drill_call_sendfile, 0, FD, SND },
	{ "cap_set", 3, 3, drill_call_cap_set },
	{ "psp_rx_assoc", .refused = "PSP is not implemented" },
	{ "psp_tx_assoc", .refused = "PSP is not implemented" },
};

const struct drill_call_row *drill_call_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	}
	return NULL;
}

const struct drill_expr *drill_call_arg(const struct drill_op *op, int i)
{
	const struct drill_expr *e = op->call->args;

	while (e && i--)
		e = e->next;
	return e;
}

int64_t drill_call_bad(struct drill_run *r, struct drill_op *op,
		       const char *fmt, ...)
{
	struct drill_text t = { 0 };
	va_list args;

	va_start(args, fmt);
	drill_text_vadd(&t, fmt, args);
	va_end(args);
	drill_run_fail(r, op->line, "%s(): %s", op->call->name, t.s);
	free(t.s);
	op->bad = true;
	return 0;
}

void drill_call_wrong(struct drill_run *r, struct drill_op *op, const char *fmt,
		      ...)
{
	struct drill_text t = { 0 };
	va_list args;

	va_start(args, fmt);
	drill_text_vadd(&t, fmt, args);
	va_end(args);
	drill_run_differs(r, op->line, r->config->non_fatal_call, "%s: %s",
			  op->call->text, t.s);
	free(t.s);
	op->bad = true;
}

int64_t drill_call_number(struct drill_run *r, struct drill_op *op, int i)
{
	const struct drill_expr *e = drill_call_arg(op, i);

	if (e && e->kind == DRILL_EX_LIST && e->first && !e->first->next)
		e = e->first;
	if (!e || e->kind != DRILL_EX_NUM) {
		drill_call_bad(r, op, "argument %d is no number", i + 1);
		return 0;
	}
	return e->num;
}

size_t drill_call_size(struct drill_run *r, struct drill_op *op, int i)
{
	int64_t n = drill_call_number(r, op, i);

	if (n < 0 || n > BUFFER_MAX) {
		drill_call_bad(r, op, "a buffer of %lld bytes", (long long)n);
		return 0;
	}
	return (size_t)n;
}

const struct drill_expr *drill_call_member(const struct drill_expr *e,
					   const char *name)
{
	if (!e || e->kind != DRILL_EX_STRUCT)
		return NULL;
	for (e = e->first; e; e = e->next) {
		if (e->name && !strcmp(e->name, name))
			break;
	}
	return e;
}

bool drill_call_is_null(const struct drill_expr *e)
{
	return e && e->kind == DRILL_EX_NUM && !e->num;
}

static void print_result(struct drill_text *t, int64_t result)
{
	const char *name;

	if (result >= 0) {
		drill_text_add(t, "%lld", (long long)result);
		return;
	}
	name = drill_sym_errno((int)-result);
	if (name)
		drill_text_add(t, "-1 %s", name);
	else
		drill_text_add(t, "-1 (errno %lld)", (long long)-result);
}

static void result_differs(struct drill_run *r, const struct drill_op *op,
			   int64_t got)
{
	const struct drill_call *c = op->call;
	struct drill_text want = { 0 }, have = { 0 };

	print_result(&want, c->error ? -(int64_t)c->error : c->result->num);
	if (!c->error && c->result->num < 0) {
		want.len = 0;
		drill_text_add(&want, "%lld", (long long)c->result->num);
	}
	print_result(&have, got);
	drill_run_differs(r, op->line, r->config->non_fatal_call,
			  "the result differs\n  expected: %s = %s\n"
			  "  actual:   %s = %s",
			  c->text, want.s, c->text, have.s);
	free(want.s);
	free(have.s);
}

/* Holds the result against the script's, and notes new descriptors. */
static void check_result(struct drill_run *r, const struct drill_op *op,
			 int64_t got)
{
	const struct drill_call *c = op->call;
	const struct drill_expr *want = c->result;
	bool same;

	if (want->kind == DRILL_EX_ANY)
		return;
	if (want->kind != DRILL_EX_NUM) {
		drill_run_fail(r, op->line, "%s(): its result is no number",
			       c->name);
		return;
	}
	if (c->error)
		same = got == -(int64_t)c->error;
	else if (got < 0)
		same = want->num == -1;
	else if (c->row->gives == DRILL_GIVES_FD)
		same = want->num >= 0;
	else
		same = got == want->num;
	if (!same)
		result_differs(r, op, got);
	else if (c->row->gives == DRILL_GIVES_FD && got >= 0)
		drill_run_map_fd(r, (int)want->num, (int)got);
}

static void check_end_time(struct drill_run *r, const struct drill_op *op)
{
	int64_t now = drill_run_now(r), base = op->end_at - op->started_at;

	if (op->end_at < 0 ||
	    drill_run_in_time(r, now, op->end_at, op->end_at, base))
		return;
	drill_run_fail(r, op->line,
		       "timing error: %s should return at %.6f s, but it is "
		       "%.6f s",
		       op->call->text, (double)op->end_at / 1e9,
		       (double)now / 1e9);
}

static void finish(struct drill_run *r, struct drill_op *op, int64_t result)
{
	struct drill_text t = { 0 };

	print_result(&t, result);
	drill_trail_call(&r->trail, drill_run_now(r), op->call->text, t.s);
	free(t.s);
	if (result == -ENOMEM || result == -ENOBUFS)
		r->told_no_memory = true;
	if (r->failed || op->bad)
		return;
	check_result(r, op, result);
	if (!r->failed)
		check_end_time(r, op);
}

/* One attempt; true if the call has returned. */
static bool attempt(struct drill_run *r, struct drill_op *op)
{
	int64_t result;

	drill_trail_mark(&r->trail);
	result = op->call->row->step(r, op);
	if (result == DRILL_WAIT && !r->failed)
		return false;
	finish(r, op, result == DRILL_WAIT ? 0 : result);
	return true;
}

static void set_patience(struct drill_run *r, struct drill_op *op)
{
	int64_t ns;

	if (!op->call->row->timeout_opt || op->wake_at != NEVER)
		return;
	ns = drill_wait_patience(r->a, op->fd, op->call->row->timeout_opt);
	if (ns)
		op->wake_at = op->started_at + ns;
}

void drill_call_retry(struct drill_run *r)
{
	struct drill_op *op = r->blocked;

	if (!op || r->failed)
		return;
	if (drill_run_now(r) >= op->wake_at)
		op->timed_out = true;
	if (attempt(r, op))
		r->blocked = NULL;
}

int64_t drill_call_wake_at(const struct drill_run *r)
{
	return r->blocked ? r->blocked->wake_at : NEVER;
}

bool drill_call_settle(struct drill_run *r, int64_t ns)
{
	int64_t until = drill_run_now(r) + ns;
	int line = r->blocked->line;

	while (r->blocked && drill_run_step(r, until))
		;
	if (r->blocked && !r->failed)
		drill_run_fail(
			r, line,
			"%s is still waiting after %g s (one that is "
			"to wait says until when: 0...1.5 read(...))",
			r->blocked->call->text,
			(double)(drill_run_now(r) - r->blocked->started_at) /
				NS_PER_S);
	return !r->failed;
}

bool drill_call_run(struct drill_run *r, const struct drill_event *e)
{
	struct drill_op *op = DRILL_NEW(r->mem, struct drill_op);

	op->call = e->call;
	op->line = e->line;
	op->started_at = drill_run_now(r);
	op->end_at = -1;
	op->wake_at = NEVER;
	if (e->time.blocks)
		op->end_at = r->event_at + (e->time.end - e->time.at);
	if (e->call->row->takes == DRILL_FD_FIRST)
		op->fd = drill_run_fd(r, drill_call_number(r, op, 0));
	if (r->failed)
		return false;
	if (attempt(r, op))
		return !r->failed;
	set_patience(r, op);
	drill_trail_add(&r->trail, LADDER_CALL, drill_run_now(r), "%s ...",
			e->call->text);
	r->blocked = op;
	/* One that was not said to block holds up the script. */
	return e->time.blocks ||
	       drill_call_settle(r,
				 r->config->kernel ? REAL_PATIENCE : PATIENCE);
}
