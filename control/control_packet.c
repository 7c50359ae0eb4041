// SPDX-License-Identifier: BSD-2-Clause
/* The ends of a packet, for who has nothing but its bytes. */
#include "control/control_packet.h"

#include "wire/wire_ip.h"

#include "base/bytes.h"

/* The longest IPv4 header and the ports, or some extension headers. */
#define LOOK_LEN 256

int control_read_ends(const struct tern_pkt *pkt, struct tern_sockaddr *from,
		      struct tern_sockaddr *to)
{
	uint8_t b[LOOK_LEN];
	uint32_t len = min_u32(pkt->len, sizeof(b));
	struct wire_ip h;
	uint16_t family;

	tern_pkt_copy_out(pkt, 0, b, len);
	if (!wire_ip_parse_quoted(b, len, &h))
		return 0;
	family = h.v6 ? TERN_AF_INET6 : TERN_AF_INET;
	*from = (struct tern_sockaddr){ .addr = h.src, .family = family };
	*to = (struct tern_sockaddr){ .addr = h.dst, .family = family };
	if (!h.frag_off && h.hdr_len + 4u <= len &&
	    (h.protocol == WIRE_PROTO_TCP || h.protocol == WIRE_PROTO_UDP)) {
		from->port = get_be16(b + h.hdr_len);
		to->port = get_be16(b + h.hdr_len + 2);
	}
	return h.protocol;
}
