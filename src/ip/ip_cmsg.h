// SPDX-License-Identifier: BSD-2-Clause
/*
 * What sockets of every protocol tell beside data: when it came, and what waits
 * in the error queue. Control messages in Linux's layout.
 */
#ifndef IP_IP_CMSG_H
#define IP_IP_CMSG_H

#include "base/cmsg.h"
#include "stack_priv.h"

/* SO_EE_ORIGIN_* */
enum {
	ERRQ_LOCAL = 1,
	ERRQ_ICMP = 2,
	ERRQ_ICMP6 = 3,
	ERRQ_STAMP = 4,
	ERRQ_ZEROCOPY = 5,
};

/* SOF_TIMESTAMPING_* */
enum {
	STAMPING_TX_SOFTWARE = 1 << 1,
	STAMPING_RX_SOFTWARE = 1 << 3,
	STAMPING_SOFTWARE = 1 << 4,
	STAMPING_OPT_ID = 1 << 7,
	STAMPING_TX_SCHED = 1 << 8,
	STAMPING_TX_ACK = 1 << 9,
	STAMPING_OPT_TSONLY = 1 << 11,
	STAMPING_OPT_STATS = 1 << 12,
	STAMPING_OPT_ID_TCP = 1 << 16,
	STAMPING_ALL = (1 << 19) - 1,
};

/* Of an entry of an error queue: pkt->cb. pkt->at is its instant, if it has
 * one (ERRQ_STAMP); the packet's bytes are what is quoted. */
struct errq_cb {
	struct tern_addr dst;  /* where what is quoted was sent */
	struct tern_addr from; /* who sent the error; any: ourselves */
	uint32_t info, data;   /* ee_info, ee_data */
	uint16_t dport;
	uint8_t error, origin, type, code;
};

_Static_assert(sizeof(struct errq_cb) <= sizeof(((struct tern_pkt *)0)->cb),
	       "errq_cb fits pkt->cb");

static inline struct errq_cb *errq_cb(struct tern_pkt *pkt)
{
	return (struct errq_cb *)(void *)pkt->cb;
}

/* Which times a socket has asked for. */
struct cmsg_times {
	bool us, ns;	   /* SO_TIMESTAMP, SO_TIMESTAMPNS */
	uint32_t stamping; /* SO_TIMESTAMPING */
};

/* The instant `at` (of the stack's clock) as calendar time, by each way asked
 * for. */
void ip_cmsg_times(const struct tern_stack *, struct cmsg_out *,
		   const struct cmsg_times *, int64_t at);

/* struct sock_extended_err, and the address of who sent the error. */
void ip_cmsg_error(struct cmsg_out *, bool v6, const struct errq_cb *);

#endif
