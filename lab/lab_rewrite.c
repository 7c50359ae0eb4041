// SPDX-License-Identifier: BSD-2-Clause
/*
 * Changing a field of a packet on its way, as a middlebox does: the checksums
 * are made anew, so the receiver believes it.
 */
#include "lab_wire.h"

#include "wire/wire_csum.h"
#include "wire/wire_udp.h"

#include <string.h>
#include <strings.h>

enum {
	WINDOW,
	URGENT,
	MSS,
	TTL,
	TOS,
	SPORT,
	DPORT,
	OFFSET,
	LENGTH,
	N_FIELDS,
};

static const char *const names[N_FIELDS] = {
	[WINDOW] = "window", [URGENT] = "urgent", [MSS] = "mss",
	[TTL] = "ttl",	     [TOS] = "tos",	  [SPORT] = "sport",
	[DPORT] = "dport",   [OFFSET] = "offset", [LENGTH] = "length",
};

int lab_rewrite_field(const char *name)
{
	for (int i = 0; i < N_FIELDS; i++) {
		if (!strcasecmp(name, names[i]))
			return i;
	}
	return -1;
}

/* The value of the MSS option, or NULL. */
static uint8_t *find_mss(uint8_t *tcp, unsigned hdr_len)
{
	for (unsigned i = WIRE_TCP_LEN; i + 3 < hdr_len;) {
		if (tcp[i] == 2)
			return tcp + i + 2;
		if (tcp[i] == 0 || (tcp[i] > 1 && tcp[i + 1] < 2))
			return NULL;
		i += tcp[i] == 1 ? 1 : tcp[i + 1];
	}
	return NULL;
}

static void put_tcp(uint8_t *tcp, const struct lab_seg *s, int field,
		    uint32_t value)
{
	uint8_t *mss;

	switch (field) {
	case WINDOW:
		put_be16(tcp + 14, (uint16_t)value);
		break;
	case URGENT:
		put_be16(tcp + 18, (uint16_t)value);
		break;
	case MSS:
		mss = find_mss(tcp, s->tcp_hdr);
		if (mss)
			put_be16(mss, (uint16_t)value);
		break;
	case SPORT:
		put_be16(tcp, (uint16_t)value);
		break;
	case DPORT:
		put_be16(tcp + 2, (uint16_t)value);
		break;
	case OFFSET:
		tcp[12] = (uint8_t)(value << 4 | (tcp[12] & 15));
		break;
	}
}

static void put_udp(uint8_t *udp, int field, uint32_t value)
{
	if (field == SPORT || field == DPORT)
		put_be16(udp + (field == DPORT ? 2 : 0), (uint16_t)value);
	else if (field == LENGTH)
		put_be16(udp + 4, (uint16_t)value);
}

/* Sums the transport's checksum again. */
static void sum_transport(struct lab_frame *f, const struct lab_seg *s)
{
	uint32_t n = s->ip_len - s->tcp_off;
	uint8_t *p = f->bytes + s->tcp_off, *field;
	uint64_t sum;

	if (s->is_frag)
		return;
	if (s->protocol == WIRE_PROTO_TCP && n >= WIRE_TCP_LEN)
		field = p + 16;
	else if (s->protocol == WIRE_PROTO_UDP && n >= WIRE_UDP_LEN &&
		 get_be16(p + 6))
		field = p + 6;
	else
		return;
	/* A datagram may say that it ends before its packet does. */
	if (field == p + 6 && get_be16(p + 4) >= WIRE_UDP_LEN)
		n = min_u32(n, get_be16(p + 4));
	put_be16(field, 0);
	sum = csum_pseudo(&s->src, &s->dst, s->protocol, n);
	put_be16(field, csum_fold(csum_add(sum, p, n)));
}

static void sum_ip4(struct lab_frame *f)
{
	unsigned n = (f->bytes[0] & 15u) * 4;

	put_be16(f->bytes + 10, 0);
	put_be16(f->bytes + 10, csum_fold(csum_add(0, f->bytes, n)));
}

void lab_rewrite_sums(struct lab_frame *f)
{
	struct lab_seg s;

	if (!lab_seg_parse(&s, f->bytes, f->len))
		return;
	sum_transport(f, &s);
	if (!s.v6)
		sum_ip4(f);
}

void lab_rewrite(struct lab_frame *f, int field, uint32_t value)
{
	struct lab_seg s;

	if (!lab_seg_parse(&s, f->bytes, f->len))
		return;
	if (field == TTL)
		f->bytes[s.v6 ? 7 : 8] = (uint8_t)value;
	else if (field == TOS && s.v6)
		put_be16(f->bytes, (uint16_t)(0x6000 | (value & 0xff) << 4 |
					      (f->bytes[1] & 15)));
	else if (field == TOS)
		f->bytes[1] = (uint8_t)value;
	else if (s.tcp_hdr)
		put_tcp(f->bytes + s.tcp_off, &s, field, value);
	else if (s.protocol == WIRE_PROTO_UDP)
		put_udp(f->bytes + s.tcp_off, field, value);
	lab_rewrite_sums(f);
}

void lab_rewrite_numbers(struct lab_frame *f, uint32_t seq, uint32_t ack)
{
	struct lab_seg s;

	if (!lab_seg_parse(&s, f->bytes, f->len) || !s.tcp_hdr)
		return;
	put_be32(f->bytes + s.tcp_off + 4, seq);
	put_be32(f->bytes + s.tcp_off + 8, ack);
	lab_rewrite_sums(f);
}
