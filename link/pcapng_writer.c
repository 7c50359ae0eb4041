// SPDX-License-Identifier: BSD-2-Clause
/*
 * pcapng files (draft-ietf-opsawg-pcapng), block by block: one section,
 * interfaces of raw IP, nanosecond timestamps, the direction of each packet,
 * names and comments where there are any.
 *
 * Blocks gather in memory until they are flushed. An error stays, and what is
 * put afterwards is forgotten: whoever writes looks once, at the end.
 *
 * A file shows what a wire would carry: pcapng_each_wire() gives a packet with
 * gso_size as the segments it stands for, an unfinished checksum finished in a
 * copy. So a reader may check every length and checksum.
 */
#include "link/pcapng_writer.h"

#include "ip/ip_gso.h"

#include <tern/error.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_NAMES = 4,
	BLOCK_PACKET = 6,
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	LINKTYPE_RAW = 101,

	OPT_END = 0,
	OPT_COMMENT = 1,
	OPT_SHB_USERAPPL = 4,
	OPT_IF_NAME = 2,
	OPT_IF_TSRESOL = 9,
	OPT_EPB_FLAGS = 2,

	NRB_END = 0,
	NRB_IPV4 = 1,
	NRB_IPV6 = 2,
};

#define NAME_MAX_LEN 255u

void pcapng_writer_flush(struct pcapng_writer *w)
{
	size_t done = 0;

	while (done < w->len && !w->error) {
		ssize_t n = write(w->fd, w->buf + done, w->len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EINTR)
			w->error = -errno;
	}
	w->flushed += done;
	w->len = 0;
}

void pcapng_writer_fini(struct pcapng_writer *w)
{
	free(w->buf);
	*w = (struct pcapng_writer){ .fd = -1, .error = w->error };
}

static uint32_t padded(uint32_t n)
{
	return (n + 3) & ~3u;
}

/* n more bytes of the buffer, a multiple of 4, zeroed; NULL without memory. */
static uint8_t *room(struct pcapng_writer *w, size_t n)
{
	uint8_t *out;

	if (w->error)
		return NULL;
	if (w->len + n > w->cap) {
		size_t cap = 2 * w->cap + n;
		uint8_t *buf = realloc(w->buf, cap);

		if (!buf) {
			w->error = -TERN_ENOMEM;
			return NULL;
		}
		w->buf = buf;
		w->cap = cap;
	}
	out = w->buf + w->len;
	memset(out, 0, n);
	w->len += n;
	return out;
}

/* The format is of the writer's byte order, and says which. */
static uint8_t *put32(uint8_t *out, uint32_t v)
{
	memcpy(out, &v, 4);
	return out + 4;
}

static uint8_t *put16(uint8_t *out, uint16_t v)
{
	memcpy(out, &v, 2);
	return out + 2;
}

/* Room for a block of which len bytes are its own, with its two lengths set;
 * where these bytes go, or NULL. */
static uint8_t *put_block(struct pcapng_writer *w, uint32_t type, uint32_t len)
{
	uint8_t *out = room(w, len + 12);

	if (!out)
		return NULL;
	put32(out, type);
	put32(out + 4, len + 12);
	put32(out + 8 + len, len + 12);
	return out + 8;
}

static uint8_t *put_option(uint8_t *out, uint16_t code, const void *value,
			   uint16_t len)
{
	out = put16(put16(out, code), len);
	memcpy(out, value, len);
	return out + padded(len);
}

void pcapng_writer_section(struct pcapng_writer *w)
{
	static const char appl[] = "tern";
	uint8_t *out = put_block(w, BLOCK_SECTION, 16 + 8 + 4);

	if (!out)
		return;
	out = put32(out, BYTE_ORDER_MAGIC);
	put16(out, 1);		  /* version 1.0 */
	memset(out + 4, 0xff, 8); /* section length not told */
	put_option(out + 12, OPT_SHB_USERAPPL, appl, sizeof(appl) - 1);
}

void pcapng_writer_interface(struct pcapng_writer *w, const char *name,
			     uint32_t snaplen)
{
	uint32_t name_len = (uint32_t)strnlen(name, 15);
	uint8_t *out =
		put_block(w, BLOCK_INTERFACE, 8 + 8 + 4 + padded(name_len) + 4);

	if (!out)
		return;
	put16(out, LINKTYPE_RAW);
	out = put32(out + 4, snaplen);
	out = put_option(out, OPT_IF_TSRESOL, &(uint8_t){ 9 }, 1);
	put_option(out, OPT_IF_NAME, name, (uint16_t)name_len);
}

void pcapng_writer_name(struct pcapng_writer *w, const struct tern_addr *addr,
			const char *name)
{
	bool v4 = tern_addr_is_v4(addr);
	uint16_t addr_len = v4 ? 4 : 16;
	uint16_t name_len = (uint16_t)(strnlen(name, NAME_MAX_LEN) + 1);
	uint16_t len = (uint16_t)(addr_len + name_len);
	uint8_t *out = put_block(w, BLOCK_NAMES, 4 + padded(len) + 4);

	if (!out)
		return;
	out = put16(put16(out, v4 ? NRB_IPV4 : NRB_IPV6), len);
	memcpy(out, addr->b + 16 - addr_len, addr_len);
	memcpy(out + addr_len, name, name_len - 1u);
}

void pcapng_writer_packet(struct pcapng_writer *w, const struct tern_pkt *pkt,
			  const struct pcapng_note *note)
{
	uint32_t len = pkt->len, options = 8 + 4, comment = 0;
	uint64_t at = (uint64_t)note->at;
	uint8_t *out;

	if (note->snaplen)
		len = min_u32(len, note->snaplen);
	if (note->comment) {
		comment = (uint32_t)strnlen(note->comment, 1024);
		options += 4 + padded(comment);
	}
	out = put_block(w, BLOCK_PACKET, 20 + padded(len) + options);
	if (!out)
		return;
	out = put32(out, note->interface);
	out = put32(out, (uint32_t)(at >> 32));
	out = put32(out, (uint32_t)at);
	out = put32(out, len);
	out = put32(out, pkt->len);
	tern_pkt_copy_out(pkt, 0, out, len);
	out = put_option(out + padded(len), OPT_EPB_FLAGS,
			 &(uint32_t){ note->direction }, 4);
	if (comment)
		put_option(out, OPT_COMMENT, note->comment, (uint16_t)comment);
}

static void each_cut(struct tern_pool *pool, const struct tern_pkt *pkt,
		     pcapng_wire_fn *fn, void *ctx)
{
	struct pktq segs = { 0 };
	struct tern_pkt *seg;

	if (ip_gso_segment(pool, pkt, &segs) < 0) {
		fn(ctx, pkt);
		return;
	}
	while ((seg = pktq_pop(&segs))) {
		ip_csum_complete(seg);
		fn(ctx, seg);
		tern_pkt_put(seg);
	}
}

void pcapng_each_wire(struct tern_pool *pool, const struct tern_pkt *pkt,
		      pcapng_wire_fn *fn, void *ctx)
{
	struct tern_pkt *copy;

	if (pkt->gso_size) {
		each_cut(pool, pkt, fn, ctx);
		return;
	}
	if (pkt->csum != TERN_CSUM_PARTIAL &&
	    (pkt->csum != TERN_CSUM_GOOD || !pkt->csum_start)) {
		fn(ctx, pkt);
		return;
	}
	copy = tern_pkt_clone(pool, pkt);
	if (!copy)
		return;
	copy->csum = TERN_CSUM_PARTIAL;
	ip_csum_complete(copy);
	fn(ctx, copy);
	tern_pkt_put(copy);
}
