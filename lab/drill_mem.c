// SPDX-License-Identifier: BSD-2-Clause
/* Chunks in a list, each handed out from its end downwards. */
#include "drill_mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_LEN 16384u /* a script of 100 lines takes about as much */

struct drill_chunk {
	struct drill_chunk *next;
	_Alignas(max_align_t) unsigned char bytes[];
};

void *drill_mem_grow(void *p, size_t n)
{
	p = realloc(p, n);
	if (!p) {
		fputs("tern drill: no memory\n", stderr);
		exit(1);
	}
	return p;
}

void drill_mem_fini(struct drill_mem *m)
{
	struct drill_chunk *next;

	for (; m->chunks; m->chunks = next) {
		next = m->chunks->next;
		free(m->chunks);
	}
	m->left = 0;
}

void *drill_mem_new(struct drill_mem *m, size_t n)
{
	struct drill_chunk *chunk;
	size_t size;

	n = (n + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	if (n > m->left) {
		size = n > CHUNK_LEN ? n : CHUNK_LEN;
		chunk = drill_mem_grow(NULL, sizeof(*chunk) + size);
		chunk->next = m->chunks;
		m->chunks = chunk;
		m->left = size;
	}
	m->left -= n;
	return memset(m->chunks->bytes + m->left, 0, n);
}

char *drill_mem_copy(struct drill_mem *m, const char *bytes, size_t n)
{
	char *out = drill_mem_new(m, n + 1);

	memcpy(out, bytes, n);
	return out;
}

char *drill_mem_printf(struct drill_mem *m, const char *fmt, ...)
{
	struct drill_text text = { 0 };
	va_list args;
	char *out;

	va_start(args, fmt);
	drill_text_vadd(&text, fmt, args);
	va_end(args);
	out = drill_mem_copy(m, text.s, text.len);
	free(text.s);
	return out;
}

void drill_text_vadd(struct drill_text *t, const char *fmt, va_list args)
{
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return;
	if (t->len + (size_t)n + 1 > t->cap) {
		t->cap = 2 * (t->len + (size_t)n + 64);
		t->s = drill_mem_grow(t->s, t->cap);
	}
	vsnprintf(t->s + t->len, (size_t)n + 1, fmt, args);
	t->len += (size_t)n;
}

void drill_text_add(struct drill_text *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	drill_text_vadd(t, fmt, args);
	va_end(args);
}
