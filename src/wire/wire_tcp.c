// SPDX-License-Identifier: BSD-2-Clause
/*
 * The TCP header and its options.
 *
 * Parsing is lenient as Linux is: an option of a known kind with a wrong
 * length counts as not there; one whose length cannot be (under 2, or past the
 * header) ends the list. Of an option that comes twice the last one counts.
 *
 * Emitting is exact: the layouts are those of Linux, byte for byte, because
 * middleboxes and scripts have seen no others. Each option below is padded to
 * four bytes in its own way, so that their order can be read off emit_syn()
 * and emit_other().
 */
#include "wire/wire_tcp.h"

enum {
	KIND_EOL = 0,
	KIND_NOP = 1,
	KIND_MSS = 2,
	KIND_WSCALE = 3,
	KIND_SACK_OK = 4,
	KIND_SACK = 5,
	KIND_TS = 8,
	KIND_MD5 = 19,
	KIND_FASTOPEN = 34,
	KIND_ACCECN0 = 172,
	KIND_ACCECN1 = 174,
	KIND_EXPERIMENT = 254, /* RFC 6994: two bytes say which */
};

#define FASTOPEN_MAGIC 0xf989
#define OPTS_MAX (WIRE_TCP_MAX_LEN - WIRE_TCP_LEN)

bool wire_tcp_parse(const uint8_t *p, size_t n, struct wire_tcp *out)
{
	uint16_t bits;

	if (n < WIRE_TCP_LEN)
		return false;
	bits = get_be16(p + 12);
	*out = (struct wire_tcp){
		.sport = get_be16(p),
		.dport = get_be16(p + 2),
		.seq = seq_of(get_be32(p + 4)),
		.ack = seq_of(get_be32(p + 8)),
		.flags = bits & 0x1ff,
		.window = get_be16(p + 14),
		.urgent = get_be16(p + 18),
		.hdr_len = (uint8_t)(bits >> 12 << 2),
		.reserved = bits >> 9 & 7,
	};
	return out->hdr_len >= WIRE_TCP_LEN && out->hdr_len <= n;
}

static void parse_sack(const uint8_t *p, size_t n, struct wire_tcp_opts *out)
{
	size_t i;

	if (n < 10 || (n - 2) % 8)
		return;
	out->present |= WIRE_OPT_SACK;
	/* 40 bytes of options cannot hold a fifth block. */
	out->n_sack = (uint8_t)min_size((n - 2) / 8, WIRE_TCP_MAX_SACK);
	for (i = 0; i < out->n_sack; i++) {
		out->sack[i].start = seq_of(get_be32(p + 2 + 8 * i));
		out->sack[i].end = seq_of(get_be32(p + 6 + 8 * i));
	}
}

/* RFC 7413 4.1.1: none (a request), or 4 to 16 bytes, an even number; else the
 * option is to be ignored. */
static void parse_cookie(const uint8_t *cookie, size_t n, uint16_t bit,
			 struct wire_tcp_opts *out)
{
	if (n && (n < 4 || n > WIRE_TCP_MAX_COOKIE || n % 2))
		return;
	out->present |= bit;
	out->cookie_len = (uint8_t)n;
	memcpy(out->cookie, cookie, n);
}

/* RFC 9768 3.2.3: up to three counters of 3 bytes; what does not make one is
 * ignored. */
static void parse_accecn(const uint8_t *p, size_t n, struct wire_tcp_opts *out)
{
	size_t i;

	out->present &= (uint16_t) ~(WIRE_OPT_ACCECN0 | WIRE_OPT_ACCECN1);
	out->present |= p[0] == KIND_ACCECN0 ? WIRE_OPT_ACCECN0 :
					       WIRE_OPT_ACCECN1;
	out->n_accecn = (uint8_t)min_size((n - 2) / 3, 3);
	for (i = 0; i < out->n_accecn; i++)
		out->accecn[i] = get_be32(p + 1 + 3 * i) & 0xffffff;
}

/* One option: kind at p[0], its length n >= 2 in p[1], all of it there. */
static void parse_opt(const uint8_t *p, size_t n, struct wire_tcp_opts *out)
{
	switch (p[0]) {
	case KIND_MSS:
		/* An MSS of 0 is none: nothing could ever be sent. */
		if (n == 4 && get_be16(p + 2)) {
			out->present |= WIRE_OPT_MSS;
			out->mss = get_be16(p + 2);
		}
		break;
	case KIND_WSCALE:
		if (n == 3) {
			out->present |= WIRE_OPT_WSCALE;
			out->wscale = p[2];
		}
		break;
	case KIND_SACK_OK:
		if (n == 2)
			out->present |= WIRE_OPT_SACK_OK;
		break;
	case KIND_SACK:
		parse_sack(p, n, out);
		break;
	case KIND_TS:
		if (n == 10) {
			out->present |= WIRE_OPT_TS;
			out->ts_val = get_be32(p + 2);
			out->ts_ecr = get_be32(p + 6);
		}
		break;
	case KIND_MD5:
		if (n == 18)
			out->present |= WIRE_OPT_MD5;
		break;
	case KIND_FASTOPEN:
		parse_cookie(p + 2, n - 2, WIRE_OPT_FASTOPEN, out);
		break;
	case KIND_ACCECN0:
	case KIND_ACCECN1:
		parse_accecn(p, n, out);
		break;
	case KIND_EXPERIMENT:
		if (n >= 4 && get_be16(p + 2) == FASTOPEN_MAGIC) {
			parse_cookie(p + 4, n - 4, WIRE_OPT_FASTOPEN_EXP, out);
			break;
		}
		out->present |= WIRE_OPT_UNKNOWN;
		break;
	default:
		out->present |= WIRE_OPT_UNKNOWN;
		break;
	}
}

void wire_tcp_parse_opts(const uint8_t *p, const struct wire_tcp *h,
			 struct wire_tcp_opts *out)
{
	const uint8_t *end = p + h->hdr_len;
	size_t n;

	memset(out, 0, sizeof(*out));
	p += WIRE_TCP_LEN;
	while (p < end && *p != KIND_EOL) {
		if (*p == KIND_NOP) {
			p++;
			continue;
		}
		if (end - p < 2)
			return;
		n = p[1];
		if (n < 2 || n > (size_t)(end - p))
			return;
		parse_opt(p, n, out);
		p += n;
	}
}

static uint8_t *put_nops(uint8_t *p, size_t n)
{
	memset(p, KIND_NOP, n);
	return p + n;
}

static uint8_t *put_head(uint8_t *p, uint8_t kind, size_t len)
{
	p[0] = kind;
	p[1] = (uint8_t)len;
	return p + 2;
}

static uint8_t *put_ts(uint8_t *p, const struct wire_tcp_opts *o)
{
	p = put_head(p, KIND_TS, 10);
	put_be32(p, o->ts_val);
	put_be32(p + 4, o->ts_ecr);
	return p + 8;
}

static size_t accecn_len(unsigned n)
{
	return (2 + 3 * n + 3) & ~(size_t)3;
}

static uint8_t *put_accecn(uint8_t *p, const struct wire_tcp_opts *o,
			   unsigned n)
{
	bool order1 = o->present & WIRE_OPT_ACCECN1;
	unsigned i;

	PROMISE(n <= 3);
	p = put_head(p, order1 ? KIND_ACCECN1 : KIND_ACCECN0, 2 + 3 * n);
	for (i = 0; i < n; i++, p += 3) {
		p[0] = (uint8_t)(o->accecn[i] >> 16);
		put_be16(p + 1, (uint16_t)o->accecn[i]);
	}
	return p;
}

/* The most counters of an AccECN option that `room` bytes hold; what does not
 * fit is not sent, and an option without counters only if asked for. */
static bool fit_accecn(const struct wire_tcp_opts *o, size_t room, unsigned *n)
{
	if (!(o->present & (WIRE_OPT_ACCECN0 | WIRE_OPT_ACCECN1)))
		return false;
	*n = o->n_accecn;
	if (accecn_len(*n) <= room)
		return true;
	while (*n && accecn_len(*n) > room)
		(*n)--;
	return *n > 0;
}

static size_t fastopen_len(const struct wire_tcp_opts *o)
{
	size_t head = o->present & WIRE_OPT_FASTOPEN	 ? 2 :
		      o->present & WIRE_OPT_FASTOPEN_EXP ? 4 :
							   0;

	return head ? (head + o->cookie_len + 3) & ~(size_t)3 : 0;
}

static uint8_t *put_fastopen(uint8_t *p, const struct wire_tcp_opts *o)
{
	uint8_t *end = p + fastopen_len(o);

	PROMISE(o->cookie_len <= WIRE_TCP_MAX_COOKIE);
	if (o->present & WIRE_OPT_FASTOPEN) {
		p = put_head(p, KIND_FASTOPEN, 2u + o->cookie_len);
	} else {
		p = put_head(p, KIND_EXPERIMENT, 4u + o->cookie_len);
		put_be16(p, FASTOPEN_MAGIC);
		p += 2;
	}
	memcpy(p, o->cookie, o->cookie_len);
	return put_nops(p + o->cookie_len, (size_t)(end - p) - o->cookie_len);
}

/* Bytes of a SYN's options but AccECN and Fast Open: at most 20. */
static size_t syn_fixed_len(const struct wire_tcp_opts *o)
{
	size_t len = 0;

	if (o->present & WIRE_OPT_MSS)
		len += 4;
	if (o->present & WIRE_OPT_TS)
		len += 12;
	else if (o->present & WIRE_OPT_SACK_OK)
		len += 4;
	if (o->present & WIRE_OPT_WSCALE)
		len += 4;
	return len;
}

/* SYN and SYN-ACK. A cookie goes before counters: it is of use only here. */
static uint8_t *emit_syn(uint8_t *p, const struct wire_tcp_opts *o)
{
	size_t room = OPTS_MAX - syn_fixed_len(o), cookie = fastopen_len(o);
	unsigned n;

	if (cookie > room)
		cookie = 0;
	room -= cookie;
	if (o->present & WIRE_OPT_MSS) {
		p = put_head(p, KIND_MSS, 4);
		put_be16(p, o->mss);
		p += 2;
	}
	if (o->present & WIRE_OPT_TS) {
		p = o->present & WIRE_OPT_SACK_OK ?
			    put_head(p, KIND_SACK_OK, 2) :
			    put_nops(p, 2);
		p = put_ts(p, o);
	}
	if (fit_accecn(o, room, &n))
		p = put_nops(put_accecn(p, o, n), accecn_len(n) - 2 - 3 * n);
	if ((o->present & WIRE_OPT_SACK_OK) && !(o->present & WIRE_OPT_TS))
		p = put_head(put_nops(p, 2), KIND_SACK_OK, 2);
	if (o->present & WIRE_OPT_WSCALE) {
		p = put_head(put_nops(p, 1), KIND_WSCALE, 3);
		*p++ = o->wscale;
	}
	return cookie ? put_fastopen(p, o) : p;
}

/* Bytes of SACK blocks behind `before` others, with NOPs between. */
static size_t sack_len(size_t before, size_t blocks)
{
	return ((before + 2 + 3) & ~(size_t)3) - before + 8 * blocks;
}

/* AccECN with n counters and SACK: within the room? */
static bool fits(unsigned n, size_t blocks, size_t room)
{
	size_t len = 2 + 3 * n;

	return (blocks ? len + sack_len(len, blocks) : accecn_len(n)) <= room;
}

/* How many counters go beside how many blocks; -1: no option. Loss is the more
 * urgent news, but two blocks say most of it (RFC 9768 3.2.3.3). */
static int share_room(const struct wire_tcp_opts *o, size_t room,
		      size_t *blocks)
{
	size_t b;
	int n;

	if (!(o->present & (WIRE_OPT_ACCECN0 | WIRE_OPT_ACCECN1)))
		return -1;
	for (b = *blocks;; b--) {
		for (n = o->n_accecn; n >= o->min_accecn; n--) {
			if (fits((unsigned)n, b, room)) {
				*blocks = b;
				return n;
			}
		}
		if (b <= 2)
			return -1;
	}
}

static uint8_t *emit_other(uint8_t *p, struct wire_tcp_opts *o)
{
	size_t room = OPTS_MAX, i, blocks = 0, before = 0;
	int n;

	if (o->present & WIRE_OPT_TS) {
		p = put_ts(put_nops(p, 2), o);
		room -= 12;
	}
	if (o->present & WIRE_OPT_SACK) {
		blocks = min_size(o->n_sack, (room - 4) / 8);
		blocks = min_size(blocks, WIRE_TCP_MAX_SACK);
	}
	n = share_room(o, room, &blocks);
	if (n >= 0) {
		p = put_accecn(p, o, (unsigned)n);
		before = 2 + 3 * (unsigned)n;
		if (!blocks)
			return put_nops(p, accecn_len((unsigned)n) - before);
	} else {
		o->present &= (uint16_t) ~(WIRE_OPT_ACCECN0 | WIRE_OPT_ACCECN1);
	}
	if (!blocks)
		return p;
	p = put_nops(p, sack_len(before, 0) - 2);
	p = put_head(p, KIND_SACK, 2 + 8 * blocks);
	for (i = 0; i < blocks; i++, p += 8) {
		put_be32(p, o->sack[i].start.v);
		put_be32(p + 4, o->sack[i].end.v);
	}
	return p;
}

uint32_t wire_tcp_emit_opts(uint8_t out[40], struct wire_tcp_opts *o, bool syn)
{
	uint8_t *end = syn ? emit_syn(out, o) : emit_other(out, o);

	PROMISE(end - out <= (ptrdiff_t)OPTS_MAX && (end - out) % 4 == 0);
	return (uint32_t)(end - out);
}

uint32_t wire_tcp_opts_len(const struct wire_tcp_opts *o, bool syn)
{
	struct wire_tcp_opts copy = *o;
	uint8_t out[OPTS_MAX];

	return wire_tcp_emit_opts(out, &copy, syn);
}

void wire_tcp_emit(uint8_t *p, const struct wire_tcp *h)
{
	put_be16(p, h->sport);
	put_be16(p + 2, h->dport);
	put_be32(p + 4, h->seq.v);
	put_be32(p + 8, h->ack.v);
	put_be16(p + 12,
		 (uint16_t)(h->hdr_len >> 2 << 12 | (h->reserved & 7) << 9 |
			    (h->flags & 0x1ff)));
	put_be16(p + 14, h->window);
	put_be16(p + 16, 0);
	put_be16(p + 18, h->urgent);
}
