// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets as text, for traces, failed tests and fuzzers' findings.
 *
 *	A.port > B.port: (ect0) P. 1:1001(1000) ack 1 win 500 <nop,nop,TS ...>
 *	A.port > B.port: udp (12)
 *	A > B: icmp unreachable frag_needed mtu 1400 [B.port > A.port: tcp ...]
 *	A > B: udp frag 1480:2960+ id 7
 *
 * TCP flags, options, ICMP names and what stands in parentheses before them
 * are written as in the packetdrill language, so that a line of a trace goes
 * into a script; addresses and ports as tcpdump writes them.
 *
 * Bytes are copied to the stack first, so a packet needs not be linear, and no
 * length that it claims is believed.
 */
#include "wire/wire_print.h"

#include "wire/wire_icmp.h"
#include "wire/wire_ip.h"
#include "wire/wire_tcp.h"
#include "wire/wire_udp.h"

/* " name 12" */
static void text_field(struct text *t, const char *name, uint64_t v)
{
	text_char(t, ' ');
	text_str(t, name);
	text_char(t, ' ');
	text_u64(t, v);
}

static void text_bytes(struct text *t, const uint8_t *p, size_t n)
{
	for (; n; n--)
		text_hex(t, *p++, 2);
}

void wire_print_tcp_flags(struct text *t, uint16_t flags)
{
	static const struct {
		uint16_t flag;
		char letter;
	} letters[] = {
		{ TCP_FIN, 'F' }, { TCP_SYN, 'S' }, { TCP_RST, 'R' },
		{ TCP_PSH, 'P' }, { TCP_ACK, '.' }, { TCP_URG, 'U' },
		{ TCP_ECE, 'E' }, { TCP_CWR, 'W' }, { TCP_AE, 'A' },
	};
	size_t i;

	if (!(flags & 0x1ff))
		text_char(t, '-');
	for (i = 0; i < ARRAY_LEN(letters); i++) {
		if (flags & letters[i].flag)
			text_char(t, letters[i].letter);
	}
}

static void print_sack(struct text *t, const uint8_t *p, size_t n)
{
	text_str(t, "sack");
	for (; n >= 8; n -= 8, p += 8) {
		text_char(t, ' ');
		text_u64(t, get_be32(p));
		text_char(t, ':');
		text_u64(t, get_be32(p + 4));
	}
}

static void print_accecn(struct text *t, const uint8_t *p, size_t n,
			 bool order1)
{
	static const char *const names[2][3] = { { "e0b", "ceb", "e1b" },
						 { "e1b", "ceb", "e0b" } };
	size_t i;

	text_str(t, "ECN");
	for (i = 0; i < 3 && n >= 3; i++, n -= 3, p += 3)
		text_field(t, names[order1][i],
			   (uint32_t)p[0] << 16 | get_be16(p + 1));
}

/* One option: its kind, and the n bytes behind its length. */
static void print_opt(struct text *t, uint8_t kind, const uint8_t *p, size_t n)
{
	if (kind == 2 && n == 2) {
		text_str(t, "mss ");
		text_u64(t, get_be16(p));
	} else if (kind == 3 && n == 1) {
		text_str(t, "wscale ");
		text_u64(t, p[0]);
	} else if (kind == 4 && n == 0) {
		text_str(t, "sackOK");
	} else if (kind == 5 && n && n % 8 == 0) {
		print_sack(t, p, n);
	} else if (kind == 8 && n == 8) {
		text_str(t, "TS");
		text_field(t, "val", get_be32(p));
		text_field(t, "ecr", get_be32(p + 4));
	} else if (kind == 34 ||
		   (kind == 254 && n >= 2 && get_be16(p) == 0xf989)) {
		text_str(t, kind == 34 ? "FO" : "FOEXP");
		p += kind == 34 ? 0 : 2;
		n -= kind == 34 ? 0 : 2;
		if (n)
			text_char(t, ' ');
		text_bytes(t, p, n);
	} else if ((kind == 172 || kind == 174) && n <= 9 && n % 3 == 0) {
		print_accecn(t, p, n, kind == 174);
	} else {
		text_str(t, kind == 19 ? "md5 " : "kind ");
		if (kind != 19)
			text_u64(t, kind);
		if (kind != 19 && n)
			text_char(t, ' ');
		text_bytes(t, p, n);
	}
}

void wire_print_tcp_opts(struct text *t, const uint8_t *opts, size_t len)
{
	const uint8_t *end = opts + len;

	text_char(t, '<');
	while (opts < end) {
		if (opts[0] <= 1) {
			text_str(t, opts[0] ? "nop" : "eol");
			opts++;
		} else if (end - opts < 2 || opts[1] < 2 ||
			   opts[1] > end - opts) {
			text_str(t, "bad ");
			text_bytes(t, opts, (size_t)(end - opts));
			break;
		} else {
			print_opt(t, opts[0], opts + 2, opts[1] - 2u);
			opts += opts[1];
		}
		if (opts < end)
			text_char(t, ',');
	}
	text_char(t, '>');
}

static void print_protocol(struct text *t, uint8_t protocol)
{
	static const struct {
		uint8_t number;
		char name[12];
	} names[] = {
		{ WIRE_PROTO_TCP, "tcp" },
		{ WIRE_PROTO_UDP, "udp" },
		{ WIRE_PROTO_ICMP, "icmp" },
		{ WIRE_PROTO_ICMPV6, "icmpv6" },
		{ WIRE_PROTO_NONE, "no payload" },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].number == protocol) {
			text_str(t, names[i].name);
			return;
		}
	}
	text_str(t, "protocol ");
	text_u64(t, protocol);
}

/* "A > B: ", with ports where there are any. */
static void print_ends(struct text *t, const struct wire_ip *ip,
		       const uint8_t *ports)
{
	text_addr(t, &ip->src);
	if (ports) {
		text_char(t, '.');
		text_u64(t, get_be16(ports));
	}
	text_str(t, " > ");
	text_addr(t, &ip->dst);
	if (ports) {
		text_char(t, '.');
		text_u64(t, get_be16(ports + 2));
	}
	text_str(t, ": ");
}

/* "from:to(len)" */
static void print_span(struct text *t, uint32_t from, uint32_t len)
{
	text_u64(t, from);
	text_char(t, ':');
	text_u64(t, (uint32_t)(from + len));
	text_char(t, '(');
	text_u64(t, len);
	text_char(t, ')');
}

/* What ICMP quotes: addresses, and the eight bytes that are always there. */
static void print_quoted(struct text *t, const uint8_t *p, size_t n)
{
	struct wire_ip ip;
	bool has_ports;

	if (!wire_ip_parse_quoted(p, n, &ip))
		return;
	p += ip.hdr_len;
	n -= ip.hdr_len;
	has_ports = n >= 8 && !ip.frag_off &&
		    (ip.protocol == WIRE_PROTO_TCP ||
		     ip.protocol == WIRE_PROTO_UDP);
	text_str(t, " [");
	print_ends(t, &ip, has_ports ? p : NULL);
	print_protocol(t, ip.protocol);
	if (has_ports && ip.protocol == WIRE_PROTO_TCP)
		text_field(t, "seq", get_be32(p + 4));
	text_char(t, ']');
}

/* Codes that have names are numbered from 0 without gaps. */
static const char *const unreach4[] = {
	"net_unreachable",
	"host_unreachable",
	"protocol_unreachable",
	"port_unreachable",
	"frag_needed",
	"source_route_failed",
	"net_unknown",
	"host_unknown",
	"source_host_isolated",
	"net_prohibited",
	"host_prohibited",
	"net_unreachable_for_tos",
	"host_unreachable_for_tos",
	"packet_filtered",
	"precedence_violation",
	"precedence_cutoff",
};
static const char *const unreach6[] = {
	"no_route",	    "admin_prohibited",
	"not_neighbour",    "address_unreachable",
	"port_unreachable",
};
static const char *const problem6[] = {
	"header_field",
	"unknown_next_header",
	"unknown_option",
};

static const struct icmp_type {
	bool v6;
	uint8_t type;
	const char *name;
	const char *const *codes;
	size_t n_codes;
} icmp_types[] = {
	{ false, ICMP4_ECHO_REPLY, "echo_reply", NULL, 0 },
	{ false, ICMP4_UNREACH, "unreachable", unreach4, ARRAY_LEN(unreach4) },
	{ false, ICMP4_SOURCE_QUENCH, "source_quench", NULL, 0 },
	{ false, ICMP4_REDIRECT, "redirect", NULL, 0 },
	{ false, ICMP4_ECHO_REQUEST, "echo_request", NULL, 0 },
	{ false, ICMP4_TIME_EXCEEDED, "time_exceeded", NULL, 0 },
	{ false, ICMP4_PARAM_PROBLEM, "parameter_problem", NULL, 0 },
	{ false, ICMP4_TIMESTAMP, "timestamp_request", NULL, 0 },
	{ false, ICMP4_TIMESTAMP_REPLY, "timestamp_reply", NULL, 0 },
	{ true, ICMP6_UNREACH, "unreachable", unreach6, ARRAY_LEN(unreach6) },
	{ true, ICMP6_TOO_BIG, "packet_too_big", NULL, 0 },
	{ true, ICMP6_TIME_EXCEEDED, "time_exceeded", NULL, 0 },
	{ true, ICMP6_PARAM_PROBLEM, "parameter_problem", problem6,
	  ARRAY_LEN(problem6) },
	{ true, ICMP6_ECHO_REQUEST, "echo_request", NULL, 0 },
	{ true, ICMP6_ECHO_REPLY, "echo_reply", NULL, 0 },
	{ true, ICMP6_ROUTER_SOLICIT, "router_solicit", NULL, 0 },
	{ true, ICMP6_ROUTER_ADVERT, "router_advert", NULL, 0 },
	{ true, ICMP6_NEIGHBOUR_SOLICIT, "neighbour_solicit", NULL, 0 },
	{ true, ICMP6_NEIGHBOUR_ADVERT, "neighbour_advert", NULL, 0 },
};

static const struct icmp_type *find_icmp(bool v6, uint8_t type)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(icmp_types); i++) {
		if (icmp_types[i].v6 == v6 && icmp_types[i].type == type)
			return &icmp_types[i];
	}
	return NULL;
}

static void print_icmp_names(struct text *t, bool v6, const struct wire_icmp *h)
{
	const struct icmp_type *type = find_icmp(v6, h->type);

	if (type) {
		text_str(t, type->name);
	} else {
		text_str(t, "type_");
		text_u64(t, h->type);
	}
	if (type && h->code < type->n_codes) {
		text_char(t, ' ');
		text_str(t, type->codes[h->code]);
	} else if (h->code) {
		text_str(t, " code_");
		text_u64(t, h->code);
	}
}

/* p: the first `there` bytes of a message of n. */
static void print_icmp(struct text *t, bool v6, const uint8_t *p, size_t there,
		       size_t n)
{
	struct wire_icmp h;

	text_str(t, "icmp ");
	if (!wire_icmp_parse(p, there, &h)) {
		text_str(t, "short");
		return;
	}
	print_icmp_names(t, v6, &h);
	if (v6 ? h.type == ICMP6_TOO_BIG :
		 h.type == ICMP4_UNREACH && h.code == ICMP4_FRAG_NEEDED)
		text_field(t, "mtu", v6 ? h.rest : h.rest & 0xffff);
	if (wire_icmp_is_error(v6, h.type)) {
		print_quoted(t, p + WIRE_ICMP_LEN, there - WIRE_ICMP_LEN);
		return;
	}
	text_field(t, "id", h.rest >> 16);
	text_field(t, "seq", h.rest & 0xffff);
	text_str(t, " (");
	text_u64(t, n - WIRE_ICMP_LEN);
	text_char(t, ')');
}

void wire_print_tcp(struct text *t, const uint8_t *p, size_t there, size_t n)
{
	struct wire_tcp h;

	if (there < min_size(n, WIRE_TCP_MAX_LEN) ||
	    !wire_tcp_parse(p, n, &h)) {
		text_str(t, "tcp bad header");
		return;
	}
	wire_print_tcp_flags(t, h.flags);
	text_char(t, ' ');
	print_span(t, h.seq.v, (uint32_t)n - h.hdr_len);
	if (h.flags & TCP_ACK)
		text_field(t, "ack", h.ack.v);
	text_field(t, "win", h.window);
	if (h.flags & TCP_URG)
		text_field(t, "urg", h.urgent);
	if (h.reserved)
		text_field(t, "reserved", h.reserved);
	if (h.hdr_len > WIRE_TCP_LEN) {
		text_char(t, ' ');
		wire_print_tcp_opts(t, p + WIRE_TCP_LEN,
				    h.hdr_len - WIRE_TCP_LEN);
	}
}

static void print_udp(struct text *t, const uint8_t *p, size_t n)
{
	struct wire_udp h;

	if (!wire_udp_parse(p, n, &h)) {
		text_str(t, "udp bad length");
		return;
	}
	text_str(t, "udp (");
	text_u64(t, h.len - WIRE_UDP_LEN);
	text_char(t, ')');
}

static void print_tos(struct text *t, uint8_t tos)
{
	static const char *const ecn[] = { "noecn", "ect1", "ect0", "ce" };

	if (!tos)
		return;
	text_char(t, '(');
	if (tos & 0xfc) {
		text_str(t, "tos 0x");
		text_hex(t, tos, 2);
	} else {
		text_str(t, ecn[tos]);
	}
	text_str(t, ") ");
}

/* Behind the IP header: the first `there` bytes of n. */
static void print_transport(struct text *t, const struct wire_ip *ip,
			    const uint8_t *p, size_t there, size_t n)
{
	bool v6 = ip->protocol == WIRE_PROTO_ICMPV6;

	if (ip->frag_off) {
		print_protocol(t, ip->protocol);
	} else if (ip->protocol == WIRE_PROTO_TCP) {
		wire_print_tcp(t, p, there, n);
	} else if (ip->protocol == WIRE_PROTO_UDP && there >= WIRE_UDP_LEN) {
		/* The length field tells of the whole, of which this may be
		 * the first fragment. */
		print_udp(t, p, ip->is_frag ? UINT16_MAX : n);
	} else if (ip->protocol == WIRE_PROTO_ICMP || v6) {
		print_icmp(t, v6, p, there, n);
	} else {
		print_protocol(t, ip->protocol);
		text_str(t, " (");
		text_u64(t, n);
		text_char(t, ')');
	}
	if (!ip->is_frag)
		return;
	text_str(t, " frag ");
	text_u64(t, ip->frag_off);
	text_char(t, ':');
	text_u64(t, ip->frag_off + n);
	text_str(t, ip->more_frags ? "+ id " : " id ");
	text_u64(t, ip->id);
}

size_t wire_print_bytes(const uint8_t *bytes, size_t there, uint32_t len,
			uint16_t gso_size, char *out, size_t size)
{
	static const char *const faults[] = {
		[WIRE_IP_OK] = "",
		[WIRE_IP_SHORT] = " (short)",
		[WIRE_IP_BAD] = " (bad header)",
		[WIRE_IP_BAD_CSUM] = " (bad IP checksum)",
		[WIRE_IP_BAD_EXT] = " (bad extension header)",
	};
	struct tern_pkt view = { .data = (uint8_t *)(uintptr_t)bytes,
				 .head_len = (uint32_t)there,
				 .len = len,
				 .gso_size = gso_size };
	enum wire_ip_result result;
	struct wire_ip ip;
	struct text t;
	bool has_ports;

	text_init(&t, out, size);
	result = wire_ip_parse(&view, &ip);
	if (result != WIRE_IP_OK && result != WIRE_IP_BAD_CSUM) {
		text_str(&t, "ip");
		text_str(&t, faults[result]);
		text_field(&t, "of", len);
		text_str(&t, " bytes");
		return t.len;
	}
	there = min_size(there, ip.len) - ip.hdr_len;
	has_ports = there >= 4 && !ip.frag_off &&
		    (ip.protocol == WIRE_PROTO_TCP ||
		     ip.protocol == WIRE_PROTO_UDP);
	print_ends(&t, &ip, has_ports ? bytes + ip.hdr_len : NULL);
	print_tos(&t, ip.tos);
	print_transport(&t, &ip, bytes + ip.hdr_len, there,
			ip.len - ip.hdr_len);
	if (gso_size)
		text_field(&t, "gso", gso_size);
	text_str(&t, faults[result]);
	return t.len;
}

size_t wire_print(const struct tern_pkt *pkt, char *out, size_t size)
{
	uint8_t bytes[PKT_PULL];
	size_t there = min_size(pkt->len, sizeof(bytes));

	tern_pkt_copy_out(pkt, 0, bytes, there);
	return wire_print_bytes(bytes, there, pkt->len, pkt->gso_size, out,
				size);
}
