// SPDX-License-Identifier: BSD-2-Clause
/*
 * A frame as people speak of it: flags, numbers relative to the initial ones
 * of each side, lengths, options. And patterns that say which frames are
 * meant: "the 2nd SYN+ACK from server", "data len 1000 from client".
 */
#ifndef LAB_SEG_H
#define LAB_SEG_H

#include "drill_mem.h"

#include "wire/wire_ip.h"
#include "wire/wire_tcp.h"

struct lab_seg {
	struct tern_addr src, dst;
	uint16_t sport, dport;
	uint8_t protocol; /* WIRE_PROTO_* */
	uint8_t tos, ttl;
	bool v6;
	bool is_frag;	   /* not the whole datagram */
	uint16_t frag_off; /* bytes; not 0: no ports and no flags */
	uint32_t ip_len;   /* whole */
	uint32_t len;	   /* payload: of TCP, UDP or the fragment */
	/* TCP */
	uint16_t flags;
	uint32_t seq, ack; /* relative */
	uint32_t raw_seq, raw_ack;
	uint32_t win; /* as it is meant: scaled when the handshake said so */
	uint16_t raw_win;
	uint8_t tcp_off,
		tcp_hdr; /* where TCP begins, and its header's length */
	struct wire_tcp_opts opts;
	uint32_t sack[2 * WIRE_TCP_MAX_SACK]; /* relative */
	bool isn_shown;			      /* its ISN is new */
	/* ICMP */
	uint8_t icmp_type, icmp_code;
	uint32_t icmp_mtu;
};

/* Initial numbers and scales by 4-tuple and direction. */
struct lab_flows {
	struct lab_flow *flows;
	size_t n, cap;
	uint32_t *index; /* hash table of numbers + 1 */
	size_t n_index;
};
void lab_flows_fini(struct lab_flows *);

/* Parses n bytes that begin with an IP header; false: no such. */
bool lab_seg_parse(struct lab_seg *, const uint8_t *bytes, uint32_t n);
/* The packet that an ICMP error is about, as far as its ports; n bytes from the
 * error's IP header on. False: it is none, or quotes too little. */
bool lab_seg_quote(const struct lab_seg *error, const uint8_t *bytes,
		   uint32_t n, struct lab_seg *quote);
/* Learns from a SYN, and fills in relative numbers and the window. */
void lab_seg_relate(struct lab_seg *, struct lab_flows *);
/* The initial number of who sends the segment, 0 if it is not known. */
uint32_t lab_flows_isn(const struct lab_flows *, const struct lab_seg *);

/* "SYN+ACK seq 0 ack 1 win 65160 <mss 1460,sackOK>"; ts: timestamps too. */
void lab_seg_print(struct drill_text *, const struct lab_seg *, bool ts);

enum lab_seg_kind {
	LAB_SEG_ANY, /* any packet */
	LAB_SEG_TCP, /* any segment */
	LAB_SEG_UDP,
	LAB_SEG_ICMP,
	LAB_SEG_FRAGMENT,
};

enum lab_op { LAB_EQ, LAB_GE, LAB_LE, LAB_GT, LAB_LT, LAB_NE };
bool lab_op_holds(enum lab_op, int64_t have, int64_t want);
const char *lab_op_text(enum lab_op);

/* A condition on a number of the segment. */
struct lab_seg_cond {
	int field; /* lab_seg_field() */
	enum lab_op op;
	int64_t value;
};

#define LAB_CONDS_MAX 8

struct lab_pattern {
	enum lab_seg_kind kind;
	uint16_t flags_set, flags_clear;
	bool no_data, some_data; /* payload */
	uint32_t first, last;	 /* which of those; 0: all */
	struct lab_seg_cond conds[LAB_CONDS_MAX];
	int n_conds;
	const char *from, *to; /* names of hosts, or NULL */
	int64_t since, until;  /* the window of time; 0, NEVER */
	const char *text;      /* as it was written */
};

/* Number of a field by name ("seq", "len", "win", "mss", ...), or -1. */
int lab_seg_field(const char *name);
/* False: the segment has no such thing. */
bool lab_seg_get(const struct lab_seg *, int field, int64_t *out);

/* All of it but the counting, the names and the times. */
bool lab_pattern_fits(const struct lab_pattern *, const struct lab_seg *);
/* Flags by name ("SYN+ACK", "data"); false: no such. */
bool lab_pattern_flags(struct lab_pattern *, const char *word);

#endif
