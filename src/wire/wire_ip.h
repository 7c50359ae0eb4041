// SPDX-License-Identifier: BSD-2-Clause
/*
 * IPv4 (RFC 791) and IPv6 (RFC 8200) headers, as one struct: what is above
 * ip/ never asks which it was but by the addresses.
 */
#ifndef WIRE_IP_H
#define WIRE_IP_H

#include "base/pkt.h"

#include <tern/socket.h>

#define WIRE_IP4_LEN 20u
#define WIRE_IP6_LEN 40u
#define WIRE_IP6_FRAG_LEN 8u

enum {
	WIRE_PROTO_HOPOPTS = 0,
	WIRE_PROTO_ICMP = 1,
	WIRE_PROTO_TCP = 6,
	WIRE_PROTO_UDP = 17,
	WIRE_PROTO_ROUTING = 43,
	WIRE_PROTO_FRAGMENT = 44,
	WIRE_PROTO_ICMPV6 = 58,
	WIRE_PROTO_NONE = 59,
	WIRE_PROTO_DSTOPTS = 60,
};

struct wire_ip {
	struct tern_addr src, dst; /* IPv4: ::ffff:a.b.c.d */
	bool v6;
	uint8_t protocol; /* of what follows at hdr_len */
	uint8_t tos;	  /* DSCP and ECN; IPv6: traffic class */
	uint8_t ttl;	  /* or hop limit */
	bool df;	  /* IPv6: always */
	bool more_frags;
	bool is_frag;	    /* a fragment: frag_off > 0 or more_frags */
	bool router_alert;  /* or other options that a router must look at */
	uint16_t hdr_len;   /* with options and extension headers */
	uint16_t frag_off;  /* bytes */
	uint16_t proto_off; /* IPv6: of the byte that names `protocol`, for
			     * parameter problems */
	uint8_t bad_code;   /* WIRE_IP_BAD_EXT: an ICMP6_PARAM_PROBLEM's code,
			     * or WIRE_IP_SILENT: drop without an answer */
	uint32_t id;
	uint32_t flow; /* IPv6 flow label */
	uint32_t len;  /* whole, header included; at most the packet */
};

#define WIRE_IP_SILENT 0xff

enum wire_ip_result {
	WIRE_IP_OK,
	WIRE_IP_SHORT,	  /* the packet ends before its headers or length */
	WIRE_IP_BAD,	  /* version, header length, options are nonsense */
	WIRE_IP_BAD_CSUM, /* IPv4 */
	WIRE_IP_BAD_EXT,  /* IPv6 extension headers; proto_off points there */
};

/*
 * Parses the header in the linear part of pkt, which the caller has pulled to
 * at least PKT_PULL bytes or the packet's length. Walks IPv6 extension headers
 * up to the transport (their number and length bounded: behind hdr_len there
 * are always 60 linear bytes, or all that the packet has). Of a fragment the
 * walk ends behind the fragment header, which hdr_len includes.
 */
enum wire_ip_result wire_ip_parse(const struct tern_pkt *pkt,
				  struct wire_ip *out);

/* Parses a header quoted in an ICMP error: n bytes at p, of which the
 * datagram's own length may say more. False if the header itself is cut. */
bool wire_ip_parse_quoted(const uint8_t *p, size_t n, struct wire_ip *out);

/* Prepends the header to pkt (headroom permitting, else NULL): addresses,
 * protocol, tos, ttl, df, id, flow; len from the packet, or for a packet with
 * gso_size the same, which then is no length that a wire would see. With
 * is_frag an IPv6 fragment header goes in between. */
uint8_t *wire_ip_emit(struct tern_pkt *pkt, const struct wire_ip *h);

/* Bytes that wire_ip_emit() will prepend. */
uint32_t wire_ip_len(const struct wire_ip *h);

#endif
