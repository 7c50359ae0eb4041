// SPDX-License-Identifier: BSD-2-Clause
/*
 * What only the kernel's socket diagnosis tells of AF_UNIX sockets: how many
 * connections wait in a listener's queue, and what socket is at the other end
 * of one of ours. Both are asked for seldom. A kernel without CONFIG_UNIX_DIAG
 * gives no answer, which is -1 here.
 */
#include "runner_priv.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>

struct request {
	struct nlmsghdr h;
	struct unix_diag_req r;
};

/* The 32-bit word that attribute `type` begins with, or -1. */
static int64_t find_word(const struct nlmsghdr *h, unsigned short type)
{
	const struct unix_diag_msg *m = NLMSG_DATA(h);
	const struct rtattr *a = (const void *)(m + 1);
	int left = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*m));
	uint32_t word;

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type != type || RTA_PAYLOAD(a) < sizeof(word))
			continue;
		memcpy(&word, RTA_DATA(a), sizeof(word));
		return word;
	}
	return -1;
}

static int64_t ask(struct runner *r, ino_t ino, uint32_t show,
		   unsigned short type)
{
	struct request q = {
		.h = { .nlmsg_len = sizeof(q),
		       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST },
		.r = { .sdiag_family = AF_UNIX,
		       .udiag_states = ~0u,
		       .udiag_ino = (uint32_t)ino,
		       .udiag_show = show,
		       .udiag_cookie = { ~0u, ~0u } },
	};
	_Alignas(struct nlmsghdr) char buf[4096];
	const struct nlmsghdr *h = (const void *)buf;
	ssize_t n;

	if (r->diag < 0)
		r->diag = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
				 NETLINK_SOCK_DIAG);
	/* The kernel answers within send: nothing to wait for. */
	if (r->diag < 0 || send(r->diag, &q, sizeof(q), 0) < 0)
		return -1;
	n = recv(r->diag, buf, sizeof(buf), MSG_DONTWAIT);
	if (n <= 0 || !NLMSG_OK(h, (size_t)n) ||
	    h->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return -1;
	return find_word(h, type);
}

int diag_queue_len(struct runner *r, ino_t ino)
{
	return (int)ask(r, ino, UDIAG_SHOW_RQLEN, UNIX_DIAG_RQLEN);
}

ino_t diag_peer(struct runner *r, ino_t ino)
{
	int64_t peer = ask(r, ino, UDIAG_SHOW_PEER, UNIX_DIAG_PEER);

	return peer > 0 ? (ino_t)peer : 0;
}
