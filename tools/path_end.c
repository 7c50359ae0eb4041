// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "tools/path_end.h"

#include "tools/bench.h"
#include "base/bytes.h"
#include "base/time.h"
#include "link/heap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT 5001
#define CHUNK (64u << 10)
#define KNOBS "/proc/sys/net/ipv4/"

static char chunk[CHUNK];

static bool fail(const char *what, const char *why)
{
	fprintf(stderr, "tern bench path: %s: %s\n", what, why);
	return false;
}

/* Both ends have the same buffers: what this kernel has. */
static const char *const shared_knobs[] = { "tcp_rmem", "tcp_wmem" };

static bool read_knob(const char *name, char *out, size_t size)
{
	char path[64];
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), KNOBS "%s", name);
	f = fopen(path, "re");
	if (!f)
		return false;
	ok = fgets(out, (int)size, f);
	fclose(f);
	if (ok)
		out[strcspn(out, "\n")] = '\0';
	return ok;
}

static bool write_knob(const char *name, const char *value)
{
	char path[64];
	int fd;
	bool ok;

	snprintf(path, sizeof(path), KNOBS "%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
	close(fd);
	return ok;
}

static int own_number(const struct path_end *e)
{
	return e->config.sends ? 0 : 1;
}

static struct sockaddr_in kernel_addr(int end)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(0x0a000001u + (uint32_t)end),
	};
}

/* In the namespace: the socket, connecting or listening. */
static bool open_kernel_socket(struct path_end *e)
{
	struct sockaddr_in to = kernel_addr(1);
	const char *cc = e->config.cc;
	/* Before there is a socket: that has what the namespace had then. */
	bool told = write_knob("tcp_congestion_control", cc);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (s < 0)
		return fail("no socket", strerror(errno));
	*(e->config.sends ? &e->sock : &e->listener) = s;
	/* Where the namespace may not be told, the socket may. */
	if (!told && setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, cc,
				(socklen_t)strlen(cc)) < 0)
		return fail(cc, "this kernel has no such congestion control "
				"(modprobe tcp_bbr)");
	if (!e->config.sends) {
		if (bind(s, (void *)&to, sizeof(to)) < 0 || listen(s, 1) < 0)
			return fail("cannot listen", strerror(errno));
	} else if (connect(s, (void *)&to, sizeof(to)) < 0 &&
		   errno != EINPROGRESS) {
		return fail("cannot connect", strerror(errno));
	}
	return true;
}

/* In the namespace: the device, without offload, so that every packet that
 * crosses the path is one of the wire's. */
static bool open_device(struct path_end *e)
{
	struct tern_prefix addr = {
		.addr = tern_addr_v4(10, 0, 0, (uint8_t)(own_number(e) + 1)),
		.bits = 24,
	};
	struct tern_tun_config config = {
		.name = "path",
		.no_offload = true,
		.addrs = &addr,
		.n_addrs = 1,
	};

	if (tern_tun_open(e->config.pool, &config, &e->tun) != 0)
		return fail("no device", config.why);
	return true;
}

static bool open_kernel(struct path_end *e)
{
	char values[2][64] = { "", "" };
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	bool ok;

	for (int i = 0; i < 2; i++)
		read_knob(shared_knobs[i], values[i], sizeof(values[i]));
	if (home < 0 || unshare(CLONE_NEWNET) < 0) {
		fail("no network namespace",
		     errno == EPERM ? "run as root (it takes CAP_SYS_ADMIN)" :
				      strerror(errno));
		if (home >= 0)
			close(home);
		return false;
	}
	for (int i = 0; i < 2; i++)
		write_knob(shared_knobs[i], values[i]);
	ok = open_device(e) && open_kernel_socket(e);
	if (setns(home, CLONE_NEWNET) < 0)
		ok = fail("no way back from the namespace", strerror(errno));
	close(home);
	return ok;
}

static int set_knobs(struct path_end *e, int64_t now)
{
	int error = tern_sysctl_set(e->stack, "net.ipv4.tcp_congestion_control",
				    e->config.cc, now);

	for (int i = 0; i < 2 && !error; i++) {
		char name[64], value[64];

		snprintf(name, sizeof(name), "net.ipv4.%s", shared_knobs[i]);
		if (read_knob(shared_knobs[i], value, sizeof(value)))
			error = tern_sysctl_set(e->stack, name, value, now);
	}
	return error;
}

static int open_stack(struct path_end *e, int64_t now)
{
	struct tern_config config = {
		.seed = { (uint8_t)(own_number(e) + 1), e->config.nth },
		.alloc = heap_allocator,
		.pool = e->config.pool,
	};
	struct tern_link_config link = { .name = "path", .mtu = 1500 };
	struct tern_sockaddr sa = bench_net_addr(own_number(e), false, 0);

	e->stack = tern_stack_new(&config, now);
	if (!e->stack)
		return -TERN_ENOMEM;
	e->link = tern_link_add(e->stack, &link, now);
	if (e->link < 0)
		return e->link;
	return tern_addr_add(e->stack, e->link, &sa.addr, 24, now);
}

static bool open_tern(struct path_end *e, int64_t now)
{
	struct tern_sockaddr to = bench_net_addr(1, false, PORT);
	int error = open_stack(e, now), s = -1;

	if (!error)
		error = set_knobs(e, now);
	if (!error) {
		s = tern_socket(e->stack, TERN_AF_INET, TERN_SOCK_STREAM, 0,
				now);
		error = s < 0 ? s : 0;
	}
	if (!error && e->config.sends) {
		e->sock = s;
		error = tern_connect(e->stack, s, &to, now);
		error = error == -TERN_EINPROGRESS ? 0 : error;
	} else if (!error) {
		e->listener = s;
		error = tern_bind(e->stack, s, &to, now);
		if (!error)
			error = tern_listen(e->stack, s, 1, now);
	}
	return !error || fail("no stack", tern_error_text(error));
}

bool path_end_open(struct path_end *e, const struct path_end_config *config,
		   int64_t now)
{
	*e = (struct path_end){ .config = *config, .listener = -1, .sock = -1 };
	return config->is_tern ? open_tern(e, now) : open_kernel(e);
}

void path_end_close(struct path_end *e, int64_t now)
{
	if (e->config.is_tern) {
		if (e->stack)
			tern_stack_free(e->stack);
	} else if (e->config.pool) {
		if (e->sock >= 0)
			close(e->sock);
		if (e->listener >= 0)
			close(e->listener);
		if (e->tun)
			e->tun->ops->close(e->tun);
	}
	*e = (struct path_end){ .listener = -1, .sock = -1 };
}

/* The application's call, in either world: a count, or -errno. */
static int64_t call(struct path_end *e, int64_t now)
{
	ssize_t n;

	if (e->config.is_tern)
		return e->config.sends ? tern_send(e->stack, e->sock, chunk,
						   CHUNK, 0, now) :
					 tern_recv(e->stack, e->sock, chunk,
						   CHUNK, 0, now);
	n = e->config.sends ? send(e->sock, chunk, CHUNK, MSG_NOSIGNAL) :
			      recv(e->sock, chunk, CHUNK, 0);
	return n < 0 ? -errno : n;
}

static void accept_one(struct path_end *e, int64_t now)
{
	if (e->config.is_tern)
		e->sock = tern_accept(e->stack, e->listener, NULL, now);
	else
		e->sock = accept4(e->listener, NULL, NULL,
				  SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (e->sock < 0)
		e->sock = -1;
}

void path_end_timers(struct path_end *e, int64_t now)
{
	if (e->config.is_tern)
		tern_stack_advance(e->stack, now);
}

bool path_end_work(struct path_end *e, int64_t now)
{
	int64_t n;

	if (e->sock < 0)
		accept_one(e, now);
	if (e->sock < 0)
		return true;
	while ((n = call(e, now)) > 0)
		e->bytes += e->config.sends ? 0 : (uint64_t)n;
	if (n == -EAGAIN || n == -TERN_EAGAIN ||
	    (e->config.sends && n == -TERN_ENOTCONN))
		return true;
	return fail("the connection broke",
		    n ? tern_error_text((int)n) : "end of the stream");
}

int path_end_output(struct path_end *e, struct tern_pkt **pkts, int max,
		    int64_t now)
{
	if (e->config.is_tern)
		return tern_stack_output(e->stack, e->link, pkts, max, now);
	return e->tun->ops->receive(e->tun, pkts, max, now);
}

void path_end_input(struct path_end *e, struct tern_pkt *pkt, int64_t now)
{
	pkt->at = now;
	if (e->config.is_tern)
		tern_stack_input(e->stack, e->link, &pkt, 1, now);
	else if (e->tun->ops->send(e->tun, &pkt, 1, now) != 1)
		tern_pkt_put(pkt);
}

int64_t path_end_deadline(const struct path_end *e)
{
	return e->stack ? tern_stack_deadline(e->stack) : TERN_NEVER;
}

int64_t path_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static nfds_t add_fds(const struct path_end *e, struct pollfd *fds)
{
	short want = e->config.sends ? POLLOUT : POLLIN;

	if (e->config.is_tern)
		return 0;
	fds[0] = (struct pollfd){ e->tun->ops->fd(e->tun), POLLIN, 0 };
	fds[1] = (struct pollfd){ e->sock >= 0 ? e->sock : e->listener, want,
				  0 };
	return 2;
}

void path_end_wait(struct path_end *const *ends, int n, int64_t until)
{
	struct pollfd fds[PATH_ENDS_MAX * 2];
	struct timespec ts;
	nfds_t n_fds = 0;
	int64_t ns;

	for (int i = 0; i < n; i++) {
		until = min_i64(until, path_end_deadline(ends[i]));
		n_fds += add_fds(ends[i], fds + n_fds);
	}
	ns = max_i64(0, until - path_clock());
	ts.tv_sec = ns / NS_PER_S;
	ts.tv_nsec = ns % NS_PER_S;
	ppoll(fds, n_fds, &ts, NULL);
}

uint32_t path_end_resent(struct path_end *e, int64_t now)
{
	struct tern_tcp_info info = { 0 };
	size_t len = sizeof(info);
	socklen_t klen = sizeof(info);

	if (e->config.is_tern)
		tern_getsockopt(e->stack, e->sock, TERN_IPPROTO_TCP,
				TERN_TCP_INFO, &info, &len, now);
	else
		getsockopt(e->sock, IPPROTO_TCP, TCP_INFO, &info, &klen);
	return info.total_retrans;
}
