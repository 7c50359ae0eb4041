// SPDX-License-Identifier: BSD-2-Clause
/*
 * The flight recorder's memory.
 * Included by: src/stack*.c.
 *
 * What to keep of a run that may last for weeks, so that its last minutes can
 * be replayed? A record says nothing without its beginning, and a stack's state
 * cannot be written down. But a connection can: what it does follows from the
 * calls that concerned it, from keys, tunables, routes and the clock, and
 * hardly from other connections. So there is a stream of calls for each
 * connection, from its first SYN on, and for each listener; streams are kept
 * or forgotten as a whole, the connections that are over first, the longest
 * silent ones first.
 *
 * To write one down (stack_flight_write.c) its calls are done again on a stack
 * of its own, which records itself. So the file is a record like any other and
 * replays to its last byte; and whether the connection sent then what it had
 * sent is looked at, segment by segment, and told.
 *
 * Data is not kept, only counted: it is 'x' in the file. UDP is not kept.
 */
#ifndef STACK_FLIGHT_H
#define STACK_FLIGHT_H

#include "stack_door.h"

struct flight_entry {
	struct flight_entry *next;
	uint64_t order; /* of its call in the run; packets share theirs */
	int64_t now;
	int64_t arg[4];
	int64_t result;
	uint8_t op;
	int s;		 /* the socket, or the link */
	uint32_t n;	 /* bytes here */
	uint32_t n_data; /* bytes of data left out */
	/* Of a packet in: */
	uint16_t gso_size, csum_start, csum_off;
	uint8_t csum;
	uint16_t data_sum;
	/* A packet's headers; packets out, a hash of 4 bytes each; what else
	 * goes in. */
	_Alignas(8) uint8_t bytes[];
};

struct flight_stream {
	struct flight_stream *next_hash, *newer, *older;
	struct flight_entry *first, *last;
	struct flight_stream *listener;
	struct tern_sockaddr local, remote;
	uint64_t id;
	int64_t ended_at; /* NEVER: it goes on */
	size_t size;
	uint32_t refs; /* streams whose listener this is */
	int n_socks;   /* numbers that are its */
	int error;     /* what it ended with */
	uint8_t list;
	bool has_ends, is_listener, was_open, is_lost;
	bool is_told; /* of its end, or about to be */
};

/* FLIGHT_KEPT: nothing of it can go, so who looks for room never meets it:
 * listeners, and those of which nothing is left but that they are. */
enum { FLIGHT_OVER, FLIGHT_LIVE, FLIGHT_KEPT, FLIGHT_LISTS };

struct flight_list {
	struct flight_stream *oldest, *newest;
};

#define FLIGHT_BUCKETS 4096u
#define FLIGHT_AWAITED 16

struct flight {
	struct tern_stack *st;
	struct mem mem;
	size_t most; /* bytes of streams */
	size_t size;
	int64_t began_at;
	uint64_t order; /* of the call that is made now */
	uint64_t n_streams;
	struct flight_list lists[FLIGHT_LISTS]; /* by their last call */
	struct flight_stream *buckets[FLIGHT_BUCKETS];
	struct flight_stream **sockets; /* by number */
	int n_sockets;
	struct flight_stream setup;	/* links, addresses, routes, tunables */
	struct flight_entry *open;	/* the call's, for its result */
	struct flight_entry *open_prev; /* the one before it, or NULL */
	struct flight_stream *awaited[FLIGHT_AWAITED]; /* ends to be told */
	int n_awaited;
	/* Who would be told if there were no recorder. */
	unsigned trace_kinds;
	void (*trace)(void *ctx, const struct tern_trace *);
	void *trace_ctx;
};

/* 0, or -TERN_ENOMEM. The stack's trace is the recorder's from then on. */
int stack_flight_begin(struct tern_stack *);
/* Tells the ends that are not told yet. */
void stack_flight_end(struct tern_stack *);
void stack_flight_before(struct tern_stack *, const struct call *);
void stack_flight_after(struct tern_stack *, const struct call *,
			int64_t result);

/* Which connection a packet is of, seen from here; false: none of TCP's.
 * *hdr_len: bytes before its data. */
bool stack_flight_ends(const struct tern_pkt *, bool out,
		       struct tern_sockaddr *local,
		       struct tern_sockaddr *remote, uint32_t *hdr_len,
		       uint16_t *flags);
/* What a segment says, in 32 bits. */
uint32_t stack_flight_hash(const struct tern_pkt *, uint32_t hdr_len);

/* stack_flight_stream.c. A new one has no ends yet; NULL without memory. */
struct flight_stream *stack_flight_new(struct flight *);
void stack_flight_drop(struct flight *, struct flight_stream *);
/* Without its entries. */
void stack_flight_empty(struct flight *, struct flight_stream *);
/* Forgets until what is left fits. */
void stack_flight_make_room(struct flight *);
/* Something happened to it: it is the youngest, of those that live or not. */
void stack_flight_touch(struct flight *, struct flight_stream *);
/* These are its ends now; the newest of the same ends is found first. */
void stack_flight_join(struct flight *, struct flight_stream *,
		       const struct tern_sockaddr *local,
		       const struct tern_sockaddr *remote);
void stack_flight_set_socket(struct flight *, int64_t number,
			     struct flight_stream *);
/* By its socket, or NULL. */
struct flight_stream *stack_flight_of(const struct flight *, int s);
/* An entry with n bytes to be filled, or NULL. */
struct flight_entry *stack_flight_append(struct flight *,
					 struct flight_stream *,
					 const struct call *, size_t n);
/* The same with what went in besides numbers and packets. */
struct flight_entry *stack_flight_append_call(struct flight *,
					      struct flight_stream *,
					      const struct call *);
struct flight_stream *stack_flight_find(struct flight *,
					const struct tern_sockaddr *local,
					const struct tern_sockaddr *remote);

#endif
