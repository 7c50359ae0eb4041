// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses and routes of a network.
 *
 * A link without addresses gets 10.N.0.1/24 and .2, fd00:0:0:N::1/64 and ::2, N
 * its number in the file. Routes are shortest paths, by the number of links;
 * of two as short the one over the link that stands first. Only routers pass
 * packets on.
 */
#include "tools/net_file.h"

#include <string.h>

static struct tern_prefix made_v4(int link, int end)
{
	return (struct tern_prefix){
		tern_addr_v4(10, (uint8_t)link, 0, (uint8_t)(end + 1)), 24
	};
}

static struct tern_prefix made_v6(int link, int end)
{
	struct tern_prefix p = { .bits = 64 };

	p.addr.b[0] = 0xfd;
	p.addr.b[7] = (uint8_t)link;
	p.addr.b[15] = (uint8_t)(end + 1);
	return p;
}

static bool overlap(const struct tern_prefix *a, const struct tern_prefix *b)
{
	return a->bits && b->bits &&
	       (prefix_contains(a, &b->addr) || prefix_contains(b, &a->addr));
}

bool net_assign(const struct command *command, const char *path,
		struct net *net)
{
	for (int i = 0; i < net->n_links; i++) {
		struct net_end *e = net->links[i].end;

		/* All that was given, or all that can be made. */
		if (e[0].addr[0].bits || e[0].addr[1].bits)
			continue;
		for (int k = 0; k < 2; k++) {
			e[k].addr[0] = made_v4(i + 1, k);
			e[k].addr[1] = made_v6(i + 1, k);
		}
	}
	for (int i = 0; i < net->n_links; i++) {
		for (int j = 0; j < i; j++) {
			const struct net_link *a = &net->links[i];
			const struct net_link *b = &net->links[j];

			if (!overlap(&a->end[0].addr[0], &b->end[0].addr[0]) &&
			    !overlap(&a->end[0].addr[1], &b->end[0].addr[1]))
				continue;
			tool_error(command,
				   "%s:%d: its prefix overlaps that of line %d",
				   path, a->line, b->line);
			return false;
		}
	}
	return true;
}

/* The host at the other end of link l, if `host` is at one; else -1. */
static int other_end(const struct net_link *l, int host, int *end)
{
	for (int e = 0; e < 2; e++) {
		if (l->end[e].host != host)
			continue;
		*end = !e;
		return l->end[!e].host;
	}
	return -1;
}

void net_routes(const struct net *net, int from, struct net_hop hops[NET_LINKS])
{
	struct net_hop first[NET_HOSTS]; /* on the way to each host */
	bool seen[NET_HOSTS] = { false };
	int queue[NET_HOSTS], head = 0, tail = 0;

	for (int i = 0; i < NET_LINKS; i++)
		hops[i].link = -1;
	seen[from] = true;
	queue[tail++] = from;
	while (head < tail) {
		int host = queue[head++];

		if (host != from && !net->hosts[host].is_router)
			continue;
		for (int i = 0; i < net->n_links; i++) {
			int end, next = other_end(&net->links[i], host, &end);

			if (next < 0)
				continue;
			if (host != from && hops[i].link < 0)
				hops[i] = first[host];
			if (seen[next])
				continue;
			seen[next] = true;
			first[next] = host == from ?
					      (struct net_hop){ i, end } :
					      first[host];
			queue[tail++] = next;
		}
	}
	/* Its own links need no route. */
	for (int i = 0; i < net->n_links; i++) {
		int end;

		if (other_end(&net->links[i], from, &end) >= 0)
			hops[i].link = -1;
	}
}
