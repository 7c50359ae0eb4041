// SPDX-License-Identifier: BSD-2-Clause
#include "lab_fault.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#define NOISE_LEN 512 /* of a block: enough for every struct */

bool lab_fault_point(struct lab_fault *f, enum lab_fault_kind kind)
{
	uint64_t number;

	if (f->kind != kind)
		return false;
	number = f->n_points++;
	if (number < f->fail_from || number >= f->fail_to)
		return false;
	f->n_failed++;
	return true;
}

static void *take(void *ctx, size_t size)
{
	struct lab_fault *f = ctx;
	void *p;

	if (size == 0)
		f->n_wrong++;
	if (lab_fault_point(f, LAB_FAULT_ALLOC))
		return NULL;
	p = malloc(size);
	if (!p)
		return NULL;
	memset(p, 0xa5, min_size(size, NOISE_LEN));
	f->used += size;
	f->n_out++;
	return p;
}

static void give(void *ctx, void *p, size_t size)
{
	struct lab_fault *f = ctx;

	if (!p || !f->n_out || f->used < size) {
		f->n_wrong++;
		return;
	}
	f->used -= size;
	f->n_out--;
	free(p);
}

struct tern_allocator lab_fault_allocator(struct lab_fault *f)
{
	return (struct tern_allocator){ f, take, give };
}

bool lab_fault_is_balanced(const struct lab_fault *f)
{
	return !f->used && !f->n_out && !f->n_wrong;
}
