// SPDX-License-Identifier: BSD-2-Clause
/*
 * A router: TTL, the next link's MTU, ICMP errors. Routes need not be
 * configured: the way to an address is found by walking the network, so that
 * scenarios name hosts and links only. Those that are go before it, and may be
 * wrong: so a loop is made.
 *
 * Not here: limits on the rate of ICMP errors, IP options, redirects.
 */
#include "lab_router.h"

#include "lab_wire.h"

#include "wire/wire_csum.h"
#include "wire/wire_icmp.h"

#include <stdlib.h>
#include <string.h>

static struct lab_router *router_of(const struct lab_node *node)
{
	return (struct lab_router *)node;
}

bool lab_node_has(const struct lab_node *node, const struct tern_addr *a)
{
	const struct lab_host *h = (const struct lab_host *)node;

	if (lab_node_is_router(node))
		return tern_addr_equal(a, &router_of(node)->addr[0]) ||
		       tern_addr_equal(a, &router_of(node)->addr[1]);
	if (!lab_node_is_host(node))
		return false;
	for (int i = 0; i < 2 * node->n_ports; i++) {
		if (tern_addr_equal(a, &h->addr[i / 2][i % 2]))
			return true;
	}
	return false;
}

/* Is the address behind this port? `seen` keeps the walk from circles. */
static bool is_behind(const struct lab_node *node, const struct tern_addr *dst,
		      const struct lab_node **seen, int *n_seen)
{
	for (int i = 0; i < *n_seen; i++) {
		if (seen[i] == node)
			return false;
	}
	if (*n_seen < LAB_NODES_MAX)
		seen[(*n_seen)++] = node;
	if (lab_node_has(node, dst))
		return true;
	/* Hosts do not forward. */
	for (int i = 0; i < node->n_ports && !lab_node_is_host(node); i++) {
		if (is_behind(node->peer[i].node, dst, seen, n_seen))
			return true;
	}
	return false;
}

int lab_route(const struct lab_node *from, const struct tern_addr *dst)
{
	for (int i = 0; i < from->n_ports; i++) {
		const struct lab_node *seen[LAB_NODES_MAX] = { from };
		int n_seen = 1;

		if (is_behind(from->peer[i].node, dst, seen, &n_seen))
			return i;
	}
	return -1;
}

/* The port for an address: -1 for its own and for none. A route that it was
 * told may lead back to where the packet came from; the way that it finds never
 * does. */
static int port_for(const struct lab_router *r, const struct tern_addr *dst,
		    int in)
{
	int out;

	for (int i = 0; i < r->n_routes; i++) {
		if (lab_node_has(r->routes[i].to, dst))
			return r->routes[i].port;
	}
	out = lab_node_has(&r->node, dst) ? -1 : lab_route(&r->node, dst);
	return out == in ? -1 : out;
}

/* An ICMP error about `f`, to where it is from; which a NAT knows by the port
 * where it came in, whatever has become of its addresses. */
static void answer(struct lab_router *r, int port, const struct lab_frame *f,
		   const struct wire_icmp *icmp)
{
	bool v6 = f->bytes[0] >> 4 == 6;
	uint32_t ip = v6 ? WIRE_IP6_LEN : WIRE_IP4_LEN;
	/* RFC 1812 4.3.2.3: as much as fits in 576 bytes; RFC 4443: 1,280. */
	uint32_t quote = min_u32(f->len, (v6 ? 1280 : 576) - ip - 8);
	uint32_t n = WIRE_ICMP_LEN + quote;
	struct lab_seg s;
	struct lab_frame *e;
	uint8_t *p;
	int out;

	if (r->config.silent || !lab_seg_parse(&s, f->bytes, f->len) ||
	    s.frag_off || (s.icmp_type && wire_icmp_is_error(v6, s.icmp_type)))
		return;
	e = lab_frame_new(ip + n);
	p = e->bytes;
	memset(p, 0, ip);
	if (v6) {
		p[0] = 0x60;
		put_be16(p + 4, (uint16_t)n);
		p[6] = WIRE_PROTO_ICMPV6;
		p[7] = 64;
		memcpy(p + 8, r->addr[1].b, 16);
		memcpy(p + 24, s.src.b, 16);
	} else {
		p[0] = 0x45;
		put_be16(p + 2, (uint16_t)(ip + n));
		put_be16(p + 4, r->ip_id++);
		p[8] = 64;
		p[9] = WIRE_PROTO_ICMP;
		memcpy(p + 12, r->addr[0].b + 12, 4);
		memcpy(p + 16, s.src.b + 12, 4);
		put_be16(p + 10, csum_fold(csum_add(0, p, ip)));
	}
	wire_icmp_emit(p + ip, icmp);
	memcpy(p + ip + WIRE_ICMP_LEN, f->bytes, quote);
	put_be16(p + ip + 2,
		 csum_fold(csum_add(v6 ? csum_pseudo(&r->addr[1], &s.src,
						     WIRE_PROTO_ICMPV6, n) :
					 0,
				    p + ip, n)));
	out = r->config.nat ? -1 : port_for(r, &s.src, -1);
	lab_node_send(&r->node, out < 0 ? port : out, e);
}

void lab_fragment(struct lab_frame *f, uint32_t mtu, struct lab_frames *out)
{
	uint32_t hdr = (f->bytes[0] & 15u) * 4;
	uint32_t most = (mtu - hdr) & ~7u, done = 0;
	uint32_t n = get_be16(f->bytes + 2) - hdr;
	uint16_t word = get_be16(f->bytes + 6);

	while (done < n) {
		uint32_t len = min_u32(most, n - done);
		struct lab_frame *part = lab_frame_new(hdr + len);
		bool more = done + len < n || word & 0x2000;

		memcpy(part->bytes, f->bytes, hdr);
		memcpy(part->bytes + hdr, f->bytes + hdr + done, len);
		put_be16(part->bytes + 2, (uint16_t)(hdr + len));
		put_be16(part->bytes + 6,
			 (uint16_t)(((word & 0x1fff) + done / 8) |
				    (more ? 0x2000 : 0)));
		put_be16(part->bytes + 10, 0);
		put_be16(part->bytes + 10,
			 csum_fold(csum_add(0, part->bytes, hdr)));
		lab_frames_add(out, part);
		done += len;
	}
	free(f);
}

/* Sends by a port, cut if it must be and may be. */
static void send_cut(struct lab_router *r, int out, int in, struct lab_frame *f)
{
	const struct lab_node *wire = r->node.peer[out].node;
	uint32_t mtu = lab_node_is_wire(wire) ? lab_wire_mtu(wire) : UINT32_MAX;
	bool v6 = f->bytes[0] >> 4 == 6;
	struct lab_frames parts = { 0 };
	struct lab_frame *part;

	if (f->len <= mtu) {
		lab_node_send(&r->node, out, f);
		return;
	}
	if (v6 || f->bytes[6] & 0x40) {
		answer(r, in, f,
		       &(struct wire_icmp){ v6 ? ICMP6_TOO_BIG : ICMP4_UNREACH,
					    v6 ? 0 : ICMP4_FRAG_NEEDED, mtu });
		lab_log_note(r->node.net->log, r->node.net->now, r->node.lane,
			     "%u bytes do not fit into %u%s", f->len, mtu,
			     r->config.silent ? ", and no word of it" : "");
		free(f);
		return;
	}
	lab_fragment(f, mtu, &parts);
	while ((part = lab_frames_take(&parts, NEVER)))
		lab_node_send(&r->node, out, part);
}

static void expire(struct lab_router *r, int port, struct lab_frame *f)
{
	bool v6 = f->bytes[0] >> 4 == 6;

	answer(r, port, f,
	       &(struct wire_icmp){
		       v6 ? ICMP6_TIME_EXCEEDED : ICMP4_TIME_EXCEEDED, 0, 0 });
	lab_log_note(r->node.net->log, r->node.net->now, r->node.lane,
		     "TTL ran out: dropped");
	free(f);
}

static void router_forward(struct lab_node *node, int port, struct lab_frame *f,
			   int64_t now)
{
	struct lab_router *r = router_of(node);
	bool v6 = f->bytes[0] >> 4 == 6;
	struct lab_seg s;
	int out;

	if (!lab_seg_parse(&s, f->bytes, f->len)) {
		free(f);
		return;
	}
	if (s.ttl <= 1) {
		expire(r, port, f);
		return;
	}
	if (r->config.nat &&
	    !(port ? lab_nat_in(r, f, now) : lab_nat_out(r, f, now))) {
		lab_log_note(node->net->log, now, node->lane,
			     "no entry for it: dropped");
		free(f);
		return;
	}
	lab_seg_parse(&s, f->bytes, f->len);
	lab_rewrite(f, lab_rewrite_field("ttl"), s.ttl - 1u);
	out = port_for(r, &s.dst, port);
	if (out < 0) {
		answer(r, port, f,
		       &(struct wire_icmp){ v6 ? ICMP6_UNREACH : ICMP4_UNREACH,
					    v6 ? ICMP6_ADDR_UNREACH :
						 ICMP4_HOST_UNREACH,
					    0 });
		free(f);
		return;
	}
	send_cut(r, out, port, f);
}

static void router_free(struct lab_node *node)
{
	lab_nat_free(router_of(node));
	free(node);
}

static const struct lab_node_ops router_ops = {
	.forward = router_forward,
	.free = router_free,
};

struct lab_node *lab_router_new(struct lab_net *net, const char *name,
				const struct lab_router_config *config,
				const struct tern_addr addr[2])
{
	struct lab_router *r = drill_mem_grow(NULL, sizeof(*r));

	*r = (struct lab_router){
		.config = *config,
		.addr = { addr[0], addr[1] },
		.next_port = 20000,
	};
	r->node.ops = &router_ops;
	if (!lab_net_add(net, &r->node, name)) {
		free(r);
		return NULL;
	}
	return &r->node;
}

bool lab_router_set_route(struct lab_node *router, const struct lab_node *to,
			  const struct lab_node *by)
{
	struct lab_router *r = router_of(router);

	for (int i = 0; i < router->n_ports && r->n_routes < LAB_ROUTES_MAX;
	     i++) {
		const struct lab_node *wire = router->peer[i].node;

		if (wire->peer[0].node != by && wire->peer[1].node != by)
			continue;
		r->routes[r->n_routes++] = (struct lab_fixed_route){ to, i };
		return true;
	}
	return false;
}

bool lab_node_is_router(const struct lab_node *node)
{
	return node->ops == &router_ops;
}
