// SPDX-License-Identifier: BSD-2-Clause
/*
 * The differential test: the same seeded sequence of segments and socket calls
 * for the kernel beneath and for tern, and every answer compared.
 *
 *	diff_gen	a seed becomes a plan: a few facts and a list of steps
 *	diff_side	carries steps out on one stack, notes what came of it
 *	diff_peer	the segments of it; diff_call: the calls
 *	diff_compare	two such notes: are they the same?
 *	diff_known	differences that are meant
 *	diff_run	plans on both sides; shrinks one that differs
 *	diff_script	such a plan as a packetdrill script
 *
 * A step names numbers by what the stack itself has said ("one beyond its
 * window"), so that a plan stays meaningful when steps are taken out of it, and
 * is the same for two stacks whose initial numbers are not.
 *
 * The kernel's answers are there when the call that led to them returns: a TUN
 * device passes its packets up and down at once. So nothing waits, and no timer
 * runs out, unless the machine stops us: a run that took longer than a timer
 * could be is done again. tern's clock follows the kernel's; what is decided by
 * microseconds all the same (when to wait for a larger packet) is no difference
 * if it does not come again.
 */
#ifndef DIFF_H
#define DIFF_H

#include "lab/drill_adapter.h"
#include "lab/drill_wire.h"

#include <tern/stack.h>

#define DIFF_STEPS 48
#define DIFF_PKTS 48   /* that one step may lead to */
#define DIFF_SLOTS 3   /* sockets: the first, and two accepted ones */
#define DIFF_DATA 8192 /* that one call takes or gives */

enum diff_kind {
	DIFF_SEG,
	DIFF_ACCEPT,
	DIFF_SEND,
	DIFF_RECV,
	DIFF_SHUTDOWN,
	DIFF_CLOSE,
	DIFF_SETOPT, /* arg: which of diff_opts */
	DIFF_GETERR,
	DIFF_CONNECT,
	DIFF_LISTEN,
	DIFF_ATMARK,
	DIFF_ICMP, /* arg: which of diff_errors */
	DIFF_N_KINDS,
};

/* What a number in a segment is counted from. */
enum diff_seq_ref {
	DIFF_SEQ_NXT,  /* what the stack asks for next */
	DIFF_SEQ_SENT, /* behind all that the peer has sent */
	DIFF_SEQ_EDGE, /* the right edge of the stack's window */
	DIFF_SEQ_ISS,  /* the peer's SYN */
	DIFF_N_SEQ_REFS,
};
enum diff_ack_ref {
	DIFF_ACK_SENT, /* behind all that the stack has sent */
	DIFF_ACK_UNA,  /* what the peer acknowledged last */
	DIFF_ACK_ISS,  /* the stack's SYN */
	DIFF_N_ACK_REFS,
};

enum diff_ts {
	DIFF_TS_NONE,
	DIFF_TS_NEXT, /* a little later than the last */
	DIFF_TS_SAME,
	DIFF_TS_OLD,
	DIFF_TS_FAR,	 /* half the number space away */
	DIFF_TS_BAD_ECR, /* the stack never sent what is echoed */
	DIFF_N_TS,
};

/* The Fast Open option of a SYN. */
enum diff_fo {
	DIFF_FO_NONE,
	DIFF_FO_ASKS,
	DIFF_FO_GOOD,
	DIFF_FO_BAD,
	DIFF_FO_ODD, /* of a length that none has */
	DIFF_N_FO,
};

/* What plans are mostly about. */
enum diff_mode {
	DIFF_PLAIN,
	DIFF_WIDE, /* with ICMP errors, small buffers and held-back accepts */
	DIFF_FASTOPEN,
	DIFF_RECONNECT,
	DIFF_URGENT,
	DIFF_WINDOW,
	DIFF_ERRORS,
	DIFF_COOKIES,
	DIFF_N_MODES,
};

/* Options of a SYN. */
enum { DIFF_OPT_MSS = 1, DIFF_OPT_WS = 2, DIFF_OPT_SACK = 4, DIFF_OPT_TS = 8 };

struct diff_step {
	uint8_t kind;
	uint8_t slot;
	int32_t arg, arg2;

	uint8_t seq_ref, ack_ref, ts;
	uint8_t opts, n_sack;
	uint16_t flags, win, urg, len;
	int32_t seq_off, ack_off;
	int32_t sack[4]; /* from ACK_UNA: start, end, start, end */
	uint8_t fo;	 /* enum diff_fo */
};

struct diff_plan {
	uint64_t seed;
	enum diff_mode mode;
	bool active;
	bool unconnected; /* active, but a step connects */
	uint8_t fo;	  /* TCP_FASTOPEN of the listener */
	bool no_cookie;	  /* TCP_FASTOPEN_NO_COOKIE */
	uint8_t backlog;
	uint8_t opts;	 /* of the peer's SYN */
	uint8_t defer;	 /* TCP_DEFER_ACCEPT of the listener */
	uint32_t rcvbuf; /* SO_RCVBUF; 0: as it is */
	uint16_t mss;	 /* that it announces */
	uint32_t irs;	 /* the peer's initial number */
	int n;
	struct diff_step steps[DIFF_STEPS];
};

struct diff_pkt {
	struct drill_pkt pkt; /* relative numbers, no timestamp value */
	bool is_zero;	      /* a RST whose number is 0 on the wire */
	bool broken;
	uint32_t ts_val;
	uint32_t hash; /* of the payload */
};

/* What came of a step. */
struct diff_out {
	int64_t result;
	uint32_t hash; /* of the bytes that a recv gave */
	int n_pkts;
	struct diff_pkt pkts[DIFF_PKTS];
	uint32_t ready[DIFF_SLOTS];
	int inq[DIFF_SLOTS], outq[DIFF_SLOTS];
	uint32_t mem[DIFF_SLOTS]; /* what the receive queue is charged */
	uint32_t fwd[DIFF_SLOTS]; /* the kernel: memory that it has reserved */
	bool has_info[DIFF_SLOTS];
	struct tern_tcp_info info[DIFF_SLOTS];
	struct drill_pkt sent; /* a segment: as it was, numbers relative */
};

struct diff_side {
	struct drill_adapter *a;
	bool is_kernel;
	bool v6;
	struct diff_ends {
		struct tern_addr local, remote;
		uint16_t lport, rport;
	} ends;
	int fd[DIFF_SLOTS];
	uint32_t irs, iss;
	bool has_iss, has_edge, has_ts;
	uint8_t ws_in, ws_out; /* the peer's, the stack's */
	bool ws_offered;
	uint32_t nxt, edge, snt; /* relative: of the stack */
	uint32_t una, sent;	 /* relative: of the peer */
	uint32_t ts_next, ts_seen, ts_first;
	uint32_t written; /* bytes that calls have sent */
	uint8_t cookie[8];
};

/* --- diff_gen.c --- */
void diff_plan_make(struct diff_plan *, uint64_t seed, enum diff_mode);
struct diff_opt {
	int level, name;
	const char *text; /* "SOL_TCP, TCP_NODELAY" */
};
extern const struct diff_opt diff_opts[];
extern const int diff_n_opts;
/* Errors that a router or the peer's host may tell of. */
struct diff_error {
	uint8_t type4, code4, type6, code6;
	bool mtu; /* arg2 is one */
};
extern const struct diff_error diff_errors[];
extern const int diff_n_errors;

/* --- diff_modes.c --- */
struct diff_mode_row {
	const char *name, *help;
	/* Of the stack, "NAME VALUE"; NULL ends them. */
	const char *knobs[4][2];
	bool own_remote; /* what a stack remembers of a peer matters */
};
extern const struct diff_mode_row diff_modes[DIFF_N_MODES];
struct dice;
/* Changes a plan that has no steps; adds steps; adds the beginning's. */
void diff_mode_facts(struct dice *, struct diff_plan *);
bool diff_mode_begin(struct dice *, struct diff_plan *);
void diff_mode_step(struct dice *, struct diff_plan *);

/* --- diff_side.c --- */
/* A kernel's, for all plans of this process; a tern's, for one plan. */
struct drill_adapter *diff_adapter_new(bool kernel, bool v6, enum diff_mode,
				       const char **why);
void diff_begin(struct diff_side *, const struct diff_plan *, uint32_t nth);
/* `now`: since the plan began; only tern is told. */
void diff_step(struct diff_side *, const struct diff_plan *,
	       const struct diff_step *, int64_t now, struct diff_out *);
/* Resets what is left, closes all, forgets what still comes. */
void diff_end(struct diff_side *, const struct diff_plan *);

/* --- diff_compare.c --- */
/* NULL: the same; else the name of the first thing that differs. */
const char *diff_compare(const struct diff_out *kernel,
			 const struct diff_out *tern);

/* --- diff_known.c --- */
struct diff_found {
	const struct diff_plan *plan;
	int step;
	const char *what;
	const struct diff_out *kernel, *tern;
	const struct diff_out *kernel_before, *tern_before; /* or NULL */
};
/* The class that it is of, or -1. */
int diff_known(const struct diff_found *);
/* Does a row say that this of the socket is not compared? */
bool diff_passed_over(const char *what, const struct diff_out *kernel,
		      int slot);
/* How often row i did. */
uint64_t diff_n_passed(int i);
extern const int diff_n_known;
const char *diff_known_name(int i);
const char *diff_known_why(int i);

/* --- diff_run.c --- */
struct diff_run {
	struct drill_adapter *kernel;
	uint32_t nth; /* plans carried out: names the next one's ports */
	bool v6;
	enum diff_mode mode;
	uint64_t again;	  /* done again for having taken too long */
	uint64_t dropped; /* took too long each time: they say nothing */
	uint64_t once;	  /* differed by microseconds, but not each time */
	bool ignore_known;
	/* of the last plan, per step */
	struct diff_out ours[DIFF_STEPS + 1], theirs[DIFF_STEPS + 1];
	struct diff_found found;
};
/* NULL, or what differs: then run->found tells more. */
const char *diff_run(struct diff_run *, const struct diff_plan *);
/* Takes out of the plan all that the difference does not need. */
void diff_shrink(struct diff_run *, struct diff_plan *, const char *what);

/* --- diff_matrix.c --- */
/* Prints the matrix; 1 if tern answers a cell otherwise. */
int diff_matrix(struct diff_run *);

/* --- diff_script.c --- */
/* What the kernel did, as a script; the last step's answers of both. */
void diff_script(const struct diff_run *, const struct diff_plan *,
		 struct drill_text *script);
void diff_describe(const struct diff_run *, struct drill_text *);

#endif
