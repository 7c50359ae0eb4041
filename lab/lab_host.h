// SPDX-License-Identifier: BSD-2-Clause
/*
 * A host: one tern stack with a link for each port and an address for each.
 * Programs (lab_app.h) act on its stack directly.
 */
#ifndef LAB_HOST_H
#define LAB_HOST_H

#include "lab_log.h"
#include "lab_net.h"

#include "lab_sys.h"

#define LAB_KNOBS_MAX 64
/* With more sockets than this, states are not followed one by one. */
#define LAB_FOLLOWED_MAX 64

struct lab_knob {
	const char *name, *value;
};

/* A connection whose state is followed. */
struct lab_followed {
	uint16_t lport, rport;
	struct tern_addr remote;
	int state;
	bool seen;
};

struct lab_host {
	struct lab_node node;
	bool on;
	const struct lab_sys *sys; /* what its programs may call */
	struct tern_stack *st;	   /* NULL: off, or the kernel's */
	struct tern_pool *pool;
	struct tern_config config;
	struct tern_addr addr[LAB_PORTS_MAX][2]; /* IPv4, IPv6 */
	int link_no[LAB_PORTS_MAX];
	uint32_t mtu[LAB_PORTS_MAX];
	struct lab_knob knobs[LAB_KNOBS_MAX]; /* set at each boot */
	int n_knobs;
	uint32_t descriptors; /* 0: the stack's own bound */
	uint32_t n_boots;
	int64_t refused_until; /* its links take nothing until then */
	/* A host that takes its time for each packet: those that wait, by the
	 * port where they came in, and how many were too many. */
	int64_t handle_ns, busy_until;
	struct lab_frames input[LAB_PORTS_MAX];
	uint32_t n_input;
	int64_t n_overflowed;
	struct lab_followed followed[LAB_FOLLOWED_MAX];
	int n_followed;
	int n_unfollowed; /* so many calls more, there are too many */
	int input_event;  /* whose frame the stack is looking at, or -1 */
};

/* malloc() and free(). */
struct tern_allocator lab_allocator(void);

/* A host without power. */
struct lab_host *lab_host_new(struct lab_net *, const char *name);
extern const char lab_no_memory[];
/* Makes a stack; its ports are joined by now. NULL, or what is wrong: a knob
 * that it does not take, or lab_no_memory. */
const char *lab_host_boot(struct lab_host *);
/* All that the stack knows is gone; nothing is sent. */
void lab_host_off(struct lab_host *);
bool lab_node_is_host(const struct lab_node *);
/* Logs what has changed since it was last asked. */
void lab_host_follow(struct lab_host *);

/* By which port of `from` a packet to this address goes, or -1: the way
 * through the network is found by walking it. */
int lab_route(const struct lab_node *from, const struct tern_addr *dst);
/* Has the node this address? Routers and NATs have one each. */
bool lab_node_has(const struct lab_node *, const struct tern_addr *);

/* A node that looks at all that passes a host's port, and logs what breaks
 * an invariant. */
struct lab_node *lab_watch_new(struct lab_net *, struct lab_host *);
/* Who tells it of a connection; false: there is none. Else the host's stack. */
typedef bool lab_info_fn(struct lab_host *, uint16_t lport, uint16_t rport,
			 struct tern_tcp_info *);
void lab_watch_ask(struct lab_node *watch, lab_info_fn *);

#endif
