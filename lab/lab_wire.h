// SPDX-License-Identifier: BSD-2-Clause
/*
 * A wire between two nodes: a middlebox that goes by rules, then what the
 * path does to packets (link/impair.h), one lane each way.
 */
#ifndef LAB_WIRE_H
#define LAB_WIRE_H

#include "lab_log.h"
#include "lab_net.h"

#include "link/impair.h"

enum lab_rule_kind {
	LAB_RULE_DROP,
	LAB_RULE_HOLD,	    /* arrives later by hold_ns */
	LAB_RULE_DUPLICATE, /* n copies more, hold_ns apart */
	LAB_RULE_CORRUPT,   /* a bit of the payload, or of the header */
	LAB_RULE_REWRITE,   /* a field, the checksum made good */
	LAB_RULE_RECORD,    /* keeps a copy under a name */
	LAB_RULE_MARK,	    /* CE */
};

struct lab_rule {
	struct lab_rule *next;
	enum lab_rule_kind kind;
	int line;
	struct lab_pattern pattern;
	uint32_t n_seen; /* that fit the pattern */
	uint32_t n_acted;
	int64_t hold_ns;
	uint32_t n_copies;
	int field; /* of a rewrite: lab_rewrite_field() */
	uint32_t value;
	const char *name;	  /* of a record */
	struct lab_frame *record; /* the copy; owned */
};

/* Number of a field that can be rewritten, or -1. */
int lab_rewrite_field(const char *name);
/* Rewrites in place. Checksums stay right. */
void lab_rewrite(struct lab_frame *, int field, uint32_t value);
void lab_rewrite_numbers(struct lab_frame *, uint32_t seq, uint32_t ack);
/* Makes the checksums of IP and of the transport good. */
void lab_rewrite_sums(struct lab_frame *);

/* The rules are the caller's and outlive the wire; their order counts. */
struct lab_node *lab_wire_new(struct lab_net *, const char *name,
			      const struct impair_config lanes[2], uint32_t mtu,
			      struct lab_rule *rules);
uint32_t lab_wire_mtu(const struct lab_node *);
void lab_wire_set_up(struct lab_node *, bool up);
/* Changes what the path does from now on. */
void lab_wire_impair(struct lab_node *, const struct impair_config lanes[2]);
/* Puts the frame, which is the wire's from now on, on it towards a port, as its
 * other end would. quiet: one of many, not to be drawn. */
void lab_wire_inject(struct lab_node *, int towards, struct lab_frame *,
		     bool quiet);
/* Sees every frame that is put on the wire, and when it leaves it. */
typedef void lab_wire_tap(void *ctx, const struct lab_frame *, int from_port,
			  int64_t at);
void lab_wire_set_tap(struct lab_node *, lab_wire_tap *, void *ctx);
bool lab_node_is_wire(const struct lab_node *);

#endif
