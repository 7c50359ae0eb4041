// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sending: queue, packets, sizes, time-outs.
 * Included by: tcp_priv.h.
 */
#ifndef TCP_TCP_SEND_PRIV_H
#define TCP_TCP_SEND_PRIV_H

#include "tcp/tcp_conn_priv.h"

/* tcp_seg.c */
struct tcp_seg *tcp_seg_new(struct tern_stack *, struct tcp_conn *);
void tcp_seg_free(struct tern_stack *, struct tcp_conn *, struct tcp_seg *);
/* Cuts g after len bytes; the rest becomes the next segment. False without
 * memory. */
bool tcp_seg_split(struct tern_stack *, struct tcp_conn *, struct tcp_seg *g,
		   uint32_t len);
void tcp_seg_count(struct tcp_seg *, uint32_t mss);
void tcp_seg_grow(struct tern_stack *, struct tcp_conn *, struct tcp_seg *,
		  uint32_t n);
void tcp_seg_trim_front(struct tern_stack *, struct tcp_conn *,
			struct tcp_seg *, uint32_t n);
void tcp_unsent_push(struct tcp_conn *, struct tcp_seg *);
void tcp_unsent_to_rtx(struct tcp_conn *, struct tcp_seg *);

/* tcp_sendq.c */
/* Copies as much as the buffer takes; bytes, or -errno when none. */
int64_t tcp_sendq_write(struct tern_stack *, struct tcp_conn *,
			const struct tern_msg *, int flags);
/* A new unsent segment of at most max bytes of msg: how many, or -errno. */
int64_t tcp_sendq_segment(struct tern_stack *, struct tcp_conn *,
			  const struct tern_msg *, uint32_t max);
void tcp_sendq_purge(struct tern_stack *, struct tcp_conn *);
bool tcp_sendq_has_room(const struct tern_stack *, const struct tcp_conn *);
void tcp_write_space(struct tern_stack *, struct tcp_conn *);
uint32_t tcp_notsent(const struct tcp_conn *);
void tcp_sndbuf_expand(struct tern_stack *, struct tcp_conn *);
static inline struct tcp_seg *rtx_first(const struct tcp_active *a)
{
	return seg_of(a->rtx.first);
}

/* tcp_output.c */
void tcp_push(struct tern_stack *, struct tcp_conn *, bool nagle_off);
/* Like tcp_push for one packet while the program is still writing. */
void tcp_push_one(struct tern_stack *, struct tcp_conn *);
/* Pacing: must the next packet wait? Its timer is set then. */
bool tcp_pace_holds(struct tern_stack *, struct tcp_conn *);
void tcp_pace_sent(struct tern_stack *, struct tcp_conn *, uint32_t len);
/* A tail loss probe of new data: one packet, whatever cwnd says. True: sent. */
bool tcp_push_probe(struct tern_stack *, struct tcp_conn *);
void tcp_send_ack(struct tern_stack *, struct tcp_conn *);
void tcp_send_rst(struct tern_stack *, struct tcp_conn *);
void tcp_send_fin(struct tern_stack *, struct tcp_conn *);
int tcp_send_syn(struct tern_stack *, struct tcp_conn *);
/* The same, with up to room bytes of msg (Fast Open). */
int tcp_send_syn_data(struct tern_stack *, struct tcp_conn *,
		      const struct tern_msg *msg, uint32_t room,
		      int64_t *copied);
void tcp_send_synack_conn(struct tern_stack *, struct tcp_conn *);
/* Zero-window and keep-alive probes; urgent: let it carry the pointer. */
void tcp_send_probe(struct tern_stack *, struct tcp_conn *, bool urgent);
int tcp_wakeup_probe(struct tern_stack *, struct tcp_conn *);
/* Sends g again, cut to max_segs segments and to what the window takes; it is
 * not taken for lost (a tail loss probe). 0 or -errno. */
int tcp_repeat(struct tern_stack *, struct tcp_conn *, struct tcp_seg *,
	       uint32_t max_segs);
/* The same of what is. */
int tcp_resend(struct tern_stack *, struct tcp_conn *, struct tcp_seg *,
	       uint32_t max_segs);
void tcp_check_probe_timer(struct tern_stack *, struct tcp_conn *);
/* Data may leave again: TSQ, pacing. */
void tcp_resume(struct tern_stack *, struct tcp_conn *);

/* tcp_emit.c: segments as packets. */
int tcp_emit_seg(struct tern_stack *, struct tcp_conn *, struct tcp_seg *,
		 uint32_t len);
int tcp_emit_bare(struct tern_stack *, struct tcp_conn *, uint16_t flags,
		  struct seq seq);
/* A SYN and the segment of data behind it as one packet. */
int tcp_emit_syn_data(struct tern_stack *, struct tcp_conn *,
		      struct tcp_seg *syn, struct tcp_seg *data);
/* Answers outside a connection. */
struct tcp_reply {
	struct tern_addr src, dst;
	uint16_t sport, dport;
	struct seq seq, ack;
	uint16_t flags;
	uint16_t window;
	uint8_t tos;
	uint32_t flow;
	struct wire_tcp_opts o;
};
int tcp_emit_reply(struct tern_stack *, const struct tcp_reply *);
/* RFC 9293 3.10.7.1: the RST that answers this segment. */
void tcp_reset_for(struct tern_stack *, const struct tcp_in *);
bool tcp_path(struct tern_stack *, struct tcp_conn *);
uint32_t tcp_ts_now(const struct tern_stack *, const struct tcp_conn *);
uint32_t tcp_ts_offset(const struct tern_stack *, const struct tern_addr *l,
		       const struct tern_addr *r);
struct seq tcp_isn(struct tern_stack *, const struct tern_addr *l,
		   uint16_t lport, const struct tern_addr *r, uint16_t rport);

/* tcp_mss.c */
/* The MSS for data now: path, peer, options of each segment. */
uint32_t tcp_mss_now(struct tern_stack *, struct tcp_conn *);
void tcp_sync_mss(struct tern_stack *, struct tcp_conn *, uint32_t pmtu);
uint32_t tcp_advmss(const struct tern_stack *, const struct ip_path *, bool v6);
/* What a SYN announces. */
uint16_t tcp_syn_mss(const struct tern_stack *, const struct tcp_conn *);
uint32_t tcp_size_goal(struct tern_stack *, const struct tcp_conn *,
		       uint32_t mss);

/* What was marked lost for a reason other than congestion goes at once. */
void tcp_resend_lost(struct tern_stack *, struct tcp_conn *);
/* What is in flight and larger than the MSS of now is lost. */
void tcp_resend_smaller(struct tern_stack *, struct tcp_conn *);
/* The payload of a packet of that size. */
uint32_t tcp_mss_of(const struct tern_stack *, const struct tcp_conn *,
		    uint32_t mtu);
void tcp_path_too_big(struct tern_stack *, struct tcp_conn *, uint32_t mtu);

/* tcp_mtu_probe.c */
enum tcp_mtu_next {
	TCP_MTU_NONE, /* go on as ever */
	TCP_MTU_WAIT, /* a probe is next, and may not leave yet */
	TCP_MTU_PROBE,
};
/* The connection begins: with its SYN, and when its data may flow. */
void tcp_mtu_init(struct tern_stack *, struct tcp_conn *);
/* Is the next packet a probe? *probe: the segment, first of the unsent. */
enum tcp_mtu_next tcp_mtu_next(struct tern_stack *, struct tcp_conn *,
			       struct tcp_seg **probe);
void tcp_mtu_sent(struct tcp_conn *, const struct tcp_seg *probe);
/* snd.una has moved. */
void tcp_mtu_acked(struct tern_stack *, struct tcp_conn *);
/* A loss was found. True: it was the probe's, and is seen to. */
bool tcp_mtu_lost(struct tern_stack *, struct tcp_conn *);
/* The retransmissions have gone unanswered for tcp_retries1 time-outs: perhaps
 * they are too big, and who knows does not say so (RFC 4821 7.7). tcp_base_mss
 * is tried, then half of it, and so on down to tcp_mtu_probe_floor. */
void tcp_black_hole(struct tern_stack *, struct tcp_conn *);

/* tcp_rtt.c */
/* Segments that one packet should carry at this rate: a millisecond's worth,
 * more on short paths. */
uint32_t tcp_autosize(struct tern_stack *, struct tcp_conn *, uint32_t mss);
void tcp_rtt_sample(struct tern_stack *, struct tcp_conn *, int64_t us);
/* The time-out of what was measured, not backed off. */
void tcp_rto_set(const struct tern_stack *, struct tcp_conn *);
/* The round trip that a timestamp's echo tells, at least a millisecond, in
 * microseconds; -1: none, or from the future or another age, which is a lie
 * (RFC 7323 4.3). */
int64_t tcp_rtt_of_echo(const struct tern_stack *, const struct tcp_conn *,
			const struct tcp_in *);
int64_t tcp_rto_ns(const struct tcp_conn *);
int64_t tcp_rto_max_ns(const struct tern_stack *, const struct tcp_conn *);
uint32_t tcp_rto_min_us(const struct tern_stack *, const struct tcp_conn *);

/* tcp_rto.c, tcp_keep.c: what timers do. */
/* What time-outs began has ended. */
void tcp_rto_over(struct tern_stack *, struct tcp_conn *);
void tcp_rtx_fire(struct tern_stack *, struct tcp_conn *);
void tcp_probe_fire(struct tern_stack *, struct tcp_conn *);
void tcp_keep_fire(struct tern_stack *, struct tcp_conn *);
/* ETIMEDOUT, or what an ICMP error said before. */
void tcp_give_up(struct tern_stack *, struct tcp_conn *, const char *why);

#endif
