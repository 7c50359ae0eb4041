// SPDX-License-Identifier: BSD-2-Clause
/*
 * A link that writes what passes through another link to a pcapng file
 * (draft-ietf-opsawg-pcapng): one section, one interface of raw IP, nanosecond
 * timestamps, the direction of each packet.
 *
 * A capture shows what a wire would carry: a packet with gso_size is shown as
 * the segments it stands for, an unfinished checksum is finished in the copy.
 * So a reader may check every length and checksum.
 *
 * Blocks gather in memory and are written when there are many, and whenever
 * the link has nothing more to receive: an idle host has a complete file. A
 * packet is written once the inner link has taken it, with the time of the
 * call. If the disk fails the capture ends there and the traffic goes on.
 *
 * Not here: several interfaces in one file, comments, name resolution.
 */
#define _GNU_SOURCE
#include "ip/ip_gso.h"

#include <tern/error.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 6,
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	LINKTYPE_RAW = 101,

	OPT_END = 0,
	OPT_SHB_USERAPPL = 4,
	OPT_IF_NAME = 2,
	OPT_IF_TSRESOL = 9,
	OPT_EPB_FLAGS = 2,

	EPB_INBOUND = 1,
	EPB_OUTBOUND = 2,
};

/* Bytes that wait before they are written anyway. */
#define FLUSH_LEN (256u << 10)

struct pcapng {
	struct tern_link link;
	struct tern_link *inner;
	int fd;
	int error; /* negative once a write has failed */
	uint32_t snaplen;
	int64_t epoch_ns;
	uint8_t *buf;
	size_t len, cap;
};

static struct pcapng *pcapng_of(const struct tern_link *link)
{
	return (struct pcapng *)link;
}

static void flush(struct pcapng *p)
{
	size_t done = 0;

	while (done < p->len && !p->error) {
		ssize_t n = write(p->fd, p->buf + done, p->len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EINTR)
			p->error = -errno;
	}
	p->len = 0;
}

/* n more bytes of the buffer, a multiple of 4, zeroed; NULL without memory. */
static uint8_t *room(struct pcapng *p, size_t n)
{
	uint8_t *out;

	n = (n + 3) & ~(size_t)3;
	if (p->len + n > p->cap) {
		size_t cap = 2 * p->cap + n;
		uint8_t *buf = realloc(p->buf, cap);

		if (!buf)
			return NULL;
		p->buf = buf;
		p->cap = cap;
	}
	out = p->buf + p->len;
	memset(out, 0, n);
	p->len += n;
	return out;
}

/* The format is of the writer's byte order, and says which. */
static uint8_t *put32(uint8_t *out, uint32_t v)
{
	memcpy(out, &v, 4);
	return out + 4;
}

static uint8_t *put_option(uint8_t *out, uint16_t code, const void *value,
			   uint16_t len)
{
	memcpy(out, &code, 2);
	memcpy(out + 2, &len, 2);
	memcpy(out + 4, value, len);
	return out + 4 + ((len + 3u) & ~3u);
}

static void put_heads(struct pcapng *p)
{
	static const char appl[] = "tern";
	const uint32_t shb_len = 28 + 8 + 4;
	uint32_t name_len = (uint32_t)strnlen(p->link.name, 15);
	uint32_t idb_len = 20 + 8 + 4 + ((name_len + 3) & ~3u) + 4;
	uint8_t *shb = room(p, shb_len + idb_len);
	uint8_t *idb = shb + shb_len;
	uint8_t *opt;

	if (!shb)
		return;
	put32(shb, BLOCK_SECTION);
	put32(shb + 4, shb_len);
	put32(shb + 8, BYTE_ORDER_MAGIC);
	memcpy(shb + 12, &(uint16_t){ 1 }, 2); /* version 1.0 */
	memset(shb + 16, 0xff, 8);	       /* section length not told */
	put_option(shb + 24, OPT_SHB_USERAPPL, appl, sizeof(appl) - 1);
	put32(shb + shb_len - 4, shb_len);

	put32(idb, BLOCK_INTERFACE);
	put32(idb + 4, idb_len);
	memcpy(idb + 8, &(uint16_t){ LINKTYPE_RAW }, 2);
	put32(idb + 12, p->snaplen);
	opt = put_option(idb + 16, OPT_IF_TSRESOL, &(uint8_t){ 9 }, 1);
	put_option(opt, OPT_IF_NAME, p->link.name, (uint16_t)name_len);
	put32(idb + idb_len - 4, idb_len);
}

/* One block for a packet as it is on the wire. */
static void put_packet(struct pcapng *p, const struct tern_pkt *pkt,
		       uint32_t direction, int64_t now)
{
	uint32_t len = pkt->len;
	uint32_t block_len;
	uint64_t at = (uint64_t)(now + p->epoch_ns);
	uint8_t *out;

	if (p->snaplen)
		len = min_u32(len, p->snaplen);
	block_len = 28 + ((len + 3) & ~3u) + 8 + 4 + 4;
	out = room(p, block_len);
	if (!out)
		return;
	out = put32(out, BLOCK_PACKET);
	out = put32(out, block_len);
	out = put32(out, 0); /* interface */
	out = put32(out, (uint32_t)(at >> 32));
	out = put32(out, (uint32_t)at);
	out = put32(out, len);
	out = put32(out, pkt->len);
	tern_pkt_copy_out(pkt, 0, out, len);
	out = put_option(out + ((len + 3) & ~3u), OPT_EPB_FLAGS, &direction, 4);
	out = put32(out, OPT_END);
	put32(out, block_len);
}

static void show_cut(struct pcapng *p, const struct tern_pkt *pkt,
		     uint32_t direction, int64_t now)
{
	struct pktq segs = { 0 };
	struct tern_pkt *seg;

	if (ip_gso_segment(p->link.pool, pkt, &segs) < 0) {
		put_packet(p, pkt, direction, now);
		return;
	}
	while ((seg = pktq_pop(&segs))) {
		ip_csum_complete(seg);
		put_packet(p, seg, direction, now);
		tern_pkt_put(seg);
	}
}

static void show(struct pcapng *p, const struct tern_pkt *pkt,
		 uint32_t direction, int64_t now)
{
	struct tern_pkt *copy;

	if (p->error)
		return;
	if (pkt->gso_size) {
		show_cut(p, pkt, direction, now);
		return;
	}
	if (pkt->csum != TERN_CSUM_PARTIAL &&
	    (pkt->csum != TERN_CSUM_GOOD || !pkt->csum_start)) {
		put_packet(p, pkt, direction, now);
		return;
	}
	copy = tern_pkt_clone(p->link.pool, pkt);
	if (!copy)
		return;
	copy->csum = TERN_CSUM_PARTIAL;
	ip_csum_complete(copy);
	put_packet(p, copy, direction, now);
	tern_pkt_put(copy);
}

static int pcapng_receive(struct tern_link *link, struct tern_pkt **pkts,
			  int max, int64_t now)
{
	struct pcapng *p = pcapng_of(link);
	int n = p->inner->ops->receive(p->inner, pkts, max, now);

	for (int i = 0; i < n; i++)
		show(p, pkts[i], EPB_INBOUND, now);
	if (n < max || p->len > FLUSH_LEN)
		flush(p);
	return n;
}

/* The inner link may free what it takes, and may not take all: so they are
 * shown first, and what was not taken is unsaid. */
static int pcapng_send(struct tern_link *link, struct tern_pkt **pkts, int n,
		       int64_t now)
{
	struct pcapng *p = pcapng_of(link);
	int sent = 0;

	while (sent < n) {
		size_t len = p->len;

		show(p, pkts[sent], EPB_OUTBOUND, now);
		if (p->inner->ops->send(p->inner, &pkts[sent], 1, now) < 1) {
			p->len = len;
			break;
		}
		sent++;
	}
	if (n == 0)
		p->inner->ops->send(p->inner, pkts, 0, now);
	if (p->len > FLUSH_LEN)
		flush(p);
	return sent;
}

static int pcapng_fd(struct tern_link *link)
{
	struct tern_link *inner = pcapng_of(link)->inner;

	return inner->ops->fd ? inner->ops->fd(inner) : -1;
}

static int64_t pcapng_deadline(struct tern_link *link)
{
	struct tern_link *inner = pcapng_of(link)->inner;

	return inner->ops->deadline ? inner->ops->deadline(inner) : TERN_NEVER;
}

static void pcapng_bound(struct tern_link *link, uint32_t n)
{
	struct tern_link *inner = pcapng_of(link)->inner;

	if (inner->ops->bound)
		inner->ops->bound(inner, n);
}

static uint64_t pcapng_n_dropped(struct tern_link *link)
{
	struct tern_link *inner = pcapng_of(link)->inner;

	return inner->ops->n_dropped ? inner->ops->n_dropped(inner) : 0;
}

static void pcapng_close(struct tern_link *link)
{
	struct pcapng *p = pcapng_of(link);

	flush(p);
	close(p->fd);
	p->inner->ops->close(p->inner);
	free(p->buf);
	free(p);
}

static const struct tern_link_ops pcapng_ops = {
	.receive = pcapng_receive,
	.send = pcapng_send,
	.close = pcapng_close,
	.fd = pcapng_fd,
	.deadline = pcapng_deadline,
	.bound = pcapng_bound,
	.n_dropped = pcapng_n_dropped,
};

int tern_pcapng_wrap(struct tern_link *inner,
		     const struct tern_pcapng_config *config,
		     struct tern_link **out)
{
	struct pcapng *p = calloc(1, sizeof(*p));

	if (!p)
		return -TERN_ENOMEM;
	p->fd = open(config->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		     0644);
	if (p->fd < 0) {
		int error = -errno;

		free(p);
		return error;
	}
	p->link = *inner;
	p->link.ops = &pcapng_ops;
	p->inner = inner;
	p->snaplen = config->snaplen;
	p->epoch_ns = config->epoch_ns;
	put_heads(p);
	flush(p);
	*out = &p->link;
	return 0;
}

int tern_pcapng_error(const struct tern_link *link)
{
	return link->ops == &pcapng_ops ? pcapng_of(link)->error : 0;
}
