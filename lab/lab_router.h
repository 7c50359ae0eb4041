// SPDX-License-Identifier: BSD-2-Clause
/* Routers, and routers that translate addresses. */
#ifndef LAB_ROUTER_H
#define LAB_ROUTER_H

#include "lab_host.h"

struct lab_router_config {
	bool silent;	 /* answers nothing by ICMP (a black hole) */
	bool nat;	 /* its first port is the inside */
	int64_t idle_ns; /* a NAT forgets who says nothing for so long */
	bool resets;	 /* and answers segments of the forgotten: RST */
};

/* The port by which it sends to a host, whatever the way there may be. */
struct lab_fixed_route {
	const struct lab_node *to;
	int port;
};

#define LAB_ROUTES_MAX 8

struct lab_router {
	struct lab_node node;
	struct lab_router_config config;
	struct tern_addr addr[2]; /* IPv4, IPv6 */
	uint16_t ip_id;
	struct lab_fixed_route routes[LAB_ROUTES_MAX];
	int n_routes;
	struct lab_mapping *mappings;
	uint16_t next_port;
};

struct lab_node *lab_router_new(struct lab_net *, const char *name,
				const struct lab_router_config *,
				const struct tern_addr addr[2]);
bool lab_node_is_router(const struct lab_node *);

/* From now on it sends what is for the host `to` to the router `by`. False:
 * that is no neighbour, or there are too many routes. */
bool lab_router_set_route(struct lab_node *router, const struct lab_node *to,
			  const struct lab_node *by);

/* Translates a frame that goes out, or one that comes in. False: it has no
 * mapping, and is to be dropped. */
bool lab_nat_out(struct lab_router *, struct lab_frame *, int64_t now);
bool lab_nat_in(struct lab_router *, struct lab_frame *, int64_t now);
void lab_nat_free(struct lab_router *);

/* Cuts an IPv4 packet into fragments of at most mtu bytes. */
void lab_fragment(struct lab_frame *, uint32_t mtu, struct lab_frames *out);

#endif
