// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a connection needs while something is in flight, or waits to be read.
 * Included by: tcp_conn_priv.h.
 */
#ifndef TCP_TCP_ACTIVE_PRIV_H
#define TCP_TCP_ACTIVE_PRIV_H

#include "base/time.h"
#include "ip/ip.h"
#include "tcp/tcp_seg_priv.h"

#define TCP_SACK_MAX 4

/* Why a connection's deadline is set. Each has its instant in the active
 * block but KEEP, which outlives it. */
enum tcp_timer {
	TCP_TIMER_RTX,	 /* retransmission, also of SYN and FIN */
	TCP_TIMER_PROBE, /* zero-window probe */
	TCP_TIMER_LOSS,	 /* tail loss probe */
	TCP_TIMER_REO,	 /* RACK's reordering window */
	TCP_TIMER_DELACK,
	TCP_TIMER_PACE,
	TCP_TIMER_SACK, /* compressed ACK */
	TCP_TIMER_REST, /* idle: give the active block back */
	TCP_N_ACT_TIMERS,
	TCP_TIMER_KEEP = TCP_N_ACT_TIMERS, /* keep-alive, FIN_WAIT_2 */
	TCP_N_TIMERS,
};

/* A Fast Open option that is to be sent: a cookie, or (len 0) the request for
 * one. */
struct tcp_cookie {
	bool present;
	bool exp; /* in the experimental option, kind 254 */
	uint8_t len;
	uint8_t bytes[WIRE_TCP_MAX_COOKIE];
};

/* Path MTU probing (tcp_mtu_probe.c): sizes of packets. */
struct tcp_mtu_search {
	bool is_on;
	uint16_t low;	      /* gets through */
	uint16_t high;	      /* the largest that may */
	uint16_t size;	      /* of the probe in flight; 0: none */
	struct seq from, end; /* of it */
	int64_t began_at;
	int64_t ends_at; /* the full size is believed in again */
};

struct tcp_active {
	uint32_t id;
	int64_t at[TCP_N_ACT_TIMERS];

	/* Sending. */
	struct tcp_seg *unsent, *unsent_last;
	struct rbtree rtx;
	/* What is in flight, in the order in which it was last sent (RACK). */
	struct tcp_seg *by_time, *by_time_last;
	uint32_t n_sent;       /* packets, resends too: gives each its nth */
	struct tern_buf *tail; /* send data is appended here */
	uint32_t wmem;	       /* Linux's count of bytes queued (SO_SNDBUF) */
	uint32_t below;	       /* bytes in the link's queue (TSQ) */
	uint32_t packets_out, sacked_out, lost_out, retrans_out;
	struct seq pushed;  /* end of what was last pushed */
	struct seq small;   /* end of the last small segment (Minshall) */
	struct seq snd_up;  /* urgent pointer */
	struct seq syn_seq; /* ISN, while the handshake runs */
	struct seq rtt_seq; /* rttvar is lowered once a round trip */
	uint32_t mdev_max;
	int64_t retrans_at;  /* first resend of this outage; 0: none */
	int64_t rto_at;	     /* first time-out of it; 0: over */
	int64_t probe_from;  /* first unanswered zero-window probe */
	uint32_t next_ready; /* TSQ queue */
	bool is_ready;
	bool is_throttled; /* TSQ or autocorking: resume as packets leave */
	bool urg_mode;
	bool nonagle_push; /* until the next write begins a segment */

	/* Recovery. */
	struct seq high_seq;	/* snd.nxt when it began */
	struct seq undo_marker; /* snd.una then; valid if has_undo */
	bool has_undo;
	bool frto;
	int32_t undo_retrans;
	uint32_t prior_cwnd, prior_ssthresh;
	uint32_t prr_delivered, prr_out;
	uint32_t max_packets_out;
	bool is_cwnd_limited;
	struct seq cwnd_usage_seq;
	uint32_t cwnd_used;
	int64_t cwnd_used_at;
	uint32_t lost; /* segments, ever in this active phase */
	/* Nothing before this is lost and not resent. */
	struct seq rtx_from;
	struct seq
		high_sack; /* end of the highest SACKed; valid if sacked_out */
	struct wire_sack seen[WIRE_TCP_MAX_SACK]; /* blocks of the last ACK */
	uint8_t n_seen;

	/* RACK-TLP (RFC 8985). */
	struct {
		uint32_t nth;	/* of the newest segment delivered */
		struct seq end; /* its end */
		uint32_t rtt_us;
		uint32_t last_delivered;
		uint8_t steps;	 /* reordering window, in min RTT / 4 */
		uint8_t persist; /* recoveries for which it is kept */
		bool has_news;
		bool dsack_seen;
	} rack;
	struct seq tlp_high; /* snd.nxt at the probe; valid if has_tlp */
	bool has_tlp;
	bool tlp_resent; /* the probe repeated something */

	/* Delivery rate. */
	int64_t delivered_at, first_sent_at;
	uint32_t app_limited; /* delivered count until which; 0: not */

	/* Congestion control's words, and pacing. */
	uint64_t pacing_rate;  /* bytes/s; ~0: unlimited */
	int64_t pace_at;       /* nothing leaves before */
	int64_t pace_woken_at; /* when its timer last fired */
	int64_t xmit_at;       /* when data last left */
	uint64_t cc_priv[TERN_CC_PRIV_WORDS];

	/* Receiving. */
	struct pktq rcvq;  /* in order, rcv.copied on */
	struct rbtree ofo; /* out of order */
	uint32_t n_ofo;
	uint32_t rmem;	   /* Linux's count of bytes held (SO_RCVBUF) */
	uint32_t fin_cost; /* of these, for a FIN that lies there alone */
	struct wire_sack sacks[TCP_SACK_MAX]; /* newest first */
	struct wire_sack dsack;
	uint8_t n_sacks;
	bool has_dsack;
	uint16_t last_len;     /* of a segment smaller than rcv_mss */
	uint8_t n_acks_merged; /* wait for TCP_TIMER_SACK */
	uint8_t n_dupacks;     /* sent since rcv.nxt came to merged_at */
	struct seq merged_at;
	struct seq urg_seq;
	uint8_t urg_state; /* URG_* */
	uint8_t urg_byte;
	uint32_t last_ts_ecr; /* receiver: of the last RTT sample */
	uint32_t ack_ts_ecr;  /* sender: of the ACK being handled */
	int64_t delack_at;    /* when the delayed ACK was promised */
	struct {
		int64_t at;
		struct seq seq;
	} rcv_rtt;
	struct {
		int64_t at;
		struct seq seq;
	} space;

	/* What cannot change while it runs, at hand. */
	uint32_t ts_offset;
	uint32_t route_generation;
	struct tcp_mtu_search mtu;
	struct ip_path path;
	int64_t syn_at;	      /* when the SYN was first sent */
	struct tcp_cookie fo; /* for the next SYN or SYN-ACK */
	bool fo_exp;	      /* asked for by the experimental option */
	bool syn_data;	      /* our SYN had data */
	bool write_waits;     /* a blocked write will carry the first ACK */
	/* A child of a Fast Open SYN, until its handshake ends: whose, and what
	 * its half-open entry would hold. */
	uint32_t fo_listener, fo_listener_gen;
	struct seq irs;
	uint32_t fo_wnd, fo_synack_us, fo_synack_ms;
	uint8_t fo_timeouts;
	uint8_t syn_retrans;
	uint8_t chrono; /* what sending waits for: enum tcp_chrono */
	int64_t chrono_at;
};

enum tcp_chrono {
	TCP_CHRONO_NONE,
	TCP_CHRONO_BUSY,
	TCP_CHRONO_RWND,
	TCP_CHRONO_SNDBUF,
};

enum { URG_NONE, URG_NOTYET, URG_VALID, URG_READ };

static inline uint32_t in_flight(const struct tcp_active *a)
{
	return a->packets_out - (a->sacked_out + a->lost_out) + a->retrans_out;
}

#endif
