// SPDX-License-Identifier: BSD-2-Clause
/* What a program asks of one stack. */
#define _GNU_SOURCE
#include "diff_side.h"

#include "base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/sockios.h>

socklen_t diff_address(const struct diff_side *d, const struct tern_addr *a,
		       uint16_t port, union diff_address *out)
{
	memset(out, 0, sizeof(*out));
	if (d->v6) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons(port);
		memcpy(&out->v6.sin6_addr, a->b, 16);
		return sizeof(out->v6);
	}
	out->v4.sin_family = AF_INET;
	out->v4.sin_port = htons(port);
	memcpy(&out->v4.sin_addr, a->b + 12, 4);
	return sizeof(out->v4);
}

int diff_connect(struct diff_side *d, int fd, bool unspec)
{
	union diff_address to;
	socklen_t len = diff_address(d, &d->ends.remote, d->ends.rport, &to);

	if (unspec)
		to.sa.sa_family = AF_UNSPEC;
	return d->a->ops->connect(d->a, fd, &to.sa, len);
}

static int64_t do_send(struct diff_side *d, int fd, const struct diff_step *s)
{
	static unsigned char data[DIFF_DATA];
	struct iovec iov = { data, (size_t)s->arg };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union diff_address to;
	int64_t n;
	int32_t i;

	for (i = 0; i < s->arg; i++)
		data[i] = diff_byte_at(d->written, (uint32_t)i);
	if (s->arg2 & MSG_FASTOPEN) {
		m.msg_name = &to;
		m.msg_namelen =
			diff_address(d, &d->ends.remote, d->ends.rport, &to);
	}
	n = d->a->ops->sendmsg(d->a, fd, &m, s->arg2 | MSG_NOSIGNAL);
	if (n > 0)
		d->written += (uint32_t)n;
	return n;
}

static int64_t do_recv(struct diff_side *d, int fd, const struct diff_step *s,
		       struct diff_out *out)
{
	static unsigned char data[DIFF_DATA];
	struct iovec iov = { data, (size_t)s->arg };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int64_t n;

	n = d->a->ops->recvmsg(d->a, fd, &m, s->arg2);
	if (n > 0 && !(s->arg2 & MSG_TRUNC))
		out->hash = diff_hash(data, (size_t)n);
	return n;
}

static int do_accept(struct diff_side *d)
{
	int i, fd = d->a->ops->accept(d->a, d->fd[0], NULL, NULL);

	if (fd < 0)
		return fd;
	d->a->ops->fcntl(d->a, fd, F_SETFL, O_RDWR | O_NONBLOCK);
	for (i = 1; i < DIFF_SLOTS; i++) {
		if (d->fd[i] < 0) {
			d->fd[i] = fd;
			return i;
		}
	}
	d->a->ops->close(d->a, fd);
	return DIFF_SLOTS;
}

static int do_setopt(struct diff_side *d, int fd, const struct diff_step *s)
{
	const struct diff_opt *o = &diff_opts[s->arg];
	struct linger linger = { s->arg2 >= 0, s->arg2 & 1 };
	int value = s->arg2;

	if (o->name == SO_LINGER && o->level == SOL_SOCKET)
		return d->a->ops->setsockopt(d->a, fd, o->level, o->name,
					     &linger, sizeof(linger));
	return d->a->ops->setsockopt(d->a, fd, o->level, o->name, &value,
				     sizeof(value));
}

static int do_geterr(struct diff_side *d, int fd)
{
	int error = 0, result;
	socklen_t len = sizeof(error);

	result = d->a->ops->getsockopt(d->a, fd, SOL_SOCKET, SO_ERROR, &error,
				       &len);
	return result ? result : error;
}

int64_t diff_do_call(struct diff_side *d, const struct diff_step *s,
		     struct diff_out *out)
{
	int fd = d->fd[s->slot], value = -1, result;

	if (fd < 0)
		return -EBADF;
	switch ((enum diff_kind)s->kind) {
	case DIFF_ACCEPT:
		return do_accept(d);
	case DIFF_SEND:
		return do_send(d, fd, s);
	case DIFF_RECV:
		return do_recv(d, fd, s, out);
	case DIFF_SHUTDOWN:
		return d->a->ops->shutdown(d->a, fd, s->arg);
	case DIFF_CLOSE:
		d->fd[s->slot] = -1;
		return d->a->ops->close(d->a, fd);
	case DIFF_SETOPT:
		return do_setopt(d, fd, s);
	case DIFF_GETERR:
		return do_geterr(d, fd);
	case DIFF_CONNECT:
		return diff_connect(d, fd, s->arg);
	case DIFF_LISTEN:
		return d->a->ops->listen(d->a, fd, s->arg);
	case DIFF_ATMARK:
		result = d->a->ops->ioctl(d->a, fd, SIOCATMARK, &value);
		return result < 0 ? result : value;
	case DIFF_SEG:
	case DIFF_ICMP:
	case DIFF_N_KINDS:
		break;
	}
	return -ENOSYS;
}
