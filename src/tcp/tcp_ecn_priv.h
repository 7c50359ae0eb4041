// SPDX-License-Identifier: BSD-2-Clause
/*
 * ECN and AccECN.
 * Included by: tcp_priv.h.
 */
#ifndef TCP_TCP_ECN_PRIV_H
#define TCP_TCP_ECN_PRIV_H

#include "tcp/tcp_conn_priv.h"

/* tcp_ecn.c */
/* connect(): what the SYN is to ask for. */
void tcp_ecn_ask(const struct tern_stack *, struct tcp_conn *);
/* A SYN at a listener, and the same SYN again. */
void tcp_ecn_syn_in(const struct tern_stack *, const struct tcp_conn *listener,
		    const struct tcp_in *, struct tcp_req *);
/* A cookie's ACK: what the SYN asked for. kept: the cookie says classic. */
void tcp_ecn_cookie(const struct tern_stack *, const struct tcp_in *,
		    struct tcp_req *, bool kept);
void tcp_ecn_syn_again(struct tcp_req *, const struct tcp_in *);
uint16_t tcp_ecn_synack_flags(const struct tern_stack *, struct tcp_req *);
void tcp_ecn_child(struct tern_stack *, struct tcp_conn *,
		   const struct tcp_req *);
void tcp_ecn_synack_in(struct tern_stack *, struct tcp_conn *,
		       const struct tcp_in *);
void tcp_ecn_crossed_syn_in(struct tern_stack *, struct tcp_conn *,
			    const struct tcp_in *);
/* The flags of ECN for a packet that leaves now, and c->ect_out. is_new: with
 * data that was never sent. */
uint16_t tcp_ecn_out(struct tern_stack *, struct tcp_conn *, uint16_t flags,
		     bool is_new);
/* Data that was taken, by its mark. */
void tcp_ecn_data_in(struct tern_stack *, struct tcp_conn *,
		     const struct tcp_in *);
/* And before it is. */
void tcp_ecn_mark_in(struct tern_stack *, struct tcp_conn *,
		     const struct tcp_in *);
void tcp_ecn_cwr_in(const struct tern_stack *, struct tcp_conn *,
		    const struct tcp_in *);
static inline bool tcp_ecn_echo_in(const struct tcp_conn *c,
				   const struct tcp_in *in)
{
	return c->ecn == ECN_CLASSIC &&
	       (in->h.flags & (TCP_ECE | TCP_SYN)) == TCP_ECE;
}

/* tcp_accecn.c; what is not of a connection with AccECN is left alone. */
uint16_t tcp_accecn_handshake(unsigned mark);
void tcp_accecn_start(struct tern_stack *, struct tcp_conn *, uint8_t mark);
void tcp_accecn_fail(const struct tern_stack *, const struct tcp_conn *,
		     uint8_t what);
void tcp_accecn_synack_in(struct tern_stack *, struct tcp_conn *,
			  const struct tcp_in *);
void tcp_accecn_synack_again(const struct tern_stack *, const struct tcp_conn *,
			     const struct tcp_in *);
void tcp_accecn_third_ack(struct tern_stack *, struct tcp_conn *,
			  const struct tcp_in *);
/* An acceptable packet: counts its mark. */
void tcp_accecn_in(struct tern_stack *, struct tcp_conn *,
		   const struct tcp_in *);
uint16_t tcp_accecn_out(struct tern_stack *, struct tcp_conn *);
/* The option that a packet has now; the same of a SYN-ACK. */
void tcp_accecn_option(const struct tern_stack *, const struct tcp_conn *,
		       struct wire_tcp_opts *);
void tcp_accecn_synack_option(const struct tern_stack *,
			      struct wire_tcp_opts *);
/* These options have left. */
void tcp_accecn_option_sent(const struct tern_stack *, const struct tcp_conn *,
			    const struct wire_tcp_opts *);
/* Data that was acknowledged before came again. */
void tcp_accecn_spurious(const struct tern_stack *, const struct tcp_conn *);
/* What an ACK delivered; is_new: it is not overtaken by another. */
struct accecn_news {
	uint32_t packets, bytes;
	bool is_new;
};
/* CE packets that the ACK tells of. */
uint32_t tcp_accecn_ack(struct tern_stack *, struct tcp_conn *,
			const struct tcp_in *, const struct accecn_news *);

#endif
