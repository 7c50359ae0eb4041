// SPDX-License-Identifier: BSD-2-Clause
/*
 * Memory of one script: all of it is given back at once, at its end. There is
 * no failure to handle: without memory the tool says so and exits.
 */
#ifndef LAB_DRILL_MEM_H
#define LAB_DRILL_MEM_H

#include <stdarg.h>
#include <stddef.h>

struct drill_mem {
	struct drill_chunk *chunks;
	size_t left; /* of the newest chunk */
};

void drill_mem_fini(struct drill_mem *);

/* n bytes, zero, aligned for any type. */
void *drill_mem_new(struct drill_mem *, size_t n);
#define DRILL_NEW(mem, type) ((type *)drill_mem_new((mem), sizeof(type)))

/* A copy of n bytes with a NUL behind them. */
char *drill_mem_copy(struct drill_mem *, const char *bytes, size_t n);
__attribute__((format(printf, 2, 3))) char *
drill_mem_printf(struct drill_mem *, const char *fmt, ...);

/* malloc and realloc that do not fail. */
void *drill_mem_grow(void *p, size_t n);

/* Text that grows; free() takes it. */
struct drill_text {
	char *s; /* NULL while empty */
	size_t len, cap;
};
__attribute__((format(printf, 2, 3))) void drill_text_add(struct drill_text *,
							  const char *fmt, ...);
void drill_text_vadd(struct drill_text *, const char *fmt, va_list);

#endif
