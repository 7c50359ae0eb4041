// SPDX-License-Identifier: BSD-2-Clause
/*
 * How TCP keeps a connection.
 * Included by: the files of tcp, test_tcp_*.c, fuzz_check.c.
 *
 * Four blocks, so that what is idle costs little:
 *
 *	struct tcp_conn    256 B  always; what an idle connection needs
 *	struct tcp_hist     96 B  from its first data byte on: running totals
 *	struct tcp_active  ~700 B while data, a FIN or a SYN is in flight or
 *				  waits to be read: queues, timers, recovery
 *	struct tcp_opts    shared: socket options that differ from the default
 *	struct tcp_accecn  behind the history of those that agreed on AccECN
 *
 * tcp_activate() attaches the active block, tcp_rest() gives it back once
 * nothing in it matters. Half-open entries (struct tcp_req) and TIME_WAIT
 * (struct tcp_tw) are records of their own, with the addresses at the end so
 * that IPv4 pays for 8 bytes and IPv6 for 32.
 *
 * Invariants (check_conn() in tcp_state.c asserts them in debug builds):
 *  1. snd.una <= snd.nxt <= snd.end; all sent and unacknowledged bytes are in
 *     act->rtx in order without a gap, the rest up to snd.end in act->unsent.
 *  2. act->packets_out is the sum of n_segs over act->rtx; sacked_out, lost_out
 *     and retrans_out are those of its marks (without SACK sacked_out counts
 *     duplicate ACKs).
 *  3. rcv.copied <= rcv.nxt; act->rcvq holds rcv.copied..rcv.nxt without a gap
 *     (a FIN takes a number and no byte).
 *  4. A connection in by_tuple has a state other than CLOSE and LISTEN.
 *  5. act is NULL only in CLOSE, LISTEN, ESTABLISHED, FIN_WAIT_2, CLOSE_WAIT,
 *     and where a FIN is owed.
 */
#ifndef TCP_TCP_CONN_PRIV_H
#define TCP_TCP_CONN_PRIV_H

#include "stack_priv.h"
#include "tcp/tcp_active_priv.h"

/* Linux's numbers, where no tunable holds them. */
#define TCP_INIT_CWND 10u
#define TCP_MSS_DEFAULT 536u /* RFC 9293 3.7.1 (SHLD-5) */
#define TCP_MSS_DEFAULT_V6 1220u
#define TCP_MIN_MSS 88u /* least announced and clamped to */
#define TCP_MAX_WINDOW 65535u
#define TCP_MAX_WSCALE 14u
#define TCP_RTO_INIT (1 * NS_PER_S)
#define TCP_RTO_FALLBACK (3 * NS_PER_S) /* after a lost SYN, RFC 6298 5.7 */
#define TCP_DELACK_MIN (40 * NS_PER_MS)
#define TCP_DELACK_MAX (200 * NS_PER_MS)
#define TCP_DELACK_TICK (3 * NS_PER_MS) /* Linux's next tick, on average */
#define TCP_ATO_MIN_MS 40u
#define TCP_MAX_QUICKACKS 16u
#define TCP_PROBE_MIN (200 * NS_PER_MS)	     /* as TCP_RTO_MIN on Linux */
#define TCP_BLACK_HOLE_LASTS (60 * NS_PER_S) /* some time-outs of it */
#define TCP_RESOURCE_PROBE (500 * NS_PER_MS)
#define TCP_REST_AFTER (1 * NS_PER_S) /* idle, then tcp_rest() */
#define TCP_GSO_MAX 65536u
#define TCP_PAWS_IDLE_S (24 * 24 * 3600) /* ts_recent is too old to trust */
#define TCP_PAWS_WINDOW 1 /* ms that a timestamp may be older, as on Linux */
#define TCP_MAX_DELACK_MSS 2u
#define TCP_ID_NONE 0u

/* Options of a socket that are not the default; 0 means the tunable. */
struct tcp_opts {
	uint32_t id;
	uint32_t refs;
	uint32_t keepidle_s, keepintvl_s;
	uint32_t user_timeout_ms;
	uint32_t notsent_lowat;
	uint32_t mark;
	uint32_t priority;
	uint32_t rcvlowat;
	uint32_t rto_min_us, rto_max_ms, delack_max_us;
	int32_t linger2_s; /* 0 default, -1: at once */
	uint32_t linger_s;
	uint32_t flow;
	uint64_t max_pacing_rate; /* 0: none */
	uint16_t user_mss;
	uint16_t window_clamp_set;
	uint32_t window_clamp;
	uint8_t keepcnt, syncnt;
	uint8_t defer_accept_s; /* as a number of SYN-ACK time-outs */
	uint8_t tos;
	uint8_t ttl;	/* 0: tunable */
	uint8_t ttl_v6; /* hop limit, 0: tunable */
	uint8_t min_ttl;
	uint8_t pmtudisc;
	uint16_t fastopen_qlen;
	bool fastopen_connect, fastopen_no_cookie;
	uint8_t fastopen_n_keys; /* 0: the stack's */
	struct sipkey fastopen_key[2];
	bool recverr, recverr6;
	uint8_t save_syn;
	uint16_t port_lo, port_hi; /* IP_LOCAL_PORT_RANGE */
	int64_t rcvtimeo_ns, sndtimeo_ns;
	uint32_t bits; /* OPT_*: asked for, read back (tcp_opts_priv.h) */
	uint32_t tx_delay_us;
	uint32_t stamping; /* SO_TIMESTAMPING: STAMPING_* */
	/* struct tcp_notes of the one connection that this block then has, or
	 * 0: tcp_notes_of(). Here, where few have a block of their own. */
	uint32_t notes;
	char cc_name[TERN_CC_NAME_LEN];
};

struct tcp_hist {
	uint64_t bytes_acked, bytes_received, bytes_sent;
	uint32_t bytes_retrans_lo;
	uint16_t bytes_retrans_hi;
	uint16_t dsack_dups;
	uint32_t data_segs_out, data_segs_in;
	uint32_t total_retrans;
	uint32_t rcv_ooopack;
	uint32_t delivered, delivered_ce;
	uint32_t busy_ms, rwnd_ms, sndbuf_ms;
	uint32_t rate_delivered, rate_interval_us;
	uint32_t rcv_rtt_us; /* times 8 */
	uint32_t rcv_space;
	uint32_t rto_time_ms;
	uint16_t n_rto, n_rto_recoveries;
};

/* AccECN's part, behind the history of who negotiated it (tcp_accecn.c). Byte
 * counters are in the order of the option: ECT(1), CE, ECT(0). */
struct tcp_accecn {
	uint32_t received_ce;  /* packets; ACE begins at 5 */
	uint32_t received[3];  /* bytes; the option's ECT ones at 1 */
	uint32_t delivered[3]; /* the same, as the peer tells it */
	uint32_t opt_at;       /* us: when an option was last sent */
	uint16_t acked_avg;    /* segments an ACK acknowledges, times 64 */
	uint8_t ce_pending;    /* CE packets not yet acknowledged */
	uint8_t opt_min;       /* counters that the next option needs */
	uint8_t opt_demand;    /* options owed (tcp_ecn_option 1) */
	uint8_t prev_ecn;      /* mark of the last packet */
	uint8_t guess;	       /* 1 + field that rises; 0: none yet */
	uint8_t opt_seen;      /* ACCECN_OPT_* */
	uint8_t fail;	       /* ACCECN_FAIL_* */
	uint8_t syn_ecn : 2;   /* mark of the peer's SYN or SYN-ACK */
	uint8_t reflect : 1;   /* the next ACK tells of it */
	uint8_t ace_seen : 1;  /* a first ACE came */
	uint8_t opt_out : 1;   /* the last ACK had an option */
	uint8_t dsack_out : 1; /* and a D-SACK */
	uint8_t is_zeroed : 1; /* by the path: ACE says nothing */
};

struct tcp_hist_accecn {
	struct tcp_hist h;
	struct tcp_accecn e;
};

/* conn->hist: of this kind. */
#define HIST_ACCECN 0x80000000u

/* TCP_INFO's numbers. */
enum { ACCECN_OPT_NONE, ACCECN_OPT_EMPTY, ACCECN_OPT_COUNTS, ACCECN_OPT_BAD };
enum {
	ACCECN_FAIL_ACE_SEND = 1, /* we fell back to a SYN(-ACK) without ECN */
	ACCECN_FAIL_ACE_RECV = 2, /* the peer did, or the path mangles */
	ACCECN_FAIL_OPT_SEND = 4, /* what has our option is lost */
	ACCECN_FAIL_OPT_RECV = 8, /* the peer's is zeroed */
};

/* A listener's own part, while a socket is in LISTEN. */
struct tcp_listener {
	uint32_t id;
	uint32_t conn;	    /* the socket */
	uint32_t hash_next; /* in tcp.listening */
	uint32_t any_next;  /* in tcp.any_listener */
	uint32_t backlog;
	uint32_t n_accept;		   /* completed, waiting */
	uint32_t accept_head, accept_tail; /* connections, by accept_next */
	uint32_t n_req, n_young;	   /* half-open; never resent to */
	uint32_t req_head[2], req_tail[2]; /* half-open, by family, in order */
	uint32_t untold[2];  /* of these the first that tcp_syn_next() did not
			     * tell: with TERN_SO_DECIDE, all from there */
	int64_t overflow_at; /* when cookies were last sent */
	/* Fast Open: children whose handshake runs, and places that resets
	 * still take: struct tcp_fo_reset, oldest first. */
	uint32_t fo_n;
	uint32_t fo_reset_head, fo_reset_tail;
	/* Options of its connections, if not its own block, and of which block
	 * of its these are: tcp_inherit.c. */
	uint32_t heirs, heirs_of;
};

struct tcp_conn {
	/* Who. */
	struct tern_addr laddr, raddr;
	uint16_t lport, rport;
	uint32_t id, hash_next;
	uint32_t gen;
	union {
		int32_t s;	      /* socket number, -1: none */
		uint32_t accept_next; /* while in an accept queue */
	};
	struct timer timer;

	union {
		struct tcp_active *act;
		struct tcp_listener *listener;
	};
	struct tcp_opts *opts;
	int64_t keep_at;
	uint32_t hist; /* slab id, or 0: hist_of() */
	uint32_t port; /* struct tcp_port that counts it; 0: none */

	/* RFC 9293 3.3.1. end: what the program has written so far. */
	struct {
		struct seq una, nxt, end, wl1;
		uint32_t wnd, max_wnd;
	} snd;
	/* wup: rcv.nxt when a window was last announced; copied: read by the
	 * program. */
	struct {
		struct seq nxt, wup, copied;
		uint32_t wnd, ssthresh;
	} rcv;
	uint32_t rcvbuf, sndbuf;
	uint32_t ts_recent, ts_recent_at; /* s */
	uint32_t srtt_us;		  /* times 8 */
	uint32_t mdev_us;		  /* times 4 */
	uint32_t rttvar_us;		  /* times 4 */
	uint32_t rto_us;
	uint32_t min_rtt_us; /* ~0: none */
	struct tern_cc cc;
	uint32_t last_sent, last_data, last_ack; /* ms: sent, data in, ACK in */
	uint32_t oow_at; /* ms: last answer to an invalid segment */
	uint32_t segs_out, segs_in;
	uint16_t mss;	   /* of data we send, options taken off */
	uint16_t mss_peer; /* what the peer announced, clamped */
	uint16_t pmtu;
	uint16_t advmss;
	uint16_t rcv_mss; /* what the peer seems to send */
	uint16_t ato_ms;
	uint16_t reordering; /* segments, up to tcp_max_reordering */
	uint8_t state;	     /* enum tern_tcp_state: tcp_set_state() only */
	uint8_t ca_state;
	uint8_t shut;  /* SHUT_* below */
	uint8_t error; /* TERN_E*, given once */
	uint8_t soft_error;
	uint8_t retransmits, backoff, probes;
	uint8_t ack;	  /* ACK_* */
	uint8_t quick;	  /* ACKs still to be sent at once */
	uint8_t pingpong; /* answers sent; see tcp_is_pingpong() */
	uint8_t scaling;  /* of 256: payload per receive buffer byte */
	uint8_t cc_index : 4;
	uint8_t fo_fail : 2,  /* why Fast Open failed: FO_* */
		fo_watch : 1, /* opened after Fast Open was paused */
		/* No header prediction before tcp_predict(): it shows [k]. */
		unpredicted : 1;
	uint8_t snd_scale : 4, rcv_scale : 4;
	uint8_t port_class : 3, /* PORT_*: as what it is counted there */
		has_syn : 1;	/* TCP_SAVED_SYN: tcp_saved.c */
	/* What was agreed, and what was asked for. */
	uint32_t ts_ok : 1, sack_ok : 1, wscale_ok : 1;
	uint32_t v6 : 1, v6only : 1, any : 1, decide : 1;
	uint32_t nodelay : 1, cork : 1, keepalive : 1, oobinline : 1;
	uint32_t reuseaddr : 1, reuseport : 1, linger : 1, sndbuf_lock : 1;
	uint32_t rcvbuf_lock : 1, bound_addr : 1, bound_port : 1, auto_port : 1;
	uint32_t has_port : 1, hashed : 1, orphan : 1, in_accept_queue : 1;
	uint32_t connecting : 1, fin_in : 1, app_limited : 1;
	uint32_t opened : 1, /* by connect() */
		no_space : 1, has_isn : 1, freebind : 1, has_kept : 1,
		fin_owed : 1,  /* for want of memory: KEEP tries again */
		connected : 1, /* the socket, by accept() or a connect() that
				* told of it: it is until it is dissolved */
		fin_read : 1,
		clamped : 1; /* tcp_window_clamp() is not the whole buffer */
	/* enum tcp_ecn; while the SYN is out, what it asks for. */
	uint32_t ecn : 2;
	uint32_t ecn_seen : 1,	 /* ECT or CE came (TCP_INFO) */
		ecn_echo : 1,	 /* ECE until the peer's CWR */
		cwr_due : 1,	 /* CWR with the next new data */
		ect_out : 1,	 /* the last packet left with ECT */
		reord_seen : 10; /* times; stays at the most */
	/* Fast Open. */
	uint32_t fo_defer : 1,	    /* the SYN waits for the first write */
		fo_asked : 1,	    /* our SYN had the option */
		syn_data_acked : 1, /* or taken, of a peer */
		fo_child : 1,	    /* of a SYN with data, its handshake runs */
		fo_born : 1;	    /* was such a child */
};

/* conn->fo_fail, as TCP_INFO tells it */
enum { FO_NO_COOKIE = 1, FO_DATA_NOT_ACKED = 2, FO_SYN_RETRANSMITTED = 3 };

enum { SHUT_RCV = 1, SHUT_SND = 2 };

/* How marks are fed back (tcp_ecn.c): TCP_INFO's ecn_mode but for what it shows
 * while a SYN is out. */
enum tcp_ecn { ECN_OFF, ECN_CLASSIC, ECN_ACCURATE };

/* conn->ack */
enum {
	ACK_SCHED = 1,	 /* an ACK is owed */
	ACK_TIMER = 2,	 /* and its timer runs */
	ACK_PUSHED = 4,	 /* the data owed for had PSH */
	ACK_PUSHED2 = 8, /* twice since the last ACK */
	ACK_NOW = 16,	 /* it goes with the end of this input */
	ACK_NOMEM = 32,	 /* what came was dropped for want of memory */
};

_Static_assert(sizeof(struct tcp_conn) <= 256 || sizeof(void *) < 8,
	       "an idle connection's control block is at most 256 B");
_Static_assert(TCP_MAX_CC <= 16, "cc_index holds them");
_Static_assert(sizeof(struct tcp_hist) <= 96, "its history is at most 96 B");

/* A half-open connection: SYN received, SYN-ACK sent or held back. */
struct tcp_req {
	struct timer timer;
	uint32_t id, hash_next;
	uint32_t listener;   /* struct tcp_listener */
	uint32_t opts;	     /* struct tcp_opts, the listener's at the SYN */
	uint32_t next, prev; /* of the same listener */
	struct seq iss, irs;
	struct seq rcv_nxt; /* irs + 1, or more with Fast Open */
	uint32_t ts_recent;
	uint32_t rcv_wnd;
	uint32_t oow_at;    /* ms */
	uint32_t synack_us; /* when the SYN-ACK was first sent */
	uint32_t synack_ms; /* when last; its timestamp */
	uint16_t mss;
	uint16_t lport, rport;
	uint8_t link;
	uint8_t tos; /* the SYN's, ECN bits taken off */
	uint8_t n_retrans, n_timeouts;
	uint8_t snd_scale : 4, rcv_scale : 4;
	uint8_t ts_ok : 1, sack_ok : 1, wscale_ok : 1, ecn_ok : 1,
		undecided : 1, told : 1, acked : 1, v6 : 1;
	/* With ecn_ok: AccECN; the mark of the SYN; a SYN (a SYN-ACK) of this
	 * handshake was without any flag of ECN. */
	uint8_t accecn : 1, syn_ecn : 2, no_ecn_in : 1, no_ecn_out : 1,
		has_syn : 1, /* tcp_saved.c */
		moved : 1;   /* to this listener, and not counted yet */
	/* laddr, raddr: 4 bytes each or 16 */
	uint8_t addrs[];
};

/* TIME_WAIT, and an orphan's FIN_WAIT_2. */
struct tcp_tw {
	struct timer timer;
	uint32_t id, hash_next;
	struct seq rcv_nxt, snd_nxt;
	uint32_t rcv_wnd;
	uint32_t ts_recent, ts_recent_at;
	uint32_t oow_at; /* ms */
	uint16_t lport, rport;
	uint8_t rcv_scale : 4, ts_ok : 1, fin_wait2 : 1, reuseaddr : 1,
		reuseport : 1;
	uint8_t tos;
	uint8_t any : 1, v6 : 1, v6only : 1;
	uint8_t auto_port : 1, has_port : 1; /* as of the connection */
	uint8_t socket_v6 : 1;		     /* v6 is that of the addresses */
	uint8_t spare;
	uint8_t addrs[];
};

#define TCP_ADDRS_LEN(v6) ((v6) ? 32u : 8u)

_Static_assert(sizeof(struct tcp_req) + 8 <= 96, "half-open, IPv4");
_Static_assert(sizeof(struct tcp_req) + 32 <= 120, "half-open, IPv6");
_Static_assert(sizeof(struct tcp_tw) + 8 <= 64, "TIME_WAIT, IPv4");
_Static_assert(sizeof(struct tcp_tw) + 32 <= 88, "TIME_WAIT, IPv6");

/* A local (address, port) in use, and by how many of which kind: enough to
 * answer every bind() without a look at the connections. */
enum { PORT_REUSEADDR = 1, PORT_REUSEPORT = 2, PORT_LISTEN = 4 };
struct tcp_port {
	uint32_t id, hash_next;
	struct tern_addr addr;
	uint16_t port;
	bool v6only;
	uint32_t n_auto; /* of these, bound by connect() alone */
	uint32_t n[8];	 /* by PORT_* */
};

/* A segment on its way through input. */
struct tcp_in {
	struct tern_pkt *pkt;
	const struct wire_ip *ip;
	struct wire_tcp h;
	struct wire_tcp_opts o;
	bool have_opts;
	bool predicted; /* as Linux's header prediction would take it */
	uint32_t len;	/* data bytes */
	struct seq end; /* seq + len + SYN + FIN */
	struct seq isn; /* for a SYN that ends TIME_WAIT */
	bool has_isn;
	bool of_syn; /* the data of a Fast Open SYN */
};

/* How many segments came as this one packet. */
static inline uint32_t in_segs(const struct tcp_in *in)
{
	uint32_t size = in->pkt->gso_size;

	return size && in->len > size ? (in->len + size - 1) / size : 1;
}

static inline struct tcp_conn *conn_at(const struct tern_stack *st, uint32_t id)
{
	return slab_at(&st->tcp.conns, id);
}

/* The running totals, or NULL before the first data byte. */
static inline struct tcp_hist *hist_of(const struct tern_stack *st,
				       const struct tcp_conn *c)
{
	if (unlikely(c->hist & HIST_ACCECN))
		return slab_at(&st->tcp.hists_accecn, c->hist & ~HIST_ACCECN);
	return c->hist ? slab_at(&st->tcp.hists, c->hist) : NULL;
}

/* NULL unless AccECN was agreed on. */
static inline struct tcp_accecn *accecn_of(const struct tern_stack *st,
					   const struct tcp_conn *c)
{
	struct tcp_hist *h = hist_of(st, c);

	if (c->ecn != ECN_ACCURATE || !(c->hist & HIST_ACCECN))
		return NULL;
	return &container_of(h, struct tcp_hist_accecn, h)->e;
}

static inline uint32_t now_ms(const struct tern_stack *st)
{
	return (uint32_t)(st->now / NS_PER_MS);
}

/* The peer's right edge. */
static inline struct seq snd_edge(const struct tcp_conn *c)
{
	return seq_add(c->snd.una, c->snd.wnd);
}

/* What is left of the window we announced (RFC 9293's RCV.WND). */
static inline uint32_t rcv_window(const struct tcp_conn *c)
{
	int32_t w = seq_diff(seq_add(c->rcv.wup, c->rcv.wnd), c->rcv.nxt);

	return w > 0 ? (uint32_t)w : 0;
}

#endif
