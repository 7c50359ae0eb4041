// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading and writing. What is written is zeros; what is read must be, which
 * the run minds when it is thorough.
 */
#include "drill_call.h"

#include "drill_call_name.h"
#include "drill_run.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IOVS 64

/* Bytes of the call's own, of one pattern. */
static unsigned char *buffer(struct drill_run *r, struct drill_op *op, size_t n,
			     int fill)
{
	if (!op->data) {
		op->data = drill_mem_new(r->mem, n ? n : 1);
		memset(op->data, fill, n);
	}
	return op->data;
}

static bool may_wait(struct drill_run *r, const struct drill_op *op, int flags)
{
	return !op->timed_out && !(flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) &&
	       r->a->ops->blocks(r->a, op->fd);
}

static void check_zeros(struct drill_run *r, const struct drill_op *op,
			const unsigned char *p, int64_t n, size_t size)
{
	size_t len = n > (int64_t)size ? size : (size_t)n, i;

	for (i = 0; i < len; i++) {
		if (p[i]) {
			drill_run_warn(r, op->line,
				       "%s: byte %zu of what was read is not 0",
				       op->call->text, i);
			return;
		}
	}
}

/* NULL as a buffer: what the system says to it. */
static bool is_fault(const struct drill_op *op, int i, size_t n)
{
	return n && drill_call_is_null(drill_call_arg(op, i));
}

/* One attempt to read into n bytes. */
static int64_t get(struct drill_run *r, struct drill_op *op, size_t n,
		   int flags)
{
	unsigned char *p = is_fault(op, 1, n) ? NULL : buffer(r, op, n, 0xff);
	struct iovec iov = { p, n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int64_t had = op->done, got;

	got = drill_wait_recv(r->a, op->fd, &m, flags, &op->done,
			      may_wait(r, op, flags));
	if (p && op->done > had && !(flags & (MSG_TRUNC | MSG_OOB)))
		check_zeros(r, op, p + had, op->done - had, n - (size_t)had);
	return got;
}

/* Writes until all is out, as a blocking call does. */
static int64_t put(struct drill_run *r, struct drill_op *op, size_t n,
		   int flags)
{
	unsigned char *p = buffer(r, op, n, 0);
	struct iovec iov = { p, n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct sockaddr_storage ss;

	if (op->phase) {
		/* An address: drill_call_sendto() put it behind. */
		memcpy(&ss, p + n, sizeof(ss));
		m.msg_name = &ss;
		m.msg_namelen = (socklen_t)op->phase;
	}
	return drill_wait_send(r->a, op->fd, &m, flags, &op->done,
			       may_wait(r, op, flags));
}

int64_t drill_call_read(struct drill_run *r, struct drill_op *op)
{
	size_t n = drill_call_size(r, op, 2);

	return r->failed ? 0 : get(r, op, n, 0);
}

int64_t drill_call_recv(struct drill_run *r, struct drill_op *op)
{
	size_t n = drill_call_size(r, op, 2);
	int flags = (int)drill_call_number(r, op, 3);

	return r->failed ? 0 : get(r, op, n, flags);
}

int64_t drill_call_recvfrom(struct drill_run *r, struct drill_op *op)
{
	return drill_call_recv(r, op);
}

int64_t drill_call_write(struct drill_run *r, struct drill_op *op)
{
	size_t n = drill_call_size(r, op, 2);

	if (r->failed)
		return 0;
	return is_fault(op, 1, n) ? -EFAULT : put(r, op, n, 0);
}

int64_t drill_call_send(struct drill_run *r, struct drill_op *op)
{
	size_t n = drill_call_size(r, op, 2);
	int flags = (int)drill_call_number(r, op, 3);

	if (r->failed)
		return 0;
	return is_fault(op, 1, n) ? -EFAULT : put(r, op, n, flags);
}

int64_t drill_call_sendto(struct drill_run *r, struct drill_op *op)
{
	size_t n = drill_call_size(r, op, 2);
	int flags = (int)drill_call_number(r, op, 3);
	struct sockaddr_storage ss;
	socklen_t len;

	if (r->failed)
		return 0;
	if (is_fault(op, 1, n))
		return -EFAULT;
	if (!op->data && !drill_call_is_null(drill_call_arg(op, 4))) {
		if (drill_call_name(r, op, 4, &ss, &len, flags & MSG_FASTOPEN) <
		    0)
			return 0;
		op->data = drill_mem_new(r->mem, n + sizeof(ss));
		memcpy((unsigned char *)op->data + n, &ss, sizeof(ss));
		op->phase = (int)len;
	}
	return put(r, op, n, flags);
}

/* All bytes of [{..., n}, ...], as many as the call says there are. */
static size_t iov_total(struct drill_run *r, struct drill_op *op, int i)
{
	const struct drill_expr *e = drill_call_arg(op, i), *len;
	size_t n = 0;
	int count = 0;

	if (e->kind != DRILL_EX_LIST) {
		drill_call_bad(r, op, "argument %d is no [{..., n}, ...]",
			       i + 1);
		return 0;
	}
	for (e = e->first; e; e = e->next, count++) {
		len = e->kind == DRILL_EX_STRUCT && e->first ? e->first->next :
							       NULL;
		if (!len || len->kind != DRILL_EX_NUM || len->num < 0 ||
		    len->num > INT32_MAX / IOVS) {
			drill_call_bad(r, op, "an iovec is {..., n}");
			return 0;
		}
		n += (size_t)len->num;
	}
	if (i == 1 && drill_call_number(r, op, 2) != count)
		drill_call_bad(r, op, "there are %d iovecs", count);
	return n;
}

int64_t drill_call_readv(struct drill_run *r, struct drill_op *op)
{
	size_t n = iov_total(r, op, 1);

	return r->failed ? 0 : get(r, op, n, 0);
}

int64_t drill_call_writev(struct drill_run *r, struct drill_op *op)
{
	size_t n = iov_total(r, op, 1);

	return r->failed ? 0 : put(r, op, n, 0);
}

int64_t drill_call_splice(struct drill_run *r, struct drill_op *op)
{
	int64_t got, out = drill_run_fd(r, drill_call_number(r, op, 2));
	size_t n = drill_call_size(r, op, 4);
	unsigned flags = (unsigned)drill_call_number(r, op, 5);

	if (r->failed)
		return 0;
	got = r->a->ops->splice(r->a, op->fd, (int)out, n, flags);
	if (got == -EAGAIN && !(flags & 2) && may_wait(r, op, 0))
		return DRILL_WAIT;
	return got;
}

int64_t drill_call_sendfile(struct drill_run *r, struct drill_op *op)
{
	int in = drill_run_fd(r, drill_call_number(r, op, 1));
	const struct drill_expr *offset = drill_call_arg(op, 2);
	size_t n = drill_call_size(r, op, 3);
	int64_t at = 0, got;

	if (offset->kind == DRILL_EX_LIST && offset->first)
		at = offset->first->num;
	if (r->failed)
		return 0;
	at += op->done;
	got = r->a->ops->sendfile(r->a, op->fd, in,
				  drill_call_is_null(offset) ? NULL : &at,
				  n - (size_t)op->done);
	if (got > 0)
		op->done += got;
	if (got < 0 && got != -EAGAIN)
		return op->done ? op->done : got;
	if (got && (size_t)op->done < n && may_wait(r, op, 0))
		return DRILL_WAIT;
	return op->done ? op->done : got;
}

int64_t drill_call_open(struct drill_run *r, struct drill_op *op)
{
	const struct drill_expr *path = drill_call_arg(op, 0);
	int flags = (int)drill_call_number(r, op, 1);

	if (path->kind != DRILL_EX_STR)
		return drill_call_bad(r, op, "a path is a string");
	return r->failed ? 0 : r->a->ops->open(r->a, path->str, flags);
}

/* pipe([3, 4]) names the two descriptors. */
int64_t drill_call_pipe(struct drill_run *r, struct drill_op *op)
{
	const struct drill_expr *e = drill_call_arg(op, 0);
	int fds[2], result;

	if (e->kind != DRILL_EX_LIST || e->num != 2 ||
	    e->first->kind != DRILL_EX_NUM ||
	    e->first->next->kind != DRILL_EX_NUM)
		return drill_call_bad(r, op, "it takes [a, b]");
	result = r->a->ops->pipe(r->a, fds);
	if (!result) {
		drill_run_map_fd(r, (int)e->first->num, fds[0]);
		drill_run_map_fd(r, (int)e->first->next->num, fds[1]);
	}
	return result;
}
