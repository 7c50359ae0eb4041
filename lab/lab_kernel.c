// SPDX-License-Identifier: BSD-2-Clause
/*
 * Each host has a namespace of its own. A socket belongs to the one that its
 * thread was in when it was made, so only socket(), sysctls and reading
 * /proc need to enter it. Sockets never block: lab_app.c asks again.
 *
 * States are read from /proc/net/tcp whenever something may have changed, and
 * each millisecond: what lasts for less may be missed.
 */
#define _GNU_SOURCE /* setns, accept4 */
#include "lab_kernel.h"

#include "lab_sys.h"

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
#include <sys/socket.h>
#include <unistd.h>

#define FDS_MAX 4096
#define SOCKS_MAX 256

/* A namespace made from one where this is set has a small table of connections
 * of its own, not a share of the machine's: to read /proc/net/tcp is to walk
 * all of it, 50 us for the small one and 5 ms for a large one. */
#define SMALL_TABLE "/proc/sys/net/ipv4/tcp_child_ehash_entries"

struct kernel {
	struct lab_host host;
	int netns;
	int tun[LAB_PORTS_MAX];
	bool look; /* frames may wait */
	char trouble[160];
	bool open[FDS_MAX];
	struct tern_sock_info socks[SOCKS_MAX]; /* of the last look */
	int n_socks;
};

/* What tern's own defaults differ in (doc/linux.md), and what one connection
 * would leave to the next. */
static const struct lab_knob defaults[] = {
	{ "tcp_syn_retries", "5" },
	{ "tcp_syn_linear_timeouts", "0" },
	{ "tcp_mtu_probing", "1" },
	{ "tcp_rmem", "4096 131072 6291456" },
	{ "tcp_no_metrics_save", "1" },
	{ "tcp_max_tw_buckets", "262144" },
	{ "tcp_max_syn_backlog", "4096" },
};

static struct kernel *kernel_of(const struct lab_host *h)
{
	return (struct kernel *)h;
}

static bool write_file(const char *path, const char *text)
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

const char *lab_kernel_enter(void)
{
	static bool entered;
	static char why[200];
	unsigned uid = geteuid(), gid = getegid();
	char map[64];

	if (entered)
		return NULL;
	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		snprintf(why, sizeof(why),
			 "a network namespace cannot be made (%s): be root, "
			 "or allow user namespaces "
			 "(kernel.unprivileged_userns_clone, "
			 "user.max_user_namespaces)",
			 strerror(errno));
		return why;
	}
	if (geteuid() != uid) {
		write_file("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %u 1", gid);
		write_file("/proc/self/gid_map", map);
		snprintf(map, sizeof(map), "0 %u 1", uid);
		if (!write_file("/proc/self/uid_map", map))
			return "a user namespace of our own takes no uid_map";
	}
	write_file(SMALL_TABLE, "4096");
	entered = true;
	return NULL;
}

static int error_of(int result)
{
	return result < 0 ? -errno : result;
}

static bool enter(const struct kernel *k)
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

static int k_sysctl(struct lab_host *h, const char *name, const char *value)
{
	char path[200];

	if (!enter(kernel_of(h)) || !find_sysctl(name, path, sizeof(path)))
		return -ENOENT;
	return write_file(path, value) ? 0 : -errno;
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

static void read_table(struct kernel *k, const char *path, bool v6)
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
	struct kernel *k = kernel_of(h);

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

static const struct lab_sys kernel_sys = {
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

static int open_tun(int port)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "eth%d", port);
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &ifr) < 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* The way to other hosts, for one with several ports. */
static void add_routes(const struct lab_host *h, FILE *ip)
{
	struct lab_net *net = h->node.net;
	char text[TERN_ADDR_STRLEN];

	for (int i = 0; i < net->n_nodes; i++) {
		const struct lab_host *other = (void *)net->nodes[i];

		if (!lab_node_is_host(net->nodes[i]) || other == h)
			continue;
		for (int k = 0; k < 2 * other->node.n_ports; k++) {
			const struct tern_addr *a = &other->addr[k / 2][k % 2];
			int port = lab_route(&h->node, a);

			tern_addr_print(a, text);
			if (port >= 0)
				fprintf(ip, "route add %s dev eth%d\n", text,
					port);
		}
	}
}

/* Gives the devices their addresses and ways, by ip(8). */
static bool configure(const struct kernel *k)
{
	const struct lab_host *h = &k->host;
	bool only = h->node.n_ports == 1;
	FILE *ip = popen("ip -batch - 2>/dev/null", "w");
	char text[TERN_ADDR_STRLEN];

	if (!ip)
		return false;
	fprintf(ip, "link set lo up\n");
	for (int i = 0; i < h->node.n_ports; i++) {
		fprintf(ip, "link set eth%d mtu %u up\n", i, h->mtu[i]);
		for (int v6 = 0; v6 < 2; v6++) {
			tern_addr_print(&h->addr[i][v6], text);
			fprintf(ip, "addr add %s/%d dev eth%d%s\n", text,
				only ? (v6 ? 64 : 24) : (v6 ? 128 : 32), i,
				v6 ? " nodad" : "");
		}
	}
	fprintf(ip, "route add default dev eth0\n"
		    "route add ::/0 dev eth0\n");
	if (!only)
		add_routes(h, ip);
	return pclose(ip) == 0;
}

static const char *trouble(struct kernel *k, const char *what)
{
	snprintf(k->trouble, sizeof(k->trouble), "%s: %s", what,
		 strerror(errno));
	lab_kernel_off(&k->host);
	return k->trouble;
}

static const char *set_knobs(struct kernel *k)
{
	struct lab_host *h = &k->host;

	for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
		if (k_sysctl(h, defaults[i].name, defaults[i].value))
			return trouble(k, defaults[i].name);
	}
	for (int i = 0; i < h->n_knobs; i++) {
		if (k_sysctl(h, h->knobs[i].name, h->knobs[i].value))
			return trouble(k, h->knobs[i].name);
	}
	return NULL;
}

const char *lab_kernel_boot(struct lab_host *h)
{
	/* Neither router solicitations nor group reports. */
	static const struct lab_knob quiet[] = {
		{ "net.ipv6.conf.all.router_solicitations", "0" },
		{ "net.ipv6.conf.default.router_solicitations", "0" },
		{ "net.ipv6.conf.default.addr_gen_mode", "1" },
	};
	struct kernel *k = kernel_of(h);

	if (unshare(CLONE_NEWNET))
		return trouble(k, "a network namespace");
	k->netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (k->netns < 0)
		return trouble(k, "/proc/thread-self/ns/net");
	write_file(SMALL_TABLE, "4096");
	for (size_t i = 0; i < ARRAY_LEN(quiet); i++)
		k_sysctl(h, quiet[i].name, quiet[i].value);
	for (int i = 0; i < h->node.n_ports; i++) {
		k->tun[i] = open_tun(i);
		if (k->tun[i] < 0)
			return trouble(k, "/dev/net/tun");
	}
	if (!configure(k)) {
		errno = ENOSYS;
		return trouble(k, "ip(8) cannot set up the devices");
	}
	h->on = true;
	k->look = true;
	return set_knobs(k);
}

void lab_kernel_off(struct lab_host *h)
{
	struct kernel *k = kernel_of(h);

	/* The devices first: then nobody hears what closing has to say. */
	for (int i = 0; i < LAB_PORTS_MAX; i++) {
		if (k->tun[i] >= 0)
			close(k->tun[i]);
		k->tun[i] = -1;
	}
	for (int fd = 0; fd < FDS_MAX; fd++) {
		if (k->open[fd])
			close(fd);
		k->open[fd] = false;
	}
	if (k->netns >= 0)
		close(k->netns);
	k->netns = -1;
	h->on = false;
}

int lab_kernel_fd(const struct lab_host *h, int port)
{
	return kernel_of(h)->tun[port];
}

void lab_kernel_look(struct lab_host *h)
{
	kernel_of(h)->look = true;
}

static void kernel_forward(struct lab_node *node, int port, struct lab_frame *f,
			   int64_t now)
{
	struct lab_host *h = (struct lab_host *)node;
	struct kernel *k = kernel_of(h);

	if (!h->on && f->event >= 0)
		node->net->log->events[f->event].note = "the host is off";
	if (h->on && write(k->tun[port], f->bytes, f->len) < 0 && f->event >= 0)
		node->net->log->events[f->event].note = "the device refused it";
	k->look = true;
	free(f);
	lab_host_follow(h);
}

static int64_t kernel_next_run_at(struct lab_node *node)
{
	struct lab_host *h = (struct lab_host *)node;

	return h->on && kernel_of(h)->look ? node->net->now : NEVER;
}

/* What a scenario is not about: neighbours and groups. */
static bool is_chatter(const uint8_t *p, size_t n)
{
	return n >= 41 && p[0] >> 4 == 6 &&
	       ((p[6] == IPPROTO_ICMPV6 && p[40] >= 130) ||
		p[6] == IPPROTO_HOPOPTS);
}

static void kernel_run(struct lab_node *node, int64_t now)
{
	static uint8_t bytes[LAB_FRAME_MAX];
	struct lab_host *h = (struct lab_host *)node;
	struct kernel *k = kernel_of(h);
	struct lab_frame *f;
	ssize_t n;

	k->look = false;
	lab_host_follow(h);
	for (int i = 0; i < node->n_ports; i++) {
		while ((n = read(k->tun[i], bytes, sizeof(bytes))) > 0) {
			if (is_chatter(bytes, (size_t)n))
				continue;
			f = lab_frame_new((uint32_t)n);
			memcpy(f->bytes, bytes, (size_t)n);
			lab_node_send(node, i, f);
		}
	}
}

static void kernel_free(struct lab_node *node)
{
	lab_kernel_off((struct lab_host *)node);
	free(node);
}

static const struct lab_node_ops kernel_ops = {
	.forward = kernel_forward,
	.next_run_at = kernel_next_run_at,
	.run = kernel_run,
	.free = kernel_free,
};

bool lab_node_is_kernel(const struct lab_node *node)
{
	return node->ops == &kernel_ops;
}

struct lab_host *lab_kernel_new(struct lab_net *net, const char *name)
{
	struct kernel *k = drill_mem_grow(NULL, sizeof(*k));

	memset(k, 0, sizeof(*k));
	k->host = (struct lab_host){ .input_event = -1, .sys = &kernel_sys };
	k->host.node.ops = &kernel_ops;
	k->netns = -1;
	for (int i = 0; i < LAB_PORTS_MAX; i++)
		k->tun[i] = -1;
	if (!lab_net_add(net, &k->host.node, name)) {
		free(k);
		return NULL;
	}
	return &k->host;
}
