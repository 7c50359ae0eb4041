// SPDX-License-Identifier: BSD-2-Clause
/*
 * packetdrill's interface to stacks in user space: what the tool asks a shared
 * object to fill in. Written down from how it behaves (2015 to 2026).
 *
 * Every call gets userdata first, and does what the system call of its name
 * does: a result, or -1 and errno. netdev_send() takes a packet to the stack,
 * netdev_receive() waits for one from it; usleep() and gettimeofday() are the
 * tool's only clock.
 */
#ifndef LAB_PLUGIN_ABI_H
#define LAB_PLUGIN_ABI_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct packetdrill_interface {
	void *userdata;
	void (*free)(void *);
	int (*socket)(void *, int domain, int type, int protocol);
	int (*bind)(void *, int fd, const struct sockaddr *, socklen_t);
	int (*listen)(void *, int fd, int backlog);
	int (*accept)(void *, int fd, struct sockaddr *, socklen_t *);
	int (*connect)(void *, int fd, const struct sockaddr *, socklen_t);
	ssize_t (*read)(void *, int fd, void *, size_t);
	ssize_t (*readv)(void *, int fd, const struct iovec *, int);
	ssize_t (*recv)(void *, int fd, void *, size_t, int flags);
	ssize_t (*recvfrom)(void *, int fd, void *, size_t, int flags,
			    struct sockaddr *, socklen_t *);
	ssize_t (*recvmsg)(void *, int fd, struct msghdr *, int flags);
	ssize_t (*write)(void *, int fd, const void *, size_t);
	ssize_t (*writev)(void *, int fd, const struct iovec *, int);
	ssize_t (*send)(void *, int fd, const void *, size_t, int flags);
	ssize_t (*sendto)(void *, int fd, const void *, size_t, int flags,
			  const struct sockaddr *, socklen_t);
	ssize_t (*sendmsg)(void *, int fd, const struct msghdr *, int flags);
	int (*fcntl)(void *, int fd, int cmd, ...);
	int (*ioctl)(void *, int fd, unsigned long request, ...);
	int (*close)(void *, int fd);
	int (*shutdown)(void *, int fd, int how);
	int (*getsockopt)(void *, int fd, int level, int name, void *,
			  socklen_t *);
	int (*setsockopt)(void *, int fd, int level, int name, const void *,
			  socklen_t);
	int (*poll)(void *, struct pollfd *, nfds_t, int timeout_ms);
	int (*netdev_send)(void *, const void *packet, size_t n);
	int (*netdev_receive)(void *, void *packet, size_t *n,
			      long long *time_usecs);
	int (*usleep)(void *, useconds_t);
	int (*gettimeofday)(void *, struct timeval *, struct timezone *);
	int (*epoll_create)(void *, int size);
	int (*epoll_ctl)(void *, int ep, int op, int fd, struct epoll_event *);
	int (*epoll_wait)(void *, int ep, struct epoll_event *, int max,
			  int timeout_ms);
	int (*pipe)(void *, int fds[2]);
	int (*splice)(void *, int in, loff_t *, int out, loff_t *, size_t,
		      unsigned flags);
};

typedef void (*packetdrill_interface_init_t)(const char *flags,
					     struct packetdrill_interface *);

#endif
