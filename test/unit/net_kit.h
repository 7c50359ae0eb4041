// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets for a stack of stack_kit.h: built with all their checksums, put in,
 * and taken out again one by one, parsed. "Silence" is that nothing comes out.
 */
#ifndef UNIT_NET_KIT_H
#define UNIT_NET_KIT_H

#include "stack_kit.h"

#include "stack_priv.h"
#include "wire/wire_csum.h"
#include "wire/wire_icmp.h"
#include "wire/wire_udp.h"

#define S NS_PER_S
#define MS NS_PER_MS
#define NET_ROOM 70000

struct net {
	struct kit kit;
	struct tern_stack *st;
	int64_t now;
	/* What net_out() took last: */
	struct tern_pkt *pkt;
	struct wire_ip ip;
	const uint8_t *p; /* behind the IP header */
	uint32_t n;
};

/* 10.0.0.1/24 and fd00::1/64 on link 1, MTU 1,500. */
void net_open(struct net *);
/* Fails the test if memory has leaked. */
void net_close(struct net *);
/* Moves time on, and runs the timers. */
void net_wait(struct net *, int64_t ns);

struct tern_addr net_addr(const char *text);
/* "10.0.0.2" and a port; IPv6 likewise. */
struct tern_sockaddr net_name(const char *text, uint16_t port);

/* Builders: they give the length of what they wrote to out. The header's len,
 * v6 and, if 0, ttl are filled in. */
size_t net_ip(uint8_t *out, const struct wire_ip *, const void *payload,
	      size_t n);
size_t net_udp(uint8_t *out, const char *src, uint16_t sport, const char *dst,
	       uint16_t dport, const void *data, size_t n);
size_t net_icmp(uint8_t *out, const char *src, const char *dst,
		const struct wire_icmp *, const void *body, size_t n);
/* The bytes [off, off + n) of a packet's payload as a fragment of it. */
size_t net_frag(uint8_t *out, const uint8_t *whole, size_t len, uint32_t id,
		uint32_t off, uint32_t n);
/* Makes the IPv4 header's checksum right again. */
void net_fix_ip4(uint8_t *bytes);

void net_in(struct net *, const void *bytes, size_t len);
void net_in_by(struct net *, int link, const void *bytes, size_t len);

/* The next packet out, by link 1 or another; false: silence. */
bool net_out(struct net *);
bool net_out_by(struct net *, int link);
void net_silence(struct net *);
/* The next packet is ICMP of this type and code; its message is at net->p. */
void net_out_icmp(struct net *, uint8_t type, uint8_t code);
/* Both checksums of the packet taken last are right. */
void net_check_sums(const struct net *);

/* Lets two stacks, joined by their links 1, talk until both are silent. */
void net_talk(struct net *a, struct net *b);

/* Sockets. */
int net_socket(struct net *, int family);
int net_bound(struct net *, int family, const char *addr, uint16_t port);
int64_t net_send(struct net *, int s, const char *addr, uint16_t port,
		 const void *data, size_t n);
/* A datagram that was sent to s is this text, from there. */
void net_recv_is(struct net *, int s, const char *text, const char *from,
		 uint16_t port);
void net_recv_nothing(struct net *, int s);
int net_error(struct net *, int s); /* SO_ERROR */
void net_set(struct net *, int s, int level, int name, int value);
int net_get(struct net *, int s, int level, int name);
uint64_t net_counter(const struct net *, const char *name);

#endif
