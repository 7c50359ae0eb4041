// SPDX-License-Identifier: BSD-2-Clause
/*
 * A call into the stack, as data.
 *
 * Each public call that can change the state fills a struct call and sends it
 * through one door (stack_door.c), which dispatches it to a handler: those of
 * sockets are here (sock.h), the others in stack*.c. So whatever goes in can
 * be written down, and done again from what was written (stack_record.c,
 * stack_replay.c).
 */
#ifndef SOCK_CALL_H
#define SOCK_CALL_H

#include <stddef.h>
#include <stdint.h>

/* Records hold these numbers: new ones go to the end. */
enum call_op {
	CALL_NONE,
	CALL_INPUT,
	CALL_OUTPUT,
	CALL_ADVANCE,
	CALL_LINK_ADD,
	CALL_LINK_SET_UP,
	CALL_LINK_SET_MTU,
	CALL_ADDR_ADD,
	CALL_ADDR_DEL,
	CALL_ROUTE_ADD,
	CALL_ROUTE_DEL,
	CALL_SYSCTL_SET,
	CALL_CC_REGISTER,
	CALL_SOCKET,
	CALL_BIND,
	CALL_LISTEN,
	CALL_CONNECT,
	CALL_ACCEPT,
	CALL_SENDMSG,
	CALL_RECVMSG,
	CALL_RECV_FRAGS,
	CALL_SHUTDOWN,
	CALL_CLOSE,
	CALL_GETSOCKOPT,
	CALL_SETSOCKOPT,
	CALL_IOCTL,
	CALL_POLL,
	CALL_EVENTS,
	CALL_SYN_NEXT,
	CALL_SYN_ANSWER,
	CALL_TCP_INFO,
	CALL_SOCK_KILL,
	N_CALLS,
};

struct call {
	enum call_op op;
	int s; /* the socket's number, or the link's */
	int64_t now;
	int64_t arg[4]; /* numbers; what they are is the handler's */
	const void *in; /* what goes in besides, in the row's shape */
	size_t in_len;	/* bytes; packets: how many */
	void *out;	/* what comes out besides */
	size_t out_len; /* room for it, then what was given, as in_len */
};

#endif
