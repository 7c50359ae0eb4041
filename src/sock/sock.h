// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sockets, above the protocols: numbers, the rules for families and types that
 * hold for all, readiness. A protocol is a row of operations (sock_priv.h).
 *
 * Handlers take a struct call as socket.h's function of the same name fills
 * it (stack_calls.c) and return its result.
 */
#ifndef SOCK_SOCK_H
#define SOCK_SOCK_H

#include "sock/call.h"

#include <tern/stack.h>

/* arg: family, type, protocol. */
int64_t sock_socket(struct tern_stack *, struct call *);
/* in: struct tern_sockaddr. */
int64_t sock_bind(struct tern_stack *, struct call *);
/* arg: backlog. */
int64_t sock_listen(struct tern_stack *, struct call *);
/* in: struct tern_sockaddr. */
int64_t sock_connect(struct tern_stack *, struct call *);
/* out: struct tern_sockaddr, or NULL. */
int64_t sock_accept(struct tern_stack *, struct call *);
/* arg: flags; in: struct tern_msg. */
int64_t sock_sendmsg(struct tern_stack *, struct call *);
/* arg: flags; out: struct tern_msg. */
int64_t sock_recvmsg(struct tern_stack *, struct call *);
/* arg: room; out: struct tern_frag[]. */
int64_t sock_recv_frags(struct tern_stack *, struct call *);
/* arg: how. */
int64_t sock_shutdown(struct tern_stack *, struct call *);
int64_t sock_close(struct tern_stack *, struct call *);
/* arg: level, name; out: the value. */
int64_t sock_getsockopt(struct tern_stack *, struct call *);
/* arg: level, name; in: the value. */
int64_t sock_setsockopt(struct tern_stack *, struct call *);
/* arg: request; out: int. */
int64_t sock_ioctl(struct tern_stack *, struct call *);
int64_t sock_poll(struct tern_stack *, struct call *);
/* arg: room; out: struct tern_event[]. */
int64_t sock_events(struct tern_stack *, struct call *);
/* out: struct tern_syn. */
int64_t sock_syn_next(struct tern_stack *, struct call *);
/* arg: id, answer. */
int64_t sock_syn_answer(struct tern_stack *, struct call *);
/* arg: the cookie; out: struct tern_tcp_info. */
int64_t sock_tcp_info(struct tern_stack *, struct call *);
int64_t sock_kill(struct tern_stack *, struct call *);

/* The name of socket s, as getsockname() or getpeername() give it. */
int sock_getname(struct tern_stack *, int s, bool peer, struct tern_sockaddr *);

#endif
