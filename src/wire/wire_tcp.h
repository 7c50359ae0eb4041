// SPDX-License-Identifier: BSD-2-Clause
/*
 * The TCP header and its options (RFC 9293 3.1, 7323, 2018, 2883, 7413,
 * 9768).
 */
#ifndef WIRE_TCP_H
#define WIRE_TCP_H

#include "base/pkt.h"
#include "base/seq.h"

#define WIRE_TCP_LEN 20u
#define WIRE_TCP_MAX_LEN 60u
#define WIRE_TCP_MAX_SACK 4
#define WIRE_TCP_MAX_COOKIE 16

enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
	TCP_ECE = 0x40,
	TCP_CWR = 0x80,
	TCP_AE = 0x100, /* accurate ECN; once NS */
};

struct wire_sack {
	struct seq start, end;
};

/* Bits of wire_tcp_opts.present. */
enum {
	WIRE_OPT_MSS = 1,
	WIRE_OPT_WSCALE = 2,
	WIRE_OPT_SACK_OK = 4,
	WIRE_OPT_TS = 8,
	WIRE_OPT_SACK = 16,
	WIRE_OPT_FASTOPEN = 32,	    /* kind 34 */
	WIRE_OPT_FASTOPEN_EXP = 64, /* kind 254, magic 0xf989 */
	WIRE_OPT_ACCECN0 = 128,	    /* kind 172: e0b first */
	WIRE_OPT_ACCECN1 = 256,	    /* kind 174: e1b first */
	WIRE_OPT_MD5 = 512,
	WIRE_OPT_UNKNOWN = 1024, /* some option was of no known kind */
};

struct wire_tcp_opts {
	uint16_t present;
	uint16_t mss;
	uint8_t wscale; /* as on the wire, may exceed 14 */
	uint8_t n_sack;
	uint8_t cookie_len; /* Fast Open; 0: a request for one */
	uint8_t n_accecn;   /* counters present, 0 to 3 */
	uint8_t min_accecn; /* out: fewer are of no use */
	uint32_t ts_val, ts_ecr;
	struct wire_sack sack[WIRE_TCP_MAX_SACK];
	uint32_t accecn[3]; /* 24 bits each, in the option's own order */
	uint8_t cookie[WIRE_TCP_MAX_COOKIE];
};

struct wire_tcp {
	uint16_t sport, dport;
	struct seq seq, ack;
	uint16_t flags;	 /* TCP_* */
	uint16_t window; /* unscaled */
	uint16_t urgent;
	uint8_t hdr_len;  /* bytes, options included */
	uint8_t reserved; /* the three reserved bits */
};

/* Parses a header of n bytes at p, options not yet. False if the data offset
 * is under 5 or beyond n (S13). n is the whole segment's length, of which the
 * first min(n, 60) bytes are at p. */
bool wire_tcp_parse(const uint8_t *p, size_t n, struct wire_tcp *out);

/* Parses the options of a header that parsed. An option with an impossible
 * length ends it, as on Linux; what came before counts. Options that only a SYN
 * may carry are told all the same: the caller knows the flags. */
void wire_tcp_parse_opts(const uint8_t *p, const struct wire_tcp *h,
			 struct wire_tcp_opts *out);

/* The fast path: is the options part exactly nop,nop,TS? Then the values. */
static inline bool wire_tcp_only_ts(const uint8_t *p, const struct wire_tcp *h,
				    uint32_t *val, uint32_t *ecr)
{
	if (h->hdr_len != WIRE_TCP_LEN + 12 ||
	    get_be32(p + WIRE_TCP_LEN) != 0x0101080a)
		return false;
	*val = get_be32(p + WIRE_TCP_LEN + 4);
	*ecr = get_be32(p + WIRE_TCP_LEN + 8);
	return true;
}

/*
 * The options in Linux's layout, padded with NOPs to a multiple of 4, written
 * to out (40 bytes of room); returns their length. The layout of SYN and
 * SYN-ACK: mss; then with timestamps sackOK,TS (without: nop,nop,TS where SACK
 * is off); wscale as nop,wscale; sackOK as nop,nop,sackOK where there is no
 * TS; Fast Open last, padded after. Others: nop,nop,TS; AccECN (padded
 * behind SACK's header); sack. Without room for all, AccECN goes down to
 * min_accecn counters, then SACK to two blocks, then AccECN goes, and its bits
 * in present, too.
 */
uint32_t wire_tcp_emit_opts(uint8_t out[40], struct wire_tcp_opts *, bool syn);

/* Length that wire_tcp_emit_opts() gives. */
uint32_t wire_tcp_opts_len(const struct wire_tcp_opts *, bool syn);

/* Writes the fixed header at p (20 bytes), checksum field 0; h->hdr_len says
 * the data offset. */
void wire_tcp_emit(uint8_t *p, const struct wire_tcp *h);

#endif
