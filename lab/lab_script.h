// SPDX-License-Identifier: BSD-2-Clause
/*
 * A scenario as it is written: what lab_parse*.c make of a text and lab_run.c
 * plays. The language is described in doc/lab.md.
 */
#ifndef LAB_SCRIPT_H
#define LAB_SCRIPT_H

#include "drill_mem.h"
#include "lab_attack.h"
#include "lab_router.h"
#include "lab_wire.h"

enum lab_lang { LAB_EN, LAB_ZH, LAB_N_LANGS };

#define LAB_ARGS_MAX 8

struct lab_node_decl {
	struct lab_node_decl *next;
	enum { LAB_HOST, LAB_ROUTER, LAB_NAT } kind;
	const char *name;
	int line;
	bool has_addr[2];
	struct tern_addr addr[2]; /* IPv4, IPv6; of the first link */
	struct lab_router_config router;
	uint32_t descriptors;  /* of a host; 0: the stack's own bound */
	int64_t handle_ns;     /* a host takes so long for each packet */
	struct lab_node *node; /* of the run */
};

struct lab_link_decl {
	struct lab_link_decl *next;
	const char *a, *b, *name;
	int line;
	uint32_t mtu;
	struct impair_config lanes[2];
	struct lab_rule *rules;
	struct lab_node *node;
};

/* What a router has been told of the way to a host. */
struct lab_route_decl {
	struct lab_route_decl *next;
	const char *router, *to, *by;
	int line;
};

struct lab_knob_decl {
	struct lab_knob_decl *next;
	const char *host; /* NULL: all */
	const char *name, *value;
	int line;
};

/* What the kernel does otherwise: a difference with this text has this reason. */
struct lab_known_decl {
	struct lab_known_decl *next;
	const char *text, *why;
	int n; /* that have been met */
};

/* An argument of a call. */
struct lab_arg {
	enum { LAB_WORD, LAB_TEXT, LAB_NUMBER } kind;
	const char *text;
	size_t len;
	int64_t number;
};

/* What a call is expected to give. */
struct lab_result {
	enum {
		LAB_RESULT_NONE, /* any, but not an error */
		LAB_RESULT_NUMBER,
		LAB_RESULT_ERROR,
		LAB_RESULT_TEXT,
		LAB_RESULT_ANY,
	} kind;
	enum lab_op op;
	int64_t number; /* or the error */
	const char *text;
	size_t len;
};

/* A line of a program: a call. */
struct lab_step {
	struct lab_step *next;
	int line;
	int64_t at;    /* not before; -1: right after the last */
	int64_t after; /* so long after the last one's end */
	const struct lab_call *call;
	const char *var; /* gets the result, or NULL */
	struct lab_arg args[LAB_ARGS_MAX];
	int n_args;
	bool nowait;
	struct lab_result result;
	/* A loop's head: steps up to `end` are done `times` times. */
	uint32_t times;
	struct lab_step *end;
	const char *text; /* as it was written */
};

/* The steps that one program does, in order. */
struct lab_program {
	struct lab_program *next;
	const char *name, *host; /* "client.web" on host "client" */
	struct lab_step *steps, *last;
	int line;
};

enum lab_happening_kind {
	LAB_POWER_OFF,
	LAB_BOOT,
	LAB_KILL, /* a program, or all of a host */
	LAB_SET,  /* a knob */
	LAB_LINK_DOWN,
	LAB_LINK_UP,
	LAB_INJECT,
	LAB_FORGE,  /* a packet that nobody has sent */
	LAB_IMPAIR, /* a link's impairments, anew */
};

/* What befalls a host or a link, whatever its programs do. */
struct lab_happening {
	struct lab_happening *next;
	enum lab_happening_kind kind;
	int64_t at;
	int line;
	const char *who; /* host, program or link */
	const char *name, *value;
	struct impair_config lanes[2];
	int64_t seq, ack; /* of what is injected, relative; -1: its own */
	struct lab_forgery *forgery;
	uint32_t times, n_done; /* forged so often, so far */
	int64_t every_ns;
	bool done;
};

enum lab_expect_kind {
	LAB_EXPECT_SEGMENT, /* is sent (or arrives): times, count */
	LAB_EXPECT_STATE,   /* of a socket */
	LAB_EXPECT_COUNT,   /* of sockets in a state */
	LAB_EXPECT_PATH,    /* the states a socket goes through */
	LAB_EXPECT_INFO,    /* a TCP_INFO field or a queue */
	LAB_EXPECT_COUNTER,
	LAB_EXPECT_DROPS,
	LAB_EXPECT_TIMER, /* which one runs, and until when */
	LAB_EXPECT_FIRES, /* timers that fired, and when */
	LAB_EXPECT_MEMORY,
	LAB_EXPECT_POLL,
};

#define LAB_TIMES_MAX 32

struct lab_expect {
	struct lab_expect *next;
	enum lab_expect_kind kind;
	int line;
	bool negated; /* "not": must fail (for tests) */
	int64_t at;   /* when to look; -1: at the end */
	bool checked, holds;
	const char *host, *var;
	struct lab_pattern pattern;
	bool arrives; /* at the host, not sent by it */
	bool none, exactly;
	uint32_t count;
	int64_t times[LAB_TIMES_MAX];
	int n_times;
	int64_t tolerance_ns;
	int state;
	int states[16];
	int n_states;
	const char *name; /* of a field, counter, timer, kind of memory */
	enum lab_op op;
	int64_t value;
	const char *text;
	const char *said; /* what was wrong */
};

struct lab_script {
	const char *path; /* or the name of one that is built in */
	const char *title[LAB_N_LANGS];
	const char *question[LAB_N_LANGS];
	const char *explain[LAB_N_LANGS];
	const char *rows;
	struct lab_node_decl *nodes, **last_node;
	struct lab_link_decl *links, **last_link;
	struct lab_route_decl *routes, **last_route;
	struct lab_knob_decl *knobs, **last_knob;
	struct lab_known_decl *known, **last_known;
	const char *not_on_kernel; /* why the kernel cannot run it */
	struct lab_program *programs, **last_program;
	struct lab_happening *happenings, **last_happening;
	struct lab_expect *expects, **last_expect;
	int n_expects, n_lines;
	bool v6;
	uint64_t seed;
	int64_t run_for; /* 0: until nothing happens any more */
	bool show_cc, show_ts, show_plot;
	int64_t show_until; /* the ladder ends there; 0: at the end */
	/* What is wrong with it: "FILE:LINE: ..." */
	struct drill_text error;
};

/* A program's calls, by name. */
struct lab_call;
const struct lab_call *lab_call_find(const char *name);
const char *lab_call_args(const struct lab_call *, int *min, int *max);
/* For the document: the i-th call's name, and help in one line. */
const char *lab_call_at(int i, const char **usage, const char **help);

/* "IN+OUT+RDHUP" as poll's bits, -1: no such; and back. */
int64_t lab_poll_bits(const char *text);
void lab_poll_print(struct drill_text *, int64_t bits);

/* A state by the name that ss has for it, in any case and spelling; 0: none.
 * CLOSED is 7. */
int lab_state_find(const char *name);

/* False: script->error says why. Everything lives in mem. */
bool lab_script_parse(struct lab_script *, struct drill_mem *, const char *path,
		      const char *text, size_t len);
void lab_script_fini(struct lab_script *);

struct lab_node_decl *lab_script_node(const struct lab_script *,
				      const char *name);
struct lab_link_decl *lab_script_link(const struct lab_script *,
				      const char *name);

#endif
