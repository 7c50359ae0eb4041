// SPDX-License-Identifier: BSD-2-Clause
/*
 * The virtual network: a clock that is set by hand over nodes that pass
 * frames to each other.
 *
 *	host --- wire --- router --- wire --- host
 *
 * A node has ports; a frame that leaves by a port enters its peer at once, as
 * time passes in wires only. Nodes are run in the order in which they were
 * made, so one seed gives one run.
 */
#ifndef LAB_NET_H
#define LAB_NET_H

#include "base/rng.h"
#include "base/time.h"

#include <tern/socket.h>

#define LAB_PORTS_MAX 8
#define LAB_NODES_MAX 64
#define LAB_FRAME_MAX 65600u
#define LAB_NAME_MAX 24

/* An IP packet on its way. */
struct lab_frame {
	struct lab_frame *next; /* for who holds it */
	int64_t at;		/* for who holds it: when it goes on */
	int event;		/* of the log, or -1 */
	uint32_t len;
	uint8_t bytes[];
};

struct lab_node;

struct lab_node_ops {
	/* A frame enters by a port; it is the node's from now on. */
	void (*forward)(struct lab_node *, int port, struct lab_frame *,
			int64_t now);
	/* (optional) When run() should be called; NEVER. */
	int64_t (*next_run_at)(struct lab_node *);
	/* (optional) */
	void (*run)(struct lab_node *, int64_t now);
	/* (required) */
	void (*free)(struct lab_node *);
};

struct lab_net;

/* The first member of every node. */
struct lab_node {
	const struct lab_node_ops *ops;
	struct lab_net *net;
	char name[LAB_NAME_MAX];
	int lane; /* of the ladder, or -1 */
	struct {
		struct lab_node *node;
		int port;
	} peer[LAB_PORTS_MAX];
	int n_ports;
};

struct lab_fault;
struct lab_log;

struct lab_net {
	int64_t now;
	struct rng rng;
	struct lab_node *nodes[LAB_NODES_MAX];
	int n_nodes;
	struct lab_log *log;
	uint64_t digest;   /* of every frame put on a wire, and when */
	uint64_t n_frames; /* so many */
	bool stuck;	   /* too much happened at one instant */
	uint32_t n_rounds;
	struct lab_fault *fault; /* of all hosts; or NULL */
};

void lab_net_init(struct lab_net *, uint64_t seed, struct lab_log *);
/* Frees all nodes. */
void lab_net_fini(struct lab_net *);
/* False: no room for one more. */
bool lab_net_add(struct lab_net *, struct lab_node *, const char *name);

/* Joins a free port of each; false if one has none. */
bool lab_net_join(struct lab_node *a, struct lab_node *b);

/* When something happens next. */
int64_t lab_net_next_at(struct lab_net *);
/* Sets the clock to `at` and runs every node that is due then, once. */
void lab_net_run(struct lab_net *, int64_t at);

/* A frame of n bytes, uninitialised. */
struct lab_frame *lab_frame_new(uint32_t len);
struct lab_frame *lab_frame_copy(const struct lab_frame *);
/* Sends it out by a port: the peer takes it over. */
void lab_node_send(struct lab_node *, int port, struct lab_frame *);

/* Adds bytes to the digest. */
void lab_net_digest(struct lab_net *, const void *bytes, size_t n);

/* A queue of frames by instant; equal instants keep their order. */
struct lab_frames {
	struct lab_frame *head, *tail;
};
void lab_frames_add(struct lab_frames *, struct lab_frame *);
struct lab_frame *lab_frames_take(struct lab_frames *, int64_t now);
void lab_frames_free(struct lab_frames *);

#endif
