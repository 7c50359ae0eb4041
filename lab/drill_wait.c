// SPDX-License-Identifier: BSD-2-Clause
/*
 * A blocking call is a non-blocking one, tried again: what a system's call
 * would have done between two attempts is in what is kept of the first (how
 * many bytes, and that a connect() is under way).
 */
#include "drill_wait.h"

#include "base/bytes.h"
#include "base/time.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#define IOVS 64

/* What of m is left behind its first `done` bytes; how many bytes that is. */
static size_t rest_of(const struct msghdr *m, size_t done, struct msghdr *out,
		      struct iovec iov[IOVS])
{
	size_t total = 0, i;

	*out = *m;
	out->msg_iov = iov;
	out->msg_iovlen = 0;
	for (i = 0; i < m->msg_iovlen && out->msg_iovlen < IOVS; i++) {
		size_t n = m->msg_iov[i].iov_len, skip = min_size(done, n);

		done -= skip;
		if (n == skip && n)
			continue;
		iov[out->msg_iovlen++] =
			(struct iovec){ (char *)m->msg_iov[i].iov_base + skip,
					n - skip };
		total += n - skip;
	}
	return total;
}

int64_t drill_wait_send(struct drill_adapter *a, int fd, const struct msghdr *m,
			int flags, int64_t *done, bool may_wait)
{
	struct iovec iov[IOVS];
	struct msghdr rest;
	size_t left;
	int64_t got;

	for (;;) {
		left = rest_of(m, (size_t)*done, &rest, iov);
		got = a->ops->sendmsg(a, fd, &rest, flags);
		if (got > 0)
			*done += got;
		/* By Fast Open it connects first, and waits for that. */
		if (flags & MSG_FASTOPEN && may_wait && got != -EISCONN) {
			if (got == -EINPROGRESS || got == -EALREADY ||
			    (got > 0 &&
			     drill_wait_connected(a, fd) == DRILL_WAIT))
				return DRILL_WAIT;
			if (got < 0)
				return got;
		}
		if (got == -EISCONN && *done) {
			flags &= ~MSG_FASTOPEN;
			continue;
		}
		if (got >= 0 && (size_t)got >= left)
			return *done;
		if (got < 0 && got != -EAGAIN)
			return *done ? *done : got;
		if (!may_wait)
			return *done ? *done : got;
		if (got < 0)
			return DRILL_WAIT;
	}
}

int64_t drill_wait_recv(struct drill_adapter *a, int fd, struct msghdr *m,
			int flags, int64_t *done, bool may_wait)
{
	struct iovec iov[IOVS];
	struct msghdr rest;
	size_t left = rest_of(m, (size_t)*done, &rest, iov);
	int64_t got = a->ops->recvmsg(a, fd, &rest, flags);

	if (got == -EAGAIN && may_wait && !(flags & MSG_ERRQUEUE))
		return DRILL_WAIT;
	if (got < 0)
		return *done ? *done : got;
	m->msg_namelen = rest.msg_namelen;
	m->msg_controllen = rest.msg_controllen;
	m->msg_flags = rest.msg_flags;
	*done += got;
	if (flags & MSG_WAITALL && got && (size_t)got < left && may_wait)
		return DRILL_WAIT;
	return *done;
}

int64_t drill_wait_connected(struct drill_adapter *a, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int error = 0;

	a->ops->poll(a, &p, 1);
	if (!p.revents)
		return DRILL_WAIT;
	a->ops->getsockopt(a, fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return -(int64_t)error;
}

bool drill_wait_lingers(struct drill_adapter *a, int fd, int *secs)
{
	struct linger linger = { 0 };
	socklen_t len = sizeof(linger);
	struct tern_tcp_info info;
	int unread = 0;

	if (a->ops->getsockopt(a, fd, SOL_SOCKET, SO_LINGER, &linger, &len) <
		    0 ||
	    !linger.l_onoff || !linger.l_linger ||
	    a->ops->tcp_info(a, fd, &info) < 0)
		return false;
	if (info.state != TERN_TCP_ESTABLISHED &&
	    info.state != TERN_TCP_CLOSE_WAIT)
		return false;
	/* Unread data makes it a reset: nothing to wait for. */
	a->ops->ioctl(a, fd, FIONREAD, &unread);
	if (unread)
		return false;
	*secs = linger.l_linger;
	a->ops->shutdown(a, fd, SHUT_WR);
	return true;
}

bool drill_wait_lingered(struct drill_adapter *a, int fd)
{
	struct tern_tcp_info info;

	if (a->ops->tcp_info(a, fd, &info) < 0)
		return true;
	return info.state != TERN_TCP_FIN_WAIT1 &&
	       info.state != TERN_TCP_CLOSING &&
	       info.state != TERN_TCP_LAST_ACK;
}

int64_t drill_wait_patience(struct drill_adapter *a, int fd, int option)
{
	struct timeval tv = { 0 };
	socklen_t len = sizeof(tv);

	if (a->ops->getsockopt(a, fd, SOL_SOCKET, option, &tv, &len) < 0)
		return 0;
	return tv.tv_sec * NS_PER_S + tv.tv_usec * NS_PER_US;
}
