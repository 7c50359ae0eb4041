// SPDX-License-Identifier: BSD-2-Clause
/*
 * System calls of a script. Each is a row with a step: one attempt, which may
 * have to be repeated while the call blocks. drill_call.c has the table and
 * the waiting, drill_call_sock.c, drill_call_data.c, drill_call_msg.c,
 * drill_call_opt.c and drill_call_poll.c the calls.
 */
#ifndef LAB_DRILL_CALL_H
#define LAB_DRILL_CALL_H

#include "drill_ast.h"
#include "drill_wait.h"

struct drill_run;

/* A call that is being made. */
struct drill_op {
	const struct drill_call *call;
	int line;
	int64_t started_at;
	int64_t end_at;	 /* when the script wants it to return; -1: at once */
	int64_t wake_at; /* no longer than until then; NEVER */
	int fd;		 /* live; of the first argument, where it is one */
	bool timed_out;	 /* wake_at has come */
	bool bad;	 /* what it returned was not what the script wants */
	int phase;
	int64_t done; /* bytes so far */
	void *data;   /* of the call's own, from the script's memory */
};

struct drill_call_row {
	const char *name;
	int min_args, max_args;
	/* A result, -errno, or DRILL_WAIT. */
	int64_t (*step)(struct drill_run *, struct drill_op *);
	enum {
		DRILL_GIVES_NUMBER,
		DRILL_GIVES_FD,
	} gives;
	enum {
		DRILL_FD_NONE, /* the first argument is none */
		DRILL_FD_FIRST,
	} takes;
	/* SO_RCVTIMEO or SO_SNDTIMEO bounds its patience; 0: neither does. */
	int timeout_opt;
	const char *refused; /* why it is not for us */
};

const struct drill_call_row *drill_call_find(const char *name);

/* The i-th argument. */
const struct drill_expr *drill_call_arg(const struct drill_op *, int i);
/* It must be a number ([n] too), and fit; else the run fails and 0 comes. */
int64_t drill_call_number(struct drill_run *, struct drill_op *, int i);
/* A buffer's length. */
size_t drill_call_size(struct drill_run *, struct drill_op *, int i);
/* The member of a struct, or NULL. */
const struct drill_expr *drill_call_member(const struct drill_expr *,
					   const char *name);
/* Is it NULL or 0? */
bool drill_call_is_null(const struct drill_expr *);
/* What a call gave back is not what the script has: the run fails, with the
 * call in the message. */
__attribute__((format(printf, 3, 4))) void
drill_call_wrong(struct drill_run *, struct drill_op *, const char *fmt, ...);
/* The arguments make no sense. */
__attribute__((format(printf, 3, 4))) int64_t
drill_call_bad(struct drill_run *, struct drill_op *, const char *fmt, ...);

#define DRILL_STEP(name) \
	int64_t drill_call_##name(struct drill_run *, struct drill_op *)
DRILL_STEP(socket);
DRILL_STEP(bind);
DRILL_STEP(listen);
DRILL_STEP(accept);
DRILL_STEP(connect);
DRILL_STEP(close);
DRILL_STEP(shutdown);
DRILL_STEP(fcntl);
DRILL_STEP(ioctl);
DRILL_STEP(read);
DRILL_STEP(readv);
DRILL_STEP(recv);
DRILL_STEP(recvfrom);
DRILL_STEP(write);
DRILL_STEP(writev);
DRILL_STEP(send);
DRILL_STEP(sendto);
DRILL_STEP(sendmsg);
DRILL_STEP(recvmsg);
DRILL_STEP(getsockopt);
DRILL_STEP(setsockopt);
DRILL_STEP(poll);
DRILL_STEP(epoll_create);
DRILL_STEP(epoll_ctl);
DRILL_STEP(epoll_wait);
DRILL_STEP(open);
DRILL_STEP(pipe);
DRILL_STEP(splice);
DRILL_STEP(sendfile);
DRILL_STEP(cap_set);

#endif
