// SPDX-License-Identifier: BSD-2-Clause
/* poll and epoll: what is ready is compared exactly. */
#include "drill_call.h"

#include "drill_run.h"

#include "base/bytes.h"
#include "base/time.h"

#include <errno.h>
#include <string.h>

#define POLLFDS 64
#define EVENTS 64

static int64_t member_number(const struct drill_expr *e, const char *name)
{
	const struct drill_expr *m = drill_call_member(e, name);

	return m && m->kind == DRILL_EX_NUM ? m->num : 0;
}

/* Waits for `ms` from the call's start; true if that is over. */
static bool is_over(struct drill_op *op, int64_t ms)
{
	if (ms >= 0)
		op->wake_at = op->started_at + ms * NS_PER_MS;
	return !ms || op->timed_out;
}

int64_t drill_call_poll(struct drill_run *r, struct drill_op *op)
{
	const struct drill_expr *list = drill_call_arg(op, 0), *e;
	int64_t n = drill_call_number(r, op, 1);
	int64_t timeout = drill_call_number(r, op, 2);
	struct pollfd fds[POLLFDS];
	int result, i;

	if (list->kind != DRILL_EX_LIST || list->num != n || n > POLLFDS)
		return drill_call_bad(r, op, "it takes a list and its length");
	for (e = list->first, i = 0; e; e = e->next, i++)
		fds[i] = (struct pollfd){
			.fd = drill_run_fd(r, member_number(e, "fd")),
			.events = (short)member_number(e, "events"),
		};
	result = r->a->ops->poll(r->a, fds, (nfds_t)n);
	if (!result && !is_over(op, timeout))
		return DRILL_WAIT;
	for (e = list->first, i = 0; e; e = e->next, i++) {
		int want = (short)member_number(e, "revents");

		if (fds[i].revents != want && !op->bad)
			drill_call_wrong(r, op,
					 "revents of the entry %d are 0x%x, "
					 "not 0x%x",
					 i, (unsigned)(uint16_t)fds[i].revents,
					 (unsigned)(uint16_t)want);
	}
	return result;
}

int64_t drill_call_epoll_create(struct drill_run *r, struct drill_op *op)
{
	int size = (int)drill_call_number(r, op, 0);

	return r->failed ? 0 : r->a->ops->epoll_create(r->a, size);
}

/* {events=E, fd=...}: data as the script has it. */
static void read_event(const struct drill_expr *e, struct epoll_event *out)
{
	static const char *const datas[] = { "fd", "u32", "u64", "ptr" };
	size_t i;

	*out = (struct epoll_event){
		.events = (uint32_t)member_number(e, "events"),
	};
	for (i = 0; i < ARRAY_LEN(datas); i++) {
		if (drill_call_member(e, datas[i]))
			out->data.u64 = (uint64_t)member_number(e, datas[i]);
	}
}

int64_t drill_call_epoll_ctl(struct drill_run *r, struct drill_op *op)
{
	int what = (int)drill_call_number(r, op, 1);
	int fd = drill_run_fd(r, drill_call_number(r, op, 2));
	const struct drill_expr *e = drill_call_arg(op, 3);
	struct epoll_event event;

	if (e->kind != DRILL_EX_STRUCT && e->kind != DRILL_EX_ANY &&
	    !drill_call_is_null(e))
		return drill_call_bad(r, op, "argument 4 is no event");
	read_event(e, &event);
	if (r->failed)
		return 0;
	return r->a->ops->epoll_ctl(r->a, op->fd, what, fd, &event);
}

int64_t drill_call_epoll_wait(struct drill_run *r, struct drill_op *op)
{
	const struct drill_expr *e = drill_call_arg(op, 1);
	int64_t max = drill_call_number(r, op, 2);
	int64_t timeout = drill_call_number(r, op, 3);
	struct epoll_event want, got[EVENTS];
	int result;

	if (r->failed)
		return 0;
	max = min_i64(max, EVENTS);
	memset(got, 0, sizeof(got));
	result = r->a->ops->epoll_wait(r->a, op->fd, got, (int)max);
	if (!result && !is_over(op, timeout))
		return DRILL_WAIT;
	if (result < 0 || e->kind == DRILL_EX_ANY || drill_call_is_null(e))
		return result;
	read_event(e, &want);
	if (got[0].events != want.events)
		drill_call_wrong(r, op, "events are 0x%x, not 0x%x",
				 got[0].events, want.events);
	else if (result && got[0].data.u64 != want.data.u64)
		drill_call_wrong(r, op, "the event's data are %llu, not %llu",
				 (unsigned long long)got[0].data.u64,
				 (unsigned long long)want.data.u64);
	return result;
}
