// SPDX-License-Identifier: BSD-2-Clause
/* The calls of programs on a host that is a tern stack. */
#include "lab_sys.h"

#include "lab_host.h"

static int t_socket(struct lab_host *h, int family, int type)
{
	return tern_socket(h->st, family, type, 0, h->node.net->now);
}

static int t_bind(struct lab_host *h, int s, const struct tern_sockaddr *a)
{
	return tern_bind(h->st, s, a, h->node.net->now);
}

static int t_listen(struct lab_host *h, int s, int backlog)
{
	return tern_listen(h->st, s, backlog, h->node.net->now);
}

static int t_accept(struct lab_host *h, int s, struct tern_sockaddr *peer)
{
	return tern_accept(h->st, s, peer, h->node.net->now);
}

static int t_connect(struct lab_host *h, int s, const struct tern_sockaddr *a)
{
	return tern_connect(h->st, s, a, h->node.net->now);
}

static int64_t t_send(struct lab_host *h, int s, const void *data, size_t n,
		      int flags)
{
	return tern_send(h->st, s, data, n, flags, h->node.net->now);
}

static int64_t t_send_to(struct lab_host *h, int s, const void *data, size_t n,
			 const struct tern_sockaddr *to)
{
	struct tern_sockaddr name = *to;
	struct tern_iov iov = { (void *)data, n };
	struct tern_msg msg = { .name = &name, .iov = &iov, .n_iov = 1 };

	return tern_sendmsg(h->st, s, &msg, 0, h->node.net->now);
}

static int64_t t_recv(struct lab_host *h, int s, void *data, size_t n,
		      int flags)
{
	return tern_recv(h->st, s, data, n, flags, h->node.net->now);
}

static int t_shutdown(struct lab_host *h, int s, int how)
{
	return tern_shutdown(h->st, s, how, h->node.net->now);
}

static int t_close(struct lab_host *h, int s)
{
	return tern_close(h->st, s, h->node.net->now);
}

static int t_set_option(struct lab_host *h, int s, int level, int name,
			const void *value, size_t n)
{
	return tern_setsockopt(h->st, s, level, name, value, n,
			       h->node.net->now);
}

static int t_get_option(struct lab_host *h, int s, int level, int name,
			void *value, size_t *n)
{
	return tern_getsockopt(h->st, s, level, name, value, n,
			       h->node.net->now);
}

static int t_name(struct lab_host *h, int s, bool peer,
		  struct tern_sockaddr *out)
{
	return peer ? tern_getpeername(h->st, s, out) :
		      tern_getsockname(h->st, s, out);
}

static uint32_t t_poll(struct lab_host *h, int s)
{
	return tern_poll(h->st, s);
}

static int t_ioctl(struct lab_host *h, int s, unsigned long request, int *value)
{
	return tern_ioctl(h->st, s, request, value, h->node.net->now);
}

static int t_sysctl(struct lab_host *h, const char *name, const char *value)
{
	return tern_sysctl_set(h->st, name, value, h->node.net->now);
}

static bool t_next(struct lab_host *h, uint64_t *cursor,
		   struct tern_sock_info *out)
{
	return tern_sock_next(h->st, cursor, out);
}

const struct lab_sys lab_sys_tern = {
	.socket = t_socket,
	.bind = t_bind,
	.listen = t_listen,
	.accept = t_accept,
	.connect = t_connect,
	.send = t_send,
	.send_to = t_send_to,
	.recv = t_recv,
	.shutdown = t_shutdown,
	.close = t_close,
	.set_option = t_set_option,
	.get_option = t_get_option,
	.name = t_name,
	.poll = t_poll,
	.ioctl = t_ioctl,
	.sysctl = t_sysctl,
	.next = t_next,
};
