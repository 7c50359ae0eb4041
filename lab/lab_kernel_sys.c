// SPDX-License-Identifier: BSD-2-Clause
/*
 * What programs ask of a host on the kernel. A socket belongs to the namespace
 * that its thread was in when it was made, so only socket(), sysctls and
 * reading /proc need to enter it. Sockets never block: lab_app.c asks again.
 *
 * States are read from /proc/net/tcp whenever something may have changed, and
 * each millisecond: what lasts for less may be missed.
 */
#define _GNU_SOURCE /* setns, accept4 */
#include "lab_kernel_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

bool lab_kernel_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = strlen(text);
	bool done = fd >= 0 && write(fd, text, (size_t)n) == n;
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return done;
}

static int error_of(int result)
{
	return result < 0 ? -errno : result;
}

static bool enter(const struct lab_kernel *k)
{
	return !setns(k->netns, CLONE_NEWNET);
}

/* The path of a sysctl: names without one are of net.ipv4 or net.core. */
static bool find_sysctl(const char *name, char *path, size_t n)
{
	static const char *const dirs[] = { "net/ipv4/", "net/core/",
					    "net/ipv6/", "" };

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		snprintf(path, n, "/proc/sys/%s%s", dirs[i], name);
		for (char *s = path + 10; !*dirs[i] && *s; s++)
			*s = *s == '.' ? '/' : *s;
		if (!access(path, F_OK))
			return true;
	}
	return false;
}

bool lab_kernel_has_knob(const char *name)
{
	char path[200];

	return find_sysctl(name, path, sizeof(path));
}

static int k_sysctl(struct lab_host *h, const char *name, const char *value)
{
	char path[200];

	if (!enter(kernel_of(h)) || !find_sysctl(name, path, sizeof(path)))
		return -ENOENT;
	return lab_kernel_write(path, value) ? 0 : -errno;
}

static int adopt(struct lab_host *h, int fd)
{
	if (fd < 0)
		return -errno;
	if (fd >= FDS_MAX) {
		close(fd);
		return -EMFILE;
	}
	kernel_of(h)->open[fd] = true;
	kernel_of(h)->look = true;
	return fd;
}

static int k_socket(struct lab_host *h, int family, int type)
{
	if (!enter(kernel_of(h)))
		return -errno;
	return adopt(h, socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

static socklen_t to_native(const struct tern_sockaddr *a,
			   struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (void *)out;
	struct sockaddr_in6 *v6 = (void *)out;

	memset(out, 0, sizeof(*out));
	if (a->family == TERN_AF_INET) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(a->port);
		memcpy(&v4->sin_addr, a->addr.b + 12, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(a->port);
	memcpy(&v6->sin6_addr, a->addr.b, 16);
	return sizeof(*v6);
}

static void from_native(const struct sockaddr_storage *a,
			struct tern_sockaddr *out)
{
	const struct sockaddr_in *v4 = (const void *)a;
	const struct sockaddr_in6 *v6 = (const void *)a;
	const uint8_t *b = (const void *)&v4->sin_addr;

	*out = (struct tern_sockaddr){ .family = a->ss_family };
	if (a->ss_family == AF_INET) {
		out->addr = tern_addr_v4(b[0], b[1], b[2], b[3]);
		out->port = ntohs(v4->sin_port);
	} else {
		memcpy(out->addr.b, &v6->sin6_addr, 16);
		out->port = ntohs(v6->sin6_port);
	}
}

static int k_bind(struct lab_host *h, int s, const struct tern_sockaddr *a)
{
	struct sockaddr_storage sa;
	socklen_t n = to_native(a, &sa);

	return error_of(bind(s, (struct sockaddr *)&sa, n));
}

static int k_listen(struct lab_host *h, int s, int backlog)
{
	return error_of(listen(s, backlog));
}

static int k_accept(struct lab_host *h, int s, struct tern_sockaddr *peer)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t n = sizeof(sa);
	int fd = adopt(h, accept4(s, (struct sockaddr *)&sa, &n,
				  SOCK_NONBLOCK | SOCK_CLOEXEC));

	if (fd >= 0)
		from_native(&sa, peer);
	return fd;
}

static int k_connect(struct lab_host *h, int s, const struct tern_sockaddr *a)
{
	struct sockaddr_storage sa;
	socklen_t n = to_native(a, &sa);

	kernel_of(h)->look = true;
	return error_of(connect(s, (struct sockaddr *)&sa, n));
}

static int64_t k_send(struct lab_host *h, int s, const void *data, size_t n,
		      int flags)
{
	ssize_t r = send(s, data, n, flags | MSG_NOSIGNAL);

	kernel_of(h)->look = true;
	return r < 0 ? -errno : r;
}

static int64_t k_send_to(struct lab_host *h, int s, const void *data, size_t n,
			 const struct tern_sockaddr *to)
{
	struct sockaddr_storage sa;
	socklen_t len = to_native(to, &sa);
	ssize_t r =
		sendto(s, data, n, MSG_NOSIGNAL, (struct sockaddr *)&sa, len);

	kernel_of(h)->look = true;
	return r < 0 ? -errno : r;
}

static int64_t k_recv(struct lab_host *h, int s, void *data, size_t n,
		      int flags)
{
	ssize_t r = recv(s, data, n, flags);

	kernel_of(h)->look = true;
	return r < 0 ? -errno : r;
}

static int k_shutdown(struct lab_host *h, int s, int how)
{
	kernel_of(h)->look = true;
	return error_of(shutdown(s, how));
}

/* A close() that lingers would hold the peer up as well: all run here. */
static int k_close(struct lab_host *h, int s)
{
	struct linger linger = { 0 };
	socklen_t n = sizeof(linger);

	if (!getsockopt(s, SOL_SOCKET, SO_LINGER, &linger, &n) &&
	    linger.l_onoff && linger.l_linger) {
		linger.l_onoff = 0;
		setsockopt(s, SOL_SOCKET, SO_LINGER, &linger, n);
	}
	if (s >= 0 && s < FDS_MAX)
		kernel_of(h)->open[s] = false;
	kernel_of(h)->look = true;
	return error_of(close(s));
}

static int k_set_option(struct lab_host *h, int s, int level, int name,
			const void *value, size_t n)
{
	kernel_of(h)->look = true;
	return error_of(setsockopt(s, level, name, value, (socklen_t)n));
}

static int k_get_option(struct lab_host *h, int s, int level, int name,
			void *value, size_t *n)
{
	socklen_t len = (socklen_t)*n;
	int r = error_of(getsockopt(s, level, name, value, &len));

	*n = len;
	return r;
}

static int k_name(struct lab_host *h, int s, bool peer,
		  struct tern_sockaddr *out)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);
	int r = peer ? getpeername(s, (struct sockaddr *)&sa, &n) :
		       getsockname(s, (struct sockaddr *)&sa, &n);

	if (r)
		return -errno;
	from_native(&sa, out);
	return 0;
}

static uint32_t k_poll(struct lab_host *h, int s)
{
	struct pollfd p = {
		.fd = s,
		.events = POLLIN | POLLPRI | POLLOUT | POLLRDHUP,
	};

	poll(&p, 1, 0);
	return (uint32_t)p.revents;
}

static int k_ioctl(struct lab_host *h, int s, unsigned long request, int *value)
{
	return error_of(ioctl(s, request, value));
}

/* "0100007F:0050": words of the machine's own order, a port in hex. */
static bool parse_end(const char *s, bool v6, struct tern_sockaddr *out)
{
	unsigned word[4], port;
	uint8_t b[16];

	if (v6 ? sscanf(s, "%8x%8x%8x%8x:%x", &word[0], &word[1], &word[2],
			&word[3], &port) != 5 :
		 sscanf(s, "%8x:%x", &word[0], &port) != 2)
		return false;
	memcpy(b, word, v6 ? 16 : 4);
	*out = (struct tern_sockaddr){
		.family = v6 ? TERN_AF_INET6 : TERN_AF_INET,
		.port = (uint16_t)port,
	};
	if (v6)
		memcpy(out->addr.b, b, 16);
	else
		out->addr = tern_addr_v4(b[0], b[1], b[2], b[3]);
	return true;
}

static void read_table(struct lab_kernel *k, const char *path, bool v6)
{
	char line[300], local[64], remote[64];
	FILE *f = fopen(path, "re");
	unsigned state;

	while (f && fgets(line, sizeof(line), f) && k->n_socks < SOCKS_MAX) {
		struct tern_sock_info i = { .s = -1,
					    .protocol = TERN_IPPROTO_TCP };

		if (sscanf(line, " %*d: %63s %63s %x", local, remote, &state) ==
			    3 &&
		    parse_end(local, v6, &i.local) &&
		    parse_end(remote, v6, &i.remote)) {
			i.family = i.local.family;
			i.state = (int)state;
			k->socks[k->n_socks++] = i;
		}
	}
	if (f)
		fclose(f);
}

static bool k_next(struct lab_host *h, uint64_t *cursor,
		   struct tern_sock_info *out)
{
	struct lab_kernel *k = kernel_of(h);

	if (!*cursor) {
		k->n_socks = 0;
		if (!enter(k))
			return false;
		read_table(k, "/proc/thread-self/net/tcp", false);
		read_table(k, "/proc/thread-self/net/tcp6", true);
	}
	if (*cursor >= (uint64_t)k->n_socks)
		return false;
	*out = k->socks[(*cursor)++];
	return true;
}

const struct lab_sys lab_sys_kernel = {
	.socket = k_socket,
	.bind = k_bind,
	.listen = k_listen,
	.accept = k_accept,
	.connect = k_connect,
	.send = k_send,
	.send_to = k_send_to,
	.recv = k_recv,
	.shutdown = k_shutdown,
	.close = k_close,
	.set_option = k_set_option,
	.get_option = k_get_option,
	.name = k_name,
	.poll = k_poll,
	.ioctl = k_ioctl,
	.sysctl = k_sysctl,
	.next = k_next,
};
