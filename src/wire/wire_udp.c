// SPDX-License-Identifier: BSD-2-Clause
/* The UDP header (RFC 768). Jumbograms (RFC 2675) are not implemented. */
#include "wire/wire_udp.h"

bool wire_udp_parse(const uint8_t *p, size_t n, struct wire_udp *out)
{
	if (n < WIRE_UDP_LEN)
		return false;
	*out = (struct wire_udp){
		.sport = get_be16(p),
		.dport = get_be16(p + 2),
		.len = get_be16(p + 4),
		.csum = get_be16(p + 6),
	};
	return out->len >= WIRE_UDP_LEN && out->len <= n;
}

void wire_udp_emit(uint8_t *p, const struct wire_udp *h)
{
	put_be16(p, h->sport);
	put_be16(p + 2, h->dport);
	put_be16(p + 4, h->len);
	put_be16(p + 6, 0);
}
