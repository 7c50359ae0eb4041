// SPDX-License-Identifier: BSD-2-Clause
/*
 * What programs ask of their host, in one table: of a tern stack in virtual
 * time, or of the kernel beneath in real time (lab_kernel.h). Results are
 * 0, a count or -errno; errno, options and flags have the same numbers in
 * both.
 */
#ifndef LAB_SYS_H
#define LAB_SYS_H

#include <tern/stack.h>

struct lab_host;

struct lab_sys {
	int (*socket)(struct lab_host *, int family, int type);
	int (*bind)(struct lab_host *, int s, const struct tern_sockaddr *);
	int (*listen)(struct lab_host *, int s, int backlog);
	int (*accept)(struct lab_host *, int s, struct tern_sockaddr *peer);
	int (*connect)(struct lab_host *, int s, const struct tern_sockaddr *);
	int64_t (*send)(struct lab_host *, int s, const void *, size_t n,
			int flags);
	int64_t (*send_to)(struct lab_host *, int s, const void *, size_t n,
			   const struct tern_sockaddr *);
	int64_t (*recv)(struct lab_host *, int s, void *, size_t n, int flags);
	int (*shutdown)(struct lab_host *, int s, int how);
	int (*close)(struct lab_host *, int s);
	int (*set_option)(struct lab_host *, int s, int level, int name,
			  const void *, size_t n);
	int (*get_option)(struct lab_host *, int s, int level, int name, void *,
			  size_t *n);
	int (*name)(struct lab_host *, int s, bool peer,
		    struct tern_sockaddr *);
	uint32_t (*poll)(struct lab_host *, int s);
	int (*ioctl)(struct lab_host *, int s, unsigned long request,
		     int *value);
	int (*sysctl)(struct lab_host *, const char *name, const char *value);
	/* As tern_sock_next(): at least state, addresses and protocol. */
	bool (*next)(struct lab_host *, uint64_t *cursor,
		     struct tern_sock_info *);
};

extern const struct lab_sys lab_sys_tern;

#endif
