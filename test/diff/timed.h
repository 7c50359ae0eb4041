// SPDX-License-Identifier: BSD-2-Clause
/*
 * The differential test of data transfer, where time matters: what the kernel
 * beneath does in real time becomes a script, and tern has to pass that script
 * in virtual time.
 *
 *	timed_gen	a seed becomes a plan: options, and steps with pauses
 *	timed_plan	a plan that is written by hand
 *	timed_peer	the peer: what a step means when its time has come
 *	timed_run	many sessions side by side on the kernel, each written
 *			down as it goes
 *	timed_script	such a session as a packetdrill script
 *	timed_check	the script on tern; and what of it differs
 *	timed_main	batches, each with knobs of its own; shrinks what differs
 *
 * A step names segments by what the stack has sent ("the third that is not
 * SACKed yet"), so that a plan stays meaningful when steps are taken out of it.
 * The script then has the numbers and the very microseconds: both stacks see
 * the same packets at the same time, however late this process was.
 *
 * What a difference is: another segment, another number in it, the same more
 * than four jiffies (and 2 % of the wait) early or late, another result of a
 * call, another field of TCP_INFO. One that does not come again each time is
 * the machine's noise.
 */
#ifndef TIMED_H
#define TIMED_H

#include "lab/drill_adapter.h"
#include "lab/drill_wire.h"

#define TIMED_STEPS 64
#define TIMED_RANGES 32 /* that the peer holds out of order */
#define TIMED_SENT 512	/* segments of the stack's that it remembers */
#define TIMED_KNOBS 12

enum timed_kind {
	TIMED_ACK,    /* a: segments that come in order, 0: all */
	TIMED_DUP,    /* the last ACK again; with SACK, if it holds something */
	TIMED_SACK,   /* a: of those missing, which; b: how many from there */
	TIMED_DSACK,  /* what came already comes again; a: segments back */
	TIMED_PART,   /* a bytes of the next segment are acknowledged */
	TIMED_RENEGE, /* forgets what it holds out of order; an ACK */
	TIMED_OLD,    /* an ACK of before; a: bytes */
	TIMED_WIN,    /* a: the window from here on; an ACK tells it */
	TIMED_DATA,   /* a: length; in order */
	TIMED_GAP,    /* a: length, b: how far ahead */
	TIMED_FILL,   /* a: length, from what the stack asks for, no new data */
	TIMED_BACK,   /* a: length, b: how far back */
	TIMED_EDGE,   /* a: length, b: from the right edge of the window */
	TIMED_WRITE,  /* a: bytes, b: flags */
	TIMED_READ,   /* a: bytes */
	TIMED_OPT,    /* a: which of timed_opts, b: value */
	TIMED_LOOK,   /* at TCP_INFO */
	TIMED_FIN,    /* shutdown(SHUT_WR) */
};

struct timed_step {
	uint8_t kind;
	uint16_t flags; /* besides ACK: ECE, CWR, PSH */
	bool ce;	/* the packet is marked */
	int32_t a, b;
	int64_t wait_ns; /* after the step before */
};

struct timed_plan {
	uint64_t seed;
	char name[32]; /* if it was written by hand */
	bool sack, ts, ecn;
	int8_t wscale; /* -1: none */
	uint16_t mss, win;
	const char *cc;
	int n;
	struct timed_step steps[TIMED_STEPS];
};

/* Of a whole batch: a namespace has one set. */
struct timed_knobs {
	int n;
	struct {
		const char *name, *value;
	} set[TIMED_KNOBS];
};

/* A line of the script to be. */
enum timed_what { TIMED_PKT, TIMED_CALL, TIMED_INFO };
struct timed_line {
	enum timed_what what;
	int64_t at;
	struct drill_pkt pkt;
	char *call;
	struct tern_tcp_info info;
};

struct timed_log {
	struct timed_line *lines;
	int n, cap;
};

struct timed_range {
	uint32_t start, end;
};

struct timed_sent {
	uint32_t seq, end, ts_first, ts_last;
};

/* A session: the peer's side, and the stack's socket. */
struct timed_session {
	const struct timed_plan *plan;
	struct timed_log log;
	struct drill_ends ends; /* of the stack's packets */
	int listener, fd;
	int next_step;
	int64_t due_at;

	uint32_t irs, iss; /* of the peer, of the stack */
	bool has_iss;
	uint8_t ws_out;
	uint32_t ts_base;     /* the stack's first timestamp */
	uint32_t una, snt;    /* what the peer has, what the stack sent */
	uint32_t sent, ahead; /* by the peer: in order, at most */
	uint32_t nxt, edge;   /* what the stack asks for, and up to where */
	uint32_t ecr;
	uint16_t win;
	/* Newest first, as a receiver tells them. */
	struct timed_range held[TIMED_RANGES];
	int n_held;
	struct timed_sent segs[TIMED_SENT];
	int n_segs;
};

/* --- timed_gen.c --- */
struct timed_opt {
	int level, name;
	const char *text;
};
extern const struct timed_opt timed_opts[];
void timed_plan_make(struct timed_plan *, uint64_t seed);
void timed_knobs_make(struct timed_knobs *, uint64_t seed);

/* --- timed_plan.c --- */
/* How many there are; -1: told why not. */
int timed_plan_read(const char *path, struct timed_plan *, int most,
		    struct timed_knobs *);

/* --- timed_peer.c --- */
/* A packet of the stack's has come: numbers become relative. */
void timed_peer_saw(struct timed_session *, struct drill_pkt *);
/* The packet that the step means; false: none, now. */
bool timed_peer_packet(struct timed_session *, const struct timed_step *,
		       int64_t now, struct drill_pkt *);

/* --- timed_run.c --- */
struct timed_kernel {
	struct drill_adapter *a;
	uint32_t nth;	 /* sessions so far: names the next one's ports */
	int64_t late_ns; /* the latest that a step was */
};
/* Sets of knobs are for good. NULL, or why not. */
const char *timed_kernel_init(struct timed_kernel *,
			      const struct timed_knobs *);
void timed_kernel_fini(struct timed_kernel *);
/* All at once; sessions[i].log has what happened. */
void timed_run(struct timed_kernel *, const struct timed_plan *plans, int n,
	       struct timed_session *sessions);
void timed_session_fini(struct timed_session *);
/* Takes ties with timers out of the plan. */
void timed_settle(struct timed_plan *, const struct timed_knobs *);

/* --- timed_script.c --- */
/* brief: of TCP_INFO only what has changed, and `field` (or NULL). */
void timed_script(const struct timed_session *, const struct timed_knobs *,
		  bool brief, const char *field, struct drill_text *);

/* --- timed_check.c --- */
struct timed_verdict {
	bool differs;
	char key[96];	/* what differs, in words without numbers */
	char field[32]; /* of TCP_INFO, if it is one */
	int line;
	int64_t at; /* the script's time there */
	char *message;
};
/* The session's script on tern. */
void timed_check(const struct timed_session *, const struct timed_knobs *,
		 struct timed_verdict *);

#endif
