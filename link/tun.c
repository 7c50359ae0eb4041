// SPDX-License-Identifier: BSD-2-Clause
/*
 * A TUN device: packets in and out of the kernel, by read and write.
 *
 * With offload every packet has a struct virtio_net_hdr in front, and packets
 * of up to 64 KiB pass whole in both directions, their checksums not computed:
 * they never leave this machine's memory.
 *
 * Reading: the kernel says a packet's length only by giving it. Every read
 * offers it near 2 KiB in the packet's own head and then buffers of 16 KiB; what it
 * did not fill is offered again to the next one. A received packet so holds
 * at most 16 KiB that it does not use, and small ones none of these.
 *
 * A checksum that the kernel left unfinished is GOOD to the stack; csum_start
 * then is not 0 and says that the field holds but the pseudo-header's sum, for
 * who shows the packet (pcapng.c).
 *
 * Not here: several queues, IFF_TAP, UDP segmentation offload.
 */
#include "link/tun_dev.h"

#include "wire/wire_ip.h"
#include "wire/wire_tcp.h"

#include <tern/error.h>

#include <errno.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define DEFAULT_MTU 1500u

/* A whole packet of Ethernet's MTU lies in the head, and head and headroom in
 * one buffer of the pool's. */
#define HEAD_ROOM (2048u - PKT_HEADROOM)
#define BUF_CAP 16384u
/* 64 KiB - 1 is the most that IPv4's and IPv6's length fields can say. */
#define N_BUFS 4

struct tun {
	struct tern_link link;
	int fd;
	bool offload;
	/* What the next read fills. */
	struct tern_pkt *pkt;
	struct tern_buf *bufs[N_BUFS];
};

static struct tun *tun_of(struct tern_link *link)
{
	return (struct tun *)link;
}

/* Fetches what the last read has used up. */
static bool refill(struct tun *t)
{
	if (!t->pkt)
		t->pkt = tern_pkt_new(t->link.pool, PKT_HEADROOM, HEAD_ROOM);
	for (int i = 0; i < N_BUFS && t->offload; i++) {
		if (!t->bufs[i])
			t->bufs[i] = tern_buf_new(t->link.pool, BUF_CAP);
		if (!t->bufs[i])
			return false;
	}
	return t->pkt;
}

/* Moves n bytes that a read has left in the head and the buffers into a
 * packet. */
static struct tern_pkt *take_packet(struct tun *t, size_t n)
{
	struct tern_pkt *pkt = t->pkt;
	uint32_t len = (uint32_t)min_size(n, HEAD_ROOM);

	tern_pkt_append(pkt, len);
	n -= len;
	t->pkt = NULL;
	for (int i = 0; n; i++) {
		len = (uint32_t)min_size(n, BUF_CAP);
		tern_pkt_add_frag(pkt, t->bufs[i], 0, len);
		tern_buf_put(t->bufs[i]);
		t->bufs[i] = NULL;
		n -= len;
	}
	return pkt;
}

static void read_notes(struct tern_pkt *pkt, const struct virtio_net_hdr *h)
{
	unsigned gso = h->gso_type & ~(unsigned)VIRTIO_NET_HDR_GSO_ECN;

	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		pkt->csum = TERN_CSUM_GOOD;
		pkt->csum_start = h->csum_start;
		pkt->csum_off = h->csum_offset;
	} else if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
		pkt->csum = TERN_CSUM_GOOD;
	}
	if (gso == VIRTIO_NET_HDR_GSO_TCPV4 || gso == VIRTIO_NET_HDR_GSO_TCPV6)
		pkt->gso_size = h->gso_size;
}

/* One packet; 0 when there is none, -errno when the device is gone. */
static int read_one(struct tun *t, struct tern_pkt **out, int64_t now)
{
	struct virtio_net_hdr h = { 0 };
	struct iovec iov[2 + N_BUFS];
	size_t hdr_len = t->offload ? sizeof(h) : 0;
	int n_iov = 0;
	ssize_t n;

	if (!refill(t))
		return 0; /* the packet waits for memory in the device */
	if (t->offload)
		iov[n_iov++] = (struct iovec){ &h, sizeof(h) };
	iov[n_iov++] = (struct iovec){ t->pkt->data, HEAD_ROOM };
	for (int i = 0; i < N_BUFS && t->bufs[i]; i++)
		iov[n_iov++] = (struct iovec){ t->bufs[i]->data, BUF_CAP };
	do {
		n = readv(t->fd, iov, n_iov);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if ((size_t)n <= hdr_len)
		return 0;
	*out = take_packet(t, (size_t)n - hdr_len);
	(*out)->at = now;
	if (t->offload)
		read_notes(*out, &h);
	return 1;
}

static int tun_receive(struct tern_link *link, struct tern_pkt **pkts, int max,
		       int64_t now)
{
	int n = 0;

	while (n < max) {
		int got = read_one(tun_of(link), &pkts[n], now);

		if (got < 0)
			return n ? n : got;
		if (got == 0)
			break;
		n++;
	}
	return n;
}

/* What the device must know of a packet, from what the packet knows. */
static void write_notes(const struct tern_pkt *pkt, struct virtio_net_hdr *h)
{
	const uint8_t *tcp = pkt->data + pkt->csum_start;

	if (pkt->csum == TERN_CSUM_PARTIAL) {
		h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h->csum_start = pkt->csum_start;
		h->csum_offset = pkt->csum_off;
	} else if (pkt->csum == TERN_CSUM_GOOD) {
		h->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (!pkt->gso_size || pkt->csum_start + WIRE_TCP_LEN > pkt->head_len)
		return;
	h->gso_type = pkt->data[0] >> 4 == 6 ? VIRTIO_NET_HDR_GSO_TCPV6 :
					       VIRTIO_NET_HDR_GSO_TCPV4;
	if (tcp[13] & TCP_CWR)
		h->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	h->gso_size = pkt->gso_size;
	h->hdr_len = (uint16_t)(pkt->csum_start + (tcp[12] >> 4) * 4);
}

/* False: the device is full. What it refuses for another reason (it is down,
 * the packet is none) is lost, as on a wire. */
static bool write_one(struct tun *t, const struct tern_pkt *pkt)
{
	struct virtio_net_hdr h = { 0 };
	struct iovec iov[2 + TERN_PKT_FRAGS];
	int n_iov = 0;
	ssize_t n;

	if (t->offload) {
		write_notes(pkt, &h);
		iov[n_iov++] = (struct iovec){ &h, sizeof(h) };
	}
	iov[n_iov++] = (struct iovec){ pkt->data, pkt->head_len };
	for (int i = 0; i < pkt->n_frags; i++) {
		const struct tern_frag *f = &pkt->frags[i];

		iov[n_iov++] = (struct iovec){ f->buf->data + f->off, f->len };
	}
	do {
		n = writev(t->fd, iov, n_iov);
	} while (n < 0 && errno == EINTR);
	return n >= 0 || (errno != EAGAIN && errno != ENOBUFS);
}

static int tun_send(struct tern_link *link, struct tern_pkt **pkts, int n,
		    int64_t now)
{
	for (int i = 0; i < n; i++) {
		if (!write_one(tun_of(link), pkts[i]))
			return i;
		tern_pkt_put(pkts[i]);
	}
	return n;
}

static int tun_fd(struct tern_link *link)
{
	return tun_of(link)->fd;
}

static void tun_close(struct tern_link *link)
{
	struct tun *t = tun_of(link);

	close(t->fd);
	if (t->pkt)
		tern_pkt_put(t->pkt);
	for (int i = 0; i < N_BUFS; i++) {
		if (t->bufs[i])
			tern_buf_put(t->bufs[i]);
	}
	free(t);
}

static void tun_bound(struct tern_link *link, uint32_t n)
{
	tun_dev_queue_len(link->name, n);
}

static uint64_t tun_n_dropped(struct tern_link *link)
{
	return tun_dev_dropped(link->name);
}

static const struct tern_link_ops tun_ops = {
	.receive = tun_receive,
	.send = tun_send,
	.close = tun_close,
	.fd = tun_fd,
	.bound = tun_bound,
	.n_dropped = tun_n_dropped,
};

int tern_tun_open(struct tern_pool *pool, struct tern_tun_config *config,
		  struct tern_link **out)
{
	struct tun *t = calloc(1, sizeof(*t));

	if (!t)
		return -TERN_ENOMEM;
	t->fd = tun_dev_open(config, t->link.name);
	if (t->fd < 0) {
		int error = t->fd;

		free(t);
		return error;
	}
	t->offload = !config->no_offload;
	t->link.ops = &tun_ops;
	t->link.pool = pool;
	t->link.mtu = config->mtu ? config->mtu : DEFAULT_MTU;
	t->link.abilities = TERN_LINK_LENDS;
	if (t->offload)
		t->link.abilities |= TERN_LINK_GSO | TERN_LINK_TX_CSUM;
	*out = &t->link;
	return 0;
}
