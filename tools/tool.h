// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the subcommands share: how one is described, how its options are read,
 * how it says what went wrong.
 */
#ifndef TOOLS_TOOL_H
#define TOOLS_TOOL_H

#include <tern/link.h>

/* Exit statuses of tern itself. `tern run` passes its program's on, so its own
 * failures are told apart from the usual ones, as env(1) and timeout(1) do. */
enum {
	TOOL_OK = 0,
	TOOL_FAILED = 1,
	TOOL_USAGE = 2,
	TOOL_RUN_FAILED = 125,
};

struct option_row {
	const char *name;  /* without its dashes */
	const char *value; /* what its value is called; NULL: it has none;
			    * "[=FILE]": it may have one */
	const char *help;  /* NULL: not shown in the help */
	char letter;	   /* its short form, or 0 */
};

struct options;

struct command {
	const char *name;
	const char *summary;		  /* one line for tern --help */
	const char *usage;		  /* what follows the name */
	const struct option_row *options; /* ends with a NULL name; or NULL */
	const char *more;		  /* examples and the like; or NULL */
	int usage_status;  /* exit status of a wrong command line */
	bool ends_at_word; /* the first word is a program's */
	int (*run)(struct options *);
};

/* Options of a command line as they come. */
struct options {
	const struct command *command;
	int argc; /* what has not been read */
	char **argv;
	const char *value; /* of the option that was just read */
	char **skipped;	   /* words between options */
	int n_skipped;
	const char *letters; /* of "-tan" what has not been read; or NULL */
};

#define OPTIONS_END (-1)   /* no more options; argc and argv are the rest */
#define OPTIONS_WRONG (-2) /* said so already: return usage_status */

/* The next option's row number. "--" ends them and is skipped. */
int options_next(struct options *);

/* "tern NAME: ..." on standard error, with a newline. */
__attribute__((format(printf, 2, 3))) void tool_error(const struct command *,
						      const char *fmt, ...);

void tool_help(const struct command *);

/* Reads "10.0.0.1/24" or "fd00::1/64". A wrong one is said to be so, with an
 * example. */
bool parse_cidr(const struct command *, const char *option, const char *text,
		struct tern_prefix *out);
bool parse_addr(const struct command *, const char *option, const char *text,
		struct tern_addr *out);
bool parse_number(const struct command *, const char *option, const char *text,
		  uint64_t max, uint64_t *out);
/* A number of bytes, with k, m or g behind it for KiB, MiB, GiB. */
bool parse_size(const struct command *, const char *option, const char *text,
		uint64_t least, uint64_t *out);

/* An address of the prefix that is not p's own: the lowest host's, or the one
 * after it. False if the prefix has no other. */
bool prefix_other(const struct tern_prefix *p, struct tern_addr *out);
bool prefix_contains(const struct tern_prefix *p, const struct tern_addr *a);

extern const struct command cmd_run;
extern const struct command cmd_host;
extern const struct command cmd_net;
extern const struct command cmd_replay;
extern const struct command cmd_bench;
extern const struct command cmd_drill;
extern const struct command cmd_lab;
extern const struct command cmd_ladder;
extern const struct command cmd_capture;
extern const struct command cmd_ss;
extern const struct command cmd_sysctl;
extern const struct command cmd_nstat;
extern const struct command cmd_trace;

#endif
