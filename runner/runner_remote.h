// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs of other processes on a host: `tern run --host NAME` starts a
 * program, and hands the listener of its calls to the host of that name.
 *
 * A sequenced-packet socket NAME.run beside the control socket, for its owner
 * alone:
 *
 *	host    hello: texts of /etc/resolv.conf and /etc/hosts, or none
 *	client  listener, and what its files are answered through, as
 *		descriptors
 *	host    0, or -errno
 *
 * and the connection stays. When the program has ended, which the listener
 * tells, the host says so by a message and hangs up; without one its end tells
 * the client that the host is gone. The client's end tells the host nothing.
 */
#ifndef RUNNER_RUNNER_REMOTE_H
#define RUNNER_RUNNER_REMOTE_H

#include "runner.h"
#include "runner_launch.h"

/* Takes programs for a host; the texts are copied, and may be NULL. 0 and *out,
 * or -errno. The host's control socket must be there already: who has that has
 * the name. */
struct remote_server;
int remote_server_open(struct host *, const char *name, const char *resolv_conf,
		       const char *hosts, struct remote_server **out);
/* No more programs, and those that run are told that the host goes. */
void remote_server_stop(struct remote_server *);
int remote_server_count(const struct remote_server *);
/* As runner_unsaid(), of all of them. */
size_t remote_server_unsaid(const struct remote_server *);
/* As runner_inode(). */
uint64_t remote_inode(const struct remote_server *, int s);
/* As runner_queued(). */
int remote_queued(const struct remote_server *, int s);
void remote_server_close(struct remote_server *);

/* The client's side: a connection, and what the host says of names (to be freed
 * by remote_hello_free(); NULL: nothing). 0 and the descriptor in *fd, or
 * -errno: -TERN_ENOENT if there is no such host. */
struct remote_hello {
	char *resolv_conf;
	char *hosts;
};
int remote_connect(const char *name, int *fd, struct remote_hello *out);
void remote_hello_free(struct remote_hello *);
/* Hands over what the host is to answer, which is then no longer ours. 0 or
 * -errno. Blocks. */
int remote_hand_over(int fd, struct runner_launch *);
/* The connection is readable: has the host gone? False: the program has ended,
 * and the connection has nothing more to tell. */
bool remote_has_gone(int fd);

#endif
