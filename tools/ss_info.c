// SPDX-License-Identifier: BSD-2-Clause
/*
 * The line of ss -i: TCP_INFO in ss's words, in ss's order, each left out
 * where ss leaves it out (most of them at 0, or at what says nothing).
 */
#include "tools/ss_print.h"

#include <inttypes.h>

/* ssthresh while it means nothing. */
#define INFINITE_SSTHRESH 0x7fffffffu

static void put(FILE *out, const char *name, uint64_t v)
{
	if (v)
		fprintf(out, " %s:%" PRIu64, name, v);
}

static void print_options(FILE *out, const struct tern_tcp_info *t)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} options[] = {
		{ 1, " ts" },	    { 2, " sack" },	 { 8, " ecn" },
		{ 16, " ecnseen" }, { 32, " fastopen" },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (t->options & options[i].bit)
			fputs(options[i].name, out);
}

static void print_times(FILE *out, const struct tern_tcp_info *t)
{
	if (t->options & 4)
		fprintf(out, " wscale:%d,%d", t->wscale & 15, t->wscale >> 4);
	if (t->rto && t->rto != 3000000)
		fprintf(out, " rto:%g", t->rto / 1000.);
	put(out, "backoff", t->backoff);
	if (t->rtt)
		fprintf(out, " rtt:%g/%g", t->rtt / 1000., t->rttvar / 1000.);
	if (t->ato)
		fprintf(out, " ato:%g", t->ato / 1000.);
}

static void print_sizes(FILE *out, const struct tern_tcp_info *t)
{
	put(out, "mss", t->snd_mss);
	put(out, "pmtu", t->pmtu);
	put(out, "rcvmss", t->rcv_mss);
	put(out, "advmss", t->advmss);
	put(out, "cwnd", t->snd_cwnd);
	if (t->snd_ssthresh < INFINITE_SSTHRESH)
		put(out, "ssthresh", t->snd_ssthresh);
	put(out, "bytes_sent", t->bytes_sent);
	put(out, "bytes_retrans", t->bytes_retrans);
	put(out, "bytes_acked", t->bytes_acked);
	put(out, "bytes_received", t->bytes_received);
	put(out, "segs_out", t->segs_out);
	put(out, "segs_in", t->segs_in);
	put(out, "data_segs_out", t->data_segs_out);
	put(out, "data_segs_in", t->data_segs_in);
}

static void print_rates(FILE *out, const struct tern_tcp_info *t)
{
	/* What the window allows per round trip. */
	if (t->rtt && t->snd_cwnd && t->snd_mss)
		fprintf(out, " send %.0fbps",
			t->snd_cwnd * (t->snd_mss * 8.) * 1e6 / t->rtt);
	put(out, "lastsnd", t->last_data_sent);
	put(out, "lastrcv", t->last_data_recv);
	put(out, "lastack", t->last_ack_recv);
	if (t->pacing_rate && t->pacing_rate != UINT64_MAX) {
		fprintf(out, " pacing_rate %" PRIu64 "bps", t->pacing_rate * 8);
		if (t->max_pacing_rate && t->max_pacing_rate != UINT64_MAX)
			fprintf(out, "/%" PRIu64 "bps", t->max_pacing_rate * 8);
	}
	if (t->delivery_rate)
		fprintf(out, " delivery_rate %" PRIu64 "bps",
			t->delivery_rate * 8);
	put(out, "delivered", t->delivered);
	put(out, "delivered_ce", t->delivered_ce);
	if (t->flags & 1)
		fputs(" app_limited", out);
}

/* A part of busy time: with its percentage. */
static void print_limited(FILE *out, const char *name, uint64_t us,
			  uint64_t busy)
{
	if (us)
		fprintf(out, " %s:%" PRIu64 "ms(%.1f%%)", name, us / 1000,
			100. * (double)us / (double)busy);
}

static void print_rest(FILE *out, const struct tern_tcp_info *t)
{
	if (t->busy_time) {
		fprintf(out, " busy:%" PRIu64 "ms", t->busy_time / 1000);
		print_limited(out, "rwnd_limited", t->rwnd_limited,
			      t->busy_time);
		print_limited(out, "sndbuf_limited", t->sndbuf_limited,
			      t->busy_time);
	}
	put(out, "unacked", t->unacked);
	if (t->retrans || t->total_retrans)
		fprintf(out, " retrans:%u/%u", t->retrans, t->total_retrans);
	put(out, "lost", t->lost);
	if (t->sacked && t->state != TERN_TCP_LISTEN)
		put(out, "sacked", t->sacked);
	put(out, "dsack_dups", t->dsack_dups);
	if (t->reordering != 3)
		put(out, "reordering", t->reordering);
	put(out, "reord_seen", t->reord_seen);
	if (t->rcv_rtt)
		fprintf(out, " rcv_rtt:%g", t->rcv_rtt / 1000.);
	put(out, "rcv_space", t->rcv_space);
	put(out, "rcv_ssthresh", t->rcv_ssthresh);
	put(out, "notsent", t->notsent_bytes);
	if (t->min_rtt && t->min_rtt != UINT32_MAX)
		fprintf(out, " minrtt:%g", t->min_rtt / 1000.);
	put(out, "rcv_ooopack", t->rcv_ooopack);
	put(out, "snd_wnd", t->snd_wnd);
	put(out, "rcv_wnd", t->rcv_wnd);
}

void ss_print_info(FILE *out, const struct control_socket *s, bool options)
{
	const struct tern_tcp_info *t = &s->tcp;

	if (options)
		print_options(out, t);
	if (s->cc[0])
		fprintf(out, " %.*s", (int)sizeof(s->cc), s->cc);
	print_times(out, t);
	print_sizes(out, t);
	if (t->state == TERN_TCP_LISTEN) {
		put(out, "unacked", t->unacked); /* waiting for accept() */
		return;
	}
	print_rates(out, t);
	print_rest(out, t);
}
