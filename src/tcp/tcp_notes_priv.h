// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a connection tells its program beside data: the error queue,
 * MSG_ZEROCOPY, SO_TIMESTAMPING.
 * Included by: tcp_priv.h.
 */
#ifndef TCP_TCP_NOTES_PRIV_H
#define TCP_TCP_NOTES_PRIV_H

#include "ip/ip_cmsg.h"
#include "tcp/tcp_conn_priv.h"

/* What a connection has to tell its program beside data: tcp_errq.c. */
struct tcp_notes {
	struct pktq errors; /* pkt->cb is struct errq_cb */
	uint32_t rmem, optmem;
	uint32_t lend_next;		/* number of the next send that lends */
	uint32_t lend_first, lend_last; /* struct tcp_lend, in order */
	uint32_t lend_now;		/* of the send that is being made */
	struct seq stamp_base; /* SO_TIMESTAMPING's numbers count from here */
};

#define TCP_LEND_COST 832u /* of optmem, for a notice to come [k] */
#define TCP_PKT_STATS 1	   /* pkt->flags in notes->errors: OPT_STATS */

/* A notice to come that lent memory is free: tcp_lend.c. */
struct tcp_lend {
	uint32_t id;
	uint32_t conn, gen; /* whom to tell; 0: nobody any more */
	uint32_t prev, next;
	uint32_t first; /* struct tcp_lent */
	uint32_t refs;	/* of those, and of a send under way */
	uint32_t lo, n; /* numbers of the sends */
	uint32_t next_done;
	bool copied; /* of some of it */
	struct tern_pkt *notice;
};

static inline struct tcp_notes *tcp_notes_of(const struct tern_stack *st,
					     const struct tcp_conn *c)
{
	uint32_t id = c->opts->notes;

	return id ? slab_at(&st->tcp.notes, id) : NULL;
}

/* tcp_errq.c: the error queue. */
/* NULL without memory. */
struct tcp_notes *tcp_notes_attach(struct tern_stack *, struct tcp_conn *);
void tcp_notes_drop(struct tern_stack *, struct tcp_conn *);
/* Takes the packet over; false: there was no room for it. */
bool tcp_errq_push(struct tern_stack *, struct tcp_conn *, struct tern_pkt *);
int64_t tcp_errq_recv(struct tern_stack *, struct tcp_conn *,
		      struct tern_msg *);
static inline bool tcp_errq_has(const struct tern_stack *st,
				const struct tcp_conn *c)
{
	return unlikely(c->opts->notes) && tcp_notes_of(st, c)->errors.head;
}

/* tcp_lend.c: MSG_ZEROCOPY. A send that lends begins, takes a buffer for each
 * run of memory, and ends (any: something was taken). 0 or -TERN_ENOBUFS; NULL
 * without memory. */
extern const size_t tcp_lent_size;
int tcp_lend_begin(struct tern_stack *, struct tcp_conn *);
struct tern_buf *tcp_lend_buf(struct tern_stack *, struct tcp_conn *,
			      const void *base, size_t len);
void tcp_lend_end(struct tern_stack *, struct tcp_conn *, bool any);
void tcp_lend_forget(struct tern_stack *, struct tcp_notes *);
/* Copies all that is lent: the program has its memory back. False without
 * memory. */
bool tcp_lend_take(struct tern_stack *, struct tcp_conn *);

/* tcp_stamp.c: SO_TIMESTAMPING. */
struct cmsg_times tcp_times_of(const struct tcp_conn *);
/* The write that ends here wants to be told of. */
void tcp_stamp_write(const struct tcp_conn *);
/* g is acknowledged, to its last byte, by a packet with this TTL. */
void tcp_stamp_acked(struct tern_stack *, struct tcp_conn *,
		     const struct tcp_seg *g, uint8_t ttl);

#endif
