// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two bitmaps side by side in one block: a bit a number, set while it is
 * taken, and over it a bit for each word of the first that is full.
 *
 *	used	[word 0][word 1] ... [word n-1]	   64 numbers each
 *	full	[ word 0 ] ...			   64 words of the first each
 *
 * With a million sockets the lowest free number is at most 256 looks away, and
 * one where, as mostly, nothing is free below the last one given out.
 *
 * A slot that is given back while it waits in the news stays there, as nobody
 * unlinks from the middle; should its number be taken again meanwhile, `fresh`
 * says that what waits is not about the new owner.
 */
#include "base/slots.h"

#include "base/bytes.h"

#include <tern/error.h>

#define WORDS_PER_PAGE (SLOTS_PAGE / 64)
#define FIRST_PAGES 4u

static uint32_t n_words(const struct slots *sl)
{
	return sl->cap_pages * WORDS_PER_PAGE;
}

/* WORDS_PER_PAGE is 16, so that four pages fill a word of `full`. */
static size_t bitmap_size(uint32_t cap_pages)
{
	return (cap_pages * WORDS_PER_PAGE + cap_pages / FIRST_PAGES) *
	       sizeof(uint64_t);
}

static uint64_t *full_map(const struct slots *sl)
{
	return sl->used ? sl->used + n_words(sl) : NULL;
}

void slots_init(struct slots *sl, struct mem *mem, uint32_t max)
{
	*sl = (struct slots){
		.mem = mem,
		.max = max < INT32_MAX ? max : INT32_MAX,
		.head = SLOTS_NONE,
		.tail = SLOTS_NONE,
	};
}

void slots_fini(struct slots *sl)
{
	uint32_t i;

	for (i = 0; i < sl->n_pages; i++)
		mem_free(sl->mem, sl->pages[i],
			 SLOTS_PAGE * sizeof(struct slot));
	mem_free(sl->mem, sl->pages, sl->cap_pages * sizeof(sl->pages[0]));
	mem_free(sl->mem, sl->used, bitmap_size(sl->cap_pages));
	slots_init(sl, sl->mem, sl->max);
}

/* Room for twice as many pages. */
static bool grow_tables(struct slots *sl)
{
	uint32_t cap = sl->cap_pages ? sl->cap_pages * 2 : FIRST_PAGES;
	struct slot **pages = mem_zalloc(sl->mem, cap * sizeof(pages[0]));
	uint64_t *used = mem_zalloc(sl->mem, bitmap_size(cap));

	if (!pages || !used) {
		mem_free(sl->mem, pages, cap * sizeof(pages[0]));
		mem_free(sl->mem, used, bitmap_size(cap));
		return false;
	}
	if (sl->cap_pages) {
		memcpy(pages, sl->pages, sl->cap_pages * sizeof(pages[0]));
		memcpy(used, sl->used, n_words(sl) * sizeof(used[0]));
		memcpy(used + cap * WORDS_PER_PAGE, full_map(sl),
		       sl->cap_pages / FIRST_PAGES * sizeof(used[0]));
		mem_free(sl->mem, sl->pages, sl->cap_pages * sizeof(pages[0]));
		mem_free(sl->mem, sl->used, bitmap_size(sl->cap_pages));
		sl->footprint -= bitmap_size(sl->cap_pages) +
				 sl->cap_pages * sizeof(pages[0]);
	}
	sl->pages = pages;
	sl->used = used;
	sl->cap_pages = cap;
	sl->footprint += bitmap_size(cap) + cap * sizeof(pages[0]);
	return true;
}

static bool add_page(struct slots *sl)
{
	struct slot *page;

	if (sl->n_pages == sl->cap_pages && !grow_tables(sl))
		return false;
	page = mem_zalloc(sl->mem, SLOTS_PAGE * sizeof(*page));
	if (!page)
		return false;
	sl->pages[sl->n_pages++] = page;
	sl->footprint += SLOTS_PAGE * sizeof(*page);
	return true;
}

/* The lowest free number from sl->lowest on; past the last page there is
 * always one. */
static uint32_t find_free(const struct slots *sl)
{
	uint32_t word = sl->lowest / 64, end = n_words(sl);
	const uint64_t *full;
	uint64_t open;

	if (!end)
		return 0;
	full = full_map(sl);
	while (word < end) {
		open = ~full[word / 64] & (~UINT64_C(0) << word % 64);
		if (!open) {
			word = (word / 64 + 1) * 64;
			continue;
		}
		word = word / 64 * 64 + (uint32_t)__builtin_ctzll(open);
		return word * 64 + (uint32_t)__builtin_ctzll(~sl->used[word]);
	}
	return end * 64;
}

static struct slot *slot_at(const struct slots *sl, uint32_t n)
{
	return &sl->pages[n / SLOTS_PAGE][n % SLOTS_PAGE];
}

int slots_take(struct slots *sl, enum slot_kind kind, uint32_t obj)
{
	struct slot *slot;
	uint32_t n;

	if (sl->n_used >= sl->max)
		return -TERN_EMFILE;
	n = find_free(sl);
	if (n >= sl->n_pages * SLOTS_PAGE && !add_page(sl))
		return -TERN_ENOMEM;
	sl->used[n / 64] |= UINT64_C(1) << n % 64;
	if (sl->used[n / 64] == ~UINT64_C(0))
		full_map(sl)[n / 4096] |= UINT64_C(1) << n / 64 % 64;
	sl->n_used++;
	sl->lowest = n + 1;
	slot = slot_at(sl, n);
	slot->obj = obj;
	slot->kind = (uint8_t)kind;
	slot->fresh = slot->queued;
	return (int)n;
}

struct slot *slots_at(const struct slots *sl, int s)
{
	struct slot *slot;

	if (s < 0 || (uint32_t)s >= sl->n_pages * SLOTS_PAGE)
		return NULL;
	slot = slot_at(sl, (uint32_t)s);
	return slot->kind == SLOT_FREE ? NULL : slot;
}

void slots_give(struct slots *sl, int s)
{
	struct slot *slot = slots_at(sl, s);
	uint32_t n = (uint32_t)s;

	PROMISE(slot);
	slot->kind = SLOT_FREE;
	slot->obj = 0;
	sl->used[n / 64] &= ~(UINT64_C(1) << n % 64);
	full_map(sl)[n / 4096] &= ~(UINT64_C(1) << n / 64 % 64);
	sl->n_used--;
	sl->lowest = min_u32(sl->lowest, n);
}

void slots_post(struct slots *sl, int s)
{
	struct slot *slot = slots_at(sl, s);

	if (!slot)
		return;
	slot->fresh = false;
	if (slot->queued)
		return;
	slot->queued = true;
	slot->next = SLOTS_NONE;
	if (sl->tail == SLOTS_NONE)
		sl->head = (uint32_t)s;
	else
		slot_at(sl, sl->tail)->next = (uint32_t)s;
	sl->tail = (uint32_t)s;
}

int slots_news(struct slots *sl)
{
	struct slot *slot;
	uint32_t n;

	while ((n = sl->head) != SLOTS_NONE) {
		slot = slot_at(sl, n);
		sl->head = slot->next;
		if (sl->head == SLOTS_NONE)
			sl->tail = SLOTS_NONE;
		slot->queued = false;
		if (slot->kind != SLOT_FREE && !slot->fresh)
			return (int)n;
	}
	return -1;
}
