// SPDX-License-Identifier: BSD-2-Clause
/*
 * A socket's multicast groups. Which datagrams to a group it gets: those to
 * groups that it has joined on that link, and with IP_MULTICAST_ALL, Linux's
 * default, those to groups that anybody has joined. Source filters (IGMPv3) are
 * not implemented.
 */
#include "udp/udp_priv.h"

/* Linux's igmp_max_memberships; IPv6 has no such bound there. */
#define MEMBERS_MAX 20u

static struct udp_member *find(const struct udp_sock *s,
			       const struct tern_addr *group, int link)
{
	uint32_t i;

	for (i = 0; i < s->n_members; i++) {
		if ((link < 0 || s->members[i].link == link) &&
		    tern_addr_equal(&s->members[i].group, group))
			return &s->members[i];
	}
	return NULL;
}

int udp_group_join(struct tern_stack *st, struct udp_sock *s,
		   const struct tern_addr *group, int link)
{
	struct udp_member *grown;
	int used;

	if (!ip_is_multicast(group))
		return -TERN_EINVAL;
	if (s->n_members >= MEMBERS_MAX && ip_is_v4(group))
		return -TERN_ENOBUFS;
	if (s->n_members == s->cap_members) {
		uint32_t cap = s->cap_members ? s->cap_members * 2 : 4;

		grown = mem_alloc(&st->mem, cap * sizeof(*grown));
		if (!grown)
			return -TERN_ENOBUFS;
		if (s->n_members)
			memcpy(grown, s->members,
			       s->n_members * sizeof(*grown));
		mem_free(&st->mem, s->members, s->cap_members * sizeof(*grown));
		s->members = grown;
		s->cap_members = cap;
	}
	used = ip_group_join(st, group, link);
	if (used < 0)
		return used;
	if (find(s, group, used)) {
		(void)ip_group_leave(st, group, used);
		return -TERN_EADDRINUSE;
	}
	s->members[s->n_members++] =
		(struct udp_member){ *group, (uint8_t)used };
	return 0;
}

int udp_group_leave(struct tern_stack *st, struct udp_sock *s,
		    const struct tern_addr *group, int link)
{
	struct udp_member *m = find(s, group, link);

	if (!m)
		return -TERN_EADDRNOTAVAIL;
	(void)ip_group_leave(st, group, m->link);
	*m = s->members[--s->n_members];
	return 0;
}

void udp_group_leave_all(struct tern_stack *st, struct udp_sock *s)
{
	while (s->n_members) {
		struct udp_member *m = &s->members[--s->n_members];

		(void)ip_group_leave(st, &m->group, m->link);
	}
	mem_free(&st->mem, s->members, s->cap_members * sizeof(*s->members));
	s->members = NULL;
	s->cap_members = 0;
}

bool udp_group_wants(const struct udp_sock *s, const struct tern_addr *group,
		     uint8_t link)
{
	return find(s, group, link) ||
	       udp_has(s, ip_is_v4(group) ? UDP_MULTI_ALL : UDP_MULTI_ALL6);
}
