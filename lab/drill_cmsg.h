// SPDX-License-Identifier: BSD-2-Clause
/*
 * Control messages received, as a script has them:
 *
 *	{cmsg_level=L, cmsg_type=T, cmsg_data=D}
 *
 * D is a number, {scm_sec=, scm_nsec=} (a time of the script), {ee_errno=, ...}
 * or a list of {TCP_NLA_X=v, ...}; "..." is not compared.
 */
#ifndef LAB_DRILL_CMSG_H
#define LAB_DRILL_CMSG_H

#include "drill_ast.h"

#include <sys/socket.h>

struct drill_op;
struct drill_run;

/* A member of a struct that is a number; 0 if it is not there. */
int64_t drill_cmsg_number(const struct drill_expr *, const char *name);

/* All of them must have come, in the script's order, and no others. */
void drill_cmsg_match(struct drill_run *, struct drill_op *, struct msghdr *);

#endif
