// SPDX-License-Identifier: BSD-2-Clause
/* The files that tell a program under tern run about names. */
#ifndef TOOLS_RUN_NAMES_H
#define TOOLS_RUN_NAMES_H

#include "tools/run_host.h"

struct run_names {
	char *resolv_conf; /* NULL: the system's */
	char *hosts;
};

/* False after telling that --resolv's file cannot be read. To be asked for
 * when the device is there. */
bool run_names_make(struct run_names *, const struct command *,
		    const struct run_host_config *);
/* The text of --resolv's file, to be freed; NULL after telling why not. */
char *run_names_resolv(const struct command *, const char *path);
void run_names_free(struct run_names *);

#endif
