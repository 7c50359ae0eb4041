// SPDX-License-Identifier: BSD-2-Clause
/*
 * Links as the core knows them: a number, an MTU, abilities, a bounded queue.
 * Link 0 is the loopback inside the stack and is always there.
 *
 * A link is never taken away, only down: what waits for it is then dropped,
 * and no route leads over it until it is up again.
 */
#include "ip/ip_priv.h"

void ip_init(struct tern_stack *st)
{
	struct ip_state *ip = &st->ip;

	ip->link[IP_LOOPBACK] = (struct ip_link){
		.used = true,
		.up = true,
		.mtu = IP_LOOPBACK_MTU,
		.abilities = TERN_LINK_GSO | TERN_LINK_TX_CSUM |
			     TERN_LINK_LOOPBACK,
		.name = "lo",
	};
	ip->n_links = 1;
	ip->generation = 1;
	ip->icmp_at = st->now;
	ip->icmp_tokens = (uint32_t)st->tun.icmp_msgs_burst;
}

static void drop_waiting(struct tern_stack *st, struct ip_link *l)
{
	struct tern_pkt *pkt;

	while ((pkt = l->rest)) {
		l->rest = pkt->next;
		ip_drop(st, pkt, DROP_LINK_DOWN);
	}
	while ((pkt = pktq_pop(&l->out))) {
		ip_tell(st, pkt);
		ip_drop(st, pkt, DROP_LINK_DOWN);
	}
}

void ip_drop_output(struct tern_stack *st)
{
	struct ip_state *ip = &st->ip;
	struct tern_pkt *pkt;
	int i;

	for (i = 0; i < ip->n_links; i++) {
		while ((pkt = ip->link[i].rest)) {
			ip->link[i].rest = pkt->next;
			tern_pkt_put(pkt);
		}
		while ((pkt = pktq_pop(&ip->link[i].out))) {
			ip_tell(st, pkt);
			tern_pkt_put(pkt);
		}
	}
}

void ip_fini(struct tern_stack *st)
{
	struct ip_state *ip = &st->ip;

	ip_drop_output(st);
	ip_reass_fini(st);
	ip_pmtu_fini(st);
	icmp_limits_fini(st);
	ip_addr_fini(st);
	mem_free(&st->mem, ip->routes, ip->cap_routes * sizeof(*ip->routes));
	ip->routes = NULL;
	ip->n_routes = ip->cap_routes = 0;
	ip->n_links = 0;
}

int64_t ip_deadline(struct tern_stack *st)
{
	if (st->ip.link[IP_LOOPBACK].out.n)
		return st->now;
	return min_i64(ip_reass_deadline(st), ip_pmtu_deadline(st));
}

void ip_advance(struct tern_stack *st)
{
	ip_reass_advance(st);
	ip_pmtu_advance(st);
}

int ip_link_add(struct tern_stack *st, const struct tern_link_config *cfg)
{
	struct ip_state *ip = &st->ip;
	struct ip_link *l = &ip->link[ip->n_links];
	size_t i;

	/* RFC 791: every link carries 68 bytes. */
	if (cfg->mtu < 68 || cfg->mtu > IP_LOOPBACK_MTU)
		return -TERN_EINVAL;
	if (ip->n_links == IP_MAX_LINKS)
		return -TERN_ENOSPC;
	*l = (struct ip_link){
		.used = true,
		.up = true,
		.mtu = cfg->mtu,
		.abilities = cfg->abilities,
		.queue_len = cfg->queue_len ? cfg->queue_len :
					      IP_DEFAULT_QUEUE_LEN,
	};
	for (i = 0; cfg->name && cfg->name[i] && i + 1 < sizeof(l->name); i++)
		l->name[i] = cfg->name[i];
	return ip->n_links++;
}

int ip_link_set_up(struct tern_stack *st, int link, bool up)
{
	struct ip_link *l = ip_link_at(&st->ip, link);

	if (!l)
		return -TERN_ENODEV;
	l->up = up;
	if (!up)
		drop_waiting(st, l);
	st->ip.generation++;
	return 0;
}

int ip_link_set_mtu(struct tern_stack *st, int link, uint32_t mtu)
{
	struct ip_link *l = ip_link_at(&st->ip, link);

	if (!l)
		return -TERN_ENODEV;
	if (mtu < 68 || mtu > IP_LOOPBACK_MTU)
		return -TERN_EINVAL;
	l->mtu = mtu;
	st->ip.generation++;
	return 0;
}

void *ip_array_grow(struct tern_stack *st, void *array, uint32_t n,
		    uint32_t *cap, size_t size)
{
	uint32_t more = *cap ? *cap * 2 : 4;
	void *grown;

	if (n < *cap)
		return array;
	grown = mem_alloc(&st->mem, more * size);
	if (!grown)
		return NULL;
	if (n)
		memcpy(grown, array, n * size);
	mem_free(&st->mem, array, *cap * size);
	*cap = more;
	return grown;
}
