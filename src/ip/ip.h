// SPDX-License-Identifier: BSD-2-Clause
/*
 * IP to the rest of the core: sending, routes, errors. IPv4 and IPv6 alike;
 * who is above sees one address type.
 *
 * Input walks ip_input -> (ip_reass) -> tcp_input, udp_input, icmp_input; the
 * transports are called with the packet whole and the parsed header beside it
 * (the transport header starts at h->hdr_len). Whoever is called owns the
 * packet.
 */
#ifndef IP_IP_H
#define IP_IP_H

#include "base/mem.h"
#include "base/pkt.h"
#include "base/slab.h"
#include "base/wheel.h"
#include "wire/wire_ip.h"

#include <tern/stack.h>

#define IP_MAX_LINKS 32
#define IP_MAX_TCP_MTU 65535u
#define IP_LOOPBACK 0 /* the link inside the stack */

/* pkt->flags, beside TERN_PKT_TOLD: `owner` is a UDP socket, which counts
 * cb[0] bytes as queued below it (cb[1]: its cookie). */
#define IP_PKT_TOLD_UDP 2
/* Data of TCP's that points to lent memory; that wants to know when it is
 * queued, and when it leaves (SO_TIMESTAMPING). */
#define IP_PKT_LENT 4
#define IP_PKT_TELL_QUEUED 8
#define IP_PKT_TELL_LEFT 16

/* What a destination is to us. Who is called from ip_input() finds it in
 * pkt->cb[0]. */
enum ip_kind {
	IP_OTHER, /* not ours: for TERN_SO_ANY */
	IP_LOCAL, /* one of our unicast addresses */
	IP_BROADCAST,
	IP_MULTICAST, /* a group that we are in on that link */
};

/* A link as the core knows it. 0 is the loopback inside the stack. */
struct ip_link {
	bool used;
	bool up;
	uint32_t mtu;
	uint32_t abilities;
	uint32_t queue_len;
	struct pktq out;       /* waits for tern_stack_output() */
	struct tern_pkt *rest; /* cut from the head of out, not yet taken */
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	char name[16];
};

struct ip_addr {
	struct tern_addr addr;
	uint8_t prefix;
	uint8_t link;
	bool v6;
};

struct ip_local;  /* an address in the table that input looks into */
struct ip_group;  /* a multicast group that sockets have joined */
struct ip_pmtus;  /* learned path MTUs */
struct ip_reass;  /* datagrams that wait for fragments */
struct ip_limits; /* ICMP errors sent lately, by destination */

#define IP_N_IDS 256

struct ip_state {
	struct ip_link link[IP_MAX_LINKS];
	int n_links; /* highest used + 1 */
	struct ip_addr *addrs;
	uint32_t n_addrs, cap_addrs;
	struct tern_route *routes; /* longest prefix first, then metric */
	uint32_t n_routes, cap_routes;
	uint32_t generation;	 /* of addresses, routes and path MTUs: changes
			      * make cached answers stale */
	struct ip_local *locals; /* hash, open addressing */
	uint32_t n_locals, cap_locals;
	struct ip_group *groups;
	uint32_t n_groups, cap_groups;
	struct ip_pmtus *pmtus; /* these three come when first needed */
	struct ip_reass *reass;
	struct ip_limits *limits;
	int64_t icmp_at; /* token bucket of ICMP errors */
	uint32_t icmp_tokens;
	/* Sockets of TERN_SO_ANY, and connections accepted by such: while there
	 * are any, TCP (UDP) takes packets to any address. Theirs to count. */
	uint32_t n_any_tcp, n_any_udp;
	bool looping;
	uint16_t ids[IP_N_IDS]; /* of IPv4 packets, by a hash of whom for */
};

/* Where a packet goes. */
struct ip_path {
	uint8_t link;
	bool loop;	      /* broadcast, multicast: a copy is for us too */
	struct tern_addr src; /* chosen by RFC 6724 if none was asked for */
	struct tern_addr via; /* next hop */
	uint32_t mtu;	      /* of the path: link, route, learned */
	uint32_t link_mtu;    /* without what was learned */
	uint32_t advmss;      /* of the route, 0: from the mtu */
	uint32_t initcwnd;    /* 0: default */
};

void ip_init(struct tern_stack *);
void ip_fini(struct tern_stack *);
int64_t ip_deadline(struct tern_stack *);
void ip_advance(struct tern_stack *);

/* What stack.h says of tern_link_add() and its kin. */
int ip_link_add(struct tern_stack *, const struct tern_link_config *);
int ip_link_set_up(struct tern_stack *, int link, bool up);
int ip_link_set_mtu(struct tern_stack *, int link, uint32_t mtu);
int ip_addr_add(struct tern_stack *, int link, const struct tern_addr *,
		unsigned prefix);
int ip_addr_del(struct tern_stack *, int link, const struct tern_addr *);
int ip_route_add(struct tern_stack *, const struct tern_route *);
int ip_route_del(struct tern_stack *, const struct tern_route *);

/* Interface indices, as sockets name links: 1 is the loopback, as on Linux, and
 * 0 none; so a link's number and one. */
static inline int ip_ifindex(int link)
{
	return link + 1;
}

/* -1 for 0. */
static inline int ip_link_of(int ifindex)
{
	return ifindex - 1;
}

/* A link in use, or NULL. */
static inline struct ip_link *ip_link_at(struct ip_state *ip, int link)
{
	return link >= 0 && link < ip->n_links ? &ip->link[link] : NULL;
}

/* Frees what waits in the links' queues: before those go who own it. */
void ip_drop_output(struct tern_stack *);

/* Lets what was sent to ourselves come in: for the end of each call into the
 * stack. Calls to itself from within do nothing. */
void ip_loopback_run(struct tern_stack *);

/* Is there a packet for ip_dequeue()? */
static inline bool ip_has_output(const struct ip_state *ip, int link)
{
	return ip->link[link].rest || ip->link[link].out.n;
}

static inline bool ip_is_v4(const struct tern_addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(a->b, mapped, sizeof(mapped));
}

/* A packet from a link. */
void ip_input(struct tern_stack *, struct tern_pkt *pkt);

/* The path to dst; src NULL or any: choose one. 0, -TERN_ENETUNREACH,
 * -TERN_EINVAL (src is not ours), -TERN_ENETDOWN. A source that is not ours is
 * taken when `any_src` (TERN_SO_ANY, replies to any-address sockets). */
int ip_route(struct tern_stack *, const struct tern_addr *dst,
	     const struct tern_addr *src, bool any_src, struct ip_path *out);

/* Is it one of our unicast addresses (or of 127/8, ::1)? */
bool ip_is_local(struct tern_stack *, const struct tern_addr *);
bool ip_is_broadcast(struct tern_stack *, const struct tern_addr *);
bool ip_is_multicast(const struct tern_addr *);
bool ip_is_link_local(const struct tern_addr *);

/* ip_route() by a link that is given: IP_MULTICAST_IF, a scope. */
int ip_route_link(struct tern_stack *, const struct tern_addr *dst,
		  const struct tern_addr *src, bool any_src, int link,
		  struct ip_path *out);

/* Multicast membership (counted: as many leaves as joins). -TERN_ENODEV,
 * -TERN_ENOMEM; leave: -TERN_EADDRNOTAVAIL. link -1: the one that a route to
 * the group leads to, else the first that is up; the link used is returned. */
int ip_group_join(struct tern_stack *, const struct tern_addr *, int link);
int ip_group_leave(struct tern_stack *, const struct tern_addr *, int link);

/*
 * Sends: prepends the header h (src, dst, protocol, tos, ttl, df, flow; v6 is
 * taken from the addresses; ttl 0: the tunable's) and queues the packet on the
 * link, fragmenting what is over mtu and may be (not df). csum_start is what it
 * will be behind the header. The IPv4 id is h->id if df, else chosen here.
 * Takes the packet over. 0, or -TERN_EMSGSIZE, -TERN_ENOBUFS (queue full),
 * -TERN_ENETDOWN, -TERN_ENOMEM: then the packet is gone, and who is named as
 * its owner (TERN_PKT_TOLD) learns that from the result alone.
 */
int ip_output(struct tern_stack *, struct tern_pkt *pkt,
	      const struct wire_ip *h, const struct ip_path *path);

/* Queues on a link a packet whose IP header is there. */
int ip_enqueue(struct tern_stack *, int link, struct tern_pkt *pkt);

/* Up to max packets for tern_stack_output(): cut, checksums complete; tells
 * tcp_sent_below() of packets marked TERN_PKT_TOLD, with the bytes that
 * ip_output() was given; and likewise when what is queued is dropped. */
int ip_dequeue(struct tern_stack *, int link, struct tern_pkt **pkts, int max);

/* Drops a packet and counts why (the reason's row in drops.def names the
 * counter); traces it. */
void ip_drop(struct tern_stack *, struct tern_pkt *pkt, int reason);

/* Was this transport checksum wrong? `len` bytes from h->hdr_len on; knows
 * TERN_CSUM_GOOD. */
bool ip_csum_bad(const struct tern_pkt *pkt, const struct wire_ip *h,
		 uint32_t len);

/* ICMP errors by meaning; the family's type and code follow from it. */
enum icmp_meaning {
	ICMP_SAYS_NET,	      /* no route */
	ICMP_SAYS_HOST,	      /* host (address) unreachable */
	ICMP_SAYS_PROTO,      /* protocol (next header) unknown */
	ICMP_SAYS_PORT,	      /* port unreachable */
	ICMP_SAYS_PROHIBITED, /* administratively */
	ICMP_SAYS_TOO_BIG,    /* info: the MTU */
	ICMP_SAYS_TTL,	      /* time exceeded in transit */
	ICMP_SAYS_REASS,      /* time exceeded in reassembly */
	ICMP_SAYS_PARAM,      /* info: pointer */
};

/* Answers a packet (whole, header parsed) with an ICMP error, unless RFC 1122
 * 3.2.2 or RFC 4443 2.4 forbid it or the limits do. Does not take it over. */
void icmp_send_error(struct tern_stack *, const struct tern_pkt *pkt,
		     const struct wire_ip *h, enum icmp_meaning, uint32_t info);
void icmp_input(struct tern_stack *, struct tern_pkt *pkt,
		const struct wire_ip *h);

/* An ICMP error for a transport: what it quotes, and what it stands for. */
struct icmp_err {
	struct wire_ip quoted;	  /* src is ours, dst the peer */
	const uint8_t *transport; /* quoted transport header */
	uint32_t n_transport;	  /* bytes of it, at least 8 */
	struct tern_addr from;	  /* who sent the error */
	uint8_t type, code;
	int error;    /* TERN_E*, 0: no error to the user */
	bool fatal;   /* ends a handshake (Linux's icmp_err_convert) */
	bool too_big; /* `mtu` says what fits */
	uint32_t mtu;
};

/* Remembers what fits to dst (at least min_pmtu; IPv6 1280) for mtu_expires.
 * The transport has checked that the error is about something it sent. */
void ip_pmtu_learn(struct tern_stack *, const struct tern_addr *dst,
		   uint32_t mtu);

/* What ip calls upwards. */
void tcp_input(struct tern_stack *, struct tern_pkt *, const struct wire_ip *);
void tcp_icmp_error(struct tern_stack *, const struct icmp_err *);
void tcp_sent_below(struct tern_stack *, uint32_t owner, uint32_t bytes);
/* A packet with IP_PKT_TELL_*, at that instant (left: else queued). */
void tcp_stamp_packet(struct tern_stack *, const struct tern_pkt *, bool left);
void udp_input(struct tern_stack *, struct tern_pkt *, const struct wire_ip *);
void udp_icmp_error(struct tern_stack *, const struct icmp_err *);
void udp_sent_below(struct tern_stack *, uint32_t owner, uint32_t bytes,
		    uint64_t cookie);

#endif
