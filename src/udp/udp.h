// SPDX-License-Identifier: BSD-2-Clause
/*
 * UDP sockets (RFC 768, 8085). Called by sock/ with the slab id of the
 * socket; sock/ knows numbers, levels and the options common to all.
 */
#ifndef UDP_UDP_H
#define UDP_UDP_H

#include "base/idhash.h"
#include "base/slab.h"

#include <tern/stack.h>

struct udp_state {
	struct slab socks;
	struct idhash by_port; /* for bind(), broadcast and multicast */
	struct idhash by_addr; /* by both ends, or the own end alone */
};

int udp_init(struct tern_stack *);
void udp_fini(struct tern_stack *);

/* The slab id of a new socket for family, or -errno; s is its number, told by
 * udp_attach once it is known. */
int udp_new(struct tern_stack *, int family);
void udp_attach(struct tern_stack *, uint32_t id, int s);
void udp_close(struct tern_stack *, uint32_t id);
int udp_bind(struct tern_stack *, uint32_t id, const struct tern_sockaddr *);
int udp_connect(struct tern_stack *, uint32_t id, const struct tern_sockaddr *);
int64_t udp_sendmsg(struct tern_stack *, uint32_t id, const struct tern_msg *,
		    int flags);
int64_t udp_recvmsg(struct tern_stack *, uint32_t id, struct tern_msg *,
		    int flags);
int udp_shutdown(struct tern_stack *, uint32_t id, int how);
int udp_getsockopt(struct tern_stack *, uint32_t id, int level, int name,
		   void *value, size_t *len);
int udp_setsockopt(struct tern_stack *, uint32_t id, int level, int name,
		   const void *value, size_t len);
int udp_getname(struct tern_stack *, uint32_t id, bool peer,
		struct tern_sockaddr *);
int udp_ioctl(struct tern_stack *, uint32_t id, unsigned long request,
	      int *value);
uint32_t udp_poll(struct tern_stack *, uint32_t id);
void udp_info(struct tern_stack *, uint32_t id, struct tern_sock_info *);

#endif
