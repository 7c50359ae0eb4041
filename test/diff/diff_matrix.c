// SPDX-License-Identifier: BSD-2-Clause
/*
 * The matrix: each state x event x place in the window x acknowledgement, as
 * the kernel answers it, printed as test/script/state/matrix.txt is kept. That
 * tern answers alike is checked on the way.
 *
 * What has no ACK acknowledges nothing: one column instead of three.
 */
#include "diff.h"

#include "base/bytes.h"
#include "wire/wire_tcp.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct state {
	const char *name;
	bool active;
	const char *steps; /* a letter each: see prepare() */
};

static const struct state states[] = {
	{ "CLOSED", false, "c" },	  { "LISTEN", false, "" },
	{ "SYN_SENT", true, "" },	  { "SYN_RCVD", false, "S" },
	{ "ESTABLISHED", false, "SAa" },  { "FIN_WAIT_1", false, "SAaw" },
	{ "FIN_WAIT_2", false, "SAawA" }, { "CLOSE_WAIT", false, "SAaFA" },
	{ "CLOSING", false, "SAawf" },	  { "LAST_ACK", false, "SAaFw" },
	{ "TIME_WAIT", false, "SAawF" },
};

#define N_NO_WINDOW 3 /* the first states have none: one place */

static const struct {
	const char *name;
	uint16_t flags, len;
} events[] = {
	{ "RST", TCP_RST, 0 },
	{ "SYN", TCP_SYN, 0 },
	{ "SYN-ACK", TCP_SYN | TCP_ACK, 0 },
	{ "ACK", TCP_ACK, 0 },
	{ "FIN", TCP_FIN, 0 },
	{ "FIN-ACK", TCP_FIN | TCP_ACK, 0 },
	{ "data", TCP_PSH | TCP_ACK, 10 },
	{ "none", 0, 0 },
	{ "SYN-FIN", TCP_SYN | TCP_FIN, 0 },
};

static const struct {
	const char *name;
	uint8_t ref;
	int32_t off;
} places[] = {
	{ "left", DIFF_SEQ_NXT, -100 },	 { "left-edge", DIFF_SEQ_NXT, 0 },
	{ "inside", DIFF_SEQ_NXT, 100 }, { "right-edge", DIFF_SEQ_EDGE, 0 },
	{ "right", DIFF_SEQ_EDGE, 100 },
};

static const struct {
	const char *name;
	uint8_t ref;
	int32_t off;
} acks[] = {
	{ "old", DIFF_ACK_UNA, -100 },
	{ "good", DIFF_ACK_SENT, 0 },
	{ "new", DIFF_ACK_SENT, 100 },
};

static struct diff_step segment(uint16_t flags)
{
	return (struct diff_step){ .kind = DIFF_SEG,
				   .flags = flags,
				   .win = 32792 };
}

/* S a SYN, A an ACK, F a FIN, f one that does not acknowledge ours, a accept, w
 * shutdown, c the listener closes. */
static void prepare(struct diff_plan *p, const struct state *s)
{
	const char *c;

	*p = (struct diff_plan){ .active = s->active, .backlog = 5, .mss = 0 };
	for (c = s->steps; *c; c++) {
		struct diff_step *step = &p->steps[p->n++];

		*step = segment(TCP_ACK);
		if (*c == 'S') {
			*step = segment(TCP_SYN);
			step->seq_ref = DIFF_SEQ_ISS;
		} else if (*c == 'F' || *c == 'f') {
			step->flags |= TCP_FIN;
			if (*c == 'f')
				step->ack_ref = DIFF_ACK_UNA;
		} else if (*c == 'a') {
			step->kind = DIFF_ACCEPT;
		} else if (*c == 'w') {
			step->kind = DIFF_SHUTDOWN;
			step->slot = 1;
			step->arg = SHUT_WR;
		} else if (*c == 'c') {
			step->kind = DIFF_CLOSE;
		}
	}
}

/* A SYN that crosses ours offers what ours did: what the answer has is then
 * the same on both (doc/linux.md, "the SYN-ACK of a simultaneous open"). */
static void offer_all(struct diff_plan *p, const struct state *s,
		      struct diff_step *x)
{
	if (strcmp(s->name, "SYN_SENT") != 0 || !(x->flags & TCP_SYN) ||
	    x->flags & TCP_ACK)
		return;
	p->mss = 1000;
	x->opts = DIFF_OPT_MSS | DIFF_OPT_WS | DIFF_OPT_SACK | DIFF_OPT_TS;
	x->ts = DIFF_TS_NEXT;
}

static const char *state_after(const struct diff_plan *p,
			       const struct diff_out *o)
{
	static const char *const names[] = {
		[TERN_TCP_ESTABLISHED] = "TCP_ESTABLISHED",
		[TERN_TCP_SYN_SENT] = "TCP_SYN_SENT",
		[TERN_TCP_SYN_RECV] = "TCP_SYN_RECV",
		[TERN_TCP_FIN_WAIT1] = "TCP_FIN_WAIT1",
		[TERN_TCP_FIN_WAIT2] = "TCP_FIN_WAIT2",
		[TERN_TCP_TIME_WAIT] = "TCP_TIME_WAIT",
		[TERN_TCP_CLOSE] = "TCP_CLOSE",
		[TERN_TCP_CLOSE_WAIT] = "TCP_CLOSE_WAIT",
		[TERN_TCP_LAST_ACK] = "TCP_LAST_ACK",
		[TERN_TCP_LISTEN] = "TCP_LISTEN",
		[TERN_TCP_CLOSING] = "TCP_CLOSING",
	};
	int i = p->active ? 0 : 1;

	return o->has_info[i] ? names[o->info[i].state] : NULL;
}

/* One cell; the state's own lines come before its first. */
static bool cell(struct diff_run *r, const struct diff_plan *p,
		 const char *name, bool first)
{
	struct drill_text before = { 0 }, all = { 0 };
	struct diff_plan less = *p;
	const char *what, *after;

	less.n--;
	diff_run(r, &less);
	r->found.step = less.n;
	diff_script(r, &less, &before);
	what = diff_run(r, p);
	r->found.step = p->n;
	diff_script(r, p, &all);
	if (first)
		printf("%s", before.s);
	/* What a script calls 0 is the first number, not the wire's zero. */
	printf("== %s%s\n%s", name,
	       r->theirs[p->n].pkts[0].is_zero && r->theirs[p->n].n_pkts &&
			       p->n > 1 && p->steps[0].kind == DIFF_SEG ?
		       " (no script)" :
		       "",
	       all.s + before.len);
	after = state_after(p, &r->theirs[p->n]);
	if (after)
		printf("+0 %%{ assert tcpi_state == %s }%%\n", after);
	if (what)
		fprintf(stderr, "%s: differs: %s\n", name, what);
	free(before.s);
	free(all.s);
	return !what;
}

int diff_matrix(struct diff_run *r)
{
	struct diff_plan p;
	char name[96];
	size_t s, e, w, a;
	int wrong = 0, n = 0;

	for (s = 0; s < ARRAY_LEN(states); s++) {
		printf("==== %s\n", states[s].name);
		n = 0;
		for (e = 0; e < ARRAY_LEN(events); e++)
			for (w = 0; w < ARRAY_LEN(places); w++)
				for (a = 0; a < ARRAY_LEN(acks); a++) {
					struct diff_step x =
						segment(events[e].flags);

					if ((!(x.flags & TCP_ACK) && a) ||
					    (s < N_NO_WINDOW && w != 1))
						continue;
					x.len = events[e].len;
					x.seq_ref = places[w].ref;
					x.seq_off = places[w].off;
					x.ack_ref = acks[a].ref;
					x.ack_off = acks[a].off;
					prepare(&p, &states[s]);
					offer_all(&p, &states[s], &x);
					p.steps[p.n++] = x;
					snprintf(name, sizeof(name),
						 "%s-%s/%s%s%s", events[e].name,
						 states[s].name, places[w].name,
						 x.flags & TCP_ACK ? "-" : "",
						 x.flags & TCP_ACK ?
							 acks[a].name :
							 "");
					wrong += !cell(r, &p, name, !n++);
				}
	}
	return wrong ? 1 : 0;
}
