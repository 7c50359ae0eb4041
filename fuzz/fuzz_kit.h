// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the fuzzer of the whole stack is made of.
 *
 * Its input is a program: a byte names an operation, the bytes after it say
 * how. Operations put packets in, call sockets, move time. The fuzzer plays
 * every peer; what the stack sends it remembers by flow, so that a segment that
 * is nearly right costs the input few bytes.
 *
 *	fuzz_stack.c	runs them
 *	fuzz_replay.c	runs them, and damages the record
 *	fuzz_kit.c	the stack, the input's bytes, the record
 *	fuzz_net.c	packets in and out
 *	fuzz_packets.c	operations that put packets in
 *	fuzz_sockets.c	operations that call sockets and set things up
 *	fuzz_check.c	what must hold after each operation
 */
#ifndef FUZZ_FUZZ_KIT_H
#define FUZZ_FUZZ_KIT_H

#include "base/bytes.h"
#include "base/time.h"

#include <tern/stack.h>

#define FUZZ_SOCKETS 12
#define FUZZ_FLOWS 8
#define FUZZ_PACKET 2200

/* One connection as a peer sees it. */
struct flow {
	struct tern_addr us, peer;
	uint16_t our_port, peer_port;
	uint32_t nxt; /* behind the last byte that the stack sent */
	uint32_t una; /* the last byte before that it did not resend */
	uint32_t ack; /* what it expects next */
	uint32_t isn; /* ours, if we dialled */
	uint32_t ts_val;
	uint32_t ts_ours; /* what we said last */
	uint16_t window;
	bool has_ts, is_used;
	uint8_t last[128]; /* start of its last packet, for ICMP to quote */
	uint32_t last_len;
};

struct fuzz {
	const uint8_t *p, *end; /* the input still to come */
	struct tern_stack *st;
	struct tern_pool *pool; /* of the packets that we put in */
	int link;
	int64_t now;
	int socks[FUZZ_SOCKETS];
	uint32_t n_socks; /* ever made */
	struct flow flows[FUZZ_FLOWS];
	uint32_t n_flows; /* ever seen */
	bool deaf;	  /* nothing is taken out */
	bool show;
	uint32_t most_mtu; /* of the link, ever */
	uint64_t syn_id;   /* told last */
	uint16_t next_id;
	uint64_t n_out;
	/* The allocator. */
	size_t used;
	uint32_t fail_in, fail_n; /* allocations until n fail */
	bool has_failed;
	/* The record. */
	bool records;
	uint8_t *record;
	size_t record_len, record_cap;
};

/* Ends the program with a line that says what does not hold. */
#define MUST(x) ((x) ? (void)0 : fuzz_die(#x, __FILE__, __LINE__))
_Noreturn void fuzz_die(const char *what, const char *file, int line);

/* records is kept from before. */
void fuzz_open(struct fuzz *, const uint8_t *data, size_t len);
/* All operations of the input. */
void fuzz_run(struct fuzz *);
/* Fails if memory has leaked. */
void fuzz_close(struct fuzz *);
/* The run again from its record, if it has one: the same to the last byte. Frees
 * the record. */
void fuzz_replay(struct fuzz *);
struct tern_replay fuzz_replay_of(struct fuzz *);

/* The next bytes of the input; 0 behind its end. */
uint8_t fuzz_u8(struct fuzz *);
uint16_t fuzz_u16(struct fuzz *);
uint32_t fuzz_u32(struct fuzz *);
/* A length: mostly short. */
uint32_t fuzz_len(struct fuzz *, uint32_t most);
/* A number that is added to a right one: mostly 0. */
uint32_t fuzz_near(struct fuzz *);
void fuzz_fill(struct fuzz *, uint8_t *out, size_t n);
int fuzz_sock(struct fuzz *);
struct flow *fuzz_flow(struct fuzz *);
struct tern_addr fuzz_addr(struct fuzz *, bool v6);

struct tern_addr fuzz_us(bool v6);
struct tern_addr fuzz_peer(bool v6);

/* An IP packet of one piece, into the stack: its shape is up to the input. */
struct fuzz_ip {
	struct tern_addr src, dst;
	uint8_t protocol;
	uint8_t tos, ttl;
	uint16_t frag; /* IPv4's offset and flags, or IPv6's */
	uint32_t id;
	bool is_frag;
};
/* Builds header and, for TCP, UDP and ICMP, the checksum; the payload lies at
 * out + 60. Returns where the packet begins, and its length. */
uint8_t *fuzz_ip_build(const struct fuzz_ip *, uint8_t *out, uint32_t *len);
void fuzz_inject(struct fuzz *, const uint8_t *bytes, uint32_t len);
/* A line for it, if asked to. */
void fuzz_show(struct fuzz *, const char *way, const struct tern_pkt *);
/* Takes what the stack sends, and learns from it. */
void fuzz_drain(struct fuzz *);
void fuzz_time(struct fuzz *, int64_t at);

/* A segment of this flow with right checksums, n payload bytes. */
struct fuzz_seg {
	uint32_t seq, ack;
	uint16_t flags, window, urgent;
	uint8_t opts[40];
	uint32_t opts_len;
	uint32_t n;
};
void fuzz_segment(struct fuzz *, struct flow *, struct fuzz_seg *);
/* nop,nop,TS as the flow needs it, or nothing. */
void fuzz_put_ts(struct flow *, struct fuzz_seg *, uint32_t off);

/* fuzz_check.c */
void fuzz_check(struct fuzz *);
void fuzz_check_packet(struct fuzz *, const struct tern_pkt *);

/* A row of the table of operations. tools that write inputs read the names. */
struct fuzz_op {
	const char *name;
	void (*run)(struct fuzz *);
};
extern const struct fuzz_op fuzz_packet_ops[];
extern const int fuzz_n_packet_ops;
extern const struct fuzz_op fuzz_socket_ops[];
extern const int fuzz_n_socket_ops;

#endif
