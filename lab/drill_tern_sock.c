// SPDX-License-Identifier: BSD-2-Clause
/* Socket calls on descriptors: the system's structs to tern's and back. */
#include "drill_tern.h"

#include "base/bytes.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define IOVS 64

/* The descriptor if it is a socket, or -errno. */
static int find(struct drill_tern *t, int fd, struct drill_fd **out)
{
	*out = drill_tern_fd(t, fd);
	if (!*out)
		return -EBADF;
	return (*out)->kind == DRILL_FD_SOCKET ? 0 : -ENOTSOCK;
}

static int from_system(const struct sockaddr *sa, socklen_t len,
		       struct tern_sockaddr *out)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	*out = (struct tern_sockaddr){ .family = sa->sa_family };
	if (sa->sa_family == AF_INET && len >= sizeof(*in)) {
		out->addr = tern_addr_v4(0, 0, 0, 0);
		memcpy(out->addr.b + 12, &in->sin_addr, 4);
		out->port = ntohs(in->sin_port);
	} else if (sa->sa_family == AF_INET6 && len >= sizeof(*in6)) {
		memcpy(out->addr.b, &in6->sin6_addr, 16);
		out->port = ntohs(in6->sin6_port);
		out->scope_id = in6->sin6_scope_id;
		out->flowinfo = in6->sin6_flowinfo;
	} else if (sa->sa_family != AF_UNSPEC) {
		return -EINVAL;
	}
	return 0;
}

static void to_system(const struct tern_sockaddr *a, struct sockaddr *sa,
		      socklen_t *len)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(a->port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(a->port) };
	socklen_t n = 0;

	memcpy(&in.sin_addr, a->addr.b + 12, 4);
	memcpy(&in6.sin6_addr, a->addr.b, 16);
	if (a->family == AF_INET)
		n = sizeof(in);
	else if (a->family == AF_INET6)
		n = sizeof(in6);
	if (sa && len)
		memcpy(sa, a->family == AF_INET ? (void *)&in : (void *)&in6,
		       *len < n ? *len : n);
	if (len)
		*len = n;
}

static int adopt(struct drill_tern *t, int s, int flags)
{
	int fd;

	if (s < 0)
		return s;
	fd = drill_tern_fd_new(t, DRILL_FD_SOCKET);
	if (fd < 0) {
		tern_close(t->st, s, t->now);
		return fd;
	}
	t->fds[fd].s = s;
	t->fds[fd].flags = flags;
	return fd;
}

int drill_tern_socket(struct drill_adapter *a, int domain, int type,
		      int protocol)
{
	struct drill_tern *t = drill_tern_of(a);
	int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);

	return adopt(t, tern_socket(t->st, domain, kind, protocol, t->now),
		     type & SOCK_NONBLOCK);
}

int drill_tern_bind(struct drill_adapter *a, int fd, const struct sockaddr *sa,
		    socklen_t len)
{
	struct drill_tern *t = drill_tern_of(a);
	struct tern_sockaddr addr;
	struct drill_fd *f;
	int error = find(t, fd, &f);

	if (!error)
		error = from_system(sa, len, &addr);
	return error ? error : tern_bind(t->st, f->s, &addr, t->now);
}

int drill_tern_listen(struct drill_adapter *a, int fd, int backlog)
{
	struct drill_tern *t = drill_tern_of(a);
	struct drill_fd *f;
	int error = find(t, fd, &f);

	return error ? error : tern_listen(t->st, f->s, backlog, t->now);
}

int drill_tern_accept(struct drill_adapter *a, int fd, struct sockaddr *sa,
		      socklen_t *len)
{
	struct drill_tern *t = drill_tern_of(a);
	struct tern_sockaddr peer = { 0 };
	struct drill_fd *f;
	int error = find(t, fd, &f);
	int s;

	if (error)
		return error;
	s = tern_accept(t->st, f->s, &peer, t->now);
	if (s < 0)
		return s;
	to_system(&peer, sa, len);
	drill_tern_ran(t);
	return adopt(t, s, 0);
}

int drill_tern_connect(struct drill_adapter *a, int fd,
		       const struct sockaddr *sa, socklen_t len)
{
	struct drill_tern *t = drill_tern_of(a);
	struct tern_sockaddr addr;
	struct drill_fd *f;
	int error = find(t, fd, &f);

	if (!error)
		error = from_system(sa, len, &addr);
	if (error)
		return error;
	error = tern_connect(t->st, f->s, &addr, t->now);
	drill_tern_ran(t);
	return error;
}

/* The fields that both structs have. */
static int msg_in(const struct msghdr *m, struct tern_msg *out,
		  struct tern_iov *iov, struct tern_sockaddr *name)
{
	size_t i;

	if (m->msg_iovlen > IOVS)
		return -EMSGSIZE;
	for (i = 0; i < m->msg_iovlen; i++) {
		iov[i].base = m->msg_iov[i].iov_base;
		iov[i].len = m->msg_iov[i].iov_len;
	}
	*out = (struct tern_msg){
		.name = m->msg_name ? name : NULL,
		.iov = iov,
		.n_iov = (int)m->msg_iovlen,
		.control = m->msg_control,
		.control_len = m->msg_controllen,
	};
	return 0;
}

static size_t total(const struct msghdr *m)
{
	size_t n = 0, i;

	for (i = 0; i < m->msg_iovlen; i++)
		n += m->msg_iov[i].iov_len;
	return n;
}

int64_t drill_tern_sendmsg(struct drill_adapter *a, int fd,
			   const struct msghdr *m, int flags)
{
	struct drill_tern *t = drill_tern_of(a);
	struct drill_fd *f = drill_tern_fd(t, fd);
	struct tern_iov iov[IOVS];
	struct tern_sockaddr name;
	struct tern_msg msg;
	int64_t n;
	int error;

	if (!f)
		return -EBADF;
	if (f->kind != DRILL_FD_SOCKET)
		return drill_tern_fd_write(f, total(m));
	error = msg_in(m, &msg, iov, &name);
	if (!error && m->msg_name)
		error = from_system(m->msg_name, m->msg_namelen, &name);
	if (error)
		return error;
	/* The stack never waits; it wants to know who will. */
	if (drill_tern_blocks(a, fd) && !(flags & MSG_DONTWAIT))
		flags |= TERN_MSG_BLOCKING;
	n = tern_sendmsg(t->st, f->s, &msg, flags, t->now);
	drill_tern_ran(t);
	return n;
}

static bool is_nowhere(const struct msghdr *m)
{
	for (size_t i = 0; i < m->msg_iovlen; i++)
		if (!m->msg_iov[i].iov_base && m->msg_iov[i].iov_len)
			return true;
	return false;
}

/* Into NULL: Linux asks first whether there is anything, where tern's calls
 * refuse at once; and MSG_TRUNC throws away and needs no memory. */
static int64_t recv_nowhere(struct drill_tern *t, int s, size_t n, int flags)
{
	char *p = drill_mem_grow(NULL, n);
	int64_t got;

	if (!(flags & MSG_TRUNC))
		flags |= MSG_PEEK;
	got = tern_recv(t->st, s, p, n, flags, t->now);
	free(p);
	return got > 0 && !(flags & MSG_TRUNC) ? -EFAULT : got;
}

int64_t drill_tern_recvmsg(struct drill_adapter *a, int fd, struct msghdr *m,
			   int flags)
{
	struct drill_tern *t = drill_tern_of(a);
	struct drill_fd *f = drill_tern_fd(t, fd);
	struct tern_iov iov[IOVS];
	struct tern_sockaddr name = { 0 };
	struct tern_msg msg;
	int64_t n;
	int error;

	if (!f)
		return -EBADF;
	if (f->kind != DRILL_FD_SOCKET)
		return drill_tern_fd_read(f, total(m));
	error = msg_in(m, &msg, iov, &name);
	if (error)
		return error;
	if (is_nowhere(m))
		n = recv_nowhere(t, f->s, total(m), flags);
	else
		n = tern_recvmsg(t->st, f->s, &msg, flags, t->now);
	drill_tern_ran(t);
	if (n < 0)
		return n;
	if (m->msg_name)
		to_system(&name, m->msg_name, &m->msg_namelen);
	m->msg_controllen = msg.control_len;
	m->msg_flags = msg.flags;
	return n;
}

int drill_tern_shutdown(struct drill_adapter *a, int fd, int how)
{
	struct drill_tern *t = drill_tern_of(a);
	struct drill_fd *f;
	int error = find(t, fd, &f);

	if (error)
		return error;
	error = tern_shutdown(t->st, f->s, how, t->now);
	drill_tern_ran(t);
	return error;
}

int drill_tern_getsockopt(struct drill_adapter *a, int fd, int level, int name,
			  void *value, socklen_t *len)
{
	struct drill_tern *t = drill_tern_of(a);
	size_t size = *len;
	struct drill_fd *f;
	int error = find(t, fd, &f);

	if (error)
		return error;
	error = tern_getsockopt(t->st, f->s, level, name, value, &size, t->now);
	*len = (socklen_t)size;
	return error;
}

int drill_tern_setsockopt(struct drill_adapter *a, int fd, int level, int name,
			  const void *value, socklen_t len)
{
	struct drill_tern *t = drill_tern_of(a);
	struct drill_fd *f;
	int error = find(t, fd, &f);

	if (error)
		return error;
	error = tern_setsockopt(t->st, f->s, level, name, value, len, t->now);
	drill_tern_ran(t);
	return error;
}

int drill_tern_tcp_info(struct drill_adapter *a, int fd,
			struct tern_tcp_info *out)
{
	struct drill_tern *t = drill_tern_of(a);
	size_t size = sizeof(*out);
	struct drill_fd *f;
	int error = find(t, fd, &f);

	memset(out, 0, sizeof(*out));
	if (error)
		return error;
	return tern_getsockopt(t->st, f->s, IPPROTO_TCP, TERN_TCP_INFO, out,
			       &size, t->now);
}
