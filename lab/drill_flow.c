// SPDX-License-Identifier: BSD-2-Clause
/* The arithmetic of drill_flow.h, in packets and in their options. */
#include "drill_flow.h"

#include "base/bytes.h"
#include "wire/wire_tcp.h"

bool drill_flow_has(const struct drill_flow *f, const struct drill_ends *e)
{
	return f->lport == e->sport && f->rport == e->dport &&
	       tern_addr_equal(&f->laddr, &e->src) &&
	       tern_addr_equal(&f->raddr, &e->dst);
}

/* What is added to a script's number of this side. */
static uint32_t offset_of(const struct drill_flow *f, bool local, bool syn)
{
	if (!local)
		return syn ? 0 : f->remote_isn;
	return syn ? f->local_isn - f->local_script_isn : f->local_isn;
}

/* The length of the option at opts[i], 0 at the end or where it is broken. */
static unsigned opt_len(const struct drill_pkt *p, unsigned i)
{
	if (i >= p->n_opts || p->opts[i] == 0)
		return 0;
	if (p->opts[i] == 1)
		return 1;
	if (i + 1 >= p->n_opts || p->opts[i + 1] < 2 ||
	    i + p->opts[i + 1] > p->n_opts)
		return 0;
	return p->opts[i + 1];
}

uint8_t *drill_flow_opt(struct drill_pkt *p, uint8_t kind, unsigned len)
{
	unsigned i, n;

	for (i = 0; (n = opt_len(p, i)); i += n) {
		if (p->opts[i] == kind && (!len || n == len))
			return p->opts + i;
	}
	return NULL;
}

static void shift_sacks(struct drill_pkt *p, uint32_t by)
{
	uint8_t *sack = drill_flow_opt(p, 5, 0);
	unsigned i;

	for (i = 2; sack && i + 4 <= sack[1]; i += 4)
		put_be32(sack + i, get_be32(sack + i) + by);
}

void drill_flow_to_script(const struct drill_flow *f, struct drill_pkt *p)
{
	bool syn = p->flags & TCP_SYN;

	p->seq -= offset_of(f, true, syn);
	if (p->flags & TCP_ACK || p->ack)
		p->ack -= offset_of(f, false, syn);
	/* SACK tells of the peer's data. */
	shift_sacks(p, 0 - offset_of(f, false, syn));
}

static const char *map_ecr(const struct drill_flow *f, struct drill_pkt *p,
			   bool scaled)
{
	uint8_t *ts = drill_flow_opt(p, 8, 10);
	uint32_t ecr;
	size_t i;

	if (!ts || !(p->flags & TCP_ACK))
		return NULL;
	ecr = get_be32(ts + 6);
	if (scaled && f->n_ts) {
		put_be32(ts + 6, f->ts[0].live + (ecr - f->ts[0].script));
		return NULL;
	}
	for (i = f->n_ts; i; i--) {
		if (f->ts[i - 1].script == ecr) {
			put_be32(ts + 6, f->ts[i - 1].live);
			return NULL;
		}
	}
	return "it echoes a timestamp that no packet > has carried";
}

const char *drill_flow_to_live(const struct drill_flow *f, struct drill_pkt *p,
			       bool ecr_scaled)
{
	bool syn = p->flags & TCP_SYN;

	p->seq += offset_of(f, false, syn);
	if (p->flags & TCP_ACK)
		p->ack += offset_of(f, true, syn);
	shift_sacks(p, offset_of(f, true, syn));
	return map_ecr(f, p, ecr_scaled);
}

void drill_flow_learn_isn(struct drill_flow *f, const struct drill_pkt *live,
			  const struct drill_pkt *line)
{
	if (!(live->flags & TCP_SYN) || f->has_local_isn)
		return;
	f->local_isn = live->seq;
	f->local_script_isn = line->flags & TCP_SYN ? line->seq : 0;
	f->has_local_isn = true;
}

void drill_flow_add_ts(struct drill_flow *f, uint32_t script, uint32_t live)
{
	if (!(f->n_ts & (f->n_ts - 1)))
		f->ts = drill_mem_grow(f->ts, (f->n_ts ? 2 * f->n_ts : 1) *
						      sizeof(*f->ts));
	f->ts[f->n_ts++] = (struct drill_ts){ script, live };
}
