// SPDX-License-Identifier: BSD-2-Clause
/*
 * sendmsg and recvmsg, with control data:
 *
 *	{msg_name(...)=..., msg_iov(1)=[{..., 1000}], msg_flags=0,
 *	 msg_control=[{cmsg_level=L, cmsg_type=T, cmsg_data=D}, ...]}
 *
 * D is a number, {scm_sec=, scm_nsec=} (a time of the script), {ee_errno=, ...}
 * or a list of {TCP_NLA_X=v, ...}; "..." is not compared.
 */
#include "drill_call.h"

#include "drill_call_name.h"
#include "drill_parse.h"
#include "drill_run.h"

#include "base/bytes.h"
#include "base/time.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define CONTROL_MAX 2048

static bool find_iov(struct drill_run *r, struct drill_op *op, size_t *n)
{
	const struct drill_expr *e = drill_call_arg(op, 1), *len;

	*n = 0;
	e = drill_call_member(e, "msg_iov");
	if (!e || e->kind != DRILL_EX_LIST) {
		drill_call_bad(r, op, "it needs msg_iov(n)=[{..., n}]");
		return false;
	}
	for (e = e->first; e; e = e->next) {
		len = e->kind == DRILL_EX_STRUCT && e->first ? e->first->next :
							       NULL;
		if (!len || len->kind != DRILL_EX_NUM || len->num < 0 ||
		    len->num > (1 << 24)) {
			drill_call_bad(r, op, "an iovec is {..., n}");
			return false;
		}
		*n += (size_t)len->num;
	}
	return true;
}

static int64_t number_of(const struct drill_expr *e, const char *name,
			 int64_t otherwise)
{
	const struct drill_expr *m = drill_call_member(e, name);

	return m && m->kind == DRILL_EX_NUM ? m->num : otherwise;
}

/* A control message to send: an int. */
static size_t put_control(struct drill_run *r, struct drill_op *op,
			  unsigned char control[CONTROL_MAX])
{
	const struct drill_expr *e = drill_call_arg(op, 1), *data;
	struct msghdr m = { .msg_control = control,
			    .msg_controllen = CONTROL_MAX };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	size_t n = 0;
	int v;

	e = drill_call_member(e, "msg_control");
	if (!e || e->kind != DRILL_EX_LIST)
		return 0;
	for (e = e->first; e && c; e = e->next) {
		data = drill_call_member(e, "cmsg_data");
		if (!data || data->kind != DRILL_EX_NUM) {
			drill_call_bad(r, op,
				       "control data to send is a "
				       "number");
			return 0;
		}
		v = (int)data->num;
		c->cmsg_level = (int)number_of(e, "cmsg_level", 0);
		c->cmsg_type = (int)number_of(e, "cmsg_type", 0);
		c->cmsg_len = CMSG_LEN(sizeof(v));
		memcpy(CMSG_DATA(c), &v, sizeof(v));
		n += CMSG_SPACE(sizeof(v));
		c = (struct cmsghdr *)(void *)(control + n);
		if (n + CMSG_SPACE(sizeof(v)) > CONTROL_MAX)
			c = NULL;
	}
	return n;
}

int64_t drill_call_sendmsg(struct drill_run *r, struct drill_op *op)
{
	int flags = (int)drill_call_number(r, op, 2);
	_Alignas(struct cmsghdr) unsigned char control[CONTROL_MAX] = { 0 };
	struct msghdr m = { .msg_control = control };
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	struct iovec iov;
	size_t n;
	int64_t got;

	if (r->failed || !find_iov(r, op, &n))
		return 0;
	if (number_of(drill_call_arg(op, 1), "msg_flags", 0))
		return drill_call_bad(r, op, "msg_flags must be 0");
	m.msg_controllen = put_control(r, op, control);
	if (!m.msg_controllen)
		m.msg_control = NULL;
	if (!op->data)
		op->data = drill_mem_new(r->mem, n + 1);
	iov.iov_base = op->data;
	iov.iov_len = n - (size_t)op->done;
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	if (flags & MSG_FASTOPEN) {
		/* Where to: the script's peer. */
		struct drill_op at = *op;

		if (drill_call_name(r, &at, 1, &ss, &m.msg_namelen, true) < 0)
			return 0;
		m.msg_name = &ss;
	}
	got = r->a->ops->sendmsg(r->a, op->fd, &m, flags);
	if (got > 0)
		op->done += got;
	if (got < 0 && got != -EAGAIN)
		return op->done ? op->done : got;
	if ((size_t)op->done < n && !op->timed_out && !(flags & MSG_DONTWAIT) &&
	    r->a->ops->blocks(r->a, op->fd))
		return DRILL_WAIT;
	return op->done ? op->done : got;
}

/* One of the first of three timestamps: 0 is not compared. */
static const char *match_time(const struct drill_run *r,
			      const struct drill_expr *want,
			      const unsigned char *data, size_t len)
{
	int64_t secs = number_of(want, "scm_sec", 0);
	int64_t nsecs = number_of(want, "scm_nsec", 0), got[2];
	int64_t at;

	if (len < sizeof(got))
		return "a timestamp is too short";
	if (!secs && !nsecs)
		return NULL;
	memcpy(got, data, sizeof(got));
	at = got[0] * NS_PER_S + got[1] - r->start_at;
	if (!drill_run_in_time(r, at, secs * NS_PER_S + nsecs,
			       secs * NS_PER_S + nsecs, 0))
		return "a timestamp differs";
	return NULL;
}

static const char *match_error(const struct drill_expr *want,
			       const unsigned char *data, size_t len)
{
	struct sock_extended_err e;

	if (len < sizeof(e))
		return "an extended error is too short";
	memcpy(&e, data, sizeof(e));
	if (e.ee_errno != number_of(want, "ee_errno", 0))
		return "ee_errno differs";
	if (e.ee_origin != number_of(want, "ee_origin", 0))
		return "ee_origin differs";
	if (e.ee_type != number_of(want, "ee_type", 0))
		return "ee_type differs";
	if (e.ee_code != number_of(want, "ee_code", 0))
		return "ee_code differs";
	if (e.ee_info != number_of(want, "ee_info", 0))
		return "ee_info differs";
	return e.ee_data != number_of(want, "ee_data", 0) ? "ee_data differs" :
							    NULL;
}

/* Statistics are netlink attributes, in any order. */
static const char *match_stats(const struct drill_run *r,
			       const struct drill_expr *want,
			       const unsigned char *data, size_t len)
{
	const struct drill_expr *e;

	for (e = want->first; e; e = e->next) {
		int64_t type, at, v = 0;
		size_t i, n;
		bool found = false, is_time;

		if (e->kind == DRILL_EX_ANY || !e->name ||
		    !drill_sym_find(e->name, strlen(e->name), &type))
			continue;
		is_time = type >= 1 && type <= 3;
		for (i = 0; i + 4 <= len; i += (n + 3) & ~(size_t)3) {
			uint16_t head[2];

			memcpy(head, data + i, 4);
			n = head[0];
			if (n < 4 || i + n > len)
				break;
			if (head[1] != type)
				continue;
			memcpy(&v, data + i + 4, min_size(n - 4, 8));
			found = true;
		}
		at = is_time ? v * NS_PER_US : v;
		if (!found)
			return "a statistic is missing";
		if (is_time ? e->num && !drill_run_in_time(
						r, at, e->num * NS_PER_US,
						e->num * NS_PER_US, 0) :
			      v != e->num)
			return "a statistic differs";
	}
	return NULL;
}

static const char *match_data(const struct drill_run *r,
			      const struct drill_expr *want,
			      const unsigned char *data, size_t len)
{
	int v;

	if (!want || want->kind == DRILL_EX_ANY)
		return NULL;
	if (want->kind == DRILL_EX_NUM) {
		if (len < sizeof(v))
			v = data[0];
		else
			memcpy(&v, data, sizeof(v));
		return v == want->num ? NULL : "cmsg_data differs";
	}
	if (want->kind != DRILL_EX_STRUCT)
		return "cmsg_data is written in no way that is known";
	if (drill_call_member(want, "scm_sec"))
		return match_time(r, want, data, len);
	if (drill_call_member(want, "ee_errno") ||
	    drill_call_member(want, "ee_origin"))
		return match_error(want, data, len);
	return match_stats(r, want, data, len);
}

/* All of them, in the script's order, and no others. */
static void match_control(struct drill_run *r, struct drill_op *op,
			  struct msghdr *m)
{
	const struct drill_expr *e = drill_call_arg(op, 1);
	struct cmsghdr *c = m->msg_controllen ? CMSG_FIRSTHDR(m) : NULL;
	const char *wrong;
	int i;

	e = drill_call_member(e, "msg_control");
	e = e && e->kind == DRILL_EX_LIST ? e->first : NULL;
	for (i = 0; e && c; e = e->next, c = CMSG_NXTHDR(m, c), i++) {
		if (c->cmsg_level != number_of(e, "cmsg_level", 0) ||
		    c->cmsg_type != number_of(e, "cmsg_type", 0)) {
			drill_call_wrong(r, op,
					 "control message %d is level %d type "
					 "%d",
					 i, c->cmsg_level, c->cmsg_type);
			return;
		}
		wrong = match_data(r, drill_call_member(e, "cmsg_data"),
				   CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
		if (wrong) {
			drill_call_wrong(r, op, "control message %d: %s", i,
					 wrong);
			return;
		}
	}
	if (e)
		drill_call_wrong(r, op, "control message %d did not come", i);
	else if (c)
		drill_call_wrong(r, op,
				 "a control message more: level %d type %d",
				 c->cmsg_level, c->cmsg_type);
}

int64_t drill_call_recvmsg(struct drill_run *r, struct drill_op *op)
{
	int flags = (int)drill_call_number(r, op, 2), want;
	_Alignas(struct cmsghdr) unsigned char control[CONTROL_MAX];
	struct msghdr m = { .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct sockaddr_storage ss;
	struct iovec iov;
	size_t n;
	int64_t got;

	if (r->failed || !find_iov(r, op, &n))
		return 0;
	iov.iov_base = drill_mem_new(r->mem, n + 1);
	iov.iov_len = n;
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	if (drill_call_member(drill_call_arg(op, 1), "msg_name")) {
		m.msg_name = &ss;
		m.msg_namelen = sizeof(ss);
	}
	got = r->a->ops->recvmsg(r->a, op->fd, &m, flags);
	if (got == -EAGAIN && !op->timed_out &&
	    !(flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) &&
	    r->a->ops->blocks(r->a, op->fd))
		return DRILL_WAIT;
	if (got < 0)
		return got;
	want = (int)number_of(drill_call_arg(op, 1), "msg_flags", 0);
	if (m.msg_flags != want)
		drill_call_wrong(r, op, "msg_flags are 0x%x, not 0x%x",
				 (unsigned)m.msg_flags, (unsigned)want);
	else
		match_control(r, op, &m);
	return got;
}
