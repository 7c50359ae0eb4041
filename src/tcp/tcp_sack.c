// SPDX-License-Identifier: BSD-2-Clause
/*
 * Selective acknowledgements, the receiver's side (RFC 2018, RFC 2883).
 *
 * act->sacks holds at most four blocks, the most recently changed first, as
 * RFC 2018 4 wants them repeated. A duplicate is told once, in front (D-SACK).
 *
 * Not yet here: the sender's scoreboard.
 */
#include "tcp_priv.h"

/* Joins [from, to) to a block if they touch. */
static bool extend(struct wire_sack *b, struct seq from, struct seq to)
{
	if (seq_gt(from, b->end) || seq_gt(b->start, to))
		return false;
	b->start = seq_min(b->start, from);
	b->end = seq_max(b->end, to);
	return true;
}

static void remove_at(struct tcp_active *a, uint32_t i)
{
	for (; i + 1 < a->n_sacks; i++)
		a->sacks[i] = a->sacks[i + 1];
	a->n_sacks--;
}

void tcp_sack_add(struct tcp_conn *c, struct seq from, struct seq to)
{
	struct tcp_active *a = c->act;
	struct wire_sack grown = { from, to };
	uint32_t i;

	for (i = 0; i < a->n_sacks;) {
		if (extend(&a->sacks[i], grown.start, grown.end)) {
			grown = a->sacks[i];
			remove_at(a, i);
			i = 0; /* what grew may touch another now */
		} else {
			i++;
		}
	}
	if (a->n_sacks == TCP_SACK_MAX)
		a->n_sacks--;
	for (i = a->n_sacks++; i > 0; i--)
		a->sacks[i] = a->sacks[i - 1];
	a->sacks[0] = grown;
}

/* rcv.nxt has moved: what it covers is no news. */
void tcp_sack_forget(struct tcp_conn *c)
{
	struct tcp_active *a = c->act;
	uint32_t i = 0;

	if (!a->ofo.root)
		a->n_sacks = 0;
	while (i < a->n_sacks) {
		if (seq_geq(c->rcv.nxt, a->sacks[i].start))
			remove_at(a, i);
		else
			i++;
	}
}

void tcp_dsack_set(struct tern_stack *st, struct tcp_conn *c, struct seq from,
		   struct seq to)
{
	struct tcp_active *a = c->act;

	if (!c->sack_ok || !st->tun.tcp_dsack)
		return;
	if (seq_lt(from, c->rcv.nxt))
		COUNT(st, TCP_EXT_DSACK_OLD_SENT);
	else
		COUNT(st, TCP_EXT_DSACK_OFO_SENT);
	a->has_dsack = true;
	a->dsack = (struct wire_sack){ from, to };
}

void tcp_dsack_extend(struct tern_stack *st, struct tcp_conn *c,
		      struct seq from, struct seq to)
{
	if (!c->act->has_dsack)
		tcp_dsack_set(st, c, from, to);
	else
		extend(&c->act->dsack, from, to);
}

void tcp_sack_options(const struct tcp_conn *c, struct wire_tcp_opts *o)
{
	const struct tcp_active *a = c->act;
	uint32_t most = c->ts_ok ? 3 : WIRE_TCP_MAX_SACK, i;

	if (a->has_dsack)
		o->sack[o->n_sack++] = a->dsack;
	for (i = 0; i < a->n_sacks && o->n_sack < most; i++)
		o->sack[o->n_sack++] = a->sacks[i];
	if (o->n_sack)
		o->present |= WIRE_OPT_SACK;
}
