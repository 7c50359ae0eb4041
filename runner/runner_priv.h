// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the runner's files share. Included by: runner*.c
 *
 * One struct rsock stands for one socket of the program's. Two ends belong to
 * it: the program's end, a kernel descriptor that the runner holds only while
 * it answers a call, and the runner's end, the peer of it. Between the
 * runner's end and the stack's socket `s` runs the pump.
 *
 *	program ==== program's end ~~~~ runner's end ---- pump ---- s ---- stack
 *	 (native reads and writes)      (sock->end)
 *
 * Invariants:
 *  1. Identity is the cookie of the program's end. (tid, fd) in hint_* is where
 *     it was last seen, and is checked against the cookie before it is used.
 *  2. The runner holds no duplicate of a program's end between two callbacks:
 *     the kernel counts the program's references, and tells the last close.
 *  3. Bytes that the pump put into the pair stay in the stack's receive queue
 *     until the program has read them: `peeked` of them, at its head.
 */
#ifndef RUNNER_RUNNER_PRIV_H
#define RUNNER_RUNNER_PRIV_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* here, because each runner*.c includes this first */
#endif

#include "runner_launch.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

/* What a handler returns besides a result or -errno. */
#define ANSWER_CONTINUE (INT64_MIN + 0) /* none of ours: the kernel does it */
#define ANSWER_LATER (INT64_MIN + 1)	/* the call waits */
#define ANSWER_DONE (INT64_MIN + 2)	/* answered, with a descriptor */

/* One datagram at most; pumps move less at a time. */
#define SCRATCH_LEN 65536

/* The pump's unit: large enough for few calls, small enough that one piece
 * of it is one skb, so that credit comes back in pieces of this size. */
#define PUMP_CHUNK 32768

/* The most that a pair holds for a program. */
#define WINDOW_LEN (512 * 1024)

/* Descriptors that one call may need for its own time. */
#define N_SPARES 8

#define NAME_PREFIX_LEN 16 /* "tern" and 96 random bits, see runner_name.c */

/* Where a call has gone away (its thread was killed, or a signal took it
 * out), helpers return this, and nothing was done. No errno of Linux's. */
#define EGONE 4095

struct message;
struct rsock;

/* One intercepted call. It lives on the stack of who received it; a call that
 * waits is a copy, in its socket's list. */
struct call {
	struct runner *runner;
	uint64_t id;
	pid_t tid;
	int nr;
	uint64_t arg[6];
	int fd;		    /* duplicate of the descriptor arg[0], or -1 */
	struct rsock *sock; /* whose it is; NULL: none of ours */
	const struct row *row;
	struct call *next; /* in sock->waiting */
	int timer;	   /* host_at()'s id, or -1 */
	int64_t until;	   /* when waiting ends; 0: not waited yet */
	bool is_retry;
	bool has_timed_out;
};

/* A row of the table of calls. */
struct row {
	int nr;
	const char *name;
	int64_t (*handle)(struct call *);
	/* Not repeatable: its result is kept for a thread that a signal took
	 * away before it was told; so many arguments tell it. 0: it is. */
	int n_once;
};

/* A call that succeeded, to know it again (call_is_repeat). */
struct done {
	pid_t tid;
	int64_t at;
	struct tern_sockaddr addr;
};

enum rsock_state {
	RSOCK_IDLE,	  /* made; perhaps bound */
	RSOCK_CONNECTING, /* the pair is there, stuffed: it polls nothing */
	RSOCK_PAIRED,	  /* bytes flow */
	RSOCK_LISTENING,
	RSOCK_BROKEN, /* reset, or connect failed: the pair is spent */
	RSOCK_DGRAM,
	RSOCK_NETLINK,
	RSOCK_CLOSING, /* the program has closed; what it wrote drains */
};

struct rsock {
	struct runner *runner;
	struct rsock *next, **prev; /* all of the runner's */
	struct rsock *next_by_cookie;
	struct rsock *next_by_id;
	struct rsock *next_by_watch;
	uint64_t cookie; /* of the program's end; 0: not seen yet */
	uint64_t id;	 /* ours; part of abstract names */
	ino_t ino;	 /* of the program's end; 0: not known */
	pid_t hint_tid;
	int hint_fd;
	int s;		/* the stack's socket, or -1 */
	int end;	/* the runner's end, or -1 */
	int aside;	/* runner_aside.c; or -1 */
	uint64_t watch; /* inotify's, on the program's end; 0: none */
	int timer;	/* host_at()'s, of whoever the state says; or -1 */
	int family;
	int type;
	int protocol;
	enum rsock_state state;
	struct call *waiting;

	struct done bound;
	struct done connected;

	/* Streams (runner_pump.c). */
	size_t peeked;	  /* invariant 3 */
	uint32_t n_stuff; /* stuffing bytes at the head of the pair */
	bool is_narrow;	  /* its buffer is as small as for the stuffing */
	int end_sndbuf;	  /* SO_SNDBUF set at the runner's end */
	int64_t busy_at;  /* when it last had to grow */
	uint8_t *rest;	  /* taken from the pair, refused by the stack */
	size_t rest_off, rest_len;
	int error;	   /* the stack's, kept for SO_ERROR */
	int owed_error;	   /* SO_ERROR's value that its caller did not get */
	bool is_full;	   /* the pair took no more */
	bool has_seen_urg; /* urgent data: a peek may stop short of the end */
	bool has_eof_told; /* the program reads 0 after what is in the pair */
	bool is_shut_rd;   /* the program has called SHUT_RD */
	bool is_shut_wr;   /* the program's end is SHUT_WR */
	bool is_planted;   /* a byte for ECONNRESET waits at its end */
	bool is_fin_sent;  /* tern_shutdown(SHUT_WR) was done */
	bool is_reset;	   /* the stack has reset it; the pair must follow */
	bool is_purged;	   /* the program's end went with bytes unread */

	/* Listeners and what comes out of them (runner_accept.c). */
	uint64_t listener_id;	   /* in whose queue this one is; 0 */
	struct tern_sockaddr peer; /* of an accepted one */
	int backlog;
	int n_queued;	 /* in the program's accept queue, at most */
	bool is_starved; /* the stack's queue waits for a descriptor */
	int64_t tick_ns;

	/* Datagrams (runner_udp.c). */
	bool is_peered; /* the program's end is connected to ours */

	/* runner_netlink.c */
	uint32_t nl_port;      /* that the program has chosen; or 0 */
	struct sockdiag *dump; /* runner_sockdiag.c; to be freed */
};

struct senders; /* runner_udp.c */
struct undelivered;
struct pidfd_cache;

struct runner {
	struct host *host;
	struct tern_stack *stack;
	bool verbose;
	void (*ended)(void *ctx, int status);
	void *ctx;

	/* The program (runner.c, runner_launch.c, runner_keeper.c). */
	struct runner_launch launch; /* none, if another process has it */
	bool has_ended;

	/* Notifications (runner_notify.c). */
	int notify;
	void *notif; /* as large as this kernel's */
	void *resp;
	size_t notif_size, resp_size;
	struct pidfd_cache *pidfds;
	struct undelivered *undelivered;

	/* Sockets (runner_sock.c). */
	struct rsock *socks;
	struct rsock **by_cookie, **by_id, **by_watch;
	size_t n_buckets, n_socks;
	uint64_t last_id;
	int inotify;
	int diag;	    /* netlink, once needed; or -1 */
	bool is_short_told; /* of watches */
	int meet;	    /* listener that connecting ends are connected to */
	struct sockaddr_un meet_name;
	socklen_t meet_name_len;
	int spares[N_SPARES]; /* runner_spare.c; -1: let go of */
	bool is_starved;
	uint8_t prefix[NAME_PREFIX_LEN];
	uint8_t *window;  /* WINDOW_LEN bytes, for the pump */
	uint8_t *scratch; /* SCRATCH_LEN bytes, for one callback */
	uint8_t *control; /* CONTROL_MAX bytes */
	struct senders *senders;
	struct fuse_files *files; /* runner_fuse.c; NULL: none */
};

/* runner_keeper.c: the program, and the process that looks after it. */
struct keeper_config {
	const struct runner_config *run;
	int in, out;	     /* the keeper's ends of keeper_in, keeper_out */
	int report;	     /* struct report to the runner, until exec */
	int go;		     /* closed by the runner: go on */
	struct rlimit files; /* the program's own RLIMIT_NOFILE */
};
struct report {
	int what; /* REPORT_* */
	int value;
	int error;
	int files; /* REPORT_FILTER: of runner_files.c, or -1 */
};
enum {
	REPORT_FILTER, /* value, files: their numbers in process `error` */
	REPORT_FAILED, /* value: which step, error: why */
};
enum {
	STEP_FORK,
	STEP_FILTER,
	STEP_EXEC,
};
/* Becomes the keeper; does not return. */
_Noreturn void keeper_main(const struct keeper_config *);
/* What the keeper writes when all has ended: the shell's status. */

/* runner_files.c: gives this process its own /etc/resolv.conf and hosts, and a
 * /proc/net and /proc/sys/net that are answered through the descriptor
 * returned; -1: none. */
int files_replace(const struct runner_config *);

/* runner_fuse.c: answers that descriptor, which is taken over. 0 or -errno. */
int fuse_files_open(struct runner *, int fd);
void fuse_files_close(struct runner *);

/* runner_filter.c: loads the filter for this process. Returns the listener,
 * or -errno. */
int filter_load(void);

/* runner.c: no process is left that could make a call. */
void runner_on_hangup(struct runner *);

/* runner_notify.c */
int notify_init(struct runner *, int listener);
void notify_fini(struct runner *);
bool call_is_alive(const struct call *);
int call_read(const struct call *, uint64_t addr, void *out, size_t len);
int call_write(const struct call *, uint64_t addr, const void *, size_t len);
/* A duplicate of the caller's descriptor, or -errno. */
int call_dup(const struct call *, int fd);
/* The same of any thread, without a call. */
int thread_dup(struct runner *, pid_t tid, int fd);
/* The thread group of a thread; -1 if it is gone. */
pid_t thread_leader(pid_t tid);
/* Ends the call; -EGONE if it has gone away meanwhile. */
int call_answer(const struct call *, int64_t result);
/* Installs srcfd in the caller and returns its number there, as the call's
 * result. -EGONE: the call has gone, and the descriptor was not installed. */
int call_answer_fd(const struct call *, int srcfd, bool cloexec);
/* Replaces the caller's descriptor fd; the call goes on. */
int call_replace_fd(const struct call *, int srcfd, int fd, bool cloexec);
void call_tell(const struct call *, int64_t result);

/* runner_calls.c: the table, and waiting. */
const struct row *row_find(int nr);
void call_dispatch(struct call *);
/* Keeps the call until its socket wakes it, or for what `timeo` (SO_RCVTIMEO
 * or SO_SNDTIMEO of the descriptor) says; a non-blocking descriptor or a
 * time-out gives `empty` instead. */
int64_t call_wait(struct call *, int timeo, int64_t empty);
bool fd_is_nonblocking(int fd);
/* Notes success, and returns it; or finds that the failure comes from
 * making again what was done a moment ago (runner_notify.c). */
int64_t call_done(const struct call *, struct done *,
		  const struct tern_sockaddr *);
bool call_is_repeat(const struct call *, const struct done *,
		    const struct tern_sockaddr *);
void sock_wake(struct rsock *);
void sock_drop_waiting(struct rsock *, int64_t result);

/* runner_addr.c: sockaddr_in and sockaddr_in6, and the stack's. */
int addr_from_program(const struct call *, uint64_t addr, int len,
		      struct tern_sockaddr *out);
socklen_t addr_to_native(const struct tern_sockaddr *,
			 struct sockaddr_storage *out);
/* As getsockname writes: at most *len, then the true length. */
int addr_to_program(const struct call *, uint64_t addr, uint64_t len,
		    const struct tern_sockaddr *);
int bytes_to_program(const struct call *, uint64_t addr, uint64_t len,
		     const void *bytes, socklen_t n);

/* runner_name.c: abstract names. */
int name_init(struct runner *);
socklen_t name_make(const struct runner *, const void *data, size_t len,
		    struct sockaddr_un *out);
/* The data in a name of ours; returns its length, or -1. */
int name_data(const struct runner *, const struct sockaddr_un *, socklen_t len,
	      const uint8_t **data);
socklen_t name_make_id(const struct runner *, uint64_t id,
		       struct sockaddr_un *out);
int name_bind(struct runner *, int fd, uint64_t id);
/* The number in the name of fd's peer, 0 if it is no name of ours. */
uint64_t name_of_peer(const struct runner *, int fd);

/* runner_sock.c */
int sock_table_init(struct runner *);
void sock_table_fini(struct runner *);
struct rsock *sock_new(struct runner *, int family, int type, int protocol);
/* Forgets the socket and all it holds; the stack's socket is closed. */
void sock_free(struct rsock *);
struct rsock *sock_of_fd(struct runner *, int fd);
struct rsock *sock_by_id(struct runner *, uint64_t id);
/* Notes the cookie and inode of the program's end. */
void sock_learn(struct rsock *, int fd);
bool sock_is_end(const struct rsock *, int fd);
void sock_forget_cookie(struct rsock *);
/* The last close of the program's end, seen by inotify, or no more. */
void sock_watch_close(struct rsock *, int fd);
void sock_unwatch_close(struct rsock *);
/* Acts on the last closes that inotify has told: what a program closed before
 * it makes a call is closed for that call (a port is free again). */
void sock_take_closes(struct runner *);
/* Called when the program has let go of its last reference. */
void sock_on_closed(struct rsock *);
void sock_set_end(struct rsock *, int end, host_fd_fn *);
void sock_drop_end(struct rsock *);
void sock_close_stack(struct rsock *);
int64_t sock_now(const struct rsock *);

/* runner_spare.c */
void spare_init(struct runner *);
void spare_let_go(struct runner *);
/* Before what lasts is opened: 0, or -ENFILE. */
int spare_need(struct runner *);
/* After -errno: true if it may go better now. */
bool spare_helps(struct runner *, int error);
/* Around a call. */
void spare_begin(struct runner *);
void spare_end(struct runner *);

/* runner_find.c: a duplicate of the program's end when no call names it; -1
 * if nobody's descriptor is it. */
int sock_find_end(struct rsock *);

/* runner_diag.c */
int diag_queue_len(struct runner *, ino_t listener);
ino_t diag_peer(struct runner *, ino_t ino);

/* runner_pump.c */
void pump_on_end(void *sock, uint32_t events);
void pump_on_stack(void *sock, int s, uint32_t ready);
/* From the program to the stack, all that is there. False if the stack has
 * refused some of it. */
bool pump_out(struct rsock *);
void pump_in(struct rsock *);
/* Takes what the program has read out of the stack: all but `unread`. */
void pump_credit(struct rsock *, size_t unread);
/* Bytes flow from now on. */
void pump_start(struct rsock *);
/* As before there was a pair. */
void pump_reset(struct rsock *);

/* runner_end.c: how streams end. */
int end_shutdown(struct rsock *, int fd, int how);
/* The stack's FIN: the program reads 0. */
void end_told(struct rsock *);
/* After SHUT_RD what comes shows in no level, yet edge-triggered epoll tells
 * of it: a shutdown again makes such an edge. */
void end_nudge(struct rsock *);
/* The stack polls ERR. */
void end_on_error(struct rsock *);
/* The stack's RST, once the program can have all data before it. */
void end_reset(struct rsock *);
/* A RST to both sides. */
void end_abort(struct rsock *);
/* The program's last close. */
void end_closed(struct rsock *);
/* As recv, up to the plant; *eof: nothing more will come. */
ssize_t end_read(struct rsock *, void *buf, size_t len, bool *eof);

/* runner_connect.c */
int64_t call_connect(struct call *);
/* The stack is at its handshake (or has no need of one): makes the pair. */
int connect_begin(struct call *, bool is_connected);
/* Puts a new, unconnected end under the caller's number. */
int connect_renew(struct call *);
void connect_on_stack(struct rsock *, uint32_t ready);
/* The program writes: a buffer of the usual size for its end. */
void connect_widen(struct rsock *);

/* runner_accept.c */
int64_t call_listen(struct call *);
int64_t call_accept(struct call *);
void accept_on_stack(struct rsock *);
void accept_forget(struct rsock *);

/* runner_aside.c: what the kernel says of options that are nothing to the
 * stack. All return 0 or -errno. */
int aside_get(const struct call *, int level, int name, void *value,
	      size_t *len);
int aside_keep(const struct call *, int level, int name, const void *value,
	       size_t len);
int aside_judge(const struct call *, int level, int name, const void *value,
		size_t len);
/* -EPERM or -EACCES if the caller lacks the privilege to set it so. */
int aside_may(const struct call *, int level, int name, const void *value,
	      size_t len);
bool aside_may_bind(const struct call *, uint16_t port);
/* runner_opts.c */
int64_t call_getsockopt(struct call *);
int64_t call_setsockopt(struct call *);
int64_t call_ioctl(struct call *);
/* The same on a descriptor that is none of ours. */
int64_t call_ioctl_other(struct call *);

/* runner_link.c: an ioctl about interfaces, and how programs are told of one:
 * its index, IFF_*, ARPHRD_*. */
int64_t link_ioctl(struct call *, uint32_t request);
bool link_find(const struct runner *, int link, struct tern_link_info *);
short link_flags(const struct tern_link_info *);
uint16_t link_type(const struct tern_link_info *);
static inline int link_index(int link)
{
	return link + 1;
}

/* runner_netlink.c: rtnetlink sockets. `end` becomes the runner's. */
int netlink_open(struct rsock *, int end);
int64_t netlink_call(struct call *);
int64_t netlink_send(struct call *, struct message *);
int64_t netlink_recv(struct call *, struct message *);

/* runner_msg.c: the forms of send and receive. */
int64_t call_sendto(struct call *);
int64_t call_recvfrom(struct call *);
int64_t call_sendmsg(struct call *);
int64_t call_recvmsg(struct call *);
int64_t call_sendmmsg(struct call *);
int64_t call_recvmmsg(struct call *);

/* What they have in common: one message, its bytes in the runner. */
#define CONTROL_MAX 1024
struct place;
struct message {
	int flags; /* of the call; on return of a receive, MSG_* out */
	bool has_name;
	struct tern_sockaddr name;
	uint8_t *data;
	size_t len; /* bytes, or room */
	uint8_t *control;
	size_t control_len;	   /* bytes, or room */
	bool is_discarded;	   /* received, and not to be written out */
	bool is_shown;		   /* received, and still to be taken away */
	const struct place *place; /* where a send's bytes are */
};
/* Reads a send's bytes again, after the scratch was used. */
int message_reload(const struct call *, struct message *);

/* runner_udp.c */
int dgram_init(struct runner *);
void dgram_fini(struct runner *);
int dgram_open(struct rsock *, int fd);
int64_t dgram_connect(struct call *, const struct tern_sockaddr *);
int64_t dgram_send(struct call *, struct message *);
int64_t dgram_recv(struct call *, struct message *);
void dgram_on_end(void *sock, uint32_t events);
void dgram_on_stack(void *sock, int s, uint32_t ready);

/* runner_stream.c: intercepted forms on streams. */
int64_t stream_send(struct call *, struct message *);
int64_t stream_recv(struct call *, struct message *);

#endif
