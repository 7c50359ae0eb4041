// SPDX-License-Identifier: BSD-2-Clause
/*
 * Opening: listeners, half-open entries, Fast Open, cookies.
 * Included by: tcp_priv.h.
 */
#ifndef TCP_TCP_OPEN_PRIV_H
#define TCP_TCP_OPEN_PRIV_H

#include "tcp/tcp_conn_priv.h"

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
/* Fills in what a SYN says and we give; not who and where it is kept. */
void tcp_req_fill(struct tern_stack *, const struct tcp_conn *listener,
		  const struct tcp_in *, struct tcp_req *);
struct tcp_reply;
/* tcp_half.c: what a segment for a handshake is. */
enum tcp_half {
	TCP_HALF_GONE, /* answered if need be, and dropped */
	TCP_HALF_SYN_AGAIN,
	TCP_HALF_RST, /* to be believed */
	TCP_HALF_SYN, /* another one, in the window */
	TCP_HALF_ACK,
};
/* child: of Fast Open, or NULL. */
enum tcp_half tcp_half_judge(struct tern_stack *, struct tcp_req *,
			     const struct tcp_conn *child, struct tcp_in *);
/* r with who and when; ts_ms: our clock, as the timestamp is to tell it. */
void tcp_half_reply(struct tern_stack *, const struct tcp_req *, uint32_t ts_ms,
		    struct tcp_reply *);
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
/* At the end of those that wait for accept(). */
void tcp_accept_append(struct tern_stack *, struct tcp_listener *,
		       struct tcp_conn *child);
/* To another listener; its timer runs on. */
void tcp_req_move(struct tern_stack *, struct tcp_req *, struct tcp_listener *);

/* tcp_inherit.c: a new connection's options are its listener's. False without
 * memory. What the listener keeps for that is given back. */
bool tcp_inherit(struct tern_stack *, struct tcp_conn *,
		 const struct tcp_conn *listener, const struct tcp_req *);
void tcp_inherit_forget(struct tern_stack *, struct tcp_listener *);

/* tcp_migrate.c: a listener ends, out of its table already; what may goes to
 * others of its group. */
void tcp_migrate(struct tern_stack *, struct tcp_conn *listener);

/* tcp_saved.c: the SYN, if the listener asks for it (TCP_SAVE_SYN), kept for an
 * entry, or for a child that had none; from the one to the other; forgotten. */
bool tcp_saved_init(struct tern_stack *);
void tcp_saved_fini(struct tern_stack *);
void tcp_saved_take(struct tern_stack *, const struct tcp_conn *listener,
		    const struct tcp_in *, struct tcp_req *);
void tcp_saved_take_child(struct tern_stack *, const struct tcp_conn *listener,
			  const struct tcp_in *, struct tcp_conn *child);
void tcp_saved_pass(struct tern_stack *, struct tcp_req *, struct tcp_conn *);
void tcp_saved_drop(struct tern_stack *, struct tcp_conn *);
void tcp_saved_drop_req(struct tern_stack *, struct tcp_req *);
/* Its headers, *len 0 if there are none. */
const uint8_t *tcp_saved_of(const struct tern_stack *, const struct tcp_conn *,
			    size_t *len);

/* tcp_connect.c */
/* The first write of a connection that is to carry data in its SYN. 0: it is
 * open already. */
int64_t tcp_send_first(struct tern_stack *, struct tcp_conn *,
		       const struct tern_msg *);
/* connect() to AF_UNSPEC, SO_LINGER with 0: whatever it was, it is over. */
void tcp_disconnect(struct tern_stack *, struct tcp_conn *);

/* tcp_cookie.c */
/* Answers a SYN without keeping anything of it. */
void tcp_cookie_synack(struct tern_stack *, struct tcp_conn *listener,
		       struct tcp_in *);
/* An ACK at a listener: does it bring a cookie back? True: it was dealt
 * with, and the packet is gone. */
bool tcp_cookie_ack(struct tern_stack *, struct tcp_conn *listener,
		    struct tcp_in *);

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
/* It waits at another listener now. */
void tcp_fastopen_child_move(struct tcp_conn *, struct tcp_conn *listener);
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

#endif
