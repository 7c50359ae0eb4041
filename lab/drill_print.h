// SPDX-License-Identifier: BSD-2-Clause
/* Packets and times in the script's own syntax. */
#ifndef LAB_DRILL_PRINT_H
#define LAB_DRILL_PRINT_H

#include "drill_ast.h"

/* "> P. 1:1001(1000) ack 1 win 500 <nop,nop,TS val 1 ecr 2>" */
void drill_print_pkt(struct drill_text *, const struct drill_pkt *, bool v6);
/* The headers around it: "ipv4 192.0.2.1 > 192.0.2.2: gre: " */
void drill_print_wraps(struct drill_text *, const struct drill_pkt *);
void drill_print_flags(struct drill_text *, uint16_t flags);
void drill_print_opts(struct drill_text *, const struct drill_pkt *);
/* "0.123456" */
void drill_print_time(struct drill_text *, int64_t ns);

#endif
