// SPDX-License-Identifier: BSD-2-Clause
/*
 * Congestion control as a table of hooks.
 *
 * A controller sees one struct a connection (struct tern_cc: the window it
 * sets, and what it may want to know) and one sample an ACK. Loss detection,
 * recovery and retransmission are not its business: it is told of them and
 * answers with a window and, if it paces, a rate. Units: windows in segments
 * of mss bytes, times in microseconds unless they end in _at (ns).
 */
#ifndef TERN_CC_H
#define TERN_CC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TERN_CC_INFINITE_SSTHRESH 0x7fffffffu
#define TERN_CC_NAME_LEN 16 /* with the final NUL */
#define TERN_CC_PRIV_WORDS 16

/* Where recovery stands, Linux's TCP_CA_* numbers. */
enum tern_ca_state {
	TERN_CA_OPEN,
	TERN_CA_DISORDER,
	TERN_CA_CWR,
	TERN_CA_RECOVERY,
	TERN_CA_LOSS,
};

enum tern_cc_event {
	TERN_CC_TX_START,     /* first segment after all was acknowledged */
	TERN_CC_CWND_RESTART, /* cwnd shrank after idle time */
	TERN_CC_COMPLETE_CWR, /* the reduction has ended */
	TERN_CC_LOSS,	      /* retransmission time-out */
	TERN_CC_ECN_NO_CE,
	TERN_CC_ECN_IS_CE,
};

/* What one ACK told. */
struct tern_cc_sample {
	int64_t now;
	int64_t prior_delivered_at; /* when prior_delivered was delivered */
	uint32_t prior_delivered;   /* segments, at the send of what this ACK
				     * acknowledges */
	int32_t delivered;	    /* segments since then; -1: no sample */
	uint32_t delivered_ce;
	int64_t interval_us; /* over which they were delivered; -1: none */
	int64_t rtt_us;	     /* of the newest segment acknowledged; -1: none */
	uint32_t acked_sacked;	  /* segments newly acknowledged or SACKed */
	uint32_t losses;	  /* segments newly marked lost */
	uint32_t prior_in_flight; /* before this ACK */
	uint32_t in_flight;	  /* after it */
	uint32_t acked;		  /* segments cumulatively acknowledged */
	bool is_app_limited;
	bool is_retrans; /* the sample is of a retransmitted segment */
	bool is_ack_delayed;
	bool is_ece;
};

/* A connection's window, which its controller sets. */
struct tern_cc {
	uint32_t cwnd;
	uint32_t ssthresh;
	uint32_t cwnd_cnt; /* segments acknowledged since cwnd last grew */
};

/* What a hook may ask of the connection it is called for. */
struct tern_cc_view {
	struct tern_cc *cc;
	uint64_t *priv;	      /* TERN_CC_PRIV_WORDS words, zero at first */
	uint64_t pacing_rate; /* in/out, bytes/s; ~0: unlimited */
	uint64_t max_pacing_rate;
	uint32_t mss;
	uint32_t srtt_us;    /* smoothed, plain us; 0: none yet */
	uint32_t min_rtt_us; /* ~0: none yet */
	uint32_t in_flight;
	uint32_t snd_una, snd_nxt;
	uint32_t delivered, lost; /* segments so far; `lost` may begin anew
				   * when the connection was idle */
	uint32_t delivered_ce;	  /* of these, how many with a mark */
	uint32_t app_limited; /* delivered count until which samples are; 0 */
	uint32_t prior_cwnd;  /* before the last reduction */
	enum tern_ca_state ca_state;
	bool is_cwnd_limited;
	uint8_t hystart; /* tunable tcp_hystart */
	int64_t now;
	int64_t delivered_at; /* when `delivered` last rose */
	int64_t pace_at;      /* when the next packet may leave, if paced */
	int64_t last_sent_at; /* data, to the millisecond */
	uint64_t (*random)(void *ctx);
	void *random_ctx;
};

/* What getsockopt(TCP_CC_INFO) gives of BBR, in Linux's layout. */
struct tern_bbr_info {
	uint32_t bw_lo, bw_hi; /* bytes/s */
	uint32_t min_rtt_us;
	uint32_t pacing_gain, cwnd_gain; /* of 256 */
};
#define TERN_CC_INFO_MAX 32

struct tern_cc_ops {
	char name[TERN_CC_NAME_LEN];
	uint32_t flags; /* TERN_CC_* */

	/* (optional) Starts on a fresh connection, or when chosen on one. */
	void (*init)(struct tern_cc_view *);

	/* (required) The new ssthresh after a loss. */
	uint32_t (*ssthresh)(struct tern_cc_view *);

	/* (required, unless control is there) Grows cwnd for `acked` segments
	 * acknowledged by an ACK, outside a reduction. */
	void (*on_acked)(struct tern_cc_view *, uint32_t acked);

	/* (optional) The window to go back to when a loss turns out to have
	 * been none. Default: what it was before, or more. */
	uint32_t (*undo_cwnd)(struct tern_cc_view *);

	/* (optional) An ACK came: what it told of the round trip (of the newest
	 * segment; -1: nothing), before anything is decided about losses. */
	void (*on_rtt)(struct tern_cc_view *, int64_t rtt_us);

	/* (optional) Takes over: sets cwnd and pacing rate for each ACK. */
	void (*control)(struct tern_cc_view *, const struct tern_cc_sample *);

	/* (optional) */
	void (*on_event)(struct tern_cc_view *, enum tern_cc_event);
	void (*on_state)(struct tern_cc_view *, enum tern_ca_state);

	/* (optional) Must priv outlive a pause in which the connection holds
	 * no memory but its control block? Default: if any of it is not
	 * zero. */
	bool (*keep)(struct tern_cc_view *);

	/* (optional) Sending again after a pause for which nothing was kept;
	 * priv is zero. Default: init. */
	void (*resume)(struct tern_cc_view *);

	/* (optional) The least segments that a packet to be cut should have.
	 * Default: the tunable tcp_min_tso_segs. */
	uint32_t (*min_tso_segs)(struct tern_cc_view *);

	/* (optional) For TCP_CC_INFO: bytes written, at most
	 * TERN_CC_INFO_MAX. */
	size_t (*info)(struct tern_cc_view *, void *out);
};

#define TERN_CC_NEEDS_ECN 1u
#define TERN_CC_PACES 2u

struct tern_stack;

/* Makes a controller known to a stack by its name; the table must outlive the
 * stack. -EEXIST, -EINVAL (a required hook missing), -ENOSPC. */
int tern_cc_register(struct tern_stack *, const struct tern_cc_ops *);

#ifdef __cplusplus
}
#endif
#endif
