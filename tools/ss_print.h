// SPDX-License-Identifier: BSD-2-Clause
/* Sockets as ss(8) and netstat(8) show them. */
#ifndef TOOLS_SS_PRINT_H
#define TOOLS_SS_PRINT_H

#include "control/control_socket.h"
#include "tools/ss_owners.h"

#include <stdio.h>

struct ss_columns {
	bool netid, state; /* more than one protocol, state is shown */
	bool numeric;	   /* no names of services */
	bool timer, extended, memory, info;
	const struct ss_owners *owners; /* shown if not NULL */
	bool one_line;			/* -O */
	bool header;
};

/* A table whose columns are as wide as the first rows want them: those are kept
 * until it is known. */
struct ss_table;
struct ss_table *ss_table_new(const struct ss_columns *, FILE *out);
void ss_table_add(struct ss_table *, const struct control_socket *);
/* Prints what is left, and the header if nothing else did. */
void ss_table_end(struct ss_table *);

/* The text of ss -i, without a newline; the options that were agreed are shown
 * with timers alone, as ss does. */
void ss_print_info(FILE *, const struct control_socket *, bool options);
/* "timer:(on,200ms,0)" or nothing. */
void ss_print_timer(FILE *, const struct control_socket *);

/* netstat -an. */
void ss_netstat_header(FILE *);
void ss_netstat_row(FILE *, const struct control_socket *);

/* One JSON object. */
void ss_json_row(FILE *, const struct control_socket *,
		 const struct ss_owners *);

/* "10.0.0.2", "[::1]", "*": an end's address as ss writes it. */
void ss_addr_text(const struct control_socket *, bool remote, char out[64]);

#endif
