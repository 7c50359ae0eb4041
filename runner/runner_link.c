// SPDX-License-Identifier: BSD-2-Clause
/*
 * The ioctls that ask for interfaces (netdevice(7)), on any socket: the
 * stack's links and addresses, never the host's.
 *
 *	index	the link's number and one, as in IP_PKTINFO and scopes
 *	name	the link's own; the loopback's is lo
 *
 * An IPv4 address is the first of its link, as an ifreq names no other.
 *
 * Only asking: what would change a link is refused, as it is to who is not
 * root. Left out: IPv6 addresses, which Linux tells by netlink
 * (runner_netlink.c) and /proc/net/if_inet6, never here.
 */
#include "runner_priv.h"

#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>

static bool link_is(const struct tern_link_info *l, const struct ifreq *req,
		    bool by_index)
{
	if (by_index)
		return link_index(l->link) == req->ifr_ifindex;
	return !strncmp(l->name, req->ifr_name, sizeof(l->name));
}

static bool find_link(const struct runner *r, const struct ifreq *req,
		      bool by_index, struct tern_link_info *out)
{
	int cursor = 0;

	while (tern_link_next(r->stack, &cursor, out))
		if (link_is(out, req, by_index))
			return true;
	return false;
}

bool link_find(const struct runner *r, int link, struct tern_link_info *out)
{
	int cursor = 0;

	while (tern_link_next(r->stack, &cursor, out))
		if (out->link == link)
			return true;
	return false;
}

/* The link's next IPv4 address; any link's if `link` is -1. */
static bool next_v4(const struct runner *r, int link, int *cursor,
		    struct tern_link_addr *out)
{
	while (tern_addr_next(r->stack, cursor, out))
		if (tern_addr_is_v4(&out->addr) &&
		    (link < 0 || link == out->link))
			return true;
	return false;
}

short link_flags(const struct tern_link_info *l)
{
	bool is_loopback = l->abilities & TERN_LINK_LOOPBACK;
	int flags = is_loopback ? IFF_LOOPBACK : IFF_POINTOPOINT | IFF_NOARP;

	if (!is_loopback)
		flags |= IFF_MULTICAST;
	if (l->up)
		flags |= IFF_UP | IFF_RUNNING;
	return (short)flags;
}

uint16_t link_type(const struct tern_link_info *l)
{
	return l->abilities & TERN_LINK_LOOPBACK ? ARPHRD_LOOPBACK :
						   ARPHRD_NONE;
}

static uint32_t mask_of(unsigned prefix)
{
	return prefix ? 0xffffffffu << (32 - prefix) : 0;
}

static void put_v4(struct sockaddr *out, uint32_t addr)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(addr),
	};

	memcpy(out, &in, sizeof(in));
}

/* The address of one link, or what belongs to it. */
static int tell_addr(const struct runner *r, uint32_t request, int link,
		     struct ifreq *req)
{
	struct tern_link_addr a;
	uint32_t addr, mask;
	int cursor = 0;

	if (!next_v4(r, link, &cursor, &a))
		return -EADDRNOTAVAIL;
	memcpy(&addr, a.addr.b + 12, sizeof(addr));
	addr = ntohl(addr);
	mask = mask_of(a.prefix);
	switch (request) {
	case SIOCGIFNETMASK:
		addr = mask;
		break;
	case SIOCGIFBRDADDR:
		/* RFC 3021: a prefix of 31 bits has none. */
		addr = a.prefix < 31 ? addr | ~mask : 0;
		break;
	}
	put_v4(&req->ifr_addr, addr);
	return 0;
}

/* One request that an ifreq holds. */
static int tell_link(const struct runner *r, uint32_t request,
		     struct ifreq *req)
{
	struct tern_link_info l;

	req->ifr_name[IFNAMSIZ - 1] = '\0';
	if (!find_link(r, req, request == SIOCGIFNAME, &l))
		return -ENODEV;
	switch (request) {
	case SIOCGIFNAME:
		memcpy(req->ifr_name, l.name, sizeof(l.name));
		return 0;
	case SIOCGIFINDEX:
		req->ifr_ifindex = link_index(l.link);
		return 0;
	case SIOCGIFFLAGS:
		req->ifr_flags = link_flags(&l);
		return 0;
	case SIOCGIFMTU:
		req->ifr_mtu = (int)l.mtu;
		return 0;
	case SIOCGIFMETRIC:
		req->ifr_metric = 0;
		return 0;
	case SIOCGIFHWADDR: /* packets without a header of the link's */
		memset(&req->ifr_hwaddr, 0, sizeof(req->ifr_hwaddr));
		req->ifr_hwaddr.sa_family = link_type(&l);
		return 0;
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK:
		return tell_addr(r, request, l.link, req);
	case SIOCSIFFLAGS:
	case SIOCSIFADDR:
	case SIOCSIFDSTADDR:
	case SIOCSIFBRDADDR:
	case SIOCSIFNETMASK:
	case SIOCSIFMTU:
		return -EPERM;
	default:
		return -EOPNOTSUPP;
	}
}

/* SIOCGIFCONF: as many as there is room for, or how much room all need. */
static int64_t tell_all(struct call *c)
{
	struct ifreq *list = (void *)c->runner->scratch;
	size_t most = SCRATCH_LEN / sizeof(*list), n = 0;
	struct tern_link_info l;
	struct tern_link_addr a;
	struct ifconf conf;
	int64_t error;
	int cursor = 0;

	error = call_read(c, c->arg[2], &conf, sizeof(conf));
	if (error)
		return error;
	if (conf.ifc_len < 0)
		return -EINVAL;
	if (conf.ifc_buf && (size_t)conf.ifc_len / sizeof(*list) < most)
		most = (size_t)conf.ifc_len / sizeof(*list);
	while (n < most && next_v4(c->runner, -1, &cursor, &a)) {
		uint32_t addr;

		if (!link_find(c->runner, a.link, &l))
			continue;
		memcpy(&addr, a.addr.b + 12, sizeof(addr));
		memset(&list[n], 0, sizeof(*list));
		memcpy(list[n].ifr_name, l.name, sizeof(l.name));
		put_v4(&list[n++].ifr_addr, ntohl(addr));
	}
	conf.ifc_len = (int)(n * sizeof(*list));
	if (conf.ifc_buf)
		error = call_write(c, (uint64_t)(uintptr_t)conf.ifc_buf, list,
				   n * sizeof(*list));
	return error ? error : call_write(c, c->arg[2], &conf, sizeof(conf));
}

int64_t link_ioctl(struct call *c, uint32_t request)
{
	struct ifreq req;
	int error;

	if (request == SIOCGIFCONF)
		return tell_all(c);
	error = call_read(c, c->arg[2], &req, sizeof(req));
	if (!error)
		error = tell_link(c->runner, request, &req);
	return error ? error : call_write(c, c->arg[2], &req, sizeof(req));
}
