// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the files of TCP offer one another. How a connection is kept is in
 * tcp_conn_priv.h.
 * Included by: the files of tcp, test_tcp_*.c, fuzz_check.c.
 */
#ifndef TCP_TCP_PRIV_H
#define TCP_TCP_PRIV_H

#include "ip/ip_cmsg.h"
#include "tcp/tcp_conn_priv.h"

/* tcp_state.c: the connection as an object. */
struct tcp_conn *tcp_conn_new(struct tern_stack *, bool v6);
bool tcp_activate(struct tern_stack *, struct tcp_conn *);
void tcp_rest(struct tern_stack *, struct tcp_conn *);
bool tcp_hist_attach(struct tern_stack *, struct tcp_conn *);
bool tcp_hist_accecn(struct tern_stack *, struct tcp_conn *);
void tcp_hist_free(struct tern_stack *, struct tcp_conn *);
/* bytes_acked of a connection without a history: its FIN, and who connected
 * counts its SYN, as on Linux. */
uint32_t tcp_syn_acked(const struct tcp_conn *);
void tcp_set_state(struct tern_stack *, struct tcp_conn *, int state,
		   const char *why);
/* To CLOSE, with everything in flight forgotten. Frees an orphan. */
void tcp_done(struct tern_stack *, struct tcp_conn *, const char *why);
/* The peer's RST, a time-out, an ICMP error: error to the program, done. */
void tcp_abort(struct tern_stack *, struct tcp_conn *, int error,
	       const char *why);
void tcp_conn_free(struct tern_stack *, struct tcp_conn *);
void tcp_post(struct tern_stack *, const struct tcp_conn *);
void tcp_trace_what(struct tern_stack *, const struct tcp_conn *,
		    enum tern_trace_kind, const char *what,
		    const struct tern_pkt *);
/* Is c still the connection that had this id and gen? For who called something
 * that may have ended it. */
static inline bool tcp_is(const struct tern_stack *st, const struct tcp_conn *c,
			  uint32_t id, uint32_t gen)
{
	return slab_has(&st->tcp.conns, id) && c->gen == gen;
}
uint64_t tcp_cookie_of(const struct tcp_conn *);
/* The same of what has no generation (tcp_info.c). */
uint64_t tcp_req_cookie(const struct tcp_req *);
uint64_t tcp_tw_cookie(const struct tcp_tw *);
/* Does a RST tell the peer something, if c ends now? (tcp_sock.c) */
bool tcp_needs_reset(const struct tcp_conn *);
void check_conn(struct tern_stack *, struct tcp_conn *);

/* Forgets that c waits to be resumed (TSQ). */
void tcp_resume_forget(struct tern_stack *, struct tcp_conn *);

/* tcp_table.c: who is who on the wire. */
uint64_t tcp_hash_ends(const struct sipkey *, const struct tern_addr *l,
		       const struct tern_addr *r, uint32_t ports);
uint32_t tcp_tuple_hash(const struct tern_stack *, const struct tern_addr *l,
			uint16_t lport, const struct tern_addr *r,
			uint16_t rport);
struct tcp_conn *tcp_find(struct tern_stack *, const struct tern_addr *l,
			  uint16_t lport, const struct tern_addr *r,
			  uint16_t rport);
struct tcp_req *tcp_find_req(struct tern_stack *, const struct tern_addr *l,
			     uint16_t lport, const struct tern_addr *r,
			     uint16_t rport);
struct tcp_tw *tcp_find_tw(struct tern_stack *, const struct tern_addr *l,
			   uint16_t lport, const struct tern_addr *r,
			   uint16_t rport);
struct tcp_conn *tcp_find_listener(struct tern_stack *,
				   const struct tern_addr *l, uint16_t lport,
				   const struct tern_addr *r, uint16_t rport);
void tcp_hash(struct tern_stack *, struct tcp_conn *);
void tcp_unhash(struct tern_stack *, struct tcp_conn *);
bool tcp_tables_init(struct tern_stack *);
void tcp_tables_fini(struct tern_stack *);
void tcp_addrs_put(uint8_t *to, bool v6, const struct tern_addr *l,
		   const struct tern_addr *r);
void tcp_addrs_get(const uint8_t *from, bool v6, struct tern_addr *l,
		   struct tern_addr *r);

/* tcp_port.c: local ports. */
int tcp_port_bind(struct tern_stack *, struct tcp_conn *,
		  const struct tern_addr *, uint16_t port);
/* For connect(), with laddr, raddr and rport set: an ephemeral port (RFC 6056)
 * if it has none, else whether its 4-tuple is free; counts it at laddr. If a
 * TIME_WAIT was taken over snd.end is the ISN. */
int tcp_port_connect(struct tern_stack *, struct tcp_conn *);
/* A child of a listener shares its port. */
bool tcp_port_inherit(struct tern_stack *, struct tcp_conn *);
void tcp_port_release(struct tern_stack *, struct tcp_conn *);
/* A socket's reuse flags or LISTEN changed: count it again. */
uint8_t tcp_port_class(const struct tcp_conn *);
void tcp_port_reclass(struct tern_stack *, struct tcp_conn *, uint8_t old);
int tcp_port_may_listen(struct tern_stack *, struct tcp_conn *);
void tcp_port_tw(struct tern_stack *, const struct tcp_tw *, int by);
/* c->laddr has changed (or was taken back): count it there. */
bool tcp_port_moved(struct tern_stack *, struct tcp_conn *);
bool tcp_ports_init(struct tern_stack *);
void tcp_ports_fini(struct tern_stack *);

/* tcp_port_range.c: ephemeral ports in the order in which they are tried. */
struct port_range {
	uint32_t lo, n;
	uint32_t step;	/* 1: parity does not matter */
	uint32_t first; /* 0: those of lo's parity first, 1: the others */
};
struct port_range tcp_port_range(const struct tern_stack *,
				 const struct tcp_conn *, uint32_t first);
/* The i-th port to try, i < n, beginning at start. */
uint16_t tcp_port_candidate(const struct port_range *, uint32_t start,
			    uint32_t i);

/* tcp_input.c, tcp_process.c, tcp_validate.c, tcp_synsent.c */
void tcp_conn_input(struct tern_stack *, struct tcp_conn *, struct tcp_in *);
void tcp_parse_opts(struct tcp_in *);
/* May an answer to an invalid segment go now (tcp_invalid_ratelimit)? False:
 * counted as held back. *at: ms of the last one. */
bool tcp_oow_may(struct tern_stack *, uint32_t *at, int counter);
/* The same, for a segment: data is always answered. */
bool tcp_oow_may_for(struct tern_stack *, const struct tcp_in *, uint32_t *at,
		     int counter);
/* RFC 9293 3.10.7.4, first to fourth step. True: go on. False: the packet is
 * gone, and maybe the connection. */
bool tcp_validate(struct tern_stack *, struct tcp_conn *, struct tcp_in *);
void tcp_challenge(struct tern_stack *, struct tcp_conn *);
/* An acceptable RST. */
void tcp_reset_in(struct tern_stack *, struct tcp_conn *);
bool tcp_paws_reject(const struct tern_stack *, uint32_t ts_recent,
		     uint32_t ts_recent_at, const struct tcp_in *);
void tcp_syn_sent_in(struct tern_stack *, struct tcp_conn *, struct tcp_in *);
/* The handshake is done: windows, buffers, congestion control. */
void tcp_init_transfer(struct tern_stack *, struct tcp_conn *);
void tcp_init_rcv_mss(struct tcp_conn *);
void tcp_fin_in(struct tern_stack *, struct tcp_conn *);

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
/* Acts on the ACK. 1: fine; 0: old, the rest of the segment still counts; -n:
 * to be dropped for reason n (a challenge may be called for). */
/* True: a newer one. */
bool tcp_store_ts_recent(struct tern_stack *, struct tcp_conn *,
			 const struct tcp_in *);
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
	struct seq reord; /* lowest of those delivered out of order */
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
bool tcp_uses_rack(const struct tern_stack *, const struct tcp_conn *);
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
/* False: nothing was kept. */
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
void tcp_ecn_cwr_in(struct tcp_conn *, const struct tcp_in *);
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

/* tcp_rtt.c */
void tcp_rtt_sample(struct tern_stack *, struct tcp_conn *, int64_t us);
int64_t tcp_rto_ns(const struct tcp_conn *);
int64_t tcp_rto_max_ns(const struct tern_stack *, const struct tcp_conn *);
uint32_t tcp_rto_min_us(const struct tern_stack *, const struct tcp_conn *);

/* tcp_rate.c */
void tcp_rate_sent(struct tern_stack *, struct tcp_conn *, struct tcp_seg *);
void tcp_rate_delivered(struct tern_stack *, struct tcp_conn *,
			const struct tcp_seg *, struct tern_cc_sample *);
void tcp_rate_done(struct tern_stack *, struct tcp_conn *, uint32_t delivered,
		   struct tern_cc_sample *);
void tcp_rate_app_limited(struct tern_stack *, struct tcp_conn *);
void tcp_chrono_set(struct tern_stack *, struct tcp_conn *, enum tcp_chrono);

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
/* The same, without announcing it. */
uint32_t tcp_window_would(struct tern_stack *, struct tcp_conn *);
uint16_t tcp_select_window(struct tern_stack *, struct tcp_conn *);
uint32_t tcp_initial_clamp(const struct tcp_conn *);
void tcp_initial_window(struct tern_stack *, uint32_t space, uint32_t mss,
			uint32_t clamp, bool wscale_ok, uint32_t *wnd,
			uint8_t *scale);
void tcp_init_buffers(struct tern_stack *, struct tcp_conn *);
/* What a program is expected to read in a round trip, before it has. */
uint32_t tcp_rcv_space_at_first(const struct tcp_conn *);
/* What the peer seems to send, and what such packets cost. */
void tcp_measure_mss(struct tern_stack *, struct tcp_conn *,
		     const struct tcp_in *);
/* A packet of len bytes came, `to_come` bytes of buffer are charged for next:
 * may more be announced? */
void tcp_grow_window(struct tern_stack *, struct tcp_conn *, uint32_t len,
		     uint32_t to_come);
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
/* The retransmissions have gone unanswered for tcp_retries1 time-outs. */
void tcp_black_hole(struct tern_stack *, struct tcp_conn *);
void tcp_path_too_big(struct tern_stack *, struct tcp_conn *, uint32_t mtu);

/* tcp_sendq.c */
/* Copies as much as the buffer takes; bytes, or -errno when none. */
int64_t tcp_sendq_write(struct tern_stack *, struct tcp_conn *,
			const struct tern_msg *, int flags);
/* A new unsent segment of at most max bytes of msg: how many, or -errno. */
int64_t tcp_sendq_segment(struct tern_stack *, struct tcp_conn *,
			  const struct tern_msg *, uint32_t max);
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
void tcp_sendq_purge(struct tern_stack *, struct tcp_conn *);
bool tcp_sendq_has_room(const struct tern_stack *, const struct tcp_conn *);
void tcp_write_space(struct tern_stack *, struct tcp_conn *);
uint32_t tcp_notsent(const struct tcp_conn *);
void tcp_sndbuf_expand(struct tern_stack *, struct tcp_conn *);
static inline struct tcp_seg *rtx_first(const struct tcp_active *a)
{
	return seg_of(a->rtx.first);
}

/* tcp_rto.c, tcp_keep.c: what timers do. */
/* What time-outs began has ended. */
void tcp_rto_over(struct tern_stack *, struct tcp_conn *);
void tcp_rtx_fire(struct tern_stack *, struct tcp_conn *);
void tcp_probe_fire(struct tern_stack *, struct tcp_conn *);
void tcp_keep_fire(struct tern_stack *, struct tcp_conn *);
/* ETIMEDOUT, or what an ICMP error said before. */
void tcp_give_up(struct tern_stack *, struct tcp_conn *, const char *why);

/* tcp_timer.c */
void tcp_timer_set(struct tern_stack *, struct tcp_conn *, enum tcp_timer,
		   int64_t at);
void tcp_timer_fire(struct tern_stack *, struct tcp_conn *);
/* RTX, PROBE, LOSS and REO are one timer: setting one ends the others. */
void tcp_xmit_timer(struct tern_stack *, struct tcp_conn *, enum tcp_timer,
		    int64_t at);
void tcp_timer_arm(struct tern_stack *, struct tcp_conn *);
void tcp_keep_start(struct tern_stack *, struct tcp_conn *);
/* The idle time has changed: what of it is left since something came. */
void tcp_keep_again(struct tern_stack *, struct tcp_conn *);
int64_t tcp_probe_when(const struct tern_stack *, const struct tcp_conn *);
int64_t tcp_timer_what(const struct tcp_conn *, int *what);
/* Too many orphans: this one goes at once, with a RST if it is fit to be told.
 * True: it is gone. */
bool tcp_orphan_refused(struct tern_stack *, struct tcp_conn *, bool rst);
/* How long an orphan may stay in FIN_WAIT_2, ns; negative: not at all. */
int64_t tcp_fin_time_ns(const struct tern_stack *, const struct tcp_conn *);
int64_t tcp_timewait_ns(const struct tern_stack *);
int64_t tcp_keepalive_time_ns(const struct tern_stack *,
			      const struct tcp_conn *);

/* tcp_listen.c, tcp_req.c, tcp_accept.c */
void tcp_listener_input(struct tern_stack *, struct tcp_conn *,
			struct tcp_in *);
void tcp_req_input(struct tern_stack *, struct tcp_req *, struct tcp_in *);
void tcp_req_timer(struct tern_stack *, struct tcp_req *);
void tcp_req_drop(struct tern_stack *, struct tcp_req *);
void tcp_listener_stop(struct tern_stack *, struct tcp_conn *);
void tcp_req_icmp(struct tern_stack *, struct tcp_req *,
		  const struct icmp_err *);
/* A half-open entry at the listener's end; NULL without memory. */
struct tcp_req *tcp_req_new(struct tern_stack *, struct tcp_conn *listener,
			    const struct tcp_in *);
/* The window and scale that we announce, by what was agreed on. */
void tcp_req_window(struct tern_stack *, const struct tcp_conn *listener,
		    struct tcp_req *);
/* Fills in what a SYN says and we give; not who and where it is kept. */
void tcp_req_fill(struct tern_stack *, const struct tcp_conn *listener,
		  const struct tcp_in *, struct tcp_req *);
/* fo: with this option of Fast Open, or NULL. */
void tcp_req_synack(struct tern_stack *, struct tcp_req *,
		    const struct tcp_cookie *fo);
/* The same with our clock's low bits chosen (cookies). */
void tcp_req_synack_at(struct tern_stack *, struct tcp_req *, uint32_t ts_ms,
		       const struct tcp_cookie *fo);
/* Room for an entry that is kept nowhere. */
union tcp_req_scratch {
	struct tcp_req q;
	uint8_t room[sizeof(struct tcp_req) + TCP_ADDRS_LEN(true)];
};
void tcp_fo_put(const struct tcp_cookie *, struct wire_tcp_opts *);
int64_t tcp_req_rto_ns(const struct tern_stack *, const struct tcp_req *);
static inline struct tcp_listener *listener_of(const struct tern_stack *st,
					       const struct tcp_req *q)
{
	return slab_at(&st->tcp.listeners, q->listener);
}
void tcp_req_tuple(const struct tcp_req *, struct tern_addr *l,
		   struct tern_addr *r);
struct tcp_conn *tcp_child(struct tern_stack *, struct tcp_conn *listener,
			   const struct tcp_req *);
bool tcp_accept_full(const struct tcp_listener *);

/* tcp_fastopen_key.c */
/* Draws a key if there is none. */
void tcp_fastopen_key_need(struct tern_stack *);
/* The keys that are valid for a socket, how many. */
int tcp_fastopen_keys(const struct tern_stack *, const struct tcp_opts *,
		      const struct sipkey **);
void tcp_fastopen_cookie(const struct sipkey *, const struct tern_addr *client,
			 const struct tern_addr *server, struct tcp_cookie *);

/* tcp_fastopen.c: the server. */
void tcp_fastopen_init(struct tern_stack *);
/* A listener begins; it may take Fast Open unasked. 0 or -errno. */
int tcp_fastopen_listen(struct tern_stack *, struct tcp_conn *);
void tcp_fastopen_listener_stop(struct tern_stack *, struct tcp_listener *);
/* A SYN that finds room. True: it made a child, and the packet is gone. False:
 * *fo is what the SYN-ACK is to say. */
bool tcp_fastopen_syn(struct tern_stack *, struct tcp_conn *listener,
		      struct tcp_in *, struct tcp_cookie *fo);
/* A segment for a child whose handshake runs. False: the packet is gone. */
bool tcp_fastopen_child_in(struct tern_stack *, struct tcp_conn *,
			   struct tcp_in *);
void tcp_fastopen_child_timer(struct tern_stack *, struct tcp_conn *);
/* Its handshake is done, or it is. */
void tcp_fastopen_child_acked(struct tern_stack *, struct tcp_conn *);
void tcp_fastopen_child_done(struct tern_stack *, struct tcp_conn *,
			     bool was_reset);

/* tcp_fastopen_client.c */
/* Should connect() wait for data? */
bool tcp_fastopen_may_defer(struct tern_stack *, struct tcp_conn *);
/* The SYN, with what of msg it may carry: bytes taken, or -errno. */
int64_t tcp_fastopen_syn_out(struct tern_stack *, struct tcp_conn *,
			     const struct tern_msg *msg);
/* The SYN-ACK has come. True: data of the SYN was not taken, and has been
 * resent. */
bool tcp_fastopen_synack(struct tern_stack *, struct tcp_conn *,
			 struct tcp_in *);
/* A time-out, and whether it is the last; the connection's end: does Fast Open
 * break things? */
void tcp_fastopen_timed_out(struct tern_stack *, const struct tcp_conn *,
			    bool expired);
void tcp_fastopen_ended(struct tern_stack *, const struct tcp_conn *);

/* tcp_metrics.c */
struct tcp_metric {
	uint32_t hash_next, next;
	struct tern_addr laddr, raddr;
	struct tcp_cookie cookie; /* len 0: none */
	uint16_t mss;		  /* 0: not known */
	uint8_t try_exp; /* 1: ask by the experimental option; 2: no more */
};
bool tcp_metrics_init(struct tern_stack *);
void tcp_metrics_fini(struct tern_stack *);
struct tcp_metric *tcp_metric_find(struct tern_stack *,
				   const struct tern_addr *l,
				   const struct tern_addr *r);
/* The same, made if there is none; NULL without memory. */
struct tcp_metric *tcp_metric_get(struct tern_stack *,
				  const struct tern_addr *l,
				  const struct tern_addr *r);

/* tcp_cookie.c */
/* Answers a SYN without keeping anything of it. */
void tcp_cookie_synack(struct tern_stack *, struct tcp_conn *listener,
		       struct tcp_in *);
/* An ACK at a listener: does it bring a cookie back? True: it was dealt
 * with, and the packet is gone. */
bool tcp_cookie_ack(struct tern_stack *, struct tcp_conn *listener,
		    struct tcp_in *);

/* tcp_timewait.c */
/* Moves the connection into a TIME_WAIT record (or an orphan's FIN_WAIT_2),
 * and ends it. */
void tcp_time_wait(struct tern_stack *, struct tcp_conn *, int state,
		   int64_t lasts_ns);
/* True: it was dealt with. False: *isn is set, the record is freed and a
 * listener for the SYN exists. */
bool tcp_tw_input(struct tern_stack *, struct tcp_tw *, struct tcp_in *,
		  struct seq *isn);
void tcp_tw_free(struct tern_stack *, struct tcp_tw *);
void tcp_tw_timer(struct tern_stack *, struct tcp_tw *);
/* connect() may take it over. True: it is gone, c->snd.una, nxt and end are the
 * ISN to begin with, ts_recent is carried over. */
bool tcp_tw_may_reuse(struct tern_stack *, struct tcp_tw *, struct tcp_conn *);

/* tcp_sock.c, tcp_recv.c */
void tcp_release_active(struct tern_stack *, struct tcp_conn *);
uint32_t tcp_unread(const struct tcp_conn *);
uint32_t tcp_inq(const struct tcp_conn *);

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

/* tcp_recv.c: n bytes of a packet, from `off` on, to byte `done` of the iovec
 * on. */
void tcp_copy_to(const struct tern_msg *, uint64_t done,
		 const struct tern_pkt *, uint32_t off, uint32_t n);

/* tcp_opts.c */
struct tcp_opts *tcp_opts_own(struct tern_stack *, struct tcp_conn *);
void tcp_opts_put(struct tern_stack *, struct tcp_opts *);

/* tcp_info.c */
void tcp_fill_info(struct tern_stack *, struct tcp_conn *,
		   struct tern_tcp_info *);

#endif
