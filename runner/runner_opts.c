// SPDX-License-Identifier: BSD-2-Clause
/*
 * Socket options and ioctls.
 *
 * An option is the stack's, with its value and its errno; the table names the
 * exceptions. Those that it has not are the kernel's to judge, or to keep where
 * nothing hangs on them (runner_aside.c). Some belong to the program's end, because native calls act by
 * them (time-outs, the peek offset). Some need what the program has written
 * to be in the stack first, because they tell of it or change how it is sent.
 */
#include "runner_priv.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <linux/filter.h>
#include <linux/sockios.h>

/* Linux takes more only for lists (source filters), which we have not. */
#define OPT_MAX 4096

/* Of newer headers. */
#define PEEK_OFF 42
#define CNX_ADVICE 53
#define PEERGROUPS 59
#define BINDTOIFINDEX 62
#define RCVTIMEO_NEW 66 /* the time-outs in 64 bits */
#define SNDTIMEO_NEW 67
#define DETACH_REUSEPORT_BPF 68
#define PREFER_BUSY_POLL 69
#define BUSY_POLL_BUDGET 70
#define NETNS_COOKIE 71
#define BUF_LOCK 72
#define RESERVE_MEM 73
#define TXREHASH 74
#define RCVMARK 75
#define PASSPIDFD 76
#define PEERPIDFD 77
#define DEVMEM_DONTNEED 80
#define RCVPRIORITY 82
#define PASSRIGHTS 83
#define PROTOCOL 52 /* IP_ */
#define FLOWINFO 11 /* IPV6_, from here on */
#define RECVERR6_RFC4884 31
#define FLOWLABEL_MGR 32
#define FLOWINFO_SEND 33
#define IS_MPTCP 43 /* TCP_ */

enum how {
	STACK,	/* the stack's alone */
	NATIVE, /* the program's end's alone */
	BOTH,	/* set at both; the stack's is told */
	DRAIN,	/* the stack's, after the pair was drained */
	REFUSE, /* of AF_UNIX alone, which a program must not learn we use */
	/* Where the stack has not the option: */
	KEEP,  /* what it would change is nothing here */
	JUDGE, /* refused, with the kernel's errno */
	SHORT, /* a structure that the kernel's socket must not see (it points
		* into the program, or acts at once): EINVAL if it is shorter
		* than `least`, else refused */
};

static const struct opt {
	int level, name;
	enum how how;
	int get_error, set_error; /* of REFUSE */
	size_t least;		  /* of SHORT */
	bool is_privileged;	  /* some values of it */
} opts[] = {
	/* level, option, how, errno of get, of set */
	{ SOL_SOCKET, SO_RCVTIMEO, NATIVE },
	{ SOL_SOCKET, SO_SNDTIMEO, NATIVE },
	{ SOL_SOCKET, RCVTIMEO_NEW, NATIVE },
	{ SOL_SOCKET, SNDTIMEO_NEW, NATIVE },
	{ SOL_SOCKET, PEEK_OFF, NATIVE },
	/* Of native blocking reads; the stack's makes poll wait as well. */
	{ SOL_SOCKET, SO_RCVLOWAT, BOTH },
	/* Hints to drivers and to the kernel's memory, of no effect here. */
	{ SOL_SOCKET, SO_DEBUG, NATIVE, .is_privileged = true },
	{ SOL_SOCKET, SO_BSDCOMPAT, NATIVE },
	{ SOL_SOCKET, SO_DETACH_FILTER, NATIVE },
	{ SOL_SOCKET, SO_WIFI_STATUS, NATIVE },
	{ SOL_SOCKET, SO_NOFCS, NATIVE },
	{ SOL_SOCKET, SO_LOCK_FILTER, NATIVE },
	{ SOL_SOCKET, SO_SELECT_ERR_QUEUE, NATIVE },
	{ SOL_SOCKET, SO_BUSY_POLL, NATIVE },
	{ SOL_SOCKET, SO_BPF_EXTENSIONS, NATIVE },
	{ SOL_SOCKET, SO_INCOMING_CPU, NATIVE },
	{ SOL_SOCKET, SO_INCOMING_NAPI_ID, NATIVE },
	{ SOL_SOCKET, CNX_ADVICE, NATIVE },
	{ SOL_SOCKET, PREFER_BUSY_POLL, NATIVE, .is_privileged = true },
	{ SOL_SOCKET, BUSY_POLL_BUDGET, NATIVE, .is_privileged = true },
	{ SOL_SOCKET, NETNS_COOKIE, NATIVE },
	{ SOL_SOCKET, SO_PASSCRED, REFUSE, EOPNOTSUPP, EOPNOTSUPP },
	{ SOL_SOCKET, SO_PASSSEC, REFUSE, EOPNOTSUPP, EOPNOTSUPP },
	{ SOL_SOCKET, PASSPIDFD, REFUSE, EOPNOTSUPP, EOPNOTSUPP },
	{ SOL_SOCKET, PASSRIGHTS, REFUSE, EOPNOTSUPP, EOPNOTSUPP },
	{ SOL_SOCKET, PEERGROUPS, REFUSE, ENODATA, ENOPROTOOPT },
	{ SOL_SOCKET, PEERPIDFD, REFUSE, ENODATA, ENOPROTOOPT },
	{ SOL_SOCKET, SO_PRIORITY, STACK, .is_privileged = true },
	{ SOL_SOCKET, SO_MARK, STACK, .is_privileged = true },
	{ SOL_SOCKET, SO_SNDBUFFORCE, STACK, .is_privileged = true },
	{ SOL_SOCKET, SO_RCVBUFFORCE, STACK, .is_privileged = true },
	{ IPPROTO_IP, IP_TRANSPARENT, STACK, .is_privileged = true },
	{ IPPROTO_IPV6, IPV6_TRANSPARENT, STACK, .is_privileged = true },
	{ SOL_SOCKET, SO_PEERCRED, KEEP },
	{ SOL_SOCKET, TXREHASH, KEEP },
	{ SOL_SOCKET, BUF_LOCK, KEEP },
	{ SOL_SOCKET, DETACH_REUSEPORT_BPF, KEEP },
	{ SOL_SOCKET, SO_TXTIME, JUDGE },
	{ SOL_SOCKET, RESERVE_MEM, JUDGE },
	{ SOL_SOCKET, BINDTOIFINDEX, JUDGE },
	{ SOL_SOCKET, DEVMEM_DONTNEED, JUDGE },
	{ SOL_SOCKET, RCVMARK, JUDGE },
	{ SOL_SOCKET, RCVPRIORITY, JUDGE },
	{ SOL_SOCKET, SO_TIMESTAMPING, JUDGE },
	{ SOL_SOCKET, SO_ATTACH_FILTER, SHORT,
	  .least = sizeof(struct sock_fprog), .is_privileged = true },
	{ SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, SHORT,
	  .least = sizeof(struct sock_fprog) },
	{ IPPROTO_IP, IP_HDRINCL, KEEP },
	{ IPPROTO_IP, IP_ROUTER_ALERT, KEEP },
	{ IPPROTO_IP, IP_RECVOPTS, KEEP },
	{ IPPROTO_IP, IP_RETOPTS, KEEP },
	{ IPPROTO_IP, IP_PKTOPTIONS, KEEP },
	{ IPPROTO_IP, IP_PASSSEC, KEEP },
	{ IPPROTO_IP, IP_RECVORIGDSTADDR, KEEP },
	{ IPPROTO_IP, IP_NODEFRAG, KEEP },
	{ IPPROTO_IP, IP_RECVERR_RFC4884, KEEP },
	{ IPPROTO_IP, IP_MULTICAST_IF, KEEP },
	{ IPPROTO_IP, IP_MULTICAST_TTL, KEEP },
	{ IPPROTO_IP, IP_MULTICAST_LOOP, KEEP },
	{ IPPROTO_IP, IP_MULTICAST_ALL, KEEP },
	{ IPPROTO_IP, IP_ADD_MEMBERSHIP, KEEP },
	{ IPPROTO_IP, IP_DROP_MEMBERSHIP, KEEP },
	{ IPPROTO_IP, PROTOCOL, KEEP },
	{ IPPROTO_IP, IP_OPTIONS, JUDGE },
	{ IPPROTO_IP, IP_IPSEC_POLICY, JUDGE },
	{ IPPROTO_IP, IP_XFRM_POLICY, JUDGE },
	{ IPPROTO_IP, IP_MINTTL, JUDGE },
	{ IPPROTO_IP, IP_CHECKSUM, JUDGE },
	{ IPPROTO_IP, IP_RECVFRAGSIZE, JUDGE },
	{ IPPROTO_IP, IP_UNICAST_IF, JUDGE },
	{ IPPROTO_IP, IP_UNBLOCK_SOURCE, SHORT,
	  .least = sizeof(struct ip_mreq_source) },
	{ IPPROTO_IP, IP_BLOCK_SOURCE, SHORT,
	  .least = sizeof(struct ip_mreq_source) },
	{ IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, SHORT,
	  .least = sizeof(struct ip_mreq_source) },
	{ IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP, SHORT,
	  .least = sizeof(struct ip_mreq_source) },
	{ IPPROTO_IP, IP_MSFILTER, SHORT, .least = IP_MSFILTER_SIZE(0) },
	{ IPPROTO_IP, MCAST_JOIN_GROUP, SHORT,
	  .least = sizeof(struct group_req) },
	{ IPPROTO_IP, MCAST_LEAVE_GROUP, SHORT,
	  .least = sizeof(struct group_req) },
	{ IPPROTO_IP, MCAST_BLOCK_SOURCE, SHORT,
	  .least = sizeof(struct group_source_req) },
	{ IPPROTO_IP, MCAST_UNBLOCK_SOURCE, SHORT,
	  .least = sizeof(struct group_source_req) },
	{ IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, SHORT,
	  .least = sizeof(struct group_source_req) },
	{ IPPROTO_IP, MCAST_LEAVE_SOURCE_GROUP, SHORT,
	  .least = sizeof(struct group_source_req) },
	{ IPPROTO_IP, MCAST_MSFILTER, SHORT, .least = GROUP_FILTER_SIZE(0) },
	{ IPPROTO_IPV6, MCAST_JOIN_GROUP, SHORT,
	  .least = sizeof(struct group_req) },
	{ IPPROTO_IPV6, MCAST_LEAVE_GROUP, SHORT,
	  .least = sizeof(struct group_req) },
	{ IPPROTO_IPV6, MCAST_BLOCK_SOURCE, SHORT,
	  .least = sizeof(struct group_source_req) },
	{ IPPROTO_IPV6, MCAST_UNBLOCK_SOURCE, SHORT,
	  .least = sizeof(struct group_source_req) },
	{ IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, SHORT,
	  .least = sizeof(struct group_source_req) },
	{ IPPROTO_IPV6, MCAST_LEAVE_SOURCE_GROUP, SHORT,
	  .least = sizeof(struct group_source_req) },
	{ IPPROTO_IPV6, MCAST_MSFILTER, SHORT, .least = GROUP_FILTER_SIZE(0) },
	{ IPPROTO_IPV6, IPV6_2292HOPOPTS, KEEP },
	{ IPPROTO_IPV6, IPV6_2292DSTOPTS, KEEP },
	{ IPPROTO_IPV6, IPV6_2292RTHDR, KEEP },
	{ IPPROTO_IPV6, IPV6_RECVHOPOPTS, KEEP },
	{ IPPROTO_IPV6, IPV6_RECVRTHDR, KEEP },
	{ IPPROTO_IPV6, IPV6_RECVDSTOPTS, KEEP },
	{ IPPROTO_IPV6, IPV6_MULTICAST_IF, KEEP },
	{ IPPROTO_IPV6, IPV6_MULTICAST_HOPS, KEEP },
	{ IPPROTO_IPV6, IPV6_MULTICAST_LOOP, KEEP },
	{ IPPROTO_IPV6, IPV6_MULTICAST_ALL, KEEP },
	{ IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, KEEP },
	{ IPPROTO_IPV6, IPV6_DROP_MEMBERSHIP, KEEP },
	{ IPPROTO_IPV6, IPV6_ROUTER_ALERT, KEEP },
	{ IPPROTO_IPV6, IPV6_ROUTER_ALERT_ISOLATE, KEEP },
	{ IPPROTO_IPV6, RECVERR6_RFC4884, KEEP },
	{ IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, KEEP },
	{ IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, KEEP },
	{ IPPROTO_IPV6, IPV6_DONTFRAG, KEEP },
	{ IPPROTO_IPV6, IPV6_ADDRFORM, JUDGE },
	{ IPPROTO_IPV6, IPV6_2292PKTINFO, JUDGE },
	{ IPPROTO_IPV6, IPV6_2292HOPLIMIT, JUDGE },
	{ IPPROTO_IPV6, IPV6_2292PKTOPTIONS, JUDGE },
	{ IPPROTO_IPV6, FLOWINFO, JUDGE },
	{ IPPROTO_IPV6, FLOWINFO_SEND, JUDGE },
	{ IPPROTO_IPV6, IPV6_MTU, JUDGE },
	{ IPPROTO_IPV6, IPV6_IPSEC_POLICY, JUDGE },
	{ IPPROTO_IPV6, IPV6_XFRM_POLICY, JUDGE },
	{ IPPROTO_IPV6, IPV6_PKTINFO, JUDGE },
	{ IPPROTO_IPV6, IPV6_HOPOPTS, JUDGE },
	{ IPPROTO_IPV6, IPV6_RTHDRDSTOPTS, JUDGE },
	{ IPPROTO_IPV6, IPV6_RTHDR, JUDGE },
	{ IPPROTO_IPV6, IPV6_DSTOPTS, JUDGE },
	{ IPPROTO_IPV6, IPV6_RECVPATHMTU, JUDGE },
	{ IPPROTO_IPV6, IPV6_PATHMTU, JUDGE },
	{ IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, JUDGE },
	{ IPPROTO_IPV6, IPV6_MINHOPCOUNT, JUDGE },
	{ IPPROTO_IPV6, IPV6_UNICAST_IF, JUDGE },
	{ IPPROTO_IPV6, IPV6_RECVFRAGSIZE, JUDGE },
	{ IPPROTO_IPV6, IPV6_JOIN_ANYCAST, SHORT,
	  .least = sizeof(struct ipv6_mreq) },
	{ IPPROTO_IPV6, IPV6_LEAVE_ANYCAST, SHORT,
	  .least = sizeof(struct ipv6_mreq) },
	{ IPPROTO_IPV6, FLOWLABEL_MGR, SHORT, .least = 32 },
	{ IPPROTO_TCP, IS_MPTCP, KEEP },
	{ IPPROTO_TCP, TCP_MD5SIG, JUDGE },
	{ IPPROTO_TCP, TCP_MD5SIG_EXT, JUDGE },
	{ IPPROTO_TCP, TCP_REPAIR, JUDGE },
	{ IPPROTO_TCP, TCP_REPAIR_QUEUE, JUDGE },
	{ IPPROTO_TCP, TCP_QUEUE_SEQ, JUDGE },
	{ IPPROTO_TCP, TCP_REPAIR_OPTIONS, JUDGE },
	{ IPPROTO_TCP, TCP_REPAIR_WINDOW, JUDGE },
	{ IPPROTO_UDP, UDP_CORK, JUDGE },
	{ IPPROTO_UDP, UDP_ENCAP, JUDGE },
	{ IPPROTO_UDP, UDP_NO_CHECK6_TX, JUDGE },
	{ IPPROTO_UDP, UDP_NO_CHECK6_RX, JUDGE },
	{ SOL_SOCKET, SO_LINGER, DRAIN },
	{ IPPROTO_TCP, TCP_NODELAY, DRAIN },
	{ IPPROTO_TCP, TCP_CORK, DRAIN },
	{ IPPROTO_TCP, TCP_INFO, DRAIN },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, DRAIN },
	{ IPPROTO_TCP, TCP_CONGESTION, DRAIN },
	{ IPPROTO_TCP, TCP_MAXSEG, DRAIN },
};

static const struct opt *find_opt(int level, int name)
{
	static const struct opt other = { .how = STACK };

	for (size_t i = 0; i < sizeof(opts) / sizeof(*opts); i++)
		if (opts[i].level == level && opts[i].name == name)
			return &opts[i];
	return &other;
}

static void drain(struct rsock *sock)
{
	if (sock->type == SOCK_STREAM)
		pump_out(sock);
	else
		dgram_on_end(sock, EPOLLIN);
}

/* SO_ERROR. A reset pair has an error of its own, which stands for the
 * stack's: whoever has had it (a read, or we now) has had the stack's. */
static int take_error(struct call *c)
{
	struct rsock *sock = c->sock;
	int error = sock->error, native = 0;
	socklen_t native_len = sizeof(native);
	size_t len = sizeof(error);

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &native, &native_len);
	sock->error = 0;
	if (sock->owed_error) {
		error = sock->owed_error;
		sock->owed_error = 0;
		return error;
	}
	if (error) /* of a clean end nothing was told natively */
		return native || sock->has_eof_told ? error : 0;
	tern_getsockopt(c->runner->stack, sock->s, SOL_SOCKET, TERN_SO_ERROR,
			&error, &len, sock_now(sock));
	return error;
}

static int get_option(struct call *c, int level, int name, void *value,
		      size_t *len)
{
	struct rsock *sock = c->sock;
	const struct opt *opt = find_opt(level, name);
	socklen_t native_len = (socklen_t)*len;
	size_t stack_len = *len;
	int error;

	if (level == SOL_SOCKET && name == SO_ERROR) {
		error = take_error(c);
		*len = *len < sizeof(error) ? *len : sizeof(error);
		memcpy(value, &error, *len);
		return 0;
	}
	if (opt->how == REFUSE)
		return -opt->get_error;
	if (opt->how == NATIVE) {
		if (getsockopt(c->fd, level, name, value, &native_len) < 0)
			return -errno;
		*len = native_len;
		return 0;
	}
	if (opt->how == DRAIN)
		drain(sock);
	error = tern_getsockopt(c->runner->stack, sock->s, level, name, value,
				&stack_len, sock_now(sock));
	if (error == -ENOPROTOOPT && opt->how >= KEEP)
		return aside_get(c, level, name, value, len);
	*len = stack_len;
	return error;
}

int64_t call_getsockopt(struct call *c)
{
	_Alignas(8) uint8_t value[OPT_MAX];
	size_t len;
	int room, error;
	size_t had;

	error = call_read(c, c->arg[4], &room, sizeof(room));
	if (error)
		return error;
	if (room < 0)
		return -EINVAL;
	len = (size_t)room < sizeof(value) ? (size_t)room : sizeof(value);
	had = len;
	memset(value, 0, len);
	error = get_option(c, (int)c->arg[1], (int)c->arg[2], value, &len);
	room = (int)len;
	if (error) {
		/* Only TCP_SAVED_SYN tells how much it would have been. */
		if (len != had)
			call_write(c, c->arg[4], &room, sizeof(room));
		return error;
	}
	error = call_write(c, c->arg[3], value, len);
	if (!error)
		error = call_write(c, c->arg[4], &room, sizeof(room));
	if (error == -EGONE && (int)c->arg[1] == SOL_SOCKET &&
	    (int)c->arg[2] == SO_ERROR)
		memcpy(&c->sock->owed_error, value, len);
	return error;
}

/* An option that the stack has not. */
static int set_unknown(struct call *c, const struct opt *opt, const void *value,
		       size_t len)
{
	if (opt->how == KEEP)
		return aside_keep(c, opt->level, opt->name, value, len);
	/* The kernel's socket does not listen. */
	if (opt->level == IPPROTO_TCP && opt->name == TCP_REPAIR &&
	    c->sock->state == RSOCK_LISTENING)
		return -EPERM;
	if (opt->how == JUDGE)
		return aside_judge(c, opt->level, opt->name, value, len);
	if (opt->how != SHORT || len >= opt->least ||
	    (opt->level == IPPROTO_IPV6 && c->sock->family != AF_INET6))
		return -ENOPROTOOPT;
	return -EINVAL;
}

/* As asked for, or the errno. */
static int set_option(struct call *c, int level, int name, const void *value,
		      size_t len)
{
	const struct opt *opt = find_opt(level, name);
	int error = 0;

	if (opt->how == REFUSE)
		return len < sizeof(int) ? -EINVAL : -opt->set_error;
	if (opt->is_privileged)
		error = aside_may(c, level, name, value,
				  opt->how == SHORT && len > sizeof(int) ?
					  sizeof(int) :
					  len);
	if (error)
		return error;
	if (opt->how == DRAIN)
		drain(c->sock);
	if (opt->how != NATIVE) {
		error = tern_setsockopt(c->runner->stack, c->sock->s, level,
					name, value, len, sock_now(c->sock));
		if (error == -ENOPROTOOPT)
			return set_unknown(c, opt, value, len);
		if (error || opt->how != BOTH)
			return error;
	}
	if (setsockopt(c->fd, level, name, value, (socklen_t)len) < 0)
		return -errno;
	return 0;
}

int64_t call_setsockopt(struct call *c)
{
	_Alignas(8) uint8_t value[OPT_MAX];
	int level = (int)c->arg[1], name = (int)c->arg[2];
	int len = (int)c->arg[4];
	int error;

	if (len < 0)
		return -EINVAL;
	if (len > OPT_MAX)
		return -ENOBUFS;
	error = call_read(c, c->arg[3], value, (size_t)len);
	if (error)
		return error;
	/* Written natively the data is copied, and nobody tells of it. */
	if (level == SOL_SOCKET && name == SO_ZEROCOPY)
		return -EOPNOTSUPP;
	return set_option(c, level, name, value, (size_t)len);
}

static bool is_about_links(uint32_t request)
{
	return request >= SIOCGIFNAME && request < SIOCDEVPRIVATE;
}

/* Interfaces may be asked about on any socket: if_nametoindex() of the C
 * library takes an AF_UNIX one. */
int64_t call_ioctl_other(struct call *c)
{
	uint32_t request = (uint32_t)c->arg[1];
	struct stat st;

	if (!is_about_links(request) || fstat(c->fd, &st) < 0 ||
	    !S_ISSOCK(st.st_mode))
		return ANSWER_CONTINUE;
	return link_ioctl(c, request);
}

/* What is in the pair, and what of the stack's queue it has no room for. */
static int64_t tell_unread(struct call *c)
{
	struct rsock *sock = c->sock;
	int native = 0, queued = 0;

	if (sock->state != RSOCK_PAIRED)
		return ANSWER_CONTINUE;
	pump_in(sock);
	if (tern_ioctl(c->runner->stack, sock->s, TERN_SIOCINQ, &queued,
		       sock_now(sock)) < 0 ||
	    (size_t)queued <= sock->peeked ||
	    ioctl(c->fd, FIONREAD, &native) < 0)
		return ANSWER_CONTINUE;
	native += queued - (int)sock->peeked;
	return call_write(c, c->arg[2], &native, sizeof(native));
}

int64_t call_ioctl(struct call *c)
{
	uint32_t request = (uint32_t)c->arg[1];
	int value, error;

	switch (request) {
	case FIONREAD:
		return tell_unread(c);
	case SIOCOUTQ:
	case SIOCOUTQNSD:
	case SIOCATMARK:
		break;
	case FIOSETOWN:
	case SIOCSPGRP:
	case FIOGETOWN:
	case SIOCGPGRP:
		return ANSWER_CONTINUE; /* of the descriptor, native */
	default:
		if (is_about_links(request))
			return link_ioctl(c, request);
		return -ENOTTY;
	}
	drain(c->sock);
	error = tern_ioctl(c->runner->stack, c->sock->s, request, &value,
			   sock_now(c->sock));
	return error ? error : call_write(c, c->arg[2], &value, sizeof(value));
}
