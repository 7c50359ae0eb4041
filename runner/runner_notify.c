// SPDX-License-Identifier: BSD-2-Clause
/*
 * Notifications: receiving them, reading and writing the caller's memory,
 * answering.
 *
 * A caller waits inside its system call until it is answered, and two things
 * may happen meanwhile. It may be killed: then its id is no longer valid and
 * its memory and number may be somebody else's, so the id is checked after
 * memory was read and before it is written. Or a signal may take it out
 * of the call (we do without SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, with
 * which no handler could interrupt a connect); the call is then made again,
 * or fails with EINTR, as SA_RESTART says. So each handler can be run again
 * from the start. Where running again would not do (a datagram was taken, a
 * port bound) the result that nobody heard is kept for a while for the same
 * thread and the same call: struct undelivered.
 *
 * The kernel does not always know itself: a signal that comes while it takes
 * our answer makes it forget the answer, which we were told it has. Then what
 * was done is done again. For a datagram that is a repeat or a loss, as
 * networks have them; bind and connect, which would fail the second time, are
 * recognised (struct done).
 *
 * Older kernels: pidfd_open() of a thread needs Linux 6.9, before that the
 * thread group's leader is asked, whose descriptors are the same.
 */
#include "runner_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* In the headers of Linux 6.6: the answered thread runs at once, where we
 * ran, which halves what a call costs. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

/* A power of two; threads that call in turns and share a slot cost a
 * pidfd_open() each time, nothing else. */
#define PIDFDS 64

/* Signals hit the few microseconds between a result and its answer one by one:
 * this many at a time is many. */
#define UNDELIVERED 32
/* A thread comes back as soon as its signal handler is done. Longer, and
 * the number may be another thread's. */
#define UNDELIVERED_NS (2 * INT64_C(1000000000))

struct pidfd_cache {
	pid_t tid[PIDFDS];
	int fd[PIDFDS];
};

struct undelivered {
	struct {
		pid_t tid;
		int nr;
		uint64_t arg[6];
		int64_t result;
		int64_t until;
	} of[UNDELIVERED];
	unsigned next;
};

static void remember(const struct call *c, int64_t result)
{
	struct undelivered *u = c->runner->undelivered;
	unsigned i = u->next++ % UNDELIVERED;

	u->of[i].tid = c->tid;
	u->of[i].nr = c->nr;
	memcpy(u->of[i].arg, c->arg, sizeof(c->arg));
	u->of[i].result = result;
	u->of[i].until = host_now(c->runner->host) + UNDELIVERED_NS;
}

/* Was this very call done before, and its result not heard? What the registers
 * of other arguments hold does not count. A thread that makes the call with new
 * arguments has gone on: it does not come back for the old ones, and a later call
 * that happens to have them (numbers of descriptors do) is not that one. */
static bool recall(const struct call *c, int64_t *result)
{
	struct undelivered *u = c->runner->undelivered;
	bool found = false;

	for (unsigned i = 0; i < UNDELIVERED; i++) {
		if (u->of[i].tid != c->tid || u->of[i].nr != c->nr)
			continue;
		u->of[i].tid = 0;
		if (u->of[i].until < host_now(c->runner->host) ||
		    memcmp(u->of[i].arg, c->arg,
			   (size_t)c->row->n_once * sizeof(c->arg[0])) != 0)
			continue;
		*result = u->of[i].result;
		found = true;
	}
	return found;
}

bool call_is_alive(const struct call *c)
{
	uint64_t id = c->id;

	return ioctl(c->runner->notify, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

int call_read(const struct call *c, uint64_t addr, void *out, size_t len)
{
	struct iovec to = { out, len };
	struct iovec from = { (void *)(uintptr_t)addr, len };
	ssize_t n;

	if (len == 0)
		return 0;
	n = process_vm_readv(c->tid, &to, 1, &from, 1, 0);
	if (!call_is_alive(c))
		return -EGONE;
	return n == (ssize_t)len ? 0 : -EFAULT;
}

int call_write(const struct call *c, uint64_t addr, const void *data,
	       size_t len)
{
	struct iovec from = { (void *)(uintptr_t)data, len };
	struct iovec to = { (void *)(uintptr_t)addr, len };

	if (len == 0)
		return 0;
	if (!call_is_alive(c))
		return -EGONE;
	return process_vm_writev(c->tid, &from, 1, &to, 1, 0) == (ssize_t)len ?
		       0 :
		       -EFAULT;
}

pid_t thread_leader(pid_t tid)
{
	char path[64], line[256];
	pid_t leader = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	while (f && leader < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %d", &leader) != 1)
			leader = -1;
	if (f)
		fclose(f);
	return leader;
}

static int open_pidfd(struct runner *r, pid_t tid)
{
	struct pidfd_cache *cache = r->pidfds;
	unsigned i = (unsigned)tid % PIDFDS;

	if (cache->fd[i] >= 0)
		close(cache->fd[i]);
	cache->tid[i] = tid;
	cache->fd[i] = pidfd_open(tid, PIDFD_THREAD);
	if (cache->fd[i] < 0 && errno == EINVAL)
		cache->fd[i] = pidfd_open(thread_leader(tid), 0);
	return cache->fd[i];
}

static int try_dup(struct runner *r, pid_t tid, int fd)
{
	unsigned i = (unsigned)tid % PIDFDS;
	int dup = -1;

	/* A cached pidfd of a thread that has ended, whose number is another's
	 * now, gives ESRCH; then the number is looked up anew. */
	if (r->pidfds->tid[i] == tid && r->pidfds->fd[i] >= 0) {
		dup = pidfd_getfd(r->pidfds->fd[i], fd, 0);
		if (dup >= 0 || errno != ESRCH)
			return dup < 0 ? -errno : dup;
	}
	if (open_pidfd(r, tid) >= 0)
		dup = pidfd_getfd(r->pidfds->fd[i], fd, 0);
	return dup < 0 ? -errno : dup;
}

int thread_dup(struct runner *r, pid_t tid, int fd)
{
	int dup = try_dup(r, tid, fd);

	if (dup < 0 && spare_helps(r, dup))
		dup = try_dup(r, tid, fd);
	return dup;
}

int call_dup(const struct call *c, int fd)
{
	int dup = fd < 0 ? -EBADF : thread_dup(c->runner, c->tid, fd);

	/* It is the runner that has no more. */
	return dup == -EMFILE ? -ENFILE : dup;
}

int call_answer(const struct call *c, int64_t result)
{
	struct seccomp_notif_resp *resp = c->runner->resp;

	if (result == -EGONE)
		return -EGONE;
	call_tell(c, result);
	memset(resp, 0, c->runner->resp_size);
	resp->id = c->id;
	if (result == ANSWER_CONTINUE)
		resp->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (result < 0)
		resp->error = (int)result;
	else
		resp->val = result;
	if (ioctl(c->runner->notify, SECCOMP_IOCTL_NOTIF_SEND, resp) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	if (c->row && c->row->n_once && result != ANSWER_CONTINUE)
		remember(c, result);
	return -EGONE;
}

static int add_fd(const struct call *c, struct seccomp_notif_addfd *add)
{
	int n = ioctl(c->runner->notify, SECCOMP_IOCTL_NOTIF_ADDFD, add);

	if (n >= 0)
		return n;
	return errno == ENOENT ? -EGONE : -errno;
}

int call_answer_fd(const struct call *c, int srcfd, bool cloexec)
{
	struct seccomp_notif_addfd add = {
		.id = c->id,
		.flags = SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = (uint32_t)srcfd,
		.newfd_flags = cloexec ? O_CLOEXEC : 0,
	};
	int n = add_fd(c, &add);

	if (n >= 0)
		call_tell(c, n);
	return n;
}

int call_replace_fd(const struct call *c, int srcfd, int fd, bool cloexec)
{
	struct seccomp_notif_addfd add = {
		.id = c->id,
		.flags = SECCOMP_ADDFD_FLAG_SETFD,
		.srcfd = (uint32_t)srcfd,
		.newfd = (uint32_t)fd,
		.newfd_flags = cloexec ? O_CLOEXEC : 0,
	};
	int n = add_fd(c, &add);

	return n < 0 ? n : 0;
}

void call_tell(const struct call *c, int64_t result)
{
	const char *name = c->row ? c->row->name : "?";

	/* What is none of ours is of no interest. */
	if (!c->runner->verbose || result == ANSWER_CONTINUE)
		return;
	if (result < 0)
		fprintf(stderr, "tern run: [%d] %s(%d) = -%s (%s)\n", c->tid,
			name, (int)c->arg[0], strerrorname_np((int)-result),
			strerror((int)-result));
	else
		fprintf(stderr, "tern run: [%d] %s(%d) = %lld\n", c->tid, name,
			(int)c->arg[0], (long long)result);
}

/* One call a round, after all else: a descriptor that was closed before it has
 * been told of then, and packets want their turn too. */
static void take_one(struct runner *r)
{
	struct pollfd p = { r->notify, POLLIN, 0 };
	struct seccomp_notif *n = r->notif;
	struct call c = { .runner = r, .fd = -1, .timer = -1 };
	int64_t result;

	/* Receiving blocks when there is nothing. */
	if (poll(&p, 1, 0) <= 0 || !(p.revents & POLLIN))
		return;
	memset(n, 0, r->notif_size);
	if (ioctl(r->notify, SECCOMP_IOCTL_NOTIF_RECV, n) < 0)
		return;
	c.id = n->id;
	c.tid = (pid_t)n->pid;
	c.nr = n->data.nr;
	for (int i = 0; i < 6; i++)
		c.arg[i] = n->data.args[i];
	c.row = row_find(c.nr);
	sock_take_closes(r);
	if (c.row && c.row->n_once && recall(&c, &result))
		call_answer(&c, result);
	else
		call_dispatch(&c);
}

static void on_notify(void *ctx, uint32_t events)
{
	struct runner *r = ctx;

	take_one(r);
	if (events & EPOLLHUP) {
		host_unwatch(r->host, r->notify);
		runner_on_hangup(r);
	}
}

int notify_init(struct runner *r, int listener)
{
	int error;
	struct seccomp_notif_sizes sizes;

	r->notify = listener;
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
		return -errno;
	/* The kernel's may be smaller or larger than the headers'. */
	r->notif_size = sizes.seccomp_notif > sizeof(struct seccomp_notif) ?
				sizes.seccomp_notif :
				sizeof(struct seccomp_notif);
	r->resp_size = sizes.seccomp_notif_resp >
				       sizeof(struct seccomp_notif_resp) ?
			       sizes.seccomp_notif_resp :
			       sizeof(struct seccomp_notif_resp);
	r->notif = calloc(1, r->notif_size);
	r->resp = calloc(1, r->resp_size);
	r->pidfds = calloc(1, sizeof(*r->pidfds));
	r->undelivered = calloc(1, sizeof(*r->undelivered));
	if (!r->notif || !r->resp || !r->pidfds || !r->undelivered)
		return -ENOMEM;
	for (int i = 0; i < PIDFDS; i++)
		r->pidfds->fd[i] = -1;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
	      SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	error = host_watch(r->host, listener, EPOLLIN, on_notify, r);
	if (error == 0)
		host_tell_last(r->host, listener);
	return error;
}

void notify_fini(struct runner *r)
{
	if (r->notify >= 0) {
		host_unwatch(r->host, r->notify);
		close(r->notify);
	}
	for (int i = 0; r->pidfds && i < PIDFDS; i++)
		if (r->pidfds->fd[i] >= 0)
			close(r->pidfds->fd[i]);
	free(r->pidfds);
	free(r->undelivered);
	free(r->notif);
	free(r->resp);
}
