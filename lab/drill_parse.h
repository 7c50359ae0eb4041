// SPDX-License-Identifier: BSD-2-Clause
/*
 * From text to struct drill_script. drill_parse.c has the file, its options
 * and times; drill_parse_pkt.c what follows < and >, drill_parse_call.c the
 * system calls.
 */
#ifndef LAB_DRILL_PARSE_H
#define LAB_DRILL_PARSE_H

#include "drill_ast.h"
#include "drill_config.h"
#include "drill_lex.h"

struct drill_parse {
	struct drill_lex lex;
	struct drill_config *config;
	struct drill_script *script;
};

/* An option of the command line. */
struct drill_override {
	const char *name, *value;
};

/*
 * Reads a script. Its own options go into config, then the overrides, then
 * what depends on these. Passed: all is well. Else *line and *error say what
 * is not.
 */
enum drill_verdict drill_parse(struct drill_script *, const char *text,
			       size_t len, struct drill_config *config,
			       const struct drill_override *overrides,
			       int n_overrides, int *line, const char **error);

/* Behind "<" or ">". */
struct drill_pkt *drill_parse_pkt(struct drill_parse *, bool in);
/* From the call's name on. */
struct drill_call *drill_parse_call(struct drill_parse *);

/* "(x)" or "[x]", if it is there. */
void drill_parse_ip_info(struct drill_parse *, struct drill_ip *, bool in);
/* Headers around a packet, if there are any. */
void drill_parse_encap(struct drill_parse *, struct drill_pkt *);
/* The bytes of TCP options behind "<" up to ">". */
void drill_parse_opts(struct drill_parse *, struct drill_pkt *);
/* Behind "icmp". */
void drill_parse_icmp(struct drill_parse *, struct drill_pkt *);

/* The name of an ICMP type or code; NULL if it has none. */
const char *drill_icmp_type_name(bool v6, unsigned type);
const char *drill_icmp_code_name(bool v6, unsigned type, unsigned code);

/* A symbol's value (AF_INET, EAGAIN, ...); false if there is none. */
bool drill_sym_find(const char *name, size_t len, int64_t *out);
/* "EAGAIN" for 11; NULL if it has no name. */
const char *drill_sym_errno(int error);
/* The i-th symbol, NULL past the last. */
const char *drill_sym_at(int i, int64_t *value);

#endif
