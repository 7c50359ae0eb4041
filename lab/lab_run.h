// SPDX-License-Identifier: BSD-2-Clause
/* A scenario that runs: network, programs, expectations. */
#ifndef LAB_RUN_H
#define LAB_RUN_H

#include "lab_host.h"
#include "lab_log.h"
#include "lab_plot.h"
#include "lab_script.h"

/* A socket by the name that the scenario gave it. What was known of it at its
 * close is kept: connections outlive their sockets. */
struct lab_var {
	struct lab_var *next;
	struct lab_host *host;
	const char *name;
	int fd; /* -1: closed */
	uint16_t lport, rport;
	struct tern_addr remote;
	bool udp;
	bool connects; /* not accepted: its port is its own */
};

/* A socket that has more than one descriptor: so many more. */
struct lab_share {
	struct lab_share *next;
	const struct lab_host *host;
	int fd;
	int n;
};

#define LAB_LOOPS_MAX 4

/* A program that runs. */
struct lab_app {
	struct lab_app *next;
	const struct lab_program *program;
	struct lab_host *host;
	const struct lab_step *step; /* NULL: at its end */
	int64_t ready_at;	     /* when the last step ended */
	bool started;		     /* the step, a call that waits */
	int64_t started_at;
	int phase;	/* of the call that waits */
	int64_t done;	/* bytes so far */
	int stopped_by; /* the error that ended it behind them, or 0 */
	struct {
		const struct lab_step *head;
		uint32_t left;
		bool again; /* not the first round */
	} loops[LAB_LOOPS_MAX];
	int n_loops;
	bool quiet; /* in a loop that is not in its first round */
	int *fds;   /* sockets that it opened and nobody closed */
	int n_fds, cap_fds;
	char got[256]; /* what was read, its start */
	size_t n_got;
};

struct lab_run {
	struct lab_script *script;
	struct drill_mem *mem;
	struct lab_net net;
	struct lab_log log;
	struct lab_app *apps;
	struct lab_var *vars;
	struct lab_share *shares;
	bool plots; /* what follows is kept */
	struct lab_plot plot;
	/* What came of it. */
	struct drill_text report; /* a line for each failure */
	int n_failed, n_held;
	bool endless; /* it was stopped */
};

struct lab_run_options {
	bool has_seed;
	uint64_t seed;
	const struct lab_knob *knobs; /* on every host, after the script's */
	int n_knobs;
	bool plots;
	struct lab_fault *fault; /* or NULL */
	/* Sees frames: of the link of this name, or all of a host. */
	const char *tap;
	lab_wire_tap *on_tap;
	void *tap_ctx;
	/* On the kernel beneath, all hosts or the one of this name, in real
	 * time up to `until`. Only what programs' calls give is checked then:
	 * what a scenario expects of packets and states is for lab_differ().
	 * lab_kernel_enter() comes first. */
	bool kernel;
	const char *on_host;
	int64_t until;
};

/* Plays it; true if all holds. False too if it cannot be set up: the report
 * says what is wrong. */
bool lab_run(struct lab_run *, struct lab_script *, struct drill_mem *,
	     const struct lab_run_options *);
void lab_run_fini(struct lab_run *);

/* Something is not as it should be. */
__attribute__((format(printf, 3, 4))) void
lab_run_fail(struct lab_run *, int line, const char *fmt, ...);

struct lab_var *lab_var_find(struct lab_run *, const struct lab_host *,
			     const char *name);
struct lab_host *lab_run_host(const struct lab_run *, const char *name);
/* A node's address on its first link. */
struct tern_addr lab_run_addr(const struct lab_run *,
			      const struct lab_node_decl *);

/* Lets a program do what it can do now; true: it did something. */
bool lab_app_act(struct lab_run *, struct lab_app *);
/* When it wants to; NEVER: when something happens. */
int64_t lab_app_wake_at(const struct lab_run *, const struct lab_app *);
/* It dies: what it had open is closed, by nobody's call. */
void lab_app_kill(struct lab_run *, struct lab_app *);

/* A call: a count, or -errno; -TERN_EAGAIN: it would wait. */
int64_t lab_call_do(struct lab_run *, struct lab_app *,
		    const struct lab_step *);
/* A socket is a program's, from now on. */
void lab_desc_own(struct lab_app *, int fd);
bool lab_desc_has(const struct lab_app *, int fd);
/* One descriptor more of a socket that is open. */
void lab_desc_share(struct lab_run *, struct lab_app *, int fd);
/* Gives one back, this program's if it has one; with the last the socket is
 * closed. 0, or -errno. */
int lab_desc_close(struct lab_run *, struct lab_app *, int fd);
/* Gives all of a program's back, and says how many. */
int lab_desc_close_all(struct lab_run *, struct lab_app *);
/* The power is off: nobody has any. */
void lab_desc_forget(struct lab_run *, const struct lab_host *);
/* Learns the addresses of a variable's socket. */
void lab_var_learn(struct lab_var *);

#endif
