// SPDX-License-Identifier: BSD-2-Clause
#include "heap.h"

#include <stdlib.h>

static void *alloc(void *ctx, size_t size)
{
	return malloc(size);
}

static void release(void *ctx, void *ptr, size_t size)
{
	free(ptr);
}

const struct tern_allocator heap_allocator = { .alloc = alloc,
					       .free = release };
