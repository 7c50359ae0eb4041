// SPDX-License-Identifier: BSD-2-Clause
/* A network as a file describes it (doc/net.md), and where all of it is. */
#ifndef TOOLS_NET_FILE_H
#define TOOLS_NET_FILE_H

#include "link/impair.h"
#include "tools/tool.h"

#define NET_HOSTS 64
#define NET_LINKS 128
#define NET_SETS 16
#define NET_PROGRAMS 64
#define NET_NAME_LEN 16 /* with the final NUL; links are called by them */

struct net_host {
	char name[NET_NAME_LEN];
	int line;
	bool is_router;
	const char *sets[NET_SETS]; /* "knob=value" */
	int n_sets;
	const char *capture;
	/* An uplink: a router with a device to the kernel. */
	const char *tun;
	struct tern_prefix tun_addr;
};

struct net_end {
	int host;
	struct tern_prefix addr[2];  /* IPv4, IPv6; bits 0: none yet */
	struct impair_config impair; /* of what it sends */
	int fd;			     /* -1: not made */
};

struct net_link {
	int line;
	struct net_end end[2];
	uint32_t mtu;
};

enum net_after {
	NET_AT_ONCE,
	NET_TIME,   /* after_ns of the start */
	NET_LISTEN, /* after_host listens at after_port */
	NET_ENDED,  /* after_host's programs have ended: net_waits_for() */
};

struct net_program {
	int line;
	int host;
	bool is_server; /* the network does not wait for its end */
	const char *command;
	enum net_after after;
	int64_t after_ns;
	int after_host;
	uint16_t after_port;
};

struct net {
	char *text; /* all strings are in it */
	uint64_t seed;
	struct net_host hosts[NET_HOSTS];
	struct net_link links[NET_LINKS];
	struct net_program programs[NET_PROGRAMS];
	int n_hosts, n_links, n_programs;
	int64_t stop_ns; /* 0: when its programs have ended */

	/* Of the command line. */
	const char *flight; /* what its hosts' files begin with; NULL: none */
	uint64_t flight_size;
};

/* Reads it. False after telling FILE:LINE and what is wrong. */
bool net_read(const struct command *, const char *path, struct net *);
void net_free(struct net *);

/* Is b one of those whose end a waits for? On a host of its own: those of the
 * lines above. */
bool net_waits_for(const struct net_program *a, const struct net_program *b);

/* Gives addresses to the ends that have none. False after telling why not. */
bool net_assign(const struct command *, const char *path, struct net *);

/* A host's way to a link that it is not on. */
struct net_hop {
	int link; /* of the host's own, by which it leaves */
	int end;  /* 0 or 1: the neighbour's end of that link */
};
/* The next hop from host `from` to each link; link -1: none, or its own. */
void net_routes(const struct net *, int from, struct net_hop hops[NET_LINKS]);

#endif
