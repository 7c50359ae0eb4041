// SPDX-License-Identifier: BSD-2-Clause
/*
 * SO_TIMESTAMPING: when the last byte of a write was queued for its link
 * (SCHED), left (SND), and was acknowledged (ACK). The segment that holds the
 * byte carries the wish in its marks and the byte's number; who cuts segments
 * or joins them moves both. A resend is queued and leaves again, and is told
 * again, as on Linux. What tells it waits in the error queue (tcp_errq.c).
 *
 * The hardware's times do not exist here; asking for them gives none.
 */
#include "tcp_opts_priv.h"

/* ee_info: SCM_TSTAMP_* */
enum { TELL_LEFT, TELL_QUEUED, TELL_ACKED };

struct cmsg_times tcp_times_of(const struct tcp_conn *c)
{
	return (struct cmsg_times){
		.us = c->opts->bits & OPT_TIMESTAMP,
		.ns = c->opts->bits & OPT_TIMESTAMPNS,
		.stamping = c->opts->stamping,
	};
}

void tcp_stamp_write(const struct tcp_conn *c)
{
	uint32_t want = c->opts->stamping;
	struct tcp_seg *g = c->act->unsent_last;

	if (!g || !g->len)
		return;
	if (want & STAMPING_TX_SCHED)
		g->notes |= SEG_TELL_QUEUED;
	if (want & STAMPING_TX_SOFTWARE)
		g->notes |= SEG_TELL_LEFT;
	if (want & STAMPING_TX_ACK)
		g->notes |= SEG_TELL_ACKED;
	g->stamp = seq_add(g->seq, g->len - 1);
}

/* Behind a header of 4 bytes, in the machine's own order: struct nlattr. */
static void put_attr(struct tern_pkt *pkt, uint16_t type, uint64_t v, size_t n)
{
	uint16_t head[2] = { (uint16_t)(4 + n), type };
	uint8_t *p = tern_pkt_append(pkt, 4 + ((n + 3) & ~(size_t)3));
	uint32_t v4 = (uint32_t)v;
	uint16_t v2 = (uint16_t)v;

	memset(p + 4, 0, (n + 3) & ~(size_t)3);
	memcpy(p, head, 4);
	if (n == 8)
		memcpy(p + 4, &v, 8);
	else if (n == 4)
		memcpy(p + 4, &v4, 4);
	else if (n == 2)
		memcpy(p + 4, &v2, 2);
	else
		p[4] = (uint8_t)v;
}

#define STATS_LEN 256 /* of all attributes, measured [k] */

/* TCP_NLA_*: which, in what order and width is Linux's. */
static struct tern_pkt *stats(struct tern_stack *st, struct tcp_conn *c,
			      int64_t sent_at, int ttl)
{
	struct tern_pkt *pkt = tern_pkt_new(st->pool, 0, STATS_LEN);
	struct tern_tcp_info t;

	if (!pkt)
		return NULL;
	tcp_fill_info(st, c, &t);
	put_attr(pkt, 1, t.busy_time, 8);
	put_attr(pkt, 2, t.rwnd_limited, 8);
	put_attr(pkt, 3, t.sndbuf_limited, 8);
	put_attr(pkt, 4, t.data_segs_out, 8);
	put_attr(pkt, 5, t.total_retrans, 8);
	put_attr(pkt, 6, t.pacing_rate, 8);
	put_attr(pkt, 7, t.delivery_rate, 8);
	put_attr(pkt, 8, t.snd_cwnd, 4);
	put_attr(pkt, 9, t.reordering, 4);
	put_attr(pkt, 10, t.min_rtt, 4);
	put_attr(pkt, 11, t.retransmits, 1);
	put_attr(pkt, 12, t.flags & 1, 1);
	put_attr(pkt, 15, t.snd_ssthresh, 4);
	put_attr(pkt, 16, t.delivered, 4);
	put_attr(pkt, 17, t.delivered_ce, 4);
	put_attr(pkt, 13, (uint32_t)seq_diff(c->snd.end, c->snd.una), 4);
	put_attr(pkt, 14, t.ca_state, 1);
	put_attr(pkt, 18, t.bytes_sent, 8);
	put_attr(pkt, 19, t.bytes_retrans, 8);
	put_attr(pkt, 20, t.dsack_dups, 4);
	put_attr(pkt, 21, t.reord_seen, 4);
	put_attr(pkt, 22, t.rtt, 4);
	put_attr(pkt, 23, 0, 2);
	put_attr(pkt, 24, t.notsent_bytes, 4);
	put_attr(pkt, 25, (uint64_t)sent_at, 8);
	if (ttl >= 0)
		put_attr(pkt, 26, (uint64_t)ttl, 1);
	put_attr(pkt, 27, t.rehash, 4);
	pkt->flags = TCP_PKT_STATS;
	return pkt;
}

/* The segment's bytes alone, as an acknowledged one is quoted. */
static struct tern_pkt *quote(struct tern_stack *st, const struct tcp_seg *g)
{
	struct tern_pkt *pkt = tern_pkt_new(st->pool, 0, g->len);
	uint32_t i;

	for (i = 0; pkt && i < g->n_frags; i++) {
		const struct tern_frag *f = &g->frags[i];

		memcpy(tern_pkt_append(pkt, f->len), f->buf->data + f->off,
		       f->len);
	}
	return pkt;
}

struct stamp {
	uint32_t what;
	const struct tern_pkt *pkt; /* that is queued or leaves, or NULL */
	int ttl;		    /* of the ACK, or -1 */
};

static void tell(struct tern_stack *st, struct tcp_conn *c,
		 const struct tcp_seg *g, const struct stamp *s)
{
	uint32_t opt = c->opts->stamping;
	const struct tcp_notes *n = tcp_notes_of(st, c);
	struct tern_pkt *pkt;

	if (c->orphan)
		return;
	if (opt & STAMPING_OPT_TSONLY) {
		/* Without statistics of its own a departure has none. */
		pkt = opt & STAMPING_OPT_STATS ?
			      stats(st, c, g->sent_at, s->ttl) :
			      tern_pkt_new(st->pool, 0, 0);
	} else {
		pkt = s->pkt ? tern_pkt_clone(st->pool, s->pkt) : quote(st, g);
		if (pkt)
			pkt->flags = 0;
	}
	if (!pkt)
		return;
	*errq_cb(pkt) = (struct errq_cb){
		.error = TERN_ENOMSG,
		.origin = ERRQ_STAMP,
		.info = s->what,
	};
	if (opt & STAMPING_OPT_ID && n)
		errq_cb(pkt)->data =
			(uint32_t)seq_diff(g->stamp, n->stamp_base);
	pkt->at = st->now;
	tcp_errq_push(st, c, pkt);
}

void tcp_stamp_acked(struct tern_stack *st, struct tcp_conn *c,
		     const struct tcp_seg *g, uint8_t ttl)
{
	struct stamp s = { .what = TELL_ACKED, .ttl = ttl };

	if (g->notes & SEG_TELL_ACKED && seq_lt(g->stamp, c->snd.una))
		tell(st, c, g, &s);
}

void tcp_stamp_packet(struct tern_stack *st, const struct tern_pkt *pkt,
		      bool left)
{
	uint8_t want = left ? SEG_TELL_LEFT : SEG_TELL_QUEUED;
	struct stamp s = {
		.what = left ? TELL_LEFT : TELL_QUEUED,
		.pkt = pkt,
		.ttl = -1,
	};
	struct tcp_conn *c;
	struct wire_tcp h;
	struct tcp_seg *g;
	struct seq end;
	uint32_t ip_len;

	if (!slab_has(&st->tcp.conns, pkt->owner))
		return;
	c = conn_at(st, pkt->owner);
	if (c->state == TERN_TCP_LISTEN || !c->act)
		return;
	ip_len = pkt->data[0] >> 4 == 4 ? WIRE_IP4_LEN : WIRE_IP6_LEN;
	if (!wire_tcp_parse(pkt->data + ip_len, pkt->head_len - ip_len, &h))
		return;
	end = seq_add(h.seq, pkt->len - ip_len - h.hdr_len);
	g = tcp_seg_at(c->act, h.seq);
	if (!g)
		g = c->act->unsent;
	if (g && g->notes & want && seq_leq(h.seq, g->stamp) &&
	    seq_lt(g->stamp, end))
		tell(st, c, g, &s);
}
