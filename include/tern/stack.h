// SPDX-License-Identifier: BSD-2-Clause
/*
 * A TCP/IP stack without an operating system: four calls, time an argument.
 *
 *	tern_stack_input()	packets in
 *	tern_stack_output()	packets out, as many as the link takes now
 *	tern_stack_deadline()	when the stack next wants to run
 *	tern_stack_advance()	runs the timers
 *
 * and the socket calls of socket.h. The stack never asks for the time, a
 * random number, an environment variable or a global: the same calls give
 * the same bytes out, always. A stack is single-threaded and shares nothing;
 * more cores are more stacks.
 *
 * The loop of every embedder, real or virtual:
 *
 *	wait for packets, or until tern_stack_deadline();
 *	tern_stack_advance(now); tern_stack_input(...); tern_events(...);
 *	socket calls; tern_stack_output(...) until it gives none.
 */
#ifndef TERN_STACK_H
#define TERN_STACK_H

#include <tern/error.h>
#include <tern/link.h>
#include <tern/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tern_cc_ops;
struct tern_flight;
struct tern_stack;
struct tern_trace;

struct tern_config {
	/* All randomness comes from here: ISNs, ports, hash keys. Sixteen
	 * bytes nobody else knows; equal seeds give equal runs. */
	uint8_t seed[16];

	/* NULL functions are refused: the core has no heap of its own. */
	struct tern_allocator alloc;

	/* Packets and send buffers; NULL: the stack makes a pool of its own
	 * from alloc. A given pool is the caller's and outlives the stack. */
	struct tern_pool *pool;

	/* Nanoseconds from `now` 0 to the Unix epoch, for the calendar times
	 * that a few socket options report. */
	int64_t epoch_ns;

	/* The most sockets at a time (O17); 0: 1,048,576. */
	uint32_t max_sockets;

	/* The most bytes the stack may take from alloc; 0: no cap. Beyond it
	 * allocations fail as if memory had run out (X4, X6). */
	size_t max_memory;

	/* Each control block is an allocation of its own, for sanitizers and
	 * for faults; else they come from slabs. */
	bool plain_alloc;

	/* Everything that goes in, as bytes, before it is acted on (V6);
	 * NULL: not recorded. The bytes are valid during the call. */
	void (*record)(void *ctx, const void *bytes, size_t len);
	void *record_ctx;

	/* The flight recorder: so many bytes for the calls that concerned the
	 * newest connections, from the first to the last, without their data;
	 * 0: none. `flight` is told of each connection that ended by a reset,
	 * sent or received, or by an error, once its socket is closed, a second
	 * has passed, or the stack is freed. It may call tern_flight_write(),
	 * nothing else of the stack. */
	size_t flight_size;
	void (*flight)(void *ctx, const struct tern_flight *);
	void *flight_ctx;

	/* State changes, timers, drops (V5); NULL: not traced. The callback
	 * must not call into the stack. tern_stack_trace() sets it later. */
	void (*trace)(void *ctx, const struct tern_trace *);
	void *trace_ctx;
};

/* A stack, or NULL without memory or with an unusable configuration. */
struct tern_stack *tern_stack_new(const struct tern_config *, int64_t now);

/* Frees the stack and all it holds; nothing is sent. */
void tern_stack_free(struct tern_stack *);

/*
 * n packets that arrived by `link`, in order. The stack takes them over.
 * What was decided here stays decided: replies wait for output().
 */
void tern_stack_input(struct tern_stack *, int link, struct tern_pkt **pkts,
		      int n, int64_t now);

/*
 * Up to max packets to leave by `link` now; the caller owns them. Cut to the
 * MTU and with checksums complete unless the link can do that itself.
 * Returns how many; fewer than max: there is nothing more to send now.
 */
int tern_stack_output(struct tern_stack *, int link, struct tern_pkt **pkts,
		      int max, int64_t now);

/* Are there packets for this link? Cheap. */
bool tern_stack_has_output(struct tern_stack *, int link);

/* The instant at which advance() should run next; TERN_NEVER if nothing is
 * pending; never later than the next timer, sometimes earlier. */
int64_t tern_stack_deadline(struct tern_stack *);

/* Runs all timers that are due at `now`. */
void tern_stack_advance(struct tern_stack *, int64_t now);

struct tern_link_config {
	const char *name; /* at most 15 bytes */
	uint32_t mtu;
	uint32_t abilities; /* TERN_LINK_* */
	uint32_t queue_len; /* packets that may wait to leave; 0: 1,000 */
};

/* A new link, by number from 1 on (0 is the loopback inside the stack).
 * Returns the number or -errno. */
int tern_link_add(struct tern_stack *, const struct tern_link_config *,
		  int64_t now);
/* A link that goes down drops what waits for it; packets to it are refused
 * as if the cable were pulled. */
int tern_link_set_up(struct tern_stack *, int link, bool up, int64_t now);
int tern_link_set_mtu(struct tern_stack *, int link, uint32_t mtu, int64_t now);

/* An address of ours, with the on-link prefix as a route (IPv4 prefixes
 * count from 0 to 32, IPv6 from 0 to 128). */
int tern_addr_add(struct tern_stack *, int link, const struct tern_addr *,
		  unsigned prefix, int64_t now);
int tern_addr_del(struct tern_stack *, int link, const struct tern_addr *,
		  int64_t now);

/* A link as tern_link_next() tells it. */
struct tern_link_info {
	int link; /* its number */
	bool up;
	uint32_t mtu;
	uint32_t abilities; /* TERN_LINK_* */
	char name[16];
	/* What has come in and gone out by it, IP headers counted. */
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
};

/* One of a link's addresses. */
struct tern_link_addr {
	int link;
	struct tern_addr addr;
	uint8_t prefix; /* in the family's own count */
};

/* Walk all links, the loopback first, and all addresses, its 127.0.0.1/8 and
 * ::1/128 first, the others in the order they were added. *cursor is 0 at
 * first; false at the end. */
bool tern_link_next(const struct tern_stack *, int *cursor,
		    struct tern_link_info *);
bool tern_addr_next(const struct tern_stack *, int *cursor,
		    struct tern_link_addr *);

struct tern_route {
	struct tern_addr dst;
	uint8_t prefix; /* in the family's own count, as above */
	uint8_t v6;	/* family of dst: needed for a default route */
	int link;
	struct tern_addr via; /* any-address: on-link */
	uint32_t mtu;	      /* 0: the link's */
	uint32_t advmss;      /* 0: from the mtu */
	uint32_t initcwnd;    /* 0: 10 */
	uint32_t metric;
};

int tern_route_add(struct tern_stack *, const struct tern_route *, int64_t now);
int tern_route_del(struct tern_stack *, const struct tern_route *, int64_t now);
/* Walks all routes in the order in which they are asked: *cursor is 0 at first;
 * false at the end. */
bool tern_route_next(const struct tern_stack *, int *cursor,
		     struct tern_route *);

/*
 * Tunables, by the sysctl's last name ("tcp_rmem", "ip_default_ttl") or by its
 * whole name ("net.ipv4.tcp_rmem"). Values are text, as in /proc/sys.
 * set: -ENOENT for an unknown name, -EINVAL for a value that is none or out
 * of range. get: bytes written without the final NUL, or -errno.
 */
int tern_sysctl_set(struct tern_stack *, const char *name, const char *value,
		    int64_t now);
int tern_sysctl_get(struct tern_stack *, const char *name, char *out,
		    size_t size);

struct tern_tunable {
	const char *name; /* "net.ipv4.tcp_syn_retries" */
	const char *unit;
	const char *help;
	int64_t min, max;
	int n_values; /* 1, or 3 for tcp_rmem and its kin */
};

/* The i-th tunable, or NULL past the last. */
const struct tern_tunable *tern_tunable_at(int i);
/* Its default as text, as tern_sysctl_get() would print it. */
int tern_tunable_default(const struct tern_tunable *, char *out, size_t size);
/* The tunable of this name, whole or the last part of it; NULL: none. */
const struct tern_tunable *tern_tunable_find(const char *name);
/* The tunable whose name is nearest to a misspelt one. */
const struct tern_tunable *tern_tunable_nearest(const char *name);

/* Counters under nstat's names. */
struct tern_counter {
	const char *name; /* "TcpExtListenDrops" */
	const char *help;
};
const struct tern_counter *tern_counter_at(int i);
int tern_counter_find(const char *name); /* its index, or -TERN_ENOENT */
uint64_t tern_counter_get(const struct tern_stack *, int i);

/* Reasons for drops (drops.def) and how often each was given. */
const char *tern_drop_name(int i); /* NULL past the last */
const char *tern_drop_help(int i);
uint64_t tern_drop_count(const struct tern_stack *, int i);

/* One line of the socket table, as ss and /proc/net/tcp show it. */
struct tern_sock_info {
	int s;	      /* the socket's number, or -1: orphan, TIME_WAIT,
		       * half-open */
	int protocol; /* TERN_IPPROTO_* */
	int family;
	int state; /* enum tern_tcp_state; UDP: ESTABLISHED or CLOSE */
	struct tern_sockaddr local;
	struct tern_sockaddr remote;
	uint32_t rx_queue; /* bytes; a listener: connections to accept */
	uint32_t tx_queue; /* bytes not acknowledged; a listener: backlog */
	int timer;	   /* 0 none, 1 retransmit, 2 keep-alive or FIN_WAIT_2,
			    * 3 TIME_WAIT, 4 zero-window probe */
	int64_t timer_at;  /* TERN_NEVER if none */
	int retransmits;
	int probes;
	uint32_t cwnd;	 /* segments; 0: it has none */
	uint64_t cookie; /* never used twice in a stack */
};

/* Walks all sockets: *cursor is 0 at first; false at the end. Sockets made
 * or gone meanwhile may or may not be seen; the others once each. */
bool tern_sock_next(struct tern_stack *, uint64_t *cursor,
		    struct tern_sock_info *);
/* How many sockets there are of which kind, as ss -s tells. */
struct tern_sock_counts {
	uint32_t states[12]; /* of TCP, by enum tern_tcp_state */
	uint32_t tcp[2];     /* IPv4, IPv6; but closed, half-open, TIME_WAIT */
	uint32_t udp[2];
	uint32_t orphans; /* of those in tcp[] */
};
/* Adds the next entries, at most so many, at a cursor of its own. False: these
 * were all. What comes or goes meanwhile may or may not count. */
bool tern_sock_count(struct tern_stack *, uint64_t *cursor, uint32_t most,
		     struct tern_sock_counts *);
/* Whose a TCP segment between these ends is, or will be: a connection, an entry
 * that is half-open or in TIME_WAIT, or a listener. False: nobody's. */
bool tern_sock_find(struct tern_stack *, const struct tern_sockaddr *local,
		    const struct tern_sockaddr *remote,
		    struct tern_sock_info *);
/* TCP_INFO of the entry that tern_sock_next() gave at this cookie. */
int tern_sock_tcp_info(struct tern_stack *, uint64_t cookie,
		       struct tern_tcp_info *, int64_t now);
/* What else is told of a connection or listener of TCP's, an orphan too. */
struct tern_sock_details {
	char cc[16];	 /* its congestion control */
	uint32_t mem[9]; /* as TERN_SO_MEMINFO */
};
/* Of the entry at this cookie; -TERN_ENOENT: it has none, or is none. */
int tern_sock_details(const struct tern_stack *, uint64_t cookie,
		      struct tern_sock_details *);
/* Ends what tern_sock_next() gave at this cookie, as ss -K does: a connection
 * is reset and its program gets ECONNABORTED; a listener stops; a half-open
 * entry or one in TIME_WAIT is forgotten. -ENOENT: no such entry of TCP's. */
int tern_sock_kill(struct tern_stack *, uint64_t cookie, int64_t now);

/* Memory of a stack, bytes, by what it is for. */
struct tern_memory {
	size_t total;	    /* taken from the allocator */
	size_t connections; /* control blocks and their histories */
	size_t tables;	    /* hash tables, socket table, ports */
	size_t active;	    /* what only connections with traffic hold */
	size_t time_wait;
	size_t half_open;
	size_t packets; /* a pool of the stack's own */
};
void tern_stack_memory(const struct tern_stack *, struct tern_memory *);

/* What tern_config.trace is told. */
enum tern_trace_kind {
	TERN_TRACE_STATE, /* a state change: from, to, and what caused it */
	TERN_TRACE_TIMER, /* a timer fired: `what` names it */
	TERN_TRACE_DROP,  /* a packet dropped: reason, `pkt` its bytes */
	TERN_TRACE_IN,	  /* a segment reached a connection */
	TERN_TRACE_OUT,	  /* a segment leaves one */
	TERN_TRACE_CC,	  /* congestion control decided: `what` */
	TERN_TRACE_LOOP,  /* `pkt` passes the loopback */
};

#define TERN_TRACE_ALL ((1u << (TERN_TRACE_LOOP + 1)) - 1)

struct tern_trace {
	enum tern_trace_kind kind;
	int64_t now;
	uint64_t cookie; /* of the socket, 0 if none is concerned */
	int s;
	struct tern_sockaddr local;
	struct tern_sockaddr remote;
	int from, to; /* states; for a drop `to` is the reason */
	int error;    /* STATE: what its program is told, positive; or 0 */
	const char *what;
	const struct tern_pkt *pkt; /* or NULL */
};

/* Who is told from now on, as tern_config.trace, and of which kinds (1 << kind,
 * or TERN_TRACE_ALL); what nobody wants costs a look at a number. No input of the
 * stack: a record does not have it. */
void tern_stack_trace(struct tern_stack *, unsigned kinds,
		      void (*trace)(void *ctx, const struct tern_trace *),
		      void *ctx);

/* A call of a record. */
struct tern_replay_call {
	const char *name;   /* "connect" */
	int s;		    /* the socket, or the link */
	int64_t now;	    /* when it acts */
	const int64_t *arg; /* its numbers, as src/stack_door.c tells them */
	struct tern_pkt *const *pkts; /* that go in */
	size_t n_pkts;
	void *in; /* bytes that go in: data, an address, an option's value */
	size_t in_len;
	/* After it. */
	int64_t result;
	const void *out; /* what came out, in its struct: an address */
	size_t out_len;	 /* bytes that were received */
};

/* A knob that is to stand otherwise than it did. */
struct tern_replay_knob {
	const char *name, *value;
};

/*
 * Replays what tern_config.record wrote: makes the stack that the record
 * began with, repeats every call, and compares results. `each` sees every
 * packet that goes in (out false) or comes out (out true), and may be NULL.
 * Returns 0 if the run was the same to the last byte; -TERN_EPROTO with
 * *differs_at (bytes into the record) where it was not; -TERN_EINVAL for a
 * damaged record; -TERN_ENOMEM.
 */
struct tern_replay {
	struct tern_allocator alloc;
	const void *bytes;
	size_t len;
	void (*each)(void *ctx, int link, bool out, const struct tern_pkt *,
		     int64_t now);
	void (*trace)(void *ctx, const struct tern_trace *);
	void *ctx;
	int64_t until;	/* stop at this instant; TERN_NEVER: whole */
	int64_t for_ns; /* stop so long after the beginning; 0: as NEVER */
	/* What if: these knobs are set so before the first call, and again
	 * where the run set them. Results may then differ, and the run goes on:
	 * what the peers send stays what they sent. */
	const struct tern_replay_knob *knobs;
	int n_knobs;
	/* Before a call it may change the bytes of packets and of data, not
	 * their number; `bytes` must then be writable memory. Results may
	 * differ and the run goes on. */
	void (*before)(void *ctx, struct tern_replay_call *);
	void (*after)(void *ctx, const struct tern_replay_call *);
	/* The run is written down anew. */
	void (*record)(void *ctx, const void *bytes, size_t len);

	/* What came of it. */
	int64_t began_at;  /* the first instant */
	size_t differs_at; /* the first call that differed, bytes on; 0: none */
	int64_t differs_now; /* its instant */
	uint64_t n_differ;   /* calls that did */
	/* Controllers that the run had registered (cc.h), found by name; a
	 * record that names another gives -TERN_ENOENT. */
	const struct tern_cc_ops *const *cc;
	int n_cc;
};
int tern_stack_replay(struct tern_replay *);

/* A connection that the flight recorder has, or had. */
struct tern_flight {
	struct tern_stack *st;
	uint64_t id;
	struct tern_sockaddr local, remote;
	int error;	  /* what its program is told, positive; 0: nothing */
	int64_t ended_at; /* TERN_NEVER: it goes on */
	bool is_lost;	  /* it was too long to be kept */
};

/*
 * Writes the connection with this id as a record: a stack as this one was, and
 * the calls that concerned the connection, done again on it; data is 'x'. That
 * is a run of its own: other connections are not in it. *n_out are the
 * segments it sent, *n_differ those that were others than in the first run
 * (where others had a hand in it).
 *
 * Id 0 is for who is about to die: those that the call had to do with that did
 * not return, or all. The stack is only looked at.
 *
 * Returns 0, -TERN_ENOENT, -TERN_EMSGSIZE (more than data_max),
 * -TERN_ENOMEM.
 */
struct tern_flight_file {
	void (*write)(void *ctx, const void *bytes, size_t len);
	void *ctx;
	uint64_t data_max; /* bytes of data in it; 0: no bound */
	/* What came of it. */
	uint64_t n_out, n_differ;
};
int tern_flight_write(struct tern_stack *, uint64_t id,
		      struct tern_flight_file *);

/* "1.2.3", of the library linked. */
const char *tern_version(void);

#ifdef __cplusplus
}
#endif
#endif
