// SPDX-License-Identifier: BSD-2-Clause
/*
 * sendmsg and recvmsg, with control data:
 *
 *	{msg_name(...)=..., msg_iov(1)=[{..., 1000}], msg_flags=0,
 *	 msg_control=[{cmsg_level=L, cmsg_type=T, cmsg_data=D}, ...]}
 *
 * What D may be is said in drill_cmsg.h.
 */
#include "drill_call.h"

#include "drill_call_name.h"
#include "drill_cmsg.h"
#include "drill_run.h"

#include "base/bytes.h"

#include <errno.h>
#include <netinet/in.h>
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
		c->cmsg_level = (int)drill_cmsg_number(e, "cmsg_level");
		c->cmsg_type = (int)drill_cmsg_number(e, "cmsg_type");
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

	if (r->failed || !find_iov(r, op, &n))
		return 0;
	if (drill_cmsg_number(drill_call_arg(op, 1), "msg_flags"))
		return drill_call_bad(r, op, "msg_flags must be 0");
	m.msg_controllen = put_control(r, op, control);
	if (!m.msg_controllen)
		m.msg_control = NULL;
	if (!op->data)
		op->data = drill_mem_new(r->mem, n + 1);
	iov.iov_base = op->data;
	iov.iov_len = n;
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	if (flags & MSG_FASTOPEN) {
		/* Where to: the script's peer. */
		struct drill_op at = *op;

		if (drill_call_name(r, &at, 1, &ss, &m.msg_namelen, true) < 0)
			return 0;
		m.msg_name = &ss;
	}
	return drill_wait_send(r->a, op->fd, &m, flags, &op->done,
			       !op->timed_out && !(flags & MSG_DONTWAIT) &&
				       r->a->ops->blocks(r->a, op->fd));
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
	want = (int)drill_cmsg_number(drill_call_arg(op, 1), "msg_flags");
	if (m.msg_flags != want)
		drill_call_wrong(r, op, "msg_flags are 0x%x, not 0x%x",
				 (unsigned)m.msg_flags, (unsigned)want);
	else
		drill_cmsg_match(r, op, &m);
	return got;
}
