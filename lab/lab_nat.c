// SPDX-License-Identifier: BSD-2-Clause
/*
 * Source NAT with an idle limit: who says nothing for so long is forgotten,
 * and what comes for it is dropped without a word, or, with `resets`, gets a
 * RST: both are met in the wild.
 *
 * IPv4 TCP and UDP only; IPv6 and ICMP pass as they are.
 */
#include "lab_router.h"

#include "wire/wire_csum.h"
#include "wire/wire_udp.h"

#include <stdlib.h>
#include <string.h>

struct lab_mapping {
	struct lab_mapping *next;
	struct tern_addr inside, far;
	uint16_t inside_port, outside_port, far_port;
	uint8_t protocol;
	int64_t used_at;
};

/* Forgets who has been idle for too long. */
static void forget(struct lab_router *r, int64_t now)
{
	struct lab_mapping **at = &r->mappings, *m;

	while ((m = *at)) {
		if (!r->config.idle_ns ||
		    now - m->used_at < r->config.idle_ns) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		lab_log_note(r->node.net->log, now, r->node.lane,
			     "the entry of port %u was idle: forgotten",
			     m->inside_port);
		free(m);
	}
}

static bool is_translated(const struct lab_seg *s)
{
	return !s->v6 && !s->frag_off &&
	       ((s->protocol == WIRE_PROTO_TCP && s->tcp_hdr) ||
		s->protocol == WIRE_PROTO_UDP);
}

/* Puts an address and a port into the packet; the checksums follow. */
static void put(struct lab_frame *f, const struct lab_seg *s, bool source,
		const struct tern_addr *addr, uint16_t port)
{
	uint8_t *ip = f->bytes + (source ? 12 : 16);
	uint8_t *transport = f->bytes + s->tcp_off;
	bool tcp = s->protocol == WIRE_PROTO_TCP;
	uint8_t *sum = transport + (tcp ? 16 : 6);
	uint32_t old = get_be32(ip), new = get_be32(addr->b + 12);
	uint8_t *number = transport + (source ? 0 : 2);
	uint16_t c = get_be16(sum);

	if (tcp || c) {
		c = csum_update32(c, old, new);
		c = csum_update16(c, get_be16(number), port);
		put_be16(sum, c);
	}
	put_be16(f->bytes + 10,
		 csum_update32(get_be16(f->bytes + 10), old, new));
	put_be32(ip, new);
	put_be16(number, port);
}

bool lab_nat_out(struct lab_router *r, struct lab_frame *f, int64_t now)
{
	struct lab_mapping *m;
	struct lab_seg s;

	forget(r, now);
	if (!lab_seg_parse(&s, f->bytes, f->len) || !is_translated(&s))
		return true;
	for (m = r->mappings; m; m = m->next) {
		if (m->protocol == s.protocol && m->inside_port == s.sport &&
		    tern_addr_equal(&m->inside, &s.src) &&
		    m->far_port == s.dport && tern_addr_equal(&m->far, &s.dst))
			break;
	}
	if (!m) {
		m = drill_mem_grow(NULL, sizeof(*m));
		*m = (struct lab_mapping){
			.next = r->mappings,
			.inside = s.src,
			.inside_port = s.sport,
			.far = s.dst,
			.far_port = s.dport,
			.outside_port = r->next_port++,
			.protocol = s.protocol,
		};
		r->mappings = m;
	}
	m->used_at = now;
	put(f, &s, true, &r->addr[0], m->outside_port);
	return true;
}

/* Turns the frame into a RST for itself and sends it back. */
static void reset(struct lab_router *r, const struct lab_frame *f,
		  const struct lab_seg *s)
{
	struct lab_frame *rst = lab_frame_new(WIRE_IP4_LEN + WIRE_TCP_LEN);
	struct wire_tcp h = {
		.sport = s->dport,
		.dport = s->sport,
		.seq = seq_of(s->flags & TCP_ACK ? s->raw_ack : 0),
		.flags = TCP_RST,
		.hdr_len = WIRE_TCP_LEN,
	};
	uint8_t *p = rst->bytes, *tcp = p + WIRE_IP4_LEN;

	memcpy(p, f->bytes, WIRE_IP4_LEN);
	p[0] = 0x45;
	put_be16(p + 2, (uint16_t)rst->len);
	p[8] = 64;
	memcpy(p + 12, s->dst.b + 12, 4);
	memcpy(p + 16, s->src.b + 12, 4);
	put_be16(p + 10, 0);
	put_be16(p + 10, csum_fold(csum_add(0, p, WIRE_IP4_LEN)));
	wire_tcp_emit(tcp, &h);
	put_be16(tcp + 16,
		 csum_fold(csum_add(csum_pseudo(&s->dst, &s->src,
						WIRE_PROTO_TCP, WIRE_TCP_LEN),
				    tcp, WIRE_TCP_LEN)));
	lab_node_send(&r->node, 1, rst);
}

bool lab_nat_in(struct lab_router *r, struct lab_frame *f, int64_t now)
{
	struct lab_mapping *m;
	struct lab_seg s;

	forget(r, now);
	if (!lab_seg_parse(&s, f->bytes, f->len) || !is_translated(&s))
		return true;
	for (m = r->mappings; m; m = m->next) {
		if (m->protocol == s.protocol && m->outside_port == s.dport &&
		    m->far_port == s.sport && tern_addr_equal(&m->far, &s.src))
			break;
	}
	if (!m) {
		if (r->config.resets && s.tcp_hdr && !(s.flags & TCP_RST))
			reset(r, f, &s);
		return false;
	}
	m->used_at = now;
	put(f, &s, false, &m->inside, m->inside_port);
	return true;
}

void lab_nat_free(struct lab_router *r)
{
	struct lab_mapping *next;

	for (; r->mappings; r->mappings = next) {
		next = r->mappings->next;
		free(r->mappings);
	}
}
