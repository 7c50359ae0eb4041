// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the interpreter needs of a stack: a table of calls in the shape of the
 * system's own, so that a plugin for packetdrill can share it, or another
 * stack stand in.
 *
 * Calls never wait. Each returns what the system call would, or -errno; one
 * that would have to wait returns -EAGAIN (connect: -EINPROGRESS), and blocks()
 * tells whether the caller meant to. Time is virtual: it moves by advance()
 * alone. Everything that the stack emits is queued with the instant at which it
 * left.
 */
#ifndef LAB_DRILL_ADAPTER_H
#define LAB_DRILL_ADAPTER_H

#include "drill_config.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct tern_tcp_info;
struct tern_trace;
struct drill_adapter;

typedef void drill_trace_fn(void *ctx, const struct tern_trace *);

struct drill_adapter_ops {
	void (*free)(struct drill_adapter *);

	int (*socket)(struct drill_adapter *, int domain, int type,
		      int protocol);
	int (*bind)(struct drill_adapter *, int fd, const struct sockaddr *,
		    socklen_t);
	int (*listen)(struct drill_adapter *, int fd, int backlog);
	int (*accept)(struct drill_adapter *, int fd, struct sockaddr *,
		      socklen_t *);
	int (*connect)(struct drill_adapter *, int fd, const struct sockaddr *,
		       socklen_t);
	int64_t (*sendmsg)(struct drill_adapter *, int fd,
			   const struct msghdr *, int flags);
	int64_t (*recvmsg)(struct drill_adapter *, int fd, struct msghdr *,
			   int flags);
	int (*fcntl)(struct drill_adapter *, int fd, int cmd, int arg);
	int (*ioctl)(struct drill_adapter *, int fd, unsigned long request,
		     int *value);
	int (*close)(struct drill_adapter *, int fd);
	int (*shutdown)(struct drill_adapter *, int fd, int how);
	int (*getsockopt)(struct drill_adapter *, int fd, int level, int name,
			  void *, socklen_t *);
	int (*setsockopt)(struct drill_adapter *, int fd, int level, int name,
			  const void *, socklen_t);
	int (*poll)(struct drill_adapter *, struct pollfd *, nfds_t);
	int (*epoll_create)(struct drill_adapter *, int size);
	int (*epoll_ctl)(struct drill_adapter *, int ep, int op, int fd,
			 struct epoll_event *);
	int (*epoll_wait)(struct drill_adapter *, int ep, struct epoll_event *,
			  int max);
	int (*pipe)(struct drill_adapter *, int fds[2]);
	int64_t (*splice)(struct drill_adapter *, int in, int out, size_t n,
			  unsigned flags);
	/* Not in packetdrill's interface, which takes the host's. */
	int (*open)(struct drill_adapter *, const char *path, int flags);
	int64_t (*sendfile)(struct drill_adapter *, int out, int in,
			    int64_t *offset, size_t n);

	/* A whole IP packet to the stack; gso: payload bytes of a segment, if
	 * it stands for several. */
	int (*netdev_send)(struct drill_adapter *, const void *packet, size_t n,
			   unsigned gso);
	/* The next packet that the stack has sent, or 0: none is waiting. */
	size_t (*netdev_receive)(struct drill_adapter *, void *out, size_t size,
				 int64_t *at);
	int64_t (*now)(struct drill_adapter *);
	/* When the stack next wants to run; TERN_NEVER if not. */
	int64_t (*deadline)(struct drill_adapter *);
	/* Makes it `at`, and runs what is due then. */
	void (*advance)(struct drill_adapter *, int64_t at);

	/* Does this descriptor make calls wait? */
	bool (*blocks)(struct drill_adapter *, int fd);
	/* A socket's TCP_INFO; a non-TCP socket has none. */
	int (*tcp_info)(struct drill_adapter *, int fd, struct tern_tcp_info *);
	int (*sysctl)(struct drill_adapter *, const char *name,
		      const char *value);
	/* -ENOENT: there is no such counter. */
	int (*counter)(struct drill_adapter *, const char *name, uint64_t *out);
	int (*set_mtu)(struct drill_adapter *, uint32_t mtu);
	/* Of the route to the peer; 0: as it was made. */
	int (*set_route)(struct drill_adapter *, uint32_t mtu, uint32_t advmss,
			 uint32_t initcwnd);
	int (*make_file)(struct drill_adapter *, const char *path,
			 uint64_t size);
	/* (optional) Who is told what the stack does. */
	void (*trace)(struct drill_adapter *, drill_trace_fn *, void *ctx);
};

struct drill_adapter {
	const struct drill_adapter_ops *ops;
	int64_t epoch_ns; /* from `now` 0 to the epoch that timestamps count */
};

/* A tern stack with one link, at `now`; NULL with *why. */
struct drill_adapter *drill_tern_new(const struct drill_config *, int64_t now,
				     const char **why);

#endif
