// SPDX-License-Identifier: BSD-2-Clause
/*
 * rtnetlink(7) for programs that ask which interfaces, addresses and routes
 * there are (getifaddrs(), ip address, Go, dnsmasq): the stack's, never the
 * host's.
 *
 *	program's end <~~ AF_UNIX datagrams ~~> runner's end
 *	request  -> answered at once; the answer waits in the pair, so poll
 *		    and native receives work
 *
 * Dumps and single questions of RTM_GETLINK and RTM_GETADDR, dumps of
 * RTM_GETROUTE; other dumps are empty. What would change something is refused
 * (EPERM). Groups can be joined and tell nothing: links here do not change
 * while a program runs. sock_diag is in runner_sockdiag.c; other protocols of
 * netlink are the kernel's.
 */
#include "runner_priv.h"

#include "runner_netlink_priv.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/syscall.h>

/* Of newer headers. */
#define LEVEL_NETLINK 270

uint32_t netlink_port(const struct rsock *sock)
{
	return sock->nl_port ? sock->nl_port : (uint32_t)sock->id;
}

bool netlink_send_out(struct answer *a)
{
	if (a->len &&
	    send(a->sock->end, a->buf, a->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return false;
	a->len = 0;
	return true;
}

bool netlink_is_full(const struct answer *a)
{
	return a->len + MESSAGE_MAX > sizeof(a->buf);
}

struct nlmsghdr *netlink_put(struct answer *a, int type)
{
	struct nlmsghdr *h;

	/* A program that does not read what it asked for loses it. */
	if (netlink_is_full(a) && !netlink_send_out(a))
		a->len = 0;
	h = mnl_nlmsg_put_header(a->buf + a->len);
	h->nlmsg_type = (uint16_t)type;
	h->nlmsg_seq = a->request->nlmsg_seq;
	h->nlmsg_pid = netlink_port(a->sock);
	if (a->request->nlmsg_flags & NLM_F_DUMP)
		h->nlmsg_flags = NLM_F_MULTI;
	return h;
}

void netlink_end(struct answer *a, const struct nlmsghdr *h)
{
	a->len += MNL_ALIGN(h->nlmsg_len);
}

static void put_stats(struct nlmsghdr *h, const struct tern_link_info *l)
{
	struct rtnl_link_stats64 s = {
		.rx_packets = l->rx_packets,
		.tx_packets = l->tx_packets,
		.rx_bytes = l->rx_bytes,
		.tx_bytes = l->tx_bytes,
	};

	mnl_attr_put(h, IFLA_STATS64, sizeof(s), &s);
}

static void put_link(struct answer *a, const struct tern_link_info *l)
{
	static const uint8_t none[6];
	struct nlmsghdr *h = netlink_put(a, RTM_NEWLINK);
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->ifi_family = AF_UNSPEC;
	m->ifi_type = link_type(l);
	m->ifi_index = link_index(l->link);
	m->ifi_flags = (unsigned)link_flags(l);
	mnl_attr_put_strz(h, IFLA_IFNAME, l->name);
	mnl_attr_put_u32(h, IFLA_TXQLEN, 1000);
	mnl_attr_put_u8(h, IFLA_OPERSTATE, l->up ? 6 : 2); /* RFC 2863 */
	mnl_attr_put_u32(h, IFLA_MTU, l->mtu);
	mnl_attr_put_u32(h, IFLA_GROUP, 0);
	mnl_attr_put_strz(h, IFLA_QDISC, "noqueue");
	if (l->abilities & TERN_LINK_LOOPBACK) {
		mnl_attr_put(h, IFLA_ADDRESS, sizeof(none), none);
		mnl_attr_put(h, IFLA_BROADCAST, sizeof(none), none);
	}
	put_stats(h, l);
	netlink_end(a, h);
}

static bool is_asked(const struct ifinfomsg *m, const char *name,
		     const struct tern_link_info *l)
{
	return m->ifi_index ? m->ifi_index == link_index(l->link) :
			      name && !strcmp(name, l->name);
}

static int find_name(const struct nlattr *attr, void *name)
{
	if (mnl_attr_get_type(attr) == IFLA_IFNAME &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		*(const char **)name = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

static int get_link(struct answer *a)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(a->request);
	bool all = a->request->nlmsg_flags & NLM_F_DUMP;
	const char *name = NULL;
	struct tern_link_info l;
	int cursor = 0, n = 0;

	/* A dump may come with one byte, the family (struct rtgenmsg). */
	if (!all && mnl_nlmsg_get_payload_len(a->request) < sizeof(*m))
		return -EINVAL;
	if (!all)
		mnl_attr_parse(a->request, sizeof(*m), find_name, &name);
	while (tern_link_next(a->sock->runner->stack, &cursor, &l)) {
		if (!all && !is_asked(m, name, &l))
			continue;
		put_link(a, &l);
		n++;
	}
	return all || n ? 0 : -ENODEV;
}

static uint8_t scope_of(const struct tern_link_addr *addr, bool v4)
{
	const uint8_t *b = addr->addr.b;

	if (addr->link == 0)
		return RT_SCOPE_HOST;
	return !v4 && b[0] == 0xfe && (b[1] & 0xc0) == 0x80 ? RT_SCOPE_LINK :
							      RT_SCOPE_UNIVERSE;
}

static void put_addr(struct answer *a, const struct tern_link_addr *addr,
		     const char *label)
{
	bool v4 = tern_addr_is_v4(&addr->addr);
	const uint8_t *bytes = addr->addr.b + (v4 ? 12 : 0);
	struct nlmsghdr *h = netlink_put(a, RTM_NEWADDR);
	struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->ifa_family = v4 ? AF_INET : AF_INET6;
	m->ifa_prefixlen = addr->prefix;
	m->ifa_flags = IFA_F_PERMANENT;
	m->ifa_scope = scope_of(addr, v4);
	m->ifa_index = (unsigned)link_index(addr->link);
	mnl_attr_put(h, IFA_ADDRESS, v4 ? 4 : 16, bytes);
	if (v4) {
		mnl_attr_put(h, IFA_LOCAL, 4, bytes);
		if (addr->link && addr->prefix < 31) {
			uint32_t host = 0xffffffffu >> addr->prefix, last;

			memcpy(&last, bytes, sizeof(last));
			last |= htonl(host);
			mnl_attr_put(h, IFA_BROADCAST, 4, &last);
		}
		mnl_attr_put_strz(h, IFA_LABEL, label);
	}
	mnl_attr_put_u32(h, IFA_FLAGS, IFA_F_PERMANENT);
	netlink_end(a, h);
}

/* The family that a dump is asked of; 0: all. */
static int family_asked(const struct nlmsghdr *h)
{
	const struct rtgenmsg *m = mnl_nlmsg_get_payload(h);

	return mnl_nlmsg_get_payload_len(h) ? m->rtgen_family : AF_UNSPEC;
}

static bool is_family(int family, const struct tern_addr *addr)
{
	return family == AF_UNSPEC ||
	       family == (tern_addr_is_v4(addr) ? AF_INET : AF_INET6);
}

static int get_addr(struct answer *a)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(a->request);
	bool whole = mnl_nlmsg_get_payload_len(a->request) >= sizeof(*m);
	int family = family_asked(a->request), cursor = 0;
	struct runner *r = a->sock->runner;
	struct tern_link_addr addr;

	while (tern_addr_next(r->stack, &cursor, &addr)) {
		struct tern_link_info l;

		if (!is_family(family, &addr.addr) ||
		    (whole && m->ifa_index &&
		     (int)m->ifa_index != link_index(addr.link)))
			continue;
		if (link_find(r, addr.link, &l))
			put_addr(a, &addr, l.name);
	}
	return 0;
}

static void put_route(struct answer *a, const struct tern_route *r)
{
	struct nlmsghdr *h = netlink_put(a, RTM_NEWROUTE);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	bool is_direct = tern_addr_is_any(&r->via);
	size_t len = r->v6 ? 16 : 4, at = r->v6 ? 0 : 12;

	m->rtm_family = r->v6 ? AF_INET6 : AF_INET;
	m->rtm_dst_len = r->prefix;
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = is_direct ? RTPROT_KERNEL : RTPROT_BOOT;
	m->rtm_scope = is_direct && !r->v6 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	m->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(h, RTA_TABLE, RT_TABLE_MAIN);
	if (r->prefix)
		mnl_attr_put(h, RTA_DST, len, r->dst.b + at);
	if (!is_direct)
		mnl_attr_put(h, RTA_GATEWAY, len, r->via.b + at);
	if (r->metric)
		mnl_attr_put_u32(h, RTA_PRIORITY, r->metric);
	mnl_attr_put_u32(h, RTA_OIF, (uint32_t)link_index(r->link));
	netlink_end(a, h);
}

static int get_route(struct answer *a)
{
	int family = family_asked(a->request), cursor = 0;
	struct tern_route r;

	if (!(a->request->nlmsg_flags & NLM_F_DUMP))
		return -EOPNOTSUPP;
	while (tern_route_next(a->sock->runner->stack, &cursor, &r))
		if (family == AF_UNSPEC ||
		    family == (r.v6 ? AF_INET6 : AF_INET))
			put_route(a, &r);
	return 0;
}

/* rtnetlink's numbers come in fours: new, delete, get, set. */
static bool is_question(int type)
{
	return (type - RTM_BASE) % 4 == 2;
}

static int handle(struct answer *a)
{
	int type = a->request->nlmsg_type;

	if (a->sock->protocol == NETLINK_SOCK_DIAG)
		return sockdiag_handle(a);
	if (type < RTM_BASE || type > RTM_MAX)
		return -EOPNOTSUPP;
	if (!is_question(type))
		return -EPERM;
	switch (type) {
	case RTM_GETLINK:
		return get_link(a);
	case RTM_GETADDR:
		return get_addr(a);
	case RTM_GETROUTE:
		return get_route(a);
	default:
		return a->request->nlmsg_flags & NLM_F_DUMP ? 0 : -EOPNOTSUPP;
	}
}

static void put_error(struct answer *a, int error)
{
	struct nlmsghdr *h = netlink_put(a, NLMSG_ERROR);
	struct nlmsgerr *e = mnl_nlmsg_put_extra_header(h, sizeof(*e));

	h->nlmsg_flags = 0;
	e->error = error;
	e->msg = *a->request;
	netlink_end(a, h);
}

void netlink_put_done(struct answer *a)
{
	struct nlmsghdr *h = netlink_put(a, NLMSG_DONE);
	int *error = mnl_nlmsg_put_extra_header(h, sizeof(*error));

	*error = 0;
	netlink_end(a, h);
}

static void answer_one(struct rsock *sock, const struct nlmsghdr *request)
{
	struct answer a = { .sock = sock, .request = request };
	int error;

	if (request->nlmsg_type < NLMSG_MIN_TYPE ||
	    !(request->nlmsg_flags & NLM_F_REQUEST))
		return;
	error = handle(&a);
	if (error || (request->nlmsg_flags & NLM_F_ACK &&
		      !(request->nlmsg_flags & NLM_F_DUMP)))
		put_error(&a, error);
	else if (request->nlmsg_flags & NLM_F_DUMP &&
		 sock->protocol == NETLINK_ROUTE)
		netlink_put_done(&a);
	netlink_send_out(&a);
}

/* All requests of one datagram. */
static void answer_all(struct rsock *sock, const void *bytes, size_t len)
{
	const struct nlmsghdr *h = bytes;
	int left = (int)len;

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
		answer_one(sock, h);
	sock_wake(sock);
}

static void on_end(void *ctx, uint32_t events)
{
	struct rsock *sock = ctx;
	struct runner *r = sock->runner;
	ssize_t n;

	if (events & EPOLLOUT && sock->dump) {
		sockdiag_go(sock);
		sock_wake(sock);
	}
	while (events & EPOLLIN && (n = recv(sock->end, r->scratch, SCRATCH_LEN,
					     MSG_DONTWAIT)) >= 0)
		answer_all(sock, r->scratch, (size_t)n);
}

int netlink_open(struct rsock *sock, int end)
{
	sock->state = RSOCK_NETLINK;
	sock_set_end(sock, end, on_end);
	return 0;
}

int64_t netlink_send(struct call *c, struct message *m)
{
	int error = message_reload(c, m);

	if (error)
		return error;
	answer_all(c->sock, m->data, m->len);
	return (int64_t)m->len;
}

int64_t netlink_recv(struct call *c, struct message *m)
{
	struct iovec iov = { m->data, m->len };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(c->fd, &h, m->flags | MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN && !(m->flags & MSG_DONTWAIT))
		return call_wait(c, SO_RCVTIMEO, -EAGAIN);
	if (n < 0)
		return -errno;
	m->is_shown = !(m->flags & MSG_PEEK);
	m->name = (struct tern_sockaddr){ .family = AF_NETLINK };
	m->has_name = true;
	m->control_len = 0;
	m->flags = h.msg_flags & MSG_TRUNC;
	return n;
}

static int64_t tell_port(struct call *c, uint32_t port)
{
	struct sockaddr_nl name = { .nl_family = AF_NETLINK, .nl_pid = port };

	return bytes_to_program(c, c->arg[1], c->arg[2], &name, sizeof(name));
}

static int64_t take_port(struct call *c)
{
	struct sockaddr_nl name;
	int error;

	if (c->arg[2] < sizeof(name))
		return -EINVAL;
	error = call_read(c, c->arg[1], &name, sizeof(name));
	if (!error && name.nl_family != AF_NETLINK)
		error = -EINVAL;
	if (!error && name.nl_pid)
		c->sock->nl_port = name.nl_pid;
	return error;
}

static int64_t get_option(struct call *c)
{
	int value, name = (int)c->arg[2];

	if ((int)c->arg[1] == LEVEL_NETLINK)
		return -ENOPROTOOPT;
	if ((int)c->arg[1] != SOL_SOCKET ||
	    (name != SO_DOMAIN && name != SO_PROTOCOL))
		return ANSWER_CONTINUE;
	value = name == SO_DOMAIN ? AF_NETLINK : c->sock->protocol;
	return bytes_to_program(c, c->arg[3], c->arg[4], &value, sizeof(value));
}

int64_t netlink_call(struct call *c)
{
	switch (c->nr) {
	case SYS_bind:
		return take_port(c);
	case SYS_connect:
		return 0;
	case SYS_getsockname:
		return tell_port(c, netlink_port(c->sock));
	case SYS_getpeername:
		return tell_port(c, 0);
	case SYS_getsockopt:
		return get_option(c);
	case SYS_setsockopt:
		return (int)c->arg[1] == LEVEL_NETLINK ? 0 : ANSWER_CONTINUE;
	case SYS_listen:
	case SYS_accept:
	case SYS_accept4:
	case SYS_shutdown:
		return -EOPNOTSUPP;
	case SYS_ioctl:
		return (c->arg[1] & ~UINT64_C(0xff)) == 0x8900 ?
			       link_ioctl(c, (uint32_t)c->arg[1]) :
			       ANSWER_CONTINUE;
	default: /* a form of send or receive */
		return c->row->handle(c);
	}
}
