// SPDX-License-Identifier: BSD-2-Clause
/*
 * A script that runs: the clock, the flows, the descriptors, what happened so
 * far. drill_run.c goes through the events; drill_pkt_in.c and drill_pkt_out.c
 * do packets, drill_call*.c system calls, drill_shell.c shell texts,
 * drill_code*.c assertions.
 */
#ifndef LAB_DRILL_RUN_H
#define LAB_DRILL_RUN_H

#include "drill_adapter.h"
#include "drill_ast.h"
#include "drill_config.h"
#include "drill_flow.h"
#include "drill_trail.h"

#define DRILL_FD_MAP 256

struct drill_op;

struct drill_run {
	const struct drill_script *script;
	const struct drill_config *config;
	struct drill_mem *mem;
	struct drill_adapter *a;
	bool v6; /* packets are IPv6 */

	/* Time, in ns since the script's start. */
	int64_t start_at; /* of the adapter's clock */
	const struct drill_event *event;
	int64_t event_at; /* when the script wants it; of *: the base */
	int64_t last_at;  /* the same of the event before */
	bool last_was_in;

	struct drill_flow *flows, *sut; /* sut: the socket under test */
	uint16_t next_port;		/* of the next peer */
	struct {
		int script, live;
	} fds[DRILL_FD_MAP];
	int n_fds;

	struct drill_op *blocked;	/* one call at most is under way */
	struct drill_vars *vars;	/* of code */
	uint32_t mtu, advmss, initcwnd; /* the route's, by shell texts */
	struct drill_counters *nstat;

	/* What came of it. */
	bool failed, skipped;
	bool told_no_memory; /* a call was */
	int fail_line;
	struct drill_text message; /* why */
	struct drill_trail trail;
	struct drill_text warnings;
	struct drill_text output; /* of print() and nstat */
};

/* Runs a parsed script; true if it passed. What it says is in the struct. */
bool drill_run(struct drill_run *, struct drill_script *,
	       const struct drill_config *);
void drill_run_fini(struct drill_run *);

/* Now, by the script's clock. */
int64_t drill_run_now(const struct drill_run *);
/* Lets time pass, and whatever is due happen. */
void drill_run_until(struct drill_run *, int64_t at);
/* Runs to the next thing due, but not past `until`: false if nothing was. */
bool drill_run_step(struct drill_run *, int64_t until);

/* Ends the run as failed; false. The first failure counts. */
__attribute__((format(printf, 3, 4))) bool
drill_run_fail(struct drill_run *, int line, const char *fmt, ...);
/* Ends it as one that is not for us. */
__attribute__((format(printf, 3, 4))) bool
drill_run_skip(struct drill_run *, int line, const char *fmt, ...);
/* True; but with --thorough a failure. */
__attribute__((format(printf, 3, 4))) bool
drill_run_warn(struct drill_run *, int line, const char *fmt, ...);
/* For what --non_fatal makes a warning. */
__attribute__((format(printf, 4, 5))) bool
drill_run_differs(struct drill_run *, int line, bool non_fatal, const char *fmt,
		  ...);

/* Is `at` close enough to [lo, hi]? base: how long it was waited for. */
bool drill_run_in_time(const struct drill_run *, int64_t at, int64_t lo,
		       int64_t hi, int64_t base);

struct drill_flow *drill_run_new_flow(struct drill_run *, int protocol);
/* The flow on these ports, NULL if there is none. */
struct drill_flow *drill_run_find_flow(struct drill_run *, int protocol,
				       uint16_t lport, uint16_t rport);
struct drill_flow *drill_run_flow_of_fd(struct drill_run *, int live_fd);

/* The live descriptor, or one that is none. */
int drill_run_fd(const struct drill_run *, int64_t script_fd);
void drill_run_map_fd(struct drill_run *, int script_fd, int live_fd);

/* Events. */
bool drill_pkt_in(struct drill_run *, const struct drill_pkt *);
bool drill_pkt_out(struct drill_run *, const struct drill_event *);
/* What is left of the socket under test's. */
bool drill_pkt_left_over(struct drill_run *);
bool drill_call_run(struct drill_run *, const struct drill_event *);
/* Waits up to ns for the call that is under way. */
bool drill_call_settle(struct drill_run *, int64_t ns);
/* Tries again what is under way, after something happened. */
void drill_call_retry(struct drill_run *);
/* When that wants to be woken. */
int64_t drill_call_wake_at(const struct drill_run *);

#endif
