// SPDX-License-Identifier: BSD-2-Clause
/*
 * Payloads, replaced where they enter a run: every byte of data becomes 'x',
 * lengths stay. A checksum is moved by as much as its payload's sum, so what
 * was good stays good, and what was bad bad.
 *
 * A fragment's checksum is in another packet: there all bytes become zero but
 * the first two, which carry the sum of what was there. Of ICMP errors what
 * they quote beyond the headers is replaced, of echoes the data.
 */
#include "tools/replay_redact.h"

#include "base/bytes.h"
#include "wire/wire_csum.h"
#include "wire/wire_icmp.h"
#include "wire/wire_ip.h"
#include "wire/wire_tcp.h"

#include <string.h>

#define QUOTED_LEN 60 /* of an ICMP error: IP and TCP headers, at the least */

static uint16_t sum_of(const uint8_t *p, size_t n)
{
	return (uint16_t)~csum_fold(csum_add(0, p, n));
}

/* The payload at p, and the checksum over it, or NULL. */
static void replace(uint8_t *p, size_t n, uint8_t *csum)
{
	uint16_t before = sum_of(p, n), field;

	memset(p, 'x', n);
	if (!csum || !n)
		return;
	field = csum_update16(get_be16(csum), before, sum_of(p, n));
	put_be16(csum, field);
}

static void replace_fragment(uint8_t *p, size_t n)
{
	uint16_t sum = sum_of(p, n);

	memset(p, 0, n);
	if (n >= 2)
		put_be16(p, sum);
}

static void redact_udp(struct tern_pkt *pkt, uint8_t *p, size_t n)
{
	bool has_csum = pkt->csum != TERN_CSUM_PARTIAL && n >= 8 &&
			get_be16(p + 6);

	if (n < 8)
		return;
	replace(p + 8, n - 8, has_csum ? p + 6 : NULL);
	/* Zero would say that there is none. */
	if (has_csum && !get_be16(p + 6))
		put_be16(p + 6, 0xffff);
}

static void redact_tcp(struct tern_pkt *pkt, uint8_t *p, size_t n)
{
	struct wire_tcp h;

	if (!wire_tcp_parse(p, n, &h))
		return;
	replace(p + h.hdr_len, n - h.hdr_len,
		pkt->csum == TERN_CSUM_PARTIAL ? NULL : p + 16);
}

static void redact_icmp(const struct wire_ip *h, uint8_t *p, size_t n)
{
	size_t kept = 8;

	if (n && wire_icmp_is_error(h->v6, p[0]))
		kept += QUOTED_LEN;
	if (n > kept)
		replace(p + kept, n - kept, p + 2);
}

static void redact_packet(struct tern_pkt *pkt)
{
	struct wire_ip h;
	uint8_t *p;
	size_t n;

	if (!tern_pkt_pull(pkt, pkt->len) ||
	    wire_ip_parse(pkt, &h) != WIRE_IP_OK)
		return;
	p = pkt->data + h.hdr_len;
	n = h.len - h.hdr_len;
	/* What lies behind the IP length is payload of nothing. */
	memset(pkt->data + h.len, 0, pkt->len - h.len);
	if (h.is_frag)
		replace_fragment(h.frag_off || n < 60 ? p : p + 60,
				 h.frag_off || n < 60 ? n : n - 60);
	else if (h.protocol == WIRE_PROTO_TCP)
		redact_tcp(pkt, p, n);
	else if (h.protocol == WIRE_PROTO_UDP)
		redact_udp(pkt, p, n);
	else if (h.protocol == WIRE_PROTO_ICMP ||
		 h.protocol == WIRE_PROTO_ICMPV6)
		redact_icmp(&h, p, n);
	else
		memset(p, 'x', n);
}

void replay_redact(struct tern_replay_call *call)
{
	size_t i;

	for (i = 0; i < call->n_pkts; i++)
		redact_packet(call->pkts[i]);
	if (!strcmp(call->name, "sendmsg"))
		memset(call->in, 'x', call->in_len);
}
