// SPDX-License-Identifier: BSD-2-Clause
/*
 * Memory from the embedder, counted. The allocator is told the size again when
 * memory goes back, so the count needs no header in front of each block.
 */
#include "base/mem.h"

#include "base/bytes.h"

void *mem_alloc(struct mem *mem, size_t size)
{
	void *p;

	PROMISE(size > 0);
	if (mem->cap && (mem->used > mem->cap || size > mem->cap - mem->used))
		return NULL;
	p = mem->alloc.alloc(mem->alloc.ctx, size);
	if (p)
		mem->used += size;
	return p;
}

void *mem_zalloc(struct mem *mem, size_t size)
{
	void *p = mem_alloc(mem, size);

	if (p)
		memset(p, 0, size);
	return p;
}

void mem_free(struct mem *mem, void *p, size_t size)
{
	if (!p)
		return;
	PROMISE(mem->used >= size);
	mem->used -= size;
	mem->alloc.free(mem->alloc.ctx, p, size);
}
