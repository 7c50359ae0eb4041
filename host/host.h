// SPDX-License-Identifier: BSD-2-Clause
/*
 * The host: one stack, its links, the real clock and epoll.
 *
 * The only user of epoll and of the real clock. Each round: wait for
 * descriptors or the stack's deadline; read the clock once; advance the
 * stack; take batches from links; dispatch socket events and descriptors;
 * hand batches out. Everything in a round happens at the same `now`.
 *
 * In front of the stack stands an input queue of netdev_max_backlog packets for
 * each device, which drops what is over (O13).
 *
 * Single-threaded; callbacks may call any host or stack function, and remove
 * themselves.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <tern/stack.h>

struct host;

struct host_config {
	const uint8_t *seed; /* 16 bytes, or NULL: from the kernel */
	size_t max_memory;   /* of the stack and its packets; 0: no cap */
	uint32_t max_sockets;
	void (*record)(void *ctx, const void *bytes, size_t len);
	void *record_ctx;
	/* The flight recorder, as tern_config has it. */
	size_t flight_size;
	void (*flight)(void *ctx, const struct tern_flight *);
	void *flight_ctx;
};

/* 0 and *out, or -errno. */
int host_new(const struct host_config *, struct host **out);
/* Closes the links it was given and frees everything. */
void host_free(struct host *);

struct tern_stack *host_stack(struct host *);
struct tern_pool *host_pool(struct host *);

/* Somebody who is told what the stack does, while it is added; it must not call
 * into the stack. The memory is the caller's. With nobody the stack does not
 * trace. */
struct host_tracer {
	void (*fn)(void *ctx, const struct tern_trace *);
	void *ctx;
	unsigned kinds; /* 1 << enum tern_trace_kind */
	struct host_tracer *next;
};
/* Kinds that come once a segment, and those that do not. */
#define HOST_TRACE_SEGMENTS (1u << TERN_TRACE_IN | 1u << TERN_TRACE_OUT)
#define HOST_TRACE_EVENTS \
	(TERN_TRACE_ALL & ~(HOST_TRACE_SEGMENTS | 1u << TERN_TRACE_LOOP))
void host_trace_add(struct host *, struct host_tracer *);
void host_trace_remove(struct host *, struct host_tracer *);

/* Somebody who is shown the packets of all links while it is added; it must
 * not call into the stack but to look. What it is shown of packets out may still
 * be refused by a link that breaks. The memory is the caller's. */
enum host_tap_when {
	HOST_TAP_IN,   /* about to go into the stack */
	HOST_TAP_DONE, /* these have gone in: they are no more */
	HOST_TAP_OUT,  /* have come out of the stack */
};
struct host_batch {
	enum host_tap_when when;
	int link; /* its number in the stack */
	struct tern_pkt *const *pkts;
	int n;
};
struct host_tap {
	void (*fn)(void *ctx, const struct host_batch *);
	void *ctx;
	struct host_tap *next;
};
void host_tap_add(struct host *, struct host_tap *);
void host_tap_remove(struct host *, struct host_tap *);
/* For the links: shows all taps these. */
void host_tap_show(struct host *, const struct host_batch *);

/* Has a packet gone in or out within the last millisecond? */
bool host_is_busy(const struct host *);
/* For the links: one has. */
void host_moved(struct host *);

/* The instant of the current round (ns, CLOCK_MONOTONIC). */
int64_t host_now(const struct host *);

/* Attaches a link, which the host then owns. Returns its number in the stack,
 * or -errno (the link is still the caller's). */
int host_add_link(struct host *, struct tern_link *);

/* To be called when a tunable has changed: netdev_max_backlog bounds queues that
 * are not the stack's. */
void host_bound_input(struct host *);
/* Packets that were dropped because these were full. */
uint64_t host_n_dropped(const struct host *);

typedef void host_fd_fn(void *ctx, uint32_t epoll_events);
/* Watches a descriptor (EPOLLIN etc., level-triggered unless EPOLLET is in
 * events); watching it again changes events and callback. */
int host_watch(struct host *, int fd, uint32_t events, host_fd_fn *, void *ctx);
/* What of a watched descriptor is told after what all others have had. */
void host_tell_last(struct host *, int fd);
void host_unwatch(struct host *, int fd);

typedef void host_sock_fn(void *ctx, int s, uint32_t ready);
/* Calls fn when tern_events() names socket s; fn NULL: no more. To be undone
 * before the socket is closed. */
int host_watch_sock(struct host *, int s, host_sock_fn *, void *ctx);

typedef void host_timer_fn(void *ctx);
/* Calls fn once at `at`; the id is for host_cancel(). Negative: -errno. */
int host_at(struct host *, int64_t at, host_timer_fn *, void *ctx);
void host_cancel(struct host *, int id);

/* Rounds until host_stop(); returns what that was given, or -errno. */
int host_run(struct host *);
void host_stop(struct host *, int result);

/* One round that waits at most max_wait_ns (0: not at all). 1: stop was asked
 * for. */
int host_round(struct host *, int64_t max_wait_ns);

#endif
