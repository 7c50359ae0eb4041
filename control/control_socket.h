// SPDX-License-Identifier: BSD-2-Clause
/*
 * A socket as the control socket tells of it: a record of fixed size, because
 * a host has a million of them and may be asked while it is busy. Both ends are
 * the same machine; a record's size tells whether they are the same tern.
 */
#ifndef CONTROL_CONTROL_SOCKET_H
#define CONTROL_CONTROL_SOCKET_H

#include <tern/stack.h>

struct host;
struct control_owners;

enum {
	CONTROL_HAS_TCP = 1, /* tcp and cc are filled */
	CONTROL_HAS_MEM = 2,
	CONTROL_V6ONLY = 4,
};

/* SK_MEMINFO_*, as ss -m names them. */
enum {
	MEM_R,
	MEM_RB,
	MEM_T,
	MEM_TB,
	MEM_F,
	MEM_W,
	MEM_O,
	MEM_BL,
	MEM_D,
	N_MEM
};

struct control_socket {
	struct tern_sock_info info;
	int64_t timer_ns; /* until timer_at */
	uint32_t has;	  /* CONTROL_* */
	char cc[16];
	uint32_t mem[N_MEM];
	uint64_t inode; /* as which programs hold it; 0: not known */
	struct tern_tcp_info tcp;
};

/* Without what was not asked for: how much of a record is sent. */
enum control_detail {
	CONTROL_BRIEF, /* up to `has` */
	CONTROL_FULL,
};

#define CONTROL_BRIEF_LEN (offsetof(struct control_socket, has) + 8)

/* Whose sockets are looked at, and how closely. */
struct control_view {
	struct host *host;
	const struct control_owners *owners; /* or NULL */
	enum control_detail detail;
	bool has_inodes; /* asked of the owners */
};
/* The next socket, up to its brief part; false at the end. */
bool control_socket_next(const struct control_view *, uint64_t *cursor,
			 struct control_socket *);
/* What is told beside that, by the view's detail. */
void control_socket_fill(const struct control_view *, struct control_socket *);

#endif
