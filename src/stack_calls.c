// SPDX-License-Identifier: BSD-2-Clause
/*
 * The entry points of socket.h: each fills a struct call and goes through the
 * door. What a handler finds where is said in sock/sock.h.
 */
#include "sock/sock.h"
#include "stack_door.h"

int tern_socket(struct tern_stack *st, int family, int type, int protocol,
		int64_t now)
{
	struct call c = {
		.op = CALL_SOCKET,
		.s = -1,
		.now = now,
		.arg = { family, type, protocol },
	};

	return (int)stack_door(st, &c);
}

static int name_call(struct tern_stack *st, enum call_op op, int s,
		     const struct tern_sockaddr *addr, int64_t now)
{
	struct call c = {
		.op = op,
		.s = s,
		.now = now,
		.in = addr,
		.in_len = sizeof(*addr),
	};

	if (!addr)
		return -TERN_EFAULT;
	return (int)stack_door(st, &c);
}

int tern_bind(struct tern_stack *st, int s, const struct tern_sockaddr *addr,
	      int64_t now)
{
	return name_call(st, CALL_BIND, s, addr, now);
}

int tern_connect(struct tern_stack *st, int s, const struct tern_sockaddr *addr,
		 int64_t now)
{
	return name_call(st, CALL_CONNECT, s, addr, now);
}

/* Calls of a socket and a number. */
static int number_call(struct tern_stack *st, enum call_op op, int s,
		       int64_t arg, int64_t now)
{
	struct call c = { .op = op, .s = s, .now = now, .arg = { arg } };

	return (int)stack_door(st, &c);
}

int tern_listen(struct tern_stack *st, int s, int backlog, int64_t now)
{
	return number_call(st, CALL_LISTEN, s, backlog, now);
}

int tern_shutdown(struct tern_stack *st, int s, int how, int64_t now)
{
	return number_call(st, CALL_SHUTDOWN, s, how, now);
}

int tern_close(struct tern_stack *st, int s, int64_t now)
{
	return number_call(st, CALL_CLOSE, s, 0, now);
}

uint32_t tern_poll(struct tern_stack *st, int s)
{
	return (uint32_t)number_call(st, CALL_POLL, s, 0, st->now);
}

int tern_accept(struct tern_stack *st, int s, struct tern_sockaddr *peer,
		int64_t now)
{
	struct tern_sockaddr unwanted;
	struct call c = {
		.op = CALL_ACCEPT,
		.s = s,
		.now = now,
		.out = peer ? peer : &unwanted,
		.out_len = sizeof(*peer),
	};

	return (int)stack_door(st, &c);
}

#define MAX_IOV 1024 /* UIO_MAXIOV */

/* Is the vector of a message sound? Its length must fit the result. */
static int check_msg(const struct tern_msg *msg, int64_t *total)
{
	uint64_t len = 0;
	int i;

	if (!msg || (msg->n_iov > 0 && !msg->iov))
		return -TERN_EFAULT;
	if (msg->n_iov < 0 || msg->n_iov > MAX_IOV)
		return -TERN_EMSGSIZE;
	for (i = 0; i < msg->n_iov; i++) {
		if (msg->iov[i].len && !msg->iov[i].base)
			return -TERN_EFAULT;
		if (msg->iov[i].len > INT64_MAX - len)
			return -TERN_EINVAL;
		len += msg->iov[i].len;
	}
	*total = (int64_t)len;
	return 0;
}

int64_t tern_sendmsg(struct tern_stack *st, int s, const struct tern_msg *msg,
		     int flags, int64_t now)
{
	struct call c = {
		.op = CALL_SENDMSG,
		.s = s,
		.now = now,
		.arg = { flags },
		.in = msg,
	};
	int64_t len;
	int error = check_msg(msg, &len);

	return error ? error : stack_door(st, &c);
}

int64_t tern_recvmsg(struct tern_stack *st, int s, struct tern_msg *msg,
		     int flags, int64_t now)
{
	struct call c = {
		.op = CALL_RECVMSG,
		.s = s,
		.now = now,
		.arg = { flags },
		.out = msg,
	};
	int error = check_msg(msg, &c.arg[1]);

	if (error)
		return error;
	c.arg[2] = (int64_t)msg->control_len;
	c.arg[3] = !!msg->name;
	return stack_door(st, &c);
}

int64_t tern_send(struct tern_stack *st, int s, const void *data, size_t len,
		  int flags, int64_t now)
{
	/* Nobody writes through the vector of what is sent. */
	struct tern_iov iov = { (void *)(uintptr_t)data, len };
	struct tern_msg msg = { .iov = &iov, .n_iov = 1 };

	return tern_sendmsg(st, s, &msg, flags, now);
}

int64_t tern_recv(struct tern_stack *st, int s, void *data, size_t len,
		  int flags, int64_t now)
{
	struct tern_iov iov = { data, len };
	struct tern_msg msg = { .iov = &iov, .n_iov = 1 };

	return tern_recvmsg(st, s, &msg, flags, now);
}

int tern_recv_frags(struct tern_stack *st, int s, struct tern_frag *frags,
		    int max, int64_t now)
{
	struct call c = {
		.op = CALL_RECV_FRAGS,
		.s = s,
		.now = now,
		.arg = { max },
		.out = frags,
	};

	return frags ? (int)stack_door(st, &c) : -TERN_EFAULT;
}

int tern_getsockopt(struct tern_stack *st, int s, int level, int name,
		    void *value, size_t *len, int64_t now)
{
	struct call c = {
		.op = CALL_GETSOCKOPT,
		.s = s,
		.now = now,
		.arg = { level, name },
		.out = value,
	};
	int result;

	if (!len || !value)
		return -TERN_EFAULT;
	c.out_len = *len;
	c.arg[2] = (int64_t)*len;
	result = (int)stack_door(st, &c);
	*len = c.out_len;
	return result;
}

int tern_setsockopt(struct tern_stack *st, int s, int level, int name,
		    const void *value, size_t len, int64_t now)
{
	struct call c = {
		.op = CALL_SETSOCKOPT,
		.s = s,
		.now = now,
		.arg = { level, name },
		.in = value,
		.in_len = len,
	};

	if (len && !value)
		return -TERN_EFAULT;
	return (int)stack_door(st, &c);
}

int tern_ioctl(struct tern_stack *st, int s, unsigned long request, int *value,
	       int64_t now)
{
	struct call c = {
		.op = CALL_IOCTL,
		.s = s,
		.now = now,
		.arg = { (int64_t)request },
		.out = value,
	};

	return value ? (int)stack_door(st, &c) : -TERN_EFAULT;
}

int tern_events(struct tern_stack *st, struct tern_event *events, int max)
{
	struct call c = {
		.op = CALL_EVENTS,
		.s = -1,
		.now = st->now,
		.arg = { max },
		.out = events,
	};

	/* Asked once a round, and mostly in vain. */
	if (max <= 0 || st->slots.head == SLOTS_NONE)
		return 0;
	return (int)stack_door(st, &c);
}

int tern_syn_next(struct tern_stack *st, int s, struct tern_syn *syn)
{
	struct call c = {
		.op = CALL_SYN_NEXT,
		.s = s,
		.now = st->now,
		.out = syn,
	};

	return syn ? (int)stack_door(st, &c) : -TERN_EFAULT;
}

int tern_syn_answer(struct tern_stack *st, uint64_t id,
		    enum tern_syn_answer answer, int64_t now)
{
	struct call c = {
		.op = CALL_SYN_ANSWER,
		.s = -1,
		.now = now,
		.arg = { id, answer },
	};

	return (int)stack_door(st, &c);
}

int tern_sock_tcp_info(struct tern_stack *st, uint64_t cookie,
		       struct tern_tcp_info *out, int64_t now)
{
	struct call c = {
		.op = CALL_TCP_INFO,
		.s = -1,
		.now = now,
		.arg = { (int64_t)cookie },
		.out = out,
	};

	return out ? (int)stack_door(st, &c) : -TERN_EFAULT;
}

int tern_sock_details(const struct tern_stack *st, uint64_t cookie,
		      struct tern_sock_details *out)
{
	return out ? tcp_details_by_cookie(st, cookie, out) : -TERN_EFAULT;
}

int tern_sock_kill(struct tern_stack *st, uint64_t cookie, int64_t now)
{
	struct call c = {
		.op = CALL_SOCK_KILL,
		.s = -1,
		.now = now,
		.arg = { (int64_t)cookie },
	};

	return (int)stack_door(st, &c);
}

int tern_getsockname(struct tern_stack *st, int s, struct tern_sockaddr *out)
{
	return sock_getname(st, s, false, out);
}

int tern_getpeername(struct tern_stack *st, int s, struct tern_sockaddr *out)
{
	return sock_getname(st, s, true, out);
}
