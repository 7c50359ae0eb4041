// SPDX-License-Identifier: BSD-2-Clause
/*
 * The packetdrill language on a tern stack, in virtual time: run files, and
 * say what came of them.
 */
#ifndef LAB_DRILL_H
#define LAB_DRILL_H

#include "drill_ast.h"
#include "drill_parse.h"
#include "lab_fault.h"
#include "ladder.h"

struct drill_result {
	const char *path;
	enum drill_verdict verdict;
	int line;      /* that failed, or why it was skipped */
	char *message; /* why; NULL if it passed */
	char *report;  /* all there is to say, in lines; or NULL */
	char *output;  /* of print() */
	int n_events;
	double real_s;	  /* how long it took */
	double virtual_s; /* how much time passed in it */
	/* With faults: where one could happen; runs in which a call told of it,
	 * the script passed all the same, or went another way. */
	uint64_t n_points, n_told, n_held, n_other;
};

/* What all files of a command line have in common. */
struct drill_setup {
	const struct drill_override *overrides;
	int n_overrides;
	const struct ladder_style *style; /* NULL: 100 columns */
};

/* Runs one file. What the result points to is the caller's. */
void drill_file(const char *path, const struct drill_setup *,
		struct drill_result *);
/* The same of a text. */
void drill_text(const char *path, const char *text, size_t len,
		const struct drill_setup *, struct drill_result *);
/* A script's text, NUL behind it; NULL with errno. free() takes it. */
char *drill_read_file(const char *path, size_t *len);
/* line and message: of a verdict that is not passed. */
void drill_result_set(struct drill_result *, enum drill_verdict, int line,
		      const char *message);
void drill_result_fini(struct drill_result *);

struct drill_batch {
	char *const *paths;
	int n_paths;
	struct drill_setup setup;
	int n_jobs;
	enum lab_fault_kind fault; /* again and again, with one each time */
	/* Called in the order of paths, by one thread at a time. */
	void (*each)(void *ctx, const struct drill_result *);
	void *ctx;
};
/* Runs many; results[] has room for all. */
void drill_batch_run(const struct drill_batch *, struct drill_result *results);

/* Reports of a whole batch. 0 or -errno. */
int drill_report_junit(const char *path, const struct drill_result *, int n);
void drill_report_json(const struct drill_result *, int n);

#endif
