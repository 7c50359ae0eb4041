// SPDX-License-Identifier: BSD-2-Clause
/*
 * The simulated wire: the sender decides, the receiver waits.
 *
 *	send	impair_meet() -> a datagram { arrival instant, bytes } for each
 *		copy that survives
 *	receive	datagrams -> a heap by arrival -> those whose instant has come
 *
 * Both ends read one clock (CLOCK_MONOTONIC), so instants mean the same to
 * both. The socket holds little; what waits for its instant waits in the
 * receiver's heap, which is bounded. A socket that is full is back-pressure:
 * one datagram whose fate is sealed is kept, and more are refused.
 */
#define _GNU_SOURCE
#include "link/sim.h"

#include "base/bytes.h"
#include "wire/wire_csum.h"

#include <tern/error.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define DEFAULT_MTU 1500u
#define FRAME_MAX 65536u
/* What a path of 1 Gbit/s and 500 ms holds, in packets of 1,500 bytes. */
#define HEAP_MAX 65536u
#define SOCKET_BUF (4 << 20)

/* A packet under way. */
struct flight {
	int64_t at;
	uint64_t order; /* of equal instants the first sent comes first */
	struct tern_pkt *pkt;
};

struct sim {
	struct tern_link link;
	int fd;
	bool closed; /* the other end has gone */
	struct impair impair;
	struct sim_stats stats;
	struct flight *heap;
	uint32_t n, room;
	uint64_t order;
	uint8_t *stuck; /* a datagram that the socket has refused */
	size_t stuck_len;
};

static struct sim *sim_of(const struct tern_link *link)
{
	return (struct sim *)(uintptr_t)link;
}

int sim_sockets(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       0, fds) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		int bytes = SOCKET_BUF;

		/* With the right to; else what wmem_max allows. */
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &bytes,
			       sizeof(bytes)) < 0)
			setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &bytes,
				   sizeof(bytes));
	}
	return 0;
}

static bool is_before(const struct flight *a, const struct flight *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap(struct flight *a, struct flight *b)
{
	struct flight t = *a;

	*a = *b;
	*b = t;
}

static bool heap_push(struct sim *s, struct flight f)
{
	uint32_t i = s->n;

	if (s->n == HEAP_MAX)
		return false;
	if (s->n == s->room) {
		uint32_t room = s->room ? 2 * s->room : 64;
		struct flight *grown = realloc(s->heap, room * sizeof(*grown));

		if (!grown)
			return false;
		s->heap = grown;
		s->room = room;
	}
	f.order = s->order++;
	s->heap[s->n++] = f;
	for (; i && is_before(&s->heap[i], &s->heap[(i - 1) / 2]);
	     i = (i - 1) / 2)
		swap(&s->heap[i], &s->heap[(i - 1) / 2]);
	return true;
}

static struct tern_pkt *heap_pop(struct sim *s)
{
	struct tern_pkt *pkt = s->heap[0].pkt;
	uint32_t i = 0, child;

	s->heap[0] = s->heap[--s->n];
	while ((child = 2 * i + 1) < s->n) {
		if (child + 1 < s->n &&
		    is_before(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!is_before(&s->heap[child], &s->heap[i]))
			break;
		swap(&s->heap[child], &s->heap[i]);
		i = child;
	}
	return pkt;
}

/* One datagram off the socket into the heap. False: none is there. */
static bool take_one(struct sim *s)
{
	struct tern_pkt *pkt = tern_pkt_new(s->link.pool, 0, FRAME_MAX);
	struct flight f = { .pkt = pkt };
	struct iovec iov[2] = { { &f.at, sizeof(f.at) } };
	ssize_t n;

	if (!pkt)
		return false;
	iov[1].iov_base = pkt->data;
	iov[1].iov_len = FRAME_MAX;
	n = readv(s->fd, iov, 2);
	if (n <= (ssize_t)sizeof(f.at)) {
		s->closed |= n == 0;
		tern_pkt_put(pkt);
		return false;
	}
	tern_pkt_append(pkt, (size_t)n - sizeof(f.at));
	if (!heap_push(s, f))
		tern_pkt_put(pkt);
	return true;
}

static int sim_receive(struct tern_link *link, struct tern_pkt **pkts, int max,
		       int64_t now)
{
	struct sim *s = sim_of(link);
	int n = 0;

	while (!s->closed && take_one(s))
		;
	for (; n < max && s->n && s->heap[0].at <= now; n++) {
		pkts[n] = heap_pop(s);
		pkts[n]->at = now;
	}
	return n ? n : s->closed && !s->n ? -TERN_ENETDOWN : 0;
}

static bool send_stuck(struct sim *s)
{
	if (!s->stuck_len)
		return true;
	if (send(s->fd, s->stuck, s->stuck_len, MSG_NOSIGNAL) < 0 &&
	    errno == EAGAIN)
		return false;
	s->stuck_len = 0;
	return true;
}

/* Sets CE on a packet that is ECN-capable (RFC 3168 5). */
static void mark(uint8_t *ip, size_t len)
{
	bool v6 = ip[0] >> 4 == 6;

	if (len < 20)
		return;
	if (v6) {
		if (ip[1] & 0x30) /* the traffic class's last two bits */
			ip[1] |= 0x30;
		return;
	}
	if (!(ip[1] & 3) || (ip[1] & 3) == 3)
		return;
	put_be16(ip + 10, csum_update16(get_be16(ip + 10), get_be16(ip),
					get_be16(ip) | 3));
	ip[1] |= 3;
}

static void send_copy(struct sim *s, int64_t at, const uint8_t *packet,
		      size_t len)
{
	struct iovec iov[2] = { { &at, sizeof(at) },
				{ (void *)(uintptr_t)packet, len } };
	struct msghdr h = { .msg_iov = iov, .msg_iovlen = 2 };

	if (!send_stuck(s) || sendmsg(s->fd, &h, MSG_NOSIGNAL) >= 0 ||
	    errno != EAGAIN)
		return;
	memcpy(s->stuck, &at, sizeof(at));
	memcpy(s->stuck + sizeof(at), packet, len);
	s->stuck_len = sizeof(at) + len;
}

static void send_one(struct sim *s, const struct tern_pkt *pkt, int64_t now)
{
	uint8_t bytes[FRAME_MAX];
	size_t len = pkt->len;
	struct impair_fate fate = impair_meet(&s->impair, len, now);

	s->stats.sent++;
	s->stats.lost[fate.lost]++;
	if (!fate.n || len > sizeof(bytes))
		return;
	tern_pkt_copy_out(pkt, 0, bytes, len);
	if (fate.mark)
		mark(bytes, len);
	for (int i = fate.n - 1; i >= 0; i--) {
		if (i == 0 && fate.corrupt)
			bytes[fate.dice / 8 % len] ^=
				(uint8_t)(1u << fate.dice % 8);
		send_copy(s, fate.at[i], bytes, len);
	}
}

static int sim_send(struct tern_link *link, struct tern_pkt **pkts, int n,
		    int64_t now)
{
	struct sim *s = sim_of(link);
	int i;

	for (i = 0; i < n && send_stuck(s); i++) {
		send_one(s, pkts[i], now);
		tern_pkt_put(pkts[i]);
	}
	return i;
}

static int sim_fd(struct tern_link *link)
{
	return sim_of(link)->fd;
}

static int64_t sim_deadline(struct tern_link *link)
{
	struct sim *s = sim_of(link);

	return s->n ? s->heap[0].at : TERN_NEVER;
}

static void sim_close(struct tern_link *link)
{
	struct sim *s = sim_of(link);

	while (s->n)
		tern_pkt_put(heap_pop(s));
	impair_fini(&s->impair);
	close(s->fd);
	free(s->heap);
	free(s->stuck);
	free(s);
}

static const struct tern_link_ops sim_ops = {
	.receive = sim_receive,
	.send = sim_send,
	.close = sim_close,
	.fd = sim_fd,
	.deadline = sim_deadline,
};

int sim_open(struct tern_pool *pool, const struct sim_config *config,
	     struct tern_link **out)
{
	struct sim *s = calloc(1, sizeof(*s));

	if (s)
		s->stuck = malloc(sizeof(int64_t) + FRAME_MAX);
	if (!s || !s->stuck ||
	    !impair_init(&s->impair, &config->impair, config->seed)) {
		close(config->fd);
		free(s ? s->stuck : NULL);
		free(s);
		return -TERN_ENOMEM;
	}
	s->fd = config->fd;
	s->link = (struct tern_link){
		.ops = &sim_ops,
		.pool = pool,
		.mtu = config->mtu ? config->mtu : DEFAULT_MTU,
	};
	snprintf(s->link.name, sizeof(s->link.name), "%s", config->name);
	*out = &s->link;
	return 0;
}

int sim_set(struct tern_link *link, const struct impair_config *config)
{
	struct sim *s = sim_of(link);
	struct impair next;

	if (!impair_init(&next, config, rng_u64(&s->impair.rng)))
		return -TERN_ENOMEM;
	next.n = s->impair.n;
	next.last_at = s->impair.last_at;
	next.busy_until = s->impair.busy_until;
	impair_fini(&s->impair);
	s->impair = next;
	return 0;
}

const struct impair_config *sim_get(const struct tern_link *link)
{
	return &sim_of(link)->impair.config;
}

const struct sim_stats *sim_stats(const struct tern_link *link)
{
	return &sim_of(link)->stats;
}
