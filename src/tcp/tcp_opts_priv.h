// SPDX-License-Identifier: BSD-2-Clause
/*
 * Socket options among themselves: rows of tables, and what is kept only to be
 * read back.
 * Included by: tcp_opts*.c tcp_port.c tcp_recv.c tcp_rto.c tcp_sendq.c
 *	tcp_stamp.c
 */
#ifndef TCP_TCP_OPTS_PRIV_H
#define TCP_TCP_OPTS_PRIV_H

#include "tcp_priv.h"

/* tcp_opts.bits */
enum {
	OPT_BIND_NO_PORT = 1u << 0, /* IP_BIND_ADDRESS_NO_PORT */
	OPT_TRANSPARENT = 1u << 1,
	OPT_DONTROUTE = 1u << 2,
	OPT_BROADCAST = 1u << 3,
	OPT_TIMESTAMP = 1u << 4,
	OPT_TIMESTAMPNS = 1u << 5,
	OPT_ZEROCOPY = 1u << 6,
	OPT_RXQ_OVFL = 1u << 7,
	OPT_THIN_LINEAR = 1u << 8,
	OPT_INQ = 1u << 9,
	OPT_PKTINFO = 1u << 10,
	OPT_RECVTTL = 1u << 11,
	OPT_RECVTOS = 1u << 12,
	OPT_RECVPKTINFO6 = 1u << 13,
	OPT_RECVHOPLIMIT6 = 1u << 14,
	OPT_RECVTCLASS6 = 1u << 15,
	OPT_NO_CHECK = 1u << 16,
	OPT_TS_USEC = 1u << 17,
};

/* One call of getsockopt() or setsockopt(). */
struct opt_call {
	struct tern_stack *st;
	struct tcp_conn *c;
	void *value;	/* of get */
	const void *in; /* of set */
	size_t len;	/* bytes there; a get sets it to what was written */
};

/*
 * An option. Most are an int in [lo, hi] (lo > hi: any, and its truth counts),
 * kept in a field of struct tcp_opts or as a bit of it; a field of 0 reads as
 * the tunable that then governs. `after` acts on a field that was set. What
 * does not fit that has functions: for an int, or raw for anything else. An
 * option with nothing to set it is read-only, and the other way round.
 */
struct opt {
	int name;
	int lo, hi;
	uint32_t bit;
	uint16_t field, width; /* of struct tcp_opts, bytes */
	uint32_t tunable;      /* offset in struct tunables + 1 */
	void (*after)(struct tern_stack *, struct tcp_conn *);
	int (*get)(const struct opt_call *);
	int (*set)(const struct opt_call *, int v);
	int (*get_raw)(struct opt_call *);
	int (*set_raw)(const struct opt_call *);
};

#define OPT_TRUTH .lo = 1, .hi = 0
#define OPT_ANY_INT .lo = INT32_MIN, .hi = INT32_MAX
#define OPT_FIELD(f)                           \
	.field = offsetof(struct tcp_opts, f), \
	.width = sizeof(((struct tcp_opts *)0)->f)
#define OPT_TUNABLE(t) .tunable = offsetof(struct tunables, t) + 1

struct opt_level {
	const struct opt *rows;
	size_t n;
};

extern const struct opt_level tcp_opts_socket; /* SOL_SOCKET */
extern const struct opt_level tcp_opts_tcp;    /* IPPROTO_TCP */
extern const struct opt_level tcp_opts_ip;     /* IPPROTO_IP */
extern const struct opt_level tcp_opts_ipv6;   /* IPPROTO_IPV6 */

/* The answer of a get_raw: n bytes, cut to what the caller has room for. */
int opt_out(struct opt_call *, const void *from, size_t n);

/* The active block, of whoever has one. */
static inline struct tcp_active *opt_active(const struct tcp_conn *c)
{
	return c->state == TERN_TCP_LISTEN ? NULL : c->act;
}

/* Neither open nor opening. */
static inline bool opt_is_idle(const struct tcp_conn *c)
{
	return c->state == TERN_TCP_CLOSE || c->state == TERN_TCP_LISTEN;
}

#endif
