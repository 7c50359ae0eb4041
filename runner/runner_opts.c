// SPDX-License-Identifier: BSD-2-Clause
/*
 * Socket options and ioctls.
 *
 * An option is the stack's, with its value and its errno; the table names the
 * exceptions. Some belong to the program's end, because native calls act by
 * them (time-outs, the peek offset). Some need what the program has written
 * to be in the stack first, because they tell of it or change how it is sent.
 */
#include "runner_priv.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <linux/sockios.h>

/* Linux takes more only for lists (source filters), which we have not. */
#define OPT_MAX 4096

/* Of newer headers. */
#define PEEK_OFF 42
#define CNX_ADVICE 53
#define PEERGROUPS 59
#define RCVTIMEO_NEW 66 /* the time-outs in 64 bits */
#define SNDTIMEO_NEW 67
#define PREFER_BUSY_POLL 69
#define BUSY_POLL_BUDGET 70
#define NETNS_COOKIE 71
#define PASSPIDFD 76
#define PEERPIDFD 77
#define PASSRIGHTS 83

enum how {
	STACK,	/* the stack's alone */
	NATIVE, /* the program's end's alone */
	BOTH,	/* set at both; the stack's is told */
	DRAIN,	/* the stack's, after the pair was drained */
	REFUSE, /* of AF_UNIX alone, which a program must not learn we use */
};

static const struct opt {
	int level, name;
	enum how how;
	int get_error, set_error; /* of REFUSE */
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
	{ SOL_SOCKET, SO_DEBUG, NATIVE },
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
	{ SOL_SOCKET, PREFER_BUSY_POLL, NATIVE },
	{ SOL_SOCKET, BUSY_POLL_BUDGET, NATIVE },
	{ SOL_SOCKET, NETNS_COOKIE, NATIVE },
	{ SOL_SOCKET, SO_PASSCRED, REFUSE, EOPNOTSUPP, EOPNOTSUPP },
	{ SOL_SOCKET, SO_PASSSEC, REFUSE, EOPNOTSUPP, EOPNOTSUPP },
	{ SOL_SOCKET, PASSPIDFD, REFUSE, EOPNOTSUPP, EOPNOTSUPP },
	{ SOL_SOCKET, PASSRIGHTS, REFUSE, EOPNOTSUPP, EOPNOTSUPP },
	{ SOL_SOCKET, PEERGROUPS, REFUSE, ENODATA, ENOPROTOOPT },
	{ SOL_SOCKET, PEERPIDFD, REFUSE, ENODATA, ENOPROTOOPT },
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

	if (level == SOL_SOCKET && name == SO_ERROR) {
		int error = take_error(c);

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
	return tern_getsockopt(c->runner->stack, sock->s, level, name, value,
			       len, sock_now(sock));
}

int64_t call_getsockopt(struct call *c)
{
	_Alignas(8) uint8_t value[OPT_MAX];
	size_t len;
	int room, error;

	error = call_read(c, c->arg[4], &room, sizeof(room));
	if (error)
		return error;
	if (room < 0)
		return -EINVAL;
	len = (size_t)room < sizeof(value) ? (size_t)room : sizeof(value);
	memset(value, 0, len);
	error = get_option(c, (int)c->arg[1], (int)c->arg[2], value, &len);
	if (error)
		return error;
	room = (int)len;
	error = call_write(c, c->arg[3], value, len);
	if (!error)
		error = call_write(c, c->arg[4], &room, sizeof(room));
	if (error == -EGONE && (int)c->arg[1] == SOL_SOCKET &&
	    (int)c->arg[2] == SO_ERROR)
		memcpy(&c->sock->owed_error, value, len);
	return error;
}

/* As asked for, or the errno. */
static int set_option(struct call *c, int level, int name, const void *value,
		      size_t len)
{
	const struct opt *opt = find_opt(level, name);
	int error;

	if (opt->how == REFUSE)
		return len < sizeof(int) ? -EINVAL : -opt->set_error;
	if (opt->how == DRAIN)
		drain(c->sock);
	if (opt->how != NATIVE) {
		error = tern_setsockopt(c->runner->stack, c->sock->s, level,
					name, value, len, sock_now(c->sock));
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
