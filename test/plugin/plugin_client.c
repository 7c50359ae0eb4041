// SPDX-License-Identifier: BSD-2-Clause
/*
 * Our interpreter's adapter over packetdrill's interface. Its calls never wait:
 * one that may is made in the second thread, and is -EAGAIN until that is done.
 */
#define _GNU_SOURCE
#include "plugin_host.h"

#include "base/bytes.h"
#include "base/time.h"

#include <tern/error.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

#define FDS 4096
#define POLL_NS NS_PER_MS /* how often a call under way is looked at */
#define POLLS_MAX 2000000 /* and how often at most: half an hour */

enum what { ACCEPT, CONNECT, SEND, RECV, SPLICE };

struct request {
	enum what what;
	int fd, fd2, flags;
	struct msghdr msg;
	const struct sockaddr *name;
	socklen_t name_len;
	struct sockaddr_storage peer;
	size_t n;
};

struct client {
	struct drill_adapter adapter;
	struct packetdrill_interface ifc;
	int64_t start, start_us;
	bool open[FDS];

	/* The second thread's, under lock. */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pid_t tid;
	bool has_work, is_done, quits;
	struct request request;
	int64_t result;

	bool is_pending; /* the interpreter has been told -EAGAIN */
	int n_polls;
	int connect_error;
	int connecting; /* whose end that was or will be; -1 */
};

static struct client *of(struct drill_adapter *a)
{
	return (struct client *)(void *)a;
}

static int64_t error_of(int64_t result)
{
	return result < 0 ? -errno : result;
}

static int64_t do_request(struct client *c, struct request *q)
{
	struct packetdrill_interface *i = &c->ifc;
	loff_t none[2] = { 0, 0 };
	struct iovec *iov = q->msg.msg_iov;
	bool plain = !q->msg.msg_name && !q->msg.msg_control &&
		     q->msg.msg_iovlen == 1;

	switch (q->what) {
	case ACCEPT:
		q->name_len = sizeof(q->peer);
		return i->accept(i->userdata, q->fd,
				 (struct sockaddr *)&q->peer, &q->name_len);
	case CONNECT:
		return i->connect(i->userdata, q->fd, q->name, q->name_len);
	case SEND:
		if (plain && !q->flags)
			return i->write(i->userdata, q->fd, iov->iov_base,
					iov->iov_len);
		return i->sendmsg(i->userdata, q->fd, &q->msg, q->flags);
	case RECV:
		if (plain && !q->flags)
			return i->read(i->userdata, q->fd, iov->iov_base,
				       iov->iov_len);
		return i->recvmsg(i->userdata, q->fd, &q->msg, q->flags);
	case SPLICE:
		return i->splice(i->userdata, q->fd, &none[0], q->fd2, &none[1],
				 q->n, (unsigned)q->flags);
	}
	return -1;
}

static void *second_thread(void *ctx)
{
	struct client *c = ctx;
	struct timeval tv;
	int64_t result;

	pthread_mutex_lock(&c->lock);
	c->tid = (pid_t)syscall(SYS_gettid);
	pthread_cond_broadcast(&c->changed);
	for (;;) {
		while (!c->has_work && !c->quits)
			pthread_cond_wait(&c->changed, &c->lock);
		if (c->quits)
			break;
		c->has_work = false;
		pthread_mutex_unlock(&c->lock);
		result = error_of(do_request(c, &c->request));
		c->ifc.gettimeofday(c->ifc.userdata, &tv, NULL);
		pthread_mutex_lock(&c->lock);
		c->result = result;
		c->is_done = true;
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static bool sleeps(pid_t tid)
{
	char path[64], text[256] = { 0 }, *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "r");
	if (!f)
		return false;
	fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	p = strrchr(text, ')');
	return p && p[2] == 'S';
}

/* Until the second thread is done or asleep; true if it is done. */
static bool look(struct client *c)
{
	bool done, busy;

	for (;;) {
		pthread_mutex_lock(&c->lock);
		done = c->is_done;
		busy = c->has_work;
		pthread_mutex_unlock(&c->lock);
		if (done || (!busy && sleeps(c->tid)))
			break;
		sched_yield();
	}
	/* It may have become done while it was looked at. */
	pthread_mutex_lock(&c->lock);
	done = c->is_done;
	pthread_mutex_unlock(&c->lock);
	return done;
}

static bool blocks(struct drill_adapter *a, int fd)
{
	struct client *c = of(a);

	return !(c->ifc.fcntl(c->ifc.userdata, fd, F_GETFL) & O_NONBLOCK);
}

/* Makes it here if it cannot wait, else over there. -EAGAIN: not yet. */
static int64_t make(struct client *c, const struct request *q)
{
	if (!blocks(&c->adapter, q->fd) ||
	    (q->what == SPLICE ? q->flags & SPLICE_F_NONBLOCK :
				 q->flags & MSG_DONTWAIT)) {
		c->request = *q;
		return error_of(do_request(c, &c->request));
	}
	if (!c->is_pending) {
		pthread_mutex_lock(&c->lock);
		c->request = *q;
		c->is_done = false;
		c->has_work = true;
		pthread_cond_broadcast(&c->changed);
		pthread_mutex_unlock(&c->lock);
	}
	c->is_pending = !look(c);
	return c->is_pending ? -EAGAIN : c->result;
}

static int adopt(struct client *c, int64_t fd)
{
	if (fd >= 0 && fd < FDS)
		c->open[fd] = true;
	return (int)fd;
}

#define CALL(name, ...) \
	error_of(of(a)->ifc.name(of(a)->ifc.userdata, ##__VA_ARGS__))

static int c_socket(struct drill_adapter *a, int domain, int type, int protocol)
{
	return adopt(of(a), CALL(socket, domain, type, protocol));
}

static int c_bind(struct drill_adapter *a, int fd, const struct sockaddr *sa,
		  socklen_t len)
{
	return (int)CALL(bind, fd, sa, len);
}

static int c_listen(struct drill_adapter *a, int fd, int backlog)
{
	return (int)CALL(listen, fd, backlog);
}

static int c_accept(struct drill_adapter *a, int fd, struct sockaddr *sa,
		    socklen_t *len)
{
	struct request q = { .what = ACCEPT, .fd = fd };
	int64_t got = make(of(a), &q);

	if (got >= 0) {
		memcpy(sa, &of(a)->request.peer, *len);
		*len = of(a)->request.name_len;
	}
	return adopt(of(a), got);
}

static int c_connect(struct drill_adapter *a, int fd, const struct sockaddr *sa,
		     socklen_t len)
{
	static struct sockaddr_storage name;
	struct request q = { .what = CONNECT,
			     .fd = fd,
			     .name = (struct sockaddr *)&name,
			     .name_len = len };
	int64_t got;

	memcpy(&name, sa, len);
	got = make(of(a), &q);
	if (got != -EAGAIN)
		return (int)got;
	of(a)->connecting = fd;
	return -EINPROGRESS;
}

static int64_t c_sendmsg(struct drill_adapter *a, int fd,
			 const struct msghdr *m, int flags)
{
	static struct sockaddr_storage name;
	static struct iovec iov[64];
	struct request q = { .what = SEND, .fd = fd, .flags = flags };
	int64_t got;

	/* The caller's are gone by the time of a second look. */
	q.msg = *m;
	if (m->msg_iovlen <= 64) {
		memcpy(iov, m->msg_iov, m->msg_iovlen * sizeof(*iov));
		q.msg.msg_iov = iov;
	}
	if (m->msg_name) {
		memcpy(&name, m->msg_name, m->msg_namelen);
		q.msg.msg_name = &name;
	}
	got = make(of(a), &q);
	/* What connects by Fast Open is told so, as by c_connect(). */
	return got == -EAGAIN && flags & MSG_FASTOPEN && of(a)->is_pending ?
		       -EINPROGRESS :
		       got;
}

static int64_t c_recvmsg(struct drill_adapter *a, int fd, struct msghdr *m,
			 int flags)
{
	static unsigned char control[4096];
	static unsigned char bytes[1 << 20];
	static struct sockaddr_storage name;
	static struct iovec iov;
	struct request q = { .what = RECV, .fd = fd, .flags = flags };
	bool nowhere = m->msg_iovlen && !m->msg_iov->iov_base;
	size_t n = 0, i;
	int64_t got;

	for (i = 0; i < m->msg_iovlen; i++)
		n += m->msg_iov[i].iov_len;
	if (!of(a)->is_pending) {
		iov = (struct iovec){ nowhere ? NULL : bytes,
				      min_size(n, sizeof(bytes)) };
		q.msg = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
		if (m->msg_control) {
			q.msg.msg_control = control;
			q.msg.msg_controllen = sizeof(control);
		}
		if (m->msg_name) {
			q.msg.msg_name = &name;
			q.msg.msg_namelen = sizeof(name);
		}
	}
	got = make(of(a), &q);
	if (got < 0)
		return got;
	if (m->msg_iovlen && !nowhere)
		memcpy(m->msg_iov->iov_base, bytes,
		       min_size((size_t)got, m->msg_iov->iov_len));
	m->msg_flags = of(a)->request.msg.msg_flags;
	m->msg_namelen = of(a)->request.msg.msg_namelen;
	if (m->msg_control) {
		m->msg_controllen = min_size(m->msg_controllen,
					     of(a)->request.msg.msg_controllen);
		memcpy(m->msg_control, control, m->msg_controllen);
	}
	return got;
}

static int c_fcntl(struct drill_adapter *a, int fd, int cmd, int arg)
{
	return (int)CALL(fcntl, fd, cmd, arg);
}

static int c_ioctl(struct drill_adapter *a, int fd, unsigned long request,
		   int *value)
{
	return (int)CALL(ioctl, fd, request, value);
}

static int c_close(struct drill_adapter *a, int fd)
{
	int result = (int)CALL(close, fd);

	if (!result)
		of(a)->open[fd] = false;
	return result;
}

static int c_shutdown(struct drill_adapter *a, int fd, int how)
{
	return (int)CALL(shutdown, fd, how);
}

/* Snapshots are the host's own call: that is what LD_PRELOAD is for. */
static int c_getsockopt(struct drill_adapter *a, int fd, int level, int name,
			void *value, socklen_t *len)
{
	struct client *c = of(a);

	if (level == SOL_SOCKET && name == SO_ERROR && c->connecting == fd) {
		c->connecting = -1;
		memcpy(value, &c->connect_error, sizeof(int));
		return 0;
	}
	if ((level == SOL_SOCKET && name == TERN_SO_MEMINFO) ||
	    (level == TERN_IPPROTO_TCP && name == TERN_TCP_CC_INFO))
		return (int)error_of(getsockopt(fd, level, name, value, len));
	return (int)CALL(getsockopt, fd, level, name, value, len);
}

static int c_tcp_info(struct drill_adapter *a, int fd,
		      struct tern_tcp_info *out)
{
	socklen_t len = sizeof(*out);

	memset(out, 0, sizeof(*out));
	return (int)error_of(
		getsockopt(fd, TERN_IPPROTO_TCP, TERN_TCP_INFO, out, &len));
}

static int c_setsockopt(struct drill_adapter *a, int fd, int level, int name,
			const void *value, socklen_t len)
{
	return (int)CALL(setsockopt, fd, level, name, value, len);
}

/* The interpreter asks this way for the end of a connect(). */
static int c_poll(struct drill_adapter *a, struct pollfd *fds, nfds_t n)
{
	struct client *c = of(a);

	if (n == 1 && c->connecting >= 0 && fds->fd == c->connecting) {
		fds->revents = 0;
		if (c->is_pending && look(c)) {
			c->is_pending = false;
			c->connect_error = c->result < 0 ? (int)-c->result : 0;
		}
		if (!c->is_pending)
			fds->revents = POLLOUT;
		return fds->revents != 0;
	}
	return (int)CALL(poll, fds, n, 0);
}

static int c_epoll_create(struct drill_adapter *a, int size)
{
	return adopt(of(a), CALL(epoll_create, size));
}

static int c_epoll_ctl(struct drill_adapter *a, int ep, int op, int fd,
		       struct epoll_event *event)
{
	return (int)CALL(epoll_ctl, ep, op, fd, event);
}

static int c_epoll_wait(struct drill_adapter *a, int ep,
			struct epoll_event *out, int max)
{
	return (int)CALL(epoll_wait, ep, out, max, 0);
}

static int c_pipe(struct drill_adapter *a, int fds[2])
{
	int result = (int)CALL(pipe, fds);

	if (!result) {
		adopt(of(a), fds[0]);
		adopt(of(a), fds[1]);
	}
	return result;
}

static int64_t c_splice(struct drill_adapter *a, int in, int out, size_t n,
			unsigned flags)
{
	struct request q = { .what = SPLICE,
			     .fd = in,
			     .fd2 = out,
			     .n = n,
			     .flags = (int)flags };

	return make(of(a), &q);
}

static int c_open(struct drill_adapter *a, const char *path, int flags)
{
	return adopt(of(a), error_of(open(path, flags, 0600)));
}

static int64_t c_sendfile(struct drill_adapter *a, int out, int in,
			  int64_t *offset, size_t n)
{
	off_t at = offset ? *offset : 0;
	int64_t got = error_of(sendfile(out, in, offset ? &at : NULL, n));

	if (offset)
		*offset = at;
	return got;
}

static int c_netdev_send(struct drill_adapter *a, const void *packet, size_t n,
			 unsigned gso)
{
	return (int)CALL(netdev_send, packet, n);
}

static int64_t c_now(struct drill_adapter *a)
{
	struct client *c = of(a);
	struct timeval tv;

	c->ifc.gettimeofday(c->ifc.userdata, &tv, NULL);
	return c->start +
	       (tv.tv_sec * INT64_C(1000000) + tv.tv_usec - c->start_us) *
		       NS_PER_US;
}

static size_t c_netdev_receive(struct drill_adapter *a, void *out, size_t size,
			       int64_t *at)
{
	long long us = 0;
	size_t n = size;

	if (CALL(netdev_receive, out, &n, &us) < 0)
		return 0;
	*at = of(a)->start + (us - of(a)->start_us) * NS_PER_US;
	return n;
}

/* Nobody says when the stack will run; but a call under way is looked at. */
static int64_t c_deadline(struct drill_adapter *a)
{
	struct client *c = of(a);

	if (!c->is_pending || ++c->n_polls > POLLS_MAX)
		return NEVER;
	return c_now(a) + POLL_NS;
}

/* As the tool waits: asleep but for the last 20 us. */
static void c_advance(struct drill_adapter *a, int64_t at)
{
	struct client *c = of(a);
	int64_t left;

	while ((left = (at - c_now(a)) / NS_PER_US) > 0) {
		if (left > 20)
			c->ifc.usleep(c->ifc.userdata, (useconds_t)(left - 20));
	}
	if (c->is_pending)
		look(c);
}

static int shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return system(text) ? -EINVAL : 0;
}

static int c_sysctl(struct drill_adapter *a, const char *name,
		    const char *value)
{
	return shell("sysctl -q '%s%s=%s'",
		     strchr(name, '.') ? "" : "net.ipv4.", name, value);
}

static int c_counter(struct drill_adapter *a, const char *name, uint64_t *out)
{
	*out = 0;
	return -ENOENT;
}

static int c_set_mtu(struct drill_adapter *a, uint32_t mtu)
{
	return shell("ip link set dev tun0 mtu %u", mtu);
}

static int c_set_route(struct drill_adapter *a, uint32_t mtu, uint32_t advmss,
		       uint32_t initcwnd)
{
	char extra[3][64] = { "", "", "" };

	if (mtu)
		snprintf(extra[0], 64, "mtu lock %u", mtu);
	if (advmss)
		snprintf(extra[1], 64, "advmss %u", advmss);
	if (initcwnd)
		snprintf(extra[2], 64, "initcwnd %u", initcwnd);
	return shell("ip route change default dev tun0 %s %s %s", extra[0],
		     extra[1], extra[2]);
}

static int c_make_file(struct drill_adapter *a, const char *path, uint64_t size)
{
	return shell("dd if=/dev/zero of=%s bs=%llu count=1 status=none", path,
		     (unsigned long long)size);
}

/* Descriptors that are still open end by the host's close(); who waits is
 * released by the plugin's end. */
static void c_free(struct drill_adapter *a)
{
	struct client *c = of(a);
	int fd;

	for (fd = 0; fd < FDS && !c->is_pending; fd++) {
		if (c->open[fd] && close(fd) < 0)
			fprintf(stderr, "close(%d): %s\n", fd, strerror(errno));
	}
	c->ifc.free(c->ifc.userdata);
	pthread_mutex_lock(&c->lock);
	c->quits = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	free(c);
}

static const struct drill_adapter_ops ops = {
	.free = c_free,
	.socket = c_socket,
	.bind = c_bind,
	.listen = c_listen,
	.accept = c_accept,
	.connect = c_connect,
	.sendmsg = c_sendmsg,
	.recvmsg = c_recvmsg,
	.fcntl = c_fcntl,
	.ioctl = c_ioctl,
	.close = c_close,
	.shutdown = c_shutdown,
	.getsockopt = c_getsockopt,
	.setsockopt = c_setsockopt,
	.poll = c_poll,
	.epoll_create = c_epoll_create,
	.epoll_ctl = c_epoll_ctl,
	.epoll_wait = c_epoll_wait,
	.pipe = c_pipe,
	.splice = c_splice,
	.open = c_open,
	.sendfile = c_sendfile,
	.netdev_send = c_netdev_send,
	.netdev_receive = c_netdev_receive,
	.now = c_now,
	.deadline = c_deadline,
	.advance = c_advance,
	.blocks = blocks,
	.tcp_info = c_tcp_info,
	.sysctl = c_sysctl,
	.counter = c_counter,
	.set_mtu = c_set_mtu,
	.set_route = c_set_route,
	.make_file = c_make_file,
};

struct drill_adapter *plugin_client_new(const struct packetdrill_interface *ifc,
					int64_t now)
{
	struct client *c = calloc(1, sizeof(*c));

	c->adapter.ops = &ops;
	c->ifc = *ifc;
	c->connecting = -1;
	c->start = now;
	c->start_us = (c_now(&c->adapter) - now) / NS_PER_US;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	pthread_create(&c->thread, NULL, second_thread, c);
	pthread_mutex_lock(&c->lock);
	while (!c->tid)
		pthread_cond_wait(&c->changed, &c->lock);
	pthread_mutex_unlock(&c->lock);
	return &c->adapter;
}
