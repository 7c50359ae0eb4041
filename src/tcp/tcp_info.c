// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is to be seen of TCP: TCP_INFO, the walk over all sockets, memory.
 *
 * Each field of TCP_INFO means what it means on Linux 6.18. An idle connection
 * has given its active block back, and a silent one has no history; what they
 * would say is derived here, so that nobody can see the difference.
 *
 * The walk's cursor is a table's number and the last slab id seen there: ids
 * are stable, so entries that live through the walk are seen once.
 */
#include "tcp_priv.h"

/* tern_tcp_info.options */
enum {
	INFO_TS = 1,
	INFO_SACK = 2,
	INFO_WSCALE = 4,
	INFO_ECN = 8,
	INFO_ECN_SEEN = 16,
	INFO_SYN_DATA = 32,
	INFO_TFO_CHILD = 128,
	INFO_ECN_PENDING = 3, /* tern_tcp_info.accecn */
};

static bool is_synchronised(const struct tcp_conn *c)
{
	if (c->state == TERN_TCP_CLOSE) /* it was, until it is dissolved */
		return c->segs_in && c->snd.max_wnd;
	return c->state != TERN_TCP_LISTEN && c->state != TERN_TCP_SYN_SENT;
}

/* As tcp_update_pacing() computes it when nothing is in flight. */
static uint64_t idle_pacing_rate(const struct tern_stack *st,
				 const struct tcp_conn *c)
{
	uint64_t rate = tcp_kept_pacing(st, c), max = c->opts->max_pacing_rate;
	int64_t percent = c->cc.cwnd < c->cc.ssthresh / 2 ?
				  st->tun.tcp_pacing_ss_ratio :
				  st->tun.tcp_pacing_ca_ratio;

	if (rate)
		return rate;
	if (!is_synchronised(c))
		return max ? max : UINT64_MAX;
	rate = (uint64_t)c->mss * c->cc.cwnd * 80000 * (uint64_t)percent;
	if (c->srtt_us)
		rate /= c->srtt_us;
	return max && rate > max ? max : rate;
}

static void fill_listener(const struct tcp_conn *c, struct tern_tcp_info *t)
{
	t->unacked = c->listener->n_accept;
	t->sacked = c->listener->backlog;
}

static void fill_conn(const struct tern_stack *st, const struct tcp_conn *c,
		      struct tern_tcp_info *t)
{
	int32_t notsent = seq_diff(c->snd.end, c->snd.nxt);

	t->ca_state = c->ca_state;
	t->retransmits = c->retransmits;
	t->probes = c->probes;
	t->backoff = c->backoff;
	t->options = (uint8_t)((c->ts_ok ? INFO_TS : 0) |
			       (c->sack_ok ? INFO_SACK : 0) |
			       (c->wscale_ok ? INFO_WSCALE : 0) |
			       (c->ecn != ECN_OFF ? INFO_ECN : 0) |
			       (c->ecn_seen ? INFO_ECN_SEEN : 0) |
			       (c->syn_data_acked ? INFO_SYN_DATA : 0) |
			       (c->fo_born ? INFO_TFO_CHILD : 0));
	if (c->wscale_ok)
		t->wscale = (uint8_t)(c->snd_scale | c->rcv_scale << 4);
	t->flags = (uint8_t)(c->app_limited | c->fo_fail << 1);
	t->rto = c->rto_us;
	t->ato = c->ato_ms * 1000u;
	t->snd_mss = tcp_mss_told(c);
	t->rcv_mss = c->rcv_mss;
	t->last_data_sent = now_ms(st) - c->last_sent;
	t->last_data_recv = now_ms(st) - c->last_data;
	t->last_ack_recv = now_ms(st) - c->last_ack;
	t->pmtu = c->pmtu;
	t->rcv_ssthresh = c->rcv.ssthresh;
	t->rtt = c->srtt_us >> 3;
	t->rttvar = c->mdev_us >> 2;
	t->snd_ssthresh = c->cc.ssthresh;
	t->advmss = c->advmss;
	t->segs_out = c->segs_out;
	t->segs_in = c->segs_in;
	t->notsent_bytes = notsent > 0 ? (uint32_t)notsent : 0;
	t->min_rtt = c->min_rtt_us;
	t->snd_wnd = c->snd.wnd;
	t->rcv_wnd = c->rcv.wnd;
	t->delivered = is_synchronised(c) && !c->fo_child; /* the SYN */
	if (!is_synchronised(c))
		return;
	t->bytes_acked = tcp_syn_acked(c);
	t->rcv_space = tcp_rcv_space_at_first(c);
}

/* Its SYN left, and nothing was agreed on. */
static bool is_unanswered(const struct tcp_conn *c)
{
	return c->state == TERN_TCP_SYN_SENT ||
	       (c->state == TERN_TCP_CLOSE && c->segs_out &&
		!is_synchronised(c));
}

/* Linux begins with RFC 9293's 536, with room for the timestamps that were
 * offered. */
uint32_t tcp_mss_told(const struct tcp_conn *c)
{
	if (!is_unanswered(c))
		return c->mss;
	return min_u32(c->mss, TCP_MSS_DEFAULT - (c->ts_ok ? 12 : 0));
}

static bool has_peers_fin(const struct tcp_conn *c)
{
	return c->state == TERN_TCP_CLOSE_WAIT ||
	       c->state == TERN_TCP_CLOSING || c->state == TERN_TCP_LAST_ACK ||
	       (c->state == TERN_TCP_CLOSE && c->fin_in);
}

/* Before the peer has answered nothing is agreed, and the size of what is
 * received is the least that Linux takes. */
static void fill_syn_sent(const struct tcp_conn *c, struct tern_tcp_info *t)
{
	t->options = 0;
	t->wscale = 0;
	t->rcv_mss = 88;
}

static void fill_hist(const struct tcp_conn *c, const struct tcp_hist *h,
		      struct tern_tcp_info *t)
{
	t->rcv_rtt = h->rcv_rtt_us >> 3;
	if (h->rcv_space)
		t->rcv_space = h->rcv_space;
	t->total_retrans = h->total_retrans;
	t->bytes_acked = h->bytes_acked;
	t->bytes_received = h->bytes_received;
	t->data_segs_in = h->data_segs_in;
	t->data_segs_out = h->data_segs_out;
	if (h->rate_interval_us)
		t->delivery_rate = (uint64_t)h->rate_delivered * c->mss *
				   1000000 / h->rate_interval_us;
	t->busy_time = h->busy_ms * UINT64_C(1000);
	t->rwnd_limited = h->rwnd_ms * UINT64_C(1000);
	t->sndbuf_limited = h->sndbuf_ms * UINT64_C(1000);
	t->delivered = h->delivered;
	t->delivered_ce = h->delivered_ce;
	t->bytes_sent = h->bytes_sent;
	t->bytes_retrans = (uint64_t)h->bytes_retrans_hi << 32 |
			   h->bytes_retrans_lo;
	t->dsack_dups = h->dsack_dups;
	t->rcv_ooopack = h->rcv_ooopack;
	t->total_rto = h->n_rto;
	t->total_rto_recoveries = h->n_rto_recoveries;
	t->total_rto_time = h->rto_time_ms;
}

/* As Linux 7.0 has it. */
static void fill_accecn(const struct tern_stack *st, const struct tcp_conn *c,
			struct tern_tcp_info *t)
{
	const struct tcp_accecn *e = accecn_of(st, c);
	unsigned mode = c->ecn;

	if (c->state == TERN_TCP_SYN_SENT && mode == ECN_ACCURATE)
		mode = INFO_ECN_PENDING;
	t->accecn = (uint8_t)mode;
	if (!e)
		return;
	t->accecn |= (uint8_t)(e->opt_seen << 2 | e->fail << 4);
	t->received_ce = e->received_ce;
	t->received_e1_bytes = e->received[0];
	t->received_ce_bytes = e->received[1];
	t->received_e0_bytes = e->received[2];
	t->delivered_e1_bytes = e->delivered[0];
	t->delivered_ce_bytes = e->delivered[1];
	t->delivered_e0_bytes = e->delivered[2];
}

static void fill_active(const struct tern_stack *st, const struct tcp_active *a,
			struct tern_tcp_info *t)
{
	uint64_t us = (uint64_t)(st->now - a->chrono_at) / NS_PER_US;

	t->unacked = a->packets_out;
	t->sacked = a->sacked_out;
	t->lost = a->lost_out;
	t->retrans = a->retrans_out;
	if (a->rto_at)
		t->total_rto_time +=
			(uint32_t)((st->now - a->rto_at) / NS_PER_MS);
	/* What it waits for now counts, too. */
	if (a->chrono != TCP_CHRONO_NONE)
		t->busy_time += us;
	if (a->chrono == TCP_CHRONO_RWND)
		t->rwnd_limited += us;
	if (a->chrono == TCP_CHRONO_SNDBUF)
		t->sndbuf_limited += us;
}

void tcp_fill_info(struct tern_stack *st, struct tcp_conn *c,
		   struct tern_tcp_info *t)
{
	uint64_t max = c->opts->max_pacing_rate;
	bool has_act = c->state != TERN_TCP_LISTEN && c->act;

	*t = (struct tern_tcp_info){ .state = c->state };
	t->max_pacing_rate = max ? max : UINT64_MAX;
	t->pacing_rate = has_act ? c->act->pacing_rate :
				   idle_pacing_rate(st, c);
	t->reordering = c->reordering;
	t->reord_seen = c->reord_seen;
	t->snd_cwnd = c->cc.cwnd;
	if (c->state == TERN_TCP_LISTEN) {
		fill_listener(c, t);
		return;
	}
	fill_conn(st, c, t);
	if (is_unanswered(c))
		fill_syn_sent(c, t);
	if (hist_of(st, c))
		fill_hist(c, hist_of(st, c), t);
	if (has_peers_fin(c)) /* which Linux counts as a byte */
		t->bytes_received++;
	fill_accecn(st, c, t);
	if (has_act)
		fill_active(st, c->act, t);
}

static struct tcp_conn *by_cookie(const struct tern_stack *st, uint64_t cookie)
{
	uint32_t id = (uint32_t)cookie; /* see tcp_cookie_of() */

	if (!slab_has(&st->tcp.conns, id) ||
	    tcp_cookie_of(conn_at(st, id)) != cookie)
		return NULL;
	return conn_at(st, id);
}

int tcp_info_by_cookie(struct tern_stack *st, uint64_t cookie,
		       struct tern_tcp_info *out)
{
	struct tcp_conn *c = by_cookie(st, cookie);

	if (!c)
		return -TERN_ENOENT;
	tcp_fill_info(st, c, out);
	return 0;
}

int tcp_details_by_cookie(const struct tern_stack *st, uint64_t cookie,
			  struct tern_sock_details *out)
{
	const struct tcp_conn *c = by_cookie(st, cookie);

	if (!c)
		return -TERN_ENOENT;
	_Static_assert(sizeof(out->cc) >= TERN_CC_NAME_LEN, "a name fits");
	memcpy(out->cc, tcp_cc_ops(st, c)->name, TERN_CC_NAME_LEN);
	tcp_meminfo(st, c, out->mem);
	return 0;
}

static void put_ends(struct tern_sock_info *out, bool v6,
		     const struct tern_addr *l, uint16_t lport,
		     const struct tern_addr *r, uint16_t rport)
{
	uint16_t family = v6 ? TERN_AF_INET6 : TERN_AF_INET;

	out->protocol = TERN_IPPROTO_TCP;
	out->family = family;
	out->local = (struct tern_sockaddr){ .addr = *l,
					     .family = family,
					     .port = lport };
	out->remote = (struct tern_sockaddr){ .addr = *r,
					      .family = family,
					      .port = rport };
}

static uint32_t positive(int32_t n)
{
	return n > 0 ? (uint32_t)n : 0;
}

/* Queues as inet_diag has them: a FIN counts as a byte. */
static void show_conn(const struct tcp_conn *c, struct tern_sock_info *out)
{
	put_ends(out, c->v6, &c->laddr, c->lport, &c->raddr, c->rport);
	out->s = c->in_accept_queue ? -1 : c->s;
	out->state = c->state;
	out->cookie = tcp_cookie_of(c);
	if (c->state == TERN_TCP_LISTEN) {
		out->rx_queue = c->listener->n_accept;
		out->tx_queue = c->listener->backlog;
		return;
	}
	out->rx_queue = positive(seq_diff(c->rcv.nxt, c->rcv.copied));
	out->tx_queue = positive(seq_diff(c->snd.end, c->snd.una));
	out->timer_at = tcp_timer_what(c, &out->timer);
	out->retransmits = c->retransmits;
	out->probes = c->probes;
	out->cwnd = c->cc.cwnd;
}

/* Of what has no generation: its kind, its sequence numbers and its id. */
static uint64_t record_cookie(uint32_t kind, struct seq a, struct seq b,
			      uint32_t id)
{
	return (uint64_t)1 << 63 | (uint64_t)kind << 61 |
	       (uint64_t)((a.v ^ b.v << 7) & 0x1fffffff) << 32 | id;
}

uint64_t tcp_req_cookie(const struct tcp_req *q)
{
	return record_cookie(q->v6, q->iss, q->irs, q->id);
}

uint64_t tcp_tw_cookie(const struct tcp_tw *tw)
{
	return record_cookie(2u + tw->v6, tw->snd_nxt, tw->rcv_nxt, tw->id);
}

static void show_req(struct tern_stack *st, const struct tcp_req *q,
		     struct tern_sock_info *out)
{
	const struct tcp_listener *li =
		slab_at(&st->tcp.listeners, q->listener);
	const struct tcp_conn *c = conn_at(st, li->conn);
	struct tern_addr l, r;

	tcp_addrs_get(q->addrs, q->v6, &l, &r);
	put_ends(out, c->v6, &l, q->lport, &r, q->rport);
	out->state = TERN_TCP_SYN_RECV;
	out->timer = timer_armed(&q->timer) ? 1 : 0;
	out->timer_at = q->timer.at;
	out->retransmits = q->n_timeouts;
	out->cookie = tcp_req_cookie(q);
}

static void show_tw(const struct tcp_tw *tw, struct tern_sock_info *out)
{
	struct tern_addr l, r;

	tcp_addrs_get(tw->addrs, tw->v6, &l, &r);
	put_ends(out, tw->socket_v6, &l, tw->lport, &r, tw->rport);
	out->state = tw->fin_wait2 ? TERN_TCP_FIN_WAIT2 : TERN_TCP_TIME_WAIT;
	out->timer = 3;
	out->timer_at = tw->timer.at;
	out->cookie = tcp_tw_cookie(tw);
}

bool tcp_show_ends(struct tern_stack *st, const struct tern_sockaddr *local,
		   const struct tern_sockaddr *remote,
		   struct tern_sock_info *out)
{
	const struct tern_addr *l = &local->addr, *r = &remote->addr;
	uint16_t lport = local->port, rport = remote->port;
	const struct tcp_conn *c = tcp_find(st, l, lport, r, rport);
	const struct tcp_req *q = NULL;
	const struct tcp_tw *tw = NULL;

	*out = (struct tern_sock_info){ .s = -1, .timer_at = NEVER };
	if (!c)
		q = tcp_find_req(st, l, lport, r, rport);
	if (!c && !q)
		tw = tcp_find_tw(st, l, lport, r, rport);
	if (!c && !q && !tw)
		c = tcp_find_listener(st, l, lport, r, rport);
	if (c)
		show_conn(c, out);
	else if (q)
		show_req(st, q, out);
	else if (tw)
		show_tw(tw, out);
	return c || q || tw;
}

/* A cursor is the table and the id in it. */
#define TABLE_STEP (UINT64_C(1) << 32)

/* Connections lie one behind the other: while this one is looked at, memory
 * fetches one to come. With a million it is memory that a listing waits for. */
static void fetch_ahead(const struct tcp_conn *c)
{
	const char *ahead = (const char *)(c + 8);

	for (size_t i = 0; i < sizeof(*c); i += 64)
		__builtin_prefetch(ahead + i);
}

/* The entry behind the cursor, which moves there; NULL: there is no more. */
static const void *next_entry(struct tern_stack *st, uint64_t *cursor,
			      uint32_t *table)
{
	struct slab *const slabs[] = {
		&st->tcp.conns,	 &st->tcp.reqs[0], &st->tcp.reqs[1],
		&st->tcp.tws[0], &st->tcp.tws[1],
	};
	uint32_t id = (uint32_t)(*cursor % TABLE_STEP);

	*table = (uint32_t)(*cursor / TABLE_STEP);
	for (; *table < ARRAY_LEN(slabs); ++*table, id = 0) {
		id = slab_next(slabs[*table], id);
		*cursor = *table * TABLE_STEP + id;
		if (id && *table == 0)
			fetch_ahead(conn_at(st, id));
		if (id)
			return slab_at(slabs[*table], id);
	}
	*cursor = *table * TABLE_STEP;
	return NULL;
}

bool tcp_next(struct tern_stack *st, uint64_t *cursor,
	      struct tern_sock_info *out)
{
	uint32_t table;
	const void *entry = next_entry(st, cursor, &table);

	*out = (struct tern_sock_info){ .s = -1, .timer_at = NEVER };
	if (entry && table == 0)
		show_conn(entry, out);
	else if (entry && table <= 2)
		show_req(st, entry, out);
	else if (entry)
		show_tw(entry, out);
	return entry;
}

static void count_conn(const struct tcp_conn *c, struct tern_sock_counts *sum)
{
	sum->states[c->state]++;
	if (c->state == TERN_TCP_CLOSE || c->state == TERN_TCP_SYN_RECV)
		return;
	sum->tcp[c->v6]++;
	/* An accepted one that waits for its program is none. */
	sum->orphans += c->orphan;
}

bool tcp_count_next(struct tern_stack *st, uint64_t *cursor, uint32_t most,
		    struct tern_sock_counts *sum)
{
	uint32_t table;
	const void *entry;

	for (; most; most--) {
		entry = next_entry(st, cursor, &table);
		if (!entry)
			return false;
		if (table == 0)
			count_conn(entry, sum);
		else if (table <= 2)
			sum->states[TERN_TCP_SYN_RECV]++;
		else if (((const struct tcp_tw *)entry)->fin_wait2)
			sum->states[TERN_TCP_FIN_WAIT2]++;
		else
			sum->states[TERN_TCP_TIME_WAIT]++;
	}
	return true;
}

/* Adds TCP's part to what others have put there. */
void tcp_memory(const struct tern_stack *st, struct tern_memory *out)
{
	const struct tcp_state *t = &st->tcp;
	int v6;

	out->connections += t->conns.footprint + t->hists.footprint +
			    t->hists_accecn.footprint + t->kept.footprint;
	out->active += t->actives.footprint + t->segs.footprint +
		       t->opts.footprint + t->listeners.footprint +
		       t->notes.footprint + t->lends.footprint +
		       t->lents.footprint;
	out->tables += t->ports.footprint + idhash_footprint(&t->by_tuple) +
		       idhash_footprint(&t->by_port) + tcp_taken_footprint(st) +
		       idhash_footprint(&t->listening) +
		       idhash_footprint(&t->kept_by_conn);
	for (v6 = 0; v6 < 2; v6++) {
		out->half_open += t->reqs[v6].footprint;
		out->time_wait += t->tws[v6].footprint;
		out->tables += idhash_footprint(&t->req_by_tuple[v6]) +
			       idhash_footprint(&t->tw_by_tuple[v6]);
	}
}
