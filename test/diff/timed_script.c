// SPDX-License-Identifier: BSD-2-Clause
/*
 * A session in packetdrill's language, at the microseconds at which it was; so
 * it passes on the kernel no more often than its timers are that punctual, but
 * tern can be held against it.
 */
#include "timed.h"

#include "lab/drill_print.h"
#include "base/bytes.h"
#include "base/time.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

/* How far apart what depends on the clock may be. */
enum slack { EXACT, MS, JIFFIES };

static const struct field {
	const char *name;
	uint16_t at;
	uint8_t size;
	enum slack slack;
} fields[] = {
#define FIELD(f, slack)                                                 \
	{                                                               \
		"tcpi_" #f, offsetof(struct tern_tcp_info, f),          \
			sizeof(((struct tern_tcp_info *)0)->f), (slack) \
	}
	FIELD(state, EXACT),
	FIELD(ca_state, EXACT),
	FIELD(retransmits, EXACT),
	FIELD(probes, EXACT),
	FIELD(backoff, EXACT),
	FIELD(options, EXACT),
	FIELD(snd_mss, EXACT),
	FIELD(rcv_mss, EXACT),
	FIELD(unacked, EXACT),
	FIELD(sacked, EXACT),
	FIELD(lost, EXACT),
	FIELD(retrans, EXACT),
	FIELD(rcv_ssthresh, EXACT),
	FIELD(snd_ssthresh, EXACT),
	FIELD(snd_cwnd, EXACT),
	FIELD(reordering, EXACT),
	FIELD(rcv_space, EXACT),
	FIELD(total_retrans, EXACT),
	FIELD(bytes_acked, EXACT),
	FIELD(bytes_received, EXACT),
	FIELD(segs_out, EXACT),
	FIELD(segs_in, EXACT),
	FIELD(notsent_bytes, EXACT),
	FIELD(data_segs_in, EXACT),
	FIELD(data_segs_out, EXACT),
	FIELD(delivered, EXACT),
	FIELD(delivered_ce, EXACT),
	FIELD(bytes_sent, EXACT),
	FIELD(bytes_retrans, EXACT),
	FIELD(dsack_dups, EXACT),
	FIELD(reord_seen, EXACT),
	FIELD(rcv_ooopack, EXACT),
	FIELD(snd_wnd, EXACT),
	FIELD(rcv_wnd, EXACT),
	FIELD(total_rto, EXACT),
	FIELD(total_rto_recoveries, EXACT),
	FIELD(rtt, MS),
	FIELD(rttvar, MS),
	FIELD(min_rtt, MS),
	FIELD(rto, JIFFIES),
#undef FIELD
};

static uint64_t value(const struct tern_tcp_info *i, const struct field *f)
{
	const unsigned char *p = (const unsigned char *)i + f->at;
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	if (f->size == 1)
		return *p;
	memcpy(&v16, p, sizeof(v16));
	if (f->size == 2)
		return v16;
	memcpy(&v32, p, sizeof(v32));
	memcpy(&v64, p, f->size == 8 ? 8 : 4);
	return f->size == 8 ? v64 : v32;
}

static void add_field(struct drill_text *t, int64_t at, const struct field *f,
		      uint64_t v)
{
	uint64_t slack = 0;

	drill_print_time(t, at);
	if (f->slack == MS)
		slack = 4000 + v / 10;
	if (f->slack == JIFFIES)
		slack = 9000 + v / 20;
	if (!slack) {
		drill_text_add(t, " %%{ assert %s == %" PRIu64 ", %s }%%\n",
			       f->name, v, f->name);
		return;
	}
	drill_text_add(t,
		       " %%{ assert (%s >= %" PRIu64 ") and %s <= %" PRIu64
		       ", %s }%%\n",
		       f->name, v > slack ? v - slack : 0, f->name, v + slack,
		       f->name);
}

/* The kernel's wheel rounds a timer of 64 jiffies and more up by an eighth; from
 * the first one on round trips are its word against tern's. */
struct late {
	int64_t at[4]; /* of the last events, the newest first */
	bool ever;
};

/* Brief: what has changed since, and `field`. */
static void add_info(struct drill_text *t, const struct timed_line *l,
		     int64_t at, const struct timed_line *since,
		     const char *field, const struct late *late)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(fields); i++) {
		const struct field *f = &fields[i];
		uint64_t v = value(&l->info, f);

		if (f->slack != EXACT && late->ever)
			continue;
		if (field && strcmp(field, f->name) != 0 &&
		    (f->slack != EXACT || !since ||
		     value(&since->info, f) == v))
			continue;
		add_field(t, at, f, v);
	}
}

/* "0.600000~0.632000", or one instant. */
static void add_time(struct drill_text *t, bool in, int64_t at,
		     struct late *late)
{
	int64_t before = late->at[0], first = late->at[3];

	memmove(&late->at[1], &late->at[0], 3 * sizeof(late->at[0]));
	late->at[0] = at;
	if (!in && before && at - before > 2 * NS_PER_MS &&
	    at - first > 250 * NS_PER_MS) {
		late->ever = true;
		drill_print_time(t, max_i64(before, at - (at - first) / 8));
		drill_text_add(t, "~");
	}
	drill_print_time(t, at);
}

static void add_head(struct drill_text *t, const struct timed_session *s,
		     const struct timed_knobs *k)
{
	int i;

	drill_text_add(t, "--tolerance_usecs=18000\n--tolerance_percent=2\n"
			  "--strict_segments\n`sysctl -q");
	for (i = 0; i < k->n; i++)
		drill_text_add(t, " net.ipv4.%s=\"%s\"", k->set[i].name,
			       k->set[i].value);
	drill_text_add(t,
		       "`\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
		       "+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = "
		       "0\n"
		       "+0 setsockopt(3, SOL_TCP, TCP_CONGESTION, \"%s\", %zu)"
		       " = 0\n"
		       "+0 bind(3, ..., ...) = 0\n"
		       "+0 listen(3, 1) = 0\n",
		       s->plan->cc, strlen(s->plan->cc));
}

void timed_script(const struct timed_session *s, const struct timed_knobs *k,
		  bool brief, const char *field, struct drill_text *t)
{
	const struct timed_line *last = NULL;
	struct late late = { 0 };
	int64_t zero, at = 0;
	int i;

	add_head(t, s, k);
	zero = s->log.n ? s->log.lines[0].at - 100 * NS_PER_MS : 0;
	for (i = 0; i < s->log.n; i++) {
		const struct timed_line *l = &s->log.lines[i];

		at = max_i64(at, l->at - zero);
		if (l->what == TIMED_INFO) {
			add_info(t, l, at, last,
				 brief ? field ? field : "" : NULL, &late);
			last = l;
		} else if (l->what == TIMED_CALL) {
			add_time(t, true, at, &late);
			drill_text_add(t, " %s\n", l->call);
		} else {
			add_time(t, l->pkt.in, at, &late);
			drill_text_add(t, " ");
			drill_print_pkt(t, &l->pkt, false);
			drill_text_add(t, "\n");
		}
	}
}
