// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sends and receives on streams that the filter cannot leave to the pair:
 * with an address, or with a flag that means something else on AF_UNIX.
 *
 * A send goes straight to the stack, behind what is in the pair. A receive
 * with a flag of the stack's own (urgent data, the error queue) goes there
 * too; any other is made on the duplicate, so that it stays in order with
 * native reads.
 *
 * A call that blocks may return fewer bytes than asked for (deviates): what
 * it has done cannot be told any more if a signal then takes it away.
 */
#include "runner_priv.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static int64_t done_with(struct call *c, const struct message *m, int64_t n)
{
	/* Where the kernel would have sent it. */
	if (n == -EPIPE && !(m->flags & MSG_NOSIGNAL))
		syscall(SYS_tkill, c->tid, SIGPIPE);
	return n;
}

int64_t stream_send(struct call *c, struct message *m)
{
	struct rsock *sock = c->sock;
	struct tern_iov iov = { m->data, m->len };
	struct tern_msg msg = {
		.name = m->has_name ? &m->name : NULL,
		.iov = &iov,
		.n_iov = 1,
		.control = m->control_len ? m->control : NULL,
		.control_len = m->control_len,
	};
	bool was_idle = sock->state == RSOCK_IDLE ||
			sock->state == RSOCK_BROKEN;
	int64_t n = -EAGAIN;

	/* The data is read again after draining uses the scratch, which is
	 * nothing to be lent. */
	if (pump_out(sock) && message_reload(c, m) == 0)
		n = tern_sendmsg(c->runner->stack, sock->s, &msg,
				 m->flags & ~(MSG_DONTWAIT | MSG_ZEROCOPY),
				 sock_now(sock));
	if (was_idle && m->flags & MSG_FASTOPEN &&
	    (n >= 0 || n == -EINPROGRESS)) {
		int error = connect_begin(c, false);

		if (error)
			return error;
	}
	if (n == -EAGAIN && !(m->flags & MSG_DONTWAIT))
		return call_wait(c, SO_SNDTIMEO, -EAGAIN);
	return done_with(c, m, n);
}

static int64_t from_stack(struct call *c, struct message *m)
{
	struct tern_iov iov = { m->data, m->len };
	struct tern_msg msg = {
		.name = &m->name,
		.iov = &iov,
		.n_iov = 1,
		.control = m->control,
		.control_len = m->control_len,
	};
	int64_t n = tern_recvmsg(c->runner->stack, c->sock->s, &msg, m->flags,
				 sock_now(c->sock));

	if (n >= 0) {
		m->flags = msg.flags;
		m->control_len = msg.control_len;
		m->has_name = m->name.family != AF_UNSPEC;
	}
	return n;
}

int64_t stream_recv(struct call *c, struct message *m)
{
	int flags = m->flags;
	ssize_t n;

	m->name.family = AF_UNSPEC;
	if (flags & (MSG_OOB | MSG_ERRQUEUE))
		return from_stack(c, m);
	m->has_name = false;
	m->control_len = 0;
	m->flags = 0;
	/* On TCP, MSG_TRUNC throws the bytes away. */
	m->is_discarded = flags & MSG_TRUNC && !(flags & MSG_PEEK);
	m->is_shown = !(flags & MSG_PEEK);
	n = recv(c->fd, m->data, m->len, MSG_PEEK | MSG_DONTWAIT);
	if (n >= 0)
		return n;
	if (errno == EAGAIN && !(flags & MSG_DONTWAIT))
		return call_wait(c, SO_RCVTIMEO, -EAGAIN);
	return errno == EINVAL ? -ENOTCONN : -errno;
}
