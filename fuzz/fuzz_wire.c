// SPDX-License-Identifier: BSD-2-Clause
/*
 * The parsers of wire/ and of addresses: any bytes, none read beyond the end;
 * what parses and is written again parses to the same.
 */
#include "fuzz_kit.h"

#include "wire/wire_icmp.h"
#include "wire/wire_ip.h"
#include "wire/wire_print.h"
#include "wire/wire_tcp.h"
#include "wire/wire_udp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_tcp(const uint8_t *p, size_t n)
{
	struct wire_tcp_opts o, again;
	struct wire_tcp h;
	uint8_t out[WIRE_TCP_LEN + 40];

	if (n < WIRE_TCP_LEN || !wire_tcp_parse(p, n, &h))
		return;
	MUST(h.hdr_len >= WIRE_TCP_LEN && h.hdr_len <= n);
	wire_tcp_parse_opts(p, &h, &o);
	MUST(o.n_sack <= WIRE_TCP_MAX_SACK);
	o.present &= WIRE_OPT_MSS | WIRE_OPT_WSCALE | WIRE_OPT_SACK_OK |
		     WIRE_OPT_TS;
	h.hdr_len = (uint8_t)(WIRE_TCP_LEN + wire_tcp_opts_len(&o, true));
	wire_tcp_emit(out, &h);
	wire_tcp_emit_opts(out + WIRE_TCP_LEN, &o, true);
	MUST(wire_tcp_parse(out, h.hdr_len, &h));
	wire_tcp_parse_opts(out, &h, &again);
	MUST((again.present & o.present) == o.present);
	MUST(!(o.present & WIRE_OPT_MSS) || o.mss == again.mss);
	MUST(!(o.present & WIRE_OPT_TS) ||
	     (o.ts_val == again.ts_val && o.ts_ecr == again.ts_ecr));
}

static void try_ip(const uint8_t *p, size_t n)
{
	struct tern_buf buf = { .refs = 1, .cap = (uint32_t)n };
	struct tern_pkt pkt = {
		.head = &buf,
		.data = (uint8_t *)p,
		.head_len = (uint32_t)n,
		.len = (uint32_t)n,
	};
	char line[600], shorter[20];
	struct wire_ip ip;

	if (n && wire_ip_parse(&pkt, &ip) == WIRE_IP_OK) {
		MUST(ip.len <= n && ip.hdr_len <= ip.len);
		try_tcp(p + ip.hdr_len, ip.len - ip.hdr_len);
	}
	wire_ip_parse_quoted(p, n, &ip);
	wire_print(&pkt, line, sizeof(line));
	wire_print(&pkt, shorter, sizeof(shorter));
}

static void try_address(const uint8_t *p, size_t n)
{
	char *text = malloc(n + 1), printed[TERN_ADDR_STRLEN];
	struct tern_addr a, again;

	MUST(text);
	memcpy(text, p, n);
	text[n] = 0;
	if (tern_addr_parse(text, NULL, &a)) {
		tern_addr_print(&a, printed);
		MUST(tern_addr_parse(printed, NULL, &again));
		MUST(tern_addr_equal(&a, &again));
	}
	tern_addr_parse(text, "/: ", &a);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	/* Of its own memory, to its last byte: what is read beyond shows. */
	uint8_t *p = malloc(len ? len : 1);
	struct wire_icmp icmp;
	struct wire_udp udp;

	MUST(p);
	memcpy(p, data, len);
	try_ip(p, len);
	try_tcp(p, len);
	wire_icmp_parse(p, len, &icmp);
	if (len >= WIRE_UDP_LEN)
		wire_udp_parse(p, len, &udp);
	try_address(p, len);
	free(p);
	return 0;
}
