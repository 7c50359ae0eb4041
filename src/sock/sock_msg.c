// SPDX-License-Identifier: BSD-2-Clause
/*
 * Data through sockets. A stream ignores where a message is sent to, unless the
 * message is to open it (MSG_FASTOPEN); a datagram may not.
 */
#include "sock/sock_priv.h"

int64_t sock_sendmsg(struct tern_stack *st, struct call *c)
{
	const struct tern_msg *msg = c->in;
	struct tern_sockaddr to;
	struct tern_msg addressed;
	struct sock sk;
	int error = sock_find(st, c->s, &sk);

	if (error)
		return error;
	if (!msg->name || (sk.proto->type == TERN_SOCK_STREAM &&
			   !(c->arg[0] & TERN_MSG_FASTOPEN)))
		return sk.proto->sendmsg(st, sk.id, msg, (int)c->arg[0]);
	addressed = *msg;
	addressed.name = &to;
	if (sk.proto->type == TERN_SOCK_STREAM) {
		error = sock_addr_connect(st, &sk, msg->name, &to);
		return error ? error :
			       sk.proto->sendmsg(st, sk.id, &addressed,
						 (int)c->arg[0]);
	}
	error = sock_addr_send(st, &sk, msg->name, &to);
	if (error)
		return error;
	if (to.family == TERN_AF_UNSPEC)
		addressed.name = NULL;
	return sk.proto->sendmsg(st, sk.id, &addressed, (int)c->arg[0]);
}

/* A name that the protocol does not know (a stream's) reads UNSPEC. */
int64_t sock_recvmsg(struct tern_stack *st, struct call *c)
{
	struct tern_msg *msg = c->out;
	struct sock sk;
	int error = sock_find(st, c->s, &sk);

	if (error)
		return error;
	if (msg->name)
		*msg->name = (struct tern_sockaddr){ 0 };
	/* What lies between control messages is not written. */
	if (msg->control)
		memset(msg->control, 0, msg->control_len);
	else
		msg->control_len = 0;
	msg->flags = 0;
	return sk.proto->recvmsg(st, sk.id, msg, (int)c->arg[0]);
}

int64_t sock_recv_frags(struct tern_stack *st, struct call *c)
{
	struct sock sk;
	int error = sock_find(st, c->s, &sk);

	if (error)
		return error;
	if (!sk.proto->recv_frags)
		return -TERN_EOPNOTSUPP;
	if (c->arg[0] <= 0)
		return -TERN_EINVAL;
	return sk.proto->recv_frags(st, sk.id, c->out, (int)c->arg[0]);
}
