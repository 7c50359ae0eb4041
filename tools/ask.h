// SPDX-License-Identifier: BSD-2-Clause
/* For commands that ask a running host one thing and print it. */
#ifndef TOOLS_ASK_H
#define TOOLS_ASK_H

#include "control/control.h"
#include "tools/tool.h"

/* The options that each of them has: put first in its table. */
enum { ASK_HOST, ASK_JSON, ASK_OPTIONS };

#define ASK_OPTION_ROWS                                                \
	[ASK_HOST] = { "host", "HOST",                                 \
		       "which host (needed if several are running)" }, \
	[ASK_JSON] = { "json", NULL, "the rows as JSON, one a line" }

struct ask {
	const struct command *command;
	const char *host;
	bool json;
};

/* Takes one of ASK_OPTION_ROWS. */
void ask_option(struct ask *, int row, const char *value);

/* A connection to the host that is meant; 0 or the exit status. */
int ask_connect(const struct ask *, int *fd);
/* The exit status of an error of control_ask() and its kin, which it tells. */
int ask_tell(const struct ask *, int error, const char *why);

/* Asks and calls fn for each row, or prints the rows themselves for --json. 0
 * or the exit status after telling an error. args is taken over. */
int ask_host(const struct ask *, const char *question, json_t *args,
	     control_row_fn *fn, void *ctx);
/* The same for an answer that does not end; --json is fn's to heed. */
int ask_host_until(const struct ask *, const char *question, json_t *args,
		   control_until_fn *fn, void *ctx);
/* The same for the socket table; --json is fn's to heed. */
int ask_host_sockets(const struct ask *, json_t *args, control_socket_fn *fn,
		     void *ctx);

/* A member of a row, "" or 0 if it is not there. */
const char *row_text(const json_t *row, const char *key);
int64_t row_number(const json_t *row, const char *key);

#endif
