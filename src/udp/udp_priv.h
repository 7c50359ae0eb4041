// SPDX-License-Identifier: BSD-2-Clause
/*
 * How UDP keeps a socket.
 * Included by: udp*.c udp_opts_priv.h
 */
#ifndef UDP_PRIV_H
#define UDP_PRIV_H

#include "base/time.h"
#include "stack_priv.h"
#include "wire/wire_csum.h"
#include "wire/wire_udp.h"

#define UDP_MAX_LEN 65535u /* header and data */

/* udp_sock.flags: options that are on or off. */
enum {
	UDP_V6ONLY = 1u << 0,
	UDP_REUSEADDR = 1u << 1,
	UDP_REUSEPORT = 1u << 2,
	UDP_BROADCAST = 1u << 3,
	UDP_NO_CHECK = 1u << 4,
	UDP_ANY = 1u << 5,
	UDP_FREEBIND = 1u << 6,
	UDP_TRANSPARENT = 1u << 7,
	UDP_RECVERR = 1u << 8,
	UDP_RECVERR6 = 1u << 9,
	UDP_PKTINFO = 1u << 10,
	UDP_PKTINFO6 = 1u << 11,
	UDP_RECVTTL = 1u << 12,
	UDP_RECVTTL6 = 1u << 13,
	UDP_RECVTOS = 1u << 14,
	UDP_RECVTOS6 = 1u << 15,
	UDP_ORIGDST = 1u << 16,
	UDP_ORIGDST6 = 1u << 17,
	UDP_TIMESTAMP = 1u << 18,
	UDP_TIMESTAMPNS = 1u << 19,
	UDP_RXQ_OVFL = 1u << 20,
	UDP_LOOP = 1u << 21,
	UDP_LOOP6 = 1u << 22,
	UDP_MULTI_ALL = 1u << 23,
	/* Kept only to be told again. */
	UDP_DONTROUTE = 1u << 24,
	UDP_KEEPALIVE = 1u << 25,
	UDP_OOBINLINE = 1u << 26,
	UDP_ADDR_NO_PORT = 1u << 27,
	/* An IPv6 socket bound to ::ffff:0.0.0.0. */
	UDP_V4ONLY = 1u << 28,
	UDP_MULTI_ALL6 = 1u << 29,
	UDP_DONTFRAG6 = 1u << 30,
	UDP_GRO = 1u << 31, /* datagrams are told one by one all the same */
};

/* Linux's IP_PMTUDISC_*. */
enum {
	UDP_PMTU_DONT,
	UDP_PMTU_WANT,
	UDP_PMTU_DO,
	UDP_PMTU_PROBE,
	UDP_PMTU_INTERFACE,
	UDP_PMTU_OMIT,
};

struct udp_member {
	struct tern_addr group;
	uint8_t link;
};

struct udp_sock {
	uint32_t id;
	uint32_t port_next, addr_next; /* in by_port, by_addr */
	int32_t s;
	uint64_t cookie;
	uint64_t bound; /* which bind() it was: the later one is asked first */
	/* The any-address is always ::; IPv4 sockets look at `family`. */
	struct tern_addr laddr, raddr;
	uint16_t lport, rport;
	uint16_t range_lo, range_hi; /* IP_LOCAL_PORT_RANGE, 0: tunable */
	uint8_t family;
	uint8_t shut;  /* UDP_SHUT_* */
	uint8_t error; /* TERN_E*, told once */
	bool hashed;   /* in by_port */
	bool in_addr;  /* in by_addr */
	bool connected;
	bool own_addr, own_port; /* by bind(), so connect() leaves them */
	uint8_t bound_link;	 /* SO_BINDTODEVICE, a scope; 0: none */
	uint8_t tos, ttl;	 /* ttl 0: tunable */
	uint8_t tclass, hops;
	uint8_t multi_ttl, multi_hops;
	uint8_t multi_if, multi_if6; /* interface index; 0: by route */
	uint8_t pmtudisc, pmtudisc6;
	struct tern_addr multi_src; /* IP_MULTICAST_IF by address */
	uint32_t flags;		    /* UDP_* */
	uint32_t priority, mark, rcvlowat, max_pacing;
	uint32_t segment; /* UDP_SEGMENT; 0: one datagram a call */
	uint64_t linger;  /* struct linger, as set */
	int64_t rcvtimeo_ns, sndtimeo_ns;

	struct pktq rx;	     /* payload; pkt->cb is struct udp_cb */
	struct pktq errors;  /* payload sent; pkt->cb is struct errq_cb */
	uint32_t rmem, wmem; /* by Linux's count */
	uint32_t rcvbuf, sndbuf;
	uint32_t n_dropped;

	struct udp_member *members;
	uint32_t n_members, cap_members;

	uint32_t generation; /* of `path` */
	struct ip_path path; /* to raddr, while connected */
};

enum { UDP_SHUT_RCV = 1, UDP_SHUT_SND = 2 };

/* What a datagram says of itself while it waits to be read. What it counts in
 * rmem is in pkt->owner. */
struct udp_cb {
	struct tern_addr src, dst;
	uint16_t sport, dport;
	uint8_t ttl, tos;
	uint32_t flow;
};

#define UDP_CB_ROOM sizeof(((struct tern_pkt *)0)->cb)
_Static_assert(sizeof(struct udp_cb) <= UDP_CB_ROOM, "udp_cb fits pkt->cb");

static inline struct udp_sock *udp_at(const struct tern_stack *st, uint32_t id)
{
	return slab_at(&st->udp.socks, id);
}

static inline struct udp_cb *udp_cb(struct tern_pkt *pkt)
{
	return (struct udp_cb *)(void *)pkt->cb;
}

static inline bool udp_has(const struct udp_sock *s, uint32_t flag)
{
	return s->flags & flag;
}

/* May it send and receive IPv4 (IPv6)? */
static inline bool udp_covers(const struct udp_sock *s, bool v6)
{
	if (s->family == TERN_AF_INET)
		return !v6;
	if (!tern_addr_is_any(&s->laddr))
		return ip_is_v4(&s->laddr) != v6;
	return !udp_has(s, v6 ? UDP_V4ONLY : UDP_V6ONLY);
}

static inline void udp_post(struct tern_stack *st, const struct udp_sock *s)
{
	slots_post(&st->slots, s->s);
}

/* The error that waits, told once: 0 or -errno. */
static inline int udp_take_error(struct udp_sock *s)
{
	int error = s->error;

	s->error = 0;
	return -error;
}

/* udp_table.c */
struct udp_flow {
	const struct tern_addr *laddr, *raddr;
	uint16_t lport, rport;
	uint8_t link; /* or UDP_LINK_EACH */
	uint8_t kind; /* enum ip_kind of laddr */
};

#define UDP_LINK_EACH 0xff

bool udp_tables_init(struct tern_stack *);
void udp_tables_fini(struct tern_stack *);
/* Who takes a datagram to one address; NULL: nobody. */
struct udp_sock *udp_find(struct tern_stack *, const struct udp_flow *);
/* Walks the sockets at a port: 0 at first and at the end. */
uint32_t udp_next_at(struct tern_stack *, uint16_t port, uint32_t id);
void udp_hash(struct tern_stack *, struct udp_sock *);
void udp_unhash(struct tern_stack *, struct udp_sock *);
/* Around a change of addresses or of rport. */
void udp_addr_unhash(struct tern_stack *, struct udp_sock *);
void udp_addr_hash(struct tern_stack *, struct udp_sock *);

/* udp_bind.c: an ephemeral port. 0 or -TERN_EADDRINUSE. */
int udp_autobind(struct tern_stack *, struct udp_sock *);
/* The address that datagrams start from, NULL: by route. */
const struct tern_addr *udp_source(struct tern_stack *,
				   const struct udp_sock *);
/* May its source be an address that is not ours? */
static inline bool udp_any_source(const struct udp_sock *s)
{
	return udp_has(s, UDP_ANY | UDP_FREEBIND | UDP_TRANSPARENT);
}

/* udp_input.c: what a datagram of len bytes counts. */
uint32_t udp_true_size(uint32_t len);

/* udp_error.c: gives -TERN_EMSGSIZE, and queues it for IP_RECVERR: mtu is what
 * would fit. */
int udp_error_too_long(struct tern_stack *, struct udp_sock *,
		       const struct tern_addr *dst, uint16_t port,
		       uint32_t mtu);
int64_t udp_recv_error(struct tern_stack *, struct udp_sock *,
		       struct tern_msg *, int flags);

/* udp_group.c */
int udp_group_join(struct tern_stack *, struct udp_sock *,
		   const struct tern_addr *, int link);
int udp_group_leave(struct tern_stack *, struct udp_sock *,
		    const struct tern_addr *, int link);
void udp_group_leave_all(struct tern_stack *, struct udp_sock *);
bool udp_group_wants(const struct udp_sock *, const struct tern_addr *,
		     uint8_t link);

/* udp_recv.c: copies the packet's bytes out; how many. */
size_t udp_copy_out(const struct tern_pkt *, const struct tern_msg *);

#endif
