// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sockets of a stack: BSD shapes, small integers, never blocking.
 *
 * Numbers of families, types, levels, options, flags and events are Linux's.
 * Every call takes the stack and the instant at which it happens (int64 ns,
 * never before that of an earlier call), and returns 0, a count, or -errno
 * (error.h). A call that would have to wait returns -TERN_EAGAIN or
 * -TERN_EINPROGRESS; readiness is then told by tern_events(). Blocking is
 * built by the caller.
 *
 * An address is always 16 bytes; IPv4 is written as ::ffff:a.b.c.d.
 */
#ifndef TERN_SOCKET_H
#define TERN_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tern_stack;

enum {
	TERN_AF_UNSPEC = 0,
	TERN_AF_INET = 2,
	TERN_AF_INET6 = 10,
};

enum {
	TERN_SOCK_STREAM = 1,
	TERN_SOCK_DGRAM = 2,
	TERN_SOCK_RAW = 3,
};

enum {
	TERN_IPPROTO_IP = 0,
	TERN_IPPROTO_ICMP = 1,
	TERN_IPPROTO_TCP = 6,
	TERN_IPPROTO_UDP = 17,
	TERN_IPPROTO_IPV6 = 41,
	TERN_IPPROTO_ICMPV6 = 58,
};

struct tern_addr {
	uint8_t b[16];
};

struct tern_sockaddr {
	struct tern_addr addr;
	uint16_t family;   /* TERN_AF_* */
	uint16_t port;	   /* host byte order */
	uint32_t scope_id; /* interface index: a link's number + 1; 0: none */
	uint32_t flowinfo;
};

/* a.b.c.d as an address. */
struct tern_addr tern_addr_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
bool tern_addr_is_v4(const struct tern_addr *a);
/* Is it 0.0.0.0 or ::, in either writing? */
bool tern_addr_is_any(const struct tern_addr *a);
bool tern_addr_equal(const struct tern_addr *a, const struct tern_addr *b);

/* Parses "192.0.2.1", "fd00::1", "::ffff:192.0.2.1" up to the end of text or
 * the first byte in stop (may be NULL). Returns bytes used, or 0. */
size_t tern_addr_parse(const char *text, const char *stop,
		       struct tern_addr *out);

/* Prints in RFC 5952's form (IPv4 as a.b.c.d) with a final NUL into out;
 * TERN_ADDR_STRLEN always suffices. Returns out. */
#define TERN_ADDR_STRLEN 46
char *tern_addr_print(const struct tern_addr *a, char out[TERN_ADDR_STRLEN]);

/* Levels and options: Linux's numbers. */
enum {
	TERN_SOL_SOCKET = 1,
	TERN_SO_REUSEADDR = 2,
	TERN_SO_TYPE = 3,
	TERN_SO_ERROR = 4,
	TERN_SO_DONTROUTE = 5,
	TERN_SO_BROADCAST = 6,
	TERN_SO_SNDBUF = 7,
	TERN_SO_RCVBUF = 8,
	TERN_SO_KEEPALIVE = 9,
	TERN_SO_OOBINLINE = 10,
	TERN_SO_NO_CHECK = 11,
	TERN_SO_PRIORITY = 12,
	TERN_SO_LINGER = 13,
	TERN_SO_REUSEPORT = 15,
	TERN_SO_RCVLOWAT = 18,
	TERN_SO_SNDLOWAT = 19,
	TERN_SO_RCVTIMEO = 20,
	TERN_SO_SNDTIMEO = 21,
	TERN_SO_BINDTODEVICE = 25,
	TERN_SO_TIMESTAMP = 29,
	TERN_SO_ACCEPTCONN = 30,
	TERN_SO_SNDBUFFORCE = 32,
	TERN_SO_RCVBUFFORCE = 33,
	TERN_SO_TIMESTAMPNS = 35,
	TERN_SO_MARK = 36,
	TERN_SO_TIMESTAMPING = 37,
	TERN_SO_PROTOCOL = 38,
	TERN_SO_DOMAIN = 39,
	TERN_SO_RXQ_OVFL = 40,
	TERN_SCM_TIMESTAMPING_OPT_STATS = 54,
	TERN_SO_MAX_PACING_RATE = 47,
	TERN_SO_INCOMING_CPU = 49,
	TERN_SO_MEMINFO = 55,
	TERN_SO_COOKIE = 57,
	TERN_SO_ZEROCOPY = 60,
};

enum {
	TERN_TCP_NODELAY = 1,
	TERN_TCP_MAXSEG = 2,
	TERN_TCP_CORK = 3,
	TERN_TCP_KEEPIDLE = 4,
	TERN_TCP_KEEPINTVL = 5,
	TERN_TCP_KEEPCNT = 6,
	TERN_TCP_SYNCNT = 7,
	TERN_TCP_LINGER2 = 8,
	TERN_TCP_DEFER_ACCEPT = 9,
	TERN_TCP_WINDOW_CLAMP = 10,
	TERN_TCP_INFO = 11,
	TERN_TCP_QUICKACK = 12,
	TERN_TCP_CONGESTION = 13,
	TERN_TCP_THIN_LINEAR_TIMEOUTS = 16,
	TERN_TCP_USER_TIMEOUT = 18,
	TERN_TCP_FASTOPEN = 23,
	TERN_TCP_TIMESTAMP = 24,
	TERN_TCP_NOTSENT_LOWAT = 25,
	TERN_TCP_CC_INFO = 26,
	TERN_TCP_SAVE_SYN = 27,
	TERN_TCP_SAVED_SYN = 28,
	TERN_TCP_FASTOPEN_CONNECT = 30,
	TERN_TCP_ULP = 31,
	TERN_TCP_FASTOPEN_KEY = 33,
	TERN_TCP_FASTOPEN_NO_COOKIE = 34,
	TERN_TCP_INQ = 36,
	TERN_TCP_TX_DELAY = 37,
	TERN_TCP_RTO_MAX_MS = 44,
	TERN_TCP_RTO_MIN_US = 45,
	TERN_TCP_DELACK_MAX_US = 46,
};

enum {
	TERN_IP_TOS = 1,
	TERN_IP_TTL = 2,
	TERN_IP_PKTINFO = 8,
	TERN_IP_MTU_DISCOVER = 10,
	TERN_IP_RECVERR = 11,
	TERN_IP_RECVTTL = 12,
	TERN_IP_RECVTOS = 13,
	TERN_IP_MTU = 14,
	TERN_IP_FREEBIND = 15,
	TERN_IP_TRANSPARENT = 19,
	TERN_IP_RECVORIGDSTADDR = 20, /* and the message's type */
	TERN_IP_BIND_ADDRESS_NO_PORT = 24,
	TERN_IP_MULTICAST_IF = 32,
	TERN_IP_MULTICAST_TTL = 33,
	TERN_IP_MULTICAST_LOOP = 34,
	TERN_IP_ADD_MEMBERSHIP = 35,
	TERN_IP_DROP_MEMBERSHIP = 36,
	TERN_MCAST_JOIN_GROUP = 42, /* of levels IP and IPv6 */
	TERN_MCAST_LEAVE_GROUP = 45,
	TERN_IP_MULTICAST_ALL = 49,
	TERN_IP_LOCAL_PORT_RANGE = 51,

	TERN_IPV6_UNICAST_HOPS = 16,
	TERN_IPV6_MULTICAST_IF = 17,
	TERN_IPV6_MULTICAST_HOPS = 18,
	TERN_IPV6_MULTICAST_LOOP = 19,
	TERN_IPV6_ADD_MEMBERSHIP = 20,
	TERN_IPV6_DROP_MEMBERSHIP = 21,
	TERN_IPV6_MTU_DISCOVER = 23,
	TERN_IPV6_MTU = 24,
	TERN_IPV6_RECVERR = 25,
	TERN_IPV6_V6ONLY = 26,
	TERN_IPV6_MULTICAST_ALL = 29,
	TERN_IPV6_RECVPKTINFO = 49,
	TERN_IPV6_PKTINFO = 50,
	TERN_IPV6_RECVHOPLIMIT = 51,
	TERN_IPV6_HOPLIMIT = 52,
	TERN_IPV6_DONTFRAG = 62,
	TERN_IPV6_RECVTCLASS = 66,
	TERN_IPV6_TCLASS = 67,
	TERN_IPV6_RECVORIGDSTADDR = 74, /* and the message's type */
	TERN_IPV6_TRANSPARENT = 75,
	TERN_IPV6_FREEBIND = 78,

	TERN_UDP_SEGMENT = 103, /* and the message's type */
	TERN_UDP_GRO = 104,
};

/* Options that only tern has. */
enum {
	TERN_SOL_TERN = 0x7465726e,
	/* int: the socket, a listener or an unconnected UDP socket, takes what
	 * is sent to any address (and, bound to port 0, to any port): O19. */
	TERN_SO_ANY = 1,
	/* int: each new SYN waits for tern_syn_answer(): O19. */
	TERN_SO_DECIDE = 2,
};

enum {
	TERN_MSG_OOB = 0x1,
	TERN_MSG_PEEK = 0x2,
	TERN_MSG_CTRUNC = 0x8,
	TERN_MSG_TRUNC = 0x20,
	TERN_MSG_DONTWAIT = 0x40,
	TERN_MSG_EOR = 0x80,
	TERN_MSG_WAITALL = 0x100,
	TERN_MSG_ERRQUEUE = 0x2000,
	TERN_MSG_NOSIGNAL = 0x4000,
	TERN_MSG_MORE = 0x8000,
	TERN_MSG_ZEROCOPY = 0x4000000,
	/* tern's own: the caller blocks until it can go on. No call here does,
	 * but the ACK that completes a handshake then waits for its data. */
	TERN_MSG_BLOCKING = 0x10000000,
	TERN_MSG_FASTOPEN = 0x20000000,
};

enum {
	TERN_SHUT_RD = 0,
	TERN_SHUT_WR = 1,
	TERN_SHUT_RDWR = 2,
};

/* Readiness, Linux's poll bits. */
enum {
	TERN_POLLIN = 0x1,
	TERN_POLLPRI = 0x2,
	TERN_POLLOUT = 0x4,
	TERN_POLLERR = 0x8,
	TERN_POLLHUP = 0x10,
	TERN_POLLRDNORM = 0x40,
	TERN_POLLRDBAND = 0x80,
	TERN_POLLWRNORM = 0x100,
	TERN_POLLWRBAND = 0x200,
	TERN_POLLRDHUP = 0x2000,
};

enum {
	TERN_SIOCINQ = 0x541b,	/* FIONREAD */
	TERN_SIOCOUTQ = 0x5411, /* TIOCOUTQ */
	TERN_SIOCATMARK = 0x8905,
	TERN_SIOCOUTQNSD = 0x894b,
};

struct tern_linger {
	int onoff;
	int linger; /* seconds */
};

struct tern_iov {
	void *base;
	size_t len;
};

/* As struct msghdr. `control` holds control messages in Linux's layout; a
 * receive sets name, control_len and flags. */
struct tern_msg {
	struct tern_sockaddr *name; /* or NULL */
	const struct tern_iov *iov;
	int n_iov;
	void *control; /* or NULL */
	size_t control_len;
	int flags;
};

/* A new socket, the lowest free number. EMFILE at the stack's bound
 * (tern_config.max_sockets). */
int tern_socket(struct tern_stack *, int family, int type, int protocol,
		int64_t now);
int tern_bind(struct tern_stack *, int s, const struct tern_sockaddr *,
	      int64_t now);
int tern_listen(struct tern_stack *, int s, int backlog, int64_t now);

/* EINPROGRESS at first; POLLOUT and SO_ERROR tell the outcome, and so does
 * another connect. family TERN_AF_UNSPEC dissolves the association. */
int tern_connect(struct tern_stack *, int s, const struct tern_sockaddr *,
		 int64_t now);

/* The number of the accepted socket; peer may be NULL. */
int tern_accept(struct tern_stack *, int s, struct tern_sockaddr *peer,
		int64_t now);

int64_t tern_send(struct tern_stack *, int s, const void *data, size_t len,
		  int flags, int64_t now);
int64_t tern_recv(struct tern_stack *, int s, void *data, size_t len, int flags,
		  int64_t now);

/*
 * Sending without a copy (T15): with SO_ZEROCOPY set, a send with
 * TERN_MSG_ZEROCOPY on TCP takes no copy of what it accepts. That memory is
 * lent: it must stay as it is until a notice in the error queue, told by
 * TERN_POLLERR and read with TERN_MSG_ERRQUEUE, names the send: struct
 * sock_extended_err in Linux's layout, ee_origin 5, the sends ee_info to
 * ee_data, counted from 0; ee_code 1: it was copied on the way after all. A
 * connection that ends gives the notices that it still owes. tern_close() and
 * tern_listen() end all lending at once: what still has to be sent is copied
 * then. ENOBUFS: as many notices are owed as net.core.optmem_max allows.
 * Nothing is copied towards links that have TERN_LINK_LENDS. On UDP the flag
 * is ignored, and SO_ZEROCOPY refused.
 */
int64_t tern_sendmsg(struct tern_stack *, int s, const struct tern_msg *,
		     int flags, int64_t now);
int64_t tern_recvmsg(struct tern_stack *, int s, struct tern_msg *, int flags,
		     int64_t now);
int tern_shutdown(struct tern_stack *, int s, int how, int64_t now);

/* Gives the number back. The connection behind it may live on, closing.
 * SO_LINGER with a time does not wait here: who blocks watches for
 * TERN_POLLHUP before the call, and says so with tern_close() at the end. */
int tern_close(struct tern_stack *, int s, int64_t now);

/* *len is changed on success, and where TCP_SAVED_SYN gives EINVAL: to the bytes
 * that it would take. */
int tern_getsockopt(struct tern_stack *, int s, int level, int name,
		    void *value, size_t *len, int64_t now);
int tern_setsockopt(struct tern_stack *, int s, int level, int name,
		    const void *value, size_t len, int64_t now);
int tern_getsockname(struct tern_stack *, int s, struct tern_sockaddr *);
int tern_getpeername(struct tern_stack *, int s, struct tern_sockaddr *);

/* TERN_SIOC* that give an int. */
int tern_ioctl(struct tern_stack *, int s, unsigned long request, int *value,
	       int64_t now);

/* What the socket is ready for now: TERN_POLL*. */
uint32_t tern_poll(struct tern_stack *, int s);

struct tern_event {
	int s;
	uint32_t ready; /* TERN_POLL*, as of this call */
};

/*
 * Sockets at which something has happened since they were last given here:
 * each at most once, in the order of what happened first. A socket that is
 * merely still ready is not repeated. Returns how many.
 */
int tern_events(struct tern_stack *, struct tern_event *, int max);

/*
 * Receive by lending (T15): up to max fragments of in-order data, each with a
 * reference for the caller (tern_buf_put() in link.h). They leave the receive
 * queue, as if read. Returns how many; 0 at the end of the stream; -errno.
 */
struct tern_frag;
int tern_recv_frags(struct tern_stack *, int s, struct tern_frag *, int max,
		    int64_t now);

/* A SYN that waits for its owner's decision (TERN_SO_DECIDE). */
struct tern_syn {
	uint64_t id; /* never that of another SYN */
	struct tern_sockaddr local;
	struct tern_sockaddr remote;
};

enum tern_syn_answer {
	TERN_SYN_ACCEPT,     /* SYN-ACK; the connection will be accepted */
	TERN_SYN_RESET,	     /* RST, as if nobody listened */
	TERN_SYN_HOST,	     /* ICMP host (address) unreachable */
	TERN_SYN_NET,	     /* ICMP network unreachable (no route) */
	TERN_SYN_PROHIBITED, /* ICMP administratively prohibited */
	TERN_SYN_DROP,	     /* silence; a resent SYN asks again */
};

/* The listener's next undecided SYN, each told once. EAGAIN when none waits.
 * The listener polls readable while there is one. */
int tern_syn_next(struct tern_stack *, int s, struct tern_syn *);

/* Answers it. ENOENT if it has gone meanwhile (its time ran out, or a RST
 * came). */
int tern_syn_answer(struct tern_stack *, uint64_t id, enum tern_syn_answer,
		    int64_t now);

/* TCP's states, Linux's numbers. */
enum tern_tcp_state {
	TERN_TCP_ESTABLISHED = 1,
	TERN_TCP_SYN_SENT,
	TERN_TCP_SYN_RECV,
	TERN_TCP_FIN_WAIT1,
	TERN_TCP_FIN_WAIT2,
	TERN_TCP_TIME_WAIT,
	TERN_TCP_CLOSE,
	TERN_TCP_CLOSE_WAIT,
	TERN_TCP_LAST_ACK,
	TERN_TCP_LISTEN,
	TERN_TCP_CLOSING,
};

/* The state's name as ss prints it ("ESTAB", "SYN-SENT"), static. */
const char *tern_tcp_state_name(int state);

/* TCP_INFO, in the layout of Linux 6.18; times in ms unless said. */
struct tern_tcp_info {
	uint8_t state;
	uint8_t ca_state;
	uint8_t retransmits;
	uint8_t probes;
	uint8_t backoff;
	uint8_t options; /* 1 timestamps, 2 SACK, 4 wscale, 8 ECN,
			  * 16 ECN seen, 32 SYN data acked */
	uint8_t wscale;	 /* low nibble: send, high nibble: receive */
	uint8_t flags;	 /* bit 0: delivery rate is application-limited;
			  * bits 1-2: why Fast Open failed */
	uint32_t rto;	 /* us */
	uint32_t ato;	 /* us */
	uint32_t snd_mss;
	uint32_t rcv_mss;
	uint32_t unacked; /* segments */
	uint32_t sacked;
	uint32_t lost;
	uint32_t retrans;
	uint32_t fackets;
	uint32_t last_data_sent;
	uint32_t last_ack_sent;
	uint32_t last_data_recv;
	uint32_t last_ack_recv;
	uint32_t pmtu;
	uint32_t rcv_ssthresh;
	uint32_t rtt;	 /* us, smoothed */
	uint32_t rttvar; /* us */
	uint32_t snd_ssthresh;
	uint32_t snd_cwnd;
	uint32_t advmss;
	uint32_t reordering;
	uint32_t rcv_rtt; /* us */
	uint32_t rcv_space;
	uint32_t total_retrans;
	uint64_t pacing_rate; /* bytes/s, ~0 unlimited */
	uint64_t max_pacing_rate;
	uint64_t bytes_acked;
	uint64_t bytes_received;
	uint32_t segs_out;
	uint32_t segs_in;
	uint32_t notsent_bytes;
	uint32_t min_rtt; /* us */
	uint32_t data_segs_in;
	uint32_t data_segs_out;
	uint64_t delivery_rate;	 /* bytes/s */
	uint64_t busy_time;	 /* us */
	uint64_t rwnd_limited;	 /* us */
	uint64_t sndbuf_limited; /* us */
	uint32_t delivered;
	uint32_t delivered_ce;
	uint64_t bytes_sent;
	uint64_t bytes_retrans;
	uint32_t dsack_dups;
	uint32_t reord_seen;
	uint32_t rcv_ooopack;
	uint32_t snd_wnd;
	uint32_t rcv_wnd;
	uint32_t rehash;
	uint16_t total_rto;
	uint16_t total_rto_recoveries;
	uint32_t total_rto_time;
	uint32_t received_ce;
	uint32_t delivered_e1_bytes;
	uint32_t delivered_e0_bytes;
	uint32_t delivered_ce_bytes;
	uint32_t received_e1_bytes;
	uint32_t received_e0_bytes;
	uint32_t received_ce_bytes;
	uint8_t accecn; /* bits 0-1: 1 classic ECN, 2 AccECN, 3 asked for; 2-3:
			 * option 1 empty, 2 with counters, 3 zeroed; 4-7:
			 * failed 1, 2 ACE out, in, 4, 8 option out, in */
	uint8_t options2[3];
};

#ifdef __cplusplus
}
#endif
#endif
