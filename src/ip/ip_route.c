// SPDX-License-Identifier: BSD-2-Clause
/*
 * Routes: the longest prefix wins, then the lowest metric, then the oldest.
 *
 * They are kept in that order, so that the first match is the answer. A walk
 * is linear in the number of routes: a host has a handful, and TCP and UDP
 * keep what they were told until ip.generation moves. A router with thousands
 * of routes wants a trie here.
 *
 * Linux's table of local routes is ip_kind_of() here, asked first. A route
 * over a link that is down does not count.
 */
#include "ip/ip_priv.h"

/* Does route a stand before b? */
static bool stands_before(const struct tern_route *a,
			  const struct tern_route *b)
{
	if (a->prefix != b->prefix)
		return a->prefix > b->prefix;
	return a->metric < b->metric;
}

static bool same_route(const struct tern_route *a, const struct tern_route *b)
{
	return a->v6 == b->v6 && a->prefix == b->prefix &&
	       tern_addr_equal(&a->dst, &b->dst);
}

/* The any-address in the family's own writing. */
static struct tern_addr any_of(bool v6)
{
	return v6 ? (struct tern_addr){ { 0 } } : tern_addr_v4(0, 0, 0, 0);
}

/* Checks a route and brings it to the form that it is kept in: dst without
 * host bits set, default routes in their family's writing. */
static int normalize(struct tern_stack *st, struct tern_route *r)
{
	r->v6 = r->v6 || (r->prefix && !ip_is_v4(&r->dst));
	if (!ip_link_at(&st->ip, r->link))
		return -TERN_ENODEV;
	if (r->prefix > (r->v6 ? 128 : 32))
		return -TERN_EINVAL;
	if (tern_addr_is_any(&r->dst))
		r->dst = any_of(r->v6);
	if (ip_is_v4(&r->dst) == r->v6)
		return -TERN_EINVAL;
	if (tern_addr_is_any(&r->via))
		r->via = any_of(r->v6);
	if (ip_is_v4(&r->via) == r->v6)
		return -TERN_EINVAL;
	return 0;
}

static bool has_host_bits(const struct tern_route *r)
{
	unsigned bits = r->prefix + (r->v6 ? 0 : 96), i;

	for (i = bits / 8; i < 16; i++) {
		unsigned mask = i > bits / 8 ? 0xff : 0xffu >> bits % 8;

		if (r->dst.b[i] & mask)
			return true;
	}
	return false;
}

int ip_route_add(struct tern_stack *st, const struct tern_route *route)
{
	struct ip_state *ip = &st->ip;
	struct tern_route r = *route, *grown;
	uint32_t i;
	int err = normalize(st, &r);

	if (err)
		return err;
	if (has_host_bits(&r))
		return -TERN_EINVAL;
	for (i = 0; i < ip->n_routes; i++) {
		if (same_route(&ip->routes[i], &r) &&
		    ip->routes[i].metric == r.metric &&
		    ip->routes[i].link == r.link &&
		    tern_addr_equal(&ip->routes[i].via, &r.via))
			return -TERN_EEXIST;
	}
	grown = ip_array_grow(st, ip->routes, ip->n_routes, &ip->cap_routes,
			      sizeof(r));
	if (!grown)
		return -TERN_ENOMEM;
	ip->routes = grown;
	for (i = ip->n_routes; i > 0; i--) {
		if (!stands_before(&r, &ip->routes[i - 1]))
			break;
		ip->routes[i] = ip->routes[i - 1];
	}
	ip->routes[i] = r;
	ip->n_routes++;
	ip->generation++;
	return 0;
}

int ip_route_del(struct tern_stack *st, const struct tern_route *route)
{
	struct ip_state *ip = &st->ip;
	struct tern_route r = *route;
	uint32_t i;
	int err = normalize(st, &r);

	if (err)
		return err;
	for (i = 0; i < ip->n_routes; i++) {
		const struct tern_route *q = &ip->routes[i];

		if (!same_route(q, &r) || q->link != r.link)
			continue;
		if (!tern_addr_is_any(&r.via) &&
		    !tern_addr_equal(&q->via, &r.via))
			continue;
		memmove(&ip->routes[i], &ip->routes[i + 1],
			(--ip->n_routes - i) * sizeof(r));
		ip->generation++;
		return 0;
	}
	return -TERN_ENOENT;
}

/* The best route to dst, by `link` if that is given. */
static const struct tern_route *
find_route(const struct ip_state *ip, const struct tern_addr *dst, int link)
{
	bool v6 = !ip_is_v4(dst);
	uint32_t i;

	for (i = 0; i < ip->n_routes; i++) {
		const struct tern_route *r = &ip->routes[i];

		if (r->v6 == v6 && (link < 0 || r->link == link) &&
		    ip_prefix_match(dst, &r->dst, r->prefix, v6) &&
		    ip->link[r->link].up)
			return r;
	}
	return NULL;
}

/* To one of our own addresses, over the loopback. */
static void path_to_self(const struct ip_state *ip, const struct tern_addr *dst,
			 struct ip_path *out)
{
	out->link = IP_LOOPBACK;
	out->mtu = out->link_mtu = ip->link[IP_LOOPBACK].mtu;
	out->via = *dst;
	out->src = *dst;
	if (ip_is_v4(dst) && dst->b[12] == 127)
		out->src = tern_addr_v4(127, 0, 0, 1);
}

static void path_by_link(struct tern_stack *st, const struct tern_addr *dst,
			 int link, struct ip_path *out)
{
	uint32_t learned;

	out->link = (uint8_t)link;
	out->link_mtu = st->ip.link[link].mtu;
	out->mtu = out->link_mtu;
	if (st->ip.pmtus) {
		learned = ip_pmtu_of(st, dst);
		out->mtu = min_u32(out->mtu, learned);
	}
}

/* Without a route: only what stays on a link has a place to go. A given link
 * is enough for multicast and broadcast, and IPv6 multicast and link-local
 * addresses go by the first link if none is given. */
static int link_without_route(const struct ip_state *ip,
			      const struct tern_addr *dst, enum ip_kind kind,
			      int link)
{
	bool v6 = !ip_is_v4(dst), group = ip_is_multicast(dst);
	int i;

	if (link >= 0)
		return group || kind == IP_BROADCAST ||
				       (v6 && ip_is_link_local(dst)) ?
			       link :
			       -TERN_ENETUNREACH;
	if (!v6 || !group)
		return -TERN_ENETUNREACH;
	for (i = 1; i < ip->n_links; i++) {
		if (ip->link[i].up)
			return i;
	}
	return -TERN_ENETUNREACH;
}

static int path_to_other(struct tern_stack *st, const struct tern_addr *dst,
			 enum ip_kind kind, int link, struct ip_path *out)
{
	const struct tern_route *r = find_route(&st->ip, dst, link);

	out->via = *dst;
	if (!r) {
		link = link_without_route(&st->ip, dst, kind, link);
		if (link < 0)
			return link;
		if (!st->ip.link[link].up)
			return -TERN_ENETDOWN;
		path_by_link(st, dst, link, out);
		return 0;
	}
	path_by_link(st, dst, r->link, out);
	if (!tern_addr_is_any(&r->via))
		out->via = r->via;
	if (r->mtu && r->mtu < out->link_mtu) {
		out->link_mtu = r->mtu;
		out->mtu = min_u32(out->mtu, r->mtu);
	}
	out->advmss = r->advmss;
	out->initcwnd = r->initcwnd;
	return 0;
}

int ip_route_link(struct tern_stack *st, const struct tern_addr *dst,
		  const struct tern_addr *src, bool any_src, int link,
		  struct ip_path *out)
{
	enum ip_kind kind = ip_kind_of(st, dst, -1);
	bool given = src && !tern_addr_is_any(src);
	const struct tern_addr *chosen;
	int err;

	if (given && !any_src && !ip_is_local(st, src))
		return -TERN_EINVAL;
	*out = (struct ip_path){ 0 };
	if (kind == IP_LOCAL) {
		path_to_self(&st->ip, dst, out);
	} else {
		err = path_to_other(st, dst, kind, link, out);
		if (err)
			return err;
		out->loop = kind == IP_BROADCAST || kind == IP_MULTICAST;
		if (!given) {
			chosen = ip_source_for(&st->ip, dst, &out->via,
					       out->link);
			/* A link without an address: nobody could answer. */
			if (!chosen)
				return -TERN_EADDRNOTAVAIL;
			out->src = *chosen;
		}
	}
	if (given)
		out->src = *src;
	return 0;
}

int ip_route(struct tern_stack *st, const struct tern_addr *dst,
	     const struct tern_addr *src, bool any_src, struct ip_path *out)
{
	return ip_route_link(st, dst, src, any_src, -1, out);
}
