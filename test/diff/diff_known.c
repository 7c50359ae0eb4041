// SPDX-License-Identifier: BSD-2-Clause
/*
 * Differences that are meant: one row each, with the test for it. A row says
 * what differs, at what step and in which state; none says "anything".
 */
#include "diff.h"

#include "base/bytes.h"
#include "wire/wire_tcp.h"

#include <string.h>

struct known {
	const char *name;
	const char *why; /* and where doc/linux.md has it */
	bool (*is)(const struct diff_found *);
};

static bool is(const struct diff_found *f, const char *what)
{
	return !strcmp(f->what, what);
}

static int state_before(const struct diff_found *f)
{
	int slot = f->plan->active ? 0 : 1;

	return f->kernel_before && f->kernel_before->has_info[slot] ?
		       f->kernel_before->info[slot].state :
		       0;
}

/* doc/linux.md: "the SYN-ACK of a simultaneous open". */
static bool crossed_options(const struct diff_found *f)
{
	return is(f, "options") && f->plan->active &&
	       state_before(f) == TERN_TCP_SYN_SENT &&
	       f->kernel->pkts[0].pkt.flags == (TCP_SYN | TCP_ACK);
}

/* doc/linux.md: "data behind a FIN". */
static bool data_behind_fin(const struct diff_found *f)
{
	const struct drill_pkt *p = &f->kernel->sent;
	int state = state_before(f);

	return f->step >= 0 && f->plan->steps[f->step].kind == DIFF_SEG &&
	       (state == TERN_TCP_CLOSE_WAIT || state == TERN_TCP_LAST_ACK ||
		state == TERN_TCP_CLOSING) &&
	       p->len && (is(f, "ack") || is(f, "SIOCINQ") || is(f, "flags"));
}

/* What the peer has acknowledged, relative: who connected counts its SYN. */
static uint32_t una_before(const struct diff_found *f)
{
	int slot = f->plan->active ? 0 : 1;
	const struct tern_tcp_info *i = &f->kernel_before->info[slot];

	return (uint32_t)i->bytes_acked + !f->plan->active;
}

/* doc/linux.md: "data with an ACK that is too old". */
static bool fast_path_ack(const struct diff_found *f)
{
	const struct drill_pkt *p = &f->kernel->sent;

	return state_before(f) == TERN_TCP_ESTABLISHED && p->len &&
	       (p->flags & ~TCP_PSH) == TCP_ACK &&
	       (int32_t)(p->ack - una_before(f)) < 0 &&
	       (is(f, "ack") || is(f, "SIOCINQ") || is(f, "poll") ||
		is(f, "packets") || is(f, "options"));
}

/* doc/linux.md: "the window in TIME_WAIT". */
static bool tw_window(const struct diff_found *f)
{
	const struct drill_pkt *k = &f->kernel->pkts[0].pkt;
	const struct drill_pkt *t = &f->tern->pkts[0].pkt;

	return is(f, "window") && !state_before(f) && k->flags == TCP_ACK &&
	       t->win == 65535 && k->win < t->win;
}

static const struct known rows[] = {
	{ "crossed-synack-options",
	  "RFC 7323 1.3: an option the peer did not offer must not be used",
	  crossed_options },
	{ "data-behind-fin",
	  "RFC 9293 3.10.7.4: after a FIN a segment's text is ignored",
	  data_behind_fin },
	{ "data-with-too-old-ack",
	  "RFC 5961 5.2: its data is not taken; Linux's fast path takes it",
	  fast_path_ack },
	{ "time-wait-window",
	  "the kernel cuts a window of more than 65,535 to 16 bits",
	  tw_window },
};

const int diff_n_known = ARRAY_LEN(rows);

int diff_known(const struct diff_found *f)
{
	int i;

	for (i = 0; i < diff_n_known; i++)
		if (rows[i].is(f))
			return i;
	return -1;
}

const char *diff_known_name(int i)
{
	return rows[i].name;
}

const char *diff_known_why(int i)
{
	return rows[i].why;
}
