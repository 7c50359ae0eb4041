// SPDX-License-Identifier: BSD-2-Clause
/* ICMP (RFC 792) and ICMPv6 (RFC 4443). */
#include "wire/wire_icmp.h"

#define ICMP6_REDIRECT 137

bool wire_icmp_is_error(bool v6, uint8_t type)
{
	/* RFC 4443 2.4 (e): neither an error nor a redirect. */
	if (v6)
		return type < 128 || type == ICMP6_REDIRECT;
	/* RFC 1122 3.2.2 */
	return type == ICMP4_UNREACH || type == ICMP4_SOURCE_QUENCH ||
	       type == ICMP4_REDIRECT || type == ICMP4_TIME_EXCEEDED ||
	       type == ICMP4_PARAM_PROBLEM;
}

bool wire_icmp_parse(const uint8_t *p, size_t n, struct wire_icmp *out)
{
	if (n < WIRE_ICMP_LEN)
		return false;
	*out = (struct wire_icmp){
		.type = p[0],
		.code = p[1],
		.rest = get_be32(p + 4),
	};
	return true;
}

void wire_icmp_emit(uint8_t *p, const struct wire_icmp *h)
{
	p[0] = h->type;
	p[1] = h->code;
	put_be16(p + 2, 0);
	put_be32(p + 4, h->rest);
}
