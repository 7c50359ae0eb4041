// SPDX-License-Identifier: BSD-2-Clause
/*
 * The adapter of a tern stack, for its own files: drill_tern.c has the stack,
 * the link and the clock, drill_tern_sock.c the socket calls, drill_tern_fd.c
 * descriptors that are no sockets, drill_tern_poll.c poll and epoll.
 */
#ifndef LAB_DRILL_TERN_H
#define LAB_DRILL_TERN_H

#include "drill_adapter.h"

#include <tern/stack.h>

#include <stdio.h>

#define DRILL_BATCH 32
#define DRILL_FDS 1024 /* as a process has by default */

enum drill_fd_kind {
	DRILL_FD_FREE,
	DRILL_FD_SOCKET,
	DRILL_FD_EPOLL,
	DRILL_FD_PIPE_READ,
	DRILL_FD_PIPE_WRITE,
	DRILL_FD_FILE,
};

/* Bytes of pipes and files are all zero, so only their number is kept. */
struct drill_pipe {
	uint64_t n, cap;
	int n_ends;
};

struct drill_watch {
	struct drill_watch *next;
	int fd;
	struct epoll_event event;
	bool has_edge;	/* something happened since it was last told */
	uint64_t order; /* when it was put into the ready list */
};

struct drill_fd {
	enum drill_fd_kind kind;
	int s; /* of a socket */
	int flags;
	struct drill_watch *watches; /* of an epoll */
	struct drill_pipe *pipe;
	uint64_t size, offset; /* of a file */
};

struct drill_file {
	struct drill_file *next;
	const char *path;
	uint64_t size;
};

struct drill_sent {
	struct drill_sent *next;
	int64_t at;
	size_t len;
	unsigned char bytes[];
};

struct drill_tern {
	struct drill_adapter adapter;
	struct drill_mem mem;
	struct lab_fault *fault; /* or NULL */
	FILE *record;		 /* or NULL */
	struct tern_stack *st;
	struct tern_pool *pool;
	int link;
	bool lazy_link;
	int64_t now;
	struct tern_route route;
	bool v6_socket_v4; /* AF_INET6 sockets, IPv4 packets */
	struct drill_sent *sent, **sent_tail;
	/* What the link refused waits here, and is tried again then. */
	struct tern_pkt *refused[DRILL_BATCH];
	int n_refused;
	int64_t retry_at;
	struct drill_fd fds[DRILL_FDS];
	struct drill_file *files;
	uint64_t order;
};

static inline struct drill_tern *drill_tern_of(struct drill_adapter *a)
{
	return (struct drill_tern *)(void *)a;
}

/* A descriptor in use, or NULL. */
struct drill_fd *drill_tern_fd(struct drill_tern *, int fd);
/* The lowest one free, now of this kind; -EMFILE. */
int drill_tern_fd_new(struct drill_tern *, enum drill_fd_kind);
/* After each call into the stack: queues what it emits, notes what happened
 * at sockets. */
void drill_tern_ran(struct drill_tern *);

/* Sockets. */
int drill_tern_socket(struct drill_adapter *, int, int, int);
int drill_tern_bind(struct drill_adapter *, int, const struct sockaddr *,
		    socklen_t);
int drill_tern_listen(struct drill_adapter *, int, int);
int drill_tern_accept(struct drill_adapter *, int, struct sockaddr *,
		      socklen_t *);
int drill_tern_connect(struct drill_adapter *, int, const struct sockaddr *,
		       socklen_t);
int64_t drill_tern_sendmsg(struct drill_adapter *, int, const struct msghdr *,
			   int);
int64_t drill_tern_recvmsg(struct drill_adapter *, int, struct msghdr *, int);
int drill_tern_shutdown(struct drill_adapter *, int, int);
int drill_tern_getsockopt(struct drill_adapter *, int, int, int, void *,
			  socklen_t *);
int drill_tern_setsockopt(struct drill_adapter *, int, int, int, const void *,
			  socklen_t);
int drill_tern_tcp_info(struct drill_adapter *, int, struct tern_tcp_info *);

/* Other descriptors. */
int drill_tern_fcntl(struct drill_adapter *, int, int, int);
int drill_tern_ioctl(struct drill_adapter *, int, unsigned long, int *);
int drill_tern_close(struct drill_adapter *, int);
int drill_tern_pipe(struct drill_adapter *, int[2]);
int64_t drill_tern_splice(struct drill_adapter *, int, int, size_t, unsigned);
int drill_tern_open(struct drill_adapter *, const char *, int);
int64_t drill_tern_sendfile(struct drill_adapter *, int, int, int64_t *,
			    size_t);
int drill_tern_make_file(struct drill_adapter *, const char *, uint64_t);
bool drill_tern_blocks(struct drill_adapter *, int);
/* Pipes and files take part in read and write. */
int64_t drill_tern_fd_read(struct drill_fd *, size_t n);
int64_t drill_tern_fd_write(struct drill_fd *, size_t n);

/* Readiness. */
int drill_tern_poll(struct drill_adapter *, struct pollfd *, nfds_t);
int drill_tern_epoll_create(struct drill_adapter *, int);
int drill_tern_epoll_ctl(struct drill_adapter *, int, int, int,
			 struct epoll_event *);
int drill_tern_epoll_wait(struct drill_adapter *, int, struct epoll_event *,
			  int);
uint32_t drill_tern_ready(struct drill_tern *, int fd);
/* Something happened at a descriptor. */
void drill_tern_edge(struct drill_tern *, int fd);
/* Forgets a descriptor that is closed. */
void drill_tern_unwatch(struct drill_tern *, int fd);

#endif
