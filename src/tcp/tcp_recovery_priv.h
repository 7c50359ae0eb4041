// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an ACK tells, loss recovery and congestion control.
 * Included by: tcp_priv.h.
 */
#ifndef TCP_TCP_RECOVERY_PRIV_H
#define TCP_TCP_RECOVERY_PRIV_H

#include "tcp/tcp_conn_priv.h"

/* tcp_ack.c */
enum {
	ACKED_DATA = 1, /* new data acknowledged */
	ACKED_SYN = 2,
	ACKED_RETRANS = 4, /* of it some had been resent */
	ACKED_WINDOW = 8,  /* the window changed */
	ACKED_SACK = 16,   /* SACK told something new */
	ACKED_DSACK = 32,
	ACKED_ECE = 64,
	ACKED_UNA = 128,	/* snd.una moved */
	ACKED_ORIG_SACK = 256,	/* SACKed what was never resent */
	ACKED_RENEGED = 512,	/* what was SACKed is missing after all */
	ACKED_DSACK_TLP = 1024, /* the probe was needless */
	ACKED_LOST_RETRANS = 2048,
	ACKED_TS = 4096, /* its timestamp is newer */
};
/* True: a newer one. */
bool tcp_store_ts_recent(struct tern_stack *, struct tcp_conn *,
			 const struct tcp_in *);
/* Acts on the ACK. 1: fine; 0: old, the rest of the segment still counts; -n:
 * to be dropped for reason n (a challenge may be called for). */
int tcp_ack_in(struct tern_stack *, struct tcp_conn *, struct tcp_in *);
void tcp_rearm_rto(struct tern_stack *, struct tcp_conn *);
void tcp_ack_probe(struct tern_stack *, struct tcp_conn *);

/* tcp_recovery.c */
struct tcp_ack_state {
	uint32_t flags; /* ACKED_* */
	uint32_t prior_in_flight;
	uint32_t prior_packets;
	struct seq prior_una;
	uint32_t newly_acked, newly_lost;
	bool is_dupack;
	int64_t sack_at; /* when the newest SACKed segment was sent; 0: none */
	int64_t sack_first_at;
	struct seq sack_next; /* the blocks' walk has come so far */
	struct seq reord;     /* lowest of those delivered out of order */
	bool has_reord;
	uint32_t bytes; /* delivered, by ACK or SACK */
	struct seq prior_fack;
	struct tern_cc_sample rs;
	bool timer_set; /* REO: leave it */
	uint8_t resend; /* what tcp_recovery_send() is to do */
};
void tcp_recovery_ack(struct tern_stack *, struct tcp_conn *,
		      struct tcp_ack_state *);
void tcp_recovery_send(struct tern_stack *, struct tcp_conn *,
		       const struct tcp_ack_state *);
void tcp_dupacks_acked(struct tern_stack *, struct tcp_conn *, uint32_t n);
void tcp_enter_loss(struct tern_stack *, struct tcp_conn *);
/* ece: marks told of congestion as well. */
void tcp_enter_recovery(struct tern_stack *, struct tcp_conn *, bool ece);
void tcp_keep_open(struct tern_stack *, struct tcp_conn *);
void tcp_enter_cwr(struct tern_stack *, struct tcp_conn *);
void tcp_mark_lost(struct tern_stack *, struct tcp_conn *, struct tcp_seg *);
void tcp_count_delivered(struct tern_stack *, struct tcp_conn *, uint32_t n);
void tcp_rtx_queue(struct tern_stack *, struct tcp_conn *);
void tcp_set_ca(struct tern_stack *, struct tcp_conn *, enum tern_ca_state);

/* tcp_scoreboard.c: what the peer says it has. */
void tcp_sack_in(struct tern_stack *, struct tcp_conn *, const struct tcp_in *,
		 struct tcp_ack_state *);
/* The first sent segment that ends after seq, or NULL. */
struct tcp_seg *tcp_seg_at(const struct tcp_active *, struct seq seq);
static inline void tcp_reord_seen(struct tcp_conn *c)
{
	if (c->reord_seen < 1023)
		c->reord_seen++;
}
void tcp_sack_reordering(struct tern_stack *, struct tcp_conn *, struct seq low,
			 bool by_ts);

/* tcp_rack.c: loss by time, and tail loss probes (RFC 8985). */
void tcp_rack_sent(struct tcp_conn *, struct tcp_seg *);
void tcp_rack_forget(struct tcp_conn *, struct tcp_seg *);
void tcp_rack_split(struct tcp_conn *, struct tcp_seg *g, struct tcp_seg *rest);
void tcp_rack_delivered(struct tern_stack *, struct tcp_conn *,
			const struct tcp_seg *);
/* True: the REO timer runs now. */
bool tcp_rack_mark_lost(struct tern_stack *, struct tcp_conn *);
void tcp_rack_adapt(struct tern_stack *, struct tcp_conn *,
		    const struct tern_cc_sample *);
/* ns until g counts as lost by RACK without a reordering window; <= 0: now. */
int64_t tcp_rack_left(const struct tern_stack *, const struct tcp_conn *,
		      const struct tcp_seg *);
void tcp_reo_fire(struct tern_stack *, struct tcp_conn *);
bool tcp_tlp_start(struct tern_stack *, struct tcp_conn *, bool advancing);
void tcp_tlp_fire(struct tern_stack *, struct tcp_conn *);
void tcp_tlp_ack(struct tern_stack *, struct tcp_conn *, const struct tcp_in *,
		 const struct tcp_ack_state *);

/* tcp_kept.c: what a controller remembers while the connection is idle. */
bool tcp_kept_init(struct tern_stack *);
void tcp_kept_fini(struct tern_stack *);
/* False: no memory, so the connection must stay active. */
bool tcp_kept_save(struct tern_stack *, struct tcp_conn *);
/* False: nothing was kept of the controller. */
bool tcp_kept_load(struct tern_stack *, struct tcp_conn *);
void tcp_kept_drop(struct tern_stack *, struct tcp_conn *);
/* 0: none kept. */
uint64_t tcp_kept_pacing(const struct tern_stack *, const struct tcp_conn *);

/* tcp_cong.c: the controller's side. */
/* Has it words that must outlive the active block? */
bool tcp_cc_keeps(struct tern_stack *, struct tcp_conn *);
/* The active block is new: the controller's words come back. */
void tcp_cc_resume(struct tern_stack *, struct tcp_conn *);
/* For TCP_CC_INFO: bytes written. */
size_t tcp_cc_info(struct tern_stack *, struct tcp_conn *, void *out);
uint32_t tcp_min_tso_segs(struct tern_stack *, struct tcp_conn *);
void tcp_cc_register_builtin(struct tern_stack *);
void tcp_cc_init(struct tern_stack *, struct tcp_conn *);
const struct tern_cc_ops *tcp_cc_ops(const struct tern_stack *,
				     const struct tcp_conn *);
int tcp_cc_find(const struct tern_stack *, const char *name);
uint32_t tcp_cc_ssthresh(struct tern_stack *, struct tcp_conn *);
uint32_t tcp_cc_undo(struct tern_stack *, struct tcp_conn *);
void tcp_cc_event(struct tern_stack *, struct tcp_conn *, enum tern_cc_event);
void tcp_cc_on_rtt(struct tern_stack *, struct tcp_conn *, int64_t rtt_us);
void tcp_cc_on_ack(struct tern_stack *, struct tcp_conn *,
		   struct tcp_ack_state *, bool may_raise);
void tcp_cwnd_validate(struct tern_stack *, struct tcp_conn *, bool is_limited);
/* Before new data is queued: after idle time cwnd shrinks (RFC 9293 3.8.2). */
void tcp_cwnd_restart(struct tern_stack *, struct tcp_conn *);
uint32_t tcp_current_ssthresh(const struct tcp_conn *);
void tcp_cwnd_reduce_start(struct tern_stack *, struct tcp_conn *);
/* PRR: cwnd for what this ACK delivered. */
void tcp_cwnd_reduce(struct tcp_conn *, const struct tcp_ack_state *);
void tcp_cwnd_reduce_end(struct tern_stack *, struct tcp_conn *);
void tcp_update_pacing(struct tern_stack *, struct tcp_conn *);
uint32_t tcp_init_cwnd(const struct tcp_conn *);

/* tcp_rate.c */
void tcp_rate_sent(struct tern_stack *, struct tcp_conn *, struct tcp_seg *);
void tcp_rate_delivered(struct tern_stack *, struct tcp_conn *,
			const struct tcp_seg *, struct tern_cc_sample *);
void tcp_rate_done(struct tern_stack *, struct tcp_conn *, uint32_t delivered,
		   struct tern_cc_sample *);
void tcp_rate_app_limited(struct tern_stack *, struct tcp_conn *);
void tcp_chrono_set(struct tern_stack *, struct tcp_conn *, enum tcp_chrono);

#endif
