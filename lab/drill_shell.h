// SPDX-License-Identifier: BSD-2-Clause
/*
 * Shell texts, as far as they set up a stack. There is no shell: each command
 * is one that is known, or the script is skipped.
 */
#ifndef LAB_DRILL_SHELL_H
#define LAB_DRILL_SHELL_H

#include "drill_ast.h"
#include "drill_lex.h"

struct drill_run;

/* What a text stands for; refuses it through the lexer if nothing. */
struct drill_shell *drill_shell_parse(struct drill_lex *, const char *text,
				      int line);
bool drill_shell_run(struct drill_run *, const struct drill_shell *);
/* A file of commands, or a defaults.sh that need not be there. */
bool drill_shell_run_file(struct drill_run *, const char *path);

#endif
