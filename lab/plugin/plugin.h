// SPDX-License-Identifier: BSD-2-Clause
/*
 * A tern stack behind packetdrill's interface (plugin_abi.h).
 *
 *	plugin.c		begin and end, the clock, packets
 *	plugin_calls.c		the system calls
 *	plugin_wait.c		those that wait
 *	plugin_config.c		what the tool was told: its command line
 *	plugin_shell.c		shell texts
 *	plugin_preload.c	what the tool asks the host for
 */
#ifndef LAB_PLUGIN_H
#define LAB_PLUGIN_H

#define _GNU_SOURCE /* loff_t, splice's flags, RTLD_NEXT */

#include "plugin_abi.h"

#include "lab/drill_run.h"
#include "lab/drill_wait.h"

#include <pthread.h>

#define PLUGIN_FDS 4096

/* A call that is being made, by whichever thread. */
struct plugin_op {
	struct plugin_op *next; /* of those that wait */
	/* One attempt: a result, -errno or DRILL_WAIT. */
	int64_t (*step)(struct drill_adapter *, struct plugin_op *);
	int fd; /* the adapter's */
	int timeout_opt;
	int64_t started_at, wake_at;
	bool timed_out, is_done;
	int phase;
	int64_t done; /* bytes */
	int64_t result, end_at;

	/* Arguments. */
	struct msghdr *msg;
	int flags, fd2;
	size_t n;
	struct sockaddr *name;
	socklen_t *name_len;
	struct pollfd *fds;
	struct epoll_event *events;
	int timeout_ms;
	int64_t *offset;
};

struct plugin {
	bool is_open;
	pthread_mutex_t lock;
	pthread_cond_t woken;
	pthread_t owner; /* the thread that runs the script */
	struct plugin_op *waiting;

	struct drill_adapter *a;
	struct drill_script script; /* for its memory */
	struct drill_config config;
	struct drill_run run; /* for shell texts */

	int64_t epoch_us; /* the time of day at the stack's 0 */
	int n_looks;	  /* at the clock, and nothing else since */
	/* When the other thread's call returned, until it has asked. */
	bool has_end;
	int64_t end_at;

	int live[PLUGIN_FDS]; /* the host's descriptor to the adapter's; -1 */
};

extern struct plugin plugin;

/* Every call from outside is between these. */
void plugin_enter(void);
void plugin_leave(void);

/* Lets the stack run to that instant. */
void plugin_run_to(int64_t at);
/* To the next thing due; false if nothing is, until then. */
bool plugin_step(int64_t until);
/* Something happened: who waits may be done. */
void plugin_retry(void);

/* Makes the call, and waits for its end. A result or -errno. */
int64_t plugin_call(struct plugin_op *);

/* The adapter's descriptor; one that is none if it is not ours. */
int plugin_fd(int fd);
bool plugin_owns(int fd);
/* A host descriptor for one of the adapter's, or -errno. */
int plugin_adopt(int64_t live);
/* Forgets it; the host's stays open. */
void plugin_disown(int fd);

/* A result as the system gives it: -1 and errno. */
int64_t plugin_result(int64_t result);

void plugin_fill(struct packetdrill_interface *);
/* So that the host's calls can come here. */
int plugin_getsockopt(void *, int fd, int level, int name, void *, socklen_t *);
int plugin_close(void *, int fd);
int64_t plugin_sendfile(int out, int in, int64_t *offset, size_t n);
/* A file that a shell text has made; -ENOENT. */
int plugin_open(const char *path, int flags);

/* Reads the command line and the script's options; flags win. */
void plugin_configure(const char *flags);

/* As system(3). False if it is none of ours. */
bool plugin_system(const char *text, int *status);
/* Does what came before there was a stack. */
void plugin_shell_replay(void);

#endif
