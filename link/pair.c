// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two links joined in memory: what one end sends the other receives.
 *
 * With one pool for both ends packets pass by reference; with two they are
 * copied, and so the stacks share nothing. One thread drives both ends.
 *
 * An end that was refused because the queue was full is due again (deadline)
 * once the other end has taken something out.
 *
 * An unfinished checksum never left memory: it arrives as GOOD, with
 * csum_start telling that the field is unfinished (see tun.c).
 *
 * Not here: delay, loss, rate. fault.c wraps this, lab/ has links in virtual
 * time.
 */
#include "base/pkt.h"

#include <tern/error.h>

#include <stdlib.h>
#include <string.h>

#define DEFAULT_MTU 1500u
#define DEFAULT_QUEUE_LEN 1000u

struct pair_end {
	struct tern_link link;
	struct pair_end *peer; /* NULL: closed */
	struct pktq arrived;
	uint32_t queue_len;
	bool refused; /* our last send was not taken whole */
};

static struct pair_end *end_of(struct tern_link *link)
{
	return (struct pair_end *)link;
}

static int pair_receive(struct tern_link *link, struct tern_pkt **pkts, int max,
			int64_t now)
{
	struct pair_end *e = end_of(link);
	int n = 0;

	while (n < max && e->arrived.n) {
		struct tern_pkt *pkt = pktq_pop(&e->arrived);

		pkt->at = now;
		if (pkt->csum == TERN_CSUM_PARTIAL)
			pkt->csum = TERN_CSUM_GOOD;
		pkts[n++] = pkt;
	}
	return n;
}

/* The packet as the peer may own it; NULL is loss for want of memory. */
static struct tern_pkt *hand_over(struct pair_end *peer, struct tern_pkt *pkt)
{
	struct tern_pkt *copy;

	if (pkt->pool == peer->link.pool)
		return pkt;
	copy = tern_pkt_clone(peer->link.pool, pkt);
	tern_pkt_put(pkt);
	return copy;
}

static int pair_send(struct tern_link *link, struct tern_pkt **pkts, int n,
		     int64_t now)
{
	struct pair_end *e = end_of(link);
	int i;

	for (i = 0; i < n; i++) {
		struct tern_pkt *pkt = pkts[i];

		if (!e->peer) {
			tern_pkt_put(pkt);
			continue;
		}
		if (e->peer->arrived.n >= e->queue_len)
			break;
		pkt = hand_over(e->peer, pkt);
		if (pkt)
			pktq_push(&e->peer->arrived, pkt);
	}
	e->refused = i < n;
	return i;
}

static int64_t pair_deadline(struct tern_link *link)
{
	struct pair_end *e = end_of(link);

	if (e->arrived.n)
		return INT64_MIN;
	if (e->refused && (!e->peer || e->peer->arrived.n < e->queue_len))
		return INT64_MIN;
	return TERN_NEVER;
}

static void pair_close(struct tern_link *link)
{
	struct pair_end *e = end_of(link);

	pktq_drop_all(&e->arrived);
	if (e->peer)
		e->peer->peer = NULL;
	free(e);
}

static const struct tern_link_ops pair_ops = {
	.receive = pair_receive,
	.send = pair_send,
	.close = pair_close,
	.deadline = pair_deadline,
};

int tern_pair_new(const struct tern_pair_config *config,
		  struct tern_link *ends[2])
{
	struct pair_end *e[2];

	for (int i = 0; i < 2; i++) {
		e[i] = calloc(1, sizeof(*e[i]));
		if (!e[i]) {
			free(i ? e[0] : NULL);
			return -TERN_ENOMEM;
		}
		e[i]->link = (struct tern_link){
			.ops = &pair_ops,
			.pool = config->pool[i],
			.mtu = config->mtu ? config->mtu : DEFAULT_MTU,
			.abilities = config->abilities,
		};
		strcpy(e[i]->link.name, i ? "pair1" : "pair0");
		e[i]->queue_len = config->queue_len ? config->queue_len :
						      DEFAULT_QUEUE_LEN;
		ends[i] = &e[i]->link;
	}
	e[0]->peer = e[1];
	e[1]->peer = e[0];
	return 0;
}
