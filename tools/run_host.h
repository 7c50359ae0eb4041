// SPDX-License-Identifier: BSD-2-Clause
/* A host as a command line describes it: a TUN device, addresses, routes,
 * tunables, capture, record. */
#ifndef TOOLS_RUN_HOST_H
#define TOOLS_RUN_HOST_H

#include "host/host.h"
#include "tools/tool.h"

#include <stdio.h>

#define RUN_HOST_MAX 16

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
	const char *resolv; /* NULL: what of the system's is of use */
	bool has_seed;
	uint64_t seed;
	uint64_t mtu; /* 0: 1,500 */
	bool no_offload;
	bool verbose;
};

struct run_host {
	const struct command *command;
	const struct run_host_config *config;
	struct host *host;
	struct tern_link *capture;
	FILE *record;
	/* The kernel's side, one for each prefix of ours. */
	struct tern_prefix gws[RUN_HOST_MAX];
	int n_gws;
};

/* 0, or the exit status after an error that has been told. */
int run_host_open(struct run_host *, const struct command *,
		  const struct run_host_config *);

/* Takes the device away and finishes the files; false if one of these could
 * not be written whole. */
bool run_host_close(struct run_host *);

#endif
