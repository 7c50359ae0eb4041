// SPDX-License-Identifier: BSD-2-Clause
/* Each host has a namespace of its own, with a device for each of its ports.
 * What its programs ask of it is in lab_kernel_sys.c. */
#define _GNU_SOURCE /* unshare */
#include "lab_kernel.h"

#include "lab_kernel_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* A namespace made from one where this is set has a small table of connections
 * of its own, not a share of the machine's: to read /proc/net/tcp is to walk
 * all of it, 50 us for the small one and 5 ms for a large one. */
#define SMALL_TABLE "/proc/sys/net/ipv4/tcp_child_ehash_entries"

/* What whoever keeps this machine may have set otherwise, and what tern's own
 * defaults differ in (doc/linux.md): all that tern has and a namespace has. */
static const struct {
	const char *name;
	int64_t v[3];
	int n;
	const char *text;
} defaults[] = {
#define TUNABLE(field, name, def, min, max, unit, help) \
	{ name, { def }, 1, NULL },
#define TUNABLE2(field, name, def0, def1, min, max, unit, help) \
	{ name, { def0, def1 }, 2, NULL },
#define TUNABLE3(field, name, def0, def1, def2, min, max, unit, help) \
	{ name, { def0, def1, def2 }, 3, NULL },
#define TUNABLE_TEXT(field, name, size, def, help) { name, { 0 }, 0, def },
#include <tern/tunables.def>
	{ "net.ipv4.tcp_congestion_control", { 0 }, 0, "reno" },
	{ "net.ipv4.tcp_congestion_control", { 0 }, 0, LAB_DEFAULT_CC },
	/* What one connection would leave to the next. */
	{ "net.ipv4.tcp_no_metrics_save", { 1 }, 1, NULL },
};

const char *lab_kernel_cc(void)
{
	static const char path[] = "/proc/sys/net/ipv4/tcp_congestion_control";

	return lab_kernel_write(path, LAB_DEFAULT_CC) ? LAB_DEFAULT_CC : "reno";
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
		lab_kernel_write("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %u 1", gid);
		lab_kernel_write("/proc/self/gid_map", map);
		snprintf(map, sizeof(map), "0 %u 1", uid);
		if (!lab_kernel_write("/proc/self/uid_map", map))
			return "a user namespace of our own takes no uid_map";
	}
	lab_kernel_write(SMALL_TABLE, "4096");
	entered = true;
	return NULL;
}

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
static bool configure(const struct lab_kernel *k)
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

static const char *trouble(struct lab_kernel *k, const char *what)
{
	snprintf(k->trouble, sizeof(k->trouble), "%s: %s", what,
		 strerror(errno));
	lab_kernel_off(&k->host);
	return k->trouble;
}

/* What the namespace has not, or may not write, stays as it is. */
static void set_default(struct lab_host *h, int row)
{
	const int64_t *v = defaults[row].v;
	char text[80];
	int at = 0;

	for (int i = 0; i < defaults[row].n; i++)
		at += snprintf(text + at, sizeof(text) - (size_t)at,
			       i ? " %" PRId64 : "%" PRId64, v[i]);
	lab_sys_kernel.sysctl(h, defaults[row].name,
			      at ? text : defaults[row].text);
}

static const char *set_knobs(struct lab_kernel *k)
{
	struct lab_host *h = &k->host;

	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		set_default(h, (int)i);
	for (int i = 0; i < h->n_knobs; i++) {
		if (lab_sys_kernel.sysctl(h, h->knobs[i].name,
					  h->knobs[i].value))
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
	struct lab_kernel *k = kernel_of(h);

	if (unshare(CLONE_NEWNET))
		return trouble(k, "a network namespace");
	k->netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (k->netns < 0)
		return trouble(k, "/proc/thread-self/ns/net");
	lab_kernel_write(SMALL_TABLE, "4096");
	for (size_t i = 0; i < ARRAY_LEN(quiet); i++)
		lab_sys_kernel.sysctl(h, quiet[i].name, quiet[i].value);
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
	struct lab_kernel *k = kernel_of(h);

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
	struct lab_kernel *k = kernel_of(h);

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
	struct lab_kernel *k = kernel_of(h);
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
	struct lab_kernel *k = drill_mem_grow(NULL, sizeof(*k));

	memset(k, 0, sizeof(*k));
	k->host =
		(struct lab_host){ .input_event = -1, .sys = &lab_sys_kernel };
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
