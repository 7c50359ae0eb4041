// SPDX-License-Identifier: BSD-2-Clause
/* Who has sockets open, for ss -p: a host tells the inode under which a program
 * holds one; which processes do is read from /proc, as ss does. */
#ifndef TOOLS_SS_OWNERS_H
#define TOOLS_SS_OWNERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ss_owner {
	uint64_t inode;
	pid_t pid;
	int fd;
	char program[16];
};

struct ss_owners {
	struct ss_owner *rows; /* by inode; then the latest process first */
	size_t n;
};

/* What /proc lets be seen now. */
void ss_owners_read(struct ss_owners *);
/* The rows of an inode, *n of them; 0 as inode: none. */
const struct ss_owner *ss_owners_of(const struct ss_owners *, uint64_t inode,
				    size_t *n);
void ss_owners_free(struct ss_owners *);

#endif
