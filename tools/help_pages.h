// SPDX-License-Identifier: BSD-2-Clause
/* Manual pages and shell completion, from the tables that --help prints. */
#ifndef TOOLS_HELP_PAGES_H
#define TOOLS_HELP_PAGES_H

#include "tools/tool.h"

#include <stddef.h>

/* `tern help --man COMMAND`: its page in man(7). */
void help_man(const struct command *);
/* `tern help --completion bash` and zsh. False: no such shell. */
bool help_completion(const char *shell, const struct command *const *commands,
		     size_t n);

#endif
