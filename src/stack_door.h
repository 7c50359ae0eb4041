// SPDX-License-Identifier: BSD-2-Clause
/*
 * The one door into the stack. A row says what a call is called, who acts on
 * it, and the shapes of what goes in and comes out besides numbers, which is
 * what recording and replaying need to know.
 */
#ifndef STACK_DOOR_H
#define STACK_DOOR_H

#include "sock/call.h"
#include "stack_priv.h"

enum call_shape {
	SHAPE_NONE,
	SHAPE_BYTES, /* call's len of them; in: copied to aligned memory */
	SHAPE_MSG,   /* struct tern_msg; out: what a receive filled */
	SHAPE_PKTS,  /* struct tern_pkt *[], of call's len */
	SHAPE_FRAGS, /* struct tern_frag[], of call's len */
	SHAPE_PAIR,  /* const char *[2] */
	SHAPE_CC,    /* out: const struct tern_cc_ops, its name in `in` */
};

struct call_row {
	const char *name;
	int64_t (*handler)(struct tern_stack *, struct call *);
	uint8_t n_args;
	uint8_t in, out;   /* enum call_shape */
	uint16_t in_size;  /* SHAPE_BYTES of just this size; 0: of any */
	uint16_t out_size; /* bytes each; the room is out_size * arg[0] if
			    * counted, else one; 0: call's out_len */
	bool counted;
};

extern const struct call_row stack_door_rows[N_CALLS];

/* Sets the clock, runs what is due, acts, and lets the loopback run. */
int64_t stack_door(struct tern_stack *, struct call *);

/* Handlers of calls that are no sockets'. */

/* s: the link; in: packets. */
int64_t stack_on_input(struct tern_stack *, struct call *);
/* s: the link; arg: room; out: packets. */
int64_t stack_on_output(struct tern_stack *, struct call *);
int64_t stack_on_advance(struct tern_stack *, struct call *);
/* arg: mtu, abilities, queue_len; in: the name. */
int64_t stack_on_link_add(struct tern_stack *, struct call *);
/* s: the link; arg: up. */
int64_t stack_on_link_set_up(struct tern_stack *, struct call *);
/* s: the link; arg: mtu. */
int64_t stack_on_link_set_mtu(struct tern_stack *, struct call *);
/* s: the link; arg: prefix; in: struct tern_addr. */
int64_t stack_on_addr_add(struct tern_stack *, struct call *);
int64_t stack_on_addr_del(struct tern_stack *, struct call *);
/* in: struct tern_route. */
int64_t stack_on_route_add(struct tern_stack *, struct call *);
int64_t stack_on_route_del(struct tern_stack *, struct call *);
/* in: name and value. */
int64_t stack_on_sysctl_set(struct tern_stack *, struct call *);
/* in: its name; out: the controller. */
int64_t stack_on_cc_register(struct tern_stack *, struct call *);

#endif
