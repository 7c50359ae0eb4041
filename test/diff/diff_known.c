// SPDX-License-Identifier: BSD-2-Clause
/*
 * Differences that are meant: one row each, with the test for it. A row says
 * what differs, at what step and in which state; none says "anything". A row
 * that passes something over ends no sequence: what follows is compared.
 */
#define _GNU_SOURCE /* POLLRDHUP */
#include "diff.h"

#include "base/bytes.h"
#include "wire/wire_tcp.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

struct known {
	const char *name;
	const char *why; /* and where doc/linux.md has it */
	bool (*is)(const struct diff_found *);
	/* Or: what of one socket is passed over, and where. */
	const char *what;
	bool (*over)(const struct diff_out *kernel, int slot);
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

/* Behind the place where segment i said it ends, with its FIN if it has one. */
static uint32_t end_of(const struct diff_found *f, int i)
{
	const struct drill_pkt *p = &f->kernel[i - f->step].sent;

	return p->seq + p->len + !!(p->flags & TCP_FIN);
}

static bool is_fin(const struct diff_found *f, int i)
{
	return f->plan->steps[i].kind == DIFF_SEG &&
	       f->kernel[i - f->step].sent.flags & TCP_FIN;
}

/* doc/linux.md: "data behind a FIN": a segment claims a place at or behind the
 * number that an earlier one's FIN had. */
static bool behind_fin(const struct diff_found *f)
{
	const struct drill_pkt *p;
	int i, k;

	for (i = 0; i <= f->step; i++) {
		p = &f->kernel[i - f->step].sent;
		if (f->plan->steps[i].kind != DIFF_SEG ||
		    !(p->len || p->flags & TCP_FIN))
			continue;
		for (k = 0; k < i; k++)
			if (is_fin(f, k) &&
			    (int32_t)(end_of(f, i) - end_of(f, k)) > 0)
				return !is(f, "result");
	}
	return false;
}

/* Is the connection that is spoken to one that nobody has accepted? */
static bool is_unknown(const struct diff_found *f)
{
	int state = state_before(f);

	return !f->plan->active && (!state || state == TERN_TCP_CLOSE);
}

/* What the peer has acknowledged, relative: who connected counts its SYN. */
static uint32_t una_before(const struct diff_found *f)
{
	int slot = f->plan->active ? 0 : 1;
	const struct tern_tcp_info *i = &f->kernel_before->info[slot];

	/* Who was not accepted has sent nothing. */
	if (is_unknown(f))
		return 1;
	return (uint32_t)i->bytes_acked + !f->plan->active;
}

/* What the kernel is charged for a segment that a TUN brings, as SO_MEMINFO
 * tells: 256 and a buffer of a power of two, but 576 if that is enough. */
static uint32_t cost(uint32_t len)
{
	uint32_t buffer = 1024;

	if (len <= 152)
		return 832;
	while (buffer < len + 424)
		buffer *= 2;
	return 256 + buffer;
}

/* Had the kernel memory for the segment reserved, and so took it by header
 * prediction? Of whom nobody has accepted it cannot be asked: maybe. */
static bool had_memory(const struct diff_found *f, bool maybe)
{
	int slot = f->plan->active ? 0 : 1;

	if (is_unknown(f))
		return maybe;
	return cost(f->kernel->sent.len) <= f->kernel_before->fwd[slot];
}

/* doc/linux.md: "the mark of the window": an ACK ahead of its place moved it,
 * and data for which there was no memory did not take it back. */
static bool mark_stays(const struct diff_found *f)
{
	int i, slot = f->plan->active ? 0 : 1;
	bool ahead = false;

	if (!is(f, "packets") && !is(f, "flags"))
		return false;
	for (i = 1; i <= f->step; i++) {
		const struct diff_out *o = &f->kernel[i - f->step];

		if (f->plan->steps[i].kind != DIFF_SEG)
			continue;
		if (!o->sent.len && (o->sent.flags & ~TCP_FIN) == TCP_ACK &&
		    f->plan->steps[i].seq_ref != DIFF_SEQ_ISS &&
		    (f->plan->steps[i].seq_off > 0 ||
		     f->plan->steps[i].seq_ref == DIFF_SEQ_EDGE))
			ahead = true;
		else if (ahead && o->sent.len &&
			 cost(o->sent.len) > o[-1].fwd[slot])
			return true;
	}
	return false;
}

/* doc/linux.md: "data with an ACK that is too old". */
static bool fast_path_ack(const struct diff_found *f)
{
	const struct drill_pkt *p = &f->kernel->sent;

	/* Of slot 1's successor nothing is known: it was not accepted. */
	return (state_before(f) == TERN_TCP_ESTABLISHED || is_unknown(f)) &&
	       f->step > 0 && p->len && (p->flags & ~TCP_PSH) == TCP_ACK &&
	       (int32_t)(p->ack - una_before(f)) < 0 && had_memory(f, true) &&
	       (is(f, "ack") || is(f, "SIOCINQ") || is(f, "poll") ||
		is(f, "packets") || is(f, "options"));
}

/* doc/linux.md: "the window in TIME_WAIT". */
static bool tw_window(const struct diff_found *f)
{
	const struct drill_pkt *k = &f->kernel->pkts[0].pkt;
	const struct drill_pkt *t = &f->tern->pkts[0].pkt;

	return is(f, "window") &&
	       (!state_before(f) || state_before(f) == TERN_TCP_CLOSE) &&
	       k->flags == TCP_ACK && t->win == 65535 && k->win < t->win;
}

static uint32_t data_of(const struct diff_out *o)
{
	uint32_t n = 0;
	int i;

	for (i = 0; i < o->n_pkts; i++)
		n += o->pkts[i].pkt.len;
	return n;
}

/* A packet that would become larger by waiting waits if an ACK is due within
 * half a round trip: here that is a few microseconds. Whose socket is closed is
 * asked what it had to send before. */
static bool deferred(const struct diff_found *f)
{
	const struct diff_out *few = f->kernel, *more = f->tern;
	const struct tern_tcp_info *info;
	int i, slot = f->plan->active ? 0 : 1;

	if (data_of(few) > data_of(more)) {
		few = f->tern;
		more = f->kernel;
	}
	if (data_of(few) == data_of(more) ||
	    !(is(f, "packets") || is(f, "payload")))
		return false;
	for (i = f->step; i > 0 && !few->has_info[slot]; i--)
		few--;
	if (!few->has_info[slot])
		return false;
	info = &few->info[slot];
	return info->notsent_bytes && info->unacked &&
	       (i < f->step || info->unacked - info->sacked < info->snd_cwnd);
}

/* Is there an earlier step, or this one, of which `is` holds? */
static const struct diff_step *earlier(const struct diff_found *f,
				       bool (*wanted)(const struct diff_step *))
{
	int i;

	for (i = 0; i <= f->step; i++)
		if (wanted(&f->plan->steps[i]))
			return &f->plan->steps[i];
	return NULL;
}

static bool is_syn(const struct diff_step *s)
{
	return s->kind == DIFF_SEG && s->flags == TCP_SYN;
}

static bool is_more(const struct diff_step *s)
{
	return s->kind == DIFF_SEND && s->arg2 & MSG_MORE;
}

static bool is_urgent(const struct diff_step *s)
{
	return s->kind == DIFF_SEG && s->flags & TCP_URG;
}

static bool is_old_data(const struct diff_step *s)
{
	return s->kind == DIFF_SEG && s->len &&
	       (s->ack_ref != DIFF_ACK_SENT || s->ack_off < 0);
}

static bool is_seg(const struct diff_found *f)
{
	return f->step >= 0 && f->plan->steps[f->step].kind == DIFF_SEG;
}

/* doc/linux.md: "data soon after a simultaneous open". */
static bool crossed_ack(const struct diff_found *f)
{
	const struct diff_out *k = f->kernel;

	return f->plan->active && earlier(f, is_syn) && is(f, "packets") &&
	       k->n_pkts == f->tern->n_pkts + 1 &&
	       k->pkts[k->n_pkts - 1].pkt.flags == TCP_ACK &&
	       !k->pkts[k->n_pkts - 1].pkt.len && f->kernel->sent.len;
}

/* doc/linux.md: "the number that a socket begins with again". */
static bool begins_again(const struct diff_found *f)
{
	const struct diff_step *s = f->step < 0 ? NULL :
						  &f->plan->steps[f->step];

	return is(f, "seq") && s &&
	       (s->kind == DIFF_CONNECT ||
		(s->kind == DIFF_SEND && f->plan->mode == DIFF_FASTOPEN)) &&
	       f->kernel->pkts[0].pkt.flags == TCP_SYN;
}

/* doc/linux.md: "what MSG_MORE holds back". */
static bool more_goes(const struct diff_found *f)
{
	int n = f->tern->n_pkts;

	return is_seg(f) && f->kernel->sent.len && earlier(f, is_more) &&
	       !had_memory(f, false) &&
	       (is(f, "payload") || is(f, "packets") || is(f, "flags")) &&
	       !(n && f->tern->pkts[n - 1].pkt.len) && f->kernel->n_pkts &&
	       f->kernel->pkts[f->kernel->n_pkts - 1].pkt.len;
}

/* doc/linux.md: "the urgent byte". */
static bool urgent_elsewhere(const struct diff_found *f)
{
	int i;

	if (!earlier(f, is_urgent))
		return false;
	if (is(f, "result"))
		return f->step >= 0 &&
		       f->plan->steps[f->step].kind == DIFF_RECV &&
		       f->plan->steps[f->step].arg2 & MSG_OOB;
	if (!is(f, "poll"))
		return false;
	for (i = 0; i < DIFF_SLOTS; i++)
		if ((f->kernel->ready[i] ^ f->tern->ready[i]) & ~(uint32_t)2)
			return false;
	return true;
}

/* doc/linux.md: "data with an ACK that is too old": its timestamp. */
static bool old_ack_stamp(const struct diff_found *f)
{
	const struct drill_pkt *k = &f->kernel->pkts[0].pkt;
	const struct drill_pkt *t = &f->tern->pkts[0].pkt;

	return is(f, "options") && earlier(f, is_old_data) &&
	       k->n_opts == t->n_opts && k->n_opts >= 12 && k->opts[2] == 8 &&
	       memcmp(k->opts + 8, t->opts + 8, 4) != 0;
}

/* Has any byte come twice? */
static bool came_twice(const struct diff_found *f)
{
	int i, k;

	for (i = 0; i <= f->step; i++)
		for (k = 0; k < i; k++)
			if (f->plan->steps[i].kind == DIFF_SEG &&
			    f->plan->steps[k].kind == DIFF_SEG &&
			    f->plan->steps[i].len && f->plan->steps[k].len &&
			    (int32_t)(f->kernel[i - f->step].sent.seq -
				      end_of(f, k)) < 0)
				return true;
	return false;
}

/* doc/linux.md: "dsack-and-memory": tern's alone, of what is old. */
static bool dsack_gone(const struct diff_found *f)
{
	const struct drill_pkt *k = &f->kernel->pkts[0].pkt;
	const struct drill_pkt *t = &f->tern->pkts[0].pkt;
	int i, slot = f->plan->active ? 0 : 1;

	if (!is(f, "options") || t->n_opts < k->n_opts + 12 ||
	    t->opts[k->n_opts + 2] != 5 || !came_twice(f))
		return false;
	for (i = f->step; i > 0; i--) {
		const struct diff_out *o = &f->kernel[i - f->step];

		if (f->plan->steps[i].kind == DIFF_SEG && o->sent.len &&
		    cost(o->sent.len) > o[-1].fwd[slot])
			return true;
	}
	return false;
}

/* Did a small packet come that lies just behind another? */
static bool one_behind_another(const struct diff_found *f)
{
	int i, k;

	for (i = 0; i <= f->step; i++)
		for (k = 0; k <= f->step; k++)
			if (f->plan->steps[i].kind == DIFF_SEG &&
			    f->plan->steps[k].kind == DIFF_SEG &&
			    f->plan->steps[i].len && f->plan->steps[k].len &&
			    f->plan->steps[i].len <= 512 &&
			    f->kernel[i - f->step].sent.seq == end_of(f, k))
				return true;
	return false;
}

/* doc/linux.md: "small packets in the receive queue". */
static bool gathered(const struct diff_found *f)
{
	int slot = f->plan->active ? 0 : 1;

	if (!is(f, "SO_MEMINFO") || f->step < 0)
		return false;
	if (!one_behind_another(f))
		return false;
	/* Out of order what lies across two that were gathered is old. */
	if (f->plan->steps[f->step].kind == DIFF_SEG)
		return came_twice(f) && f->kernel->info[slot].rcv_ooopack > 1;
	return f->plan->steps[f->step].kind == DIFF_RECV &&
	       f->tern->mem[slot] > f->kernel->mem[slot] &&
	       f->kernel->mem[slot];
}

/* doc/linux.md: "a timestamp that was not agreed on". */
static bool stamp_not_agreed(const struct diff_found *f)
{
	const struct drill_pkt *k = &f->kernel->pkts[0].pkt;
	const struct diff_out *o = f->kernel_before;
	int i, slot = f->plan->active ? 0 : 1;

	if (!is(f, "options") || k->n_opts != 12 || k->opts[2] != 8 ||
	    f->tern->pkts[0].pkt.n_opts || !o || o->has_info[slot])
		return false;
	for (i = f->step - 1; i > 0 && !o->has_info[slot]; i--)
		o--;
	return o->has_info[slot] &&
	       !(o->info[slot].options & TCPI_OPT_TIMESTAMPS);
}

/* doc/linux.md: "SYN cookies": a first number that is not the SYN's plus 1. */
static bool other_first_number(const struct diff_found *f)
{
	const struct drill_pkt *sent = &f->kernel->sent;

	return (is(f, "flags") || is(f, "packets")) && is_seg(f) &&
	       !f->plan->active && is_unknown(f) && sent->flags & TCP_ACK &&
	       sent->seq != 1 && f->tern->n_pkts == 1 &&
	       f->tern->pkts[0].pkt.flags == TCP_RST &&
	       !(f->kernel->n_pkts && f->kernel->pkts[0].pkt.flags & TCP_RST);
}

/* doc/linux.md: "memory of a gap". */
static bool is_closed_gap(const struct diff_out *k, int slot)
{
	return k->has_info[slot] && k->info[slot].state == TERN_TCP_CLOSE &&
	       k->info[slot].rcv_ooopack && !k->inq[slot];
}

static bool is_closed(const struct diff_out *k, int slot)
{
	return !k->has_info[slot] || k->info[slot].state == TERN_TCP_CLOSE;
}

static const struct known rows[] = {
	{ "crossed-synack-options",
	  "RFC 7323 1.3: an option the peer did not offer must not be used",
	  crossed_options },
	{ "data-behind-fin",
	  "RFC 9293 3.10.7.4: after a FIN a segment's text is ignored",
	  behind_fin },
	{ "data-with-too-old-ack",
	  "RFC 5961 5.2: its data is not taken; Linux's fast path takes it",
	  fast_path_ack },
	{ "time-wait-window",
	  "the kernel cuts a window of more than 65,535 to 16 bits",
	  tw_window },
	{ "deferral-by-microseconds",
	  "tcp_tso_win_divisor: waits if an ACK is due in half an RTT",
	  deferred },
	{ "ack-after-simultaneous-open",
	  "the kernel does not set the time of last data there", crossed_ack },
	{ "isn-of-a-reused-socket",
	  "RFC 6528: the kernel's follows from the last connection's",
	  begins_again },
	{ "msg-more-and-memory",
	  "header prediction, if memory happens to be reserved, sends nothing",
	  more_goes },
	{ "urgent-elsewhere",
	  "the kernel takes the urgent byte from a header, or behind a FIN",
	  urgent_elsewhere },
	{ "stamp-of-too-old-ack",
	  "header prediction, if memory happens to be reserved, believes it",
	  old_ack_stamp },
	{ "gathered-packets",
	  "small packets are kept in one, and charged until all is read",
	  gathered },
	{ "window-mark-and-memory",
	  "header prediction, if memory happens to be reserved, takes it back",
	  mark_stays },
	{ "dsack-and-memory",
	  "header prediction, if memory happens to be reserved, keeps one that no ACK told",
	  dsack_gone },
	{ "stamp-not-agreed",
	  "RFC 7323 3.2: without agreement no segment has one; the kernel's TIME_WAIT tells what came all the same",
	  stamp_not_agreed },
	{ "cookie-for-another-number",
	  "the kernel takes a SYN cookie with any first number",
	  other_first_number },
	{ "memory-of-a-gap",
	  "after a RST the kernel keeps what lay out of order until close()",
	  .what = "SO_MEMINFO", .over = is_closed_gap },
	{ "outq-of-a-closed-socket",
	  "the kernel tells what the last connection's numbers left over",
	  .what = "SIOCOUTQ", .over = is_closed },
};

static uint64_t passed[ARRAY_LEN(rows)];

const int diff_n_known = ARRAY_LEN(rows);

int diff_known(const struct diff_found *f)
{
	int i;

	for (i = 0; i < diff_n_known; i++)
		if (rows[i].is && rows[i].is(f))
			return i;
	return -1;
}

bool diff_passed_over(const char *what, const struct diff_out *kernel, int slot)
{
	int i;

	for (i = 0; i < diff_n_known; i++)
		if (rows[i].over && !strcmp(rows[i].what, what) &&
		    rows[i].over(kernel, slot)) {
			passed[i]++;
			return true;
		}
	return false;
}

uint64_t diff_n_passed(int i)
{
	return passed[i];
}

const char *diff_known_name(int i)
{
	return rows[i].name;
}

const char *diff_known_why(int i)
{
	return rows[i].why;
}
