// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the files of TCP offer one another: here what all share, by topic in
 * the headers it includes. How a connection is kept is in tcp_conn_priv.h.
 * Included by: the files of tcp, test_tcp_*.c, fuzz_check.c.
 */
#ifndef TCP_TCP_PRIV_H
#define TCP_TCP_PRIV_H

#include "tcp/tcp_conn_priv.h"
#include "tcp/tcp_ecn_priv.h"
#include "tcp/tcp_notes_priv.h"
#include "tcp/tcp_open_priv.h"
#include "tcp/tcp_recovery_priv.h"
#include "tcp/tcp_recv_priv.h"
#include "tcp/tcp_send_priv.h"

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
/* How many from the i-th on follow one another upwards. */
uint32_t tcp_port_run(const struct port_range *, uint32_t start, uint32_t i);

/* tcp_taken.c: ports that need not be tried again. */
enum { TAKEN_TUPLE, TAKEN_CLAIMED, TAKEN_BIND };
struct tcp_taken_key {
	struct tern_addr laddr, raddr;
	uint16_t rport;
	uint8_t kind;
	/* Of the socket: TAKEN_BIND. No bit is left, as keys are compared as
	 * bytes. */
	uint8_t v6 : 1, v6only : 1, zero : 6;
};
/* What the answers may depend on, beside who has the ports. */
struct tcp_taken_knobs {
	int64_t lo, hi, reuse, reuse_delay, timewait_len;
};
struct tcp_taken {
	uint32_t id, hash_next;
	struct tcp_taken *next_shared;
	struct tcp_taken_key key;
	struct tcp_taken_knobs knobs;
	struct taken_word *words;
	uint32_t n_words, n_set;
};
/* One search through a range; keys and range are the caller's to fill in. */
struct tcp_walk {
	struct port_range range;
	uint32_t start, i;
	uint32_t n_keys;
	struct tcp_taken_key key[2];
	struct tcp_taken *map[2];
	uint32_t n_vain[2];
};
bool tcp_taken_init(struct tern_stack *);
void tcp_taken_fini(struct tern_stack *);
size_t tcp_taken_footprint(const struct tern_stack *);
void tcp_walk_begin(struct tern_stack *, struct tcp_walk *);
/* The next port to try. False: there is none. */
bool tcp_walk_next(struct tern_stack *, struct tcp_walk *, uint16_t *port);
/* It was taken, by what key[which] is about; until again_at, or NEVER. */
void tcp_walk_vain(struct tern_stack *, struct tcp_walk *, uint32_t which,
		   uint16_t port, int64_t again_at);
/* To be told of each 4-tuple, and of each port, that somebody gives back. */
void tcp_taken_tuple_free(struct tern_stack *, const struct tern_addr *l,
			  uint16_t lport, const struct tern_addr *r,
			  uint16_t rport);
void tcp_taken_port_free(struct tern_stack *, uint16_t port);

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
/* Linux looks whether header prediction may begin (again). */
void tcp_predict(struct tcp_conn *);

/* tcp_opts_sock.c: what SO_MEMINFO tells. */
void tcp_meminfo(const struct tern_stack *, const struct tcp_conn *,
		 uint32_t v[9]);

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
void tcp_probe_arm(struct tern_stack *, struct tcp_conn *, int64_t wait_ns);
int64_t tcp_timer_what(const struct tcp_conn *, int *what);
/* Too many orphans: this one goes at once, with a RST if it is fit to be told.
 * True: it is gone. */
bool tcp_orphan_refused(struct tern_stack *, struct tcp_conn *, bool rst);
/* How long an orphan may stay in FIN_WAIT_2, ns; negative: not at all. */
int64_t tcp_fin_time_ns(const struct tern_stack *, const struct tcp_conn *);
int64_t tcp_timewait_ns(const struct tern_stack *);
int64_t tcp_keepalive_time_ns(const struct tern_stack *,
			      const struct tcp_conn *);

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
bool tcp_tw_may_reuse(struct tern_stack *, struct tcp_tw *, struct tcp_conn *,
		      int64_t *again_at);

/* tcp_sock.c, tcp_recv.c */
void tcp_release_active(struct tern_stack *, struct tcp_conn *);
uint32_t tcp_unread(const struct tcp_conn *);
uint32_t tcp_inq(const struct tcp_conn *);

/* tcp_opts.c */
struct tcp_opts *tcp_opts_own(struct tern_stack *, struct tcp_conn *);
void tcp_opts_put(struct tern_stack *, struct tcp_opts *);

/* tcp_info.c */
void tcp_fill_info(struct tern_stack *, struct tcp_conn *,
		   struct tern_tcp_info *);
/* The segment size that a socket tells of: before the peer has answered not yet
 * what is sent with then. */
uint32_t tcp_mss_told(const struct tcp_conn *);

#endif
