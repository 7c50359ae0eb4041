// SPDX-License-Identifier: BSD-2-Clause
/* A host as a command line describes it: a TUN device, addresses, routes,
 * tunables, capture, record. */
#ifndef TOOLS_RUN_HOST_H
#define TOOLS_RUN_HOST_H

#include "host/host.h"
#include "link/sim.h"
#include "tools/tool.h"

#include <stdio.h>

#define RUN_HOST_MAX 16

/* A simulated wire to another host of a network (link/sim.h). */
struct run_wire {
	struct sim_config sim; /* its descriptor is the host's from now on */
	struct tern_prefix addrs[2];
	int n_addrs;
};

struct run_route {
	struct tern_addr dst;
	uint8_t bits; /* 0: the default route of via's family */
	struct tern_addr via;
	int wire;
};

struct run_host_config {
	const char *tun;  /* NULL: a loopback alone */
	const char *name; /* NULL: the device's */
	struct tern_prefix addrs[RUN_HOST_MAX];
	int n_addrs;
	struct tern_addr gws[RUN_HOST_MAX]; /* as given */
	int n_gws;
	const char *sets[RUN_HOST_MAX]; /* "knob=value" */
	int n_sets;
	const char *capture;
	const char *record;
	bool has_flight;
	const char *flight;   /* file; NULL: by the host's name */
	uint64_t flight_size; /* bytes; 0: the default */
	const char *resolv;   /* NULL: what of the system's is of use */
	bool has_seed;
	uint64_t seed;
	uint64_t mtu;	     /* 0: 1,500 */
	uint64_t max_memory; /* bytes; 0: no cap */
	bool no_offload;
	bool verbose;
	bool is_alone; /* its program is the only one */
	/* Of a network's host. */
	struct run_wire *wires;
	int n_wires;
	const struct run_route *routes;
	int n_routes;
	const char *net_hosts; /* lines for /etc/hosts; and no name servers */
};

struct run_host {
	const struct command *command;
	const struct run_host_config *config;
	struct host *host;
	struct tern_link *capture;
	FILE *record;
	struct run_flight *flight; /* or NULL */
	struct run_last *last;	   /* or NULL */
	struct tern_link **wires;  /* config's, in their order */
	/* The kernel's side, one for each prefix of ours. */
	struct tern_prefix gws[RUN_HOST_MAX];
	int n_gws;
};

/* 0, or the exit status after an error that has been told. */
int run_host_open(struct run_host *, const struct command *,
		  const struct run_host_config *);

/* Changes what a wire, by its name, does to packets it sends. 0, -TERN_ENOENT,
 * or -TERN_EINVAL with *why. */
int run_host_impair(struct run_host *, const char *wire, const char *words,
		    const char **why);

/* Takes the device away and finishes the files; false if one of these could
 * not be written whole. */
bool run_host_close(struct run_host *);

#endif
