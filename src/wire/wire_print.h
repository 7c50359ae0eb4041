// SPDX-License-Identifier: BSD-2-Clause
/*
 * A packet on one line, as people who read tcpdump expect it:
 *
 *	10.0.0.1.40000 > 10.0.0.2.80: S 1234:1234(0) win 64240 <mss 1460,...>
 */
#ifndef WIRE_PRINT_H
#define WIRE_PRINT_H

#include "base/pkt.h"

/* Text gathered in a caller's buffer, always NUL-terminated; what does not fit
 * is cut, and len goes on counting. */
struct text {
	char *out;
	size_t size;
	size_t len;
};

void text_init(struct text *, char *out, size_t size);
void text_str(struct text *, const char *s);
void text_char(struct text *, char c);
void text_u64(struct text *, uint64_t v);
void text_i64(struct text *, int64_t v);
void text_hex(struct text *, uint64_t v, int digits);
struct tern_addr;
void text_addr(struct text *, const struct tern_addr *);

/* Prints any packet that begins with an IP header, however broken. Returns the
 * length that the whole text has. */
size_t wire_print(const struct tern_pkt *pkt, char *out, size_t size);
/* The same from the first `there` bytes of one of len, PKT_PULL or all. */
size_t wire_print_bytes(const uint8_t *bytes, size_t there, uint32_t len,
			uint16_t gso_size, char *out, size_t size);

/* A TCP segment without IP header: the first `there` bytes, WIRE_TCP_MAX_LEN or
 * all, of n. */
void wire_print_tcp(struct text *, const uint8_t *p, size_t there, size_t n);
/* The flags as the packetdrill language writes them ("S.", "FP.", "-"). */
void wire_print_tcp_flags(struct text *, uint16_t flags);

struct wire_tcp;
struct wire_tcp_opts;
/* "<mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>" from the option bytes. */
void wire_print_tcp_opts(struct text *, const uint8_t *opts, size_t len);

#endif
