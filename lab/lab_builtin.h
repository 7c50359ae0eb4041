// SPDX-License-Identifier: BSD-2-Clause
/* The scenarios of lab/scenarios/, compiled in by scripts/embed-scenarios: an
 * installed tern has them wherever it is. */
#ifndef LAB_BUILTIN_H
#define LAB_BUILTIN_H

#include <stddef.h>

struct lab_builtin {
	const char *name;
	const char *text;
	size_t len;
};

/* Sorted by name; ends with a NULL one. */
extern const struct lab_builtin lab_builtins[];

#endif
