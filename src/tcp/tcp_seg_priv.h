// SPDX-License-Identifier: BSD-2-Clause
/*
 * Data on its way: a segment to be sent, a packet that came.
 * Included by: tcp_active_priv.h.
 */
#ifndef TCP_TCP_SEG_PRIV_H
#define TCP_TCP_SEG_PRIV_H

#include "base/pkt.h"
#include "base/rbtree.h"
#include "base/seq.h"
#include "wire/wire_tcp.h"

#define TCP_SEG_FRAGS 4u

/* Sequence space in flight or to be sent: what one packet carries, or will.
 * At first up to 64 KiB; cut finer when loss recovery needs it. */
struct tcp_seg {
	struct rbnode node;   /* in act->rtx once sent */
	struct tcp_seg *next; /* in act->unsent before */
	/* In act->by_time while sent and neither SACKed nor marked lost. */
	struct tcp_seg *later, *earlier;
	uint32_t id;
	struct seq seq;
	uint32_t len;	 /* data bytes; SYN and FIN take a number more */
	uint16_t flags;	 /* TCP_SYN, TCP_FIN, TCP_PSH, TCP_URG */
	uint16_t n_segs; /* of mss bytes, as the network sees it */
	uint16_t mss;	 /* that n_segs was counted by */
	uint16_t n_frags;
	uint8_t marks;	    /* SEG_* */
	bool eor;	    /* nothing may be appended (MSG_EOR) */
	bool is_sent;	    /* in act->rtx, else in act->unsent */
	bool is_timed;	    /* in act->by_time */
	uint8_t notes;	    /* SEG_TELL_*, SEG_LENT: tcp_note_out() */
	uint16_t part;	    /* bytes acknowledged of a lone segment */
	struct seq stamp;   /* of the byte that SEG_TELL_* are about */
	uint32_t lent_cost; /* charged on top: lent memory counts in pages */
	uint16_t n_retrans;
	int64_t sent_at; /* last time */
	uint32_t nth;	 /* of all that was sent, then */
	/* Delivery rate, as of the last send (draft-cheng-iccrg-delivery-rate-
	 * estimation). */
	int64_t delivered_at, first_sent_at;
	uint32_t delivered, delivered_ce;
	uint32_t in_flight;
	bool is_app_limited;
	struct tern_frag frags[TCP_SEG_FRAGS];
};

enum {
	SEG_SACKED = 1,
	SEG_RETRANS = 2, /* resent, and that is in flight */
	SEG_LOST = 4,
	SEG_EVER_RETRANS = 8,
	SEG_PROBE = 16, /* sent as a tail loss probe */
};

/* tcp_seg.notes */
enum {
	SEG_TELL_QUEUED = 1,
	SEG_TELL_LEFT = 2,
	SEG_TELL_ACKED = 4,
	SEG_TELL = 7,
	SEG_LENT = 8, /* points to memory of the program's */
};

static inline uint32_t seg_seqlen(const struct tcp_seg *g)
{
	return g->len + !!(g->flags & TCP_SYN) + !!(g->flags & TCP_FIN);
}

static inline struct seq seg_end(const struct tcp_seg *g)
{
	return seq_add(g->seq, seg_seqlen(g));
}

static inline struct tcp_seg *seg_of(struct rbnode *n)
{
	return n ? container_of(n, struct tcp_seg, node) : NULL;
}

/* What a received packet says of itself while TCP has it (pkt->cb). */
struct tcp_cb {
	struct rbnode node;  /* in act->ofo */
	struct seq seq, end; /* a FIN has a number, and is in end */
	bool fin;
	uint16_t room; /* Linux's, behind the bytes of its last buffer */
};

_Static_assert(sizeof(struct tcp_cb) <= sizeof(((struct tern_pkt *)0)->cb),
	       "tcp_cb fits pkt->cb");

static inline struct tcp_cb *pkt_cb(struct tern_pkt *pkt)
{
	return (struct tcp_cb *)(void *)pkt->cb;
}

static inline struct tern_pkt *pkt_of(struct rbnode *n)
{
	return n ? container_of(n, struct tern_pkt, cb) : NULL;
}

#endif
