// SPDX-License-Identifier: BSD-2-Clause
/*
 * A link that writes what passes through another link to a pcapng file
 * (pcapng_writer.c): one interface, the direction of each packet.
 *
 * Blocks gather in memory and are written when there are many, and whenever
 * the link has nothing more to receive: an idle host has a complete file. A
 * packet is written once the inner link has taken it, with the time of the
 * call. If the disk fails the capture ends there and the traffic goes on.
 *
 * Not here: several interfaces in one file, comments, names: tern capture.
 */
#define _GNU_SOURCE
#include "link/pcapng_writer.h"

#include <tern/error.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Bytes that wait before they are written anyway. */
#define FLUSH_LEN (256u << 10)

struct pcapng {
	struct tern_link link;
	struct tern_link *inner;
	struct pcapng_writer file;
	struct pcapng_note note;
	int64_t epoch_ns;
};

static struct pcapng *pcapng_of(const struct tern_link *link)
{
	return (struct pcapng *)link;
}

static void write_packet(void *ctx, const struct tern_pkt *pkt)
{
	struct pcapng *p = ctx;

	pcapng_writer_packet(&p->file, pkt, &p->note);
}

static void show(struct pcapng *p, const struct tern_pkt *pkt,
		 uint32_t direction, int64_t now)
{
	p->note.direction = direction;
	p->note.at = now + p->epoch_ns;
	if (!p->file.error)
		pcapng_each_wire(p->link.pool, pkt, write_packet, p);
}

static int pcapng_receive(struct tern_link *link, struct tern_pkt **pkts,
			  int max, int64_t now)
{
	struct pcapng *p = pcapng_of(link);
	int n = p->inner->ops->receive(p->inner, pkts, max, now);

	for (int i = 0; i < n; i++)
		show(p, pkts[i], PCAPNG_INBOUND, now);
	if (n < max || p->file.len > FLUSH_LEN)
		pcapng_writer_flush(&p->file);
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
		size_t len = p->file.len;

		show(p, pkts[sent], PCAPNG_OUTBOUND, now);
		if (p->inner->ops->send(p->inner, &pkts[sent], 1, now) < 1) {
			p->file.len = len;
			break;
		}
		sent++;
	}
	if (n == 0)
		p->inner->ops->send(p->inner, pkts, 0, now);
	if (p->file.len > FLUSH_LEN)
		pcapng_writer_flush(&p->file);
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

	pcapng_writer_flush(&p->file);
	close(p->file.fd);
	p->inner->ops->close(p->inner);
	pcapng_writer_fini(&p->file);
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
	p->file.fd = open(config->path,
			  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (p->file.fd < 0) {
		int error = -errno;

		free(p);
		return error;
	}
	p->link = *inner;
	p->link.ops = &pcapng_ops;
	p->inner = inner;
	p->note.snaplen = config->snaplen;
	p->epoch_ns = config->epoch_ns;
	pcapng_writer_section(&p->file);
	pcapng_writer_interface(&p->file, inner->name, config->snaplen);
	pcapng_writer_flush(&p->file);
	*out = &p->link;
	return 0;
}

int tern_pcapng_error(const struct tern_link *link)
{
	return link->ops == &pcapng_ops ? pcapng_of(link)->file.error : 0;
}
