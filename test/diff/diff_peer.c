// SPDX-License-Identifier: BSD-2-Clause
/* The peer of one stack: what it sends, what it reads of the stack's packets. */
#include "diff_side.h"

#include "base/bytes.h"
#include "wire/wire_csum.h"
#include "wire/wire_tcp.h"

#include <netinet/in.h>
#include <string.h>

uint8_t diff_byte_at(uint32_t seed, uint32_t i)
{
	return (uint8_t)((seed + i) * 2654435761u >> 24);
}

uint32_t diff_hash(const unsigned char *p, size_t n)
{
	uint32_t h = 2166136261u;

	while (n--)
		h = (h ^ *p++) * 16777619u;
	return h;
}

/* The stack's timestamp value is put aside, SACK blocks become relative. */
static void normalise(struct diff_side *d, struct diff_pkt *out)
{
	uint8_t *o = out->pkt.opts;
	unsigned i, k, n = out->pkt.n_opts;

	for (i = 0; i < n && o[i]; i += o[i] == 1 ? 1 : o[i + 1]) {
		if (o[i] == 1)
			continue;
		if (i + 2 > n || o[i + 1] < 2 || i + o[i + 1] > n)
			return;
		if (o[i] == 8) {
			out->ts_val = get_be32(o + i + 2);
			put_be32(o + i + 2, 0);
			if (!d->has_ts)
				d->ts_first = out->ts_val;
			d->has_ts = true;
			d->ts_seen = out->ts_val;
			out->ts_val -= d->ts_first;
		} else if (o[i] == 3) {
			if (out->pkt.flags & TCP_SYN)
				d->ws_out = o[i + 2];
			d->ws_offered = true;
		} else if (o[i] == 5) {
			for (k = 2; k + 4 <= o[i + 1]; k += 4)
				put_be32(o + i + k,
					 get_be32(o + i + k) - d->irs);
		}
	}
}

static void learn(struct diff_side *d, const struct drill_pkt *p, bool zero)
{
	uint32_t end, scale = 0;

	if (!zero) {
		end = p->seq + p->len + !!(p->flags & TCP_SYN) +
		      !!(p->flags & TCP_FIN);
		if (!(p->flags & TCP_RST) && (int32_t)(end - d->snt) > 0)
			d->snt = end;
	}
	if (!(p->flags & TCP_ACK) || p->flags & TCP_RST)
		return;
	if (!(p->flags & TCP_SYN) && d->ws_offered && d->ws_in)
		scale = d->ws_out;
	d->nxt = p->ack;
	d->edge = p->ack + ((uint32_t)p->win << scale);
	d->has_edge = true;
}

/* False: of another plan. */
static bool look(struct diff_side *d, const unsigned char *bytes, size_t n,
		 struct diff_pkt *out)
{
	struct drill_live live = { 0 };
	uint32_t again = 0;
	struct drill_pkt *p = &out->pkt;

	drill_wire_read(bytes, n, &live);
	if (live.broken || p->proto != DRILL_TCP ||
	    live.ends.sport != d->ends.lport ||
	    live.ends.dport != d->ends.rport)
		return false;
	*p = live.pkt;
	out->broken = live.bad_csum || live.bad_ip_csum;
	out->hash = diff_hash(bytes + n - p->len, p->len);
	if (p->flags & TCP_SYN) {
		if (d->has_iss && p->seq - d->iss == d->snt + 65537)
			again = p->seq - d->iss;
		d->iss = p->seq;
		d->has_iss = true;
		d->snt = 0;
	}
	out->is_zero = p->flags & TCP_RST && !p->seq;
	p->seq = out->is_zero ? 0 : p->seq - d->iss;
	if (p->flags & TCP_ACK)
		p->ack -= d->irs;
	normalise(d, out);
	learn(d, p, out->is_zero);
	/* After TIME_WAIT: told from the old one, as it follows from it. */
	p->seq += again;
	return true;
}

void diff_collect(struct diff_side *d, struct diff_out *out)
{
	static unsigned char bytes[DRILL_PKT_MAX];
	struct diff_pkt spare;
	int64_t at;
	size_t n;

	while ((n = d->a->ops->netdev_receive(d->a, bytes, sizeof(bytes),
					      &at))) {
		struct diff_pkt *p = out->n_pkts < DIFF_PKTS ?
					     &out->pkts[out->n_pkts] :
					     &spare;

		memset(p, 0, sizeof(*p));
		if (look(d, bytes, n, p) && p != &spare)
			out->n_pkts++;
	}
}

static uint32_t seq_of_step(const struct diff_side *d,
			    const struct diff_step *s)
{
	uint32_t base = d->sent;

	switch ((enum diff_seq_ref)s->seq_ref) {
	case DIFF_SEQ_NXT:
		base = d->has_edge ? d->nxt : d->sent;
		break;
	case DIFF_SEQ_EDGE:
		base = d->has_edge ? d->edge : d->sent;
		break;
	case DIFF_SEQ_ISS:
		base = 0;
		break;
	case DIFF_SEQ_SENT:
	case DIFF_N_SEQ_REFS:
		break;
	}
	return base + (uint32_t)s->seq_off;
}

static uint32_t ack_of_step(const struct diff_side *d,
			    const struct diff_step *s)
{
	uint32_t base = s->ack_ref == DIFF_ACK_SENT ? d->snt :
			s->ack_ref == DIFF_ACK_UNA  ? d->una :
						      0;

	return base + (uint32_t)s->ack_off;
}

static void put_ts(struct diff_side *d, const struct diff_step *s, uint8_t *o)
{
	uint32_t val = d->ts_next, ecr = d->ts_seen;

	if (s->ts == DIFF_TS_SAME)
		val -= 1;
	else if (s->ts == DIFF_TS_OLD)
		val -= 500;
	else if (s->ts == DIFF_TS_FAR)
		val ^= 0x80000000;
	else
		d->ts_next++;
	if (s->ts == DIFF_TS_BAD_ECR)
		ecr += 1000000;
	if (!(s->flags & TCP_ACK))
		ecr = 0;
	o[0] = 8;
	o[1] = 10;
	put_be32(o + 2, val);
	put_be32(o + 6, ecr);
}

static int put_fo(const struct diff_side *d, const struct diff_step *s,
		  uint8_t *o)
{
	int len = s->fo == DIFF_FO_ASKS ? 0 : s->fo == DIFF_FO_ODD ? 6 : 8;

	o[0] = o[1] = 1;
	o[2] = 34;
	o[3] = (uint8_t)(2 + len);
	memcpy(o + 4, d->cookie, (size_t)len);
	if (len == 6)
		o[10] = o[11] = 1;
	if (s->fo == DIFF_FO_BAD)
		o[4] ^= 1;
	return 4 + len + (len == 6 ? 2 : 0);
}

/* In the order in which Linux writes them. */
static void put_opts(struct diff_side *d, const struct diff_plan *plan,
		     const struct diff_step *s, struct drill_pkt *p)
{
	uint8_t *o = p->opts;
	int i, n = 0;

	if (s->opts & DIFF_OPT_MSS && plan->mss) {
		put_be32(o, 0x02040000u | plan->mss);
		n += 4;
	}
	if (s->opts & DIFF_OPT_SACK) {
		put_be32(o + n, 0x01010402);
		n += 4;
	}
	if (s->ts && (!(s->flags & TCP_SYN) || s->opts & DIFF_OPT_TS)) {
		o[n] = o[n + 1] = 1;
		put_ts(d, s, o + n + 2);
		n += 12;
	}
	if (s->opts & DIFF_OPT_WS) {
		put_be32(o + n, 0x01030307);
		n += 4;
	}
	if (s->fo && s->flags & TCP_SYN)
		n += put_fo(d, s, o + n);
	if (s->n_sack && !(s->flags & TCP_SYN)) {
		put_be32(o + n, 0x01010500u | (uint32_t)(2 + 8 * s->n_sack));
		n += 4;
		for (i = 0; i < 2 * s->n_sack; i++, n += 4)
			put_be32(o + n, d->una + (uint32_t)s->sack[i]);
	}
	p->n_opts = (uint8_t)n;
}

static void to_live(const struct diff_side *d, struct drill_pkt *p)
{
	uint8_t *o = p->opts;
	unsigned i, k;

	p->seq += d->irs;
	if (p->flags & TCP_ACK || p->ack)
		p->ack += d->iss;
	for (i = 0; i < p->n_opts; i += o[i] == 1 ? 1 : o[i + 1])
		if (o[i] == 5)
			for (k = 2; k < o[i + 1]; k += 4)
				put_be32(o + i + k,
					 get_be32(o + i + k) + d->iss);
}

/* Payload is a function of its sequence number, most of the time. */
static size_t build(const struct diff_side *d, const struct drill_pkt *rel,
		    unsigned char *bytes)
{
	struct drill_ends e = { d->ends.remote, d->ends.local, d->ends.rport,
				d->ends.lport };
	struct drill_pkt live = *rel;
	size_t n, ip = d->v6 ? 40 : 20;
	unsigned char *tcp = bytes + ip;
	uint32_t i;

	to_live(d, &live);
	n = drill_wire_build(&live, &e, bytes);
	for (i = 0; i < rel->len; i++)
		bytes[n - rel->len + i] = diff_byte_at(rel->seq, i);
	put_be16(tcp + 16, 0);
	put_be16(tcp + 16,
		 csum_fold(csum_add(csum_pseudo(&e.src, &e.dst, IPPROTO_TCP,
						(uint32_t)(n - ip)),
				    tcp, n - ip)));
	return n;
}

int64_t diff_do_segment(struct diff_side *d, const struct diff_plan *plan,
			const struct diff_step *s, struct diff_out *out)
{
	static unsigned char bytes[DRILL_PKT_MAX];
	struct drill_pkt *p = &out->sent;
	uint32_t end;

	*p = (struct drill_pkt){ .proto = DRILL_TCP,
				 .in = true,
				 .flags = s->flags,
				 .len = s->len,
				 .has_win = true,
				 .win = s->win,
				 .urg = s->flags & TCP_URG ? s->urg : 0 };
	p->seq = seq_of_step(d, s);
	p->ack = s->flags & TCP_ACK ? ack_of_step(d, s) : 0;
	put_opts(d, plan, s, p);
	end = p->seq + p->len + !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN);
	if (!(s->flags & TCP_RST) && (int32_t)(end - d->sent) > 0 &&
	    end - d->sent < 200000)
		d->sent = end;
	if (s->flags & TCP_ACK && p->ack - d->una <= d->snt - d->una)
		d->una = p->ack;
	return d->a->ops->netdev_send(d->a, bytes, build(d, p, bytes), 0);
}

int64_t diff_do_icmp(struct diff_side *d, const struct diff_step *s,
		     struct diff_out *out)
{
	static unsigned char bytes[DRILL_PKT_MAX];
	const struct diff_error *e = &diff_errors[s->arg];
	struct drill_ends from = { .src = d->ends.remote,
				   .dst = d->ends.local };
	struct drill_quoted q = {
		.ends = { d->ends.local, d->ends.remote, d->ends.lport,
			  d->ends.rport },
		.protocol = IPPROTO_TCP,
		.seq = ack_of_step(d, s) + d->iss,
		.len = 100,
	};
	struct drill_pkt *p = &out->sent;

	*p = (struct drill_pkt){
		.proto = DRILL_ICMP,
		.in = true,
		.type = d->v6 ? e->type6 : e->type4,
		.code = d->v6 ? e->code6 : e->code4,
		.quote = DRILL_QUOTE_TCP,
		.seq = ack_of_step(d, s),
		.len = 100,
		.has_mtu = e->mtu,
		.mtu = e->mtu ? (uint32_t)s->arg2 : 0,
	};
	return d->a->ops->netdev_send(
		d->a, bytes, drill_wire_build_icmp(p, &from, &q, bytes), 0);
}

void diff_ask_cookie(struct diff_side *d, const struct diff_plan *plan)
{
	static unsigned char bytes[DRILL_PKT_MAX];
	struct diff_step syn = { .kind = DIFF_SEG,
				 .flags = TCP_SYN,
				 .win = 65535,
				 .seq_ref = DIFF_SEQ_ISS,
				 .fo = DIFF_FO_ASKS };
	struct diff_side other = *d;
	static struct diff_out out;
	int64_t at;
	size_t n, i;

	/* From a port that no plan has. */
	other.ends.rport = 1999;
	diff_do_segment(&other, plan, &syn, &out);
	while ((n = d->a->ops->netdev_receive(d->a, bytes, sizeof(bytes), &at)))
		for (i = 0; i + 10 <= n; i++)
			if (bytes[i] == 34 && bytes[i + 1] == 10)
				memcpy(d->cookie, bytes + i + 2, 8);
	syn = (struct diff_step){ .kind = DIFF_SEG,
				  .flags = TCP_RST,
				  .seq_off = 1 };
	diff_do_segment(&other, plan, &syn, &out);
}
