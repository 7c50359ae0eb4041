// SPDX-License-Identifier: BSD-2-Clause
/* Whose packet it is, and what it says. */
#include "stack_flight.h"

#include "stack_record.h"
#include "wire/wire_icmp.h"
#include "wire/wire_ip.h"
#include "wire/wire_tcp.h"

/* An ICMP error quotes so much of what it is about, IPv6's at most its MTU. */
#define KEPT_OF_ICMP 1280u

static bool quoted_ends(const struct tern_pkt *pkt, const struct wire_ip *ip,
			struct tern_sockaddr *local,
			struct tern_sockaddr *remote)
{
	const uint8_t *p = pkt->data + ip->hdr_len, *inner = p + WIRE_ICMP_LEN;
	uint32_t n = pkt->head_len - ip->hdr_len, len;

	/* IPv4 may have options; of IPv6 only what has no extension header. */
	if (n < WIRE_ICMP_LEN + (ip->v6 ? 44u : 24u) ||
	    !wire_icmp_is_error(ip->v6, p[0]))
		return false;
	len = ip->v6 ? 40 : (inner[0] & 15u) * 4;
	if (n < WIRE_ICMP_LEN + len + 4 ||
	    inner[ip->v6 ? 6 : 9] != WIRE_PROTO_TCP)
		return false;
	if (ip->v6) {
		memcpy(local->addr.b, inner + 8, 16);
		memcpy(remote->addr.b, inner + 24, 16);
	} else {
		local->addr = tern_addr_v4(inner[12], inner[13], inner[14],
					   inner[15]);
		remote->addr = tern_addr_v4(inner[16], inner[17], inner[18],
					    inner[19]);
	}
	local->port = get_be16(inner + len);
	remote->port = get_be16(inner + len + 2);
	return true;
}

bool stack_flight_ends(const struct tern_pkt *pkt, bool out,
		       struct tern_sockaddr *local,
		       struct tern_sockaddr *remote, uint32_t *hdr_len,
		       uint16_t *flags)
{
	struct wire_tcp h;
	struct wire_ip ip;
	const uint8_t *p;

	*local = *remote = (struct tern_sockaddr){ 0 };
	*flags = 0;
	if (wire_ip_parse(pkt, &ip) != WIRE_IP_OK || ip.is_frag ||
	    pkt->head_len < ip.hdr_len)
		return false;
	p = pkt->data + ip.hdr_len;
	if (ip.protocol == WIRE_PROTO_ICMP ||
	    ip.protocol == WIRE_PROTO_ICMPV6) {
		*hdr_len = min_u32(pkt->head_len, KEPT_OF_ICMP);
		return !out && quoted_ends(pkt, &ip, local, remote);
	}
	if (ip.protocol != WIRE_PROTO_TCP ||
	    pkt->head_len < (uint32_t)ip.hdr_len + WIRE_TCP_LEN ||
	    !wire_tcp_parse(p, ip.len - ip.hdr_len, &h) ||
	    pkt->head_len < (uint32_t)ip.hdr_len + h.hdr_len)
		return false;
	*hdr_len = ip.hdr_len + h.hdr_len;
	*flags = h.flags;
	*local = (struct tern_sockaddr){ .addr = out ? ip.src : ip.dst,
					 .port = out ? h.sport : h.dport };
	*remote = (struct tern_sockaddr){ .addr = out ? ip.dst : ip.src,
					  .port = out ? h.dport : h.sport };
	return true;
}

uint32_t stack_flight_hash(const struct tern_pkt *pkt, uint32_t hdr_len)
{
	struct wire_ip ip;
	uint32_t h = RECORD_SUM_START, len = pkt->len;
	const uint8_t *tcp;

	if (wire_ip_parse(pkt, &ip) != WIRE_IP_OK)
		return 0;
	tcp = pkt->data + ip.hdr_len;
	/* All of the header but the sum, which is of the data too. */
	h = record_sum(h, tcp, 16);
	h = record_sum(h, tcp + 18, hdr_len - ip.hdr_len - 18u);
	return record_sum(h, &len, sizeof(len));
}
