// SPDX-License-Identifier: BSD-2-Clause
/*
 * One connection of a recorded run as a packetdrill script: its calls, what its
 * peer sent, and what the stack sent at the same times.
 *
 * Fed by the hooks of a replay. A script has one pair of addresses, and data
 * without content; calls that a script cannot make (options that are no
 * number) stand there as comments.
 */
#ifndef TOOLS_REPLAY_EXPORT_H
#define TOOLS_REPLAY_EXPORT_H

#include "lab/drill_mem.h"

#include <tern/stack.h>

#define EXPORT_SOCKETS 1024

struct replay_export {
	uint64_t wanted;	/* which connection, from 1 on */
	uint64_t n_found;	/* SYNs that began one, and no repeats */
	struct drill_text list; /* of them */
	struct export_begun *begun;
	size_t begun_cap;

	/* The one that is wanted, once it has begun. */
	bool found, is_active, v6;
	bool over;	 /* the next one of its addresses and ports has begun */
	int s, listener; /* sockets; -1: none */
	struct tern_sockaddr us, peer;
	uint32_t iss, irs; /* first numbers, ours and the peer's */
	bool has_iss, has_irs;
	/* A SYN that may begin the next: what was written before it. */
	bool has_next;
	uint32_t next_irs;
	size_t next_len;
	int64_t start_at; /* the script's 0 */
	uint32_t mtu, gso;
	bool instant; /* the link takes packets in the call that makes them */

	/* What each socket has been told so far, in lines. */
	struct {
		struct drill_text lines;
		uint16_t port;		   /* it is bound to */
		struct tern_sockaddr peer; /* it connects to, since */
		int64_t connect_at;
	} sockets[EXPORT_SOCKETS];
	struct drill_text knobs, body;
};

void replay_export_packet(struct replay_export *, bool out,
			  const struct tern_pkt *, int64_t now);
void replay_export_call(struct replay_export *,
			const struct tern_replay_call *);
/* 0, or -errno; -ENOENT: there is no such connection. */
int replay_export_write(struct replay_export *, const char *record,
			const char *path);
void replay_export_fini(struct replay_export *);

#endif
