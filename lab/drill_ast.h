// SPDX-License-Identifier: BSD-2-Clause
/*
 * A script as it was read: events in the order of the file, each with its
 * line. All of it lies in the script's drill_mem.
 */
#ifndef LAB_DRILL_AST_H
#define LAB_DRILL_AST_H

#include "drill_mem.h"

#include <tern/socket.h>

#include <stdbool.h>
#include <stdint.h>

enum drill_time_kind {
	DRILL_TIME_ABSOLUTE,
	DRILL_TIME_RELATIVE,
	DRILL_TIME_ANY,
};

struct drill_time {
	enum drill_time_kind kind;
	int64_t at;  /* ns */
	int64_t end; /* of a range, or when a blocking call returns */
	bool is_range;
	bool blocks;
};

enum drill_proto {
	DRILL_TCP,
	DRILL_UDP,
	DRILL_ICMP,
};

/* What is compared of the TOS byte. */
enum drill_tos {
	DRILL_TOS_NONE,
	DRILL_TOS_ECN,	 /* two bits */
	DRILL_TOS_ECT01, /* either ECT */
	DRILL_TOS_ALL,
};

struct drill_ip {
	enum drill_tos tos_check;
	uint8_t tos, ttl;
	bool has_ttl, has_flow;
	uint32_t flow;
};

/* RFC 2784 2.1, RFC 2890 2; RFC 3032 2.1. */
#define DRILL_GRE_SUM 0x8000
#define DRILL_GRE_KEY 0x2000
#define DRILL_GRE_SEQ 0x1000
#define DRILL_MPLS_BOTTOM 0x100

/* A header around a packet. */
struct drill_wrap {
	enum { DRILL_WRAP_IP, DRILL_WRAP_GRE, DRILL_WRAP_MPLS } kind;
	struct tern_addr src, dst;
	struct drill_ip ip;
	uint16_t gre_flags; /* as on the wire */
	uint16_t gre_sum, gre_off;
	uint32_t gre_key, gre_seq;
	uint8_t n_labels;
	uint32_t labels[4]; /* as on the wire */
};
#define DRILL_WRAPS_MAX 4

/* A packet in the script's own numbers, whether a line says it or it came from
 * the stack. */
struct drill_pkt {
	bool in;
	enum drill_proto proto;
	uint8_t n_wraps;
	struct drill_wrap wraps[DRILL_WRAPS_MAX]; /* the outermost first */
	struct drill_ip ip;
	bool has_ports, has_win, has_mtu, has_id;
	uint16_t sport, dport;

	uint16_t flags; /* TCP_* of wire_tcp.h */
	uint8_t reserved;
	uint32_t seq, ack, len; /* len: payload, of UDP too */
	uint16_t win, urg;
	bool any_opts;	/* <...> */
	uint8_t n_opts; /* bytes */
	uint8_t opts[40];

	uint8_t type, code; /* ICMP */
	uint32_t mtu, id;
	enum {
		DRILL_QUOTE_NONE,
		DRILL_QUOTE_TCP,
		DRILL_QUOTE_UDP,
		DRILL_QUOTE_RAW,
	} quote; /* seq and len are what is quoted */
};

enum drill_expr_kind {
	DRILL_EX_NUM,
	DRILL_EX_STR,
	DRILL_EX_ANY,	 /* ... */
	DRILL_EX_LIST,	 /* [a, b] */
	DRILL_EX_STRUCT, /* {a, b} or {name=a, ...} */
	DRILL_EX_ADDR,	 /* inet_addr(), inet6_addr() */
};

struct drill_expr {
	enum drill_expr_kind kind;
	int line;
	struct drill_expr *next;  /* in a list, struct or call */
	struct drill_expr *first; /* members */
	const char *name;	  /* of a struct's member, or NULL */
	int64_t num;
	const char *str;
	size_t len;
	struct tern_addr addr;
};

struct drill_call {
	const char *name;
	const char *text; /* as written, from the name to the ")" */
	struct drill_expr *args;
	int n_args;
	struct drill_expr *result;
	int error; /* a positive errno that is expected, or 0 */
	const struct drill_call_row *row;
};

/* What a shell text means here: see drill_shell.c. */
struct drill_shell {
	struct drill_shell *next;
	int line;
	int action;
	const char *name, *value;
	int64_t num;
};

struct drill_code; /* drill_code.h */

enum drill_event_kind {
	DRILL_EV_PACKET,
	DRILL_EV_CALL,
	DRILL_EV_SHELL,
	DRILL_EV_CODE,
};

struct drill_event {
	struct drill_event *next;
	enum drill_event_kind kind;
	int line;
	struct drill_time time;
	const char *text; /* the action as written, one line */
	union {
		struct drill_pkt *pkt;
		struct drill_call *call;
		struct drill_shell *shell;
		struct drill_code *code;
	};
};

struct drill_script {
	struct drill_mem mem;
	const char *path;
	struct drill_shell *init, *cleanup;
	struct drill_event *events;
	int n_events;
};

/* What became of a script. */
enum drill_verdict {
	DRILL_PASSED,
	DRILL_FAILED,
	DRILL_SKIPPED,
	DRILL_N_VERDICTS,
};

#endif
