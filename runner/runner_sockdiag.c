// SPDX-License-Identifier: BSD-2-Clause
/*
 * sock_diag(7) for programs that list sockets (ss): TCP's and UDP's are the
 * stack's; of other families the kernel is asked.
 *
 * A list of any length goes as fast as it is read: what the pair does not take
 * waits here, and goes on when there is room. Filters in the request's
 * attributes are not looked at: who sends them (ss) filters what comes as
 * well. Dumps alone: a question about one socket is refused (EOPNOTSUPP), and
 * so is destroying one (EPERM).
 */
#include "runner_priv.h"

#include "runner_netlink_priv.h"

#include "control/control_owner.h"
#include "control/control_socket.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sockets looked at before what was found is sent. */
#define WALK_STEP 4096
#define EXT(name) (1u << ((name)-1))

struct sockdiag {
	struct inet_diag_req_v2 want;
	struct nlmsghdr request;
	uint64_t cursor;
	bool has_ended;
	struct answer answer;
};

static void put_end(__be16 *port, __be32 addr[4],
		    const struct tern_sockaddr *end, int family)
{
	*port = htons(end->port);
	memset(addr, 0, 16);
	if (family == AF_INET6)
		memcpy(addr, end->addr.b, 16);
	else
		memcpy(addr, end->addr.b + 12, 4);
}

static void put_attributes(struct nlmsghdr *h, const struct sockdiag *d,
			   const struct control_socket *s)
{
	uint8_t ext = d->want.idiag_ext;

	if (ext & EXT(INET_DIAG_SKMEMINFO) && s->has & CONTROL_HAS_MEM)
		mnl_attr_put(h, INET_DIAG_SKMEMINFO, sizeof(s->mem), s->mem);
	if (s->info.family == TERN_AF_INET6 && !s->info.remote.port)
		mnl_attr_put_u8(h, INET_DIAG_SKV6ONLY,
				!!(s->has & CONTROL_V6ONLY));
	if (!(s->has & CONTROL_HAS_TCP))
		return;
	if (ext & EXT(INET_DIAG_INFO))
		mnl_attr_put(h, INET_DIAG_INFO, sizeof(s->tcp), &s->tcp);
	if (ext & EXT(INET_DIAG_CONG) && s->cc[0])
		mnl_attr_put_strz(h, INET_DIAG_CONG, s->cc);
}

static void put_socket(struct sockdiag *d, const struct control_socket *s)
{
	struct nlmsghdr *h = netlink_put(&d->answer, SOCK_DIAG_BY_FAMILY);
	struct inet_diag_msg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	const struct tern_sock_info *i = &s->info;

	m->idiag_family = (uint8_t)i->family;
	m->idiag_state = (uint8_t)i->state;
	m->idiag_timer = (uint8_t)i->timer;
	m->idiag_retrans =
		(uint8_t)(i->timer == 4 ? i->probes : i->retransmits);
	put_end(&m->id.idiag_sport, m->id.idiag_src, &i->local, i->family);
	put_end(&m->id.idiag_dport, m->id.idiag_dst, &i->remote, i->family);
	m->id.idiag_cookie[0] = (uint32_t)i->cookie;
	m->id.idiag_cookie[1] = (uint32_t)(i->cookie >> 32);
	m->idiag_expires = s->timer_ns > 0 ? (uint32_t)(s->timer_ns / 1000000) :
					     0;
	m->idiag_rqueue = i->rx_queue;
	m->idiag_wqueue = i->tx_queue;
	m->idiag_inode = (uint32_t)s->inode;
	put_attributes(h, d, s);
	netlink_end(&d->answer, h);
}

static bool is_wanted(const struct sockdiag *d, const struct tern_sock_info *i)
{
	return i->protocol == d->want.sdiag_protocol &&
	       i->family == d->want.sdiag_family &&
	       d->want.idiag_states & (1u << i->state) &&
	       (i->protocol != TERN_IPPROTO_TCP || i->state != TERN_TCP_CLOSE);
}

/* One datagram's worth, or the end. */
static void fill(struct sockdiag *d)
{
	struct runner *r = d->answer.sock->runner;
	const struct control_owners owners = runner_owners(r);
	struct control_view view = { r->host, &owners, CONTROL_FULL, true };
	struct control_socket s;

	for (int i = 0; i < WALK_STEP; i++) {
		if (!control_socket_next(&view, &d->cursor, &s)) {
			netlink_put_done(&d->answer);
			d->has_ended = true;
			return;
		}
		if (!is_wanted(d, &s.info))
			continue;
		control_socket_fill(&view, &s);
		put_socket(d, &s);
		if (netlink_is_full(&d->answer))
			return;
	}
}

void sockdiag_go(struct rsock *sock)
{
	struct sockdiag *d = sock->dump;

	while (netlink_send_out(&d->answer)) {
		if (d->has_ended) {
			sock->dump = NULL;
			free(d);
			return;
		}
		fill(d);
	}
}

static int begin(struct answer *a, const struct inet_diag_req_v2 *want)
{
	struct rsock *sock = a->sock;
	struct sockdiag *d;

	if (sock->dump)
		return -EBUSY;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->want = *want;
	d->request = *a->request;
	d->answer.sock = sock;
	d->answer.request = &d->request;
	sock->dump = d;
	sockdiag_go(sock);
	return 0;
}

/* What is not TCP/IP: the kernel's answer, message by message. */
static int ask_kernel(struct answer *a)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	const struct nlmsghdr *q = a->request;
	bool more = fd >= 0 && send(fd, q, q->nlmsg_len, 0) >= 0;
	_Alignas(struct nlmsghdr) char buf[ANSWER_LEN * 2];

	while (more) {
		struct nlmsghdr *h = (void *)buf;
		ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		int left = (int)n;

		for (more = n > 0; more && mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left)) {
			h->nlmsg_pid = netlink_port(a->sock);
			more = h->nlmsg_type >= NLMSG_MIN_TYPE;
		}
		if (n > 0)
			send(a->sock->end, buf, (size_t)n,
			     MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int sockdiag_handle(struct answer *a)
{
	const struct inet_diag_req_v2 *want = mnl_nlmsg_get_payload(a->request);
	size_t len = mnl_nlmsg_get_payload_len(a->request);

	if (a->request->nlmsg_type == SOCK_DESTROY)
		return -EPERM;
	if (a->request->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return -EINVAL;
	if (len < 2)
		return -EINVAL;
	if (want->sdiag_family != AF_INET && want->sdiag_family != AF_INET6)
		return ask_kernel(a);
	if (len < sizeof(*want))
		return -EINVAL;
	if (!(a->request->nlmsg_flags & NLM_F_DUMP))
		return -EOPNOTSUPP;
	if (want->sdiag_protocol != IPPROTO_TCP &&
	    want->sdiag_protocol != IPPROTO_UDP)
		return -ENOENT;
	return begin(a, want);
}
