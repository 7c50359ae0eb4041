// SPDX-License-Identifier: BSD-2-Clause
/*
 * Receiving: data in order, windows, acknowledgments.
 * Included by: tcp_priv.h.
 */
#ifndef TCP_TCP_RECV_PRIV_H
#define TCP_TCP_RECV_PRIV_H

#include "tcp/tcp_conn_priv.h"

/* tcp_reass.c: receiving data. */
void tcp_data_in(struct tern_stack *, struct tcp_conn *, struct tcp_in *);
void tcp_sack_add(struct tcp_conn *, struct seq from, struct seq to);
void tcp_sack_forget(struct tcp_conn *);
void tcp_dsack_extend(struct tern_stack *, struct tcp_conn *, struct seq from,
		      struct seq to);
void tcp_sack_options(const struct tcp_conn *, struct wire_tcp_opts *);
void tcp_dsack_set(struct tern_stack *, struct tcp_conn *, struct seq from,
		   struct seq to);
void tcp_rcvq_purge(struct tern_stack *, struct tcp_conn *);
/* A read has come to the FIN. */
void tcp_fin_read(struct tern_stack *, struct tcp_conn *);
/* Frees what of the queue has been read. */
void tcp_rcvq_trim(struct tern_stack *, struct tcp_conn *);
void tcp_ofo_purge(struct tern_stack *, struct tcp_conn *);
static inline uint32_t cb_len(const struct tcp_cb *b)
{
	return (uint32_t)seq_diff(b->end, b->seq) - b->fin;
}

/* tcp_urg.c */
void tcp_urg_in(struct tern_stack *, struct tcp_conn *, const struct tcp_in *);
uint32_t tcp_truesize(uint32_t len);
uint32_t tcp_tailroom(uint32_t truesize, uint32_t len);

/* tcp_rcvbuf.c: windows and buffers of the receiver. */
void tcp_mem_press(struct tern_stack *);
void tcp_mem_relax(struct tern_stack *);
uint32_t tcp_rcv_space(const struct tcp_conn *);
uint32_t tcp_full_space(const struct tcp_conn *);
uint32_t tcp_window_clamp(const struct tcp_conn *);
uint32_t tcp_win_from_space(const struct tcp_conn *, uint32_t space);
/* The window to announce now, moving rcv.wup and rcv.wnd: header value. */
uint16_t tcp_select_window(struct tern_stack *, struct tcp_conn *);
/* The same in bytes, without announcing it. */
uint32_t tcp_window_would(struct tern_stack *, struct tcp_conn *);
uint32_t tcp_initial_clamp(const struct tcp_conn *);
struct tcp_first_window {
	uint32_t wnd;
	uint8_t scale;
};
struct tcp_first_window tcp_initial_window(struct tern_stack *, uint32_t space,
					   uint32_t mss, uint32_t clamp,
					   bool wscale_ok);
void tcp_init_buffers(struct tern_stack *, struct tcp_conn *);
/* What a program is expected to read in a round trip, before it has. */
uint32_t tcp_rcv_space_at_first(const struct tcp_conn *);
/* What the peer seems to send, and what such packets cost. */
void tcp_measure_mss(struct tern_stack *, struct tcp_conn *,
		     const struct tcp_in *);
/* A packet of len bytes came: may more be announced? */
void tcp_grow_window(struct tern_stack *, struct tcp_conn *, uint32_t len,
		     bool merged);
/* The buffer holds what is behind a gap, beside what is read. */
void tcp_rcvbuf_for_ofo(struct tern_stack *, struct tcp_conn *);
/* More came than the buffer holds: it grows, or the window must not. */
void tcp_clamp_window(struct tern_stack *, struct tcp_conn *);
/* tcp_window_clamp() was `before`: what may be announced follows, down at once,
 * up to what was announced last [k]. */
void tcp_clamp_moved(struct tcp_conn *, uint32_t before);
void tcp_data_received(struct tern_stack *, struct tcp_conn *,
		       const struct tcp_in *);
void tcp_window_after_read(struct tern_stack *, struct tcp_conn *,
			   uint32_t copied);
/* A read has come to `at`. */
void tcp_rcvbuf_tune(struct tern_stack *, struct tcp_conn *, struct seq at);
void tcp_rcv_rtt_ts(struct tern_stack *, struct tcp_conn *,
		    const struct tcp_in *);

/* Memory of all queues, by Linux's count, against tcp_mem (in pages): beyond
 * the first number buffers do not grow; from beyond the second until below the
 * first windows and buffers are held down (`pressure`); beyond the third nobody
 * gets more than tcp_rmem and tcp_wmem promise each. */
#define TCP_MEM_PAGE 4096
static inline bool tcp_mem_is_tight(const struct tern_stack *st)
{
	return st->tcp.mem_used / TCP_MEM_PAGE >= (uint64_t)st->tun.tcp_mem[0];
}

static inline bool tcp_mem_is_out(const struct tern_stack *st)
{
	return st->tcp.mem_used / TCP_MEM_PAGE > (uint64_t)st->tun.tcp_mem[2];
}

static inline void tcp_mem_charge(struct tern_stack *st, uint32_t n)
{
	st->tcp.mem_used += n;
	if (unlikely(st->tcp.mem_used / TCP_MEM_PAGE >
		     (uint64_t)st->tun.tcp_mem[1]))
		tcp_mem_press(st);
}

static inline void tcp_mem_uncharge(struct tern_stack *st, uint32_t n)
{
	st->tcp.mem_used -= n;
	if (unlikely(st->tcp.pressure) && !tcp_mem_is_tight(st))
		tcp_mem_relax(st);
}

/* tcp_delack.c: when to acknowledge. */
void tcp_ack_check(struct tern_stack *, struct tcp_conn *, bool had_ofo);
void tcp_delack_start(struct tern_stack *, struct tcp_conn *);
void tcp_delack_fire(struct tern_stack *, struct tcp_conn *);
void tcp_quickack(struct tern_stack *, struct tcp_conn *, uint32_t max);
void tcp_ack_sent(struct tern_stack *, struct tcp_conn *);

/* Do both sides talk in turns? Then an ACK is likely to ride on an answer. */
static inline bool tcp_is_pingpong(const struct tern_stack *st,
				   const struct tcp_conn *c)
{
	return c->pingpong >= st->tun.tcp_pingpong_thresh;
}

static inline void tcp_enter_pingpong(const struct tern_stack *st,
				      struct tcp_conn *c)
{
	c->pingpong = (uint8_t)st->tun.tcp_pingpong_thresh;
}

/* tcp_recv.c: n bytes of a packet, from `off` on, to byte `done` of the iovec
 * on. */
void tcp_copy_to(const struct tern_msg *, uint64_t done,
		 const struct tern_pkt *, uint32_t off, uint32_t n);

/* tcp_prune.c */
/* Within its buffer, and the stack within tcp_mem; what tcp_rmem promises to
 * each is its own. */
static inline bool tcp_rcv_is_fine(const struct tern_stack *st,
				   const struct tcp_conn *c)
{
	return c->act->rmem <= c->rcvbuf &&
	       (!tcp_mem_is_out(st) ||
		c->act->rmem < (uint64_t)st->tun.tcp_rmem[0]);
}

/* May one packet more be queued, one that begins at seq? Makes room if need
 * be. */
bool tcp_rcv_has_room(struct tern_stack *, struct tcp_conn *, struct seq seq);

/* Linux's count of what is received and held. */
static inline void tcp_rmem_charge(struct tern_stack *st, struct tcp_conn *c,
				   uint32_t n)
{
	c->act->rmem += n;
	tcp_mem_charge(st, n);
}

static inline void tcp_rmem_uncharge(struct tern_stack *st, struct tcp_conn *c,
				     uint32_t n)
{
	n = min_u32(n, c->act->rmem);
	c->act->rmem -= n;
	tcp_mem_uncharge(st, n);
}

#endif
