// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which of our addresses a packet starts from (RFC 6724 5).
 *
 * The rules that apply here, in their order: 2 appropriate scope, 5 the
 * outgoing link, 6 matching label, 8 longest matching prefix (no further than
 * the source's own prefix, as on Linux), and the one added first wins. Rules 3
 * (deprecated), 4 (home addresses) and 7 (temporary) need addresses of kinds
 * that tern has not.
 *
 * For IPv4 Linux looks at the next hop, not at the destination: an address
 * whose prefix holds the next hop comes first, then any on the link.
 */
#include "ip/ip_priv.h"

unsigned ip_common_bits(const struct tern_addr *a, const struct tern_addr *b)
{
	unsigned i, n = 0;

	for (i = 0; i < 16 && a->b[i] == b->b[i]; i++)
		n += 8;
	if (i < 16)
		n += (unsigned)__builtin_clz((unsigned)(a->b[i] ^ b->b[i])) -
		     24;
	return n;
}

bool ip_prefix_match(const struct tern_addr *addr, const struct tern_addr *dst,
		     unsigned bits, bool v6)
{
	if (!v6)
		bits += 96;
	if (memcmp(addr->b, dst->b, bits / 8))
		return false;
	return bits % 8 == 0 ||
	       (addr->b[bits / 8] ^ dst->b[bits / 8]) >> (8 - bits % 8) == 0;
}

enum { SCOPE_LINK = 2, SCOPE_SITE = 5, SCOPE_GLOBAL = 14 };

/* RFC 6724 3.1, 3.2: multicast carries its scope, unicast has it by prefix. */
static unsigned scope_of(const struct tern_addr *a)
{
	if (ip_is_v4(a))
		return a->b[12] == 127 || ip_is_link_local(a) ? SCOPE_LINK :
								SCOPE_GLOBAL;
	if (a->b[0] == 0xff)
		return a->b[1] & 15u;
	if (ip_is_link_local(a))
		return SCOPE_LINK;
	if (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0xc0)
		return SCOPE_SITE;
	return SCOPE_GLOBAL;
}

/* The default policy table (RFC 6724 2.1), the longer prefixes first. ::1,
 * IPv4-mapped and IPv4-compatible addresses do not get here. */
static unsigned label_of(const struct tern_addr *a)
{
	static const struct {
		struct tern_addr addr;
		uint8_t bits;
		uint8_t label;
	} policy[] = {
		{ { { 0x20, 0x01 } }, 32, 5 },	/* Teredo */
		{ { { 0x20, 0x02 } }, 16, 2 },	/* 6to4 */
		{ { { 0x3f, 0xfe } }, 16, 12 }, /* 6bone */
		{ { { 0xfe, 0xc0 } }, 10, 11 }, /* site-local */
		{ { { 0xfc } }, 7, 13 },	/* unique local */
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(policy); i++) {
		if (ip_prefix_match(a, &policy[i].addr, policy[i].bits, true))
			return policy[i].label;
	}
	return 1;
}

/* Is a the better source for dst than b? */
static bool better6(const struct ip_addr *a, const struct ip_addr *b,
		    const struct tern_addr *dst, int link)
{
	unsigned sa = scope_of(&a->addr), sb = scope_of(&b->addr);
	unsigned label = label_of(dst);
	bool la, lb;

	if (sa != sb)
		return sa < sb ? sa >= scope_of(dst) : sb < scope_of(dst);
	if ((a->link == link) != (b->link == link))
		return a->link == link;
	la = label_of(&a->addr) == label;
	lb = label_of(&b->addr) == label;
	if (la != lb)
		return la;
	return min_u32(ip_common_bits(&a->addr, dst), a->prefix) >
	       min_u32(ip_common_bits(&b->addr, dst), b->prefix);
}

static int rank4(const struct ip_addr *a, const struct tern_addr *via, int link)
{
	int rank = 0;

	if (a->link == link)
		rank += 4;
	if (!ip_is_link_local(&a->addr))
		rank += 2;
	if (a->link == link && ip_prefix_match(via, &a->addr, a->prefix, false))
		rank += 8;
	return rank;
}

const struct tern_addr *ip_source_for(const struct ip_state *ip,
				      const struct tern_addr *dst,
				      const struct tern_addr *via, int link)
{
	const struct ip_addr *best = NULL, *a;
	bool v6 = !ip_is_v4(dst);
	uint32_t i;

	for (i = 0; i < ip->n_addrs; i++) {
		a = &ip->addrs[i];
		if (a->v6 != v6)
			continue;
		/* A link-local source means nothing on another link. */
		if (v6 && a->link != link && ip_is_link_local(&a->addr))
			continue;
		if (!best ||
		    (v6 ? better6(a, best, dst, link) :
			  rank4(a, via, link) > rank4(best, via, link)))
			best = a;
	}
	return best ? &best->addr : NULL;
}
