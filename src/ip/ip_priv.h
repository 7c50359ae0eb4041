// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the files of ip/ know of each other.
 * Included by: ip_*.c icmp*.c
 */
#ifndef IP_PRIV_H
#define IP_PRIV_H

#include "base/time.h"
#include "stack_priv.h"
#include "wire/wire_csum.h"
#include "wire/wire_icmp.h"

#define IP_DEFAULT_QUEUE_LEN 1000u /* Linux's txqueuelen */
#define IP_LOOPBACK_MTU 65536u	   /* as Linux's lo */
#define IP6_MIN_MTU 1280u	   /* RFC 8200 5 */

static inline unsigned ip_index(const struct wire_ip *h)
{
	return h->v6 ? 1 : 0;
}

/* Does addr lie in dst/bits? bits counts in the family's own way. */
bool ip_prefix_match(const struct tern_addr *addr, const struct tern_addr *dst,
		     unsigned bits, bool v6);
/* Leading bits that two addresses share, of 128. */
unsigned ip_common_bits(const struct tern_addr *, const struct tern_addr *);

/* ip_output.c: tells the owner of a packet that it has left its queue. */
void ip_tell(struct tern_stack *, struct tern_pkt *);

/* ip_addr.c */
void ip_addr_fini(struct tern_stack *);
/* Enters an address into the table that ip_kind_of() looks into; false without
 * memory. And makes the table anew, from addresses and groups. */
bool ip_local_add(struct tern_stack *, const struct tern_addr *, enum ip_kind,
		  int link);
void ip_local_rebuild(struct tern_stack *);
/* What an address is to us, on a link (-1: on any). */
enum ip_kind ip_kind_of(struct tern_stack *, const struct tern_addr *,
			int link);
/* ip_source.c: a source for dst by a route over link to the next hop via; NULL if none. */
const struct tern_addr *ip_source_for(const struct ip_state *,
				      const struct tern_addr *dst,
				      const struct tern_addr *via, int link);

struct ip_group {
	struct tern_addr addr;
	uint8_t link;
	uint32_t refs;
};

/* ip_input.c: `looped` packets were sent by ourselves. */
void ip_receive(struct tern_stack *, struct tern_pkt *, bool looped);
/* Reassembled or never cut: to its protocol. */
void ip_deliver(struct tern_stack *, struct tern_pkt *, const struct wire_ip *,
		enum ip_kind);

/* ip_forward.c */
void ip_forward(struct tern_stack *, struct tern_pkt *, struct wire_ip *);

/* ip_frag.c: cuts a packet, whose IP header is linear, and queues the parts.
 * Takes it over. */
int ip_fragment(struct tern_stack *, int link, struct tern_pkt *, uint32_t mtu);
uint16_t ip_next_id(struct tern_stack *, const struct wire_ip *);

/* ip_reass.c: takes a fragment over. A datagram that it completes is returned,
 * with its header in *h; else NULL. */
struct tern_pkt *ip_reass(struct tern_stack *, struct tern_pkt *,
			  struct wire_ip *h);
int64_t ip_reass_deadline(const struct tern_stack *);
void ip_reass_advance(struct tern_stack *);
void ip_reass_fini(struct tern_stack *);

/* ip_pmtu.c: what was learned of dst, or UINT32_MAX. */
uint32_t ip_pmtu_of(struct tern_stack *, const struct tern_addr *dst);
int64_t ip_pmtu_deadline(const struct tern_stack *);
void ip_pmtu_advance(struct tern_stack *);
void ip_pmtu_fini(struct tern_stack *);

/* icmp_error.c: about an IPv6 packet whose extension headers are bad. */
void icmp_send_bad_ext(struct tern_stack *, const struct tern_pkt *,
		       const struct wire_ip *);

/* icmp_limit.c: may an error go to dst now? Takes the tokens if so. */
bool icmp_allowed(struct tern_stack *, const struct tern_addr *dst);
void icmp_limits_fini(struct tern_stack *);

/* An array with room for one more than n: the same, or a larger copy (the old
 * one is freed); NULL without memory. */
void *ip_array_grow(struct tern_stack *, void *array, uint32_t n, uint32_t *cap,
		    size_t size);

#endif
