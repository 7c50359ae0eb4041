// SPDX-License-Identifier: BSD-2-Clause
/*
 * A link that is bad on purpose: loss, duplication, corruption, reordering,
 * delay and refusal, by rate from a seed and by packet number.
 *
 *	send ---> lane out ---> inner link
 *	receive <- lane in <--- inner link
 *
 * A lane decides each packet's fate as it comes by, then holds it until its
 * instant; what is held is sorted by instant, then by arrival. Reordering is a
 * longer delay, so it needs other traffic to show.
 *
 * Faults happen to what a wire carries. So the link offers no offload, and
 * what an inner link delivers as one large packet, or with an unfinished
 * checksum, is first cut and finished: else a flipped bit would pass as good.
 * A flipped bit lands in a copy: the sender may still hold the bytes for a
 * resend, or be sending them twice.
 *
 * Each decision takes the same number of random numbers whatever it is, so
 * changing one rate leaves the fates under the others alone.
 *
 * Not here: rate limits and bursts of loss (lab/).
 */
#include "base/rng.h"
#include "ip/ip_gso.h"

#include <tern/error.h>

#include <stdlib.h>
#include <string.h>

#define MILLION 1000000u
#define DEFAULT_REORDER_NS 1000000
#define DEFAULT_QUEUE_LEN 10000u
/* How soon an inner link that refused is asked again. */
#define RETRY_NS 1000000
#define BATCH 64

struct lane {
	struct tern_fault_lane config;
	struct rng rng;
	struct pktq held; /* by pkt->at */
	uint64_t index;	  /* of the next packet */
};

struct fault {
	struct tern_link link;
	struct tern_link *inner;
	struct lane out, in;
	uint32_t refuse_every;
	uint32_t n_sends;
	bool refused;	  /* our user waits to send again */
	int64_t retry_at; /* the inner link refused; else NEVER */
};

static struct fault *fault_of(struct tern_link *link)
{
	return (struct fault *)link;
}

/* Puts a packet where its instant belongs: nearly always the end. */
static void hold(struct lane *l, struct tern_pkt *pkt, int64_t at)
{
	uint32_t cap = l->config.queue_len ? l->config.queue_len :
					     DEFAULT_QUEUE_LEN;
	struct pktq later = { 0 };
	struct tern_pkt *p;

	if (l->held.n >= cap) {
		tern_pkt_put(pkt);
		return;
	}
	pkt->at = at;
	if (!l->held.tail || l->held.tail->at <= at) {
		pktq_push(&l->held, pkt);
		return;
	}
	later = l->held;
	l->held = (struct pktq){ 0 };
	while (later.head && later.head->at <= at)
		pktq_push(&l->held, pktq_pop(&later));
	pktq_push(&l->held, pkt);
	while ((p = pktq_pop(&later)))
		pktq_push(&l->held, p);
}

static struct tern_pkt *corrupt(struct tern_pkt *pkt, uint64_t dice)
{
	struct tern_pkt *copy = tern_pkt_clone(pkt->pool, pkt);
	uint64_t bit = dice % (pkt->len * 8);

	tern_pkt_put(pkt);
	if (copy) {
		copy->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		copy->csum = TERN_CSUM_NONE;
	}
	return copy;
}

/* The faults that meet the next packet, a bit each. */
static unsigned fate(struct lane *l)
{
	uint64_t index = l->index++;
	unsigned kinds = 0;

	for (int k = 0; k < TERN_FAULT_KINDS; k++) {
		if (rng_u64(&l->rng) % MILLION < l->config.rate[k])
			kinds |= 1u << k;
	}
	for (int i = 0; i < l->config.n_at; i++) {
		if (l->config.at[i].index == index)
			kinds |= 1u << l->config.at[i].kind;
	}
	return kinds;
}

/* Decides one packet's fate. */
static void meet(struct lane *l, struct tern_pkt *pkt, int64_t now)
{
	unsigned kinds = fate(l);
	uint64_t dice = rng_u64(&l->rng);
	int64_t at = now + l->config.delay_ns;
	int64_t late = l->config.reorder_ns ? l->config.reorder_ns :
					      DEFAULT_REORDER_NS;

	if (kinds & 1u << TERN_FAULT_DROP) {
		tern_pkt_put(pkt);
		return;
	}
	if (kinds & 1u << TERN_FAULT_DUP) {
		struct tern_pkt *twin = tern_pkt_clone(pkt->pool, pkt);

		if (twin)
			hold(l, twin, at);
	}
	if (kinds & 1u << TERN_FAULT_CORRUPT && pkt->len)
		pkt = corrupt(pkt, dice);
	if (pkt)
		hold(l, pkt, kinds & 1u << TERN_FAULT_REORDER ? at + late : at);
}

/* As meet(), for a packet that may have come with offload. */
static void meet_as_wire(struct lane *l, struct tern_pkt *pkt, int64_t now)
{
	struct pktq segs = { 0 };
	struct tern_pkt *seg;

	if (pkt->gso_size && ip_gso_segment(pkt->pool, pkt, &segs) > 0) {
		tern_pkt_put(pkt);
	} else {
		if (pkt->csum == TERN_CSUM_GOOD && pkt->csum_start)
			pkt->csum = TERN_CSUM_PARTIAL;
		pktq_push(&segs, pkt);
	}
	while ((seg = pktq_pop(&segs))) {
		ip_csum_complete(seg);
		meet(l, seg, now);
	}
}

/* Up to max packets whose instant has come. */
static int take_due(struct lane *l, struct tern_pkt **pkts, int max,
		    int64_t now)
{
	int n = 0;

	while (n < max && l->held.head && l->held.head->at <= now)
		pkts[n++] = pktq_pop(&l->held);
	return n;
}

/* Hands what is due to the inner link. */
static void push_out(struct fault *f, int64_t now)
{
	struct tern_pkt *pkts[BATCH];

	f->retry_at = TERN_NEVER;
	for (;;) {
		int n = take_due(&f->out, pkts, BATCH, now);
		int sent = f->inner->ops->send(f->inner, pkts, n, now);

		if (sent < n) {
			struct pktq back = { 0 };
			struct tern_pkt *pkt;

			for (int i = max_i64(sent, 0); i < n; i++)
				pktq_push(&back, pkts[i]);
			while ((pkt = pktq_pop(&f->out.held)))
				pktq_push(&back, pkt);
			f->out.held = back;
			f->retry_at = now + RETRY_NS;
		}
		if (n < BATCH || sent < n)
			return;
	}
}

static int fault_send(struct tern_link *link, struct tern_pkt **pkts, int n,
		      int64_t now)
{
	struct fault *f = fault_of(link);

	f->refused = false;
	if (n && f->refuse_every && ++f->n_sends % f->refuse_every == 0) {
		f->refused = true;
		n = 0;
	}
	for (int i = 0; i < n; i++)
		meet(&f->out, pkts[i], now);
	push_out(f, now);
	return n;
}

static int fault_receive(struct tern_link *link, struct tern_pkt **pkts,
			 int max, int64_t now)
{
	struct fault *f = fault_of(link);
	struct tern_pkt *got[BATCH];
	int n;

	if (f->out.held.head && f->out.held.head->at <= now &&
	    (f->retry_at == TERN_NEVER || f->retry_at <= now))
		push_out(f, now);
	n = f->inner->ops->receive(f->inner, got, BATCH, now);
	for (int i = 0; i < n; i++)
		meet_as_wire(&f->in, got[i], now);
	if (n < 0)
		return n;
	n = take_due(&f->in, pkts, max, now);
	for (int i = 0; i < n; i++)
		pkts[i]->at = now;
	return n;
}

static int fault_fd(struct tern_link *link)
{
	struct tern_link *inner = fault_of(link)->inner;

	return inner->ops->fd ? inner->ops->fd(inner) : -1;
}

static int64_t fault_deadline(struct tern_link *link)
{
	struct fault *f = fault_of(link);
	struct tern_link *inner = f->inner;
	int64_t at = TERN_NEVER;

	if (f->refused)
		return INT64_MIN;
	if (inner->ops->deadline)
		at = inner->ops->deadline(inner);
	if (f->in.held.head)
		at = min_i64(at, f->in.held.head->at);
	if (f->retry_at != TERN_NEVER)
		at = min_i64(at, f->retry_at);
	else if (f->out.held.head)
		at = min_i64(at, f->out.held.head->at);
	return at;
}

static void lane_fini(struct lane *l)
{
	pktq_drop_all(&l->held);
	free((void *)l->config.at);
}

static bool lane_init(struct lane *l, const struct tern_fault_lane *config,
		      uint64_t seed, uint64_t direction)
{
	struct sipkey key = { seed, direction };
	size_t size = (size_t)config->n_at * sizeof(*config->at);
	struct tern_fault_at *at = NULL;

	if (size) {
		at = malloc(size);
		if (!at)
			return false;
		memcpy(at, config->at, size);
	}
	l->config = *config;
	l->config.at = at;
	rng_init(&l->rng, &key);
	return true;
}

static void fault_bound(struct tern_link *link, uint32_t n)
{
	struct tern_link *inner = fault_of(link)->inner;

	if (inner->ops->bound)
		inner->ops->bound(inner, n);
}

static uint64_t fault_n_dropped(struct tern_link *link)
{
	struct tern_link *inner = fault_of(link)->inner;

	return inner->ops->n_dropped ? inner->ops->n_dropped(inner) : 0;
}

static void fault_close(struct tern_link *link)
{
	struct fault *f = fault_of(link);

	lane_fini(&f->out);
	lane_fini(&f->in);
	f->inner->ops->close(f->inner);
	free(f);
}

static const struct tern_link_ops fault_ops = {
	.receive = fault_receive,
	.send = fault_send,
	.close = fault_close,
	.fd = fault_fd,
	.deadline = fault_deadline,
	.bound = fault_bound,
	.n_dropped = fault_n_dropped,
};

int tern_fault_wrap(struct tern_link *inner,
		    const struct tern_fault_config *config,
		    struct tern_link **out)
{
	struct fault *f = calloc(1, sizeof(*f));

	if (!f)
		return -TERN_ENOMEM;
	if (!lane_init(&f->out, &config->out, config->seed, 0) ||
	    !lane_init(&f->in, &config->in, config->seed, 1)) {
		lane_fini(&f->out);
		free(f);
		return -TERN_ENOMEM;
	}
	f->link = *inner;
	f->link.ops = &fault_ops;
	f->link.abilities &= ~(TERN_LINK_GSO | TERN_LINK_TX_CSUM);
	f->inner = inner;
	f->refuse_every = config->refuse_every;
	f->retry_at = TERN_NEVER;
	*out = &f->link;
	return 0;
}
