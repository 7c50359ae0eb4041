// SPDX-License-Identifier: BSD-2-Clause
/*
 * Socket numbers: which are taken and by what, and which have news.
 *
 * The lowest free number is found by a bitmap with a summary over it; memory
 * comes in pages of SLOTS_PAGE numbers. News are a FIFO threaded through the
 * slots: a socket is in it at most once.
 */
#ifndef BASE_SLOTS_H
#define BASE_SLOTS_H

#include "base/mem.h"

#define SLOTS_PAGE 1024u
#define SLOTS_NONE UINT32_MAX

enum slot_kind {
	SLOT_FREE,
	SLOT_TCP,
	SLOT_UDP,
};

struct slot {
	uint32_t obj;  /* slab id of what the number stands for */
	uint32_t next; /* in the FIFO of news */
	uint8_t kind;  /* enum slot_kind */
	bool queued;
	bool fresh; /* what is queued is about the number's last owner */
	bool v6;    /* AF_INET6; sock/ sets it */
};

struct slots {
	struct mem *mem;
	struct slot **pages;
	uint64_t *used; /* a bit a number; behind it the summary */
	uint32_t n_pages;
	uint32_t cap_pages; /* that pages[] and used[] have room for */
	uint32_t max;	    /* numbers at most */
	uint32_t n_used;
	uint32_t lowest;     /* no free number below */
	uint32_t head, tail; /* news */
	size_t footprint;
};

void slots_init(struct slots *, struct mem *, uint32_t max);
void slots_fini(struct slots *);

/* The lowest free number, or -TERN_EMFILE, -TERN_ENOMEM. */
int slots_take(struct slots *, enum slot_kind, uint32_t obj);
void slots_give(struct slots *, int s);

/* The slot of a number in use, or NULL. */
struct slot *slots_at(const struct slots *, int s);

/* Something happened at s (negative: nobody's, ignored). */
void slots_post(struct slots *, int s);

/* The next number with news, or -1. */
int slots_news(struct slots *);

#endif
