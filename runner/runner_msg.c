// SPDX-License-Identifier: BSD-2-Clause
/*
 * The forms of send and receive: sendto, sendmsg, sendmmsg and their
 * receiving kin, brought to one: struct message, whose bytes are in the
 * runner. What is done with a message is runner_stream.c's and runner_udp.c's.
 *
 * The msg forms are notified for every descriptor. On streams of ours without
 * an address and without a special flag the kernel goes on: the pair has it.
 *
 * Limit: a call moves at most SCRATCH_LEN bytes of a stream (TCP may always
 * move fewer than asked for); a datagram is never larger.
 */
#include "runner_priv.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/uio.h>

/* Flags that a pair cannot carry. */
#define SEND_SPECIAL (MSG_OOB | MSG_MORE | MSG_ZEROCOPY | MSG_FASTOPEN)
#define RECV_SPECIAL (MSG_OOB | MSG_TRUNC | MSG_ERRQUEUE)

/* Where a message is in the program's memory. */
struct place {
	uint64_t header; /* struct msghdr, or 0: iov, name by themselves */
	struct msghdr h;
	struct iovec iov[IOV_MAX];
};

static int read_header(const struct call *c, uint64_t addr, struct place *p)
{
	int error = call_read(c, addr, &p->h, sizeof(p->h));

	if (error)
		return error;
	if (p->h.msg_iovlen > IOV_MAX)
		return -EMSGSIZE;
	p->header = addr;
	return call_read(c, (uintptr_t)p->h.msg_iov, p->iov,
			 p->h.msg_iovlen * sizeof(*p->iov));
}

/* The one buffer of sendto and recvfrom. */
static void place_plain(const struct call *c, struct place *p)
{
	p->header = 0;
	memset(&p->h, 0, sizeof(p->h));
	p->iov[0].iov_base = (void *)(uintptr_t)c->arg[1];
	p->iov[0].iov_len = (size_t)c->arg[2];
	p->h.msg_iovlen = 1;
}

static size_t total(const struct place *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->h.msg_iovlen; i++)
		n += p->iov[i].iov_len;
	return n;
}

/* Bytes of the program's buffers, up to n, into the scratch. */
static int gather(const struct call *c, const struct place *p, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < p->h.msg_iovlen && at < n; i++) {
		size_t len = p->iov[i].iov_len;
		int error;

		len = len < n - at ? len : n - at;
		error = call_read(c, (uintptr_t)p->iov[i].iov_base,
				  c->runner->scratch + at, len);
		if (error)
			return error;
		at += len;
	}
	return 0;
}

static int scatter(const struct call *c, const struct place *p, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < p->h.msg_iovlen && at < n; i++) {
		size_t len = p->iov[i].iov_len;
		int error;

		len = len < n - at ? len : n - at;
		error = call_write(c, (uintptr_t)p->iov[i].iov_base,
				   c->runner->scratch + at, len);
		if (error)
			return error;
		at += len;
	}
	return 0;
}

int message_reload(const struct call *c, struct message *m)
{
	return gather(c, m->place, m->len);
}

static int64_t send_one(struct call *c, struct place *p, struct message *m)
{
	bool is_stream = c->sock->type == SOCK_STREAM;

	m->place = p;
	m->data = c->runner->scratch;
	m->len = total(p);
	if (m->len > SCRATCH_LEN) {
		if (!is_stream)
			return -EMSGSIZE;
		m->len = SCRATCH_LEN;
	}
	if (c->sock->state == RSOCK_NETLINK)
		return netlink_send(c, m);
	return is_stream ? stream_send(c, m) : dgram_send(c, m);
}

int64_t call_sendto(struct call *c)
{
	struct message m = { .flags = (int)c->arg[3] };
	struct place p;
	int error;

	place_plain(c, &p);
	if (c->arg[4]) {
		error = addr_from_program(c, c->arg[4], (int)c->arg[5],
					  &m.name);
		if (error)
			return error;
		m.has_name = true;
	}
	return send_one(c, &p, &m);
}

/* sendmsg of the header at addr; `flags` are the call's. */
static int64_t sendmsg_at(struct call *c, uint64_t addr, int flags)
{
	struct message m = { .flags = flags, .control = c->runner->control };
	struct place p;
	int error = read_header(c, addr, &p);

	if (error)
		return error;
	if (c->sock->type == SOCK_STREAM && !p.h.msg_name &&
	    !(flags & SEND_SPECIAL))
		return ANSWER_CONTINUE;
	if (p.h.msg_name) {
		error = addr_from_program(c, (uintptr_t)p.h.msg_name,
					  (int)p.h.msg_namelen, &m.name);
		if (error)
			return error;
		m.has_name = true;
	}
	if (p.h.msg_control && p.h.msg_controllen > CONTROL_MAX)
		return -ENOBUFS;
	if (p.h.msg_control)
		m.control_len = p.h.msg_controllen;
	error = call_read(c, (uintptr_t)p.h.msg_control, m.control,
			  m.control_len);
	return error ? error : send_one(c, &p, &m);
}

int64_t call_sendmsg(struct call *c)
{
	return sendmsg_at(c, c->arg[1], (int)c->arg[2]);
}

/* What was received is shown first (MSG_PEEK), then written to the program,
 * then taken away: a caller that has gone before that has lost nothing. */
static void take_away(const struct call *c, const struct message *m, size_t n)
{
	if (!m->is_shown)
		return;
	if (c->sock->type == SOCK_STREAM)
		recv(c->fd, c->runner->scratch, n, MSG_DONTWAIT);
	else
		recv(c->fd, c->runner->scratch, 0, MSG_DONTWAIT);
}

static int64_t recv_one(struct call *c, struct place *p, struct message *m)
{
	size_t room = total(p);
	int64_t n;
	int error;

	m->data = c->runner->scratch;
	m->len = room < SCRATCH_LEN ? room : SCRATCH_LEN;
	if (c->sock->state == RSOCK_NETLINK)
		n = netlink_recv(c, m);
	else if (c->sock->type == SOCK_STREAM)
		n = stream_recv(c, m);
	else
		n = dgram_recv(c, m);
	if (n <= 0 || m->is_discarded)
		return n;
	error = scatter(c, p, (size_t)n < m->len ? (size_t)n : m->len);
	return error ? error : n;
}

int64_t call_recvfrom(struct call *c)
{
	struct message m = { .flags = (int)c->arg[3],
			     .control = c->runner->control };
	struct place p;
	socklen_t none = 0;
	int64_t n;
	int error = 0;

	place_plain(c, &p);
	n = recv_one(c, &p, &m);
	if (n < 0)
		return n;
	if (c->arg[4] && m.has_name)
		error = addr_to_program(c, c->arg[4], c->arg[5], &m.name);
	else if (c->arg[4])
		error = call_write(c, c->arg[5], &none, sizeof(none));
	if (error != -EGONE)
		take_away(c, &m, (size_t)n);
	return error ? error : n;
}

/* Control data and flags, and the name, into the header. */
static int write_header(const struct call *c, struct place *p,
			const struct message *m)
{
	struct sockaddr_storage name;
	socklen_t len = m->has_name ? addr_to_native(&m->name, &name) : 0;
	size_t control = m->control_len;
	int error = 0;

	if (p->h.msg_name) {
		error = call_write(c, (uintptr_t)p->h.msg_name, &name,
				   len < p->h.msg_namelen ? len :
							    p->h.msg_namelen);
		p->h.msg_namelen = len;
	}
	p->h.msg_flags = m->flags;
	if (control > p->h.msg_controllen || !p->h.msg_control) {
		control = 0;
		if (m->control_len)
			p->h.msg_flags |= MSG_CTRUNC;
	}
	if (!error)
		error = call_write(c, (uintptr_t)p->h.msg_control, m->control,
				   control);
	p->h.msg_controllen = control;
	return error ? error : call_write(c, p->header, &p->h, sizeof(p->h));
}

static int64_t recvmsg_at(struct call *c, uint64_t addr, int flags)
{
	struct message m = { .flags = flags,
			     .control = c->runner->control,
			     .control_len = CONTROL_MAX };
	struct place p;
	int error = read_header(c, addr, &p);
	int64_t n;

	if (error)
		return error;
	if (c->sock->type == SOCK_STREAM && !p.h.msg_name &&
	    !(flags & RECV_SPECIAL))
		return ANSWER_CONTINUE;
	n = recv_one(c, &p, &m);
	if (n < 0)
		return n;
	error = write_header(c, &p, &m);
	if (error != -EGONE)
		take_away(c, &m, (size_t)n);
	return error ? error : n;
}

int64_t call_recvmsg(struct call *c)
{
	return recvmsg_at(c, c->arg[1], (int)c->arg[2]);
}

/*
 * The mmsg forms: one after the other. The first may wait; the others are
 * made as if non-blocking, and end the call when they would wait (deviates
 * for recvmmsg without MSG_WAITFORONE on a blocking socket, which would go on
 * waiting: what it already has could get lost to a signal).
 */
static int64_t each(struct call *c,
		    int64_t (*one)(struct call *, uint64_t, int))
{
	unsigned n = (unsigned)c->arg[2];
	int flags = (int)c->arg[3] & ~MSG_WAITFORONE;
	unsigned i;
	int64_t result = 0;

	if (n > IOV_MAX)
		n = IOV_MAX;
	for (i = 0; i < n; i++) {
		uint64_t at = c->arg[1] + i * sizeof(struct mmsghdr);
		unsigned len;

		result = one(c, at, i ? flags | MSG_DONTWAIT : flags);
		if (result < 0)
			break;
		len = (unsigned)result;
		result = call_write(c, at + offsetof(struct mmsghdr, msg_len),
				    &len, sizeof(len));
		if (result < 0)
			break;
	}
	return i > 0 ? (int64_t)i : result;
}

int64_t call_sendmmsg(struct call *c)
{
	return each(c, sendmsg_at);
}

int64_t call_recvmmsg(struct call *c)
{
	return each(c, recvmsg_at);
}
