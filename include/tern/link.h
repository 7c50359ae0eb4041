// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets, and the links that carry them.
 *
 * A packet is a reference-counted head (the linear bytes, with headroom in
 * front) and up to TERN_PKT_FRAGS fragments that point into shared buffers:
 * what an application sends is copied once, into such buffers, and every
 * segment and every resend of it only points there. A packet may be larger
 * than the link's MTU: it then carries gso_size, and whoever cannot cut it
 * gets it cut by the stack, in one place (tern_stack_output()).
 *
 * To the core a link is a number with an MTU and a few abilities
 * (tern_link_add() in stack.h). Outside the core a link is a struct
 * tern_link: a table of operations that a host loop drives. Links that wrap
 * another link (capture, faults) have the same shape.
 *
 * Everything here is single-threaded, as the stack is.
 */
#ifndef TERN_LINK_H
#define TERN_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tern/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TERN_NEVER INT64_MAX /* an instant that does not come */

struct tern_allocator {
	void *ctx;
	/* size > 0; returns memory aligned for any type, or NULL. */
	void *(*alloc)(void *ctx, size_t size);
	/* ptr is never NULL; size is what was asked for. */
	void (*free)(void *ctx, void *ptr, size_t size);
};

/* 64 KiB of payload in buffers of 4 KiB or more, and one split at each end. */
#define TERN_PKT_FRAGS 18

/* Shared, reference-counted bytes. Who holds a reference may read; who holds
 * the only reference may write. */
struct tern_buf {
	struct tern_pool *pool;
	uint32_t refs;
	uint32_t cap; /* bytes in data[] */
	uint32_t len; /* bytes filled, for who appends */
	uint32_t class_;
	uint8_t *data;
};

struct tern_frag {
	struct tern_buf *buf;
	uint32_t off;
	uint32_t len;
};

/* What is known of a packet's TCP or UDP checksum. */
enum tern_csum {
	TERN_CSUM_NONE,	   /* in: not verified; out: complete in the packet */
	TERN_CSUM_GOOD,	   /* in: verified by the link, or never left memory */
	TERN_CSUM_PARTIAL, /* only the pseudo-header's sum is in the field: the
			    * rest from csum_start on is to be added by the
			    * link, or by the stack at the edge */
};

struct tern_pkt {
	struct tern_pkt *next; /* whoever owns the packet may queue by it */
	struct tern_pool *pool;
	struct tern_buf *head; /* backing of the linear part */
	uint8_t *data;	       /* first linear byte */
	uint32_t head_len;     /* linear bytes at data */
	uint32_t len;	       /* all bytes: head_len and the fragments */
	uint16_t n_frags;
	uint16_t gso_size;   /* payload bytes per segment, 0: one segment */
	uint16_t csum_start; /* from data, when csum is PARTIAL */
	uint16_t csum_off;   /* of the field, from csum_start */
	uint8_t csum;	     /* enum tern_csum */
	uint8_t link;	     /* number of the link it came from or leaves by */
	uint8_t flags;	     /* TERN_PKT_* */
	uint8_t spare;
	uint32_t owner; /* for the stack: whom to tell that it has left */
	int64_t at;	/* in: when it arrived; out: earliest departure */
	uint64_t cb[6]; /* control block of whoever owns the packet */
	struct tern_frag frags[TERN_PKT_FRAGS];
};

#define TERN_PKT_TOLD 1 /* owner counts this packet as queued below it */
#define TERN_PKT_ACE 32 /* CWR is part of a counter: for each segment */

/*
 * A pool of packets and buffers. Stacks driven by one thread may share a
 * pool, and links between them then pass packets without a copy. The pool
 * outlives every packet it gave: tern_pool_free() with packets outstanding
 * defers itself to the last put.
 */
struct tern_pool *tern_pool_new(const struct tern_allocator *alloc);
void tern_pool_free(struct tern_pool *pool);

/* Bytes taken from the allocator and not given back. */
size_t tern_pool_footprint(const struct tern_pool *pool);

/* A packet with an empty linear part, `headroom` bytes in front of it and
 * room for `room` bytes in it; NULL without memory. */
struct tern_pkt *tern_pkt_new(struct tern_pool *pool, size_t headroom,
			      size_t room);

/* Drops a packet and the references it holds. */
void tern_pkt_put(struct tern_pkt *pkt);

/* Appends n bytes to the linear part and returns where they go (unfilled);
 * NULL if the room is used up. Only while there are no fragments. */
uint8_t *tern_pkt_append(struct tern_pkt *pkt, size_t n);

/* Prepends n bytes of headroom to the linear part; NULL if used up. */
uint8_t *tern_pkt_prepend(struct tern_pkt *pkt, size_t n);

/* Adds a fragment and takes a reference on buf; false if all are used. */
bool tern_pkt_add_frag(struct tern_pkt *pkt, struct tern_buf *buf, uint32_t off,
		       uint32_t len);

/* Copies n bytes from offset off on into out. off + n <= pkt->len. */
void tern_pkt_copy_out(const struct tern_pkt *pkt, size_t off, void *out,
		       size_t n);

/* A packet of its own memory with the same bytes and the same notes, linear;
 * from `pool`, which may be another pool than pkt's. NULL without memory. */
struct tern_pkt *tern_pkt_clone(struct tern_pool *pool,
				const struct tern_pkt *pkt);

/* Makes the first n bytes linear (n <= pkt->len). False without memory; the
 * packet is then unchanged. */
bool tern_pkt_pull(struct tern_pkt *pkt, size_t n);

/* Makes it hold all its bytes itself, linear, if it points to lent memory.
 * False without memory; the packet is then unchanged. */
bool tern_pkt_own(struct tern_pkt *pkt);

/* Cuts n bytes off the front or the end (n <= pkt->len). */
void tern_pkt_trim_front(struct tern_pkt *pkt, size_t n);
void tern_pkt_trim_end(struct tern_pkt *pkt, size_t n);

/*
 * A shared buffer of at least cap bytes, one reference; NULL without memory.
 */
struct tern_buf *tern_buf_new(struct tern_pool *pool, size_t cap);
struct tern_buf *tern_buf_get(struct tern_buf *buf);
void tern_buf_put(struct tern_buf *buf);

/* The abilities of a link. */
#define TERN_LINK_GSO 1u      /* takes packets with gso_size */
#define TERN_LINK_TX_CSUM 2u  /* takes packets with TERN_CSUM_PARTIAL */
#define TERN_LINK_LOOPBACK 4u /* what goes out comes in again */
#define TERN_LINK_INSTANT 8u  /* what waits to leave counts as gone (TSQ) */
/* Takes packets that point to memory lent by MSG_ZEROCOPY (socket.h). Whoever
 * drives the link sees to it that none of them outlives the next call into the
 * stack: what is to be kept longer is made its own by tern_pkt_own(). Towards a
 * link without this ability the stack copies. */
#define TERN_LINK_LENDS 16u

/*
 * A link outside the core. All calls are non-blocking. `ops` is constant and
 * shared; the implementation embeds struct tern_link as its first member.
 */
struct tern_link {
	const struct tern_link_ops *ops;
	struct tern_pool *pool; /* where received packets come from */
	uint32_t mtu;
	uint32_t abilities; /* TERN_LINK_* */
	char name[16];
};

struct tern_link_ops {
	/* (required) Up to max packets that have arrived, now the callers;
	 * 0 when none has; -errno (TERN_E*) when the link is broken. */
	int (*receive)(struct tern_link *, struct tern_pkt **pkts, int max,
		       int64_t now);
	/* (required) Takes over packets in order and returns how many: fewer
	 * than n is back-pressure, and the caller keeps the rest. n may be 0:
	 * then it only moves on what the link itself holds back. */
	int (*send)(struct tern_link *, struct tern_pkt **pkts, int n,
		    int64_t now);
	/* (required) Closes the link and frees it. */
	void (*close)(struct tern_link *);
	/* (optional) A descriptor that polls readable when receive would
	 * give something, writable when send would take something; or -1. */
	int (*fd)(struct tern_link *);
	/* (optional) When receive or send would next do something without
	 * its descriptor saying so; TERN_NEVER if not. */
	int64_t (*deadline)(struct tern_link *);
	/* (optional) No more than n packets are to wait for receive, where they
	 * wait in a queue of somebody else's. */
	void (*bound)(struct tern_link *, uint32_t n);
	/* (optional) How many packets that queue has dropped so far. */
	uint64_t (*n_dropped)(struct tern_link *);
};

/*
 * Links that come with the library. Each call gives 0 and *out, or -errno; the
 * link is then the caller's, or of the host or wrapping link that it is given
 * to.
 */

/* An address and the bits of its prefix (IPv4: 0 to 32, IPv6: 0 to 128). */
struct tern_prefix {
	struct tern_addr addr;
	uint8_t bits;
};

/* A TUN device (Linux): its far side is the kernel. */
struct tern_tun_config {
	const char *name; /* at most 15 bytes; must not exist yet */
	uint32_t mtu;	  /* 0: 1,500 */
	bool no_offload;  /* every packet at most mtu, checksums complete */
	const struct tern_prefix *addrs; /* of the kernel's side */
	int n_addrs;
	char why[256]; /* on failure: what to do, a line without its end */
};

/* Makes the device, sets its addresses and brings it up. It vanishes when the
 * link is closed or the process ends. */
int tern_tun_open(struct tern_pool *, struct tern_tun_config *,
		  struct tern_link **out);

/* Two links joined in memory, for stacks on one thread. */
struct tern_pair_config {
	struct tern_pool *pool[2]; /* of each end; equal: nothing is copied */
	uint32_t mtu;		   /* 0: 1,500 */
	uint32_t abilities;	   /* TERN_LINK_GSO, TERN_LINK_TX_CSUM, or 0 */
	uint32_t queue_len;	   /* packets under way each way; 0: 1,000 */
};

/* A full queue is back-pressure. What is under way when one end is closed is
 * dropped, and so is what the other end sends from then on. */
int tern_pair_new(const struct tern_pair_config *, struct tern_link *ends[2]);

/* Writes every packet that passes to a pcapng file. */
struct tern_pcapng_config {
	const char *path; /* is made anew */
	uint32_t snaplen; /* bytes kept of a packet; 0: all */
	int64_t epoch_ns; /* from `now` 0 to the Unix epoch */
};

/* Owns `inner` from now on (on failure it stays the caller's). Packets larger
 * than the MTU are shown cut, unfinished checksums finished: as a wire would
 * show them. */
int tern_pcapng_wrap(struct tern_link *inner, const struct tern_pcapng_config *,
		     struct tern_link **out);

/* 0, or -errno of the first write that failed: the file ends before it, the
 * traffic goes on. */
int tern_pcapng_error(const struct tern_link *);

enum tern_fault_kind {
	TERN_FAULT_DROP,
	TERN_FAULT_DUP,	    /* delivered twice */
	TERN_FAULT_CORRUPT, /* one bit flipped, in a copy */
	TERN_FAULT_REORDER, /* later by reorder_ns, so that others pass it */
	TERN_FAULT_KINDS,
};

/* The fate of a given packet, counted from 0 in its direction. */
struct tern_fault_at {
	uint64_t index;
	enum tern_fault_kind kind;
};

/* What happens to the packets of one direction. */
struct tern_fault_lane {
	uint32_t rate[TERN_FAULT_KINDS]; /* packets in a million */
	const struct tern_fault_at *at;	 /* on top of the rates */
	int n_at;
	int64_t delay_ns;   /* of every packet */
	int64_t reorder_ns; /* 0: 1 ms */
	uint32_t queue_len; /* packets held back at a time; 0: 10,000 */
};

struct tern_fault_config {
	uint64_t seed;		    /* equal seeds, equal calls: equal faults */
	struct tern_fault_lane out; /* from the stack to the inner link */
	struct tern_fault_lane in;
	uint32_t refuse_every; /* each n-th call to send takes nothing; 0: no */
};

/* Owns `inner` from now on (on failure it stays the caller's). The lists
 * `at` are copied. Faults act on packets as a wire carries them: there is no
 * offload through this link. */
int tern_fault_wrap(struct tern_link *inner, const struct tern_fault_config *,
		    struct tern_link **out);

#ifdef __cplusplus
}
#endif
#endif
