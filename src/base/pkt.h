// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets inside the core: queues of them, and walking their bytes. The
 * packets themselves are public (tern/link.h).
 */
#ifndef BASE_PKT_H
#define BASE_PKT_H

#include "base/bytes.h"

#include <tern/link.h>

struct pktq {
	struct tern_pkt *head, *tail;
	uint32_t n;
	uint64_t bytes;
};

static inline void pktq_push(struct pktq *q, struct tern_pkt *pkt)
{
	pkt->next = NULL;
	if (q->tail)
		q->tail->next = pkt;
	else
		q->head = pkt;
	q->tail = pkt;
	q->n++;
	q->bytes += pkt->len;
}

static inline struct tern_pkt *pktq_pop(struct pktq *q)
{
	struct tern_pkt *pkt = q->head;

	if (!pkt)
		return NULL;
	q->head = pkt->next;
	if (!q->head)
		q->tail = NULL;
	q->n--;
	q->bytes -= pkt->len;
	pkt->next = NULL;
	return pkt;
}

void pktq_drop_all(struct pktq *q);

/* Makes the packet linear, in memory that it alone holds, with room for n bytes
 * more. False without memory; the packet is then unchanged. */
bool pkt_make_room(struct tern_pkt *pkt, size_t n);

/* Room in front of what TCP, UDP and ICMP write: the largest IP and Ethernet
 * headers, and to spare for whoever wraps us. */
#define PKT_HEADROOM 96u

/* Linear bytes that every input packet may be pulled to: IPv6 header and a few
 * extension headers, and a whole TCP header. */
#define PKT_PULL 160u

#endif
