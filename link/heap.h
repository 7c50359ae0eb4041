// SPDX-License-Identifier: BSD-2-Clause
/* The C library's heap, as stacks and pools take one. */
#ifndef LINK_HEAP_H
#define LINK_HEAP_H

#include <tern/link.h>

extern const struct tern_allocator heap_allocator;

#endif
