// SPDX-License-Identifier: BSD-2-Clause
/*
 * Are two stacks' answers the same? Exactly, but for what depends on the
 * clock: round-trip times and what is computed of them.
 */
#include "diff.h"

#include "base/bytes.h"
#include "wire/wire_tcp.h"

#include <stddef.h>
#include <string.h>
#include <stdlib.h>

struct field {
	const char *name;
	uint16_t at, size;
};
#define FIELD(f)                                               \
	{                                                      \
		"tcpi_" #f, offsetof(struct tern_tcp_info, f), \
			sizeof(((struct tern_tcp_info *)0)->f) \
	}

/* Left out: times, rates, and what is new in another of the two. */
static const struct field fields[] = {
	FIELD(state),	       FIELD(ca_state),	     FIELD(retransmits),
	FIELD(probes),	       FIELD(backoff),	     FIELD(options),
	FIELD(wscale),	       FIELD(snd_mss),	     FIELD(rcv_mss),
	FIELD(unacked),	       FIELD(sacked),	     FIELD(lost),
	FIELD(retrans),	       FIELD(advmss),	     FIELD(pmtu),
	FIELD(reordering),     FIELD(total_retrans), FIELD(bytes_acked),
	FIELD(bytes_received), FIELD(segs_out),	     FIELD(segs_in),
	FIELD(notsent_bytes),  FIELD(data_segs_in),  FIELD(data_segs_out),
	FIELD(delivered),      FIELD(bytes_sent),    FIELD(bytes_retrans),
	FIELD(dsack_dups),     FIELD(reord_seen),    FIELD(rcv_ooopack),
	FIELD(snd_wnd),	       FIELD(snd_cwnd),	     FIELD(snd_ssthresh),
};

static uint64_t value(const struct tern_tcp_info *i, const struct field *f)
{
	const unsigned char *p = (const unsigned char *)i + f->at;
	uint32_t v32;
	uint64_t v64;

	if (f->size == 1)
		return *p;
	memcpy(&v32, p, sizeof(v32));
	memcpy(&v64, p, f->size == 8 ? 8 : 4);
	return f->size == 8 ? v64 : v32;
}

static const char *packet(const struct diff_pkt *k, const struct diff_pkt *t)
{
	const struct drill_pkt *a = &k->pkt, *b = &t->pkt;

	if (k->broken || t->broken)
		return "checksum";
	if (a->flags != b->flags || k->is_zero != t->is_zero)
		return "flags";
	if (a->seq != b->seq)
		return "seq";
	if (a->ack != b->ack)
		return "ack";
	if (a->len != b->len || k->hash != t->hash)
		return "payload";
	if (a->n_opts != b->n_opts || memcmp(a->opts, b->opts, a->n_opts) != 0)
		return "options";
	if (a->win != b->win)
		return "window";
	if (a->urg != b->urg)
		return "urgent";
	if (a->ip.tos != b->ip.tos || a->ip.ttl != b->ip.ttl)
		return "IP header";
	return NULL;
}

static const char *socket_of(const struct diff_out *k, const struct diff_out *t,
			     int i)
{
	size_t j;

	if (k->has_info[i] != t->has_info[i])
		return "TCP_INFO";
	if (k->has_info[i] && k->info[i].state != t->info[i].state)
		return "tcpi_state";
	if (k->ready[i] != t->ready[i])
		return "poll";
	if (k->inq[i] != t->inq[i])
		return "SIOCINQ";
	if (k->mem[i] != t->mem[i] && !diff_passed_over("SO_MEMINFO", k, i))
		return "SO_MEMINFO";
	if (k->outq[i] != t->outq[i] && !diff_passed_over("SIOCOUTQ", k, i))
		return "SIOCOUTQ";
	if (!k->has_info[i] || k->info[i].state == TERN_TCP_LISTEN ||
	    k->info[i].state == TERN_TCP_SYN_SENT)
		return NULL;
	for (j = 0; j < ARRAY_LEN(fields) && getenv("DIFF_INFO"); j++)
		if (value(&k->info[i], &fields[j]) !=
		    value(&t->info[i], &fields[j]))
			return fields[j].name;
	return NULL;
}

const char *diff_compare(const struct diff_out *k, const struct diff_out *t)
{
	const char *what;
	int i;

	if (k->result != t->result)
		return "result";
	if (k->hash != t->hash)
		return "data";
	for (i = 0; i < k->n_pkts && i < t->n_pkts; i++) {
		what = packet(&k->pkts[i], &t->pkts[i]);
		if (what)
			return what;
	}
	if (k->n_pkts != t->n_pkts)
		return "packets";
	for (i = 0; i < DIFF_SLOTS; i++) {
		what = socket_of(k, t, i);
		if (what)
			return what;
	}
	return NULL;
}
