// SPDX-License-Identifier: BSD-2-Clause
/*
 * The calls that set a stack up: links, addresses, routes, and congestion
 * controls of the embedder's. Acted on by ip/ and tcp/; here is what makes
 * them calls, and what is checked of their arguments before.
 */
#include "base/bytes.h"
#include "stack_door.h"
#include "stack_text.h"

#define NAME_SIZE sizeof(((struct ip_link *)0)->name)

int64_t stack_on_link_add(struct tern_stack *st, struct call *c)
{
	char name[NAME_SIZE] = { 0 };
	struct tern_link_config cfg = {
		.name = name,
		.mtu = (uint32_t)c->arg[0],
		.abilities = (uint32_t)c->arg[1],
		.queue_len = (uint32_t)c->arg[2],
	};

	if (c->in_len >= sizeof(name))
		return -TERN_EINVAL;
	if (c->in_len)
		memcpy(name, c->in, c->in_len);
	return ip_link_add(st, &cfg);
}

int tern_link_add(struct tern_stack *st, const struct tern_link_config *cfg,
		  int64_t now)
{
	struct call c = { .op = CALL_LINK_ADD, .s = -1, .now = now };

	if (!cfg)
		return -TERN_EFAULT;
	c.arg[0] = cfg->mtu;
	c.arg[1] = cfg->abilities;
	c.arg[2] = cfg->queue_len;
	c.in = cfg->name;
	c.in_len = cfg->name ? str_len(cfg->name) : 0;
	return (int)stack_door(st, &c);
}

int64_t stack_on_link_set_up(struct tern_stack *st, struct call *c)
{
	return ip_link_set_up(st, c->s, c->arg[0]);
}

int tern_link_set_up(struct tern_stack *st, int link, bool up, int64_t now)
{
	struct call c = {
		.op = CALL_LINK_SET_UP,
		.s = link,
		.now = now,
		.arg = { up },
	};

	return (int)stack_door(st, &c);
}

int64_t stack_on_link_set_mtu(struct tern_stack *st, struct call *c)
{
	return ip_link_set_mtu(st, c->s, (uint32_t)c->arg[0]);
}

int tern_link_set_mtu(struct tern_stack *st, int link, uint32_t mtu,
		      int64_t now)
{
	struct call c = {
		.op = CALL_LINK_SET_MTU,
		.s = link,
		.now = now,
		.arg = { mtu },
	};

	return (int)stack_door(st, &c);
}

int64_t stack_on_addr_add(struct tern_stack *st, struct call *c)
{
	return ip_addr_add(st, c->s, c->in, (unsigned)c->arg[0]);
}

int64_t stack_on_addr_del(struct tern_stack *st, struct call *c)
{
	return ip_addr_del(st, c->s, c->in);
}

static int addr_call(struct tern_stack *st, struct call *c,
		     const struct tern_addr *addr)
{
	c->in = addr;
	c->in_len = sizeof(*addr);
	return addr ? (int)stack_door(st, c) : -TERN_EFAULT;
}

int tern_addr_add(struct tern_stack *st, int link, const struct tern_addr *addr,
		  unsigned prefix, int64_t now)
{
	struct call c = {
		.op = CALL_ADDR_ADD,
		.s = link,
		.now = now,
		.arg = { prefix },
	};

	return addr_call(st, &c, addr);
}

int tern_addr_del(struct tern_stack *st, int link, const struct tern_addr *addr,
		  int64_t now)
{
	struct call c = { .op = CALL_ADDR_DEL, .s = link, .now = now };

	return addr_call(st, &c, addr);
}

bool tern_link_next(const struct tern_stack *st, int *cursor,
		    struct tern_link_info *out)
{
	const struct ip_link *l;

	if (*cursor < 0 || *cursor >= st->ip.n_links)
		return false;
	l = &st->ip.link[*cursor];
	memset(out, 0, sizeof(*out));
	out->link = (*cursor)++;
	out->up = l->up;
	out->mtu = l->mtu;
	out->abilities = l->abilities;
	memcpy(out->name, l->name, sizeof(out->name));
	out->rx_packets = l->rx_packets;
	out->rx_bytes = l->rx_bytes;
	out->tx_packets = l->tx_packets;
	out->tx_bytes = l->tx_bytes;
	return true;
}

/* The loopback's are in no table: all of 127/8 is ours (RFC 1122 3.2.1.3). */
#define N_LOOPBACK 2

bool tern_addr_next(const struct tern_stack *st, int *cursor,
		    struct tern_link_addr *out)
{
	const struct ip_addr *a;
	int i = *cursor;

	if (i < 0 || (uint32_t)i >= N_LOOPBACK + st->ip.n_addrs)
		return false;
	memset(out, 0, sizeof(*out));
	out->link = IP_LOOPBACK;
	if (i == 0) {
		out->addr = tern_addr_v4(127, 0, 0, 1);
		out->prefix = 8;
	} else if (i == 1) {
		out->addr.b[15] = 1;
		out->prefix = 128;
	} else {
		a = &st->ip.addrs[i - N_LOOPBACK];
		out->link = a->link;
		out->addr = a->addr;
		out->prefix = a->prefix;
	}
	(*cursor)++;
	return true;
}

bool tern_route_next(const struct tern_stack *st, int *cursor,
		     struct tern_route *out)
{
	int i = *cursor;

	if (i < 0 || (uint32_t)i >= st->ip.n_routes)
		return false;
	*out = st->ip.routes[i];
	(*cursor)++;
	return true;
}

int64_t stack_on_route_add(struct tern_stack *st, struct call *c)
{
	return ip_route_add(st, c->in);
}

int64_t stack_on_route_del(struct tern_stack *st, struct call *c)
{
	return ip_route_del(st, c->in);
}

static int route_call(struct tern_stack *st, enum call_op op,
		      const struct tern_route *r, int64_t now)
{
	struct tern_route clean; /* also what is between its fields */
	struct call c = {
		.op = op,
		.s = -1,
		.now = now,
		.in = &clean,
		.in_len = sizeof(clean),
	};

	if (!r)
		return -TERN_EFAULT;
	memset(&clean, 0, sizeof(clean));
	clean.dst = r->dst;
	clean.prefix = r->prefix;
	clean.v6 = r->v6;
	clean.link = r->link;
	clean.via = r->via;
	clean.mtu = r->mtu;
	clean.advmss = r->advmss;
	clean.initcwnd = r->initcwnd;
	clean.metric = r->metric;
	return (int)stack_door(st, &c);
}

int tern_route_add(struct tern_stack *st, const struct tern_route *r,
		   int64_t now)
{
	return route_call(st, CALL_ROUTE_ADD, r, now);
}

int tern_route_del(struct tern_stack *st, const struct tern_route *r,
		   int64_t now)
{
	return route_call(st, CALL_ROUTE_DEL, r, now);
}

int64_t stack_on_cc_register(struct tern_stack *st, struct call *c)
{
	return tcp_cc_register(st, c->out);
}

int tern_cc_register(struct tern_stack *st, const struct tern_cc_ops *ops)
{
	struct call c = { .op = CALL_CC_REGISTER, .s = -1, .now = st->now };

	if (!ops)
		return -TERN_EFAULT;
	/* Its code cannot be written down; a replay is given it by name. */
	while (c.in_len < sizeof(ops->name) && ops->name[c.in_len])
		c.in_len++;
	c.in = ops->name;
	c.out = (void *)(uintptr_t)ops;
	return (int)stack_door(st, &c);
}
