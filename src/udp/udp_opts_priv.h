// SPDX-License-Identifier: BSD-2-Clause
/*
 * UDP's options as rows of tables.
 * Included by: udp_opts*.c
 */
#ifndef UDP_OPTS_PRIV_H
#define UDP_OPTS_PRIV_H

#include "ip/ip_opts.h"
#include "udp/udp_priv.h"

/* One call. For get: value has room for *len; for set: there are *len. */
struct opt_call {
	struct tern_stack *st;
	struct udp_sock *s;
	const struct udp_opt *row;
	int level;
	void *value;
	size_t *len;
};

/*
 * An option is, in this order: a flag of udp_sock.flags; a field, of one or
 * four bytes, with a range (`reset` stands for -1, if that is allowed); or
 * what two functions make of it. A set without `may_set` or a function is
 * ENOPROTOOPT; so is a get without a function, a flag or a field.
 */
struct udp_opt {
	int name;
	uint32_t flag;
	uint16_t field; /* offset in struct udp_sock, 0: none */
	uint8_t size;
	int32_t min, max;
	int16_t reset; /* -1: none */
	int (*get)(const struct opt_call *);
	int (*set)(const struct opt_call *);
};

struct udp_opt_level {
	int level;
	bool byte_will_do; /* values may be one byte: level IP */
	const struct udp_opt *rows;
	size_t n;
};

extern const struct udp_opt_level udp_opts_ip;	 /* udp_opts_ip.c */
extern const struct udp_opt_level udp_opts_ipv6; /* udp_opts_ip.c */

#define FIELD(member, least, most, minus_one)                         \
	.field = offsetof(struct udp_sock, member),                   \
	.size = sizeof(((struct udp_sock *)0)->member), .min = least, \
	.max = most, .reset = minus_one

#endif
