// SPDX-License-Identifier: BSD-2-Clause
/*
 * A story: one stack, one link, and a peer that is written down.
 *
 *	t_listen(t, 5);
 *	t_in(t, "S 0:0(0) win 65535 <mss 1460>");
 *	t_out(t, "S. 0:0(0) ack 1 <mss 1460>");
 *	t_in(t, ". 1:1(0) ack 1");
 *	t_accept(t);
 *	t_state(t, TERN_TCP_ESTABLISHED);
 *
 * Segments are written as in the packetdrill language, sequence numbers from
 * each side's first; t_in() is what the peer sends, t_out() the next packet of
 * the stack. Of t_out() only what is written is compared (acknowledgement,
 * window, urgent pointer); with options left out a segment may carry a
 * timestamp and no other option, a SYN any. Timestamps of ours count in ms from
 * the story's beginning.
 *
 * Time stands still but for t_wait(), which fails if anything comes out before
 * its end: so a packet expected right after t_wait() left at that very instant.
 * Each story ends in silence: what came out and was not expected fails it.
 *
 * The harness watches on its own: both checksums and every header field of
 * all that comes out, the bytes of data against a pattern, that neither the
 * peer's window is exceeded nor our own right edge moves back, nor what was
 * acknowledged is taken back; and that at the end all memory was given back.
 *
 * Every story runs over IPv4 and over IPv6. The IPv6 link has an MTU of 1,520,
 * so that the MSS is 1,460 in both.
 */
#ifndef EXCHANGE_STORY_H
#define EXCHANGE_STORY_H

#include "../unit/check.h"

#include <tern/stack.h>

#define MS INT64_C(1000000)
#define S (1000 * MS)

/* The first time-out of a story whose handshake took no time: 200 ms, and the
 * microsecond that any round trip takes at least. */
#define T_RTO (200 * MS + 1000)

#define STORY_FLOWS 80
#define STORY_QUEUE 512
#define STORY_PEER_PORT 8080 /* of the flow that a story begins with */
#define STORY_OUR_PORT 80

/* One connection, as the peer sees it; known by the peer's port. */
struct flow {
	uint16_t lport, rport;
	uint32_t iss, irs; /* the stack's and the peer's first number */
	bool has_iss;
	uint32_t ts_base; /* the stack's timestamp at 0 */
	bool has_ts;
	uint8_t snd_scale, rcv_scale; /* as announced by peer and stack */
	bool scales;		      /* the peer announced one */
	uint32_t win;		      /* field of the next segment in */
	uint32_t acked;	   /* relative: highest that the stack has sent */
	uint32_t our_edge; /* and the right edge that went with it */
	uint32_t edge;	   /* relative: the peer's right edge */
	bool has_acked, has_edge;
	uint32_t sent, read; /* relative: next byte of send and recv */
};

struct story {
	struct tern_stack *st;
	int64_t now;
	bool v6;
	int link;
	int s;		/* the socket that the story is about, or -1 */
	int l;		/* its listener, or -1 */
	struct flow *f; /* the flow that segments are of */
	bool shrinks;	/* the stack's right edge may move back */

	/* The harness's own. */
	struct check_alloc alloc;
	struct tern_pool *pool;
	struct flow flows[STORY_FLOWS];
	int n_flows;
	struct tern_pkt *queue[STORY_QUEUE]; /* came out, not yet expected */
	uint32_t head, tail;
	uint8_t last[100]; /* the last segment out, for ICMP to quote */
	const char *file;
	int line;
	bool failed;
	char *ladder;
	size_t ladder_len;
};

struct story_row {
	const char *name;
	void (*tell)(struct story *);
};
#define STORY(f)      \
	{             \
#f, f \
	}
int story_run(const struct story_row *, size_t n);

/* Notes where the story is, for what fails. */
struct story *story_at(struct story *, const char *file, int line);
#define STORY_AT(t) story_at(t, __FILE__, __LINE__)

/* Segments. */
#define t_in(t, ...) story_in(STORY_AT(t), __VA_ARGS__)
#define t_out(t, ...) story_out(STORY_AT(t), __VA_ARGS__)
/* Data of the stack's in segments of at most mss bytes; PSH as it likes. */
#define t_out_run(t, from, to, mss) story_out_run(STORY_AT(t), from, to, mss)
#define t_silence(t) story_silence(STORY_AT(t))
#define t_wait(t, ns) story_wait(STORY_AT(t), ns)
/* Goes on with the flow of this port of the peer's, maybe a new one. */
void t_flow(struct story *, uint16_t rport);
/* The next segment is of another connection on the same ports. */
void t_flow_again(struct story *);

/* ICMP errors: what they say, for either family. */
enum story_icmp {
	SAYS_NET,
	SAYS_HOST,
	SAYS_PORT,
	SAYS_PROHIBITED,
	SAYS_TTL,
	STORY_N_ICMP,
};
/* In: about the last segment that came out, its number moved by `by`. */
#define t_icmp_in(t, says, by) story_icmp_in(STORY_AT(t), says, by)
#define t_icmp_out(t, says) story_icmp_out(STORY_AT(t), says)

/* Calls. Each takes what came out of it from the link. t_is() is any call. */
#define t_is(t, call, want) \
	story_is(STORY_AT(t), #call, (int64_t)(call), (int64_t)(want))
#define t_listen(t, backlog) story_listen(STORY_AT(t), backlog)
#define t_dial(t) story_dial(STORY_AT(t))
#define t_accept(t) story_accept(STORY_AT(t))
#define t_send(t, n) story_send(STORY_AT(t), n, 0, n)
#define t_send_is(t, n, flags, want) story_send(STORY_AT(t), n, flags, want)
#define t_recv(t, n) story_recv(STORY_AT(t), n, 0, n)
#define t_recv_is(t, n, flags, want) story_recv(STORY_AT(t), n, flags, want)
#define t_shutdown(t, how) \
	t_is(t, tern_shutdown((t)->st, (t)->s, how, (t)->now), 0)
#define t_close(t) story_close(STORY_AT(t))
#define t_sysctl(t, name, value) \
	t_is(t, tern_sysctl_set((t)->st, name, value, (t)->now), 0)
#define t_opt(t, level, name, value) story_opt(STORY_AT(t), level, name, value)
#define t_opt_is(t, level, name, want) t_is(t, story_get(t, level, name), want)
#define t_ioctl(t, request, want) t_is(t, story_ioctl(t, request), want)

/* What is so. */
#define t_state(t, state) story_state(STORY_AT(t), state)
#define t_gone(t) story_state(STORY_AT(t), 0)
#define t_poll(t, bits) story_poll(STORY_AT(t), bits)
#define t_error(t, want) \
	t_is(t, story_get(t, TERN_SOL_SOCKET, TERN_SO_ERROR), want)
#define t_counter(t, name, want) t_is(t, story_counter(t, name), want)

#define t_drops(t, name, want) t_is(t, story_drops(t, name), want)

/* To begin with: a connection accepted, or dialled, whose peer offers these
 * options ("<mss 1460>"); quick ACKs are used up by nothing yet. */
void t_served(struct story *, const char *opts);
void t_dialled(struct story *, const char *opts);
/* The same, and then: no SACK, no RACK, no tail loss probes. */
#define T_PLAIN "<mss 1460>"
#define T_FULL "<mss 1460,sackOK,TS val 1000 ecr 0,nop,wscale 7>"

__attribute__((format(printf, 2, 3))) void story_in(struct story *,
						    const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void story_out(struct story *,
						     const char *fmt, ...);
void story_out_run(struct story *, uint32_t from, uint32_t to, uint32_t mss);
void story_silence(struct story *);
void story_wait(struct story *, int64_t ns);
void story_icmp_in(struct story *, enum story_icmp, int32_t by);
void story_icmp_out(struct story *, enum story_icmp);
void story_is(struct story *, const char *call, int64_t got, int64_t want);
void story_listen(struct story *, int backlog);
void story_dial(struct story *);
void story_accept(struct story *);
void story_send(struct story *, uint32_t n, int flags, int64_t want);
void story_recv(struct story *, uint32_t n, int flags, int64_t want);
void story_close(struct story *);
void story_opt(struct story *, int level, int name, int value);
int story_get(struct story *, int level, int name);
int story_ioctl(struct story *, unsigned long request);
void story_state(struct story *, int state);
void story_poll(struct story *, uint32_t bits);
int64_t story_drops(const struct story *, const char *name);
int64_t story_counter(const struct story *, const char *name);
struct tern_sockaddr story_name(const struct story *, bool peer, uint16_t port);

#endif
