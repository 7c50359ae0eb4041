// SPDX-License-Identifier: BSD-2-Clause
/* The system calls of packetdrill's interface, each on the adapter. */
#include "plugin.h"

#include "base/bytes.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define POLLFDS 64
#define NO_FD 100000 /* none of the adapter's: POLLNVAL */

static int64_t call(struct plugin_op *op, int fd)
{
	int64_t result;

	plugin_enter();
	op->fd = plugin_fd(fd);
	result = plugin_call(op);
	plugin_leave();
	return plugin_result(result);
}

/* A call that never waits: an expression in a, the adapter. */
#define AT_ONCE(expression)                     \
	({                                      \
		struct drill_adapter *a;        \
		int64_t result_ = -EBADF;       \
                                                \
		plugin_enter();                 \
		a = plugin.a;                   \
		if (plugin.is_open) {           \
			result_ = (expression); \
			plugin_retry();         \
		}                               \
		plugin_leave();                 \
		(int)plugin_result(result_);    \
	})

static bool may_wait(struct drill_adapter *a, const struct plugin_op *op)
{
	return !op->timed_out && !(op->flags & MSG_DONTWAIT) &&
	       a->ops->blocks(a, op->fd);
}

static int do_socket(void *ctx, int domain, int type, int protocol)
{
	return AT_ONCE(plugin_adopt(a->ops->socket(a, domain, type, protocol)));
}

static int do_bind(void *ctx, int fd, const struct sockaddr *sa, socklen_t len)
{
	return AT_ONCE(a->ops->bind(a, plugin_fd(fd), sa, len));
}

static int do_listen(void *ctx, int fd, int backlog)
{
	return AT_ONCE(a->ops->listen(a, plugin_fd(fd), backlog));
}

static int64_t step_accept(struct drill_adapter *a, struct plugin_op *op)
{
	int fd = a->ops->accept(a, op->fd, op->name, op->name_len);

	if (fd == -EAGAIN && may_wait(a, op))
		return DRILL_WAIT;
	return plugin_adopt(fd);
}

static int do_accept(void *ctx, int fd, struct sockaddr *sa, socklen_t *len)
{
	struct plugin_op op = { .step = step_accept,
				.name = sa,
				.name_len = len,
				.timeout_opt = SO_RCVTIMEO };

	return (int)call(&op, fd);
}

static int64_t step_connect(struct drill_adapter *a, struct plugin_op *op)
{
	int64_t result;

	if (!op->phase) {
		result = a->ops->connect(a, op->fd, op->name, *op->name_len);
		if ((result != -EINPROGRESS && result != -EALREADY) ||
		    !may_wait(a, op))
			return result;
		op->phase = 1;
		return DRILL_WAIT;
	}
	result = drill_wait_connected(a, op->fd);
	return result == DRILL_WAIT && op->timed_out ? -EINPROGRESS : result;
}

static int do_connect(void *ctx, int fd, const struct sockaddr *sa,
		      socklen_t len)
{
	struct plugin_op op = { .step = step_connect,
				.name = (struct sockaddr *)sa,
				.name_len = &len,
				.timeout_opt = SO_SNDTIMEO };

	return (int)call(&op, fd);
}

static int64_t step_recv(struct drill_adapter *a, struct plugin_op *op)
{
	return drill_wait_recv(a, op->fd, op->msg, op->flags, &op->done,
			       may_wait(a, op));
}

static int64_t step_send(struct drill_adapter *a, struct plugin_op *op)
{
	return drill_wait_send(a, op->fd, op->msg, op->flags, &op->done,
			       may_wait(a, op));
}

static ssize_t do_recvmsg(void *ctx, int fd, struct msghdr *m, int flags)
{
	struct plugin_op op = { .step = step_recv,
				.msg = m,
				.flags = flags,
				.timeout_opt = SO_RCVTIMEO };

	return call(&op, fd);
}

static ssize_t do_sendmsg(void *ctx, int fd, const struct msghdr *m, int flags)
{
	struct plugin_op op = { .step = step_send,
				.msg = (struct msghdr *)m,
				.flags = flags,
				.timeout_opt = SO_SNDTIMEO };

	return call(&op, fd);
}

static ssize_t do_recvfrom(void *ctx, int fd, void *buf, size_t n, int flags,
			   struct sockaddr *sa, socklen_t *len)
{
	struct iovec iov = { buf, n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t got;

	if (sa && len) {
		m.msg_name = sa;
		m.msg_namelen = *len;
	}
	got = do_recvmsg(ctx, fd, &m, flags);
	if (got >= 0 && sa && len)
		*len = m.msg_namelen;
	return got;
}

static ssize_t do_sendto(void *ctx, int fd, const void *buf, size_t n,
			 int flags, const struct sockaddr *sa, socklen_t len)
{
	struct iovec iov = { (void *)buf, n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (!buf && n) {
		errno = EFAULT;
		return -1;
	}
	if (sa) {
		m.msg_name = (void *)sa;
		m.msg_namelen = len;
	}
	return do_sendmsg(ctx, fd, &m, flags);
}

static ssize_t do_recv(void *ctx, int fd, void *buf, size_t n, int flags)
{
	return do_recvfrom(ctx, fd, buf, n, flags, NULL, NULL);
}

static ssize_t do_send(void *ctx, int fd, const void *buf, size_t n, int flags)
{
	return do_sendto(ctx, fd, buf, n, flags, NULL, 0);
}

static ssize_t do_read(void *ctx, int fd, void *buf, size_t n)
{
	return do_recv(ctx, fd, buf, n, 0);
}

static ssize_t do_write(void *ctx, int fd, const void *buf, size_t n)
{
	return do_send(ctx, fd, buf, n, 0);
}

static bool is_count(int n)
{
	errno = EINVAL;
	return n >= 0 && n <= IOV_MAX;
}

static ssize_t do_readv(void *ctx, int fd, const struct iovec *iov, int n)
{
	struct msghdr m = { .msg_iov = (struct iovec *)iov,
			    .msg_iovlen = (size_t)n };

	return !is_count(n) ? -1 : do_recvmsg(ctx, fd, &m, 0);
}

static ssize_t do_writev(void *ctx, int fd, const struct iovec *iov, int n)
{
	struct msghdr m = { .msg_iov = (struct iovec *)iov,
			    .msg_iovlen = (size_t)n };

	return !is_count(n) ? -1 : do_sendmsg(ctx, fd, &m, 0);
}

static int do_fcntl(void *ctx, int fd, int cmd, ...)
{
	va_list args;
	int arg;

	va_start(args, cmd);
	arg = va_arg(args, int);
	va_end(args);
	return AT_ONCE(a->ops->fcntl(a, plugin_fd(fd), cmd, arg));
}

static int do_ioctl(void *ctx, int fd, unsigned long request, ...)
{
	va_list args;
	int *value, none = 0;

	va_start(args, request);
	value = va_arg(args, int *);
	va_end(args);
	return AT_ONCE(a->ops->ioctl(a, plugin_fd(fd), request,
				     value ? value : &none));
}

/* SO_LINGER with a time waits here. */
static int64_t step_close(struct drill_adapter *a, struct plugin_op *op)
{
	int secs;

	if (!op->phase && drill_wait_lingers(a, op->fd, &secs)) {
		op->wake_at = op->started_at + secs * NS_PER_S;
		op->phase = 1;
		return DRILL_WAIT;
	}
	if (op->phase && !op->timed_out && !drill_wait_lingered(a, op->fd))
		return DRILL_WAIT;
	return a->ops->close(a, op->fd);
}

int plugin_close(void *ctx, int fd)
{
	struct plugin_op op = { .step = step_close };
	int result = (int)call(&op, fd);

	if (!result) {
		plugin_enter();
		plugin_disown(fd);
		plugin_leave();
		syscall(SYS_close, fd);
	}
	return result;
}

static int do_shutdown(void *ctx, int fd, int how)
{
	return AT_ONCE(a->ops->shutdown(a, plugin_fd(fd), how));
}

int plugin_getsockopt(void *ctx, int fd, int level, int name, void *value,
		      socklen_t *len)
{
	return AT_ONCE(
		a->ops->getsockopt(a, plugin_fd(fd), level, name, value, len));
}

static int do_setsockopt(void *ctx, int fd, int level, int name,
			 const void *value, socklen_t len)
{
	return AT_ONCE(
		a->ops->setsockopt(a, plugin_fd(fd), level, name, value, len));
}

/* Waits for `ms` from the call's start; true if that is over. */
static bool is_over(struct plugin_op *op)
{
	if (op->timeout_ms >= 0)
		op->wake_at = op->started_at + op->timeout_ms * NS_PER_MS;
	return !op->timeout_ms || op->timed_out;
}

static int64_t step_poll(struct drill_adapter *a, struct plugin_op *op)
{
	int n = a->ops->poll(a, op->fds, op->n);

	return !n && !is_over(op) ? DRILL_WAIT : n;
}

static int do_poll(void *ctx, struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct pollfd live[POLLFDS];
	struct plugin_op op = {
		.step = step_poll, .fds = live, .n = n, .timeout_ms = timeout_ms
	};
	int64_t result;
	nfds_t i;

	if (n > POLLFDS)
		return (int)plugin_result(-EINVAL);
	plugin_enter();
	for (i = 0; i < n; i++) {
		live[i] = fds[i];
		if (fds[i].fd >= 0)
			live[i].fd = plugin_owns(fds[i].fd) ?
					     plugin_fd(fds[i].fd) :
					     NO_FD;
	}
	result = plugin_call(&op);
	plugin_leave();
	for (i = 0; i < n; i++)
		fds[i].revents = live[i].revents;
	return (int)plugin_result(result);
}

static int do_epoll_create(void *ctx, int size)
{
	return AT_ONCE(plugin_adopt(a->ops->epoll_create(a, size)));
}

static int do_epoll_ctl(void *ctx, int ep, int op, int fd,
			struct epoll_event *event)
{
	return AT_ONCE(
		a->ops->epoll_ctl(a, plugin_fd(ep), op, plugin_fd(fd), event));
}

static int64_t step_epoll_wait(struct drill_adapter *a, struct plugin_op *op)
{
	int n = a->ops->epoll_wait(a, op->fd, op->events, (int)op->n);

	return !n && !is_over(op) ? DRILL_WAIT : n;
}

static int do_epoll_wait(void *ctx, int ep, struct epoll_event *events, int max,
			 int timeout_ms)
{
	struct plugin_op op = { .step = step_epoll_wait,
				.events = events,
				.n = (size_t)max,
				.timeout_ms = timeout_ms };

	if (max <= 0)
		return (int)plugin_result(-EINVAL);
	return (int)call(&op, ep);
}

static int make_pipe(struct drill_adapter *a, int fds[2])
{
	int live[2], result = a->ops->pipe(a, live);

	if (result)
		return result;
	fds[0] = plugin_adopt(live[0]);
	fds[1] = plugin_adopt(live[1]);
	return fds[0] < 0 || fds[1] < 0 ? -EMFILE : 0;
}

static int do_pipe(void *ctx, int fds[2])
{
	return AT_ONCE(make_pipe(a, fds));
}

static int64_t step_splice(struct drill_adapter *a, struct plugin_op *op)
{
	int64_t got =
		a->ops->splice(a, op->fd, op->fd2, op->n, (unsigned)op->flags);

	if (got == -EAGAIN && !(op->flags & SPLICE_F_NONBLOCK) &&
	    !op->timed_out && a->ops->blocks(a, op->fd))
		return DRILL_WAIT;
	return got;
}

/* The tool always passes offsets; pipes and sockets have none. */
static int do_splice(void *ctx, int in, loff_t *in_at, int out, loff_t *out_at,
		     size_t n, unsigned flags)
{
	struct plugin_op op = { .step = step_splice,
				.n = n,
				.flags = (int)flags };
	int64_t result;

	plugin_enter();
	op.fd = plugin_fd(in);
	op.fd2 = plugin_fd(out);
	result = plugin_call(&op);
	plugin_leave();
	return (int)plugin_result(result);
}

/* A file of the host's stands for as many zeros. */
static int host_file(struct drill_adapter *a, int fd)
{
	struct stat st;
	char name[32];

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EBADF;
	snprintf(name, sizeof(name), "fd:%d", fd);
	a->ops->make_file(a, name, (uint64_t)st.st_size);
	return a->ops->open(a, name, O_RDONLY);
}

static int64_t step_sendfile(struct drill_adapter *a, struct plugin_op *op)
{
	int64_t got = a->ops->sendfile(a, op->fd, op->fd2, op->offset,
				       op->n - (size_t)op->done);

	if (got > 0)
		op->done += got;
	if (got < 0 && got != -EAGAIN)
		return op->done ? op->done : got;
	if (got && (size_t)op->done < op->n && may_wait(a, op))
		return DRILL_WAIT;
	return op->done ? op->done : got;
}

int64_t plugin_sendfile(int out, int in, int64_t *offset, size_t n)
{
	struct plugin_op op = { .step = step_sendfile,
				.n = n,
				.offset = offset,
				.timeout_opt = SO_SNDTIMEO };
	int64_t result;

	plugin_enter();
	op.fd = plugin_fd(out);
	op.fd2 = plugin_owns(in) ? plugin_fd(in) : host_file(plugin.a, in);
	result = plugin_call(&op);
	if (!plugin_owns(in) && op.fd2 >= 0)
		plugin.a->ops->close(plugin.a, op.fd2);
	plugin_leave();
	return plugin_result(result);
}

int plugin_open(const char *path, int flags)
{
	return AT_ONCE(plugin_adopt(a->ops->open(a, path, flags & ~O_CREAT)));
}

void plugin_fill(struct packetdrill_interface *ifc)
{
	ifc->socket = do_socket;
	ifc->bind = do_bind;
	ifc->listen = do_listen;
	ifc->accept = do_accept;
	ifc->connect = do_connect;
	ifc->read = do_read;
	ifc->readv = do_readv;
	ifc->recv = do_recv;
	ifc->recvfrom = do_recvfrom;
	ifc->recvmsg = do_recvmsg;
	ifc->write = do_write;
	ifc->writev = do_writev;
	ifc->send = do_send;
	ifc->sendto = do_sendto;
	ifc->sendmsg = do_sendmsg;
	ifc->fcntl = do_fcntl;
	ifc->ioctl = do_ioctl;
	ifc->close = plugin_close;
	ifc->shutdown = do_shutdown;
	ifc->getsockopt = plugin_getsockopt;
	ifc->setsockopt = do_setsockopt;
	ifc->poll = do_poll;
	ifc->epoll_create = do_epoll_create;
	ifc->epoll_ctl = do_epoll_ctl;
	ifc->epoll_wait = do_epoll_wait;
	ifc->pipe = do_pipe;
	ifc->splice = do_splice;
}
