// SPDX-License-Identifier: BSD-2-Clause
/*
 * ICMP errors: those that the peer's network sends about our last segment, and
 * those that the stack sends.
 */
#include "story_priv.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/wire_csum.h"
#include "wire/wire_icmp.h"
#include "wire/wire_ip.h"

static const struct {
	const char *name;
	uint8_t type[2], code[2]; /* IPv4, IPv6 */
} icmps[STORY_N_ICMP] = {
	[SAYS_NET] = { "net unreachable",
		       { ICMP4_UNREACH, ICMP6_UNREACH },
		       { ICMP4_NET_UNREACH, ICMP6_NO_ROUTE } },
	[SAYS_HOST] = { "host unreachable",
			{ ICMP4_UNREACH, ICMP6_UNREACH },
			{ ICMP4_HOST_UNREACH, ICMP6_ADDR_UNREACH } },
	[SAYS_PORT] = { "port unreachable",
			{ ICMP4_UNREACH, ICMP6_UNREACH },
			{ ICMP4_PORT_UNREACH, ICMP6_PORT_UNREACH } },
	[SAYS_PROHIBITED] = { "prohibited",
			      { ICMP4_UNREACH, ICMP6_UNREACH },
			      { ICMP4_PKT_FILTERED, ICMP6_ADM_PROHIBITED } },
	[SAYS_TTL] = { "TTL ran out",
		       { ICMP4_TIME_EXCEEDED, ICMP6_TIME_EXCEEDED },
		       { 0, 0 } },
};

void story_icmp_in(struct story *t, enum story_icmp says, int32_t by)
{
	size_t hdr = t->v6 ? 40 : 20;
	struct wire_ip ip = {
		.src = story_name(t, true, 0).addr,
		.dst = story_name(t, false, 0).addr,
		.v6 = t->v6,
		.protocol = t->v6 ? WIRE_PROTO_ICMPV6 : WIRE_PROTO_ICMP,
		.ttl = 64,
	};
	struct wire_icmp icmp = {
		.type = icmps[says].type[t->v6],
		.code = icmps[says].code[t->v6],
	};
	size_t n = WIRE_ICMP_LEN + hdr + 20;
	struct tern_pkt *pkt = tern_pkt_new(t->pool, 64, n);
	uint64_t sum = 0;
	uint8_t *p;

	assert_non_null(pkt);
	p = tern_pkt_append(pkt, n);
	wire_icmp_emit(p, &icmp);
	memcpy(p + WIRE_ICMP_LEN, t->last, hdr + 20);
	p += WIRE_ICMP_LEN + hdr + 4;
	put_be32(p, get_be32(p) + (uint32_t)by);
	if (t->v6)
		sum = csum_pseudo(&ip.src, &ip.dst, ip.protocol, (uint32_t)n);
	put_be16(pkt->data + 2, csum_fold(csum_add(sum, pkt->data, n)));
	assert_non_null(wire_ip_emit(pkt, &ip));
	story_note(t, '<', "icmp: %s", icmps[says].name);
	tern_stack_input(t->st, t->link, &pkt, 1, t->now);
	story_pull(t);
}

void story_icmp_out(struct story *t, enum story_icmp says)
{
	struct tern_pkt *pkt = story_pop(t, icmps[says].name);
	size_t hdr = t->v6 ? 40 : 20;
	char text[300];
	bool is_it;

	story_describe(t, pkt, text, sizeof(text));
	is_it = pkt->len > hdr + WIRE_ICMP_LEN &&
		pkt->data[t->v6 ? 6 : 9] ==
			(t->v6 ? WIRE_PROTO_ICMPV6 : WIRE_PROTO_ICMP) &&
		pkt->data[hdr] == icmps[says].type[t->v6] &&
		pkt->data[hdr + 1] == icmps[says].code[t->v6];
	tern_pkt_put(pkt);
	if (!is_it)
		story_fail(t, "icmp\n  expected > %s\n  actual   > %s",
			   icmps[says].name, text);
}
