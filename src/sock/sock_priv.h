// SPDX-License-Identifier: BSD-2-Clause
/*
 * A protocol, as sock/ sees it.
 * Included by: the .c files of sock.
 */
#ifndef SOCK_SOCK_PRIV_H
#define SOCK_SOCK_PRIV_H

#include "sock/sock.h"
#include "stack_priv.h"

/* All take the slab id of the protocol's object. NULL: EOPNOTSUPP. */
struct sock_proto {
	int type;
	int protocol;
	int (*new)(struct tern_stack *, int family);
	void (*attach)(struct tern_stack *, uint32_t id, int s);
	void (*close)(struct tern_stack *, uint32_t id);
	int (*bind)(struct tern_stack *, uint32_t id,
		    const struct tern_sockaddr *);
	int (*listen)(struct tern_stack *, uint32_t id, int backlog);
	int (*connect)(struct tern_stack *, uint32_t id,
		       const struct tern_sockaddr *);
	int (*accept)(struct tern_stack *, uint32_t id,
		      struct tern_sockaddr *peer);
	int64_t (*sendmsg)(struct tern_stack *, uint32_t id,
			   const struct tern_msg *, int flags);
	int64_t (*recvmsg)(struct tern_stack *, uint32_t id, struct tern_msg *,
			   int flags);
	int (*recv_frags)(struct tern_stack *, uint32_t id, struct tern_frag *,
			  int max);
	int (*shutdown)(struct tern_stack *, uint32_t id, int how);
	int (*getsockopt)(struct tern_stack *, uint32_t id, int level, int name,
			  void *value, size_t *len);
	int (*setsockopt)(struct tern_stack *, uint32_t id, int level, int name,
			  const void *value, size_t len);
	int (*getname)(struct tern_stack *, uint32_t id, bool peer,
		       struct tern_sockaddr *);
	int (*ioctl)(struct tern_stack *, uint32_t id, unsigned long request,
		     int *value);
	uint32_t (*poll)(struct tern_stack *, uint32_t id);
	int (*syn_next)(struct tern_stack *, uint32_t id, struct tern_syn *);
};

/* A socket's number looked up. */
struct sock {
	const struct sock_proto *proto;
	uint32_t id;
	int family;
};

/* 0, or -TERN_EBADF. */
int sock_find(struct tern_stack *, int s, struct sock *);

/*
 * sock_addr.c: may a socket be bound to, connect to, or send to this? 0, and
 * *out is the address as the protocol wants it: of the socket's own family,
 * IPv4 as ::ffff:a.b.c.d; or -errno.
 */
int sock_addr_bind(struct tern_stack *, const struct sock *,
		   const struct tern_sockaddr *, struct tern_sockaddr *out);
int sock_addr_connect(struct tern_stack *, const struct sock *,
		      const struct tern_sockaddr *, struct tern_sockaddr *out);
int sock_addr_send(struct tern_stack *, const struct sock *,
		   const struct tern_sockaddr *, struct tern_sockaddr *out);

#endif
