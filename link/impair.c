// SPDX-License-Identifier: BSD-2-Clause
#include "impair.h"

#include "base/bytes.h"

#include <stdlib.h>

#define DEFAULT_QUEUE_LEN 1000u

bool impair_init(struct impair *m, const struct impair_config *config,
		 uint64_t seed)
{
	struct sipkey key = { seed, 0x696d70616972 };

	*m = (struct impair){ .config = *config };
	rng_init(&m->rng, &key);
	if (!m->config.queue_len)
		m->config.queue_len = DEFAULT_QUEUE_LEN;
	m->leaves = calloc(m->config.queue_len + (size_t)1, sizeof(int64_t));
	return m->leaves;
}

void impair_fini(struct impair *m)
{
	free(m->leaves);
	m->leaves = NULL;
}

uint32_t impair_queued(struct impair *m, int64_t now)
{
	while (m->used && m->leaves[m->first] <= now) {
		m->first = (m->first + 1) % (m->config.queue_len + 1);
		m->used--;
	}
	return m->used;
}

/* Nanoseconds that n bytes take; rounded up, so that no rate is exceeded. */
static int64_t time_of(const struct impair *m, size_t n)
{
	uint64_t bits = (uint64_t)n * 8;

	if (!m->config.rate)
		return 0;
	return (int64_t)((bits * (uint64_t)NS_PER_S + m->config.rate - 1) /
			 m->config.rate);
}

/* Is there no room? One packet is being sent, queue_len may wait behind it. */
static bool is_full(const struct impair *m, size_t len, int64_t now)
{
	const struct impair_config *c = &m->config;
	int64_t waits = m->busy_until - now;

	if (m->used > c->queue_len)
		return true;
	return c->queue_bytes && c->rate && waits > 0 &&
	       (uint64_t)waits > (uint64_t)NS_PER_S / c->rate &&
	       (double)waits * (double)c->rate / 8e9 + (double)len >
		       (double)c->queue_bytes;
}

static bool is_chosen(const struct impair_config *c, uint64_t n)
{
	for (int i = 0; i < c->n_drops; i++) {
		if (c->drops[i] == n)
			return true;
	}
	return false;
}

/* Lost on the wire? The dice were thrown before. */
static enum impair_loss lost_on_wire(struct impair *m, uint64_t die,
				     uint64_t burst_die)
{
	const struct impair_config *c = &m->config;

	if (m->in_burst)
		m->in_burst = burst_die % IMPAIR_MILLION >= c->burst_end;
	else
		m->in_burst = burst_die % IMPAIR_MILLION < c->burst_begin;
	if (is_chosen(c, m->n))
		return IMPAIR_CHOSEN;
	if (c->loss_every && m->n % c->loss_every == 0)
		return IMPAIR_PERIODIC;
	if (m->in_burst)
		return IMPAIR_BURST;
	if (die % IMPAIR_MILLION < c->loss)
		return IMPAIR_RANDOM;
	return IMPAIR_KEPT;
}

struct impair_fate impair_meet(struct impair *m, size_t len, int64_t now)
{
	enum { LOSS, BURST, JITTER, REORDER, TWIN, FLIP, BIT, N_DICE };
	const struct impair_config *c = &m->config;
	struct impair_fate fate = { .lost = IMPAIR_QUEUE };
	uint64_t dice[N_DICE];
	int64_t at;

	for (int i = 0; i < N_DICE; i++)
		dice[i] = rng_u64(&m->rng);
	m->n++;
	impair_queued(m, now);
	if (is_full(m, len, now))
		return fate;
	fate.mark = c->mark_len && m->used >= c->mark_len;
	m->busy_until = max_i64(m->busy_until, now) + time_of(m, len);
	fate.leaves_at = m->busy_until;
	if (c->rate) {
		m->leaves[(m->first + m->used) % (c->queue_len + 1)] =
			m->busy_until;
		m->used++;
	}
	fate.lost = lost_on_wire(m, dice[LOSS], dice[BURST]);
	if (fate.lost)
		return fate;
	at = m->busy_until + c->delay_ns;
	if (c->jitter_ns)
		at += (int64_t)(dice[JITTER] % (uint64_t)c->jitter_ns);
	at = max_i64(at, m->last_at);
	if (dice[REORDER] % IMPAIR_MILLION < c->reorder)
		at += c->reorder_ns;
	else
		m->last_at = at;
	fate.n = dice[TWIN] % IMPAIR_MILLION < c->duplicate ? 2 : 1;
	fate.at[0] = fate.at[1] = at;
	fate.corrupt = dice[FLIP] % IMPAIR_MILLION < c->corrupt;
	fate.dice = dice[BIT];
	return fate;
}

const char *impair_loss_text(enum impair_loss lost)
{
	static const char *const texts[IMPAIR_N_LOSSES] = {
		[IMPAIR_KEPT] = "kept",
		[IMPAIR_RANDOM] = "lost by chance",
		[IMPAIR_PERIODIC] = "lost, its turn",
		[IMPAIR_BURST] = "lost in a burst",
		[IMPAIR_CHOSEN] = "lost, by its number",
		[IMPAIR_QUEUE] = "the queue is full",
	};

	return texts[lost];
}
