// SPDX-License-Identifier: BSD-2-Clause
/*
 * Our addresses, and what any other address is to us.
 *
 * Each packet that comes in asks "is this ours?" once, so the answer is one
 * look into a table that holds our addresses, the broadcast addresses of their
 * prefixes and the groups that were joined:
 *
 *	hash(address) -> { address, kind, links }	open addressing
 *
 * It is at most half full, and what is in it was put there by the embedder or
 * by sockets, not by the wire: a probe is short whatever arrives. 127/8, ::1,
 * 255.255.255.255 and the all-hosts groups are known without it.
 *
 * The host model is the weak one (RFC 1122 3.3.4.2), as on Linux: an address
 * is ours on whichever link a packet for it comes.
 */
#include "ip/ip_priv.h"

struct ip_local {
	struct tern_addr addr;
	uint8_t kind;	/* enum ip_kind; IP_OTHER: free */
	uint32_t links; /* a bit each, for groups */
};

static uint32_t local_hash(const struct tern_addr *a)
{
	uint64_t hi, lo;

	memcpy(&hi, a->b, 8);
	memcpy(&lo, a->b + 8, 8);
	/* Any odd constant mixes; this is 2^64 over the golden ratio. */
	lo = (lo ^ (hi << 1 | hi >> 63)) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(lo >> 32);
}

/* The entry of an address, or the free one where it would go. */
static struct ip_local *local_find(const struct ip_state *ip,
				   const struct tern_addr *a)
{
	uint32_t mask = ip->cap_locals - 1;
	uint32_t i = local_hash(a) & mask;

	while (ip->locals[i].kind != IP_OTHER &&
	       !tern_addr_equal(&ip->locals[i].addr, a))
		i = (i + 1) & mask;
	return &ip->locals[i];
}

static void local_put(struct ip_state *ip, const struct tern_addr *a,
		      enum ip_kind kind, uint32_t links)
{
	struct ip_local *l = local_find(ip, a);

	if (l->kind == IP_OTHER) {
		l->addr = *a;
		l->kind = (uint8_t)kind;
		l->links = 0;
		ip->n_locals++;
	}
	/* A host may sit on what is another prefix's broadcast address. */
	if (kind == IP_LOCAL)
		l->kind = IP_LOCAL;
	l->links |= links;
}

static bool local_grow(struct tern_stack *st)
{
	struct ip_state *ip = &st->ip;
	uint32_t i, old_cap = ip->cap_locals, cap = old_cap ? old_cap * 2 : 16;
	struct ip_local *old = ip->locals;
	struct ip_local *grown = mem_zalloc(&st->mem, cap * sizeof(*grown));

	if (!grown)
		return false;
	ip->locals = grown;
	ip->cap_locals = cap;
	ip->n_locals = 0;
	for (i = 0; i < old_cap; i++) {
		if (old[i].kind != IP_OTHER)
			local_put(ip, &old[i].addr, old[i].kind, old[i].links);
	}
	mem_free(&st->mem, old, old_cap * sizeof(*old));
	return true;
}

bool ip_local_add(struct tern_stack *st, const struct tern_addr *a,
		  enum ip_kind kind, int link)
{
	if (st->ip.n_locals * 2 >= st->ip.cap_locals && !local_grow(st))
		return false;
	local_put(&st->ip, a, kind, UINT32_C(1) << link);
	return true;
}

/* The last address of an IPv4 prefix. False for prefixes without one: /31 and
 * /32 (RFC 3021). */
static bool broadcast_of(const struct ip_addr *a, struct tern_addr *out)
{
	if (a->v6 || a->prefix > 30)
		return false;
	*out = a->addr;
	put_be32(out->b + 12,
		 get_be32(out->b + 12) | (uint32_t)(0xffffffffu >> a->prefix));
	return true;
}

void ip_local_rebuild(struct tern_stack *st)
{
	struct ip_state *ip = &st->ip;
	struct tern_addr broadcast;
	uint32_t i;

	if (!ip->cap_locals)
		return;
	memset(ip->locals, 0, ip->cap_locals * sizeof(*ip->locals));
	ip->n_locals = 0;
	for (i = 0; i < ip->n_addrs; i++) {
		const struct ip_addr *a = &ip->addrs[i];

		local_put(ip, &a->addr, IP_LOCAL, UINT32_C(1) << a->link);
		if (broadcast_of(a, &broadcast))
			local_put(ip, &broadcast, IP_BROADCAST,
				  UINT32_C(1) << a->link);
	}
	for (i = 0; i < ip->n_groups; i++)
		local_put(ip, &ip->groups[i].addr, IP_MULTICAST,
			  UINT32_C(1) << ip->groups[i].link);
}

/* 224.0.0.1, ff01::1 and ff02::1: all hosts are in these (RFC 1112 4, RFC 4291
 * 2.8). */
static bool is_all_hosts(const struct tern_addr *a)
{
	static const uint8_t zeros[13];

	if (ip_is_v4(a))
		return get_be32(a->b + 12) == 0xe0000001u;
	return (a->b[1] == 1 || a->b[1] == 2) && !memcmp(a->b + 2, zeros, 13) &&
	       a->b[15] == 1;
}

enum ip_kind ip_kind_of(struct tern_stack *st, const struct tern_addr *a,
			int link)
{
	static const struct tern_addr loopback = { { [15] = 1 } };
	const struct ip_local *l;

	if (ip_is_v4(a)) {
		if (a->b[12] == 127)
			return IP_LOCAL;
		if (get_be32(a->b + 12) == 0xffffffffu)
			return IP_BROADCAST;
	} else if (tern_addr_equal(a, &loopback)) {
		return IP_LOCAL;
	}
	if (ip_is_multicast(a) && is_all_hosts(a))
		return IP_MULTICAST;
	if (!st->ip.cap_locals)
		return IP_OTHER;
	l = local_find(&st->ip, a);
	if (l->kind == IP_MULTICAST && link >= 0 && !(l->links >> link & 1))
		return IP_OTHER;
	return (enum ip_kind)l->kind;
}

bool ip_is_local(struct tern_stack *st, const struct tern_addr *a)
{
	return ip_kind_of(st, a, -1) == IP_LOCAL;
}

bool ip_is_broadcast(struct tern_stack *st, const struct tern_addr *a)
{
	return ip_kind_of(st, a, -1) == IP_BROADCAST;
}

bool ip_is_multicast(const struct tern_addr *a)
{
	if (ip_is_v4(a))
		return a->b[12] >> 4 == 0xe;
	return a->b[0] == 0xff;
}

bool ip_is_link_local(const struct tern_addr *a)
{
	if (ip_is_v4(a))
		return a->b[12] == 169 && a->b[13] == 254;
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

static struct ip_addr *addr_find(struct ip_state *ip, int link,
				 const struct tern_addr *addr)
{
	uint32_t i;

	for (i = 0; i < ip->n_addrs; i++) {
		if (ip->addrs[i].link == link &&
		    tern_addr_equal(&ip->addrs[i].addr, addr))
			return &ip->addrs[i];
	}
	return NULL;
}

/* The route to the neighbours that an address with a prefix tells of. */
static struct tern_route prefix_route(const struct ip_addr *a)
{
	struct tern_route r = {
		.dst = a->addr,
		.prefix = a->prefix,
		.v6 = a->v6,
		.link = a->link,
	};
	unsigned bits = a->prefix + (a->v6 ? 0 : 96), i;

	for (i = 0; i < 16; i++) {
		unsigned keep = bits > i * 8 ? bits - i * 8 : 0;

		if (keep < 8)
			r.dst.b[i] &= (uint8_t)(0xff00u >> keep);
	}
	return r;
}

static bool has_prefix_route(const struct ip_addr *a)
{
	return a->prefix < (a->v6 ? 128 : 32);
}

static bool addr_may_be_ours(const struct tern_addr *addr, bool v6,
			     unsigned prefix)
{
	if (tern_addr_is_any(addr) || ip_is_multicast(addr))
		return false;
	if (!v6 && get_be32(addr->b + 12) == 0xffffffffu)
		return false;
	return prefix <= (v6 ? 128 : 32);
}

int ip_addr_add(struct tern_stack *st, int link, const struct tern_addr *addr,
		unsigned prefix)
{
	struct ip_state *ip = &st->ip;
	bool v6 = !ip_is_v4(addr);
	struct tern_addr broadcast;
	struct tern_route route;
	struct ip_addr *a;

	if (!ip_link_at(ip, link))
		return -TERN_ENODEV;
	if (!addr_may_be_ours(addr, v6, prefix))
		return -TERN_EINVAL;
	if (addr_find(ip, link, addr))
		return -TERN_EEXIST;
	a = ip_array_grow(st, ip->addrs, ip->n_addrs, &ip->cap_addrs,
			  sizeof(*a));
	if (!a)
		return -TERN_ENOMEM;
	ip->addrs = a;
	a += ip->n_addrs;
	*a = (struct ip_addr){ *addr, (uint8_t)prefix, (uint8_t)link, v6 };
	if (!ip_local_add(st, addr, IP_LOCAL, link))
		return -TERN_ENOMEM;
	if (broadcast_of(a, &broadcast) &&
	    !ip_local_add(st, &broadcast, IP_BROADCAST, link))
		goto undo;
	if (has_prefix_route(a)) {
		route = prefix_route(a);
		/* A second address of one prefix shares the route. */
		if (ip_route_add(st, &route) == -TERN_ENOMEM)
			goto undo;
	}
	ip->n_addrs++;
	ip->generation++;
	return 0;
undo:
	ip_local_rebuild(st);
	return -TERN_ENOMEM;
}

int ip_addr_del(struct tern_stack *st, int link, const struct tern_addr *addr)
{
	struct ip_state *ip = &st->ip;
	struct ip_addr *a = addr_find(ip, link, addr), gone;
	struct tern_route route, other;
	uint32_t i;

	if (!a)
		return -TERN_EADDRNOTAVAIL;
	gone = *a;
	i = (uint32_t)(a - ip->addrs);
	memmove(a, a + 1, (--ip->n_addrs - i) * sizeof(*a));
	ip_local_rebuild(st);
	ip->generation++;
	if (!has_prefix_route(&gone))
		return 0;
	route = prefix_route(&gone);
	for (i = 0; i < ip->n_addrs; i++) {
		other = prefix_route(&ip->addrs[i]);
		if (other.link == route.link && other.prefix == route.prefix &&
		    tern_addr_equal(&other.dst, &route.dst))
			return 0;
	}
	(void)ip_route_del(st, &route);
	return 0;
}

void ip_addr_fini(struct tern_stack *st)
{
	struct ip_state *ip = &st->ip;

	mem_free(&st->mem, ip->addrs, ip->cap_addrs * sizeof(*ip->addrs));
	mem_free(&st->mem, ip->locals, ip->cap_locals * sizeof(*ip->locals));
	mem_free(&st->mem, ip->groups, ip->cap_groups * sizeof(*ip->groups));
	ip->addrs = NULL;
	ip->locals = NULL;
	ip->groups = NULL;
	ip->n_addrs = ip->cap_addrs = 0;
	ip->n_locals = ip->cap_locals = 0;
	ip->n_groups = ip->cap_groups = 0;
}
