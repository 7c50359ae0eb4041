// SPDX-License-Identifier: BSD-2-Clause
/*
 * TCP to the rest of the core: the state of a stack's TCP, and the calls that
 * sock/ makes. How a connection is kept is tcp_priv.h's business.
 *
 * A connection is known by its slab id. All calls act at st->now.
 */
#ifndef TCP_TCP_H
#define TCP_TCP_H

#include "base/idhash.h"
#include "base/slab.h"
#include "base/wheel.h"

#include <tern/cc.h>
#include <tern/stack.h>

#define TCP_MAX_CC 8

struct tcp_port;
struct tcp_taken;
struct tcp_conn;

struct tcp_state {
	struct slab conns, hists, hists_accecn, actives, segs, opts, listeners;
	struct slab ports, taken;
	struct slab kept; /* tcp_kept.c */
	struct idhash kept_by_conn;
	struct slab saved; /* tcp_saved.c */
	struct idhash saved_by_owner;
	struct slab notes, lends, lents;
	uint32_t lend_done, lend_done_last; /* for tcp_lend_settle() */
	struct slab reqs[2], tws[2];	    /* IPv4, IPv6 */
	struct wheel conn_wheel, req_wheel[2], tw_wheel[2];
	struct idhash by_tuple; /* synchronised connections */
	struct idhash req_by_tuple[2], tw_by_tuple[2];
	struct idhash by_port;		 /* struct tcp_port */
	struct idhash taken_by_key;	 /* tcp_taken.c */
	struct tcp_taken *taken_shared;	 /* maps that no destination has */
	struct idhash listening;	 /* listeners by port */
	uint32_t any_listener;		 /* head of those of TERN_SO_ANY */
	uint32_t ready_head, ready_tail; /* connections to resume: TSQ */
	uint32_t next_gen;		 /* half of the sockets' cookies */
	uint32_t n_orphans;
	uint32_t n_sockets;
	uint32_t n_ports_chosen;
	uint64_t mem_used; /* bytes in queues, by Linux's count (tcp_mem) */
	bool pressure;
	const struct tern_cc_ops *cc[TCP_MAX_CC];
	int n_cc;
	struct tcp_opts *default_opts;
	uint32_t challenge_count; /* left in the second challenge_at */
	int64_t challenge_at;
	struct slab fo_resets, metrics;
	struct idhash metrics_by_ends;
	uint32_t metrics_head, metrics_tail; /* oldest first */
	struct sipkey fo_key[2];
	int n_fo_keys;	   /* 0: none was needed yet */
	int64_t fo_off_at; /* when Fast Open was last found broken */
	uint32_t fo_off_n; /* how often in a row */
	uint64_t plb;	   /* reserved for path decisions */
};

int tcp_init(struct tern_stack *);
void tcp_fini(struct tern_stack *);
int64_t tcp_deadline(struct tern_stack *);
void tcp_advance(struct tern_stack *);
void tcp_memory(const struct tern_stack *, struct tern_memory *);

/* The slab id of a new, closed socket, or -errno. */
int tcp_new(struct tern_stack *, int family);
/* Tells it its number. */
void tcp_attach(struct tern_stack *, uint32_t id, int s);
/* The program's last reference is gone. */
void tcp_close(struct tern_stack *, uint32_t id);
int tcp_bind(struct tern_stack *, uint32_t id, const struct tern_sockaddr *);
int tcp_listen(struct tern_stack *, uint32_t id, int backlog);
int tcp_connect(struct tern_stack *, uint32_t id, const struct tern_sockaddr *);
/* The slab id of an accepted connection, or -errno. Its peer is told here: one
 * that was reset meanwhile has none for tcp_getname(). */
int tcp_accept(struct tern_stack *, uint32_t id, struct tern_sockaddr *peer);
int64_t tcp_sendmsg(struct tern_stack *, uint32_t id, const struct tern_msg *,
		    int flags);
int64_t tcp_recvmsg(struct tern_stack *, uint32_t id, struct tern_msg *,
		    int flags);
int tcp_recv_frags(struct tern_stack *, uint32_t id, struct tern_frag *,
		   int max);
int tcp_shutdown(struct tern_stack *, uint32_t id, int how);
int tcp_getsockopt(struct tern_stack *, uint32_t id, int level, int name,
		   void *value, size_t *len);
int tcp_setsockopt(struct tern_stack *, uint32_t id, int level, int name,
		   const void *value, size_t len);
int tcp_getname(struct tern_stack *, uint32_t id, bool peer,
		struct tern_sockaddr *);
int tcp_ioctl(struct tern_stack *, uint32_t id, unsigned long request,
	      int *value);
uint32_t tcp_poll(struct tern_stack *, uint32_t id);

/* The number of the socket that a SYN to l would reach; -1: none, or it has no
 * number. */
int tcp_listener_number(struct tern_stack *, const struct tern_addr *l,
			uint16_t lport, const struct tern_addr *r,
			uint16_t rport);
int tcp_syn_next(struct tern_stack *, uint32_t id, struct tern_syn *);
int tcp_syn_answer(struct tern_stack *, uint64_t id, enum tern_syn_answer);

/* Walking: connections, then half-open entries, then TIME_WAIT; cursor 0 at
 * first. */
bool tcp_next(struct tern_stack *, uint64_t *cursor, struct tern_sock_info *);
/* Counts at most so many; false: these were all. */
bool tcp_count_next(struct tern_stack *, uint64_t *cursor, uint32_t most,
		    struct tern_sock_counts *);
/* What tern_sock_find() promises. */
bool tcp_show_ends(struct tern_stack *, const struct tern_sockaddr *local,
		   const struct tern_sockaddr *remote, struct tern_sock_info *);
int tcp_details_by_cookie(const struct tern_stack *, uint64_t cookie,
			  struct tern_sock_details *);
int tcp_info_by_cookie(struct tern_stack *, uint64_t cookie,
		       struct tern_tcp_info *);
/* What tern_sock_kill() promises. */
int tcp_kill(struct tern_stack *, uint64_t cookie);

/* Connections that waited for the link to take packets (TSQ): do any wait,
 * and let each of them go on once. */
bool tcp_has_ready(const struct tern_stack *);
void tcp_run_ready(struct tern_stack *);

/* Lent memory that has come back: tells those who lent it. */
void tcp_lend_settle(struct tern_stack *);
/* Forgets what is kept of destinations. */
void tcp_metrics_flush(struct tern_stack *);
int tcp_fastopen_key_set(struct tern_stack *, const char *text);

int tcp_cc_register(struct tern_stack *, const struct tern_cc_ops *);

#endif
