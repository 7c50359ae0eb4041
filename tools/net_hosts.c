// SPDX-License-Identifier: BSD-2-Clause
/*
 * Hosts of a network: forked off, joined by sockets, each serving as tern host
 * does (host_serve.c), so that tern ss --host NAME and its kin look into them.
 *
 * A wire's two descriptors go to the two hosts at its ends; each host closes
 * what is not its own. A host's wires are called by the name of the other end.
 */
#define _GNU_SOURCE
#include "tools/net_hosts.h"

#include "tools/host_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_STEP_US 10000
#define WAIT_STEPS 1000 /* 10 s: longer than a host waits for its programs */

/* The lines of /etc/hosts: each host by each of its addresses, its first
 * link's first, as the first line of a name counts. */
static char *make_names(const struct net *net)
{
	char text[TERN_ADDR_STRLEN], *out = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&out, &len);

	if (!f)
		return NULL;
	fputs("127.0.0.1 localhost\n::1 localhost\n", f);
	for (int i = 0; i < net->n_links; i++) {
		for (int k = 0; k < 4; k++) {
			const struct net_end *e = &net->links[i].end[k / 2];
			const struct tern_prefix *p = &e->addr[k % 2];

			if (p->bits)
				fprintf(f, "%s %s\n",
					tern_addr_print(&p->addr, text),
					net->hosts[e->host].name);
		}
	}
	fclose(f);
	return out;
}

/* What one host is made of. */
struct plan {
	struct run_host_config config;
	struct run_wire wires[NET_LINKS];
	struct run_route routes[2 * NET_LINKS + 2];
	int wire_of[NET_LINKS]; /* by link; -1: not its own */
	char flight[4096];
};

static void add_wire(struct plan *p, const struct net *net, int link, int end)
{
	const struct net_link *l = &net->links[link];
	const struct net_end *ours = &l->end[end];
	struct run_wire *w = &p->wires[p->config.n_wires];

	*w = (struct run_wire){
		.sim = {
			.fd = ours->fd,
			.name = net->hosts[l->end[!end].host].name,
			.mtu = l->mtu,
			.impair = ours->impair,
			.seed = net->seed * 1000003 + (uint64_t)link * 2 +
				(uint64_t)end,
		},
	};
	for (int f = 0; f < 2; f++)
		if (ours->addr[f].bits)
			w->addrs[w->n_addrs++] = ours->addr[f];
	p->wire_of[link] = p->config.n_wires++;
}

static void add_route(struct plan *p, const struct tern_prefix *dst,
		      const struct tern_addr *via, int wire)
{
	struct run_route *r = &p->routes[p->config.n_routes++];
	unsigned bits = dst->bits + (tern_addr_is_v4(via) ? 96u : 0u);

	*r = (struct run_route){ dst->addr, dst->bits, *via, wire };
	for (unsigned i = bits; i < 128; i++)
		r->dst.b[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
}

/* Default routes lead to the first uplink. */
static int uplink_of(const struct net *net)
{
	for (int i = 0; i < net->n_hosts; i++)
		if (net->hosts[i].tun)
			return i;
	return -1;
}

static void add_routes(struct plan *p, const struct net *net, int host)
{
	struct net_hop hops[NET_LINKS];
	int uplink = uplink_of(net);

	net_routes(net, host, hops);
	for (int i = 0; i < net->n_links; i++) {
		const struct net_end *next;
		bool is_up = uplink >= 0 && uplink != host &&
			     (net->links[i].end[0].host == uplink ||
			      net->links[i].end[1].host == uplink);

		if (hops[i].link < 0 && !(is_up && p->wire_of[i] >= 0))
			continue;
		next = hops[i].link >= 0 ?
			       &net->links[hops[i].link].end[hops[i].end] :
			       &net->links[i].end[net->links[i].end[1].host ==
						  uplink];
		for (int f = 0; f < 2; f++) {
			int wire = p->wire_of[hops[i].link >= 0 ? hops[i].link :
								  i];

			if (!next->addr[f].bits)
				continue;
			if (hops[i].link >= 0)
				add_route(p, &net->links[i].end[0].addr[f],
					  &next->addr[f].addr, wire);
			if (is_up && f == 0 && uplink >= 0) {
				add_route(p,
					  &(struct tern_prefix){
						  tern_addr_v4(0, 0, 0, 0), 0 },
					  &next->addr[f].addr, wire);
				uplink = -1; /* one is enough */
			}
		}
	}
}

static void make_plan(struct plan *p, const struct net *net, int host,
		      const char *names)
{
	const struct net_host *h = &net->hosts[host];

	memset(p, 0, sizeof(*p));
	p->config = (struct run_host_config){
		.name = h->name,
		.tun = h->tun,
		.capture = h->capture,
		.has_seed = true,
		.seed = net->seed + (uint64_t)host,
		.wires = p->wires,
		.routes = p->routes,
		.net_hosts = names,
		.has_flight = net->flight,
		.flight = p->flight,
		.flight_size = net->flight_size,
	};
	snprintf(p->flight, sizeof(p->flight), "%s%s.rec",
		 net->flight ? net->flight : "", h->name);
	if (h->tun)
		p->config.addrs[p->config.n_addrs++] = h->tun_addr;
	if (h->is_router) {
		p->config.sets[p->config.n_sets++] = "ip_forward=1";
	}
	for (int i = 0; i < h->n_sets && p->config.n_sets < RUN_HOST_MAX; i++)
		p->config.sets[p->config.n_sets++] = h->sets[i];
	for (int i = 0; i < net->n_links; i++) {
		p->wire_of[i] = -1;
		for (int e = 0; e < 2; e++)
			if (net->links[i].end[e].host == host)
				add_wire(p, net, i, e);
	}
	add_routes(p, net, host);
}

/* In the child: what belongs to other hosts is closed. */
static void close_others(struct net *net, int host)
{
	for (int i = 0; i < net->n_links; i++)
		for (int e = 0; e < 2; e++)
			if (net->links[i].end[e].host != host)
				close(net->links[i].end[e].fd);
}

_Noreturn static void be_host(struct net_hosts *hosts, int host, int up,
			      const char *names)
{
	struct plan *p = calloc(1, sizeof(*p));

	/* Ctrl-C is the network's to act on. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_others(hosts->net, host);
	if (!p)
		_exit(TOOL_FAILED);
	make_plan(p, hosts->net, host, names);
	exit(host_serve(hosts->command, &p->config, up));
}

static bool start_host(struct net_hosts *hosts, int host, const char *names)
{
	int up[2];
	char byte;
	bool is_up;

	if (pipe2(up, O_CLOEXEC) < 0)
		return false;
	fflush(NULL);
	hosts->pid[host] = fork();
	if (hosts->pid[host] == 0) {
		close(up[0]);
		be_host(hosts, host, up[1], names);
	}
	close(up[1]);
	is_up = hosts->pid[host] > 0 && read(up[0], &byte, 1) == 1;
	close(up[0]);
	if (!is_up)
		tool_error(hosts->command, "the host %s does not start",
			   hosts->net->hosts[host].name);
	return is_up;
}

static bool make_wires(struct net_hosts *hosts)
{
	struct net *net = hosts->net;

	for (int i = 0; i < net->n_links; i++) {
		int fds[2], error = sim_sockets(fds);

		if (error) {
			tool_error(hosts->command, "no sockets for a wire: %s",
				   strerror(-error));
			return false;
		}
		net->links[i].end[0].fd = fds[0];
		net->links[i].end[1].fd = fds[1];
	}
	return true;
}

bool net_hosts_start(struct net_hosts *hosts, const struct command *command,
		     struct net *net)
{
	char *names = make_names(net);
	bool is_well;

	*hosts = (struct net_hosts){ .command = command, .net = net };
	is_well = names && make_wires(hosts);
	for (int i = 0; i < net->n_hosts && is_well; i++)
		is_well = start_host(hosts, i, names);
	/* The hosts have them. */
	for (int i = 0; i < net->n_links; i++)
		for (int e = 0; e < 2; e++) {
			if (net->links[i].end[e].fd >= 0)
				close(net->links[i].end[e].fd);
			net->links[i].end[e].fd = -1;
		}
	free(names);
	return is_well;
}

static bool reap(struct net_hosts *hosts, int host)
{
	if (hosts->pid[host] <= 0 ||
	    waitpid(hosts->pid[host], NULL, WNOHANG) != hosts->pid[host])
		return false;
	hosts->pid[host] = 0;
	return true;
}

int net_hosts_lost(struct net_hosts *hosts)
{
	for (int i = 0; i < hosts->net->n_hosts; i++)
		if (reap(hosts, i))
			return i;
	return -1;
}

void net_hosts_stop(struct net_hosts *hosts)
{
	int n = hosts->net->n_hosts;
	bool left = true;

	for (int i = 0; i < n; i++)
		if (hosts->pid[i] > 0)
			kill(hosts->pid[i], SIGTERM);
	for (int step = 0; step < WAIT_STEPS && left; step++) {
		left = false;
		for (int i = 0; i < n; i++) {
			reap(hosts, i);
			left |= hosts->pid[i] > 0;
		}
		if (left)
			usleep(WAIT_STEP_US);
	}
	for (int i = 0; i < n; i++) {
		if (hosts->pid[i] <= 0)
			continue;
		kill(hosts->pid[i], SIGKILL);
		waitpid(hosts->pid[i], NULL, 0);
		hosts->pid[i] = 0;
	}
}
