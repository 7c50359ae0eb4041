// SPDX-License-Identifier: BSD-2-Clause
/*
 * Multicast groups: which ones sockets have joined, on which link.
 *
 * A membership makes input take packets to the group; which sockets then get
 * them is UDP's business. Not implemented: IGMP and MLD, by which routers and
 * switches learn of members. Point-to-point links have no need of them.
 */
#include "ip/ip_priv.h"

static struct ip_group *group_find(struct ip_state *ip,
				   const struct tern_addr *addr, int link)
{
	uint32_t i;

	for (i = 0; i < ip->n_groups; i++) {
		if (ip->groups[i].link == link &&
		    tern_addr_equal(&ip->groups[i].addr, addr))
			return &ip->groups[i];
	}
	return NULL;
}

/* The link a join without one means. */
static int default_link(struct tern_stack *st, const struct tern_addr *addr)
{
	struct ip_path path;
	int i;

	if (!ip_route(st, addr, NULL, false, &path))
		return path.link;
	for (i = 1; i < st->ip.n_links; i++) {
		if (st->ip.link[i].up)
			return i;
	}
	return -TERN_ENODEV;
}

int ip_group_join(struct tern_stack *st, const struct tern_addr *addr, int link)
{
	struct ip_state *ip = &st->ip;
	struct ip_group *g;

	if (!ip_is_multicast(addr))
		return -TERN_EINVAL;
	if (link < 0)
		link = default_link(st, addr);
	if (!ip_link_at(ip, link))
		return -TERN_ENODEV;
	g = group_find(ip, addr, link);
	if (g) {
		g->refs++;
		return link;
	}
	g = ip_array_grow(st, ip->groups, ip->n_groups, &ip->cap_groups,
			  sizeof(*g));
	if (!g)
		return -TERN_ENOMEM;
	ip->groups = g;
	if (!ip_local_add(st, addr, IP_MULTICAST, link))
		return -TERN_ENOMEM;
	g[ip->n_groups++] = (struct ip_group){ *addr, (uint8_t)link, 1 };
	return link;
}

int ip_group_leave(struct tern_stack *st, const struct tern_addr *addr,
		   int link)
{
	struct ip_state *ip = &st->ip;
	struct ip_group *g = group_find(ip, addr, link);

	if (!g)
		return -TERN_EADDRNOTAVAIL;
	if (--g->refs)
		return 0;
	*g = ip->groups[--ip->n_groups];
	ip_local_rebuild(st);
	return 0;
}
