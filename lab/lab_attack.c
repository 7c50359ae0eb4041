// SPDX-License-Identifier: BSD-2-Clause
#include "lab_attack.h"

#include "lab_wire.h"

#include "wire/wire_udp.h"

#include <string.h>

/* A forged port is none of those that connect() chooses: a host's own
 * connections keep out of the forgeries' way. */
#define FIRST_PORT 1024
#define PAST_PORT 32768

static struct tern_addr address(const struct lab_forgery *y,
				const struct tern_addr *from, struct rng *rng)
{
	struct tern_addr a = from ? *from : y->addr;

	for (int i = 0; i < 16 && !from; i++) {
		int kept = y->prefix - 8 * i;
		unsigned mask = kept >= 8 ? 0 :
				kept <= 0 ? 0xff :
					    0xffu >> kept;

		if (mask)
			a.b[i] = (uint8_t)((a.b[i] & ~mask) |
					   (rng_u64(rng) & mask));
	}
	return a;
}

static void put_ip(uint8_t *p, const struct lab_seg *s, uint32_t n)
{
	if (s->v6) {
		put_be32(p, 6u << 28);
		put_be16(p + 4, (uint16_t)(n - WIRE_IP6_LEN));
		p[6] = s->protocol;
		p[7] = s->ttl;
		memcpy(p + 8, s->src.b, 16);
		memcpy(p + 24, s->dst.b, 16);
		return;
	}
	p[0] = 0x45;
	put_be16(p + 2, (uint16_t)n);
	put_be16(p + 6, 0x4000); /* DF */
	p[8] = s->ttl;
	p[9] = s->protocol;
	memcpy(p + 12, s->src.b + 12, 4);
	memcpy(p + 16, s->dst.b + 12, 4);
}

static void put_tcp(uint8_t *p, const struct lab_forgery *y,
		    const struct lab_seg *s, const struct lab_flows *flows)
{
	struct lab_seg back = { .src = s->dst,
				.dst = s->src,
				.sport = s->dport,
				.dport = s->sport };
	struct wire_tcp h = {
		.sport = s->sport,
		.dport = s->dport,
		.seq = { lab_flows_isn(flows, s) + y->seq },
		.flags = y->flags,
		.window = y->win,
		.hdr_len = WIRE_TCP_LEN,
	};

	if (y->flags & TCP_ACK)
		h.ack.v = lab_flows_isn(flows, &back) + y->ack;
	wire_tcp_emit(p, &h);
}

struct lab_frame *lab_forge(const struct lab_forgery *y,
			    const struct tern_addr *from,
			    const struct tern_addr *to,
			    const struct lab_flows *flows, struct rng *rng)
{
	struct lab_seg s = {
		.src = address(y, from, rng),
		.dst = *to,
		.dport = y->dport,
		.ttl = y->ttl,
		.protocol = y->udp ? WIRE_PROTO_UDP : WIRE_PROTO_TCP,
		.v6 = !tern_addr_is_v4(to),
	};
	uint32_t ip = s.v6 ? WIRE_IP6_LEN : WIRE_IP4_LEN;
	uint32_t hdr = y->udp ? WIRE_UDP_LEN : WIRE_TCP_LEN;
	struct lab_frame *f = lab_frame_new(ip + hdr + y->len);

	s.sport = y->sport >= 0 ?
			  (uint16_t)y->sport :
			  (uint16_t)(FIRST_PORT +
				     rng_below(rng, PAST_PORT - FIRST_PORT));
	memset(f->bytes, 0, f->len);
	put_ip(f->bytes, &s, f->len);
	if (y->udp)
		wire_udp_emit(
			f->bytes + ip,
			&(struct wire_udp){ .sport = s.sport,
					    .dport = s.dport,
					    .len = (uint16_t)(hdr + y->len) });
	else
		put_tcp(f->bytes + ip, y, &s, flows);
	memset(f->bytes + ip + hdr, 'x', y->len);
	lab_rewrite_sums(f);
	return f;
}
