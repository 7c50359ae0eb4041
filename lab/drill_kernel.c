// SPDX-License-Identifier: BSD-2-Clause
/*
 * The adapter of the kernel beneath, to hold scripts against the reference:
 * real sockets, a TUN device for the link, real time.
 *
 * Each script has a network namespace of its own (drill_kernel_enter()), so that
 * nothing is left of the one before: TIME_WAIT, orphans, sysctls, metrics.
 * Counters are not read.
 */
#define _GNU_SOURCE /* splice, ppoll, unshare */
#include "drill_kernel.h"

#include "base/bytes.h"
#include "base/time.h"

#include <tern/link.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <time.h>
#include <sys/utsname.h>
#include <unistd.h>

#define FDS 1024
#define TICK (500 * NS_PER_US) /* how often a blocked call is tried again */

struct packet {
	struct packet *next;
	int64_t at;
	size_t len;
	unsigned char bytes[];
};

struct kernel {
	struct drill_adapter adapter;
	struct drill_config config;
	int tun;
	int64_t epoch; /* of the clock: what `now` 0 is */
	struct packet *first, **tail;
	char cc[16];	    /* that a namespace may not make its default */
	bool nonblock[FDS]; /* what the script believes; all are */
	bool open[FDS];
};

static struct kernel *of(struct drill_adapter *a)
{
	return (struct kernel *)(void *)a;
}

static int64_t error_of(int64_t result)
{
	return result < 0 ? -errno : result;
}

static int64_t clock_now(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static int64_t mono(void)
{
	return clock_now(CLOCK_MONOTONIC);
}

static int64_t now(struct drill_adapter *a)
{
	return mono() - of(a)->epoch;
}

static void receive_all(struct kernel *k)
{
	unsigned char bytes[70000];
	struct packet *p;
	ssize_t n;

	while ((n = read(k->tun, bytes, sizeof(bytes))) > 0) {
		p = drill_mem_grow(NULL, sizeof(*p) + (size_t)n);
		*p = (struct packet){ .at = now(&k->adapter),
				      .len = (size_t)n };
		memcpy(p->bytes, bytes, (size_t)n);
		*k->tail = p;
		k->tail = &p->next;
	}
}

static int adopt(struct kernel *k, int fd, bool nonblock)
{
	if (fd < 0 || fd >= FDS)
		return -errno;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	k->nonblock[fd] = nonblock;
	k->open[fd] = true;
	return fd;
}

static int k_socket(struct drill_adapter *a, int domain, int type, int protocol)
{
	const char *cc = of(a)->cc;
	int fd = socket(domain, type, protocol);

	if (fd >= 0 && *cc)
		setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cc, strlen(cc));
	return adopt(of(a), fd, type & SOCK_NONBLOCK);
}

static int k_bind(struct drill_adapter *a, int fd, const struct sockaddr *sa,
		  socklen_t len)
{
	return (int)error_of(bind(fd, sa, len));
}

static int k_listen(struct drill_adapter *a, int fd, int backlog)
{
	return (int)error_of(listen(fd, backlog));
}

static int k_accept(struct drill_adapter *a, int fd, struct sockaddr *sa,
		    socklen_t *len)
{
	return adopt(of(a), accept(fd, sa, len), false);
}

static int k_connect(struct drill_adapter *a, int fd, const struct sockaddr *sa,
		     socklen_t len)
{
	int result = (int)error_of(connect(fd, sa, len));

	receive_all(of(a));
	return result;
}

static int64_t k_sendmsg(struct drill_adapter *a, int fd,
			 const struct msghdr *m, int flags)
{
	int64_t n = sendmsg(fd, m, flags | MSG_NOSIGNAL);

	if (n < 0 && errno == ENOTSOCK)
		n = writev(fd, m->msg_iov, (int)m->msg_iovlen);
	n = error_of(n);
	receive_all(of(a));
	return n;
}

static int64_t k_recvmsg(struct drill_adapter *a, int fd, struct msghdr *m,
			 int flags)
{
	int64_t n = recvmsg(fd, m, flags);

	if (n < 0 && errno == ENOTSOCK)
		n = readv(fd, m->msg_iov, (int)m->msg_iovlen);
	n = error_of(n);
	receive_all(of(a));
	return n;
}

static int k_fcntl(struct drill_adapter *a, int fd, int cmd, int arg)
{
	if (fd < 0 || fd >= FDS || !of(a)->open[fd])
		return -EBADF;
	if (cmd == F_SETFL) {
		of(a)->nonblock[fd] = arg & O_NONBLOCK;
		return 0;
	}
	if (cmd == F_GETFL)
		return (fcntl(fd, F_GETFL) & ~O_NONBLOCK) |
		       (of(a)->nonblock[fd] ? O_NONBLOCK : 0);
	return (int)error_of(fcntl(fd, cmd, arg));
}

static int k_ioctl(struct drill_adapter *a, int fd, unsigned long request,
		   int *value)
{
	return (int)error_of(ioctl(fd, request, value));
}

/* The interpreter has lingered already. */
static int k_close(struct drill_adapter *a, int fd)
{
	struct linger linger = { 0 };
	socklen_t len = sizeof(linger);
	int result;

	if (fd < 0 || fd >= FDS || !of(a)->open[fd])
		return -EBADF;
	of(a)->open[fd] = false;
	if (!getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) &&
	    linger.l_onoff && linger.l_linger) {
		linger.l_onoff = 0;
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, len);
	}
	result = (int)error_of(close(fd));
	receive_all(of(a));
	return result;
}

static int k_shutdown(struct drill_adapter *a, int fd, int how)
{
	return (int)error_of(shutdown(fd, how));
}

static int k_getsockopt(struct drill_adapter *a, int fd, int level, int name,
			void *value, socklen_t *len)
{
	return (int)error_of(getsockopt(fd, level, name, value, len));
}

static int k_setsockopt(struct drill_adapter *a, int fd, int level, int name,
			const void *value, socklen_t len)
{
	return (int)error_of(setsockopt(fd, level, name, value, len));
}

static int k_poll(struct drill_adapter *a, struct pollfd *fds, nfds_t n)
{
	return (int)error_of(poll(fds, n, 0));
}

static int k_epoll_create(struct drill_adapter *a, int size)
{
	return adopt(of(a), epoll_create(size), false);
}

static int k_epoll_ctl(struct drill_adapter *a, int ep, int op, int fd,
		       struct epoll_event *event)
{
	return (int)error_of(epoll_ctl(ep, op, fd, event));
}

static int k_epoll_wait(struct drill_adapter *a, int ep,
			struct epoll_event *out, int max)
{
	return (int)error_of(epoll_wait(ep, out, max, 0));
}

static int k_pipe(struct drill_adapter *a, int fds[2])
{
	int result = (int)error_of(pipe(fds));

	if (!result) {
		adopt(of(a), fds[0], false);
		adopt(of(a), fds[1], false);
	}
	return result;
}

static int64_t k_splice(struct drill_adapter *a, int in, int out, size_t n,
			unsigned flags)
{
	return error_of(
		splice(in, NULL, out, NULL, n, flags | SPLICE_F_NONBLOCK));
}

static int k_open(struct drill_adapter *a, const char *path, int flags)
{
	return adopt(of(a), open(path, flags, 0600), false);
}

static int64_t k_sendfile(struct drill_adapter *a, int out, int in,
			  int64_t *offset, size_t n)
{
	off_t at = offset ? *offset : 0;
	int64_t got = error_of(sendfile(out, in, offset ? &at : NULL, n));

	if (offset)
		*offset = at;
	return got;
}

static int k_netdev_send(struct drill_adapter *a, const void *packet, size_t n,
			 unsigned gso)
{
	int64_t done = error_of(write(of(a)->tun, packet, n));

	receive_all(of(a));
	return done < 0 ? (int)done : 0;
}

static size_t k_netdev_receive(struct drill_adapter *a, void *out, size_t size,
			       int64_t *at)
{
	struct kernel *k = of(a);
	struct packet *p;
	size_t n;

	receive_all(k);
	p = k->first;
	if (!p)
		return 0;
	n = min_size(p->len, size);
	memcpy(out, p->bytes, n);
	*at = p->at;
	k->first = p->next;
	if (!k->first)
		k->tail = &k->first;
	free(p);
	return n;
}

/* Nobody can tell when the kernel will want to run: look often. */
static int64_t k_deadline(struct drill_adapter *a)
{
	return now(a) + TICK;
}

static void k_advance(struct drill_adapter *a, int64_t at)
{
	struct kernel *k = of(a);
	struct pollfd p = { .fd = k->tun, .events = POLLIN };
	struct timespec ts;
	int64_t left;

	while ((left = at - now(a)) > 0) {
		ts.tv_sec = left / NS_PER_S;
		ts.tv_nsec = left % NS_PER_S;
		ppoll(&p, 1, &ts, NULL);
		receive_all(k);
	}
}

static bool k_blocks(struct drill_adapter *a, int fd)
{
	return fd >= 0 && fd < FDS && !of(a)->nonblock[fd];
}

static bool is_before_7(void)
{
	struct utsname u;

	return !uname(&u) && atoi(u.release) < 7;
}

/* Linux 6.18 has 16 bits each for what is two and four bits since. */
static void pack_accecn(struct tern_tcp_info *t)
{
	uint16_t fail, seen;

	memcpy(&fail, &t->accecn, sizeof(fail));
	memcpy(&seen, &t->options2[1], sizeof(seen));
	memset(t->options2, 0, sizeof(t->options2));
	t->accecn = (uint8_t)((seen & 3) << 2 | (fail & 15) << 4);
}

static int k_tcp_info(struct drill_adapter *a, int fd,
		      struct tern_tcp_info *out)
{
	socklen_t len = sizeof(*out);

	int error;

	memset(out, 0, sizeof(*out));
	error = (int)error_of(
		getsockopt(fd, TERN_IPPROTO_TCP, TERN_TCP_INFO, out, &len));
	if (is_before_7())
		pack_accecn(out);
	return error;
}

/* Names without a path are of net.ipv4. */
static int k_sysctl(struct drill_adapter *a, const char *name,
		    const char *value)
{
	char path[256], *s;
	int error;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/%s%s",
		 strchr(name, '.') ? "" : "net.ipv4.", name);
	for (s = path + 10; *s; s++)
		*s = *s == '.' ? '/' : *s;
	f = fopen(path, "w");
	if (!f)
		return -errno;
	fputs(value, f);
	error = fclose(f) ? -errno : 0;
	/* Only the first namespace may choose any congestion control for all,
	 * but each socket may. */
	if (strstr(path, "/tcp_congestion_control")) {
		snprintf(of(a)->cc, sizeof(of(a)->cc), "%s",
			 error == -EPERM ? value : "");
		return error == -EPERM ? 0 : error;
	}
	return error;
}

static int k_counter(struct drill_adapter *a, const char *name, uint64_t *out)
{
	*out = 0;
	return -ENOENT;
}

/* Runs one command of ip(8). */
static int run_ip(const struct kernel *k, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static int run_ip(const struct kernel *k, const char *fmt, ...)
{
	bool v6 = k->config.ip_version == DRILL_IPV6;
	char command[512];
	va_list args;
	int n;

	n = snprintf(command, sizeof(command), "ip %s ", v6 ? "-6" : "-4");
	va_start(args, fmt);
	vsnprintf(command + n, sizeof(command) - (size_t)n, fmt, args);
	va_end(args);
	return system(command) ? -EINVAL : 0;
}

static int k_set_mtu(struct drill_adapter *a, uint32_t mtu)
{
	return run_ip(of(a), "link set dev tun0 mtu %u", mtu);
}

static int k_set_route(struct drill_adapter *a, uint32_t mtu, uint32_t advmss,
		       uint32_t initcwnd)
{
	char extra[128];
	int n = 0;

	extra[0] = 0;
	if (mtu)
		n += snprintf(extra + n, sizeof(extra) - (size_t)n,
			      " mtu lock %u", mtu);
	if (advmss)
		n += snprintf(extra + n, sizeof(extra) - (size_t)n,
			      " advmss %u", advmss);
	if (initcwnd)
		snprintf(extra + n, sizeof(extra) - (size_t)n, " initcwnd %u",
			 initcwnd);
	return run_ip(of(a), "route change default dev tun0%s", extra);
}

static int k_make_file(struct drill_adapter *a, const char *path, uint64_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return -errno;
	close(fd);
	return 0;
}

static void k_free(struct drill_adapter *a)
{
	struct kernel *k = of(a);
	struct packet *next;
	int fd;

	for (fd = 0; fd < FDS; fd++) {
		if (k->open[fd])
			close(fd);
	}
	for (; k->first; k->first = next) {
		next = k->first->next;
		free(k->first);
	}
	if (k->tun >= 0)
		close(k->tun);
	free(k);
}

static const struct drill_adapter_ops ops = {
	.free = k_free,
	.socket = k_socket,
	.bind = k_bind,
	.listen = k_listen,
	.accept = k_accept,
	.connect = k_connect,
	.sendmsg = k_sendmsg,
	.recvmsg = k_recvmsg,
	.fcntl = k_fcntl,
	.ioctl = k_ioctl,
	.close = k_close,
	.shutdown = k_shutdown,
	.getsockopt = k_getsockopt,
	.setsockopt = k_setsockopt,
	.poll = k_poll,
	.epoll_create = k_epoll_create,
	.epoll_ctl = k_epoll_ctl,
	.epoll_wait = k_epoll_wait,
	.pipe = k_pipe,
	.splice = k_splice,
	.open = k_open,
	.sendfile = k_sendfile,
	.netdev_send = k_netdev_send,
	.netdev_receive = k_netdev_receive,
	.now = now,
	.deadline = k_deadline,
	.advance = k_advance,
	.blocks = k_blocks,
	.tcp_info = k_tcp_info,
	.sysctl = k_sysctl,
	.counter = k_counter,
	.set_mtu = k_set_mtu,
	.set_route = k_set_route,
	.make_file = k_make_file,
};

static int open_tun(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	strcpy(ifr.ifr_name, "tun0");
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &ifr) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

bool drill_kernel_enter(const char **why)
{
	static _Thread_local char text[160];

	if (!unshare(CLONE_NEWNET))
		return true;
	snprintf(text, sizeof(text),
		 "a network namespace cannot be made (%s): run it as unshare "
		 "-Urn tern drill --kernel ...",
		 strerror(errno));
	*why = text;
	return false;
}

struct drill_adapter *drill_kernel_new(const struct drill_config *c,
				       int64_t start, const char **why)
{
	struct kernel *k = drill_mem_grow(NULL, sizeof(*k));
	char addr[TERN_ADDR_STRLEN];

	memset(k, 0, sizeof(*k));
	k->adapter.ops = &ops;
	k->config = *c;
	k->tail = &k->first;
	k->tun = open_tun();
	k_sysctl(&k->adapter, "net.ipv6.conf.default.accept_dad", "0");
	k_sysctl(&k->adapter, "net.ipv6.conf.all.accept_dad", "0");
	/* What tern's own defaults differ in. */
	k_sysctl(&k->adapter, "tcp_syn_retries", "5");
	k_sysctl(&k->adapter, "tcp_syn_linear_timeouts", "0");
	k_sysctl(&k->adapter, "tcp_congestion_control", "cubic");
	tern_addr_print(&c->local_ip, addr);
	if (k->tun < 0 || run_ip(k, "link set dev tun0 mtu %u up", c->mtu) ||
	    run_ip(k, "addr add %s/%u dev tun0", addr, c->prefix) ||
	    run_ip(k, "route add default dev tun0")) {
		*why = "no TUN device: /dev/net/tun and ip(8) are needed";
		k_free(&k->adapter);
		return NULL;
	}
	k->epoch = mono() - start;
	k->adapter.epoch_ns = clock_now(CLOCK_REALTIME) - start;
	return &k->adapter;
}
