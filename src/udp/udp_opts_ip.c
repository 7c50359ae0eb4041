// SPDX-License-Identifier: BSD-2-Clause
/*
 * Options of levels IP and IPv6, for UDP. An IPv6 socket has both, as on Linux:
 * what it does over IPv4 goes by those of IP.
 */
#include "udp/udp_opts_priv.h"

static int get_ttl(const struct opt_call *c)
{
	int ttl = c->s->ttl ? c->s->ttl : (int)c->st->tun.ip_default_ttl;

	return ip_opt_write_byte_or_int(c->value, c->len, ttl);
}

static int get_hops(const struct opt_call *c)
{
	int hops = c->s->hops ? c->s->hops : (int)c->st->tun.ip_default_ttl;

	return ip_opt_write_int(c->value, c->len, hops);
}

/* The lowest byte of any number, as on Linux [k]. */
static int set_tos(const struct opt_call *c)
{
	int v, err = ip_opt_read_byte_or_int(c->value, *c->len, &v);

	if (!err)
		c->s->tos = (uint8_t)v;
	return err;
}

/* Stricter than IPv4's, as on Linux [k]. */
static int set_loop6(const struct opt_call *c)
{
	int v, err = ip_opt_read_int(c->value, *c->len, &v);

	if (err || v < 0 || v > 1)
		return -TERN_EINVAL;
	c->s->flags &= ~(uint32_t)UDP_LOOP6;
	if (v)
		c->s->flags |= UDP_LOOP6;
	return 0;
}

/* Of the path to the peer. */
static int get_mtu(const struct opt_call *c)
{
	const struct udp_sock *s = c->s;
	struct ip_path path;

	if (!s->connected ||
	    ip_route_link(c->st, &s->raddr, &s->laddr, true,
			  s->bound_link ? s->bound_link : -1, &path))
		return -TERN_ENOTCONN;
	return ip_opt_write_int(c->value, c->len, (int)path.mtu);
}

static int get_range(const struct opt_call *c)
{
	uint32_t v = (uint32_t)c->s->range_hi << 16 | c->s->range_lo;

	return ip_opt_write(c->value, c->len, &v, sizeof(v));
}

/* Upper half: the highest port, lower half: the lowest; 0: the tunable's. */
static int set_range(const struct opt_call *c)
{
	uint32_t v;

	if (*c->len != sizeof(v))
		return -TERN_EINVAL;
	memcpy(&v, c->value, sizeof(v));
	if (v >> 16 && (v & 0xffff) > v >> 16)
		return -TERN_EINVAL;
	c->s->range_lo = (uint16_t)v;
	c->s->range_hi = (uint16_t)(v >> 16);
	return 0;
}

/* It can only be chosen while no address is. */
static int set_v6only(const struct opt_call *c)
{
	int v, err = ip_opt_read_int(c->value, *c->len, &v);

	if (err)
		return err;
	if (c->s->hashed)
		return -TERN_EINVAL;
	c->s->flags &= ~(uint32_t)UDP_V6ONLY;
	if (v)
		c->s->flags |= UDP_V6ONLY;
	return 0;
}

/* The link that an IPv4 address of ours is on; -1: any; -TERN_*. */
static int link_of(struct tern_stack *st, const uint8_t addr[4])
{
	uint32_t i;

	if (!get_be32(addr))
		return -1;
	for (i = 0; i < st->ip.n_addrs; i++) {
		const struct ip_addr *a = &st->ip.addrs[i];

		if (!a->v6 && !memcmp(a->addr.b + 12, addr, 4))
			return a->link;
	}
	return -TERN_ENODEV;
}

/* struct ip_mreqn { group, address, int link } or ip_mreq without the link. */
static int read_mreq(const struct opt_call *c, struct tern_addr *group,
		     int *link)
{
	const uint8_t *p = c->value;
	int index = 0;

	if (*c->len < 8)
		return -TERN_EINVAL;
	*group = tern_addr_v4(p[0], p[1], p[2], p[3]);
	if (*c->len >= 12)
		memcpy(&index, p + 8, sizeof(index));
	*link = index > 0 ? ip_link_of(index) : link_of(c->st, p + 4);
	return *link < -1 ? *link : 0;
}

static int join(const struct opt_call *c)
{
	struct tern_addr group;
	int link, err = read_mreq(c, &group, &link);

	return err ? err : udp_group_join(c->st, c->s, &group, link);
}

static int leave(const struct opt_call *c)
{
	struct tern_addr group;
	int link, err = read_mreq(c, &group, &link);

	return err ? err : udp_group_leave(c->st, c->s, &group, link);
}

/* struct ipv6_mreq { group, int link }. */
static int read_mreq6(const struct opt_call *c, struct tern_addr *group,
		      int *link)
{
	const uint8_t *p = c->value;
	int index;

	if (*c->len < 20)
		return -TERN_EINVAL;
	memcpy(group->b, p, 16);
	memcpy(&index, p + 16, sizeof(index));
	*link = index > 0 ? ip_link_of(index) : -1;
	return ip_is_v4(group) ? -TERN_EINVAL : 0;
}

static int join6(const struct opt_call *c)
{
	struct tern_addr group;
	int link, err = read_mreq6(c, &group, &link);

	return err ? err : udp_group_join(c->st, c->s, &group, link);
}

static int leave6(const struct opt_call *c)
{
	struct tern_addr group;
	int link, err = read_mreq6(c, &group, &link);

	return err ? err : udp_group_leave(c->st, c->s, &group, link);
}

/* struct group_req { uint32_t link; struct sockaddr_storage group; }, of
 * either level. */
static int read_group(const struct opt_call *c, struct tern_addr *group,
		      int *link)
{
	/* The address is aligned as a long is. */
	const uint8_t *p = c->value, *addr = p + sizeof(long);
	bool v6 = c->level == TERN_IPPROTO_IPV6;
	uint16_t family;
	int index;

	if (*c->len < sizeof(long) + 128)
		return -TERN_EINVAL;
	memcpy(&index, p, sizeof(index));
	memcpy(&family, addr, sizeof(family));
	*link = index > 0 ? ip_link_of(index) : -1;
	if (family != (v6 ? TERN_AF_INET6 : TERN_AF_INET))
		return v6 ? -TERN_EADDRNOTAVAIL : -TERN_EINVAL;
	if (v6)
		memcpy(group->b, addr + 8, 16);
	else
		*group = tern_addr_v4(addr[4], addr[5], addr[6], addr[7]);
	return v6 && ip_is_v4(group) ? -TERN_EINVAL : 0;
}

static int join_group(const struct opt_call *c)
{
	struct tern_addr group;
	int link, err = read_group(c, &group, &link);

	return err ? err : udp_group_join(c->st, c->s, &group, link);
}

static int leave_group(const struct opt_call *c)
{
	struct tern_addr group;
	int link, err = read_group(c, &group, &link);

	return err ? err : udp_group_leave(c->st, c->s, &group, link);
}

/* 0 or 1, as on Linux [k]. */
static int set_multi_all(const struct opt_call *c)
{
	int v, err = ip_opt_read_byte_or_int(c->value, *c->len, &v);

	if (err || v < 0 || v > 1)
		return -TERN_EINVAL;
	c->s->flags &= ~(uint32_t)UDP_MULTI_ALL;
	if (v)
		c->s->flags |= UDP_MULTI_ALL;
	return 0;
}

/* Reads back as the address that was set. */
static int get_multi_if(const struct opt_call *c)
{
	return ip_opt_write(c->value, c->len, c->s->multi_src.b + 12, 4);
}

/* An address, or struct ip_mreqn, of which the link goes first. */
static int set_multi_if(const struct opt_call *c)
{
	const uint8_t *p = c->value;
	int index = 0, link;

	if (*c->len < 4)
		return -TERN_EINVAL;
	if (*c->len >= 8)
		p += 4;
	if (*c->len >= 12)
		memcpy(&index, p + 4, sizeof(index));
	if (index < 0 || index > c->st->ip.n_links)
		return -TERN_EADDRNOTAVAIL;
	link = index ? ip_link_of(index) : link_of(c->st, p);
	if (link < -1)
		return -TERN_EADDRNOTAVAIL;
	c->s->multi_if = (uint8_t)ip_ifindex(link);
	c->s->multi_src = tern_addr_v4(p[0], p[1], p[2], p[3]);
	return 0;
}

static int set_multi_if6(const struct opt_call *c)
{
	int index, err = ip_opt_read_int(c->value, *c->len, &index);

	if (err)
		return err;
	if (index < 0 || index > c->st->ip.n_links)
		return -TERN_ENODEV;
	c->s->multi_if6 = (uint8_t)index;
	return 0;
}

static const struct udp_opt ip_rows[] = {
	{ TERN_IP_RECVERR, UDP_RECVERR },
	{ TERN_IP_PKTINFO, UDP_PKTINFO },
	{ TERN_IP_RECVTTL, UDP_RECVTTL },
	{ TERN_IP_RECVTOS, UDP_RECVTOS },
	{ TERN_IP_RECVORIGDSTADDR, UDP_ORIGDST },
	{ TERN_IP_FREEBIND, UDP_FREEBIND },
	{ TERN_IP_TRANSPARENT, UDP_TRANSPARENT },
	{ TERN_IP_BIND_ADDRESS_NO_PORT, UDP_ADDR_NO_PORT },
	{ TERN_IP_MULTICAST_LOOP, UDP_LOOP },
	{ TERN_IP_MULTICAST_ALL, UDP_MULTI_ALL, .set = set_multi_all },
	{ TERN_IP_TOS, FIELD(tos, 0, 255, -1), .set = set_tos },
	{ TERN_IP_TTL, FIELD(ttl, 1, 255, 0), .get = get_ttl },
	{ TERN_IP_MTU_DISCOVER, FIELD(pmtudisc, 0, UDP_PMTU_OMIT, -1) },
	{ TERN_IP_MULTICAST_TTL, FIELD(multi_ttl, 0, 255, 1) },
	{ TERN_IP_MTU, .get = get_mtu },
	{ TERN_IP_LOCAL_PORT_RANGE, .get = get_range, .set = set_range },
	{ TERN_IP_MULTICAST_IF, .get = get_multi_if, .set = set_multi_if },
	{ TERN_IP_ADD_MEMBERSHIP, .set = join },
	{ TERN_IP_DROP_MEMBERSHIP, .set = leave },
	{ TERN_MCAST_JOIN_GROUP, .set = join_group },
	{ TERN_MCAST_LEAVE_GROUP, .set = leave_group },
};

const struct udp_opt_level udp_opts_ip = {
	.level = TERN_IPPROTO_IP,
	.byte_will_do = true,
	.rows = ip_rows,
	.n = ARRAY_LEN(ip_rows),
};

/* Any length will do: what is no int is 0 [k]. */
static int set_dontfrag(const struct opt_call *c)
{
	int v = 0;

	(void)ip_opt_read_int(c->value, *c->len, &v);
	c->s->flags &= ~(uint32_t)UDP_DONTFRAG6;
	if (v)
		c->s->flags |= UDP_DONTFRAG6;
	return 0;
}

static const struct udp_opt ipv6_rows[] = {
	{ TERN_IPV6_RECVERR, UDP_RECVERR6 },
	{ TERN_IPV6_RECVPKTINFO, UDP_PKTINFO6 },
	{ TERN_IPV6_RECVHOPLIMIT, UDP_RECVTTL6 },
	{ TERN_IPV6_RECVTCLASS, UDP_RECVTOS6 },
	{ TERN_IPV6_RECVORIGDSTADDR, UDP_ORIGDST6 },
	{ TERN_IPV6_MULTICAST_LOOP, UDP_LOOP6, .set = set_loop6 },
	{ TERN_IPV6_V6ONLY, UDP_V6ONLY, .set = set_v6only },
	{ TERN_IPV6_TCLASS, FIELD(tclass, 0, 255, 0) },
	{ TERN_IPV6_UNICAST_HOPS, FIELD(hops, 0, 255, 0), .get = get_hops },
	{ TERN_IPV6_MULTICAST_HOPS, FIELD(multi_hops, 0, 255, 1) },
	{ TERN_IPV6_MTU_DISCOVER, FIELD(pmtudisc6, 0, UDP_PMTU_OMIT, -1) },
	{ TERN_IPV6_MULTICAST_IF, FIELD(multi_if6, 0, 255, -1),
	  .set = set_multi_if6 },
	{ TERN_IPV6_MTU, .get = get_mtu },
	{ TERN_IPV6_ADD_MEMBERSHIP, .set = join6 },
	{ TERN_IPV6_DROP_MEMBERSHIP, .set = leave6 },
	{ TERN_MCAST_JOIN_GROUP, .set = join_group },
	{ TERN_MCAST_LEAVE_GROUP, .set = leave_group },
	{ TERN_IPV6_MULTICAST_ALL, UDP_MULTI_ALL6 },
	{ TERN_IPV6_FREEBIND, UDP_FREEBIND },
	{ TERN_IPV6_TRANSPARENT, UDP_TRANSPARENT },
	{ TERN_IPV6_DONTFRAG, UDP_DONTFRAG6, .set = set_dontfrag },
};

const struct udp_opt_level udp_opts_ipv6 = {
	.level = TERN_IPPROTO_IPV6,
	.rows = ipv6_rows,
	.n = ARRAY_LEN(ipv6_rows),
};
