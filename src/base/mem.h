// SPDX-License-Identifier: BSD-2-Clause
/*
 * The embedder's allocator, with a count and a cap (X4, X6).
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <tern/link.h>

struct mem {
	struct tern_allocator alloc;
	size_t used;
	size_t cap; /* 0: none */
};

/* size > 0; not cleared; NULL beyond the cap or without memory. */
void *mem_alloc(struct mem *, size_t size);
void *mem_zalloc(struct mem *, size_t size);
/* p may be NULL; size is what was asked for. */
void mem_free(struct mem *, void *p, size_t size);

#endif
