// SPDX-License-Identifier: BSD-2-Clause
/* Answers over netlink. Included by: runner_netlink.c runner_sockdiag.c */
#ifndef RUNNER_RUNNER_NETLINK_PRIV_H
#define RUNNER_RUNNER_NETLINK_PRIV_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rsock;

#define ANSWER_LEN 8192	 /* of one datagram; Linux gives as much */
#define MESSAGE_MAX 1024 /* the longest message put */

/* An answer on its way: messages are put into buf, which goes when full. */
struct answer {
	struct rsock *sock;
	const struct nlmsghdr *request;
	size_t len;
	_Alignas(struct nlmsghdr) char buf[ANSWER_LEN];
};

uint32_t netlink_port(const struct rsock *);
/* A message with a header; netlink_end() when it is complete. There must be
 * room, or it is sent first. */
struct nlmsghdr *netlink_put(struct answer *, int type);
void netlink_end(struct answer *, const struct nlmsghdr *);
void netlink_put_done(struct answer *);
bool netlink_is_full(const struct answer *);
/* Sends what is put; false: the pair takes no more now. */
bool netlink_send_out(struct answer *);
/* runner_sockdiag.c: -errno, or 0: the answer is there or comes. */
int sockdiag_handle(struct answer *);
/* There is room again: goes on with sock->dump. */
void sockdiag_go(struct rsock *);

#endif
